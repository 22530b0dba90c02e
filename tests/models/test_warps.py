"""Oracle: the warps written out by hand."""

import re

import numpy as np
import pytest

from models.warps import MAX_WARPS, WarpConfig, list_warps

NONE = {"max_speed": 0, "max_tempo": 0, "semitones": ()}


def pairs(**knobs):
    """(speed, pitch), sorted."""
    warps = list_warps(WarpConfig(**knobs))
    return sorted(zip(warps.speeds.tolist(), warps.pitches.tolist(), strict=True))


def test_speed_moves_pitch_along():
    speeds = [0.98, 0.99, 1.01, 1.02]
    np.testing.assert_allclose(
        pairs(**NONE | {"max_speed": 2, "speed_step": 1}), [(each, each) for each in speeds], rtol=1e-6
    )


def test_tempo_keeps_pitch():
    np.testing.assert_allclose(
        pairs(**NONE | {"max_tempo": 6, "tempo_step": 3}), [(each, 1) for each in (0.94, 0.97, 1.03, 1.06)], rtol=1e-6
    )


def test_semitones_keep_tempo():
    up = 1.0594631  # twelve of them are an octave
    np.testing.assert_allclose(pairs(**NONE | {"semitones": (-1, 2)}), [(1, 1 / up), (1, up**2)], rtol=1e-6)


def test_the_warps_of_all_kinds_are_those_of_each():
    each = [{"max_speed": 6}, {"max_tempo": 9}, {"semitones": (-2, 2)}]
    together = {name: value for knobs in each for name, value in knobs.items()}
    assert pairs(**together) == sorted(pair for knobs in each for pair in pairs(**NONE | knobs))


def test_maxima_of_0_and_no_semitones_are_no_warp():
    assert pairs(**NONE) == []


def test_the_unchanged_is_no_warp():
    assert (1.0, 1.0) not in pairs()


@pytest.mark.parametrize(("limit", "step", "count"), [(6, 0.5, 12), (0.3, 0.1, 3), (1, 0.3, 3), (1, 1.5, 0)])
def test_steps_reach_up_to_the_limit(limit, step, count):
    speeds = [speed for speed, _ in pairs(**NONE | {"max_speed": limit, "speed_step": step})]
    assert len(speeds) == 2 * count
    assert all(abs(speed - 1) <= limit / 100 + 1e-6 for speed in speeds)


def test_lowerings_bring_pitches_back():
    warps = list_warps(WarpConfig())
    np.testing.assert_allclose(warps.lowerings * warps.pitches, 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"max_speed": -1}, "max_speed must be between 0 and 20, got -1"),
        ({"max_tempo": 21}, "max_tempo must be between 0 and 20, got 21"),
        ({"speed_step": 0}, "speed_step must be positive, got 0"),
        ({"tempo_step": -0.5}, "tempo_step must be positive, got -0.5"),
        ({"semitones": (1.0, 0.0)}, "semitones must be between -4 and 4, and not 0, got (1.0, 0.0)"),
        ({"semitones": (4.5,)}, "semitones must be between -4 and 4, and not 0, got (4.5,)"),
        (NONE | {"max_speed": 6, "speed_step": 0.01}, f"there must be at most {MAX_WARPS} warps, got 1200"),
    ],
)
def test_a_bad_knob_is_named_with_its_value(knobs, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        WarpConfig(**knobs)
