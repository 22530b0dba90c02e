"""Noises: the colours of noise that people sleep and work to, which stay what they are from beginning to end."""

import numpy as np
from numpy.typing import NDArray

from models.shaping import Samples, band, coloured, curve, equalise, finish, gain, hiss, spread, tremble, unit, wander

_Floats = NDArray[np.float32]


def white(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Noise of equal power at all frequencies."""
    return finish(hiss(rng, round(duration_s * sample_rate)))


def pink(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Noise that falls by 3 dB an octave."""
    return finish(hiss(rng, round(duration_s * sample_rate), -3.0103))


def brown(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Noise that falls by 6 dB an octave, level below a knee of 10 to 60 Hz so that it stays near zero."""
    length = round(duration_s * sample_rate)
    knee = spread(rng, 10, 60) * duration_s
    return finish(coloured(rng, length, lambda bins: 1 / np.sqrt(1 + (bins / knee) ** 2)))


def blue(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Noise that rises by 3 dB an octave."""
    return finish(hiss(rng, round(duration_s * sample_rate), 3.0103))


def violet(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Noise that rises by 6 dB an octave."""
    return finish(hiss(rng, round(duration_s * sample_rate), 6.0206))


def grey(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Noise as loud to the ear at all frequencies: the inverse of the A curve of IEC 61672, to at most 40 dB."""

    def gains(bins: Samples) -> Samples:
        squared = (bins * (sample_rate / 2 / bins[-1])) ** 2
        weight = 12194**2 * squared**2 / (squared + 20.6**2) / (squared + 12194**2)
        inverse: Samples = np.minimum(np.sqrt((squared + 107.7**2) * (squared + 737.9**2)) / weight, 100)
        return inverse

    return finish(coloured(rng, round(duration_s * sample_rate), gains))


def sloped(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Noise of any slope between brown and blue, equalised at random."""
    noise = hiss(rng, round(duration_s * sample_rate), rng.uniform(-8, 4))
    return finish(_trimmed(rng, equalise(rng, noise, sample_rate, spread(rng, 1, 9)), sample_rate))


def bent(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Noise of two slopes that meet at a corner: a shelf, a hump, or the dark noise sold for sleep."""
    corner = spread(rng, 60, 3000) * duration_s
    low_db, high_db = rng.uniform(-5, 4), rng.uniform(-15, 1)

    def gains(bins: Samples) -> Samples:
        slope_db = np.where(bins < corner, low_db, high_db)
        return 10 ** (slope_db * np.log2(bins / corner) / 20)

    return finish(_trimmed(rng, coloured(rng, round(duration_s * sample_rate), gains), sample_rate))


def banded(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Noise in a band of one to eight octaves, whose skirts are soft or steep."""
    noise = hiss(rng, round(duration_s * sample_rate), rng.uniform(-6, 2))
    low_hz = spread(rng, 20, 2500)
    high_hz = low_hz * 2 ** rng.uniform(1, 8)
    return finish(band(noise, sample_rate, low_hz, high_hz, int(rng.integers(1, 4))))


def green(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Noise about the middle of the range, 500 Hz, softly filtered."""
    noise = hiss(rng, round(duration_s * sample_rate), rng.uniform(-4, -1))
    centre_hz, octaves = spread(rng, 300, 900), rng.uniform(0.5, 2)
    return finish(band(noise, sample_rate, centre_hz / 2**octaves, centre_hz * 2**octaves, 1))


def deep(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Noise that is little but bass: brown noise through a low-pass filter at 100 to 800 Hz."""
    noise = hiss(rng, round(duration_s * sample_rate), rng.uniform(-6, -2))
    return finish(band(noise, sample_rate, spread(rng, 15, 50), spread(rng, 100, 800), int(rng.integers(1, 3))))


def layered(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Two or three noises of different slopes and bands together."""
    length = round(duration_s * sample_rate)
    mix = np.zeros(length)
    for _ in range(int(rng.integers(2, 4))):
        low_hz = spread(rng, 20, 2000)
        layer = band(hiss(rng, length, rng.uniform(-7, 3)), sample_rate, low_hz, low_hz * 2 ** rng.uniform(1.5, 7), 1)
        mix += unit(layer) * gain(rng.uniform(-18, 0))
    return finish(mix)


def drifting(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Noise whose level drifts by a few dB and whose colour crosses to another over many seconds."""
    length = round(duration_s * sample_rate)
    first_db = rng.uniform(-7, 2)
    share = 0.5 + 0.5 * wander(rng, length, sample_rate, spread(rng, 0.02, 0.15))
    noise = share * hiss(rng, length, first_db) + (1 - share) * hiss(rng, length, first_db + rng.uniform(-2, 2))
    return finish(_trimmed(rng, noise * tremble(rng, length, sample_rate, 0.1, rng.uniform(0.5, 3)), sample_rate))


def faded(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Noise that rises from nothing, sinks to it, or both, over a long part of its length."""
    length = round(duration_s * sample_rate)
    noise = equalise(rng, hiss(rng, length, rng.uniform(-7, 2)), sample_rate, 4)
    ends = rng.permutation([0.0, 1.0, 1.0]) if rng.uniform() < 0.7 else np.array([0.0, 1.0, 0.0])
    return finish(noise * (0.01 + 0.99 * curve(length, ends)))


def static(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """An untuned television or radio: noise above a few hundred Hz, its level unsteady, with the mains' flicker."""
    times = np.arange(round(duration_s * sample_rate)) / sample_rate
    noise = band(hiss(rng, len(times), rng.uniform(-3, 1)), sample_rate, spread(rng, 50, 600), spread(rng, 4000, 12000))
    mains_hz = rng.choice([50, 60, 100, 120])
    flicker = 1 + rng.uniform(0, 0.25) * np.sin(2 * np.pi * mains_hz * times)
    unsteady = tremble(rng, len(times), sample_rate, spread(rng, 2, 30), rng.uniform(0, 1.5))
    return finish(noise * flicker * unsteady)


def _trimmed(rng: np.random.Generator, noise: Samples, sample_rate: int) -> Samples:
    """The noise, in two cases of three with an end of its range taken off."""
    if rng.uniform() < 1 / 3:
        noise = band(noise, sample_rate, spread(rng, 20, 200), order=1)
    if rng.uniform() < 1 / 2:
        noise = band(noise, sample_rate, 0, spread(rng, 500, 8000), order=int(rng.integers(1, 3)))
    return noise
