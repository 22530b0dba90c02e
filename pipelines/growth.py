"""Cost of attribution as records grow: the same ones again under other ids, and a name that thousands of them share."""

import gzip
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from transforms.tables import read_table

_PLANTED = {"name": "John Smith", "role": "author"}  # whom knowledge bases have by the dozen


def print_growth(work: Path, data: Path, scales: Iterable[int], planted: int) -> None:
    """A row for each scale, by two worker processes; and what planted records of one name change for the others.

    data: a folder of authors.jsonl.gz and audiobooks_*.jsonl.gz.
    """
    texts = [gzip.decompress(path.read_bytes()) for path in sorted(data.glob("audiobooks_*.jsonl.gz"))]
    rows = [json.loads(line) for text in texts for line in text.splitlines()]
    authors = str(data / "authors.jsonl.gz")
    print("    x  audiobooks   seconds  CPU s  CPU ms each")
    for scale in scales:
        grown = [{**row, "media_id": f"{row['rid']}-{copy}"} for copy in range(scale) for row in rows]
        seconds, cpu_s = _attribute(work, f"x{scale}", grown, authors)
        print(f"{scale:5}{len(grown):12}{seconds:10.0f}{cpu_s:7.0f}{1000 * cpu_s / len(grown):13.1f}")
    if planted:
        _print_planted(work, rows, authors, planted)


def _print_planted(work: Path, rows: Sequence[dict[str, Any]], authors: str, planted: int) -> None:
    alone = [{**row, "media_id": row["rid"]} for row in rows]
    same = [
        {"media_id": f"planted-{number}", "title": "Letters", "contributors": [_PLANTED]} for number in range(planted)
    ]
    _attribute(work, "alone", alone, authors)
    seconds, cpu_s = _attribute(work, "planted", [*alone, *same], authors)
    before, after = (_links(work / name) for name in ("alone", "planted"))
    others = [row["rid"] for row in rows if not any("smith" in each["name"].lower() for each in row["contributors"])]
    changed = sum(before[media_id] != after[media_id] for media_id in others)
    print(f"{planted} records of one name more: {seconds:.0f} s, {cpu_s:.0f} s of CPU")
    print(f"of {len(others)} audiobooks of other names {changed} have other links")


def _attribute(work: Path, name: str, rows: Iterable[dict[str, Any]], authors: str) -> tuple[float, float]:
    """Seconds by the clock and of CPU, all processes together."""
    manifest = work / f"{name}.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    begun, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    words = [f"--set=authors={authors}", f"--input={manifest}", f"--output={work / name}", "--run_id=bench"]
    workers = ["--runner=FnApiRunner", "--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    config = "configs/attribute_audiobooks.yaml"
    command = [sys.executable, "-m", "pipelines", "attribute_audiobooks", "--config", config, *words, *workers]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - begun, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime


def _links(output: Path) -> dict[str, tuple[str, list[str]]]:
    rows = read_table(str(output), "author_links").to_pylist()
    return {row["media_id"]: (row["decision"], [link["author_id"] for link in row["links"]]) for row in rows}
