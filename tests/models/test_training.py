"""Oracles: the same training again, the loss by Keras outside of training, and one window at a time."""

import re

import keras
import numpy as np
import pytest

from models.augmentation import AugmentConfig
from models.examples import DrawConfig, Examples, Recording
from models.log_mel import LogMelConfig
from models.network import NetworkConfig, build_network
from models.training import TrainingConfig, predict, train_network

LOG_MEL = LogMelConfig(sample_rate=8_000, window=512, hop=200, bands=20, max_hz=3_900)
NETWORK = NetworkConfig(window=4_000, patterns=(4, 6), hidden=8, dropout=0.1)
CLASSES = ("music", "noise")
FRAMES = LOG_MEL.frames(NETWORK.window)


def recording(label, seed):
    """Noise in all bands at once, or a band at a time."""
    rng = np.random.default_rng(seed)
    mel = rng.gamma(4, 0.25, (200, LOG_MEL.bands)).astype(np.float32)
    if label == "music":
        mel *= np.eye(LOG_MEL.bands, dtype=np.float32)[rng.integers(0, LOG_MEL.bands, 20)].repeat(10, axis=0) + 1e-3
    return Recording(f"{label} {seed}", label, f"source {seed % 2}", f"{label} {seed}", mel, np.zeros(5, np.float32))


def draw(seed=1):
    recordings = [recording(label, seed) for label in CLASSES for seed in range(4)]
    return Examples(
        recordings,
        CLASSES,
        FRAMES,
        DrawConfig(dict.fromkeys(CLASSES, 1.0), (), augment=AugmentConfig(mask_frames=6)),
        seed,
    )


def train(config, seed=1):
    """The network and the losses."""
    network, losses = build_network(LOG_MEL, NETWORK, len(CLASSES), seed), []
    train_network(network, draw(seed), config, losses.append)
    return network, losses


CONFIG = TrainingConfig(steps=120, batch_size=8, learning_rate=5e-3)


@pytest.fixture(scope="module")
def trained():
    """A network trained by CONFIG, and the losses."""
    return train(CONFIG)


def test_what_is_told_apart_by_ear_is_told_apart_after_some_steps(trained):
    network, losses = trained
    assert len(losses) == CONFIG.steps
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])
    for label in CLASSES:
        logits = predict(network, recording(label, 77).mel, range(0, 120, 40), FRAMES)["logits"]
        assert (logits.argmax(axis=1) == CLASSES.index(label)).all()


def test_a_seed_gives_the_weights_bit_for_bit(trained):
    (network, losses), (again, same_losses) = trained, train(CONFIG)
    assert losses == same_losses
    assert all(np.array_equal(*each) for each in zip(network.get_weights(), again.get_weights(), strict=True))


def test_whoever_watches_sees_the_loss_of_each_step():
    """A network of the same seed drops out the same, and one that does not learn has nothing but that to show."""
    (network, twin), seen = (build_network(LOG_MEL, NETWORK, len(CLASSES)) for _ in range(2)), []
    config = TrainingConfig(steps=3, batch_size=8, learning_rate=0.0, weight_decay=0.0, label_smoothing=0.1)
    train_network(network, draw(), config, seen.append)
    loss, again = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1), draw()
    for each in seen:
        windows, labels = again.batch(8)
        views = np.array(twin(windows, training=True)["views"])
        truth = np.eye(len(CLASSES), dtype=np.float32)[labels]
        expected = np.mean([loss(truth, views[:, view]) for view in range(views.shape[1])])
        assert each == pytest.approx(expected, rel=1e-4)


def test_the_learning_rate_rises_for_a_twentieth_of_the_steps_and_falls_to_nothing(trained):
    network, _ = trained
    rates = [float(network.optimizer._learning_rate(step)) for step in range(121)]
    assert rates[0] == pytest.approx(5e-4)
    assert np.argmax(rates) == 6
    assert max(rates) == pytest.approx(5e-3)
    assert (np.diff(rates[6:]) < 0).all()
    assert rates[120] == pytest.approx(0, abs=1e-9)


def test_what_is_said_of_windows_is_what_is_said_of_each_alone_whatever_its_level(trained):
    network, _ = trained
    mel = recording("music", 5).mel
    together = predict(network, mel, [0, 30, 100], FRAMES)
    assert together.keys() == {"logits", "views", "features"}
    for number, start in enumerate([0, 30, 100]):
        alone = predict(network, mel[start : start + FRAMES] * np.float32(1e-3), [0], FRAMES)
        for name, values in together.items():
            np.testing.assert_allclose(alone[name][0], values[number], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"steps": 0}, "steps must be positive, got 0"),
        ({"learning_rate": -1.0}, "learning_rate must not be negative, got -1.0"),
        ({"label_smoothing": 1.0}, "label_smoothing must be at least 0 and below 1, got 1.0"),
    ],
)
def test_a_bad_knob_is_named_with_its_value(knobs, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        TrainingConfig(**knobs)
