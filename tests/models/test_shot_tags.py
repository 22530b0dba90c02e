"""Oracles: instants counted one by one, and what each function promises of scores made for it."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.records import Shot
from models.shot_tags import join_ranges, tag_media, tag_shot
from models.tagging import TaggingConfig

CLASSES = ("cat", "dog", "gun")
CONFIG = TaggingConfig(min_score=0.3, max_tags=2, min_range_score=0.5)


def shots_of(*lengths_s):
    ends_s = np.cumsum(lengths_s).tolist()
    starts_s = [0.0, *ends_s[:-1]]
    return [Shot("film", n, *times, 1, "cut", 0.0, ()) for n, times in enumerate(zip(starts_s, ends_s, strict=True))]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5)), max_size=8))
def test_joined_ranges_cover_the_same_instants_apart_from_each_other(spans):
    ranges = [(float(start), float(start + length)) for start, length in spans]
    joined = join_ranges(ranges)
    instants = np.arange(0, 30, 0.25)
    assert [any(a <= t <= b for a, b in ranges) for t in instants] == [
        any(each.start_s <= t <= each.end_s for each in joined) for t in instants
    ]
    assert all(one.end_s < other.start_s for one, other in itertools.pairwise(joined))


def test_a_tag_that_a_policy_names_is_kept_beside_surer_ones():
    (shot,) = shots_of(2)
    scores = np.array([0.5, 0.4, 0.05], np.float32)
    tags = [each.tag for each in tag_shot(shot, scores, CLASSES, "model", CONFIG, ())]
    assert tags == ["cat", "dog"]
    tags = [each.tag for each in tag_shot(shot, scores, CLASSES, "model", CONFIG, ("gun", "cat"))]
    assert tags == ["cat", "dog", "gun"]
    assert not list(tag_shot(shot, scores * 0, CLASSES, "model", CONFIG, CLASSES))


def test_the_times_of_an_items_tag_are_those_of_the_shots_that_have_it():
    shots = shots_of(2, 3, 4, 1)
    dog = (0.9, 0.8, 0.1, 0.7)
    scores = {n: np.array([0.05, score, 0], np.float32) for n, score in enumerate(dog)}
    (tag,) = tag_media(shots, scores, CLASSES, "model", CONFIG, ())
    assert (tag.tag, [(each.start_s, each.end_s) for each in tag.ranges]) == ("dog", [(0, 5), (9, 10)])
    assert tag.seconds == 6


def test_shots_without_keyframes_say_nothing():
    shots = shots_of(2, 3)
    assert not list(tag_media(shots, {}, CLASSES, "model", CONFIG, CLASSES))
    (tag,) = tag_media(shots, {1: np.array([0.9, 0, 0], np.float32)}, CLASSES, "model", CONFIG, ())
    assert [(each.start_s, each.end_s) for each in tag.ranges] == [(2, 5)]
