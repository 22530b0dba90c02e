"""Flashes. The oracle is the limit in the standard: patterns a little on either side of each."""

import dataclasses
import io

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.flashes import GENERAL, RED, FlashConfig, FlashState, find_flashing, finish_flashes, scan_flashes

CONFIG = FlashConfig()
RATES = (24, 25, 30, 50, 60, 24000 / 1001, 30000 / 1001)
BLACK, WHITE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


def coded(light):
    """Linear light as sRGB codes it, 0 to 255."""
    light = np.asarray(light, float)
    return 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def cover(area, corner=(0.3, 0.6)):
    """A rectangle of that share of the picture, as the share of each cell that it covers; its rim is within cells."""
    height, width = round(540 * area**0.5), round(960 * area**0.5)
    top, left = round(corner[0] * (540 - height)), round(corner[1] * (960 - width))
    fine = np.zeros((540, 960))
    fine[top : top + height, left : left + width] = 1
    return fine.reshape(54, 10, 96, 10).mean((1, 3))


def paint(lights, covers=None, behind=0.0):
    """Grids, one for each light (grey or RGB) of what is covered."""
    covers = [np.ones((54, 96))] * len(lights) if covers is None else covers
    codes = [
        coded(np.broadcast_to(light, 3)) * share[..., None] + coded(behind) * (1 - share[..., None])
        for light, share in zip(lights, covers, strict=True)
    ]
    return np.round(codes).astype(np.uint8)


def alternate(one, other, rate_hz, fps=25.0, seconds=3.0):
    """Times, and which of the two lights shows then: so many flashes a second, from the first frame."""
    times_s = np.arange(int(fps * seconds)) / fps
    return times_s, [other if int(time_s * 2 * rate_hz + 1e-9) % 2 else one for time_s in times_s]


def kinds(times_s, grids, config=CONFIG):
    return {each.kind for each in find_flashing(times_s, grids, config)}


def flash(one, other, rate_hz=5.0, area=1.0, **others):
    times_s, lights = alternate(one, other, rate_hz, **others)
    return kinds(times_s, paint(lights, [cover(area)] * len(lights)))


@pytest.mark.parametrize("fps", RATES)
def test_three_flashes_a_second_are_within_the_limit_and_four_beyond(fps):
    assert not flash(BLACK, WHITE, 3, fps=fps)
    assert flash(BLACK, WHITE, 4, fps=fps) == {GENERAL}
    assert flash(BLACK, WHITE, fps / 2, fps=fps) == {GENERAL}  # with every frame


@pytest.mark.parametrize(("flashes", "beyond"), [(1, False), (3, False), (4, True)])
def test_a_burst_counts_by_its_flashes(flashes, beyond):
    lights = [0.0] * 30 + [1.0, 1.0, 0.0] * flashes + [0.0] * 40
    found = find_flashing(np.arange(len(lights)) / 25, paint(lights), CONFIG)
    assert bool(found) == beyond
    if beyond:
        assert found[0].start_s == pytest.approx(30 / 25)
        assert found[0].end_s == pytest.approx((30 + 3 * flashes - 1) / 25)
        assert (found[0].flashes, found[0].area) == (4.0, pytest.approx(1.0))


def test_bursts_of_three_in_every_second_are_within_the_limit():
    second = [1.0, 0.0] * 3 + [0.0] * 19
    assert not kinds(np.arange(100) / 25, paint(second * 4))


@pytest.mark.parametrize(("dark", "light", "beyond"), [(0.2, 0.29, False), (0.2, 0.31, True), (0, 0.09, False)])
def test_light_must_change_by_a_tenth(dark, light, beyond):
    assert bool(flash(dark, light)) == beyond


@pytest.mark.parametrize(("dark", "beyond"), [(0.79, True), (0.81, False)])
def test_the_darker_state_must_be_below_four_fifths(dark, beyond):
    assert bool(flash(dark, 1.0)) == beyond


@settings(max_examples=25, deadline=None)
@given(st.tuples(st.floats(0, 1), st.floats(0, 1)), st.sampled_from([0.12, 0.4, 1.0]), st.sampled_from([0.0, 0.3, 0.9]))
def test_a_quarter_of_the_picture_must_flash_wherever_that_is(corner, light, behind):
    times_s, lights = alternate(0.0, light, 5, seconds=1.2)
    assert not kinds(times_s, paint(lights, [cover(0.24, corner)] * len(lights), behind))
    assert kinds(times_s, paint(lights, [cover(0.26, corner)] * len(lights), behind))


@pytest.mark.parametrize("area", [0.24, 0.26])
def test_the_area_of_red_flashes_is_told_on_a_light_ground_too(area):
    times_s, lights = alternate((1, 0, 0), (0.2126,) * 3, 5)
    grids = paint(lights, [cover(area, (0.33, 0.77))] * len(lights), 0.9)
    assert kinds(times_s, grids) == ({RED} if area > 0.25 else set())


@pytest.mark.parametrize(
    ("red", "other", "beyond"),
    [
        ((0.5, 0.0, 0.0), BLACK, True),
        ((0.5, 0.06, 0.06), BLACK, True),  # R / (R + G + B) is .806
        ((0.5, 0.065, 0.065), BLACK, False),  # .794
        ((0.07, 0.0, 0.0), BLACK, True),  # (R - G - B) * 320 is 22
        ((0.055, 0.0, 0.0), BLACK, False),  # 18
        ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), True),
        ((1.0, 0.0, 0.0), WHITE, True),
        ((0.0, 1.0, 0.0), BLACK, False),
        (WHITE, BLACK, False),
    ],
)
def test_a_red_flash_needs_a_saturated_red(red, other, beyond):
    assert (RED in flash(red, other)) == beyond


def test_red_flashes_have_the_same_limit_of_three_a_second():
    assert RED not in flash((1, 0, 0), BLACK, 3)
    assert RED in flash((1, 0, 0), BLACK, 4)


def test_changes_that_do_not_oppose_each_other_are_no_flashes():
    stairs = list(np.linspace(0, 1, 9).repeat(3))
    assert not kinds(np.arange(len(stairs)) / 25, paint(stairs))


def test_slow_pulsation_is_no_flashing_and_fast_pulsation_is():
    times_s = np.arange(100) / 25
    assert not kinds(times_s, paint(0.5 - 0.5 * np.cos(2 * np.pi * 2 * times_s)))
    assert kinds(times_s, paint(0.5 - 0.5 * np.cos(2 * np.pi * 5 * times_s)))


def test_a_strobe_in_a_small_moving_object_is_within_the_limit():
    times_s, lights = alternate(1.0, 0.0, 6)
    covers = [cover(0.2, (0.5, place)) for place in np.linspace(0, 1, len(lights))]
    assert not kinds(times_s, paint(lights, covers, 0.05))


def test_large_flashes_in_different_places_count_together():
    places = [cover(0.4, (0.5, 0.0)), cover(0.4, (0.5, 1.0))]
    lights = [1.0, 1.0, 1.0, 0.0, 0.0] * 10
    covers = [places[index // 5 % 2] for index in range(50)]
    assert kinds(np.arange(50) / 25, paint(lights, covers))


def test_opposite_halves_that_flash_in_turn_count_and_a_fine_pattern_does_not():
    times_s, phases = alternate(0, 1, 5)
    halves = [np.where((np.arange(96) < 48) == phase, 1.0, 0.0) * np.ones((54, 1)) for phase in phases]
    assert kinds(times_s, paint([1.0] * len(halves), halves))
    fine = [np.full((54, 96), 0.5)] * len(phases)  # squares far smaller than a cell
    assert not kinds(times_s, paint([1.0] * len(fine), fine))


def test_a_pan_over_a_picket_fence_is_no_flash_of_the_picture():
    fence = np.tile(np.repeat([0.0, 1.0], 24), 40) * np.ones((54, 1))
    covers = [fence[:, 3 * index : 3 * index + 96] for index in range(75)]  # each place changes three times a second
    assert not kinds(np.arange(75) / 25, paint([1.0] * 75, covers))


def test_cuts_between_light_and_dark_count_and_an_ordinary_edit_does_not():
    def edit(frames_a_shot):
        lights = [1.0 if index // frames_a_shot % 2 else 0.05 for index in range(100)]
        return kinds(np.arange(100) / 25, paint(lights))

    assert edit(3)  # eight cuts a second
    assert not edit(12)


@pytest.mark.parametrize(("rate_hz", "beyond"), [(2.5, False), (4.5, True)])
def test_frames_of_varied_length_are_told_by_their_times(rate_hz, beyond):
    lengths = np.random.default_rng(1).choice([1 / 60, 1 / 30, 1 / 24], 200)
    times_s = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    assert bool(kinds(times_s, paint([float(int(time_s * 2 * rate_hz) % 2) for time_s in times_s]))) == beyond


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 60), max_size=6))
def test_blocks_make_no_difference(seed, sizes):
    generator = np.random.default_rng(seed)
    rates = generator.choice([1, 3, 5, 8], 6)
    colours = generator.choice([0.0, 0.3, 1.0], (6, 2, 3))
    parts = [alternate(*colours[part], rates[part], seconds=1.0)[1] for part in range(6)]
    lights = [light for part in parts for light in part]
    times_s, grids = np.arange(len(lights)) / 25, paint(lights)
    found, state, start = [], FlashState(), 0
    for size in [*sizes, len(lights)]:
        more, state = scan_flashes(times_s[start : start + size], grids[start : start + size], state, CONFIG)
        found, start = found + more, start + size
    blockwise = sorted([*found, *finish_flashes(state)], key=lambda each: (each.start_s, each.kind))
    assert blockwise == find_flashing(times_s, grids, CONFIG)


def test_a_scan_leaves_the_state_it_was_given_as_it_was():
    times_s, lights = alternate(BLACK, WHITE, 5)
    grids = paint(lights)
    _, state = scan_flashes(times_s[:40], grids[:40], FlashState(), CONFIG)
    once = scan_flashes(times_s[40:], grids[40:], state, CONFIG)[1]
    twice = scan_flashes(times_s[40:], grids[40:], state, CONFIG)[1]
    assert finish_flashes(once) == finish_flashes(twice) != []


def test_stretches_that_lie_apart_are_told_apart():
    lights = ([0.0, 1.0] * 12 + [0.0] * 50) * 2
    found = find_flashing(np.arange(len(lights)) / 25, paint(lights), CONFIG)
    assert [(each.start_s, each.end_s) for each in found] == [(0.04, 0.96), (pytest.approx(3.0), pytest.approx(3.92))]


def test_nothing_is_found_in_nothing_nor_in_an_image():
    assert find_flashing([], [], CONFIG) == []
    assert find_flashing([0.0], paint([1.0]), CONFIG) == []


@pytest.mark.parametrize(("rate_hz", "light", "found"), [(3, 0.9, False), (5, 0.9, True), (5, 0.06, False)])
def test_compression_by_h264_changes_no_verdict(rate_hz, light, found):
    generator = np.random.default_rng(2)
    ground = generator.integers(0, 30, (108, 192, 3))
    times_s, lights = alternate(0.0, light, rate_hz, seconds=2)
    pictures = [np.clip(ground + coded(light), 0, 255).astype(np.uint8) for light in lights]
    grids = [picture.reshape(54, 2, 96, 2, 3).mean((1, 3)).round().astype(np.uint8) for picture in compress(pictures)]
    assert bool(kinds(times_s, np.stack(grids))) == found


def compress(pictures):
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "32"})
        stream.height, stream.width, stream.pix_fmt = *pictures[0].shape[:2], "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    with av.open(io.BytesIO(file.getvalue())) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("knob", "value", "message"),
    [
        ("min_area", 0.0, "min_area must be above 0 and at most 1, got 0.0"),
        ("window_s", -1, "window_s must be positive, got -1"),
    ],
)
def test_a_limit_out_of_range_is_an_error(knob, value, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(CONFIG, **{knob: value})
