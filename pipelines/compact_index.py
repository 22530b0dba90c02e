"""Merges the segments of the landmark index, and leaves out what was removed: the same index as one built afresh.

linernotes compact_index --config configs/compact_index.yaml
"""

import dataclasses
from typing import ClassVar

import apache_beam as beam
from apache_beam.transforms.util import WaitOn

from models.records import MediaStatus
from models.snapshots import SegmentConfig, Snapshot, Tombstone
from transforms.indexing import PublishIndex, WriteSegments
from transforms.runs import CountStatuses, Run
from transforms.segments import ReadReferences, ReadTracks, status_of
from transforms.snapshots import find_version, read_snapshot
from transforms.tables import WriteTables

MODEL_VERSION = "landmarks-2"
WRITES_INDEX = False  # not of its own: a trial reads the index that there is
TABLES = {"media_status": MediaStatus}


@dataclasses.dataclass(frozen=True)
class Config:
    """index: folder of the index. output: folder of the tables."""

    index: str
    output: str
    segments: SegmentConfig = dataclasses.field(default_factory=SegmentConfig)
    max_failed_share: ClassVar[float] = 0.0


def build(root: beam.Pipeline, config: Config, run: Run) -> None:
    """The tracks of all segments to as few segments as can be, and a status for each. A trial publishes nothing."""
    version = find_version(config.index)
    index = read_snapshot(config.index)
    tracks = root | ReadTracks(config.index, index.segments, run.max_items)
    references = tracks | ReadReferences(config.index, index.segments)
    statuses = tracks | beam.Map(status_of, config.index, index, run) | CountStatuses(run.progress)

    if run.max_items is None:
        segments = references | WriteSegments(
            config.index, run.attempt, index.config, config.segments, _common_digest(index)
        )
        no_tombstones = root | beam.Create([]).with_output_types(Tombstone)
        publish_index = PublishIndex(config.index, run.attempt, index.config, version, ())
        statuses = statuses | WaitOn((segments, no_tombstones, statuses) | publish_index)
    _ = {"media_status": statuses} | WriteTables(config.output, run.provenance, TABLES, run.attempt)


def knobs(config: Config) -> object:
    """What the segments depend on."""
    return [MODEL_VERSION, config.segments, read_snapshot(config.index).digest]


def count_items(config: Config, _run_id: str) -> int:
    """How many tracks the index has."""
    return read_snapshot(config.index).live_tracks


def _common_digest(index: Snapshot) -> str:
    """Of the knobs of all segments; of none, if they differ: then no later run reuses a fingerprint of theirs."""
    digests = {segment.config_digest for segment in index.segments}
    return digests.pop() if len(digests) == 1 else ""
