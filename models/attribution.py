"""Attribution: which candidates an audiobook is linked with, on what evidence, and what is left to a person."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from models.certainty import LINK_SIGNS, Logistic, find_link_signs
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
    signs: tuple[float, ...]  # of its being right


@dataclasses.dataclass(frozen=True, slots=True)
class Attribution:
    """What was decided about an audiobook."""

    media_id: str
    decision: str  # linked, review, new_author, unknown
    links: tuple[Link, ...]
    best: float  # score of the best candidate, linked or not


@dataclasses.dataclass(frozen=True)
class AttributionConfig:
    """link: the least score of a link. suggest: that of the one link, for review, of an audiobook that names nobody.
    auto: how likely each of an audiobook's links must be right, as certainty has it, for none to need review.
    """

    link: float
    certainty: Logistic
    auto: float
    suggest: float = 0.1

    def __post_init__(self) -> None:
        if len(self.certainty.weights) != len(LINK_SIGNS):
            raise ValueError(
                f"certainty must have weights of {', '.join(LINK_SIGNS)}, got {len(self.certainty.weights)}"
            )
        if self.suggest > self.link:
            raise ValueError(f"suggest must not be above link, got {self.suggest} and {self.link}")


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
    """The candidates above the threshold, likeliest first, no mention giving two; texts alone give at most one. Without
    any, and without a name that may be the author's, the likeliest for review.
    """
    ordered = sorted(candidates, key=lambda each: (-each.score, each.author_id))
    named = any(mention.role != "narrator" for mention in mentions)
    taken: list[Candidate] = []
    for each in ordered:
        if each.score >= config.link and not any(_exclude(each, other, mentions) for other in taken):
            taken.append(each)
    best = ordered[0].score if ordered else 0.0
    suggested = ordered[:1] if not taken and not named and best >= config.suggest else []
    links = tuple(_make_link(each, ordered, taken or suggested, mentions) for each in taken or suggested)
    if not links:
        return Attribution(media_id, "new_author" if named else "unknown", links, best)
    sure = taken and all(config.certainty.estimate(link.signs) >= config.auto for link in links)
    return Attribution(media_id, "linked" if sure else "review", links, best)


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
    if subjects := round(value["same_subjects"]):
        yield f"{subjects} subject{'s' if subjects > 1 else ''} in common"
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
    others = [each for each in ordered if each not in taken]
    rival = next((each for each in others if _exclude(each, chosen, mentions)), None)
    text = mentions[chosen.mention].text if chosen.mention >= 0 else ""
    runner_up, second = (rival.author_id, rival.score) if rival else ("", 0.0)
    signs = find_link_signs(chosen.score, second, [each.score for each in others])
    return Link(chosen.author_id, text, chosen.evidence, chosen.score, runner_up, chosen.score - second, signs)
