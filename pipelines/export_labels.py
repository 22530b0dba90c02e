"""Turns reviewers' decisions, as a report exports them, into labels for the pipelines that evaluate.

linernotes export_labels --tables build/tables --decisions decisions.jsonl --output build/labels
"""

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from configs.loading import ConfigError
from models.decision_labels import TRACK_COLUMNS, label_authors, label_tracks, label_verdicts
from models.overrides import list_decisions
from transforms.overrides import load_decisions
from transforms.tables import read_table


def main(arguments: Sequence[str]) -> int:
    """Writes verdicts.csv for evaluate_tags, tracks.csv for evaluate_tracks, authors.jsonl for evaluate_authors; 0."""
    parser = argparse.ArgumentParser(prog="linernotes export_labels", description=__doc__.partition("\n")[0])
    parser.add_argument("--tables", metavar="OUTPUT", required=True, help="that the decisions are about")
    parser.add_argument("--decisions", metavar="FILE", required=True, help="JSON Lines that a report has exported")
    parser.add_argument("--output", metavar="FOLDER", required=True, type=Path, help="of the labels")
    options = parser.parse_args(arguments)
    try:
        decisions = load_decisions(options.decisions)
    except ValueError as error:
        raise ConfigError(str(error)) from error

    decided = {table: list_decisions(decisions, table) for table in ("moderation", "track_labels", "author_links")}
    found = {table: _read(options.tables, table) for table in decided}
    statuses = _read(options.tables, "media_status", "classify_tracks")
    uris = {key: row["uri"] for key, row in statuses.items()}
    options.output.mkdir(parents=True, exist_ok=True)
    verdicts = list(label_verdicts(decided["moderation"], found["moderation"]))
    tracks = list(label_tracks(decided["track_labels"], found["track_labels"], uris))
    authors = list(label_authors(decided["author_links"], found["author_links"]))
    _write_csv(options.output / "verdicts.csv", ("media_id", "verdict"), verdicts)
    _write_csv(options.output / "tracks.csv", TRACK_COLUMNS, tracks)
    (options.output / "authors.jsonl").write_text("".join(json.dumps(row) + "\n" for row in authors), encoding="utf-8")
    counts = f"{len(verdicts)} verdicts, {len(tracks)} tracks, {len(authors)} audiobooks"
    print(f"{len(decisions)} decisions: labels of {counts}, in {options.output}")
    return 0


def _read(tables: str, table: str, pipeline: str | None = None) -> dict[tuple[str, str], dict[str, Any]]:
    rows = read_table(tables, table).to_pylist()
    return {(row["run_id"], row["media_id"]): row for row in rows if pipeline in (None, row["pipeline"])}


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
