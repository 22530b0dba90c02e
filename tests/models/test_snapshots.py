"""Oracles: round trips, and sets of ids."""

import dataclasses
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.index import IndexConfig
from models.landmarks import LandmarkConfig
from models.snapshots import (
    Segment,
    SegmentConfig,
    Snapshot,
    Tombstone,
    check_parameters,
    choose_segment,
    count_segments,
    decode_snapshot,
    encode_snapshot,
    remove,
)

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=50)
CONFIG = IndexConfig(landmarks=LandmarkConfig(fan_out=3), shards=2)
SEGMENTS = (Segment("one", 3, 300, "a", "x", ("b", "é")), Segment("two", 2, 200, "b", "x"))
SNAPSHOT = Snapshot("b1", CONFIG, SEGMENTS)


@pytest.mark.parametrize("segments", [(), SEGMENTS])
def test_a_snapshot_comes_back_as_it_was_written(segments):
    snapshot = Snapshot("b1", CONFIG, segments)
    assert decode_snapshot(encode_snapshot(snapshot)) == snapshot


@pytest.mark.parametrize("text", ["", "{}", '{"build": "b1", "replaced": null}'])
def test_what_is_no_snapshot_is_refused(text):
    with pytest.raises(ValueError, match=r"format_version must be 2, got None|Expecting value"):
        decode_snapshot(text)


def test_the_digest_tells_what_can_be_found_and_not_who_wrote_it():
    renamed = tuple(dataclasses.replace(each, segment_id=f"{each.segment_id}'") for each in reversed(SEGMENTS))
    assert Snapshot("b2", CONFIG, renamed).digest == SNAPSHOT.digest
    others = [
        SEGMENTS[:1],
        (dataclasses.replace(SEGMENTS[0], removed=("b",)), SEGMENTS[1]),
        (SEGMENTS[0], dataclasses.replace(SEGMENTS[1], digest="c")),
        (),
    ]
    assert len({SNAPSHOT.digest, *(Snapshot("b1", CONFIG, each).digest for each in others)}) == 5


def test_live_tracks_are_those_not_removed():
    assert SNAPSHOT.live_tracks == 3


@REPEATABLE
@given(st.lists(st.tuples(st.sampled_from(["one", "two"]), st.sampled_from("abc")), max_size=12), st.integers(0, 12))
def test_removing_is_a_union_of_sets_in_any_order_and_any_steps(pairs, middle):
    segments = (Segment("one", 3, 300, "a", "x"), Segment("two", 3, 200, "b", "x"))
    tombstones = [Tombstone(*pair) for pair in pairs]
    expected = [
        dataclasses.replace(each, removed=tuple(sorted(gone)))
        for each in segments
        if len(gone := {track_id for segment_id, track_id in pairs if segment_id == each.segment_id}) < 3
    ]
    assert list(remove(segments, tombstones)) == expected
    assert list(remove(remove(segments, tombstones[middle:]), tombstones[:middle])) == expected


@pytest.mark.parametrize(
    ("hours", "segments"), [(0, 1), (1, 1), (2000, 1), (2000.1, 2), (6000, 3), (1e6, 500), (1e6 + 1, 501)]
)
def test_there_are_as_many_segments_as_their_hours_ask_for(hours, segments):
    assert count_segments(round(hours * 3600 * 31.25), 31.25, SegmentConfig()) == segments


def test_a_segment_never_has_more_than_half_a_timeline_in_mean():
    assert count_segments(2**32, 31.25, SegmentConfig(hours=1e9)) == 2
    assert count_segments(2**31, 31.25, SegmentConfig(hours=1e9)) == 1


def test_tracks_are_dealt_evenly_and_always_alike():
    counts = Counter(choose_segment(f"track {number}", 5) for number in range(10_000))
    assert sorted(counts) == [0, 1, 2, 3, 4]
    assert max(counts.values()) < 1.1 * min(counts.values())
    assert [choose_segment(track_id, 1000) for track_id in ("a", "é", "")] == [343, 743, 876]


def test_parameters_that_differ_are_all_named():
    check_parameters("gs://b/index", CONFIG, dataclasses.replace(CONFIG))
    message = (
        "index gs://b/index: built with landmarks.fan_out 3, the config has 4; shards 2, the config has 4: "
        "change the config or build it again"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_parameters("gs://b/index", CONFIG, IndexConfig())


@pytest.mark.parametrize("hours", [0, -1.0])
def test_segments_of_no_length_are_refused(hours):
    with pytest.raises(ValueError, match=f"hours must be positive, got {hours}"):
        SegmentConfig(hours)
