"""Small moving pictures drawn with numpy. A scene turns seconds and a size into one RGB frame."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from encoding import Frame

Scene = Callable[[float, int, int], Frame]  # seconds, height, width

_Plane = npt.NDArray[np.float64]  # [height, width] or [height, width, 3]; colours are 0 to 1


def sunset_sea(time_s: float, height: int, width: int) -> Frame:
    """A sun that sinks behind rolling waves."""
    across, down = _grid(height, width)
    picture = _gradient(down / 0.6, (0.25, 0.3, 0.55), (1.0, 0.6, 0.35))
    sun = (across - 0.9) ** 2 + (down - 0.3 - 0.06 * time_s) ** 2 < 0.013
    picture = np.where(sun[..., None], (1.0, 0.92, 0.6), picture)
    waves = 0.5 + 0.5 * np.sin(60 * down**2 + 2 * np.sin(5 * across + 2 * time_s) - 3 * time_s)
    water = _gradient(waves, (0.05, 0.15, 0.3), (0.5, 0.4, 0.4))
    return _frame(np.where((down > 0.6)[..., None], water, picture))


def night_city(time_s: float, height: int, width: int) -> Frame:
    """Towers with lit windows that pass by."""
    across, down = _grid(height, width)
    street = across + 0.18 * time_s
    tower = np.floor(street / 0.16)
    roof = 0.25 + 0.4 * _scatter(tower)
    picture = _gradient(down, (0.02, 0.02, 0.1), (0.2, 0.1, 0.3))
    picture = np.where((down > roof)[..., None], (0.06, 0.07, 0.1), picture)
    column, row = np.floor(street / 0.04), np.floor(down / 0.055)
    frame_of_window = (street % 0.04 > 0.014) & (down % 0.055 > 0.02) & (down > roof + 0.03)
    lit = frame_of_window & (_scatter(column * 17 + row * 31) > 0.45)
    return _frame(np.where(lit[..., None], (0.95, 0.8, 0.4), picture))


def kite_hills(time_s: float, height: int, width: int) -> Frame:
    """Green hills in three depths, and a red kite."""
    across, down = _grid(height, width)
    picture = _gradient(down, (0.45, 0.7, 0.95), (0.9, 0.95, 1.0))
    for depth in (1, 2, 3):
        ridge = 0.45 + 0.13 * depth + 0.06 * np.sin((3 + depth) * across + depth + 0.5 * depth * time_s)
        picture = np.where((down > ridge)[..., None], (0.1 * depth, 0.35 + 0.1 * depth, 0.25), picture)
    kite_x, kite_y = 0.9 + 0.25 * np.sin(1.3 * time_s), 0.28 + 0.08 * np.cos(2.1 * time_s)
    kite = np.abs(across - kite_x) / 0.09 + np.abs(down - kite_y) / 0.14 < 1
    return _frame(np.where(kite[..., None], (0.9, 0.15, 0.15), picture))


def paper_rings(time_s: float, height: int, width: int) -> Frame:
    """Coloured rings that spread from a wandering centre."""
    across, down = _grid(height, width)
    distance = np.hypot(across - 0.88 - 0.3 * np.sin(time_s), down - 0.5 - 0.15 * np.cos(1.7 * time_s))
    phase = 28 * distance - 5 * time_s
    return _frame(np.stack([0.55 + 0.4 * np.sin(phase + shift) for shift in (0, 1.1, 2.6)], axis=-1))


def moonlit_stars(time_s: float, height: int, width: int) -> Frame:
    """A moon with a shadow, and stars that drift."""
    across, down = _grid(height, width)
    picture = _gradient(down, (0.01, 0.02, 0.08), (0.05, 0.08, 0.2))
    rng = np.random.default_rng(301)
    for star_x, star_y, speed in rng.uniform((0, 0, 0.02), (2, 0.95, 0.12), (60, 3)):
        column, row = int((star_x + speed * time_s) % 1.77 * height), int(star_y * height)
        picture[row : row + 2, column : column + 2] = 0.95
    moon = np.hypot(across - 0.5 - 0.08 * time_s, down - 0.35) < 0.17
    shadow = np.hypot(across - 0.58 - 0.08 * time_s, down - 0.31) < 0.15
    return _frame(np.where((moon & ~shadow)[..., None], (0.95, 0.93, 0.8), picture))


def bouncing_ball(time_s: float, height: int, width: int) -> Frame:
    """An orange ball on a chequered floor."""
    across, down = _grid(height, width)
    depth = 0.12 / np.clip(down - 0.55, 0.02, None)
    squares = (np.floor(4 * (across - 0.89) * depth * 2) + np.floor(6 * depth + 2 * time_s)) % 2
    floor = _gradient(squares, (0.85, 0.85, 0.8), (0.3, 0.35, 0.45))
    picture = np.where((down > 0.57)[..., None], floor, (0.7, 0.82, 0.85))
    ball_x, ball_y = 0.4 + 0.45 * time_s, 0.66 - 0.4 * np.abs(np.sin(3.2 * time_s))
    distance = np.hypot(across - ball_x, down - ball_y)
    shade = np.clip(1.1 - 4 * np.hypot(across - ball_x + 0.04, down - ball_y + 0.05), 0.2, 1)
    return _frame(np.where((distance < 0.12)[..., None], shade[..., None] * (1.0, 0.55, 0.1), picture))


def lighthouse(time_s: float, height: int, width: int) -> Frame:
    """A striped tower whose beam sweeps over dark water."""
    across, down = _grid(height, width)
    picture = _gradient(down, (0.1, 0.12, 0.25), (0.25, 0.3, 0.4))
    angle = np.arctan2(down - 0.25, across - 0.6)
    beam = np.clip(1 - 9 * np.abs(np.sin((angle - 1.8 * time_s) / 2)), 0, 1) * np.clip(1.4 - np.abs(across - 0.6), 0, 1)
    picture = picture + 0.7 * beam[..., None] * np.array((1.0, 0.95, 0.7))
    tower = np.abs(across - 0.6) < 0.03 + 0.05 * np.clip(down - 0.25, 0, None)
    stripes = _gradient(np.floor(down / 0.12) % 2, (0.9, 0.9, 0.88), (0.75, 0.2, 0.2))
    picture = np.where((tower & (down > 0.22) & (down < 0.85))[..., None], stripes, picture)
    rocks = down > 0.82 + 0.02 * np.sin(14 * across) + 0.01 * np.sin(37 * across + 4 * time_s)
    return _frame(np.where(rocks[..., None], (0.06, 0.09, 0.13), picture))


def _grid(height: int, width: int) -> tuple[_Plane, _Plane]:
    """Across and down, both in picture heights."""
    down, across = np.mgrid[0:height, 0:width] / height
    return across, down


def _gradient(share: _Plane, first: tuple[float, ...], second: tuple[float, ...]) -> _Plane:
    share = np.clip(share, 0, 1)[..., None]
    return (1 - share) * np.array(first) + share * np.array(second)


def _scatter(numbers: _Plane) -> _Plane:
    """A number from 0 to 1 for each number, always the same."""
    return np.sin(numbers * 12.9898 + 4.1) * 43758.5453 % 1


def _frame(picture: _Plane) -> Frame:
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
