"""From scores of frames and samples to transitions: what is high enough, once each."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float32]

CUT, DISSOLVE, FADE, WIPE = "cut", "dissolve", "fade", "wipe"
KINDS = ("none", CUT, DISSOLVE, FADE, WIPE)  # what the network for gradual transitions tells apart, in its order

_APART_FRAMES = 2  # cuts that are no further apart are one
_EDGE_SCORE = 0.3  # a gradual transition goes as far as its samples score this
_MAX_WIPE_SAMPLES = 32  # 2.6 s: what pushes the picture out for longer is a camera that pans
_MIN_SUM = 1.2  # of a gradual transition's scores, which keeps single samples out: precision .971 to .990 with 0.8


@dataclasses.dataclass(frozen=True, slots=True)
class Transition:
    """A passage from one shot to the next, in numbers of frames.

    first: shows something of the new shot, or of the way to it. last: shows the new shot alone. frame: where the new
    shot starts: of a cut all three are this, else it is the middle.
    """

    kind: str  # cut, dissolve, fade or wipe
    first: int
    last: int
    frame: int
    score: float  # 0 to 1


@dataclasses.dataclass(frozen=True, slots=True)
class Scores:
    """What the networks say of consecutive frames, and of the samples among them."""

    cuts: _Floats  # (frames,), 0 to 1: the frame is the first of a shot
    kinds: _Floats  # (samples, 5): shares of KINDS
    places: NDArray[np.int64]  # (samples,): number of each sample's frame, from the first of these frames

    @property
    def gradual(self) -> _Floats:
        """(samples,): that a sample is part of a gradual transition."""
        shares: _Floats = self.kinds[:, 2:].sum(1)
        return shares


def join_scores(first: Scores, second: Scores) -> Scores:
    """The scores of both, one after the other."""
    return Scores(
        np.concatenate([first.cuts, second.cuts]),
        np.concatenate([first.kinds, second.kinds]),
        np.concatenate([first.places, second.places + len(first.cuts)]),
    )


def split_scores(scores: Scores, frame: int) -> tuple[Scores, Scores]:
    """The scores of the frames before this one, and of the rest."""
    sample = int(np.searchsorted(scores.places, frame))
    return (
        Scores(scores.cuts[:frame], scores.kinds[:sample], scores.places[:sample]),
        Scores(scores.cuts[frame:], scores.kinds[sample:], scores.places[sample:] - frame),
    )


def decode_transitions(scores: Scores, min_cut_score: float, min_gradual_score: float) -> list[Transition]:
    """The transitions in order, of which no two overlap: of those that do the one with the highest score stays."""
    found = _find_cuts(scores.cuts, min_cut_score) + _find_gradual(scores, min_gradual_score)
    kept: list[Transition] = []
    for transition in sorted(found, key=lambda each: -each.score):
        if all(each.last + 1 < transition.first or transition.last + 1 < each.first for each in kept):
            kept.append(transition)
    return sorted(kept, key=lambda each: each.first)


def _find_cuts(cuts: _Floats, min_score: float) -> list[Transition]:
    padded = np.pad(cuts, _APART_FRAMES, constant_values=-1)
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * _APART_FRAMES + 1).max(1)
    places = np.flatnonzero((cuts >= min_score) & (cuts == highest))
    return [Transition(CUT, int(place), int(place), int(place), float(cuts[place])) for place in places]


def _find_gradual(scores: Scores, min_score: float) -> list[Transition]:
    gradual = scores.gradual
    edges = np.flatnonzero(np.diff(gradual >= min(_EDGE_SCORE, min_score), prepend=False, append=False))
    found = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if gradual[start:end].max() < min_score or gradual[start:end].sum() < _MIN_SUM:
            continue
        first = int(scores.places[start])
        last = int(scores.places[end]) if end < len(scores.places) else len(scores.cuts) - 1
        kind = KINDS[2 + int(scores.kinds[start:end, 2:].sum(0).argmax())]
        if first < last and not (kind == WIPE and end - start > _MAX_WIPE_SAMPLES):
            found.append(Transition(kind, first, last, (first + last) // 2, float(gradual[start:end].max())))
    return found
