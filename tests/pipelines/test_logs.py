"""Logs as machines read them, of a whole process; oracle: the tables."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from transforms.tables import read_table

ROOT = Path(__file__).parents[2]


def run(*arguments):
    """The exit status, and each line of standard error as JSON."""
    words = [sys.executable, "-m", "pipelines", "match_podcasts", "--log_format=json", "--run_id=first", *arguments]
    process = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return process.returncode, [json.loads(line) for line in process.stderr.splitlines()]


def test_a_run_says_when_it_starts_and_how_it_ended(sample, sample_index, tmp_path):
    output = f"{tmp_path}/tables"
    places = [f"--input={sample}/episodes.csv", f"--index={sample_index}", f"--output={output}"]
    status, (started, finished) = run(*places, "--set", "max_failed_share=0.4")
    assert status == 0
    assert [(line["message"], line["severity"]) for line in (started, finished)] == [
        ("run started", "INFO"),
        ("run finished", "INFO"),
    ]
    assert started["time"] < finished["time"]
    rows = read_table(output, "media_status").to_pylist()
    statuses = [row["status"] for row in rows]
    metrics = finished["metrics"]
    assert started["items"] == len(rows) == 3
    for name in ("done", "failed", "skipped"):
        assert finished[name] == metrics.get(f"items_{name}", 0) == statuses.count(name)
    assert metrics["failed_at_decode"] == 1
    durations = [round(row["duration_s"]) for row in rows if row["status"] == "done"]
    assert metrics["item_duration_s"] == {
        "count": len(durations), "sum": sum(durations), "min": min(durations), "max": max(durations),
    }  # fmt: skip
    for name in ("run_id", "pipeline", "pipeline_version", "model_version"):
        assert started[name] == finished[name] == rows[0][name]


def test_a_refusal_and_an_error_that_nobody_catches_are_lines_too(sample, sample_index, tmp_path):
    places = [f"--input={sample}/episodes.csv", f"--index={sample_index}", f"--output={tmp_path}/tables"]
    status, (refused,) = run(*places, "--index=nowhere")
    assert (status, refused["severity"]) == (2, "ERROR")
    assert refused["message"].startswith("linernotes match_podcasts: index nowhere: expected an index")
    index = shutil.copytree(sample_index, tmp_path / "index")
    shutil.rmtree(index / "builds")
    status, lines = run(*places, f"--index={index}")
    assert (status, lines[-1]["severity"]) == (1, "CRITICAL")
    assert "Traceback" in lines[-1]["exc_info"]
