"""Retrieval: which tracks may be playing, and where in them, from landmark hits that line up.

Loose on purpose: verification decides. A diagonal is a place on the index's timeline less a frame of the query; hits of
one diagonal say the same of when the track began.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from models.index import Index
from models.landmarks import Landmarks

_FRAME_BITS = 22  # of a query block: 4 million frames, 37 hours
_MAX_QUERY_FRAMES = 1 << _FRAME_BITS


@dataclasses.dataclass(frozen=True)
class RetrievalConfig:
    """A candidate has hits at `min_anchors` frames within `window_s`, on one diagonal give or take a frame."""

    min_anchors: int = 5
    window_s: float = 5.0
    max_postings: int = 200

    def __post_init__(self) -> None:
        for name in ("min_anchors", "window_s", "max_postings"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


@dataclasses.dataclass(frozen=True, slots=True)
class Candidates:
    """Parallel arrays: track numbers; offset_deltas, reference less query frame; query frames where hits begin."""

    tracks: NDArray[np.intp]
    offset_deltas: NDArray[np.int64]
    frames: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.tracks)

    def take(self, which: NDArray[np.intp]) -> "Candidates":
        return Candidates(self.tracks[which], self.offset_deltas[which], self.frames[which])


def retrieve(landmarks: Landmarks, index: Index, config: RetrievalConfig) -> tuple[Candidates, int]:
    """The candidates of a query's landmarks, and how many postings were skipped as too common.

    A long match is a candidate once for each window of it. ValueError for frames beyond 37 hours.
    """
    if len(landmarks.frames) and landmarks.frames.max() >= _MAX_QUERY_FRAMES:
        raise ValueError(f"a query must be below {_MAX_QUERY_FRAMES} frames, got {landmarks.frames.max()}")
    places, sources, skipped = index.look_up(landmarks.hashes, config.max_postings)
    frames = landmarks.frames[sources].astype(np.int64)
    window = round(config.window_s * index.config.spectrogram.frame_rate)
    diagonals, starts = _find_lines(places - frames, frames, config.min_anchors, window)
    # The diagonal may lie in the track before, if the query began before the track did: ask where a hit is. It is on
    # this diagonal or the next; an anchor never lies in a track's last frame, so the next place is in its track too.
    tracks = index.track_at(diagonals + starts + 1)
    return Candidates(tracks, diagonals - index.places[tracks], starts), skipped


def _find_lines(
    diagonals: NDArray[np.int64], frames: NDArray[np.int64], min_anchors: int, window: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Diagonals and first frames of windows with enough different frames; each diagonal at most once a window."""
    base = _MAX_QUERY_FRAMES  # so that no shifted diagonal is negative
    lines = [
        _dense_windows(diagonals + base + shift, frames, min_anchors, window) - ((base + shift) << _FRAME_BITS)
        for shift in (0, 1)
    ]
    found = np.unique(np.concatenate(lines))
    return found >> _FRAME_BITS, found & (_MAX_QUERY_FRAMES - 1)


def _dense_windows(
    diagonals: NDArray[np.int64], frames: NDArray[np.int64], min_anchors: int, window: int
) -> NDArray[np.int64]:
    """Diagonal and first frame, packed, of windows in which a pair of neighbouring diagonals has enough frames."""
    keys: NDArray[np.int64] = np.sort(((diagonals >> 1) << _FRAME_BITS) | frames)
    keys = keys[np.diff(keys, prepend=-1) != 0]
    last = min_anchors - 1
    # Packed keys of one pair of diagonals differ by their frames alone; of two pairs, by far more than a window.
    starts = keys[: max(0, len(keys) - last)]
    starts = starts[keys[last:] - starts <= window]
    pairs, frames = starts >> _FRAME_BITS, starts & (_MAX_QUERY_FRAMES - 1)
    first_of_window = (np.diff(pairs, prepend=-1) != 0) | (np.diff(frames // window, prepend=-1) != 0)
    dense: NDArray[np.int64] = (pairs << 1 << _FRAME_BITS) | frames
    kept: NDArray[np.int64] = dense[first_of_window]
    return kept
