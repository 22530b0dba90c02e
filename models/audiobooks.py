"""Audiobooks and authors, as they come from catalogues and knowledge bases."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Contributor:
    """A string of names and the role that is claimed for it."""

    name: str
    role: str  # author, narrator, translator, contributor or anything; "" if none is claimed


@dataclasses.dataclass(frozen=True, slots=True)
class Audiobook:
    """One record of a catalogue."""

    media_id: str
    title: str
    subtitle: str
    contributors: tuple[Contributor, ...]
    publisher: str
    series: str
    language: str  # "" if unknown
    genres: tuple[str, ...]
    copyright_year: int | None
    description: str


@dataclasses.dataclass(frozen=True, slots=True)
class Author:
    """One entry of the knowledge base."""

    author_id: str
    name: str
    sort_name: str
    given: str
    surname: str
    aliases: tuple[str, ...]
    birth: int | None
    death: int | None
    works: tuple[str, ...]
    languages: tuple[str, ...]  # of each work
    subjects: tuple[str, ...]
    same_as: tuple[str, ...]
