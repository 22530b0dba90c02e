"""Oracles: Pillow and plain arithmetic as the usual reference preprocessing has them."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.image_specs import InputSpec
from models.preparing import make_crops, prepare, trim_bars
from models.runtimes import Runtime
from models.tagging import CROPS, TaggingConfig

PICTURE = np.random.default_rng(3).integers(40, 256, (90, 160, 3)).astype(np.uint8)
PORTRAIT = np.ascontiguousarray(PICTURE.transpose(1, 0, 2))
SPEC = InputSpec((28, 28), normalisation="tf")
ONLY = TaggingConfig(crops=("spec",))


def runtime(dtype, quantisation=None):
    return Runtime("model", np.dtype(dtype), None, {}, lambda batch: {}, quantisation)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "area"])
@pytest.mark.parametrize(("picture", "size", "left_top"), [(PICTURE, (56, 32), (14, 2)), (PORTRAIT, (32, 56), (2, 14))])
def test_the_shortest_side_is_resized_and_the_centre_cut_out_as_torchvision_does_it(
    picture, size, left_top, interpolation
):
    filters = {"nearest": 0, "bilinear": 2, "bicubic": 3, "area": 4}
    resized = Image.fromarray(picture).resize(size, filters[interpolation])
    left, top = left_top
    expected = np.asarray(resized.crop((left, top, left + 28, top + 28)))
    (crop,) = make_crops(picture, dataclasses.replace(SPEC, interpolation=interpolation), ONLY)
    np.testing.assert_array_equal(crop, expected)


def test_a_stretched_picture_is_the_whole_and_a_padded_one_keeps_its_shape():
    image = Image.fromarray(PICTURE)
    (stretched,) = make_crops(PICTURE, dataclasses.replace(SPEC, resize="stretch"), ONLY)
    np.testing.assert_array_equal(stretched, np.asarray(image.resize((28, 28), 2)))
    (padded,) = make_crops(PICTURE, dataclasses.replace(SPEC, resize="pad"), ONLY)
    np.testing.assert_array_equal(padded[6:22], np.asarray(image.resize((28, 16), 2)))
    assert not padded[:6].any()
    assert not padded[22:].any()


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 40), st.integers(1, 40), st.sampled_from([0.3, 0.875, 1]))
def test_any_picture_gives_all_crops_in_one_shape(height, width, rows, columns, crop):
    picture = np.full((height, width, 3), 200, np.uint8)
    spec = InputSpec((rows, columns), crop=crop)
    crops = make_crops(picture, spec, TaggingConfig(crops=CROPS, flip=True))
    assert (crops.shape, crops.dtype) == ((2 * len(CROPS), rows, columns, 3), np.uint8)
    without_pad = np.delete(crops, [4, 5], axis=0)
    assert (without_pad == 200).all()


def test_crops_show_the_part_of_the_picture_that_their_name_says():
    quarters = np.zeros((80, 80, 3), np.uint8)
    quarters[:40, :40], quarters[:40, 40:], quarters[40:, :40], quarters[40:, 40:] = 60, 110, 160, 210
    names = ("top_left", "top_right", "bottom_left", "bottom_right", "tight", "centre")
    crops = make_crops(quarters, InputSpec((20, 20)), TaggingConfig(crops=names))
    means = dict(zip(names, crops.reshape(len(names), -1).mean(axis=1), strict=True))
    assert means["top_left"] < means["top_right"] < means["centre"] < means["bottom_left"] < means["bottom_right"]
    assert means["tight"] == pytest.approx(means["centre"], abs=0.5)
    wide = np.concatenate([np.full((20, 20, 3), each, np.uint8) for each in (50, 100, 150)], axis=1)
    ends = make_crops(wide, InputSpec((20, 20)), TaggingConfig(crops=("start", "centre", "end")))
    assert [int(crop.mean()) for crop in ends] == [50, 100, 150]


def test_mirror_images_follow_their_crops():
    crops = make_crops(PICTURE, SPEC, TaggingConfig(crops=("spec", "full"), flip=True))
    np.testing.assert_array_equal(crops[1::2], crops[::2, :, ::-1])
    np.testing.assert_array_equal(crops[::2], make_crops(PICTURE, SPEC, TaggingConfig(crops=("spec", "full"))))


def test_black_bars_are_cut_off_to_the_line_and_dark_pictures_are_left_alone():
    barred = np.pad(PICTURE, ((20, 21), (31, 30), (0, 0)))
    noise = np.random.default_rng(1).integers(0, 20, barred.shape).astype(np.uint8)
    np.testing.assert_array_equal(trim_bars(np.maximum(barred, noise)), np.maximum(PICTURE, noise[20:110, 31:191]))
    np.testing.assert_array_equal(trim_bars(PICTURE), PICTURE)
    for dark in (noise, np.pad(PICTURE[:8], ((80, 0), (0, 0), (0, 0)))):
        np.testing.assert_array_equal(trim_bars(dark), dark)
    config = TaggingConfig(crops=("full",))
    np.testing.assert_array_equal(make_crops(barred, SPEC, config), make_crops(PICTURE, SPEC, config))
    kept = make_crops(barred, SPEC, dataclasses.replace(config, trim_bars=False))
    assert not np.array_equal(kept, make_crops(PICTURE, SPEC, config))


@pytest.mark.parametrize(
    ("normalisation", "expected"),
    [
        ("none", lambda rgb: rgb),
        ("unit", lambda rgb: rgb / 255),
        ("tf", lambda rgb: rgb / 127.5 - 1),
        ("torch", lambda rgb: (rgb / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]),
        ("caffe", lambda rgb: rgb[..., ::-1] - [103.939, 116.779, 123.68]),
    ],
)
def test_floats_are_normalised_as_it_is_named(normalisation, expected):
    crops = PICTURE[np.newaxis, :28, :28]
    spec = InputSpec((28, 28), normalisation=normalisation)
    prepared = prepare(crops, spec, runtime(np.float32))
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared, expected(crops.astype(np.float64)), atol=1e-5)
    channels = prepare(crops, dataclasses.replace(spec, layout="nchw"), runtime(np.float32))
    np.testing.assert_array_equal(channels, prepared.transpose(0, 3, 1, 2))


def test_values_and_colours_may_be_ones_own():
    crops = PICTURE[np.newaxis, :28, :28]
    spec = InputSpec((28, 28), normalisation="custom", scale=0.5, mean=(1.0, 2.0, 3.0), std=(4.0,), colour_order="bgr")
    expected = (crops[..., ::-1] * 0.5 - [1, 2, 3]) / 4
    np.testing.assert_allclose(prepare(crops, spec, runtime(np.float32)), expected, atol=1e-5)


@pytest.mark.parametrize("quantisation", [(1 / 127.5, 127), (1 / 127.5, 128), None])
def test_bytes_go_as_they_are_to_a_model_quantised_for_pixels(quantisation):
    crops = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    for normalisation in ("none", "tf"):
        spec = InputSpec((16, 16), normalisation=normalisation)
        np.testing.assert_array_equal(prepare(crops, spec, runtime(np.uint8, quantisation)), crops)
        lower = quantisation and (quantisation[0], quantisation[1] - 128)
        signed = prepare(crops, spec, runtime(np.int8, lower))
        assert signed.dtype == np.int8
        np.testing.assert_array_equal(signed.astype(int), crops.astype(int) - 128)


def test_a_tensor_quantised_otherwise_takes_the_normalised_values_by_its_scale_and_zero_point():
    crops = PICTURE[np.newaxis, :28, :28]
    spec = InputSpec((28, 28), normalisation="torch")
    prepared = prepare(crops, spec, runtime(np.int8, (0.02, -14)))
    real = prepare(crops, spec, runtime(np.float32))
    assert prepared.dtype == np.int8
    inside = (prepared > -128) & (prepared < 127)
    assert inside.mean() > 0.5
    np.testing.assert_allclose((prepared.astype(float) + 14)[inside] * 0.02, real[inside], atol=0.0101)
