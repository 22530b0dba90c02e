"""Matches against the truth, by the development data's own scorer."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def score_matches(matches: Iterable[Mapping[str, Any]], data: Path, work: Path) -> dict[str, Any]:
    """What DATA/score.py reports of rows of `music_matches`; files in `work` are written over."""
    detections, report = work / "detections.jsonl", work / "report.json"
    detections.write_text("".join(json.dumps(_detection(match)) + "\n" for match in matches))
    score = [sys.executable, str(data / "score.py"), "--truth", str(data / "truth.jsonl")]
    subprocess.run([*score, "--det", str(detections), "--json", str(report), "--quiet"], check=True)
    scores: dict[str, Any] = json.loads(report.read_text())
    return scores


def _detection(match: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "episode": Path(match["media_id"]).stem,
        "track_id": Path(match["track_id"]).stem,
        "start": match["start_s"],
        "end": match["end_s"],
        "score": match["score"],
    }
