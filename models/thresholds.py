"""Thresholds of attribution, set on audiobooks whose scores come of networks that have not seen them."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.attribution import Attribution, AttributionConfig, Candidate, Link, attribute
from models.certainty import LINK_SIGNS, Logistic, fit_logistic
from models.mentions import Mention

# Before thresholds are set: links with all that may be one, nothing else suggested, nothing sure.
_ANY = AttributionConfig(0.05, Logistic(0.0, (0.0,) * len(LINK_SIGNS)), 2.0, 0.05)


@dataclasses.dataclass(frozen=True, slots=True)
class Scored:
    """An audiobook with its candidates' scores, and who wrote it in truth."""

    media_id: str
    mentions: Sequence[Mention]
    candidates: Sequence[Candidate]
    truth: frozenset[str]

    def attribute(self, config: AttributionConfig) -> Attribution:
        return attribute(self.media_id, self.mentions, self.candidates, config)


def choose_thresholds(audiobooks: Sequence[Scored], precision: float) -> AttributionConfig:
    """What attributes these audiobooks best. precision: of links without review."""
    _, links, right = _list_links(audiobooks, _ANY)
    least = choose_link_threshold(np.array([link.score for link in links]), right)

    places, links, right = _list_links(audiobooks, dataclasses.replace(_ANY, link=least, suggest=least))
    certainty = fit_logistic(np.array([link.signs for link in links]).reshape(-1, len(LINK_SIGNS)), right)
    weakest = np.ones(len(audiobooks))
    np.minimum.at(weakest, places, [certainty.estimate(link.signs) for link in links])
    return AttributionConfig(least, certainty, choose_auto_threshold(weakest[places], right, precision))


def _list_links(
    audiobooks: Sequence[Scored], config: AttributionConfig
) -> tuple[NDArray[np.int64], list[Link], NDArray[np.bool_]]:
    """All links, with the audiobook's place before each, and whether it is right after it."""
    found = [
        (place, link, link.author_id in each.truth)
        for place, each in enumerate(audiobooks)
        for link in each.attribute(config).links
    ]
    places = np.array([place for place, _, _ in found], np.int64)
    return places, [link for _, link, _ in found], np.array([right for _, _, right in found], bool)


def choose_auto_threshold(certainties: NDArray[np.floating], right: NDArray[np.bool_], precision: float) -> float:
    """The least certainty from which links need no review: they are right so often, one more error than was seen
    allowed for; 2 if at none. certainties: of each link, the least of its audiobook.
    """
    order = np.argsort(-certainties, kind="stable")
    kept = (np.cumsum(~right[order]) + 1) / (np.arange(len(order)) + 3) <= 1 - precision
    kept[:-1] &= np.diff(certainties[order]) != 0  # equal ones are kept together or not at all
    return float(certainties[order][kept][-1]) if kept.any() else 2.0


def choose_link_threshold(scores: NDArray[np.floating], right: NDArray[np.bool_], least: float = 0.15) -> float:
    """The score above which links right less links wrong, each times 0.9, are most; 1 if never more than none."""
    if not len(scores):
        return 0.5
    order = np.argsort(-scores, kind="stable")
    gain = np.cumsum(np.where(right[order], 1.0, -0.9))
    gain[:-1][np.diff(scores[order]) == 0] = -np.inf  # equal scores are linked together or not at all
    return max(least, float(scores[order[int(np.argmax(gain))]])) if gain.max() > 0 else 1.0
