"""Creatures: the sounds of animals and people that are neither speech nor song, with pauses between them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.shaping import (
    Samples,
    band,
    curve,
    flutter,
    gain,
    hiss,
    place,
    resonate,
    reverberate,
    scene,
    spread,
    timeline,
    tremble,
    unit,
    wander,
)
from models.vocals import VOWELS_HZ, arc, mouth, throat_hz, utter

_Floats = NDArray[np.float32]


def dog(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A dog that barks, singly or in runs; a big one barks low. Some growl or whine between."""
    pitch_hz = spread(rng, 180, 1000)
    formants_hz = throat_hz(rng, 17 * (300 / pitch_hz) ** 0.4)
    length_s, rough, breath_db = spread(rng, 0.06, 0.35), rng.uniform(0.3, 1), rng.uniform(-12, 6)

    def bark() -> Samples:
        pitch = arc(rng, sample_rate, length_s * rng.uniform(0.8, 1.2), np.array([0.7, 1.25, 1.1, 0.6]) * pitch_hz)
        loudness = curve(len(pitch), [0, 1, 0.7, 0.25, 0.1, 0])
        return utter(rng, sample_rate, pitch, loudness, formants_hz, breath_db, rough)

    return scene(rng, duration_s, sample_rate, bark, (0.25, 5), runs=(1, 5))


def cat(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A cat: meows whose pitch rises and falls while the mouth opens and closes."""
    pitch_hz = spread(rng, 350, 900)

    def meow() -> Samples:
        pitch = arc(rng, sample_rate, spread(rng, 0.3, 1.3), np.array([0.8, 1.1, 1.15, 1.0, 0.75]) * pitch_hz)
        moving = [np.array(points) for points in ([500, 1100, 1200, 700], [2000, 2200, 1900, 1500], [3500, 3800, 3500])]
        return utter(rng, sample_rate, pitch, curve(len(pitch), [0, 0.8, 1, 0.6, 0]), moving, -22, 0.1)

    return scene(rng, duration_s, sample_rate, meow, (0.4, 4), runs=(1, 2))


def rooster(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A cock's crow: two or three short calls and a long one that climbs and falls."""
    pitch_hz, formants_hz = spread(rng, 420, 800), throat_hz(rng, 9)

    def crow() -> Samples:
        calls = [spread(rng, 0.1, 0.3) for _ in range(int(rng.integers(1, 4)))] + [spread(rng, 0.7, 1.6)]
        pitch = np.concatenate(
            [arc(rng, sample_rate, length_s, np.array([0.75, 1.1, 1.25, 1.15, 0.8]) * pitch_hz) for length_s in calls]
        )
        loudness = np.concatenate([curve(round(length_s * sample_rate), [0, 1, 1, 0.8, 0.02]) for length_s in calls])
        return utter(rng, sample_rate, pitch, loudness[: len(pitch)], formants_hz, -18, rng.uniform(0.1, 0.7))

    return scene(rng, duration_s, sample_rate, crow, (1.5, 6))


def hen(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Hens, ducks or geese: short rough calls in loose runs."""
    pitch_hz, formants_hz = spread(rng, 200, 900), throat_hz(rng, spread(rng, 5, 14))

    def cluck() -> Samples:
        pitch = arc(rng, sample_rate, spread(rng, 0.05, 0.3), np.array([0.9, 1.2, 0.8]) * pitch_hz)
        return utter(rng, sample_rate, pitch, curve(len(pitch), [0, 1, 0.4, 0]), formants_hz, -8, rng.uniform(0.3, 1))

    return scene(rng, duration_s, sample_rate, cluck, (0.15, 2), runs=(1, 6))


def cattle(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A cow that moos, or a sheep or goat that bleats with its trembling voice."""
    bleats = rng.uniform() < 0.5
    pitch_hz = spread(rng, 250, 600) if bleats else spread(rng, 70, 200)
    formants_hz = throat_hz(rng, 16 if bleats else 40)

    def call() -> Samples:
        pitch = arc(
            rng,
            sample_rate,
            spread(rng, 0.5, 1.2) if bleats else spread(rng, 1, 2.5),
            np.array([0.8, 1, 1, 0.8]) * pitch_hz,
        )
        loudness = curve(len(pitch), [0, 1, 0.9, 0.8, 0])
        if bleats:
            loudness *= 1 + 0.7 * np.sin(
                2 * np.pi * rng.uniform(6, 14) * timeline(len(pitch) / sample_rate, sample_rate)[: len(pitch)]
            )
        return utter(rng, sample_rate, pitch, loudness, formants_hz, -15, rng.uniform(0.2, 0.8))

    return scene(rng, duration_s, sample_rate, call, (0.6, 5))


def crows(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A crow or a gull: hoarse calls of falling pitch, a few together."""
    pitch_hz, length_s = spread(rng, 300, 1100), spread(rng, 0.15, 0.6)
    formants_hz, rough = throat_hz(rng, 7), rng.uniform(0.3, 1)

    def caw() -> Samples:
        pitch = arc(rng, sample_rate, length_s * rng.uniform(0.8, 1.2), np.array([0.9, 1.1, 1, 0.75]) * pitch_hz)
        return utter(rng, sample_rate, pitch, curve(len(pitch), [0, 1, 1, 0]), formants_hz, -6, rough)

    return scene(rng, duration_s, sample_rate, caw, (0.3, 4), runs=(1, 5))


def baby(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A baby that cries: one arc of pitch to the breath, at 300 to 650 Hz, and the gasp before the next."""
    pitch_hz, size = spread(rng, 300, 650), rng.uniform(1.3, 1.7)
    formants_hz = [hz * size for hz in VOWELS_HZ["ae"]]
    length_s = spread(rng, 0.4, 1.6)

    def cry() -> Samples:
        pitch = arc(
            rng, sample_rate, length_s * rng.uniform(0.7, 1.3), np.array([0.85, 1.1, 1.12, 1.05, 0.8]) * pitch_hz
        )
        pitch *= 1 + rng.uniform(0, 0.03) * np.sin(2 * np.pi * rng.uniform(4, 9) * np.arange(len(pitch)) / sample_rate)
        voice = utter(
            rng, sample_rate, pitch, curve(len(pitch), [0, 1, 1, 0.9, 0]), formants_hz, -22, rng.uniform(0, 0.6)
        )
        gasp = mouth(hiss(rng, round(0.25 * sample_rate)), sample_rate, formants_hz)
        return np.concatenate([voice, 0.5 * gasp * curve(len(gasp), [0, 0, 1, 0]) * rng.uniform(0, 0.5)])

    return scene(rng, duration_s, sample_rate, cry, (0.05, 0.8))


def cough(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Someone who coughs: bursts of breath with a trace of voice, two or three to a fit."""
    formants_hz = np.array(VOWELS_HZ[str(rng.choice(["a", "er", "ae"]))]) * rng.uniform(0.9, 1.25)
    pitch_hz = spread(rng, 90, 300)

    def burst() -> Samples:
        pitch = arc(rng, sample_rate, spread(rng, 0.15, 0.4), np.array([1.2, 1, 0.7]) * pitch_hz)
        loudness = curve(len(pitch), [0.2, 1, 0.35, 0.25, 0.1, 0])
        return utter(rng, sample_rate, pitch, loudness, list(formants_hz), rng.uniform(0, 14), 0.8)

    return scene(rng, duration_s, sample_rate, burst, (0.8, 4), runs=(1, 4))


def sneeze(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A breath drawn in, and the sneeze: a voiced start that bursts into bright noise."""
    formants_hz = np.array(VOWELS_HZ["ae"]) * rng.uniform(0.9, 1.25)
    pitch_hz = spread(rng, 130, 400)

    def achoo() -> Samples:
        pitch = arc(rng, sample_rate, spread(rng, 0.12, 0.35), np.array([0.8, 1.2, 1.3]) * pitch_hz)
        voice = utter(rng, sample_rate, pitch, curve(len(pitch), [0, 0.6, 1, 0.5]), list(formants_hz), -8, 0.4)
        burst = band(hiss(rng, round(spread(rng, 0.15, 0.5) * sample_rate)), sample_rate, spread(rng, 800, 3000))
        pause = np.zeros(round(rng.uniform(0, 0.2) * sample_rate))
        return np.concatenate(
            [voice * rng.uniform(0.2, 1), pause, unit(burst * curve(len(burst), [0.3, 1, 0.4, 0.1, 0])) * 1.2]
        )

    return scene(rng, duration_s, sample_rate, achoo, (1, 4))


def laughter(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Someone who laughs: "ha" four to seven times a second, each fainter and lower than the last."""
    pitch_hz, beat_s = spread(rng, 130, 500), rng.uniform(0.14, 0.26)
    formants_hz = [hz * rng.uniform(0.95, 1.2) for hz in VOWELS_HZ[str(rng.choice(["a", "ae", "e", "o"]))]]

    def fit() -> Samples:
        canvas = np.zeros(round(3 * sample_rate))
        for number in range(int(rng.integers(3, 12))):
            pitch = arc(
                rng, sample_rate, beat_s * rng.uniform(0.6, 0.9), np.array([1.1, 1, 0.8]) * pitch_hz * 0.97**number
            )
            ha = utter(
                rng, sample_rate, pitch, curve(len(pitch), [0.1, 1, 0.7, 0.1]), formants_hz, rng.uniform(-12, 0), 0.3
            )
            place(canvas, ha, round(number * beat_s * sample_rate), 0.93**number)
        return canvas

    return scene(rng, duration_s, sample_rate, fit, (0.2, 2))


def breathing(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Someone who breathes in and out near by, or snores on the way in."""
    snores, breath_s = rng.uniform() < 0.5, spread(rng, 0.6, 2)
    formants_hz = [hz * rng.uniform(0.8, 1.3) for hz in VOWELS_HZ[str(rng.choice(list(VOWELS_HZ)))]]
    flutter_hz = spread(rng, 25, 80)

    def breath() -> Samples:
        length = round(breath_s * rng.uniform(0.8, 1.2) * sample_rate)
        drawn = unit(mouth(hiss(rng, length, -2), sample_rate, formants_hz)) * curve(length, [0, 0.7, 1, 0.6, 0])
        if snores:
            pitch = flutter_hz * (1 + 0.2 * wander(rng, length, sample_rate, 4))
            drawn = utter(
                rng, sample_rate, pitch, curve(length, [0, 0.5, 1, 0.8, 0]), formants_hz, rng.uniform(-12, 3), 1.0
            )
        let_out = band(hiss(rng, length, -1), sample_rate, 400, spread(rng, 2000, 7000)) * curve(
            length, [0, 1, 0.5, 0.1, 0]
        )
        return np.concatenate([drawn, np.zeros(length // 4), let_out * rng.uniform(0.05, 0.7)])

    return scene(rng, duration_s, sample_rate, breath, (0.2, 1.2))


def crowd(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A café, a schoolyard or a hall: many voices at once, no word to be made out, with clatter or shouts."""
    length = round(duration_s * sample_rate)
    size, mix = rng.uniform(1.0, 1.5), np.zeros(length)
    for _ in range(int(rng.integers(3, 8))):
        mix += _babble(rng, length, sample_rate, spread(rng, 90, 260) * size, size) * gain(rng.uniform(-12, 0))
    murmur = band(hiss(rng, length, rng.uniform(-5, -1)), sample_rate, 80, spread(rng, 1500, 9000), 1)
    mix = reverberate(rng, unit(mix), sample_rate, spread(rng, 0.3, 2), rng.uniform(0.1, 0.7))
    mix = flutter(rng, unit(mix) + unit(murmur) * gain(rng.uniform(-14, 6)), sample_rate, spread(rng, 1, 6))

    def shout() -> Samples:
        pitch = arc(rng, sample_rate, spread(rng, 0.2, 0.9), np.array([0.9, 1.2, 0.9]) * spread(rng, 250, 700))
        vowel = [hz * size for hz in VOWELS_HZ[str(rng.choice(list(VOWELS_HZ)))]]
        return utter(rng, sample_rate, pitch, curve(len(pitch), [0, 1, 0.8, 0]), vowel) * 0.6

    return scene(rng, duration_s, sample_rate, shout, (0.5, 5), bed=mix)


def applause(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Hands that clap: one pair in a rhythm, a few, or a hall full."""
    length = round(duration_s * sample_rate)
    mix = np.zeros(length)
    hands = [_clap(rng, sample_rate) for _ in range(24)]
    people = int(spread(rng, 1, 100))
    for _ in range(people):
        beat_s, level = rng.uniform(0.16, 0.45), gain(rng.uniform(-18, 0))
        starts_s = np.arange(rng.uniform(0, beat_s), duration_s, beat_s)
        for start_s in starts_s + rng.normal(0, 0.012, len(starts_s)):
            place(mix, hands[int(rng.integers(24))], int(start_s * sample_rate), level * rng.uniform(0.7, 1))
    if people > 10 and rng.uniform() < 0.5:
        mix *= 0.1 + curve(length, rng.uniform(0, 1, 4))
    return scene(rng, duration_s, sample_rate, lambda: _clap(rng, sample_rate), (2, 20), bed=mix)


def mouth_noises(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Close to the ear: lips that smack, tongue clicks, whispered breath, swallowing and chewing."""
    kinds: list[Callable[[], Samples]] = [
        lambda: _smack(rng, sample_rate),
        lambda: _whisper(rng, sample_rate),
        lambda: _smack(rng, sample_rate) * 0.4,
    ]
    chosen = [kinds[int(number)] for number in rng.integers(0, 3, 2)]
    return scene(rng, duration_s, sample_rate, lambda: chosen[int(rng.integers(2))](), (0.1, 1.2), runs=(1, 3))


def _babble(rng: np.random.Generator, length: int, sample_rate: int, pitch_hz: float, size: float) -> Samples:
    """Someone who talks without words: vowels at random, four a second, in phrases."""
    syllables = max(2, round(length / sample_rate * 4))
    pitch = pitch_hz * 2 ** (0.4 * wander(rng, length, sample_rate, 2.5))
    loudness = curve(length, rng.uniform(0, 1, 2 * syllables) ** 1.5) * np.clip(
        1 + 3 * wander(rng, length, sample_rate, 0.6), 0, 1
    )
    vowels = np.array([VOWELS_HZ[str(name)] for name in rng.choice(list(VOWELS_HZ), syllables)]) * size
    return utter(rng, sample_rate, pitch, loudness, list(vowels.T), -12)


def _clap(rng: np.random.Generator, sample_rate: int) -> Samples:
    times = timeline(0.06, sample_rate)
    slap = rng.standard_normal(len(times)) * np.exp(-times * spread(rng, 80, 400))
    return unit(resonate(slap, sample_rate, spread(rng, 600, 2800), rng.uniform(0.6, 2)) + 0.15 * slap)


def _smack(rng: np.random.Generator, sample_rate: int) -> Samples:
    times = timeline(spread(rng, 0.015, 0.08), sample_rate)
    wet = sum(
        np.sin(2 * np.pi * spread(rng, 600, 5000) * times) * np.exp(-np.abs(times - rng.uniform(0, times[-1])) * 700)
        for _ in range(int(rng.integers(2, 7)))
    )
    return np.asarray(wet) + 0.3 * rng.standard_normal(len(times)) * np.exp(-times * 300)


def _whisper(rng: np.random.Generator, sample_rate: int) -> Samples:
    length = round(spread(rng, 0.15, 0.8) * sample_rate)
    vowels = np.array([VOWELS_HZ[str(name)] for name in rng.choice(list(VOWELS_HZ), 3)])
    breath = mouth(hiss(rng, length) * tremble(rng, length, sample_rate, 8, 6), sample_rate, list(vowels.T))
    return unit(breath) * 0.3 * curve(length, [0, 1, 0.7, 0])
