"""Knowledge bases and catalogues of audiobooks: rows, checked and read."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from models.audiobooks import Audiobook, Author, Contributor
from models.manifests import ManifestError

_SEPARATOR = "|"  # of a list in a CSV


def parse_authors(rows: Iterable[tuple[str, Mapping[Any, Any]]]) -> Iterator[Author]:
    """The authors that rows state, in order; each with where it stands.

    Columns: id and name, and if known sort_name, given, surname, aliases, birth, death, works, subjects and same_as. A
    work is a title, or an object of title and lang. A list in a CSV is JSON, or has | between its values. Raises
    ManifestError, with the line, for a row that is no author, and for the second of one id.
    """
    seen = set()
    for where, row in rows:
        author = read_author(row, where)
        if author.author_id in seen:
            raise ManifestError(f"{where}: expected one author of id {author.author_id!r}, got two")
        seen.add(author.author_id)
        yield author


def read_author(row: Mapping[Any, Any], where: str) -> Author:
    """The author that a row states; absent and null fields are empty. ManifestError for what is none."""
    works = [work if isinstance(work, Mapping) else {"title": work} for work in _list(row, "works", where)]
    return Author(
        author_id=require_text(row, "id", where),
        name=require_text(row, "name", where),
        sort_name=_text(row, "sort_name", where),
        given=_text(row, "given", where),
        surname=_text(row, "surname", where),
        aliases=_texts(row, "aliases", where),
        birth=_year(row, "birth", where),
        death=_year(row, "death", where),
        works=tuple(_text(work, "title", where) for work in works),
        languages=tuple(_text(work, "lang", where) for work in works),
        subjects=_texts(row, "subjects", where),
        same_as=_texts(row, "same_as", where),
    )


def read_audiobook(row: Mapping[Any, Any], where: str, id_column: str = "media_id") -> Audiobook:
    """The audiobook that a row states; absent and null fields are empty. ManifestError for what is none."""
    contributors = _list(row, "contributors", where)
    for each in contributors:
        if not isinstance(each, Mapping):
            raise ManifestError(f"{where}: expected contributors of name and role, got {each!r:.80}")
    return Audiobook(
        media_id=require_text(row, id_column, where),
        title=_text(row, "title", where),
        subtitle=_text(row, "subtitle", where),
        contributors=tuple(
            Contributor(_text(each, "name", where), _text(each, "role", where)) for each in contributors
        ),
        publisher=_text(row, "publisher", where),
        series=_text(row, "series", where),
        language=_text(row, "language", where),
        genres=_texts(row, "genres", where),
        copyright_year=_year(row, "copyright_year", where),
        description=_text(row, "description", where),
    )


def join_same(edges: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Of each author that is the same as another the id for all of them: the first in order."""
    parents: dict[str, str] = {}

    def root(author_id: str) -> str:
        while (parent := parents.setdefault(author_id, author_id)) != author_id:
            parents[author_id] = parents[parent]
            author_id = parent
        return author_id

    for edge in edges:
        low, high = sorted(map(root, edge))
        parents[high] = low
    return {author_id: root(author_id) for author_id in list(parents)}


def name_people(authors: Iterable[Author]) -> dict[str, str]:
    """Of each author that is the same as another the id of merge_authors: the first that the knowledge base has."""
    listed = sorted(authors, key=lambda each: each.author_id)
    same = join_same((each.author_id, other) for each in listed for other in each.same_as)
    firsts: dict[str, str] = {}
    for each in listed:
        firsts.setdefault(same.get(each.author_id, each.author_id), each.author_id)
    return {author_id: firsts[root] for author_id, root in same.items()}


def merge_authors(authors: Sequence[Author]) -> Author:
    """The entries of one person as one: the first's own id and name, the others' names among the aliases."""
    first, *others = sorted(authors, key=lambda each: each.author_id)
    if not others:
        return first
    everyone = [first, *others]
    aliases = [name for each in everyone for name in (each.name, *each.aliases)]
    works = dict.fromkeys(work for each in everyone for work in zip(each.works, each.languages, strict=True))
    return Author(
        author_id=first.author_id,
        name=first.name,
        sort_name=first.sort_name,
        given=first.given,
        surname=first.surname,
        aliases=tuple(name for name in dict.fromkeys(aliases) if name != first.name),
        birth=next((each.birth for each in everyone if each.birth is not None), None),
        death=next((each.death for each in everyone if each.death is not None), None),
        works=tuple(title for title, _ in works),
        languages=tuple(language for _, language in works),
        subjects=tuple(dict.fromkeys(subject for each in everyone for subject in each.subjects)),
        same_as=(),
    )


def require_text(row: Mapping[Any, Any], column: str, where: str) -> str:
    """The text of a column, without spaces around it. ManifestError if there is none."""
    if not (text := _text(row, column, where).strip()):
        raise ManifestError(f"{where}: expected a column {column} that is not empty, got {', '.join(map(str, row))}")
    return text


def _text(row: Mapping[Any, Any], column: str, where: str) -> str:
    value = row.get(column)
    if value is not None and not isinstance(value, str | int):
        raise ManifestError(f"{where}: expected {column} to be a text, got {value!r:.80}")
    text = "" if value is None else str(value)
    return text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair can stand in no table


def _texts(row: Mapping[Any, Any], column: str, where: str) -> tuple[str, ...]:
    return tuple(_text({column: each}, column, where) for each in _list(row, column, where))


def _list(row: Mapping[Any, Any], column: str, where: str) -> list[Any]:
    value = row.get(column)
    if isinstance(value, str):
        value = _parse_list(value, column, where)
    if value is not None and not isinstance(value, list | tuple):
        raise ManifestError(f"{where}: expected {column} to be a list, got {value!r:.80}")
    return list(value or ())


def _parse_list(text: str, column: str, where: str) -> Any:
    if not text.lstrip().startswith("["):
        return [each.strip() for each in text.split(_SEPARATOR) if each.strip()]
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{where}: expected {column} to be a list, got {text!r:.80}") from error


def _year(row: Mapping[Any, Any], column: str, where: str) -> int | None:
    """None for 0, which catalogues write for unknown."""
    value = row.get(column)
    if value in (None, "", 0):
        return None
    try:
        if isinstance(value, bool):
            raise ValueError
        return int(value) or None
    except (TypeError, ValueError, OverflowError):
        raise ManifestError(f"{where}: expected {column} to be a year, got {value!r:.80}") from None
