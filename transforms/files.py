"""Files anywhere that Beam's FileSystems read: listed, told apart by content, brought to this machine."""

import contextlib
import gzip
import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from models.errors import BadMediaError
from models.manifests import ManifestError, is_manifest, parse_manifest
from models.records import MediaItem

_COPY_BYTES = 1 << 20


def list_media(source: str) -> Iterator[MediaItem]:
    """The items of a manifest, or those that match a pattern: the media_id is the path below its fixed part.

    A manifest's relative URIs are relative to its folder. Raises ManifestError if there is none, or nothing in it.
    """
    source = _local_path(source)
    if "/" not in source:
        source = f"./{source}"  # FileSystems lists nothing for the empty folder
    count = 0
    for count, item in enumerate(_read_manifest(source) if is_manifest(source) else _match(source), 1):  # noqa: B007
        yield item
    if not count:
        raise ManifestError(f"{source}: expected media, found none")


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
    except (OSError, BeamIOError, ValueError) as error:
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
        except (OSError, BeamIOError) as error:
            raise BadMediaError("read", f"{uri}: {error}") from error
        yield str(path)


def is_local(uri: str) -> bool:
    return "://" not in uri or uri.startswith("file://")


def _local_path(uri: str) -> str:
    return uri.removeprefix("file://")


def open_manifest(source: str) -> IO[bytes]:
    """A CSV, JSON Lines or Parquet file, to be read and closed; of .gz what is within. ManifestError if it is none."""
    packed = source.endswith(".gz")
    if not is_manifest(source.removesuffix(".gz")):
        raise ManifestError(f"{source}: expected a .csv, .jsonl or .parquet file")
    try:
        file: IO[bytes] = FileSystems.open(_local_path(source), compression_type=CompressionTypes.UNCOMPRESSED)
    except (OSError, BeamIOError, ValueError) as error:  # ValueError: of a scheme without its file system
        raise ManifestError(f"{source}: cannot be read: {error}") from error
    return cast(IO[bytes], gzip.GzipFile(fileobj=file)) if packed else file  # Beam's own cannot be read by the line


def _read_manifest(source: str) -> Iterator[MediaItem]:
    folder, _ = FileSystems.split(source)
    with open_manifest(source) as file:
        for item in parse_manifest(file, source):
            yield item if _is_absolute(item.uri) else _with_uri(item, FileSystems.join(folder, item.uri))


def _is_absolute(uri: str) -> bool:
    return "://" in uri or uri.startswith("/")


def _with_uri(item: MediaItem, uri: str) -> MediaItem:
    return MediaItem(item.media_id, uri, item.title, item.artist, item.album, item.isrc, item.rights_holder)


def _match(pattern: str) -> Iterator[MediaItem]:
    fixed = _fixed_part(pattern)
    try:
        matches = FileSystems.match([pattern])
    except (OSError, BeamIOError, ValueError) as error:
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
