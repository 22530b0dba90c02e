"""Accompaniments from chords: arpeggios, held chords, bass lines, improvised solos, drum patterns. Varied by a seed."""

import dataclasses

import numpy as np
from notation import Chord, Note

_SHAPES = ((0, 1, 2, 3), (0, 2, 1, 3), (0, 2, 3, 2), (0, 3, 2, 1), (0, 1, 3, 2), (0, 2, 1, 2))
_COMPING = (((0, 1.5), (2.5, 0.5)), ((1, 0.5), (2.5, 1)), ((0, 0.5), (1.5, 0.5)), ((0.5, 0.5), (3, 0.5)), ((0, 3),))


def voicing(chord: Chord, low: int) -> list[int]:
    """The chord's tones in close position from `low` upwards."""
    return sorted(low + (tone - low) % 12 for tone in chord.tones)


def arpeggio(
    chords: list[Chord], low: int, step_beats: float, rng: np.random.Generator, velocity: float = 0.6
) -> list[Note]:
    """Broken chords: the bass first, then a shape drawn anew for each chord, each note ringing over the next."""
    notes = []
    for chord in chords:
        tones = [low + (chord.bass - low) % 12, *(tone + 12 for tone in voicing(chord, low))]
        shape = _SHAPES[rng.integers(len(_SHAPES))]
        for step in range(round(chord.duration_beats / step_beats)):
            position = shape[step % len(shape)] if step else 0
            pitch = tones[position % len(tones)] + (12 if step % 8 > 4 and rng.random() < 0.25 else 0)
            loudness = velocity * (1 if step % 2 == 0 else 0.8)
            notes.append(Note(chord.start_beats + step * step_beats, 3 * step_beats, pitch, loudness))
    return notes


def held_chords(chords: list[Chord], low: int, velocity: float = 0.6) -> list[Note]:
    return [
        Note(chord.start_beats, chord.duration_beats, pitch, velocity)
        for chord in chords
        for pitch in voicing(chord, low)
    ]


def comping(chords: list[Chord], low: int, rng: np.random.Generator, velocity: float = 0.55) -> list[Note]:
    """Short chords in a rhythm drawn anew for each chord."""
    notes = []
    for chord in chords:
        for start, beats in _COMPING[rng.integers(len(_COMPING))]:
            if start < chord.duration_beats:
                when = chord.start_beats + start
                notes += [Note(when, beats, pitch, velocity) for pitch in voicing(chord, low)]
    return notes


def bass_line(chords: list[Chord], low: int, rhythm: tuple[float, ...], rng: np.random.Generator) -> list[Note]:
    """The bass note at the beats of `rhythm`; now and then the fifth or the octave."""
    notes = []
    for chord in chords:
        root = low + (chord.bass - low) % 12
        starts = [beat for beat in rhythm if beat < chord.duration_beats]
        for start, end in zip(starts, [*starts[1:], chord.duration_beats], strict=True):
            leap = int(rng.choice((0, 7, 12), p=(0.7, 0.2, 0.1))) if start else 0
            notes.append(Note(chord.start_beats + start, 0.9 * (end - start), root + leap, 0.75))
    return notes


def walking_bass(chords: list[Chord], low: int, rng: np.random.Generator) -> list[Note]:
    """A note a beat: root, chord tones, and a half step into the next root."""
    notes = []
    for chord, following in zip(chords, [*chords[1:], chords[0]], strict=True):
        tones = voicing(chord, low)
        beats = round(chord.duration_beats)
        approach = low + (following.bass - low) % 12 + int(rng.choice((-1, 1)))
        line = [low + (chord.bass - low) % 12, *rng.choice(tones, beats - 2), approach]
        notes += [Note(chord.start_beats + beat, 0.95, int(pitch), 0.75) for beat, pitch in enumerate(line)]
    return notes


def solo(chords: list[Chord], scale: tuple[int, ...], low: int, high: int, rng: np.random.Generator) -> list[Note]:
    """An improvised line: scale steps in eighths and quarters, chord tones on the beat, rests to breathe."""
    ladder = [pitch for pitch in range(low, high) if pitch % 12 in scale]
    notes, pitch = [], ladder[len(ladder) // 2]
    for chord in chords:
        beat = 0.0
        while beat < chord.duration_beats:
            beats = float(rng.choice((0.5, 1.0, 1.5), p=(0.7, 0.2, 0.1)))
            choices = [tone for tone in range(low, high) if tone % 12 in chord.tones] if beat % 1 == 0 else ladder
            near = sorted(choices, key=lambda tone: abs(tone - pitch))[:4]
            pitch = int(rng.choice(near))
            if rng.random() > 0.18:
                loudness = 0.6 + 0.3 * (pitch - low) / (high - low)
                notes.append(Note(chord.start_beats + beat, 0.9 * beats, pitch, loudness))
            beat += beats
    return notes


def drum_pattern(pattern: str, step_beats: float, bars: range, rng: np.random.Generator) -> list[Note]:
    """`x` strikes, `o` strikes softly, `?` softly and only at times, `.` rests; `bars` counts patterns."""
    strength = {"x": 0.9, "o": 0.5, "?": 0.4}
    notes = []
    for bar in bars:
        for step, sign in enumerate(pattern):
            if sign in strength and (sign != "?" or rng.random() < 0.4):
                start = (bar * len(pattern) + step) * step_beats
                notes.append(Note(start, step_beats, 60, strength[sign] * rng.uniform(0.85, 1.0)))
    return notes


def between(notes: list[Note], start_beats: float, end_beats: float) -> list[Note]:
    return [note for note in notes if start_beats <= note.start_beats < end_beats]


def swelled(notes: list[Note], *points: tuple[float, float]) -> list[Note]:
    """The notes with their velocities scaled along a line through (beat, factor) points."""
    beats, factors = zip(*points, strict=True)
    return [
        dataclasses.replace(note, velocity=note.velocity * float(np.interp(note.start_beats, beats, factors)))
        for note in notes
    ]
