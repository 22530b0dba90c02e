"""Decisions become labels that evaluating pipelines take. Oracle: the decisions, and the rows that they are about."""

import csv
import datetime
import json

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from models.records import AuthorLink, AuthorLinks, MediaStatus, Moderation, Provenance, TrackLabel
from models.tag_labels import parse_labels
from pipelines.cli import main
from pipelines.gold import read_gold
from pipelines.recordings import read_labels
from transforms.files import read_records
from transforms.tables import WriteTables

NOON = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)
LINK = AuthorLink("a1", "Ann", "A.", "initials", 0.6, None, None, 0.6, ())


def track(media_id, label, album=None):
    return TrackLabel(media_id, label, "review", None, "", 0.5, (), 9.0, 0.0, None, None, None, album, None, None)


ROWS = {
    "tag_videos": {"moderation": [Moderation(name, "block", "rule", ()) for name in ("kept", "wrong", "unsure")]},
    "classify_tracks": {
        "track_labels": [track("kept", "music", "LP"), track("wrong", "noise"), track("unsure", "noise")],
        "media_status": [
            MediaStatus(name, f"/{name}.mp3", "done", None, None, 9.0, "c", "d") for name in ("kept", "wrong", "unsure")
        ],
    },
    "attribute_audiobooks": {
        "author_links": [
            AuthorLinks("kept", "review", (LINK,), None, 0.6, "T", (), ()),
            AuthorLinks("wrong", "linked", (LINK,), None, 0.9, "T", (), ()),
            AuthorLinks("unsure", "linked", (LINK,), None, 0.9, "T", (), ()),
            AuthorLinks("new", "new_author", (), "new-1", 0.1, "T", (), ()),
        ]
    },
}
CORRECTIONS = {
    "moderation": {"verdict": "allow"},
    "track_labels": {"label": "speech"},
    "author_links": {"author_id": "a2"},
}


@pytest.fixture
def labels(tmp_path):
    """The folder of labels of decisions about one row of each kind, and about a row that is gone."""
    for pipeline, tables in ROWS.items():
        with beam.Pipeline(options=PipelineOptions([], runner="FnApiRunner")) as root:
            records = {table: root | table >> beam.Create(rows) for table, rows in tables.items()}
            types = {table: type(rows[0]) for table, rows in tables.items()}
            _ = records | WriteTables(f"{tmp_path}/tables", Provenance("first", pipeline, "1", "m", NOON), types)
    lines = []
    for table, correction in CORRECTIONS.items():
        words = {"kept": "accept", "wrong": "correct", "unsure": "reject", "gone": "accept"}
        for media_id, word in (words | ({"new": "accept"} if table == "author_links" else {})).items():
            line = {"table": table, "run_id": "first", "media_id": media_id, "decision": word}
            changes = {"correction": correction} if word == "correct" else {}
            lines.append(json.dumps({**line, **changes, "decided_at": NOON.isoformat()}) + "\n")
    (tmp_path / "decisions.jsonl").write_text("".join(lines))
    words = ["--tables", f"{tmp_path}/tables", "--decisions", f"{tmp_path}/decisions.jsonl"]
    assert main(["export_labels", *words, "--output", f"{tmp_path}/labels"]) == 0
    return tmp_path / "labels"


def test_verdicts_are_labels_of_evaluate_tags(labels):
    assert parse_labels(read_records(f"{labels}/verdicts.csv")) == ([], {"kept": "block", "wrong": "allow"})


def test_tracks_are_labels_of_evaluate_tracks(labels):
    read = read_labels(f"{labels}/tracks.csv")
    found = {name: (row["uri"], row["label"], row["is_music"], row["group"]) for name, row in read.items()}
    assert found == {"kept": ("/kept.mp3", "music", "1", "LP"), "wrong": ("/wrong.mp3", "speech", "0", "")}


def test_authors_are_gold_of_evaluate_authors(labels, tmp_path):
    with (tmp_path / "authors.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "name"), ("a1", "Ann"), ("a2", "Art")])
    gold = read_gold(f"{labels}/authors.jsonl", "media_id", f"{tmp_path}/authors.csv")
    assert {name: set(row["authors"]) for name, row in gold.items()} == {
        "kept": {"a1"}, "wrong": {"a2"}, "new": {"NIL new-1"},
    }  # fmt: skip


def test_what_is_no_decision_is_refused(tmp_path, capsys):
    (tmp_path / "decisions.jsonl").write_text("{}\n")
    words = ["--tables", str(tmp_path), "--decisions", f"{tmp_path}/decisions.jsonl", "--output", str(tmp_path)]
    assert main(["export_labels", *words]) == 2
    assert "line 1: expected a decision" in capsys.readouterr().err
