"""Weather: rain, water, wind, fire and the animals of an open landscape, as recordings of nature have them."""

import numpy as np
from numpy.typing import NDArray

from models.shaping import (
    Samples,
    band,
    curve,
    darken,
    equalise,
    finish,
    flutter,
    gain,
    hiss,
    partials,
    phase_of,
    place,
    resonate,
    reverberate,
    shots,
    spread,
    timeline,
    tremble,
    unit,
    wander,
)

_Floats = NDArray[np.float32]
_SURFACES_HZ = {"tent": (150, 900), "leaves": (1500, 7000), "window": (900, 4000), "ground": (500, 6000)}


def rain(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Rain on a tent, leaves, a window or the ground, from a few drops to an even rush that hides them."""
    length = round(duration_s * sample_rate)
    surface_hz = _SURFACES_HZ[str(rng.choice(list(_SURFACES_HZ)))]
    bed = equalise(rng, hiss(rng, length, rng.uniform(-5, 1)), sample_rate, 6)
    bed = band(bed, sample_rate, spread(rng, 60, 1200), spread(rng, 2000, 12000), 1)
    drops = _drops(rng, length, sample_rate, surface_hz, spread(rng, 15, 3000))
    mix = unit(drops) * gain(rng.uniform(-22, 12)) + unit(bed)
    mix += _air(rng, length, sample_rate) * gain(rng.uniform(-30, 6))
    return finish(flutter(rng, mix, sample_rate, spread(rng, 0.3, 4)))


def downpour(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Heavy rain: a rush of noise, gusty, with splashes, and water running near by."""
    length = round(duration_s * sample_rate)
    rush = equalise(rng, hiss(rng, length, rng.uniform(-4, 0)), sample_rate, 5)
    mix = unit(band(rush, sample_rate, spread(rng, 50, 500), spread(rng, 5000, 14000), 1))
    mix *= tremble(rng, length, sample_rate, 0.5, rng.uniform(0.5, 4))
    mix += unit(_drops(rng, length, sample_rate, (400, 5000), spread(rng, 500, 4000))) * gain(rng.uniform(-14, 0))
    if rng.uniform() < 0.5:
        mix += unit(_bubbles(rng, length, sample_rate, 40)) * gain(rng.uniform(-20, -8))
    return finish(flutter(rng, mix, sample_rate, spread(rng, 0.5, 5)))


def drips(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Single drops into water, in a cave or under a roof."""
    length = round(duration_s * sample_rate)
    mix = np.zeros(length)
    pools = [_bubble(rng, sample_rate, spread(rng, 500, 3500), 1.5) for _ in range(int(rng.integers(1, 6)))]
    for start in _starts(rng, length, sample_rate, spread(rng, 0.15, 1.5)):
        place(mix, pools[int(rng.integers(len(pools)))], start, rng.uniform(0.2, 1))
    mix = reverberate(rng, mix, sample_rate, spread(rng, 0.3, 4), rng.uniform(0.1, 0.7))
    return finish(mix + _air(rng, length, sample_rate) * gain(rng.uniform(-75, -40)))


def ocean(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Waves that rise, break bright and run out dark, every 4 to 14 seconds, over a far surf."""
    length = round(duration_s * sample_rate)
    swell = sum(_wave_crests(rng, length, sample_rate) for _ in range(int(rng.integers(1, 4))))
    height = np.clip(np.asarray(swell), 0, 1.3)
    low_hz, high_hz = spread(rng, 150, 700), spread(rng, 1500, 6000)
    wash = darken(hiss(rng, length, rng.uniform(-4, -0.5)), sample_rate, low_hz + high_hz * height)
    surf = band(hiss(rng, length, -4), sample_rate, 40, spread(rng, 300, 1500), 1)
    wash *= tremble(rng, length, sample_rate, spread(rng, 2, 10), rng.uniform(0.5, 4))
    splashes = unit(_drops(rng, length, sample_rate, (300, 4000), spread(rng, 20, 1500))) * gain(rng.uniform(-22, -2))
    mix = unit((unit(wash) + splashes) * (rng.uniform(0.05, 0.5) + height)) + unit(surf) * gain(rng.uniform(-20, -2))
    mix = band(mix, sample_rate, spread(rng, 20, 400), order=1)
    return finish(flutter(rng, equalise(rng, mix, sample_rate, 4), sample_rate, spread(rng, 1, 5)))


def brook(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Running water: bubbles by the hundred, each a short rising tone, over the hiss of the stream."""
    length = round(duration_s * sample_rate)
    bubbles = _bubbles(rng, length, sample_rate, spread(rng, 40, 800))
    stream = band(hiss(rng, length, rng.uniform(-5, -1)), sample_rate, spread(rng, 80, 600), spread(rng, 2000, 9000), 1)
    stream *= tremble(rng, length, sample_rate, spread(rng, 1, 8), rng.uniform(0.5, 3))
    mix = unit(bubbles) + unit(stream) * gain(rng.uniform(-22, 6))
    return finish(flutter(rng, equalise(rng, mix, sample_rate, 4), sample_rate, spread(rng, 0.5, 4)))


def waterfall(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A roar of noise that flutters in several bands, each on its own."""
    length = round(duration_s * sample_rate)
    mix = np.zeros(length)
    for _ in range(int(rng.integers(3, 6))):
        low_hz = spread(rng, 60, 2500)
        strand = unit(band(hiss(rng, length, -2), sample_rate, low_hz, low_hz * rng.uniform(2, 6), 1))
        mix += (
            strand * tremble(rng, length, sample_rate, spread(rng, 1, 12), rng.uniform(1, 4)) * gain(rng.uniform(-9, 0))
        )
    mix += unit(_bubbles(rng, length, sample_rate, 200)) * gain(rng.uniform(-24, -4))
    return finish(flutter(rng, mix, sample_rate, spread(rng, 0.3, 4)))


def underwater(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """The dull rumble below the surface, and strings of low bubbles that rise past."""
    length = round(duration_s * sample_rate)
    rumble = band(hiss(rng, length, -5), sample_rate, 25, spread(rng, 150, 600), 1)
    rumble *= tremble(rng, length, sample_rate, 0.7, rng.uniform(1, 5))
    mix = unit(rumble)
    for start in _starts(rng, length, sample_rate, spread(rng, 0.6, 3)):
        pitch_hz = spread(rng, 120, 700)
        for number in range(int(rng.integers(3, 20))):
            grain = _bubble(rng, sample_rate, pitch_hz * spread(rng, 0.7, 1.8), 2)
            place(mix, grain, start + int(number * 0.05 * sample_rate * rng.uniform(0.5, 1.5)), rng.uniform(0.3, 3))
    return finish(band(mix, sample_rate, 0, spread(rng, 500, 2500), 1))


def wind(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Wind in gusts: noise whose loudness and brightness move together, in half the cases whistling."""
    length = round(duration_s * sample_rate)
    gust = 0.6 * wander(rng, length, sample_rate, spread(rng, 0.2, 0.8)) + 0.4 * wander(rng, length, sample_rate, 2.5)
    roar = darken(hiss(rng, length, rng.uniform(-6, -2)), sample_rate, spread(rng, 150, 1500) * 4**gust)
    mix = unit(roar * gain(6) ** (rng.uniform(0.5, 2.5) * gust))
    for _ in range(int(rng.integers(1, 4)) if rng.uniform() < 0.5 else 0):
        mix += _whistle(rng, gust, sample_rate) * gain(rng.uniform(-20, -2))
    return finish(mix)


def leaves(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A breeze in a tree: rustle above 1 kHz that comes and goes."""
    length = round(duration_s * sample_rate)
    breeze = wander(rng, length, sample_rate, 0.6) + 0.5 * wander(rng, length, sample_rate, 3)
    rustle = band(
        hiss(rng, length, rng.uniform(-3, 1)), sample_rate, spread(rng, 500, 2500), spread(rng, 5000, 14000), 1
    )
    crisp = unit(_drops(rng, length, sample_rate, (2000, 7000), spread(rng, 100, 1500))) * gain(rng.uniform(-15, 0))
    mix = (unit(rustle) + crisp) * gain(rng.uniform(3, 9)) ** breeze
    return finish(mix + _air(rng, length, sample_rate) * gain(rng.uniform(-25, -8)))


def fire(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A fire: crackles in bursts, pops, and a low flutter of flames."""
    length = round(duration_s * sample_rate)
    mix = np.zeros(length)
    for _ in range(8):
        mix += shots(rng, length, _click(rng, sample_rate), spread(rng, 0.5, 12) / sample_rate, rng.uniform(1.1, 2))
    busy = tremble(rng, length, sample_rate, 2.5, rng.uniform(3, 10))
    flames = band(hiss(rng, length, -4), sample_rate, 30, spread(rng, 200, 1200), 1)
    flames *= tremble(rng, length, sample_rate, spread(rng, 4, 12), rng.uniform(2, 6))
    sizzle = band(hiss(rng, length), sample_rate, 2500) * tremble(rng, length, sample_rate, 5, 4)
    mix = mix / (np.max(np.abs(mix)) + 1e-9) * busy * spread(rng, 5, 25)
    mix += unit(flames) * gain(rng.uniform(-14, 6)) + unit(sizzle) * gain(rng.uniform(-45, -10))
    mix += band(_air(rng, length, sample_rate), sample_rate, 0, 200, 1) * gain(rng.uniform(-30, 12))
    mix = reverberate(rng, mix, sample_rate, 0.2, rng.uniform(0, 0.3))
    return finish(flutter(rng, mix, sample_rate, spread(rng, 1, 7)))


def thunder(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Claps of thunder that roll away, mostly over rain."""
    length = round(duration_s * sample_rate)
    mix = np.zeros(length)
    for start in _starts(rng, length, sample_rate, spread(rng, 3, 8)):
        times = timeline(spread(rng, 3, 9), sample_rate)
        roll = band(hiss(rng, len(times), -4), sample_rate, 20, spread(rng, 100, 900), 1)
        rolling = np.clip(0.3 + wander(rng, len(times), sample_rate, 3), 0.02, 2)
        place(
            mix,
            roll * rolling * np.exp(-times / spread(rng, 0.8, 3)) * np.clip(times / spread(rng, 0.005, 0.6), 0, 1),
            start,
        )
    shower = rain(rng, duration_s, sample_rate) if rng.uniform() < 0.75 else _air(rng, length, sample_rate)
    return finish(unit(mix) + unit(np.asarray(shower, np.float64)) * gain(rng.uniform(-30, 0)))


def birds(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """One to six birds, each with a song of its own that it repeats and varies, over air, leaves or water."""
    length = round(duration_s * sample_rate)
    mix = np.zeros(length)
    for _ in range(int(rng.integers(1, 7))):
        motif, gap_s, level = _motif(rng), spread(rng, 0.8, 6), gain(rng.uniform(-22, 0))
        for start in _starts(rng, length, sample_rate, gap_s):
            place(mix, _bird_song(rng, motif, sample_rate), start, level * rng.uniform(0.5, 1))
    mix = reverberate(rng, mix, sample_rate, spread(rng, 0.4, 2), rng.uniform(0.1, 0.5))
    bed = (_air, _rustle, _running)[int(rng.integers(3))](rng, length, sample_rate)
    return finish(mix / (np.max(np.abs(mix)) + 1e-9) + unit(bed) * gain(rng.uniform(-80, -18)))


def insects(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Crickets that chirp or cicadas that buzz, one or many."""
    length = round(duration_s * sample_rate)
    mix = _air(rng, length, sample_rate) * gain(rng.uniform(-50, -20))
    singer = _cricket if rng.uniform() < 0.6 else _cicada
    for _ in range(int(rng.integers(1, 6))):
        mix += singer(rng, length, sample_rate) * gain(rng.uniform(-16, 0))
    return finish(mix)


def frogs(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A pond at night: frogs that croak in turn, crickets and water behind them."""
    length = round(duration_s * sample_rate)
    mix = _air(rng, length, sample_rate) * gain(rng.uniform(-45, -20))
    for _ in range(int(rng.integers(1, 5))):
        croak, level = _croak(rng, sample_rate), gain(rng.uniform(-14, 0))
        for start in _starts(rng, length, sample_rate, spread(rng, 0.3, 2)):
            place(mix, croak, start, level * rng.uniform(0.6, 1))
    if rng.uniform() < 0.6:
        mix += _cricket(rng, length, sample_rate) * gain(rng.uniform(-30, -8))
    return finish(reverberate(rng, mix, sample_rate, 0.8, rng.uniform(0, 0.3)))


def night(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A quiet night: several crickets far off, a breeze, and now and then an owl."""
    length = round(duration_s * sample_rate)
    mix = _air(rng, length, sample_rate) * gain(rng.uniform(-25, -5)) * tremble(rng, length, sample_rate, 0.5, 4)
    for _ in range(int(rng.integers(2, 7))):
        mix += _cricket(rng, length, sample_rate) * gain(rng.uniform(-26, -8))
    for start in _starts(rng, length, sample_rate, 4) if rng.uniform() < 0.4 else []:
        place(mix, _hoot(rng, sample_rate), start, rng.uniform(0.1, 0.6))
    return finish(mix)


def _starts(rng: np.random.Generator, length: int, sample_rate: int, gap_s: float) -> list[int]:
    """Where events start that are gap_s apart on average; there is one in the first half second."""
    gaps = rng.exponential(gap_s, int(length / sample_rate / gap_s * 2) + 2) * 0.8 + 0.2 * gap_s
    gaps[0] = rng.uniform(0, min(0.5, length / sample_rate / 2))
    starts = (np.cumsum(gaps) * sample_rate).astype(int)
    return [int(start) for start in starts if start < length]


def _air(rng: np.random.Generator, length: int, sample_rate: int) -> Samples:
    """The faint noise of the open, at an RMS of 1."""
    return unit(band(hiss(rng, length, rng.uniform(-7, -2)), sample_rate, 20, spread(rng, 800, 8000), 1))


def _rustle(rng: np.random.Generator, length: int, sample_rate: int) -> Samples:
    return np.asarray(leaves(rng, length / sample_rate, sample_rate), np.float64)


def _running(rng: np.random.Generator, length: int, sample_rate: int) -> Samples:
    return np.asarray(brook(rng, length / sample_rate, sample_rate), np.float64)


def _drops(
    rng: np.random.Generator, length: int, sample_rate: int, surface_hz: tuple[float, float], rate_hz: float
) -> Samples:
    """Drops on a surface: a dozen kinds, each a burst that rings at its pitch."""
    mix = np.zeros(length)
    for _ in range(12):
        times = timeline(0.03, sample_rate)
        pitch_hz = min(spread(rng, *surface_hz), 0.45 * sample_rate)
        ringing = np.sin(2 * np.pi * pitch_hz * times) + rng.uniform(0, 1.5) * rng.standard_normal(len(times))
        grain = ringing * np.exp(-times * spread(rng, 120, 1500)) * np.clip(times * pitch_hz, 0, 1)
        mix += shots(rng, length, grain, rate_hz / 12 / sample_rate, rng.uniform(1.6, 3))
    return mix


def _bubble(rng: np.random.Generator, sample_rate: int, pitch_hz: float, rise: float) -> Samples:
    """A bubble after Minnaert (1933): a tone that dies the sooner the higher it is, rising as it nears the surface."""
    damping = 0.13 * pitch_hz / 3 + 0.0072 * pitch_hz**1.5 / 30
    times = timeline(min(6 / damping, 0.15), sample_rate)
    rising_hz = np.minimum(pitch_hz * (1 + rise * rng.uniform(0, 0.3) * damping * times), 0.45 * sample_rate)
    bubble: Samples = np.sin(phase_of(rising_hz, sample_rate)) * np.exp(-damping * times) * np.clip(times * 400, 0, 1)
    return bubble


def _bubbles(rng: np.random.Generator, length: int, sample_rate: int, rate_hz: float) -> Samples:
    mix = np.zeros(length)
    centre_hz, octaves = spread(rng, 500, 1800), rng.uniform(0.5, 1.5)
    kinds = [_bubble(rng, sample_rate, centre_hz * 2 ** rng.uniform(-octaves, octaves), 1) for _ in range(60)]
    starts = rng.integers(0, length, rng.poisson(rate_hz * length / sample_rate))
    levels = np.minimum(rng.pareto(1.8, len(starts)) + 0.1, 6)
    for start, level in zip(starts, levels, strict=True):
        place(mix, kinds[int(level * 1e6) % 60], int(start), float(level))
    return mix


def _wave_crests(rng: np.random.Generator, length: int, sample_rate: int) -> Samples:
    """The height of one train of waves between 0 and 1: each rises faster than it falls."""
    period_s = spread(rng, 4, 14)
    times = timeline(length / sample_rate, sample_rate)
    beat = times / period_s + 0.15 * wander(rng, length, sample_rate, 1 / period_s) + rng.uniform()
    within = beat % 1
    peak = rng.uniform(0.2, 0.5)
    ramp = np.where(within < peak, within / peak, (1 - within) / (1 - peak))
    return ramp ** rng.uniform(1.2, 3) * (0.7 + 0.3 * wander(rng, length, sample_rate, 1 / period_s))


def _whistle(rng: np.random.Generator, gust: Samples, sample_rate: int) -> Samples:
    """The note of a gap that the wind blows over: narrow noise whose pitch follows the gusts."""
    pitch_hz = spread(rng, 250, 1500) * 1.6**gust
    carrier = np.sin(phase_of(np.minimum(pitch_hz, 0.45 * sample_rate), sample_rate))
    return unit(carrier * band(hiss(rng, len(gust)), sample_rate, 0, spread(rng, 10, 80), 1) * gain(10) ** gust)


def _click(rng: np.random.Generator, sample_rate: int) -> Samples:
    """The crack of a splitting fibre."""
    times = timeline(0.02, sample_rate)
    crack = rng.standard_normal(len(times)) * np.exp(-times * spread(rng, 300, 3000))
    return resonate(crack, sample_rate, spread(rng, 500, 6000), 0.7) + 0.5 * crack


def _motif(rng: np.random.Generator) -> list[tuple[float, float, float, float, float]]:
    """The syllables of a bird's song: from and to which pitch in Hz, its bend, length in s and gap after it in s."""
    centre_hz = spread(rng, 1500, 5500)
    kinds = [
        (centre_hz * 2 ** rng.normal(0, 0.3), centre_hz * 2 ** rng.normal(0, 0.4), rng.normal(0, 0.25),
         spread(rng, 0.03, 0.25), spread(rng, 0.02, 0.15))
        for _ in range(int(rng.integers(1, 5)))
    ]  # fmt: skip
    return [kinds[int(rng.integers(len(kinds)))] for _ in range(int(rng.integers(1, 12)))]


def _bird_song(
    rng: np.random.Generator, motif: list[tuple[float, float, float, float, float]], sample_rate: int
) -> Samples:
    parts: list[Samples] = []
    trill_hz, depth = spread(rng, 15, 60), rng.uniform(0, 0.06) * (rng.uniform() < 0.4)
    for from_hz, to_hz, bend, length_s, gap_s in motif:
        times = timeline(length_s * rng.uniform(0.9, 1.1), sample_rate)
        middle_hz = np.sqrt(from_hz * to_hz) * 2**bend
        pitch_hz = curve(len(times), [from_hz, middle_hz, to_hz]) * (1 + depth * np.sin(2 * np.pi * trill_hz * times))
        phase = phase_of(np.minimum(pitch_hz, 0.46 * sample_rate), sample_rate)
        tone = np.sin(phase) + 0.1 * np.sin(2 * phase) * (pitch_hz < 0.23 * sample_rate)
        parts += [tone * curve(len(times), [0, 1, 0.8, 0]), np.zeros(round(gap_s * sample_rate))]
    return np.concatenate(parts)


def _cricket(rng: np.random.Generator, length: int, sample_rate: int) -> Samples:
    """A cricket: pulses of one high tone, a few to the chirp, the chirps in an even rhythm."""
    times = timeline(length / sample_rate, sample_rate)
    pitch_hz = spread(rng, 2200, min(6500, 0.42 * sample_rate))
    pulse_hz, chirp_hz = spread(rng, 18, 70), spread(rng, 0.6, 4)
    beat = chirp_hz * times + 0.2 * wander(rng, length, sample_rate, 1) + rng.uniform()
    open_now = np.clip(12 * (rng.uniform(0.25, 1.2) - beat % 1), 0, 1)
    pulses = np.clip(np.sin(2 * np.pi * pulse_hz * times), 0, 1) ** rng.uniform(0.5, 2)
    return unit(np.sin(2 * np.pi * pitch_hz * times + 0.5 * wander(rng, length, sample_rate, 20)) * pulses * open_now)


def _cicada(rng: np.random.Generator, length: int, sample_rate: int) -> Samples:
    """A cicada: a band of noise pulsed a hundred times a second, which swells and ebbs."""
    times = timeline(length / sample_rate, sample_rate)
    low_hz = spread(rng, 2500, min(6000, 0.3 * sample_rate))
    buzz = band(hiss(rng, length), sample_rate, low_hz, low_hz * rng.uniform(1.15, 1.5), 2)
    pulsed = 1 + rng.uniform(0.3, 1) * np.sin(2 * np.pi * spread(rng, 40, 250) * times)
    return unit(buzz * pulsed * tremble(rng, length, sample_rate, spread(rng, 0.2, 2), rng.uniform(1, 8)))


def _croak(rng: np.random.Generator, sample_rate: int) -> Samples:
    """A frog: 3 to 25 pulses that ring at the pitch of its pouch."""
    pulses, pulse_hz, pitch_hz = int(rng.integers(3, 25)), spread(rng, 15, 90), spread(rng, 300, 2500)
    times = timeline(pulses / pulse_hz, sample_rate)
    saw = np.exp(-rng.uniform(3, 9) * (times * pulse_hz % 1))
    rising_hz = pitch_hz * curve(len(times), [1, rng.uniform(0.9, 1.4)])
    return partials(phase_of(rising_hz, sample_rate), [1, 0.5, 0.3]) * saw * curve(len(times), [0, 1, 1, 0])


def _hoot(rng: np.random.Generator, sample_rate: int) -> Samples:
    """An owl: a few hollow notes of falling pitch."""
    pitch_hz = spread(rng, 280, 500)
    notes = []
    for length_s in rng.uniform(0.15, 0.6, int(rng.integers(1, 5))):
        size = round(length_s * sample_rate)
        tone = partials(phase_of(curve(size, [0.95, 1.03, 0.97]) * pitch_hz, sample_rate), [1, 0.1, 0.05])
        notes += [tone * curve(size, [0, 1, 0.9, 0]), np.zeros(round(rng.uniform(0.1, 0.4) * sample_rate))]
    return reverberate(rng, np.concatenate(notes), sample_rate, 1.5, 0.4)
