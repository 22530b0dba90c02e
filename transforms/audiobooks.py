"""The inputs of attribution: records of audiobooks, and the authors of a knowledge base, each person once."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsSingleton, PBegin, PCollection, TaggedOutput
from apache_beam.transforms.combiners import ToList

from models.audiobooks import Audiobook, Author
from models.knowledge_base import join_same, merge_authors, parse_authors, read_audiobook, require_text
from models.manifests import ManifestError
from models.records import MediaFile, MediaItem
from transforms.files import read_records
from transforms.runs import Run


@dataclasses.dataclass(frozen=True, slots=True)
class AudiobookFile:
    """A record that can be read, and what tells whether it has changed."""

    file: MediaFile
    audiobook: Audiobook


@dataclasses.dataclass
class ReadAudiobooks(beam.PTransform[PBegin, Any]):
    """The records of a manifest, and a failed status for those that are none, or two with one id."""

    source: str
    id_column: str
    run: Run

    def expand(self, root: PBegin) -> Any:  # PCollections of AudiobookFile and MediaStatus
        outputs = (
            root
            | beam.Create([self.source])
            | "List" >> beam.FlatMap(_list_rows, self.id_column, self.run.max_items)
            | "Group by id" >> beam.GroupByKey()
            | "Read"
            >> beam.FlatMap(_read, self.source, self.id_column, self.run).with_outputs("statuses", main="found")
        )
        return outputs.found, outputs.statuses


@dataclasses.dataclass
class ReadAuthors(beam.PTransform[PBegin, Any]):
    """The authors of a knowledge base; those that are the same as each other are one, of the first id."""

    source: str

    def expand(self, root: PBegin) -> PCollection[Author]:
        authors = root | beam.Create([self.source]) | "Parse" >> beam.FlatMap(list_authors) | beam.Reshuffle()
        same = (
            authors
            | "List same" >> beam.FlatMap(lambda each: [(each.author_id, other) for other in each.same_as])
            | ToList()
            | "Join same" >> beam.Map(join_same)
        )
        merged: PCollection[Author] = (
            authors
            | "Key authors" >> beam.Map(_key_author, AsSingleton(same))
            | "Group authors" >> beam.GroupByKey()
            | "Merge authors" >> beam.MapTuple(lambda _, found: merge_authors(list(found)))
        )
        return merged


def list_authors(source: str) -> Iterator[Author]:
    """The entries of a knowledge base in order. ManifestError, with the line, for one that is none, and for two of one
    id.
    """
    count = 0
    for count, author in enumerate(parse_authors(read_records(source)), 1):  # noqa: B007
        yield author
    if not count:
        raise ManifestError(f"{source}: expected authors, found none")


def count_audiobooks(source: str, id_column: str) -> int:
    """How many rows a manifest has. ManifestError unless there are some and each has an id."""
    count = sum(1 for _ in _list_rows(source, id_column))
    if not count:
        raise ManifestError(f"{source}: expected audiobooks, found none")
    return count


def _list_rows(source: str, id_column: str, max_items: int | None = None) -> Iterator[tuple[str, tuple[str, str]]]:
    """By id where each row stands, and the row as JSON."""
    for number, (where, row) in enumerate(read_records(source)):
        if max_items is not None and number >= max_items:
            return
        named = {str(name): value for name, value in row.items()}  # cells that a CSV has no column for have None
        yield require_text(row, id_column, where), (where, json.dumps(named, sort_keys=True, default=str))


def _read(
    rows_by_media_id: tuple[str, Iterable[tuple[str, str]]], source: str, id_column: str, run: Run
) -> Iterator[Any]:
    media_id, grouped = rows_by_media_id
    rows = list(grouped)
    for where, text in rows:
        item = MediaItem(media_id, source)
        try:
            if len(rows) > 1:
                raise ManifestError(f"expected one audiobook of id {media_id!r}, got {len(rows)}")
            audiobook = read_audiobook(json.loads(text), where, id_column)
        except ManifestError as error:
            yield TaggedOutput("statuses", run.failed(item, "read", str(error)))
            continue
        content = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        yield AudiobookFile(MediaFile(item, f"blake2b:{content}"), audiobook)


def _key_author(author: Author, same: dict[str, str]) -> tuple[str, Author]:
    return same.get(author.author_id, author.author_id), author
