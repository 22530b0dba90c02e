"""Oracles: scikit-learn, numbers worked out by hand, and the worked examples that B³ was published with."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from models.link_evaluation import Verdict, describe_links_figures, evaluate_links, score_clusters

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=60)
LABELS = st.lists(st.integers(0, 3), min_size=1, max_size=10)


def verdict(media_id, truth, found="", new=None, auto=False, slices=()):
    """Truth and found: ids with spaces between."""
    return Verdict(media_id, frozenset(truth.split()), frozenset(found.split()), new, auto, slices)


def figures(precision, recall):
    both = precision + recall
    return pytest.approx({"precision": precision, "recall": recall, "f1": 2 * precision * recall / both if both else 0})


VERDICTS = [
    verdict("right", "a1", "a1", auto=True, slices=("clean",)),
    verdict("both", "a1 a2", "a1 a2", auto=True, slices=("multi", "clean")),
    verdict("one of two", "a1 a2", "a2", slices=("multi",)),
    verdict("wrong", "a3", "a4", auto=True, slices=("clean",)),
    verdict("missed", "a5", new="new-1"),
    verdict("new", "NIL-x", new="new-1"),
    verdict("new too", "NIL-x", new="new-1"),
    verdict("new, but linked", "NIL-y", "a1"),
]


def test_links_are_counted_one_by_one():
    found = evaluate_links(VERDICTS)
    assert found["audiobooks"] == 8
    assert found["all"] == figures(4 / 6, 4 / 7)  # wrong: a4, and a1 of a new author
    assert found["auto"] == figures(3 / 4, 3 / 7)
    assert found["slices"]["multi"] == figures(1, 3 / 4).expected | {"audiobooks": 2}
    assert found["slices"]["clean"] == pytest.approx(figures(3 / 4, 3 / 4).expected | {"audiobooks": 3})


def test_a_new_author_is_right_if_no_author_of_the_audiobook_is_known():
    assert evaluate_links(VERDICTS)["new_author"] == figures(2 / 3, 2 / 3)


def test_clusters_are_of_audiobooks_by_new_authors_alone():
    assert evaluate_links(VERDICTS)["clusters"] == figures(1, 1)
    parted = [verdict("one", "NIL-x", new="new-1"), verdict("two", "NIL-x", new="new-2")]
    assert evaluate_links(parted)["clusters"] == figures(1, 1 / 2)
    joined = [verdict("one", "NIL-x", new="new-1"), verdict("two", "NIL-y", new="new-1")]
    assert evaluate_links(joined)["clusters"] == figures(1 / 2, 1)
    nameless = [verdict("one", "NIL-x"), verdict("two", "NIL-x")]
    assert evaluate_links(nameless)["clusters"] == figures(1, 1 / 2)


@REPEATABLE
@given(st.lists(st.tuples(st.sets(st.integers(0, 3), min_size=1), st.sets(st.integers(0, 3))), min_size=1, max_size=12))
def test_links_are_scored_as_scikit_learn_scores_labels(pairs):
    verdicts = [
        Verdict(str(i), frozenset(f"a{each}" for each in truth), frozenset(f"a{each}" for each in found), None, True)
        for i, (truth, found) in enumerate(pairs)
    ]
    truths = [[int(label in truth) for label in range(4)] for truth, _ in pairs]
    founds = [[int(label in found) for label in range(4)] for _, found in pairs]
    *expected, _ = precision_recall_fscore_support(truths, founds, average="micro", zero_division=0)
    found = evaluate_links(verdicts)
    assert list(found["all"].values()) == pytest.approx(expected)
    assert found["auto"] == found["all"]


# B³


def test_the_published_examples_of_bagga_and_baldwin():
    truth = dict(zip("12345", "a" * 5, strict=True)) | {"6": "b", "7": "b"} | dict(zip("89ABC", "c" * 5, strict=True))
    first = truth | dict.fromkeys("6789ABC", "b and c")
    second = truth | dict.fromkeys("1234589ABC", "a and c")
    assert score_clusters(truth, first)["precision"] == pytest.approx(16 / 21)  # 76 %
    assert score_clusters(truth, second)["precision"] == pytest.approx(7 / 12)  # 58 %
    assert score_clusters(truth, first)["recall"] == score_clusters(truth, second)["recall"] == 1


@REPEATABLE
@given(LABELS, st.integers(0, 99))
def test_a_perfect_clustering_is_perfect_whatever_its_names(labels, seed):
    truth = {str(i): str(label) for i, label in enumerate(labels)}
    names = random.Random(seed).sample("wxyz", 4)
    assert score_clusters(truth, {i: names[int(label)] for i, label in truth.items()}) == figures(1, 1)


@REPEATABLE
@given(LABELS, st.lists(st.integers(0, 3), min_size=10, max_size=10))
def test_precision_and_recall_are_the_means_of_what_items_share_and_turn_with_the_sides(labels, others):
    truth = {str(i): str(label) for i, label in enumerate(labels)}
    found = {str(i): str(other) for i, other in zip(range(len(labels)), others, strict=False)}
    sizes, both = Counter(found.values()), Counter((truth[i], found[i]) for i in truth)
    shares = [both[truth[i], found[i]] / sizes[found[i]] for i in truth]
    scores = score_clusters(truth, found)
    assert scores["precision"] == pytest.approx(sum(shares) / len(shares))
    assert scores["recall"] == pytest.approx(score_clusters(found, truth)["precision"])


def test_nothing_is_scored_nothing():
    zero = figures(0, 0)
    assert score_clusters({}, {}) == zero
    found = evaluate_links([])
    assert [found[name] for name in ("all", "auto", "new_author", "clusters")] == [zero] * 4


def test_the_table_has_a_line_for_all_and_one_for_each_slice():
    lines = describe_links_figures(evaluate_links(VERDICTS)).splitlines()
    assert [line.split()[0] for line in lines] == ["all", "auto", "new_author", "clusters", "clean", "multi"]
    assert lines[0] == "all         precision 0.667  recall 0.571  F1 0.615"
