"""Oracles: time counted in whole seconds, one by one."""

from hypothesis import given, settings
from hypothesis import strategies as st

from models.records import MediaTag, ShotTag, TimeRange
from models.sightings import Sighting, Sightings, count_seconds, strongest, subtract

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=300)


def sighting(start_s, end_s, score=0.5, tag="knife", shot=None):
    return Sighting(start_s, end_s, tag, score, shot)


STRETCHES = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 5)).map(lambda pair: sighting(pair[0], pair[0] + pair[1])), max_size=6
)


def seconds_of(sightings):
    return {second for each in sightings for second in range(each.start_s, each.end_s)}


def moments_of(sightings):
    return {each.start_s for each in sightings if each.start_s == each.end_s}


@REPEATABLE
@given(STRETCHES, STRETCHES)
def test_time_is_taken_away_second_by_second(sightings, others):
    left = list(subtract(sightings, others))
    assert seconds_of(left) == seconds_of(sightings) - seconds_of(others)
    covered = {moment for other in others for moment in range(other.start_s, other.end_s + 1)}
    assert moments_of(left) == moments_of(sightings) - covered  # of an image's moment all or nothing


@REPEATABLE
@given(STRETCHES)
def test_time_is_counted_once_and_is_all_gone_without_itself(sightings):
    assert count_seconds(sightings) == len(seconds_of(sightings))
    assert list(subtract(sightings, sightings)) == []
    assert list(subtract(sightings, [])) == sightings


def test_the_strongest_are_of_different_stretches_and_the_first_of_equals():
    rows = [sighting(0, 2, 0.5), sighting(0, 2, 0.9, "gun"), sighting(4, 6, 0.7), sighting(2, 4, 0.7)]
    assert strongest(rows, 2) == [rows[1], rows[3]]
    assert strongest(rows[::-1], 9) == [rows[1], rows[3], rows[2]]


def test_an_item_without_lengths_is_an_image():
    shot = ShotTag("a", 0, 0.0, 0.0, "knife", 0.9, "model")
    item = MediaTag("a", "knife", 0.9, 0.0, "model", (TimeRange(0.0, 0.0),))
    assert Sightings([shot], [item]).is_image
    assert not Sightings([shot], [MediaTag("a", "dark", 0.9, 3.0, "computed", (TimeRange(1.0, 4.0),))]).is_image
