"""Fetching: the files of a model from wherever they lie to this machine, once for each process."""

import atexit
import dataclasses
import functools
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from apache_beam.io.filesystem import CompressionTypes, FileMetadata
from apache_beam.io.filesystems import FileSystems

from models.image_specs import ImageModelSpec
from models.places import SHIPPED, find_here, is_here
from models.runtimes import ModelError
from models.specs import AudioModelSpec, endings_beside

_Spec = TypeVar("_Spec", AudioModelSpec, ImageModelSpec)


def fetch_model(spec: _Spec) -> _Spec:
    """The resolved spec with its files on this machine; errors as of fetch."""
    changes: dict[str, Any] = {"path": fetch(spec.path, endings_beside(spec))}
    if isinstance(spec, ImageModelSpec) and spec.zero_shot is not None:
        vectors_file = fetch(spec.zero_shot.vectors_file)
        changes["zero_shot"] = dataclasses.replace(spec.zero_shot, vectors_file=vectors_file)
    return dataclasses.replace(spec, **changes)


def fetch(place: str, beside: Sequence[str] = ()) -> str:
    """The path on this machine of a file or folder: itself, or a copy that lasts as long as the process.

    beside: what may follow its name in the names of files that belong to it. What is fetched already is fetched again
    only if it has changed. ModelError for what is not there, or cannot be read.
    """
    if is_here(place) or place.startswith(SHIPPED):
        return find_here(place)
    try:
        files = _list(place, beside)
        if not files:
            raise ModelError(f"{place}: expected a file or folder, got nothing: no such file")
        return _copy(place, files)
    except ModelError:
        raise
    except (OSError, ValueError) as error:  # ValueError: of a scheme without its file system
        raise ModelError(f"{place}: cannot be read: {error}") from error


def _list(place: str, beside: Sequence[str]) -> tuple[FileMetadata, ...]:
    """The file, or the files in the folder, and those beside it."""
    patterns = [place, f"{place}/**", *(place + ending for ending in beside)]
    found = [file for match in FileSystems.match(patterns) for file in match.metadata_list]
    return tuple(sorted({file for file in found if not file.path.endswith("/")}, key=lambda file: str(file.path)))


@functools.cache
def _copy(place: str, files: tuple[FileMetadata, ...]) -> str:
    """The place's path in a new folder. Files are told by their size and time, too: changed ones are copied again."""
    folder = tempfile.mkdtemp(prefix="linernotes-model-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    above, name = place.rsplit("/", 1)
    for file in files:
        path = Path(folder, file.path.removeprefix(f"{above}/"))
        if not path.resolve().is_relative_to(Path(folder).resolve()):  # stores allow `..` in names
            raise ModelError(f"{file.path}: expected a name without .. in it")
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = FileSystems.open(file.path, compression_type=CompressionTypes.UNCOMPRESSED)
        with opened as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
    return str(Path(folder, name))
