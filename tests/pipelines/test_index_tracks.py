"""Oracles: the same index built from another description of the same catalogue, and what stood there before."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest

import transforms.indexing
import transforms.tables
from models.index import Index, IndexConfig
from models.snapshots import Snapshot
from pipelines import index_tracks, match_podcasts
from transforms.segments import open_segment
from transforms.snapshots import read_snapshot, segment_folder


def segments_of(config):
    """The folders of the index's segments."""
    snapshot = read_snapshot(config.index)
    return [Path(segment_folder(config.index, segment.segment_id)) for segment in snapshot.segments]


def catalogue_of(config):
    return [track.recording for folder in segments_of(config) for track in Index(str(folder)).tracks]


def postings_of(config):
    """All postings in order of hash and place, whatever the shards: shards are ranges of hashes."""
    (build,) = segments_of(config)
    return {
        name: np.concatenate([np.load(path) for path in sorted(build.glob(f"postings-*.{name}.npy"))])
        for name in ("counts", "low", "places")
    }


def peaks_of(config):
    (build,) = segments_of(config)
    return {path.name: np.load(path) for path in build.glob("peaks-*.npy")}


@pytest.fixture(scope="module")
def expected(sample_indexes):
    """The index of the CSV manifest, in four shards."""
    return sample_indexes["csv"]


def test_the_index_holds_what_the_manifest_says_of_each_track(expected, sample):
    with (sample / "tracks.csv").open() as file:
        manifest = {row["media_id"]: row for row in csv.DictReader(file)}
    recordings = catalogue_of(expected)
    assert [each.track_id for each in recordings] == sorted(manifest)
    for each in recordings:
        row = manifest[each.track_id]
        assert (each.title, each.artist) == (row["title"], row["artist"])
        assert (each.isrc, each.rights_holder) == (row["isrc"], row["rights_holder"])
    assert len(postings_of(expected)["places"]) > 10_000


def test_every_track_has_one_status(expected, rows):
    statuses = rows(expected.output, "media_status", "first", "index_tracks")
    assert [row["media_id"] for row in statuses] == [each.track_id for each in catalogue_of(expected)]
    assert {row["status"] for row in statuses} == {"done"}
    assert {row["pipeline"] for row in statuses} == {"index_tracks"}


@pytest.mark.parametrize(
    ("name", "shards"), [("jsonl, last track first, 5 shards", 5), ("parquet, 1 shard", 1), ("pattern", 4)]
)
def test_order_format_and_shards_change_no_posting_and_no_peak(sample_indexes, expected, name, shards):
    other = sample_indexes[name]
    assert len(list(segments_of(other)[0].glob("postings-*.places.npy"))) == shards
    np.testing.assert_equal(postings_of(other), postings_of(expected))
    np.testing.assert_equal(peaks_of(other), peaks_of(expected))


def test_manifests_of_every_format_give_the_same_catalogue(sample_indexes, expected):
    for name in ("jsonl, last track first, 5 shards", "parquet, 1 shard"):
        assert catalogue_of(sample_indexes[name]) == catalogue_of(expected)


def test_tracks_of_a_pattern_are_named_by_their_paths(sample_indexes, sample):
    recordings = catalogue_of(sample_indexes["pattern"])
    assert [each.track_id for each in recordings] == sorted(path.name for path in (sample / "tracks").iterdir())
    assert all(each.title is each.rights_holder is None for each in recordings)


# Builds


@dataclasses.dataclass(frozen=True)
class Moment:
    """What there is after a run."""

    attempt: str
    current: Snapshot
    builds: set[str]  # attempts that left a whole segment
    tracks: list[str]
    postings: dict[str, np.ndarray]
    statuses: list[dict]


@pytest.fixture(scope="module")
def history(run_pipeline, rows, write_manifest, sample, tmp_path_factory):
    """What there is after each of these runs: first, second, crashed, third (incremental), failed (half its tracks)."""
    folder = tmp_path_factory.mktemp("history")
    tracks = str(sample / "tracks/[fw]*.mp3")
    config = index_tracks.Config(tracks, str(folder / "index"), str(folder / "tables"))
    items = [("fan", str(sample / "tracks/fan.mp3")), ("missing", "missing.mp3")]
    half = dataclasses.replace(config, input=write_manifest(folder / "tracks.csv", items))

    def look(attempt=""):
        return Moment(
            attempt,
            read_snapshot(config.index),
            {path.parent.name.partition("-")[0] for path in Path(config.index).glob("builds/*/manifest.json")},
            [each.track_id for each in catalogue_of(config)],
            postings_of(config),
            rows(config.output, "media_status", processed_at=True),
        )

    moments = {name: look(run_pipeline(index_tracks, config).attempt) for name in ("first", "second")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transforms.indexing, "encode_shard", crash)
        with pytest.raises(RuntimeError, match="out of luck"):
            run_pipeline(index_tracks, config)
    moments["crashed"] = look()
    moments["third"] = look(run_pipeline(index_tracks, config, incremental=True).attempt)
    moments["failed"] = look(run_pipeline(index_tracks, half).attempt)
    return moments


def test_a_rebuild_replaces_the_index_and_keeps_the_build_before(history):
    first, second, third = (history[name] for name in ("first", "second", "third"))
    assert [each.current.attempt for each in (first, second, third)] == [first.attempt, second.attempt, third.attempt]
    assert len({first.attempt, second.attempt, third.attempt}) == 3
    assert first.builds == {first.attempt}
    assert second.builds == {first.attempt, second.attempt}
    assert third.builds == {second.attempt, third.attempt}
    assert first.tracks == second.tracks == third.tracks == ["fan.mp3", "white_noise.mp3"]


def test_an_incremental_rebuild_fingerprints_nothing_again_and_gives_the_same_postings(history):
    assert {row["status"] for row in history["second"].statuses} == {"done"}
    assert {row["status"] for row in history["third"].statuses} == {"skipped"}
    np.testing.assert_equal(history["third"].postings, history["second"].postings)


def test_a_crashed_build_leaves_the_index_as_it_was(history):
    before, after = history["second"], history["crashed"]
    assert (after.current, after.builds, after.tracks) == (before.current, before.builds, before.tracks)


def test_a_crashed_build_leaves_the_statuses_as_they_were(history):
    assert history["crashed"].statuses == history["second"].statuses


def test_nothing_is_published_when_too_many_tracks_failed_but_the_table_says_which(history):
    before, after = history["third"], history["failed"]
    assert (after.current, after.tracks) == (before.current, before.tracks)
    assert {row["media_id"]: row["status"] for row in after.statuses} == {"fan": "done", "missing": "failed"}


def crash(*args):
    raise RuntimeError("out of luck")


def test_matching_without_an_index_is_an_error_before_any_work(sample, run_pipeline, tmp_path):
    config = match_podcasts.Config(str(sample / "episodes.csv"), str(tmp_path / "index"), str(tmp_path / "tables"))
    with pytest.raises(ValueError, match=r"index .*/index: expected an index built by index_tracks"):
        run_pipeline(match_podcasts, config)
    assert list(tmp_path.iterdir()) == []


# Adding


@dataclasses.dataclass(frozen=True)
class Added:
    """An index before and after tracks were added."""

    config: index_tracks.Config
    before: dict[Path, bytes]  # the files of its segments
    statuses: dict[str, str]


COLUMNS = ("media_id", "uri", "title", "rights_holder")


@pytest.fixture(scope="module")
def added(run_pipeline, rows, write_manifest, sample, tmp_path_factory):
    """An index of three tracks, to which a new one, two old ones and one that is missing were added.

    Of the old ones one says something new of its rights, and one has other bytes under its id.
    """
    folder = tmp_path_factory.mktemp("added")
    fan, rain, noise = (str(sample / "tracks" / name) for name in ("fan.mp3", "rain.opus", "white_noise.mp3"))
    first = write_manifest(folder / "first.csv", [("fan", fan), ("noise", noise), ("same", noise)])
    listed = [("fan", fan, "Fan", "New Owner"), ("noise", rain), ("same", noise), ("new", rain), ("missing", "no.mp3")]
    second = write_manifest(folder / "second.csv", [[*each, "", ""][:4] for each in listed], COLUMNS)
    config = index_tracks.Config(first, str(folder / "index"), str(folder / "tables"), max_failed_share=0.2)
    run_pipeline(index_tracks, config)
    before = {path: path.read_bytes() for path in Path(config.index, "builds").glob("*/*")}
    config = dataclasses.replace(config, input=second, mode="add")
    run_pipeline(index_tracks, config, "second")
    statuses = rows(config.output, "media_status", "second", "index_tracks")
    return Added(config, before, {row["media_id"]: row["status"] for row in statuses})


def test_adding_leaves_what_was_written_as_it_is(added):
    assert {path: path.read_bytes() for path in added.before} == added.before
    assert len(read_snapshot(added.config.index).segments) == 2


def test_an_added_track_replaces_the_one_of_its_id_and_what_has_not_changed_is_passed_over(added):
    first, second = read_snapshot(added.config.index).segments
    assert (first.tracks, first.removed) == (3, ("fan", "noise"))
    tracks = open_segment(added.config.index, second).tracks
    assert [track.recording.track_id for track in tracks] == ["fan", "new", "noise"]
    assert (tracks[0].recording.title, tracks[0].recording.rights_holder) == ("Fan", "New Owner")
    assert tracks[1].content == tracks[2].content
    done = {"new": "done", "noise": "done", "missing": "failed"}
    assert added.statuses == {"fan": "skipped", "same": "skipped", **done}


def test_adding_the_same_again_changes_nothing(added, run_pipeline, rows):
    before = read_snapshot(added.config.index)
    run_pipeline(index_tracks, added.config, "again")
    assert read_snapshot(added.config.index) == before
    statuses = {row["status"] for row in rows(added.config.output, "media_status", "again", "index_tracks")}
    assert statuses == {"skipped", "failed"}


def test_tracks_of_other_parameters_are_refused(added, run_pipeline):
    config = dataclasses.replace(added.config, reference=IndexConfig(shards=7))
    with pytest.raises(ValueError, match="built with shards 4, the config has 7: change the config or build it again"):
        run_pipeline(index_tracks, config)


def test_a_mode_that_is_none_is_refused():
    with pytest.raises(ValueError, match="mode must be rebuild or add, got 'append'"):
        index_tracks.Config("a.csv", "index", "tables", mode="append")


def test_a_crash_of_the_tables_leaves_an_index_to_which_the_same_run_adds_nothing(
    run_pipeline, rows, write_manifest, sample, tmp_path, monkeypatch
):
    manifest = write_manifest(tmp_path / "tracks.csv", [("fan", str(sample / "tracks/fan.mp3"))])
    config = index_tracks.Config(manifest, str(tmp_path / "index"), str(tmp_path / "tables"), mode="add")
    with monkeypatch.context() as patch:
        patch.setattr(transforms.tables, "commit", crash)
        with pytest.raises(RuntimeError, match="out of luck"):
            run_pipeline(index_tracks, config)
    published = read_snapshot(config.index)
    assert [segment.tracks for segment in published.segments] == [1]
    run_pipeline(index_tracks, config)
    assert read_snapshot(config.index) == published
    assert [row["status"] for row in rows(config.output, "media_status", "first", "index_tracks")] == ["skipped"]


def test_a_rebuild_replaces_an_index_of_another_format_and_adding_to_it_is_refused(run_pipeline, sample, tmp_path):
    config = index_tracks.Config(str(sample / "tracks/fan.mp3"), str(tmp_path / "index"), str(tmp_path / "tables"))
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "current.json").write_text('{"build": "b1", "replaced": null}')
    with pytest.raises(ValueError, match=r"format_version must be .*, got None: build the index again"):
        run_pipeline(index_tracks, dataclasses.replace(config, mode="add"))
    run_pipeline(index_tracks, config)
    assert [segment.tracks for segment in read_snapshot(config.index).segments] == [1]
