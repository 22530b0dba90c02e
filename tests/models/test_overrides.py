"""What reviewers say counts: of the row they meant, and of no other."""

import dataclasses
import datetime

import pytest

from models.decisions import Decision
from models.overrides import list_decisions, override_label, override_links, override_match, override_verdict
from models.policies import PolicyConfig
from models.records import AuthorLink, AuthorLinks, Evidence, Moderation, MusicMatch, Recording, TrackLabel

NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
MATCH = MusicMatch(
    "episode", "song", 10.0, 20.0, 3.0, 1.0, 1.0, 50.0, -3.0, "background", ("remaster", "edit"), "Song", "A", "I", "R"
)
LABEL = TrackLabel(
    "track", "noise", "functional", "reduced", "noise", 0.01, (), 300.0, 0.0, None, "T", "A", None, None, None
)
VERDICT = Moderation("video", "block", "rule", (Evidence("rule", "block", "gun", 0.9, 0.5, 0.0, 1.0, None),))
LINK = AuthorLink("a1", "Ann Author", "A. Author", "initials", 0.6, "a2", "Art Author", 0.1, ("the initials fit",))
LINKS = AuthorLinks("book", "review", (LINK,), None, 0.6, "Title", ("A. Author",), ())


def decide(table, decision, media_id, hours=0, correction=None, **key):
    decided_at = NOON + datetime.timedelta(hours=hours)
    return Decision(table, {"media_id": media_id, **key}, decision, correction or {}, "", decided_at)


def about_match(decision, track_id="song", start_s=10.0, end_s=20.0, correction=None):
    key = {"track_id": track_id, "start_s": start_s, "end_s": end_s}
    return decide("music_matches", decision, "episode", correction=correction, **key)


def test_decisions_are_listed_by_item_the_last_first_and_of_their_table_alone():
    early, late = (decide("moderation", word, "video", hours) for word, hours in [("accept", 1), ("reject", 2)])
    other = decide("track_labels", "reject", "video", 3)
    assert list_decisions([early, other, late], "moderation") == {"video": (late, early)}


def test_a_rejected_match_is_gone_and_an_accepted_one_stays():
    assert override_match(MATCH, [about_match("reject")], {}) is None
    assert override_match(MATCH, [about_match("accept"), about_match("reject")], {}) == MATCH
    assert override_match(MATCH, [], {}) == MATCH


@pytest.mark.parametrize(
    ("start_s", "end_s", "is_same"),
    [
        (9.4, 20.3, True),
        (15.0, 25.0, True),
        (15.1, 25.1, False),
        (12.0, 14.0, True),
        (20.0, 30.0, False),
        (40, 50, False),
    ],
)
def test_a_play_is_the_same_if_half_of_the_shorter_is(start_s, end_s, is_same):
    overridden = override_match(MATCH, [about_match("reject", start_s=start_s, end_s=end_s)], {})
    assert (overridden is None) == is_same


def test_a_decision_about_another_recording_changes_nothing():
    assert override_match(MATCH, [about_match("reject", track_id="remaster")], {}) == MATCH


def test_a_corrected_match_has_what_the_catalogue_says_of_the_right_recording():
    decision = about_match("correct", correction={"track_id": "remaster", "start_s": 9.5})
    remaster = Recording("remaster", "Song (2020)", "A", "I2", "R2")
    expected = dataclasses.replace(
        MATCH,
        track_id="remaster",
        start_s=9.5,
        title="Song (2020)",
        isrc="I2",
        rights_holder="R2",
        alternatives=("edit",),
    )
    assert override_match(MATCH, [decision], {"remaster": remaster}) == expected
    unknown = override_match(MATCH, [decision], {})
    assert (unknown.track_id, unknown.title, unknown.rights_holder) == ("remaster", None, None)


@pytest.mark.parametrize(
    ("word", "correction", "label", "decision", "rate"),
    [
        ("accept", {}, "noise", "functional", "reduced"),
        ("reject", {}, "noise", "review", None),
        ("correct", {"label": "music"}, "music", "music", "full"),
        ("correct", {"label": "nature"}, "nature", "functional", "reduced"),
        ("correct", {"label": "tonal", "decision": "music"}, "tonal", "music", "full"),
    ],
)
def test_a_label_and_what_follows_are_as_the_reviewer_has_them(word, correction, label, decision, rate):
    policy = PolicyConfig(functional=("noise", "nature"))
    overridden = override_label(LABEL, decide("track_labels", word, "track", correction=correction), policy)
    assert (overridden.label, overridden.decision, overridden.rate) == (label, decision, rate)
    assert overridden.rule.startswith("reviewer") == (word != "accept")


def test_a_verdict_is_as_the_reviewer_has_it_and_the_evidence_stays():
    accept, reject, correct = (
        override_verdict(VERDICT, decide("moderation", word, "video", correction=correction))
        for word, correction in [("accept", {}), ("reject", {}), ("correct", {"verdict": "allow"})]
    )
    assert accept == VERDICT
    assert reject == dataclasses.replace(VERDICT, verdict="review", rule="reviewer")
    assert correct == dataclasses.replace(VERDICT, verdict="allow", rule="reviewer")


def test_links_are_as_the_reviewer_has_them():
    accept, reject, correct = (
        override_links(LINKS, decide("author_links", word, "book", correction=correction), {"a2": "Art Author"})
        for word, correction in [("accept", {}), ("reject", {}), ("correct", {"author_id": "a2"})]
    )
    assert accept == dataclasses.replace(LINKS, decision="linked")
    assert reject == dataclasses.replace(LINKS, decision="unknown", links=())
    assert (correct.decision, correct.links[0].author_id, correct.links[0].name) == ("linked", "a2", "Art Author")
    assert (correct.links[0].evidence, correct.links[0].score) == ("reviewer", 1.0)
