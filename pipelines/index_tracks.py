"""Builds the landmark index of a music catalogue.

linernotes index_tracks --config configs/index_tracks.yaml
"""

import dataclasses

import apache_beam as beam
from apache_beam.transforms.util import WaitOn

from models.decoding import DecodeConfig
from models.index import IndexConfig
from models.records import MediaStatus
from transforms.fingerprinting import FingerprintMedia, IsolationConfig
from transforms.indexing import ReuseFingerprints, WriteIndex
from transforms.media import ReadMedia
from transforms.runs import CountStatuses, Run, check_share
from transforms.tables import WriteTables

MODEL_VERSION = "landmarks-1"
WRITES_INDEX = True
TABLES = {"media_status": MediaStatus}


@dataclasses.dataclass(frozen=True)
class Config:
    """input: manifest or pattern of the tracks. index: folder of the index. output: folder of the tables."""

    input: str
    index: str
    output: str
    reference: IndexConfig = dataclasses.field(default_factory=IndexConfig)
    decode: DecodeConfig = dataclasses.field(default_factory=DecodeConfig)
    isolation: IsolationConfig = dataclasses.field(default_factory=IsolationConfig)
    max_failed_share: float = 0.05

    def __post_init__(self) -> None:
        check_share("max_failed_share", self.max_failed_share)


def build(root: beam.Pipeline, config: Config, run: Run) -> None:
    """Tracks to an index, and a status for each. The index is built whole, from fingerprints new and reused."""
    found, unreadable = root | ReadMedia(config.input, run)
    files, reused, skipped = found | ReuseFingerprints(config.index, run)
    made, finished = files | FingerprintMedia(
        config.reference.spectrogram, config.reference.peaks, config.decode, config.isolation, run
    )
    fingerprints = (made, reused) | "Fingerprints" >> beam.Flatten()
    statuses = (unreadable, skipped, finished) | beam.Flatten() | CountStatuses(run.progress)

    published = (fingerprints, statuses) | WriteIndex(
        config.index, run.attempt, config.reference, config.max_failed_share, run.config_digest
    )
    _ = {"media_status": statuses | WaitOn(published)} | WriteTables(config.output, run.provenance, TABLES, run.attempt)


def knobs(config: Config) -> object:
    """All of the config that can change what is indexed of a track."""
    return [MODEL_VERSION, config.reference, config.decode]
