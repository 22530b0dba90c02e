"""Measures of frames. The oracle is numpy on whole arrays, and test cards drawn here."""

import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from models.measures import measure_frames, share_moved

GENERATOR = np.random.default_rng(3)
NOISE = GENERATOR.integers(0, 256, (12, 54, 96, 3), dtype=np.uint8)
BARS = [(1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1)]


def luma_of(grids):
    return grids @ np.array([0.299, 0.587, 0.114]) / 255


def fit(photo):
    """A photo as a grid."""
    rows, columns = np.linspace(0, len(photo) - 1, 54).astype(int), np.linspace(0, photo.shape[1] - 1, 96).astype(int)
    return photo[rows][:, columns]


def draw_bars(level=191, noise=0.0):
    card = np.zeros((54, 96, 3))
    for column in range(96):
        card[:, column] = np.array(BARS[min(column * 7 // 96, 6)]) * level
    return np.clip(card + GENERATOR.normal(0, 1, card.shape) * noise, 0, 255).astype(np.uint8)


def test_light_and_contrast_are_those_of_numpy():
    measures, luma = measure_frames(NOISE, None), luma_of(NOISE)
    np.testing.assert_allclose(measures.luma, luma.mean((1, 2)), rtol=1e-4)
    np.testing.assert_allclose(measures.contrast, luma.std((1, 2)), rtol=1e-3)
    np.testing.assert_allclose(measures.dark, (luma < 0.25).mean((1, 2)), atol=1e-3)
    np.testing.assert_allclose(measures.bright, (luma > 0.94).mean((1, 2)), atol=1e-3)


def test_motion_is_the_mean_change_beyond_what_all_cells_share():
    measures, change = measure_frames(NOISE, None), np.diff(luma_of(NOISE), axis=0)
    expected = np.abs(change - change.mean((1, 2), keepdims=True))
    np.testing.assert_allclose(measures.motion, [0, *expected.mean((1, 2))], rtol=1e-3)
    np.testing.assert_allclose(measures.moved, [0, *(expected > 0.024).mean((1, 2))], atol=1e-3)


def test_a_change_of_light_is_no_motion():
    dim = (NOISE[:1] // 2).astype(np.uint8)
    measures = measure_frames(np.concatenate([dim, dim + 40]), None)
    assert measures.motion[1] < 1e-5
    assert share_moved(dim[0], dim[0] + 40) == 0.0


@pytest.mark.parametrize("cut", [1, 5, 11])
def test_blocks_make_no_difference(cut):
    whole, rest = measure_frames(NOISE, None), measure_frames(NOISE[cut:], NOISE[cut - 1])
    for name in ("luma", "tint", "motion", "moved", "colour_bars", "top"):
        np.testing.assert_array_equal(getattr(whole.part(cut, len(NOISE)), name), getattr(rest, name))


def test_no_frames_have_no_measures():
    assert len(measure_frames(NOISE[:0], None)) == 0


@pytest.mark.parametrize("photo", [0, 1])
def test_grey_and_sepia_have_no_tint_of_their_own_and_photos_have(photo):
    colour = fit(load_sample_images().images[photo])
    grey = luma_of(colour)[..., None] * 255
    sepia = np.clip(grey * [1.07, 0.95, 0.75] + [10, 5, 0], 0, 255)
    measures = measure_frames(np.stack([colour, np.broadcast_to(grey, colour.shape), sepia]).astype(np.uint8), None)
    assert measures.tint[0] > 0.03
    assert measures.tint[1] < 0.002
    assert measures.tint[2] < 0.005
    assert measures.colour[2] > 0.03


def test_black_bars_are_measured_also_with_a_logo_in_them():
    grid = np.full((54, 96, 3), 120, np.uint8)
    grid[:7], grid[-7:] = 2, 2
    grid[2:4, 80:86] = 200
    measures = measure_frames(grid[None], None)
    assert (measures.top[0], measures.bottom[0]) == (pytest.approx(7 / 54), pytest.approx(7 / 54))
    assert (measures.left[0], measures.right[0]) == (0, 0)


@pytest.mark.parametrize(("level", "noise"), [(191, 0), (255, 0), (191, 4)])
def test_colour_bars_are_known(level, noise):
    assert measure_frames(draw_bars(level, noise)[None], None).colour_bars[0] == 1


def test_smpte_bars_with_patches_below_are_known():
    card = draw_bars()
    card[36:40] = card[36:40, ::-1]
    card[40:] = np.where(np.arange(96)[:, None] < 30, 230, 16)
    assert measure_frames(card[None], None).colour_bars[0] == 1


@pytest.mark.parametrize(
    "grid", [*map(fit, load_sample_images().images), NOISE[0], draw_bars()[:, ::-1], np.zeros((54, 96, 3), np.uint8)]
)
def test_nothing_else_is_colour_bars(grid):
    assert measure_frames(grid[None], None).colour_bars[0] == 0
