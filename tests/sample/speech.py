"""Spoken passages by espeak-ng (it must be installed), in a light room. Mono at SAMPLE_RATE."""

import dataclasses
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from instruments import SAMPLE_RATE, Samples
from scipy import signal

_LEVEL_DB = -19.0  # RMS of a passage below full scale


@dataclasses.dataclass(frozen=True, slots=True)
class Speaker:
    """A voice of espeak-ng with its variant, words a minute, and pitch from 0 to 99."""

    voice: str
    words_a_minute: int
    pitch: int


HOST = Speaker("en-gb+f3", 158, 48)
GUEST = Speaker("en-us+m3", 150, 38)
READER = Speaker("en-gb-scotland+m7", 152, 55)


def speak(speaker: Speaker, passage: str, rng: np.random.Generator) -> Samples:
    """The passage, sentence by sentence with pauses between them; sentences are the lines of the text."""
    pieces: list[Samples] = []
    for sentence in passage.strip().splitlines():
        pieces += [_utter(speaker, sentence.strip()), np.zeros(round(rng.uniform(0.3, 0.65) * SAMPLE_RATE))]
    return _in_a_room(np.concatenate(pieces), rng)


def room_tone(length: int, rng: np.random.Generator) -> Samples:
    """The hush of a quiet room, 62 dB below full scale."""
    hush = signal.lfilter([1], [1, -0.95], rng.normal(size=length))
    return 10 ** (-62 / 20) * hush / hush.std()


def _utter(speaker: Speaker, sentence: str) -> Samples:
    with tempfile.TemporaryDirectory() as folder:
        spoken = Path(folder) / "spoken.wav"
        voice = ["-v", speaker.voice, "-s", str(speaker.words_a_minute), "-p", str(speaker.pitch)]
        subprocess.run(["espeak-ng", *voice, "-w", str(spoken), sentence], check=True)
        samples, sample_rate = soundfile.read(spoken)
    heard = np.flatnonzero(np.abs(samples) > 0.01)
    return signal.resample_poly(samples[heard[0] : heard[-1]], SAMPLE_RATE, sample_rate)


def _in_a_room(dry: Samples, rng: np.random.Generator) -> Samples:
    """The voice with a quarter second of faint reverberation, its rumble off, at the level of a passage."""
    times = np.arange(round(0.25 * SAMPLE_RATE)) / SAMPLE_RATE
    response = 0.004 * rng.normal(size=len(times)) * np.exp(-6.9 * times / 0.25)
    response[0] = 1
    wet = signal.fftconvolve(dry, response)[: len(dry)]
    wet = signal.sosfilt(signal.butter(2, 80, "high", fs=SAMPLE_RATE, output="sos"), wet)
    return np.tanh(wet * 10 ** (_LEVEL_DB / 20) / np.sqrt((wet**2).mean()))
