"""Measures an image model on synthetic shots of labelled photos: pooled, and beside it one crop of one keyframe.

FOLDER holds photos and labels.csv (file, label: as the model calls it). Each photo becomes films of one shot, in which
a camera pans, zooms or shakes over part of it; some with captions, flashes, passers-by, grain, bars above and below.
"""

import csv
import dataclasses
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from tqdm import tqdm

from models.calibration import expected_calibration_error
from models.keyframes import KeyframeConfig
from models.manifests import ManifestError
from models.records import COMPUTED
from models.tagging import TaggingConfig
from models.watching import WatchConfig
from pipelines import tag_videos
from pipelines.launching import make_run, run_pipeline
from pipelines.shot_disturbances import disturb
from pipelines.shot_views import View, view_photo
from transforms.tables import read_table

_SIZE = (480, 854)
_RATE = 12
_SECONDS = 3
_BARS_SHARE = 0.2
_BINS = 15


def print_tags(folder: Path, model: str, shots: int = 8) -> None:
    """Prints, for so many shots of each photo, how often the first tag and one of the first five are the label."""
    labels = _read_labels(folder)
    with tempfile.TemporaryDirectory(prefix="linernotes-tags-") as work:
        truths = dict(_write_shots(Path(work), folder, labels, shots))
        print(f"tags: {len(truths)} shots of {len(labels)} photos, {model}")
        print("                             first right   of first 5   calibration error   of a perfect model")
        for name, config in _configs(work, model).items():
            tags = _tag(config, f"{len(config.tagging.crops)}")
            print(f"  {name:24}{_describe(truths, tags)}")


def _read_labels(folder: Path) -> Mapping[str, str]:
    path = folder / "labels.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return {row["file"]: row["label"] for row in csv.DictReader(file)}
    except (OSError, KeyError) as error:
        raise ManifestError(f"{path}: expected a list of file and label: {error}") from error


def _write_shots(work: Path, folder: Path, labels: Mapping[str, str], shots: int) -> Iterator[tuple[str, str]]:
    """Yields the media_id and label of each shot that it writes."""
    photos = sorted(labels)
    for number, photo in enumerate(tqdm(photos, unit="photo", disable=None)):
        for shot in range(shots):
            rng = np.random.default_rng([number, shot])
            other = view_photo(folder / photos[rng.integers(len(photos))], _SIZE, rng)
            view = disturb(view_photo(folder / photo, _SIZE, rng), other, _SIZE, rng)
            media_id = f"{number:04d}-{shot}.mp4"
            _write_film(work / media_id, view, int(rng.integers(23, 33)), bool(rng.random() < _BARS_SHARE))
            yield media_id, labels[photo]


def _write_film(path: Path, view: View, crf: int, bars: bool) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=_RATE, options={"preset": "veryfast", "crf": str(crf)})
        stream.height, stream.width, stream.pix_fmt = *_SIZE, "yuv420p"
        for number in range(_RATE * _SECONDS):
            picture = np.array(view(number / _RATE))
            if bars:
                picture[: _SIZE[0] // 8] = picture[-_SIZE[0] // 8 :] = 0
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))


def _configs(work: str, model: str) -> Mapping[str, tag_videos.Config]:
    pooled = tag_videos.Config(f"{work}/*.mp4", f"{work}/pooled", model, tagging=TaggingConfig(min_score=0.0))
    alone = dataclasses.replace(
        pooled,
        output=f"{work}/alone",
        watch=WatchConfig(keyframes=KeyframeConfig(max_a_shot=1)),
        tagging=TaggingConfig(crops=("spec",), temperature=1.0, min_score=0.0),
    )
    return {"pooled, as it comes": pooled, "one crop of one frame": alone}


def _tag(config: tag_videos.Config, run_id: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """The model's tags of each item, the surest first."""
    run_pipeline(tag_videos, config, make_run(tag_videos, config, run_id))
    rows = [row for row in read_table(config.output, "media_tags").to_pylist() if row["source"] != COMPUTED]
    tags: dict[str, list[Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: -row["score"]):
        tags.setdefault(row["media_id"], []).append(row)
    return tags


def _describe(truths: Mapping[str, str], tags: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    ranks = [[row["tag"] for row in tags[media_id][:5]] for media_id in truths]
    first = np.array([names[0] == label for names, label in zip(ranks, truths.values(), strict=True)])
    five = np.array([label in names for names, label in zip(ranks, truths.values(), strict=True)])
    scores = np.array([tags[media_id][0]["score"] for media_id in truths])
    error = expected_calibration_error(scores, first, _BINS)
    rng = np.random.default_rng(0)
    floor = np.mean([expected_calibration_error(scores, rng.random(len(scores)) < scores, _BINS) for _ in range(100)])
    return f"{first.mean():12.3f}{five.mean():13.3f}{error:20.3f}{floor:21.3f}"
