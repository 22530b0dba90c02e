"""Labels of what items and shots show, and the scores that a rule of a policy goes by for them.

A row says something of a media_id, in any of these columns; others are passed over, and of rows that say different
things the last is right, so that decisions of reviewers may be appended:

- tag, label: whether the item shows the tag, or any tag of the policy's group of that name: 1, 0 or empty: not sure.
- start_s, end_s: the label is of the shots whose middle lies in this stretch, and not of the item.
- verdict: what became of the item, or should: allow, review or block.
"""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from models.manifests import ManifestError, Row
from models.moderation import ACTIONS, ModerationConfig, Rule, highest_threshold
from models.records import MediaTag, ShotTag, TimeRange
from models.sightings import SHOT

_LABELS = {"1": True, "true": True, "1.0": True, "0": False, "false": False, "0.0": False}

Example = tuple[float, bool]  # a score, and the label


@dataclasses.dataclass(frozen=True, slots=True)
class TagLabel:
    """Whether an item, or a stretch of it, shows a tag."""

    media_id: str
    tag: str
    label: bool | None  # None: not sure
    stretch: TimeRange | None  # None: the item


@dataclasses.dataclass(frozen=True, slots=True)
class TaggedItem:
    """What a run says of an item."""

    shots: Mapping[int, TimeRange]  # by number
    shot_tags: Sequence[ShotTag]
    media_tags: Sequence[MediaTag]
    verdict: str | None


def parse_labels(rows: Iterable[tuple[str, Row]]) -> tuple[list[TagLabel], dict[str, str]]:
    """The labels, in order, and the verdicts by media_id. rows: with where each stands, for messages.

    Raises ManifestError for a row that says nothing that can be understood.
    """
    labels, verdicts = [], {}
    for where, row in rows:
        media_id, tag, verdict = (_text(row, name) for name in ("media_id", "tag", "verdict"))
        if not media_id:
            raise ManifestError(f"{where}: media_id must not be empty")
        if not tag and not verdict:
            raise ManifestError(f"{where}: expected tag and label, or verdict, got neither")
        if verdict and verdict not in ACTIONS:
            raise ManifestError(f"{where}: expected verdict {', '.join(ACTIONS)} or none, got {verdict!r}")
        if verdict:
            verdicts[media_id] = verdict
        label = _text(row, "label").lower()
        if tag and label and label not in _LABELS:
            raise ManifestError(f"{where}: expected label 1, 0 or none, got {row['label']!r}")
        if tag:
            labels.append(TagLabel(media_id, tag, _LABELS.get(label), _stretch(row, where)))
    return labels, verdicts


def find_item_examples(
    rule: Rule, items: Mapping[str, TaggedItem], labels: Iterable[TagLabel], config: ModerationConfig
) -> list[Example]:
    """Of every labelled item the highest threshold with which the rule fires, whatever else the policy holds."""
    truth = {label.media_id: label.label for label in labels if label.stretch is None and label.media_id in items}
    return [
        (highest_threshold(rule, items[media_id].shot_tags, items[media_id].media_tags, config), label)
        for media_id, label in truth.items()
        if label is not None
    ]


def find_shot_examples(
    rule: Rule, items: Mapping[str, TaggedItem], labels: Iterable[TagLabel], config: ModerationConfig
) -> list[Example]:
    """Of every labelled shot the highest threshold with which it makes the rule fire, however short it is."""
    truth = {
        (label.media_id, shot): label.label
        for label in labels
        if label.stretch is not None and label.media_id in items
        for shot in find_shots(items[label.media_id].shots, label.stretch)
    }
    brief = dataclasses.replace(rule, min_duration_s=0.0)
    by_shot: dict[str, dict[int, list[ShotTag]]] = {}
    for media_id in {media_id for media_id, _ in truth}:
        for each in items[media_id].shot_tags:
            by_shot.setdefault(media_id, {}).setdefault(each.shot, []).append(each)
    return [
        (highest_threshold(brief, by_shot.get(media_id, {}).get(shot, []), _clip(items[media_id], shot), config), label)
        for (media_id, shot), label in truth.items()
        if label is not None
    ]


def find_shots(shots: Mapping[int, TimeRange], stretch: TimeRange) -> list[int]:
    """Those whose middle lies in the stretch; if none does, the one in which the stretch's middle lies."""
    found = [number for number, shot in shots.items() if _holds(stretch, _middle(shot))]
    return found or [number for number, shot in shots.items() if _holds(shot, _middle(stretch))]


def takes(rule: Rule, label: TagLabel) -> bool:
    """Whether the label is of what the rule looks for. Of single shots it says nothing to a rule of the whole item."""
    return label.tag in (rule.tag, rule.group) and (label.stretch is None or rule.level == SHOT)


def _clip(item: TaggedItem, shot: int) -> list[MediaTag]:
    """The item's tags, with their ranges in the shot; without those that have ranges, but none there."""
    return [
        dataclasses.replace(tag, ranges=ranges)
        for tag in item.media_tags
        if (ranges := tuple(_clip_ranges(tag.ranges, item.shots[shot]))) or not tag.ranges
    ]


def _clip_ranges(ranges: Iterable[TimeRange], shot: TimeRange) -> Iterator[TimeRange]:
    for each in ranges:
        start_s, end_s = max(each.start_s, shot.start_s), min(each.end_s, shot.end_s)
        if start_s < end_s or (start_s == end_s and shot.start_s == shot.end_s):
            yield TimeRange(start_s, end_s)


def _holds(stretch: TimeRange, time_s: float) -> bool:
    return stretch.start_s <= time_s < stretch.end_s or stretch.start_s == time_s == stretch.end_s


def _middle(stretch: TimeRange) -> float:
    return (stretch.start_s + stretch.end_s) / 2


def _stretch(row: Row, where: str) -> TimeRange | None:
    texts = [_text(row, name) for name in ("start_s", "end_s")]
    if not any(texts):
        return None
    try:
        start_s, end_s = map(float, texts)
    except ValueError:
        start_s = end_s = math.nan
    if not 0 <= start_s <= end_s < math.inf:
        raise ManifestError(f"{where}: expected start_s and end_s in seconds, in order, got {texts[0]!r}, {texts[1]!r}")
    return TimeRange(start_s, end_s)


def _text(row: Mapping[Any, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None or value != value else str(value).strip()  # a Parquet of pandas has NaN for nothing
