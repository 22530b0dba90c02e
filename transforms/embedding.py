"""Embeddings of videos and images, lifted to PCollections. What a vector is, models.embeddings says."""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from models.embeddings import EmbeddingConfig, embed_shots


@dataclasses.dataclass
class EmbedShots(beam.PTransform[Any, Any]):
    """The vectors of items and their shots, and one status each.

    Takes (shots, outputs, watched, failed): of WatchMedia and of InferCrops. What failed has no vectors.
    """

    config: EmbeddingConfig

    def expand(self, seen: Any) -> Any:  # PCollections, to those of Embedding or HalfEmbedding, and of MediaStatus
        shots, outputs, watched, failed = seen
        groups = {
            "shots": shots | "Key shots" >> beam.Map(lambda each: (each.shot.media_id, each.shot)),
            "outputs": outputs
            | "Key outputs" >> beam.Map(lambda each: (each.file.item.media_id, (each.shot, each.embeddings))),
            "failed": failed | "Key failed" >> beam.Map(lambda each: (each.media_id, each)),
            "watched": watched | "Key watched" >> beam.Map(lambda each: (each.media_id, each)),
        }
        joined = groups | beam.CoGroupByKey() | beam.FlatMap(_embed, self.config).with_outputs("statuses", main="rows")
        return joined.rows, joined.statuses


def _embed(grouped: tuple[str, dict[str, Iterable[Any]]], config: EmbeddingConfig) -> Iterator[Any]:
    """The item's one status, and its vectors if that is done."""
    _, groups = grouped
    (status,) = groups["watched"]
    if status.status == "done":
        status = min(groups["failed"], key=lambda failure: failure.reason, default=status)
    yield TaggedOutput("statuses", status)
    if status.status == "done":
        shots = sorted(groups["shots"], key=lambda shot: shot.shot)
        yield from embed_shots(shots, dict(groups["outputs"]), config)
