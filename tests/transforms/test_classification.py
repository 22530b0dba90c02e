"""Oracles: models.labelling and models.policies on the tracks at hand, and what a run of all tracks would say."""

import dataclasses
import datetime

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from models.labelling import LabelConfig, label_track
from models.policies import PolicyConfig, decide_album
from models.records import (
    ClassShare,
    MediaItem,
    MediaStatus,
    Provenance,
    ScoredItem,
    TrackLabel,
    TrackSummary,
)
from models.specs import AudioModelSpec, ScoresSpec
from models.tables import to_row
from transforms.classification import DecideTracks, LabelTracks, RecallLabels
from transforms.runs import Run
from transforms.tables import WriteTables

CLASSES = ("music", "noise")
SPEC = AudioModelSpec("m", "onnx", "m.onnx", 8_000, 16_000, 8_000, scores=ScoresSpec(labels=CLASSES))
POLICY = PolicyConfig(functional_below_music=0.2)
TYPES = {"media_status": MediaStatus, "track_labels": TrackLabel}


def by(run_id, day=1):
    return Provenance(run_id, "classify_tracks", "1", "m", datetime.datetime(2026, 7, day, tzinfo=datetime.UTC))


def track(media_id, music, album=None, holder=None, artist=None):
    shares = (ClassShare("music", music, 100.0), ClassShare("noise", 1 - music, 80.0))
    label = "music" if music >= 0.5 else "noise"
    item = MediaItem(media_id, "", "Title", artist, album, None, holder)
    return TrackSummary(item, 180.0, 0.0, label, shares)


def assert_decided(summaries, recalled, provenance, expected):
    with beam.Pipeline(FnApiRunner()) as root:
        tracks = (root | "New" >> beam.Create(summaries), root | "Recalled" >> beam.Create(recalled))
        assert_that(tracks | DecideTracks(POLICY, provenance), equal_to(expected))


def test_tracks_are_labelled_as_each_alone():
    random = np.random.default_rng(6)
    items = [
        ScoredItem(MediaItem(name, "uri"), 1.0 + size, random.uniform(-90, -50, size).astype(np.float32),
                   random.uniform(size=(size, 2)).astype(np.float32), None)
        for name, size in [("a", 1), ("b", 7), ("c", 30)]
    ]  # fmt: skip
    expected = [label_track(item, CLASSES, 2.0, 1.0, LabelConfig()) for item in items]
    with beam.Pipeline(FnApiRunner()) as root:
        summaries, segments = root | beam.Create(items) | LabelTracks(SPEC, LabelConfig())
        assert_that(summaries, equal_to([summary for summary, _ in expected]), label="Summaries")
        assert_that(segments, equal_to([each for _, segments in expected for each in segments]), label="Segments")


def test_tracks_are_decided_with_those_of_their_album_and_no_others():
    albums = [
        [track("rain", 0.0, "Songs", "Ida"), track("song", 0.9, "Songs", "Ida")],
        [track("rain 2", 0.0, "Songs", "Otto"), track("rain 3", 0.1, "Songs", "Otto")],
        [track("rain 4", 0.0, "Songs", None, "Eva"), track("song 4", 0.9, "Songs", None, "Eva")],
        [track("rain 5", 0.0)],
        [track("song 5", 0.9)],
    ]
    expected = [label for album in albums for label in decide_album(album, POLICY)]
    assert_decided([summary for album in albums for summary in album], [], by("run"), expected)
    decisions = ["review", "music", "functional", "functional", "review", "music", "functional", "music"]
    assert [label.decision for label in expected] == decisions


# Tracks that are skipped


def rows_of(summaries, provenance):
    return [to_row(label, provenance) for label in decide_album(summaries, POLICY)]


RAIN, SONG, MORE = track("rain", 0.0, "Songs"), track("song", 0.9, "Songs"), track("more rain", 0.1, "Songs")


def test_company_that_comes_to_a_skipped_track_gives_it_a_new_row():
    """Whether the run wrote the old row itself or another did."""
    alone, among_songs = rows_of([RAIN], by("run"))[0], decide_album([RAIN, SONG], POLICY)
    assert (alone["decision"], among_songs[0].decision) == ("functional", "review")
    for run_id in ("earlier", "run"):
        assert_decided([SONG], rows_of([RAIN], by(run_id)), by("run", 2), among_songs)


def test_a_skipped_track_of_the_same_company_keeps_its_row_where_it_is():
    rows = rows_of([RAIN, SONG], by("run"))
    assert_decided([], rows, by("run", 2), rows)
    assert_decided([], rows, by("other", 2), [])


def test_a_new_track_is_decided_with_those_that_are_skipped():
    more, rain, song = decide_album([MORE, RAIN, SONG], POLICY)
    assert [label.album_functional_share for label in (more, rain, song)] == [0.5, 0.5, 1]
    # Of the others of the song all were rain before, too: its row stays where it is.
    assert_decided([MORE], rows_of([RAIN, SONG], by("earlier")), by("run", 2), [more, rain])


def status(media_id, content, digest="digest"):
    return MediaStatus(media_id, "uri", "done", None, None, 180.0, content, digest)


def assert_recalled(output, skipped, run, expected):
    """expected: media_id, run and music score of each row."""
    with beam.Pipeline(FnApiRunner()) as root:
        rows = root | beam.Create(skipped) | RecallLabels(output, run)
        recalled = rows | "Tell" >> beam.Map(lambda row: (row["media_id"], row["run_id"], row["music_score"]))
        assert_that(recalled, equal_to(expected))


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """Tables of three runs: the first two of the same content, the third of another or with another config."""
    output = str(tmp_path_factory.mktemp("tables"))
    for day, (run_id, music, content, digest) in enumerate(
        [("a", 0.1, "bytes", "digest"), ("b", 0.2, "bytes", "digest"), ("c", 0.3, "other", "digest"),
         ("d", 0.4, "bytes", "other")], 1
    ):  # fmt: skip
        labels = [label for name in "xyz" for label in decide_album([track(name, music)], POLICY)]
        statuses = [status(name, content, digest) for name in "xyz"]
        with beam.Pipeline(FnApiRunner()) as root:
            tables = {"media_status": root | "S" >> beam.Create(statuses), "track_labels": root | beam.Create(labels)}
            _ = tables | WriteTables(output, by(run_id, day), TYPES)
    return output


@pytest.mark.parametrize(("run_id", "expected"), [("new", ("b", 0.2)), ("a", ("a", 0.1)), ("c", ("b", 0.2))])
def test_the_row_recalled_is_the_runs_own_or_the_latest_of_the_same_content_and_config(output, run_id, expected):
    run = Run(by(run_id, 9), "digest", incremental=True)
    skipped = [status("x", "bytes"), status("z", "bytes")]
    assert_recalled(output, skipped, run, [("x", *expected), ("z", *expected)])


def test_nothing_is_recalled_of_what_was_not_done_or_by_a_run_that_skips_nothing(output):
    run = Run(by("new", 9), "digest", incremental=True)
    skipped = [status("x", "bytes"), status("w", "bytes"), status("y", "new bytes")]
    assert_recalled(output, skipped, run, [("x", "b", 0.2)])
    assert_recalled(output, skipped, dataclasses.replace(run, incremental=False), [])
    assert_recalled(f"{output}/nowhere", skipped, run, [])
