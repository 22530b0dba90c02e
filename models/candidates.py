"""Candidates: the authors that an audiobook meets under blocking keys, which are packed and joined by shard."""

import dataclasses
import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.blocking import KINDS, BlockingKey, audiobook_keys, author_keys
from models.profiles import AudiobookProfile, AuthorProfile, Weights

_WORD = "word"
_KIND_NAMES = (*KINDS, _WORD)
_KIND_WEIGHTS = np.array([*KINDS.values(), 0.0], np.float32)
_NAMES = np.array([name in ("name", "misspelt", "initial", "surname") for name in _KIND_NAMES])
_TRIMMED = np.array([name in ("name", "surname", "initial", "title") for name in _KIND_NAMES])
_WORD_WEIGHT = 12.0
_WORKS_WEIGHT = 0.15

_Floats = NDArray[np.float32]
_Digests = NDArray[np.uint64]


@dataclasses.dataclass(frozen=True)
class CandidateConfig:
    """shards, author_shards: of keys, and of authors: a worker holds one of them.

    max_holders: a key of more authors is hot. Of a name or a title those with most works stay; any other key is
    dropped, for finer ones, of names with an initial or of rarer words, are there beside it. audiobook_words,
    author_words: how many of their heaviest words are keys. by_name: candidates for each two names in the strings.
    by_text: candidates besides.
    """

    shards: int = 8
    author_shards: int = 4
    max_holders: int = 400
    audiobook_words: int = 12
    author_words: int = 60
    by_name: int = 30
    by_text: int = 25

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if getattr(self, field.name) <= 0:
                raise ValueError(f"{field.name} must be positive, got {getattr(self, field.name)}")


@dataclasses.dataclass(frozen=True, slots=True)
class KeyBlock:
    """The keys, of one shard, that a batch of authors or audiobooks holds; one entry for each holding."""

    keys: _Digests
    kinds: NDArray[np.uint8]
    holders: _Digests  # of their ids
    weights: _Floats  # of words
    works: _Floats  # of an author, logarithm


@dataclasses.dataclass(frozen=True, slots=True)
class Votes:
    """Authors that an audiobook may have, and how much speaks for each: by name, by text, and by having many works."""

    authors: _Digests
    names: _Floats
    texts: _Floats
    works: _Floats

    def split(self, shards: int) -> Iterator[tuple[int, "Votes"]]:
        """The votes by shard of the authors."""
        homes = self.authors % np.uint64(shards)
        for shard in np.unique(homes):
            yield int(shard), _take(self, np.flatnonzero(homes == shard))


_Columns = TypeVar("_Columns", KeyBlock, Votes)


_NOTHING = np.empty(0, np.float32)
_NO_KEYS = KeyBlock(np.empty(0, np.uint64), np.empty(0, np.uint8), np.empty(0, np.uint64), _NOTHING, _NOTHING)
_NO_VOTES = Votes(np.empty(0, np.uint64), _NOTHING, _NOTHING, _NOTHING)


def digest(text: str) -> int:
    """63 bits, as many as Beam's integers have without sign, that stand for an id or a key."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") >> 1


def pack_authors(profiles: Sequence[AuthorProfile], config: CandidateConfig) -> Iterator[tuple[int, KeyBlock]]:
    """The authors' keys by shard."""
    holdings = [
        (
            digest(each.author.author_id),
            author_keys(each),
            _heaviest(each.words, config.author_words),
            len(each.author.works),
        )
        for each in profiles
    ]
    return _pack(holdings, config.shards)


def pack_audiobooks(profiles: Sequence[AudiobookProfile], config: CandidateConfig) -> Iterator[tuple[int, KeyBlock]]:
    """The audiobooks' keys by shard."""
    holdings = [
        (digest(each.audiobook.media_id), audiobook_keys(each), _heaviest(each.words, config.audiobook_words), 0)
        for each in profiles
    ]
    return _pack(holdings, config.shards)


def vote_for(author_ids: Sequence[str]) -> Votes:
    """Votes that nothing speaks for yet."""
    nothing = np.zeros((3, len(author_ids)), np.float32)
    return Votes(np.array([digest(each) for each in author_ids], np.uint64), *nothing)


def join_keys(
    authors: Sequence[KeyBlock],
    audiobooks: Iterable[KeyBlock],
    total: int,
    config: CandidateConfig,
    drop: Callable[[int], object] = lambda holdings: None,
) -> Iterator[tuple[int, Votes]]:
    """Of each audiobook (by digest) that shares a key of this shard with authors, their votes.

    total: authors of the knowledge base. drop: told how many holdings of hot keys are passed over. Memory is of the
    authors' keys and of one block of audiobooks.
    """
    held = _sort_keys(authors, config.max_holders)
    drop(sum(len(block.keys) for block in authors) - len(held.keys))
    for block in audiobooks:
        yield from _join_block(held, block, total, config)


def merge_votes(votes: Iterable[Votes], names: int, config: CandidateConfig) -> Votes:
    """An audiobook's candidates from the votes of all shards: the best by name, then by text.

    names: how many people its strings name.
    """
    joined = _join_votes([*votes] or [_NO_VOTES])
    order = joined.names + joined.texts + _WORKS_WEIGHT * joined.works
    most = config.by_name * min(max(names, 2), 8) // 2
    by_name = _first(np.where(joined.names > 0, order, -np.inf), most)
    order_by_text = np.where(joined.texts > 0, joined.texts + joined.names + _WORKS_WEIGHT * joined.works, -np.inf)
    order_by_text[by_name] = -np.inf
    return _take(joined, np.concatenate([by_name, _first(order_by_text, config.by_text)]))


def _heaviest(words: Weights, most: int) -> list[tuple[str, float]]:
    return sorted(words.items(), key=lambda item: (-item[1], item[0]))[:most]


def _pack(
    holdings: Sequence[tuple[int, Collection[BlockingKey], Sequence[tuple[str, float]], int]], shards: int
) -> Iterator[tuple[int, KeyBlock]]:
    numbers = {name: number for number, name in enumerate(_KIND_NAMES)}
    keys: list[int] = []
    kinds: list[int] = []
    weights: list[float] = []
    counts = []
    for _, found, words, _ in holdings:
        keys += [digest(f"{key.kind} {key.text}") for key in found] + [digest(f"{_WORD} {word}") for word, _ in words]
        kinds += [numbers[key.kind] for key in found] + [numbers[_WORD]] * len(words)
        weights += [0.0] * len(found) + [weight for _, weight in words]
        counts.append(len(found) + len(words))
    whole = KeyBlock(
        np.array(keys, np.uint64),
        np.array(kinds, np.uint8),
        np.repeat(np.array([holder for holder, *_ in holdings], np.uint64), counts),
        np.array(weights, np.float32),
        np.repeat(np.log1p(np.array([works for *_, works in holdings], np.float32)), counts),
    )
    homes = whole.keys % np.uint64(shards)
    for shard in range(shards):
        if len(found := np.flatnonzero(homes == shard)):
            yield shard, _take(whole, found)


def _sort_keys(blocks: Sequence[KeyBlock], max_holders: int) -> KeyBlock:
    """By key, those of authors with most works first; without what is hot."""
    if not blocks:
        return _NO_KEYS
    whole = _concatenate(blocks)
    whole = _take(whole, np.lexsort((whole.holders, -whole.works, whole.keys)))
    _, firsts, inverse, counts = np.unique(whole.keys, return_index=True, return_inverse=True, return_counts=True)
    place = np.arange(len(whole.keys)) - firsts[inverse]
    hot = counts[inverse] > max_holders
    return _take(whole, np.flatnonzero(~hot | (_TRIMMED[whole.kinds] & (place < max_holders))))


def _join_block(held: KeyBlock, block: KeyBlock, total: int, config: CandidateConfig) -> Iterator[tuple[int, Votes]]:
    first, end = (np.searchsorted(held.keys, block.keys, side) for side in ("left", "right"))
    counts = end - first
    row = np.repeat(np.arange(len(counts)), counts)
    if not len(row):
        return
    other = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts) + first[row]
    kinds = block.kinds[row]
    rarity = np.log(max(total, 2) / np.maximum(counts, 1)).astype(np.float32)[row] / 10
    shared = _KIND_WEIGHTS[kinds] * rarity + _WORD_WEIGHT * block.weights[row] * held.weights[other]
    named = _NAMES[kinds]
    votes = Votes(held.holders[other], np.where(named, shared, 0), np.where(named, 0, shared), held.works[other])
    order = np.argsort(block.holders[row], kind="stable")
    holders, starts = np.unique(block.holders[row][order], return_index=True)
    for holder, rows in zip(holders, np.split(order, starts[1:]), strict=True):
        yield int(holder), _prune(_join_votes([_take(votes, rows)]), config)


def _join_votes(parts: Sequence[Votes]) -> Votes:
    """Each author once: the best by name, and the sum of texts."""
    whole = _concatenate(parts)
    authors, inverse = np.unique(whole.authors, return_inverse=True)
    names, texts, works = np.zeros((3, len(authors)), np.float32)
    np.maximum.at(names, inverse, whole.names)
    np.add.at(texts, inverse, whole.texts)
    works[inverse] = whole.works
    return Votes(authors, names, texts, works)


def _prune(votes: Votes, config: CandidateConfig) -> Votes:
    """What can still be among the candidates when all shards have voted, nearly always."""
    by_name = _first(np.where(votes.names > 0, votes.names + _WORKS_WEIGHT * votes.works, -np.inf), 4 * config.by_name)
    by_text = _first(np.where(votes.texts > 0, votes.texts, -np.inf), 4 * config.by_text)
    return _take(votes, np.union1d(by_name, by_text))


def _first(order: NDArray[np.floating], most: int) -> NDArray[np.intp]:
    """Where the greatest are, the greatest first; minus infinity is none."""
    found = np.argsort(-order, kind="stable")[:most]
    chosen: NDArray[np.intp] = found[np.isfinite(order[found])]
    return chosen


def _concatenate(parts: Sequence[_Columns]) -> _Columns:
    kind = type(parts[0])
    return kind(*(np.concatenate([getattr(part, name) for part in parts]) for name in kind.__slots__))


def _take(whole: _Columns, rows: NDArray[np.integer]) -> _Columns:
    kind = type(whole)
    return kind(*(getattr(whole, name)[rows] for name in kind.__slots__))
