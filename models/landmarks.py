"""Landmarks: pairs of neighbouring peaks, hashed, by which candidates are retrieved (Wang, ISMIR 2003).

A hash packs anchor bin, bin difference and frame difference:

    21          13 12          6 5           0
    | anchor bin | bin difference + 64 | frames |
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from models.compiling import compiled
from models.constellation import Constellation

BIN_BITS, DIFFERENCE_BITS, FRAME_BITS = 9, 7, 6
HASH_BITS = BIN_BITS + DIFFERENCE_BITS + FRAME_BITS
MAX_FRAMES = (1 << FRAME_BITS) - 1
MAX_BINS = (1 << (DIFFERENCE_BITS - 1)) - 1


@dataclasses.dataclass(frozen=True)
class LandmarkConfig:
    """An anchor is paired with the next `fan_out` peaks, at most so many frames later and bins away."""

    fan_out: int = 4
    max_frames: int = MAX_FRAMES
    max_bins: int = MAX_BINS

    def __post_init__(self) -> None:
        for name, limit in (("fan_out", 127), ("max_frames", MAX_FRAMES), ("max_bins", MAX_BINS)):
            if not 1 <= getattr(self, name) <= limit:
                raise ValueError(f"{name} must be between 1 and {limit}, got {getattr(self, name)}")


@dataclasses.dataclass(frozen=True, slots=True)
class Landmarks:
    """hashes: uint32, below 2 ** HASH_BITS. frames: the anchors'. Of equal length, in no particular order."""

    hashes: NDArray[np.uint32]
    frames: NDArray[np.int32]


@dataclasses.dataclass(frozen=True, slots=True)
class Pairs:
    """Positions of anchors and of their targets in a constellation, in order of anchor."""

    anchors: NDArray[np.int32]
    targets: NDArray[np.int32]


def find_pairs(constellation: Constellation, config: LandmarkConfig) -> Pairs:
    """Each anchor with its targets, taken in order of frame, then bin, never in the anchor's frame."""
    limits = (config.fan_out, config.max_frames, config.max_bins)
    return Pairs(*_find_pairs(constellation.frames, constellation.bins, *limits))


def pair_peaks(constellation: Constellation, config: LandmarkConfig) -> Landmarks:
    """The landmarks of a constellation."""
    pairs = find_pairs(constellation, config)
    frames, bins = constellation.frames, constellation.bins.astype(np.int32)
    packed = bins[pairs.anchors] << (DIFFERENCE_BITS + FRAME_BITS)
    packed |= (bins[pairs.targets] - bins[pairs.anchors] + MAX_BINS + 1) << FRAME_BITS
    packed |= frames[pairs.targets] - frames[pairs.anchors]
    return Landmarks(packed.astype(np.uint32), frames[pairs.anchors])


@compiled
def _find_pairs(
    frames: NDArray[np.int32], bins: NDArray[np.int16], fan_out: int, max_frames: int, max_bins: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    anchors, targets = np.empty(len(frames) * fan_out, np.int32), np.empty(len(frames) * fan_out, np.int32)
    count = 0
    for anchor in range(len(frames)):
        taken = 0
        for target in range(anchor + 1, len(frames)):
            gap = frames[target] - frames[anchor]
            if taken == fan_out or gap > max_frames:
                break
            if gap > 0 and abs(bins[target] - bins[anchor]) <= max_bins:
                anchors[count], targets[count] = anchor, target
                count += 1
                taken += 1
    return anchors[:count].copy(), targets[:count].copy()
