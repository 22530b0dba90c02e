"""Bad input: each becomes one `failed` row that says why, everything else is done, and the run ends by itself."""

import os
import re
import struct

import numpy as np
import pytest
import soundfile

from models.isolation import IsolationConfig
from pipelines import match_podcasts

RATE = 16_000
SECONDS = 8
GOOD = {"good_1.wav": "letter_to_ines", "good_2.wav": "brass_kettle"}
NOISE = np.random.default_rng(11).uniform(-0.3, 0.3, (2 * RATE, 8)).astype(np.float32)
TIMEOUT_S = 5.0  # bounds the start of the decoder's process as well

# Stands where the decoder's process finds it while it starts: a decoder that dies as real ones do.
SITECUSTOMIZE = """
import ctypes
import av

original_open = av.open

def open_or_die(file, *args, **kwargs):
    if "segfault" in str(file):
        ctypes.string_at(0)
    return original_open(file, *args, **kwargs)

av.open = open_or_die
"""

# media_id: step, and what the reason must say.
FAILED = {
    "empty": ("decode", "expected audio, got an empty file"),
    "truncated": ("decode", r"truncated: the header states 8\.00 s, got 4\.\d\d s"),
    "text": ("decode", "expected audio, got what FFmpeg cannot read"),
    "no_samples": ("decode", "holds no audio"),
    "one_sample": ("decode", r"must last 0\.1 s or more, got 0\.00006 s"),
    "hundred_hours": ("decode", r"must last 86400\.0 s or less, got 360000\.0 s"),
    "missing": ("read", r"expected a file, found none: .*/missing\.mp3"),
    "folder": ("read", "expected a file, found a folder: .*/folder"),
    "twice": ("read", "expected one item of id 'twice', got 2"),
    "not_utf8": ("read", "expected a name in UTF-8"),
    "hangs": ("decode", "no result within 5 s"),
    "crashes": ("decode", "the process died with signal SIGSEGV"),
}
DONE = {"eight_channels": 2, "telephone": 8, "good_1.wav": SECONDS, "good_2.wav": SECONDS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, write_excerpt):
    """Every kind of bad file, and good ones."""
    folder = tmp_path_factory.mktemp("media")
    (folder / "good").mkdir()
    write_excerpt(folder / "good/good_1.wav", "letter_to_ines.flac", 5, SECONDS)
    write_excerpt(folder / "good/good_2.wav", "brass_kettle.mp3", 5, SECONDS)
    good = (folder / "good/good_1.wav").read_bytes()

    (folder / "empty.mp3").touch()
    (folder / "truncated.wav").write_bytes(good[: len(good) // 2])
    (folder / "text.mp3").write_text("No music here. " * 1_000)
    soundfile.write(folder / "no_samples.wav", NOISE[:0], RATE)
    soundfile.write(folder / "one_sample.wav", NOISE[:1], RATE)
    soundfile.write(folder / "eight_channels.wav", NOISE, RATE)
    soundfile.write(folder / "telephone.wav", NOISE[:, 0], 4_000)
    soundfile.write(folder / "hundred_hours.wav", NOISE[:, 0], 8_000, subtype="PCM_U8")
    with (folder / "hundred_hours.wav").open("r+b") as file:
        file.seek(40)
        file.write(struct.pack("<I", 100 * 3_600 * 8_000))
    (folder / "folder").mkdir()
    (folder / os.fsdecode(b"good/caf\xe9\xff.wav")).write_bytes(good)
    os.mkfifo(folder / "pipe.mp3")  # nobody writes to it: who opens it waits
    (folder / "segfault.wav").write_bytes(good)
    return folder


@pytest.fixture(scope="module")
def items(folder):
    """(media_id, uri) of each, as a manifest lists them."""
    names = ["empty.mp3", "truncated.wav", "text.mp3", "no_samples.wav", "one_sample.wav", "eight_channels.wav",
             "telephone.wav", "hundred_hours.wav", "missing.mp3", "folder"]  # fmt: skip
    listed = [(name.partition(".")[0], name) for name in names]
    listed += [("twice", "good/good_1.wav"), ("good_1.wav", "good/good_1.wav"), ("twice", "good/good_2.wav")]
    listed += [("not_utf8", os.fsdecode(b"good/caf\xe9\xff.wav")), ("hangs", "pipe.mp3"), ("crashes", "segfault.wav")]
    return [*listed, ("good_2.wav", "good/good_2.wav")]


@pytest.fixture(scope="module")
def config(folder, items, run_pipeline, sample_index, write_manifest, tmp_path_factory):
    """Of the one run over all of them."""
    tables, customs = tmp_path_factory.mktemp("tables"), tmp_path_factory.mktemp("customs")
    (customs / "sitecustomize.py").write_text(SITECUSTOMIZE)
    manifest = write_manifest(folder / "episodes.csv", items)
    config = match_podcasts.Config(manifest, sample_index, str(tables), isolation=IsolationConfig(TIMEOUT_S))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(customs)
        run_pipeline(match_podcasts, config)
    return config


@pytest.fixture(scope="module")
def statuses(config, rows):
    return rows(config.output, "media_status")


@pytest.fixture(scope="module")
def pattern_config(folder, run_pipeline, sample_index, tmp_path_factory):
    """Of a run over a pattern: two good files, and one whose name is not UTF-8."""
    tables = tmp_path_factory.mktemp("tables")
    config = match_podcasts.Config(str(folder / "good/*.wav"), sample_index, str(tables))
    run_pipeline(match_podcasts, config)
    return config


def test_every_item_has_one_status(statuses, items):
    assert sorted(row["media_id"] for row in statuses) == sorted(media_id for media_id, _ in items)


@pytest.mark.parametrize("media_id", FAILED)
def test_a_bad_item_is_failed_with_step_and_reason(statuses, media_id):
    step, reason = FAILED[media_id]
    found = [row for row in statuses if row["media_id"] == media_id]
    assert len(found) == (2 if media_id == "twice" else 1)
    for row in found:
        assert (row["status"], row["step"], row["duration_s"]) == ("failed", step, None)
        assert re.search(reason, row["reason"])
        assert "Traceback" not in row["reason"]
        assert "\n" not in row["reason"]


@pytest.mark.parametrize("media_id", DONE)
def test_an_unusual_or_good_item_is_done(statuses, media_id):
    (row,) = [row for row in statuses if row["media_id"] == media_id]
    assert (row["status"], row["step"], row["reason"]) == ("done", None, None)
    assert row["duration_s"] == pytest.approx(DONE[media_id], abs=0.2)


def test_the_two_items_of_one_id_keep_their_uris(statuses, folder):
    uris = sorted(row["uri"] for row in statuses if row["media_id"] == "twice")
    assert uris == [str(folder / "good/good_1.wav"), str(folder / "good/good_2.wav")]


def test_only_the_good_items_match_and_as_without_the_bad_ones(config, pattern_config, rows):
    matches = rows(config.output, "music_matches")
    assert {row["media_id"]: row["track_id"] for row in matches} == GOOD
    assert [row["start_s"] for row in matches] == pytest.approx([0, 0], abs=1)
    assert [row["end_s"] for row in matches] == pytest.approx([SECONDS, SECONDS], abs=1)
    for table in ("music_matches", "music_usage", "rights_holder_usage"):
        assert rows(config.output, table) == rows(pattern_config.output, table)


def test_a_pattern_fails_a_name_that_is_not_utf8_and_does_the_others(pattern_config, rows, folder):
    statuses = {row["media_id"]: row for row in rows(pattern_config.output, "media_status")}
    assert {name: row["status"] for name, row in statuses.items()} == {
        r"caf\xe9\xff.wav": "failed",
        "good_1.wav": "done",
        "good_2.wav": "done",
    }
    bad = statuses[r"caf\xe9\xff.wav"]
    assert bad["uri"] == rf"{folder}/good/caf\xe9\xff.wav"
    assert (bad["step"], bad["content"]) == ("read", None)
    assert "UTF-8" in bad["reason"]
