"""Removes tracks from the landmark index by their ids: from then on they are never matched.

linernotes remove_tracks --config configs/remove_tracks.yaml --input withdrawn.txt
"""

import dataclasses

import apache_beam as beam
from apache_beam.transforms.util import WaitOn

from models.records import MediaStatus
from models.snapshots import Segment
from transforms.indexing import PublishIndex
from transforms.removing import FindTracks, list_ids
from transforms.runs import CountStatuses, Run, check_share
from transforms.snapshots import find_version, read_snapshot
from transforms.tables import WriteTables

MODEL_VERSION = "landmarks-2"
WRITES_INDEX = False  # not of its own: a trial reads the index that there is
TABLES = {"media_status": MediaStatus}


@dataclasses.dataclass(frozen=True)
class Config:
    """input: manifest or pattern of the tracks, or a .txt file with an id a line. index: folder of the index.

    output: folder of the tables. Tracks that are known are removed, whatever the share of those that are not.
    """

    input: str
    index: str
    output: str
    max_failed_share: float = 0.0

    def __post_init__(self) -> None:
        check_share("max_failed_share", self.max_failed_share)


def build(root: beam.Pipeline, config: Config, run: Run) -> None:
    """Ids to an index without them, and a status for each. A trial publishes nothing."""
    version = find_version(config.index)
    index = read_snapshot(config.index)
    tombstones, found = root | FindTracks(config.input, config.index, index, run)
    statuses = found | CountStatuses(run.progress)

    if run.max_items is None:
        no_segments = root | beam.Create([]).with_output_types(Segment)
        publish_index = PublishIndex(config.index, run.attempt, index.config, version, index.segments)
        statuses = statuses | WaitOn((no_segments, tombstones, statuses) | publish_index)
    _ = {"media_status": statuses} | WriteTables(config.output, run.provenance, TABLES, run.attempt)


def knobs(config: Config) -> object:
    """What the statuses depend on."""
    return [MODEL_VERSION, read_snapshot(config.index).digest]


def count_items(config: Config, _run_id: str) -> int:
    """How many ids are listed."""
    return sum(1 for _ in list_ids(config.input))
