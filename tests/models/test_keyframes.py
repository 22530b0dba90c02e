"""Keyframes. The oracles are invariances: what blurs is less sharp, what shows the same is shown once."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage
from sklearn.datasets import load_sample_images

from models.keyframes import (
    Candidate,
    KeyframeConfig,
    choose_keyframes,
    encode_jpeg,
    rate_exposure,
    rate_sharpness,
    thin,
)

CONFIG = KeyframeConfig()
PHOTOS = load_sample_images().images
SMALL = np.asarray(Image.fromarray(PHOTOS[0]).resize((160, 106)))


def blur(picture, sigma):
    return ndimage.gaussian_filter(picture, (sigma, sigma, 0))


def view(number):
    """Views that differ from each other, of the same sharpness and light."""
    return np.roll(SMALL, (37 * number, 61 * number), (0, 1))


def offer(pictures, every_s=1.0):
    return [Candidate(every_s * number, 25 * number, picture) for number, picture in enumerate(pictures)]


@pytest.mark.parametrize("photo", PHOTOS)
def test_blur_makes_a_picture_less_sharp(photo):
    ratings = [rate_sharpness(photo), *(rate_sharpness(blur(photo, sigma)) for sigma in (1, 2, 4))]
    assert ratings == sorted(ratings, reverse=True)
    assert ratings[0] > 2 * ratings[2]


@pytest.mark.parametrize("photo", PHOTOS)
def test_grain_and_contrast_change_sharpness_little(photo):
    grain = np.random.default_rng(1).normal(0, 8, photo.shape)
    sharp, grainy = rate_sharpness(photo), np.clip(photo + grain, 0, 255).astype(np.uint8)
    assert rate_sharpness(grainy) == pytest.approx(sharp, abs=0.15)
    assert rate_sharpness(photo // 2 + 60) == pytest.approx(sharp, abs=0.1)
    assert rate_sharpness(np.clip(blur(photo, 3) + grain, 0, 255).astype(np.uint8)) < 0.75 * sharp


@pytest.mark.parametrize("photo", PHOTOS)
def test_light_at_either_extreme_lowers_exposure(photo):
    best = rate_exposure(photo)
    assert best > 0.5
    assert best > rate_exposure((photo * 0.3).astype(np.uint8)) > rate_exposure((photo * 0.1).astype(np.uint8))
    assert best > rate_exposure(np.clip(photo * 3.0, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("light", [0, 255])
def test_a_blank_picture_is_neither_sharp_nor_exposed(light):
    blank = np.full((40, 60, 3), light, np.uint8)
    assert (rate_sharpness(blank), rate_exposure(blank)) == (0.0, pytest.approx(0.0, abs=1e-6))
    assert rate_sharpness(blank[:3, :3]) == 0.0


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_as_many_keyframes_as_asked_for_are_spread_over_a_shot_that_changes(most):
    chosen = choose_keyframes(offer(map(view, range(12))), 0, 12, KeyframeConfig(max_a_shot=most))
    times_s = [each.time_s for each in chosen]
    assert len(chosen) == most
    assert times_s == sorted(times_s)
    assert np.diff(times_s).min(initial=12) >= {1: 12, 2: 4, 3: 3, 5: 1}[most]


def test_a_static_shot_has_one_keyframe():
    generator = np.random.default_rng(2)
    grainy = [np.clip(SMALL + generator.normal(0, 6, SMALL.shape), 0, 255).astype(np.uint8) for _ in range(8)]
    assert len(choose_keyframes(offer(grainy), 0, 8, CONFIG)) == 1


def test_a_sharp_and_well_exposed_picture_is_preferred():
    pictures = [blur(view(0), 3), (view(1) * 0.08).astype(np.uint8), view(2), blur(view(3), 3)]
    (chosen,) = choose_keyframes(offer(pictures), 0, 4, KeyframeConfig(max_a_shot=1))
    assert chosen.frame_number == 50


@given(st.floats(0, 6), st.floats(0.01, 6))
def test_keyframes_are_inside_the_shot_and_off_its_edges_if_they_can(start_s, length_s):
    candidates = offer(map(view, range(12)))
    chosen = [each.time_s for each in choose_keyframes(candidates, start_s, start_s + length_s, CONFIG)]
    inside = [each.time_s for each in candidates if start_s <= each.time_s < start_s + length_s]
    inner = [each for each in inside if start_s + CONFIG.edge_s <= each < start_s + length_s - CONFIG.edge_s]
    assert set(chosen) <= set(inner or inside)
    assert bool(chosen) == bool(inside)


def test_a_shot_of_100000_frames_keeps_few_candidates_well_spread():
    kept = ()
    for number in range(0, 100_000, 8):
        kept = thin((*kept, Candidate(number / 25, number, SMALL)), CONFIG.kept)
        assert len(kept) <= CONFIG.kept
    times_s = np.array([each.time_s for each in kept])
    assert times_s[0] == 0
    assert np.diff([*times_s, 4000]).max() < 4000 / 4


def test_few_candidates_are_kept_as_they_are():
    candidates = offer([SMALL] * 3)
    assert thin(candidates, 3) == tuple(candidates)
    assert thin([], 3) == ()
    assert len(thin(candidates, 1)) == 1


def test_a_thumbnail_is_a_jpeg_of_the_picture():
    with Image.open(io.BytesIO(encode_jpeg(SMALL, 90))) as image:
        assert image.format == "JPEG"
        assert np.abs(np.asarray(image).astype(int) - SMALL).mean() < 6
    assert len(encode_jpeg(SMALL, 40)) < len(encode_jpeg(SMALL, 90))


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"max_a_shot": 6}, "max_a_shot must be from 1 to 5, got 6"),
        ({"kept": 2}, "kept must be at least max_a_shot"),
        ({"every_s": -1}, "every_s must not be negative, got -1"),
    ],
)
def test_a_knob_out_of_range_is_an_error(knobs, message):
    with pytest.raises(ValueError, match=message):
        KeyframeConfig(**knobs)
