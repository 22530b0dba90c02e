"""Oracles: thresholds tried one by one, and audiobooks made so that it is known what a link is worth."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.attribution import Candidate
from models.thresholds import Scored, choose_auto_threshold, choose_link_threshold, choose_thresholds

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=60)
SCORED = st.lists(
    st.tuples(st.sampled_from([0.2, 0.4, 0.6, 0.8, 1.0]) | st.floats(0.15, 1), st.booleans()), max_size=60
)


def columns(scored):
    return np.array([score for score, _ in scored], float), np.array([right for _, right in scored], bool)


def is_kept(right, precision):
    """One more error than was seen allowed for."""
    return (np.sum(~right) + 1) / (len(right) + 2) <= 1 - precision


@REPEATABLE
@given(SCORED, st.sampled_from([0.5, 0.6, 0.8, 0.9]))
def test_most_links_go_without_review_that_are_right_as_often_as_promised(scored, precision):
    certainties, right = columns(scored)
    promised = [each for each in np.unique(certainties) if is_kept(right[certainties >= each], precision)]
    assert choose_auto_threshold(certainties, right, precision) == min(promised, default=2.0)


def test_too_few_links_to_promise_anything_are_all_reviewed():
    assert choose_auto_threshold(np.ones(20), np.ones(20, bool), 0.99) == 2.0
    assert choose_auto_threshold(np.ones(99), np.ones(99, bool), 0.99) == 1.0


@REPEATABLE
@given(st.lists(st.tuples(st.sampled_from([0.2, 0.4, 0.6, 0.8, 1.0]) | st.floats(0.15, 1), st.booleans()), min_size=1))
@example([(0.9, True), (0.5, True), (0.5, False), (0.5, False)])
def test_no_other_threshold_has_more_links_right_less_wrong(scored):
    scores, right = columns(scored)

    def gain(threshold):
        kept = right[scores >= threshold]
        return np.sum(kept) - 0.9 * np.sum(~kept)

    chosen = choose_link_threshold(scores, right)
    if (best := max(map(gain, np.unique(scores)))) > 0:
        assert gain(chosen) == pytest.approx(best)
    else:
        assert chosen == 1.0


def test_a_threshold_is_never_below_the_least_and_half_without_anything_to_go_by():
    assert choose_link_threshold(np.array([0.01, 0.2]), np.array([True, True])) == 0.15
    assert choose_link_threshold(np.empty(0), np.empty(0, bool)) == 0.5


def make_audiobooks(count=1500, seed=1):
    """Of a candidate as often right as its score is high; a rival as likely takes half of that."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        score, rivalled = float(rng.uniform(0.03, 1)), bool(rng.integers(2))
        rival = [Candidate("a2", -1, "text", score * 0.99)] * rivalled
        right = rng.random() < score / (1 + rivalled)
        yield Scored(
            f"m{number}", (), [Candidate("a1", -1, "text", score), *rival], frozenset({"a1" if right else "a3"})
        )


def test_thresholds_keep_what_they_promise_to_other_audiobooks_and_mind_rivals():
    chosen = choose_thresholds(list(make_audiobooks()), 0.9)
    others = [(each, each.attribute(chosen)) for each in make_audiobooks(seed=2)]
    sure = [(each, found) for each, found in others if found.decision == "linked"]
    assert len(sure) > 100
    assert np.mean([found.links[0].author_id in each.truth for each, found in sure]) > 0.87
    assert all(not found.links[0].runner_up for _, found in sure)


def test_without_audiobooks_nothing_goes_without_review():
    chosen = choose_thresholds([], 0.9)
    assert (chosen.link, chosen.auto) == (0.5, 2.0)
