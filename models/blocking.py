"""Blocking: the keys under which audiobooks and authors meet, so that nobody compares all with all."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from models.names import PersonName, is_initial
from models.profiles import AudiobookProfile, AuthorProfile


class BlockingKey(NamedTuple):  # a tuple is made and hashed several times as fast as a dataclass
    """kind: which way of meeting, of KINDS; text: the value."""

    kind: str
    text: str


KINDS = {"name": 8.0, "misspelt": 4.0, "initial": 4.0, "surname": 3.0, "title": 6.0, "written": 5.0, "heading": 2.0}


def author_keys(profile: AuthorProfile) -> set[BlockingKey]:
    """The keys of an author: all name forms, titles, and subject headings."""
    keys = {key for form in profile.forms for key in _name_keys(form)}
    keys |= {BlockingKey("written", form.key) for form in profile.forms if len(form.tokens) > 1}
    keys |= {BlockingKey("title", title) for title in profile.title_keys}
    return keys | {BlockingKey("heading", subject) for subject in profile.subjects}


def audiobook_keys(profile: AudiobookProfile) -> set[BlockingKey]:
    """The keys of an audiobook: of all readings of its mentions, its title and series, names in its texts."""
    keys = {key for mention in profile.mentions for key in _name_keys(mention.name)}
    keys |= {BlockingKey("written", name) for name in profile.written_names}
    keys |= {BlockingKey("title", title) for title in profile.title_keys}
    return keys | {BlockingKey("heading", genre) for genre in profile.genres}


def deletions(word: str) -> Iterator[str]:
    """The word, and the word without each one of its letters: two words one edit apart share one of them."""
    yield word
    if len(word) > 3:
        for i in range(len(word)):
            yield word[:i] + word[i + 1 :]


def _name_keys(name: PersonName) -> Iterator[BlockingKey]:
    """Order is uncertain, so that the first token may be the surname too."""
    tokens = name.tokens
    yield BlockingKey("name", name.key)
    if len(tokens) == 1:
        yield BlockingKey("surname", tokens[0])
        return
    for surname, given in {
        (name.surname, _other(tokens, name.surname)),
        (tokens[-1], tokens[0]),
        (tokens[0], tokens[-1]),
    }:
        if is_initial(surname):
            continue
        yield BlockingKey("surname", surname)
        yield BlockingKey("initial", f"{given[0]} {surname}")
        for part in deletions(surname):
            yield BlockingKey("misspelt", f"{given[:1]} {part}")
        if not is_initial(given):
            for part in deletions(given):
                yield BlockingKey("misspelt", f"{part} {surname[:3]}")


def _other(tokens: Sequence[str], surname: str) -> str:
    return next((token for token in tokens if token != surname), surname)
