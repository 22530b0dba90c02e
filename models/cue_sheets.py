"""Cue sheets: what a royalty desk files for an item, one CSV each (RFC 4180, UTF-8), a row a cue in order of time.

Times are hours, minutes, seconds and milliseconds, of hours as many digits as it takes. A row's `duration` is its `out`
less its `in` exactly. Numbers are numbers; text that a spreadsheet would take for a formula has a ' before it.
"""

import csv
import dataclasses
import hashlib
import io
import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from models.records import MediaStatus

COLUMNS = (
    "media_id",
    "sequence",
    "in",
    "out",
    "duration",
    "title",
    "artist",
    "isrc",
    "rights_holder",
    "usage",
    "level_db",
    "speed",
    "track_id",
)
_STATUS_FIELDS = [field.name for field in dataclasses.fields(MediaStatus)]
_FORMULA_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"  # a spreadsheet folds the full-width ones
# At the start, and wherever a program that takes ';', tabs or lines for separators would begin a cell (OWASP, "CSV
# Injection").
_FORMULA = re.compile(rf"\A(?=[\s\0]*[{_FORMULA_SIGNS}]|[\t\r\n\0])|(?<=[;\t\r\n])(?=[{_FORMULA_SIGNS}])")
_DEVICES = r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|\Z)"  # no file names on Windows, whatever follows the dot
_PLAIN_NAME = re.compile(rf"(?!{_DEVICES})[a-z0-9][a-z0-9._-]{{0,99}}")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


@dataclasses.dataclass(frozen=True, slots=True)
class MatchedItem:
    """What a run of match_podcasts says of one item: its status, and its rows of `music_matches`."""

    status: MediaStatus
    matches: tuple[Mapping[str, Any], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class CueSheet:
    """Row of `cue_sheets`: which file is an item's cue sheet, and what it adds up to. Without music it has no cues."""

    media_id: str
    uri: str  # of the CSV
    cues: int
    seconds: float  # the sum of the durations


def gather_item(
    run_id: str, statuses: Iterable[Mapping[str, Any]], matches: Iterable[Mapping[str, Any]]
) -> Iterator[MatchedItem]:
    """A run's item, from the rows that all runs have of its media_id: `media_status` and `music_matches`.

    Of an item that the run skipped, the matches may be another run's, which did it with the same content and config.
    Items that shared the media_id all failed, and are yielded one by one; of an item that the run did not have, none.
    """
    known, matches_by_run = list(statuses), defaultdict(list)
    for match in matches:
        matches_by_run[match["run_id"]].append(match)
    for row in known:
        if row["run_id"] == run_id:
            status = MediaStatus(**{name: row[name] for name in _STATUS_FIELDS})
            run = _maker(row, known, matches_by_run) if status.status == "skipped" else run_id
            yield MatchedItem(status, tuple(matches_by_run[run]))


def encode_cue_sheet(matches: Iterable[Mapping[str, Any]]) -> str:
    """The CSV of one item's rows of `music_matches`; of none, the header alone.

    What an older run's rows do not tell, `usage` and `level_db`, is left empty.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for sequence, match in enumerate(sorted(matches, key=_in_order), 1):
        writer.writerow([_protect(cell) for cell in _cells(sequence, match)])
    return text.getvalue()


def sum_durations(matches: Iterable[Mapping[str, Any]]) -> float:
    """What the durations on a cue sheet add up to, in seconds."""
    return sum(_milliseconds(match["end_s"]) - _milliseconds(match["start_s"]) for match in matches) / 1000


def name_cue_sheet(media_id: str) -> str:
    """The file's name, of its own for each media_id, also where upper and lower case are one.

    A media_id of a to z, 0 to 9, '.', '_' and '-' is the name itself. Of another it has what is safe, and a digest.
    """
    if _PLAIN_NAME.fullmatch(media_id):
        return f"{media_id}.csv"
    digest = hashlib.blake2b(media_id.encode(), digest_size=8).hexdigest()
    return f"{_UNSAFE.sub('_', media_id).strip('_-')[:80] or 'item'}~{digest}.csv"


def _maker(row: Mapping[str, Any], known: Iterable[Mapping[str, Any]], runs: Container[str]) -> str:
    """Which of the runs with matches did what a run skipped: itself, where rows were kept, else the latest."""
    same = (other for other in known if all(other[name] == row[name] for name in ("content", "config_digest")))
    makers = [other for other in same if other["run_id"] in runs] or [row]
    latest = max(makers, key=lambda other: (other["run_id"] == row["run_id"], other["processed_at"]))
    return str(latest["run_id"])


def _cells(sequence: int, match: Mapping[str, Any]) -> list[str | int | float | None]:
    start, end = _milliseconds(match["start_s"]), _milliseconds(match["end_s"])
    level_db = match.get("level_db")
    return [
        match["media_id"],
        sequence,
        _timecode(start),
        _timecode(end),
        _timecode(end - start),
        match["title"],
        match["artist"],
        match["isrc"],
        match["rights_holder"],
        match.get("usage"),
        None if level_db is None else round(level_db, 1) + 0.0,  # no -0.0
        round(match["speed"], 4),
        match["track_id"],
    ]


def _protect(cell: str | int | float | None) -> str | int | float | None:
    return _FORMULA.sub("'", cell) if isinstance(cell, str) else cell


def _in_order(match: Mapping[str, Any]) -> tuple[float, float, str]:
    return match["start_s"], match["end_s"], match["track_id"]


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _timecode(milliseconds: int) -> str:
    """HH:MM:SS.mmm"""
    seconds, thousandths = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{thousandths:03}"
