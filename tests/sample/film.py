"""Two films: one of seven shots (four hard cuts, a dissolve, a fade through black), and one that flashes."""

import dataclasses
from collections.abc import Iterator

import drawing
import numpy as np
from encoding import Frame

FRAMES_A_SECOND = 25
HEIGHT, WIDTH = 180, 320

_STROBE_HEIGHT, _STROBE_WIDTH = 90, 160
_BLEND_FRAMES = 12  # length of the dissolve, and of each half of the fade


@dataclasses.dataclass(frozen=True, slots=True)
class Shot:
    """A scene from frame `start` up to `end`, and how the film comes to it. A blend is centred on `start`."""

    scene: drawing.Scene
    start: int
    end: int
    transition: str  # start, cut, dissolve or fade


SHOTS = (
    Shot(drawing.sunset_sea, 0, 43, "start"),
    Shot(drawing.night_city, 43, 81, "cut"),
    Shot(drawing.kite_hills, 81, 126, "cut"),
    Shot(drawing.paper_rings, 126, 160, "cut"),
    Shot(drawing.bouncing_ball, 160, 198, "cut"),
    Shot(drawing.moonlit_stars, 198, 244, "dissolve"),
    Shot(drawing.lighthouse, 244, 294, "fade"),
)


def frames() -> Iterator[Frame]:
    for index in range(SHOTS[-1].end):
        yield _frame(index)


def strobe() -> Iterator[Frame]:
    """A night city for a second, then two seconds of lightning five times a second, then a second of calm."""
    for index in range(4 * FRAMES_A_SECOND):
        dark = drawing.night_city(index / FRAMES_A_SECOND, _STROBE_HEIGHT, _STROBE_WIDTH)
        flashes = FRAMES_A_SECOND <= index < 3 * FRAMES_A_SECOND and index % 5 < 2
        yield np.maximum(dark, 235) if flashes else dark


def _frame(index: int) -> Frame:
    """The sum of the shots seen in this frame, each by its share of light."""
    light = np.zeros((HEIGHT, WIDTH, 3))
    for shot, following in zip(SHOTS, [*SHOTS[1:], None], strict=True):
        share = _rise(shot, index) * (1 - _fall(following, index) if following else 1)
        if share > 0:
            light += share * shot.scene((index - shot.start) / FRAMES_A_SECOND, HEIGHT, WIDTH)
    return np.round(light).astype(np.uint8)


def _rise(shot: Shot, index: int) -> float:
    """How much of the shot has come in: a fade starts from black at its boundary."""
    begun = index - shot.start
    if shot.transition == "dissolve":
        return float(np.clip((begun + _BLEND_FRAMES / 2 + 0.5) / _BLEND_FRAMES, 0, 1))
    if shot.transition == "fade":
        return float(np.clip((begun + 0.5) / _BLEND_FRAMES, 0, 1))
    return float(begun >= 0)


def _fall(following: Shot, index: int) -> float:
    """How much of the shot before `following` has gone: a fade has reached black at its boundary."""
    if following.transition == "fade":
        return float(np.clip((index - following.start + _BLEND_FRAMES + 0.5) / _BLEND_FRAMES, 0, 1))
    return _rise(following, index)
