import datetime
import json

import pytest

from models.decisions import Decision, DecisionError, find_key, read_decisions

_KEY = {"run_id": "first", "media_id": "item", "track_id": "track", "start_s": 0.5, "end_s": 3.0}
_MOMENT = "2026-11-24T22:00:00.000Z"


def write(**changes):
    usual = {
        "table": "music_matches",
        **_KEY,
        "decision": "accept",
        "correction": {},
        "note": "",
        "decided_at": _MOMENT,
    }
    return json.dumps(usual | changes)


def test_decisions_are_read_as_they_were_exported():
    lines = [write(), "\n", write(decision="correct", correction={"track_id": "other"}, note="the live take")]
    moment = datetime.datetime(2026, 11, 24, 22, tzinfo=datetime.UTC)
    assert list(read_decisions(lines)) == [
        Decision("music_matches", _KEY, "accept", {}, "", moment),
        Decision("music_matches", _KEY, "correct", {"track_id": "other"}, "the live take", moment),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "3",
        write(table="unknown"),
        write(decision="maybe"),
        write(decision="correct"),
        write(correction={"track_id": "other"}),
        write(decision="correct", correction={"artist": "other"}),
        write(decision="correct", correction={"start_s": "early"}),
        write(table="moderation", decision="correct", correction={"verdict": "perhaps"}),
        write(table="track_labels", decision="correct", correction={"decision": "noise"}),
        write(decided_at="yesterday"),
        json.dumps({"table": "moderation", "decision": "accept", "decided_at": _MOMENT}),
    ],
)
def test_what_is_no_decision_says_where(line):
    with pytest.raises(DecisionError, match=r"line 2: expected a decision, got"):
        list(read_decisions([write(), line]))


def test_a_row_is_known_by_its_key():
    assert find_key("music_matches", _KEY | {"score": 3.0}) == _KEY
