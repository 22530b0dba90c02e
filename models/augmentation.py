"""Augmentation: mel power spectrograms as other catalogues would have them.

Powers of sounds that play together add up, nearly, so all is done on spectrograms: mixing, filters, fades, tempo and
pitch, noise floors. A thousand windows a second, against some twenty if samples were mixed.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Mel = NDArray[np.float32]  # (frames, bands), power

_TINY = 1e-20
_SHARES = (
    "stretched", "shifted", "reverberant", "compressed", "low_passed", "high_passed", "faded", "partly_silent",
    "floored", "masked",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    """Shares are of windows; ranges are uniform.

    max_stretch, max_shift_bands: change of tempo (factor - 1) and of pitch. decay_s, wet_db: of reverberation, its time
    to fall by 60 dB and its level. dynamics: exponents of power, below 1 as a compressor has them. tilt_db: of a
    filter's slope from the lowest to the highest band. floor_db: of added noise, against the mean. masks: widest, in
    bands and frames. range_db: from the peak to what is still heard. frame_s: from one frame to the next.
    """

    stretched: float = 0.5
    max_stretch: float = 0.25
    shifted: float = 0.6
    max_shift_bands: float = 3.0
    reverberant: float = 0.3
    decay_s: tuple[float, float] = (0.15, 4.0)
    wet_db: tuple[float, float] = (-20.0, -3.0)
    frame_s: float = 0.025
    compressed: float = 0.3
    dynamics: tuple[float, float] = (0.5, 1.25)
    tilt_db: float = 9.0
    ripple_db: float = 3.0
    low_passed: float = 0.25
    high_passed: float = 0.15
    faded: float = 0.12
    partly_silent: float = 0.08
    floored: float = 0.4
    floor_db: tuple[float, float] = (-75.0, -35.0)
    range_db: tuple[float, float] = (50.0, 80.0)
    masked: float = 0.5
    mask_bands: int = 8
    mask_frames: int = 30

    def __post_init__(self) -> None:
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, got {getattr(self, name)}")
        for name in ("mask_bands", "mask_frames"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


def cut(rng: np.random.Generator, mel: Mel, frames: int, config: AugmentConfig) -> Mel:
    """A stretch of so many frames, of unit mean power, at some tempo and pitch, in some room, through some filter."""
    played = _stretch(rng, mel, frames, config) if rng.random() < config.stretched else _crop(rng, mel, frames)
    if rng.random() < config.shifted:
        played = _shift(played, rng.uniform(-config.max_shift_bands, config.max_shift_bands))
    played = to_unit(played)
    if rng.random() < config.reverberant:
        played = to_unit(_reverberate(rng, played, config))
    if rng.random() < config.compressed:
        played = played ** np.float32(rng.uniform(*config.dynamics))
    return to_unit(_filter(rng, played, config))


def mix(mel: Mel, other: Mel, level_db: float) -> Mel:
    """Both together, the other at a level against the first."""
    mixed: Mel = mel + other * np.float32(10 ** (level_db / 10))
    return mixed


def finish(rng: np.random.Generator, mel: Mel, config: AugmentConfig) -> Mel:
    """The stretch as it might lie in a file: faded, partly silent, over a noise floor."""
    chance = rng.random()
    if chance < config.faded:
        mel = _fade(rng, mel)
    elif chance < config.faded + config.partly_silent:
        mel = _silence(rng, mel)
    mel = to_unit(mel)
    return _add_floor(rng, mel, config) if rng.random() < config.floored else mel


def raise_floor(rng: np.random.Generator, mel_db: Mel, config: AugmentConfig) -> Mel:
    """Log-mel in which what lies far below the peak is raised, as low bit rates and quiet rooms do."""
    raised: Mel = np.maximum(mel_db, mel_db.max() - np.float32(rng.uniform(*config.range_db)))
    return raised


def mask(rng: np.random.Generator, mel_db: Mel, config: AugmentConfig) -> Mel:
    """Log-mel with some bands or some frames taken out at times (SpecAugment: Park et al., Interspeech 2019)."""
    masked = mel_db.copy()
    frames, bands = mel_db.shape
    if rng.random() < config.masked:
        width = int(rng.integers(1, min(config.mask_bands, bands) + 1))
        start = int(rng.integers(0, bands - width + 1))
        masked[:, start : start + width] = mel_db.min()
    if rng.random() < config.masked / 2:
        width = int(rng.integers(1, min(config.mask_frames, frames) + 1))
        start = int(rng.integers(0, frames - width + 1))
        masked[start : start + width] = mel_db.mean()
    return masked


def to_unit(mel: Mel) -> Mel:
    """The same with a mean power of 1 a frame."""
    unit: Mel = mel / (mel.sum(axis=1).mean() + np.float32(_TINY))
    return unit


def _crop(rng: np.random.Generator, mel: Mel, frames: int) -> Mel:
    start = int(rng.integers(0, len(mel) - frames + 1))
    return mel[start : start + frames]


def _stretch(rng: np.random.Generator, mel: Mel, frames: int, config: AugmentConfig) -> Mel:
    limit = np.log1p(config.max_stretch)
    taken = min(len(mel), round(frames * np.exp(rng.uniform(-limit, limit))))
    return _interpolate(_crop(rng, mel, taken), np.linspace(0, taken - 1, frames))


def _shift(mel: Mel, bands: float) -> Mel:
    return _interpolate(mel.T, np.clip(np.arange(mel.shape[1]) + bands, 0, mel.shape[1] - 1)).T


def _interpolate(rows: Mel, positions: NDArray[np.float64]) -> Mel:
    lower = np.minimum(positions.astype(np.intp), len(rows) - 2)
    share = (positions - lower)[:, np.newaxis].astype(np.float32)
    between: Mel = rows[lower] * (1 - share) + rows[lower + 1] * share
    return between


def _reverberate(rng: np.random.Generator, mel: Mel, config: AugmentConfig) -> Mel:
    """With the power of earlier frames dying away exponentially, and so much of it that longer rooms are louder."""
    short_s, long_s = np.log(config.decay_s)
    kept = np.exp(-np.log(1e6) * config.frame_s / np.exp(rng.uniform(short_s, long_s)))
    wet = 8 * 10 ** (rng.uniform(*config.wet_db) / 10)
    tail = signal.lfilter([0, kept * (1 - kept)], [1, -kept], mel, axis=0)
    reverberant: Mel = mel + np.float32(wet) * tail.astype(np.float32)
    return reverberant


def _filter(rng: np.random.Generator, mel: Mel, config: AugmentConfig) -> Mel:
    bands = mel.shape[1]
    number = np.arange(bands)
    place = number / (bands - 1)
    gain_db = rng.uniform(-config.tilt_db, config.tilt_db) * (place - 0.5)
    for order in (1, 2, 3):
        gain_db += rng.normal(0, config.ripple_db / order) * np.cos(np.pi * order * place + rng.uniform(0, 2 * np.pi))
    if rng.random() < config.low_passed:
        gain_db -= rng.uniform(4, 25) * np.maximum(0, number - rng.uniform(0.55, 0.97) * bands)
    if rng.random() < config.high_passed:
        gain_db -= rng.uniform(2, 10) * np.maximum(0, rng.uniform(0.03, 0.22) * bands - number)
    filtered: Mel = mel * (10 ** (gain_db / 10)).astype(np.float32)
    return filtered


def _fade(rng: np.random.Generator, mel: Mel) -> Mel:
    time = np.linspace(0, 1, len(mel))
    gain_db = rng.uniform(-50, 0) * np.clip((time - rng.uniform(0, 0.8)) / rng.uniform(0.1, 1), 0, 1)
    if rng.random() < 0.5:
        gain_db = gain_db[::-1]
    faded: Mel = mel * (10 ** (gain_db / 10)).astype(np.float32)[:, np.newaxis]
    return faded


def _silence(rng: np.random.Generator, mel: Mel) -> Mel:
    silent = mel.copy()
    length = round(rng.uniform(0.05, 0.75) * len(mel))
    where = slice(len(mel) - length, None) if rng.random() < 0.5 else slice(None, length)
    silent[where] *= np.float32(1e-9)
    return silent


def _add_floor(rng: np.random.Generator, mel: Mel, config: AugmentConfig) -> Mel:
    frames, bands = mel.shape
    low_db, high_db = config.floor_db
    slope_db = rng.uniform(-20, 25) * np.linspace(-0.5, 0.5, bands)
    level = 10 ** ((rng.uniform(low_db, high_db) + slope_db) / 10) / bands
    floor = level * rng.gamma(4, 0.25, (frames, bands))  # about four bins of noise a band
    floored: Mel = mel + floor.astype(np.float32)
    return floored
