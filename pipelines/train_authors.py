"""Trains the model of attribute_audiobooks, and sets its thresholds on audiobooks that trained nothing.

    linernotes train_authors --config configs/train_authors.yaml

Audiobooks are split into folds that no author is in two of. Networks score the fold that they have not seen; that is
what the second round learns from, what thresholds are set on, and what the figures say. What ships are the networks of
all folds together. Seeded: on one machine the same data give the same figures.
"""

import argparse
import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from tqdm import tqdm

from configs.loading import load_config
from models.attribution import AttributionConfig
from models.audiobooks import Audiobook, Author
from models.author_network import (
    AuthorNetworkConfig,
    build_author_network,
    export_author_networks,
    score_pairs,
    train_author_network,
)
from models.candidates import CandidateConfig, digest
from models.clusters import make_orphan
from models.knowledge_base import join_same, merge_authors, read_audiobook
from models.link_evaluation import Verdict, describe_links_figures, evaluate_links
from models.manifests import ManifestError
from models.neighbours import Heard, NeighbourConfig
from models.new_authors import name_new_authors
from models.pairs import Pairs, graph_features, list_candidates, pair_features
from models.profiles import AudiobookProfile, AuthorProfile, Rarity, count_rarity, profile_audiobook, profile_author
from models.thresholds import Scored, choose_thresholds
from models.undistributed import extend_pairs, find_pairs, hear_neighbours
from pipelines.gold import Gold, find_slices, read_gold
from transforms.audiobooks import list_authors
from transforms.files import read_records

_Floats = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Config:
    """audiobooks, authors: as attribute_audiobooks takes them. gold: see pipelines.gold. output: the model's folder.
    precision: of links without review among those of all folds, with one more error than was seen.
    """

    name: str
    audiobooks: str
    authors: str
    gold: str
    output: str
    id_column: str = "media_id"
    candidates: CandidateConfig = dataclasses.field(default_factory=CandidateConfig)
    neighbours: NeighbourConfig = dataclasses.field(default_factory=NeighbourConfig)
    network: AuthorNetworkConfig = dataclasses.field(default_factory=AuthorNetworkConfig)
    folds: int = 8
    precision: float = 0.985
    seed: int = 1

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise ValueError(f"folds must be at least 2, got {self.folds}")
        if not 0 < self.precision < 1:
            raise ValueError(f"precision must be between 0 and 1, got {self.precision}")


@dataclasses.dataclass
class _Known:
    """All that training looks at, in this process."""

    profiles: list[AudiobookProfile]
    gold: list[frozenset[str]]  # of each audiobook
    folds: NDArray[np.int64]  # of each audiobook
    authors: dict[int, AuthorProfile]  # by digest
    rarity: Rarity


def main(arguments: Sequence[str]) -> int:
    """Trains, writes the model with its figures, and prints them; 0."""
    parser = argparse.ArgumentParser(prog="linernotes train_authors", description=__doc__.partition("\n")[0])
    parser.add_argument("--config", default="configs/train_authors.yaml")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[])
    options = parser.parse_args(arguments)
    config = load_config(Config, options.config, options.set)
    gold = read_gold(config.gold, config.id_column, config.authors)
    known = _read(config, gold)

    pairs = list(find_pairs(known.profiles, known.authors, known.rarity, config.candidates))
    features = [pair_features(each, profile.mentions) for each, profile in zip(pairs, known.profiles, strict=True)]
    first, scores = _cross_train(config, known, pairs, features)

    heard = hear_neighbours(known.profiles, pairs, scores, config.neighbours)
    pairs, scores = _extend(known, pairs, scores, heard)
    features = [
        graph_features(each, profile.mentions, score, neighbours)
        for each, profile, score, neighbours in zip(pairs, known.profiles, scores, heard, strict=True)
    ]
    second, scores = _cross_train(config, known, pairs, features)

    scored = _list_scored(known, pairs, scores)
    attribution = choose_thresholds(scored, config.precision)
    figures = evaluate_links(list(_judge(known, scored, heard, attribution, gold)))
    _write(config, first, second, attribution, figures)
    print(describe_links_figures(figures))
    return 0


def _read(config: Config, gold: Gold) -> _Known:
    authors = _merge(list(list_authors(config.authors)))
    rarity = count_rarity(authors)
    books = list(_list_audiobooks(config))
    missing = [book.media_id for book in books if book.media_id not in gold]
    if missing:
        raise ManifestError(f"{config.gold}: expected the authors of all audiobooks, found none of {missing[0]}")
    truths = [gold[book.media_id]["authors"] for book in books]
    return _Known(
        [profile_audiobook(book, rarity) for book in tqdm(books, unit="audiobook", disable=None)],
        truths,
        _split(truths, config.folds, config.seed),
        {digest(each.author_id): profile_author(each, rarity) for each in tqdm(authors, unit="author", disable=None)},
        rarity,
    )


def _merge(authors: Sequence[Author]) -> list[Author]:
    same = join_same((each.author_id, other) for each in authors for other in each.same_as)
    people: dict[str, list[Author]] = {}
    for each in authors:
        people.setdefault(same.get(each.author_id, each.author_id), []).append(each)
    return [merge_authors(found) for found in people.values()]


def _list_audiobooks(config: Config) -> Iterator[Audiobook]:
    for where, row in read_records(config.audiobooks):
        yield read_audiobook(row, where, config.id_column)


def _split(truths: Sequence[frozenset[str]], folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each audiobook: those that have an author in common are in one."""
    same = join_same((min(truth), author_id) for truth in truths for author_id in truth)
    rng = np.random.default_rng(seed)
    homes: dict[str, int] = {}
    return np.array([homes.setdefault(same[min(truth)], int(rng.integers(folds))) for truth in truths])


def _cross_train(
    config: Config, known: _Known, pairs: Sequence[Pairs], features: Sequence[_Floats]
) -> tuple[list[Any], list[_Floats]]:
    """A network for each fold, and what it says of that fold's pairs, which it has not seen."""
    sizes = [len(each) for each in features]
    whole = np.concatenate(features)
    labels = np.array(
        [author_id in truth for each, truth in zip(pairs, known.gold, strict=True) for author_id in each.author_ids]
    )
    folds = np.repeat(known.folds, sizes)
    scores = np.zeros(len(whole), np.float32)
    networks = []
    for fold in tqdm(range(config.folds), unit="network", disable=None):
        seen = folds != fold
        network = build_author_network(whole[seen], config.network, config.seed + fold)
        train_author_network(network, whole[seen], labels[seen], config.network, config.seed + fold)
        scores[~seen] = score_pairs(network, whole[~seen])
        networks.append(network)
    return networks, np.split(scores, np.cumsum(sizes)[:-1])


def _extend(
    known: _Known, pairs: Sequence[Pairs], scores: Sequence[_Floats], heard: Sequence[Heard]
) -> tuple[list[Pairs], list[_Floats]]:
    extended = [
        extend_pairs(*each, known.authors, known.rarity)
        for each in zip(known.profiles, pairs, scores, heard, strict=True)
    ]
    return [each for each, _ in extended], [score for _, score in extended]


def _list_scored(known: _Known, pairs: Sequence[Pairs], scores: Sequence[_Floats]) -> list[Scored]:
    return [
        Scored(each.media_id, profile.mentions, list_candidates(each, score), truth)
        for profile, each, score, truth in zip(known.profiles, pairs, scores, known.gold, strict=True)
    ]


def _judge(
    known: _Known, scored: Sequence[Scored], heard: Sequence[Heard], attribution: AttributionConfig, gold: Gold
) -> Iterator[Verdict]:
    decided = [each.attribute(attribution) for each in scored]
    orphans = [
        make_orphan(profile, neighbours.narrators)
        for profile, each, neighbours in zip(known.profiles, decided, heard, strict=True)
        if not each.links
    ]
    new = {media_id: row.new_author_id for row in name_new_authors(orphans, [], {}) for media_id in row.media_ids}
    for each in decided:
        row = gold[each.media_id]
        found = frozenset(link.author_id for link in each.links)
        auto = each.decision == "linked"
        yield Verdict(each.media_id, row["authors"], found, new.get(each.media_id), auto, find_slices(row))


def _write(
    config: Config,
    first: Sequence[Any],
    second: Sequence[Any],
    attribution: AttributionConfig,
    figures: Mapping[str, Any],
) -> None:
    """The model's folder: pairs/, graph/, model.yaml, figures.json. Networks are written aside, then put in place."""
    folder = Path(config.output)
    folder.mkdir(parents=True, exist_ok=True)
    for name, networks in (("pairs", first), ("graph", second)):
        aside = folder / f"{name}.new"
        export_author_networks(networks, str(aside))
        shutil.rmtree(folder / name, ignore_errors=True)
        aside.rename(folder / name)
    spec = {
        "name": config.name,
        "pairs": "pairs",
        "graph": "graph",
        "attribution": _round(dataclasses.asdict(attribution)),
    }
    (folder / "model.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    (folder / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")


def _round(value: Any) -> Any:
    """All numbers of nested mappings and tuples, to four places."""
    if isinstance(value, Mapping):
        return {key: _round(each) for key, each in value.items()}
    return [_round(each) for each in value] if isinstance(value, tuple) else round(value, 4)
