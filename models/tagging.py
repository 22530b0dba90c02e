"""Tagging: what a model says of crops, pooled over the crops and keyframes of a shot, and over the shots of an item.

Views of one thing are averaged, which is right where one crop misses it; those that the model is sure of count more.
A mean of many views is less sure than it should be (Lakshminarayanan et al., NeurIPS 2017, Rahaman and Thiery, 2021),
so it is sharpened by a temperature below 1, after pooling.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

_Floats = NDArray[np.floating]

CROPS = (
    "spec",
    "full",
    "pad",
    "centre",
    "tight",
    "start",
    "end",
    "top_left",
    "top_right",
    "bottom_left",
    "bottom_right",
)

_SUM_OF_SHARES = 1.02  # of a softmax, with the rounding of bytes
_LEAST = 1e-6  # of a score that a logarithm is taken of


@dataclasses.dataclass(frozen=True)
class TaggingConfig:
    """Which crops of a keyframe a model sees, how what it says is pooled, and which tags are kept.

    crops: `spec`, the one of the model's own rule; `full`, the whole picture stretched, or `pad`, fitted into black;
    `centre`, `start` (left or top) and `end`: the largest of the model's shape; `tight` and four corners: smaller ones.
    confidence_power: crops count by their highest score to this power; 0: all alike.
    temperature: of the pooled scores; below 1 they become surer. calibrate() finds it.
    media_power: of the mean over an item's shots: 1 is the mean by duration; the higher, the more a short shot counts.
    min_range_score: the times of an item's tag are those of the shots with this score or more.
    """

    crops: tuple[str, ...] = ("spec", "centre", "full", "pad")
    flip: bool = False  # each crop's mirror image, too: twice the model's work
    trim_bars: bool = True  # cut black bars off before cropping
    confidence_power: float = 1.0
    temperature: float = 0.57  # MobileNet v2, four crops of three keyframes of shots made of photos
    media_power: float = 10.0
    min_score: float = 0.001
    max_tags: int = 5
    min_range_score: float = 0.3

    def __post_init__(self) -> None:
        for name in self.crops:
            if name not in CROPS:
                raise ValueError(f"crops must be of {', '.join(CROPS)}, got {name!r}")
        if not self.crops or len(set(self.crops)) < len(self.crops):
            raise ValueError(f"crops must be one or more, each once, got {list(self.crops)}")
        if not 0 <= self.confidence_power < np.inf:
            raise ValueError(f"confidence_power must be at least 0, got {self.confidence_power}")
        if not 0 < self.temperature < np.inf:
            raise ValueError(f"temperature must be positive, got {self.temperature}")
        if not 1 <= self.media_power < np.inf:
            raise ValueError(f"media_power must be at least 1, got {self.media_power}")
        if not 0 <= self.min_score <= 1:
            raise ValueError(f"min_score must be between 0 and 1, got {self.min_score}")
        if not 0 <= self.min_range_score <= 1:
            raise ValueError(f"min_range_score must be between 0 and 1, got {self.min_range_score}")
        if self.max_tags < 1:
            raise ValueError(f"max_tags must be at least 1, got {self.max_tags}")

    @property
    def crops_per_keyframe(self) -> int:
        return len(self.crops) * (1 + self.flip)


def pool_shot(scores: _Floats, weights: _Floats, config: TaggingConfig) -> NDArray[np.float32]:
    """A shot's scores (classes,) from those of its crops (crops, classes), 0 to 1. weights: of the crops, not all 0."""
    return _sharpen(_average(scores, weights, config), _are_shares(scores), config.temperature)


def pool_media(shot_scores: _Floats, seconds: _Floats, config: TaggingConfig) -> NDArray[np.float32]:
    """An item's scores (classes,) from its shots' (shots, classes), by how long they are; of an image its one shot's.

    The generalised mean, which lies between the mean and the highest of the shots' scores.
    """
    weights = np.asarray(seconds, np.float64)
    weights = weights / weights.sum() if weights.sum() > 0 else np.full(len(weights), 1 / len(weights))
    means = weights @ np.asarray(shot_scores, np.float64) ** config.media_power
    return np.asarray(means ** (1 / config.media_power), np.float32)


def top_tags(scores: _Floats, labels: Sequence[str], config: TaggingConfig) -> list[tuple[str, float]]:
    """The tags with at least min_score, the surest first, at most max_tags; of equal scores the first label's first."""
    order = np.argsort(-scores, kind="stable")[: config.max_tags]
    return [(labels[number], float(scores[number])) for number in order if scores[number] >= config.min_score]


def calibrate(
    shots: Sequence[tuple[_Floats, _Floats]], labels: NDArray[np.integer], config: TaggingConfig
) -> TaggingConfig:
    """The config with the temperature at which the surest tag's score is likeliest to say how often it is right.

    shots: each one's scores of crops and weights, as pool_shot takes them. labels: the number of each one's class.
    Between exp(-2) and exp(2). Unlike Guo et al. (ICML 2017) it leaves out how unsure the right tag is where another
    is the surest: hopeless shots would make all scores too low.
    """
    pooled = [(_average(scores, weights, config), _are_shares(scores)) for scores, weights in shots]
    right = np.array([scores.argmax() == label for (scores, _), label in zip(pooled, labels, strict=True)])

    def loss(log_temperature: float) -> float:
        temperature = float(np.exp(log_temperature))
        surest = np.array([_sharpen(scores, shares, temperature).max() for scores, shares in pooled], np.float64)
        return float(-np.log(np.where(right, surest, 1 - surest) + _LEAST).mean())

    best = float(np.exp(minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded").x))
    return dataclasses.replace(config, temperature=best)


def _average(scores: _Floats, weights: _Floats, config: TaggingConfig) -> NDArray[np.float64]:
    counted = np.asarray(weights, np.float64) * np.maximum(scores.max(axis=1), _LEAST) ** config.confidence_power
    if not counted.sum() > 0:
        raise ValueError(f"weights must be positive for one crop at least, got {weights.tolist()}")
    return np.asarray(counted @ scores / counted.sum(), np.float64)


def _are_shares(scores: _Floats) -> bool:
    """Whether classes exclude each other, as those of a softmax."""
    return bool(scores.sum(axis=1).max() <= _SUM_OF_SHARES)


def _sharpen(scores: NDArray[np.float64], shares: bool, temperature: float) -> NDArray[np.float32]:
    """Scores at a temperature: shares against each other and what is left of 1, others each against its contrary."""
    powers = np.clip(scores, 0, 1) ** (1 / temperature)
    rest = max(1 - scores.sum(), 0) ** (1 / temperature) if shares else np.clip(1 - scores, 0, 1) ** (1 / temperature)
    return np.asarray(powers / (powers.sum() + rest if shares else powers + rest), np.float32)
