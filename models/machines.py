"""Machines: rotors, motors and the air they move, heard near by or through a wall."""

import numpy as np
from numpy.typing import NDArray

from models.shaping import (
    Samples,
    band,
    curve,
    equalise,
    finish,
    flutter,
    gain,
    harmonics,
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


def fan(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Air through a grille, pulsed by the blades, over the hum of a motor; some swing from side to side."""
    length = round(duration_s * sample_rate)
    plain = rng.uniform() < 0.5
    air = (
        hiss(rng, length, rng.uniform(-6, -1)) if plain else _airflow(rng, length, sample_rate, spread(rng, 500, 5000))
    )
    blades = np.sin(phase_of(_steady(rng, length, sample_rate, spread(rng, 2, 120)), sample_rate))
    mix = air * (1 + rng.uniform(0.02, 0.6) * blades) + _hum(rng, length, sample_rate) * gain(rng.uniform(-30, 3))
    if rng.uniform() < 0.3:
        mix *= tremble(rng, length, sample_rate, 0.3, rng.uniform(1, 5))
    return _heard(rng, mix, sample_rate)


def sleep_fan(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A fan as sold for sleep: plain even noise that beats a few times a second, and the mains' hum in it."""
    length = round(duration_s * sample_rate)
    air = hiss(rng, length, rng.uniform(-6.5, -1.5))
    beat = np.sin(phase_of(_steady(rng, length, sample_rate, spread(rng, 1.5, 16)), sample_rate))
    hum = _hum(rng, length, sample_rate) * gain(rng.uniform(-25, 0))
    tone = _rotor(rng, _steady(rng, length, sample_rate, spread(rng, 60, 260), 0.001), sample_rate, 1, 0)
    return finish(air * (1 + spread(rng, 0.03, 0.5) * beat) + hum + tone * gain(rng.uniform(-35, -5)))


def air_conditioner(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Dark air, a compressor's hum, and the rattle of its housing."""
    length = round(duration_s * sample_rate)
    mix = _airflow(rng, length, sample_rate, spread(rng, 200, 2000)) + _hum(rng, length, sample_rate) * gain(
        rng.uniform(-15, 6)
    )
    rotor = _rotor(rng, _steady(rng, length, sample_rate, spread(rng, 20, 60)), sample_rate, rng.uniform(1, 2))
    return _heard(rng, mix + rotor * gain(rng.uniform(-20, 0)), sample_rate)


def vacuum_cleaner(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A whine at 200 to 900 Hz with its harmonics in a rush of bright air; the load bends both as it is pushed."""
    length = round(duration_s * sample_rate)
    push = wander(rng, length, sample_rate, spread(rng, 0.3, 1.5))
    pitch_hz = spread(rng, 200, 900) * (1 + 0.02 * push) * _steady(rng, length, sample_rate, 1)
    whine = _rotor(rng, pitch_hz, sample_rate, rng.uniform(0.6, 1.6))
    air = _airflow(rng, length, sample_rate, spread(rng, 2000, 9000)) * gain(rng.uniform(0, 4)) ** push
    return _heard(rng, air + whine * gain(rng.uniform(-18, 2)), sample_rate)


def hair_dryer(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Bright air and a thin motor whine, moved to and fro."""
    length = round(duration_s * sample_rate)
    air = band(_airflow(rng, length, sample_rate, spread(rng, 3000, 9000)), sample_rate, spread(rng, 100, 800), order=1)
    whine = _rotor(rng, _steady(rng, length, sample_rate, spread(rng, 150, 500)), sample_rate, 1)
    moved = tremble(rng, length, sample_rate, spread(rng, 0.5, 2), rng.uniform(0, 4))
    return _heard(rng, (unit(air) + whine * gain(rng.uniform(-22, -4))) * moved, sample_rate)


def train(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Wheels over rail joints, two and two, in a rumble that sways; or the even roar of a carriage."""
    length = round(duration_s * sample_rate)
    mix = unit(band(hiss(rng, length, rng.uniform(-6, -3)), sample_rate, 30, spread(rng, 300, 2500), 1))
    mix *= tremble(rng, length, sample_rate, spread(rng, 0.5, 2), rng.uniform(1, 4))
    clatter = rng.uniform(0, 0.5)
    joint_s, axle_s, level = spread(rng, 0.5, 1.6), rng.uniform(0.08, 0.2), gain(rng.uniform(0, 16))
    for number in range(-1, int(duration_s / joint_s) + 1):
        for offset_s in (0, axle_s, 0.45 * joint_s, 0.45 * joint_s + axle_s):
            start_s = number * joint_s + offset_s + rng.normal(0, 0.006)
            place(mix, _clack(rng, sample_rate), int(start_s * sample_rate), level * rng.uniform(0.5, 1))
            place(mix, _clatter(rng, sample_rate), int(start_s * sample_rate), level * clatter * rng.uniform(0.5, 1))
    if rng.uniform() < 0.3:
        squeal = band(hiss(rng, length), sample_rate, spread(rng, 1500, 4000), 5000) ** 3
        mix += unit(squeal) * gain(rng.uniform(-25, -10)) * tremble(rng, length, sample_rate, 1, 8)
    return _heard(rng, equalise(rng, mix, sample_rate, 4), sample_rate, 6)


def engine(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A car, lorry, boat or motorcycle engine that idles, its pistons uneven."""
    length = round(duration_s * sample_rate)
    return _heard(
        rng, _pistons(rng, _steady(rng, length, sample_rate, spread(rng, 9, 45), 0.02), sample_rate), sample_rate, 6
    )


def acceleration(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """An engine that speeds up and slows down, gear by gear."""
    length = round(duration_s * sample_rate)
    speeds_hz = [spread(rng, 15, 110) for _ in range(int(rng.integers(2, 3 + int(duration_s / 2))))]
    pitch_hz = curve(length, speeds_hz) * _steady(rng, length, sample_rate, 1, 0.01)
    mix = _pistons(rng, pitch_hz, sample_rate) * (pitch_hz / pitch_hz.max()) ** rng.uniform(0, 1)
    tyres = _airflow(rng, length, sample_rate, 1500) * gain(rng.uniform(-25, -3)) * pitch_hz / pitch_hz.max()
    return _heard(rng, mix + tyres, sample_rate, 6)


def helicopter(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Blades that slap the air 8 to 30 times a second, a turbine's whine and roar; it may come near or go away."""
    length = round(duration_s * sample_rate)
    turns = phase_of(_steady(rng, length, sample_rate, spread(rng, 8, 30), 0.01), sample_rate) / 2 / np.pi
    slap = np.exp(-rng.uniform(2, 9) * (turns % 1)) * (1 + 0.2 * np.sin(np.pi * turns + 1))
    thump = band(slap - slap.mean(), sample_rate, 20, spread(rng, 100, 500))
    roar = band(hiss(rng, length, rng.uniform(-5, -2)), sample_rate, spread(rng, 40, 300), spread(rng, 800, 7000), 1)
    mix = unit(roar * (rng.uniform(0.02, 0.4) + slap)) + unit(thump) * gain(rng.uniform(-14, 6))
    mix += unit(roar) * gain(rng.uniform(-12, 0))
    mix += _rotor(rng, _steady(rng, length, sample_rate, spread(rng, 300, 2500)), sample_rate, 1) * gain(
        rng.uniform(-35, -4)
    )
    return _heard(rng, equalise(rng, mix, sample_rate, 6) * _passing(rng, length), sample_rate, 6)


def aeroplane(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A cabin in flight, or an aeroplane overhead: dark even noise, engines that beat slowly against each other."""
    length = round(duration_s * sample_rate)
    roar = _airflow(rng, length, sample_rate, spread(rng, 200, 2500))
    pitch_hz = spread(rng, 60, 250)
    pair = [
        _rotor(rng, _steady(rng, length, sample_rate, pitch_hz + beat), sample_rate, 2)
        for beat in (0, rng.uniform(0.2, 2))
    ]
    mix = roar + (pair[0] + pair[1]) * gain(rng.uniform(-26, -4))
    return _heard(rng, mix * _passing(rng, length) if rng.uniform() < 0.4 else mix, sample_rate)


def chainsaw(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A two-stroke engine that rattles idly and screams under the throttle: a stack of harmonics that moves as one."""
    length = round(duration_s * sample_rate)
    idle_hz, full_hz = spread(rng, 30, 90), spread(rng, 90, 260)
    throttle = np.clip(0.6 + 1.4 * wander(rng, length, sample_rate, spread(rng, 0.2, 2)), 0, 1)
    pitch_hz = (idle_hz + (full_hz - idle_hz) * throttle) * _steady(rng, length, sample_rate, 1, 0.03)
    saw = _rotor(rng, pitch_hz, sample_rate, rng.uniform(0, 0.8), spread(rng, 0.0003, 0.01))
    exhaust = sum(resonate(saw, sample_rate, spread(rng, 200, 2500), spread(rng, 0.8, 4)) for _ in range(3))
    saw = unit(np.asarray(exhaust)) + saw * gain(rng.uniform(-20, 0))
    saw = unit(saw) + _pistons(rng, pitch_hz, sample_rate) * gain(rng.uniform(-18, 3))
    bite = band(hiss(rng, length, rng.uniform(-5, -1)), sample_rate, spread(rng, 100, 1500), spread(rng, 2000, 9000), 1)
    bite *= tremble(rng, length, sample_rate, 8, rng.uniform(0, 4)) * (0.3 + throttle)
    mix = np.tanh(rng.uniform(0.2, 1.5) * (unit(saw) + unit(bite) * gain(rng.uniform(-24, 0))))
    mix = band(mix * (rng.uniform(0.05, 0.6) + throttle), sample_rate, 0, spread(rng, 1500, 9000), 1)
    mix = reverberate(rng, equalise(rng, mix, sample_rate, 6), sample_rate, spread(rng, 0.1, 2), rng.uniform(0, 0.5))
    return finish(flutter(rng, mix, sample_rate, spread(rng, 1, 5)))


def washing_machine(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A drum that turns this way and that with wet wash falling in it, or spins out."""
    length = round(duration_s * sample_rate)
    spins = rng.uniform() < 0.4
    turn_hz = spread(rng, 5, 20) if spins else spread(rng, 0.6, 1.5)
    turns = np.sin(phase_of(_steady(rng, length, sample_rate, turn_hz), sample_rate))
    slosh = band(hiss(rng, length, -4), sample_rate, spread(rng, 40, 200), spread(rng, 500, 3000), 1)
    slosh *= (0.3 + np.clip(turns, 0, 1)) * tremble(rng, length, sample_rate, 4, rng.uniform(1, 4))
    motor = _rotor(rng, _steady(rng, length, sample_rate, spread(rng, 40, 300)), sample_rate, 1.3)
    mix = unit(slosh) + motor * (1 + 0.3 * turns) * gain(rng.uniform(-16, 3)) + _hum(rng, length, sample_rate) * 0.1
    for _ in range(0 if spins else 4):
        mix += shots(rng, length, _clack(rng, sample_rate), turn_hz / 2 / sample_rate) * gain(rng.uniform(-12, 0))
    splash = sum(shots(rng, length, _clack(rng, sample_rate)[: sample_rate // 30], 20 / sample_rate) for _ in range(6))
    mix += unit(np.asarray(splash)) * gain(rng.uniform(-25, 0)) * (1 + 0.5 * turns)
    return _heard(rng, mix, sample_rate, 6)


def refrigerator(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A hum at twice the mains, a purring compressor, and hardly any air."""
    length = round(duration_s * sample_rate)
    air = _airflow(rng, length, sample_rate, spread(rng, 150, 900)) * gain(rng.uniform(-18, -2))
    purr = 1 + rng.uniform(0, 0.3) * np.sin(2 * np.pi * rng.uniform(1, 25) * timeline(duration_s, sample_rate))
    return _heard(rng, _hum(rng, length, sample_rate) * purr + air, sample_rate)


def drill(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A drill or grinder in bursts: gears that whine up to speed and are held back by what they cut."""
    length = round(duration_s * sample_rate)
    holds = rng.choice([0.0, 0.8, 1.0], int(rng.integers(2, 5 + int(duration_s))))
    holds[0] = 1
    effort = curve(length, np.repeat(holds, 2))
    pitch_hz = spread(rng, 80, 600) * (0.15 + 0.85 * effort) * _steady(rng, length, sample_rate, 1, 0.02)
    whine = _rotor(rng, pitch_hz, sample_rate, rng.uniform(0.3, 1.2))
    grit = band(hiss(rng, length), sample_rate, spread(rng, 1000, 3000)) * (1 + 0.7 * whine)
    mix = (whine + unit(grit) * gain(rng.uniform(-20, 4))) * effort
    return _heard(rng, mix + _airflow(rng, length, sample_rate, 3000) * 0.01, sample_rate, 6)


def printer(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A carriage that whirs across and back, its stepper motor singing, and paper that is fed."""
    length = round(duration_s * sample_rate)
    times = timeline(duration_s, sample_rate)
    pass_s = spread(rng, 0.3, 1.5)
    moving = np.clip(4 * np.sin(np.pi * (times / pass_s % 1)) - rng.uniform(0, 1.5), 0, 1)
    pitch_hz = spread(rng, 120, 900) * np.where(times / pass_s % 2 < 1, 1, rng.uniform(0.8, 1.25))
    stepper = _rotor(rng, pitch_hz, sample_rate, rng.uniform(0.4, 1.2))
    whir = band(hiss(rng, length), sample_rate, spread(rng, 500, 2000), spread(rng, 4000, 9000)) * (1 + 0.6 * stepper)
    mix = (unit(whir) + stepper * gain(rng.uniform(-15, 5))) * moving
    for number in range(int(duration_s / pass_s) + 1):
        place(mix, _clack(rng, sample_rate), int(number * pass_s * sample_rate), rng.uniform(0.2, 4))
    return _heard(rng, mix + _airflow(rng, length, sample_rate, 2000) * gain(rng.uniform(-30, -12)), sample_rate, 6)


def lawn_mower(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A small engine at an even 40 to 60 turns a second, blades chopping, walking nearer and farther."""
    length = round(duration_s * sample_rate)
    pistons = _pistons(rng, _steady(rng, length, sample_rate, spread(rng, 22, 60), 0.015), sample_rate)
    blades = _airflow(rng, length, sample_rate, spread(rng, 1500, 6000))
    mix = pistons + blades * gain(rng.uniform(-12, 4))
    return _heard(rng, mix * tremble(rng, length, sample_rate, 0.4, rng.uniform(0, 6)), sample_rate, 6)


def server_room(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """A hundred small fans: a bright even rush in which a few tones stand out."""
    length = round(duration_s * sample_rate)
    mix = _airflow(rng, length, sample_rate, spread(rng, 1500, 8000))
    for _ in range(int(rng.integers(2, 9))):
        tone = np.sin(phase_of(_steady(rng, length, sample_rate, spread(rng, 100, 3000)), sample_rate))
        mix += tone * gain(rng.uniform(-36, -12))
    return _heard(rng, mix + _hum(rng, length, sample_rate) * gain(rng.uniform(-30, -8)), sample_rate)


def sewing_machine(rng: np.random.Generator, duration_s: float, sample_rate: int) -> _Floats:
    """Any machine that clatters in a fast even rhythm: a sewing machine, loom, press or pump."""
    length = round(duration_s * sample_rate)
    beat_hz = spread(rng, 2.5, 18)
    strokes = [
        (rng.uniform(0, 0.8), _clack(rng, sample_rate), rng.uniform(0.3, 1)) for _ in range(int(rng.integers(1, 4)))
    ]
    mix = np.zeros(length)
    for number in range(int(duration_s * beat_hz) + 1):
        for at, stroke, level in strokes:
            start_s = (number + at) / beat_hz + rng.normal(0, 0.002)
            place(mix, stroke, int(start_s * sample_rate), level * rng.uniform(0.85, 1.1))
    motor = _rotor(rng, _steady(rng, length, sample_rate, beat_hz * rng.integers(4, 20)), sample_rate, 1.2)
    mix = unit(mix) + motor * gain(rng.uniform(-22, -3))
    return _heard(rng, mix + _airflow(rng, length, sample_rate, 3000) * gain(rng.uniform(-25, -6)), sample_rate, 6)


def _steady(rng: np.random.Generator, length: int, sample_rate: int, pitch_hz: float, jitter: float = 0.004) -> Samples:
    """A pitch that is held as well as a motor holds it: it drifts slowly and jitters fast by that share."""
    drift = wander(rng, length, sample_rate, spread(rng, 0.1, 0.5))
    return pitch_hz * (1 + 2 * jitter * drift + jitter * wander(rng, length, sample_rate, 12))


def _rotor(
    rng: np.random.Generator, pitch_hz: Samples, sample_rate: int, fall: float, blur: float | None = None
) -> Samples:
    """A whine of RMS 1: harmonics whose levels fall as their number to that power, each off by some dB.

    blur: by what share no turn is as long as the one before it, which smears the upper harmonics into noise.
    """
    blur = spread(rng, 0.0003, 0.03) if blur is None else blur
    rate_hz = min(0.4 * sample_rate, max(20.0, 0.7 * float(pitch_hz.mean())))
    blurred_hz = pitch_hz * (1 + blur * wander(rng, len(pitch_hz), sample_rate, rate_hz))
    numbers = harmonics(float(blurred_hz.max()), sample_rate)
    levels = numbers**-fall * 10 ** (rng.normal(0, 5, len(numbers)) / 20)
    return unit(partials(phase_of(blurred_hz, sample_rate), levels))


def _airflow(rng: np.random.Generator, length: int, sample_rate: int, cutoff_hz: float) -> Samples:
    """Moving air: noise below a cutoff with a few ducts resonating in it, at an RMS of 1."""
    noise = hiss(rng, length, rng.uniform(-4, -0.5))
    air = unit(band(noise, sample_rate, spread(rng, 20, 150), cutoff_hz, 1))
    for _ in range(int(rng.integers(0, 4))):
        air += unit(resonate(noise, sample_rate, spread(rng, 80, 2500), spread(rng, 2, 15))) * gain(
            rng.uniform(-18, -4)
        )
    return unit(equalise(rng, air, sample_rate, 4))


def _hum(rng: np.random.Generator, length: int, sample_rate: int) -> Samples:
    """The hum of a motor on the mains of 50 or 60 Hz, mostly of even harmonics."""
    pitch_hz = float(rng.choice([50, 60])) * (1 + 0.0005 * wander(rng, length, sample_rate, 0.2))
    levels = 10 ** (rng.normal(0, 6, 12) / 20) / np.arange(1, 13) * np.tile([0.4, 1], 6)
    return unit(partials(phase_of(pitch_hz, sample_rate), levels))


def _pistons(rng: np.random.Generator, pitch_hz: Samples, sample_rate: int) -> Samples:
    """An engine that fires pitch_hz times a second: pulses, no two alike, through an exhaust that resonates."""
    turns = phase_of(pitch_hz, sample_rate) / 2 / np.pi
    uneven = 1 + rng.uniform(0.05, 0.4) * rng.standard_normal(int(turns[-1]) + 2)
    cylinders = np.tile(1 + rng.uniform(-0.3, 0.3, 4), len(uneven) // 4 + 1)[: len(uneven)]
    pulses = (uneven * cylinders)[turns.astype(int)] * np.exp(-rng.uniform(4, 20) * (turns % 1))
    blasts = pulses - pulses.mean() + pulses * rng.uniform(0.1, 1) * hiss(rng, len(turns), -2)
    exhaust = sum(resonate(blasts, sample_rate, spread(rng, 50, 900), spread(rng, 0.8, 5)) for _ in range(3))
    rattle = band(pulses * hiss(rng, len(turns)), sample_rate, spread(rng, 500, 2500), order=1)
    return unit(unit(np.asarray(exhaust)) + unit(rattle) * gain(rng.uniform(-26, -3)))


def _clack(rng: np.random.Generator, sample_rate: int) -> Samples:
    """Metal or wood that is struck and damped: a few modes and a burst of noise."""
    times = timeline(0.12, sample_rate)
    strike = rng.standard_normal(len(times)) * np.exp(-times * spread(rng, 60, 500))
    for _ in range(4):
        mode = np.sin(2 * np.pi * spread(rng, 80, 2500) * times) * np.exp(-times * spread(rng, 30, 200))
        strike += rng.uniform(0.2, 1.2) * mode
    return band(strike, sample_rate, 0, spread(rng, 1000, 7000), 1)


def _clatter(rng: np.random.Generator, sample_rate: int) -> Samples:
    """The carriage's answer to a clack: a burst of broad noise that dies away in a third of a second."""
    times = timeline(0.3, sample_rate)
    burst = hiss(rng, len(times), -1) * np.exp(-times * spread(rng, 8, 40)) * np.clip(times / 0.01, 0, 1)
    return band(burst, sample_rate, spread(rng, 100, 1000), order=1)


def _heard(rng: np.random.Generator, machine: Samples, sample_rate: int, most_flutter_db: float = 1.0) -> _Floats:
    """The machine from some way off or in a room, with the noise of its surroundings; what is outdoors flutters."""
    heard = unit(flutter(rng, machine, sample_rate, spread(rng, most_flutter_db / 10, most_flutter_db)))
    if rng.uniform() < 0.4:
        heard = unit(band(heard, sample_rate, 0, spread(rng, 400, 5000), int(rng.integers(1, 3))))
    wet = rng.uniform(0.1, 0.5) * (rng.uniform() < 0.5)
    heard = reverberate(rng, heard, sample_rate, spread(rng, 0.1, 1), wet)
    around = band(hiss(rng, len(heard), rng.uniform(-6, -1)), sample_rate, 0, spread(rng, 1000, 9000), 1)
    return finish(heard + unit(around) * gain(rng.uniform(-60, -10)))


def _passing(rng: np.random.Generator, length: int) -> Samples:
    """The gain of something that comes near, goes away or stays where it is."""
    return 10 ** (curve(length, rng.uniform(-1, 0, int(rng.integers(2, 5)))) * rng.uniform(0, 1.2))
