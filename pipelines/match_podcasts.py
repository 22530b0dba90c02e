"""Finds which catalogue recordings play in podcasts (or any audio), when and how long, however quietly.

linernotes match_podcasts --config configs/match_podcasts.yaml
"""

import dataclasses

import apache_beam as beam

from models.decoding import DecodeConfig
from models.isolation import IsolationConfig
from models.matching import QueryConfig
from models.records import MediaStatus, MusicMatch, MusicUsage, RightsHolderUsage
from transforms.fingerprinting import FingerprintMedia, MatchFingerprints, SearchConfig
from transforms.media import ReadMedia, SkipDone
from transforms.overrides import OverrideMatches, digest_decisions
from transforms.runs import CountStatuses, Run, check_share
from transforms.snapshots import read_snapshot
from transforms.tables import FromRows, KeepRows, WriteTables
from transforms.usage import SumPlays, SumRepertoires

MODEL_VERSION = "landmarks-2"
WRITES_INDEX = False
TABLES = {
    "media_status": MediaStatus,
    "music_matches": MusicMatch,
    "music_usage": MusicUsage,
    "rights_holder_usage": RightsHolderUsage,
}


@dataclasses.dataclass(frozen=True)
class Config:
    """input: manifest or pattern of the episodes. index: from index_tracks. output: folder of the tables.

    overrides: reviewers' decisions, as a report exports them, that count for more than what is found.
    """

    input: str
    index: str
    output: str
    query: QueryConfig = dataclasses.field(default_factory=QueryConfig)
    decode: DecodeConfig = dataclasses.field(default_factory=DecodeConfig)
    isolation: IsolationConfig = dataclasses.field(default_factory=IsolationConfig)
    search: SearchConfig = dataclasses.field(default_factory=SearchConfig)
    overrides: str | None = None
    max_failed_share: float = 0.05

    def __post_init__(self) -> None:
        check_share("max_failed_share", self.max_failed_share)


def build(root: beam.Pipeline, config: Config, run: Run) -> None:
    """Episodes to matches, usage by recording and by rights holder, and a status for each."""
    index = read_snapshot(config.index)

    found, unreadable = root | ReadMedia(config.input, run)
    files, skipped = found | SkipDone(config.output, run)
    fingerprints, finished = files | FingerprintMedia(
        index.config.spectrogram, config.query.peaks, config.decode, config.isolation, run, config.query.blocks
    )
    statuses = (unreadable, skipped, finished) | beam.Flatten() | CountStatuses(run.progress)
    found_matches = (fingerprints, finished) | MatchFingerprints(config.index, index, config.query, config.search)
    matches = found_matches | OverrideMatches(config.overrides, config.index, index)
    usages = matches | SumPlays()

    kept_matches = skipped | "Keep matches" >> KeepRows(config.output, run.provenance.run_key, "music_matches")
    kept_usages = skipped | "Keep usages" >> KeepRows(config.output, run.provenance.run_key, "music_usage")
    all_usages = (usages, kept_usages | FromRows(MusicUsage)) | "All usages" >> beam.Flatten()
    tables = {
        "media_status": statuses,
        "music_matches": (matches, kept_matches) | "Matches" >> beam.Flatten(),
        "music_usage": (usages, kept_usages) | "Usages" >> beam.Flatten(),
        "rights_holder_usage": all_usages | SumRepertoires(),
    }
    _ = tables | WriteTables(config.output, run.provenance, TABLES, run.attempt)


def knobs(config: Config) -> object:
    """All of the config that can change the rows of an item, for --incremental to tell whether it is done."""
    index = read_snapshot(config.index)
    return [MODEL_VERSION, config.query, config.decode, index.config, index.digest, *digest_decisions(config.overrides)]
