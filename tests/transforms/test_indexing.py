"""What is published is what models.index encodes, at one instant; what fails leaves the index that was."""

import dataclasses
import itertools
import json
import re
import shutil
from collections import defaultdict
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.io.filesystems import FileSystems
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

import models.index
import transforms.segments
import transforms.snapshots
from models.constellation import Constellation
from models.index import (
    Index,
    IndexConfig,
    Reference,
    Track,
    encode_bucket,
    encode_shard,
    lay_out,
    make_manifest,
    read_manifest,
    split_postings,
)
from models.landmarks import LandmarkConfig, pair_peaks
from models.records import MediaStatus, Recording
from models.snapshots import SegmentConfig, choose_segment, count_segments
from transforms.indexing import PublishIndex, WriteSegments
from transforms.segments import open_segment
from transforms.snapshots import find_snapshot, find_version, publish, read_bytes, read_snapshot, segment_folder

CONFIG = IndexConfig(shards=2)
FIRST = 3  # seed


class CrashError(Exception):
    """What a fault raises: nothing catches it."""


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A folder with an index in it: build b1, of catalogue_of(FIRST)."""
    folder = tmp_path_factory.mktemp("index")
    write(folder, "b1", catalogue_of(FIRST))
    return folder


@pytest.fixture
def folder(published, tmp_path):
    """A fresh copy of it."""
    return shutil.copytree(published, tmp_path / "index")


@pytest.mark.parametrize(("seed", "shards", "hours"), [(1, 1, 2000), (2, 3, 0.01)])
def test_the_segments_are_what_their_model_encodes(tmp_path, seed, shards, hours, monkeypatch):
    monkeypatch.setattr(models.index, "BUCKET_TRACKS", 3)  # so that there are several
    config = IndexConfig(landmarks=LandmarkConfig(fan_out=3), shards=shards)
    catalogue = catalogue_of(seed)
    write(tmp_path, "b1", catalogue, config, hours=hours)
    dealt = deal(catalogue, config, hours)
    snapshot = read_snapshot(str(tmp_path))
    assert (snapshot.attempt, snapshot.config) == ("b1", config)
    assert len(snapshot.segments) == len(dealt) == (1 if hours == 2000 else 2)

    for segment, part in zip(snapshot.segments, dealt.values(), strict=True):
        tracks, arrays = encode(part, config)
        assert (segment.tracks, segment.frames) == (len(tracks), sum(track.frames for track in tracks))
        folder = Path(segment_folder(str(tmp_path), segment.segment_id))
        assert sorted(path.name for path in folder.glob("*.npy")) == sorted(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(np.load(folder / name), array, strict=True)

        index = open_segment(str(tmp_path), segment)
        assert index.manifest == read_manifest(make_manifest(config, tracks))
        assert (index.config, index.tracks, index.digest) == (config, tracks, segment.digest)
        for number, track in enumerate(index.tracks):
            found, given = index.constellation(number), catalogue[track.recording.track_id]
            np.testing.assert_array_equal(found.frames, given.frames, strict=True)
            np.testing.assert_array_equal(found.bins, given.bins, strict=True)
            assert found.end_frame == given.end_frame


def test_no_tracks_at_all_make_an_index_of_no_segments(tmp_path):
    write(tmp_path, "b1", {})
    assert read_snapshot(str(tmp_path)).segments == ()


def test_an_index_is_read_only_where_it_is_needed_from_elsewhere(tmp_path, monkeypatch):
    """A store that is not local: copies are made file by file, and go with the segment."""
    catalogue = catalogue_of(1)
    write(tmp_path, "b1", catalogue, hours=0.01)
    first, second = read_snapshot(str(tmp_path)).segments
    read = []
    monkeypatch.setattr(transforms.segments, "is_local", lambda path: False)
    monkeypatch.setattr(transforms.segments, "read_bytes", lambda path: read.append(path) or read_bytes(path))
    index = open_segment(str(tmp_path), first)
    assert [Path(path).name for path in read] == ["manifest.json", "catalogue.parquet"]
    assert_whole(index, catalogue)
    copies = index.folder
    assert sorted(path.name for path in copies.iterdir()) == sorted(Path(path).name for path in read)
    assert open_segment(str(tmp_path), first) is index

    del index
    assert_whole(open_segment(str(tmp_path), second), catalogue)
    assert not copies.exists()


@pytest.mark.parametrize("file", [r"peaks-00000\.levels\.npy", r"manifest\.json", r"builds/b2\.json"])
def test_a_crash_in_the_middle_of_a_build_leaves_the_index_that_was(folder, file, monkeypatch):
    create = FileSystems.create

    def create_or_crash(path, *arguments, **options):
        return crash() if re.search(file, path) else create(path, *arguments, **options)

    monkeypatch.setattr(FileSystems, "create", staticmethod(create_or_crash))
    with pytest.raises(Exception, match="no such luck"):
        write(folder, "b2", catalogue_of(seed=4))
    assert list(folder.glob("builds/b2*"))
    assert_is_first(folder)


def test_a_crash_in_the_instant_of_publishing_leaves_the_index_that_was(folder, monkeypatch):
    monkeypatch.setattr(FileSystems, "rename", staticmethod(crash))
    with pytest.raises(Exception, match="no such luck"):
        write(folder, "b2", catalogue_of(seed=4))
    assert tracks_in(folder / "builds" / "b2-00000") == sorted(catalogue_of(seed=4))  # all there, and not the index
    assert_is_first(folder)


def test_a_crash_after_publishing_leaves_the_new_index_and_the_next_one_cleans_up(folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(transforms.snapshots, "_delete", crash)
        write(folder, "b2", {"b": constellation_of(60, 40)})  # nothing to delete yet
        with pytest.raises(Exception, match="no such luck"):
            write(folder, "b3", {"c": constellation_of(60, 40)})
    assert read_snapshot(str(folder)).attempt == "b3"
    assert tracks_of(folder) == ["c"]
    assert builds_in(folder) == ["b1-00000", "b2-00000", "b3-00000"]
    write(folder, "b4", {"d": constellation_of(60, 40)})
    assert builds_in(folder) == ["b3-00000", "b4-00000"]


def test_failures_up_to_the_share_allowed_publish_and_more_of_them_nothing(folder):
    three_done = [status_of(name) for name in "abc"]
    catalogue = {name: constellation_of(60, 40) for name in "abc"}
    two_failed = [*three_done, status_of("d", "failed"), status_of("e", "failed")]
    with beam.Pipeline(FnApiRunner()) as root:
        published = root | WriteCatalogue(str(folder), "b2", catalogue, two_failed, max_failed_share=0.39)
        assert_that(published, equal_to([]))
    assert_is_first(folder)
    with beam.Pipeline(FnApiRunner()) as root:
        published = root | WriteCatalogue(str(folder), "b3", catalogue, two_failed, max_failed_share=0.4)
        assert_that(published, equal_to([str(folder)]))
    assert tracks_of(folder) == ["a", "b", "c"]


def test_what_the_current_and_the_previous_snapshot_do_not_name_is_deleted(folder):
    crashed = folder / "builds" / "b0-00000" / "postings-00000.low.npy"
    crashed.parent.mkdir()
    crashed.write_bytes(b"half of it")
    (folder / "builds" / "b00.json").write_text("never renamed")
    for attempt, kept in [("b2", ["b1", "b2"]), ("b3", ["b2", "b3"])]:
        write(folder, attempt, {f"track of {attempt}": constellation_of(60, 40)})
        assert builds_in(folder) == [f"{name}-00000" for name in kept]
    assert tracks_of(folder) == ["track of b3"]
    assert tracks_in(folder / "builds" / "b2-00000") == ["track of b2"]


def test_of_two_that_change_an_index_at_once_the_second_is_refused(folder):
    base = find_version(str(folder))
    write(folder, "b2", {"b": constellation_of(60, 40)})
    with pytest.raises(Exception, match="changed by another run while this one was under way"):
        write(folder, "b3", {"c": constellation_of(60, 40)}, base=base)
    assert tracks_of(folder) == ["b"]


def test_of_two_that_build_the_first_index_the_second_is_refused(tmp_path):
    write(tmp_path, "b1", {"a": constellation_of(60, 40)})
    with pytest.raises(Exception, match="changed by another run while this one was under way"):
        write(tmp_path, "b2", {"b": constellation_of(60, 40)}, base=None)
    assert tracks_of(tmp_path) == ["a"]


def test_publishing_again_does_nothing(folder):
    base = find_version(str(folder))
    write(folder, "b2", {"b": constellation_of(60, 40)})
    current = read_snapshot(str(folder))
    publish(str(folder), base, current)
    assert read_snapshot(str(folder)) == current
    assert builds_in(folder) == ["b1-00000", "b2-00000"]


@pytest.mark.parametrize("build_id", ["", ".", "a/b", "a.b", "*"])
def test_a_build_id_that_is_no_file_name_is_an_error(build_id):
    with pytest.raises(ValueError, match="build id: expected letters"):
        WriteSegments("index", build_id, CONFIG, SegmentConfig())


@pytest.mark.parametrize("text", [None, "", "no JSON", "{}", '{"build": "b1"}'])
def test_a_folder_without_an_index_is_an_error_that_names_it(tmp_path, text):
    if text is not None:
        (tmp_path / "current.json").write_text(text)
    with pytest.raises(ValueError, match=rf"^index {re.escape(str(tmp_path))}: expected an index built by"):
        read_snapshot(str(tmp_path))


@pytest.mark.parametrize("version", [0, 99, "1", None])
def test_an_index_of_another_format_is_an_error(folder, version):
    values = json.loads((folder / "current.json").read_text())
    (folder / "current.json").write_text(json.dumps(values | {"format_version": version}))
    with pytest.raises(ValueError, match=f"format_version must be 2, got {version}: build the index again"):
        find_snapshot(str(folder))


CURRENT = object()


@dataclasses.dataclass
class WriteCatalogue(beam.PTransform):
    """A rebuild from constellations by track_id; without statuses they are all done."""

    folder: str
    attempt: str
    catalogue: dict
    statuses: list | None = None
    config: IndexConfig = CONFIG
    max_failed_share: float = 0.0
    hours: float = 2000
    base: object = CURRENT

    def expand(self, root):
        statuses = self.statuses or [status_of(name) for name in self.catalogue]
        references = [Reference(recording_of(name), content_of(name), each) for name, each in self.catalogue.items()]
        collected = root | "Statuses" >> beam.Create(statuses)
        segments = (
            root
            | "References" >> beam.Create(references)
            | WriteSegments(self.folder, self.attempt, self.config, SegmentConfig(self.hours))
        )
        base = find_version(self.folder) if self.base is CURRENT else self.base
        publish_index = PublishIndex(self.folder, self.attempt, self.config, base, (), self.max_failed_share)
        return (segments, root | "Tombstones" >> beam.Create([]), collected) | publish_index


def write(folder, attempt, catalogue, config=CONFIG, **options):
    with beam.Pipeline(FnApiRunner()) as root:
        _ = root | WriteCatalogue(str(folder), attempt, catalogue, config=config, **options)


def assert_is_first(folder):
    assert read_snapshot(str(folder)).attempt == "b1"
    assert tracks_of(folder) == sorted(catalogue_of(FIRST))


def builds_in(folder):
    return sorted(path.name for path in (folder / "builds").iterdir())


def tracks_of(folder):
    """The ids in an index that can be read to its last array."""
    segments = read_snapshot(str(folder)).segments
    return sorted(name for segment in segments for name in tracks_in(segment_folder(str(folder), segment.segment_id)))


def deal(catalogue, config, hours):
    """The catalogue in parts, by the segment that each track is dealt to."""
    frames = sum(each.end_frame for each in catalogue.values())
    segments = count_segments(frames, config.spectrogram.frame_rate, SegmentConfig(hours))
    parts = defaultdict(dict)
    for name, each in catalogue.items():
        parts[choose_segment(name, segments)][name] = each
    return dict(sorted(parts.items()))


def encode(catalogue, config):
    """The tracks and, by file name, the arrays that models.index makes of a catalogue in one process."""
    tracks = lay_out(
        Track(recording_of(name), content_of(name), each.end_frame, len(each.bins)) for name, each in catalogue.items()
    )
    parts = defaultdict(list)
    for track in tracks:
        landmarks = pair_peaks(catalogue[track.recording.track_id], config.landmarks)
        for shard, postings in split_postings(landmarks, track.place, config.shards):
            parts[shard].append(postings)
    arrays = {}
    for shard in range(config.shards):
        arrays |= encode_shard(shard, config.shards, parts[shard])
    for bucket, members in itertools.groupby(tracks, lambda track: track.bucket):
        arrays |= encode_bucket(bucket, [catalogue[track.recording.track_id] for track in members])
    return tracks, arrays


def tracks_in(folder):
    """The ids in a segment that can be read to its last array."""
    index = Index(str(folder))
    index.look_up(np.arange(0, 2**22, 1013, dtype=np.uint32), max_postings=10)
    assert [len(index.constellation(number).bins) for number in range(len(index.tracks))] == [
        track.peaks for track in index.tracks
    ]
    return [track.recording.track_id for track in index.tracks]


def assert_whole(index, catalogue):
    """Every peak can be read, and every shard can be looked into."""
    index.look_up(np.arange(0, 2**22, 1013, dtype=np.uint32), max_postings=10)
    for number, track in enumerate(index.tracks):
        given = catalogue[track.recording.track_id]
        np.testing.assert_array_equal(index.constellation(number).bins, given.bins, strict=True)


def catalogue_of(seed):
    """Random constellations by track_id, in no order; one is silent, one is empty, and one is heard twice."""
    rng = np.random.default_rng(seed)
    names = [f"{seed}-{number}" for number in rng.permutation(7)]
    catalogue = {name: constellation_of(int(rng.integers(20, 400)), 200, rng) for name in names}
    return catalogue | {
        "silent": constellation_of(30, 0),
        "empty": constellation_of(0, 0),
        "a copy": catalogue[names[0]],
    }


def constellation_of(frames, peaks, rng=None):
    """So many random peaks in so many frames."""
    rng = rng or np.random.default_rng(frames)
    cells = np.sort(rng.choice(frames * 500, peaks, replace=False)) if peaks else np.empty(0, np.int64)
    return Constellation((cells // 500).astype(np.int32), (cells % 500).astype(np.int16), 0, frames)


def recording_of(name):
    return Recording(name, f"title of {name}", None, f"isrc of {name}", "Ash")


def content_of(name):
    return f"bytes of {name}"


def status_of(name, outcome="done"):
    return MediaStatus(name, f"gs://bucket/{name}", outcome, None, None, None, None, "digest")


def crash(*arguments):
    raise CrashError("no such luck")
