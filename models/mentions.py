"""Mentions: the people that an audiobook's contributor strings may name, whatever role is claimed."""

import dataclasses
import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

from models.audiobooks import Contributor
from models.names import PersonName, clean, fold, make_name, parse_name

_NOBODY = frozenset(
    """
    unknown anonymous various diverse na verschiedene anonym
    anonyme anonymus divers diverses autori vari varios varios autores unbekannt inconnu auteur inconnu anonimo
    anonimo autor desconocido autore sconosciuto ukjent okand tuntematon multiple authors several authors author
    none null diversen collective librivox volunteers librivox anon misc miscellaneous verschiedene autoren
    unbekannter autor
    """.split()  # noqa: SIM905 (a list would fill a screen)
) | frozenset(
    (
        "n a",
        "various authors",
        "various artists",
        "unknown author",
        "autori vari",
        "varios autores",
        "auteur inconnu",
        "anonimo autor",
        "autor desconocido",
        "autore sconosciuto",
        "multiple authors",
        "several authors",
        "librivox volunteers",
        "verschiedene autoren",
        "unbekannter autor",
        "auteurs divers",
    )
)
_READS = re.compile(
    r"\b(?:read|narrated|performed|recorded|gelesen|lu|letto|leido)\s+(?:by|von|par|da|por)\b:?|"
    r"[(\[]\s*(?:narrator|reader|read(?:er)? by|sprecher|narrateur|narrador)\s*[)\]]|[-,:]\s*(?:narrator|reader)\b",
    re.IGNORECASE,
)
_WRITES = re.compile(
    r"^\s*(?:written\s+)?(?:by|von|par|de|author|autor)\b[:\s]\s*|[(\[]\s*(?:author|writer|autor|auteur)\s*[)\]]",
    re.IGNORECASE,
)
_TRANSLATES = re.compile(
    r"\b(?:translated|übersetzt|traduit)\s+(?:by|von|par)\b:?|[(\[]\s*(?:trans(?:lator|\.)?|tr\.?|übersetzer)\s*[)\]]",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    r"\s*(?:/|\||&|\+|\band\b|\bund\b|\bwith\b|\bavec\b|\bmit\b|\bet\b|\baka\b|\ba\.k\.a\.|\n)\s*", re.IGNORECASE
)
_LISTED = re.compile(r"\s*[,;]\s*")


class Mention(NamedTuple):  # as PersonName
    """One reading of a name in a contributor string. Readings of the same string may exclude each other."""

    text: str
    name: PersonName
    role: str  # as claimed by the field, or by the string where it says so
    contributor: int  # position of the string
    span: tuple[int, int]  # first and last, exclusive, of the string's pieces that the reading takes
    names: int  # how many names the string holds in this reading
    inverted: bool  # read as "Surname, Given"


def is_nobody(text: str) -> bool:
    """True of "Various", "N/A" and the like in several languages."""
    return fold(text) in _NOBODY or not fold(text)


def parse_mentions(contributors: Sequence[Contributor]) -> tuple[Mention, ...]:
    """All readings of all strings, in order; none of "Various" and the like."""
    named = [(position, each) for position, each in enumerate(contributors) if not is_nobody(each.name)]
    return tuple(mention for position, each in named for mention in _parse_contributor(each, position))


def _parse_contributor(contributor: Contributor, position: int) -> list[Mention]:
    text, role = _claimed(clean(contributor.name), contributor.role)
    parts = [part for part in _BETWEEN.split(text) if part.strip()]
    mentions = []
    first = 0
    for part, following in itertools.zip_longest(parts, parts[1:], fillvalue=""):
        pieces = [piece for piece in _LISTED.split(part) if piece.strip()]
        for reading in [*_read_pieces(part, pieces), *_read_given(part, following)]:
            names = len(reading) + len(parts) - 1
            for each in reading:
                span = (first + each.first, first + each.last)
                inverted = len(pieces) > 1 and each.last - each.first > 1
                mentions.append(Mention(each.text, each.name, role, position, span, names, inverted))
        first += max(len(pieces), 1)
    return [each for each in mentions if each.name.tokens and not is_nobody(each.text)]


def _read_given(part: str, following: str) -> list[list["_Reading"]]:
    """A lone given name before a whole name as one with the same surname: Agnes & Percival Thornwhistle."""
    name, other = parse_name(part), parse_name(following)
    if len(name.tokens) != 1 or len(other.tokens) < 2 or name.surname in other.tokens or "," in following:
        return []
    return [[_Reading(part, make_name(fold(part), other.surname), 0, 1)]]


def _claimed(text: str, role: str) -> tuple[str, str]:
    """The string without the words that say what somebody did, and the role they state."""
    for pattern, stated in ((_READS, "narrator"), (_TRANSLATES, "translator"), (_WRITES, "author")):
        stripped = pattern.sub(" ", text)
        if stripped != text and stripped.strip():
            return stripped, stated
    return text, role


@dataclasses.dataclass(frozen=True, slots=True)
class _Reading:
    """A name, and which of the pieces between commas it takes: first to last, exclusive."""

    text: str
    name: PersonName
    first: int
    last: int


def _read_pieces(part: str, pieces: Sequence[str]) -> list[list[_Reading]]:
    """The ways to read a string between separators: as one name, surname first or not, and as a list of names."""
    count = len(pieces)
    if count < 2:
        return [[_Reading(part, parse_name(part), 0, 1)]]
    whole = _Reading(part, make_name(fold(" ".join(pieces[1:])), fold(pieces[0])), 0, count)
    singles = [_Reading(piece, parse_name(piece), i, i + 1) for i, piece in enumerate(pieces) if len(fold(piece)) > 2]
    if count == 2:
        return [[whole], singles]
    texts = [", ".join(pieces[i : i + 2]) for i in range(0, count - 1, 2)]
    return [[whole], singles, [_Reading(text, parse_name(text), 2 * i, 2 * i + 2) for i, text in enumerate(texts)]]
