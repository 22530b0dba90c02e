"""How frames differ: what tells cuts and gradual transitions from motion, flashes and changes of light, as numbers.

Each frame is reduced once; then pairs of frames (before and now) and triples (before, now, after) are measured. Motion
is met by allowing a shift of every pixel or block, changes of light by correlation.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from models.compiling import compiled
from models.frames import GRID_HEIGHT, GRID_WIDTH

_Floats = NDArray[np.float32]

_HALF_HEIGHT, _HALF_WIDTH = GRID_HEIGHT // 2, GRID_WIDTH // 2  # luma, where motion is looked for
_THIRD_HEIGHT, _THIRD_WIDTH = GRID_HEIGHT // 3, GRID_WIDTH // 3  # colours, where mixtures are looked for
_BLOCK_HEIGHT, _BLOCK_WIDTH = 9, 8
_REACH_Y, _REACH_X = 4, 6  # of the search for motion, in pixels of the half: 15 and 12 % of the picture
_COLOURS = 64

STATISTICS = 4
PAIR_MEASURES = 5
MOTION_MEASURES = 6
TRIPLE_MEASURES = 11


@dataclasses.dataclass(frozen=True, slots=True)
class ReducedFrames:
    """Frames as they are compared, of each the same number."""

    halves: NDArray[np.int16]  # (frames, 27, 48): luma, 0 to 255
    thirds: _Floats  # (frames, 3, 18, 32): colours, 0 to 1
    histograms: _Floats  # (frames, 64): shares of the colours
    statistics: _Floats  # (frames, 4): mean of luma, its deviation, its steps between neighbours, share of colour

    def __len__(self) -> int:
        return len(self.statistics)


def reduce_frames(grids: NDArray[np.uint8]) -> ReducedFrames:
    """The frames of grids (frames, 54, 96, 3), reduced."""
    count = len(grids)
    reduced = ReducedFrames(
        np.empty((count, _HALF_HEIGHT, _HALF_WIDTH), np.int16),
        np.empty((count, 3, _THIRD_HEIGHT, _THIRD_WIDTH), np.float32),
        np.empty((count, _COLOURS), np.float32),
        np.empty((count, STATISTICS), np.float32),
    )
    for number in range(count):
        _reduce(
            np.ascontiguousarray(grids[number]),
            reduced.halves[number],
            reduced.thirds[number],
            reduced.histograms[number],
            reduced.statistics[number],
        )
    return reduced


def join_reduced(parts: list[ReducedFrames]) -> ReducedFrames:
    """The frames of all the parts."""
    return ReducedFrames(
        np.concatenate([part.halves for part in parts]),
        np.concatenate([part.thirds for part in parts]),
        np.concatenate([part.histograms for part in parts]),
        np.concatenate([part.statistics for part in parts]),
    )


def take_reduced(frames: ReducedFrames, places: NDArray[np.int64] | slice) -> ReducedFrames:
    """The frames at these places."""
    return ReducedFrames(
        frames.halves[places], frames.thirds[places], frames.histograms[places], frames.statistics[places]
    )


@compiled
def _reduce(
    grid: NDArray[np.uint8], half: NDArray[np.int16], third: _Floats, histogram: _Floats, statistics: _Floats
) -> None:
    histogram[:] = 0
    third[:] = 0
    total = np.float32(0)
    colour = np.float32(0)
    for y in range(_HALF_HEIGHT):
        for x in range(_HALF_WIDTH):
            red, green, blue = 0, 0, 0
            for dy in range(2):
                for dx in range(2):
                    red += grid[2 * y + dy, 2 * x + dx, 0]
                    green += grid[2 * y + dy, 2 * x + dx, 1]
                    blue += grid[2 * y + dy, 2 * x + dx, 2]
            luma = (77 * red + 150 * green + 29 * blue) >> 10
            half[y, x] = luma
            total += luma
            colour += max(red, green, blue) - min(red, green, blue)
            histogram[(red >> 8) * 16 + (green >> 8) * 4 + (blue >> 8)] += 1
    pixels = np.float32(_HALF_HEIGHT * _HALF_WIDTH)
    histogram /= pixels
    for y in range(_THIRD_HEIGHT):
        for x in range(_THIRD_WIDTH):
            for channel in range(3):
                value = 0
                for dy in range(3):
                    for dx in range(3):
                        value += grid[3 * y + dy, 3 * x + dx, channel]
                third[channel, y, x] = value / np.float32(9 * 255)
    mean = total / pixels
    squares, steps = np.float32(0), np.float32(0)
    for y in range(_HALF_HEIGHT - 1):
        for x in range(_HALF_WIDTH - 1):
            squares += (half[y, x] - mean) ** 2
            steps += abs(half[y, x] - half[y, x + 1]) + abs(half[y, x] - half[y + 1, x])
    statistics[0] = mean / 255
    statistics[1] = np.sqrt(squares / pixels) / 255
    statistics[2] = steps / pixels / 255
    statistics[3] = colour / pixels / (4 * 255)


@compiled
def measure_pairs(
    thirds: _Floats, histograms: _Floats, before: NDArray[np.int64], now: NDArray[np.int64], out: _Floats
) -> None:
    """Writes (pairs, 5): differences of pixels, shifted pixels and histograms, 1 - correlation, share changed."""
    for pair in range(len(before)):
        first, second = thirds[before[pair]], thirds[now[pair]]
        allowing, changed = _compare_shifted(first, second)
        out[pair, 0] = np.abs(first - second).mean()
        out[pair, 1] = allowing
        out[pair, 2] = np.abs(histograms[before[pair]] - histograms[now[pair]]).sum() / 2
        out[pair, 3] = 1 - _correlate(first, second)
        out[pair, 4] = changed


@compiled
def _compare_shifted(first: _Floats, second: _Floats) -> tuple[np.float32, float]:
    """The mean difference to the most similar of a pixel's 9 neighbours, and the share of pixels where it is large."""
    total, changed = np.float32(0), 0
    row = np.empty(_THIRD_WIDTH, np.float32)
    for y in range(1, _THIRD_HEIGHT - 1):
        row[:] = 9
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                for x in range(1, _THIRD_WIDTH - 1):
                    difference = (
                        abs(first[0, y, x] - second[0, y + dy, x + dx])
                        + abs(first[1, y, x] - second[1, y + dy, x + dx])
                        + abs(first[2, y, x] - second[2, y + dy, x + dx])
                    )
                    row[x] = min(row[x], difference)
        for x in range(1, _THIRD_WIDTH - 1):
            total += row[x]
            changed += row[x] > np.float32(0.15)
    pixels = (_THIRD_HEIGHT - 2) * (_THIRD_WIDTH - 2)
    return total / np.float32(3 * pixels), changed / pixels


@compiled
def _correlate(first: _Floats, second: _Floats) -> np.float32:
    """The correlation of two pictures' values, the sum of the three colours; 1 of two that are both flat."""
    one, other = first.ravel(), second.ravel()
    a, b = one.mean(), other.mean()
    both, ones, others = np.float32(0), np.float32(0), np.float32(0)
    for index in range(len(one)):
        x, y = one[index] - a, other[index] - b
        both += x * y
        ones += x * x
        others += y * y
    floor = np.float32(1e-4) * len(one)
    correlation: np.float32 = (both + floor) / np.sqrt((ones + floor) * (others + floor))
    return correlation


@compiled
def measure_motion(halves: NDArray[np.int16], before: NDArray[np.int64], now: NDArray[np.int64], out: _Floats) -> None:
    """Writes (pairs, 6): difference of blocks unmoved and moved at best, its maximum, that against their texture,
    the mean motion and its spread."""
    for pair in range(len(before)):
        first, second = halves[before[pair]], halves[now[pair]]
        unmoved, moved, largest, relative = 0.0, 0.0, 0.0, 0.0
        sum_x, sum_y, squares = 0.0, 0.0, 0.0
        for row in range(3):
            for column in range(6):
                top, left = row * _BLOCK_HEIGHT, column * _BLOCK_WIDTH
                still, least, dx, dy = _match_block(first, second, top, left)
                unmoved += still
                moved += least
                largest = max(largest, float(least))
                texture = 0
                for y in range(top, top + _BLOCK_HEIGHT):
                    for x in range(left, left + _BLOCK_WIDTH - 1):
                        texture += abs(second[y, x] - second[y, x + 1])
                relative += least / (texture + 150.0)
                sum_x += dx
                sum_y += dy
                squares += dx * dx + dy * dy
        scale = 255.0 * _BLOCK_HEIGHT * _BLOCK_WIDTH
        mean_square = (sum_x / 18) ** 2 + (sum_y / 18) ** 2
        out[pair, 0] = unmoved / 18 / scale
        out[pair, 1] = moved / 18 / scale
        out[pair, 2] = largest / scale
        out[pair, 3] = relative / 18
        out[pair, 4] = np.sqrt(mean_square)
        out[pair, 5] = np.sqrt(max(0.0, squares / 18 - mean_square))


@compiled
def _match_block(
    first: NDArray[np.int16], second: NDArray[np.int16], top: int, left: int
) -> tuple[np.int32, np.int32, int, int]:
    """Of a block of the second frame: its difference to the first unmoved, the least, and the motion of that."""
    still = _differ(first, second, top, left, 0, 0)
    least, best_x, best_y = still, 0, 0
    for dy in range(max(-_REACH_Y, -top), min(_REACH_Y, _HALF_HEIGHT - _BLOCK_HEIGHT - top) + 1):
        for dx in range(max(-_REACH_X, -left), min(_REACH_X, _HALF_WIDTH - _BLOCK_WIDTH - left) + 1):
            difference = _differ(first, second, top, left, dy, dx)
            if difference < least:
                least, best_x, best_y = difference, dx, dy
    return still, least, best_x, best_y


@compiled
def _differ(first: NDArray[np.int16], second: NDArray[np.int16], top: int, left: int, dy: int, dx: int) -> np.int32:
    total = np.int32(0)
    for y in range(_BLOCK_HEIGHT):
        for x in range(_BLOCK_WIDTH):
            total += np.int32(abs(np.int16(first[top + dy + y, left + dx + x] - second[top + y, left + x])))
    return total


@compiled
def measure_triples(
    thirds: _Floats,
    statistics: _Floats,
    before: NDArray[np.int64],
    now: NDArray[np.int64],
    after: NDArray[np.int64],
    out: _Floats,
) -> None:
    """Writes (triples, 11): of the frame now as a mixture of both others (4) and as a patchwork of them (7)."""
    nearer = np.empty((_THIRD_HEIGHT, _THIRD_WIDTH), np.float32)
    for triple in range(len(now)):
        _measure_mixture(
            thirds[before[triple]],
            thirds[now[triple]],
            thirds[after[triple]],
            out[triple],
        )
        one, middle, other = statistics[before[triple], 2], statistics[now[triple], 2], statistics[after[triple], 2]
        out[triple, 3] = middle / ((one + other) / 2 + np.float32(0.005))
        _measure_patchwork(thirds[before[triple]], thirds[now[triple]], thirds[after[triple]], nearer, out[triple])


@compiled
def _measure_mixture(before: _Floats, now: _Floats, after: _Floats, out: _Floats) -> None:
    """Writes the share of `after` in `now`, what the mixture leaves unexplained, and the dip of the variance."""
    first, middle, last = before.ravel(), now.ravel(), after.ravel()
    size = np.float32(len(first))
    steps, along = np.float32(0), np.float32(0)
    for index in range(len(first)):
        step = last[index] - first[index]
        steps += step * step
        along += step * (middle[index] - first[index])
    floor = np.float32(2e-4) * size
    share = along / (steps + floor)
    rest = np.float32(0)
    for index in range(len(first)):
        rest += (middle[index] - first[index] - share * (last[index] - first[index])) ** 2
    out[0] = min(max(share, np.float32(-1)), np.float32(2))
    out[1] = min(rest / (steps + floor), np.float32(4))
    dip = (first.var() + last.var()) / 2 - middle.var()
    out[2] = min(max(dip * size * 4 / (steps + floor), np.float32(-4)), np.float32(4))


@compiled
def _measure_patchwork(before: _Floats, now: _Floats, after: _Floats, nearer: _Floats, out: _Floats) -> None:
    """Writes how far each pixel is from the nearer of both, and how the pixels of each lie together."""
    near, far, decided = np.float32(0), np.float32(0), np.float32(0)
    taken, weights = np.float32(0), np.float32(0)
    for y in range(_THIRD_HEIGHT):
        for x in range(_THIRD_WIDTH):
            one, other = np.float32(9), np.float32(9)
            for dy in range(max(0, y - 1), min(_THIRD_HEIGHT, y + 2)):
                for dx in range(max(0, x - 1), min(_THIRD_WIDTH, x + 2)):
                    a, b = np.float32(0), np.float32(0)
                    for channel in range(3):
                        value = now[channel, y, x]
                        a += abs(value - before[channel, dy, dx])
                        b += abs(value - after[channel, dy, dx])
                    one = min(one, a)
                    other = min(other, b)
            near += min(one, other)
            far += max(one, other)
            certainty = abs(one - other) / (one + other + np.float32(0.1))
            decided += certainty
            nearer[y, x] = (one - other) / (one + other + np.float32(0.1))  # 1: after, -1: before
            taken += nearer[y, x]
            weights += certainty
    pixels = np.float32(_THIRD_HEIGHT * _THIRD_WIDTH)
    out[4] = near / pixels / 3
    out[5] = far / pixels / 3
    out[6] = decided / pixels
    out[7] = taken / (weights + np.float32(1))
    agree, total = np.float32(0), np.float32(0)
    spread = np.float32(0)
    mean = taken / pixels
    along_x, along_y, outward = np.float32(0), np.float32(0), np.float32(0)
    down, up = np.float32(0), np.float32(0)
    for y in range(_THIRD_HEIGHT):
        for x in range(_THIRD_WIDTH):
            value = nearer[y, x] - mean
            spread += value * value
            if x + 1 < _THIRD_WIDTH:
                agree += nearer[y, x] * nearer[y, x + 1]
                total += abs(nearer[y, x] * nearer[y, x + 1])
            if y + 1 < _THIRD_HEIGHT:
                agree += nearer[y, x] * nearer[y + 1, x]
                total += abs(nearer[y, x] * nearer[y + 1, x])
            u = (x + np.float32(0.5)) / _THIRD_WIDTH - np.float32(0.5)
            v = (y + np.float32(0.5)) / _THIRD_HEIGHT - np.float32(0.5)
            along_x += value * u
            along_y += value * v
            down += value * (u + v)
            up += value * (u - v)
            outward += value * (max(abs(u), abs(v)) - np.float32(1 / 3))
    scale = np.sqrt(spread * pixels) * np.float32(0.2887) + 1
    out[8] = agree / (total + np.float32(1))
    out[9] = max(abs(along_x), abs(along_y), abs(down) * np.float32(0.7071), abs(up) * np.float32(0.7071)) / scale
    out[10] = abs(outward) / scale * np.float32(2.45)
