"""Oracle: the model on each block alone, without Beam."""

import dataclasses
import time
from concurrent.futures import ThreadPoolExecutor

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

import transforms.inference
from models.audio_models import load_audio_model
from models.records import MediaFile, MediaItem, MediaStatus, Provenance, WindowBlock
from models.runtimes import ModelError
from models.specs import AudioModelSpec, EmbeddingSpec, ScoresSpec
from transforms.inference import InferWindows
from transforms.runs import Run

SAMPLES = 40
KERNEL = np.random.default_rng(5).normal(size=(SAMPLES, 3)).astype(np.float32)
RUN = Run(Provenance("run", "test", "1", "1", None), "digest")
NAN, RAISE = 1, 7  # in a window's first sample: what the model does with it


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    """Of a model that gives NaN for windows with one mark, and raises for those with another."""

    def call(windows):
        marks = tf.cast(windows[:, 0], tf.int32)
        factors = tf.gather(tf.constant([1.0, np.nan]), marks)  # of two marks only
        logits = windows[:, 1:] @ KERNEL[1:] * factors[:, tf.newaxis]
        return {"logits": logits, "vectors": logits[:, :2]}

    module = tf.Module()
    module.call = tf.function(call, input_signature=[tf.TensorSpec([None, SAMPLES], tf.float32, "windows")])
    path = str(tmp_path_factory.mktemp("models") / "marked")
    tf.saved_model.save(module, path, signatures={"serving_default": module.call})
    scores = ScoresSpec("logits", "softmax", labels=("a", "b", "c"))
    return AudioModelSpec("marked", "saved_model", path, 16_000, SAMPLES, SAMPLES, 4, scores, EmbeddingSpec("vectors"))


def blocks_of(name, *sizes, marks=()):
    """An item's blocks of so many windows; marks: (window, mark) of those that the model treats otherwise."""
    windows = np.random.default_rng(list(name.encode())).normal(size=(sum(sizes), SAMPLES)).astype(np.float32)
    windows[:, 0] = 0
    for window, mark in marks:
        windows[window, 0] = mark
    file = MediaFile(MediaItem(name, f"gs://bucket/{name}"), f"bytes of {name}")
    ends = np.cumsum(sizes)
    return [
        WindowBlock(file, int(end - size), windows[end - size : end], np.arange(end - size, end, dtype=np.float32))
        for end, size in zip(ends, sizes, strict=True)
    ]


def run_on(blocks, spec, check_scores, check_statuses, hints=None):
    root = beam.Pipeline(FnApiRunner())
    scores, statuses = root | beam.Create(blocks, reshuffle=False) | InferWindows(spec, RUN, hints or {})
    assert_that(scores, check_scores, label="Scores")
    assert_that(statuses, check_statuses, label="Statuses")
    result = root.run()
    result.wait_until_finish()
    counters = result.metrics().query()["counters"]
    return {(each.key.metric.namespace, each.key.metric.name): each.committed for each in counters}


def scored_as(blocks, spec):
    """A check that the scores are these blocks', and what the model gives for each alone."""
    model = load_audio_model(spec)
    predicted = [model.predict(block.windows) for block in blocks]

    def check(scores):
        by_block = {(each.file, each.first_window): each for each in scores}
        assert len(by_block) == len(scores)
        assert by_block.keys() == {(block.file, block.first_window) for block in blocks}
        for block, expected in zip(blocks, predicted, strict=True):
            found = by_block[block.file, block.first_window]
            np.testing.assert_array_equal(found.levels_db, block.levels_db)
            np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)
            np.testing.assert_allclose(found.embeddings, expected.embeddings, atol=1e-5)

    return check


def failed(name, reason):
    return MediaStatus(name, f"gs://bucket/{name}", "failed", "infer", reason, None, f"bytes of {name}", "digest")


def test_blocks_of_several_items_together_are_scored_as_each_alone(spec):
    blocks = [*blocks_of("one", 5, 5, 2), *blocks_of("two", 1), *blocks_of("none", 0), *blocks_of("long", 50, 3)]
    counters = run_on(blocks, spec, scored_as(blocks, spec), equal_to([]))
    assert counters["linernotes", "examples_inferred"] == 66


def test_an_item_that_the_model_fails_on_fails_alone(spec):
    good = [*blocks_of("one", 3, 3), *blocks_of("two", 2)]
    nans = blocks_of("nans", 2, 3, 2, marks=[(3, NAN), (6, NAN)])
    raises = blocks_of("raises", 1, 2, marks=[(1, RAISE)])
    blocks = [good[0], *nans, good[1], *raises, good[2]]

    def check_statuses(statuses):
        (raised,) = (status for status in statuses if status.media_id == "raises")
        expected = [
            failed("nans", "expected finite outputs for windows 2 to 4, got NaN or infinity"),
            failed("nans", "expected finite outputs for windows 5 to 6, got NaN or infinity"),
            failed("raises", raised.reason),
        ]
        equal_to(expected)(statuses)
        assert raised.reason.startswith("expected a prediction for windows 1 to 2, got ")
        assert "indices[0] = 7 is not in [0, 2)" in raised.reason
        assert "\n" not in raised.reason

    counters = run_on(blocks, spec, scored_as([*good, nans[0], raises[0]], spec), check_statuses)
    assert counters["linernotes", "examples_inferred"] == 8 + 2 + 1


def test_all_of_a_batch_may_fail(spec):
    reasons = [f"expected finite outputs for windows {i} to {i}, got NaN or infinity" for i in range(3)]
    blocks = blocks_of("nans", 1, 1, 1, marks=[(0, NAN), (1, NAN), (2, NAN)])
    run_on(blocks, spec, equal_to([]), equal_to([failed("nans", reason) for reason in reasons]))


def test_the_model_is_loaded_once_and_has_whole_batches(spec, monkeypatch):
    sizes = []

    def load(spec):
        model = load_audio_model(spec)
        sizes.append([])
        run = model.runtime.run
        counting = dataclasses.replace(model.runtime, run=lambda batch: sizes[-1].append(len(batch)) or run(batch))
        return dataclasses.replace(model, runtime=counting)

    monkeypatch.setattr(transforms.inference, "load_audio_model", load)
    blocks = [block for name in "abcdefgh" for block in blocks_of(name, 3, 3, 2)]
    run_on(blocks, spec, scored_as(blocks, spec), equal_to([]))
    (batches,) = sizes
    assert sum(batches) == 64
    assert batches.count(4) >= 14  # 16 would do; a batch of blocks may leave a part of one


def test_threads_of_a_process_take_turns_at_its_model():
    turns = []

    class Model:
        def predict(self, windows):
            turns.append("in")
            time.sleep(0.001)
            turns.append("out")
            return windows

    shared = transforms.inference._SharedModel(Model())
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(shared.predict, range(40))) == list(range(40))
    assert turns == ["in", "out"] * 40


def test_a_model_that_is_not_what_its_spec_says_stops_the_job(spec):
    wrong = dataclasses.replace(spec, scores=ScoresSpec("logits", labels=("a", "b")))
    with pytest.raises(Exception, match="expected as many scores as labels, 2, got 3") as raised:
        run_on(blocks_of("one", 3), wrong, equal_to([]), equal_to([]))
    assert isinstance(raised.value, ModelError) or ModelError.__name__ in str(raised.value)


def test_hints_are_of_the_inference_alone(spec):
    root = beam.Pipeline(FnApiRunner())
    hints = {"accelerator": "type:nvidia-tesla-t4;count:1;install-nvidia-driver"}
    _ = root | beam.Create(blocks_of("one", 1)) | InferWindows(spec, RUN, hints)
    components = root.to_runner_api().components
    hinted = {
        step.unique_name
        for step in components.transforms.values()
        if not step.subtransforms and components.environments[step.environment_id].resource_hints
    }
    assert hinted == {"InferWindows/RunInference/BeamML_RunInference"}
