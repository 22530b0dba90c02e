"""Candidates, lifted to PCollections: which authors an audiobook may have, and what speaks for each.

Keys and authors are spread over shards, and packed: an element is all keys of a batch in one shard, or an audiobook
that visits a shard in which some of its candidates live. No worker holds the knowledge base.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import AsSingleton, PCollection

from models.audiobooks import Author
from models.candidates import (
    CandidateConfig,
    KeyBlock,
    Votes,
    digest,
    join_keys,
    merge_votes,
    pack_audiobooks,
    pack_authors,
)
from models.pairs import Pairs, compare_pairs
from models.profiles import AudiobookProfile, AuthorProfile, Rarity, count_rarity, join_rarity

_BATCH = 500  # audiobooks or authors whose keys are packed together


@dataclasses.dataclass(frozen=True, slots=True)
class Visit:
    """An audiobook on its way to a shard, with those of its candidates that live there."""

    profile: AudiobookProfile
    votes: Votes


@dataclasses.dataclass
class CountRarity(beam.PTransform[Any, Any]):
    """The statistics of a knowledge base, one element."""

    def expand(self, authors: PCollection[Author]) -> PCollection[Rarity]:
        counted: PCollection[Rarity] = (
            authors
            | beam.BatchElements(_BATCH, 4 * _BATCH)
            | beam.Map(count_rarity)
            | beam.CombineGlobally(lambda parts: join_rarity(list(parts)))
        )
        return counted


@dataclasses.dataclass
class FindCandidates(beam.PTransform[Any, Any]):
    """Takes {"audiobooks": profiles, "authors": profiles}; yields each audiobook's visits by shard of authors."""

    config: CandidateConfig
    rarity: AsSingleton

    def expand(self, profiles: Any) -> PCollection[tuple[int, Visit]]:
        blocks = {
            "authors": profiles["authors"] | "Pack authors" >> _PackKeys(pack_authors, self.config),
            "audiobooks": profiles["audiobooks"] | "Pack audiobooks" >> _PackKeys(pack_audiobooks, self.config),
        }
        votes = blocks | "Meet" >> beam.CoGroupByKey() | beam.FlatMap(_join_keys, self.rarity, self.config)
        by_digest = profiles["audiobooks"] | beam.Map(lambda each: (digest(each.audiobook.media_id), each))
        groups = {"profile": by_digest, "votes": votes}
        visits: PCollection[tuple[int, Visit]] = (
            groups | "Vote" >> beam.CoGroupByKey() | "Visit" >> beam.FlatMap(_visit, self.config)
        )
        return visits


@dataclasses.dataclass
class CompareVisits(beam.PTransform[Any, Any]):
    """Takes {"authors": profiles, "visits": visits}; yields Pairs of each visit by media_id: of one shard's authors."""

    config: CandidateConfig
    rarity: AsSingleton

    def expand(self, inputs: Any) -> PCollection[tuple[str, Pairs]]:
        authors = inputs["authors"] | beam.Map(_house, self.config.author_shards)
        groups = {"authors": authors, "visits": inputs["visits"]}
        pairs: PCollection[tuple[str, Pairs]] = (
            groups | beam.CoGroupByKey() | "Compare" >> beam.FlatMap(_compare, self.rarity)
        )
        return pairs


@dataclasses.dataclass
class _PackKeys(beam.PTransform[Any, Any]):
    pack: Callable[[Sequence[Any], CandidateConfig], Iterator[tuple[int, KeyBlock]]]
    config: CandidateConfig

    def expand(self, profiles: PCollection[Any]) -> PCollection[tuple[int, KeyBlock]]:
        blocks: PCollection[tuple[int, KeyBlock]] = (
            profiles | beam.BatchElements(_BATCH, _BATCH) | beam.FlatMap(self.pack, self.config)
        )
        return blocks


def _join_keys(
    blocks_by_shard: tuple[int, dict[str, Iterable[KeyBlock]]], rarity: Rarity, config: CandidateConfig
) -> Iterator[tuple[int, Votes]]:
    _, blocks = blocks_by_shard
    authors = list(blocks["authors"])
    yield from join_keys(authors, blocks["audiobooks"], rarity.authors, config, _count_dropped)


def _count_dropped(holdings: int) -> None:
    Metrics.counter("linernotes", "hot_key_holdings_dropped").inc(holdings)


def _visit(grouped: tuple[int, dict[str, Iterable[Any]]], config: CandidateConfig) -> Iterator[tuple[int, Visit]]:
    _, found = grouped
    for profile in found["profile"]:
        candidates = merge_votes(found["votes"], profile.people, config)
        Metrics.distribution("linernotes", "candidates").update(len(candidates.authors))
        for shard, votes in candidates.split(config.author_shards):
            yield shard, Visit(profile, votes)


def _house(profile: AuthorProfile, shards: int) -> tuple[int, tuple[int, AuthorProfile]]:
    number = digest(profile.author.author_id)
    return number % shards, (number, profile)


def _compare(grouped: tuple[int, dict[str, Iterable[Any]]], rarity: Rarity) -> Iterator[tuple[str, Pairs]]:
    _, found = grouped
    authors = dict(found["authors"])
    for visit in found["visits"]:
        yield visit.profile.audiobook.media_id, compare_pairs(visit.profile, visit.votes, authors, rarity)
