"""Oracles: a temperature that made the data, simulations of what is promised, and plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.calibration import expected_calibration_error, fit_temperature, pool, reliability, threshold_below

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=50)
SURE = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


# Temperature


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_of_labels_drawn_at_one_is_found(temperature):
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 3, (4_000, 1, 5)) * temperature
    labels = [rng.choice(5, p=softmax(each[0] / temperature)) for each in logits]
    assert fit_temperature(list(logits), np.array(labels)) == pytest.approx(temperature, rel=0.06)


def test_no_other_temperature_makes_the_labels_of_items_of_several_windows_likelier():
    rng = np.random.default_rng(2)
    items = [rng.normal(0, 4, (windows, 4)) for windows in rng.integers(1, 5, 200)]
    labels = rng.integers(0, 4, 200)

    def likelihood(temperature):
        return np.mean([np.log(pool(each / temperature)[label]) for each, label in zip(items, labels, strict=True)])

    best = likelihood(fit_temperature(items, labels))
    assert best >= max(likelihood(temperature) for temperature in np.geomspace(0.14, 7.3, 50)) - 1e-4


@REPEATABLE
@given(st.lists(st.lists(st.floats(-90, 90), min_size=3, max_size=3), min_size=1, max_size=5))
def test_pooled_scores_are_the_mean_of_the_windows_softmax(rows):
    logits = np.array(rows)
    np.testing.assert_allclose(pool(logits), np.mean([softmax(row) for row in logits], axis=0), atol=1e-12)
    assert pool(logits).sum() == pytest.approx(1)


# Threshold


@pytest.mark.parametrize(("count", "share"), [(99, 0.01), (400, 0.01), (150, 0.05), (30, 0.1)])
def test_at_most_the_share_of_exchangeable_scores_lies_below_and_nearly_that(count, share):
    rng = np.random.default_rng(3)
    below = []
    for _ in range(1_500):
        scores = rng.beta(8, 1, count + 200)
        below.append((scores[count:] < threshold_below(scores[:count], share)).mean())
    error = np.std(below) / len(below) ** 0.5
    assert share - 1 / (count + 1) - 3 * error < np.mean(below) < share + 3 * error


@REPEATABLE
@given(st.lists(st.floats(0, 1), max_size=300), st.floats(0, 0.99))
def test_the_share_of_the_scores_themselves_below_is_less_than_asked_for(scores, share):
    threshold = threshold_below(np.array(scores), share)
    assert sum(score < threshold for score in scores) <= share * (len(scores) + 1)
    assert threshold == 0 or threshold in scores


def test_too_few_scores_give_no_threshold():
    assert threshold_below(np.full(98, 0.5), 0.01) == 0
    assert threshold_below(np.full(99, 0.5), 0.01) == 0.5


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_that_no_threshold_keeps_is_refused(share):
    with pytest.raises(ValueError, match=f"share must be at least 0 and below 1, got {share}"):
        threshold_below(np.ones(3), share)


# Calibration error


@REPEATABLE
@given(SURE, st.integers(1, 20))
def test_calibration_error_is_that_of_a_plain_loop(items, bins):
    expected = 0.0
    for number in range(bins):
        inside = [item for item in items if number == min(int(item[0] * bins), bins - 1)]
        if inside:
            distance = sum(sure for sure, _ in inside) / len(inside) - sum(right for _, right in inside) / len(inside)
            expected += abs(distance) * len(inside) / len(items)
    confidence, correct = (np.array(each) for each in zip(*items, strict=True))
    assert expected_calibration_error(confidence, correct, bins) == pytest.approx(expected, abs=1e-9)


@REPEATABLE
@given(SURE)
def test_every_item_is_in_one_bin(items):
    confidence, correct = (np.array(each) for each in zip(*items, strict=True))
    bins = reliability(confidence, correct)
    assert sum(share for _, _, share in bins) == pytest.approx(1)
    assert sum(sure * share for sure, _, share in bins) == pytest.approx(confidence.mean())
    assert sum(right * share for _, right, share in bins) == pytest.approx(correct.mean())


def test_who_is_right_as_often_as_sure_has_no_calibration_error():
    confidence = np.repeat([0.25, 0.5, 0.75, 1.0], 4)
    correct = np.array([1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1], bool)
    assert expected_calibration_error(confidence, correct) == 0
    assert expected_calibration_error(confidence, ~correct) > 0.4
