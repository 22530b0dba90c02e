"""Writes a cue sheet for each episode of a run of match_podcasts: a CSV that a royalty desk can file.

linernotes export_cue_sheets --config configs/export_cue_sheets.yaml --run_id 2026-01-31
"""

import dataclasses

import apache_beam as beam

from configs.loading import ConfigError
from models.cue_sheets import CueSheet
from models.records import MediaStatus
from transforms.cue_sheets import MATCHING, ReadMatched, WriteCueSheets
from transforms.datasets import is_dataset
from transforms.files import STORE_ERRORS
from transforms.runs import CountStatuses, Run, check_share
from transforms.tables import WriteTables, read_table

MODEL_VERSION = "cue-sheets-1"
WRITES_INDEX = False
TABLES = {"media_status": MediaStatus, "cue_sheets": CueSheet}


@dataclasses.dataclass(frozen=True)
class Config:
    """input: match_podcasts' tables, of which the run of the same id is taken. output: of the tables. sheets: folder of
    the files; the output, unless that is no folder.

    byte_order_mark: at the start of each file, by which Excel knows UTF-8; other programs may take it for text.
    """

    input: str
    output: str
    sheets: str | None = None
    byte_order_mark: bool = False
    max_failed_share: float = 0.05

    def __post_init__(self) -> None:
        check_share("max_failed_share", self.max_failed_share)
        if self.sheets is None and is_dataset(self.output):
            raise ValueError("sheets: expected a folder for the files, for BigQuery has none, got none")


def build(root: beam.Pipeline, config: Config, run: Run) -> None:
    """A run's matches to a cue sheet for each item that was matched, and to each item's status as it was then."""
    items = root | ReadMatched(config.input, run)
    statuses = items | beam.Map(lambda item: item.status).with_output_types(MediaStatus) | CountStatuses(run.progress)
    sheets = items | WriteCueSheets(config.sheets or config.output, run.provenance, run.attempt, config.byte_order_mark)

    tables = {"media_status": statuses, "cue_sheets": sheets}
    _ = tables | WriteTables(config.output, run.provenance, TABLES, run.attempt)


def knobs(config: Config) -> object:
    """All of the config that can change what is on a cue sheet."""
    return [MODEL_VERSION, config.byte_order_mark]


def count_items(config: Config, run_id: str) -> int:
    """How many items the run of that id has. ConfigError if there is no such run."""
    try:
        items = int(read_table(config.input, "media_status", ["status"], [f"{MATCHING}-{run_id}"]).num_rows)
    except STORE_ERRORS as error:
        raise ConfigError(f"input {config.input}: {error}") from error
    if not items:
        raise ConfigError(f"input {config.input}: expected run {run_id} of {MATCHING}, found none")
    return items
