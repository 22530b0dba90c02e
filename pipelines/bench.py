"""Measures fingerprinting in one run: throughput a core against pure decoding, memory against length, accuracy.

    linernotes bench [--data FOLDER] [--rounds 3]
    linernotes bench [--data FOLDER] --scale 1,10,100
    linernotes bench --audiobooks 1,2 [--planted 20000]
    linernotes bench --shots FOLDER
    linernotes bench --tags FOLDER --model model.yaml

The second line measures matching alone, against catalogues so many times as large: pipelines.scaling. The third
measures attribution of so many times as many audiobooks: pipelines.growth. The fourth measures shot detection on films
made of a folder of photos and clips, beside PySceneDetect: pipelines.shot_bench. The fifth measures an image model's
pooled tags on shots made of a folder of labelled photos: pipelines.tag_bench.
FOLDER holds catalogue/, episodes/, truth.jsonl and score.py; without it the sample catalogue serves, and accuracy is
left out. Throughput is seconds of media a second of CPU, of all processes together: what one core does.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pipelines.excerpts import print_excerpts
from pipelines.growth import print_growth
from pipelines.image_parity import print_image_parity
from pipelines.measuring import decode
from pipelines.parity import print_parity
from pipelines.scaling import print_scaling
from pipelines.scoring import score_matches
from pipelines.shot_bench import print_shots
from pipelines.tag_bench import print_tags
from transforms.snapshots import read_snapshot, segment_folder

_DATA = Path("../shared/evals/fingerprint")
_AUTHORS = Path("../shared/evals/authors")
_YAMNET = Path("../shared/evals/tracks/yamnet")
_MOBILENET = Path("../shared/evals/tagging")
_SAMPLE = Path("tests/sample")
_UNWARPED = [f"--set=query.warps.{each}" for each in ("max_speed=0", "max_tempo=0", "semitones=[]")]
_LENGTHS_S = {"10 minutes": 600, "3 hours": 10_800}


def main(arguments: Sequence[str]) -> int:
    """Prints the figures; 0."""
    options = _parser().parse_args(arguments)
    if options.tags and not options.model:
        _parser().error("--tags: expected --model beside it, got none")
    has_truth = (options.data / "truth.jsonl").exists()
    data = options.data if has_truth else _SAMPLE
    with tempfile.TemporaryDirectory(prefix="linernotes-bench-") as folder:
        work = Path(folder)
        tracks, episodes = _find_media(data, "catalogue" if has_truth else "tracks"), _find_media(data, "episodes")
        if options.shots:
            print_shots(options.shots)
            return 0
        if options.tags:
            print_tags(options.tags, options.model)
            return 0
        if options.audiobooks:
            print_growth(work, options.authors, options.audiobooks, options.planted)
            return 0
        if options.scale:
            print_scaling(work, tracks, episodes, options.scale, data if has_truth else None)
            return 0
        _print_throughput(work, tracks, episodes, options.rounds)
        _print_models(work, tracks, options.rounds)
        if options.yamnet.is_dir():
            print_parity(options.yamnet, episodes[0])
        if options.mobilenet.is_dir():
            print_image_parity(options.mobilenet, sorted((_SAMPLE / "images").iterdir()))
        _print_memory(work, episodes)
        if has_truth:
            _print_accuracy(work, data)
            print_excerpts(_segments(work)[0], tracks, episodes, data / "truth.jsonl")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="linernotes bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=_DATA, help=f"development data (default: {_DATA})")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts")
    parser.add_argument("--yamnet", type=Path, default=_YAMNET, help="folder of yamnet.tflite and its class map")
    parser.add_argument("--mobilenet", type=Path, default=_MOBILENET, help="folder of MobileNet v2 and its labels")
    parser.add_argument("--shots", type=Path, metavar="FOLDER", help="photos and clips to make films of")
    parser.add_argument("--tags", type=Path, metavar="FOLDER", help="of labelled photos that shots are made of")
    parser.add_argument("--model", metavar="FILE", help="spec of the image model that --tags measures")
    parser.add_argument(
        "--scale", type=_scales, metavar="1,10,100", help="match against catalogues so many times as large"
    )
    parser.add_argument("--audiobooks", type=_scales, metavar="1,2", help="attribute so many times as many audiobooks")
    parser.add_argument("--planted", type=int, default=0, help="and so many of one name besides")
    parser.add_argument("--authors", type=Path, default=_AUTHORS, help=f"their data (default: {_AUTHORS})")
    return parser


def _scales(text: str) -> list[int]:
    scales = [int(word) for word in text.split(",")]
    if min(scales) < 1:
        raise ValueError(f"scales must be at least 1, got {text}")
    return scales


def _find_media(data: Path, folder: str) -> list[Path]:
    return sorted(path for path in (data / folder).iterdir() if path.name != "corrupt.mp3")


def _print_throughput(work: Path, tracks: list[Path], episodes: list[Path], rounds: int) -> None:
    """Decoding, indexing and matching of the same files in turn; the start of a process is told apart."""
    catalogue, queries, short = (
        _write_manifest(work, name, paths)
        for name, paths in (("tracks", tracks), ("episodes", episodes), ("short", tracks[:1]))
    )
    rows: dict[str, list[float]] = {}
    media_s: dict[str, float] = {}
    for _ in tqdm(range(rounds), unit="round", disable=None):
        for name, phase, words in (
            ("decode tracks", "decode", [str(path) for path in tracks]),
            ("decode episodes", "decode", [str(path) for path in episodes]),
            ("start", "index_tracks", ["--input", short, *_folders(work, "short")]),
            ("index", "index_tracks", ["--input", catalogue, *_folders(work, "index")]),
            ("match", "match_podcasts", ["--input", queries, *_folders(work, "index")]),
            ("unwarped", "match_podcasts", ["--input", queries, *_folders(work, "index"), *_UNWARPED]),
        ):
            measured = _measure(phase, words)
            rows.setdefault(name, []).append(measured["cpu_s"])
            media_s[name] = measured["media_s"]
    cpu_s = {name: statistics.median(values) for name, values in rows.items()}
    start_s = max(0.0, cpu_s["start"] - media_s["start"] * cpu_s["index"] / media_s["index"])
    print(
        f"throughput, median of {rounds} rounds; tracks {media_s['index']:.0f} s, episodes {media_s['match']:.0f} s, "
        f"start-up {start_s:.1f} s of CPU"
    )
    print("            x realtime  without start-up   of pure decoding (x realtime)")
    for name, decoding in (("index", "decode tracks"), ("match", "decode episodes"), ("unwarped", "decode episodes")):
        whole, net = media_s[name] / cpu_s[name], media_s[name] / (cpu_s[name] - start_s)
        pure = media_s[decoding] / cpu_s[decoding]
        print(f"  {name:10}{whole:10.0f}{net:18.0f}{net / pure:15.2f} ({pure:.0f})")
    size = sum(path.stat().st_size for folder in _segments(work) for path in folder.iterdir())
    print(f"  index size {size / 1e6 / (media_s['index'] / 3600):.2f} MB for an hour of catalogue")


def _print_models(work: Path, tracks: list[Path], rounds: int) -> None:
    """From file to row with the shipped model: one core, TensorFlow's start told apart, beside decoding alone."""
    whole, short = _write_manifest(work, "tracks", tracks), _write_manifest(work, "short", tracks[:1])
    phases = [("decode", [str(path) for path in tracks])]
    phases += [
        (name, ["--input", manifest, "--output", f"{work}/models/tables"])
        for name in ("classify_tracks", "embed_media")
        for manifest in (short, whole)
    ]
    measured = [[_measure(name, words) for name, words in phases] for _ in tqdm(range(rounds), disable=None)]
    cpu_s = [statistics.median(row[number]["cpu_s"] for row in measured) for number in range(len(phases))]
    media_s = [each["media_s"] for each in measured[0]]
    pure = media_s[0] / cpu_s[0]
    for number in (1, 3):
        name, rest_s = phases[number][0], media_s[number + 1] - media_s[number]
        net = rest_s / (cpu_s[number + 1] - cpu_s[number])
        all_in = media_s[number + 1] / cpu_s[number + 1]
        print(
            f"  {name:16}{all_in:6.0f} x realtime, {net:.0f} net of start-up, {net / pure:.2f} of decoding ({pure:.0f})"
        )


def _segments(work: Path) -> list[Path]:
    index = f"{work}/index/index"
    return [Path(segment_folder(index, segment.segment_id)) for segment in read_snapshot(index).segments]


def _print_memory(work: Path, episodes: list[Path]) -> None:
    print("memory, peak resident, both processes:")
    peaks = []
    for label, seconds in _LENGTHS_S.items():
        episode = _join(work / f"{seconds}.mp3", episodes, seconds)
        manifest = _write_manifest(work, f"long{seconds}", [episode])
        measured = _measure("match_podcasts", ["--input", manifest, *_folders(work, "index")])
        peaks.append(measured["peak_mb"])
        print(f"  {label:12}{measured['peak_mb']:8.0f} MB  ({measured['media_s']:.0f} s decoded)")
    print(f"  difference  {peaks[1] - peaks[0]:8.0f} MB")


def _print_accuracy(work: Path, data: Path) -> None:
    words = ["--input", _write_manifest(work, "scored", _find_media(data, "episodes")), *_folders(work, "index")]
    _measure("match_podcasts", [*words, "--run_id", "accuracy"])
    from transforms.tables import read_table

    matches = read_table(f"{work}/index/tables", "music_matches", run_keys=["match_podcasts-accuracy"]).to_pylist()
    _print_scores(score_matches(matches, data, work))


def _print_scores(scores: dict[str, Any]) -> None:
    print(f"accuracy at the shipped threshold, {scores['hours']:.2f} h:")
    print("  condition     found    of   time")
    for condition, row in scores["event_recall"].items():
        print(f"  {condition:12}{round(row['hit'] * row['n']):7}{row['n']:6}{row['time']:7.2f}")
    print(f"  false positives {scores['fp_per_hour']:.2f} an hour {scores['fp_by_kind'] or ''}")
    print("  time " + ", ".join(f"{name} {value:.3f}" for name, value in scores["time"].items()))
    print(f"  pay error {scores['pay_error']:.3f}")
    for edge in ("start", "end"):
        error = scores[f"{edge}_error"]
        print(f"  {edge} error: median {error['abs_median']:.2f} s, 90th percentile {error['abs_p90']:.2f} s")


def _write_manifest(work: Path, name: str, paths: Iterable[Path]) -> str:
    manifest = work / f"{name}.jsonl"
    rows = ({"media_id": path.name, "uri": str(path.resolve())} for path in paths)
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(manifest)


def _folders(work: Path, name: str) -> list[str]:
    return ["--index", f"{work}/{name}/index", "--output", f"{work}/{name}/tables"]


def _join(target: Path, episodes: list[Path], seconds: int) -> Path:
    """An MP3 of about that length: MP3s end to end are one."""
    written_s = 0.0
    with target.open("wb") as file:
        for episode in itertools.cycle(episodes):
            if written_s > seconds - 1:
                return target
            file.write(episode.read_bytes())
            written_s += decode([str(episode)])
    return target


def _measure(phase: str, words: Sequence[str]) -> dict[str, float]:
    """CPU seconds, peak memory and seconds of media of one phase, in a process of its own."""
    run = subprocess.run([sys.executable, "-m", "pipelines.measuring", phase, *words], capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"bench: {phase} failed\n{run.stdout}{run.stderr}")
    result: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return result
