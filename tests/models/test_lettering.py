"""Lettering. The oracle is text drawn here, and photos without any."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_sample_images

from models.lettering import share_text


def write(size, ink=(20, 20, 20), paper=(240, 240, 235), lines=99):
    generator = np.random.default_rng(size)
    page = Image.new("RGB", (640, 360), paper)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(size)
    for line in range(min(lines, int(300 / (1.35 * size)))):
        words = ["".join(map(chr, generator.integers(97, 123, generator.integers(2, 9)))) for _ in range(190 // size)]
        pen.text((40, 30 + int(1.35 * size * line)), " ".join(words), ink, font)
    return np.asarray(page)


@pytest.mark.parametrize("size", [12, 18, 30, 44])
@pytest.mark.parametrize("colours", [((20, 20, 20), (240, 240, 235)), ((250, 250, 250), (20, 30, 90))])
def test_a_page_of_text_is_text_in_any_size_and_colour(size, colours):
    assert share_text(write(size, *colours)) > 0.35


def test_one_line_is_a_little_text():
    assert 0.02 < share_text(write(20, lines=1)) < 0.15


def test_grain_does_not_hide_text():
    grain = np.random.default_rng(1).normal(0, 8, (360, 640, 1))
    assert share_text(np.clip(write(20) + grain, 0, 255).astype(np.uint8)) > 0.35


@pytest.mark.parametrize("photo", [0, 1])
def test_photos_have_next_to_none(photo):
    assert share_text(load_sample_images().images[photo]) < 0.05


@pytest.mark.parametrize("size", [(1, 1), (5, 400), (30, 30)])
def test_flat_and_tiny_pictures_have_none(size):
    assert share_text(np.full((*size, 3), 200, np.uint8)) == 0.0


def test_noise_has_none():
    assert share_text(np.random.default_rng(2).integers(0, 256, (200, 300, 3), dtype=np.uint8)) < 0.02
