"""Runs every pipeline on the sample catalogue and prints what was found beside the truth, and reports: `make run`.

linernotes sample
"""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipelines import cli

_SAMPLE = Path("tests/sample")
_CONFIGS = Path("configs")
_OUTPUT = Path("build/tables")
_REPORT = Path("build/report")
_LIKELY = 0.5
_PIPELINES = (
    "index_tracks",
    "match_podcasts",
    "export_cue_sheets",
    "classify_tracks",
    "embed_media",
    "attribute_audiobooks",
    "tag_videos",
)


def main(arguments: Sequence[str]) -> int:
    """The exit status of the first pipeline that fails, else 0. To be run in the repository."""
    if not _SAMPLE.is_dir():
        raise SystemExit(f"linernotes sample: expected the folder {_SAMPLE}: run it in a checkout of the repository")
    for name in _PIPELINES:
        print(f"== {name}")
        status = cli.main([name, "--config", str(_CONFIGS / f"{name}.yaml"), "--run_id", "sample", *arguments])
        if status:
            return status
    _print_matches()
    _print_usage()
    _print_labels()
    _print_authors()
    _print_shots()
    _print_verdicts()
    print(f"\nTables: {_OUTPUT.resolve()}/TABLE/*.parquet")
    return cli.main(["report", "--tables", str(_OUTPUT), "--run_id", "sample", "--output", str(_REPORT.resolve())])


def _print_matches() -> None:
    truths = _group(_read_csv(_SAMPLE / "truth_music.csv"), "episode")
    matches = _group(_read_rows("music_matches"), "media_id")
    for row in sorted(_read_rows("media_status"), key=lambda row: row["media_id"]):
        if row["pipeline"] != "match_podcasts":
            continue
        media_id = row["media_id"]
        print(f"\n{media_id}: {row['status']}" + (f" at {row['step']}: {row['reason']}" if row["step"] else ""))
        left = sorted(matches[media_id], key=lambda match: match["start_s"])
        for truth in truths[media_id]:
            heard = [match for match in left if _fits(match, truth)]
            left = [match for match in left if match not in heard]
            print(f"  {_describe_truth(truth):64} {_describe_found(heard)}")
        for match in left:
            print(f"  {'nothing':64} {_describe_found([match])}")


def _print_usage() -> None:
    print("\nrights holder                     items  tracks   plays  seconds")
    for row in sorted(_read_rows("rights_holder_usage"), key=lambda row: -row["seconds"]):
        counts = "".join(f"{row[name]:8}" for name in ("items", "tracks", "plays"))
        print(f"{row['rights_holder']:31}{counts}{row['seconds']:9.1f}")


def _print_labels() -> None:
    truths = {row["media_id"]: row["class"] for row in _read_csv(_SAMPLE / "truth_tracks.csv")}
    nearest = _find_nearest()
    print("\ntrack               is       heard as    music   decision    rate      sounds most like")
    for row in sorted(_read_rows("track_labels"), key=lambda row: -row["music_score"]):
        name = row["media_id"]
        heard = f"{row['label']:10}{row['music_score']:7.3f}"
        print(f"{name:20}{truths[name]:9}{heard}   {row['decision']:12}{row['rate'] or '':10}{nearest[name]}")


def _print_authors() -> None:
    truths = {row["media_id"]: row["authors"] for row in _read_json(_SAMPLE / "truth_authors.jsonl")}
    names = {row["id"]: row["name"] for row in _read_json(_SAMPLE / "authors.jsonl")}
    print("\naudiobook     as the record has it                      written by                    decision    found")
    for row in sorted(_read_rows("author_links"), key=lambda row: row["media_id"]):
        truth = ", ".join(names.get(each, "not among the known") for each in truths[row["media_id"]])
        found = ", ".join(f"{each['name']} {each['score']:.2f}" for each in row["links"]) or row["new_author_id"] or ""
        claimed = "; ".join(row["contributors"])
        print(f"{row['media_id']:14}{claimed[:40]:42}{truth[:28]:30}{row['decision']:12}{found}")


def _print_shots() -> None:
    shots = _group(_read_rows("shots"), "media_id")
    for media_id, truths in _group(_read_csv(_SAMPLE / "truth_shots.csv"), "media_id").items():
        print(f"\n{media_id}: a shot begins             found")
        found = sorted(shots[media_id], key=lambda shot: shot["start_s"])
        for truth in truths:
            start_s = float(truth["start_s"])
            nearest = min(found, key=lambda shot: abs(shot["start_s"] - start_s))
            print(f"  {start_s:6.2f} s  {truth['transition']:24}{nearest['start_s']:6.2f} s  {nearest['transition']}")
        print(f"  {len(truths)} shots{'':26}{len(found)} shots")


def _print_verdicts() -> None:
    tags = _group(_read_rows("media_tags"), "media_id")
    print("\nvideo or image      verdict   rule              tags")
    for row in sorted(_read_rows("moderation"), key=lambda row: row["media_id"]):
        name = row["media_id"]
        seen = ", ".join(f"{tag['tag']} {tag['score']:.2f}" for tag in tags[name] if tag["score"] >= _LIKELY)
        print(f"{name:20}{row['verdict']:10}{row['rule'] or '':18}{seen}")


def _find_nearest() -> dict[str, str]:
    """Of each item, the one whose vector is nearest."""
    items = [row for row in _read_rows("embeddings") if row["kind"] == "item"]
    vectors = np.array([row["vector"] for row in items])
    likeness = vectors @ vectors.T - 2 * np.eye(len(items))
    names = [row["media_id"] for row in items]
    return dict(zip(names, (names[number] for number in likeness.argmax(axis=1)), strict=True))


def _fits(match: dict[str, Any], truth: dict[str, str]) -> bool:
    together = min(match["end_s"], float(truth["end_s"])) - max(match["start_s"], float(truth["start_s"]))
    return bool(match["track_id"] == truth["track_id"] and together > 0)


def _describe_truth(truth: dict[str, str]) -> str:
    what = truth["track_id"] or "music that is not in the catalogue"
    return f"{_span(float(truth['start_s']), float(truth['end_s']))}  {what} ({truth['condition']})"


def _describe_found(matches: Iterable[dict[str, Any]]) -> str:
    found = [f"{_span(match['start_s'], match['end_s'])}  {match['track_id']}" for match in matches]
    return "found " + ", ".join(found) if found else "found nothing"


def _span(start_s: float, end_s: float) -> str:
    return f"{start_s // 60:.0f}:{start_s % 60:04.1f}-{end_s // 60:.0f}:{end_s % 60:04.1f}"


def _read_rows(table: str) -> list[dict[str, Any]]:
    from transforms.tables import read_table  # Beam takes seconds to import

    rows = read_table(str(_OUTPUT), table).to_pylist()
    return [row for row in rows if row["run_id"] == "sample"]


def _read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _read_json(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _group(rows: Iterable[dict[str, Any]], key: str) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return groups
