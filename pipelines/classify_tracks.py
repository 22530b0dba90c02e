"""Tells music from functional content (noise, rain, hum, drones) and from speech, and decides what follows.

linernotes classify_tracks --config configs/classify_tracks.yaml
"""

import dataclasses

import apache_beam as beam

from configs.loading import ConfigError
from models.decoding import DecodeConfig
from models.isolation import IsolationConfig
from models.labelling import LabelConfig
from models.policies import PolicyConfig, fit_policy
from models.records import MediaStatus, TrackLabel, TrackSegment
from models.specs import AudioModelSpec, digest_model
from pipelines.shipping import SHIPPED_MODEL, load_spec, open_model
from transforms.classification import DecideTracks, LabelTracks, RecallLabels
from transforms.fetching import fetch_model
from transforms.inference import InferenceConfig
from transforms.media import ReadMedia, SkipDone
from transforms.overrides import OverrideLabels, digest_decisions
from transforms.runs import CountStatuses, Run, check_share
from transforms.scoring import ScoreMedia
from transforms.tables import KeepRows, WriteTables

WRITES_INDEX = False
TABLES = {"media_status": MediaStatus, "track_labels": TrackLabel, "track_segments": TrackSegment}


@dataclasses.dataclass(frozen=True)
class Config:
    """input: manifest or pattern of the tracks. output: folder of the tables. model: the spec of an audio model with
    scores; the shipped one unless named. overrides: reviewers' decisions, as a report exports them.
    """

    input: str
    output: str
    model: str = SHIPPED_MODEL
    labels: LabelConfig = dataclasses.field(default_factory=LabelConfig)
    policy: PolicyConfig = dataclasses.field(default_factory=PolicyConfig)
    decode: DecodeConfig = dataclasses.field(default_factory=DecodeConfig)
    isolation: IsolationConfig = dataclasses.field(default_factory=IsolationConfig)
    inference: InferenceConfig = dataclasses.field(default_factory=InferenceConfig)
    overrides: str | None = None
    max_failed_share: float = 0.05

    def __post_init__(self) -> None:
        check_share("max_failed_share", self.max_failed_share)


def build(root: beam.Pipeline, config: Config, run: Run) -> None:
    """Tracks to labels with a decision, segments, and a status for each."""
    spec, policy = _load(config)

    found, unreadable = root | ReadMedia(config.input, run)
    files, skipped = found | SkipDone(config.output, run)
    items, finished = files | ScoreMedia(spec, config.decode, config.isolation, config.inference, run)
    statuses = (unreadable, skipped, finished) | beam.Flatten() | CountStatuses(run.progress)
    summaries, segments = items | LabelTracks(spec, config.labels)
    recalled = skipped | RecallLabels(config.output, run)
    labels = (summaries, recalled) | DecideTracks(policy, run.provenance)

    kept = skipped | KeepRows(config.output, run.provenance.run_key, "track_segments")
    tables = {
        "media_status": statuses,
        "track_labels": labels | OverrideLabels(config.overrides, policy),
        "track_segments": (segments, kept) | "Segments" >> beam.Flatten(),
    }
    _ = tables | WriteTables(config.output, run.provenance, TABLES, run.attempt)


def model_version(config: Config) -> str:
    """What the rows name as their model."""
    return load_spec(config.model, wants="scores").name


def knobs(config: Config) -> object:
    """All of the config that can change the rows of an item, for --incremental to tell whether it is done."""
    spec, policy = _load(config)
    return [digest_model(fetch_model(spec)), config.labels, policy, config.decode, *digest_decisions(config.overrides)]


def check_model(config: Config) -> None:
    """Opens the model; ConfigError if it is not what its spec says."""
    open_model(config.model, wants="scores")


def _load(config: Config) -> tuple[AudioModelSpec, PolicyConfig]:
    """The model's spec, and the policy with its threshold. ConfigError if they do not fit each other."""
    spec = load_spec(config.model, wants="scores")
    calibrated = spec.scores.functional_below_music if spec.scores is not None else None
    try:
        return spec, fit_policy(config.policy, spec.classes, calibrated)
    except ValueError as error:
        raise ConfigError(f"model {config.model}: {error}") from error
