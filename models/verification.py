"""Verification: where exactly a candidate is heard, peak by peak.

A candidate's whole constellation is laid over the query's, and each of its peaks scored (models.overlay). How much of
the music survives under speech changes from word to pause; audibility is therefore a hidden state, followed by
Viterbi's algorithm, and one of its states is silence.
"""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.compiling import compiled
from models.constellation import Constellation
from models.index import Index
from models.overlay import (
    BINS,
    EXACT,
    NONE,
    Overlay,
    Placement,
    QueryView,
    find_rarity,
    lay_over,
    place_peak,
    score_outcome,
    score_peaks,
)
from models.retrieval import Candidates

_STEP_FRAMES = 8  # of Viterbi's algorithm: .26 s
_NEAR_FRAMES = 2  # placements so near give the same stretch, for a peak beside the cell counts too
_EDGE_STEPS = 2  # around the end of a run of steps, in which the very peak is sought
_MAX_EXTENSION_FRAMES = 16  # of a stretch beyond its last matched peak: half a second
_FIT_REACH_FRAMES = (80, 160, 320)  # before and after a hit, within which a warp is fitted, wider each time
_MIN_FIT_PEAKS = 8
_UNCHANGED = 0.0004  # a warp so near to none is none: a frame in 80 s


@dataclasses.dataclass(frozen=True)
class VerificationConfig:
    """Scores and costs are in nats.

    audibilities: states, each the share of reference peaks that survive in their very cell. Measured on music under
    speech: .43 alone, .22 at 6 dB, .19 at 12 dB, .15 at 18 dB, as means over word and pause.
    beside_share: how many survive one frame beside, relative to those: half a frame's shift moves some.
    screening_s, min_screening_score: a candidate that scores so much in so short a time is followed to its ends.
    max_step_gain: from a quarter of a second: the partials of one note that coincides by chance all coincide, so that
    evidence must be spread over time.
    warped_cost: of a warp, for most music is played as it is.
    min_score: of a stretch to be told of; what is enough for a match, models.matching decides.
    """

    audibilities: tuple[float, ...] = (0.03, 0.08, 0.18, 0.35, 0.6)
    beside_share: float = 0.25
    screening_s: float = 5.0
    min_screening_score: float = 10.0
    min_score: float = 8.0
    start_cost: float = 4.0
    stop_cost: float = 4.0
    change_cost: float = 1.0
    masked_cost_per_s: float = 1.0
    max_step_gain: float = 5.0
    warped_cost: float = 3.0

    def __post_init__(self) -> None:
        if not self.audibilities or not all(0 < each <= 0.75 for each in self.audibilities):
            raise ValueError(f"audibilities must be between 0 and 0.75, got {self.audibilities}")
        if not 0 <= self.beside_share <= 0.3:
            raise ValueError(f"beside_share must be between 0 and 0.3, got {self.beside_share}")
        for field in dataclasses.fields(self):
            if field.type in (float, "float") and getattr(self, field.name) < 0:
                raise ValueError(f"{field.name} must not be negative, got {getattr(self, field.name)}")


@dataclasses.dataclass(frozen=True, slots=True)
class Heard:
    """A stretch of the query in which a track is heard."""

    track: int
    placement: Placement
    first_frame: int
    last_frame: int
    score: float


def verify(candidates: Candidates, view: QueryView, index: Index, config: VerificationConfig) -> list[Heard]:
    """The stretches of the query in which the candidates are heard; near candidates give overlapping stretches."""
    frame_rate = index.config.spectrogram.frame_rate
    heard: list[Heard] = []
    order = np.argsort(candidates.tracks, kind="stable")
    tracks, firsts = np.unique(candidates.tracks[order], return_index=True)
    for track, which in zip(tracks.tolist(), np.split(order, firsts)[1:], strict=True):
        reference, mine = index.constellation(track), candidates.take(which)
        for placement in _find_placements(mine, reference, view, config, round(config.screening_s * frame_rate)):
            heard += _follow(track, reference, placement, view, config, frame_rate)
    return heard


def _find_placements(
    candidates: Candidates, reference: Constellation, view: QueryView, config: VerificationConfig, window: int
) -> list[Placement]:
    """Where one track's candidates place it: of those that score well near their hits, the best of near ones."""
    scores = _screen(
        reference.frames,
        reference.tones,
        candidates.offsets,
        candidates.speeds,
        candidates.pitches,
        candidates.frames - window // 12,
        window,
        *view.arrays(),
        np.array(config.audibilities[1:4] or config.audibilities, np.float32),
        config.beside_share,
        view.frames,
    )
    is_warped = (candidates.speeds != 1) | (candidates.pitches != 1)
    order = np.argsort(config.warped_cost * is_warped - scores, kind="stable")
    left = candidates.take(order[scores[order] >= config.min_screening_score])
    found: dict[Placement, None] = {}
    while len(left):
        placement = Placement(float(left.offsets[0]), float(left.speeds[0]), float(left.pitches[0]))
        frame = int(left.frames[0])
        if placement.is_warped:
            placement = fit(reference, placement, view, frame)
        found[placement] = None
        apart = np.abs(left.offsets + (left.speeds - placement.speed) * left.frames - placement.offset)
        is_other = (apart > _NEAR_FRAMES) | (np.abs(left.frames - frame) > window)
        is_other[0] = False
        left = left.take(np.flatnonzero(is_other))
    return list(found)


@compiled
def _screen(
    frames: NDArray[np.int32],
    tones: NDArray[np.float32],
    offsets: NDArray[np.float64],
    speeds: NDArray[np.float64],
    pitches: NDArray[np.float64],
    starts: NDArray[np.int64],
    window: int,
    outcomes: NDArray[np.int8],
    frame_rates: NDArray[np.float32],
    bin_ratios: NDArray[np.float32],
    audibilities: NDArray[np.float32],
    beside_share: float,
    query_frames: int,
) -> NDArray[np.float64]:
    """For each placement: what the reference scores in a window of the query at the best of the audibilities."""
    scores = np.zeros(len(offsets), np.float64)
    sums = np.zeros(len(audibilities), np.float64)
    missed = np.array([score_outcome(NONE, 0.0, each, beside_share) for each in audibilities])
    for number in range(len(offsets)):
        offset, speed, pitch = offsets[number], speeds[number], pitches[number]
        start, end = max(starts[number], 0), min(starts[number] + window, query_frames)
        sums[:] = 0.0
        misses = 0
        for peak in range(
            np.searchsorted(frames, offset + speed * (start - 1)), np.searchsorted(frames, offset + speed * (end + 1))
        ):
            frame, bin_ = place_peak(frames[peak], tones[peak], offset, speed, pitch)
            if start <= frame < end and bin_ < BINS:
                outcome = outcomes[frame, bin_]
                if outcome == NONE:
                    misses += 1
                    continue
                rarity = find_rarity(frame, bin_, frame_rates, bin_ratios)
                for state in range(len(audibilities)):
                    sums[state] += score_outcome(outcome, rarity, audibilities[state], beside_share)
        scores[number] = (sums + misses * missed).max()
    return scores


def fit(reference: Constellation, placement: Placement, view: QueryView, frame: int) -> Placement:
    """The warp that brings the reference's peaks nearest to the query's around a frame, by least squares."""
    for reach in _FIT_REACH_FRAMES:
        matched = _match_near(reference.frames, reference.tones, *placement.arrays(), view.outcomes, frame - reach,
                              min(frame + reach, view.frames))  # fmt: skip
        if len(matched) < _MIN_FIT_PEAKS or np.ptp(matched[:, 0]) == 0:
            break
        heard_at, reference_frames, heard_bins, tones = matched.T
        middle = float(heard_at.mean())
        speed = float(np.sum((heard_at - middle) * reference_frames) / np.sum((heard_at - middle) ** 2))
        if abs(speed / placement.speed - 1) > 0.02:
            break
        offset = float(reference_frames.mean()) - speed * middle
        placement = Placement(offset, speed, float(np.sum(heard_bins * tones) / np.sum(tones**2)))
    return _unchanged_if_near(placement, frame)


def _unchanged_if_near(placement: Placement, frame: int) -> Placement:
    pitch = 1.0 if abs(placement.pitch - 1) < 5 * _UNCHANGED else placement.pitch
    if abs(placement.speed - 1) >= _UNCHANGED:
        return dataclasses.replace(placement, pitch=pitch)
    return Placement(float(round(placement.reference_frame(frame)) - frame), 1.0, pitch)


@compiled
def _match_near(
    frames: NDArray[np.int32],
    tones: NDArray[np.float32],
    offset: float,
    speed: float,
    pitch: float,
    outcomes: NDArray[np.int8],
    start: int,
    end: int,
) -> NDArray[np.float64]:
    """Rows (query frame, reference frame, query bin, reference tone) of peaks that match to a frame and a bin."""
    first = np.searchsorted(frames, offset + speed * start)
    last = np.searchsorted(frames, offset + speed * end)
    rows = np.empty((last - first, 4), np.float64)
    count = 0
    for peak in range(first, last):
        frame, bin_ = place_peak(frames[peak], tones[peak], offset, speed, pitch)
        nearest = 3
        for beside in range(-1, 2):
            for above in range(-1, 2):
                at, tone = frame + beside, bin_ + above
                inside = 0 <= at < len(outcomes) and 0 <= tone < BINS
                if inside and outcomes[at, tone] == EXACT and abs(beside) + abs(above) < nearest:
                    nearest = abs(beside) + abs(above)
                    rows[count, 0], rows[count, 1] = at, frames[peak]
                    rows[count, 2], rows[count, 3] = tone, tones[peak]
        if nearest < 3:
            count += 1
    return rows[:count].copy()


def _follow(
    track: int,
    reference: Constellation,
    placement: Placement,
    view: QueryView,
    config: VerificationConfig,
    frame_rate: float,
) -> Iterator[Heard]:
    """The stretches in which a placed track is heard, by Viterbi's algorithm over its whole overlay."""
    start = max(0, placement.query_frame(0))
    end = min(view.frames, placement.query_frame(reference.end_frame - 1) + 1)
    overlay = lay_over(reference, placement, view, start, end)
    steps = (overlay.frames - start) // _STEP_FRAMES
    gains = np.zeros(((max(end - start, 0)) // _STEP_FRAMES + 1, len(config.audibilities) + 1), np.float32)
    gains[:, 0] = -config.masked_cost_per_s * _STEP_FRAMES / frame_rate
    audibilities = np.array(config.audibilities, np.float32)
    _add_gains(gains, steps, overlay.outcomes, overlay.rarities, audibilities, config.beside_share)
    np.minimum(gains, config.max_step_gain, out=gains)
    states = _most_likely_states(gains, config.start_cost, config.stop_cost, config.change_cost)
    cost = config.warped_cost if placement.is_warped else 0.0
    for first, last, score in _cut_runs(states, gains, config):
        # Steps without a reference peak cost nothing and say nothing: a run may begin or end with some.
        low, high = np.searchsorted(steps, [first, last])
        run = int(steps[low]), int(steps[high - 1]) + 1
        low, high = np.searchsorted(steps, [run[0] - _EDGE_STEPS, run[1] + _EDGE_STEPS])
        near = slice(int(low), int(high))
        edges_at = int(states[run[0]]), int(states[run[1] - 1])
        opened, closed = _find_edges(overlay.part(near), steps[near], run, edges_at, config)
        if score - cost >= config.min_score:
            yield Heard(track, placement, max(opened, start), min(closed, end - 1), score - cost)


@compiled
def _add_gains(
    gains: NDArray[np.float32],
    steps: NDArray[np.int64],
    outcomes: NDArray[np.int8],
    rarities: NDArray[np.float32],
    audibilities: NDArray[np.float32],
    beside_share: float,
) -> None:
    """To (steps, states): what each peak scores in each state but the first."""
    missed = np.array([score_outcome(NONE, 0.0, each, beside_share) for each in audibilities])
    for peak in range(len(steps)):
        for state in range(len(audibilities)):
            score = missed[state]
            if outcomes[peak] != NONE:
                score = score_outcome(outcomes[peak], rarities[peak], audibilities[state], beside_share)
            gains[steps[peak], state + 1] += score


@compiled
def _most_likely_states(
    gains: NDArray[np.float32], start_cost: float, stop_cost: float, change_cost: float
) -> NDArray[np.int8]:
    """Viterbi's algorithm: for gains (steps, states), the state at each step; -1 where silence is likelier.

    Starting, stopping and changing state cost; the masked state 0 has no gain and a cost, and so bridges short gaps.
    """
    steps, states = gains.shape
    playing = np.full(states, -np.inf)
    silent = 0.0
    came_from = np.empty((steps, states), np.int8)
    silent_from = np.empty(steps, np.int8)
    for step in range(steps):
        best = int(playing.argmax())
        best_score = playing[best]
        start, change = silent - start_cost, best_score - change_cost
        enter, entered_from = (start, -1) if start > change else (change, best)
        for state in range(states):
            came_from[step, state] = state if playing[state] >= enter else entered_from
            playing[state] = max(playing[state], enter) + gains[step, state]
        silent_from[step] = best if best_score - stop_cost > silent else -1
        silent = max(silent, best_score - stop_cost)
    path = np.empty(steps, np.int8)
    state = int(playing.argmax()) if playing.max() - stop_cost > silent else -1
    for step in range(steps - 1, -1, -1):
        path[step] = state
        state = int(silent_from[step]) if state < 0 else int(came_from[step, state])
    return path


def _cut_runs(
    states: NDArray[np.int8], gains: NDArray[np.float32], config: VerificationConfig
) -> Iterator[tuple[int, int, float]]:
    """First step, one past the last, and score of the runs of playing states that score enough."""
    edges = np.diff(np.pad(states >= 0, 1).astype(np.int8))
    if not edges.any():
        return
    gained = gains[np.arange(len(gains)), np.maximum(states, 0)]
    gained[1:] -= config.change_cost * ((states[1:] != states[:-1]) & (states[:-1] >= 0))
    for first, end in zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True):
        score = float(gained[first:end].sum())
        if score >= config.min_score:
            yield first, end, score


def _find_edges(
    overlay: Overlay,
    steps: NDArray[np.int64],
    run: tuple[int, int],
    states: tuple[int, int],
    config: VerificationConfig,
) -> tuple[int, int]:
    """The frames at which a run of steps begins and ends, to the peak: where the evidence outside it is against."""
    frames, outcomes = overlay.frames, overlay.outcomes
    first_gains, last_gains = (
        score_peaks(overlay, config.audibilities[state - 1], config.beside_share) for state in states
    )
    opening = steps < min(run[0] + _EDGE_STEPS, run[1])
    closing = steps >= max(run[1] - _EDGE_STEPS, run[0])
    first = int(np.argmax(np.cumsum(first_gains[opening][::-1])[::-1]))
    last = len(frames) - 1 - int(np.argmax(np.cumsum(last_gains[closing])[::-1]))
    matched = frames[(outcomes == EXACT) & (frames >= frames[first]) & (frames <= frames[last])]
    before, after = (_typical_wait(gaps) for gaps in (np.diff(matched[:17]), np.diff(matched[-17:])))
    return int(frames[first] - before), int(frames[last] + after)


def _typical_wait(gaps: NDArray[np.int64]) -> int:
    """Frames from a random moment to the next match, in the median, if matches come at random with these gaps."""
    return min(_MAX_EXTENSION_FRAMES, round(math.log(2) * float(gaps.mean()))) if len(gaps) else 0
