"""Timelines: where stretches of an item stand on a line from its start to its end."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_MAX_TICKS = 13


@dataclasses.dataclass(frozen=True, slots=True)
class Bar:
    """A stretch on the line: left and width in shares of the line, lane from 0 at the top."""

    left: float
    width: float
    lane: int


def lay_out(spans: Iterable[tuple[float, float]], duration_s: float) -> list[Bar]:
    """A bar for each span (start_s, end_s), which are in order of start; those of one lane do not overlap."""
    ends: list[float] = []
    bars = []
    for start, end in spans:
        lane = next((number for number, taken in enumerate(ends) if taken <= start), len(ends))
        ends[lane : lane + 1] = [end]
        bars.append(Bar(start / duration_s, (end - start) / duration_s, lane))
    return bars


def count_lanes(bars: Sequence[Bar]) -> int:
    return max((bar.lane for bar in bars), default=-1) + 1


def list_ticks(duration_s: float) -> Iterator[float]:
    """Round times along the line, from 0; a dozen at most."""
    hours = -(-duration_s // (3600 * (_MAX_TICKS - 1)))
    step = next((step for step in _STEPS_S if duration_s / step < _MAX_TICKS), 3600 * hours)
    tick = 0.0
    while tick <= duration_s:
        yield tick
        tick += step
