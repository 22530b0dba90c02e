"""Looks. The oracle is what the pictures were made to be."""

import pathlib

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from models.flashes import Flashing
from models.looks import COMPUTED_TAGS, LookConfig, ShotSummary, TaggedShot, add_measures, tag_media, tag_shot
from models.measures import measure_frames

CONFIG = LookConfig()
CHINA, FLOWER = load_sample_images().images
IMAGES = pathlib.Path(__file__).parents[1] / "sample" / "images"
GENERATOR = np.random.default_rng(7)
RAMP = np.linspace(0, 1, 25)[:, None, None, None]


def fit(picture):
    return np.asarray(Image.fromarray(picture).resize((96, 54), Image.Resampling.BOX))


def summarise(grids, fps=25.0, sizes=()):
    """The summary of a shot in blocks of those sizes, and the rest."""
    summary, previous, start = ShotSummary(), None, 0
    times_s = np.arange(len(grids)) / fps
    for size in (*sizes, len(grids)):
        block = grids[start : start + size]
        measures = measure_frames(block, previous)
        summary = add_measures(summary, measures, times_s[start : start + size], block, CONFIG)
        start, previous = start + len(block), block[-1] if len(block) else previous
    return summary


def tags_of(grids, pictures=()):
    return {tag for tag, _ in tag_shot(summarise(grids), pictures, CONFIG)}


def tags_of_image(picture):
    return tags_of(fit(picture)[None], [picture])


def grain(grids, level):
    return np.clip(grids + GENERATOR.normal(0, level, grids.shape), 0, 255).astype(np.uint8)


def still(picture, frames=30, level=1.5):
    """A shot without motion, with grain as much as the mean of a cell has of it."""
    return grain(np.repeat(fit(picture)[None], frames, 0), level)


def pan(picture, frames=30, step=4):
    wide = np.asarray(Image.fromarray(picture).resize((96 + step * frames, 80), Image.Resampling.BOX))
    return np.stack([wide[10:64, step * frame : step * frame + 96] for frame in range(frames)])


@pytest.mark.parametrize("photo", [CHINA, FLOWER])
def test_an_ordinary_photo_has_no_tags(photo):
    assert tags_of_image(photo) == set()


@pytest.mark.parametrize("name", ["photo_lighthouse.jpg", "poster_kites.jpg", "cover_timetable.png"])
def test_ordinary_pictures_of_the_sample_have_no_tags(name):
    with Image.open(IMAGES / name) as image:
        assert tags_of_image(np.asarray(image.convert("RGB"))) == set()


def test_grey_photos_are_monochrome():
    assert tags_of_image(np.asarray(Image.fromarray(CHINA).convert("L").convert("RGB"))) == {"monochrome"}


def test_dim_photos_are_dark_and_blown_ones_overexposed():
    assert tags_of_image((CHINA * 0.25).astype(np.uint8)) == {"dark"}
    assert tags_of_image(np.clip(CHINA * 1.9 + 20, 0, 255).astype(np.uint8)) == {"overexposed"}


def test_a_white_ground_is_not_overexposed():
    picture = np.full((240, 320, 3), 255, np.uint8)
    picture[80:160, 100:220] = CHINA[100:180, 100:220]
    assert "overexposed" not in tags_of_image(picture)


@pytest.mark.parametrize("share", [0.04, 0.12])
def test_bars_are_told_by_where_they_are(share):
    rows, columns = int(360 * share), int(640 * share)
    wide = np.asarray(Image.fromarray(CHINA).resize((640, 360)))
    boxed, pillared = wide.copy(), wide.copy()
    boxed[:rows] = boxed[-rows:] = 0
    pillared[:, :columns] = pillared[:, -columns:] = 0
    assert tags_of_image(boxed) == {"letterbox"}
    assert tags_of_image(pillared) == {"pillarbox"}


def test_black_is_black_also_with_a_time_code():
    frames = grain(np.zeros((25, 54, 96, 3)), 3)
    frames[:, 48:51, 40:56] = GENERATOR.integers(0, 256, (25, 3, 16, 3))
    assert "black" in tags_of(frames)
    assert "black" not in tags_of(pan((CHINA * 0.3).astype(np.uint8)))


@pytest.mark.parametrize("photo", [CHINA, FLOWER])
def test_a_shot_is_static_despite_grain_fades_and_a_change_of_light(photo):
    frames = still(photo)
    assert tags_of(frames) == {"static"}
    faded = np.concatenate([(frames[:4] * RAMP[:20:5]).astype(np.uint8), frames])
    assert "static" in tags_of(faded)


def test_a_pan_is_not_static_and_a_fast_one_is_high_motion():
    assert tags_of(pan(FLOWER, step=1)) == set()
    assert tags_of(pan(CHINA, step=12)) == {"high_motion"}


def test_a_thing_that_moves_in_a_still_picture_is_motion():
    frames = still(CHINA)
    for number, frame in enumerate(frames):
        frame[20:30, 10 + 2 * number : 20 + 2 * number] = 10
    assert "static" not in tags_of(frames)


@pytest.mark.parametrize("sizes", [(1, 1), (7, 20), (29,)])
def test_blocks_make_no_difference(sizes):
    whole, blocks = summarise(pan(CHINA)), summarise(pan(CHINA), sizes=sizes)
    assert (whole.frames, whole.stride, whole.last_s) == (blocks.frames, blocks.stride, blocks.last_s)
    assert (whole.motion, whole.seconds) == (pytest.approx(blocks.motion), pytest.approx(blocks.seconds))
    np.testing.assert_array_equal(whole.samples, blocks.samples)


def test_what_is_kept_of_a_shot_does_not_grow():
    frames = still(CHINA, 100)
    summary = ShotSummary()
    for block in range(50):
        measures = measure_frames(frames, None)
        summary = add_measures(summary, measures, np.arange(100) / 25 + 4 * block, frames, CONFIG)
        assert len(summary.samples) <= 12
    assert (summary.frames, len(summary.samples) >= 6) == (5000, True)


def test_motion_is_by_time_and_not_by_frame():
    slow, fast = summarise(pan(CHINA), fps=25), summarise(pan(CHINA), fps=50)
    assert fast.motion / fast.seconds == pytest.approx(2 * slow.motion / slow.seconds)


def slides(count, seconds=4.0, tags=(("static", 0.9),)):
    return [TaggedShot(seconds * number, seconds * (number + 1), tags) for number in range(count)]


def test_static_shots_make_a_slideshow_and_one_a_static_image():
    assert {tag for tag, _, _ in tag_media(slides(5), [], 20, CONFIG)} == {"static", "slideshow"}
    assert {tag for tag, _, _ in tag_media(slides(1), [], 4, CONFIG)} == {"static", "static_image"}
    assert tag_media(slides(5, tags=()), [], 20, CONFIG) == []
    mixed = [*slides(3), TaggedShot(12, 40, ())]
    assert {tag for tag, _, _ in tag_media(mixed, [], 40, CONFIG)} == {"static"}


def test_an_item_has_the_best_score_of_its_shots_and_the_times_of_all():
    shots = [
        TaggedShot(0, 2, (("dark", 0.6),)),
        TaggedShot(2, 3, (("dark", 0.9),)),
        TaggedShot(3, 7, ()),
        TaggedShot(7, 8, (("dark", 0.7),)),
    ]
    assert tag_media(shots, [], 8, CONFIG) == [("dark", 0.9, ((0, 3), (7, 8)))]


def test_an_image_has_a_range_of_no_length():
    assert tag_media([TaggedShot(0, 0, (("dark", 0.6),))], [], 0, CONFIG) == [("dark", 0.6, ((0, 0),))]


def test_many_cuts_in_a_short_time_are_found_where_they_are():
    shots = [
        TaggedShot(0, 30, ()),
        *(TaggedShot(30 + each, 31 + each, ()) for each in range(15)),
        TaggedShot(45, 99, ()),
    ]
    ((tag, score, ranges),) = tag_media(shots, [], 99, CONFIG)
    assert (tag, ranges) == ("fast_cutting", ((30, 45),))
    assert score > 0.9
    assert tag_media(slides(20, tags=()), [], 80, CONFIG) == []


def test_flashing_has_the_times_it_was_found_at():
    flashings = [Flashing(1, 2, "general", 5, 0.5), Flashing(1.5, 2, "red", 4, 0.4), Flashing(7, 8, "general", 5, 1)]
    tags = tag_media([], flashings, 9, CONFIG)
    assert tags == [("flashing", 1.0, ((1, 2), (7, 8))), ("red_flashing", 1.0, ((1.5, 2),))]


def test_every_tag_has_a_name_that_policies_can_know():
    tags = tag_media(slides(3), [Flashing(1, 2, "red", 5, 0.5)], 12, CONFIG)
    assert {tag for tag, _, _ in tags} <= COMPUTED_TAGS.keys()
    assert tag_shot(ShotSummary(), [], CONFIG) == []


def test_a_knob_out_of_range_is_an_error():
    with pytest.raises(ValueError, match="tint must be positive, got 0"):
        LookConfig(tint=0)
