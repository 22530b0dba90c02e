"""Oracle: for each node the scores of all its other audiobooks, listed and summed."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.audiobooks import Audiobook, Contributor
from models.neighbours import (
    NEIGHBOUR_FEATURES,
    NODE_KINDS,
    NeighbourConfig,
    Node,
    describe_neighbours,
    find_nodes,
    join_opinions,
    listen,
    neighbour_features,
    suggest_authors,
)
from models.pairs import Pairs
from models.profiles import count_rarity, profile_audiobook
from models.records import Neighbours, NodeOpinion
from models.undistributed import hear_neighbours

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=60)
AUTHORS = ("a1", "a2", "a3")
SCORES = st.dictionaries(st.sampled_from(AUTHORS), st.floats(0.0625, 1, width=32), max_size=3)
NODE = Node("name", "grey anne")
PAIRS = Pairs("m", ("a1",), ("Anne Grey",), np.zeros(1, np.int32), np.zeros((1, 1), np.float32))
SURE = np.array([0.9], np.float32)


def list_features(author_id, others):
    """What a node's other audiobooks say of an author, from each of their scores."""
    scores = [each.get(author_id, 0.0) for each in others]
    return [sum(scores), sum(scores) / len(scores), max(scores), math.log1p(len(scores))]


@REPEATABLE
@given(st.lists(SCORES, min_size=2, max_size=8), st.sampled_from(AUTHORS))
def test_a_node_says_what_its_other_audiobooks_say(scores, author_id):
    opinions = join_opinions(scores)
    for number, own in enumerate(scores):
        found = neighbour_features(author_id, own.get(author_id, 0.0), {NODE: opinions})
        others = list_features(author_id, [*scores[:number], *scores[number + 1 :]])
        assert found[:4] == pytest.approx(others, abs=1e-6)
        assert found[4:] == [0.0] * 12


@REPEATABLE
@given(st.lists(SCORES, min_size=1, max_size=6), SCORES, SCORES, st.sampled_from(AUTHORS))
def test_an_audiobooks_own_scores_change_nothing_that_it_hears(others, own, other_own, author_id):
    heard = [
        neighbour_features(author_id, mine.get(author_id, 0.0), {NODE: join_opinions([*others, mine])})
        for mine in (own, other_own)
    ]
    assert heard[0] == pytest.approx(heard[1], abs=1e-6)


@REPEATABLE
@given(st.permutations([{"a1": 0.9}, {"a1": 0.3, "a2": 0.2}, {}, {"a3": 0.7}, {"a1": 0.3}]))
def test_order_does_not_matter(scores):
    assert join_opinions(scores) == join_opinions([{"a1": 0.9}, {"a1": 0.3, "a2": 0.2}, {}, {"a3": 0.7}, {"a1": 0.3}])


def test_of_each_kind_the_node_that_says_most_is_heard():
    weak, strong = join_opinions([{"a1": 0.2}, {}]), join_opinions([{"a1": 0.8}, {"a1": 0.7}, {}])
    opinions = {Node("name", "one"): weak, Node("name", "two"): strong, Node("title", "three"): weak}
    found = dict(zip(NEIGHBOUR_FEATURES, neighbour_features("a1", 0.0, opinions), strict=True))
    assert found["name_sum"] == pytest.approx(1.5)
    assert found["name_best"] == pytest.approx(0.8)
    assert found["title_sum"] == pytest.approx(0.2)
    assert [found[f"{kind}_sum"] for kind in NODE_KINDS if kind not in ("name", "title")] == [0, 0]


def test_a_node_of_one_audiobook_says_nothing():
    assert neighbour_features("a1", 0.9, {NODE: join_opinions([{"a1": 0.9}])}) == [0.0] * len(NEIGHBOUR_FEATURES)
    assert suggest_authors({NODE: join_opinions([{"a1": 0.9}])}) == []


def test_a_node_keeps_its_strongest_opinions():
    scores = [{f"a{number:02}": number / 50 for number in range(50)}] * 2
    assert sorted(join_opinions(scores, keep=5).by_author) == [f"a{number}" for number in range(45, 50)]
    assert join_opinions(scores, keep=5).audiobooks == 2


def audiobook(media_id, name="Anne Grey", role="author", title="The Heron", genres=()):
    book = Audiobook(media_id, title, "", (Contributor(name, role),), "", "", "", genres, None, "")
    return profile_audiobook(book, count_rarity([]))


def test_nodes_are_names_titles_and_subjects_and_narrators_are_apart():
    assert find_nodes(audiobook("m", title="The Heron Clock", genres=("Sea stories",))) == {
        Node("name", "anne grey"),
        Node("title", "heron clock"),
        Node("genre", "sea stories"),
    }
    assert Node("narrator", "anne grey") in find_nodes(audiobook("m", role="narrator"))
    assert not find_nodes(audiobook("m", name="A. G.", title="Heron"))
    assert not find_nodes(audiobook("m", "Various", title="Heron", genres=tuple(f"s {i}" for i in range(20))))


@pytest.mark.parametrize(("audiobooks", "heard"), [(3, True), (4, False)])
def test_a_hub_says_nothing(audiobooks, heard):
    profiles = [audiobook(f"m{number}") for number in range(audiobooks)]
    config = NeighbourConfig(max_audiobooks=3)
    found = hear_neighbours(profiles, [PAIRS] * audiobooks, [SURE] * audiobooks, config)
    assert [bool(each.features.any()) for each in found] == [heard] * audiobooks


def test_suggestions_are_the_likeliest_authors_but_of_genres_none():
    opinions = {
        NODE: join_opinions([{"a1": 0.9}, {"a1": 0.9, "a2": 0.5}, {"a3": 0.2}]),
        Node("title", "heron clock"): join_opinions([{"a2": 1.0}, {"a2": 0.9}]),
        Node("genre", "sea stories"): join_opinions([{"a9": 1.0}, {"a9": 1.0}]),
    }
    assert suggest_authors(opinions) == ["a2", "a1"]
    assert suggest_authors(opinions, most=1) == ["a2"]
    assert suggest_authors(opinions, least=0.1) == ["a2", "a1", "a3"]


def test_what_is_heard_is_of_own_candidates_and_then_of_those_suggested():
    opinions = {
        NODE: join_opinions([{"a1": 0.9}, {"a1": 0.8, "a2": 0.6}, {"a3": 0.2}]),
        Node("narrator", "holm otto"): join_opinions([{"a2": 0.5}, {"a2": 0.5}, {}, {}]),
    }
    heard = listen(["a0", "a2"], {"a2": 0.6}, opinions, NeighbourConfig())
    assert (heard.author_ids, heard.suggested) == (("a0", "a2", "a1"), ("a1",))
    assert heard.narrators == {"holm otto": 4}
    assert heard.nodes == {NODE: 3, Node("narrator", "holm otto"): 4}
    for author_id, features in zip(heard.author_ids, heard.features, strict=True):
        own = 0.6 if author_id == "a2" else 0.0
        assert features.tolist() == pytest.approx(neighbour_features(author_id, own, opinions))


def test_neighbours_are_all_nodes_with_what_was_heard_of_the_authors_asked_for():
    opinions = {
        Node("name", "one"): join_opinions([{"a1": 0.25}, {"a2": 0.75}, {}]),
        Node("name", "two"): join_opinions([{"a1": 0.25}, {"a1": 0.5}, {"a1": 0.5, "a2": 0.5}]),
        Node("genre", "sea stories"): join_opinions([{"a1": 0.25}, {}]),
        Node("title", "alone"): join_opinions([{"a1": 0.25}]),
    }
    heard = listen(["a1", "a2", "a3"], {"a1": 0.25}, opinions, NeighbourConfig())
    assert describe_neighbours(heard, ["a1", "a2"]) == [
        Neighbours("genre", "sea stories", 1, (NodeOpinion("a1", 0.0, 0.0), NodeOpinion("a2", 0.0, 0.0))),
        Neighbours("name", "one", 2, (NodeOpinion("a2", 0.75, 0.75),)),
        Neighbours("name", "two", 2, (NodeOpinion("a1", 1.0, 0.5),)),
    ]
    assert not any(each.opinions for each in describe_neighbours(heard, []))


@REPEATABLE
@given(st.permutations(["one", "two", "three"]))
def test_of_nodes_that_say_the_same_always_the_same_one_is_heard(texts):
    opinions = {Node("name", text): join_opinions([{}, {"a1": 0.5}]) for text in texts}
    heard = listen(["a1"], {}, opinions, NeighbourConfig())
    assert [each.text for each in describe_neighbours(heard, ["a1"]) if each.opinions] == ["two"]


def test_who_has_no_neighbours_hears_nothing():
    heard = listen(["a1", "a2"], {"a1": 0.9}, {}, NeighbourConfig())
    assert heard.features.shape == (2, len(NEIGHBOUR_FEATURES))
    assert not heard.features.any()
    assert listen([], {}, {}, NeighbourConfig()).features.shape == (0, len(NEIGHBOUR_FEATURES))


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(NeighbourConfig)])
def test_a_knob_that_is_not_positive_is_refused(field):
    with pytest.raises(ValueError, match=f"{field} must be positive, got 0"):
        NeighbourConfig(**{field: 0})
