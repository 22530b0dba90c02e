"""Decisions of a reviewer about rows of a run: what a report exports, a JSON object a line.

{"table": "music_matches", "run_id": …, "media_id": …, "track_id": …, "start_s": …, "end_s": …,
 "decision": "correct", "correction": {"track_id": "…"}, "note": "", "decided_at": "2026-11-24T22:00:00.000Z"}
"""

import dataclasses
import datetime
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from models.moderation import ACTIONS
from models.policies import FUNCTIONAL, MUSIC, REVIEW, SPEECH

VERDICTS = ("accept", "reject", "correct")
# Of each table that is reviewed: what tells a row from all others, and what may be corrected.
KEYS: Mapping[str, tuple[str, ...]] = {
    "music_matches": ("run_id", "media_id", "track_id", "start_s", "end_s"),
    "track_labels": ("run_id", "media_id"),
    "moderation": ("run_id", "media_id"),
    "author_links": ("run_id", "media_id"),
}
CORRECTIONS: Mapping[str, tuple[str, ...]] = {
    "music_matches": ("track_id", "start_s", "end_s"),
    "track_labels": ("label", "decision"),
    "moderation": ("verdict",),
    "author_links": ("author_id",),
}
_NUMBERS = ("start_s", "end_s")
_VALUES = {"decision": (MUSIC, FUNCTIONAL, SPEECH, REVIEW), "verdict": ACTIONS}


class DecisionError(ValueError):
    """A line that is no decision: says which, what was expected and what came."""


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """What a reviewer says of a row. correction: of a row to correct, what should stand there."""

    table: str
    key: Mapping[str, Any]
    decision: str  # accept, reject or correct
    correction: Mapping[str, Any]
    note: str
    decided_at: datetime.datetime


def find_key(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """What tells the row from all others of its table."""
    return {name: row[name] for name in KEYS[table]}


def read_decisions(lines: Iterable[str]) -> Iterator[Decision]:
    """The decisions of a JSON Lines file; DecisionError for a line that is none."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield _read(json.loads(line))
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise DecisionError(
                    f"line {number}: expected a decision, got {line.strip()[:200]}: {error!r}"
                ) from error


def _read(values: Mapping[str, Any]) -> Decision:
    table, decision, correction = values["table"], values["decision"], values.get("correction") or {}
    if table not in KEYS or decision not in VERDICTS:
        raise ValueError(f"table must be of {', '.join(KEYS)} and decision of {', '.join(VERDICTS)}")
    unknown = correction.keys() - {*CORRECTIONS[table]}
    if unknown or (decision == "correct") != bool(correction):
        raise ValueError(f"a correction has {', '.join(CORRECTIONS[table])}, and only what is to be corrected has one")
    if not all(isinstance(correction[name], int | float) for name in _NUMBERS if name in correction):
        raise ValueError(f"{', '.join(_NUMBERS)} must be numbers")
    for name, allowed in _VALUES.items():
        if correction.get(name, allowed[0]) not in allowed:
            raise ValueError(f"{name} must be of {', '.join(allowed)}")
    decided_at = datetime.datetime.fromisoformat(values["decided_at"])
    return Decision(table, find_key(table, values), decision, correction, values.get("note", ""), decided_at)
