"""Functional noise, 20 seconds each: what fills playlists for sleep and is not music. Mono at SAMPLE_RATE."""

import numpy as np
from instruments import SAMPLE_RATE, Samples
from scipy import signal

_LENGTH = 20 * SAMPLE_RATE
_TIMES = np.arange(_LENGTH) / SAMPLE_RATE


def white_noise() -> Samples:
    return _levelled(np.random.default_rng(201).normal(size=_LENGTH), -20)


def brown_noise() -> Samples:
    """Noise that falls by 6 dB an octave: white noise summed, with a leak so that it stays near zero."""
    return _levelled(signal.lfilter([1], [1, -0.998], np.random.default_rng(202).normal(size=_LENGTH)), -18)


def rain() -> Samples:
    """A rush of filtered noise that swells slowly, and 70 droplets a second, each a short falling tone."""
    rng = np.random.default_rng(203)
    swell = 1 + 0.3 * np.sin(2 * np.pi * 0.11 * _TIMES) * np.sin(2 * np.pi * 0.037 * _TIMES + 1)
    rush = _filtered(rng.normal(size=_LENGTH), (500, 9000)) * swell
    droplets = np.zeros(_LENGTH)
    times = np.arange(round(0.03 * SAMPLE_RATE)) / SAMPLE_RATE
    for start in rng.integers(0, _LENGTH - len(times), 70 * 20):
        pitch_hz = rng.uniform(1200, 5500)
        drop = np.sin(2 * np.pi * pitch_hz * times * (1 - 3 * times)) * np.exp(-times * rng.uniform(120, 500))
        droplets[start : start + len(times)] += min(rng.pareto(2.5), 3) * drop
    return _levelled(rush + 0.9 * droplets, -22)


def fan() -> Samples:
    """Air through a grille, pulsed by the blades at 47 Hz, over the hum of a motor on 50 Hz mains."""
    rng = np.random.default_rng(204)
    blades = 1 + 0.35 * np.sin(2 * np.pi * 47 * _TIMES + 0.4 * np.sin(2 * np.pi * 0.3 * _TIMES))
    air = _filtered(rng.normal(size=_LENGTH), (60, 1800)) * blades
    hum = sum(level * np.sin(2 * np.pi * hz * _TIMES) for hz, level in ((50, 0.3), (100, 0.5), (200, 0.2), (300, 0.08)))
    return _levelled(air + 0.5 * np.asarray(hum), -20)


def drone() -> Samples:
    """A fifth on A held without change, its partials beating slowly."""
    rng = np.random.default_rng(205)
    tone = np.zeros(_LENGTH)
    for hz in (55, 82.5, 110, 165, 220, 330):
        for detune_hz in rng.uniform(-0.25, 0.25, 3):
            tone += np.sin(2 * np.pi * ((hz + detune_hz) * _TIMES + rng.uniform())) * 40 / hz
    return _levelled(tone, -20)


def _filtered(samples: Samples, band_hz: tuple[float, float]) -> Samples:
    return signal.sosfilt(signal.butter(2, band_hz, "band", fs=SAMPLE_RATE, output="sos"), samples)


def _levelled(samples: Samples, level_db: float) -> Samples:
    """The samples at an RMS level below full scale, faded over a quarter of a second at both ends."""
    edge = np.minimum(np.arange(_LENGTH), np.arange(_LENGTH)[::-1]) / (0.25 * SAMPLE_RATE)
    faded = samples * np.clip(edge, 0, 1)
    return np.clip(faded * 10 ** (level_db / 20) / np.sqrt((faded**2).mean()), -1, 1)
