"""Oracles: the network itself on librosa's log-mel, and invariances of what is heard."""

import re
from pathlib import Path

import keras
import librosa
import numpy as np
import pytest
import scipy.special
import soundfile
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from models.log_mel import MIN_POWER, LogMelConfig
from models.network import NetworkConfig, build_network, export_network
from models.projection import Projection

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=10)
LOG_MEL = LogMelConfig()
CONFIG = NetworkConfig()
CLASSES = 7
TEMPERATURE = 1.7
TRACKS = Path(__file__).parents[1] / "sample" / "tracks"


@pytest.fixture(scope="module")
def network():
    """Of default size, with an optimiser's state and statistics of its batches."""
    network = build_network(LOG_MEL, CONFIG, CLASSES)
    network.compile(keras.optimizers.AdamW())
    rng = np.random.default_rng(1)
    log_mels = rng.normal(-40, 15, (4, LOG_MEL.frames(CONFIG.window), LOG_MEL.bands)).astype(np.float32)
    network.optimizer.build(network.trainable_variables)
    for _ in range(3):
        network(log_mels, training=True)
    return network


@pytest.fixture(scope="module")
def projection(network):
    """Any, of the right shapes."""
    rng = np.random.default_rng(3)
    features = network.output["features"].shape[1]
    axes = rng.normal(0, 1, (features, CONFIG.embedding))
    return Projection(rng.normal(0, 1, features).astype(np.float32), axes.astype(np.float32))


@pytest.fixture(scope="module")
def saved(network, projection, tmp_path_factory):
    """The folder of the SavedModel."""
    folder = tmp_path_factory.mktemp("network") / "saved_model"
    export_network(network, LOG_MEL, CONFIG.window, TEMPERATURE, projection, str(folder))
    return folder


@pytest.fixture(scope="module")
def predict(saved):
    """What the SavedModel makes of windows."""
    serve = tf.saved_model.load(str(saved)).signatures["serving_default"]
    return lambda windows: {name: each.numpy() for name, each in serve(samples=tf.constant(windows)).items()}


@pytest.fixture(scope="module")
def windows():
    """Of two tracks, of noise, and of a tone."""
    rng = np.random.default_rng(2)
    tone = np.sin(np.arange(CONFIG.window) * 0.17)
    made = [rng.normal(0, 0.1, CONFIG.window), 0.3 * tone]
    tracks = [
        soundfile.read(TRACKS / name, CONFIG.window, 100_000, always_2d=True)[0][:, 0]
        for name in ("letter_to_ines.flac", "glass_garden.ogg")
    ]
    return np.array([*tracks, *made], np.float32)


def librosas_log_mel(samples):
    power = librosa.feature.melspectrogram(
        y=samples,
        sr=LOG_MEL.sample_rate,
        n_fft=LOG_MEL.window,
        hop_length=LOG_MEL.hop,
        n_mels=LOG_MEL.bands,
        fmin=LOG_MEL.min_hz,
        fmax=LOG_MEL.max_hz,
        center=False,
    )
    return librosa.power_to_db(power, amin=MIN_POWER, top_db=None).T


def test_the_saved_model_says_of_samples_what_the_network_says_of_librosas_log_mel(
    network, projection, predict, windows
):
    outputs = network(np.stack([librosas_log_mel(window) for window in windows]), training=False)
    predicted = predict(windows)
    scores = scipy.special.softmax(np.array(outputs["logits"]) / TEMPERATURE, axis=1)
    np.testing.assert_allclose(predicted["scores"], scores, atol=1e-4)
    embeddings = (np.array(outputs["features"]) - projection.mean) @ projection.axes
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    np.testing.assert_allclose(predicted["embedding"], embeddings, atol=1e-3)
    assert np.ptp(predicted["scores"], axis=0).max() > 0.02  # it does tell them apart


def test_scores_add_up_and_embeddings_have_unit_length(predict, windows):
    predicted = predict(windows)
    assert predicted["scores"].shape == (4, CLASSES)
    assert predicted["embedding"].shape == (4, CONFIG.embedding)
    np.testing.assert_allclose(predicted["scores"].sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(predicted["embedding"], axis=1), 1, rtol=1e-5)


@REPEATABLE
@given(st.floats(-30, 10))
def test_a_change_of_level_changes_nothing(predict, windows, gain_db):
    louder = predict(windows * np.float32(10 ** (gain_db / 20)))
    np.testing.assert_allclose(louder["scores"], predict(windows)["scores"], atol=1e-3)


def test_any_batch_gives_the_same(predict, windows):
    together = predict(windows)
    for size in (1, 3):
        parts = [predict(windows[start : start + size]) for start in range(0, len(windows), size)]
        for name, values in together.items():
            np.testing.assert_allclose(np.concatenate([part[name] for part in parts]), values, atol=1e-5)


def test_digital_silence_has_finite_scores(predict):
    predicted = predict(np.zeros((1, CONFIG.window), np.float32))
    assert all(np.isfinite(values).all() for values in predicted.values())


def test_the_saved_model_holds_the_weights_and_not_the_optimisers_state(network, saved):
    assert network.optimizer.variables  # there was some to leave out
    variables = sum(file.stat().st_size for file in (saved / "variables").iterdir())
    assert 4 * network.count_params() <= variables < 4.2 * network.count_params()
    assert sum(file.stat().st_size for file in saved.rglob("*") if file.is_file()) < 4_000_000


def test_a_seed_gives_the_weights():
    config = NetworkConfig(window=8_000, patterns=(3, 4), hidden=5)
    one, same, other = (build_network(LOG_MEL, config, 3, seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(*each) for each in zip(one, same, strict=True))
    assert not all(np.array_equal(*each) for each in zip(one, other, strict=True))


def test_what_lies_far_below_the_peak_is_not_heard():
    config = NetworkConfig(window=8_000, patterns=(3, 4), hidden=5, top_db=40)
    network = build_network(LOG_MEL, config, 3)
    log_mel = np.random.default_rng(3).uniform(-120, 0, (1, LOG_MEL.frames(8_000), LOG_MEL.bands)).astype(np.float32)
    raised = np.maximum(log_mel, log_mel.max() - 40)
    assert not np.array_equal(log_mel, raised)
    np.testing.assert_allclose(network(log_mel)["logits"], network(raised)["logits"], rtol=1e-6)
    np.testing.assert_allclose(network(log_mel - 30)["logits"], network(raised)["logits"], atol=1e-5)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"patterns": ()}, "patterns must be positive, got ()"),
        ({"window": 0}, "window must be positive, got 0"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1, got 1.0"),
        ({"top_db": 0.0}, "top_db must be positive, got 0.0"),
    ],
)
def test_a_bad_knob_is_named_with_its_value(knobs, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        NetworkConfig(**knobs)
