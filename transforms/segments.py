"""Segments of an index, read: their catalogues, their tracks' fingerprints, and a whole one to search in."""

import dataclasses
import functools
import io
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import PBegin, PCollection
from apache_beam.transforms.combiners import Top

from models.index import Index, Reference, decode_catalogue
from models.records import MediaFile, MediaItem, MediaStatus
from models.snapshots import Segment, Snapshot, StoredTrack
from transforms.files import is_local
from transforms.runs import Run
from transforms.snapshots import read_bytes, segment_folder


@dataclasses.dataclass
class ReadTracks(beam.PTransform[Any, Any]):
    """The tracks of these segments, but for those removed; the first few ids', if max_tracks says so."""

    folder: str
    segments: Sequence[Segment]
    max_tracks: int | None = None

    def expand(self, root: PBegin) -> PCollection[StoredTrack]:
        segments = root | beam.Create(self.segments).with_output_types(Segment)
        tracks: PCollection[StoredTrack] = (
            segments | beam.Reshuffle() | beam.FlatMap(_read_tracks, self.folder).with_output_types(StoredTrack)
        )
        if self.max_tracks is None:
            return tracks
        first = Top.Of(self.max_tracks, key=lambda stored: stored.track.recording.track_id, reverse=True)
        some: PCollection[StoredTrack] = tracks | first | beam.FlatMap(list).with_output_types(StoredTrack)
        return some


@dataclasses.dataclass
class ReadReferences(beam.PTransform[Any, Any]):
    """The tracks with their fingerprints, a segment at a time."""

    folder: str
    segments: Sequence[Segment]

    def expand(self, tracks: PCollection[StoredTrack]) -> PCollection[Reference]:
        segments = {segment.segment_id: segment for segment in self.segments}
        references: PCollection[Reference] = (
            tracks
            | "Key by segment" >> beam.Map(lambda stored: (stored.segment_id, stored))
            | beam.GroupByKey()
            | beam.FlatMap(_read_references, self.folder, segments).with_output_types(Reference)
        )
        return references


@functools.lru_cache(maxsize=1)
def open_segment(folder: str, segment: Segment) -> Index:
    """The segment as an index on this machine. A process keeps the last one only.

    Of a segment elsewhere, each file is copied when it is first read, and the copies go with the Index.
    """
    source = segment_folder(folder, segment.segment_id)
    removed = frozenset(segment.removed)
    if is_local(source):
        return Index(source, removed)
    copies = tempfile.mkdtemp(prefix="linernotes-index-")
    index = Index(copies, removed, functools.partial(_fetch, source, copies))
    weakref.finalize(index, shutil.rmtree, copies)
    return index


def status_of(stored: StoredTrack, folder: str, index: Snapshot, run: Run) -> MediaStatus:
    """That a track of the index was read, and from which segment."""
    item = MediaItem(stored.track.recording.track_id, segment_folder(folder, stored.segment_id))
    file = MediaFile(item, stored.track.content)
    return run.done(file, stored.track.frames / index.config.spectrogram.frame_rate)


def _fetch(source: str, copies: str, name: str) -> None:
    path = Path(copies, name)
    if not path.exists():
        path.write_bytes(read_bytes(FileSystems.join(source, name)))


def _read_tracks(segment: Segment, folder: str) -> Iterator[StoredTrack]:
    catalogue = read_bytes(FileSystems.join(segment_folder(folder, segment.segment_id), "catalogue.parquet"))
    removed = frozenset(segment.removed)
    for number, track in enumerate(decode_catalogue(io.BytesIO(catalogue))):
        if track.recording.track_id not in removed:
            yield StoredTrack(segment.segment_id, number, track)


def _read_references(
    grouped: tuple[str, Iterable[StoredTrack]], folder: str, segments: Mapping[str, Segment]
) -> Iterator[Reference]:
    segment_id, tracks = grouped
    index = open_segment(folder, segments[segment_id])
    for stored in tracks:
        yield Reference(stored.track.recording, stored.track.content, index.constellation(stored.number))
