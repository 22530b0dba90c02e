"""Rows of tags that a model gives: of shots, and of the items that they make up."""

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.records import MediaTag, Shot, ShotTag, TimeRange
from models.tagging import TaggingConfig, pool_media, top_tags

_Scores = NDArray[np.float32]  # (classes,)

_NEGLIGIBLE = 0.01  # a score that no row is written for, whoever asks


def tag_shot(
    shot: Shot, scores: _Scores, classes: Sequence[str], model: str, config: TaggingConfig, wanted: Collection[str]
) -> Iterator[ShotTag]:
    """The shot's tags, the surest first. wanted: tags that have a row also when others are surer: a policy's."""
    for tag, score in _choose(scores, classes, config, wanted):
        yield ShotTag(shot.media_id, shot.shot, shot.start_s, shot.end_s, tag, score, model)


def tag_media(
    shots: Sequence[Shot],
    scores: Mapping[int, _Scores],
    classes: Sequence[str],
    model: str,
    config: TaggingConfig,
    wanted: Collection[str],
) -> Iterator[MediaTag]:
    """The tags of the item that these shots are, with the times of the shots that have them; of no shots none.

    scores: by the shot's number; one without keyframes has none.
    """
    seen = [shot for shot in shots if shot.shot in scores]
    if not seen:
        return
    table = np.stack([scores[shot.shot] for shot in seen])
    seconds = np.array([shot.end_s - shot.start_s for shot in seen], np.float32)
    numbers = {name: number for number, name in enumerate(classes)}
    for tag, score in _choose(pool_media(table, seconds, config), classes, config, wanted):
        having = table[:, numbers[tag]] >= config.min_range_score
        ranges = join_ranges([(shot.start_s, shot.end_s) for shot, has in zip(seen, having, strict=True) if has])
        seconds_of_tag = sum(each.end_s - each.start_s for each in ranges)
        yield MediaTag(shots[0].media_id, tag, score, seconds_of_tag, model, tuple(ranges))


def join_ranges(ranges: Sequence[tuple[float, float]]) -> list[TimeRange]:
    """The stretches, in order, as ones that do not touch each other."""
    joined: list[TimeRange] = []
    for start_s, end_s in sorted(ranges):
        if joined and start_s <= joined[-1].end_s:
            joined[-1] = TimeRange(joined[-1].start_s, max(joined[-1].end_s, end_s))
        else:
            joined.append(TimeRange(start_s, end_s))
    return joined


def _choose(
    scores: _Scores, classes: Sequence[str], config: TaggingConfig, wanted: Collection[str]
) -> list[tuple[str, float]]:
    top = top_tags(scores, classes, config)
    named = {tag for tag, _ in top}
    asked = [
        (tag, float(score))
        for tag, score in zip(classes, scores, strict=True)
        if tag in wanted and tag not in named and score >= _NEGLIGIBLE
    ]
    return [*top, *sorted(asked, key=lambda each: (-each[1], each[0]))]
