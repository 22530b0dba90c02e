"""Removal: which tracks of an index a list of ids means."""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PBegin, TaggedOutput

from models.manifests import ManifestError
from models.records import MediaFile, MediaItem
from models.snapshots import Snapshot, StoredTrack, Tombstone
from transforms.files import STORE_ERRORS, list_media
from transforms.runs import Run
from transforms.segments import ReadTracks
from transforms.snapshots import read_bytes


@dataclasses.dataclass
class FindTracks(beam.PTransform[PBegin, Any]):
    """Tombstones for the tracks whose ids are listed, and a status for each id.

    An id that was removed before is skipped; one that the index does not know fails.
    """

    source: str
    folder: str
    index: Snapshot
    run: Run

    def expand(self, root: PBegin) -> Any:  # PCollections of Tombstone and MediaStatus
        tracks = root | ReadTracks(self.folder, self.index.segments)
        items = root | beam.Create([self.source]) | "List" >> beam.FlatMap(_key_items, self.run.max_items)
        removed = frozenset(track_id for segment in self.index.segments for track_id in segment.removed)
        outputs = (
            {
                "items": items,
                "tracks": tracks | beam.Map(lambda stored: (stored.track.recording.track_id, stored)),
            }
            | beam.CoGroupByKey()
            | beam.FlatMap(_find, removed, self.index.config.spectrogram.frame_rate, self.run).with_outputs(
                "statuses", main="tombstones"
            )
        )
        return outputs.tombstones, outputs.statuses


def list_ids(source: str) -> Iterator[MediaItem]:
    """The items of a manifest or pattern, or of a text file with an id a line; their files need not be there.

    Raises ManifestError if there is none, or nothing in it.
    """
    if not source.endswith(".txt"):
        yield from list_media(source)
        return
    try:
        lines = read_bytes(source).decode("utf-8-sig", "surrogateescape").splitlines()
    except STORE_ERRORS as error:
        raise ManifestError(f"{source}: cannot be read: {error}") from error
    track_ids = [line.strip() for line in lines if line.strip()]
    if not track_ids:
        raise ManifestError(f"{source}: expected ids, found none")
    for track_id in track_ids:
        yield MediaItem(track_id, source)


def _key_items(source: str, max_items: int | None) -> Iterator[tuple[str, MediaItem]]:
    for number, item in enumerate(list_ids(source)):
        if max_items is not None and number >= max_items:
            return
        shown = MediaItem(_printable(item.media_id), _printable(item.uri))
        yield shown.media_id, shown


def _printable(text: str) -> str:
    """What is not UTF-8 is spelt out, so that it can stand in a table; no track has such an id."""
    return text.encode("utf-8", "backslashreplace").decode()


def _find(
    grouped: tuple[str, dict[str, Iterable[Any]]], removed: frozenset[str], frame_rate: float, run: Run
) -> Iterator[Any]:
    track_id, groups = grouped
    item: MediaItem | None = next(iter(groups["items"]), None)  # an id that is listed twice is removed once
    stored: StoredTrack | None = next(iter(groups["tracks"]), None)
    if item is None:
        return
    if stored is not None:
        yield Tombstone(stored.segment_id, track_id)
        status = run.done(MediaFile(item, stored.track.content), stored.track.frames / frame_rate)
    elif track_id in removed:
        status = run.skipped(MediaFile(item, ""), None)
    else:
        status = run.failed(item, "remove", f"expected the id of a track of the index, got {track_id!r}")
    yield TaggedOutput("statuses", status)
