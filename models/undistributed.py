"""Attribution of a few thousand audiobooks in one process: for training, and for tests of the distributed one."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.candidates import (
    CandidateConfig,
    KeyBlock,
    Votes,
    digest,
    join_keys,
    merge_votes,
    pack_audiobooks,
    pack_authors,
    vote_for,
)
from models.neighbours import Heard, NeighbourConfig, Node, NodeOpinions, find_nodes, join_opinions, listen
from models.pairs import Pairs, compare_pairs, hear, join_pairs, rescore
from models.profiles import AudiobookProfile, AuthorProfile, Rarity

_BATCH = 500
_Floats = NDArray[np.float32]


def find_pairs(
    audiobooks: Sequence[AudiobookProfile],
    authors: Mapping[int, AuthorProfile],
    rarity: Rarity,
    config: CandidateConfig,
) -> Iterator[Pairs]:
    """The pairs of each audiobook. authors: by digest of their ids."""
    held: dict[int, tuple[list[KeyBlock], list[KeyBlock]]] = defaultdict(lambda: ([], []))
    listed = list(authors.values())
    for start in range(0, len(listed), _BATCH):
        for shard, block in pack_authors(listed[start : start + _BATCH], config):
            held[shard][0].append(block)
    for start in range(0, len(audiobooks), _BATCH):
        for shard, block in pack_audiobooks(audiobooks[start : start + _BATCH], config):
            held[shard][1].append(block)
    votes: dict[int, list[Votes]] = defaultdict(list)
    for blocks in held.values():
        for number, each in join_keys(*blocks, rarity.authors, config):
            votes[number].append(each)
    for profile in audiobooks:
        merged = merge_votes(votes[digest(profile.audiobook.media_id)], profile.people, config)
        yield compare_pairs(profile, merged, authors, rarity)


def hear_neighbours(
    audiobooks: Sequence[AudiobookProfile], pairs: Sequence[Pairs], scores: Sequence[_Floats], config: NeighbourConfig
) -> list[Heard]:
    """What each audiobook hears from its neighbours."""
    holders: dict[Node, list[int]] = defaultdict(list)
    for number, profile in enumerate(audiobooks):
        for node in find_nodes(profile):
            holders[node].append(number)
    said = [hear(each, score) for each, score in zip(pairs, scores, strict=True)]
    opinions: list[dict[Node, NodeOpinions]] = [{} for _ in audiobooks]
    for node, numbers in holders.items():
        if 1 < len(numbers) <= config.max_audiobooks:
            joined = join_opinions((said[each] for each in numbers), config.max_authors)
            for each in numbers:
                opinions[each][node] = joined
    return [listen(each.author_ids, own, heard, config) for each, own, heard in zip(pairs, said, opinions, strict=True)]


def extend_pairs(
    profile: AudiobookProfile,
    pairs: Pairs,
    scores: _Floats,
    heard: Heard,
    authors: Mapping[int, AuthorProfile],
    rarity: Rarity,
) -> tuple[Pairs, _Floats]:
    """The pairs with those that neighbours suggest, whose scores are 0."""
    suggested = compare_pairs(profile, vote_for(heard.suggested), authors, rarity)
    extended = join_pairs(pairs.media_id, [pairs, suggested])
    return extended, rescore(extended, dict(zip(pairs.author_ids, scores.tolist(), strict=True)))
