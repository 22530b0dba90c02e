"""Turns audio into vectors: one for each item and one for each window, for search and for models.

linernotes embed_media --config configs/embed_media.yaml
"""

import dataclasses

import apache_beam as beam

from models.decoding import DecodeConfig
from models.embeddings import EmbeddingConfig, make_embeddings
from models.isolation import IsolationConfig
from models.records import Embedding, HalfEmbedding, MediaStatus
from models.specs import digest_model
from pipelines.shipping import SHIPPED_MODEL, load_spec, open_model
from transforms.fetching import fetch_model
from transforms.inference import InferenceConfig
from transforms.media import ReadMedia, SkipDone
from transforms.runs import CountStatuses, Run, check_share
from transforms.scoring import ScoreMedia
from transforms.tables import KeepRows, WriteTables

WRITES_INDEX = False
_EMBEDDINGS = {"float32": Embedding, "float16": HalfEmbedding}


@dataclasses.dataclass(frozen=True)
class Config:
    """input: manifest or pattern of the media. output: folder of the tables. model: the spec of an audio model with an
    embedding; the shipped one unless named.
    """

    input: str
    output: str
    model: str = SHIPPED_MODEL
    embeddings: EmbeddingConfig = dataclasses.field(default_factory=EmbeddingConfig)
    decode: DecodeConfig = dataclasses.field(default_factory=DecodeConfig)
    isolation: IsolationConfig = dataclasses.field(default_factory=IsolationConfig)
    inference: InferenceConfig = dataclasses.field(default_factory=InferenceConfig)
    max_failed_share: float = 0.05

    def __post_init__(self) -> None:
        check_share("max_failed_share", self.max_failed_share)


def build(root: beam.Pipeline, config: Config, run: Run) -> None:
    """Media to vectors, and a status for each."""
    spec = load_spec(config.model, wants="embedding")

    found, unreadable = root | ReadMedia(config.input, run)
    files, skipped = found | SkipDone(config.output, run)
    items, finished = files | ScoreMedia(spec, config.decode, config.isolation, config.inference, run)
    embeddings = items | beam.FlatMap(make_embeddings, spec.window_s, spec.hop_s, config.embeddings)
    statuses = (unreadable, skipped, finished) | beam.Flatten() | CountStatuses(run.progress)

    kept = skipped | KeepRows(config.output, run.provenance.run_key, "embeddings")
    tables = {"media_status": statuses, "embeddings": (embeddings, kept) | "Embeddings" >> beam.Flatten()}
    record_types = {"media_status": MediaStatus, "embeddings": _EMBEDDINGS[config.embeddings.precision]}
    _ = tables | WriteTables(config.output, run.provenance, record_types, run.attempt)


def model_version(config: Config) -> str:
    """What the rows name as their model."""
    return load_spec(config.model, wants="embedding").name


def knobs(config: Config) -> object:
    """All of the config that can change the rows of an item, for --incremental to tell whether it is done."""
    spec = load_spec(config.model, wants="embedding")
    return [digest_model(fetch_model(spec)), config.embeddings, config.decode]


def check_model(config: Config) -> None:
    """Opens the model; ConfigError if it is not what its spec says."""
    open_model(config.model, wants="embedding")
