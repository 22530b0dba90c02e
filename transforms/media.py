"""The inputs of a run: each item once, readable, and not done before. Whatever drops out leaves as a MediaStatus."""

import dataclasses
import re
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PBegin, PCollection, TaggedOutput

from models.errors import BadMediaError
from models.records import MediaFile, MediaItem, MediaStatus
from transforms.files import content_of, list_media
from transforms.runs import Run
from transforms.tables import ReadTable

_LONE_SURROGATE = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # from JSON; the rest stand for bytes
_DONE_COLUMNS = ("media_id", "status", "content", "config_digest", "duration_s")


@dataclasses.dataclass
class ReadMedia(beam.PTransform[PBegin, Any]):
    """The files of a manifest or pattern, and the statuses of items that are none: missing, or two with one id."""

    source: str
    run: Run

    def expand(self, root: PBegin) -> Any:  # PCollections of MediaFile and MediaStatus; Beam warns of a tuple
        outputs = (
            root
            | beam.Create([self.source])
            | "List" >> beam.FlatMap(_list, self.run.max_items)
            | "Group by id" >> beam.GroupByKey()  # finds ids named twice, and spreads the items over the workers
            | "Open" >> beam.FlatMap(_open, self.run).with_outputs("statuses", main="files")
        )
        return outputs.files, outputs.statuses


@dataclasses.dataclass
class SkipDone(beam.PTransform[Any, Any]):
    """The files still to do, and the statuses of those done before with the same content and config.

    Skips nothing unless the run is incremental.
    """

    output: str
    run: Run

    def expand(self, files: PCollection[MediaFile]) -> Any:  # PCollections of MediaFile and MediaStatus
        if not self.run.incremental:
            return files, files.pipeline | beam.Create([]).with_output_types(MediaStatus)
        done = (
            files.pipeline
            | ReadTable(self.output, "media_status", _DONE_COLUMNS)
            | "Key rows" >> beam.FlatMap(_key_done, self.run.config_digest)
        )
        files_by_media_id = files | "Key files" >> beam.Map(lambda file: (file.item.media_id, file))
        outputs = (
            {"files": files_by_media_id, "done": done}
            | beam.CoGroupByKey()
            | beam.FlatMap(_skip, self.run).with_outputs("statuses", main="files")
        )
        return outputs.files, outputs.statuses


def _list(source: str, max_items: int | None) -> Iterator[tuple[str, MediaItem]]:
    for number, item in enumerate(list_media(source)):
        if max_items is not None and number >= max_items:
            return
        yield _printable(item.media_id), item


def _open(items_by_media_id: tuple[str, Iterable[MediaItem]], run: Run) -> Iterator[Any]:
    media_id, grouped = items_by_media_id
    items = list(grouped)
    for item in items:
        shown = _show(item)
        try:
            if (shown.media_id, shown.uri) != (item.media_id, item.uri):
                raise BadMediaError("read", "expected a name in UTF-8; what is not is spelt \\x… or \\u…")
            if len(items) > 1:
                raise BadMediaError("read", f"expected one item of id {media_id!r}, got {len(items)}")
            yield MediaFile(shown, content_of(item.uri))
        except BadMediaError as error:
            yield TaggedOutput("statuses", run.failed(shown, error.step, error.reason))


def _show(item: MediaItem) -> MediaItem:
    """The item with what is not UTF-8 in it spelt out, so that it can stand in a table."""
    values = {name: value and _printable(value) for name, value in _values(item)}
    return MediaItem(**values)


def _values(item: MediaItem) -> Iterator[tuple[str, Any]]:
    for field in dataclasses.fields(item):
        yield field.name, getattr(item, field.name)


def _printable(text: str) -> str:
    spelt = _LONE_SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
    return spelt.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _key_done(row: dict[str, Any], config_digest: str) -> Iterator[tuple[str, tuple[str, float | None]]]:
    if row["status"] in ("done", "skipped") and row["config_digest"] == config_digest and row["content"]:
        yield row["media_id"], (row["content"], row["duration_s"])


def _skip(grouped: tuple[str, dict[str, Iterable[Any]]], run: Run) -> Iterator[Any]:
    _, groups = grouped
    done = dict(groups["done"])
    for file in groups["files"]:
        if file.content in done:
            yield TaggedOutput("statuses", run.skipped(file, done[file.content]))
        else:
            yield file
