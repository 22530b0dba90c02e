"""Measures of each frame's grid: how light, colourful and still it is, and its bars."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.compiling import compiled
from models.frames import GRID_HEIGHT, GRID_WIDTH, Grid

_Values = NDArray[np.float32]  # (frames,)

_BLACK = 0.075  # luma; below it, what a codec makes of black
_DARK, _PALE, _BRIGHT = 0.25, 0.78, 0.94
_MOVED = 0.024  # a change of luma: six codes, which grain and codecs hardly make in the mean of a cell
_LEVELS = 32  # of luma, for each of which one tint is taken off
_STRAY = 0.08  # of the cells of a bar may be lit: by a logo or a time code
_BAR_FIRST, _BAR_LAST = 4, 30  # rows of colour bars; below, SMPTE's have other patches
_BAR_SPREAD = 12.0  # standard deviation of code values along a bar
_BAR_LIGHT = 100.0  # code value
_BAR_COLOURS = (6, 3, 2, 5, 4, 1)  # yellow, cyan, green, magenta, red, blue, as bits of RGB: how bars follow each other
_LEAST_BAR = 5  # columns


@dataclasses.dataclass(frozen=True, slots=True)
class FrameMeasures:
    """Of each frame in turn; all (frames,), 0 to 1.

    motion: mean change of luma since the frame before, beyond what all cells share. moved: the share of cells where
    that is clear. Both 0 for the first frame of all.
    tint: how far colours are from being given by the luma: 0 for grey and for sepia. In units of code values.
    top, bottom, left, right: black bars, as shares of the height or width; 1: everything is black.
    """

    luma: _Values
    contrast: _Values  # standard deviation of luma
    colour: _Values  # root mean square distance from grey, in units of code values
    tint: _Values
    black: _Values  # share of cells
    dark: _Values
    pale: _Values  # lighter than most, but not bright
    bright: _Values
    motion: _Values
    moved: _Values
    top: _Values
    bottom: _Values
    left: _Values
    right: _Values
    colour_bars: _Values  # 1 for colour bars, else 0

    def __len__(self) -> int:
        return len(self.luma)

    def part(self, start: int, stop: int) -> "FrameMeasures":
        """Those of frames [start, stop)."""
        return FrameMeasures(*(getattr(self, field.name)[start:stop] for field in dataclasses.fields(self)))


def measure_frames(grids: NDArray[np.uint8] | Sequence[Grid], previous: Grid | None) -> FrameMeasures:
    """The measures of a block of grids (frames, GRID_HEIGHT, GRID_WIDTH, 3). previous: the grid before the first."""
    frames = len(grids)
    sums = np.zeros((frames, 10), np.float64)
    bars = np.zeros((frames, 4), np.float32)  # in cells
    columns = np.zeros((frames, GRID_WIDTH), np.int8)
    luma = np.zeros((2, GRID_HEIGHT, GRID_WIDTH), np.float32)
    has_previous = previous is not None
    if previous is not None:
        _to_luma(previous, luma[1])
    for number, grid in enumerate(grids):
        now, before = luma[number % 2], luma[1 - number % 2]
        _measure(grid, now, before, has_previous, sums[number], bars[number])
        _classify_columns(grid, columns[number])
        has_previous = True
    cells = GRID_HEIGHT * GRID_WIDTH
    means = (sums / cells).astype(np.float32)
    return FrameMeasures(
        luma=means[:, 0],
        contrast=np.sqrt(np.maximum(means[:, 1] - means[:, 0] ** 2, 0)),
        colour=np.sqrt(means[:, 3]),
        tint=np.sqrt(np.maximum(means[:, 2], 0)),
        black=means[:, 4],
        dark=means[:, 5],
        pale=means[:, 6],
        bright=means[:, 7],
        motion=means[:, 8],
        moved=means[:, 9],
        top=bars[:, 0] / np.float32(GRID_HEIGHT),
        bottom=bars[:, 1] / np.float32(GRID_HEIGHT),
        left=bars[:, 2] / np.float32(GRID_WIDTH),
        right=bars[:, 3] / np.float32(GRID_WIDTH),
        colour_bars=np.array([_are_bars(each) for each in columns], np.float32),
    )


def share_moved(one: Grid, other: Grid) -> float:
    """The share of cells whose luma differs clearly between two grids, beyond what all cells share."""
    luma = np.empty((2, GRID_HEIGHT, GRID_WIDTH), np.float32)
    _to_luma(one, luma[0])
    _to_luma(other, luma[1])
    change = luma[1] - luma[0]
    return float(np.mean(np.abs(change - np.median(change)) > _MOVED))


def _are_bars(columns: NDArray[np.int8]) -> float:
    """1 if the columns have the colours of bars, in their order, each some columns wide; else 0."""
    if np.count_nonzero(columns >= 0) < GRID_WIDTH / 2:
        return 0.0
    edges = np.flatnonzero(np.diff(columns)) + 1
    starts, stops = np.concatenate([[0], edges]), np.concatenate([edges, [GRID_WIDTH]])
    wide = [int(columns[start]) for start, stop in zip(starts, stops, strict=True) if stop - start >= _LEAST_BAR]
    wanted = [each for each in wide if each in _BAR_COLOURS]
    return float(tuple(wanted) == _BAR_COLOURS)


@compiled
def _to_luma(grid: Grid, luma: _Values) -> None:
    for row in range(grid.shape[0]):
        for column in range(grid.shape[1]):
            red, green, blue = grid[row, column, 0], grid[row, column, 1], grid[row, column, 2]
            luma[row, column] = (0.299 * red + 0.587 * green + 0.114 * blue) / 255.0


@compiled
def _measure(grid: Grid, luma: _Values, before: _Values, moves: bool, sums: NDArray[np.float64], bars: _Values) -> None:
    height, width = luma.shape
    lit_rows, lit_columns = np.zeros(height, np.int64), np.zeros(width, np.int64)
    levels, shift = np.zeros((_LEVELS, 3)), 0.0
    for row in range(height):
        for column in range(width):
            red, green, blue = grid[row, column, 0], grid[row, column, 1], grid[row, column, 2]
            light = (0.299 * red + 0.587 * green + 0.114 * blue) / 255.0
            to_blue, to_red = 0.564 * (blue / 255.0 - light), 0.713 * (red / 255.0 - light)
            luma[row, column] = light
            level = int(light * (_LEVELS - 1) + 0.5)
            levels[level, 0] += 1.0
            levels[level, 1] += to_blue
            levels[level, 2] += to_red
            sums[0] += light
            sums[1] += light * light
            sums[3] += to_blue * to_blue + to_red * to_red
            sums[5] += light < _DARK
            sums[6] += _PALE < light <= _BRIGHT
            sums[7] += light > _BRIGHT
            shift += light - before[row, column]
            if light < _BLACK:
                sums[4] += 1.0
            else:
                lit_rows[row] += 1
                lit_columns[column] += 1
    sums[2] = sums[3]
    for level in range(_LEVELS):
        if levels[level, 0] > 0:
            sums[2] -= (levels[level, 1] ** 2 + levels[level, 2] ** 2) / levels[level, 0]
    bars[0], bars[1] = _count_dark(lit_rows, width), _count_dark(lit_rows[::-1], width)
    bars[2], bars[3] = _count_dark(lit_columns, height), _count_dark(lit_columns[::-1], height)
    if moves:
        shift /= height * width
        for row in range(height):
            for column in range(width):
                change = abs(luma[row, column] - before[row, column] - shift)
                sums[8] += change
                sums[9] += change > _MOVED


@compiled
def _count_dark(lit: NDArray[np.int64], cells: int) -> int:
    """How many lines are bars, before the first that is not."""
    count = 0
    while count < len(lit) and lit[count] <= _STRAY * cells:
        count += 1
    return count


@compiled
def _classify_columns(grid: Grid, columns: NDArray[np.int8]) -> None:
    """The colour of each column of uniform colour as bits (red 4, green 2, blue 1), each full or none; else -1."""
    rows = _BAR_LAST - _BAR_FIRST
    for column in range(grid.shape[1]):
        means, spread = np.zeros(3), 0.0
        for channel in range(3):
            square = 0.0
            for row in range(_BAR_FIRST, _BAR_LAST):
                value = float(grid[row, column, channel])
                means[channel] += value / rows
                square += value * value / rows
            spread = max(spread, square - means[channel] ** 2)
        top = means.max()
        columns[column] = -1
        if spread > _BAR_SPREAD**2 or top < _BAR_LIGHT:
            continue
        bits, pure = 0, True
        for channel in range(3):
            bits = 2 * bits + (means[channel] > top / 2)
            pure = pure and not 0.3 < means[channel] / top < 0.7
        if pure:
            columns[column] = bits
