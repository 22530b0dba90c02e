"""Which snapshot is the index: read, and replaced at one instant, on any file system that Beam can write.

    INDEX/builds/SEGMENT_ID/…   a segment: models.index's files, written once
    INDEX/current.json          the snapshot that is the index: models.snapshots', written last

A reader opens the segments that the snapshot names, and nothing else; so whoever crashes, the index is what it was
before or what it should be after. Readers of the snapshot before the current one may go on: what it names is deleted
only when the next one is published, and with it what crashed runs have left.

One run at a time changes an index: of two that began with the same snapshot, the second is refused. Stores that cannot
compare and swap leave an instant in which both are let through, and the last one wins.
"""

import contextlib
import hashlib
from collections import defaultdict
from collections.abc import Iterable

from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from models.snapshots import Snapshot, decode_snapshot, encode_snapshot
from transforms.files import STORE_ERRORS, is_local


def find_snapshot(folder: str) -> Snapshot | None:
    """The index's current snapshot; None if there is no index. ValueError if it is of another format."""
    return read_snapshot(folder) if FileSystems.exists(_pointer(folder)) else None


def read_snapshot(folder: str) -> Snapshot:
    """The index's current snapshot. ValueError if there is no index, or one of another format."""
    try:
        return decode_snapshot(read_bytes(_pointer(folder)).decode())
    except (*STORE_ERRORS, KeyError) as error:
        raise ValueError(f"index {folder}: expected an index built by index_tracks: {error}") from error


def segment_folder(folder: str, segment_id: str) -> str:
    """Where a segment's files are."""
    return str(FileSystems.join(folder, "builds", segment_id))


def find_version(folder: str) -> str | None:
    """What changes whenever the index does, of whatever format it is; None if there is none.

    To be read before the snapshot that a run builds on: then no change of another run can be lost.
    """
    return _version(_read_pointer(folder))


def publish(folder: str, base: str | None, snapshot: Snapshot) -> None:
    """Makes this snapshot the index, in place of the version `base` that it was made from. Done again, it does nothing.

    ValueError if another run has changed the index meanwhile.
    """
    text, found = encode_snapshot(snapshot).encode(), _read_pointer(folder)
    current = _decode(found)
    if found == text or (current is not None and current.segments == snapshot.segments):
        return
    if _version(found) != base:
        raise ValueError(f"index {folder}: changed by another run while this one was under way: run this one again")
    # Listed before the instant: what is there began with this version or an earlier one, and can never be published.
    files = _list_files(folder)
    aside = FileSystems.join(folder, "builds", f"{snapshot.attempt}.json")
    with FileSystems.create(aside) as file:
        file.write(text)
    FileSystems.rename([aside], [_pointer(folder)])

    referenced = {segment.segment_id for each in (snapshot, current) if each for segment in each.segments}
    for name in files.keys() - referenced:
        _delete(segment_folder(folder, name), files[name])


def read_bytes(path: str) -> bytes:
    """The contents of a file."""
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        return bytes(file.read())


def _pointer(folder: str) -> str:
    return str(FileSystems.join(folder, "current.json"))


def _read_pointer(folder: str) -> bytes | None:
    return read_bytes(_pointer(folder)) if FileSystems.exists(_pointer(folder)) else None


def _version(pointer: bytes | None) -> str | None:
    return None if pointer is None else hashlib.blake2b(pointer, digest_size=16).hexdigest()


def _decode(pointer: bytes | None) -> Snapshot | None:
    """None if there is none, or one of another format, which is about to be replaced."""
    with contextlib.suppress(ValueError, KeyError):
        return None if pointer is None else decode_snapshot(pointer.decode())
    return None


def _list_files(folder: str) -> dict[str, list[str]]:
    """The paths of all files in builds/, by the name in it that they are, or are below."""
    builds = FileSystems.join(folder, "builds", "")
    files = defaultdict(list)
    for metadata in FileSystems.match([f"{builds}**"])[0].metadata_list:
        files[metadata.path.removeprefix(builds).partition("/")[0]].append(metadata.path)
    return files


def _delete(path: str, files: Iterable[str]) -> None:
    """What cannot be deleted is left for the next time: the index is published, and does not need it."""
    with contextlib.suppress(BeamIOError):
        FileSystems.delete([path] if is_local(path) else list(files))
