"""Profiles: what an audiobook and an author are compared by, worked out once for each."""

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from models.audiobooks import Audiobook, Author
from models.mentions import Mention, is_nobody, parse_mentions
from models.names import PersonName, clean, fold, make_name, parse_name
from models.titles import content_words, main_title_key, title_key

Weights = Mapping[str, float]
_CAPITALISED = re.compile(r"[^\W\d_]+(?:[-'\u2019][^\W\d_]+)*\.?")
_LANGUAGES = {
    "en": "english",
    "de": "german",
    "fr": "french",
    "it": "italian",
    "es": "spanish",
    "nl": "dutch",
    "fi": "finnish",
    "pt": "portuguese",
    "zh": "chinese",
    "ca": "catalan",
    "ja": "japanese",
    "la": "latin",
    "ru": "russian",
    "pl": "polish",
    "da": "danish",
    "sv": "swedish",
    "el": "greek",
    "af nl": "afrikaans",
    "af": "afrikaans",
    "he": "hebrew",
    "eo": "esperanto",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Rarity:
    """How many authors of the knowledge base use a word: the global statistics, small enough for every worker."""

    authors: int
    words: Mapping[str, int]  # in works and subjects
    name_tokens: Mapping[str, int]

    def word(self, word: str) -> float:
        return math.log((self.authors + 1) / (self.words.get(word, 0) + 1))

    def name_token(self, token: str) -> float:
        return math.log((self.authors + 1) / (self.name_tokens.get(token, 0) + 1))


@dataclasses.dataclass(frozen=True, slots=True)
class AuthorProfile:
    """An author, ready to be compared. Weights are of unit length."""

    author: Author
    forms: tuple[PersonName, ...]  # the name first, then the sort name and aliases
    title_keys: tuple[str, ...]  # of the works, then of what stands before their colons
    title_words: tuple[frozenset[str], ...]  # of each work
    languages: Mapping[str, float]  # shares of the works
    subjects: frozenset[str]
    subject_heads: frozenset[str]
    words: Weights
    subject_words: Weights


@dataclasses.dataclass(frozen=True, slots=True)
class AudiobookProfile:
    """An audiobook, ready to be compared. Weights are of unit length."""

    audiobook: Audiobook
    mentions: tuple[Mention, ...]
    nobody: bool  # a string says "Various", "Unknown" or the like
    title_keys: tuple[str, ...]
    title_words: Weights  # not of unit length
    language: str
    genres: frozenset[str]
    genre_heads: frozenset[str]
    genre_words: Weights
    words: Weights  # of title, genres and description
    text: str  # folded description
    title_text: str  # folded title and subtitle
    genre_text: str  # folded genres
    written_names: frozenset[str]  # keys of the capitalised names in title, genres and description

    @property
    def people(self) -> int:
        """How many people the strings that hold several may name; at least 1."""
        return len({mention.name.key for mention in self.mentions if mention.names > 1}) or 1


def profile_author(author: Author, rarity: Rarity) -> AuthorProfile:
    forms = dict.fromkeys(
        [
            parse_name(author.name),
            make_name(fold(author.given), fold(author.surname)),
            parse_name(author.sort_name),
            *(parse_name(alias) for alias in author.aliases),
        ]
    )
    title_words = [content_words(title) for title in author.works]
    subject_words = Counter(word for subject in author.subjects for word in content_words(subject))
    words = subject_words + Counter(word for each in title_words for word in each)
    subjects = [fold(subject) for subject in author.subjects]
    return AuthorProfile(
        author=author,
        forms=tuple(form for form in forms if form.tokens),
        title_keys=tuple(dict.fromkeys([*map(title_key, author.works), *map(main_title_key, author.works)])),
        title_words=tuple(frozenset(each) for each in title_words),
        languages=_shares(normalise_language(language) for language in author.languages),
        subjects=frozenset(subjects),
        subject_heads=frozenset(_head(subject) for subject in author.subjects),
        words=_weigh(words, rarity),
        subject_words=_weigh(subject_words, rarity),
    )


def profile_audiobook(book: Audiobook, rarity: Rarity) -> AudiobookProfile:
    title = f"{book.title} {book.subtitle}"
    title_words = content_words(f"{title} {book.series}")
    genre_words = Counter(word for genre in book.genres for word in content_words(genre))
    words = Counter(title_words) + genre_words + Counter(content_words(book.description))
    return AudiobookProfile(
        audiobook=book,
        mentions=parse_mentions(book.contributors),
        nobody=any(is_nobody(each.name) for each in book.contributors),
        title_keys=tuple(
            dict.fromkeys(
                key for text in (book.title, book.series) if text for key in (title_key(text), main_title_key(text))
            )
        ),
        title_words={word: rarity.word(word) for word in title_words},
        language=normalise_language(book.language),
        genres=frozenset(fold(genre) for genre in book.genres),
        genre_heads=frozenset(_head(genre) for genre in book.genres),
        genre_words=_weigh(genre_words, rarity),
        words=_weigh(words, rarity),
        text=f" {fold(book.description)} ",
        title_text=f" {fold(title)} ",
        genre_text=f" {fold(' '.join(book.genres))} ",
        written_names=find_names(f"{title}. {book.description}") | _listed_names(book.genres),
    )


def count_rarity(authors: Iterable[Author]) -> Rarity:
    """The statistics of a knowledge base."""
    words: Counter[str] = Counter()
    tokens: Counter[str] = Counter()
    total = 0
    for author in authors:
        total += 1
        words.update(set(content_words(" ".join([*author.works, *author.subjects]))))
        names = (author.name, author.sort_name, *author.aliases)
        tokens.update({token for name in names for token in parse_name(name).tokens})
    return Rarity(total, words, tokens)


def join_rarity(parts: Sequence[Rarity]) -> Rarity:
    """The statistics of all parts of a knowledge base together."""
    words: Counter[str] = Counter()
    tokens: Counter[str] = Counter()
    for part in parts:
        words.update(part.words)
        tokens.update(part.name_tokens)
    return Rarity(sum(part.authors for part in parts), words, tokens)


def find_names(text: str) -> frozenset[str]:
    """Keys of two to four capitalised words in a row."""
    keys = set()
    run: list[str] = []
    for match in _CAPITALISED.finditer(clean(text)):
        word = match.group()
        if not word[0].isupper():
            run = []
            continue
        run = [*run, fold(word)][-4:]
        for size in range(2, len(run) + 1):
            keys.add(make_name(" ".join(run[-size:]), "").key)
    return frozenset(keys)


def normalise_language(language: str) -> str:
    folded = fold(language)
    return _LANGUAGES.get(folded, folded)


def _listed_names(genres: Iterable[str]) -> frozenset[str]:
    """Keys of the people among subject headings, as in "Twain, Mark, 1835-1910 -- Travel"."""
    heads = (re.sub(r"\([^)]*\)", " ", genre.split(" -- ")[0]) for genre in genres if "," in genre)
    return frozenset(parse_name(", ".join(head.split(",")[:2])).key for head in heads)


def _head(subject: str) -> str:
    return fold(subject.split(" -- ")[0])


def _shares(values: Iterable[str]) -> dict[str, float]:
    counts = Counter(values)
    return {value: count / counts.total() for value, count in counts.items()}


def _weigh(counts: Mapping[str, int], rarity: Rarity) -> dict[str, float]:
    """tf-idf of unit length."""
    weights = {word: (1 + math.log(count)) * rarity.word(word) for word, count in counts.items()}
    length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
    return {word: weight / length for word, weight in weights.items()}
