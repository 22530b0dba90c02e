"""Comparisons: what speaks for an author having written an audiobook, and what against, as a vector."""

import math
from collections.abc import Callable, Sequence
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz

from models.mentions import Mention
from models.names import NameMatch, PersonName, compare_names, is_initial
from models.profiles import AudiobookProfile, AuthorProfile, Rarity, Weights

_NOTHING = NameMatch(0.0, 0, 0, 0, 0, 0, False)
_ROLES = ("author", "narrator", "translator", "contributor")

NAME_FEATURES = (
    "has_mention", "same_words", "surname", "surname_rarity", "given_exact", "given_initials", "given_fuzzy", "left",
    "right", "clash", "ratio", "sorted_ratio", "second_ratio", "alias_form", "form_tokens", "mention_tokens",
    "mention_initials", "only_surname", "name_score", "exact_rarity", "single_form", "swapped", "full_equal",
)  # fmt: skip
MENTION_FEATURES = (
    "role_author", "role_narrator", "role_translator", "role_contributor", "position", "contributors",
    "names_in_string", "readings", "inverted", "nobody", "mention_words", "mention_odd", "authors_claimed",
)  # fmt: skip
WORK_FEATURES = (
    "title_same", "title_ratio", "title_set_ratio", "title_cover", "title_cover_best", "title_rarity", "series_known",
    "title_words", "works", "language_share", "language_unknown", "languages",
)  # fmt: skip
TEXT_FEATURES = (
    "words_cosine", "genre_cosine", "same_subjects", "same_subject_heads", "subject_rarity", "written", "written_title",
    "written_genre", "surname_in_text", "surname_in_title", "surname_in_genre", "given_in_text", "text_length",
    "birth_in_genre", "subjects", "genres",
)  # fmt: skip
YEAR_FEATURES = ("year_known", "birth_known", "age", "after_death", "impossible", "year_in_text", "aliases")
FEATURES = NAME_FEATURES + MENTION_FEATURES + WORK_FEATURES + TEXT_FEATURES + YEAR_FEATURES


def compare(book: AudiobookProfile, author: AuthorProfile, rarity: Rarity) -> tuple[int, list[float]]:
    """Which mention names the author best (-1: none does), and FEATURES, in order."""
    index, form, second = best_mention(book.mentions, author.forms)
    mention = book.mentions[index] if index >= 0 else None
    return index, [
        *_compare_name(mention, form, author, second, rarity),
        *_describe_mention(mention, book),
        *_compare_works(book, author),
        *_compare_texts(book, author, rarity),
        *_compare_years(book, author),
    ]


def best_mention(mentions: Sequence[Mention], forms: Sequence[PersonName]) -> tuple[int, PersonName, float]:
    """The index of the mention and the form of the author's name that are most alike, and the next mention's score."""
    if not mentions or not forms:
        return -1, PersonName("", (), ""), 0.0
    scores = [max((_likeness(mention.name, form), -i) for i, form in enumerate(forms)) for mention in mentions]
    index = max(range(len(scores)), key=lambda i: (scores[i][0], -i))
    others = [score for i, (score, _) in enumerate(scores) if mentions[i].contributor != mentions[index].contributor]
    found = index if scores[index][0] > 45 else -1
    return found, forms[-scores[index][1]], max(others, default=0.0)


def _likeness(a: PersonName, b: PersonName) -> float:
    """0 to about 160: likeness as strings, raised where the surname occurs and given names agree."""
    score = float(fuzz.ratio(a.key, b.key))
    if b.surname in a.tokens:
        score += 40
        if len(a.tokens) > 1 and len(b.tokens) > 1:
            given, other = _first_given(a, b.surname), _first_given(b, b.surname)
            score += 20 if given[:1] == other[:1] else -20
    return score


def _first_given(name: PersonName, surname: str) -> str:
    return next((token for token in name.tokens if token != surname), "")


def _compare_name(
    mention: Mention | None, form: PersonName, author: AuthorProfile, second: float, rarity: Rarity
) -> list[float]:
    if mention is None:
        return [0.0] * len(NAME_FEATURES)
    name = mention.name
    match = compare_names(name, form)
    surname_rarity = rarity.name_token(form.surname)
    shared = set(name.tokens) & set(form.tokens)
    return [
        1.0,
        float(name.key == form.key),
        match.surname,
        match.surname * surname_rarity,
        match.exact,
        match.initials,
        match.fuzzy,
        match.left,
        match.right,
        float(match.clash),
        fuzz.ratio(name.full, form.full) / 100,
        fuzz.ratio(name.key, form.key) / 100,
        second / 100,
        float(form is not author.forms[0]),
        len(form.tokens),
        len(name.tokens),
        sum(map(is_initial, name.tokens)),
        float(len(name.tokens) == 1 and match.surname == 1),
        _likeness(name, form) / 100,
        sum(rarity.name_token(token) for token in shared),
        float(len(form.tokens) == 1),
        float(bool(name.tokens) and name.surname != form.surname and match.surname == 1),
        float(name.full == form.full),
    ]


def _describe_mention(mention: Mention | None, book: AudiobookProfile) -> list[float]:
    contributors = book.audiobook.contributors
    claimed = float(sum(each.role == "author" for each in contributors))
    shared = [float(book.nobody)]
    if mention is None:
        return [0.0] * 4 + [-1.0, len(contributors), 0.0, len(book.mentions), 0.0, *shared, 0.0, 0.0, claimed]
    return [
        *(float(mention.role == role) for role in _ROLES),
        mention.contributor,
        len(contributors),
        mention.names,
        len(book.mentions),
        float(mention.inverted),
        *shared,
        len(mention.name.full.split()),
        _oddness(mention.text),
        claimed,
    ]


def _oddness(text: str) -> float:
    """How much a string looks like a listener's handle: digits, or no space, or capitals inside a word."""
    inner = sum(a.islower() and b.isupper() for a, b in pairwise(text))
    return (
        float(any(map(str.isdigit, text))) + float(" " not in text.strip()) + float(inner > 0) + float(text.islower())
    )


def _compare_works(book: AudiobookProfile, author: AuthorProfile) -> list[float]:
    """An author without works counts as one of one: their lack says how a knowledge base was cut, not who wrote."""
    keys, total = book.title_keys, sum(book.title_words.values())
    covered = [sum(weight for word, weight in book.title_words.items() if word in each) for each in author.title_words]
    union = frozenset().union(*author.title_words)
    cover = sum(weight for word, weight in book.title_words.items() if word in union)
    known = set(author.title_keys)
    return [
        float(any(key in known for key in keys[:1])),
        _best(fuzz.ratio, keys[:1], author.title_keys),
        _best(fuzz.token_set_ratio, keys[:1], author.title_keys),
        cover / total if total else 0.0,
        max(covered, default=0.0) / total if total else 0.0,
        max(covered, default=0.0),
        float(any(key in known for key in keys[1:])),
        total,
        math.log1p(max(1, len(author.author.works))),
        author.languages.get(book.language, 0.0),
        float(not book.language),
        max(1, len(author.languages)),
    ]


def _best(scorer: Callable[..., float], keys: Sequence[str], titles: Sequence[str]) -> float:
    return max((scorer(key, title) for key in keys for title in titles[:120]), default=0.0) / 100


def _compare_texts(book: AudiobookProfile, author: AuthorProfile, rarity: Rarity) -> list[float]:
    subjects = book.genres & author.subjects
    forms = [form for form in author.forms[:6] if len(form.tokens) > 1]
    surname = f" {author.forms[0].surname} " if author.forms else "-"  # which no folded text has
    given = f" {author.forms[0].tokens[0]} " if author.forms else "-"
    written = any(form.key in book.written_names for form in forms)
    birth = str(author.author.birth or "none")
    return [
        _cosine(book.words, author.words),
        _cosine(book.genre_words, author.subject_words),
        len(subjects),
        len(book.genre_heads & author.subject_heads),
        sum(_rarest(subject, rarity) for subject in subjects),
        float(written),
        float(any(f" {form.full} " in book.title_text for form in forms)),
        float(any(all(f" {token} " in book.genre_text for token in form.tokens) for form in forms)),
        book.text.count(surname) * rarity.name_token(surname.strip()) / 10,
        book.title_text.count(surname) * rarity.name_token(surname.strip()) / 10,
        book.genre_text.count(surname) * rarity.name_token(surname.strip()) / 10,
        float(given in book.text) if len(given) > 3 else 0.0,
        math.log1p(len(book.text)),
        float(birth in book.genre_text),
        math.log1p(max(1, len(author.subjects))),
        len(book.genres),
    ]


def _rarest(subject: str, rarity: Rarity) -> float:
    return max((rarity.word(word) for word in subject.split() if word in rarity.words), default=0.0)


def _cosine(a: Weights, b: Weights) -> float:
    small, large = (a, b) if len(a) < len(b) else (b, a)
    return sum(weight * large[word] for word, weight in small.items() if word in large)


def _compare_years(book: AudiobookProfile, author: AuthorProfile) -> list[float]:
    year, birth, death = book.audiobook.copyright_year, author.author.birth, author.author.death
    age = year - birth if year and birth else 40
    after = year - death if year and death else 0
    return [
        float(bool(year)),
        float(bool(birth)),
        float(np.clip(age, -100, 250)),
        float(np.clip(after, -100, 250)),
        float(age < 10),
        float(bool(death) and f" {death} " in book.text) + float(bool(birth) and f" {birth} " in book.text),
        math.log1p(len(author.author.aliases)),
    ]


def stack(rows: Sequence[Sequence[float]]) -> NDArray[np.float32]:
    """(pairs, FEATURES), float32; also of no pairs."""
    flat = np.fromiter(chain.from_iterable(rows), np.float32, len(rows) * len(FEATURES))
    return flat.reshape(len(rows), len(FEATURES))
