"""Landmarks: pairs of neighbouring peaks, hashed, by which candidates are retrieved (Wang, ISMIR 2003).

A hash packs anchor bin, bin difference and frame difference:

    21          13 12          6 5           0
    | anchor bin | bin difference + 64 | frames |
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from models.constellation import Constellation

_BIN_BITS, _DIFFERENCE_BITS, _FRAME_BITS = 9, 7, 6
HASH_BITS = _BIN_BITS + _DIFFERENCE_BITS + _FRAME_BITS
_MAX_FRAMES = (1 << _FRAME_BITS) - 1
_MAX_BINS = (1 << (_DIFFERENCE_BITS - 1)) - 1


@dataclasses.dataclass(frozen=True)
class LandmarkConfig:
    """An anchor is paired with the next `fan_out` peaks, at most so many frames later and bins away."""

    fan_out: int = 4
    max_frames: int = _MAX_FRAMES
    max_bins: int = _MAX_BINS

    def __post_init__(self) -> None:
        for name, limit in (("fan_out", 127), ("max_frames", _MAX_FRAMES), ("max_bins", _MAX_BINS)):
            if not 1 <= getattr(self, name) <= limit:
                raise ValueError(f"{name} must be between 1 and {limit}, got {getattr(self, name)}")


@dataclasses.dataclass(frozen=True, slots=True)
class Landmarks:
    """hashes: uint32, below 2 ** HASH_BITS. frames: the anchors'. Of equal length, in no particular order."""

    hashes: NDArray[np.uint32]
    frames: NDArray[np.int32]


def pair_peaks(constellation: Constellation, config: LandmarkConfig) -> Landmarks:
    """The landmarks of a constellation; targets are taken in order of frame, then bin, never in the anchor's frame."""
    frames, bins = constellation.frames, constellation.bins.astype(np.int32)
    taken = np.zeros(len(frames), np.int8)
    anchors, targets = [np.empty(0, np.intp)], [np.empty(0, np.intp)]
    for step in range(1, len(frames)):
        gap = frames[step:] - frames[:-step]
        near = gap <= config.max_frames
        if not near.any() or taken[: len(gap)][near].min() >= config.fan_out:
            break
        near &= (gap > 0) & (np.abs(bins[step:] - bins[:-step]) <= config.max_bins) & (taken[:-step] < config.fan_out)
        found = np.flatnonzero(near)
        taken[found] += 1
        anchors.append(found)
        targets.append(found + step)
    anchor, target = np.concatenate(anchors), np.concatenate(targets)
    packed = bins[anchor] << (_DIFFERENCE_BITS + _FRAME_BITS)
    packed |= (bins[target] - bins[anchor] + _MAX_BINS + 1) << _FRAME_BITS
    packed |= frames[target] - frames[anchor]
    return Landmarks(packed.astype(np.uint32), frames[anchor])
