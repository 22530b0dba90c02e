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
from models.constellation import Constellation
from models.index import (
    Index,
    IndexConfig,
    Track,
    encode_bucket,
    encode_shard,
    lay_out,
    make_manifest,
    read_manifest,
    split_postings,
)
from models.landmarks import LandmarkConfig, pair_peaks
from models.records import Fingerprint, MediaFile, MediaItem, MediaStatus, Recording
from transforms.indexing import WriteIndex, current_build, load_manifest, local_build

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


@pytest.mark.parametrize(("seed", "shards"), [(1, 1), (2, 3)])
def test_the_index_is_what_its_model_encodes(tmp_path, seed, shards, monkeypatch):
    monkeypatch.setattr(models.index, "BUCKET_TRACKS", 3)  # so that there are several
    config = IndexConfig(landmarks=LandmarkConfig(fan_out=3), shards=shards)
    catalogue = catalogue_of(seed)
    write(tmp_path, "b1", catalogue, config)
    build = current_build(str(tmp_path))
    assert build == f"{tmp_path}/builds/b1"

    tracks, arrays = encode(catalogue, config)
    assert load_manifest(build) == read_manifest(make_manifest(config, tracks))
    assert sorted(path.name for path in Path(build).glob("*.npy")) == sorted(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(np.load(Path(build, name)), array, strict=True)

    index = Index(local_build(build))
    assert (index.config, index.tracks) == (config, tracks)
    for number, track in enumerate(index.tracks):
        found, given = index.constellation(number), catalogue[track.recording.track_id]
        np.testing.assert_array_equal(found.frames, given.frames, strict=True)
        np.testing.assert_array_equal(found.bins, given.bins, strict=True)
        assert found.end_frame == given.end_frame


def test_no_tracks_at_all_make_an_index_that_finds_nothing(tmp_path):
    write(tmp_path, "b1", {})
    index = Index(current_build(str(tmp_path)))
    places, sources, skipped = index.look_up(np.array([0, 1, 2**22 - 1], np.uint32), max_postings=10)
    assert (index.tracks, places.tolist(), sources.tolist(), skipped) == ([], [], [], 0)


@pytest.mark.parametrize("file", [r"peaks-00000\.bins\.npy", r"manifest\.json"])
def test_a_crash_in_the_middle_of_a_build_leaves_the_index_that_was(folder, file, monkeypatch):
    create = FileSystems.create

    def create_or_crash(path, *arguments, **options):
        return crash() if re.search(file, path) else create(path, *arguments, **options)

    monkeypatch.setattr(FileSystems, "create", staticmethod(create_or_crash))
    with pytest.raises(Exception, match="no such luck"):
        write(folder, "b2", catalogue_of(seed=4))
    assert (folder / "builds" / "b2").exists()
    assert_is_first(folder)


def test_a_crash_in_the_instant_of_publishing_leaves_the_index_that_was(folder, monkeypatch):
    monkeypatch.setattr(FileSystems, "rename", staticmethod(crash))
    with pytest.raises(Exception, match="no such luck"):
        write(folder, "b2", catalogue_of(seed=4))
    assert tracks_in(folder / "builds" / "b2") == sorted(catalogue_of(seed=4))  # all there, and not the index
    assert_is_first(folder)


def test_failures_up_to_the_share_allowed_publish_and_more_of_them_nothing(folder):
    three_done = [status_of(name) for name in "abc"]
    catalogue = {name: constellation_of(60, 40) for name in "abc"}
    two_failed = [*three_done, status_of("d", "failed"), status_of("e", "failed")]
    with beam.Pipeline(FnApiRunner()) as root:
        builds = root | WriteCatalogue(str(folder), "b2", catalogue, two_failed, max_failed_share=0.39)
        assert_that(builds, equal_to([]))
    assert_is_first(folder)
    with beam.Pipeline(FnApiRunner()) as root:
        builds = root | WriteCatalogue(str(folder), "b3", catalogue, two_failed, max_failed_share=0.4)
        assert_that(builds, equal_to([f"{folder}/builds/b3"]))
    assert current_build(str(folder)) == f"{folder}/builds/b3"
    assert tracks_in(current_build(str(folder))) == ["a", "b", "c"]


def test_builds_are_dropped_but_the_current_the_previous_and_those_under_way(folder):
    half = folder / "builds" / "b0" / "postings-00000.low.npy"
    half.parent.mkdir()
    half.write_bytes(b"half of it")
    for build_id, kept in [("b2", ["b0", "b1", "b2"]), ("b3", ["b0", "b2", "b3"])]:
        write(folder, build_id, {f"track of {build_id}": constellation_of(60, 40)})
        assert sorted(path.name for path in (folder / "builds").iterdir()) == kept
    assert current_build(str(folder)) == f"{folder}/builds/b3"
    assert [tracks_in(folder / "builds" / name) for name in ("b2", "b3")] == [["track of b2"], ["track of b3"]]
    assert half.read_bytes() == b"half of it"


@pytest.mark.parametrize("build_id", ["", ".", "a/b", "a.b", "*"])
def test_a_build_id_that_is_no_file_name_is_an_error(build_id):
    with pytest.raises(ValueError, match="build id: expected letters"):
        WriteIndex("index", build_id, CONFIG, 0.0)


@pytest.mark.parametrize("text", [None, "", "no JSON", "{}"])
def test_a_folder_without_an_index_is_an_error_that_names_it(tmp_path, text):
    if text is not None:
        (tmp_path / "current.json").write_text(text)
    with pytest.raises(ValueError, match=rf"^index {re.escape(str(tmp_path))}: expected an index built by"):
        current_build(str(tmp_path))


@pytest.mark.parametrize("version", [0, 99, "1", None])
def test_a_build_of_another_format_is_an_error(tmp_path, version):
    (tmp_path / "manifest.json").write_text(json.dumps({"format_version": version}))
    with pytest.raises(ValueError, match=f"format_version must be 1, got {version}: build the index again"):
        load_manifest(str(tmp_path))


@dataclasses.dataclass
class WriteCatalogue(beam.PTransform):
    """WriteIndex of constellations by track_id; without statuses they are all done."""

    folder: str
    build_id: str
    catalogue: dict
    statuses: list | None = None
    config: IndexConfig = CONFIG
    max_failed_share: float = 0.0

    def expand(self, root):
        statuses = self.statuses or [status_of(name) for name in self.catalogue]
        fingerprints = root | "Fingerprints" >> beam.Create([fingerprint_of(*each) for each in self.catalogue.items()])
        collected = root | "Statuses" >> beam.Create(statuses)
        write_index = WriteIndex(self.folder, self.build_id, self.config, self.max_failed_share)
        return (fingerprints, collected) | write_index


def write(folder, build_id, catalogue, config=CONFIG):
    with beam.Pipeline(FnApiRunner()) as root:
        _ = root | WriteCatalogue(str(folder), build_id, catalogue, config=config)


def assert_is_first(folder):
    assert current_build(str(folder)) == f"{folder}/builds/b1"
    assert tracks_in(folder / "builds" / "b1") == sorted(catalogue_of(FIRST))


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


def tracks_in(build):
    """The ids in a build that can be read to its last array."""
    index = Index(str(build))
    index.look_up(np.arange(0, 2**22, 1013, dtype=np.uint32), max_postings=10)
    assert [len(index.constellation(number).bins) for number in range(len(index.tracks))] == [
        track.peaks for track in index.tracks
    ]
    return [track.recording.track_id for track in index.tracks]


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


def fingerprint_of(name, constellation):
    facts = dataclasses.asdict(recording_of(name))
    item = MediaItem(facts.pop("track_id"), f"gs://bucket/{name}", album="passed over", **facts)
    return Fingerprint(MediaFile(item, content_of(name)), constellation)


def recording_of(name):
    return Recording(name, f"title of {name}", None, f"isrc of {name}", "Ash")


def content_of(name):
    return f"bytes of {name}"


def status_of(name, outcome="done"):
    return MediaStatus(name, f"gs://bucket/{name}", outcome, None, None, None, None, "digest")


def crash(*arguments):
    raise CrashError("no such luck")
