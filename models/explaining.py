"""Explaining: which recordings the peaks of a query are evidence for, each peak for one only.

Stretches found one by one may rest on the same peaks: the same recording under another id, the same bar a repeat later,
a drum sample that two tracks share. The best stretch takes the peaks it matched; the next must do with what is left. So
two recordings that really sound together are both found, and one that is explained by another is not.
"""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.overlay import NONE, score_peaks
from models.stretches import Stretch
from models.verification import VerificationConfig

_MAX_CONTESTED = 0.1  # of a stretch's matched peaks: with so few taken by others it stays as it is
_TWIN_FRAMES, _TWIN_SHARE = 2, 0.8  # so near and so much inside, a stretch need not be looked at
_MIN_OWN_PEAKS = 5  # fewer are no evidence
_ALTERNATIVE_SCORE, _ALTERNATIVE_SHARE = 0.5, 0.5  # of the winner's, from which one that it explains is the same


def explain(stretches: Iterable[Stretch], config: VerificationConfig) -> list[Stretch]:
    """Those of a block's stretches with evidence of their own, the best first, each with its alternatives.

    One that is explained in part keeps its best other part. What is kept is kept again, by the same rules.
    """
    ordered = sorted(stretches, key=_best_first)
    first_cell, cells = _span([stretch.evidence.matches for stretch in ordered])
    owners = np.zeros(cells, np.int32)  # of each of the block's peaks: the number of a kept stretch, from 1; 0: of none
    kept: list[Stretch] = []
    explained: list[list[Stretch]] = []
    for stretch in ordered:
        twin = _find_twin(stretch, kept)
        if twin is not None:
            explained[twin].append(stretch)
            continue
        matches = stretch.evidence.matches
        takers = np.where(matches >= 0, owners[np.maximum(matches - first_cell, 0)], 0)
        contested = takers > 0
        own = _own_part(stretch, contested, config)
        if own is None:
            explained[int(np.bincount(takers[contested]).argmax()) - 1].append(stretch)
            continue
        kept.append(own)
        owners[matches[(matches >= 0) & ~contested] - first_cell] = len(kept)
        explained.append([])
    return [_with_alternatives(*each) for each in zip(kept, explained, strict=True)]


def _best_first(stretch: Stretch) -> tuple[float, str, int, float]:
    return -stretch.score, stretch.recording.track_id, stretch.first_frame, stretch.placement.offset


def _span(matches: Sequence[NDArray[np.int64]]) -> tuple[int, int]:
    """The first cell of all, and how many there are to the last."""
    cells = np.concatenate([np.zeros(0, np.int64), *matches])
    cells = cells[cells >= 0]
    return (int(cells.min()), int(np.ptp(cells)) + 1) if len(cells) else (0, 1)


def _find_twin(stretch: Stretch, kept: Sequence[Stretch]) -> int | None:
    """The position in `kept` of a stretch of the same track that says the same a frame or two beside; None if none."""
    for position, other in enumerate(kept):
        if (
            other.recording.track_id == stretch.recording.track_id
            and stretch.overlap(other) >= _TWIN_SHARE * stretch.frames
            and all(
                abs(stretch.placement.reference_frame(frame) - other.placement.reference_frame(frame)) <= _TWIN_FRAMES
                for frame in (stretch.first_frame, stretch.last_frame)
            )
        ):
            return position
    return None


def _own_part(stretch: Stretch, contested: NDArray[np.bool_], config: VerificationConfig) -> Stretch | None:
    """The stretch, or the part of it that its own evidence is enough for; None if there is none."""
    evidence = stretch.evidence
    matched, taken = np.count_nonzero(evidence.outcomes != NONE), np.count_nonzero(contested)
    if taken <= _MAX_CONTESTED * matched:
        return stretch
    if matched - taken < _MIN_OWN_PEAKS:
        return None
    parts = (
        _best_part(np.where(contested, 0, score_peaks(evidence, audibility, config.beside_share)))
        for audibility in config.audibilities[::2]
    )
    first, last, score = max(parts, key=lambda part: part[2])
    if score < config.min_score + config.start_cost + config.stop_cost:
        return None
    own = evidence.part(slice(first, last + 1)).part(~contested[first : last + 1])
    first_frame, last_frame = int(own.frames[0]), int(own.frames[-1])
    score = min(score, stretch.score)  # the whole's was capped by the step
    return dataclasses.replace(stretch, first_frame=first_frame, last_frame=last_frame, score=score, evidence=own)


def _best_part(scores: NDArray[np.float32]) -> tuple[int, int, float]:
    """First and last position and sum of the consecutive scores with the highest sum."""
    sums = np.concatenate([[0.0], np.cumsum(scores, dtype=np.float64)])
    before = np.minimum.accumulate(sums[:-1])
    last = int(np.argmax(sums[1:] - before))
    first = int(np.argmin(sums[: last + 1]))
    return first, last, float(sums[last + 1] - before[last])


def _with_alternatives(stretch: Stretch, explained: Iterable[Stretch]) -> Stretch:
    """With the track_ids of what it explains and what fits nearly as well: the same recording."""
    track_ids = list(stretch.alternatives)
    for other in explained:
        fits = other.score >= _ALTERNATIVE_SCORE * stretch.score
        if fits and stretch.overlap(other) >= _ALTERNATIVE_SHARE * stretch.frames:
            track_ids += [other.recording.track_id, *other.alternatives]
    others = dict.fromkeys(each for each in track_ids if each != stretch.recording.track_id)
    return dataclasses.replace(stretch, alternatives=tuple(others))
