"""Tones: sounds of one pitch or one chord, held from beginning to end. No melody and no change of chord: not music."""

import numpy as np
from numpy.typing import NDArray

from models.shaping import (
    Samples,
    band,
    coloured,
    curve,
    darken,
    finish,
    gain,
    harmonics,
    hiss,
    partials,
    phase_of,
    place,
    reverberate,
    spread,
    timeline,
    unit,
    wander,
)

_Floats = NDArray[np.float32]
SOLFEGGIO_HZ = (174, 285, 396, 417, 432, 528, 639, 741, 852, 963)
_CHORDS = (
    (1,),
    (1, 1.5),
    (1, 2),
    (1, 1.5, 2),
    (1, 1.25, 1.5),
    (1, 1.2, 1.5),
    (1, 4 / 3, 2),
    (1, 1.5, 2, 3),
    (1, 1.5, 2.25),
)


def sine(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """One sine at a pitch between 30 Hz and 4 kHz."""
    return _served(rng, _sine(rng, duration_s, sample_rate, spread(rng, 30, min(4000, 0.4 * sample_rate))), sample_rate)


def sines(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Two to seven sines, harmonic or not, each of a level that hardly moves."""
    length = round(duration_s * sample_rate)
    base_hz, harmonic = spread(rng, 40, 800), rng.uniform() < 0.5
    mix = np.zeros(length)
    for number in range(int(rng.integers(2, 8))):
        pitch_hz = base_hz * (number + 1) if harmonic else spread(rng, 50, 2500)
        level = gain(rng.uniform(-24, 0)) * (1 + rng.uniform(0, 0.3) * wander(rng, length, sample_rate, 0.3))
        mix += level * _sine(rng, duration_s, sample_rate, min(pitch_hz, 0.45 * sample_rate))
    return _served(rng, mix, sample_rate)


def solfeggio(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A "healing" tone: a Solfeggio frequency or 432 Hz, pure or with its octaves, fifth and overtones."""
    pitch_hz = float(rng.choice(SOLFEGGIO_HZ))
    mix = _sine(rng, duration_s, sample_rate, pitch_hz)
    for ratio in rng.choice([0.25, 0.5, 1.5, 2, 3, 4], int(rng.integers(0, 4)), replace=False):
        mix += gain(rng.uniform(-30, -3)) * _sine(rng, duration_s, sample_rate, pitch_hz * float(ratio))
    return _served(rng, mix, sample_rate)


def binaural(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Binaural beats mixed down to mono: two sines 0.5 to 40 Hz apart, often over pink or brown noise."""
    pitch_hz, beat_hz = spread(rng, 70, 600), spread(rng, 0.5, 40)
    one = _sine(rng, duration_s, sample_rate, pitch_hz)
    other = _sine(rng, duration_s, sample_rate, pitch_hz + beat_hz)
    mix = unit(one + other * gain(rng.uniform(-12, 0)))
    if rng.uniform() < 0.6:
        mix += hiss(rng, len(mix), rng.choice([0, -3, -6]) + rng.normal(0, 0.5)) * gain(rng.uniform(-25, 10))
    return _served(rng, mix, sample_rate)


def isochronic(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A tone switched on and off 1 to 40 times a second, softly or hard."""
    times = timeline(duration_s, sample_rate)
    tone = _sine(rng, duration_s, sample_rate, spread(rng, 80, 900))
    hardness, depth = spread(rng, 0.6, 12), rng.uniform(0.5, 1)
    gate = 0.5 + 0.5 * np.tanh(hardness * np.sin(2 * np.pi * spread(rng, 1, 40) * times)) / np.tanh(hardness)
    return _served(rng, tone * (1 - depth + depth * gate), sample_rate)


def drone(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """One chord of detuned saws, its filter opening and closing slowly."""
    length = round(duration_s * sample_rate)
    mix = np.zeros(length)
    base_hz, fall = spread(rng, 30, 220), rng.uniform(0.8, 1.8)
    for ratio in _CHORDS[int(rng.integers(len(_CHORDS)))]:
        for cents in rng.normal(0, rng.uniform(1, 9), int(rng.integers(1, 4))):
            mix += _stack(rng, base_hz * ratio * 2 ** (cents / 1200), length, sample_rate, fall, 25) / ratio
    cutoff_hz = spread(rng, 200, 2500) * 2 ** (rng.uniform(0, 1.2) * wander(rng, length, sample_rate, 0.12))
    mix = darken(mix, sample_rate, cutoff_hz)
    return _served(rng, reverberate(rng, mix, sample_rate, spread(rng, 0.5, 4), rng.uniform(0, 0.5)), sample_rate)


def organ_point(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """One chord held on an organ, a harmonium or a shruti box."""
    length = round(duration_s * sample_rate)
    mix = np.zeros(length)
    base_hz = spread(rng, 60, 350)
    stops = 10 ** (rng.uniform(-25, 0, 10) / 20)
    for ratio in _CHORDS[int(rng.integers(len(_CHORDS)))]:
        pitch_hz = base_hz * ratio * 2 ** (rng.normal(0, 3) / 1200)
        room = len(harmonics(pitch_hz, sample_rate, len(stops)))
        mix += partials(_phase(rng, pitch_hz, length, sample_rate), stops[:room])
    bellows = 1 + rng.uniform(0, 0.15) * wander(rng, length, sample_rate, 0.5)
    return _served(rng, reverberate(rng, mix * bellows, sample_rate, spread(rng, 0.4, 4), 0.3), sample_rate)


def mains_hum(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """The hum or buzz of mains at 50 or 60 Hz: harmonics at random levels."""
    length = round(duration_s * sample_rate)
    levels = np.arange(1, 21.0) ** -rng.uniform(0.3, 2) * 10 ** (rng.normal(0, 7, 20) / 20)
    levels[::2] *= rng.uniform(0.1, 1)
    return _served(rng, partials(_phase(rng, float(rng.choice([50, 60])), length, sample_rate), levels), sample_rate)


def tanpura(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Four strings on a fifth and an octave, plucked in turn without end, buzzing so that they blur into one."""
    mix = np.zeros(round(duration_s * sample_rate))
    base_hz, gap_s = spread(rng, 90, 220), spread(rng, 0.5, 1.6)
    strings = [_buzzing_string(rng, base_hz * ratio, sample_rate, gap_s) for ratio in (0.75, 1, 1.0008, 0.5)]
    for number in range(-8, int(duration_s / gap_s) + 1):
        start = int((number + rng.normal(0, 0.03)) * gap_s * sample_rate)
        string = strings[number % 4]
        place(mix, string[max(0, -start) :], max(0, start), rng.uniform(0.7, 1))
    return _served(rng, reverberate(rng, mix, sample_rate, 1.5, 0.3), sample_rate)


def singing_bowl(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A bowl rubbed or struck and left to ring: modes at inharmonic ratios, each a pair that beats."""
    times = timeline(duration_s, sample_rate)
    base_hz, rubbed = spread(rng, 90, 650), rng.uniform() < 0.5
    mix = np.zeros(len(times))
    for ratio in (1, 2.71, 5.15, 8.3, 12.0):
        pitch_hz = base_hz * ratio * rng.uniform(0.98, 1.02)
        if pitch_hz < 0.45 * sample_rate:
            beating = 1 + rng.uniform(0.1, 0.8) * np.sin(2 * np.pi * spread(rng, 0.3, 4) * times + rng.uniform(0, 6))
            decay = 1 if rubbed else np.exp(-times * ratio / spread(rng, 5, 25))
            mix += _sine(rng, duration_s, sample_rate, pitch_hz) * beating * decay * ratio ** -rng.uniform(0.6, 2)
    return _served(rng, reverberate(rng, mix, sample_rate, 2, 0.2), sample_rate)


def hum(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """An "Om" or a choir's one vowel, held: harmonics of a steady pitch in a voice's formants."""
    length = round(duration_s * sample_rate)
    base_hz, mix = spread(rng, 75, 260), np.zeros(length)
    formants_hz, widths_hz = rng.uniform((250, 600, 2000), (700, 1300, 2900)), (90, 130, 220)
    for _ in range(int(rng.integers(1, 5))):
        pitch_hz = base_hz * 2 ** (rng.normal(0, 6) / 1200) * rng.choice([1, 1, 2])
        numbers = harmonics(pitch_hz, sample_rate, 30)
        envelope = sum(
            1 / (1 + ((numbers * pitch_hz - centre) / width) ** 2)
            for centre, width in zip(formants_hz, widths_hz, strict=True)
        )
        mix += partials(_phase(rng, pitch_hz, length, sample_rate, 0.004), (envelope + 0.02) / numbers**0.7)
    return _served(rng, reverberate(rng, mix, sample_rate, 2.5, rng.uniform(0, 0.5)), sample_rate)


def resonant_noise(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A chord blown out of noise: bands so narrow that they have a pitch, never moving."""
    length = round(duration_s * sample_rate)
    base_hz, width = spread(rng, 60, 400), rng.uniform(0.001, 0.008)
    ratios = [ratio * octave for ratio in _CHORDS[int(rng.integers(len(_CHORDS)))] for octave in (1, 2, 4)]
    levels = 10 ** (rng.uniform(-20, 0, len(ratios)) / 20)

    def gains(bins: Samples) -> Samples:
        pitches_hz = bins * (sample_rate / 2 / bins[-1])
        return np.asarray(
            sum(
                level * np.exp(-(((pitches_hz / base_hz / ratio - 1) / width) ** 2))
                for level, ratio in zip(levels, ratios, strict=True)
            )
        )

    return _served(rng, coloured(rng, length, gains), sample_rate)


def _served(rng: np.random.Generator, tone: Samples, sample_rate: int) -> _Floats:
    """The tone as such tracks offer it: half of them over noise, some faded in or out."""
    tone = unit(tone)
    if rng.uniform() < 0.5:
        noise = band(hiss(rng, len(tone), rng.uniform(-7, 0)), sample_rate, 0, spread(rng, 300, 30_000), 1)
        tone = tone + unit(noise) * gain(rng.uniform(-60, 4))
    if rng.uniform() < 0.3:
        tone = tone * curve(len(tone), rng.uniform(0.1, 1, int(rng.integers(2, 5))))
    return finish(tone)


def _sine(rng: np.random.Generator, duration_s: float, sample_rate: int, pitch_hz: float) -> Samples:
    return np.sin(2 * np.pi * (pitch_hz * timeline(duration_s, sample_rate) + rng.uniform()))


def _phase(rng: np.random.Generator, pitch_hz: float, length: int, sample_rate: int, drift: float = 0.0003) -> Samples:
    """The phase of a pitch that is held but for a drift by that share."""
    drifting = 1 + drift * wander(rng, length, sample_rate, spread(rng, 0.1, 1))
    return phase_of(pitch_hz * drifting, sample_rate) + rng.uniform(0, 2 * np.pi)


def _stack(rng: np.random.Generator, pitch_hz: float, length: int, sample_rate: int, fall: float, most: int) -> Samples:
    return partials(_phase(rng, pitch_hz, length, sample_rate), harmonics(pitch_hz, sample_rate, most) ** -fall)


def _buzzing_string(rng: np.random.Generator, pitch_hz: float, sample_rate: int, gap_s: float) -> Samples:
    """A string over a curved bridge: its upper harmonics swell after the pluck and sink again."""
    times = timeline(min(8 * gap_s, 6), sample_rate)
    pitch_hz *= 2 ** (rng.normal(0, 2) / 1200)
    numbers = harmonics(pitch_hz, sample_rate, 30)
    sweep = 2 * np.pi * pitch_hz * times
    low = partials(sweep, numbers**-1.2, 0.02 * times)
    high = partials(sweep, np.exp(-(((numbers - 9) / 6) ** 2)), 0.05 * times)
    decay = np.exp(-times / rng.uniform(2, 4)) * np.clip(times / 0.02, 0, 1)
    plucked: Samples = (low + rng.uniform(0.2, 0.8) * high * np.exp(-(((times - 0.5) / 0.6) ** 2))) * decay
    return plucked
