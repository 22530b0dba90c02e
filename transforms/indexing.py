"""The index, built in parallel and published at one instant. What is in it, models.index says.

INDEX/builds/BUILD_ID/…   a build: models.index's files
INDEX/current.json        which build is the index: written last
"""

import dataclasses
import functools
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow.parquet as pq
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import AsIter, AsList, AsSingleton, PCollection, TaggedOutput
from apache_beam.transforms.combiners import ToList
from numpy.typing import NDArray

from models.constellation import Constellation
from models.index import (
    Index,
    IndexConfig,
    Postings,
    Track,
    encode_bucket,
    encode_catalogue,
    encode_shard,
    lay_out,
    make_manifest,
    read_manifest,
    split_postings,
)
from models.landmarks import pair_peaks
from models.records import Fingerprint, MediaFile, Recording
from transforms.commits import check_name
from transforms.files import is_local
from transforms.runs import Run


@dataclasses.dataclass
class WriteIndex(beam.PTransform[Any, Any]):
    """Builds the index of the tracks' whole fingerprints and publishes it; yields its folder.

    If a larger share of the items failed than max_failed_share, nothing is published and nothing yielded: a catalogue
    that could not be read must not replace the one that could.
    """

    folder: str
    build_id: str
    config: IndexConfig
    max_failed_share: float
    config_digest: str = ""  # of all knobs that the fingerprints depend on

    def __post_init__(self) -> None:
        check_name("build id", self.build_id)

    def expand(self, inputs: Any) -> PCollection[str]:  # (Fingerprints, MediaStatuses)
        fingerprints, statuses = inputs
        build = FileSystems.join(self.folder, "builds", self.build_id)
        layout = fingerprints | beam.Map(_describe) | ToList() | "Lay out" >> beam.Map(lay_out)
        places = layout | "Place" >> beam.Map(lambda tracks: {track.recording.track_id: track for track in tracks})

        postings = fingerprints | "Shard" >> beam.FlatMap(_split, AsSingleton(places), self.config)
        no_postings = fingerprints.pipeline | beam.Create(
            _no_postings(self.config.shards)
        )  # so that no shard is missing
        shards = (
            (postings, no_postings)
            | "All shards" >> beam.Flatten()
            | "Group shards" >> beam.GroupByKey()
            | "Write shards" >> beam.Map(_write_shard, build, self.config.shards)
        )
        buckets = (
            fingerprints
            | "Bucket" >> beam.Map(_key_by_bucket, AsSingleton(places))
            | "Group buckets" >> beam.GroupByKey()
            | "Write buckets" >> beam.Map(_write_bucket, build)
        )
        written = (shards, buckets) | beam.Flatten()
        published: PCollection[str] = layout | beam.FlatMap(
            _publish, self, AsIter(statuses | beam.Map(lambda status: status.status)), AsList(written)
        )
        return published


@dataclasses.dataclass
class ReuseFingerprints(beam.PTransform[Any, Any]):
    """The files still to fingerprint; the fingerprints of the others, from the current build; the others' statuses.

    A build is good for it if it was made with the same knobs, and has the track from the same bytes. Reuses nothing
    unless the run is incremental.
    """

    folder: str
    run: Run

    def expand(self, files: PCollection[MediaFile]) -> Any:  # PCollections of MediaFile, Fingerprint and MediaStatus
        build = self._find_build() if self.run.incremental else None
        outputs = files | beam.ParDo(_ReuseFn(build, self.run)).with_outputs("fingerprints", "statuses", main="files")
        return outputs.files, outputs.fingerprints, outputs.statuses

    def _find_build(self) -> str | None:
        if not FileSystems.exists(FileSystems.join(self.folder, "current.json")):
            return None
        build = current_build(self.folder)
        return build if load_manifest(build)["config_digest"] == self.run.config_digest else None


class _ReuseFn(beam.DoFn):
    def __init__(self, build: str | None, run: Run) -> None:
        self._build, self._run = build, run

    def setup(self) -> None:
        self._index = None if self._build is None else Index(local_build(self._build))
        tracks = [] if self._index is None else self._index.tracks
        self._numbers = {(track.recording.track_id, track.content): number for number, track in enumerate(tracks)}

    def process(self, file: MediaFile) -> Iterator[Any]:
        number = self._numbers.get((file.item.media_id, file.content))
        if self._index is None or number is None or not file.content:
            yield file
            return
        duration_s = self._index.tracks[number].frames / self._index.config.spectrogram.frame_rate
        yield TaggedOutput("fingerprints", Fingerprint(file, self._index.constellation(number)))
        yield TaggedOutput("statuses", self._run.skipped(file, duration_s))


def current_build(folder: str) -> str:
    """The folder of the index's current build. ValueError if there is no index."""
    pointer = FileSystems.join(folder, "current.json")
    try:
        build_id = json.loads(_read(pointer))["build"]
    except (OSError, BeamIOError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"index {folder}: expected an index built by index_tracks: {error}") from error
    return str(FileSystems.join(folder, "builds", build_id))


def load_manifest(build: str) -> dict[str, Any]:
    """A build's manifest. ValueError if it is of another format."""
    return read_manifest(_read(FileSystems.join(build, "manifest.json")).decode())


@functools.cache
def local_build(build: str) -> str:
    """The folder of a build on this machine: itself, or a copy that lasts as long as the process."""
    if is_local(build):
        return build
    folder = tempfile.mkdtemp(prefix="linernotes-index-")
    for metadata in FileSystems.match([FileSystems.join(build, "*")])[0].metadata_list:
        Path(folder, FileSystems.split(metadata.path)[1]).write_bytes(_read(metadata.path))
    return folder


def _describe(fingerprint: Fingerprint) -> Track:
    item, constellation = fingerprint.file.item, fingerprint.constellation
    recording = Recording(item.media_id, item.title, item.artist, item.isrc, item.rights_holder)
    return Track(recording, fingerprint.file.content, constellation.end_frame, len(constellation.frames))


def _split(
    fingerprint: Fingerprint, places: Mapping[str, Track], config: IndexConfig
) -> Iterator[tuple[int, Postings]]:
    landmarks = pair_peaks(fingerprint.constellation, config.landmarks)
    return split_postings(landmarks, places[fingerprint.file.item.media_id].place, config.shards)


def _write_shard(grouped: tuple[int, Iterable[Postings]], build: str, shards: int) -> str:
    shard, parts = grouped
    return _write_arrays(build, encode_shard(shard, shards, parts))


def _key_by_bucket(fingerprint: Fingerprint, places: Mapping[str, Track]) -> tuple[int, tuple[int, Constellation]]:
    track = places[fingerprint.file.item.media_id]
    return track.bucket, (track.place, fingerprint.constellation)


def _write_bucket(grouped: tuple[int, Iterable[tuple[int, Constellation]]], build: str) -> str:
    bucket, placed = grouped
    ordered = [constellation for _, constellation in sorted(placed, key=lambda each: each[0])]
    return _write_arrays(build, encode_bucket(bucket, ordered))


def _write_arrays(build: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    for name, array in arrays.items():
        with FileSystems.create(FileSystems.join(build, name)) as file:
            np.save(file, array, allow_pickle=False)
    return next(iter(arrays))


def _publish(tracks: list[Track], index: WriteIndex, statuses: Iterable[str], written: list[str]) -> Iterator[str]:
    """Completes the build, once everything is `written`, and points to it. Done again, it does the same."""
    outcomes = list(statuses)
    if outcomes.count("failed") > index.max_failed_share * len(outcomes):
        return
    build = FileSystems.join(index.folder, "builds", index.build_id)
    with FileSystems.create(FileSystems.join(build, "catalogue.parquet")) as file:
        pq.write_table(encode_catalogue(tracks), file)
    _write_text(FileSystems.join(build, "manifest.json"), make_manifest(index.config, tracks, index.config_digest))

    pointer, aside = FileSystems.join(index.folder, "current.json"), FileSystems.join(build, "current.json")
    current = json.loads(_read(pointer)) if FileSystems.exists(pointer) else {"build": None}
    if current["build"] != index.build_id:
        current = {"build": index.build_id, "replaced": current["build"]}
        _write_text(aside, json.dumps(current))
        FileSystems.rename([aside], [pointer])
    # Who is reading the one replaced goes on.
    _drop_builds(index.folder, kept=[name for name in current.values() if name])
    yield build


def _drop_builds(folder: str, kept: Sequence[str]) -> None:
    """Deletes builds that were published once; those under way have no manifest yet."""
    for metadata in FileSystems.match([FileSystems.join(folder, "builds", "*", "manifest.json")])[0].metadata_list:
        build = FileSystems.split(metadata.path)[0]
        if FileSystems.split(build)[1] not in kept:
            FileSystems.delete([build if is_local(build) else FileSystems.join(build, "*")])


def _no_postings(shards: int) -> list[tuple[int, Postings]]:
    nothing = np.empty(0, np.uint32)
    return [(shard, Postings(nothing, nothing)) for shard in range(shards)]


def _read(path: str) -> bytes:
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        return bytes(file.read())


def _write_text(path: str, text: str) -> None:
    with FileSystems.create(path) as file:
        file.write(text.encode())
