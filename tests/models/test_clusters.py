"""Oracles: connected components by SciPy, and every pair of a cluster looked at."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

import models.clusters
from models.audiobooks import Audiobook, Contributor
from models.clusters import Orphan, are_one, cluster, make_orphan, may_be_one, name_clusters
from models.names import compare_names, parse_name
from models.profiles import count_rarity, profile_audiobook

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=60)
NAMES = ["Anne Grey", "A. Grey", "Anne Grey", "Bertha Holm", "Carl Ive", ""]
MANY_NAMES = [f"{given} {surname}" for given in ("Anne", "A.", "Bertha", "B. C.", "") for surname in ("Grey", "Holm")]
TITLES = st.sets(st.sampled_from(["heron clock", "brass orchard", "idle traveller", "paper tide"]), max_size=2)
YEARS = st.sampled_from([None, 1700, 1780, 1850, 1900, 2000])


def make_orphans(seed):
    rng = random.Random(seed)
    return [
        Orphan(f"m{i:02}", parse_name(rng.choice(NAMES)), None, frozenset([f"the title {rng.randrange(30)}"]))
        for i in range(24)
    ]


@st.composite
def orphans_of_different_names(draw):
    """At most one of each name, and any number without."""
    names = draw(st.lists(st.sampled_from(MANY_NAMES), unique=True, max_size=8)) + [""] * draw(st.integers(0, 3))
    return [
        Orphan(f"m{number}", parse_name(name), draw(YEARS), frozenset(draw(TITLES)))
        for number, name in enumerate(draw(st.permutations(names)))
    ]


def join_components(orphans):
    """Of all pairs that are one, whatever keys they share."""
    edges = [pair for pair in itertools.combinations(range(len(orphans)), 2) if are_one(*(orphans[i] for i in pair))]
    rows, columns = zip(*edges, strict=True) if edges else ((), ())
    _, labels = connected_components(coo_array(([1] * len(edges), (rows, columns)), (len(orphans),) * 2))
    return sorted(
        sorted(each.media_id for each, its in zip(orphans, labels, strict=True) if its == label)
        for label in set(labels)
    )


def test_without_cannot_links_clusters_are_the_connected_components():
    for seed in range(10):
        orphans = [each for each in make_orphans(seed) if each.name.key in ("anne grey", "a grey")]
        assert cluster(orphans) == join_components(orphans)


def test_no_cluster_has_two_given_names():
    for seed in range(10):
        orphans = {each.media_id: each for each in make_orphans(seed)}
        for members in cluster(list(orphans.values())):
            surnames = {orphans[i].name.surname for i in members} - {""}
            assert len(surnames) <= 1


@REPEATABLE
@given(orphans_of_different_names())
def test_no_two_of_a_cluster_are_two_who_cannot_be_one(orphans):
    by_id = {each.media_id: each for each in orphans}
    for members in cluster(orphans):
        for a, b in itertools.combinations(members, 2):
            assert may_be_one(by_id[a], by_id[b])


@REPEATABLE
@given(orphans_of_different_names(), st.integers(0, 99))
def test_clusters_are_a_partition_and_order_does_not_matter(orphans, seed):
    clusters = cluster(orphans)
    assert sorted(itertools.chain(*clusters)) == sorted(each.media_id for each in orphans)
    assert cluster(random.Random(seed).sample(orphans, len(orphans))) == clusters


@REPEATABLE
@given(orphans_of_different_names())
def test_a_cluster_is_never_larger_than_its_connected_component(orphans):
    components = join_components(orphans)
    assert all(any(set(members) <= set(each) for each in components) for members in cluster(orphans))


def test_twenty_thousand_of_one_name_are_one_and_hardly_compared(monkeypatch):
    compared = []

    def compare(a, b):
        compared.append((a, b))
        return compare_names(a, b)

    monkeypatch.setattr(models.clusters, "compare_names", compare)
    name = parse_name("Anne Grey")
    crowd = [Orphan(f"m{number:05}", name, 1900, frozenset([f"heron {number % 700}"])) for number in range(20_000)]
    initials = Orphan("n", parse_name("A. Grey"), 1900, frozenset())
    other = Orphan("o", parse_name("Bertha Grey"), 1900, frozenset())
    assert cluster([other, *crowd, initials]) == [[*(each.media_id for each in crowd), "n"], ["o"]]
    assert len(compared) < 20


def test_a_key_of_many_names_joins_none():
    shared = frozenset(["heron clock"])
    orphans = [Orphan("a", parse_name("Anne Grey"), None, shared), Orphan("b", parse_name(""), None, shared)]
    assert cluster(orphans, most=2) == [["a", "b"]]
    assert cluster(orphans, most=1) == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("a", "b", "years", "may"),
    [
        ("Anne Grey", "A. Grey", (1900, 1950), True),
        ("Anne Grey", "Bertha Grey", (1900, 1900), False),
        ("Anne Grey", "Anne Holm", (1900, 1900), False),
        ("Anne Grey", "A. Grey", (1900, 1991), False),
        ("Anne Grey", "Anne Grey", (1900, 1991), True),
        ("Anne Grey", "", (None, 1900), True),
    ],
)
def test_given_names_that_clash_and_two_lifetimes_are_two_people(a, b, years, may):
    one, other = (Orphan(name, parse_name(name), year, frozenset()) for name, year in zip((a, b), years, strict=True))
    assert may_be_one(one, other) == may


# Who an audiobook's author seems to be


@pytest.mark.parametrize(
    ("contributors", "narrators", "name"),
    [
        ([("Anne Grey", "author"), ("Otto Holm", "narrator")], {}, "anne grey"),
        ([("Otto Holm", "author"), ("Anne Grey", "author")], {"holm otto": 3}, "anne grey"),
        ([("Grey", "author"), ("Anne Grey", "author")], {}, "anne grey"),
        ([("Otto Holm", "narrator")], {}, ""),
        ([("Otto Holm", "narrator"), ("Anne Grey", "narrator")], {"holm otto": 3}, "anne grey"),
        ([("Otto Holm", "translator"), ("Anne Grey", "author")], {}, "anne grey"),
        ([("Various", "author")], {}, ""),
        ([], {}, ""),
    ],
)
def test_an_orphan_has_the_name_that_is_least_a_narrators(contributors, narrators, name):
    strings = tuple(Contributor(*each) for each in contributors)
    book = Audiobook("m", "The Heron Clock", "", strings, "", "Herons", "", (), 1900, "")
    orphan = make_orphan(profile_audiobook(book, count_rarity([])), narrators)
    assert orphan == Orphan("m", orphan.name, 1900, frozenset(["heron clock"]))
    assert orphan.name.full == name


# Ids


def test_ids_stay_while_members_overlap():
    before = name_clusters([["a", "b"], ["c"]], {})
    after = name_clusters([["a", "b", "d"], ["c", "e"]], before)
    assert after["d"] == before["a"]
    assert after["e"] == before["c"]
    assert len(set(after.values())) == 2


def test_of_a_cluster_that_falls_apart_the_larger_part_keeps_the_id():
    before = name_clusters([["a", "b", "c"]], {})
    after = name_clusters([["a"], ["b", "c"]], before)
    assert after["b"] == after["c"] == before["a"]
    assert after["a"] != before["a"]


def test_an_id_goes_to_the_cluster_that_has_most_of_its_audiobooks():
    before = dict.fromkeys("abcd", "x") | dict.fromkeys("efg", "y")
    after = name_clusters([["a", "e", "f", "g"], ["b", "c", "d"]], before)
    assert (after["b"], after["a"]) == ("x", "y")
    after = name_clusters([["a", "b", "e", "f"], ["c", "d", "g"]], before)
    assert len({after["a"], after["c"]} & {"x", "y"}) == 2


def test_of_two_clusters_that_grow_together_the_larger_gives_the_id():
    before = name_clusters([["a"], ["b", "c"]], {})
    assert set(name_clusters([["a", "b", "c"]], before).values()) == {before["b"]}


@REPEATABLE
@given(st.lists(st.integers(0, 2), min_size=1, max_size=6), st.lists(st.integers(0, 2), min_size=6, max_size=6))
def test_no_two_clusters_have_one_id(yesterday, today):
    def partition(labels):
        return [[f"m{i}" for i, each in enumerate(labels) if each == label] for label in sorted(set(labels))]

    before = name_clusters(partition(yesterday), {})
    after = name_clusters(partition(today), before)
    assert len({after[each[0]] for each in partition(today)}) == len(partition(today))
    assert all(len({after[media_id] for media_id in each}) == 1 for each in partition(today))
    assert name_clusters(partition(yesterday), before) == before
