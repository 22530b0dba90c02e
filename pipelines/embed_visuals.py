"""Turns videos and images into vectors: one for each item and one for each shot, for search and for models.

linernotes embed_visuals --config configs/embed_visuals.yaml
"""

import dataclasses

import apache_beam as beam

from models.embeddings import EmbeddingConfig
from models.isolation import IsolationConfig
from models.records import Embedding, HalfEmbedding, MediaStatus
from models.specs import digest_model
from models.tagging import TaggingConfig
from models.watching import Watch, WatchConfig
from pipelines.shipping import load_image_spec, open_image_model
from transforms.embedding import EmbedShots
from transforms.fetching import fetch_model
from transforms.inference import InferCrops, InferenceConfig
from transforms.media import ReadMedia, SkipDone
from transforms.runs import CountStatuses, Run, check_share
from transforms.tables import KeepRows, WriteTables
from transforms.watching import WatchMedia

WRITES_INDEX = False
_EMBEDDINGS = {"float32": Embedding, "float16": HalfEmbedding}


@dataclasses.dataclass(frozen=True)
class Config:
    """input: manifest or pattern of videos and images. output: folder of the tables. model: the spec of an image model
    with an embedding. crops: of each keyframe; see TaggingConfig.
    """

    input: str
    output: str
    model: str
    crops: tuple[str, ...] = ("spec",)
    watch: WatchConfig = dataclasses.field(default_factory=WatchConfig)
    embeddings: EmbeddingConfig = dataclasses.field(default_factory=EmbeddingConfig)
    isolation: IsolationConfig = dataclasses.field(default_factory=IsolationConfig)
    inference: InferenceConfig = dataclasses.field(default_factory=InferenceConfig)
    max_failed_share: float = 0.05

    def __post_init__(self) -> None:
        check_share("max_failed_share", self.max_failed_share)
        TaggingConfig(crops=self.crops)  # which knows what crops there are


def build(root: beam.Pipeline, config: Config, run: Run) -> None:
    """Videos and images to vectors, and a status for each."""
    spec = load_image_spec(config.model, wants="embedding")
    watch = Watch(config.watch, spec.input, TaggingConfig(crops=config.crops))

    found, unreadable = root | ReadMedia(config.input, run)
    files, skipped = found | SkipDone(config.output, run)
    shots, crops, _, watched = files | WatchMedia(watch, config.isolation, None, run)
    outputs, failed = crops | InferCrops(config.inference.resize_batches(spec), run, config.inference.hints)
    embeddings, finished = (shots, outputs, watched, failed) | EmbedShots(config.embeddings)
    statuses = (unreadable, skipped, finished) | beam.Flatten() | CountStatuses(run.progress)

    kept = skipped | KeepRows(config.output, run.provenance.run_key, "embeddings")
    tables = {"media_status": statuses, "embeddings": (embeddings, kept) | "Embeddings" >> beam.Flatten()}
    record_types = {"media_status": MediaStatus, "embeddings": _EMBEDDINGS[config.embeddings.precision]}
    _ = tables | WriteTables(config.output, run.provenance, record_types, run.attempt)


def model_version(config: Config) -> str:
    """What the rows name as their model."""
    return load_image_spec(config.model, wants="embedding").name


def knobs(config: Config) -> object:
    """All of the config that can change the rows of an item, for --incremental to tell whether it is done."""
    spec = load_image_spec(config.model, wants="embedding")
    return [digest_model(fetch_model(spec)), config.crops, config.watch, config.embeddings]


def check_model(config: Config) -> None:
    """Opens the model; ConfigError if it is not what its spec says."""
    open_image_model(config.model, wants="embedding")
