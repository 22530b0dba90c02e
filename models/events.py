"""Events: things that are struck, dropped, pressed or rung, now and then, in a quiet room."""

import numpy as np
from numpy.typing import NDArray

from models.shaping import (
    Samples,
    band,
    curve,
    gain,
    hiss,
    partials,
    phase_of,
    place,
    resonate,
    scene,
    shots,
    spread,
    timeline,
    tremble,
    unit,
)

_Floats = NDArray[np.float32]


def footsteps(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Steps on stone, wood, gravel or snow, walking or running: heel, then sole."""
    gritty, thud_hz, step_s = rng.uniform() ** 2, spread(rng, 70, 300), spread(rng, 0.25, 0.8)

    def step() -> Samples:
        grain = np.zeros(round(0.3 * sample_rate))
        place(grain, _knock(rng, sample_rate, thud_hz, 0.05), 0)
        sole = band(hiss(rng, round(0.12 * sample_rate)), sample_rate, spread(rng, 300, 2500), spread(rng, 3000, 8000))
        crunch = sole * (1 - gritty + gritty * np.clip(shots(rng, len(sole), np.ones(8), 0.02), -2, 2))
        place(
            grain,
            unit(crunch) * curve(len(sole), [0, 1, 0.2, 0]),
            round(rng.uniform(0.02, 0.08) * sample_rate),
            rng.uniform(0.1, 0.8),
        )
        return grain

    return scene(rng, duration_s, sample_rate, step, (step_s, step_s * 1.15))


def clock(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A clock or watch: tick and tock, evenly, one to six times a second."""
    tick_s, ring_hz = float(rng.choice([1, 0.5, 0.5, 1, 1 / 3, 0.2])), spread(rng, 900, 5500)
    kinds = [_tap(rng, sample_rate, ring_hz * ratio, spread(rng, 150, 900)) for ratio in (1, rng.uniform(0.75, 1.3))]
    if rng.uniform() < 0.4:
        kinds = [kinds[0] + np.roll(kinds[0], round(rng.uniform(0.004, 0.02) * sample_rate)) * 0.6, kinds[1]]
    mix = np.zeros(round(duration_s * sample_rate))
    first_s = rng.uniform(0, min(tick_s, 0.4))
    for number, start_s in enumerate(np.arange(first_s, duration_s, tick_s)):
        place(mix, kinds[number % 2], int(start_s * sample_rate), rng.uniform(0.9, 1))
    return scene(rng, duration_s, sample_rate, lambda: kinds[0] * 0.2, (5, 30), bed=mix)


def keyboard(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Typing: keys pressed and let go, in bursts of 4 to 12 a second."""
    ring_hz, hurry_s = spread(rng, 800, 4500), rng.uniform(0.07, 0.22)

    def key() -> Samples:
        grain = np.zeros(round(0.25 * sample_rate))
        for at_s, level in ((0, 1), (rng.uniform(0.05, 0.12), rng.uniform(0.2, 0.7))):
            press = _tap(rng, sample_rate, ring_hz * spread(rng, 0.7, 1.4), spread(rng, 150, 700))
            place(
                grain, press + _knock(rng, sample_rate, 180, 0.02)[: len(press)] * 0.4, round(at_s * sample_rate), level
            )
        return grain

    return scene(rng, duration_s, sample_rate, key, (0.3, 2), runs=(2, 20), run_gap_s=hurry_s)


def mouse(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Mouse clicks, light switches, pens: two sharp ticks, alone or doubled."""
    ring_hz, apart_s = spread(rng, 1500, 6000), rng.uniform(0.03, 0.15)

    def click() -> Samples:
        grain = np.zeros(round(0.3 * sample_rate))
        place(grain, _tap(rng, sample_rate, ring_hz, 900), 0)
        place(grain, _tap(rng, sample_rate, ring_hz * 1.2, 900), round(apart_s * sample_rate), 0.6)
        return grain

    return scene(rng, duration_s, sample_rate, click, (0.3, 3), runs=(1, 3))


def door(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Knocks on wood, a door that slams or creaks, a drawer, a box put down."""
    slams, pitch_hz = rng.uniform() < 0.4, spread(rng, 80, 500)
    creaks = rng.uniform() < 0.3

    def knock() -> Samples:
        if creaks:
            return _creak(rng, sample_rate)
        if slams:
            slam = 2 * _knock(rng, sample_rate, pitch_hz * 0.6, 0.25)
            place(slam, _rattle(rng, sample_rate), 0, 0.5)
            return slam
        return _knock(rng, sample_rate, pitch_hz, spread(rng, 0.03, 0.12))

    return scene(
        rng, duration_s, sample_rate, knock, (0.8, 4), runs=(1, 1) if slams or creaks else (2, 6), run_gap_s=0.2
    )


def glass(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Glasses, plates and cutlery that clink, or glass that breaks into a hundred pieces."""
    breaks, base_hz = rng.uniform() < 0.4, spread(rng, 700, 3500)

    def clink() -> Samples:
        if not breaks:
            return _modal(rng, sample_rate, base_hz * spread(rng, 0.8, 1.3), spread(rng, 0.05, 0.6), 7)
        canvas = hiss(rng, round(1.5 * sample_rate)) * curve(round(1.5 * sample_rate), [1, 0.05, 0.01, 0, 0, 0])
        for at_s in rng.exponential(0.25, int(spread(rng, 15, 90))):
            shard = _modal(rng, sample_rate, base_hz * spread(rng, 0.7, 3), spread(rng, 0.02, 0.2), 4)
            place(canvas, shard, int(at_s * sample_rate), rng.uniform(0.1, 0.8))
        return canvas

    return scene(rng, duration_s, sample_rate, clink, (0.3, 4), runs=(1, 1) if breaks else (1, 4))


def bell(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A bell struck now and then: a church's, a door's, a bicycle's."""
    base_hz, decay_s = spread(rng, 150, 2500), spread(rng, 0.3, 4)
    strike = _modal(rng, sample_rate, base_hz, decay_s, 9)
    rings = rng.uniform() < 0.4
    return scene(
        rng,
        duration_s,
        sample_rate,
        lambda: strike,
        (1, 5),
        runs=(4, 14) if rings else (1, 3),
        run_gap_s=0.09 if rings else 0.6,
    )


def telephone(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A telephone: two bells struck twenty times a second, or a warble of two tones, a second on and two off."""
    times = timeline(spread(rng, 0.4, 2), sample_rate)
    beat_hz, pitch_hz = rng.uniform(10, 28), spread(rng, 400, 1600)
    if rng.uniform() < 0.4:
        ring = np.zeros(len(times))
        pair = [_modal(rng, sample_rate, pitch_hz * ratio, 0.15, 6) for ratio in (1, 1.26)]
        for number in range(int(times[-1] * beat_hz)):
            place(ring, pair[number % 2], int(number / beat_hz * sample_rate), rng.uniform(0.8, 1))
    else:
        warble = np.where(np.sin(2 * np.pi * beat_hz * times) > 0, pitch_hz, pitch_hz * rng.uniform(1.05, 1.4))
        ring = partials(phase_of(warble, sample_rate), [1, *rng.uniform(0, 0.4, 2)])
    return scene(rng, duration_s, sample_rate, lambda: ring, (1.5, 4))


def alarm(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Beeps of an alarm clock, a microwave oven or a lorry backing, one to eight times a second."""
    pitch_hz, square = spread(rng, 500, 3200), rng.uniform()
    beep_s = spread(rng, 0.05, 0.6)
    size = round(beep_s * sample_rate)
    room = max(1, int(0.45 * sample_rate / pitch_hz))
    tone = partials(phase_of(np.full(size, pitch_hz), sample_rate), [1, 0, square / 3, 0, square / 5][:room])
    beep = tone * np.clip(np.minimum(np.arange(size), np.arange(size)[::-1]) / (0.003 * sample_rate), 0, 1)
    pause_s = beep_s * rng.uniform(0.6, 2)
    return scene(
        rng,
        duration_s,
        sample_rate,
        lambda: beep,
        (pause_s, 1.01 * pause_s),
        runs=(1, int(rng.integers(2, 5))),
        run_gap_s=2 * beep_s,
    )


def siren(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A siren that wails, yelps or alternates between two tones, with an echo from the houses."""
    times = timeline(duration_s, sample_rate)
    low_hz, ratio, cycle_hz = spread(rng, 350, 800), rng.uniform(1.25, 2.2), spread(rng, 0.15, 5)
    cycle = np.sin(2 * np.pi * (cycle_hz * times + rng.uniform()))
    swing = np.tanh(20 * cycle) if rng.uniform() < 0.4 else cycle
    pitch_hz = np.minimum(low_hz * ratio ** (0.5 + 0.5 * swing), 0.15 * sample_rate)
    wail = partials(phase_of(pitch_hz, sample_rate), [1, 0.3, 0.4]) * tremble(
        rng, len(times), sample_rate, 0.3, rng.uniform(0, 8)
    )
    return scene(rng, duration_s, sample_rate, lambda: np.zeros(8), (5, 9), bed=unit(wail))


def whistle(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A referee's pea whistle, a human whistle that slides, or a squeaking toy."""
    pitch_hz, trill_hz = spread(rng, 900, min(3800, 0.3 * sample_rate)), rng.choice([0, spread(rng, 15, 45)])

    def blow() -> Samples:
        length = round(spread(rng, 0.1, 1.2) * sample_rate)
        pitch = pitch_hz * curve(length, 2 ** rng.uniform(-0.15, 0.15, 3))
        trill = np.sin(2 * np.pi * trill_hz * np.arange(length) / sample_rate)
        tone = np.sin(phase_of(pitch * (1 + 0.02 * trill), sample_rate)) * (1 + 0.5 * trill)
        air = band(hiss(rng, length), sample_rate, 0.7 * pitch_hz, 1.5 * pitch_hz) * rng.uniform(0.05, 0.6)
        blown: Samples = (tone + air) * curve(length, [0, 1, 1, 0.9, 0])
        return blown

    return scene(rng, duration_s, sample_rate, blow, (0.3, 4), runs=(1, 3))


def tapping(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Fingernails on wood, glass or plastic close to the microphone, in rolling groups."""
    ring_hz = spread(rng, 300, 4000)

    def tap() -> Samples:
        return _tap(rng, sample_rate, ring_hz * spread(rng, 0.85, 1.2), spread(rng, 80, 500)) * rng.uniform(0.3, 1)

    return scene(rng, duration_s, sample_rate, tap, (0.2, 1), runs=(2, 10), run_gap_s=rng.uniform(0.06, 0.2))


def brushing(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Strokes of a brush, a broom, sandpaper, a saw by hand or cloth over the microphone."""
    stroke_s = spread(rng, 0.15, 1.2)
    low_hz, high_hz = spread(rng, 200, 3000), spread(rng, 3500, 9000)

    def stroke() -> Samples:
        length = round(stroke_s * rng.uniform(0.8, 1.2) * sample_rate)
        rub = unit(band(hiss(rng, length, rng.uniform(-3, 1)), sample_rate, low_hz, high_hz, 1))
        return rub * curve(length, [0, 0.7, 1, 0.6, 0]) * tremble(rng, length, sample_rate, 15, rng.uniform(0, 5))

    return scene(rng, duration_s, sample_rate, stroke, (0.03, 0.5), runs=(1, 5))


def explosion(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Gunshots or fireworks: a crack, its echoes, and for a rocket the whistle and the sparks."""
    rocket, decay_s = rng.uniform() < 0.5, spread(rng, 0.08, 0.8)

    def shot() -> Samples:
        times = timeline(min(6 * decay_s, 3), sample_rate)
        crack = hiss(rng, len(times), -2) * np.exp(-times / decay_s) + 2 * hiss(rng, len(times)) * np.exp(-times * 150)
        boom = np.sin(phase_of(40 + 80 * np.exp(-times * 20), sample_rate)) * np.exp(-times * 8)
        grain = crack * rng.uniform(0.4, 1) + rng.uniform(0, 2) * boom
        if rocket:
            rise = np.sin(phase_of(curve(sample_rate, [900, 1800, 3000]), sample_rate)) * curve(
                sample_rate, [0, 1, 0.6, 0]
            )
            sparks = shots(rng, len(times), _tap(rng, sample_rate, 3000, 900), 60 / sample_rate)
            grain = np.concatenate([rise * rng.uniform(0, 0.2), grain + 0.2 * sparks * curve(len(times), [0, 1, 0])])
        return grain

    return scene(rng, duration_s, sample_rate, shot, (0.2, 4), runs=(1, 6), run_gap_s=spread(rng, 0.08, 0.8))


def paper(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Paper or foil that is crumpled, a page that is turned, a bag that rustles: a storm of tiny snaps."""
    snap_hz, density = spread(rng, 1200, 6000), spread(rng, 60, 900)

    def crumple() -> Samples:
        length = round(spread(rng, 0.2, 1.5) * sample_rate)
        snaps = np.zeros(length)
        for _ in range(5):
            grain = _tap(rng, sample_rate, snap_hz * spread(rng, 0.6, 1.6), spread(rng, 400, 2500))
            snaps += shots(rng, length, grain, density / 5 / sample_rate, 1.5)
        rustle = band(hiss(rng, length), sample_rate, 1500) * rng.uniform(0.01, 0.3)
        return (unit(snaps) + rustle) * curve(length, np.concatenate([[0], rng.uniform(0.1, 1, 4), [0]]))

    return scene(rng, duration_s, sample_rate, crumple, (0.1, 2))


def can(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A can or bottle opened, its fizz, and what is poured from it: gurgles whose pitch climbs."""

    def opening() -> Samples:
        pour_s = spread(rng, 0.5, 3)
        canvas = np.zeros(round((pour_s + 1.2) * sample_rate))
        place(canvas, _modal(rng, sample_rate, spread(rng, 500, 2500), 0.05, 6), 0, 1.5)
        fizz = band(hiss(rng, round(0.8 * sample_rate)), sample_rate, 2500)
        place(canvas, fizz * curve(len(fizz), [0.8, 0.2, 0.1, 0]), round(0.04 * sample_rate), rng.uniform(0.1, 0.8))
        place(canvas, _pour(rng, sample_rate, pour_s), round(rng.uniform(0.5, 1) * sample_rate), rng.uniform(0, 0.7))
        return canvas

    return scene(rng, duration_s, sample_rate, opening, (0.5, 4))


def _tap(rng: np.random.Generator, sample_rate: int, pitch_hz: float, decay: float) -> Samples:
    """A small hard thing struck: a click that rings briefly at a pitch."""
    times = timeline(min(8 / decay, 0.1), sample_rate)
    click = rng.standard_normal(len(times)) * np.exp(-times * decay * 3)
    ring = np.sin(2 * np.pi * min(pitch_hz, 0.45 * sample_rate) * times) * np.exp(-times * decay)
    tapped: Samples = click * 0.6 + ring
    return tapped


def _knock(rng: np.random.Generator, sample_rate: int, pitch_hz: float, decay_s: float) -> Samples:
    """A thud: the lowest modes of a board, and the contact."""
    times = timeline(max(0.1, min(6 * decay_s, 1)), sample_rate)
    modes = sum(
        np.sin(2 * np.pi * pitch_hz * ratio * rng.uniform(0.95, 1.05) * times)
        * np.exp(-times * ratio / decay_s)
        / ratio
        for ratio in (1, 1.6, 2.4, 3.7)
    )
    return np.asarray(modes) + rng.uniform(0.2, 1) * rng.standard_normal(len(times)) * np.exp(-times * 250)


def _modal(rng: np.random.Generator, sample_rate: int, base_hz: float, decay_s: float, modes: int) -> Samples:
    """Metal or glass struck: inharmonic modes, the higher the shorter."""
    times = timeline(min(6 * decay_s, 6), sample_rate)
    rung = 0.1 * rng.standard_normal(len(times)) * np.exp(-times * 600)
    for ratio in np.cumsum(rng.uniform(0.3, 1.4, modes)) + 0.4:
        if base_hz * ratio < 0.47 * sample_rate:
            mode = np.sin(2 * np.pi * base_hz * ratio * times + rng.uniform(0, 6))
            rung += mode * np.exp(-times * ratio**0.7 / decay_s) * rng.uniform(0.2, 1) / ratio**0.5
    return rung


def _rattle(rng: np.random.Generator, sample_rate: int) -> Samples:
    length = round(0.4 * sample_rate)
    return shots(rng, length, _tap(rng, sample_rate, spread(rng, 500, 3000), 300), 60 / sample_rate) * curve(
        length, [1, 0.3, 0]
    )


def _creak(rng: np.random.Generator, sample_rate: int) -> Samples:
    """Wood that sticks and slips: pulses whose rate wanders, ringing in a panel."""
    length = round(spread(rng, 0.4, 1.8) * sample_rate)
    turns = phase_of(curve(length, [spread(rng, 20, 250) for _ in range(5)]), sample_rate) / 2 / np.pi
    slips = np.diff(np.floor(turns), prepend=0) * rng.uniform(0.3, 1, length)
    ringing = sum(resonate(slips, sample_rate, spread(rng, 300, 3000), spread(rng, 4, 20)) for _ in range(4))
    return unit(np.asarray(ringing)) * curve(length, [0, 1, 0.7, 1, 0])


def _pour(rng: np.random.Generator, sample_rate: int, length_s: float) -> Samples:
    length = round(length_s * sample_rate)
    gurgle = hiss(rng, length, -2) * np.clip(1 + tremble(rng, length, sample_rate, 18, 6), 0, 3)
    bottom_hz = spread(rng, 250, 800)
    parts = [
        resonate(gurgle, sample_rate, bottom_hz * rise, 6) * curve(length, np.eye(4)[number])
        for number, rise in enumerate((1, 1.3, 1.7, 2.3))
    ]
    return unit(sum(parts, np.zeros(length))) * gain(-3)
