"""Attribution, lifted to PCollections: pairs to scores, neighbours to opinions, and both to links and new authors."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.metrics.metric import Metrics
from apache_beam.ml.inference.base import ModelHandler, RunInference
from apache_beam.pvalue import AsSingleton, PCollection, TaggedOutput
from numpy.typing import NDArray

from models.attribution import AttributionConfig, attribute, describe_links
from models.candidates import CandidateConfig, vote_for
from models.clusters import make_orphan
from models.mentions import Mention
from models.neighbours import (
    Heard,
    NeighbourConfig,
    Node,
    NodeOpinions,
    describe_neighbours,
    find_nodes,
    join_opinions,
    listen,
)
from models.new_authors import name_new_authors
from models.pairs import Pairs, graph_features, hear, join_pairs, list_candidates, pair_features, rescore
from models.profiles import AudiobookProfile, Rarity, profile_audiobook, profile_author
from models.records import AuthorLinks, NewAuthor
from models.runtimes import Runtime, open_runtime
from transforms.audiobooks import AudiobookFile
from transforms.candidates import CompareVisits, CountRarity, FindCandidates, Visit
from transforms.fetching import fetch

_BATCH = 64  # audiobooks scored together
_Floats = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """An audiobook with the authors that it may have, and what is known of them so far."""

    profile: AudiobookProfile
    pairs: Pairs
    scores: _Floats | None = None  # (authors,); None: not scored yet
    heard: Heard | None = None  # None: the neighbours have not been asked yet

    @property
    def media_id(self) -> str:
        return self.pairs.media_id

    @property
    def mentions(self) -> Sequence[Mention]:
        return self.profile.mentions


def features_of_pairs(case: Case) -> _Floats:
    """What the first network takes."""
    return pair_features(case.pairs, case.mentions)


def features_of_graph(case: Case) -> _Floats:
    """What the second network takes."""
    assert case.scores is not None  # the first has scored it
    assert case.heard is not None
    return graph_features(case.pairs, case.mentions, case.scores, case.heard)


@dataclasses.dataclass
class FindCases(beam.PTransform[Any, Any]):
    """Takes {"audiobooks", "authors"}; yields the profiles of both, and a case, not scored yet, of each audiobook."""

    candidates: CandidateConfig
    rarity: AsSingleton

    def expand(self, inputs: Any) -> PCollection[Case]:
        visits = inputs | FindCandidates(self.candidates, self.rarity)
        pairs = {"authors": inputs["authors"], "visits": visits} | CompareVisits(self.candidates, self.rarity)
        cases: PCollection[Case] = {"audiobooks": inputs["audiobooks"], "pairs": pairs} | MakeCases()
        return cases


@dataclasses.dataclass
class ScoreAudiobooks(beam.PTransform[Any, Any]):
    """Takes {"audiobooks": AudiobookFiles, "authors"}; yields the cases with the scores of both networks' rounds."""

    pairs_model: str  # the folder of a SavedModel, anywhere that models are fetched from
    graph_model: str
    candidates: CandidateConfig
    neighbours: NeighbourConfig

    def expand(self, inputs: Any) -> PCollection[Case]:
        rarity = AsSingleton(inputs["authors"] | CountRarity())
        profiles = {
            "audiobooks": inputs["audiobooks"] | "Profile audiobooks" >> beam.Map(_profile_audiobook, rarity),
            "authors": inputs["authors"] | "Profile authors" >> beam.Map(profile_author, rarity),
        }
        alone = profiles | FindCases(self.candidates, rarity)
        first = alone | "Score pairs" >> ScorePairs(self.pairs_model, features_of_pairs)
        heard = {"cases": first, "authors": profiles["authors"]} | HearNeighbours(
            self.neighbours, self.candidates, rarity
        )
        cases: PCollection[Case] = heard | "Score graph" >> ScorePairs(self.graph_model, features_of_graph)
        return cases


@dataclasses.dataclass
class ScorePairs(beam.PTransform[Any, Any]):
    """The cases with the scores of a network, which takes their features and gives logits of its members."""

    model: str  # a SavedModel's folder
    features: Callable[[Case], _Floats]

    def expand(self, cases: PCollection[Case]) -> PCollection[Case]:
        scored: PCollection[Case] = cases | RunInference(_PairModelHandler(self.model, self.features))
        return scored


@dataclasses.dataclass
class MakeCases(beam.PTransform[Any, Any]):
    """Takes {"audiobooks": profiles, "pairs": Pairs by media_id}; yields a case of each audiobook."""

    def expand(self, inputs: Any) -> PCollection[Case]:
        profiles = inputs["audiobooks"] | beam.Map(lambda each: (each.audiobook.media_id, each))
        cases: PCollection[Case] = (
            {"profile": profiles, "pairs": inputs["pairs"]} | beam.CoGroupByKey() | "Join" >> beam.FlatMap(_make_case)
        )
        return cases


@dataclasses.dataclass
class HearNeighbours(beam.PTransform[Any, Any]):
    """Takes {"cases", "authors": profiles}; yields the cases with what other audiobooks at their nodes say of authors,
    those among them whom no key had found.
    """

    config: NeighbourConfig
    candidates: CandidateConfig
    rarity: AsSingleton

    def expand(self, inputs: Any) -> PCollection[Case]:
        opinions = (
            inputs["cases"]
            | "Speak" >> beam.FlatMap(_speak)
            | "Meet" >> beam.GroupByKey()
            | "Answer" >> beam.FlatMap(_answer, self.config)
        )
        by_media_id = inputs["cases"] | "Key cases" >> beam.Map(lambda case: (case.media_id, case))
        heard = (
            {"case": by_media_id, "opinions": opinions}
            | beam.CoGroupByKey()
            | "Listen" >> beam.FlatMap(_listen, self.config)
        )
        visits = heard | "Suggest" >> beam.FlatMap(_suggest, self.candidates.author_shards)
        groups = {
            "case": heard | "Key heard" >> beam.Map(lambda case: (case.media_id, case)),
            "pairs": {"authors": inputs["authors"], "visits": visits} | CompareVisits(self.candidates, self.rarity),
        }
        cases: PCollection[Case] = groups | "Meet suggested" >> beam.CoGroupByKey() | beam.FlatMap(_extend)
        return cases


@dataclasses.dataclass
class DecideLinks(beam.PTransform[Any, Any]):
    """Of each case its links (without a new author), and an Orphan if it has none."""

    config: AttributionConfig

    def expand(self, cases: PCollection[Case]) -> Any:  # PCollections of AuthorLinks and Orphan
        outputs = cases | beam.FlatMap(_decide, self.config).with_outputs("orphans", main="links")
        return outputs.links, outputs.orphans


@dataclasses.dataclass
class NameNewAuthors(beam.PTransform[Any, Any]):
    """Takes {"links", "orphans", "yesterday"}; yields the links with new authors, and the rows of these.

    yesterday: rows of new_authors of earlier runs. All orphans meet on one worker: they are a name and a title each.
    """

    def expand(self, inputs: Any) -> Any:  # PCollections of AuthorLinks and NewAuthor
        groups = {name: inputs[name] | f"All {name}" >> beam.Map(lambda each: (None, each)) for name in inputs}
        groups["links"] = inputs["links"] | "Shorten" >> beam.Map(lambda links: (None, _shorten(links)))
        new_authors = groups | beam.CoGroupByKey() | "Name" >> beam.FlatMap(_name)
        keyed = {
            "links": inputs["links"] | "Key links" >> beam.Map(lambda links: (links.media_id, links)),
            "new": new_authors | "List" >> beam.FlatMap(_list_members),
        }
        links = keyed | "Give" >> beam.CoGroupByKey() | beam.FlatMap(_give)
        return links, new_authors


class _PairModelHandler(ModelHandler[Case, Case, Runtime]):
    def __init__(self, model: str, features: Callable[[Case], _Floats]) -> None:
        super().__init__(min_batch_size=_BATCH, max_batch_size=_BATCH)
        self._model, self._features = model, features

    def load_model(self) -> Runtime:
        return open_runtime("saved_model", fetch(self._model))

    def run_inference(
        self, batch: Sequence[Case], model: Runtime, inference_args: dict[str, Any] | None = None
    ) -> list[Case]:
        features = [self._features(case) for case in batch]
        logits = model.predict(np.concatenate(features))
        scores = _to_scores(logits, sum(map(len, features)))
        ends = np.cumsum([len(each) for each in features])[:-1]
        Metrics.counter("linernotes", "pairs_scored").inc(len(scores))
        return [
            dataclasses.replace(case, scores=part) for case, part in zip(batch, np.split(scores, ends), strict=True)
        ]


def _to_scores(outputs: Mapping[str, NDArray[Any]], pairs: int) -> _Floats:
    """Match probabilities of the mean logit of all members."""
    if not pairs:
        return np.empty(0, np.float32)
    (logits,) = outputs.values()
    scores: _Floats = (1 / (1 + np.exp(-logits.mean(axis=1)))).astype(np.float32)
    return scores


def _profile_audiobook(found: AudiobookFile, rarity: Rarity) -> AudiobookProfile:
    return profile_audiobook(found.audiobook, rarity)


def _speak(case: Case) -> Iterator[tuple[str, tuple[str, Node, dict[str, float]]]]:
    assert case.scores is not None  # the first network has scored it
    said = hear(case.pairs, case.scores)
    for node in find_nodes(case.profile):
        yield f"{node.kind} {node.text}", (case.media_id, node, said)


def _answer(
    grouped: tuple[str, Iterable[tuple[str, Node, dict[str, float]]]], config: NeighbourConfig
) -> Iterator[tuple[str, tuple[Node, NodeOpinions]]]:
    _, spoken = grouped
    edges = list(itertools.islice(spoken, config.max_audiobooks + 1))
    if len(edges) > config.max_audiobooks:
        Metrics.counter("linernotes", "hub_nodes_dropped").inc()
    elif len(edges) > 1:
        opinions = join_opinions((said for _, _, said in edges), config.max_authors)
        for media_id, node, _ in edges:
            yield media_id, (node, opinions)


def _make_case(grouped: tuple[str, dict[str, Iterable[Any]]]) -> Iterator[Case]:
    media_id, found = grouped
    for profile in found["profile"]:
        yield Case(profile, join_pairs(media_id, found["pairs"]))


def _listen(grouped: tuple[str, dict[str, Iterable[Any]]], config: NeighbourConfig) -> Iterator[Case]:
    _, found = grouped
    for case in found["case"]:
        assert case.scores is not None  # the first network has scored it
        said = hear(case.pairs, case.scores)
        yield dataclasses.replace(case, heard=listen(case.pairs.author_ids, said, dict(found["opinions"]), config))


def _suggest(case: Case, shards: int) -> Iterator[tuple[int, Visit]]:
    assert case.heard is not None
    for shard, votes in vote_for(case.heard.suggested).split(shards):
        yield shard, Visit(case.profile, votes)


def _extend(grouped: tuple[str, dict[str, Iterable[Any]]]) -> Iterator[Case]:
    """The case with its new pairs, which the first network has not scored: they have 0."""
    media_id, found = grouped
    for case in found["case"]:
        assert case.scores is not None  # the first network has scored the others
        scores = dict(zip(case.pairs.author_ids, case.scores.tolist(), strict=True))
        pairs = join_pairs(media_id, [case.pairs, *found["pairs"]])
        yield dataclasses.replace(case, pairs=pairs, scores=rescore(pairs, scores))


def _decide(case: Case, config: AttributionConfig) -> Iterator[Any]:
    assert case.scores is not None  # the second network has scored it
    assert case.heard is not None
    candidates = list_candidates(case.pairs, case.scores)
    attribution = attribute(case.media_id, case.mentions, candidates, config)
    book = case.profile.audiobook
    Metrics.counter("linernotes", f"audiobooks_{attribution.decision}").inc()
    if not attribution.links:
        yield TaggedOutput("orphans", make_orphan(case.profile, case.heard.narrators))
    shown = (each for link in attribution.links for each in (link.author_id, link.runner_up) if each)
    yield AuthorLinks(
        case.media_id,
        attribution.decision,
        tuple(describe_links(attribution.links, case.pairs.author_ids, case.pairs.names, case.pairs.features)),
        None,
        attribution.best,
        book.title,
        tuple(f"{each.name} ({each.role})" if each.role else each.name for each in book.contributors),
        tuple(describe_neighbours(case.heard, shown)),
    )


def _shorten(links: AuthorLinks) -> tuple[str, str | None]:
    """An audiobook and its likeliest known author."""
    return links.media_id, links.links[0].author_id if links.links else None


def _name(grouped: tuple[None, dict[str, Iterable[Any]]]) -> list[NewAuthor]:
    _, found = grouped
    return name_new_authors(list(found["orphans"]), list(found["yesterday"]), dict(found["links"]))


def _list_members(author: NewAuthor) -> Iterator[tuple[str, str]]:
    if author.status != "retired":
        for media_id in author.media_ids:
            yield media_id, author.new_author_id


def _give(grouped: tuple[str, dict[str, Iterable[Any]]]) -> Iterator[AuthorLinks]:
    _, found = grouped
    new = next(iter(found["new"]), None)
    for links in found["links"]:
        yield dataclasses.replace(links, new_author_id=new)
