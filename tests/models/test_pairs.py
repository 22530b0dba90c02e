"""Oracles: one pair compared alone, and all pairs of an audiobook at once."""

import numpy as np
import pytest

from models.attribution import name_evidence
from models.audiobooks import Audiobook, Author, Contributor
from models.candidates import digest, vote_for
from models.comparisons import FEATURES, compare
from models.contexts import CONTEXT_FEATURES, SCORE_FEATURES, compare_scores
from models.neighbours import NEIGHBOUR_FEATURES, NeighbourConfig, Node, join_opinions, listen, neighbour_features
from models.pairs import (
    GRAPH_FEATURES,
    PAIR_FEATURES,
    compare_pairs,
    graph_features,
    hear,
    join_pairs,
    list_candidates,
    pair_features,
    rescore,
)
from models.profiles import count_rarity, profile_audiobook, profile_author

PEOPLE = [
    Author(f"a{number}", name, "", "", "", (), None, None, ("The Heron Clock",), ("English",), (), ())
    for number, name in enumerate(["Anne Grey", "A. Grey", "Bertha Grey", "Carl Ivarsen", "Otto Holm"])
]
RARITY = count_rarity(PEOPLE)
AUTHORS = {digest(each.author_id): profile_author(each, RARITY) for each in PEOPLE}
STRINGS = (Contributor("Anne Grey", "author"), Contributor("Otto Holm", "narrator"))
PROFILE = profile_audiobook(Audiobook("m", "The Heron Clock", "", STRINGS, "", "", "", (), None, ""), RARITY)
IDS = [each.author_id for each in PEOPLE]
PAIRS = compare_pairs(PROFILE, vote_for(IDS), AUTHORS, RARITY)
SCORES = np.array([0.9, 0.5, 0.015, 0.005, 0.3], np.float32)
NODE = Node("name", "anne grey")


def test_features_have_names_of_their_own():
    assert len(set(GRAPH_FEATURES)) == len(GRAPH_FEATURES)
    assert GRAPH_FEATURES[: len(PAIR_FEATURES)] == PAIR_FEATURES
    assert PAIR_FEATURES[: len(FEATURES)] == FEATURES


def test_pairs_are_in_the_order_of_ids_and_each_is_what_it_is_alone():
    assert (PAIRS.media_id, list(PAIRS.author_ids)) == ("m", IDS)
    assert PAIRS.names == tuple(each.name for each in PEOPLE)
    for row, author_id in enumerate(IDS):
        mention, features = compare(PROFILE, AUTHORS[digest(author_id)], RARITY)
        assert PAIRS.mentions[row] == mention
        np.testing.assert_allclose(PAIRS.features[row, : len(FEATURES)], features, rtol=1e-6)


def test_candidates_who_live_elsewhere_are_left_to_their_shard():
    shards = [{}, {}]
    for number, each in AUTHORS.items():
        shards[number % 2][number] = each
    parts = [compare_pairs(PROFILE, vote_for(IDS), shard, RARITY) for shard in shards]
    joined = join_pairs("m", parts)
    assert (joined.author_ids, joined.names) == (PAIRS.author_ids, PAIRS.names)
    np.testing.assert_array_equal(joined.features, PAIRS.features)
    np.testing.assert_array_equal(joined.mentions, PAIRS.mentions)


def test_nothing_joined_is_an_audiobook_without_pairs():
    empty = join_pairs("m", [])
    assert pair_features(empty, PROFILE.mentions).shape == (0, len(PAIR_FEATURES))
    heard = listen((), {}, {}, NeighbourConfig())
    assert graph_features(empty, PROFILE.mentions, np.empty(0, np.float32), heard).shape == (0, len(GRAPH_FEATURES))
    assert list_candidates(empty, np.empty(0, np.float32)) == []
    assert rescore(empty, {"a1": 0.5}).shape == (0,)


def test_the_second_networks_features_are_the_firsts_the_neighbours_and_the_scores():
    said = hear(PAIRS, SCORES)
    opinions = {NODE: join_opinions([said, {"a0": 0.7, "a2": 0.4}, {"a9": 0.9}])}
    heard = listen(PAIRS.author_ids, said, opinions, NeighbourConfig())
    extended = compare_pairs(PROFILE, vote_for(IDS[::-1]), AUTHORS, RARITY)
    found = graph_features(extended, PROFILE.mentions, SCORES, heard)
    assert found.shape == (5, len(GRAPH_FEATURES))
    pieces = np.split(found, np.cumsum([len(PAIR_FEATURES), len(NEIGHBOUR_FEATURES)]), axis=1)
    np.testing.assert_array_equal(pieces[0], pair_features(PAIRS, PROFILE.mentions))
    expected = [neighbour_features(author_id, said.get(author_id, 0.0), opinions) for author_id in IDS]
    np.testing.assert_allclose(pieces[1], expected, atol=1e-6)
    assert pieces[2].shape[1] == len(SCORE_FEATURES)
    np.testing.assert_array_equal(
        pieces[2][:, :5], compare_scores(SCORES, np.zeros(5, np.int64))[:, :5]
    )  # of the mention's ranks others are left out


def test_names_of_one_string_are_ranked_together():
    found = pair_features(PAIRS, PROFILE.mentions)
    (sizes,) = found[:, [PAIR_FEATURES.index("mention_candidates")]].T
    by_mention = {int(mention): int(np.sum(PAIRS.mentions == mention)) for mention in PAIRS.mentions}
    assert sizes.tolist() == [by_mention[int(mention)] for mention in PAIRS.mentions]
    assert len(CONTEXT_FEATURES) == len(PAIR_FEATURES) - PAIRS.features.shape[1]


def test_neighbours_hear_and_links_are_made_of_scores_that_are_worth_a_word():
    assert hear(PAIRS, SCORES) == pytest.approx({"a0": 0.9, "a1": 0.5, "a2": 0.015, "a4": 0.3})
    candidates = list_candidates(PAIRS, SCORES)
    assert [each.author_id for each in candidates] == ["a0", "a1", "a4"]
    for each, row in zip(candidates, (0, 1, 4), strict=True):
        assert each.score == pytest.approx(float(SCORES[row]))
        assert (each.mention, each.evidence) == (PAIRS.mentions[row], name_evidence(PAIRS.features[row]))


def test_scores_follow_their_authors_and_new_ones_have_none():
    assert rescore(PAIRS, {"a4": 0.5, "a1": 0.25, "elsewhere": 1.0}).tolist() == [0, 0.25, 0, 0, 0.5]
