"""Usage: how much of each recording was played, for each item and for each rights holder."""

import math
from collections import defaultdict
from collections.abc import Iterable

from models.records import MusicMatch, MusicUsage, RightsHolderUsage


def sum_plays(matches: Iterable[MusicMatch]) -> MusicUsage:
    """The usage that the matches of one item with one recording make; at least one."""
    listed = list(matches)
    first = listed[0]
    return MusicUsage(
        media_id=first.media_id,
        track_id=first.track_id,
        plays=len(listed),
        seconds=math.fsum(match.end_s - match.start_s for match in listed),
        title=first.title,
        artist=first.artist,
        isrc=first.isrc,
        rights_holder=first.rights_holder,
    )


def sum_repertoire(rights_holder: str, usages: Iterable[MusicUsage]) -> RightsHolderUsage:
    """What one rights holder's recordings were played, in whichever items."""
    items_by_track: dict[str, set[str]] = defaultdict(set)
    plays, seconds = 0, list[float]()
    for usage in usages:
        items_by_track[usage.track_id].add(usage.media_id)
        plays += usage.plays
        seconds.append(usage.seconds)
    items = set().union(*items_by_track.values())
    return RightsHolderUsage(rights_holder, len(items), len(items_by_track), plays, math.fsum(seconds))
