"""Turns labelled recordings, and sounds of our own, into the mel spectrograms that train_tracks learns from.

linernotes extract_features --config configs/extract_features.yaml
"""

import dataclasses

import apache_beam as beam

from models.decoding import DecodeConfig
from models.isolation import IsolationConfig
from models.log_mel import LogMelConfig
from models.records import MediaStatus, MelFeatures
from transforms.features import ExtractFeatures, SynthesiseFeatures
from transforms.media import ReadMedia, SkipDone
from transforms.runs import CountStatuses, Run, check_share
from transforms.tables import KeepRows, WriteTables

MODEL_VERSION = "mel-1"
WRITES_INDEX = False
TABLES = {"media_status": MediaStatus, "features": MelFeatures}


@dataclasses.dataclass(frozen=True)
class Config:
    """input: manifest of the recordings, with their labels in columns that only train_tracks reads. output: folder of
    the tables. synthesised: how many sounds of our own for each class that models.synthesis knows. excerpt_s: their
    length, and how much of a recording is taken.
    """

    input: str
    output: str
    synthesised: int = 300
    excerpt_s: float = 12.0
    log_mel: LogMelConfig = dataclasses.field(default_factory=LogMelConfig)
    decode: DecodeConfig = dataclasses.field(default_factory=DecodeConfig)
    isolation: IsolationConfig = dataclasses.field(default_factory=IsolationConfig)
    max_failed_share: float = 0.0

    def __post_init__(self) -> None:
        check_share("max_failed_share", self.max_failed_share)
        if self.synthesised < 0:
            raise ValueError(f"synthesised must not be negative, got {self.synthesised}")
        if not self.excerpt_s * self.log_mel.sample_rate >= self.log_mel.window:
            raise ValueError(f"excerpt_s must hold a window of {self.log_mel.window} samples, got {self.excerpt_s}")


def build(root: beam.Pipeline, config: Config, run: Run) -> None:
    """Recordings and synthesised sounds to features, and a status for each recording."""
    found, unreadable = root | ReadMedia(config.input, run)
    files, skipped = found | SkipDone(config.output, run)
    recorded, finished = files | ExtractFeatures(config.excerpt_s, config.log_mel, config.decode, config.isolation, run)
    count = config.synthesised if run.max_items is None else min(config.synthesised, run.max_items)
    synthesised = root | SynthesiseFeatures(count, config.excerpt_s, config.log_mel)
    statuses = (unreadable, skipped, finished) | beam.Flatten() | CountStatuses(run.progress)

    kept = skipped | KeepRows(config.output, run.provenance.run_key, "features")
    tables = {"media_status": statuses, "features": (recorded, synthesised, kept) | "Features" >> beam.Flatten()}
    _ = tables | WriteTables(config.output, run.provenance, TABLES, run.attempt)


def knobs(config: Config) -> object:
    """All of the config that can change the rows of an item, for --incremental to tell whether it is done."""
    return [MODEL_VERSION, config.excerpt_s, config.log_mel, config.decode]
