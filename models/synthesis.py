"""Synthesis: any number of sounds of a class, each wholly given by the class and a number."""

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models import creatures, events, machines, noises, songs, tones, weather
from models.shaping import Samples, Synthesizer, band, equalise, gain, reverberate, spread

# Animals are nature, and people are other.
_ANIMALS: tuple[Synthesizer, ...] = (
    creatures.dog, creatures.rooster, creatures.cat, creatures.cattle, creatures.crows, creatures.hen,
)  # fmt: skip

SYNTHESIZERS: Mapping[str, tuple[Synthesizer, ...]] = {
    "noise": (
        noises.white, noises.pink, noises.brown, noises.sloped, noises.banded, noises.green, noises.bent, noises.deep,
        noises.layered, noises.drifting, noises.faded, noises.static, noises.grey, noises.blue, noises.violet,
    ),
    "nature": (
        weather.rain, weather.ocean, weather.brook, weather.wind, weather.fire, weather.birds, weather.insects,
        weather.thunder, weather.downpour, weather.waterfall, weather.leaves, weather.drips, weather.night,
        weather.underwater, weather.frogs, *_ANIMALS,
    ),
    "machine": (
        machines.fan, machines.helicopter, machines.sleep_fan, machines.chainsaw, machines.vacuum_cleaner,
        machines.train,
        machines.aeroplane, machines.engine, machines.acceleration, machines.washing_machine,
        machines.air_conditioner, machines.hair_dryer, machines.refrigerator, machines.drill, machines.printer,
        machines.lawn_mower, machines.server_room, machines.sewing_machine,
    ),
    "tonal": (
        tones.sine, tones.drone, tones.binaural, tones.solfeggio, tones.isochronic, tones.organ_point, tones.sines,
        tones.mains_hum, tones.singing_bowl, tones.tanpura, tones.hum, tones.resonant_noise,
    ),
    "other": (
        creatures.baby, creatures.sneeze, creatures.cough, creatures.laughter, creatures.breathing,
        creatures.crowd, creatures.applause, creatures.mouth_noises,
        events.clock, events.footsteps, events.keyboard, events.mouse, events.door, events.glass,
        events.bell, events.telephone, events.alarm, events.siren, events.whistle, events.tapping, events.brushing,
        events.explosion, events.paper, events.can,
    ),
    "music": (
        songs.ambient_pads, songs.ensemble, songs.metal, songs.rock, songs.solo_piano, songs.orchestra, songs.pop,
        songs.lo_fi, songs.dance, songs.evolving_drone, songs.guitar, songs.shoegaze, songs.drum_solo, songs.quartet,
        songs.chorale, songs.hip_hop, songs.music_box, songs.industrial, songs.solo, songs.chiptune,
    ),
}  # fmt: skip


def synthesize(label: str, number: int, duration_s: float, sample_rate: int) -> NDArray[np.float32]:
    """The number-th sound of a class, mono: its synthesisers take turns, and no two numbers sound alike."""
    if label not in SYNTHESIZERS:
        raise ValueError(f"label must be one of {', '.join(SYNTHESIZERS)}, got {label}")
    synthesizers = SYNTHESIZERS[label]
    digest = hashlib.sha256(label.encode()).digest()
    rng = np.random.default_rng([int.from_bytes(digest[:8], "big"), number])
    samples = synthesizers[number % len(synthesizers)](rng, duration_s, sample_rate)
    return _recorded(rng, samples.astype(np.float64), sample_rate)


def _recorded(rng: np.random.Generator, samples: Samples, sample_rate: int) -> NDArray[np.float32]:
    """The samples as some device recorded and someone published them, which tells nothing of their class."""
    samples = equalise(rng, samples, sample_rate, spread(rng, 0.5, 5))
    if rng.uniform() < 0.3:
        samples = band(samples, sample_rate, 0, spread(rng, 3000, 8000), int(rng.integers(1, 5)))
    if rng.uniform() < 0.3:
        samples = reverberate(rng, samples, sample_rate, spread(rng, 0.1, 0.8), rng.uniform(0.05, 0.3))
    if rng.uniform() < 0.3:
        fade = np.clip(np.arange(len(samples)) / len(samples) / rng.uniform(0.02, 0.3), 0, 1)
        samples = samples * (fade if rng.uniform() < 0.5 else fade[::-1])
    peak = float(np.max(np.abs(samples))) + 1e-12
    return (samples / peak * gain(rng.uniform(-40, 0))).astype(np.float32)
