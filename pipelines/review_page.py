"""The page on which a reviewer decides about rows of a run by keyboard."""

from collections.abc import Mapping
from typing import Any

from models.decisions import CORRECTIONS, KEYS, find_key
from models.formatting import name_page, show
from models.listings import Row
from pipelines.exhibits import Exhibit
from pipelines.report_pages import CHUNK_ROWS, Report, batches, write_data

_FOLDERS = {"music_matches": "episodes", "track_labels": "tracks", "moderation": "videos", "author_links": "audiobooks"}
_TITLES = {
    "music_matches": "plays in episodes",
    "track_labels": "what tracks are",
    "moderation": "verdicts on videos and images",
    "author_links": "who wrote audiobooks",
}
_NUMBERS = ("start_s", "end_s")


def write_review(report: Report, exhibits: Mapping[tuple[str, int], Exhibit]) -> None:
    """review.html and its data."""
    rows = [_pack(row, exhibits) for row in report.rows("review")]
    chunks = list(batches(rows, CHUNK_ROWS))
    for number, chunk in enumerate(chunks):
        write_data(report.write, f"review-{number}", chunk)
    report.page(
        "review.html",
        "review.html",
        total=len(rows),
        chunks=len(chunks),
        tables=[(table, _TITLES[table]) for table in KEYS],
        corrections={
            table: {name: "number" if name in _NUMBERS else "text" for name in names}
            for table, names in CORRECTIONS.items()
        },
    )


def _pack(row: Row, exhibits: Mapping[tuple[str, int], Exhibit]) -> dict[str, Any]:
    """What review.js knows of a row."""
    table = row["table"]
    anchor = f"#match-{row['number']}" if table == "music_matches" else ""
    exhibit = exhibits.get((row["media_id"], row["number"])) if table == "music_matches" else None
    times = f", {show('clock', row['start_s'])} to {show('clock', row['end_s'])}" if table == "music_matches" else ""
    return {
        "table": table,
        "key": find_key(table, row),
        "href": f"{_FOLDERS[table]}/{name_page(row['media_id'])}.html{anchor}",
        "what": row["what"],
        "found": f"{row['found'] or ''}{times}",
        "score": None if row["score"] is None else show("nats" if table == "music_matches" else "score", row["score"]),
        "start": row["start_s"],
        "clips": [] if exhibit is None else exhibit.describe_clips(),
    }
