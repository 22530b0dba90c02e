"""Thinning: the peaks of a dense constellation that a sparser one has too."""

import numpy as np
from numpy.typing import NDArray

from models.compiling import compiled
from models.constellation import Constellation


def thin(constellation: Constellation, half_frames: int, half_bins: int) -> Constellation:
    """The peaks with no louder one so near: about the peaks that a PeakConfig with those halves finds."""
    kept = find_loudest(constellation, half_frames, half_bins)
    return constellation.take(kept, constellation.first_frame, constellation.end_frame)


def find_loudest(constellation: Constellation, half_frames: int, half_bins: int) -> NDArray[np.bool_]:
    """Whether each peak is one with no louder one so near."""
    return _find_loudest(constellation.frames, constellation.bins, constellation.levels, half_frames, half_bins)


@compiled
def _find_loudest(
    frames: NDArray[np.int32],
    bins: NDArray[np.int16],
    levels: NDArray[np.uint8],
    half_frames: int,
    half_bins: int,
) -> NDArray[np.bool_]:
    kept = np.ones(len(frames), np.bool_)
    for one in range(len(frames)):
        other = one + 1
        while other < len(frames) and frames[other] - frames[one] <= half_frames:
            if abs(bins[other] - bins[one]) <= half_bins:
                if levels[other] > levels[one]:
                    kept[one] = False
                elif levels[one] > levels[other]:
                    kept[other] = False
            other += 1
    return kept
