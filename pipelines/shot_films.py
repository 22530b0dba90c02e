"""Synthetic films whose transitions are known to the frame: cuts, dissolves, fades, wipes between photos and clips."""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from pipelines.shot_disturbances import disturb
from pipelines.shot_views import Material, Picture, View, choose_view

_Mask = NDArray[np.float32]  # (height, width): when a wipe reaches a pixel, 0 to 1

_RATES = (24, 25, 30, 50, 60)
_TICKS = 1000  # a second, as films of varying rate are timed


@dataclasses.dataclass(frozen=True)
class FilmConfig:
    """How films are made. shares: of cuts, dissolves, fades and wipes; drop_share: of frames, where the rate varies."""

    height: int = 480
    width: int = 854
    shots: int = 30
    shares: tuple[float, float, float, float] = (0.58, 0.14, 0.14, 0.14)
    clip_share: float = 0.35
    varying_share: float = 0.2
    drop_share: float = 0.3


@dataclasses.dataclass(frozen=True, slots=True)
class Truth:
    """A transition of a film: frames [first, last) show something of both shots, or of the black between them."""

    kind: str
    first: int
    last: int


@dataclasses.dataclass(frozen=True, slots=True)
class _Joint:
    """A transition in seconds from its start: blend() makes of both pictures what is seen at a share of it."""

    kind: str
    length_s: float
    blend: Callable[[Picture, Picture, float], Picture]


def write_film(path: Path, material: Material, seed: int, config: FilmConfig) -> list[Truth]:
    """The truth of a film written as H.264 to the path; the same for the same seed."""
    rng = np.random.default_rng(seed)
    rate = int(rng.choice(_RATES))
    varying = rng.random() < config.varying_share
    shown: list[tuple[int, str]] = []  # which joint each frame belongs to, or -1; and its kind
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=rate, options={"preset": "veryfast", "crf": str(rng.integers(18, 33))}
        )
        stream.width, stream.height, stream.pix_fmt = config.width, config.height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, _TICKS)
        stream.codec_context.thread_count = 1
        for number, (joint, kind, picture) in enumerate(_draw_film(material, rate, config, rng)):
            if varying and rng.random() < config.drop_share:
                continue
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            frame.pts, frame.time_base = round(number * _TICKS / rate), Fraction(1, _TICKS)
            shown.append((joint, kind))
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return list(_find_truth(shown))


def _find_truth(shown: list[tuple[int, str]]) -> Iterator[Truth]:
    """Frames are numbered 2n in shot n, and 2n + 1 in the transition after it."""
    places = np.array([place for place, _ in shown])
    kinds = dict(shown)
    for shot in range(0, int(places.max()), 2):
        first, last = np.searchsorted(places, shot + 1), np.searchsorted(places, shot + 2)
        if 0 < first < len(places) and last < len(places):
            yield Truth(kinds.get(shot + 1, "cut"), int(first), int(max(last, first)))


def _draw_film(
    material: Material, rate: int, config: FilmConfig, rng: np.random.Generator
) -> Iterator[tuple[int, str, Picture]]:
    """Yields a place, a kind of transition and a picture for each frame."""
    size = (config.height, config.width)
    views = [_choose_disturbed(material, size, config.clip_share, rng)]
    at_s = 0.0  # since the first frame of the view at hand
    for shot in range(config.shots):
        body_s = float(np.clip(rng.lognormal(0.2, 0.7), 0.35, 7.0))
        for number in range(round(body_s * rate)):
            yield 2 * shot, "", views[0](at_s + number / rate)
        at_s += round(body_s * rate) / rate
        if shot + 1 == config.shots:
            return
        # Now and then the film goes back to where it was: two people who talk.
        back = len(views) > 1 and rng.random() < 0.25
        coming = views[1] if back else _choose_disturbed(material, size, config.clip_share, rng)
        joint = _choose_joint(size, config, rng)
        frames = round(joint.length_s * rate) if joint.length_s else 0
        for number in range(frames):
            share = (number + 1) / (frames + 1)
            yield 2 * shot + 1, joint.kind, joint.blend(views[0](at_s + number / rate), coming(number / rate), share)
        views, at_s = [coming, views[0]], frames / rate


def _choose_disturbed(material: Material, size: tuple[int, int], clip_share: float, rng: np.random.Generator) -> View:
    view, other = (choose_view(material, size, clip_share, rng) for _ in range(2))
    return disturb(view, other, size, rng)


def _choose_joint(size: tuple[int, int], config: FilmConfig, rng: np.random.Generator) -> _Joint:
    kind = str(rng.choice(["cut", "dissolve", "fade", "wipe"], p=config.shares))
    length_s = float(np.exp(rng.uniform(np.log(0.25), np.log(2.0))))
    if kind == "cut":
        return _Joint(kind, 0.0, _mix)
    if kind == "dissolve":
        return _Joint(kind, length_s, _mix if rng.random() < 0.7 else _mix_smoothly)
    if kind == "fade":
        level = int(rng.choice([0, 0, 255]))
        return _Joint(kind, max(length_s, 0.4), functools.partial(_fade, level, rng.uniform(0.0, 0.3)))
    if rng.random() < 0.2:
        step = ((0, 1), (0, -1), (1, 0), (-1, 0))[rng.integers(4)]
        return _Joint(kind, length_s, functools.partial(_push, step))
    mask, soft = _choose_mask(size, rng), float(rng.choice([0.002, rng.uniform(0.02, 0.25)]))
    return _Joint(kind, length_s, functools.partial(_wipe, mask, soft))


def _mix(before: Picture, after: Picture, share: float) -> Picture:
    return (before + (after.astype(np.float32) - before) * np.float32(share) + np.float32(0.5)).astype(np.uint8)


def _mix_smoothly(before: Picture, after: Picture, share: float) -> Picture:
    return _mix(before, after, share * share * (3 - 2 * share))


def _fade(level: int, hold: float, before: Picture, after: Picture, share: float) -> Picture:
    """Through a level of grey, which lasts for the share `hold` of the whole."""
    seen = max(0.0, abs(2 * share - 1) - hold) / (1 - hold)
    return _mix(np.full_like(before, level), before if share < 0.5 else after, seen)


def _push(step: tuple[int, int], before: Picture, after: Picture, share: float) -> Picture:
    """The new picture pushes the old one out."""
    axis = 0 if step[0] else 1
    gone = round(share * before.shape[axis])
    both = np.concatenate([before, after] if sum(step) > 0 else [after, before], axis)
    start = gone if sum(step) > 0 else before.shape[axis] - gone
    return both[start : start + before.shape[0]] if axis == 0 else both[:, start : start + before.shape[1]]


def _wipe(mask: _Mask, soft: float, before: Picture, after: Picture, share: float) -> Picture:
    seen = np.clip((share * (1 + soft) - mask) / soft, 0, 1)[..., None]
    wiped: Picture = (before + (after.astype(np.float32) - before) * seen).astype(np.uint8)
    return wiped


def _choose_mask(size: tuple[int, int], rng: np.random.Generator) -> _Mask:
    """From an edge, a corner, the middle line, the middle or around it, there or back."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    x, y = x / size[1], y / size[0]
    masks = [
        x,
        x,
        y,
        y,
        (x + y) / 2,
        (x + 1 - y) / 2,
        np.abs(x - 0.5) * 2,
        np.abs(y - 0.5) * 2,
        np.hypot((x - 0.5) * size[1] / size[0], y - 0.5) / np.hypot(0.5 * size[1] / size[0], 0.5),
        np.arctan2(x - 0.5, y - 0.5) / (2 * np.pi) + 0.5,
        np.maximum(np.abs(x - 0.5), np.abs(y - 0.5)) * 2,
        x * rng.integers(4, 9) % 1,
    ]
    mask: _Mask = masks[rng.integers(len(masks))].astype(np.float32)
    return 1 - mask if rng.random() < 0.5 else mask
