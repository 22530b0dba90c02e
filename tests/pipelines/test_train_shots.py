import dataclasses

import numpy as np
import pytest

from models.transition_network import read_network, run_network, write_network
from pipelines.train_shots import CUTS, GRADUAL, train


@pytest.mark.parametrize("config", [CUTS, GRADUAL])
def test_a_network_learns_what_a_measure_says(config, tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    films = []
    for _ in range(64):
        labels = (rng.random(400) < 0.1).astype(np.int64)
        measures = rng.normal(0, 1, (400, 6)).astype(np.float32)
        measures[:, 2] += 9 * labels
        films.append((measures, labels))
    network = train(films, dataclasses.replace(config, epochs=12))
    write_network(network, tmp_path / "small.npz")
    monkeypatch.setattr("models.transition_network._FOLDER", tmp_path)
    measures, labels = films[0]
    for each in (network, read_network.__wrapped__("small")):
        logits = run_network(each, measures)
        inside = labels[each.reach : len(labels) - each.reach]
        told = logits[:, 0] > 0 if config is CUTS else logits.argmax(1) == 1
        assert (told == inside).mean() > 0.97


def test_a_network_is_the_sum_of_what_it_looks_at():
    network = read_network("gradual")
    rng = np.random.default_rng(3)
    measures = rng.random((200, len(network.mean))).astype(np.float32)
    whole = run_network(network, measures)
    assert len(whole) == 200 - 2 * network.reach
    part = run_network(network, measures[50 : 50 + 2 * network.reach + 1])
    np.testing.assert_allclose(part[0], whole[50], atol=1e-4)
