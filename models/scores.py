"""Scores: what is played in a piece: a key, and melodies, chords, basses and rhythms in it, by chance and rule."""

import dataclasses

import numpy as np

from models.shaping import spread

_SCALES = (
    (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10), (0, 2, 4, 5, 7, 9, 10),
    (0, 2, 4, 6, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11), (0, 1, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9), (0, 3, 5, 7, 10),
    (0, 1, 5, 7, 8),
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Note:
    start_s: float
    length_s: float
    pitch: float  # in semitones, 69 is the A of 440 Hz
    level: float


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """What the parts of a piece share: where its scale starts, the scale, the beat, and each bar's chord, a degree."""

    tonic: float  # in semitones, about 48 to 60
    scale: tuple[int, ...]
    beat_s: float
    beats: int  # in a bar
    chords: tuple[int, ...]

    def pitch(self, degree: int) -> float:
        octave, step = divmod(degree, len(self.scale))
        return self.tonic + 12 * octave + self.scale[step]

    @property
    def bar_s(self) -> float:
        return self.beat_s * self.beats

    def chord_at(self, time_s: float) -> int:
        return self.chords[int(time_s / self.bar_s) % len(self.chords)]


def draw_key(
    rng: np.random.Generator, beat_s: tuple[float, float], beats: tuple[int, ...] = (2, 3, 4, 4, 4, 5, 6, 7)
) -> Key:
    scale = _SCALES[int(rng.integers(len(_SCALES)))]
    chords = tuple(int(degree) for degree in rng.choice([0, 0, 1, 2, 3, 3, 4, 4, 5], int(rng.choice([2, 4, 4, 8]))))
    return Key(rng.uniform(46, 58), scale, spread(rng, *beat_s), int(rng.choice(beats)), (0, *chords[1:]))


def write_melody(rng: np.random.Generator, key: Key, duration_s: float, octave: int, fullness: float) -> list[Note]:
    """A tune that walks the scale, its rhythm a figure of one or two bars that comes again; a rest where not full."""
    figure: list[float] = []
    while sum(figure) < key.beats * rng.choice([1, 2]):
        figure.append(float(rng.choice([0.5, 0.5, 1, 1, 1.5, 2, 3, 0.25])))
    notes, degree, at_s = [], int(rng.integers(0, 5)), 0.0
    while at_s < duration_s:
        for beats in figure:
            degree = int(np.clip(degree + rng.choice([-3, -2, -1, -1, 0, 1, 1, 2, 4]), -3, 9))
            if beats >= 2:
                degree = key.chord_at(at_s) + int(rng.choice([0, 2, 4]))
            if rng.uniform() < fullness:
                length_s = beats * key.beat_s * rng.uniform(0.7, 1)
                notes.append(Note(at_s, length_s, key.pitch(degree) + 12 * octave, rng.uniform(0.6, 1)))
            at_s += beats * key.beat_s
    return notes


def write_chords(
    rng: np.random.Generator, key: Key, duration_s: float, octave: int, sevenths: bool = False
) -> list[Note]:
    degrees = (0, 2, 4, 6) if sevenths or rng.uniform() < 0.2 else (0, 2, 4) if rng.uniform() < 0.8 else (0, 4, 8)
    return [
        Note(float(at), key.bar_s, key.pitch(key.chord_at(at + 1e-6) + degree) + 12 * octave, rng.uniform(0.7, 1))
        for at in np.arange(0, duration_s, key.bar_s)
        for degree in degrees
    ]


def write_strumming(rng: np.random.Generator, key: Key, duration_s: float) -> list[Note]:
    """Chords struck in a rhythm, their notes a few milliseconds apart."""
    lag_s = rng.uniform(0, 0.03)
    return [
        Note(
            stroke.start_s + number * lag_s,
            stroke.length_s,
            key.pitch(key.chord_at(stroke.start_s + 1e-6) + degree),
            stroke.level,
        )
        for stroke in write_rhythm(rng, key, duration_s, rng.uniform(0.15, 0.5))
        for number, degree in enumerate((0, 2, 4, 7))
    ]


def write_arpeggio(rng: np.random.Generator, key: Key, duration_s: float, octave: int) -> list[Note]:
    """The chord's notes one after the other, two to four to the beat, in an order that is kept."""
    order = rng.permutation([0, 2, 4, 7, 9][: int(rng.integers(3, 6))])
    step_s = key.beat_s / rng.choice([1, 2, 2, 3, 4])
    step_s = step_s * 2 if step_s < 0.11 else step_s
    return [
        Note(
            at,
            step_s * 1.1,
            key.pitch(key.chord_at(at + 1e-6) + int(order[number % len(order)])) + 12 * octave,
            rng.uniform(0.6, 1),
        )
        for number, at in enumerate(np.arange(0, duration_s, step_s))
    ]


def write_bass(rng: np.random.Generator, key: Key, duration_s: float, octave: int, steps: int) -> list[Note]:
    """Roots and fifths, up to so many to the beat."""
    pattern = [
        float(rng.choice([0, 0, 0, 4, 7, -1])) if rng.uniform() < 0.75 else np.nan for _ in range(key.beats * steps)
    ]
    pattern[0] = 0
    step_s = key.beat_s / steps
    return [
        Note(
            at, step_s * 0.9, key.pitch(key.chord_at(at + 1e-6) + int(pattern[number % len(pattern)])) + 12 * octave, 1
        )
        for number, at in enumerate(np.arange(0, duration_s, step_s))
        if not np.isnan(pattern[number % len(pattern)])
    ]


def write_rhythm(rng: np.random.Generator, key: Key, duration_s: float, density: float) -> list[Note]:
    """Strokes on sixteenths, in a bar that comes again and is varied a little."""
    steps = key.beats * 4
    bar, accents = rng.uniform(size=steps) < density, rng.uniform(0.3, 1, steps)
    bar[0], accents[::4] = True, 1
    swing, step_s = rng.uniform(0, 0.25) * (rng.uniform() < 0.4), key.beat_s / 4
    notes = []
    for number in range(int(duration_s / step_s) + 1):
        if bar[number % steps] != (rng.uniform() < 0.06):
            start_s = max(0.0, (number + swing * (number % 2)) * step_s + rng.normal(0, 0.004))
            notes.append(Note(start_s, step_s, 60, float(accents[number % steps])))
    return notes
