"""Songs: music composed and played by the machine, in many styles, among them those easily taken for noise."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from models import instruments
from models.instruments import vinyl
from models.performances import (
    any_patch,
    master,
    play,
    play_drums,
    play_gate,
    play_lead,
    sing_notes,
    soft_patch,
    struck_patch,
    warp,
)
from models.scores import (
    Note,
    draw_key,
    write_arpeggio,
    write_bass,
    write_chords,
    write_melody,
    write_rhythm,
    write_strumming,
)
from models.shaping import (
    band,
    curve,
    darken,
    flutter,
    gain,
    hiss,
    reverberate,
    spread,
    timeline,
    tremble,
    unit,
    wander,
)

_Floats = NDArray[np.float32]


def ambient_pads(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Pads whose chord changes every 6 to 20 seconds, in a large hall; in half of them a few far notes."""
    key = draw_key(rng, (1.5, 5), beats=(4,))
    mix = play(
        rng, instruments.pad(rng), write_chords(rng, key, duration_s, rng.choice([-1, 0])), duration_s, sample_rate
    )
    mix = unit(darken(mix, sample_rate, spread(rng, 400, 3000) * 2 ** wander(rng, len(mix), sample_rate, 0.2)))
    if rng.uniform() < 0.5:
        far = write_melody(rng, key, duration_s, int(rng.integers(0, 3)), rng.uniform(0.2, 0.6))
        mix += unit(play(rng, soft_patch(rng), far, duration_s, sample_rate)) * gain(rng.uniform(-15, 0))
    if rng.uniform() < 0.4:
        mix += unit(band(hiss(rng, len(mix), -4), sample_rate, 100, 3000)) * gain(rng.uniform(-35, -10))
    return master(rng, reverberate(rng, mix, sample_rate, spread(rng, 2, 7), rng.uniform(0.3, 0.8)), sample_rate)


def evolving_drone(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A drone, over it a slow melody that is bowed, blown or sung."""
    key = draw_key(rng, (0.6, 2))
    held = [Note(0, duration_s, key.tonic - 12 + step, 0.5) for step in (0, 7, 12)[: int(rng.integers(1, 4))]]
    melody = write_melody(rng, key, duration_s, 0, rng.uniform(0.4, 0.9))
    drone = unit(play(rng, instruments.pad(rng), held, duration_s, sample_rate))
    mix = drone * tremble(rng, len(drone), sample_rate, 0.5, 3) * gain(rng.uniform(-8, 6)) + unit(
        play_lead(rng, melody, duration_s, sample_rate)
    )
    return master(rng, reverberate(rng, mix, sample_rate, spread(rng, 1, 5), 0.4), sample_rate)


def metal(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Rock to metal: distorted guitars that riff or hold, bass, drums with cymbals, often a voice or a lead."""
    key = draw_key(rng, (0.27, 0.6))
    riff = write_bass(rng, key, duration_s, 0, int(rng.choice([1, 2, 4])))
    if rng.uniform() < 0.4:
        riff = write_chords(rng, key, duration_s, 0)[::3]
    guitars = sum(play(rng, instruments.distorted(rng), riff, duration_s, sample_rate) for _ in range(2))
    mix = unit(np.asarray(guitars)) + play_drums(rng, key, duration_s, sample_rate) * gain(rng.uniform(-6, 4))
    mix += (
        unit(play(rng, instruments.synth(rng), write_bass(rng, key, duration_s, -1, 2), duration_s, sample_rate)) * 0.4
    )
    crashes = [Note(float(at), 1, 60, 1) for at in np.arange(0, duration_s, key.bar_s * rng.choice([0.5, 1, 2]))]
    mix += unit(play(rng, instruments.crash(rng), crashes, duration_s, sample_rate)) * gain(rng.uniform(-25, -5))
    if rng.uniform() < 0.6:
        lead = play_lead(rng, write_melody(rng, key, duration_s, 1, 0.9), duration_s, sample_rate)
        mix += unit(np.tanh(spread(rng, 0.5, 5) * unit(lead))) * gain(rng.uniform(-10, 2))
    if rng.uniform() < 0.5:
        voice = sing_notes(rng, write_melody(rng, key, duration_s, 1, 0.8), duration_s, sample_rate)
        mix += unit(np.tanh(spread(rng, 0.5, 5) * unit(voice))) * gain(rng.uniform(-8, 3))
    return master(rng, np.tanh(spread(rng, 0.2, 1.5) * unit(mix)), sample_rate)


def rock(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Rock recorded loud: hats on every eighth, guitars and cymbals blurred into a wash, a hoarse voice on top."""
    key = draw_key(rng, (0.3, 0.55), beats=(4,))
    chords = write_strumming(rng, key, duration_s)
    mix = unit(play(rng, instruments.distorted(rng), chords[::4], duration_s, sample_rate)) * gain(rng.uniform(-8, 0))
    mix += unit(play_drums(rng, key, duration_s, sample_rate))
    eighths = [Note(float(at), 0.2, 60, rng.uniform(0.5, 1)) for at in np.arange(0, duration_s, key.beat_s / 2)]
    metal = instruments.hat(rng) if rng.uniform() < 0.5 else instruments.crash(rng)
    mix += unit(play(rng, metal, eighths, duration_s, sample_rate)) * gain(rng.uniform(-20, -4))
    bass = play(rng, instruments.synth(rng), write_bass(rng, key, duration_s, -1, 2), duration_s, sample_rate)
    mix += unit(band(bass, sample_rate, 0, spread(rng, 200, 1000))) * gain(rng.uniform(-6, 6))
    if rng.uniform() < 0.7:
        voice = unit(sing_notes(rng, write_melody(rng, key, duration_s, 1, 0.8), duration_s, sample_rate))
        shouted = np.tanh(voice * spread(rng, 0.5, 6) * (1 + hiss(rng, len(voice)) * rng.uniform(0, 0.5)))
        mix += unit(shouted) * gain(rng.uniform(-8, 3))
    mix = reverberate(rng, flutter(rng, mix, sample_rate, spread(rng, 0.5, 4)), sample_rate, 0.6, rng.uniform(0, 0.5))
    return master(rng, np.tanh(spread(rng, 0.2, 1.5) * unit(mix)), sample_rate)


def industrial(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Noise in rhythm: gated hiss, crushed drums, one throbbing note."""
    key = draw_key(rng, (0.3, 0.8))
    noise = band(
        hiss(rng, round(duration_s * sample_rate), rng.uniform(-6, 0)), sample_rate, spread(rng, 50, 1000), 8000
    )
    gate = play_gate(rng, key, len(noise), sample_rate)
    mix = unit(noise * gate) + unit(np.tanh(5 * play_drums(rng, key, duration_s, sample_rate))) * gain(
        rng.uniform(-10, 6)
    )
    throb = play(rng, instruments.synth(rng), write_bass(rng, key, duration_s, -1, 4), duration_s, sample_rate)
    return master(rng, mix + unit(throb) * gain(rng.uniform(-12, 3)), sample_rate)


def lo_fi(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Mellow chords and a lazy beat under vinyl crackle and hiss, the treble gone, the pitch unsteady."""
    key = draw_key(rng, (0.6, 0.95), beats=(4,))
    chords = write_chords(rng, key, duration_s, 0, sevenths=True)
    mix = unit(play(rng, struck_patch(rng), chords, duration_s, sample_rate))
    mix += (
        unit(play(rng, instruments.plucked(rng), write_bass(rng, key, duration_s, -1, 1), duration_s, sample_rate))
        * 0.6
    )
    if rng.uniform() < 0.7:
        mix += play_drums(rng, key, duration_s, sample_rate) * gain(rng.uniform(-8, 2))
    mix = band(mix, sample_rate, spread(rng, 40, 200), spread(rng, 1500, 5000))
    surface = vinyl(rng, len(mix), sample_rate)
    return master(rng, warp(rng, unit(mix), sample_rate) + unit(surface) * gain(rng.uniform(-28, -4)), sample_rate)


def shoegaze(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A wall of distorted guitars and noise, its chords all but buried, drums and a voice behind it."""
    key = draw_key(rng, (0.4, 0.9))
    chords = write_chords(rng, key, duration_s, 0)
    wall = play(rng, instruments.pad(rng), chords, duration_s, sample_rate)
    wall = np.tanh(spread(rng, 2, 30) * unit(wall) + rng.uniform(0, 1) * hiss(rng, len(wall)))
    mix = unit(reverberate(rng, band(wall, sample_rate, 80, spread(rng, 2500, 8000)), sample_rate, 2, 0.5))
    mix += unit(hiss(rng, len(mix), rng.uniform(-5, -1))) * gain(rng.uniform(-18, -2))
    mix += play_drums(rng, key, duration_s, sample_rate) * gain(rng.uniform(-18, -2))
    voice = sing_notes(rng, write_melody(rng, key, duration_s, 0, 0.6), duration_s, sample_rate)
    return master(rng, mix + unit(voice) * gain(rng.uniform(-24, -6)), sample_rate)


def solo_piano(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A piano alone, often sparse and far, with the hiss of the recording."""
    key = draw_key(rng, (0.35, 1.6))
    hands = write_melody(rng, key, duration_s, 1, rng.uniform(0.4, 1)) + (
        write_arpeggio(rng, key, duration_s, -1) if rng.uniform() < 0.6 else write_chords(rng, key, duration_s, -1)
    )
    mix = unit(play(rng, instruments.piano(rng), hands, duration_s, sample_rate))
    mix = reverberate(rng, mix, sample_rate, spread(rng, 0.5, 5), rng.uniform(0.1, 0.7))
    return master(rng, mix + hiss(rng, len(mix), -3) * gain(rng.uniform(-70, -28)), sample_rate)


def music_box(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Bells, a music box, a vibraphone or gamelan."""
    key = draw_key(rng, (0.25, 0.8))
    notes = write_melody(rng, key, duration_s, int(rng.integers(1, 3)), rng.uniform(0.6, 1))
    notes += write_arpeggio(rng, key, duration_s, 0) if rng.uniform() < 0.6 else []
    mix = play(rng, instruments.bell(rng), notes, duration_s, sample_rate)
    return master(rng, reverberate(rng, mix, sample_rate, spread(rng, 0.4, 4), 0.4), sample_rate)


def drum_solo(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Drums alone: a kit, taikos, tablas or a samba's battery. Rhythm without pitch."""
    key = draw_key(rng, (0.3, 0.8))
    mix = play_drums(rng, key, duration_s, sample_rate) * (rng.uniform() < 0.6)
    for _ in range(int(rng.integers(1, 4))):
        pitch = spread(rng, 34, 72)
        strokes = [
            dataclasses.replace(note, pitch=pitch + rng.choice([0, 0, 5, 9]))
            for note in write_rhythm(rng, key, duration_s, 0.5)
        ]
        mix += unit(play(rng, instruments.hand_drum(rng), strokes, duration_s, sample_rate)) * gain(rng.uniform(-8, 0))
    return master(rng, reverberate(rng, mix, sample_rate, spread(rng, 0.2, 2.5), 0.25), sample_rate)


def dance(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """House, techno or trance: a kick on every beat, hats off it, bass, chords that duck under the kick."""
    key = draw_key(rng, (0.33, 0.52), beats=(4,))
    beats = np.arange(0, duration_s, key.beat_s)
    kicks = play(rng, instruments.kick(rng), [Note(at, 0.3, 36, 1) for at in beats], duration_s, sample_rate)
    hats = [Note(at + key.beat_s / 2, 0.1, 60, 1) for at in beats] + write_rhythm(rng, key, duration_s, 0.4)
    mix = unit(kicks) * gain(3) + unit(play(rng, instruments.hat(rng), hats, duration_s, sample_rate)) * gain(
        rng.uniform(-14, -4)
    )
    duck = 1 - rng.uniform(0, 0.8) * np.exp(-6 * (timeline(duration_s, sample_rate) / key.beat_s % 1))
    for octave, part in (
        (-1, write_bass(rng, key, duration_s, -1, 4)),
        (1, write_arpeggio(rng, key, duration_s, 0)),
        (0, write_chords(rng, key, duration_s, 0)),
    ):
        if octave == -1 or rng.uniform() < 0.7:
            mix += unit(play(rng, instruments.synth(rng), part, duration_s, sample_rate) * duck) * gain(
                rng.uniform(-10, 0)
            )
    return master(rng, mix, sample_rate)


def hip_hop(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A beat with a deep bass and a loop of one or two bars."""
    key = draw_key(rng, (0.55, 0.85), beats=(4,))
    loop = write_melody(rng, key, 2 * key.bar_s, 0, 0.7)
    looped = [
        dataclasses.replace(note, start_s=note.start_s + at)
        for at in np.arange(0, duration_s, 2 * key.bar_s)
        for note in loop
    ]
    mix = play_drums(rng, key, duration_s, sample_rate) + unit(
        play(rng, any_patch(rng), looped, duration_s, sample_rate)
    ) * gain(rng.uniform(-10, 0))
    bass = play(rng, instruments.synth(rng), write_bass(rng, key, duration_s, -2, 1), duration_s, sample_rate)
    return master(rng, mix + unit(band(bass, sample_rate, 25, 400)) * gain(rng.uniform(-4, 5)), sample_rate)


def guitar(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A guitar, harp or lute that is picked or strummed, in half of them with a tune."""
    key = draw_key(rng, (0.3, 0.9))
    notes = write_arpeggio(rng, key, duration_s, 0) if rng.uniform() < 0.6 else write_strumming(rng, key, duration_s)
    notes += write_melody(rng, key, duration_s, 1, 0.7) if rng.uniform() < 0.5 else []
    mix = play(rng, instruments.plucked(rng), notes + write_bass(rng, key, duration_s, -1, 1), duration_s, sample_rate)
    return master(rng, reverberate(rng, mix, sample_rate, spread(rng, 0.2, 2), 0.25), sample_rate)


def quartet(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Three or four bowed or blown voices, each with a line of its own."""
    key = draw_key(rng, (0.4, 1.1))
    mix = np.zeros(round(duration_s * sample_rate))
    for octave in (-1, 0, 0, 1)[: int(rng.integers(2, 5))]:
        patch = instruments.pad(rng) if rng.uniform() < 0.6 else instruments.blown(rng)
        line = write_melody(rng, key, duration_s, octave, rng.uniform(0.6, 1))
        mix += unit(play(rng, patch, line, duration_s, sample_rate)) * gain(rng.uniform(-8, 0))
    return master(rng, reverberate(rng, mix, sample_rate, spread(rng, 0.6, 3), 0.35), sample_rate)


def chorale(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """An organ or a choir that sings chords in a church."""
    key = draw_key(rng, (0.6, 1.4), beats=(2, 4))
    chords = write_chords(rng, key, duration_s, 0)
    if rng.uniform() < 0.5:
        mix = play(rng, instruments.pad(rng), chords + write_bass(rng, key, duration_s, -1, 1), duration_s, sample_rate)
    else:
        voices = [
            sing_notes(rng, write_melody(rng, key, duration_s, octave, 0.95), duration_s, sample_rate)
            for octave in (-1, 0, 0, 1)
        ]
        mix = np.asarray(sum(unit(voice) for voice in voices))
    return master(rng, reverberate(rng, mix, sample_rate, spread(rng, 1.5, 6), 0.5), sample_rate)


def solo(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """One flute, violin, bass, voice or trumpet alone."""
    key = draw_key(rng, (0.35, 1.2))
    line = write_melody(rng, key, duration_s, int(rng.integers(-2, 3)), rng.uniform(0.6, 1))
    mix = unit(play_lead(rng, line, duration_s, sample_rate))
    mix = reverberate(rng, mix, sample_rate, spread(rng, 0.2, 4), rng.uniform(0.05, 0.5))
    return master(rng, mix + hiss(rng, len(mix), -3) * gain(rng.uniform(-70, -30)), sample_rate)


def pop(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A singer over drums, bass and chords; at times a second voice in thirds."""
    key = draw_key(rng, (0.4, 0.75))
    tune = write_melody(rng, key, duration_s, 0, rng.uniform(0.7, 0.95))
    mix = unit(sing_notes(rng, tune, duration_s, sample_rate)) * gain(rng.uniform(-3, 6))
    if rng.uniform() < 0.4:
        second = [dataclasses.replace(note, pitch=note.pitch + rng.choice([3, 4])) for note in tune]
        mix += unit(sing_notes(rng, second, duration_s, sample_rate)) * 0.5
    if rng.uniform() < 0.8:
        mix += play_drums(rng, key, duration_s, sample_rate) * gain(rng.uniform(-10, 2))
    mix += unit(play(rng, any_patch(rng), write_bass(rng, key, duration_s, -1, 2), duration_s, sample_rate)) * gain(
        rng.uniform(-10, 0)
    )
    backing = write_strumming(rng, key, duration_s) if rng.uniform() < 0.5 else write_chords(rng, key, duration_s, 0)
    return master(
        rng,
        mix + unit(play(rng, any_patch(rng), backing, duration_s, sample_rate)) * gain(rng.uniform(-10, 0)),
        sample_rate,
    )


def chiptune(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Square waves of an old console: tune, arpeggio, bass and noise for drums."""
    key = draw_key(rng, (0.3, 0.6))
    mix = play_drums(rng, key, duration_s, sample_rate) * gain(rng.uniform(-20, -5))
    for octave, part in (
        (1, write_melody(rng, key, duration_s, 1, 1)),
        (0, write_arpeggio(rng, key, duration_s, 0)),
        (-1, write_bass(rng, key, duration_s, -1, 2)),
    ):
        mix += unit(play(rng, instruments.synth(rng), part, duration_s, sample_rate)) * gain(
            rng.uniform(-8, 0) - abs(octave)
        )
    return master(rng, mix, sample_rate)


def orchestra(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Strings in swelling chords, a tune in the winds or brass, timpani and cymbals: a film's or a game's score."""
    key = draw_key(rng, (0.35, 1.2))
    mix = np.zeros(round(duration_s * sample_rate))
    for octave in (-1, 0, 1):
        mix += unit(
            play(rng, instruments.pad(rng), write_chords(rng, key, duration_s, octave), duration_s, sample_rate)
        ) * gain(rng.uniform(-8, 0))
    mix *= curve(len(mix), rng.uniform(0.15, 1, int(3 + duration_s / 4)))
    mix += unit(
        play_lead(rng, write_melody(rng, key, duration_s, int(rng.integers(0, 2)), 0.8), duration_s, sample_rate)
    ) * gain(rng.uniform(-8, 4))
    if rng.uniform() < 0.6:
        mix += play_drums(rng, key, duration_s, sample_rate) * gain(rng.uniform(-18, -2))
    return master(rng, reverberate(rng, mix, sample_rate, spread(rng, 1, 4), 0.4), sample_rate)


def ensemble(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A band of instruments drawn at random: a tune, chords or arpeggios, a bass and mostly drums."""
    key = draw_key(rng, (0.3, 0.9))
    parts = [
        write_melody(rng, key, duration_s, int(rng.integers(0, 2)), rng.uniform(0.6, 1)),
        write_arpeggio(rng, key, duration_s, 0) if rng.uniform() < 0.5 else write_strumming(rng, key, duration_s),
        write_bass(rng, key, duration_s, -1, int(rng.choice([1, 2]))),
    ]
    mix = np.zeros(round(duration_s * sample_rate))
    for part in parts:
        mix += unit(play(rng, any_patch(rng), part, duration_s, sample_rate)) * gain(rng.uniform(-9, 0))
    if rng.uniform() < 0.7:
        mix += play_drums(rng, key, duration_s, sample_rate) * gain(rng.uniform(-12, 2))
    return master(rng, reverberate(rng, mix, sample_rate, spread(rng, 0.2, 3), rng.uniform(0, 0.4)), sample_rate)
