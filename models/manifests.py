"""Manifests: lists of media as CSV, JSON Lines or Parquet, read row by row."""

import csv
import dataclasses
import io
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from models.records import MediaItem

Row = Mapping[Any, Any]

_REQUIRED = ("media_id", "uri")
MEDIA_COLUMNS = tuple(field.name for field in dataclasses.fields(MediaItem))


class ManifestError(ValueError):
    """A manifest that cannot be read: says which one and which row, what was expected and what came."""


class _JsonError(Exception):
    """A line that is not JSON."""


def is_manifest(uri: str) -> bool:
    """Whether an input names a manifest, and not the media themselves."""
    return _suffix(uri) in (".csv", ".jsonl", ".parquet") and not any(sign in uri for sign in "*?[")


def make_items(rows: Iterable[tuple[str, Row]]) -> Iterator[MediaItem]:
    """The items that rows of a manifest state, in order. Columns besides MEDIA_COLUMNS are passed over.

    Raises ManifestError for a missing or empty media_id or uri.
    """
    for where, row in rows:
        yield _make_item(row, where)


def read_rows(file: IO[bytes], name: str, columns: Sequence[str] | None = None) -> Iterator[tuple[str, Row]]:
    """Where each row stands, for messages, and the row; in order. columns: of a Parquet file, those wanted. Bytes of
    text that are not UTF-8 become surrogates.

    Raises ManifestError for what is neither CSV, JSON Lines nor Parquet, or has rows that are no objects.
    """
    try:
        for number, row in _rows_of(file, name, columns):
            if not isinstance(row, Mapping):
                raise ManifestError(f"{name}, {number}: expected an object, got {type(row).__name__}")
            yield f"{name}, {number}", row
    except (csv.Error, pa.ArrowException, OSError, EOFError, zlib.error, _JsonError) as error:  # the middle two: of .gz
        raise ManifestError(f"{name}: not a manifest: {error}") from error


def _rows_of(file: IO[bytes], name: str, columns: Sequence[str] | None) -> Iterator[tuple[str, Any]]:
    match _suffix(name.removesuffix(".gz")):
        case ".csv":
            return _csv_rows(file)
        case ".jsonl":
            return _json_rows(file)
        case _:
            return _parquet_rows(file, columns)


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122  a URI is no Path


def _make_item(row: Row, where: str) -> MediaItem:
    for column in _REQUIRED:
        if column not in row:
            raise ManifestError(f"{where}: expected a column {column}, got {', '.join(map(str, row)) or 'none'}")
        if row[column] is None or not str(row[column]).strip():
            raise ManifestError(f"{where}: {column} must not be empty")
    return MediaItem(**{name: str(row[name]) for name in MEDIA_COLUMNS if row.get(name) not in (None, "")})


def _csv_rows(file: IO[bytes]) -> Iterator[tuple[str, Any]]:
    with io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        reader = csv.DictReader(text)
        for row in reader:
            yield f"line {reader.line_num}", row


def _json_rows(file: IO[bytes]) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(file, 1):
        text = line.decode("utf-8", "surrogateescape").removeprefix("\ufeff").strip()
        if text:
            try:
                yield f"line {number}", json.loads(text)
            except (ValueError, RecursionError) as error:
                raise _JsonError(f"line {number}: {error}") from error


def _parquet_rows(file: IO[bytes], columns: Sequence[str] | None) -> Iterator[tuple[str, Any]]:
    number = 0
    parquet = pq.ParquetFile(file)
    wanted = None if columns is None else [name for name in columns if name in parquet.schema_arrow.names]
    for batch in parquet.iter_batches(columns=wanted):
        for row in batch.to_pylist():
            number += 1
            yield f"row {number}", row
