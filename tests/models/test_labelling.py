"""Oracles: the shares computed window by window in Python, and what reversing a track must do."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.labelling import SILENCE, LabelConfig, label_track
from models.records import MediaItem, ScoredItem, TrackSegment
from models.windows import edges_s

CLASSES = ("music", "speech", "noise")
WINDOW_S, HOP_S = 4.0, 3.0
CONFIG = LabelConfig()
LOUD, SILENT = -20.0, -90.0
ITEM = MediaItem("track", "gs://bucket/track.wav")


@st.composite
def items(draw, classes=CLASSES):
    """Of any number of windows, some of them silent, and any length that has so many."""
    windows = draw(st.integers(1, 12))
    rest_s = draw(st.floats(0.3, 3)) if windows > 1 else draw(st.floats(-3.5, 0.2))
    levels = draw(st.lists(st.sampled_from([LOUD, LOUD, SILENT]), min_size=windows, max_size=windows))
    values = st.lists(st.floats(0, 1, width=32), min_size=len(classes), max_size=len(classes))
    scores = np.array(draw(st.lists(values, min_size=windows, max_size=windows)), np.float32)
    duration_s = WINDOW_S + (windows - 2) * HOP_S + rest_s if windows > 1 else WINDOW_S + rest_s
    return scored(scores, levels, duration_s)


def scored(scores, levels_db=None, duration_s=None):
    scores = np.array(scores, np.float32)
    levels_db = np.full(len(scores), LOUD) if levels_db is None else levels_db
    duration_s = WINDOW_S + (len(scores) - 1) * HOP_S if duration_s is None else duration_s
    return ScoredItem(ITEM, duration_s, np.array(levels_db, np.float32), scores, None)


def label(item, classes=CLASSES, config=CONFIG):
    return label_track(item, classes, WINDOW_S, HOP_S, config)


def one_hot(*names, classes=CLASSES):
    return [[float(name == each) for each in classes] for name in names]


@settings(derandomize=True, deadline=None)
@given(items())
def test_segments_tile_the_track_and_neighbours_differ(item):
    _, segments = label(item)
    assert (segments[0].start_s, segments[-1].end_s) == (0, item.duration_s)
    for one, other in itertools.pairwise(segments):
        assert one.end_s == other.start_s
        assert one.label != other.label
    assert all(segment.start_s < segment.end_s for segment in segments)


@settings(derandomize=True, deadline=None)
@given(items())
def test_seconds_are_those_of_the_segments_and_sum_to_the_duration(item):
    summary, segments = label(item)
    for share in summary.shares:
        lengths = [segment.end_s - segment.start_s for segment in segments if segment.label == share.label]
        assert share.seconds == pytest.approx(sum(lengths))
    assert sum(share.seconds for share in summary.shares) == pytest.approx(item.duration_s)
    assert summary.silent_s == pytest.approx(next(each.seconds for each in summary.shares if each.label == SILENCE))


@settings(derandomize=True, deadline=None)
@given(items())
def test_scores_are_means_over_the_windows_that_are_not_silent(item):
    summary, _ = label(item)
    sounding = [row for row, level in zip(item.scores.tolist(), item.levels_db, strict=True) if level == LOUD]
    assume(sounding)
    expected = [sum(row[number] for row in sounding) / len(sounding) for number in range(len(CLASSES))]
    assert [share.label for share in summary.shares] == [*CLASSES, SILENCE]
    assert [share.score for share in summary.shares] == pytest.approx([*expected, 0])
    assert summary.score(summary.label) == max(share.score for share in summary.shares)
    assert summary.score("nosuch") == 0


@settings(derandomize=True, deadline=None)
@given(items(), st.integers(0, 3))
def test_what_a_model_says_of_silent_windows_changes_nothing(item, number):
    changed = item.scores.copy()
    changed[item.levels_db == SILENT] = np.arange(3) == number
    assert label(scored(changed, item.levels_db, item.duration_s)) == label(item)


@settings(derandomize=True, deadline=None)
@given(items())
def test_a_silent_tail_adds_silence_alone(item):
    scores = np.concatenate([item.scores, one_hot("music", "music", "music")])
    duration_s = item.duration_s + 3 * HOP_S
    before, _ = label(item)
    after, segments = label(scored(scores, [*item.levels_db, *[SILENT] * 3], duration_s))
    assume(before.label != SILENCE)
    assert [share.score for share in after.shares] == [share.score for share in before.shares]
    assert segments[-1].label == SILENCE
    assert segments[-1].score == 1


def test_a_track_that_is_silent_throughout_is_silence():
    summary, segments = label(scored(one_hot("music", "noise"), [SILENT, SILENT]))
    assert summary.label == SILENCE
    assert [share.score for share in summary.shares] == [0, 0, 0, 1]
    assert summary.silent_s == summary.duration_s
    assert segments == [TrackSegment("track", 0.0, 7.0, SILENCE, 1.0)]


def test_silence_that_a_model_knows_is_its_own_class():
    classes = ("music", SILENCE)
    summary, segments = label(scored([[1, 0], [0.25, 0.75], [1, 0]], [LOUD, LOUD, SILENT]), classes)
    assert [(share.label, share.score) for share in summary.shares] == [("music", 0.625), (SILENCE, 0.375)]
    assert [segment.label for segment in segments] == ["music", SILENCE]


@settings(derandomize=True, deadline=None)
@given(items())
def test_a_track_reversed_has_its_segments_mirrored(item):
    """Windows of the reversed track are the same if they lie on the hop from both ends."""
    whole_s = WINDOW_S + (len(item.scores) - 1) * HOP_S
    forth, forth_segments = label(scored(item.scores, item.levels_db, whole_s))
    back, back_segments = label(scored(item.scores[::-1], item.levels_db[::-1], whole_s))
    assume(not tied(item))
    mirrored = back_segments[::-1]
    assert [each.label for each in mirrored] == [each.label for each in forth_segments]
    assert [each.score for each in mirrored] == pytest.approx([each.score for each in forth_segments])
    assert [whole_s - each.end_s for each in mirrored] == pytest.approx([each.start_s for each in forth_segments])
    assert [share.score for share in back.shares] == pytest.approx([share.score for share in forth.shares])


def tied(item):
    """Whether rounding may decide: a tie of two classes is broken by their order."""
    sounding = np.where(item.levels_db[:, np.newaxis] == SILENT, 0, item.scores).astype(np.float64)
    padded = np.pad(sounding, [(1, 1), (0, 0)])
    smooth = np.sort(sounding + 0.5 * (padded[:-2] + padded[2:]), axis=1)
    return (smooth[:, -1] - smooth[:, -2] < 1e-5).any()


@settings(derandomize=True, deadline=None)
@given(items(), st.permutations(range(3)))
def test_the_order_of_classes_changes_nothing_but_the_order_of_shares(item, order):
    assume(not tied(item))
    summary, segments = label(item)
    reordered = scored(item.scores[:, order], item.levels_db, item.duration_s)
    other, same = label(reordered, [CLASSES[number] for number in order])
    assert same == segments
    assert {each.label: each for each in other.shares} == {each.label: each for each in summary.shares}


def test_a_window_among_others_is_smoothed_away_unless_smoothing_is_0():
    item = scored([[0.8, 0, 0.2], [0.4, 0, 0.6], [0.8, 0, 0.2]])
    assert [segment.label for segment in label(item)[1]] == ["music"]
    segments = label(item, config=LabelConfig(smoothing=0))[1]
    assert [segment.label for segment in segments] == ["music", "noise", "music"]
    assert [segment.start_s for segment in segments] == [0, 3.5, 6.5]
    assert [segment.score for segment in segments] == pytest.approx([0.8, 0.6, 0.8])


def test_edges_are_those_of_the_windows_stretches():
    item = scored(one_hot("music", "noise", "speech"), duration_s=8.5)
    _, segments = label(item, config=LabelConfig(smoothing=0))
    assert [each.start_s for each in segments] + [8.5] == edges_s(3, WINDOW_S, HOP_S, 8.5).tolist()


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"silent_below_db": 1}, "silent_below_db must be at most 0, got 1"),
        ({"silent_below_db": float("nan")}, "silent_below_db must be at most 0, got nan"),
        ({"smoothing": -0.1}, "smoothing must be between 0 and 1, got -0.1"),
        ({"smoothing": 1.5}, "smoothing must be between 0 and 1, got 1.5"),
    ],
)
def test_a_knob_out_of_range_is_an_error(knobs, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        LabelConfig(**knobs)
