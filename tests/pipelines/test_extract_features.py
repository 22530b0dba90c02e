"""Oracle: the undistributed computation, by librosa."""

import dataclasses
import re

import librosa
import numpy as np
import pytest
import soundfile

from models.decoding import DecodeConfig
from models.log_mel import LogMelConfig
from models.synthesis import SYNTHESIZERS, synthesize
from models.windows import levels_db, window_file
from pipelines import extract_features
from pipelines.cli import main

RATE = 16_000
EXCERPT_S = 2.5
SIZE = round(EXCERPT_S * RATE)
LOG_MEL = LogMelConfig()
TRACKS = ("fan.mp3", "rain.opus", "letter_to_ines.flac")
FAILED = {
    "broken": ("decode", "truncated"),
    "text": ("decode", "expected audio, got what FFmpeg cannot read"),
    "missing": ("read", "expected a file, found none"),
}


@pytest.fixture(scope="module")
def items(write_excerpt, sample, tmp_path_factory):
    """Sample tracks, a second of noise before silence, half a second of a track, and three that fail."""
    folder = tmp_path_factory.mktemp("media")
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, 4 * RATE) * (np.arange(4 * RATE) < RATE)
    soundfile.write(folder / "falls_silent.wav", noise, RATE)
    write_excerpt(folder / "short.wav", "letter_to_ines.flac", 5, 0.5)
    whole = (folder / "falls_silent.wav").read_bytes()
    (folder / "broken.wav").write_bytes(whole[: len(whole) * 3 // 4])
    (folder / "text.mp3").write_text("No music here. " * 1_000)
    names = {path.stem: str(path) for path in folder.iterdir()} | {"missing": str(folder / "missing.mp3")}
    return names | {name: str(sample / "tracks" / name) for name in TRACKS}


@pytest.fixture(scope="module")
def config(items, run_pipeline, write_manifest, tmp_path_factory):
    """That of run `first`, with one sound of each class."""
    folder = tmp_path_factory.mktemp("features")
    manifest = write_manifest(folder / "manifest.csv", items.items())
    config = extract_features.Config(manifest, str(folder / "tables"), synthesised=1, excerpt_s=EXCERPT_S)
    run_pipeline(extract_features, config)
    return config


@pytest.fixture(scope="module")
def features(config, rows):
    """The rows of the features by media_id."""
    return {row["media_id"]: row for row in rows(config.output, "features")}


def statuses_of(rows, output, run_id):
    return rows(output, "media_status", run_id, "extract_features")


def decode(path):
    """The first excerpt_s of a file, and how long it is."""
    blocks = list(window_file(path, RATE, SIZE, SIZE, DecodeConfig()))
    return blocks[0][0][0], blocks[-1][1] / RATE


def librosas_log_mel(samples):
    power = librosa.feature.melspectrogram(
        y=samples, sr=RATE, n_fft=1024, hop_length=400, n_mels=64, fmin=50, fmax=7_600, center=False
    )
    return librosa.power_to_db(power, amin=1e-12, top_db=None).T


def assert_features_are_of(row, samples):
    mel_db = np.frombuffer(row["mel_db"], "<f2").reshape(row["frames"], 64)
    assert row["frames"] == LOG_MEL.frames(SIZE)
    expected = np.maximum(librosas_log_mel(samples), librosas_log_mel(samples).max() - 70)
    np.testing.assert_allclose(np.maximum(mel_db, expected.max() - 70), expected, atol=0.07)  # half precision: 1/16 dB
    seconds = samples[: 2 * RATE].astype(np.float64).reshape(2, RATE)
    expected_db = 10 * np.log10(np.maximum((seconds**2).mean(axis=1), 1e-18))
    np.testing.assert_allclose(row["levels_db"], expected_db, atol=1e-3)


def test_every_item_has_one_status_and_bad_input_fails_alone(config, items, rows):
    statuses = {row["media_id"]: row for row in statuses_of(rows, config.output, "first")}
    assert len(statuses_of(rows, config.output, "first")) == len(items)
    assert statuses.keys() == items.keys()
    assert {name for name, row in statuses.items() if row["status"] == "failed"} == FAILED.keys()
    for name, (step, reason) in FAILED.items():
        assert statuses[name]["step"] == step
        assert re.search(reason, statuses[name]["reason"])
    for name in items.keys() - FAILED.keys():
        assert statuses[name]["duration_s"] == pytest.approx(decode(items[name])[1])


def test_features_of_recordings_are_those_of_the_undistributed_computation(features, items):
    recorded = {name for name, row in features.items() if row["label"] is None}
    assert recorded == items.keys() - FAILED.keys()
    for name in recorded:
        assert_features_are_of(features[name], decode(items[name])[0])


def test_a_sound_of_each_class_is_synthesised_and_its_features_are_those_of_its_samples(features):
    synthesised = {name: row["label"] for name, row in features.items() if row["label"] is not None}
    assert synthesised == {f"synthesised/{label}/0": label for label in SYNTHESIZERS}
    for name, label in synthesised.items():
        assert_features_are_of(features[name], synthesize(label, 0, EXCERPT_S, RATE))


def test_silent_seconds_have_the_level_of_silence(features):
    noisy_db, silent_db = features["falls_silent"]["levels_db"]
    assert noisy_db == pytest.approx(20 * np.log10(0.5 / np.sqrt(3)), abs=0.1)
    assert silent_db == -180
    assert levels_db(np.zeros((1, RATE), np.float32)) == silent_db


def test_a_short_recording_is_repeated(features, items):
    samples, rate = soundfile.read(items["short"], dtype="float32")
    assert len(samples) == rate // 2
    first, second, *_ = np.split(decode(items["short"])[0], 5)
    np.testing.assert_array_equal(first, second)
    assert features["short"]["frames"] == features["fan.mp3"]["frames"]


def test_an_incremental_run_extracts_nothing_again_and_keeps_what_there_is(config, features, run_pipeline, rows):
    run_pipeline(extract_features, config, "first", incremental=True)
    statuses = {row["media_id"]: row["status"] for row in statuses_of(rows, config.output, "first")}
    assert {status for name, status in statuses.items() if name not in FAILED} == {"skipped"}
    assert {row["media_id"]: row for row in rows(config.output, "features")} == features


def test_a_dry_run_synthesises_no_more_than_it_decodes(config, items, write_manifest, tmp_path, capsys):
    manifest = write_manifest(tmp_path / "manifest.csv", [("fan", items["fan.mp3"])])
    words = [f"--input={manifest}", f"--output={tmp_path}/tables", "--set=excerpt_s=1", "--set=synthesised=100000"]
    assert main(["extract_features", *words, "--dry_run"]) == 0
    assert "the first item, fan, is done" in capsys.readouterr().out
    assert not (tmp_path / "tables").exists()


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"synthesised": -1}, "synthesised must not be negative, got -1"),
        ({"excerpt_s": 0.05}, "excerpt_s must hold a window of 1024 samples, got 0.05"),
        ({"max_failed_share": 2.0}, "max_failed_share must be between 0 and 1, got 2.0"),
    ],
)
def test_a_bad_knob_is_named_with_its_value(config, knobs, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(config, **knobs)
