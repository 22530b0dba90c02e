"""A song rendered to stereo samples: parts placed in time and space, a room around them, a fade at the end."""

import dataclasses
import itertools
import math

import numpy as np
from instruments import SAMPLE_RATE, Instrument, Samples
from notation import Note
from scipy import signal

_TAIL_S = 2.0


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """What one instrument plays, how loud and where: pan -1 is left, 1 is right."""

    instrument: Instrument
    notes: list[Note]
    gain: float = 1.0
    pan: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class Song:
    """A composition ready to play."""

    beats_a_minute: float
    parts: list[Part]
    seed: int
    room: float = 0.2  # reverberation, as a share of the dry sound
    room_s: float = 1.4  # the reverberation's time to fall by 60 dB
    peak: float = 0.85
    swing: bool = False
    rubato: float = 0.0  # share by which the tempo bends over each 12 beats


def render(song: Song) -> Samples:
    """Stereo samples [samples, 2] at SAMPLE_RATE."""
    rng = np.random.default_rng(song.seed)
    length_s = max(_time_s(song, note.start_beats + note.duration_beats) for note in _notes(song)) + _TAIL_S
    dry = np.zeros((round(length_s * SAMPLE_RATE), 2))
    for part in song.parts:
        mono = _play(part, song, len(dry), rng)
        dry += mono[:, None] * _pan_gains(part.pan)
    return _mastered(dry + song.room * _reverberation(dry, song.room_s, rng), song.peak)


def _notes(song: Song) -> itertools.chain[Note]:
    return itertools.chain.from_iterable(part.notes for part in song.parts)


def _play(part: Part, song: Song, length: int, rng: np.random.Generator) -> Samples:
    """The part's notes with a player's small unevenness: 5 ms in time, 6 % in force."""
    mono = np.zeros(length)
    for note in part.notes:
        start_s = _time_s(song, note.start_beats)
        duration_s = _time_s(song, note.start_beats + note.duration_beats) - start_s
        velocity = float(np.clip(note.velocity * rng.normal(1, 0.06), 0.05, 1))
        pitch_hz = 440 * 2 ** ((note.pitch - 69) / 12)
        start = round(max(start_s + rng.normal(0, 0.005), 0) * SAMPLE_RATE)
        samples = part.instrument(pitch_hz, duration_s, velocity, rng)[: length - start]
        mono[start : start + len(samples)] += part.gain * velocity**1.4 * samples
    return mono


def _time_s(song: Song, beat: float) -> float:
    if song.swing:
        whole, rest = divmod(beat, 1)
        beat = whole + (rest * 4 / 3 if rest < 0.5 else 2 / 3 + (rest - 0.5) * 2 / 3)
    bend = song.rubato * 12 / (2 * math.pi) * (1 - math.cos(2 * math.pi * beat / 12))
    return (beat + bend) * 60 / song.beats_a_minute


def _pan_gains(pan: float) -> Samples:
    angle = (pan + 1) * math.pi / 4
    return np.array([math.cos(angle), math.sin(angle)])


def _reverberation(dry: Samples, room_s: float, rng: np.random.Generator) -> Samples:
    """The dry sound in a room: noise that decays, darker than the source, after 15 ms."""
    times = np.arange(round(room_s * SAMPLE_RATE)) / SAMPLE_RATE
    response = rng.normal(size=(len(times), 2)) * np.exp(-6.9 * times / room_s)[:, None]
    response = signal.lfilter(*signal.butter(1, 3500, fs=SAMPLE_RATE), response, axis=0)
    response /= np.sqrt((response**2).sum(axis=0))
    delayed = np.pad(response, ((round(0.015 * SAMPLE_RATE), 0), (0, 0)))
    return signal.fftconvolve(dry, delayed, axes=0)[: len(dry)]


def _mastered(samples: Samples, peak: float) -> Samples:
    """Rumble removed, the loudest moments rounded, the peak set and the end faded."""
    samples = signal.sosfilt(signal.butter(2, 30, "high", fs=SAMPLE_RATE, output="sos"), samples, axis=0)
    samples = np.tanh(1.3 * samples / np.percentile(np.abs(samples), 99.9))
    fade = np.clip((len(samples) - np.arange(len(samples))) / (1.5 * SAMPLE_RATE), 0, 1)
    return peak * samples / np.abs(samples).max() * fade[:, None]
