"""Pairs of an audiobook and an author it may have: all of an audiobook's together, with what speaks for each."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.attribution import Candidate, name_evidence
from models.candidates import Votes, digest
from models.comparisons import FEATURES, compare, stack
from models.contexts import CONTEXT_FEATURES, SCORE_FEATURES, compare_candidates, compare_scores
from models.mentions import Mention
from models.neighbours import NEIGHBOUR_FEATURES, Heard
from models.profiles import AudiobookProfile, AuthorProfile, Rarity

VOTE_FEATURES = ("votes_by_name", "votes_by_text")
PAIR_FEATURES = (*FEATURES, *VOTE_FEATURES, *CONTEXT_FEATURES)  # what the first network takes
GRAPH_FEATURES = (*PAIR_FEATURES, *NEIGHBOUR_FEATURES, *SCORE_FEATURES)  # the second

_HEARD = 0.01  # a score below that is of nobody's interest
_LEAST = 0.02  # of a candidate that may be linked, or be a runner-up

_Floats = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True)
class Pairs:
    """The authors that an audiobook may have, in the order of their ids."""

    media_id: str
    author_ids: tuple[str, ...]
    names: tuple[str, ...]  # of the authors
    mentions: NDArray[np.int32]  # which of the audiobook's mentions names each, -1: none does
    features: _Floats  # (authors, FEATURES and VOTE_FEATURES)


def compare_pairs(
    profile: AudiobookProfile, votes: Votes, authors: Mapping[int, AuthorProfile], rarity: Rarity
) -> Pairs:
    """The audiobook with those of its candidates that are among these authors, by digest."""
    known = {authors[int(each)].author.author_id: row for row, each in enumerate(votes.authors) if int(each) in authors}
    ids = sorted(known)
    found = [authors[digest(author_id)] for author_id in ids]
    compared = [compare(profile, author, rarity) for author in found]
    rows = [known[author_id] for author_id in ids]
    features = np.hstack([stack([each for _, each in compared]), np.stack([votes.names[rows], votes.texts[rows]], 1)])
    return Pairs(
        profile.audiobook.media_id,
        tuple(ids),
        tuple(author.author.name for author in found),
        np.array([mention for mention, _ in compared], np.int32),
        features.astype(np.float32),
    )


def join_pairs(media_id: str, parts: Iterable[Pairs]) -> Pairs:
    """One audiobook's pairs, of authors from several shards; also of none."""
    kept = [part for part in parts if part.author_ids]
    if not kept:
        return Pairs(
            media_id, (), (), np.empty(0, np.int32), np.empty((0, len(FEATURES) + len(VOTE_FEATURES)), np.float32)
        )
    ids = [author_id for part in kept for author_id in part.author_ids]
    names = [name for part in kept for name in part.names]
    order = sorted(range(len(ids)), key=lambda row: ids[row])
    mentions = np.concatenate([part.mentions for part in kept])[order]
    features = np.concatenate([part.features for part in kept])[order]
    return Pairs(media_id, tuple(ids[row] for row in order), tuple(names[row] for row in order), mentions, features)


def pair_features(pairs: Pairs, mentions: Sequence[Mention]) -> _Floats:
    """(authors, PAIR_FEATURES)."""
    if not pairs.author_ids:
        return np.empty((0, len(PAIR_FEATURES)), np.float32)
    strings = _find_strings(pairs, mentions)
    return np.hstack([pairs.features, compare_candidates(pairs.features, strings)]).astype(np.float32)


def graph_features(pairs: Pairs, mentions: Sequence[Mention], scores: _Floats, heard: Heard) -> _Floats:
    """(authors, GRAPH_FEATURES). scores: of the first network, (authors,). heard: of these authors at least."""
    if not pairs.author_ids:
        return np.empty((0, len(GRAPH_FEATURES)), np.float32)
    place = {author_id: row for row, author_id in enumerate(heard.author_ids)}
    neighbours = heard.features[[place[author_id] for author_id in pairs.author_ids]]
    strings = _find_strings(pairs, mentions)
    columns = [pair_features(pairs, mentions), neighbours, compare_scores(scores, strings)]
    return np.hstack(columns).astype(np.float32)


def hear(pairs: Pairs, scores: _Floats) -> dict[str, float]:
    """What the audiobook tells its neighbours: the score of each author that is worth a word."""
    return {
        author_id: float(score) for author_id, score in zip(pairs.author_ids, scores, strict=True) if score > _HEARD
    }


def rescore(pairs: Pairs, scores: Mapping[str, float]) -> _Floats:
    """The authors' scores in the pairs' order; 0 of whom has none."""
    return np.array([scores.get(author_id, 0.0) for author_id in pairs.author_ids], np.float32)


def list_candidates(pairs: Pairs, scores: _Floats) -> list[Candidate]:
    """The pairs that may be linked, or be runners-up."""
    return [
        Candidate(author_id, int(mention), name_evidence(features), float(score))
        for author_id, mention, features, score in zip(
            pairs.author_ids, pairs.mentions, pairs.features, scores, strict=True
        )
        if score > _LEAST
    ]


def _find_strings(pairs: Pairs, mentions: Sequence[Mention]) -> NDArray[np.int64]:
    """Of each author a number for the string that names it, and the piece of it; -1: none."""
    places = [(mention.contributor, mention.span[0]) for mention in mentions]
    numbers = {place: number for number, place in enumerate(dict.fromkeys(places))}
    return np.array([numbers[places[mention]] if mention >= 0 else -1 for mention in pairs.mentions], np.int64)
