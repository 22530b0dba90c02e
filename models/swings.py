"""Swings: the rises and falls of light, or of red, in each cell of the grid, from one extreme to the next."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from models.compiling import compiled
from models.frames import GRID_HEIGHT, GRID_WIDTH, Grid

_Cells = NDArray[np.float32]  # (GRID_HEIGHT, GRID_WIDTH)
_Flags = NDArray[np.bool_]
_Directions = NDArray[np.int8]

_SHAPE = (GRID_HEIGHT, GRID_WIDTH)
_CODES = np.arange(256) / 255
_LIGHT = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(np.float32)  # of sRGB
_RED_SCALE = 320.0  # of (R - G - B), by WCAG
_LEAST_RED = 0.02  # R of linear light; darker than this, the share of red in it is the codec's noise
_MEMORY_S = 1.0  # how fast the reach of a cell forgets


@dataclasses.dataclass(slots=True)
class Swings:
    """Where each cell is between the extremes of a quantity.

    high, low: the extremes since the last swing; their flags: whether the quantity counts there.
    direction: of the last swing, 1 up or -1 down; 0: there was none.
    top, bottom: of the code values, fading. They are linear in the share of a cell that changes.
    """

    high: _Cells
    low: _Cells
    high_flag: _Flags
    low_flag: _Flags
    direction: _Directions
    top: _Cells
    bottom: _Cells

    def copy(self) -> "Swings":
        return Swings(*(getattr(self, field.name).copy() for field in dataclasses.fields(self)))

    @property
    def reach(self) -> _Cells:
        """How far the code values of each cell went lately."""
        return self.top - self.bottom


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """A frame's quantity in each cell, whether it counts there, and the code values that it comes from."""

    level: _Cells
    flag: _Flags
    code: _Cells


def look_for_light(grid: Grid, max_dark: float) -> Look:
    """The relative luminance (0 to 1), which counts below max_dark."""
    level, code = np.empty(_SHAPE, np.float32), np.empty(_SHAPE, np.float32)
    _measure_light(grid, _LIGHT, level, code)
    return Look(level, level < max_dark, code)


def look_for_red(grid: Grid, min_red: float) -> Look:
    """(R - G - B) * 320 or 0, which counts where R has the share min_red of R + G + B in the cell or next to it.

    Next to it: a cell on the edge of something red has other colours in it, and is red in part all the same.
    """
    level, code, flag = np.empty(_SHAPE, np.float32), np.empty(_SHAPE, np.float32), np.zeros(_SHAPE, np.bool_)
    _measure_red(grid, _LIGHT, min_red, level, code, flag)
    return Look(level, flag, code)


def start_swings(look: Look) -> Swings:
    """The state at the first frame."""
    level, flag, code = look.level, look.flag, look.code
    direction = np.zeros(_SHAPE, np.int8)
    return Swings(level.copy(), level.copy(), flag.copy(), flag.copy(), direction, code.copy(), code.copy())


def follow_swings(swings: Swings, look: Look, least: float, elapsed_s: float) -> _Directions:
    """Which cells are found to swing with this frame, 1 up or -1 down, else 0. The state is updated.

    A swing is a change by least or more from the last extreme, however many frames it takes, where either of the two
    states counts; up follows down and down follows up.
    """
    found = np.zeros(_SHAPE, np.int8)
    fade = 1 - np.exp(-max(elapsed_s, 0.0) / _MEMORY_S)
    high, low, high_flag, low_flag = swings.high, swings.low, swings.high_flag, swings.low_flag
    _follow(look.level, look.flag, np.float32(least), high, low, high_flag, low_flag, swings.direction, found)
    _stretch(look.code, np.float32(fade), swings.top, swings.bottom)
    return found


@compiled
def share_covered(members: _Flags, reach: _Cells) -> float:
    """The share of the grid that the members cover, those on the rim, and what is next to them, by their reach.

    The rim of a flash goes through the middle of cells: taking those whole or leaving them out would be wrong by up to
    a tenth of the area.
    """
    height, width = members.shape
    total = 0.0
    for row in range(height):
        for column in range(width):
            inside = members[row, column]
            best = np.float32(0)
            for y in range(max(row - 1, 0), min(row + 2, height)):
                for x in range(max(column - 1, 0), min(column + 2, width)):
                    if members[y, x]:
                        best = max(best, reach[y, x])
                    elif y == row or x == column:
                        inside = False
            if inside:
                total += 1.0
            elif best > 0:
                total += min(1.0, reach[row, column] / best)
    return float(total / (height * width))


@compiled
def _measure_light(grid: Grid, light: _Cells, level: _Cells, code: _Cells) -> None:
    for row in range(grid.shape[0]):
        for column in range(grid.shape[1]):
            red, green, blue = grid[row, column, 0], grid[row, column, 1], grid[row, column, 2]
            level[row, column] = 0.2126 * light[red] + 0.7152 * light[green] + 0.0722 * light[blue]
            code[row, column] = 0.2126 * red + 0.7152 * green + 0.0722 * blue


@compiled
def _measure_red(grid: Grid, light: _Cells, min_red: float, level: _Cells, code: _Cells, flag: _Flags) -> None:
    height, width = level.shape
    for row in range(height):
        for column in range(width):
            red, green, blue = grid[row, column, 0], grid[row, column, 1], grid[row, column, 2]
            others = light[green] + light[blue]
            level[row, column] = max(0.0, light[red] - others) * _RED_SCALE
            code[row, column] = 2.0 * red - green - blue
            if light[red] >= _LEAST_RED and light[red] >= min_red * (light[red] + others):
                for y in range(max(row - 1, 0), min(row + 2, height)):
                    for x in range(max(column - 1, 0), min(column + 2, width)):
                        flag[y, x] = True


@compiled
def _stretch(code: _Cells, fade: np.float32, top: _Cells, bottom: _Cells) -> None:
    for row in range(code.shape[0]):
        for column in range(code.shape[1]):
            at = row, column
            faded = fade * (top[at] - bottom[at])
            top[at] = max(code[at], top[at] - faded)
            bottom[at] = min(code[at], bottom[at] + faded)


@compiled
def _follow(
    level: _Cells,
    flag: _Flags,
    least: np.float32,
    high: _Cells,
    low: _Cells,
    high_flag: _Flags,
    low_flag: _Flags,
    direction: _Directions,
    found: _Directions,
) -> None:
    for row in range(level.shape[0]):
        for column in range(level.shape[1]):
            at = row, column
            value, counts = level[at], flag[at]
            if value >= high[at]:
                high_flag[at] = counts or (value == high[at] and high_flag[at])
                high[at] = value
            if value <= low[at]:
                low_flag[at] = counts or (value == low[at] and low_flag[at])
                low[at] = value
            if direction[at] <= 0 and value - low[at] >= least and (counts or low_flag[at]):
                found[at] = 1
            elif direction[at] >= 0 and high[at] - value >= least and (counts or high_flag[at]):
                found[at] = -1
            if found[at] != 0:
                direction[at] = found[at]
                high[at], low[at] = value, value
                high_flag[at], low_flag[at] = counts, counts
