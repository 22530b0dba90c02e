"""Notes and chords from text: `d5:1 f#5:.5 r:.5 |` and `Bm G/B Am7:2 D7:2`. Beats are quarter notes."""

import dataclasses
import re

_STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_ACCIDENTALS = {"": 0, "#": 1, "b": -1}
_QUALITIES = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "maj9": (0, 4, 7, 11, 14),
    "m9": (0, 3, 7, 10, 14),
}
_NOTE = re.compile(r"([a-g])([#b]?)(\d)")
_CHORD = re.compile(r"([A-G])([#b]?)(maj7|maj9|m7|m9|m|7|)(?:/([A-G])([#b]?))?(?::([\d.]+))?")


@dataclasses.dataclass(frozen=True, slots=True)
class Note:
    """One struck note; a drum ignores the pitch."""

    start_beats: float
    duration_beats: float
    pitch: int  # MIDI, 60 is middle C
    velocity: float  # 0 to 1


@dataclasses.dataclass(frozen=True, slots=True)
class Chord:
    """A harmony that lasts for a while; pitch classes, root first."""

    start_beats: float
    duration_beats: float
    bass: int
    tones: tuple[int, ...]


def parse_notes(text: str, start_beats: float = 0, beats_a_bar: float = 4, velocity: float = 0.8) -> list[Note]:
    """Notes in order; `r` rests, `c4+e4` sounds together, and each `|` must fall on a bar line."""
    notes: list[Note] = []
    position = 0.0
    for token in text.split():
        if token == "|":
            if position % beats_a_bar:
                raise ValueError(f"bar line expected at a multiple of {beats_a_bar} beats, got {position}: {text!r}")
            continue
        names, beats = token.split(":")
        pitches = [_pitch(name) for name in names.split("+")] if names != "r" else []
        notes += [Note(start_beats + position, float(beats), pitch, velocity) for pitch in pitches]
        position += float(beats)
    return notes


def parse_chords(text: str, beats: float = 4) -> list[Chord]:
    """Chords in order, each of `beats` unless it names its own length."""
    chords, position = [], 0.0
    for token in text.split():
        chord = _chord(token, position, beats)
        chords.append(chord)
        position += chord.duration_beats
    return chords


def _pitch(name: str) -> int:
    found = _NOTE.fullmatch(name)
    if not found:
        raise ValueError(f"note name such as f#4 expected, got {name!r}")
    letter, accidental, octave = found.groups()
    return 12 * (int(octave) + 1) + _STEPS[letter] + _ACCIDENTALS[accidental]


def _chord(token: str, position: float, beats: float) -> Chord:
    found = _CHORD.fullmatch(token)
    if not found:
        raise ValueError(f"chord name such as F#m7 expected, got {token!r}")
    letter, accidental, quality, bass_letter, bass_accidental, own_beats = found.groups()
    root = _pitch_class(letter, accidental)
    bass = _pitch_class(bass_letter, bass_accidental) if bass_letter else root
    tones = tuple((root + step) % 12 for step in _QUALITIES[quality])
    return Chord(position, float(own_beats or beats), bass, tones)


def _pitch_class(letter: str, accidental: str) -> int:
    return (_STEPS[letter.lower()] + _ACCIDENTALS[accidental]) % 12
