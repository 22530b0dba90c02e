"""Sightings: when an item shows which tags, how surely, and what that leaves when other times are taken away."""

import bisect
import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from models.records import COMPUTED, MediaTag, ShotTag, TimeRange

SHOT, MEDIA = LEVELS = ("shot", "media")

_WHOLE = (TimeRange(0.0, 0.0),)  # of an item's tag that says no times


@dataclasses.dataclass(frozen=True, slots=True)
class Sighting:
    """A stretch of an item that shows a tag."""

    start_s: float
    end_s: float
    tag: str
    score: float
    shot: int | None  # None: not of one shot


class Sightings:
    """All of an item, at two levels: of its shots and of the item as a whole; of computed tags' ranges at both."""

    def __init__(self, shot_tags: Sequence[ShotTag], media_tags: Sequence[MediaTag]) -> None:
        self._shot_tags = shot_tags
        self._sightings: dict[tuple[str, str], list[Sighting]] = {}
        for each in shot_tags:
            self._add(SHOT, Sighting(each.start_s, each.end_s, each.tag, each.score, each.shot))
        for tag in media_tags:
            for part in tag.ranges or _WHOLE:
                for level in LEVELS if tag.source == COMPUTED else (MEDIA,):
                    self._add(level, Sighting(part.start_s, part.end_s, tag.tag, tag.score, None))
        self.is_image = all(each.start_s == each.end_s for found in self._sightings.values() for each in found)

    def find(self, level: str, tags: Iterable[str], threshold: float = 0.0) -> list[Sighting]:
        """Those of the tags with this score or more."""
        found = (self._sightings.get((level, tag), ()) for tag in tags)
        return [each for sightings in found for each in sightings if each.score >= threshold]

    def find_thumbnail(self, sighting: Sighting, thumbnails: Mapping[int, str | None]) -> str | None:
        """Of its shot; of a stretch, of the shot that shows the tag best, or most of the stretch. None: it has none."""
        if sighting.shot is not None:
            return thumbnails.get(sighting.shot)
        inside = [
            (each.score if each.tag == sighting.tag else 0.0, seconds, -each.shot)
            for each in self._shot_tags
            if (seconds := min(each.end_s, sighting.end_s) - max(each.start_s, sighting.start_s)) > 0 or self.is_image
            if thumbnails.get(each.shot) is not None
        ]
        if inside:
            return thumbnails[-max(inside)[2]]
        return next(iter(thumbnails.values())) if len(thumbnails) == 1 else None

    def _add(self, level: str, sighting: Sighting) -> None:
        self._sightings.setdefault((level, sighting.tag), []).append(sighting)


def strongest(sightings: Iterable[Sighting], count: int) -> list[Sighting]:
    """The surest, in order, of each stretch but one."""
    found: dict[tuple[float, float], Sighting] = {}
    for each in sorted(sightings, key=lambda each: (-each.score, each.start_s, each.end_s, each.tag, _number(each))):
        found.setdefault((each.start_s, each.end_s), each)
    return list(found.values())[:count]


def subtract(sightings: Iterable[Sighting], others: Iterable[Sighting]) -> Iterator[Sighting]:
    """What is left of them when the others' time is taken away; of a stretch of no length all or nothing."""
    cover = _merge(others)
    for each in sightings:
        start_s, is_covered = each.start_s, False
        for number in range(bisect.bisect_left(cover, start_s, key=lambda part: part[1]), len(cover)):
            cover_start_s, cover_end_s = cover[number]
            if cover_start_s > each.end_s:
                break
            if cover_start_s > start_s:
                yield dataclasses.replace(each, start_s=start_s, end_s=cover_start_s)
            start_s, is_covered = max(start_s, cover_end_s), True
        if start_s < each.end_s or not is_covered:
            yield dataclasses.replace(each, start_s=start_s)


def count_seconds(sightings: Iterable[Sighting]) -> float:
    """How long they last together, to the microsecond: 0.1 + 0.2 is no more than 0.3."""
    return round(math.fsum(end_s - start_s for start_s, end_s in _merge(sightings)), 6)


def _merge(sightings: Iterable[Sighting]) -> list[tuple[float, float]]:
    """The time that they take, in order and disjoint."""
    merged: list[tuple[float, float]] = []
    for start_s, end_s in sorted((each.start_s, each.end_s) for each in sightings):
        if merged and start_s <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end_s)
        else:
            merged.append((start_s, end_s))
    return merged


def _number(sighting: Sighting) -> int:
    return -1 if sighting.shot is None else sighting.shot
