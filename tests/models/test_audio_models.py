"""Oracles: the same arithmetic in NumPy and SciPy on what the model itself gives."""

import dataclasses
import re

import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from models.audio_models import load_audio_model
from models.runtimes import ModelError
from models.specs import AudioModelSpec, EmbeddingSpec, ScoresSpec

SAMPLES = 40
LABELS = ("Speech", "Music", "Rain", "White noise", "Silence")
KERNEL = np.random.default_rng(5).normal(size=(SAMPLES, len(LABELS))).astype(np.float32)
WINDOWS = np.random.default_rng(6).normal(size=(11, SAMPLES)).astype(np.float32)
LOGITS = WINDOWS @ KERNEL
CLASSES = {"noise": ("White noise", "Rain"), "music": ("Music",)}
SCORES = ScoresSpec("logits", "softmax", labels=LABELS)


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    """Of a model with several outputs: logits, two of them as an embedding, and what is neither."""

    def call(windows):
        logits = windows @ KERNEL
        vectors = tf.reshape(logits[:, :2], (-1, 1, 2))
        return {"logits": logits, "vectors": vectors, "frames": tf.stack([logits, logits], 1), "level": logits[:, 0]}

    module = tf.Module()
    module.call = tf.function(call, input_signature=[tf.TensorSpec([None, SAMPLES], tf.float32, "windows")])
    path = str(tmp_path_factory.mktemp("models") / "several")
    tf.saved_model.save(module, path, signatures={"serving_default": module.call})
    return AudioModelSpec("several", "saved_model", path, 16_000, SAMPLES, SAMPLES, 4, SCORES, EmbeddingSpec("vectors"))


def test_scores_and_embeddings_are_the_networks_own(spec):
    model = load_audio_model(spec)
    predictions = model.predict(WINDOWS)
    assert model.classes == LABELS
    np.testing.assert_allclose(predictions.scores, scipy.special.softmax(LOGITS, axis=1), atol=1e-6)
    np.testing.assert_allclose(predictions.embeddings, LOGITS[:, :2], atol=1e-5)
    assert {predictions.scores.dtype, predictions.embeddings.dtype} == {np.dtype(np.float32)}


@pytest.mark.parametrize("batch_size", [1, 3, 11, 12])
def test_the_size_of_batches_changes_nothing_but_how_many_windows_run_at_once(spec, monkeypatch, batch_size):
    whole = load_audio_model(spec).predict(WINDOWS)
    model = load_audio_model(dataclasses.replace(spec, batch_size=batch_size))
    sizes, predict = [], model.runtime.predict
    object.__setattr__(model.runtime, "predict", lambda batch: sizes.append(len(batch)) or predict(batch))
    parts = model.predict(WINDOWS)
    np.testing.assert_allclose(parts.scores, whole.scores, atol=1e-6)
    np.testing.assert_allclose(parts.embeddings, whole.embeddings, atol=1e-5)
    assert (max(sizes), sum(sizes)) == (min(batch_size, 11), 11)


@pytest.mark.parametrize(
    ("activation", "temperature", "expected"),
    [
        ("none", 1.0, LOGITS),
        ("sigmoid", 1.0, scipy.special.expit(LOGITS)),
        ("sigmoid", 2.5, scipy.special.expit(LOGITS / 2.5)),
        ("softmax", 0.5, scipy.special.softmax(LOGITS / 0.5, axis=1)),
    ],
)
def test_the_temperature_divides_what_is_activated(spec, activation, temperature, expected):
    scores = dataclasses.replace(SCORES, activation=activation, temperature=temperature)
    predicted = load_audio_model(dataclasses.replace(spec, scores=scores)).predict(WINDOWS).scores
    np.testing.assert_allclose(predicted, expected, atol=1e-5)


@pytest.mark.parametrize(("pooling", "pool"), [("max", np.maximum), ("sum", np.add)])
def test_classes_pool_the_probabilities_of_their_labels_in_their_own_order(spec, pooling, pool):
    scores = dataclasses.replace(SCORES, classes=CLASSES, pooling=pooling)
    model = load_audio_model(dataclasses.replace(spec, scores=scores))
    probabilities = scipy.special.softmax(LOGITS, axis=1)
    expected = np.stack([pool(probabilities[:, 3], probabilities[:, 2]), probabilities[:, 1]], axis=1)
    assert model.classes == ("noise", "music")
    np.testing.assert_allclose(model.predict(WINDOWS).scores, expected, atol=1e-6)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_logits_of_any_size_give_probabilities(spec, activation):
    model = load_audio_model(dataclasses.replace(spec, scores=dataclasses.replace(SCORES, activation=activation)))
    scores = model.predict(WINDOWS * np.float32(1e30)).scores
    assert np.isfinite(scores).all()
    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize("activation", ["none", "softmax", "sigmoid"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("classes", [None, CLASSES])
def test_a_window_with_a_raw_score_that_is_not_finite_has_nan_and_the_others_have_not(spec, activation, value, classes):
    scores = dataclasses.replace(SCORES, activation=activation, classes=classes)
    model = load_audio_model(dataclasses.replace(spec, scores=scores))
    windows = WINDOWS.copy()
    windows[5, 0] = value
    predicted, whole = model.predict(windows).scores, model.predict(WINDOWS).scores
    assert np.isnan(predicted[5]).all()
    np.testing.assert_allclose(np.delete(predicted, 5, 0), np.delete(whole, 5, 0), atol=1e-6)


def test_no_windows_give_arrays_without_rows(spec):
    predictions = load_audio_model(spec).predict(WINDOWS[:0])
    assert (predictions.scores.shape, predictions.embeddings.shape) == ((0, 5), (0, 2))
    scores = dataclasses.replace(SCORES, classes=CLASSES)
    assert load_audio_model(dataclasses.replace(spec, scores=scores)).predict(WINDOWS[:0]).scores.shape == (0, 2)


def test_what_the_spec_does_not_ask_for_is_none(spec):
    assert load_audio_model(dataclasses.replace(spec, embedding=None)).predict(WINDOWS).embeddings is None
    model = load_audio_model(dataclasses.replace(spec, scores=None))
    assert (model.predict(WINDOWS).scores, model.predict(WINDOWS[:0]).scores, model.classes) == (None, None, ())


def test_an_output_of_one_number_a_window_is_one_score(spec):
    scores = ScoresSpec("level", labels=("Speech",))
    predicted = load_audio_model(dataclasses.replace(spec, scores=scores)).predict(WINDOWS).scores
    np.testing.assert_allclose(predicted, LOGITS[:, :1], atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"window": 41, "hop": 41},
            "expected an input for examples of shape [41], any number or 1 at once, got [any, 40]",
        ),
        ({"scores": ScoresSpec("logits", labels=LABELS[:4])}, "expected as many scores as labels, 4, got 5"),
        ({"scores": ScoresSpec("logit", labels=LABELS)}, "scores.output: no output 'logit'; did you mean 'logits'?"),
        (
            {"scores": ScoresSpec(labels=LABELS)},
            "expected scores.output to name one of frames, level, logits, vectors, got none",
        ),
        ({"embedding": EmbeddingSpec("vector")}, "embedding.output: no output 'vector'; did you mean 'vectors'?"),
        (
            {"embedding": EmbeddingSpec()},
            "expected embedding.output to name one of frames, level, logits, vectors, got none",
        ),
    ],
)
def test_a_model_that_is_not_what_its_spec_says_is_an_error_when_it_is_loaded(spec, changes, message):
    with pytest.raises(ModelError, match=f"^{re.escape(f'{spec.path}: {message}')}$"):
        load_audio_model(dataclasses.replace(spec, **changes))


def test_what_a_model_does_not_say_of_itself_is_an_error_at_its_first_windows(spec):
    two = load_audio_model(dataclasses.replace(spec, scores=ScoresSpec("level", labels=LABELS[:2])))
    with pytest.raises(ModelError, match=r"expected as many scores as labels, 2, got 1$"):
        two.predict(WINDOWS)
    frames = load_audio_model(dataclasses.replace(spec, embedding=EmbeddingSpec("frames")))
    with pytest.raises(ModelError, match=r"expected a vector for each of 4 windows in output 'frames', got shape \[4,"):
        frames.predict(WINDOWS)
