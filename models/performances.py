"""Performances: a score's notes become samples on instruments or in a voice, and the mix becomes a release."""

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from models import instruments
from models.instruments import Patch
from models.scores import Key, Note, write_rhythm
from models.shaping import Samples, band, finish, gain, hiss, place, reverberate, spread, timeline, unit
from models.vocals import sing

_Floats = NDArray[np.float32]


def play_gate(rng: np.random.Generator, key: Key, length: int, sample_rate: int) -> Samples:
    """A gain that opens with a rhythm's strokes and closes after each."""
    gate = np.zeros(length)
    for note in write_rhythm(rng, key, length / sample_rate, 0.35):
        times = timeline(min(note.length_s * 2, 1), sample_rate)
        place(gate, np.exp(-times / note.length_s), int(note.start_s * sample_rate), note.level)
    return gate


def play_drums(rng: np.random.Generator, key: Key, duration_s: float, sample_rate: int) -> Samples:
    """A drum kit at an RMS of 1: kick, snare on the back beat, hats, in proportions that vary."""
    bars = np.arange(0, duration_s, key.bar_s)
    backbeats = [Note(at + beat * key.beat_s, 0.2, 60, 1) for at in bars for beat in range(1, key.beats, 2)]
    parts: tuple[tuple[Patch, list[Note], float], ...] = (
        (instruments.kick(rng), write_rhythm(rng, key, duration_s, rng.uniform(0.05, 0.25)), 0.0),
        (instruments.snare(rng), backbeats, rng.uniform(-10, 2)),
        (instruments.hat(rng), write_rhythm(rng, key, duration_s, rng.uniform(0.3, 0.9)), rng.uniform(-20, -4)),
    )
    if rng.uniform() < 0.3:
        crashes = [Note(float(at), 1, 60, 1) for at in bars[:: int(rng.integers(1, 4))]]
        parts = (*parts, (instruments.crash(rng), crashes, rng.uniform(-22, -6)))
    kit = sum(play(rng, patch, part, duration_s, sample_rate) * gain(level_db) for patch, part, level_db in parts)
    return unit(np.asarray(kit))


def play(rng: np.random.Generator, patch: Patch, notes: list[Note], duration_s: float, sample_rate: int) -> Samples:
    """The part as it sounds; a note that comes again is the same recording, played louder or softer."""
    mix = np.zeros(round(duration_s * sample_rate))
    takes: dict[tuple[float, float], Samples] = {}
    for note in notes:
        taken = (round(note.pitch, 2), round(note.length_s, 1))
        if taken not in takes:
            pitch_hz = min(440 * 2 ** ((note.pitch - 69) / 12), 0.4 * sample_rate)
            takes[taken] = patch(rng, pitch_hz, max(note.length_s, 0.05), sample_rate)
        place(mix, takes[taken], int(note.start_s * sample_rate), note.level)
    return mix


def sing_notes(rng: np.random.Generator, notes: list[Note], duration_s: float, sample_rate: int) -> Samples:
    """The notes sung by one voice, gliding from each to the next."""
    length = round(duration_s * sample_rate)
    if not notes:
        return np.zeros(length)
    pitch, loudness = np.full(length, notes[0].pitch), np.zeros(length)
    for note in notes:
        first, end = int(note.start_s * sample_rate), int((note.start_s + note.length_s) * sample_rate)
        pitch[first:] = note.pitch
        loudness[first:end] = note.level
    glide = round(rng.uniform(0.03, 0.12) * sample_rate)
    window = np.hanning(glide + 2)[1:-1] / np.hanning(glide + 2).sum()
    pitch, loudness = (_smoothed(line, window) for line in (pitch, loudness))
    size = rng.uniform(0.95, 1.25)
    shift = 12.0 if size > 1.12 else 0.0
    return sing(rng, sample_rate, 440 * 2 ** ((pitch + shift - 69) / 12), loudness, len(notes), size)


def _smoothed(line: Samples, window: Samples) -> Samples:
    padded = np.pad(line, (len(window) // 2, len(window) - len(window) // 2 - 1), mode="edge")
    smoothed: Samples = signal.oaconvolve(padded, window, mode="valid")
    return smoothed


def play_lead(rng: np.random.Generator, notes: list[Note], duration_s: float, sample_rate: int) -> Samples:
    """The notes on an instrument that leads, or sung."""
    if rng.uniform() < 0.25:
        return sing_notes(rng, notes, duration_s, sample_rate)
    return play(rng, any_patch(rng), notes, duration_s, sample_rate)


def any_patch(rng: np.random.Generator) -> Patch:
    kinds = (
        instruments.plucked,
        instruments.piano,
        instruments.bell,
        instruments.pad,
        instruments.blown,
        instruments.synth,
    )
    return kinds[int(rng.integers(len(kinds)))](rng)


def soft_patch(rng: np.random.Generator) -> Patch:
    kinds = (instruments.piano, instruments.bell, instruments.blown, instruments.plucked)
    return kinds[int(rng.integers(len(kinds)))](rng)


def struck_patch(rng: np.random.Generator) -> Patch:
    return (instruments.piano if rng.uniform() < 0.6 else instruments.bell)(rng)


def warp(rng: np.random.Generator, samples: Samples, sample_rate: int) -> Samples:
    """The samples from a turntable or tape whose speed wows by up to 0.6 %."""
    times = np.arange(len(samples))
    wow = rng.uniform(0, 0.003) * sample_rate * np.sin(2 * np.pi * rng.uniform(0.4, 2) * times / sample_rate)
    return np.interp(times + wow, times, samples)


def master(rng: np.random.Generator, mix: Samples, sample_rate: int) -> _Floats:
    """The mix as released: some echoed, some compressed, some as from an old record or a telephone."""
    mix = unit(mix)
    if rng.uniform() < 0.2:
        delay = round(rng.uniform(0.12, 0.6) * sample_rate)
        for number in (1, 2, 3):
            place(mix, mix[: max(0, len(mix) - number * delay)].copy(), number * delay, 0.4**number)
    if rng.uniform() < 0.4:
        drive = spread(rng, 0.3, 2)
        mix = np.tanh(drive * unit(mix))
    if rng.uniform() < 0.4:
        mix = reverberate(rng, mix, sample_rate, spread(rng, 0.2, 1.5), rng.uniform(0.05, 0.35))
    if rng.uniform() < 0.4:
        mix = unit(mix) + unit(hiss(rng, len(mix), rng.uniform(-6, -1))) * gain(rng.uniform(-50, -12))
    if rng.uniform() < 0.12:
        mix = unit(band(mix, sample_rate, spread(rng, 100, 400), spread(rng, 2000, 4500), 3))
        mix += hiss(rng, len(mix), rng.uniform(-3, 0)) * gain(rng.uniform(-40, -14))
    return finish(mix)
