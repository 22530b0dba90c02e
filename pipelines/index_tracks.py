"""Builds the landmark index of a music catalogue.

linernotes index_tracks --config configs/index_tracks.yaml                   # of these tracks alone
linernotes index_tracks --config configs/index_tracks.yaml --set mode=add    # of these and of those that it has
"""

import contextlib
import dataclasses

import apache_beam as beam
from apache_beam.transforms.util import WaitOn

from models.decoding import DecodeConfig
from models.index import IndexConfig
from models.isolation import IsolationConfig
from models.records import MediaStatus
from models.snapshots import SegmentConfig, Snapshot, check_parameters
from transforms.fingerprinting import FingerprintMedia
from transforms.indexing import FindReplaced, PublishIndex, ReuseFingerprints, WriteSegments, make_reference
from transforms.media import ReadMedia
from transforms.runs import CountStatuses, Run, check_share
from transforms.snapshots import find_snapshot, find_version
from transforms.tables import WriteTables

MODEL_VERSION = "landmarks-2"
WRITES_INDEX = True
TABLES = {"media_status": MediaStatus}
_MODES = ("rebuild", "add")


@dataclasses.dataclass(frozen=True)
class Config:
    """input: manifest or pattern of the tracks. index: folder of the index. output: folder of the tables.

    mode: rebuild, and the index is of these tracks alone; or add, and they come to those that it has, in place of any
    with the same id.
    """

    input: str
    index: str
    output: str
    mode: str = "rebuild"
    reference: IndexConfig = dataclasses.field(default_factory=IndexConfig)
    segments: SegmentConfig = dataclasses.field(default_factory=SegmentConfig)
    decode: DecodeConfig = dataclasses.field(default_factory=DecodeConfig)
    isolation: IsolationConfig = dataclasses.field(default_factory=IsolationConfig)
    max_failed_share: float = 0.05

    def __post_init__(self) -> None:
        if self.mode not in _MODES:
            raise ValueError(f"mode must be {' or '.join(_MODES)}, got {self.mode!r}")
        check_share("max_failed_share", self.max_failed_share)


def build(root: beam.Pipeline, config: Config, run: Run) -> None:
    """Tracks to an index, and a status for each. A rebuild is whole, from fingerprints new and reused."""
    version = find_version(config.index)
    index = find_index(config)
    kept = index.segments if index is not None and config.mode == "add" else ()

    found, unreadable = root | ReadMedia(config.input, run)
    files, reused, skipped = found | ReuseFingerprints(config.index, index, config.mode == "add", run)
    made, finished = files | FingerprintMedia(
        config.reference.spectrogram, config.reference.peaks, config.decode, config.isolation, run
    )
    references = (made | beam.Map(make_reference), reused) | "References" >> beam.Flatten()
    statuses = (unreadable, skipped, finished) | beam.Flatten() | CountStatuses(run.progress)

    segments = references | WriteSegments(
        config.index, run.attempt, config.reference, config.segments, run.config_digest
    )
    replaced = references | FindReplaced(config.index, kept)
    published = (segments, replaced, statuses) | PublishIndex(
        config.index, run.attempt, config.reference, version, kept, config.max_failed_share
    )
    _ = {"media_status": statuses | WaitOn(published)} | WriteTables(config.output, run.provenance, TABLES, run.attempt)


def knobs(config: Config) -> object:
    """All of the config that can change what is indexed of a track."""
    find_index(config)
    return [MODEL_VERSION, config.reference, config.decode]


def find_index(config: Config) -> Snapshot | None:
    """The index as it is; None if there is none that may be used. ValueError if the tracks cannot be added to it."""
    if config.mode == "rebuild":
        with contextlib.suppress(ValueError):  # of another format: it is replaced
            return find_snapshot(config.index)
        return None
    index = find_snapshot(config.index)
    if index is not None:
        check_parameters(config.index, index.config, config.reference)
    return index
