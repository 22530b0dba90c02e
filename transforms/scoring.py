"""Scoring: files in, what a model says of each item out, batched over items on the way."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import PCollection, TaggedOutput

from models.decoding import DecodeConfig
from models.isolation import IsolationConfig
from models.records import MediaFile, MediaStatus, ScoredItem, WindowScores
from models.specs import AudioModelSpec
from transforms.inference import InferenceConfig, InferWindows
from transforms.runs import Run
from transforms.windows import CutWindows


@dataclasses.dataclass
class ScoreMedia(beam.PTransform[Any, Any]):
    """What the model says of each file, and each file's status: done or failed. What failed has no scores."""

    spec: AudioModelSpec
    decode: DecodeConfig
    isolation: IsolationConfig
    inference: InferenceConfig
    run: Run

    def expand(self, files: PCollection[MediaFile]) -> Any:  # PCollections of ScoredItem and MediaStatus
        blocks, decoded = files | CutWindows(self.spec, self.decode, self.isolation, self.run)
        spec = self.inference.resize_batches(self.spec)
        scores, failed = blocks | InferWindows(spec, self.run, self.inference.hints)
        groups = {
            "scores": scores | "Key scores" >> beam.Map(lambda each: (each.file.item.media_id, each)),
            "decoded": decoded | "Key decoded" >> beam.Map(lambda status: (status.media_id, status)),
            "failed": failed | "Key failed" >> beam.Map(lambda status: (status.media_id, status)),
        }
        outputs = groups | beam.CoGroupByKey() | beam.FlatMap(_join).with_outputs("statuses", main="items")
        return outputs.items, outputs.statuses


def _join(grouped: tuple[str, dict[str, Iterable[Any]]]) -> Iterator[Any]:
    """The item's one status, and what the model says of it if that is done."""
    _, groups = grouped
    (status,) = groups["decoded"]
    if status.status == "done":
        status = min(groups["failed"], key=lambda failure: failure.reason, default=status)
    yield TaggedOutput("statuses", status)
    parts = sorted(groups["scores"], key=lambda part: part.first_window)
    if status.status == "done" and parts:  # audio of no samples, where config allows it, has no parts
        yield _join_parts(status, parts)


def _join_parts(status: MediaStatus, parts: Sequence[WindowScores]) -> ScoredItem:
    scores = [part.scores for part in parts if part.scores is not None]
    embeddings = [part.embeddings for part in parts if part.embeddings is not None]
    assert status.duration_s is not None  # it is done
    return ScoredItem(
        parts[0].file.item,
        status.duration_s,
        np.concatenate([part.levels_db for part in parts]),
        np.concatenate(scores) if scores else None,
        np.concatenate(embeddings) if embeddings else None,
    )
