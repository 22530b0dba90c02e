import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.shots import ShotConfig, find_transitions, stream_transitions

CONFIG = ShotConfig()
RATE = 25
HEIGHT, WIDTH = 54, 96


def texture(seed):
    """A picture three times as wide as a grid: soft blobs of colour, as photos have."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((HEIGHT, 3 * WIDTH, 3))
    for size in (6, 12, 27):
        blobs = rng.random((HEIGHT // size + 2, 3 * WIDTH // size + 2, 3))
        picture += size * np.kron(blobs, np.ones((size, size, 1)))[:HEIGHT, : 3 * WIDTH]
    picture -= picture.min()
    return (picture * (255 / picture.max())).astype(np.uint8)


def shot(seed, frames, speed=0):
    picture = texture(seed)
    return np.stack([picture[:, speed * i : speed * i + WIDTH] for i in range(frames)])


def join(first, second, shares):
    """Both shots, and between them a passage: shares (frames, 54, 96 or broadcast) of the second shot's first frame."""
    before, after = first[-1].astype(float), second[0].astype(float)
    between = [before + (after - before) * np.broadcast_to(share, (HEIGHT, WIDTH))[..., None] for share in shares]
    return np.concatenate([first, np.array(between, np.uint8).reshape(-1, HEIGHT, WIDTH, 3), second])


def find(grids, rate=RATE):
    return find_transitions(grids, np.arange(len(grids)) / rate, CONFIG)


def rising(frames):
    return np.arange(1, frames + 1) / (frames + 1)


def wiping(frames, mask):
    return [mask < share for share in rising(frames)]


ACROSS = np.broadcast_to(np.arange(WIDTH) / WIDTH, (HEIGHT, WIDTH))
DOWN = np.broadcast_to(np.arange(HEIGHT)[:, None] / HEIGHT, (HEIGHT, WIDTH))


@pytest.mark.parametrize("cut", [20, 31, 64, 65, 90])
@pytest.mark.parametrize("speed", [0, 1])
def test_a_cut_is_found_to_the_frame(cut, speed):
    found = find(np.concatenate([shot(1, cut, speed), shot(2, 120 - cut, speed)]))
    assert [(each.kind, each.first, each.last, each.frame) for each in found] == [("cut", cut, cut, cut)]


@pytest.mark.parametrize("rate", [24, 30, 60])
@pytest.mark.parametrize("length_s", [0.4, 0.8, 1.5])
def test_a_dissolve_is_found_where_it_is(rate, length_s):
    frames = round(length_s * rate)
    found = find(join(shot(3, 2 * rate), shot(4, 2 * rate), rising(frames)), rate)
    assert [each.kind for each in found] == ["dissolve"]
    assert abs(found[0].frame - (2 * rate + frames / 2)) < 0.2 * rate
    assert found[0].first < found[0].frame < found[0].last


@pytest.mark.parametrize("level", [0, 255])
def test_a_fade_through_a_level_is_found_once(level):
    grey = np.full((4, HEIGHT, WIDTH, 3), level, np.uint8)
    out = join(shot(5, 60), grey, rising(15))
    found = find(join(out, shot(6, 60), rising(15)))
    assert [each.kind for each in found] == ["fade"]
    assert 75 - 5 <= found[0].frame <= 79 + 5


@pytest.mark.parametrize("mask", [ACROSS, 1 - ACROSS, DOWN, 1 - DOWN, (ACROSS + DOWN) / 2, abs(2 * ACROSS - 1)])
def test_a_wipe_is_found_once(mask):
    found = find(join(shot(7, 60), shot(8, 60), wiping(25, mask)))
    assert [each.kind for each in found] == ["wipe"]
    assert 60 < found[0].frame < 85


@pytest.mark.parametrize("flashed", [1, 2, 3])
def test_a_flash_is_no_transition(flashed):
    grids = shot(9, 120)
    grids[50 : 50 + flashed] = np.clip(grids[50 : 50 + flashed] * 1.5 + 100.0, 0, 255)
    assert find(grids) == []


@pytest.mark.parametrize("speed", [0, 1, 2])
def test_neither_stills_nor_pans_are_transitions(speed):
    assert find(shot(10, 96, speed)) == []


def test_neither_shaking_nor_grain_nor_a_change_of_light_is_a_transition():
    rng = np.random.default_rng(11)
    shaken = np.stack([texture(11)[:, x : x + WIDTH] for x in rng.integers(0, 4, 100)])
    assert find(shaken) == []
    assert find(np.clip(shot(12, 100) + rng.normal(0, 8, (100, HEIGHT, WIDTH, 1)), 0, 255).astype(np.uint8)) == []
    gains = np.concatenate([np.ones(40), np.linspace(1, 0.6, 20), np.full(40, 0.6)])
    assert find((shot(13, 100) * gains[:, None, None, None]).astype(np.uint8)) == []


@pytest.mark.parametrize("frames", [0, 1, 2, 5])
def test_too_few_frames_have_no_transition(frames):
    assert find(shot(14, 5)[:frames]) == []


def film(seed):
    """Some 20 s of shots with every kind of transition between them, at a rate that varies."""
    rng = np.random.default_rng(seed)
    grids = shot(seed, 20)
    for number in range(8):
        following = shot(seed + number + 100, int(rng.integers(15, 60)), int(rng.integers(0, 2)))
        frames = int(rng.integers(8, 40))
        shares = ([], rising(frames), wiping(frames, ACROSS), wiping(frames, DOWN))[rng.integers(4)]
        grids = join(grids, following, shares)
    return grids, np.cumsum(rng.choice([0.02, 0.04, 0.08], len(grids)))


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_streaming_finds_what_the_whole_film_has_soon_and_in_order(seed):
    grids, times_s = film(seed)
    asked_s = []

    def frames():
        for time_s, grid in zip(times_s.tolist(), grids, strict=True):
            asked_s.append(time_s)
            yield time_s, grid

    found, decided = [], [0]
    for count, transitions in stream_transitions(frames(), CONFIG):
        assert all(decided[-1] <= each.frame < count for each in transitions)
        assert asked_s[-1] - times_s[min(decided[-1], len(grids) - 1)] < 16
        decided.append(count)
        found += transitions
    assert found == find_transitions(grids, times_s, CONFIG)
    assert [each.first for each in found] == sorted(each.first for each in found)
    assert decided == sorted(decided) and decided[-1] == len(grids)


def test_a_film_is_decided_on_as_it_goes_and_an_endless_one_too():
    picture = shot(15, 1)[0]
    endless = ((number / RATE, picture) for number in itertools.count())
    decided = [count for count, _ in itertools.islice(stream_transitions(endless, CONFIG), 5)]
    assert decided == sorted(decided) and decided[-1] > 4 * RATE


def test_what_follows_does_not_change_what_was_found():
    grids, times_s = film(1)
    more = np.concatenate([grids, shot(50, 150)])
    later_s = np.concatenate([times_s, times_s[-1] + np.arange(1, 151) / RATE])
    found = [each.first for each in find_transitions(grids, times_s, CONFIG)]
    assert [each.first for each in find_transitions(more, later_s, CONFIG)][: len(found)] == found


def test_a_picture_shown_for_an_hour_costs_no_more_than_any():
    grids = np.concatenate([shot(16, 50), shot(17, 50)])
    times_s = np.concatenate([np.arange(50) / RATE, 3600 + np.arange(50) / RATE])
    assert [(each.kind, each.frame) for each in find_transitions(grids, times_s, CONFIG)] == [("cut", 50)]


@pytest.mark.parametrize("knob", [{"min_cut_score": 0}, {"min_gradual_score": 1.5}, {"max_undecided_s": 1}])
def test_a_knob_out_of_range_is_an_error(knob):
    with pytest.raises(ValueError, match=next(iter(knob))):
        ShotConfig(**knob)
