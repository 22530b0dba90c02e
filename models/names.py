"""Names of people: folded, parsed and compared, whatever the order, the initials and the damage."""

import dataclasses
import functools
import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

import ftfy
from anyascii import anyascii
from rapidfuzz.distance import OSA

_HONORIFICS = frozenset(
    """
    sir dr mr mrs ms miss lady lord dame rev reverend fr father captain capt col colonel general gen major
    lieutenant lieut professor prof saint st baron baroness count countess comte comtesse mme madame mlle
    mademoiselle monsieur don dona hon right cardinal bishop archbishop brother sister pope king queen prince
    princess duke duchess earl viscount vicomte herr frau freiherr graf abbe pere sergeant private commander
    admiral president judge
    """.split()  # noqa: SIM905 (a list would fill a screen)
)
_SUFFIXES = frozenset(
    """
    jr sr ii iii iv esq md phd ma dd lld ba junior senior bart kcb
    """.split()  # noqa: SIM905 (a list would fill a screen)
)
PARTICLES = frozenset(
    """
    de la le du des del della di da do dos das van von der den ter ten zu zur af av of the et
    """.split()  # noqa: SIM905 (a list would fill a screen)
)
_DATES = re.compile(r"[(\[]?\b(?:ca?\.? ?|approximately |active )?\d{3,4}\??(?:\s*[-\u2013/]\s*(?:\d{2,4}\??)?)?[)\]]?")
_TAGS = re.compile(r"<[^<>]{1,200}>")
_APOSTROPHES = re.compile(r"['\u2019`\u02bc\u00b4]")
_JOINED = re.compile(r"(?<=[a-z]{4})(?=[A-Z][a-z])")  # "LuigiPirandello", but not "MacKaye"
_MISREAD = re.compile(r"(?<=[A-Za-z])[0158]|[0158](?=[a-z]{2})")
_WORDS = re.compile(r"[a-z0-9]+")


class PersonName(NamedTuple):  # a tuple is pickled several times as fast as a dataclass, and names travel a lot
    """A name, folded. tokens: without titles, suffixes and particles; given names first where the order is known."""

    full: str  # all words, as they come, honorifics among them
    tokens: tuple[str, ...]
    surname: str  # the token most likely to be it; "" without any

    @property
    def key(self) -> str:
        """What names with the same words in any order have in common."""
        return " ".join(sorted(self.tokens))


@dataclasses.dataclass(frozen=True, slots=True)
class NameMatch:
    """How the tokens of two names pair up. Counts; surname: similarity 0 to 1 of the second name's surname."""

    surname: float
    exact: int  # given names that are equal
    initials: int  # given names of which one is the other's initial
    fuzzy: int  # given names one edit apart
    left: int  # tokens of the first name without partner
    right: int  # tokens of the second name without partner
    clash: bool  # a given name on each side, none of them paired


def clean(text: str) -> str:
    """The text without mojibake, HTML entities and tags, in composed form."""
    if not text.isascii() or "&" in text or "<" in text:
        text = unicodedata.normalize("NFC", _TAGS.sub(" ", html.unescape(ftfy.fix_text(text))))
    return text


@functools.lru_cache(1 << 16)
def fold(text: str) -> str:
    """Lower-case ASCII words, one space apart; other scripts transliterated, apostrophes closed up."""
    plain = _APOSTROPHES.sub("", clean(text))
    return " ".join(_WORDS.findall((plain if plain.isascii() else anyascii(plain)).lower()))


@functools.lru_cache(1 << 16)
def parse_name(text: str) -> PersonName:
    """One reading of the name: of "Surname, Given" the surname first, else last."""
    text = _JOINED.sub(" ", _undo_ocr(_DATES.sub(" ", clean(text))))
    head, _, tail = text.partition(",")
    tail_words = fold(tail).split()
    if tail_words and not all(word in _SUFFIXES for word in tail_words):
        return make_name(fold(tail), fold(head))
    return make_name(fold(text), "")


def _undo_ocr(text: str) -> str:
    """Digits inside words as the letters that look like them."""
    return _MISREAD.sub(lambda match: {"0": "o", "1": "l", "5": "s", "8": "b"}[match.group()], text)


def make_name(given: str, surname: str) -> PersonName:
    """A name of folded words; an empty surname is the last of the given names."""
    givens, surnames = given.split(), surname.split()
    both = _significant(givens + surnames, last=surnames or givens[-1:])
    return PersonName(f"{given} {surname}".strip(), both, both[-1] if both else "")


def is_initial(token: str) -> bool:
    return len(token) == 1


@functools.lru_cache(1 << 18)
def similarity(a: str, b: str) -> float:
    """1 for equal words, 0 for unlike ones; between them 1 - edits / length while a typo explains it."""
    if a == b:
        return 1.0
    longest = max(len(a), len(b))
    allowed = 1 if longest <= 6 else 2
    if longest < 4 or abs(len(a) - len(b)) > allowed:
        return 0.0
    edits = OSA.distance(a, b, score_cutoff=allowed)
    return 1 - edits / longest if edits <= allowed else 0.0


def compare_names(a: PersonName, b: PersonName) -> NameMatch:
    """Pairs off equal tokens, then misspelt ones, then initials; order does not count."""
    left, right = list(a.tokens), list(b.tokens)
    surname = _take_surname(left, right, b.surname)
    exact = _take(left, right, _equal)
    fuzzy = _take(left, right, _alike)
    initials = _take(left, right, _abbreviates)
    clash = bool(left and right) and not (exact or fuzzy or initials)
    return NameMatch(surname, exact, initials, fuzzy, len(left), len(right), clash)


def _significant(words: Sequence[str], last: Sequence[str]) -> tuple[str, ...]:
    """Without titles, but a surname that is also a title, such as Lord or King, stays."""
    dropped = _HONORIFICS | PARTICLES | _SUFFIXES
    ends = frozenset(last) - PARTICLES - _SUFFIXES
    kept = tuple(word for word in words if word in ends or word not in dropped)
    return kept or tuple(words)


def _take_surname(left: list[str], right: list[str], surname: str) -> float:
    """Takes the surname from both sides; its similarity."""
    if not left or not surname:
        return 0.0
    best = max(left, key=lambda token: similarity(token, surname))
    score = similarity(best, surname)
    if score:
        left.remove(best)
        right.remove(surname)
    return score


def _take(left: list[str], right: list[str], agree: Callable[[str, str], bool]) -> int:
    """Takes pairs that agree from both sides; how many."""
    taken = 0
    for token in tuple(left):
        partner = next((other for other in right if agree(token, other)), None)
        if partner is not None:
            left.remove(token)
            right.remove(partner)
            taken += 1
    return taken


def _equal(a: str, b: str) -> bool:
    return a == b


def _alike(a: str, b: str) -> bool:
    return similarity(a, b) > 0


def _abbreviates(a: str, b: str) -> bool:
    return a[0] == b[0] and (len(a) == 1 or len(b) == 1)
