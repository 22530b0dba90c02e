"""The index, built in parallel. What is in a segment, models.index says; which segments are the index, snapshots."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import AsIter, AsList, AsSingleton, PCollection, TaggedOutput
from numpy.typing import NDArray

from models.constellation import Constellation
from models.index import (
    IndexConfig,
    Postings,
    Reference,
    Track,
    catalogue_digest,
    describe,
    encode_bucket,
    encode_catalogue,
    encode_shard,
    lay_out,
    make_manifest,
    split_postings,
)
from models.landmarks import pair_peaks
from models.records import Fingerprint, MediaFile, MediaItem, Recording
from models.snapshots import (
    Segment,
    SegmentConfig,
    Snapshot,
    StoredTrack,
    Tombstone,
    choose_segment,
    count_segments,
    remove,
)
from transforms.commits import check_name
from transforms.runs import Run
from transforms.segments import ReadReferences, ReadTracks
from transforms.snapshots import publish, segment_folder


@dataclasses.dataclass
class WriteSegments(beam.PTransform[Any, Any]):
    """Writes the segments of an index of the references, and yields them. Nobody reads them until they are published.

    Each worker holds a segment's catalogue or one of its shards by hash, never the whole.
    """

    folder: str
    attempt: str
    config: IndexConfig
    segments: SegmentConfig
    config_digest: str = ""  # of all knobs that the fingerprints depend on

    def __post_init__(self) -> None:
        check_name("build id", self.attempt)

    def expand(self, references: PCollection[Reference]) -> PCollection[Segment]:
        tracks = references | beam.Map(describe)
        frames = tracks | beam.Map(lambda track: track.frames) | beam.CombineGlobally(sum)
        layouts = (
            tracks
            | "Choose segments" >> beam.Map(_choose, AsSingleton(frames), self)
            | "Group segments" >> beam.GroupByKey()
            | "Lay out" >> beam.MapTuple(lambda segment_id, tracks: (segment_id, lay_out(tracks)))
        )
        placed = (
            {
                "references": references | beam.Map(lambda each: (each.recording.track_id, each)),
                "places": layouts | "Place" >> beam.FlatMap(_place),
            }
            | "Meet" >> beam.CoGroupByKey()
            | "Match" >> beam.FlatMap(_match_places)
        )
        shards = (
            (placed | "Shard" >> beam.FlatMap(_split, self.config), layouts | beam.FlatMap(_no_postings, self.config))
            | "All shards" >> beam.Flatten()  # so that none is missing
            | "Group shards" >> beam.GroupByKey()
            | "Write shards" >> beam.Map(_write_shard, self.folder, self.config.shards)
        )
        buckets = (
            placed
            | "Bucket" >> beam.Map(_key_by_bucket)
            | "Group buckets" >> beam.GroupByKey()
            | "Write buckets" >> beam.Map(_write_bucket, self.folder)
        )
        written = (shards, buckets) | beam.Flatten()
        segments: PCollection[Segment] = layouts | beam.Map(_complete, self, AsList(written))
        return segments


@dataclasses.dataclass
class PublishIndex(beam.PTransform[Any, Any]):
    """Makes the kept segments, without the tracks removed, and the new ones the index; yields its folder.

    If a larger share of the items failed than max_failed_share, nothing is published and nothing yielded: a catalogue
    that could not be read must not replace the one that could.
    """

    folder: str
    attempt: str
    config: IndexConfig
    base: str | None  # the version of the index that this one is made from
    kept: Sequence[Segment]
    max_failed_share: float = 1.0

    def expand(self, inputs: Any) -> PCollection[str]:  # (Segments, Tombstones, MediaStatuses)
        segments, tombstones, statuses = inputs
        outcomes = statuses | "Outcomes" >> beam.Map(lambda status: status.status)
        published: PCollection[str] = (
            segments.pipeline
            | beam.Create([None])
            | beam.FlatMap(_publish, self, AsList(segments), AsList(tombstones), AsIter(outcomes))
        )
        return published


@dataclasses.dataclass
class ReuseFingerprints(beam.PTransform[Any, Any]):
    """The files still to fingerprint; the references of the others, from the index; the others' statuses.

    A track of the index is good for it if it was made of the same bytes with the same knobs. If the index's segments
    are kept, it gives no reference unless the catalogue says something new of it. Reuses nothing if they are not,
    unless the run is incremental.
    """

    folder: str
    base: Snapshot | None
    keeps: bool
    run: Run

    def expand(self, files: PCollection[MediaFile]) -> Any:  # PCollections of MediaFile, Reference and MediaStatus
        if self.base is None or not (self.keeps or self.run.incremental):
            nothing = files.pipeline | beam.Create([])
            return files, nothing, nothing
        segments = [segment for segment in self.base.segments if segment.config_digest == self.run.config_digest]
        tracks = files.pipeline | ReadTracks(self.folder, segments)
        outputs = (
            {
                "files": files | "Key files" >> beam.Map(lambda file: (file.item.media_id, file)),
                "tracks": tracks | "Key tracks" >> beam.Map(_key_by_track_id),
            }
            | beam.CoGroupByKey()
            | beam.FlatMap(_reuse, self.base.config.spectrogram.frame_rate, self.keeps, self.run).with_outputs(
                "tracks", "statuses", main="files"
            )
        )
        return outputs.files, outputs.tracks | ReadReferences(self.folder, segments), outputs.statuses


@dataclasses.dataclass
class FindReplaced(beam.PTransform[Any, Any]):
    """The tracks of the segments whose ids the references have."""

    folder: str
    segments: Sequence[Segment]

    def expand(self, references: PCollection[Reference]) -> PCollection[Tombstone]:
        tracks = references.pipeline | ReadTracks(self.folder, self.segments)
        replaced: PCollection[Tombstone] = (
            {
                "references": references | "Key references" >> beam.Map(lambda each: (each.recording.track_id, None)),
                "tracks": tracks | "Key tracks" >> beam.Map(_key_by_track_id),
            }
            | beam.CoGroupByKey()
            | beam.FlatMap(_find_replaced).with_output_types(Tombstone)
        )
        return replaced


def make_reference(fingerprint: Fingerprint) -> Reference:
    """What the index keeps of a fingerprint."""
    return Reference(_recording_of(fingerprint.file.item), fingerprint.file.content, fingerprint.constellation)


def _recording_of(item: MediaItem) -> Recording:
    return Recording(item.media_id, item.title, item.artist, item.isrc, item.rights_holder)


def _choose(track: Track, frames: int, index: WriteSegments) -> tuple[str, Track]:
    segments = count_segments(frames, index.config.spectrogram.frame_rate, index.segments)
    return f"{index.attempt}-{choose_segment(track.recording.track_id, segments):05d}", track


def _place(layout: tuple[str, list[Track]]) -> Iterator[tuple[str, tuple[str, Track]]]:
    segment_id, tracks = layout
    for track in tracks:
        yield track.recording.track_id, (segment_id, track)


def _match_places(grouped: tuple[str, dict[str, Iterable[Any]]]) -> Iterator[tuple[str, Track, Constellation]]:
    _, groups = grouped
    (reference,), ((segment_id, track),) = groups["references"], groups["places"]
    yield segment_id, track, reference.constellation


def _split(placed: tuple[str, Track, Constellation], config: IndexConfig) -> Iterator[tuple[tuple[str, int], Postings]]:
    segment_id, track, constellation = placed
    for shard, postings in split_postings(pair_peaks(constellation, config.landmarks), track.place, config.shards):
        yield (segment_id, shard), postings


def _no_postings(layout: tuple[str, list[Track]], config: IndexConfig) -> Iterator[tuple[tuple[str, int], Postings]]:
    segment_id, _ = layout
    for shard in range(config.shards):
        yield (segment_id, shard), Postings(np.empty(0, np.uint32), np.empty(0, np.uint32))


def _write_shard(grouped: tuple[tuple[str, int], Iterable[Postings]], folder: str, shards: int) -> str:
    (segment_id, shard), parts = grouped
    return _write_arrays(segment_folder(folder, segment_id), encode_shard(shard, shards, parts))


def _key_by_bucket(placed: tuple[str, Track, Constellation]) -> tuple[tuple[str, int], tuple[int, Constellation]]:
    segment_id, track, constellation = placed
    return (segment_id, track.bucket), (track.place, constellation)


def _write_bucket(grouped: tuple[tuple[str, int], Iterable[tuple[int, Constellation]]], folder: str) -> str:
    (segment_id, bucket), placed = grouped
    ordered = [constellation for _, constellation in sorted(placed, key=lambda each: each[0])]
    return _write_arrays(segment_folder(folder, segment_id), encode_bucket(bucket, ordered))


def _write_arrays(folder: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    for name, array in arrays.items():
        with FileSystems.create(FileSystems.join(folder, name)) as file:
            np.save(file, array, allow_pickle=False)
    return next(iter(arrays))


def _complete(layout: tuple[str, list[Track]], index: WriteSegments, written: list[str]) -> Segment:
    """The segment, once everything is `written`, with its catalogue and its manifest beside."""
    segment_id, tracks = layout
    folder = segment_folder(index.folder, segment_id)
    with FileSystems.create(FileSystems.join(folder, "catalogue.parquet")) as file:
        pq.write_table(encode_catalogue(tracks), file)
    with FileSystems.create(FileSystems.join(folder, "manifest.json")) as file:
        file.write(make_manifest(index.config, tracks, index.config_digest).encode())
    frames = sum(track.frames for track in tracks)
    return Segment(segment_id, len(tracks), frames, catalogue_digest(tracks), index.config_digest)


def _publish(
    _: None, index: PublishIndex, segments: list[Segment], tombstones: list[Tombstone], outcomes: Iterable[str]
) -> Iterator[str]:
    listed = list(outcomes)
    if listed.count("failed") > index.max_failed_share * len(listed):
        return
    new = sorted(segments, key=lambda segment: segment.segment_id)
    publish(index.folder, index.base, Snapshot(index.attempt, index.config, (*remove(index.kept, tombstones), *new)))
    yield index.folder


def _key_by_track_id(stored: StoredTrack) -> tuple[str, StoredTrack]:
    return stored.track.recording.track_id, stored


def _reuse(grouped: tuple[str, dict[str, Iterable[Any]]], frame_rate: float, keeps: bool, run: Run) -> Iterator[Any]:
    _, groups = grouped
    stored: StoredTrack | None = next(iter(groups["tracks"]), None)
    for file in groups["files"]:
        if stored is None or not file.content or file.content != stored.track.content:
            yield file
            continue
        recording = _recording_of(file.item)
        if not keeps or recording != stored.track.recording:
            track = dataclasses.replace(stored.track, recording=recording)
            yield TaggedOutput("tracks", dataclasses.replace(stored, track=track))
        yield TaggedOutput("statuses", run.skipped(file, stored.track.frames / frame_rate))


def _find_replaced(grouped: tuple[str, dict[str, Iterable[Any]]]) -> Iterator[Tombstone]:
    track_id, groups = grouped
    if any(True for _ in groups["references"]):
        for stored in groups["tracks"]:
            yield Tombstone(stored.segment_id, track_id)
