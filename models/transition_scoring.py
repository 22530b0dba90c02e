"""Scores of a film's frames, block by block, by two networks: one sees every frame, one samples at an even pace."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from models.frame_pairs import ReducedFrames, join_reduced, reduce_frames, take_reduced
from models.frames import Grid
from models.transition_decoding import Scores
from models.transition_measures import AHEAD, BACK, SAMPLE_S, measure_frames, measure_samples
from models.transition_network import TemporalNetwork, read_network, run_network

_Floats = NDArray[np.float32]
_Measure = Callable[[ReducedFrames, int, int], _Floats]

_BLOCK_FRAMES = 64
_LONGEST_STEP_S = 1.0  # what a frame shows for longer is not sampled again and again


def stream_scores(frames: Iterable[tuple[float, Grid]]) -> Iterator[Scores]:
    """Yields scores of consecutive frames, in pieces of any length; blocks are counted from the first frame."""
    cuts = _Scorer(read_network("cuts"), measure_frames, 0)
    kinds = _Scorer(read_network("gradual"), measure_samples, AHEAD)
    sampler, joiner = _Sampler(), _Joiner()
    iterator = iter(frames)
    while block := list(itertools.islice(iterator, _BLOCK_FRAMES)):
        reduced = reduce_frames(np.stack([grid for _, grid in block]))
        places = sampler.place(np.array([time_s for time_s, _ in block]))
        joiner.push(places + joiner.frames, len(block))
        scores = joiner.join(cuts.push(reduced), kinds.push(take_reduced(reduced, places)))
        if len(scores.cuts):
            yield scores
    if joiner.frames:
        yield joiner.join(cuts.finish(), kinds.finish())


def place_samples(times_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """The numbers of the frames that are sampled, of a whole film; some twice, if they are shown for long."""
    return _Sampler().place(times_s)


@dataclasses.dataclass(slots=True)
class _Sampler:
    """Chooses the first frame at or after each tick of a clock that stands still where a frame is shown for long."""

    clock_s: float = 0.0
    last_s: float | None = None
    samples: int = 0

    def place(self, times_s: NDArray[np.float64]) -> NDArray[np.int64]:
        """The numbers in this block of the frames that are sampled."""
        start_s = times_s[0] if self.last_s is None else self.last_s
        steps_s = np.clip(np.diff(times_s, prepend=start_s), 0, _LONGEST_STEP_S)
        clock_s = self.clock_s + np.cumsum(steps_s)
        samples = np.arange(self.samples, int(clock_s[-1] / SAMPLE_S + 1e-6) + 1)
        self.clock_s, self.last_s, self.samples = float(clock_s[-1]), float(times_s[-1]), self.samples + len(samples)
        return np.searchsorted(clock_s, samples * SAMPLE_S - 1e-6)


@dataclasses.dataclass(slots=True)
class _Scorer:
    """Measures frames as soon as those around them are there, and runs the network over the measures."""

    network: TemporalNetwork
    measure: _Measure
    ahead: int
    held: ReducedFrames | None = None
    measured: int = 0  # of those held
    rows: _Floats | None = None  # measures that are still in reach of rows to come

    def push(self, frames: ReducedFrames) -> _Floats:
        """Logits of some more frames."""
        self.held = frames if self.held is None else join_reduced([self.held, frames])
        return self._score(len(self.held) - self.ahead, last=False)

    def finish(self) -> _Floats:
        """Logits of the rest."""
        return self._score(0 if self.held is None else len(self.held), last=True)

    def _score(self, end: int, last: bool) -> _Floats:
        reach = self.network.reach
        if self.held is not None and end > self.measured:
            rows = self.measure(self.held, self.measured, end)
            before = np.repeat(rows[:1], reach, 0) if self.rows is None else self.rows
            self.rows = np.concatenate([before, rows])
            start = max(0, end - BACK)
            self.held, self.measured = take_reduced(self.held, slice(start, None)), end - start
        if self.rows is None:
            return np.empty((0, len(self.network.last[1])), np.float32)
        rows = np.concatenate([self.rows, np.repeat(self.rows[-1:], reach, 0)]) if last else self.rows
        if len(rows) <= 2 * reach:
            return np.empty((0, len(self.network.last[1])), np.float32)
        self.rows = rows[len(rows) - 2 * reach :]
        return run_network(self.network, rows)


@dataclasses.dataclass(slots=True)
class _Joiner:
    """Brings the logits of frames and samples together, which are not known equally soon."""

    frames: int = 0
    done: int = 0  # frames whose scores have been given out
    cuts: _Floats = dataclasses.field(default_factory=lambda: np.empty((0, 1), np.float32))
    kinds: _Floats = dataclasses.field(default_factory=lambda: np.empty((0, 5), np.float32))
    places: NDArray[np.int64] = dataclasses.field(default_factory=lambda: np.empty(0, np.int64))

    def push(self, places: NDArray[np.int64], frames: int) -> None:
        """Takes note of more frames, and which of them are samples."""
        self.places = np.concatenate([self.places, places])
        self.frames += frames

    def join(self, cuts: _Floats, kinds: _Floats) -> Scores:
        """The scores of the frames of which everything is known."""
        self.cuts, self.kinds = np.concatenate([self.cuts, cuts]), np.concatenate([self.kinds, kinds])
        known, samples = self.done + len(self.cuts), len(self.kinds)
        if samples < len(self.places):
            known = min(known, int(self.places[samples]))
        samples = min(samples, int(np.searchsorted(self.places, known)))
        frames = known - self.done
        logits, kinds = self.cuts[:frames, 0], self.kinds[:samples]
        scores = Scores(_sigmoid(logits), _softmax(kinds), self.places[:samples] - self.done)
        self.cuts, self.kinds, self.places = self.cuts[frames:], self.kinds[samples:], self.places[samples:]
        self.done = known
        return scores


def _sigmoid(logits: _Floats) -> _Floats:
    shares: _Floats = np.float32(1) / (np.float32(1) + np.exp(-logits))
    return shares


def _softmax(logits: _Floats) -> _Floats:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    shares: _Floats = powers / powers.sum(1, keepdims=True)
    return shares
