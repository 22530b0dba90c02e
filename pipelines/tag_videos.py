"""Tells what videos and images show, shot by shot, and what a moderation policy makes of it.

linernotes tag_videos --config configs/tag_videos.yaml
"""

import dataclasses
from typing import Any

import apache_beam as beam

from configs.loading import ConfigError
from models.image_specs import ImageModelSpec
from models.isolation import IsolationConfig
from models.looks import COMPUTED_TAGS
from models.moderation import ModerationConfig, check_policy
from models.records import MediaStatus, MediaTag, Moderation, Shot, ShotTag
from models.specs import digest_model
from models.tagging import TaggingConfig
from models.watching import Watch, WatchConfig
from pipelines.shipping import load_image_spec, open_image_model
from transforms.fetching import fetch_model
from transforms.inference import InferCrops, InferenceConfig
from transforms.media import ReadMedia, SkipDone
from transforms.overrides import OverrideVerdicts, digest_decisions
from transforms.runs import CountStatuses, Run, check_share
from transforms.tables import KeepRows, WriteTables
from transforms.tagging import TagMedia
from transforms.watching import WatchMedia

WRITES_INDEX = False
_COMPUTED_VERSION = "shots-1"  # of what is made without a model
TABLES = {
    "media_status": MediaStatus,
    "shots": Shot,
    "shot_tags": ShotTag,
    "media_tags": MediaTag,
    "moderation": Moderation,
}


@dataclasses.dataclass(frozen=True)
class Config:
    """input: manifest or pattern of videos and images. output: folder of the tables. model: the spec of an image model;
    None: only what is computed. thumbnails: a folder for JPEGs of the keyframes; None: none are written. overrides:
    reviewers' decisions, as a report exports them.
    """

    input: str
    output: str
    model: str | None = None
    thumbnails: str | None = None
    watch: WatchConfig = dataclasses.field(default_factory=WatchConfig)
    tagging: TaggingConfig = dataclasses.field(default_factory=TaggingConfig)
    policy: ModerationConfig = dataclasses.field(default_factory=ModerationConfig)
    isolation: IsolationConfig = dataclasses.field(default_factory=IsolationConfig)
    inference: InferenceConfig = dataclasses.field(default_factory=InferenceConfig)
    overrides: str | None = None
    max_failed_share: float = 0.05

    def __post_init__(self) -> None:
        check_share("max_failed_share", self.max_failed_share)


def build(root: beam.Pipeline, config: Config, run: Run) -> None:
    """Videos and images to shots, tags, verdicts, and a status for each."""
    spec = _load(config)
    watch = Watch(config.watch, spec.input if spec else None, config.tagging, config.thumbnails is not None)

    found, unreadable = root | ReadMedia(config.input, run)
    files, skipped = found | SkipDone(config.output, run)
    shots, crops, media, watched = files | WatchMedia(watch, config.isolation, config.thumbnails, run)
    scores, failed = _infer(crops, spec, config.inference, run)
    tag = TagMedia(spec.classes if spec else (), spec.name if spec else "", config.tagging, config.policy)
    *made, verdicts, finished = (shots, media, scores, watched, failed) | tag
    made.append(verdicts | OverrideVerdicts(config.overrides))
    statuses = (unreadable, skipped, finished) | beam.Flatten() | CountStatuses(run.progress)

    tables = {"media_status": statuses}
    for table, records in zip(("shots", "shot_tags", "media_tags", "moderation"), made, strict=True):
        kept = skipped | f"Keep {table}" >> KeepRows(config.output, run.provenance.run_key, table)
        tables[table] = (records, kept) | f"All {table}" >> beam.Flatten()
    _ = tables | WriteTables(config.output, run.provenance, TABLES, run.attempt)


def model_version(config: Config) -> str:
    """What the rows name as their model."""
    spec = _load(config)
    return spec.name if spec else _COMPUTED_VERSION


def knobs(config: Config) -> object:
    """All of the config that can change the rows of an item. ConfigError for a policy of tags that there are not."""
    spec = _load(config)
    try:
        check_policy(config.policy, [*COMPUTED_TAGS, *(spec.classes if spec else ())])
    except ValueError as error:
        raise ConfigError(f"policy: {error}") from error
    return [
        spec and digest_model(fetch_model(spec)),
        config.watch,
        spec and config.tagging,
        config.policy,
        *digest_decisions(config.overrides),
    ]


def check_model(config: Config) -> None:
    """Opens the model; ConfigError if it is not what its spec says."""
    if config.model is not None:
        open_image_model(config.model, wants="scores")


def _load(config: Config) -> ImageModelSpec | None:
    return None if config.model is None else load_image_spec(config.model, wants="scores")


def _infer(crops: Any, spec: ImageModelSpec | None, inference: InferenceConfig, run: Run) -> Any:
    """What the model says of the crops, and what it fails at: of no model nothing."""
    if spec is None:
        return tuple(crops.pipeline | f"No {what}" >> beam.Create([]) for what in ("scores", "failures"))
    return crops | InferCrops(inference.resize_batches(spec), run, inference.hints)
