"""Oracle: sums over all matches at once, without grouping."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.records import MusicMatch, MusicUsage, RightsHolderUsage
from models.usage import sum_plays, sum_repertoire

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=50)
HOLDERS = {"t1": "Ash", "t2": "Ash", "t3": "Birch", "t4": None}
SECONDS = st.integers(0, 8000).map(lambda eighths: eighths / 8)  # so that sums are exact in any order


@st.composite
def matches_of(draw, items="abc", tracks=tuple(HOLDERS)):
    item, track = draw(st.sampled_from(items)), draw(st.sampled_from(tracks))
    start_s, duration_s = draw(SECONDS), draw(SECONDS)
    facts = (f"title of {track}", f"artist of {track}", f"isrc of {track}", HOLDERS[track])
    return MusicMatch(item, track, start_s, start_s + duration_s, 0.0, 1.0, 1.0, 50.0, -9.0, "background", (), *facts)


@REPEATABLE
@given(st.lists(matches_of("a", ["t1"]), min_size=1))
def test_usage_is_the_plays_and_seconds_of_a_recording_and_what_is_known_of_it(matches):
    seconds = sum(match.end_s for match in matches) - sum(match.start_s for match in matches)
    facts = ("title of t1", "artist of t1", "isrc of t1", "Ash")
    assert sum_plays(iter(matches)) == MusicUsage("a", "t1", len(matches), seconds, *facts)


@REPEATABLE
@given(st.lists(matches_of()), st.randoms())
def test_a_rights_holder_has_what_a_count_over_all_matches_finds(matches, random):
    usages = usages_of(matches)
    random.shuffle(usages)
    for holder in ("Ash", "Birch"):
        mine = [match for match in matches if match.rights_holder == holder]
        expected = RightsHolderUsage(
            holder,
            items=len({match.media_id for match in mine}),
            tracks=len({match.track_id for match in mine}),
            plays=len(mine),
            seconds=sum(match.end_s - match.start_s for match in mine),
        )
        assert sum_repertoire(holder, (usage for usage in usages if usage.rights_holder == holder)) == expected


@REPEATABLE
@given(st.lists(matches_of()))
def test_no_play_and_no_second_is_lost_or_paid_twice(matches):
    usages = usages_of(matches)
    by_holder = [sum_repertoire(str(holder), group) for holder, group in grouped(usages, "rights_holder")]
    for sums in (usages, by_holder):
        assert sum(each.plays for each in sums) == len(matches)
        assert sum(each.seconds for each in sums) == sum(match.end_s - match.start_s for match in matches)


def test_nothing_played_is_nothing_used():
    assert sum_repertoire("Ash", []) == RightsHolderUsage("Ash", 0, 0, 0, 0.0)
    with pytest.raises(IndexError):
        sum_plays([])


def usages_of(matches):
    return [sum_plays(group) for _, group in grouped(matches, "media_id", "track_id")]


def grouped(records, *names):
    """(values, records with these values of the named fields)."""

    def key(record):
        return [str(getattr(record, name)) for name in names]

    return [(values, list(group)) for values, group in itertools.groupby(sorted(records, key=key), key)]
