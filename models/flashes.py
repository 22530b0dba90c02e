"""Flashes that can set off a fit in people with photosensitive epilepsy.

By WCAG 2.2, 2.3.1 (general and red flash thresholds) and ITU-R BT.1702: more than three flashes in a second, over more
than a quarter of the picture. A flash is a pair of opposing changes of light by a tenth of the maximum, or of red.
"""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.frames import GRID_HEIGHT, GRID_WIDTH, Grid
from models.swings import Look, Swings, follow_swings, look_for_light, look_for_red, share_covered, start_swings

GENERAL, RED = "general", "red"

_SHAPE = (GRID_HEIGHT, GRID_WIDTH)
_LEEWAY_S = 0.004  # by which timestamps are rounded: what is a second apart to the millisecond is not within one
_MAX_HELD = 512  # changes in a window; more come only of broken timestamps
_NEVER = -np.inf


@dataclasses.dataclass(frozen=True)
class FlashConfig:
    """The limits, as the standards set them.

    max_flashes: in any stretch of window_s. Half flashes count: seven opposing changes are three and a half.
    min_area: the share of the picture that must flash. BT.1702 says a quarter of the picture; WCAG a quarter of any 10
    degrees of sight, which on a screen seen from near is about 0.03 of the picture: lower it to be as strict.
    min_change, max_dark: of the relative luminance (0 to 1): how much it changes, and how dark the darker state is.
    min_red, min_red_change: the share of red in a saturated red, and how much (R - G - B) * 320 changes.
    together_s: changes in different places count as one if no further apart.
    """

    max_flashes: float = 3.0
    window_s: float = 1.0
    min_area: float = 0.25
    min_change: float = 0.1
    max_dark: float = 0.8
    min_red: float = 0.8
    min_red_change: float = 20.0
    together_s: float = 0.1

    def __post_init__(self) -> None:
        for name in ("min_area", "min_change", "max_dark", "min_red"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be above 0 and at most 1, got {getattr(self, name)}")
        for name in ("max_flashes", "window_s", "min_red_change", "together_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


@dataclasses.dataclass(frozen=True, slots=True)
class Flashing:
    """A stretch of flashes beyond the limits."""

    start_s: float  # of the first change
    end_s: float  # of the last
    kind: str  # general or red
    flashes: float  # the most in one window
    area: float  # the largest share of the picture


@dataclasses.dataclass(slots=True)
class _Watch:
    """One kind of flash, as far as it was followed."""

    swings: Swings
    rising: NDArray[np.float64]  # when each cell last swung up, if that is not part of a change counted yet
    falling: NDArray[np.float64]
    counts: NDArray[np.int16]  # swings of each cell in the window
    held: list[tuple[float, NDArray[np.bool_]]]  # the window's frames in which enough cells swing, and which do
    changes_s: list[float]  # the window's changes of the picture as a whole, up and down in turn
    direction: int  # of the last of them
    area: float  # of that
    open: Flashing | None

    def copy(self) -> "_Watch":
        return dataclasses.replace(
            self,
            swings=self.swings.copy(),
            rising=self.rising.copy(),
            falling=self.falling.copy(),
            counts=self.counts.copy(),
            held=list(self.held),
            changes_s=list(self.changes_s),
        )


@dataclasses.dataclass(frozen=True, slots=True)
class FlashState:
    """What has to be known of earlier frames; at the start nothing. Its size does not grow."""

    time_s: float = _NEVER
    general: _Watch | None = None
    red: _Watch | None = None


def find_flashing(times_s: Sequence[float], grids: Sequence[Grid], config: FlashConfig) -> list[Flashing]:
    """All stretches of flashes beyond the limits, by their start."""
    found, state = scan_flashes(times_s, grids, FlashState(), config)
    return sorted([*found, *finish_flashes(state)], key=lambda each: (each.start_s, each.kind))


def scan_flashes(
    times_s: Iterable[float], grids: Iterable[Grid], state: FlashState, config: FlashConfig
) -> tuple[list[Flashing], FlashState]:
    """The stretches that are known to be over, and the state for the next block. The given state is left as it is."""
    found: list[Flashing] = []
    general, red = state.general and state.general.copy(), state.red and state.red.copy()
    last_s = state.time_s
    for time_s, grid in zip(map(float, times_s), grids, strict=True):
        light, redness = look_for_light(grid, config.max_dark), look_for_red(grid, config.min_red)
        if general is None or red is None:
            general, red = _start_watch(light), _start_watch(redness)
        else:
            elapsed_s = time_s - last_s
            swung = follow_swings(general.swings, light, config.min_change, elapsed_s)
            found += _take(general, GENERAL, time_s, swung, config)
            least_red = float(np.nextafter(np.float32(config.min_red_change), np.float32(np.inf)))
            found += _take(red, RED, time_s, follow_swings(red.swings, redness, least_red, elapsed_s), config)
        last_s = time_s
    return found, FlashState(last_s, general, red)


def finish_flashes(state: FlashState) -> list[Flashing]:
    """What was not known to be over before the end."""
    return [watch.open for watch in (state.general, state.red) if watch is not None and watch.open is not None]


def _start_watch(look: Look) -> _Watch:
    return _Watch(
        swings=start_swings(look),
        rising=np.full(_SHAPE, _NEVER),
        falling=np.full(_SHAPE, _NEVER),
        counts=np.zeros(_SHAPE, np.int16),
        held=[],
        changes_s=[],
        direction=0,
        area=0.0,
        open=None,
    )


def _take(watch: _Watch, kind: str, time_s: float, swung: NDArray[np.int8], config: FlashConfig) -> list[Flashing]:
    """The stretch that the frame shows to be over, if any."""
    if not swung.any():
        return []
    _shift_window(watch, time_s, config)
    _count_change(watch, time_s, swung, config)
    _count_swings(watch, time_s, swung, config)
    beyond = [each for each in (_judge_picture(watch, kind, config), _judge_cells(watch, kind, config)) if each]
    closed = []
    for each in beyond:
        if watch.open is not None and each.start_s > watch.open.end_s:
            closed.append(watch.open)
            watch.open = None
        watch.open = each if watch.open is None else _join(watch.open, each)
    return closed


def _shift_window(watch: _Watch, time_s: float, config: FlashConfig) -> None:
    start_s = time_s - config.window_s + _LEEWAY_S
    while watch.held and (watch.held[0][0] <= start_s or len(watch.held) >= _MAX_HELD):
        watch.counts -= watch.held.pop(0)[1]
    watch.changes_s = [each for each in watch.changes_s[-_MAX_HELD:] if each > start_s]


def _count_swings(watch: _Watch, time_s: float, swung: NDArray[np.int8], config: FlashConfig) -> None:
    """Adds the frame to the swings of each cell, if enough of them swing with it, be it up or down.

    If fewer do, they are out of step: leaves in the wind, lit windows that a camera passes.
    """
    members = swung != 0
    if _is_enough(members, watch.swings, config):
        watch.held.append((time_s, members))
        watch.counts += members


def _is_enough(members: NDArray[np.bool_], swings: Swings, config: FlashConfig) -> bool:
    if np.count_nonzero(members) <= config.min_area * members.size / 2:  # with their rims they will not be
        return False
    return share_covered(members, swings.reach) > config.min_area


def _count_change(watch: _Watch, time_s: float, swung: NDArray[np.int8], config: FlashConfig) -> None:
    """Adds the frame to the changes of the picture as a whole, if it makes one.

    That is one where the places that lately changed one way outweigh those that changed the other way by the area. So a
    flash counts wherever it is; what moves across the picture darkens as much as it brightens, and does not.
    """
    for up_to, value in ((watch.rising, swung), (watch.falling, -swung)):
        np.copyto(up_to, time_s, where=value > 0)
        np.copyto(up_to, _NEVER, where=value < 0)
    since_s = time_s - config.together_s
    sides = {1: watch.rising > since_s, -1: watch.falling > since_s}
    for direction, pending in ((1, watch.rising), (-1, watch.falling)):
        members, others = sides[direction], sides[-direction]
        least = np.count_nonzero(members) - np.count_nonzero(others)
        if direction == watch.direction or least <= config.min_area * members.size / 2:
            continue
        area = share_covered(members, watch.swings.reach)
        if area - others.mean() > config.min_area:
            watch.area = area
            pending[members] = _NEVER
            watch.changes_s.append(time_s)
            watch.direction = direction
            break


def _judge_picture(watch: _Watch, kind: str, config: FlashConfig) -> Flashing | None:
    """The window, if it has too many changes of the picture as a whole."""
    changes_s = watch.changes_s
    if len(changes_s) <= 2 * config.max_flashes:
        return None
    return Flashing(changes_s[0], changes_s[-1], kind, len(changes_s) / 2, watch.area)


def _judge_cells(watch: _Watch, kind: str, config: FlashConfig) -> Flashing | None:
    """The window, if enough cells have too many swings in it: those that turn dark where others turn light, too."""
    flashing = watch.counts > 2 * config.max_flashes
    if len(watch.held) <= 2 * config.max_flashes or not _is_enough(flashing, watch.swings, config):
        return None
    times_s = [time_s for time_s, members in watch.held if (members & flashing).any()]
    area = share_covered(flashing, watch.swings.reach)
    return Flashing(times_s[0], times_s[-1], kind, float(np.median(watch.counts[flashing])) / 2, area)


def _join(one: Flashing, other: Flashing) -> Flashing:
    return Flashing(
        min(one.start_s, other.start_s),
        max(one.end_s, other.end_s),
        one.kind,
        max(one.flashes, other.flashes),
        max(one.area, other.area),
    )
