"""Oracles: the regression that made the data, and the logit written out."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.certainty import LINK_SIGNS, Logistic, find_link_signs, fit_logistic

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=60)


def test_a_regression_is_found_from_what_it_made():
    rng = np.random.default_rng(1)
    made = Logistic(0.5, (1.0, -2.0, 0.0))
    signs = rng.normal((0, 3, 0), (1, 0.5, 4), (20_000, 3))
    labels = rng.random(len(signs)) < [made.estimate(each) for each in signs]
    found = fit_logistic(signs, labels)
    assert found.weights == pytest.approx(made.weights, abs=0.1)
    assert found.bias == pytest.approx(made.bias, abs=0.3)
    assert np.mean([found.estimate(each) for each in signs]) == pytest.approx(labels.mean(), abs=0.001)


@pytest.mark.parametrize("label", [False, True])
def test_labels_that_are_all_the_same_are_expected_again(label):
    found = fit_logistic(np.random.default_rng(1).normal(size=(50, 2)), np.full(50, label))
    assert (found.estimate((0.0, 0.0)) > 0.9) == label


def test_without_items_it_is_undecided():
    found = fit_logistic(np.empty((0, 4)), np.empty(0, bool))
    assert found.estimate((9.0, 9.0, 9.0, 9.0)) == 0.5


@REPEATABLE
@given(st.floats(0, 1), st.floats(0, 1), st.lists(st.floats(0, 1), max_size=5))
def test_signs_are_of_the_link_and_of_all_who_are_not_linked(score, runner_up, others):
    def logit(value):
        return math.log((value + 1e-4) / (1 - value + 1e-4))

    signs = dict(zip(LINK_SIGNS, find_link_signs(score, runner_up, others), strict=True))
    assert signs == pytest.approx(
        {
            "score": logit(score),
            "runner_up": logit(runner_up),
            "rival": logit(max([0.0, *others])),
            "others": math.log(1 + sum(others)),
        }
    )


def test_an_estimate_is_a_probability_also_far_out():
    regression = Logistic(0.0, (1.0,))
    assert [regression.estimate((value,)) for value in (-1e4, 0.0, 1e4)] == [0.0, 0.5, 1.0]
    assert regression.estimate((2.0,)) == pytest.approx(1 / (1 + math.exp(-2)))
