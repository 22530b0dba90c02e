"""Instruments: a pitch in Hz and a length in seconds become samples, which may ring on for longer than the length.

A patch is an instrument whose knobs have been set for one piece, so that all notes of a part sound alike.
"""

from collections.abc import Callable

import numpy as np

from models.shaping import Samples, band, gain, harmonics, hiss, partials, phase_of, resonate, spread, timeline, wander

Patch = Callable[[np.random.Generator, float, float, int], Samples]


def plucked(rng: np.random.Generator) -> Patch:
    """Guitar, harp, lute, pizzicato or plucked bass: harmonics that die the sooner the higher they are."""
    ring_s, dullness, place_of_finger = spread(rng, 0.3, 3), spread(rng, 0.3, 4), rng.uniform(0.08, 0.45)
    fall, noise = rng.uniform(0.6, 1.6), rng.uniform(0, 0.3)

    def play(rng: np.random.Generator, pitch_hz: float, length_s: float, sample_rate: int) -> Samples:
        times = timeline(min(length_s + 0.4, 4), sample_rate)
        numbers = harmonics(pitch_hz, sample_rate, 24)
        levels = np.abs(np.sin(np.pi * numbers * place_of_finger)) * numbers**-fall
        string = partials(2 * np.pi * pitch_hz * times, levels, dullness * times * np.sqrt(pitch_hz / 200))
        nail = noise * rng.standard_normal(len(times)) * np.exp(-times * 150)
        return (string + nail) * np.exp(-times / ring_s) * _released(times, length_s, 0.15)

    return play


def piano(rng: np.random.Generator) -> Patch:
    """A piano, upright, honky-tonk or felted: two strings a little apart, a thump of the hammer."""
    fall, cents, ring_s, thump = rng.uniform(0.9, 2.4), spread(rng, 0.3, 8), spread(rng, 0.8, 4), rng.uniform(0, 0.4)

    def play(rng: np.random.Generator, pitch_hz: float, length_s: float, sample_rate: int) -> Samples:
        times = timeline(min(length_s + 0.5, 5), sample_rate)
        levels = harmonics(pitch_hz, sample_rate, 16) ** -fall
        one, other = (
            partials(2 * np.pi * pitch_hz * detune * times, levels, 0.5 * times) for detune in (1, 2 ** (cents / 1200))
        )
        strings = (one + other) * (0.6 * np.exp(-times * 4) + 0.4) * np.exp(-times / ring_s * np.sqrt(pitch_hz / 260))
        hammer = thump * np.sin(2 * np.pi * 90 * times) * np.exp(-times * 50)
        note: Samples = (0.5 * strings * np.clip(times / 0.004, 0, 1) + hammer) * _released(times, length_s, 0.3)
        return note

    return play


def bell(rng: np.random.Generator) -> Patch:
    """Music box, celesta, vibraphone, marimba or chimes: inharmonic partials, the high ones short."""
    ratios = np.array([1, *np.cumsum(rng.uniform(0.8, 3, 4)) + 1])
    levels, ring_s = 10 ** (rng.uniform(-24, -6, 5) / 20), spread(rng, 0.15, 3)
    levels[0] = 1

    def play(rng: np.random.Generator, pitch_hz: float, length_s: float, sample_rate: int) -> Samples:
        times = timeline(min(4 * ring_s, 4), sample_rate)
        rung = np.zeros(len(times))
        for ratio, level in zip(ratios, levels, strict=True):
            if pitch_hz * ratio < 0.47 * sample_rate:
                rung += level * np.sin(2 * np.pi * pitch_hz * ratio * times) * np.exp(-times * ratio**0.8 / ring_s)
        note: Samples = rung * np.clip(times / 0.002, 0, 1) * np.clip((times[-1] - times) / 0.05, 0, 1)
        return note

    return play


def pad(rng: np.random.Generator) -> Patch:
    """Strings, a synthesiser's pad, an accordion or an organ: detuned voices, soft at both ends."""
    fall, cents, voices = rng.uniform(0.7, 2.2), spread(rng, 2, 18), int(rng.integers(1, 4))
    attack_s, release_s = spread(rng, 0.02, 1.5), spread(rng, 0.1, 2)
    hollow, vibrato_hz, vibrato = rng.uniform() ** 2, rng.uniform(3, 7), rng.uniform(0, 0.006)

    def play(rng: np.random.Generator, pitch_hz: float, length_s: float, sample_rate: int) -> Samples:
        times = timeline(length_s + 0.7 * release_s, sample_rate)
        numbers = harmonics(pitch_hz, sample_rate, 16)
        levels = numbers**-fall * np.where(numbers % 2 == 0, 1 - hollow, 1)
        held = np.zeros(len(times))
        for detune in rng.normal(0, cents / 1200, voices):
            bend = 1 + vibrato * np.sin(2 * np.pi * (vibrato_hz * times + rng.uniform()))
            held += partials(phase_of(pitch_hz * 2**detune * bend, sample_rate) + rng.uniform(0, 6), levels)
        return held * np.clip(times / min(attack_s, 0.6 * length_s), 0, 1) * _released(times, length_s, release_s)

    return play


def blown(rng: np.random.Generator) -> Patch:
    """Flute, recorder, clarinet, oboe or brass: a steady tone with breath in it and a vibrato that comes late."""
    fall, hollow, breath = rng.uniform(0.8, 3), rng.uniform() ** 2, spread(rng, 0.005, 0.3)
    attack_s, vibrato_hz, depth = spread(rng, 0.02, 0.12), rng.uniform(4, 6.5), rng.uniform(0, 0.012)

    def play(rng: np.random.Generator, pitch_hz: float, length_s: float, sample_rate: int) -> Samples:
        times = timeline(length_s + 0.12, sample_rate)
        numbers = harmonics(pitch_hz, sample_rate, 14)
        levels = numbers**-fall * np.where(numbers % 2 == 0, 1 - hollow, 1)
        late = np.clip((times - 0.2) * 2, 0, 1) * np.sin(2 * np.pi * vibrato_hz * times)
        scoop = 1 - 0.02 * np.exp(-times * 40)
        tone = partials(phase_of(pitch_hz * scoop * (1 + depth * late), sample_rate), levels)
        air = band(rng.standard_normal(len(times)), sample_rate, pitch_hz, 4 * pitch_hz, 1) * breath
        return (
            (tone * (1 + 10 * depth * late) + air) * np.clip(times / attack_s, 0, 1) * _released(times, length_s, 0.1)
        )

    return play


def synth(rng: np.random.Generator) -> Patch:
    """A saw, square or narrow pulse whose filter closes after the onset: bass, lead, arpeggio, chiptune."""
    duty, cutoff, decay = rng.choice([0.125, 0.25, 0.5, 0.0]), spread(rng, 2, 30), spread(rng, 0.5, 12)
    release_s, plain = spread(rng, 0.02, 0.3), rng.uniform() < 0.3

    def play(rng: np.random.Generator, pitch_hz: float, length_s: float, sample_rate: int) -> Samples:
        times = timeline(length_s + release_s, sample_rate)
        numbers = harmonics(pitch_hz, sample_rate, 30)
        wave = np.sin(np.pi * numbers * duty) if duty else np.ones(len(numbers))
        phase = 2 * np.pi * pitch_hz * times
        bright = partials(phase, wave / numbers)
        if not plain:
            dark = partials(phase, wave / numbers / (1 + (numbers / cutoff) ** 2))
            share = np.exp(-times * decay)
            bright = share * bright + (1 - share) * dark
        return bright * np.clip(times / 0.004, 0, 1) * _released(times, length_s, release_s)

    return play


def distorted(rng: np.random.Generator) -> Patch:
    """An overdriven guitar that plays power chords: root, fifth and octave, clipped hard, through a box."""
    drive, box_hz, muted_s = spread(rng, 2, 60), spread(rng, 2500, 9000), rng.choice([0.15, 3, 3])
    dirt = spread(rng, 0.03, 3)

    def play(rng: np.random.Generator, pitch_hz: float, length_s: float, sample_rate: int) -> Samples:
        times = timeline(length_s + 0.05, sample_rate)
        chord = np.zeros(len(times))
        for ratio in (0.5, 1, 1.498, 2.001):
            levels = harmonics(pitch_hz * ratio, sample_rate, 24) ** -0.8
            unsteady_hz = pitch_hz * ratio * (1 + 0.004 * wander(rng, len(times), sample_rate, 6))
            chord += partials(phase_of(unsteady_hz, sample_rate) + rng.uniform(0, 6), levels, 0.3 * times)
        fuzz = np.tanh(drive * chord * np.exp(-times / muted_s) + dirt * hiss(rng, len(times)))
        boxed = band(resonate(fuzz, sample_rate, 110, 1) + fuzz, sample_rate, 70, box_hz, 2)
        return 0.5 * boxed * _released(times, length_s, 0.03)

    return play


def kick(rng: np.random.Generator) -> Patch:
    """A bass drum, taiko, tom or 808: a falling sine, and a click."""
    low_hz, sweep_hz, fall, decay = spread(rng, 38, 110), spread(rng, 30, 300), spread(rng, 12, 60), spread(rng, 3, 18)
    click = rng.uniform(0, 0.5)

    def play(rng: np.random.Generator, pitch_hz: float, length_s: float, sample_rate: int) -> Samples:
        times = timeline(min(5 / decay, 1.2), sample_rate)
        skin = np.sin(phase_of(low_hz + sweep_hz * np.exp(-times * fall), sample_rate)) * np.exp(-times * decay)
        return skin + click * rng.standard_normal(len(times)) * np.exp(-times * 200)

    return play


def snare(rng: np.random.Generator) -> Patch:
    """A snare, clap, rim or brush."""
    low_hz, decay, tone, pitch = spread(rng, 300, 2500), spread(rng, 8, 50), rng.uniform(0, 0.8), spread(rng, 140, 400)

    def play(rng: np.random.Generator, pitch_hz: float, length_s: float, sample_rate: int) -> Samples:
        times = timeline(min(5 / decay, 0.6), sample_rate)
        wires = band(rng.standard_normal(len(times)), sample_rate, low_hz, 9000) * np.exp(-times * decay)
        return 0.7 * wires + tone * np.sin(2 * np.pi * pitch * times) * np.exp(-times * 28)

    return play


def hat(rng: np.random.Generator) -> Patch:
    """A hi-hat, shaker, maraca or cymbal."""
    low_hz, decay, soft = spread(rng, 2000, 8000), spread(rng, 3, 110), rng.uniform() < 0.3

    def play(rng: np.random.Generator, pitch_hz: float, length_s: float, sample_rate: int) -> Samples:
        times = timeline(min(5 / decay, 1.5), sample_rate)
        rise = np.clip(times / 0.03, 0, 1) if soft else 1.0
        return (
            0.6
            * band(rng.standard_normal(len(times)), sample_rate, min(low_hz, 0.35 * sample_rate))
            * np.exp(-times * decay)
            * rise
        )

    return play


def crash(rng: np.random.Generator) -> Patch:
    """A crash or ride cymbal, a gong: noise that rings on for a second or more, its treble sinking first."""
    low_hz, decay = spread(rng, 300, 4000), spread(rng, 0.8, 5)

    def play(rng: np.random.Generator, pitch_hz: float, length_s: float, sample_rate: int) -> Samples:
        times = timeline(min(4 / decay, 3), sample_rate)
        noise = rng.standard_normal(len(times))
        shimmer = band(noise, sample_rate, 2 * low_hz, order=1) * np.exp(-times * 2 * decay)
        wash = band(noise, sample_rate, low_hz, order=1) * np.exp(-times * decay)
        note: Samples = (shimmer + 0.6 * wash) * np.clip((times[-1] - times) / 0.02, 0, 1)
        return note

    return play


def hand_drum(rng: np.random.Generator) -> Patch:
    """A conga, tabla, djembe, woodblock or tom: the modes of a skin at the note's pitch, bent as it settles."""
    decay, bend, ratios = spread(rng, 5, 35), rng.uniform(0, 0.3), (1, *np.sort(rng.uniform(1.4, 3.5, 2)))

    def play(rng: np.random.Generator, pitch_hz: float, length_s: float, sample_rate: int) -> Samples:
        times = timeline(min(5 / decay, 1), sample_rate)
        skin = np.zeros(len(times))
        for ratio in ratios:
            settled_hz = min(pitch_hz * ratio, 0.3 * sample_rate)
            swept = phase_of(settled_hz * (1 + bend * np.exp(-times * 30)), sample_rate)
            skin += np.sin(swept) * np.exp(-times * decay * ratio) / ratio
        return skin + 0.3 * rng.standard_normal(len(times)) * np.exp(-times * 250)

    return play


def vinyl(rng: np.random.Generator, length: int, sample_rate: int) -> Samples:
    """The surface of a worn record: hiss, rumble and crackle, at an RMS of about 1."""
    crackle = np.zeros(length)
    hits = rng.integers(0, length, rng.poisson(spread(rng, 3, 60) * length / sample_rate))
    crackle[hits] = rng.standard_normal(len(hits)) * (1 + rng.pareto(2, len(hits)))
    surface = band(crackle, sample_rate, 300, 6000, 1) * spread(rng, 10, 80)
    return surface + hiss(rng, length, -1) * gain(rng.uniform(-10, 0)) * (1 + 0.1 * wander(rng, length, sample_rate, 2))


def _released(times: Samples, length_s: float, release_s: float) -> Samples:
    """A gain of 1 that dies away after the note's length and is 0 at the end."""
    faded: Samples = np.exp(-5 * np.clip(times - length_s, 0, None) / release_s) * np.clip(
        (times[-1] - times) / 0.01, 0, 1
    )
    return faded
