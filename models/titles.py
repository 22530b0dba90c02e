"""Titles: what of them names the work, and not its volume, edition or recording."""

import functools
import re

from models.names import fold

_ARTICLES = frozenset(
    """
    the a an le la les l un une der die das ein eine el los las lo il i gli de het een den det en ett o os as
    """.split()  # noqa: SIM905 (a list would fill a screen)
)
_RECORDING = frozenset(
    """
    unabridged abridged audiobook version dramatic reading
    """.split()  # noqa: SIM905 (a list would fill a screen)
)
_PART = re.compile(
    r"\b(?:vols?|volumes?|parts?|books?|bk|bd|band|teil|tome?s?|tomo|chapters?|livres?|livre|deel|osa|version|number|no|"
    r"canto|act|letters?|lfg|series|ser|dl|t|v)\b\.? *"
    r"(?:[0-9]+|[ivxlc]+|one|two|three|four|five|six|first|second|third)\b.*"
)
_OF = re.compile(r"\(? ?(?:of|von|de) [0-9ivx]+\)?$")
STOPWORDS = _ARTICLES | frozenset(
    """
    of and in to for with from by on at or his her their its other being und von zu im des dem mit aus et du en
    dans pour sur y del con por para di da e in van is be as that this i my not no stories story tales book
    books vol volume part history life works new short complete collection novel romance
    """.split()  # noqa: SIM905 (a list would fill a screen)
)


@functools.lru_cache(1 << 16)
def title_key(title: str) -> str:
    """The folded title without articles at either end, volume, chapter or recording; or the whole."""
    whole = fold(title)
    words = [word for word in _OF.sub("", _PART.sub("", whole)).split() if word not in _RECORDING]
    while len(words) > 1 and words[0] in _ARTICLES:
        words.pop(0)
    while len(words) > 1 and (words[-1] in _ARTICLES or words[-1].isdigit()):
        words.pop()
    return " ".join(words) or whole


@functools.lru_cache(1 << 16)
def main_title_key(title: str) -> str:
    """The key of what stands before a colon, semicolon, dash, "or" or bracket."""
    return title_key(re.split(r"[:;(\[]| [-\u2013\u2014] |, or\b", title, maxsplit=1)[0])


def content_words(text: str) -> tuple[str, ...]:
    """The folded words that tell a text from others, each once, in order."""
    return tuple(dict.fromkeys(word for word in fold(text).split() if len(word) > 2 and word not in STOPWORDS))
