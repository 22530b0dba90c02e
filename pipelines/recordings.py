"""Labelled recordings: a manifest's labels joined with the features that extract_features made."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.evaluation import Judged
from models.examples import SYNTHESISED, Recording
from models.log_mel import LogMelConfig
from models.manifests import ManifestError
from models.policies import MUSIC
from transforms.tables import read_table

_COLUMNS = ("media_id", "label", "is_music", "source", "group", "hard")


def read_labels(manifest: str) -> dict[str, dict[str, str]]:
    """The rows of a CSV of labelled recordings by media_id. ManifestError if it lacks a column."""
    try:
        with Path(manifest).open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(f"{manifest}: expected a CSV of labelled recordings, got {error}") from error
    missing = [name for name in _COLUMNS if not rows or name not in rows[0]]
    if missing:
        raise ManifestError(f"{manifest}: expected columns {', '.join(_COLUMNS)}, found no {missing[0]}")
    return {row["media_id"]: row for row in rows}


def read_recordings(manifest: str, features: str, log_mel: LogMelConfig) -> list[Recording]:
    """The labelled recordings and the synthesised sounds in an output of extract_features, by their ids.

    Of several runs the newest row counts. ManifestError if a labelled recording has no features, or others than the
    config says.
    """
    labels = read_labels(manifest)
    rows = read_table(features, "features").to_pylist()
    newest = {row["media_id"]: row for row in sorted(rows, key=lambda row: row["processed_at"])}
    if missing := labels.keys() - newest.keys():
        raise ManifestError(f"{features}: expected features of all in {manifest}, found none of {min(missing)}")
    known = [newest[name] for name in sorted(newest) if name in labels or newest[name]["label"] is not None]
    return [_make(row, labels, log_mel.bands, features) for row in known]


def judge(row: Mapping[str, str], scores: Mapping[str, float]) -> Judged:
    """A labelled row of a manifest with what a model says of it; without a music score it has 0."""
    is_music = None if row["is_music"] == "" else row["is_music"] == "1"
    return Judged(row["media_id"], row["label"], is_music, bool(row["hard"]), row["source"], {MUSIC: 0.0, **scores})


def _make(row: Mapping[str, Any], labels: Mapping[str, Mapping[str, str]], bands: int, features: str) -> Recording:
    media_id, levels_db = row["media_id"], np.array(row["levels_db"], np.float32)
    mel_db = np.frombuffer(row["mel_db"], np.float16).reshape(row["frames"], -1)
    if mel_db.shape[1] != bands:
        raise ManifestError(f"{features}: expected features of {bands} bands, got {mel_db.shape[1]} of {media_id}")
    mel = np.power(np.float32(10), mel_db.astype(np.float32) / 10)
    if row["label"] is not None:
        return Recording(media_id, row["label"], SYNTHESISED, media_id, mel, levels_db)
    known = labels[media_id]
    return Recording(media_id, known["label"], known["source"], known["group"] or media_id, mel, levels_db)
