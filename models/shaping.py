"""Shaping: the noise, curves, filters and rooms that every synthesised sound is made of. Mono, full scale 1."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

Samples = NDArray[np.float64]


class Synthesizer(Protocol):
    """A sound of the given length, its peak at most 1; the generator alone decides which."""

    __name__: str

    def __call__(self, rng: np.random.Generator, duration_s: float, sample_rate: int, /) -> NDArray[np.float32]: ...


def timeline(duration_s: float, sample_rate: int) -> Samples:
    """The time of each sample in seconds."""
    return np.arange(round(duration_s * sample_rate)) / sample_rate


def spread(rng: np.random.Generator, low: float, high: float) -> float:
    """A number between two others, every octave as likely as the next."""
    return float(low * (high / low) ** rng.uniform())


def gain(level_db: float) -> float:
    return float(10 ** (level_db / 20))


def hiss(rng: np.random.Generator, length: int, slope_db: float = 0.0) -> Samples:
    """Noise of RMS 1 whose power changes by slope_db an octave."""
    return coloured(rng, length, lambda bins: bins ** (slope_db / 20 / np.log10(2)))


def coloured(rng: np.random.Generator, length: int, gains: Callable[[Samples], Samples]) -> Samples:
    """Noise of RMS 1 with the gains of its Fourier bins, which are counted from 1 up to the Nyquist frequency."""
    padded = fft.next_fast_len(max(length, 2), real=True)
    spectrum = fft.rfft(rng.standard_normal(padded))
    spectrum[1:] *= gains(np.arange(1.0, len(spectrum)))
    spectrum[0] = 0
    noise: Samples = fft.irfft(spectrum, padded)[:length]
    levelled: Samples = noise / (np.sqrt(np.mean(noise**2)) + 1e-12)
    return levelled


def curve(length: int, points: Sequence[float] | Samples) -> Samples:
    """A smooth line through points that lie evenly from the first sample to the last."""
    at = np.linspace(0, len(points) - 1, length)
    left = np.minimum(at.astype(int), max(len(points) - 2, 0))
    values = np.asarray(points, np.float64)
    ease = (at - left) ** 2 * (3 - 2 * (at - left))
    line: Samples = values[left] + (values[np.minimum(left + 1, len(values) - 1)] - values[left]) * ease
    return line


def wander(rng: np.random.Generator, length: int, sample_rate: int, rate_hz: float) -> Samples:
    """A curve that drifts between -1 and 1, with rate_hz new directions a second."""
    turns = int(length / sample_rate * rate_hz) + 3
    steps = sample_rate / rate_hz
    whole = curve(round((turns - 1) * steps) + 1, rng.uniform(-1, 1, turns))
    first = int(rng.integers(0, len(whole) - length + 1)) if len(whole) > length else 0
    return np.pad(whole[first : first + length], (0, max(0, length - len(whole))), mode="edge")


def tremble(rng: np.random.Generator, length: int, sample_rate: int, rate_hz: float, depth_db: float) -> Samples:
    """A gain that drifts by up to depth_db either way."""
    return 10 ** (depth_db / 20 * wander(rng, length, sample_rate, rate_hz))


def band(samples: Samples, sample_rate: int, low_hz: float = 0, high_hz: float = np.inf, order: int = 2) -> Samples:
    """The samples between two frequencies; one out of range leaves that side open."""
    top_hz = 0.48 * sample_rate
    low_hz = min(low_hz, 0.8 * min(high_hz, top_hz))
    if low_hz <= 1 and high_hz >= top_hz:
        return samples
    edges: float | list[float] = [low_hz, high_hz]
    kind = "band"
    if high_hz >= top_hz:
        kind, edges = "high", low_hz
    elif low_hz <= 1:
        kind, edges = "low", high_hz
    sections = signal.butter(order, edges, kind, fs=sample_rate, output="sos")
    before = (
        signal.sosfilt_zi(sections) * samples[0]
    )  # as if the first sample had stood for ever: no thump at the start
    filtered: Samples = signal.sosfilt(sections, samples, zi=before)[0]
    return filtered


def resonate(samples: Samples, sample_rate: int, pitch_hz: float, quality: float) -> Samples:
    """The samples through one resonance of gain 1 at its pitch."""
    numerator, denominator = signal.iirpeak(min(pitch_hz, 0.45 * sample_rate), quality, fs=sample_rate)
    rung: Samples = signal.lfilter(numerator, denominator, samples)
    return rung


def equalise(rng: np.random.Generator, samples: Samples, sample_rate: int, depth_db: float) -> Samples:
    """The samples through a smooth random response, up to depth_db either way, that of no one's loudspeaker."""
    padded = fft.next_fast_len(len(samples) + sample_rate // 8, real=True)
    octaves = np.log2(np.maximum(fft.rfftfreq(padded, 1 / sample_rate), 20) / 20)
    knots = np.linspace(0, 10, int(rng.integers(3, 9)))
    response = 10 ** (np.interp(octaves, knots, rng.uniform(-depth_db, depth_db, len(knots))) / 20)
    equalised: Samples = fft.irfft(fft.rfft(samples, padded) * response, padded)[: len(samples)]
    return equalised


def moving(samples: Samples, sample_rate: int, response: Callable[[Samples, Samples], Samples]) -> Samples:
    """The samples through a filter that moves: a gain from frequencies in Hz [bins, 1] and times in s [frames]."""
    size = 1 << max(6, round(np.log2(0.03 * sample_rate)))
    if len(samples) < size:
        samples, length = np.pad(samples, (0, size - len(samples))), len(samples)
        return moving(samples, sample_rate, response)[:length]
    pitches_hz, times_s, spectra = signal.stft(samples, sample_rate, nperseg=size, noverlap=size // 2)
    _, moved = signal.istft(spectra * response(pitches_hz[:, None], times_s), sample_rate, noverlap=size // 2)
    whole: Samples = np.pad(moved, (0, max(0, len(samples) - len(moved))))[: len(samples)]
    return whole


def darken(samples: Samples, sample_rate: int, cutoff_hz: Samples, order: int = 1) -> Samples:
    """The samples through a low-pass filter whose cutoff moves, given for every sample."""

    def response(pitches_hz: Samples, times_s: Samples) -> Samples:
        at = np.minimum((times_s * sample_rate).astype(int), len(cutoff_hz) - 1)
        gains: Samples = 1 / np.sqrt(1 + (pitches_hz / cutoff_hz[at]) ** (4 * order))
        return gains

    return moving(samples, sample_rate, response)


def flutter(rng: np.random.Generator, samples: Samples, sample_rate: int, depth_db: float) -> Samples:
    """The samples made unsteady, each octave partly on its own, slowly and fast: as air and distance do."""

    def response(pitches_hz: Samples, times_s: Samples) -> Samples:
        frame_rate = round(len(times_s) / (times_s[-1] + 0.01))
        rows = [sum(wander(rng, len(times_s), frame_rate, rate_hz) for rate_hz in (0.5, 2, 9, 30)) for _ in range(9)]
        octaves = np.log2(np.maximum(pitches_hz, 60) / 60)
        weights = np.clip(1 - np.abs(octaves - np.arange(8)), 0, 1)
        return np.asarray(10 ** (depth_db / 40 * (rows[8] + weights @ np.array(rows[:8]))))

    return moving(samples, sample_rate, response)


def phase_of(pitch_hz: Samples, sample_rate: int) -> Samples:
    """The phase in radians of a tone whose pitch moves."""
    return 2 * np.pi * np.cumsum(pitch_hz) / sample_rate


def partials(phase: Samples, levels: Sequence[float] | Samples, damping: Samples | float = 0.0) -> Samples:
    """The sum of a tone's harmonics; the n-th is damped n times as much as the first, by exp(-damping).

    It is a polynomial in one complex number a sample, so Horner's rule needs no sine but the first.
    """
    turn = np.exp(1j * phase - damping)
    total = np.zeros_like(turn)
    for level in reversed(list(levels)):
        total += level
        total *= turn
    return np.asarray(total.imag, np.float64)


def harmonics(pitch_hz: float, sample_rate: int, most: int = 40) -> Samples:
    """The numbers 1, 2, 3... of the harmonics that the sample rate can hold."""
    return np.arange(1.0, max(1, min(most, int(0.47 * sample_rate / pitch_hz))) + 1)


def place(canvas: Samples, grain: Samples, start: int, level: float = 1.0) -> None:
    """Adds a grain to the canvas, as much of it as fits."""
    end = min(len(canvas), start + len(grain))
    if 0 <= start < end:
        canvas[start:end] += level * grain[: end - start]


def shots(rng: np.random.Generator, length: int, grain: Samples, probability: float, tail: float = 2.0) -> Samples:
    """The grain at random places, each with probability; levels have a Pareto tail, the heavier the smaller it is."""
    impulses = np.zeros(length)
    hits = rng.integers(0, length, rng.poisson(probability * length))
    np.add.at(impulses, hits, np.minimum(rng.pareto(tail, len(hits)) + 0.2, 8) * rng.choice([-1, 1], len(hits)))
    scattered: Samples = signal.oaconvolve(impulses, grain)[:length]
    return scattered


def reverberate(
    rng: np.random.Generator, samples: Samples, sample_rate: int, decay_s: float, wet: float = 0.3
) -> Samples:
    """The samples in a room of that decay time to -60 dB, which is noise that dies away, its treble first."""
    times = timeline(decay_s, sample_rate)
    late = rng.standard_normal(len(times)) * np.exp(-6.9 * times / decay_s)
    bright = band(late, sample_rate, 100, spread(rng, 1500, 8000), order=1)
    room = 0.7 * bright + 0.3 * late * np.exp(-12 * times / decay_s)
    echoes: Samples = signal.oaconvolve(samples, room / np.sqrt(np.sum(room**2)))[: len(samples)]
    return (1 - wet) * samples + wet * echoes


def unit(samples: Samples) -> Samples:
    """The samples at an RMS of 1."""
    levelled: Samples = samples / (np.sqrt(np.mean(samples**2)) + 1e-12)
    return levelled


def finish(samples: Samples, peak: float = 0.95) -> NDArray[np.float32]:
    """The samples as a synthesiser gives them: without what is below hearing, at a peak just below full scale."""
    loudest = float(np.max(np.abs(samples), initial=0))
    return (samples * (peak / loudest if loudest > 0 else 0)).astype(np.float32)


def scene(
    rng: np.random.Generator,
    duration_s: float,
    sample_rate: int,
    event: Callable[[], Samples],
    gap_s: tuple[float, float],
    runs: tuple[int, int] = (1, 1),
    run_gap_s: float | None = None,
    bed: Samples | None = None,
) -> NDArray[np.float32]:
    """Events in a quiet room, the first within half a second, in runs of so many with a gap from run to run.

    An event is rendered up to six times and then drawn from those. run_gap_s: from one start to the next within a run;
    by default they follow one another closely. bed: what goes on behind, as loud as the events.
    """
    length = round(duration_s * sample_rate)
    mix = np.zeros(length) if bed is None else bed / (np.max(np.abs(bed)) + 1e-9)
    takes: list[Samples] = []
    at_s = rng.uniform(0, min(0.5, duration_s / 3))
    while at_s < duration_s:
        for _ in range(int(rng.integers(runs[0], runs[1] + 1))):
            if len(takes) < 6:
                take = event()
                takes.append(take / (np.max(np.abs(take)) + 1e-9))
            take = takes[int(rng.integers(len(takes)))]
            place(mix, take, int(at_s * sample_rate), rng.uniform(0.5, 1))
            length_s = len(take) / sample_rate
            at_s += length_s * rng.uniform(1, 1.4) if run_gap_s is None else run_gap_s * rng.uniform(0.8, 1.25)
        at_s += spread(rng, *gap_s)
    mix = reverberate(rng, mix, sample_rate, spread(rng, 0.1, 1.2), rng.uniform(0, 0.4))
    room = band(hiss(rng, length, rng.uniform(-6, -1)), sample_rate, 0, spread(rng, 500, 9000), 1)
    return finish(mix / (np.max(np.abs(mix)) + 1e-9) + unit(room) * gain(rng.uniform(-90, -28)))
