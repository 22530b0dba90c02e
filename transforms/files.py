"""Files anywhere that Beam's FileSystems read: listed, told apart by content, brought to this machine.

A list of them, or of other records, is a manifest, or a query: `bq://PROJECT.DATASET.TABLE`, or `SELECT …` or `WITH …`.
"""

import contextlib
import dataclasses
import gzip
import hashlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, cast

from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError

from models.errors import BadMediaError
from models.manifests import MEDIA_COLUMNS, ManifestError, Row, is_manifest, make_items, read_rows
from models.records import MediaItem
from transforms.datasets import query_rows

# What reading and listing raise: of files, of Beam, of the cloud's own libraries, and of a scheme without file system.
STORE_ERRORS = (OSError, BeamIOError, GoogleAPIError, GoogleAuthError, ValueError)

_COPY_BYTES = 1 << 20
_QUERY = re.compile(r"bq://|\s*(select|with)\s", re.IGNORECASE)


def list_media(source: str) -> Iterator[MediaItem]:
    """The items of a manifest or query, or those that match a pattern: the media_id is the path below its fixed part.

    A manifest's relative URIs are relative to its folder. Raises ManifestError if there is none, or nothing in it.
    """
    count = 0
    for count, item in enumerate(_list(source), 1):  # noqa: B007
        yield item
    if not count:
        raise ManifestError(f"{source}: expected media, found none")


def is_query(source: str) -> bool:
    """Whether a source of records is asked of BigQuery, and no file."""
    return bool(_QUERY.match(source))


def content_of(uri: str) -> str:
    """What changes when the bytes do: a digest of a local file, elsewhere what the store keeps.

    Raises BadMediaError("read") for a file that is not there or cannot be read.
    """
    try:
        if is_local(uri):
            path = Path(_local_path(uri))
            if not path.is_file() and not path.is_fifo():
                raise BadMediaError("read", f"expected a file, found {'a folder' if path.is_dir() else 'none'}: {uri}")
            return "" if path.is_fifo() else _digest(path)
        return str(FileSystems.checksum(uri))
    except STORE_ERRORS as error:
        raise BadMediaError("read", f"{uri}: {error}") from error


@contextlib.contextmanager
def local_copy(uri: str, max_bytes: int) -> Iterator[str]:
    """The path of a local file: the file itself, or a copy for as long as the context lasts.

    Raises BadMediaError("read") for what cannot be copied or is larger than max_bytes.
    """
    if is_local(uri):
        yield _local_path(uri)
        return
    with tempfile.TemporaryDirectory(prefix="linernotes-") as folder:
        path = Path(folder) / "media"
        try:
            _download(uri, path, max_bytes)
        except STORE_ERRORS as error:
            raise BadMediaError("read", f"{uri}: {error}") from error
        yield str(path)


def is_local(uri: str) -> bool:
    return "://" not in uri or uri.startswith("file://")


def _local_path(uri: str) -> str:
    return uri.removeprefix("file://")


def read_records(source: str, columns: Sequence[str] | None = None) -> Iterator[tuple[str, Row]]:
    """Where each record stands, for messages, and the record; of a CSV, JSON Lines or Parquet file, or a query.

    columns: those wanted, which a Parquet file reads alone. Raises ManifestError for what cannot be read.
    """
    if not is_query(source):
        with _open_manifest(source) as file:
            yield from read_rows(file, source, columns)
        return
    try:
        for number, row in enumerate(query_rows(source), 1):
            yield f"{source}, row {number}", row
    except STORE_ERRORS as error:
        raise ManifestError(f"{source}: cannot be read: {error}") from error


def _open_manifest(source: str) -> IO[bytes]:
    """A file to be read and closed; of .gz what is within. ManifestError if it is none."""
    packed = source.endswith(".gz")
    if not is_manifest(source.removesuffix(".gz")):
        raise ManifestError(f"{source}: expected a .csv, .jsonl or .parquet file")
    try:
        file: IO[bytes] = FileSystems.open(_local_path(source), compression_type=CompressionTypes.UNCOMPRESSED)
    except STORE_ERRORS as error:
        raise ManifestError(f"{source}: cannot be read: {error}") from error
    return cast(IO[bytes], gzip.GzipFile(fileobj=file)) if packed else file  # Beam's own cannot be read by the line


def _list(source: str) -> Iterator[MediaItem]:
    if is_query(source):
        return make_items(read_records(source))
    source = _local_path(source)
    if "/" not in source:
        source = f"./{source}"  # FileSystems lists nothing for the empty folder
    return _read_manifest(source) if is_manifest(source) else _match(source)


def _read_manifest(source: str) -> Iterator[MediaItem]:
    folder, _ = FileSystems.split(source)
    for item in make_items(read_records(source, MEDIA_COLUMNS)):
        yield item if _is_absolute(item.uri) else dataclasses.replace(item, uri=FileSystems.join(folder, item.uri))


def _is_absolute(uri: str) -> bool:
    return "://" in uri or uri.startswith("/")


def _match(pattern: str) -> Iterator[MediaItem]:
    fixed = _fixed_part(pattern)
    try:
        matches = FileSystems.match([pattern])
    except STORE_ERRORS as error:
        raise ManifestError(f"{pattern}: cannot be listed: {error}") from error
    for match in matches:
        for metadata in sorted(match.metadata_list, key=lambda metadata: str(metadata.path)):
            yield MediaItem(metadata.path.removeprefix(fixed), metadata.path)


def _fixed_part(pattern: str) -> str:
    """The folder that everything a pattern matches lies in."""
    wild = min((pattern.index(sign) for sign in "*?[" if sign in pattern), default=len(pattern))
    return pattern[: pattern.rfind("/", 0, wild) + 1]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
    return f"blake2b:{digest.hexdigest()}"


def _download(uri: str, path: Path, max_bytes: int) -> None:
    with FileSystems.open(uri, compression_type=CompressionTypes.UNCOMPRESSED) as source, path.open("wb") as target:
        while chunk := source.read(_COPY_BYTES):
            target.write(chunk)
            if target.tell() > max_bytes:
                raise BadMediaError("read", f"{uri}: must be at most {max_bytes} bytes")
