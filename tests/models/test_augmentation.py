"""Invariances: what an augmentation may change, and that it changes nothing else."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.augmentation import AugmentConfig, cut, finish, mask, mix, raise_floor, to_unit

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=60)
SEEDS = st.integers(0, 10_000)
FRAMES, BANDS = 80, 32
DEFAULT = AugmentConfig()
ALWAYS = AugmentConfig(
    stretched=1, shifted=1, reverberant=1, compressed=1, low_passed=1, high_passed=1, faded=1, floored=1, masked=1
)
NOTHING = AugmentConfig(
    stretched=0, shifted=0, reverberant=0, compressed=0, tilt_db=0, ripple_db=0, low_passed=0, high_passed=0, faded=0,
    partly_silent=0, floored=0, masked=0, range_db=(200, 200),
)  # fmt: skip


def mel_of(seed, frames=FRAMES, bands=BANDS):
    """Powers over nine decades, some of them none."""
    rng = np.random.default_rng(seed)
    mel = 10 ** rng.uniform(-9, 0, (frames, bands)) * rng.integers(0, 2, (frames, bands))
    return mel.astype(np.float32)


def augment(seed, mel, config, frames=FRAMES):
    rng = np.random.default_rng(seed)
    played = finish(rng, cut(rng, mel, frames, config), config)
    return mask(rng, raise_floor(rng, 10 * np.log10(np.maximum(played, np.float32(1e-12))), config), config)


@pytest.mark.parametrize("config", [DEFAULT, ALWAYS, dataclasses.replace(ALWAYS, faded=0, partly_silent=1), NOTHING])
@REPEATABLE
@given(SEEDS, st.sampled_from([FRAMES, FRAMES + 1, 3 * FRAMES]))
def test_whatever_happens_windows_are_finite_and_of_their_size(config, seed, length):
    window = augment(seed, mel_of(seed, length), config)
    assert window.shape == (FRAMES, BANDS)
    assert window.dtype == np.float32
    assert np.isfinite(window).all()


@pytest.mark.parametrize("config", [DEFAULT, ALWAYS])
def test_silence_stays_finite(config):
    for seed in range(30):
        assert np.isfinite(augment(seed, np.zeros((200, BANDS), np.float32), config)).all()


@REPEATABLE
@given(SEEDS)
def test_a_seed_gives_the_window(seed):
    one, same = (augment(seed, mel_of(seed, 200), DEFAULT) for _ in range(2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, augment(seed + 1, mel_of(seed, 200), DEFAULT))


@REPEATABLE
@given(SEEDS)
def test_what_is_augmented_stays_as_it_was(seed):
    mel = mel_of(seed, 200)
    augment(seed, mel, ALWAYS)
    np.testing.assert_array_equal(mel, mel_of(seed, 200))


@REPEATABLE
@given(SEEDS, st.floats(-60, 60))
def test_the_level_of_a_recording_changes_nothing(seed, gain_db):
    mel = mel_of(seed, 200)
    louder = augment(seed, mel * np.float32(10 ** (gain_db / 10)), DEFAULT)
    np.testing.assert_allclose(louder, augment(seed, mel, DEFAULT), atol=0.01)


# Cutting


@REPEATABLE
@given(SEEDS)
def test_a_cut_has_unit_power(seed):
    played = cut(np.random.default_rng(seed), mel_of(seed, 200), FRAMES, DEFAULT)
    assert played.sum(axis=1).mean() == pytest.approx(1, rel=1e-4)


@REPEATABLE
@given(SEEDS)
def test_a_cut_that_changes_nothing_is_a_stretch_of_the_recording(seed):
    mel = mel_of(seed, 100)
    played = cut(np.random.default_rng(seed), mel, FRAMES, NOTHING)
    stretches = [to_unit(mel[start : start + FRAMES]) for start in range(21)]
    assert min(np.abs(played - each).max() for each in stretches) < 1e-6


def test_every_stretch_is_cut_sooner_or_later():
    mel = np.repeat(np.arange(1, 6, dtype=np.float32)[:, np.newaxis], BANDS, axis=1)
    rng = np.random.default_rng(1)
    cuts = {tuple(np.round(cut(rng, mel, 3, NOTHING).sum(axis=1, dtype=np.float64), 2).tolist()) for _ in range(60)}
    assert cuts == {(0.5, 1.0, 1.5), (0.67, 1.0, 1.33), (0.75, 1.0, 1.25)}  # of 1 2 3, of 2 3 4, of 3 4 5


def test_tempos_are_even_and_all_that_is_allowed():
    rows = np.exp(0.01 * np.arange(400))[:, np.newaxis] * np.ones(4, np.float32)
    config = dataclasses.replace(NOTHING, stretched=1, max_stretch=0.25)
    tempos = []
    for seed in range(200):
        played = cut(np.random.default_rng(seed), rows.astype(np.float32), FRAMES, config)
        steps = np.diff(np.log(played[:, 0])) / 0.01
        np.testing.assert_allclose(steps, steps.mean(), atol=0.01)
        tempos.append(steps.mean())
    assert 0.79 < min(tempos) < 0.82
    assert 1.22 < max(tempos) < 1.26
    assert np.log(tempos).mean() == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("bands", [-2, 1])
def test_a_shift_by_whole_bands_moves_the_pitch(bands):
    mel = np.zeros((FRAMES, BANDS), np.float32)
    mel[:, 10] = 1
    config = dataclasses.replace(NOTHING, shifted=1, max_shift_bands=3)
    peaks = {int(cut(np.random.default_rng(seed), mel, FRAMES, config)[0].argmax()) - 10 for seed in range(60)}
    assert bands in peaks
    assert peaks <= set(range(-3, 4))


@REPEATABLE
@given(SEEDS)
def test_a_room_adds_to_what_follows_a_sound_and_dies_away_evenly(seed):
    mel = np.zeros((200, BANDS), np.float32)
    mel[:50] = 1e-9
    mel[60] = 1
    config = dataclasses.replace(NOTHING, reverberant=1)
    levels = 10 * np.log10(cut(np.random.default_rng(seed), mel, 200, config).sum(axis=1)[61:90].astype(np.float64))
    steps = -np.diff(levels)
    np.testing.assert_allclose(steps, steps[0], rtol=0.02)
    assert 0.14 < 60 / steps[0] * config.frame_s < 4.1  # decay_s


@REPEATABLE
@given(SEEDS)
def test_dynamics_are_an_exponent_of_power(seed):
    mel = to_unit(10 ** np.random.default_rng(seed).uniform(-4, 0, (FRAMES, BANDS)).astype(np.float32))
    played = cut(np.random.default_rng(seed), mel, FRAMES, dataclasses.replace(NOTHING, compressed=1))
    exponent, level = np.polyfit(np.log(mel.ravel()), np.log(played.ravel()), 1)
    np.testing.assert_allclose(np.log(played), exponent * np.log(mel) + level, atol=1e-3)
    assert exponent + 1e-4 >= 0.5
    assert exponent - 1e-4 <= 1.25


# Mixing and finishing


@REPEATABLE
@given(SEEDS, st.floats(-40, 20))
def test_a_mixture_has_the_other_at_its_level(seed, level_db):
    one, other = to_unit(mel_of(seed)), to_unit(mel_of(seed + 1))
    added = mix(one, other, level_db) - one
    assert 10 * np.log10(added.sum(axis=1).mean()) == pytest.approx(level_db, abs=0.05)


@REPEATABLE
@given(SEEDS)
def test_a_noise_floor_is_added_and_nothing_else(seed):
    mel = to_unit(mel_of(seed))
    config = dataclasses.replace(NOTHING, floored=1, floor_db=(-40.0, -30.0))
    floor = finish(np.random.default_rng(seed), mel, config).astype(np.float64) - mel
    assert (floor >= -1e-7).all()
    level_db = 10 * np.log10(floor.sum(axis=1).mean())
    assert -40.5 <= level_db <= -30 + 5.5  # a slope of 25 dB between the lowest and highest band adds up to 4.9 dB


@REPEATABLE
@given(SEEDS)
def test_a_fade_only_ever_quietens_in_one_direction(seed):
    config = dataclasses.replace(NOTHING, faded=1)
    levels = finish(np.random.default_rng(seed), np.ones((FRAMES, BANDS), np.float32), config).sum(axis=1)
    assert (np.diff(levels) <= 1e-6).all() or (np.diff(levels) >= -1e-6).all()
    assert levels.mean() == pytest.approx(1, rel=1e-4)
    assert levels.max() / levels.min() < 1.05e5


@REPEATABLE
@given(SEEDS)
def test_partly_silent_is_one_end_and_at_most_three_quarters(seed):
    config = dataclasses.replace(NOTHING, partly_silent=1)
    played = finish(np.random.default_rng(seed), np.ones((FRAMES, BANDS), np.float32), config).sum(axis=1)
    silent = played < 1e-6 * played.max()
    assert round(0.05 * FRAMES) <= silent.sum() <= round(0.75 * FRAMES)
    assert np.abs(np.diff(silent.astype(int))).sum() == 1


@REPEATABLE
@given(SEEDS)
def test_a_raised_floor_lies_so_far_below_the_peak(seed):
    mel_db = np.random.default_rng(seed).uniform(-120, 0, (FRAMES, BANDS)).astype(np.float32)
    raised = raise_floor(np.random.default_rng(seed), mel_db, DEFAULT)
    assert raised.max() - raised.min() + 1e-3 >= 50
    assert raised.max() - raised.min() <= 80 + 1e-3
    np.testing.assert_array_equal(raised, np.maximum(mel_db, raised.min()))


@REPEATABLE
@given(SEEDS)
def test_masks_take_out_one_band_and_one_stretch_at_most(seed):
    mel_db = np.random.default_rng(seed).uniform(-90, 0, (FRAMES, BANDS)).astype(np.float32)
    masked = mask(np.random.default_rng(seed), mel_db.copy(), ALWAYS)
    changed = masked != mel_db
    bands = changed.all(axis=0) | (changed.mean(axis=0) > 0.9)
    assert 1 <= bands.sum() <= ALWAYS.mask_bands
    frames = changed[:, ~bands].all(axis=1)
    assert frames.sum() < ALWAYS.mask_frames
    assert not changed[~frames][:, ~bands].any()
    np.testing.assert_array_equal(mask(np.random.default_rng(seed), mel_db.copy(), NOTHING), mel_db)
