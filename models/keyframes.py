"""Keyframes: the pictures that stand for a shot, out of some that are kept as it goes by."""

import dataclasses
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.frames import Picture

MOST_A_SHOT = 5

_Map = NDArray[np.float32]  # (height, width)

_LONGEST = 480  # pixels of the longer side that sharpness is told from
_BLOCK = 8  # pixels, square
_LEAST_CONTRAST = 0.08  # of a block, in luma; less is noise
_STRONGEST = 80.0  # percentile of the blocks by contrast: edges are there
_BLACK, _WHITE = 0.03, 0.97  # luma; beyond them nothing is told apart
_THUMB = (9, 16)  # what pictures are compared by


@dataclasses.dataclass(frozen=True)
class KeyframeConfig:
    """How many keyframes a shot has, and what is kept to choose them from.

    every_s: how often a picture is kept, to begin with. kept: at most so many of a shot, however long.
    edge_s: near a cut codecs and fades spoil pictures: one further off is taken if there is any.
    least_difference: mean difference of luma; keyframes that differ less show the same.
    """

    max_a_shot: int = 3
    every_s: float = 0.32
    kept: int = 12
    edge_s: float = 0.15
    least_difference: float = 0.03
    jpeg_quality: int = 85

    def __post_init__(self) -> None:
        if not 1 <= self.max_a_shot <= MOST_A_SHOT:
            raise ValueError(f"max_a_shot must be from 1 to {MOST_A_SHOT}, got {self.max_a_shot}")
        if self.kept < self.max_a_shot:
            raise ValueError(f"kept must be at least max_a_shot ({self.max_a_shot}), got {self.kept}")
        if not 1 <= self.jpeg_quality <= 95:
            raise ValueError(f"jpeg_quality must be from 1 to 95, got {self.jpeg_quality}")
        for name in ("every_s", "edge_s", "least_difference"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A picture that may become a keyframe."""

    time_s: float
    frame_number: int
    picture: Picture


def thin(candidates: Sequence[Candidate], limit: int) -> tuple[Candidate, ...]:
    """At most so many of a shot's candidates, spread over its time as evenly as they come; the first is always kept.

    For those whose shot is known: of times that may yet be cut into shots keep all, or short shots have none.
    """
    kept = list(candidates)
    while len(kept) > max(limit, 1):
        times_s = np.array([each.time_s for each in kept])
        gaps_s = np.append(times_s[2:], 2 * times_s[-1] - times_s[-2]) - times_s[:-1]  # that leaving one out makes
        del kept[1 + int(np.argmin(gaps_s))]
    return tuple(kept)


def choose_keyframes(
    candidates: Sequence[Candidate], start_s: float, end_s: float, config: KeyframeConfig
) -> list[Candidate]:
    """The best of the candidates from start_s up to end_s, in order of time: sharp, well exposed, different, spread.

    One if all show the same; none if there are no candidates. The times are those of the shot less its transitions.
    """
    inside = [each for each in candidates if start_s <= each.time_s < end_s]
    inner = [each for each in inside if start_s + config.edge_s <= each.time_s < end_s - config.edge_s]
    offered = inner or inside
    if not offered:
        return []
    qualities = _rate(offered)
    thumbs = np.stack([_shrink(each.picture) for each in offered])
    places = (np.array([each.time_s for each in offered]) - start_s) / (end_s - start_s)
    chosen = [int(np.argmax(qualities * (1 - np.abs(places - 0.5))))]
    while len(chosen) < min(config.max_a_shot, len(offered)):
        differences = np.min([np.abs(thumbs - thumbs[each]).mean((1, 2)) for each in chosen], axis=0)
        distances = np.min([np.abs(places - places[each]) for each in chosen], axis=0)
        worth = np.where(differences >= config.least_difference, qualities * distances, 0)
        best = int(np.argmax(worth))
        if not worth[best] > 0:
            break
        chosen.append(best)
    return [offered[each] for each in sorted(chosen, key=lambda each: offered[each].time_s)]


def rate_sharpness(picture: Picture) -> float:
    """How abrupt edges are, 0 to 1: the steepest step in a place against the contrast there, where that is strongest.

    So neither the contrast of the picture counts nor how much there is in it, and little the grain. 0 without any edge.
    """
    luma = _to_luma(picture)
    step = -(-max(luma.shape) // _LONGEST)
    luma = luma[::step, ::step]
    height, width = (side // _BLOCK * _BLOCK for side in luma.shape)
    if not height or not width:
        return 0.0
    blocks = luma[:height, :width].reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK)
    contrast = _highest(blocks) + _highest(-blocks)
    steepest = np.maximum(_highest(np.abs(np.diff(blocks, axis=1))), _highest(np.abs(np.diff(blocks, axis=3))))
    strong = contrast >= max(_LEAST_CONTRAST, float(np.percentile(contrast, _STRONGEST)))
    if not strong.any():
        return 0.0
    ratio = float((steepest[strong] / contrast[strong]).mean())
    least = 1 / (_BLOCK - 1)  # of an even slope
    return min(max((ratio - least) / (1 - least), 0.0), 1.0)


def rate_exposure(picture: Picture) -> float:
    """0 for all black or all white, 1 for a mean in the middle and nothing lost at either end."""
    luma = _to_luma(picture)
    mean, told = float(luma.mean()), float(((luma > _BLACK) & (luma < _WHITE)).mean())
    return float(np.sqrt(4 * mean * (1 - mean)) * told) if 0 < mean < 1 else 0.0


def encode_jpeg(picture: Picture, quality: int) -> bytes:
    """The picture as a JPEG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return file.getvalue()


def _rate(candidates: Sequence[Candidate]) -> NDArray[np.float64]:
    """How good each picture is beside the others; above 0."""
    sharpness = np.array([rate_sharpness(each.picture) for each in candidates])
    exposure = np.array([rate_exposure(each.picture) for each in candidates])
    return np.asarray((0.05 + sharpness / max(sharpness.max(), 1e-6)) * (0.05 + exposure))


def _shrink(picture: Picture) -> _Map:
    small = Image.fromarray(picture).resize(_THUMB[::-1], Image.Resampling.BOX)
    return _to_luma(np.asarray(small))


def _highest(blocks: NDArray[np.float32]) -> _Map:
    """Of each block (rows of blocks, lines, columns of blocks, pixels): an axis at a time, several times as fast."""
    highest: _Map = blocks.max(axis=1).max(axis=2)
    return highest


def _to_luma(picture: Picture) -> _Map:
    weights = np.array([0.299, 0.587, 0.114], np.float32) / np.float32(255)
    return np.asarray(picture @ weights, np.float32)
