"""Synthesised instruments: a pitch in Hz, a length in seconds and a velocity become mono samples at SAMPLE_RATE."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import signal

SAMPLE_RATE = 48_000

Samples = npt.NDArray[np.float64]  # [samples] or [samples, 2], full scale 1
Instrument = Callable[[float, float, float, np.random.Generator], Samples]


def nylon_string(pitch_hz: float, duration_s: float, velocity: float, rng: np.random.Generator) -> Samples:
    """Plucked string after Karplus and Strong (1983), tuned by a fractional delay, plucked a fifth from the bridge."""
    times = _times(duration_s + 1.0)
    delay = SAMPLE_RATE / pitch_hz - 0.5  # the averaging filter of the loop adds half a sample
    whole = int(delay)
    darkness = 0.92 - 0.3 * velocity  # a soft finger excites fewer harmonics
    burst = signal.lfilter([1.8 * (1 - darkness)], [1, -darkness], rng.uniform(-1, 1, whole))
    burst -= np.roll(burst, whole // 5)
    decay = 10 ** (-3 / (pitch_hz * (2 + 300 / pitch_hz)))  # 60 dB in 2 s, longer for low strings
    loop = np.zeros(whole + 3)
    loop[0] = 1
    loop[whole:] -= decay * np.convolve([1 - delay % 1, delay % 1], [0.5, 0.5])
    return _released(signal.lfilter([1], loop, np.pad(burst, (0, len(times) - whole))), duration_s, 0.25)


def electric_piano(pitch_hz: float, duration_s: float, velocity: float, rng: np.random.Generator) -> Samples:
    """Tine piano by frequency modulation after Chowning (1973): a bell at the onset, a round tone after it."""
    times = _times(duration_s + 0.6)
    phase = 2 * np.pi * pitch_hz * times
    tine = 0.12 * velocity * np.exp(-14 * times) * np.sin(phase * (7 if pitch_hz < 1200 else 3))
    tone = np.sin(phase + 1.6 * velocity * np.exp(-2.5 * times) * np.sin(phase))
    tremolo = 1 + 0.08 * np.sin(2 * np.pi * 5.2 * times)
    envelope = np.exp(-times * (0.7 + pitch_hz / 700)) * tremolo
    return _released(0.6 * (tone + tine) * envelope, duration_s, 0.15)


def organ(pitch_hz: float, duration_s: float, velocity: float, rng: np.random.Generator) -> Samples:
    """Pipe organ: six ranks, each a little out of tune, and the chiff of air at the onset."""
    times = _times(duration_s + 0.3)
    pipes = np.zeros_like(times)
    for harmonic, level in ((0.5, 0.35), (1, 1), (2, 0.6), (3, 0.28), (4, 0.25), (6, 0.1), (8, 0.08)):
        detune = 2 ** (rng.normal(0, 2) / 1200)
        wind = 0.6 * np.sin(2 * np.pi * rng.uniform(0.3, 0.8) * times)
        pipes += level * np.sin(2 * np.pi * pitch_hz * harmonic * detune * times + wind)
    chiff = _band(rng.normal(size=len(times)), pitch_hz * 2, pitch_hz * 4) * np.exp(-30 * times)
    return _released((0.3 * pipes + 0.4 * chiff) * _attack(times, 0.05) * velocity, duration_s, 0.12)


def strings(pitch_hz: float, duration_s: float, velocity: float, rng: np.random.Generator) -> Samples:
    """Slow pad: three detuned saws through a low-pass filter that opens and closes."""
    times = _times(duration_s + 1.2)
    cutoff_hz = 500 + 1800 * velocity * np.sin(np.pi * np.clip(times / (duration_s + 1.2), 0, 1)) ** 2
    detuned = [pitch_hz * 2 ** (cents / 1200) for cents in (-7, rng.uniform(-1, 1), 8)]
    saws = sum(_filtered_saw(times, hz, cutoff_hz, rng) for hz in detuned)
    return _released(0.2 * np.asarray(saws) * _attack(times, min(0.8, duration_s / 2)), duration_s, 0.9)


def synth_bass(pitch_hz: float, duration_s: float, velocity: float, rng: np.random.Generator) -> Samples:
    """One saw whose filter closes after the onset."""
    times = _times(duration_s + 0.08)
    cutoff_hz = 180 + 1400 * velocity * np.exp(-7 * times)
    return _released(0.7 * _filtered_saw(times, pitch_hz, cutoff_hz, rng) * _attack(times, 0.004), duration_s, 0.05)


def upright_bass(pitch_hz: float, duration_s: float, velocity: float, rng: np.random.Generator) -> Samples:
    """A plucked string with its brightness taken off and the wood's thump put on."""
    string = nylon_string(pitch_hz, duration_s, 0.4 * velocity, rng)
    times = np.arange(len(string)) / SAMPLE_RATE
    thump = 0.3 * np.exp(-40 * times) * np.sin(2 * np.pi * 95 * times)
    return signal.lfilter(*signal.butter(2, 900, fs=SAMPLE_RATE), 1.6 * string) + thump


def synth_lead(pitch_hz: float, duration_s: float, velocity: float, rng: np.random.Generator) -> Samples:
    """Two saws an octave apart with a vibrato that grows."""
    times = _times(duration_s + 0.2)
    vibrato = 0.004 * np.clip(times - 0.25, 0, 0.4) * np.sin(2 * np.pi * 5.5 * times) / (2 * np.pi * 5.5)
    cutoff_hz = 900 + 3500 * velocity * np.exp(-3 * times)
    low = _filtered_saw(times + vibrato, pitch_hz, cutoff_hz, rng)
    high = _filtered_saw(times + vibrato, 2.003 * pitch_hz, cutoff_hz, rng)
    return _released((0.4 * low + 0.15 * high) * _attack(times, 0.012), duration_s, 0.1)


def muted_brass(pitch_hz: float, duration_s: float, velocity: float, rng: np.random.Generator) -> Samples:
    """Brass by frequency modulation: the index, so the brightness, follows the loudness (Chowning 1973)."""
    times = _times(duration_s + 0.1)
    breath = _attack(times, 0.04) * (0.75 + 0.25 * np.exp(-6 * times))
    vibrato = 0.25 * np.clip(times - 0.2, 0, 1) * np.sin(2 * np.pi * 5.8 * times)
    phase = 2 * np.pi * pitch_hz * times + pitch_hz / 440 * vibrato
    tone = np.sin(phase + 2.8 * velocity * breath * np.sin(phase))
    air = 0.02 * _band(rng.normal(size=len(times)), 1500, 5000)
    return _released(0.45 * (tone + air) * breath, duration_s, 0.05)


def marimba(pitch_hz: float, duration_s: float, velocity: float, rng: np.random.Generator) -> Samples:
    """A wooden bar: partials at 1, 3.93 and 9.6 times the pitch, the high ones short."""
    times = _times(1.1)
    bar = np.zeros_like(times)
    for partial, level, decay in ((1, 1, 4.5), (3.93, 0.35, 12), (9.6, 0.12, 30)):
        if pitch_hz * partial < SAMPLE_RATE / 2:
            bar += (
                level
                * velocity ** (partial / 5)
                * np.exp(-decay * times)
                * np.sin(2 * np.pi * pitch_hz * partial * times)
            )
    mallet = 0.25 * velocity * rng.normal(size=len(times)) * np.exp(-200 * times)
    return 0.6 * (bar + signal.lfilter([0.2], [1, -0.8], mallet))


def glass_bell(pitch_hz: float, duration_s: float, velocity: float, rng: np.random.Generator) -> Samples:
    """A bell: inharmonic frequency modulation, long decay."""
    times = _times(4.0)
    modulator = np.exp(-1.6 * times) * np.sin(2 * np.pi * pitch_hz * 2.76 * times)
    tone = np.sin(2 * np.pi * pitch_hz * times + 1.1 * velocity * modulator)
    return 0.35 * tone * np.exp(-1.3 * times) * _attack(times, 0.004)


def kick(pitch_hz: float, duration_s: float, velocity: float, rng: np.random.Generator) -> Samples:
    times = _times(0.4)
    phase = 2 * np.pi * (48 * times + 95 / 28 * (1 - np.exp(-28 * times)))
    return 0.95 * np.sin(phase) * np.exp(-8 * times) + 0.1 * rng.normal(size=len(times)) * np.exp(-300 * times)


def snare(pitch_hz: float, duration_s: float, velocity: float, rng: np.random.Generator) -> Samples:
    times = _times(0.3)
    wires = _band(rng.normal(size=len(times)), 1200, 9000) * np.exp(-(24 - 8 * velocity) * times)
    shell = np.sin(2 * np.pi * 187 * times) + 0.6 * np.sin(2 * np.pi * 329 * times)
    return 0.5 * wires + 0.3 * shell * np.exp(-28 * times)


def hi_hat(pitch_hz: float, duration_s: float, velocity: float, rng: np.random.Generator) -> Samples:
    times = _times(0.12)
    return 0.4 * _band(rng.normal(size=len(times)), 6500, 15_000) * np.exp(-(85 - 40 * velocity) * times)


def ride(pitch_hz: float, duration_s: float, velocity: float, rng: np.random.Generator) -> Samples:
    times = _times(0.9)
    ratios = (1, 1.342, 1.547, 1.873, 2.241, 2.714)
    metal = sum(np.sign(np.sin(2 * np.pi * 1730 * ratio * times)) for ratio in ratios)
    wash = _band(0.3 * np.asarray(metal) + rng.normal(size=len(times)), 4500, 14_000)
    return 0.16 * wash * (0.7 * np.exp(-28 * times) + 0.3 * np.exp(-5 * times))


def brush(pitch_hz: float, duration_s: float, velocity: float, rng: np.random.Generator) -> Samples:
    times = _times(0.25)
    return 0.3 * _band(rng.normal(size=len(times)), 1800, 8000) * np.sin(np.pi * times / 0.25) ** 2


def shaker(pitch_hz: float, duration_s: float, velocity: float, rng: np.random.Generator) -> Samples:
    times = _times(0.1)
    return 0.35 * _band(rng.normal(size=len(times)), 4000, 11_000) * np.sin(np.pi * times / 0.1) ** 3


def _times(duration_s: float) -> Samples:
    return np.arange(round(duration_s * SAMPLE_RATE)) / SAMPLE_RATE


def _attack(times: Samples, attack_s: float) -> Samples:
    return np.clip(times / attack_s, 0, 1)


def _released(samples: Samples, duration_s: float, release_s: float) -> Samples:
    """The samples, dying away after `duration_s`."""
    late_s = np.clip(np.arange(len(samples)) / SAMPLE_RATE - duration_s, 0, None)
    ending = np.clip((len(samples) - np.arange(len(samples))) / (0.02 * SAMPLE_RATE), 0, 1)
    return samples * np.exp(-4 * late_s / release_s) * ending


def _filtered_saw(times: Samples, pitch_hz: float, cutoff_hz: Samples, rng: np.random.Generator) -> Samples:
    """Band-limited saw through a two-pole low-pass filter whose cutoff moves, summed harmonic by harmonic."""
    saw = np.zeros_like(times)
    phase = 2 * np.pi * (pitch_hz * times + rng.uniform())
    for harmonic in range(1, min(20, int(12_000 / pitch_hz)) + 1):
        saw += np.sin(harmonic * phase) / harmonic / (1 + (harmonic * pitch_hz / cutoff_hz) ** 2)
    return saw


def _band(samples: Samples, low_hz: float, high_hz: float) -> Samples:
    sections = signal.butter(2, (low_hz, min(high_hz, 0.49 * SAMPLE_RATE)), "band", fs=SAMPLE_RATE, output="sos")
    return signal.sosfilt(sections, samples)
