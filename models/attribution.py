"""Attribution: which candidates an audiobook is linked with, on what evidence, and what is left to a person."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.comparisons import FEATURES
from models.mentions import Mention
from models.records import AuthorLink

EVIDENCE = ("full_name", "initials", "surname", "misspelt", "partial", "text")
_INDEX = {name: i for i, name in enumerate(FEATURES)}


@dataclasses.dataclass(frozen=True, slots=True)
class Candidate:
    """An author that an audiobook may have. mention: index of the mention that names the author, -1: none does."""

    author_id: str
    mention: int
    evidence: str  # one of EVIDENCE
    score: float  # match probability


@dataclasses.dataclass(frozen=True, slots=True)
class Link:
    """An author given to an audiobook. runner_up: whom the same mention would have named else, "" if nobody."""

    author_id: str
    mention: str  # as written; "" if only titles and texts speak
    evidence: str
    score: float
    runner_up: str
    margin: float  # to the runner-up's score


@dataclasses.dataclass(frozen=True, slots=True)
class Attribution:
    """What was decided about an audiobook."""

    media_id: str
    decision: str  # linked, review, new_author, unknown
    links: tuple[Link, ...]
    best: float  # score of the best candidate, linked or not


@dataclasses.dataclass(frozen=True)
class AttributionConfig:
    """Least scores by kind of evidence: to link at all, and to do so without review (and by what margin)."""

    link: dict[str, float]
    auto: dict[str, float]
    margin: float = 0.3

    def __post_init__(self) -> None:
        for name, thresholds in (("link", self.link), ("auto", self.auto)):
            if set(thresholds) != set(EVIDENCE):
                raise ValueError(f"{name} must have thresholds of {', '.join(EVIDENCE)}, got {', '.join(thresholds)}")
        if any(self.auto[kind] < self.link[kind] for kind in EVIDENCE):
            raise ValueError("auto must not be below link")


def name_evidence(features: NDArray[np.float32]) -> str:
    """What kind of evidence a pair's features (FEATURES, in order) are."""

    def value(name: str) -> float:
        return float(features[_INDEX[name]])

    if not value("has_mention") or not value("surname"):
        return "text"
    if value("same_words"):
        return "initials" if value("mention_initials") >= value("mention_tokens") - 1 > 0 else "full_name"
    if value("surname") < 1 or value("given_fuzzy"):
        return "misspelt"
    if value("only_surname"):
        return "surname"
    if value("given_exact") and not value("left"):
        return "full_name"
    return "initials" if value("given_initials") and not value("given_exact") else "partial"


def attribute(
    media_id: str, mentions: Sequence[Mention], candidates: Sequence[Candidate], config: AttributionConfig
) -> Attribution:
    """The candidates above their thresholds, likeliest first, no mention giving two; texts alone give at most one."""
    ordered = sorted(candidates, key=lambda each: (-each.score, each.author_id))
    taken: list[Candidate] = []
    for each in ordered:
        if each.score >= config.link[each.evidence] and not any(_exclude(each, other, mentions) for other in taken):
            taken.append(each)
    links = tuple(_make_link(each, ordered, taken, mentions) for each in taken)
    best = ordered[0].score if ordered else 0.0
    return Attribution(media_id, _decide(links, mentions, config), links, best)


def describe_links(
    links: Sequence[Link], author_ids: Sequence[str], names: Sequence[str], features: NDArray[np.float32]
) -> list[AuthorLink]:
    """The links as rows for a person to check. names, features: of the candidates author_ids."""
    place = {author_id: row for row, author_id in enumerate(author_ids)}
    return [
        AuthorLink(
            link.author_id,
            names[place[link.author_id]],
            link.mention or None,
            link.evidence,
            link.score,
            link.runner_up or None,
            names[place[link.runner_up]] if link.runner_up else None,
            link.margin,
            tuple(_give_reasons(features[place[link.author_id]])),
        )
        for link in links
    ]


def _give_reasons(features: NDArray[np.float32]) -> Iterator[str]:
    value = dict(zip(FEATURES, features.tolist(), strict=False))
    if value["has_mention"]:
        yield f"name {value['sorted_ratio']:.0%} alike" + (", as an alias" if value["alias_form"] else "")
    if value["clash"]:
        yield "given names differ"
    if value["role_narrator"] or value["role_translator"]:
        yield f"claimed to be the {'narrator' if value['role_narrator'] else 'translator'}"
    if value["title_same"]:
        yield "title among the author's works"
    elif value["title_cover_best"] >= 0.5:
        yield f"title {value['title_cover_best']:.0%} covered by a work"
    if value["same_subjects"]:
        yield f"{value['same_subjects']:.0f} subjects in common"
    if value["written"]:
        yield "name in the description, title or subjects"
    if value["impossible"]:
        yield "copyright before the author could write"


def _exclude(a: Candidate, b: Candidate, mentions: Sequence[Mention]) -> bool:
    """True if only one of the two can be meant: by the same words, or where a mention is enough."""
    if min(a.mention, b.mention) < 0 or "text" in (a.evidence, b.evidence):
        return True
    first, second = mentions[a.mention], mentions[b.mention]
    if first.contributor != second.contributor:
        return first.name.key == second.name.key
    return first.span[0] < second.span[1] and second.span[0] < first.span[1]


def _make_link(
    chosen: Candidate, ordered: Sequence[Candidate], taken: Sequence[Candidate], mentions: Sequence[Mention]
) -> Link:
    rivals = (each for each in ordered if each not in taken and _exclude(each, chosen, mentions))
    rival = next(rivals, None)
    text = mentions[chosen.mention].text if chosen.mention >= 0 else ""
    runner_up, second = (rival.author_id, rival.score) if rival else ("", 0.0)
    return Link(chosen.author_id, text, chosen.evidence, chosen.score, runner_up, chosen.score - second)


def _decide(links: Sequence[Link], mentions: Sequence[Mention], config: AttributionConfig) -> str:
    if links:
        sure = all(link.score >= config.auto[link.evidence] and link.margin >= config.margin for link in links)
        return "linked" if sure else "review"
    return "new_author" if any(mention.role != "narrator" for mention in mentions) else "unknown"


def choose_auto_thresholds(
    scores: Mapping[str, NDArray[np.floating]], right: Mapping[str, NDArray[np.bool_]], precision: float
) -> dict[str, float]:
    """By kind of evidence the least score from which links need no review; 2 of a kind that always does.

    Together they are right so often, one more error than was seen allowed for. Every kind weighs a wrong link the
    same, which gives the most links (Lagrange); the weight is raised until the precision is reached.
    """
    for weight in np.geomspace(1, 1e4, 200):
        chosen = {kind: _best_threshold(scores[kind], right[kind], weight) for kind in scores}
        kept = np.concatenate([right[kind][scores[kind] >= chosen[kind]] for kind in scores])
        if (np.sum(~kept) + 1) / (len(kept) + 2) <= 1 - precision:
            return chosen
    return dict.fromkeys(scores, 2.0)


def choose_link_threshold(scores: NDArray[np.floating], right: NDArray[np.bool_], least: float = 0.15) -> float:
    """The score that splits right from wrong with the most links right less links wrong."""
    return max(least, min(_best_threshold(scores, right, 0.9), 1.0)) if len(scores) else 0.5


def _best_threshold(scores: NDArray[np.floating], right: NDArray[np.bool_], weight: float) -> float:
    """The score above which right links less wrong ones, each times the weight, are most; 2 if never more than none."""
    order = np.argsort(-scores, kind="stable")
    gain = np.cumsum(np.where(right[order], 1.0, -weight))
    gain[:-1][np.diff(scores[order]) == 0] = -np.inf  # equal scores are linked together or not at all
    return float(scores[order[int(np.argmax(gain))]]) if len(order) and gain.max() > 0 else 2.0
