"""Oracles: labels and scores worked out by hand."""

import math
import re

import pytest

from models.manifests import ManifestError
from models.moderation import ModerationConfig, Rule, Unless
from models.records import MediaTag, ShotTag, TimeRange
from models.tag_labels import (
    TaggedItem,
    TagLabel,
    find_item_examples,
    find_shot_examples,
    find_shots,
    parse_labels,
    takes,
)

SHOTS = {0: TimeRange(0.0, 2.0), 1: TimeRange(2.0, 6.0), 2: TimeRange(6.0, 7.0)}
POLICY = ModerationConfig({"arms": ("knife", "gun")})
KNIFE = Rule("knife", 0.5, "block", "knife")


def row(media_id="a", **columns):
    return {"media_id": media_id, **columns}


def label(value=True, media_id="a", tag="knife", stretch=None):
    return TagLabel(media_id, tag, value, stretch and TimeRange(*stretch))


def shot_tag(shot, score, tag="knife"):
    return ShotTag("a", shot, SHOTS[shot].start_s, SHOTS[shot].end_s, tag, score, "model")


def media_tag(tag, score, *ranges, source="model"):
    return MediaTag("a", tag, score, 1.0, source, tuple(TimeRange(*each) for each in ranges))


def item(*shot_tags, media_tags=()):
    return TaggedItem(SHOTS, shot_tags, media_tags, None)


# Labels


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"label": "1"}, label()),
        ({"label": 0}, label(False)),
        ({"label": " True "}, label()),
        ({"label": False, "start_s": ""}, label(False)),
        ({"label": 1.0, "start_s": math.nan, "end_s": None}, label()),
        ({"label": ""}, label(None)),
        ({}, label(None)),
        ({"label": "1", "start_s": "1.5", "end_s": 3}, label(stretch=(1.5, 3.0))),
    ],
)
def test_a_label_is_read_however_it_is_written(columns, expected):
    assert parse_labels([("here", row(tag="knife", **columns))]) == ([expected], {})


def test_verdicts_are_labels_too_and_the_last_is_right():
    rows = [
        row(verdict="block"),
        row(verdict="", tag="knife", label="1"),
        row(verdict="review", reviewer="R"),
        row("b", verdict="allow"),
    ]
    assert parse_labels(("here", each) for each in rows) == ([label()], {"a": "review", "b": "allow"})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"tag": "knife", "label": "yes"}, "expected label 1, 0 or none, got 'yes'"),
        ({"label": "1"}, "expected tag and label, or verdict, got neither"),
        ({"verdict": "blocked"}, "expected verdict allow, review, block or none, got 'blocked'"),
        ({"media_id": " ", "verdict": "block"}, "media_id must not be empty"),
        ({"tag": "a", "label": 1, "start_s": 2}, "expected start_s and end_s in seconds, in order, got '2', ''"),
        (
            {"tag": "a", "label": 1, "start_s": 2, "end_s": 1},
            "expected start_s and end_s in seconds, in order, got '2', '1'",
        ),
        (
            {"tag": "a", "label": 1, "start_s": "0:02", "end_s": "nan"},
            "expected start_s and end_s in seconds, in order, got '0:02', 'nan'",
        ),
    ],
)
def test_a_row_that_cannot_be_understood_is_an_error(columns, message):
    with pytest.raises(ManifestError, match=f"^labels.csv, line 2: {re.escape(message)}$"):
        parse_labels([("labels.csv, line 2", row() | columns)])


@pytest.mark.parametrize(
    ("stretch", "expected"),
    [
        ((0, 7), [0, 1, 2]),
        ((1, 4), [0]),  # the middles are 1, 4 and 6.5
        ((1.1, 4.1), [1]),
        ((0, 0.5), [0]),  # no middle is in it, and its own is in shot 0
        ((2, 2), [1]),
        ((7, 9), []),
    ],
)
def test_a_stretch_labels_the_shots_whose_middle_it_holds(stretch, expected):
    assert find_shots(SHOTS, TimeRange(*stretch)) == expected


def test_a_stretch_labels_an_image():
    assert find_shots({0: TimeRange(0.0, 0.0)}, TimeRange(0.0, 0.0)) == [0]
    assert find_shots({0: TimeRange(0.0, 0.0)}, TimeRange(0.0, 5.0)) == [0]


# Examples


def test_an_item_counts_with_the_threshold_up_to_which_the_rule_fires():
    items = {"a": item(shot_tag(0, 0.9), shot_tag(1, 0.6), shot_tag(0, 0.8, "gun")), "b": item(), "c": item()}
    labels = [label(), label(False, "b"), label(True, "not in the run"), label(True, "c"), label(None, "c")]
    assert find_item_examples(KNIFE, items, labels, POLICY) == [(0.9, True), (0.0, False)]
    long = Rule("long", 0.5, "block", "knife", min_duration_s=3.0)
    assert find_item_examples(long, items, labels[:1], POLICY) == [(0.6, True)]
    armed = Rule("armed", 0.5, "block", group="arms", unless=(Unless(0.5, "toy"),))
    assert find_item_examples(armed, items, [label(False)], POLICY) == [(0.9, False)]
    toys = {"a": item(shot_tag(0, 0.9), shot_tag(1, 0.6), shot_tag(0, 0.5, "toy"))}
    assert find_item_examples(armed, toys, [label(False), label()], POLICY) == [(0.6, True)]


def test_a_shot_counts_by_itself_however_short_it_is():
    tags = item(
        shot_tag(0, 0.9), shot_tag(2, 0.3), shot_tag(0, 0.8, "gun"), media_tags=[media_tag("knife", 1.0, (0, 7))]
    )
    labels = [label(stretch=(0, 2)), label(False, stretch=(2, 7)), label(stretch=(6, 7)), label(False)]
    long = Rule("long", 0.5, "block", "knife", min_duration_s=30.0)
    assert find_shot_examples(long, {"a": tags}, labels, POLICY) == [(0.9, True), (0.0, False), (0.3, True)]
    armed = Rule("armed", 0.5, "block", group="arms", unless=(Unless(0.5, "knife"),))
    assert find_shot_examples(armed, {"a": tags}, labels, POLICY) == [(0.0, True), (0.0, False), (0.3, True)]


def test_what_is_computed_counts_in_the_shots_where_it_is():
    flashing = media_tag("flashing", 0.8, (1.5, 2.0), (6.0, 6.5), source="computed")
    labels = [label(tag="flashing", stretch=(0, 7))]
    rule = Rule("flashing", 0.5, "block", "flashing")
    examples = find_shot_examples(rule, {"a": item(media_tags=[flashing])}, labels, POLICY)
    assert examples == [(0.8, True), (0.0, True), (0.8, True)]


def test_a_rule_takes_labels_of_its_tag_or_group_and_of_the_item_if_it_is_of_the_item():
    armed = Rule("armed", 0.5, "block", group="arms", level="media")
    stretch = (0, 1)
    labels = [label(), label(tag="arms"), label(stretch=stretch), label(tag="arms", stretch=stretch)]
    assert [takes(KNIFE, each) for each in labels] == [True, False, True, False]
    assert [takes(armed, each) for each in labels] == [False, True, False, False]
