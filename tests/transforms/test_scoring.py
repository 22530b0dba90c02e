"""Oracle: the windows of each file predicted in this process, one file after the other."""

import dataclasses

import apache_beam as beam
import numpy as np
import pytest
import soundfile
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from models.decoding import DecodeConfig
from models.isolation import IsolationConfig
from models.records import MediaFile, MediaItem, Provenance
from models.specs import AudioModelSpec, ScoresSpec
from models.windows import levels_db, window_file
from transforms.inference import InferenceConfig
from transforms.runs import Run
from transforms.scoring import ScoreMedia

DECODE = DecodeConfig()
RUN = Run(Provenance("run", "test", "1", "1", None), "digest")


@pytest.fixture(scope="module")
def write(tmp_path_factory):
    """Writes samples at 8 kHz; the MediaFile."""
    folder = tmp_path_factory.mktemp("media")

    def write_one(name, samples):
        soundfile.write(folder / f"{name}.wav", samples, 8_000, subtype="FLOAT")
        return MediaFile(MediaItem(name, str(folder / f"{name}.wav")), f"bytes of {name}")

    return write_one


@pytest.fixture(scope="module")
def noises(write):
    """Of several blocks, of several windows, and of less than one."""
    random = np.random.default_rng(9)
    lengths = {"long": 400_000, "longer": 600_001, "some": 50_000, "short": 3_000}
    return [write(name, random.uniform(-0.5, 0.5, length)) for name, length in lengths.items()]


def run_on(files, spec, check_items, check_statuses, inference=InferenceConfig()):  # noqa: B008  it is frozen
    with beam.Pipeline(FnApiRunner()) as root:
        score = ScoreMedia(spec, DECODE, IsolationConfig(), inference, RUN)
        items, statuses = root | beam.Create(files) | score
        assert_that(items, check_items, label="Items")
        assert_that(statuses, check_statuses, label="Statuses")


def cut(file, spec):
    blocks = [windows for windows, _ in window_file(file.item.uri, 8_000, spec.window, spec.hop, DECODE)]
    return np.concatenate(blocks)


def scored_as(files, model, spec):
    """A check that there is one item for each file, and what it must be."""

    def check(items):
        by_id = {each.item.media_id: each for each in items}
        assert len(by_id) == len(items) == len(files)
        for file in files:
            found, windows = by_id[file.item.media_id], cut(file, spec)
            scores, embeddings = model.predict(windows)
            assert found.item == file.item
            assert found.duration_s == soundfile.info(file.item.uri).duration
            np.testing.assert_array_equal(found.levels_db, levels_db(windows))
            for values, expected, wanted in (
                (found.scores, scores, spec.scores),
                (found.embeddings, embeddings, spec.embedding),
            ):
                assert (values is None) == (wanted is None)
                if values is not None:
                    np.testing.assert_allclose(values, expected, atol=1e-5)

    return check


def done(files):
    return [RUN.done(file, soundfile.info(file.item.uri).duration) for file in files]


@pytest.mark.parametrize("left_out", [None, "scores", "embedding"])
def test_items_are_scored_as_each_alone_in_whole(band_model, noises, left_out):
    spec = dataclasses.replace(band_model.spec, **({left_out: None} if left_out else {}))
    run_on(noises, spec, scored_as(noises, band_model, spec), equal_to(done(noises)))


def test_neither_the_size_of_batches_nor_an_accelerator_that_is_not_there_changes_anything(band_model, noises):
    inference = InferenceConfig(batch_size=3, accelerator="type:nvidia-l4;count:1;install-nvidia-driver")
    check = scored_as(noises, band_model, band_model.spec)
    run_on(noises, band_model.spec, check, equal_to(done(noises)), inference)


def test_an_accelerator_is_asked_for_where_the_model_runs_and_nowhere_else(band_model, noises):
    hinted = hints_of(band_model.spec, noises, InferenceConfig(accelerator="type:nvidia-l4;count:1"))
    assert hinted == {"ScoreMedia/InferWindows/RunInference/BeamML_RunInference": b"type:nvidia-l4;count:1"}
    assert hints_of(band_model.spec, noises, InferenceConfig()) == {}


def hints_of(spec, files, inference):
    """By step: the accelerator that its environment asks for."""
    root = beam.Pipeline(FnApiRunner())
    _ = root | beam.Create(files) | ScoreMedia(spec, DECODE, IsolationConfig(), inference, RUN)
    components = root.to_runner_api().components
    steps = [step for step in components.transforms.values() if not step.subtransforms]
    hints = {step.unique_name: components.environments[step.environment_id].resource_hints for step in steps}
    return {name: value for name, each in hints.items() for urn, value in each.items() if "accelerator" in urn}


@pytest.fixture(scope="module")
def root_model(tmp_path_factory):
    """Scores are square roots of a window's mean: NaN where that is negative."""
    import tensorflow as tf

    module = tf.Module()
    signature = [tf.TensorSpec([None, 800], tf.float32, "windows")]
    module.call = tf.function(
        lambda windows: {"root": tf.sqrt(tf.reduce_mean(windows, 1, keepdims=True))}, input_signature=signature
    )
    path = str(tmp_path_factory.mktemp("models") / "root")
    tf.saved_model.save(module, path, signatures={"serving_default": module.call})
    return AudioModelSpec("root", "saved_model", path, 8_000, 800, 800, 4, ScoresSpec(labels=("level",)))


def test_an_item_that_the_model_fails_on_has_one_status_and_no_scores(root_model, write):
    steps = np.full(800 * 40, 0.25)
    bad = steps.copy()
    bad[[800 * 3 + 5, 800 * 35 + 5]] = -500  # in the first block of 15 windows and in the third
    good, failed = write("good", steps), write("bad", bad)
    reason = "expected finite outputs for windows 0 to 14, got NaN or infinity"

    def check(items):
        (item,) = items
        assert item.item == good.item
        np.testing.assert_allclose(item.scores, np.full((40, 1), 0.5), atol=1e-6)

    statuses = [RUN.done(good, 4.0), RUN.failed(failed.item, "infer", reason, "bytes of bad")]
    run_on([good, failed], root_model, check, equal_to(statuses))


def test_a_file_that_fails_half_way_has_one_status_and_no_scores(band_model, noises, write):
    truncated = write("truncated", np.random.default_rng(1).uniform(-0.5, 0.5, 800_000))
    with open(truncated.item.uri, "r+b") as file:  # noqa: PTH123  the uri is a text
        file.truncate(800_000 * 2)
    good = noises[:1]

    def check_statuses(statuses):
        (failed,) = (status for status in statuses if status.media_id == "truncated")
        assert (failed.status, failed.step) == ("failed", "decode")
        equal_to([*done(good), failed])(statuses)

    run_on([*good, truncated], band_model.spec, scored_as(good, band_model, band_model.spec), check_statuses)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"batch_size": 0}, "batch_size must be positive, got 0"),
        ({"accelerator": "nvidia-l4"}, "accelerator must be type:NAME;count:NUMBER…, got 'nvidia-l4'"),
    ],
)
def test_a_knob_of_inference_that_cannot_be_is_an_error(knobs, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        InferenceConfig(**knobs)
