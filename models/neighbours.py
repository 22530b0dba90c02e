"""Neighbours: what other audiobooks at the same node (a name, narrator, title, series or genre) say about an author.

A node's opinion is summed once, over all of its audiobooks, and handed back to each; who receives it takes its own
contribution out. So the cost is the number of edges, and no two audiobooks ever meet.
"""

import dataclasses
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.names import is_initial
from models.profiles import AudiobookProfile
from models.records import Neighbours, NodeOpinion

NODE_KINDS = ("name", "narrator", "title", "genre")
_MEASURES = ("sum", "share", "best", "others")
NEIGHBOUR_FEATURES = tuple(f"{kind}_{measure}" for kind in NODE_KINDS for measure in _MEASURES)


@dataclasses.dataclass(frozen=True)
class NeighbourConfig:
    """max_audiobooks: a node of more is a hub, and says nothing. max_authors: of whom a node has an opinion.
    least_opinion: of an author, for a node to suggest him. max_suggested: authors, to an audiobook.
    """

    max_audiobooks: int = 300
    max_authors: int = 40
    least_opinion: float = 0.3
    max_suggested: int = 15

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if not getattr(self, field.name) > 0:
                raise ValueError(f"{field.name} must be positive, got {getattr(self, field.name)}")


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Node:
    """What audiobooks can have in common. kind: one of NODE_KINDS."""

    kind: str
    text: str


class Opinion(NamedTuple):  # a tuple is pickled several times as fast as a dataclass, and these travel by the million
    """Of a node about one author: the sum of its audiobooks' scores, the best and the second best of them."""

    total: float
    best: float
    second: float


@dataclasses.dataclass(frozen=True, slots=True)
class NodeOpinions:
    """Of a node about all authors it knows. audiobooks: how many hold the node."""

    audiobooks: int
    by_author: Mapping[str, Opinion]


@dataclasses.dataclass(frozen=True, slots=True)
class Heard:
    """What an audiobook hears from its neighbours."""

    author_ids: tuple[str, ...]  # those that it may have, and then the suggested
    features: NDArray[np.float32]  # (authors, NEIGHBOUR_FEATURES)
    suggested: tuple[str, ...]
    nodes: Mapping[Node, int]  # how many audiobooks are at each node that it is not alone at
    loudest: NDArray[np.int32]  # (authors, NODE_KINDS): the place among nodes of that which says most; -1: none

    @property
    def narrators(self) -> dict[str, int]:
        """By key of a name how many audiobooks it is claimed to narrate."""
        return {node.text: audiobooks for node, audiobooks in self.nodes.items() if node.kind == "narrator"}


class _Voice(NamedTuple):
    measures: tuple[float, float, float, float]  # _MEASURES
    place: int  # of the node among all


def find_nodes(profile: AudiobookProfile) -> frozenset[Node]:
    """The nodes of an audiobook. The names of narrators are nodes apart: a narrator reads many authors."""
    nodes = {Node("title", key) for key in profile.title_keys if " " in key}
    nodes |= {Node("genre", genre) for genre in profile.genres if len(profile.genres) < 20}
    for mention in profile.mentions:
        if all(map(is_initial, mention.name.tokens)):
            continue
        nodes.add(Node("narrator" if mention.role == "narrator" else "name", mention.name.key))
    return frozenset(nodes)


def join_opinions(scores: Iterable[Mapping[str, float]], keep: int = 40) -> NodeOpinions:
    """A node's opinions from the author scores of each of its audiobooks; of hubs the strongest are kept."""
    found: dict[str, list[float]] = defaultdict(list)
    audiobooks = 0
    for each in scores:
        audiobooks += 1
        for author_id, score in each.items():
            found[author_id].append(score)
    opinions = {author_id: _sum_up(values) for author_id, values in found.items()}
    strongest = sorted(opinions, key=lambda author_id: (-opinions[author_id].total, author_id))[:keep]
    return NodeOpinions(audiobooks, {author_id: opinions[author_id] for author_id in strongest})


def _sum_up(values: Sequence[float]) -> Opinion:
    ordered = sorted(values, reverse=True)
    return Opinion(sum(ordered), ordered[0], ordered[1] if len(ordered) > 1 else 0.0)


def listen(
    author_ids: Sequence[str], said: Mapping[str, float], opinions: Mapping[Node, NodeOpinions], config: NeighbourConfig
) -> Heard:
    """What an audiobook, which said so much itself of authors, hears from its nodes."""
    suggested = [
        each for each in suggest_authors(opinions, config.least_opinion, config.max_suggested) if each not in author_ids
    ]
    heard_of = (*author_ids, *suggested)
    nodes = {node: opinions[node] for node in sorted(opinions) if opinions[node].audiobooks > 1}
    voices = [_find_loudest(author_id, said.get(author_id, 0.0), nodes) for author_id in heard_of]
    features = np.array([_list_measures(each) for each in voices], np.float32)
    loudest = np.array([[voice.place for voice in each] for each in voices], np.int32)
    return Heard(
        heard_of,
        features.reshape(len(voices), len(NEIGHBOUR_FEATURES)),
        tuple(suggested),
        {node: each.audiobooks for node, each in nodes.items()},
        loudest.reshape(len(voices), len(NODE_KINDS)),
    )


def neighbour_features(author_id: str, own: float, nodes: Mapping[Node, NodeOpinions]) -> list[float]:
    """NEIGHBOUR_FEATURES of a pair that had the score own: of each kind the node that says most, itself left out."""
    return _list_measures(_find_loudest(author_id, own, nodes))


def _find_loudest(author_id: str, own: float, nodes: Mapping[Node, NodeOpinions]) -> list[_Voice]:
    """Of each of NODE_KINDS the node that says most; of equals the last."""
    loudest = dict.fromkeys(NODE_KINDS, _Voice((0.0, 0.0, 0.0, 0.0), -1))
    for place, (node, opinions) in enumerate(nodes.items()):
        others = opinions.audiobooks - 1
        if not others:
            continue
        opinion = opinions.by_author.get(author_id, Opinion(own, own, 0.0))
        total = max(opinion.total - own, 0.0)
        rest = opinion.second if opinion.best <= own else opinion.best
        voice = _Voice((total, total / others, rest, math.log1p(others)), place)
        loudest[node.kind] = max(loudest[node.kind], voice)
    return [loudest[kind] for kind in NODE_KINDS]


def _list_measures(voices: Iterable[_Voice]) -> list[float]:
    return [value for voice in voices for value in voice.measures]


def describe_neighbours(heard: Heard, author_ids: Iterable[str]) -> list[Neighbours]:
    """All nodes, for a person to check, with what was heard at them of these authors."""
    opinions: dict[int, list[NodeOpinion]] = defaultdict(list)
    for author_id in dict.fromkeys(author_ids):
        row = heard.author_ids.index(author_id)
        measures = heard.features[row].reshape(len(NODE_KINDS), len(_MEASURES)).tolist()
        for place, (total, _, best, _) in zip(heard.loudest[row].tolist(), measures, strict=True):
            if place >= 0:
                opinions[place].append(NodeOpinion(author_id, total, best))
    return [
        Neighbours(node.kind, node.text, audiobooks - 1, tuple(opinions[place]))
        for place, (node, audiobooks) in enumerate(heard.nodes.items())
    ]


def suggest_authors(nodes: Mapping[Node, NodeOpinions], least: float = 0.3, most: int = 15) -> list[str]:
    """Authors that the nodes other than genres think of, likeliest first: candidates that no key would have found."""
    found: dict[str, float] = {}
    for node, opinions in nodes.items():
        if node.kind != "genre" and opinions.audiobooks > 1:
            for author_id, opinion in opinions.by_author.items():
                if opinion.best >= least:
                    found[author_id] = max(found.get(author_id, 0.0), opinion.total / opinions.audiobooks)
    return sorted(found, key=lambda author_id: (-found[author_id], author_id))[:most]
