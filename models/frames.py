"""Frames: what a video shows, as seen by everything that looks for shots, flashes and tags."""

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

GRID_HEIGHT, GRID_WIDTH = 54, 96  # of every video, whatever its own shape

Grid = NDArray[np.uint8]  # (GRID_HEIGHT, GRID_WIDTH, 3), RGB as sRGB codes it: the whole picture, averaged by area
Picture = NDArray[np.uint8]  # (height, width, 3), RGB as sRGB codes it, with square pixels


@dataclasses.dataclass(frozen=True, slots=True)
class Frame:
    """What is on display from start_s up to end_s.

    draw: gives the picture at the size that decoding was asked for; only until the next frame is asked for.
    """

    start_s: float
    end_s: float
    grid: Grid
    draw: Callable[[], Picture]
