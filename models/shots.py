"""Shots: where a film passes from one to the next, by cut, dissolve, fade or wipe.

Measures of how frames differ (models.frame_pairs) go through two small networks (models.transition_network): one sees
every frame and finds cuts, one sees 12.5 samples a second and finds gradual transitions. They were trained on synthetic
films (pipelines.train_shots).
"""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from models.frames import Grid
from models.transition_decoding import Scores, Transition, decode_transitions, join_scores, split_scores
from models.transition_measures import SAMPLE_S
from models.transition_scoring import stream_scores

__all__ = ["ShotConfig", "Transition", "find_transitions", "stream_transitions"]

_REST_SAMPLES = 8  # without any sign of a transition, which decide what comes before them
_SIGN = 0.2  # scores from here are one


@dataclasses.dataclass(frozen=True)
class ShotConfig:
    """Which transitions count.

    min_cut_score, min_gradual_score: those that score less do not. Lower finds more, and more that are none.
    max_undecided_s: how much of a film that gives no rest is held before it is decided on.
    """

    min_cut_score: float = 0.6
    min_gradual_score: float = 0.8
    max_undecided_s: float = 8.0

    def __post_init__(self) -> None:
        for name in ("min_cut_score", "min_gradual_score"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be above 0 and at most 1, got {getattr(self, name)}")
        if not self.max_undecided_s >= 3:
            raise ValueError(f"max_undecided_s must be at least 3, got {self.max_undecided_s}")


def find_transitions(grids: NDArray[np.uint8], times_s: NDArray[np.float64], config: ShotConfig) -> list[Transition]:
    """The transitions of a film in order; grids: (frames, 54, 96, 3), times_s: (frames,). A single frame has none."""
    frames = zip(times_s.tolist(), grids, strict=True)
    return [transition for _, transitions in stream_transitions(frames, config) for transition in transitions]


def stream_transitions(
    frames: Iterable[tuple[float, Grid]], config: ShotConfig
) -> Iterator[tuple[int, list[Transition]]]:
    """Yields how many frames are decided on, and the transitions found among them since; at last all, and the rest.

    Numbers are the whole film's. It holds a few seconds of frames, reduced, and asks for no more than it needs.
    """
    decided, pending = 0, None
    for scores in stream_scores(frames):
        pending = scores if pending is None else join_scores(pending, scores)
        if split := _find_rest(pending, config):
            ready, pending = split_scores(pending, split)
            yield decided + split, _decode(ready, decided, config)
            decided += split
    if pending is not None:
        yield decided + len(pending.cuts), _decode(pending, decided, config)


def _decode(scores: Scores, start: int, config: ShotConfig) -> list[Transition]:
    return [
        dataclasses.replace(found, first=found.first + start, last=found.last + start, frame=found.frame + start)
        for found in decode_transitions(scores, config.min_cut_score, config.min_gradual_score)
        if found.last + start > 0
    ]


def _find_rest(scores: Scores, config: ShotConfig) -> int:
    """The frame in the middle of the last rest, before which all can be decided; 0 if there is none yet."""
    signs = scores.gradual >= _SIGN
    loud = np.flatnonzero(scores.cuts >= _SIGN)
    signs[np.clip(np.searchsorted(scores.places, loud, side="right") - 1, 0, None)] = True
    edges = np.flatnonzero(np.diff(signs, prepend=True, append=True))
    for start, end in zip(edges[-2::-2], edges[:0:-2], strict=True):
        if end - start >= _REST_SAMPLES:
            return int(scores.places[(start + end) // 2])
    if len(signs) > config.max_undecided_s / SAMPLE_S:
        return int(scores.places[len(signs) // 2 + int(scores.gradual[len(signs) // 2 :].argmin())])
    return 0
