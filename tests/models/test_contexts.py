"""Oracles: ranks by scipy.stats, and the same candidates in another order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from models.comparisons import FEATURES
from models.contexts import CONTEXT_FEATURES, SCORE_FEATURES, compare_candidates, compare_scores

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=60)
RANDOM = np.random.default_rng(3)


def draw(candidates, mentions, seed):
    rng = np.random.default_rng(seed)
    features = rng.random((candidates, len(FEATURES))).astype(np.float32)
    return features, rng.random(candidates).astype(np.float32), rng.integers(-1, mentions, candidates)


@REPEATABLE
@given(st.integers(1, 15), st.integers(0, 9))
def test_scores_are_ranked_among_all_and_among_those_of_the_same_name(candidates, seed):
    _, scores, mentions = draw(candidates, 3, seed)
    found = dict(zip(SCORE_FEATURES, compare_scores(scores, mentions).T, strict=True))
    np.testing.assert_array_equal(found["score"], scores)
    np.testing.assert_array_equal(found["rank"], np.minimum(rankdata(-scores) - 1, 10))
    np.testing.assert_allclose(found["total"], scores.sum(), rtol=1e-5)
    np.testing.assert_allclose(found["share"], scores / scores.sum(), rtol=1e-4)
    for i, score in enumerate(scores):
        others = [other for j, other in enumerate(scores) if j != i]
        assert found["margin"][i] == pytest.approx(score - max(others, default=0), abs=1e-6)
        mine = scores[mentions == mentions[i]]
        assert found["mention_rank"][i] == min(np.sum(mine > score), 10)
        assert found["mention_total"][i] == pytest.approx(mine.sum(), rel=1e-5)


@REPEATABLE
@given(st.integers(1, 15), st.integers(0, 9))
def test_a_candidate_stands_as_far_behind_the_best_as_it_is(candidates, seed):
    features, _, mentions = draw(candidates, 3, seed)
    found = dict(zip(CONTEXT_FEATURES, compare_candidates(features, mentions).T, strict=True))
    cosine, name = (features[:, FEATURES.index(each)] for each in ("words_cosine", "name_score"))
    np.testing.assert_allclose(found["words_cosine_behind"], cosine - cosine.max(), atol=1e-6)
    for i in range(candidates):
        same = mentions == mentions[i]
        assert found["mention_candidates"][i] == same.sum()
        assert found["name_score_behind"][i] == pytest.approx(name[i] - name[same].max(), abs=1e-6)
        assert found["name_score_rivals"][i] == pytest.approx(np.log1p(np.sum(name[same] >= name[i] - 0.03)), abs=1e-6)


@REPEATABLE
@given(st.integers(1, 15), st.integers(0, 9))
def test_order_does_not_matter(candidates, seed):
    features, scores, mentions = draw(candidates, 3, seed)
    order = np.random.default_rng(seed).permutation(candidates)
    for compare, values in ((compare_candidates, features), (compare_scores, scores)):
        found = compare(values[order], mentions[order])
        np.testing.assert_allclose(found, compare(values, mentions)[order], atol=1e-6)


def test_who_is_alone_has_no_rival():
    (row,) = compare_scores(np.array([0.4], np.float32), np.array([0]))
    assert dict(zip(SCORE_FEATURES, row.tolist(), strict=True)) == pytest.approx(
        {"score": 0.4, "rank": 0, "margin": 0.4, "total": 0.4, "share": 1, "mention_rank": 0, "mention_margin": 0.4}
        | {"mention_total": 0.4, "mention_share": 1},
        abs=1e-5,
    )
