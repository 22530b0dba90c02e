"""Tagging, lifted to PCollections. How scores are pooled, models.tagging says; what follows, models.moderation."""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import TaggedOutput
from numpy.typing import NDArray

from models.moderation import ModerationConfig, moderate, tags_of
from models.records import CropScores
from models.shot_tags import tag_media, tag_shot
from models.tagging import TaggingConfig, pool_shot

_OUTPUTS = ("statuses", "shot_tags", "media_tags", "moderation")


@dataclasses.dataclass
class TagMedia(beam.PTransform[Any, Any]):
    """The rows of items: shots, their tags, the items' tags and the policy's verdicts; and one status each.

    Takes (shots, media, scores, watched, failed): of WatchMedia and of InferCrops. What failed has no rows.
    """

    classes: tuple[str, ...]  # of the model; without one none
    model: str  # its name
    tagging: TaggingConfig
    policy: ModerationConfig

    def expand(self, seen: Any) -> Any:  # PCollections, to those of Shot, ShotTag, MediaTag, Moderation and MediaStatus
        shots, media, scores, watched, failed = seen
        pooled = scores | "Pool shots" >> beam.Map(_pool, self.tagging)
        groups = {
            "shots": shots | "Key shots" >> beam.Map(lambda each: (each.shot.media_id, each)),
            "media": media | "Key media" >> beam.Map(lambda each: (each.media_id, each)),
            "pooled": pooled,
            "failed": failed | "Key failed" >> beam.Map(lambda each: (each.media_id, each)),
            "watched": watched | "Key watched" >> beam.Map(lambda each: (each.media_id, each)),
        }
        outputs = groups | beam.CoGroupByKey() | beam.FlatMap(_tag, self).with_outputs(*_OUTPUTS, main="shots")
        return outputs.shots, outputs.shot_tags, outputs.media_tags, outputs.moderation, outputs.statuses


def _pool(scores: CropScores, config: TaggingConfig) -> tuple[str, tuple[int, NDArray[np.float32]]]:
    """The shot's number and scores, by media_id."""
    assert scores.scores is not None  # the spec asks for them
    alike = np.ones(len(scores.scores), np.float32)
    return scores.file.item.media_id, (scores.shot, pool_shot(scores.scores, alike, config))


def _tag(grouped: tuple[str, dict[str, Iterable[Any]]], knobs: TagMedia) -> Iterator[Any]:
    """The item's one status, and its rows if that is done."""
    media_id, groups = grouped
    (status,) = groups["watched"]
    if status.status == "done":
        status = min(groups["failed"], key=lambda failure: failure.reason, default=status)
    yield TaggedOutput("statuses", status)
    if status.status != "done":
        return
    watched = sorted(groups["shots"], key=lambda each: each.shot.shot)
    (media,) = groups["media"]
    shots, pooled = [each.shot for each in watched], dict(groups["pooled"])
    model = (knobs.classes, knobs.model, knobs.tagging, tags_of(knobs.policy))
    shot_tags = [tag for each in watched for tag in each.tags]
    shot_tags += [tag for shot in shots if shot.shot in pooled for tag in tag_shot(shot, pooled[shot.shot], *model)]
    media_tags = [*media.tags, *tag_media(shots, pooled, *model)]
    yield from shots
    yield from (TaggedOutput("shot_tags", tag) for tag in shot_tags)
    yield from (TaggedOutput("media_tags", tag) for tag in media_tags)

    thumbnails = {each.shot.shot: next((key.thumbnail for key in each.shot.keyframes), None) for each in watched}
    verdict = moderate(media_id, shot_tags, media_tags, thumbnails, knobs.policy)
    Metrics.counter("linernotes", f"media_{verdict.verdict}").inc()
    yield TaggedOutput("moderation", verdict)
