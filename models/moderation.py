"""Moderation: what a policy makes of what an item shows, and why.

A rule fires where its tag, or any tag of its group, reaches the threshold: in a shot (`level: shot`), or in the item as
a whole (`level: media`). Computed tags know when they are to be seen: for them the item's ranges count as shots do.

- `min_duration_s`: the rule fires only if all that together lasts so long. An image is long enough for any.
- `unless`: where an exception is seen (`level: shot`) the rule does not count that time; one that the item as a whole
  shows (`level: media`) lifts the rule.
- The verdict is the severest action of all rules that fire: block before review before allow. Their order says only
  which of equals is named, and how far `allow` reaches:
- `allow`: exempts from the rules after it, and from no rule before: at `level: shot` the time where it is seen, at
  `level: media` the item, from the `default` too. Elsewhere the default counts like a rule that always fires.

    groups: {swimwear: [bikini, swimming trunks], shore: [seashore, lakeside]}
    rules:
    - {name: photosensitive, tag: flashing, threshold: 0.5, action: block}
    - {name: news, tag: newsreader, threshold: 0.8, action: allow, level: media}
    - {name: swimwear, group: swimwear, threshold: 0.6, action: review, unless: [{group: shore, threshold: 0.5}]}
    - {name: smoking, tag: cigarette, threshold: 0.7, action: review, min_duration_s: 2}
"""

import bisect
import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from models.records import Evidence, MediaTag, Moderation, ShotTag
from models.sightings import LEVELS, MEDIA, SHOT, Sighting, Sightings, count_seconds, strongest, subtract
from models.specs import describe_unknown

ALLOW, REVIEW, BLOCK = ACTIONS = ("allow", "review", "block")  # from the mildest


@dataclasses.dataclass(frozen=True)
class Unless:
    """An exception to a rule: a tag or a group that lifts it where its score is at least the threshold.

    level: shot: for as long as it is seen. media: for the whole item, if that shows it.
    """

    threshold: float
    tag: str | None = None
    group: str | None = None
    level: str = SHOT

    def __post_init__(self) -> None:
        _check_subject(self)


@dataclasses.dataclass(frozen=True)
class Rule:
    """What follows from a tag, or from any tag of a group, with at least a threshold's score; see the module.

    threshold: above 0, for a tag that is not listed has 0. level: whose scores count, the shots' or the item's.
    """

    name: str
    threshold: float
    action: str
    tag: str | None = None
    group: str | None = None
    level: str = SHOT
    min_duration_s: float = 0.0
    unless: tuple[Unless, ...] = ()

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("name must not be empty")
        _check_subject(self)
        _check_choice("action", self.action, ACTIONS)
        if not 0 <= self.min_duration_s < math.inf:
            raise ValueError(f"min_duration_s must be 0 or more, got {self.min_duration_s}")


@dataclasses.dataclass(frozen=True)
class ModerationConfig:
    """A policy: rules, in order, over tags and groups of tags.

    groups: the tags of each name. default: the verdict if no rule says more. max_evidence: of each rule that fires.
    """

    groups: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    default: str = ALLOW
    max_evidence: int = 3

    def __post_init__(self) -> None:
        _check_choice("default", self.default, ACTIONS)
        if self.max_evidence < 1:
            raise ValueError(f"max_evidence must be positive, got {self.max_evidence}")
        for group, tags in self.groups.items():
            if not tags:
                raise ValueError(f"group {group!r}: expected tags, got none")
        names = [rule.name for rule in self.rules]
        if repeated := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"rule {repeated[0]!r}: expected a name of its own, got the same again")
        for where, subject in _subjects(self.rules):
            if subject.group is not None and subject.group not in self.groups:
                raise ValueError(f"{where}: {_describe_group(subject.group, list(self.groups))}")

    def tags_of(self, subject: Rule | Unless) -> tuple[str, ...]:
        """The tags that a rule or an exception looks for."""
        return (subject.tag,) if subject.tag is not None else self.groups[str(subject.group)]


def tags_of(config: ModerationConfig) -> frozenset[str]:
    """All tags that its rules and their exceptions look for."""
    return frozenset(tag for _, subject in _subjects(config.rules) for tag in config.tags_of(subject))


def check_policy(config: ModerationConfig, known_tags: Iterable[str]) -> None:
    """Raises ValueError for a tag that is not known. To be called before work starts."""
    known = list(known_tags)
    tags = [(f"group {group!r}", tag) for group, tags in config.groups.items() for tag in tags]
    tags += [(where, subject.tag) for where, subject in _subjects(config.rules) if subject.tag is not None]
    for where, tag in tags:
        if tag not in known:
            raise ValueError(f"{where}: {_describe_tag(tag, known, config)}")


def moderate(
    media_id: str,
    shot_tags: Sequence[ShotTag],
    media_tags: Sequence[MediaTag],
    thumbnails: Mapping[int, str | None],
    config: ModerationConfig,
) -> Moderation:
    """The item's verdict, the rule that decides, and the strongest evidence of every rule that fires.

    The same in whatever order the tags come. thumbnails: by shot. rule: None if only the default speaks.
    """
    seen = Sightings(shot_tags, media_tags)
    fired, is_exempt = _find_fired(seen, config)
    verdict = max([ALLOW if is_exempt else config.default, *(rule.action for rule, _ in fired)], key=ACTIONS.index)
    deciding = fired[0][0].name if fired and fired[0][0].action == verdict else None
    evidence = [
        _show(rule, each, seen.find_thumbnail(each, thumbnails))
        for rule, sightings in fired
        for each in strongest(sightings, config.max_evidence)
    ]
    return Moderation(media_id, verdict, deciding, tuple(evidence))


def highest_threshold(
    rule: Rule, shot_tags: Sequence[ShotTag], media_tags: Sequence[MediaTag], config: ModerationConfig
) -> float:
    """The highest threshold with which the rule fires for an item, other rules aside; 0: with none.

    The item's score, so to speak, when the rule's threshold is tuned.
    """
    seen = Sightings(shot_tags, media_tags)
    scores = sorted({each.score for each in seen.find(rule.level, config.tags_of(rule)) if each.score > 0})
    # A lower threshold never keeps a rule from firing: the scores with which it fires come first.
    count = bisect.bisect_left(
        scores, True, key=lambda score: not _find_reasons(dataclasses.replace(rule, threshold=score), seen, config)
    )
    return scores[count - 1] if count else 0.0


def _find_fired(seen: Sightings, config: ModerationConfig) -> tuple[list[tuple[Rule, list[Sighting]]], bool]:
    """The rules that fire, the severest first, with why; and whether one of them exempts the item."""
    fired: list[tuple[Rule, list[Sighting]]] = []
    exempt: list[Sighting] = []
    is_exempt = False
    for rule in config.rules:
        if not is_exempt and (sightings := _find_reasons(rule, seen, config, exempt)):
            fired.append((rule, sightings))
            if rule.action == ALLOW:
                exempt.extend(sightings)
                is_exempt = rule.level == MEDIA
    fired.sort(key=lambda each: -ACTIONS.index(each[0].action))  # stable: of equals the policy's first leads
    return fired, is_exempt


def _find_reasons(
    rule: Rule, seen: Sightings, config: ModerationConfig, exempt: Sequence[Sighting] = ()
) -> list[Sighting]:
    """What makes the rule fire: none if it does not. exempt: whose time does not count."""
    found, others = seen.find(rule.level, config.tags_of(rule), rule.threshold), [*exempt]
    for exception in rule.unless:
        lifting = seen.find(exception.level, config.tags_of(exception), exception.threshold)
        if lifting and exception.level == MEDIA:
            return []
        others.extend(lifting)
    left = list(subtract(found, others)) if others else found
    return left if seen.is_image or count_seconds(left) >= rule.min_duration_s else []


def _show(rule: Rule, sighting: Sighting, thumbnail: str | None) -> Evidence:
    return Evidence(
        rule=rule.name,
        action=rule.action,
        tag=sighting.tag,
        score=sighting.score,
        threshold=rule.threshold,
        start_s=sighting.start_s,
        end_s=sighting.end_s,
        thumbnail=thumbnail,
    )


def _check_subject(subject: Rule | Unless) -> None:
    if (subject.tag is None) == (subject.group is None):
        raise ValueError(f"expected a tag or a group, got {'neither' if subject.tag is None else 'both'}")
    if not 0 < subject.threshold <= 1:
        raise ValueError(f"threshold must be above 0 and at most 1, got {subject.threshold}")
    _check_choice("level", subject.level, LEVELS)


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(describe_unknown(name, value, choices))


def _subjects(rules: Iterable[Rule]) -> Iterator[tuple[str, Rule | Unless]]:
    """The rules and their exceptions, and where each stands, for messages."""
    for rule in rules:
        yield f"rule {rule.name!r}", rule
        for exception in rule.unless:
            yield f"rule {rule.name!r}, unless", exception


def _describe_tag(tag: str, known: Sequence[str], config: ModerationConfig) -> str:
    if tag in config.groups:
        return f"expected a tag, got the group {tag!r}"
    return describe_unknown("tag", tag, known)


def _describe_group(group: str, groups: Sequence[str]) -> str:
    return describe_unknown("group", group, groups) if groups else f"no group {group!r}; there are none"
