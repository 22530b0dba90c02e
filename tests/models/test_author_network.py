"""Oracles: numpy.interp for bins, and the network itself for what is written of it."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.author_network import (
    AuthorNetworkConfig,
    PiecewiseLinear,
    build_author_network,
    export_author_networks,
    find_bins,
    score_pairs,
    train_author_network,
)
from models.runtimes import open_runtime

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=20)
CONFIG = AuthorNetworkConfig(bins=4, hidden=(8,), members=2, dropout=0.0, epochs=20, batch_size=32, learning_rate=0.02)
RANDOM = np.random.default_rng(4)
FEATURES = np.stack([RANDOM.random(200), np.round(RANDOM.random(200)), np.zeros(200)], 1).astype(np.float32)
LABELS = (FEATURES[:, 0] > 0.5) ^ (FEATURES[:, 1] > 0.5)


@pytest.fixture(scope="module")
def network():
    network = build_author_network(FEATURES, CONFIG)
    train_author_network(network, FEATURES, LABELS, CONFIG)
    return network


@REPEATABLE
@given(st.lists(st.floats(-2, 2, width=32), min_size=1, max_size=5))
def test_bins_are_filled_one_after_the_other(values):
    edges = np.array([-1.0, -0.5, 0.25, 1.0])
    layer = PiecewiseLinear(edges[None, :-1], edges[None, 1:])
    found = np.asarray(layer(np.array(values, np.float32)[:, None]))
    np.testing.assert_allclose(found.sum(axis=1), np.interp(values, edges, [0, 1, 2, 3]), atol=1e-5)
    assert (np.diff(found, axis=1) <= 1e-6).all()


def test_bins_hold_equally_many_values_and_of_one_value_there_are_none():
    low, high = find_bins(FEATURES, 4)
    np.testing.assert_allclose(low[0], np.quantile(FEATURES[:, 0], [0, 0.25, 0.5, 0.75]), atol=1e-6)
    np.testing.assert_array_equal(low[0][1:], high[0][:-1])
    assert (low[2], high[2]) == (pytest.approx(np.zeros(4)), pytest.approx(np.zeros(4)))
    assert not np.asarray(PiecewiseLinear(low, high)(np.zeros((1, 3), np.float32)))[0, 8:].any()


def test_it_learns_what_no_line_divides(network):
    assert np.mean((score_pairs(network, FEATURES) > 0.5) == LABELS) > 0.9


def test_the_same_seed_trains_the_same_network(network):
    again = build_author_network(FEATURES, CONFIG)
    train_author_network(again, FEATURES, LABELS, CONFIG)
    np.testing.assert_array_equal(score_pairs(again, FEATURES), score_pairs(network, FEATURES))


def test_what_is_written_gives_the_logits_of_all_members(network, tmp_path):
    other = build_author_network(FEATURES, CONFIG, seed=2)
    export_author_networks([network, other], str(tmp_path / "both"))
    (logits,) = open_runtime("saved_model", str(tmp_path / "both")).predict(FEATURES).values()
    assert logits.shape == (200, 4)
    for each, columns in ((network, logits[:, :2]), (other, logits[:, 2:])):
        np.testing.assert_allclose(1 / (1 + np.exp(-columns.mean(axis=1))), score_pairs(each, FEATURES), atol=1e-5)


def test_nothing_is_scored_nothing(network):
    assert score_pairs(network, FEATURES[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"members": 0}, "members must be positive, got 0"),
        ({"hidden": (8, 0)}, r"hidden must be positive, got \(8, 0\)"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1, got 1.0"),
        ({"negatives": 0.0}, "negatives must be above 0 and at most 1, got 0.0"),
    ],
)
def test_a_knob_that_cannot_be_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(CONFIG, **changes)
