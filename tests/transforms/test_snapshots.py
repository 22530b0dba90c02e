"""Whoever crashes, and where: the index is what it was before, or what it should be after; the next run completes."""

import re
import shutil
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.io.filesystems import FileSystems
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

import transforms.snapshots
from models.constellation import Constellation
from models.index import IndexConfig, Reference
from models.records import Recording
from models.snapshots import Segment, SegmentConfig, Tombstone
from transforms.indexing import FindReplaced, PublishIndex, WriteSegments
from transforms.segments import ReadReferences, ReadTracks, open_segment
from transforms.snapshots import find_snapshot, find_version, read_snapshot

CONFIG = IndexConfig(shards=2)


class CrashError(Exception):
    """What a fault raises: nothing catches it."""


def reference_of(track_id, seed=0):
    rng = np.random.default_rng([seed, *track_id.encode()])
    cells = np.sort(rng.choice(300 * 500, 200, replace=False))
    peaks = Constellation((cells // 500).astype(np.int32), (cells % 500).astype(np.int16), 0, 300)
    return Reference(Recording(track_id, title=f"{track_id} {seed}"), f"bytes {seed}", peaks)


def add(folder, attempt, references):
    """What index_tracks does in mode add."""
    base, index = find_version(folder), find_snapshot(folder)
    kept = index.segments if index else ()
    with beam.Pipeline(FnApiRunner()) as root:
        given = root | beam.Create(references)
        segments = given | WriteSegments(folder, attempt, CONFIG, SegmentConfig())
        replaced = given | FindReplaced(folder, kept)
        _ = (segments, replaced, root | "No status" >> beam.Create([])) | PublishIndex(
            folder, attempt, CONFIG, base, kept
        )


def remove(folder, attempt, segment_id, track_id):
    """What remove_tracks does."""
    base, index = find_version(folder), read_snapshot(folder)
    with beam.Pipeline(FnApiRunner()) as root:
        segments = root | "No segment" >> beam.Create([]).with_output_types(Segment)
        tombstones = root | beam.Create([Tombstone(segment_id, track_id)])
        _ = (segments, tombstones, root | "No status" >> beam.Create([])) | PublishIndex(
            folder, attempt, CONFIG, base, index.segments
        )


def compact(folder, attempt, hours=2000):
    """What compact_index does."""
    base, index = find_version(folder), read_snapshot(folder)
    with beam.Pipeline(FnApiRunner()) as root:
        references = root | ReadTracks(folder, index.segments) | ReadReferences(folder, index.segments)
        segments = references | WriteSegments(folder, attempt, CONFIG, SegmentConfig(hours))
        nothing = root | beam.Create([])
        _ = (segments, nothing, nothing) | PublishIndex(folder, attempt, CONFIG, base, ())


CHANGES = {
    "add": lambda folder, attempt: add(folder, attempt, [reference_of("b", seed=1), reference_of("d")]),
    "remove": lambda folder, attempt: remove(folder, attempt, "one-00000", "b"),
    "compact": compact,
}
BEFORE = {"a": reference_of("a"), "b": reference_of("b"), "c": reference_of("c", seed=2)}
AFTER = {
    "add": BEFORE | {"b": reference_of("b", seed=1), "d": reference_of("d")},
    "remove": {name: each for name, each in BEFORE.items() if name != "b"},
    "compact": BEFORE,
}
WRITES = [r"postings-.*counts", r"peaks-.*levels", r"catalogue\.parquet", r"manifest\.json", r"builds/\w+\.json"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """An index of two segments; one track of the first is replaced by the second, and a segment of old is left over."""
    folder = str(tmp_path_factory.mktemp("index"))
    add(folder, "zero", [reference_of("a", seed=9)])
    compact(folder, "old")
    add(folder, "one", [reference_of("a"), reference_of("b"), reference_of("c")])
    add(folder, "two", [reference_of("c", seed=2), reference_of("gone")])
    remove(folder, "three", "two-00000", "gone")
    return folder


@pytest.fixture
def folder(written, tmp_path):
    """A fresh copy of it."""
    return str(shutil.copytree(written, tmp_path / "index"))


def read(folder):
    """All that can be found in an index, by track_id: each segment is read to its last array."""
    found = {}
    for segment in read_snapshot(folder).segments:
        open_segment.cache_clear()
        index = open_segment(folder, segment)
        index.look_up(np.arange(0, 2**22, 1013, dtype=np.uint32), max_postings=10)
        for number in np.flatnonzero(index.is_live):
            track = index.tracks[number]
            assert track.recording.track_id not in found
            found[track.recording.track_id] = track.recording, track.content, index.constellation(number)
    return found


def assert_reads(folder, references):
    found = read(folder)
    assert found.keys() == references.keys()
    for name, (recording, content, peaks) in found.items():
        assert (recording, content) == (references[name].recording, references[name].content)
        np.testing.assert_array_equal(peaks.frames, references[name].constellation.frames, strict=True)
        np.testing.assert_array_equal(peaks.bins, references[name].constellation.bins, strict=True)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_makes_the_index_what_it_should_be(folder, change):
    assert_reads(folder, BEFORE)
    CHANGES[change](folder, "four")
    assert_reads(folder, AFTER[change])


@pytest.mark.parametrize("step", [*WRITES, "rename"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_crash_before_the_instant_leaves_the_index_that_was_and_the_next_run_completes(
    folder, change, step, monkeypatch
):
    if change == "remove" and step in WRITES[:-1]:
        return  # writes no segment
    before = read_snapshot(folder)
    with monkeypatch.context() as patch:
        crash_at(step, patch)
        with pytest.raises(Exception, match="no such luck"):
            CHANGES[change](folder, "four")
    assert read_snapshot(folder) == before
    assert_reads(folder, BEFORE)

    CHANGES[change](folder, "five")
    assert_reads(folder, AFTER[change])
    assert not [name for name in builds_in(folder) if name.startswith("four")]


@pytest.mark.parametrize("change", CHANGES)
def test_a_crash_after_the_instant_leaves_the_index_that_should_be_and_the_next_run_changes_nothing(
    folder, change, monkeypatch
):
    leave_over(folder)
    with monkeypatch.context() as patch:
        patch.setattr(transforms.snapshots, "_delete", crash)
        with pytest.raises(Exception, match="no such luck"):
            CHANGES[change](folder, "four")
    assert read_snapshot(folder).attempt == "four"
    assert_reads(folder, AFTER[change])
    CHANGES[change](folder, "five")
    assert_reads(folder, AFTER[change])


def test_a_reader_of_the_snapshot_before_goes_on(folder):
    before = read_snapshot(folder)
    compact(folder, "four")
    segment = before.segments[0]
    assert len(open_segment(folder, segment).constellation(0).bins) == 200


def test_compaction_into_several_segments_holds_the_same(folder):
    compact(folder, "four", hours=300 / 31.25 / 3600)
    assert len(read_snapshot(folder).segments) > 1
    assert_reads(folder, BEFORE)


def test_a_track_that_is_added_as_it_is_changes_nothing_that_can_be_found(folder):
    add(folder, "four", [reference_of("a")])
    assert_reads(folder, BEFORE)


def test_a_segment_that_has_lost_all_its_tracks_is_no_more(folder):
    remove(folder, "four", "two-00000", "c")
    assert [segment.segment_id for segment in read_snapshot(folder).segments] == ["one-00000"]
    assert_reads(folder, {name: BEFORE[name] for name in "ab"})


def test_a_change_that_changes_nothing_publishes_nothing(folder):
    before = read_snapshot(folder)
    remove(folder, "four", "two-00000", "gone")
    add(folder, "five", [])
    assert read_snapshot(folder) == before


def test_what_was_left_over_is_deleted_by_the_next_change_and_what_the_one_before_names_is_not(folder):
    leave_over(folder)
    compact(folder, "four")
    assert builds_in(folder) == ["four-00000", "one-00000", "two-00000"]
    remove(folder, "five", "four-00000", "c")
    assert builds_in(folder) == ["four-00000"]


@pytest.mark.parametrize("where", ["{0}", "./{0}", "{0}/", "{1}", "{1}/"])
def test_an_index_is_the_same_however_its_folder_is_written(folder, where, monkeypatch):
    monkeypatch.chdir(Path(folder).parent)
    leave_over(folder)
    compact(where.format(Path(folder).name, folder), "four")
    assert builds_in(folder) == ["four-00000", "one-00000", "two-00000"]
    assert_reads(folder, BEFORE)


def leave_over(folder):
    """What a run leaves that crashed half-way."""
    for path in ("crashed-00000/postings-00000.low.npy", "crashed.json"):
        with FileSystems.create(f"{folder}/builds/{path}") as file:
            file.write(b"half of it")


def builds_in(folder):
    [found] = FileSystems.match([f"{folder}/builds/**"])
    return sorted({metadata.path.removeprefix(f"{folder}/builds/").split("/")[0] for metadata in found.metadata_list})


def crash_at(step, patch):
    if step == "rename":
        patch.setattr(FileSystems, "rename", staticmethod(crash))
        return
    create = FileSystems.create

    def create_or_crash(path, *arguments, **options):
        return crash() if re.search(step, path) else create(path, *arguments, **options)

    patch.setattr(FileSystems, "create", staticmethod(create_or_crash))


def crash(*arguments):
    raise CrashError("no such luck")
