"""Oracles: sklearn, and cases small enough to count by hand."""

import json

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, roc_auc_score

from models.calibration import expected_calibration_error
from models.evaluation import Judged, describe_figures, evaluate

CLASSES = ("music", "speech", "noise")


def judged(label, scores, source="a", hard=False, is_music=...):
    known = label == "music" if is_music is ... else is_music
    return Judged(f"{label} {scores}", label, known, hard, source, dict(zip(CLASSES, scores, strict=False)))


@pytest.fixture(scope="module")
def items():
    """Three hundred, somewhat right; some are borderline, some hard."""
    rng = np.random.default_rng(1)
    return [
        judged(
            CLASSES[label],
            rng.dirichlet(np.eye(3)[label] * 2 + 0.7),
            source="abc"[rng.integers(3)],
            hard=rng.random() < 0.2,
            is_music=None if rng.random() < 0.1 else bool(label == 0),
        )
        for label in rng.integers(0, 3, 300)
    ]


@pytest.fixture(scope="module")
def figures(items):
    return evaluate(items, CLASSES, max_demoted=0.05)


def guesses_of(items):
    return [max(CLASSES, key=lambda name: item.scores[name]) for item in items]


def test_class_figures_are_sklearns(items, figures):
    labels, guesses = [item.label for item in items], guesses_of(items)
    assert figures["items"] == 300
    assert figures["accuracy"] == pytest.approx(accuracy_score(labels, guesses))
    assert figures["macro_f1"] == pytest.approx(f1_score(labels, guesses, average="macro"))
    assert figures["f1"] == pytest.approx(
        {name: f1_score(labels, guesses, labels=[name], average="macro") for name in CLASSES}
    )
    assert figures["confusion"] == confusion_matrix(labels, guesses, labels=CLASSES).tolist()


def test_music_ranks_as_sklearn_says_and_borderline_items_count_for_nothing(items, figures):
    def auroc(chosen):
        known = [item for item in chosen if item.is_music is not None]
        return pytest.approx(roc_auc_score([item.is_music for item in known], [item.scores["music"] for item in known]))

    assert figures["auroc"] == auroc(items)
    assert figures["auroc_hard"] == auroc([item for item in items if item.hard])
    assert figures["auroc_hard_music"] == auroc([item for item in items if item.hard or item.is_music is False])


def test_calibration_is_that_of_the_highest_scores(items, figures):
    confidence = np.array([max(item.scores.values()) for item in items])
    correct = np.array([item.label == guess for item, guess in zip(items, guesses_of(items), strict=True)])
    assert figures["calibration_error"] == pytest.approx(expected_calibration_error(confidence, correct))


def test_every_item_is_of_one_source_and_label(items, figures):
    assert sum(row["items"] for row in figures["sources"].values()) == 300
    mine = [(item, guess) for item, guess in zip(items, guesses_of(items), strict=True) if item.source == "a"]
    music = [(item, guess) for item, guess in mine if item.label == "music"]
    assert figures["sources"]["a: music"] == {
        "items": len(music),
        "right": pytest.approx(np.mean([guess == "music" for _, guess in music])),
        "music_score": pytest.approx(np.mean([item.scores["music"] for item, _ in music])),
    }


def test_figures_survive_json_and_can_be_told(figures):
    assert json.loads(json.dumps(figures))["auroc"] == figures["auroc"]
    assert f"{figures['accuracy']:.1%} right" in describe_figures(figures)


# By hand


def test_music_is_demoted_by_the_thresholds_of_other_sources():
    scores = {"a": [0.1, 0.5, 0.6], "b": [0.3, 0.7, 0.8, 0.9]}
    music = [judged("music", [score], source) for source, known in scores.items() for score in known]
    others = [judged("noise", [score], "c") for score in (0.05, 0.25, 0.3, 0.65)]
    figures = evaluate([*music, *others], CLASSES, max_demoted=0.4)
    # Of all seven the third lowest, 0.5. Of b's four the second, 0.7, above all of a; of a's three the first, 0.1.
    assert figures["threshold"] == 0.5
    assert figures["functional_recall"] == 3 / 4
    assert figures["demoted"] == 3 / 7


def test_a_class_without_items_does_not_count_towards_macro_f1():
    items = [judged("music", [0.9, 0.1, 0.0]), judged("speech", [0.2, 0.8, 0.0])]
    assert evaluate(items, CLASSES)["macro_f1"] == 1
    assert evaluate(items, CLASSES)["f1"] == {"music": 1, "speech": 1, "noise": 0}


def test_an_item_of_a_class_that_the_model_does_not_know_is_never_right():
    figures = evaluate([judged("music", [1.0, 0, 0]), judged("whale", [0.9, 0.1, 0])], CLASSES)
    assert figures["accuracy"] == 0.5
    assert np.sum(figures["confusion"]) == 1


def test_items_of_one_kind_rank_nowhere_and_that_can_be_told():
    figures = evaluate([judged("music", [0.9, 0.1, 0.0]), judged("music", [0.8, 0.1, 0.1])], CLASSES)
    assert figures["auroc"] is figures["auroc_hard"] is None
    assert figures["functional_recall"] == figures["threshold"] == figures["demoted"] == 0
    assert "AUROC none" in describe_figures(figures)
