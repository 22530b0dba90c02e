"""Verification: where exactly a candidate is heard, peak by peak.

A candidate's whole constellation is laid over the query's, and each of its peaks scored (models.overlay). How much of
the music survives under speech changes from word to pause; audibility is therefore a hidden state, followed by
Viterbi's algorithm, and one of its states is silence.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.index import Index
from models.overlay import EXACT, Overlay, QueryView, lay_over, score_peaks
from models.retrieval import Candidates

_STEP_FRAMES = 8  # of Viterbi's algorithm: .26 s
_NEAR_FRAMES = 2  # offset_deltas so near give the same stretch, for a peak beside the cell counts too
_EDGE_STEPS = 2  # around the end of a run of steps, in which the very peak is sought
_MAX_EXTENSION_FRAMES = 16  # of a stretch beyond its last matched peak: half a second


@dataclasses.dataclass(frozen=True)
class VerificationConfig:
    """Scores and costs are in nats.

    audibilities: states, each the share of reference peaks that survive in their very cell. Measured on music under
    speech: .43 alone, .22 at 6 dB, .19 at 12 dB, .15 at 18 dB, as means over word and pause.
    beside_share: how many survive one frame beside, relative to those: half a frame's shift moves some.
    screening_s, min_screening_score: a candidate that scores so much in so short a time is followed to its ends.
    max_step_gain: from a quarter of a second: the partials of one note that coincides by chance all coincide, so that
    evidence must be spread over time.
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
    """Stretches in which tracks are heard, as parallel arrays; frames are the query's."""

    tracks: NDArray[np.intp]
    offset_deltas: NDArray[np.int64]
    first_frames: NDArray[np.int64]
    last_frames: NDArray[np.int64]
    scores: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.tracks)


def verify(candidates: Candidates, view: QueryView, index: Index, config: VerificationConfig) -> Heard:
    """The stretches of the query in which the candidates are heard; near candidates give overlapping stretches."""
    if not len(candidates):
        return no_stretches()
    frame_rate = index.config.spectrogram.frame_rate
    promising = _screen(candidates, view, index, config, round(config.screening_s * frame_rate))
    followed = [_follow(part, view, index, config, frame_rate) for part in _batches(promising)]
    columns = zip(*map(_columns, [no_stretches(), *followed]), strict=True)
    return _clip(Heard(*map(np.concatenate, columns)), view.frames, index)


def _clip(heard: Heard, frames: int, index: Index) -> Heard:
    """Without what lies before or after the query or the track."""
    lengths = np.array([index.tracks[track].frames for track in heard.tracks], np.int64)
    first = np.maximum(0, -heard.offset_deltas)
    last = np.minimum(frames, lengths - heard.offset_deltas) - 1
    return dataclasses.replace(
        heard, first_frames=np.maximum(heard.first_frames, first), last_frames=np.minimum(heard.last_frames, last)
    )


def _screen(
    candidates: Candidates, view: QueryView, index: Index, config: VerificationConfig, window: int
) -> Candidates:
    """The candidates that score well near their hits, the best of each group of near ones."""
    starts = np.clip(candidates.frames - window // 12, 0, len(view.outcomes))
    overlay = lay_over(candidates, view, index, starts, np.minimum(starts + window, len(view.outcomes)))
    scores = np.max(
        [
            np.bincount(
                overlay.candidates, score_peaks(overlay, audibility, config.beside_share), minlength=len(candidates)
            )
            for audibility in config.audibilities[1:4] or config.audibilities
        ],
        axis=0,
    )
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= config.min_screening_score]
    return _drop_near(candidates.take(order), window)


def _drop_near(candidates: Candidates, window: int) -> Candidates:
    """Without those that say nearly the same as an earlier one, and each track and offset_delta once."""
    seen: set[tuple[int, int, int]] = set()
    kept: dict[tuple[int, int], int] = {}
    columns = (candidates.tracks.tolist(), candidates.offset_deltas.tolist(), (candidates.frames // window).tolist())
    for position, (track, delta, time) in enumerate(zip(*columns, strict=True)):
        if (track, delta, time) not in seen:
            kept.setdefault((track, delta), position)
            near = itertools.product(range(delta - _NEAR_FRAMES, delta + _NEAR_FRAMES + 1), range(time - 1, time + 2))
            seen.update((track, *each) for each in near)
    return candidates.take(np.fromiter(kept.values(), np.intp))


def _batches(candidates: Candidates, size: int = 256) -> Iterator[Candidates]:
    for start in range(0, len(candidates), size):
        yield candidates.take(np.arange(start, min(start + size, len(candidates))))


def _follow(
    candidates: Candidates, view: QueryView, index: Index, config: VerificationConfig, frame_rate: float
) -> Heard:
    """The stretches in which each candidate is heard, by Viterbi's algorithm over its whole overlay."""
    lengths = np.array([index.tracks[track].frames for track in candidates.tracks])
    starts = np.clip(-candidates.offset_deltas, 0, len(view.outcomes))
    ends = np.clip(lengths - candidates.offset_deltas, 0, len(view.outcomes))
    overlay = lay_over(candidates, view, index, starts, ends)

    steps = (overlay.frames - starts[overlay.candidates]) // _STEP_FRAMES
    shape = (len(candidates), int(np.max(ends - starts)) // _STEP_FRAMES + 1)
    gains = np.zeros((*shape, len(config.audibilities) + 1), np.float32)
    gains[:, :, 0] = -config.masked_cost_per_s * _STEP_FRAMES / frame_rate
    cells = overlay.candidates * shape[1] + steps
    for state, audibility in enumerate(config.audibilities, 1):
        scores = score_peaks(overlay, audibility, config.beside_share)
        gains[:, :, state] = np.bincount(cells, scores, minlength=shape[0] * shape[1]).reshape(shape)
    np.minimum(gains, config.max_step_gain, out=gains)

    states = _most_likely_states(gains, config)
    return _cut_stretches(candidates, overlay, steps, states, gains, config)


def _most_likely_states(gains: NDArray[np.float32], config: VerificationConfig) -> NDArray[np.int8]:
    """Viterbi's algorithm: for gains (candidates, steps, states), the state at each step; -1 where silence is likelier.

    Starting, stopping and changing state cost; the masked state 0 has no gain and a cost, and so bridges short gaps.
    """
    candidates, steps, states = gains.shape
    each = np.arange(candidates)
    playing = np.full((candidates, states), -np.inf, np.float32)
    silent = np.zeros(candidates, np.float32)
    came_from = np.empty((steps, candidates, states), np.int8)
    silent_from = np.empty((steps, candidates), np.int8)
    for step in range(steps):
        best = playing.argmax(1)
        best_score = playing[each, best]
        start, change = silent - config.start_cost, best_score - config.change_cost
        enter = np.maximum(start, change)
        stays = playing >= enter[:, None]
        came_from[step] = np.where(stays, np.arange(states), np.where(start > change, -1, best)[:, None])
        stop = best_score - config.stop_cost
        silent_from[step] = np.where(stop > silent, best, -1)
        playing = np.where(stays, playing, enter[:, None]) + gains[:, step]
        silent = np.maximum(silent, stop)
    return _trace_back(playing, silent + config.stop_cost, came_from, silent_from)


def _trace_back(
    playing: NDArray[np.float32],
    silent: NDArray[np.float32],
    came_from: NDArray[np.int8],
    silent_from: NDArray[np.int8],
) -> NDArray[np.int8]:
    each = np.arange(len(playing))
    state = np.where(playing.max(1) > silent, playing.argmax(1), -1)
    path = np.empty((len(playing), len(came_from)), np.int8)
    for step in range(len(came_from) - 1, -1, -1):
        path[:, step] = state
        state = np.where(state < 0, silent_from[step], came_from[step, each, state])
    return path


def _cut_stretches(
    candidates: Candidates,
    overlay: Overlay,
    steps: NDArray[np.int64],
    states: NDArray[np.int8],
    gains: NDArray[np.float32],
    config: VerificationConfig,
) -> Heard:
    """Runs of playing states that score enough."""
    is_playing = np.pad(states >= 0, ((0, 0), (1, 1)))
    edges = np.diff(is_playing.astype(np.int8), axis=1)
    numbers, firsts = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    gained = np.take_along_axis(gains, np.maximum(states, 0)[:, :, None].astype(np.intp), axis=2)[:, :, 0]
    changes = (states[:, 1:] != states[:, :-1]) & (states[:, :-1] >= 0)
    gained[:, 1:] -= config.change_cost * changes
    spans = _find_spans(overlay, len(candidates))
    rows = []
    for number, first, end in zip(numbers, firsts, ends, strict=True):
        score = float(gained[number, first:end].sum())
        if score >= config.min_score:
            mine = steps[spans[number]]
            # Steps without a reference peak cost nothing and say nothing: a run may begin or end with some.
            inside = mine[(mine >= first) & (mine < end)]
            run = int(inside[0]), int(inside[-1]) + 1
            edges_at = (int(states[number, run[0]]), int(states[number, run[1] - 1]))
            low, high = np.searchsorted(mine, [run[0] - _EDGE_STEPS, run[1] + _EDGE_STEPS])
            near = slice(spans[number].start + low, spans[number].start + high)
            start, stop = _find_edges(overlay.part(near), steps[near], run, edges_at, config)
            rows.append((candidates.tracks[number], candidates.offset_deltas[number], start, stop, score))
    if not rows:
        return no_stretches()
    tracks, deltas, first_frames, last_frames, scores = (np.array(column) for column in zip(*rows, strict=True))
    return Heard(tracks, deltas, first_frames, last_frames, scores)


def _find_spans(overlay: Overlay, candidates: int) -> list[slice]:
    """Where in the overlay each candidate's peaks are."""
    counts = np.bincount(overlay.candidates, minlength=candidates)
    starts = np.flatnonzero(np.diff(overlay.candidates, prepend=-1))
    spans = [slice(0, 0)] * candidates
    for start in starts.tolist():
        number = int(overlay.candidates[start])
        spans[number] = slice(start, start + int(counts[number]))
    return spans


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


def no_stretches() -> Heard:
    whole = np.empty(0, np.int64)
    return Heard(np.empty(0, np.intp), whole, whole, whole, np.empty(0))


def _columns(heard: Heard) -> tuple[NDArray[Any], ...]:
    return heard.tracks, heard.offset_deltas, heard.first_frames, heard.last_frames, heard.scores
