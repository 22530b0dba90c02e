"""Gold: who really wrote audiobooks, for training and evaluation."""

from collections.abc import Iterator, Mapping
from typing import Any

from models.knowledge_base import name_people
from models.manifests import ManifestError
from transforms.audiobooks import list_authors
from transforms.files import read_records

Gold = dict[str, Mapping[str, Any]]  # by media_id: the row, its authors those of the knowledge base's people


def read_gold(source: str, id_column: str, authors: str) -> Gold:
    """Rows of id_column and authors, a list of ids; one that begins with NIL is of nobody in the knowledge base.

    Other columns say which slices a row belongs to. ManifestError, with the line, for a row without authors.
    """
    return dict(_read(source, id_column, name_people(list_authors(authors))))


def find_slices(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What an audiobook counts in besides all: its slice, and every column that is true."""
    flags = tuple(name for name, value in row.items() if value is True)
    return (*((str(row["slice"]),) if row.get("slice") else ()), *flags)


def _read(source: str, id_column: str, same: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for where, row in read_records(source):
        found = row.get("authors")
        if not isinstance(found, list) or not found or row.get(id_column) is None:
            raise ManifestError(f"{where}: expected {id_column} and a list of authors, got {dict(row)!r:.120}")
        yield str(row[id_column]), {**row, "authors": frozenset(same.get(each, each) for each in map(str, found))}
