"""Oracles: scikit-learn, SciPy's binomial test, and every threshold tried."""

import math
import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, f1_score, precision_recall_curve, precision_score, recall_score

from models.calibration import expected_calibration_error
from models.tag_evaluation import (
    AimConfig,
    count_verdicts,
    describe_tags,
    describe_verdicts,
    evaluate_scores,
    lower_bound,
    make_curve,
    operate,
    propose,
    shorten,
)

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=200)
EXAMPLES = st.lists(st.tuples(st.integers(0, 12).map(lambda number: number / 12), st.booleans()), min_size=1)
AIMS = st.builds(AimConfig, st.floats(0.05, 0.95), st.none(), st.floats(0.5, 0.99)) | st.builds(
    AimConfig, st.none(), st.floats(0.05, 0.95), st.floats(0.5, 0.99)
)
PRECISE = AimConfig(min_precision=0.9)


def curve_of(examples):
    scores, labels = zip(*examples, strict=True)
    return make_curve(scores, labels), np.array(scores), np.array(labels)


@REPEATABLE
@given(EXAMPLES)
def test_the_curve_is_scikit_learns(examples):
    curve, scores, labels = curve_of(examples)
    assert (curve.positives, curve.examples) == (labels.sum(), len(labels))
    if not labels.any():
        assert curve.average_precision is None
        return
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    assert curve.scores[::-1].tolist() == thresholds.tolist()
    assert (curve.hits / curve.flagged)[::-1] == pytest.approx(precision[:-1])
    assert (curve.hits / curve.positives)[::-1] == pytest.approx(recall[:-1])
    assert curve.average_precision == pytest.approx(average_precision_score(labels, scores))


@REPEATABLE
@given(EXAMPLES, st.floats(0, 1), st.floats(0.5, 0.999))
def test_what_a_threshold_does_is_what_scikit_learn_and_scipy_say(examples, threshold, confidence):
    curve, scores, labels = curve_of(examples)
    flagged = scores >= threshold
    found = operate(curve, threshold, confidence)
    assert (found.threshold, found.flagged) == (threshold, flagged.sum())
    assert found.precision == (pytest.approx(precision_score(labels, flagged)) if flagged.any() else None)
    assert found.recall == (pytest.approx(recall_score(labels, flagged)) if labels.any() else None)
    assert found.f1 == pytest.approx(f1_score(labels, flagged, zero_division=0))
    hits = int((labels & flagged).sum())
    for bound, trials in [(found.precision_bound, flagged.sum()), (found.recall_bound, labels.sum())]:
        assert bound == pytest.approx(wilson(hits, int(trials), confidence), abs=1e-9)


def wilson(hits, trials, confidence):
    if not trials:
        return 0.0
    return binomtest(hits, trials, alternative="greater").proportion_ci(confidence, method="wilson").low


def test_a_small_sample_promises_little():
    bounds = [float(lower_bound(n, n, 0.95)) for n in (0, 1, 10, 52, 1000)]
    assert bounds == pytest.approx([0, 0.27, 0.79, 0.95, 0.997], abs=5e-3)
    all_right = [(0.9, True)] * 10 + [(0.1, False)] * 10
    assert propose(curve_of(all_right)[0], PRECISE) is None
    assert propose(curve_of(all_right * 3)[0], PRECISE).recall == 1.0


@REPEATABLE
@given(EXAMPLES, AIMS)
def test_no_other_threshold_keeps_the_promise_better(examples, aim):
    curve = curve_of(examples)[0]
    tried = [operate(curve, score, aim.confidence) for score in {score for score, _ in examples if score > 0}]
    by_precision = aim.min_precision is not None
    if by_precision:
        tried = [each for each in tried if each.precision_bound >= aim.min_precision]
        merits = [(each.recall or 0, each.threshold) for each in tried]
    else:
        tried = [each for each in tried if (each.recall or 0) >= aim.min_recall]
        merits = [(each.precision_bound, each.threshold) for each in tried]
    found = propose(curve, aim)
    if not tried:
        assert found is None
        return
    merit, threshold = max(merits)
    assert (found.recall or 0 if by_precision else found.precision_bound) == merit
    best = operate(curve, threshold, aim.confidence)
    assert (found.flagged, found.precision, found.recall) == (best.flagged, best.precision, best.recall)
    assert 0 < found.threshold <= threshold


@pytest.mark.parametrize(("share", "recall"), [(0.5, 0.75), (0.75, 0.75), (0.76, None)])
def test_positives_without_a_score_are_out_of_reach(share, recall):
    examples = [(0.9, True), (0.8, False), (0.8, True), (0.7, True), (0.0, True), (0.0, False)]
    found = propose(curve_of(examples)[0], AimConfig(min_recall=share))
    assert (found and found.recall) == recall


@REPEATABLE
@given(st.floats(1e-9, 1), st.floats(0, 1))
def test_a_shortened_score_divides_as_the_score_does(score, below):
    assume(below < score)
    short = shorten(score, below)
    assert below < short <= score
    assert short == score or short == round(short, 16)


def test_a_score_is_shortened_as_far_as_may_be():
    assert [shorten(0.98765, below) for below in (0.5, 0.98, 0.987, 0.9876)] == [0.98, 0.987, 0.9876, 0.98765]
    assert shorten(0.7, 0.1) == 0.7
    assert shorten(0.004321, 0.0) == 0.004
    next_below = math.nextafter(1 / 3, 0)
    assert shorten(1 / 3, next_below) == 1 / 3


def test_the_figures_are_of_the_old_threshold_and_of_the_proposed_one():
    generator = np.random.default_rng(1)
    scores = generator.random(2000)
    labels = generator.random(2000) < scores**2
    found = evaluate_scores(scores, labels, 0.5, AimConfig(min_recall=0.9))
    curve = make_curve(scores, labels)
    assert found.current == operate(curve, 0.5, 0.95)
    assert found.proposed == propose(curve, AimConfig(min_recall=0.9))
    assert found.calibration_error == expected_calibration_error(scores, labels) > 0.1
    assert evaluate_scores(scores, labels, None, PRECISE).current is None


@pytest.mark.parametrize(("share", "examples"), [(0.8, 100), (0.9, 300), (0.95, 1000)])
def test_a_promise_of_precision_is_kept(share, examples):
    """By other data of the same kind, but for one sample in twenty, and a few more for choosing among thresholds."""
    generator = np.random.default_rng(2)

    def draw(count):
        labels = generator.random(count) < 0.5
        return generator.normal(size=count) + 2 * labels + 9, labels

    others, truth = draw(200_000)
    promised = [propose(make_curve(*draw(examples)), AimConfig(min_precision=share)) for _ in range(200)]
    kept = [truth[others >= each.threshold].mean() >= share for each in promised if each is not None]
    assert len(kept) > 100
    assert kept.count(False) <= 0.08 * len(promised)


def test_verdicts_are_counted_by_truth():
    counts = count_verdicts([("block", "block"), ("block", "review"), ("allow", "allow"), ("block", "review")])
    assert counts["block"] == {"allow": 0, "review": 2, "block": 1}
    assert counts["allow"] == {"allow": 1, "review": 0, "block": 0}
    lines = describe_verdicts(counts).splitlines()
    assert [line.split() for line in lines] == [
        ["verdict", "allow", "review", "block"],
        ["allow", "1", "0", "0"],
        ["review", "0", "0", "0"],
        ["block", "0", "2", "1"],
    ]


def test_the_table_says_all_that_is_known_in_columns():
    scores, labels = [0.9] * 40 + [0.6] * 10 + [0.1] * 50, [True] * 40 + [False, True] * 5 + [False] * 50
    good, bad = evaluate_scores(scores, labels, 0.5, PRECISE), evaluate_scores([0.0], [False], None, PRECISE)
    lines = describe_tags([("knife", "items", good), ("a longer name", "shots", bad)]).splitlines()
    now, then = r"0.5 +0.900 \(0.808\) +1.000 +0.947", r"0.9 +1.000 \(0.937\) +0.889 +0.941"
    pattern = f"knife +items +100 +45 +0.989 +0.100 [|] +{now} [|] +{then}"
    assert re.fullmatch(pattern, lines[2])
    assert lines[3].split() == ["a", "longer", "name", "shots", "1", "0", "none", "0.000", "|", "none", "|", "none"]
    assert [index for index, sign in enumerate(lines[1]) if sign == "|"] == [
        index for index, sign in enumerate(lines[2]) if sign == "|"
    ]


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({}, "expected one of min_precision and min_recall"),
        ({"min_precision": 0.5, "min_recall": 0.5}, "expected one of min_precision and min_recall"),
        ({"min_precision": 1.0}, "min_precision must be between 0 and 1, got 1.0"),
        ({"min_recall": float("nan")}, "min_recall must be between 0 and 1, got nan"),
        ({"min_recall": 0.9, "confidence": 1.0}, "confidence must be at least 0.5 and below 1, got 1.0"),
        ({"min_recall": 0.9, "confidence": 0.4}, "confidence must be at least 0.5 and below 1, got 0.4"),
    ],
)
def test_an_aim_that_cannot_be_is_an_error(knobs, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        AimConfig(**knobs)
