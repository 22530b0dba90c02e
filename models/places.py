"""Where the files of a model lie: on this machine, in a store such as gs://, or in this package (models:tracks)."""

import posixpath
from importlib.resources import files
from pathlib import Path

from models.runtimes import ModelError

SHIPPED = "models:"  # such places are the same wherever linernotes is installed: a job may name them
_HERE = "file://"


def resolve_place(path: str, folder: str) -> str:
    """The place that a path means; folder: what it is relative to, any place.

    ModelError for a path of one machine in a folder that many reach: there it would be another file, or none.
    """
    path, folder = path.removeprefix(_HERE), folder.removeprefix(_HERE)
    scheme = _scheme(folder)
    if _scheme(path):
        return path
    if not scheme:
        return str(Path(folder, path).resolve())
    if path.startswith("/"):
        raise ModelError(f"{path}: expected a place that whoever reaches {folder} reaches too")
    return scheme + posixpath.normpath(posixpath.join(folder.removeprefix(scheme), path))


def folder_of(place: str) -> str:
    """The place of the folder that a file lies in."""
    if scheme := _scheme(place.removeprefix(_HERE)):
        return scheme + posixpath.dirname(place.removeprefix(scheme))
    return str(Path(place.removeprefix(_HERE)).resolve().parent)


def find_here(place: str) -> str:
    """The path on this machine of a place that is on it. ModelError for one that is elsewhere."""
    if place.startswith(SHIPPED):
        return str(files("models") / place.removeprefix(SHIPPED))
    path = place.removeprefix(_HERE)
    if _scheme(path):
        raise ModelError(f"{place}: expected a path of this machine")
    return path


def is_here(place: str) -> bool:
    """Whether it is on this machine alone."""
    return not _scheme(place.removeprefix(_HERE))


def _scheme(place: str) -> str:
    """`gs://` and the like, or models:; empty for a path."""
    if place.startswith(SHIPPED):
        return SHIPPED
    scheme, separator, _ = place.partition("://")
    return scheme + separator if separator else ""
