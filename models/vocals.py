"""Vocals: what a throat gives, of an animal or a person: a pitch that moves, breath, and a mouth that shapes them."""

from collections.abc import Sequence

import numpy as np

from models.shaping import Samples, curve, gain, harmonics, hiss, moving, partials, phase_of, spread, unit, wander

VOWELS_HZ = {
    "a": (800.0, 1200.0, 2600.0, 3500.0),
    "e": (450.0, 1900.0, 2600.0, 3500.0),
    "i": (300.0, 2300.0, 3000.0, 3600.0),
    "o": (450.0, 800.0, 2600.0, 3400.0),
    "u": (320.0, 700.0, 2400.0, 3300.0),
    "ae": (700.0, 1700.0, 2500.0, 3500.0),
    "er": (500.0, 1350.0, 1700.0, 3300.0),
}


def utter(
    rng: np.random.Generator,
    sample_rate: int,
    pitch_hz: Samples,
    loudness: Samples,
    formants_hz: Sequence[Samples] | Sequence[float],
    breath_db: float = -20,
    roughness: float = 0.0,
) -> Samples:
    """A sound of the throat at an RMS of 1, its pitch and loudness given for every sample.

    formants_hz: the resonances of the mouth from the lowest, each one number or points over the length.
    roughness: 0 for a clear voice to 1 for a growl, whose periods differ in length and strength.
    """
    length = len(pitch_hz)
    shaky = roughness * wander(rng, length, sample_rate, min(0.3 * sample_rate, 0.6 * float(pitch_hz.mean())))
    pitch_hz = np.minimum(
        pitch_hz * (1 + 0.01 * wander(rng, length, sample_rate, 12) + 0.1 * shaky), 0.45 * sample_rate
    )
    tilt = rng.uniform(0.6, 1.2)
    source = unit(partials(phase_of(pitch_hz, sample_rate), harmonics(float(pitch_hz.max()), sample_rate) ** -tilt))
    source = source * (1 + 0.8 * shaky) + hiss(rng, length, -1) * gain(breath_db)
    return unit(mouth(source * loudness, sample_rate, formants_hz))


def mouth(samples: Samples, sample_rate: int, formants_hz: Sequence[Samples] | Sequence[float]) -> Samples:
    """The samples through a mouth whose resonances move, each narrower than the one above it."""
    length_s = len(samples) / sample_rate

    def response(pitches_hz: Samples, times_s: Samples) -> Samples:
        gains = np.full((len(pitches_hz), len(times_s)), 0.015)
        share = np.clip(times_s / length_s, 0, 1)
        for number, formant in enumerate(formants_hz):
            points = np.atleast_1d(np.asarray(formant, np.float64))
            centre_hz = np.interp(share, np.linspace(0, 1, len(points)), points)
            width_hz = 60 + 0.06 * centre_hz
            gains += 0.75**number / (1 + ((pitches_hz - centre_hz) / width_hz) ** 2)
        return gains

    return moving(samples, sample_rate, response)


def sing(
    rng: np.random.Generator, sample_rate: int, pitch_hz: Samples, loudness: Samples, syllables: int, size: float = 1.0
) -> Samples:
    """A voice that sings a pitch line on that many vowels, with vibrato.

    size: 1 for formants of a man's throat, 1.2 for a woman's.
    """
    vowels = [VOWELS_HZ[str(name)] for name in rng.choice(list(VOWELS_HZ), max(1, syllables))]
    held = np.repeat(np.array(vowels) * size * rng.uniform(0.93, 1.07), 4, axis=0)  # a vowel stands, then glides
    times = np.arange(len(pitch_hz)) / sample_rate
    vibrato = rng.uniform(0.002, 0.018) * np.sin(
        2 * np.pi * rng.uniform(4, 7) * times + wander(rng, len(times), sample_rate, 2)
    )
    return utter(rng, sample_rate, pitch_hz * (1 + vibrato), loudness, list(held.T), rng.uniform(-40, -18))


def arc(rng: np.random.Generator, sample_rate: int, length_s: float, pitches_hz: Samples) -> Samples:
    """A pitch that moves through the given ones, each a little off."""
    points = pitches_hz * 2 ** rng.normal(0, 0.06, len(pitches_hz))
    return curve(round(length_s * sample_rate), points)


def throat_hz(rng: np.random.Generator, length_cm: float, open_first: bool = True) -> list[float]:
    """The resonances of a tube of that length closed at one end, each off by some percent: an animal's formants."""
    first = 34_000 / (4 * length_cm) * (1.3 if open_first else 0.8)
    return [first * ratio * spread(rng, 0.88, 1.14) for ratio in (1, 2.5, 4.3)]
