"""Explaining: which recordings the peaks of a query are evidence for, each peak for one only.

Stretches found one by one may rest on the same peaks: the same recording under another id, the same bar a repeat later,
a drum sample that two tracks share. The best stretch takes the peaks it matched; the next must do with what is left. So
two recordings that really sound together are both found, and one that is explained by another is not.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from models.index import Index
from models.overlay import BESIDE, BINS, EXACT, NONE, Overlay, QueryView, lay_over, score_peaks
from models.retrieval import Candidates
from models.verification import Heard, VerificationConfig

_MAX_CONTESTED = 0.1  # of a stretch's matched peaks: with so few taken by others it stays as it is
_TWIN_FRAMES, _TWIN_SHARE = 2, 0.8  # so near and so much inside, a stretch need not be looked at
_MIN_OWN_PEAKS = 5  # fewer are no evidence


@dataclasses.dataclass(frozen=True, slots=True)
class Explanation:
    """The stretches that have evidence of their own, the best first.

    explained: for each, the positions, in what was given, of the stretches that it explains away.
    """

    heard: Heard
    explained: list[list[int]]


def explain(heard: Heard, view: QueryView, index: Index, config: VerificationConfig) -> Explanation:
    """The stretches without those that better ones explain; one that is explained in part keeps its best other part."""
    owners = np.zeros(view.outcomes.size, np.int32)  # of each peak: the number of a kept stretch, from 1; 0: of none
    kept: list[int] = []
    parts: list[tuple[int, int, float]] = []
    explained: list[list[int]] = []
    for number in np.argsort(-heard.scores, kind="stable").tolist():
        twin = _find_twin(heard, number, kept)
        if twin is not None:
            explained[twin].append(number)
            continue
        overlay = _lay_over_one(heard, number, view, index)
        matched = _matched_peaks(overlay, view)
        contested = (matched >= 0) & (owners[matched] > 0)
        part = _own_part(heard, number, overlay, contested, config)
        if part is None:
            winner = int(np.bincount(owners[matched[contested]]).argmax()) - 1
            explained[winner].append(number)
            continue
        kept.append(number)
        parts.append(part)
        explained.append([])
        owners[matched[(matched >= 0) & ~contested]] = len(kept)
    first_frames, last_frames, scores = np.array(parts, np.float64).reshape(-1, 3).T
    bounds = first_frames.astype(np.int64), last_frames.astype(np.int64)
    return Explanation(Heard(heard.tracks[kept], heard.offset_deltas[kept], *bounds, scores), explained)


def _find_twin(heard: Heard, number: int, kept: list[int]) -> int | None:
    """The position in `kept` of a stretch of the same track that says the same a frame or two beside; None if none."""
    near = (heard.tracks[kept] == heard.tracks[number]) & (
        np.abs(heard.offset_deltas[kept] - heard.offset_deltas[number]) <= _TWIN_FRAMES
    )
    first, last = heard.first_frames[number], heard.last_frames[number]
    overlaps = np.minimum(last, heard.last_frames[kept]) - np.maximum(first, heard.first_frames[kept])
    twins = np.flatnonzero(near & (overlaps >= _TWIN_SHARE * (last - first)))
    return int(twins[0]) if len(twins) else None


def _lay_over_one(heard: Heard, number: int, view: QueryView, index: Index) -> Overlay:
    one = slice(number, number + 1)
    candidate = Candidates(heard.tracks[one], heard.offset_deltas[one], heard.first_frames[one])
    return lay_over(candidate, view, index, heard.first_frames[one], heard.last_frames[one] + 1)


def _matched_peaks(overlay: Overlay, view: QueryView) -> NDArray[np.int64]:
    """For each reference peak, the cell of the query's peak that it matched; -1 for none."""
    outcomes = view.outcomes.ravel()
    earlier = overlay.cells - BINS
    is_earlier = (earlier >= 0) & (outcomes[earlier] == EXACT)
    beside = np.where(is_earlier, earlier, overlay.cells + BINS)
    return np.where(overlay.outcomes == EXACT, overlay.cells, np.where(overlay.outcomes == BESIDE, beside, -1))


def _own_part(
    heard: Heard, number: int, overlay: Overlay, contested: NDArray[np.bool_], config: VerificationConfig
) -> tuple[int, int, float] | None:
    """First frame, last frame and score of a stretch by its own evidence; None if that is not enough."""
    matched, taken = np.count_nonzero(overlay.outcomes != NONE), np.count_nonzero(contested)
    if taken <= _MAX_CONTESTED * matched:
        return int(heard.first_frames[number]), int(heard.last_frames[number]), float(heard.scores[number])
    if matched - taken < _MIN_OWN_PEAKS:
        return None
    parts = (
        _best_part(np.where(contested, 0, score_peaks(overlay, audibility, config.beside_share)))
        for audibility in config.audibilities[::2]
    )
    first, last, score = max(parts, key=lambda part: part[2])
    if score < config.min_score + config.start_cost + config.stop_cost:
        return None
    return int(overlay.frames[first]), int(overlay.frames[last]), score


def _best_part(scores: NDArray[np.float32]) -> tuple[int, int, float]:
    """First and last position and sum of the consecutive scores with the highest sum."""
    sums = np.cumsum(scores, dtype=np.float64)
    before = np.minimum.accumulate(np.concatenate([[0.0], sums[:-1]]))
    last = int(np.argmax(sums - before))
    first = int(np.argmin(np.concatenate([[0.0], sums[:-1]])[: last + 1]))
    return first, last, float(sums[last] - before[last])
