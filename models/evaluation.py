"""How good class scores are: against labels, as a ranking of music, and as probabilities."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, f1_score, roc_auc_score

from models.calibration import expected_calibration_error, reliability, threshold_below
from models.policies import MUSIC


@dataclasses.dataclass(frozen=True, slots=True)
class Judged:
    """An item with its label and what a model says of it."""

    media_id: str
    label: str
    is_music: bool | None  # None: borderline, and left out of music against functional
    hard: bool
    source: str
    scores: Mapping[str, float]  # by class


def evaluate(items: Sequence[Judged], classes: Sequence[str], max_demoted: float = 0.01) -> dict[str, Any]:
    """The figures that a model is judged by, ready for JSON, from at least one item.

    macro_f1: of the classes that items are labelled with. auroc: None without both music and others. demoted,
    functional_recall: shares of music and of everything else below the threshold on the music score that is
    calibrated, for each source of music, on the music of all other sources; hard cases are told apart.
    """
    labels = [item.label for item in items]
    scores = np.array([[item.scores.get(name, 0.0) for name in classes] for item in items])
    guesses = [classes[number] for number in scores.argmax(axis=1)]
    confidence, correct = scores.max(axis=1), np.array(guesses) == np.array(labels)
    by_class = f1_score(labels, guesses, labels=list(classes), average=None, zero_division=0)
    binary = [item for item in items if item.is_music is not None]
    return {
        "items": len(items),
        "accuracy": float(correct.mean()),
        "macro_f1": float(np.mean([f1 for name, f1 in zip(classes, by_class, strict=True) if name in labels])),
        "f1": dict(zip(classes, map(float, by_class), strict=True)),
        "auroc": _auroc(binary),
        "auroc_hard": _auroc([item for item in binary if item.hard]),
        "auroc_hard_music": _auroc([item for item in binary if item.hard or not item.is_music]),
        **_demotion(binary, max_demoted),
        "calibration_error": expected_calibration_error(confidence, correct),
        "reliability": reliability(confidence, correct),
        "confusion": confusion_matrix(labels, guesses, labels=list(classes)).tolist(),
        "sources": _by_source(items, correct),
    }


def describe_figures(figures: Mapping[str, Any]) -> str:
    """The figures as lines to print."""
    lines = [
        f"{figures['items']} items, {figures['accuracy']:.1%} right, macro-F1 {figures['macro_f1']:.3f}, "
        f"calibration error {figures['calibration_error']:.3f}",
        f"music against all else: AUROC {show_figure(figures['auroc'])}; hard cases among themselves "
        f"{show_figure(figures['auroc_hard'])}, hard music against all else {show_figure(figures['auroc_hard_music'])}",
        f"below the calibrated threshold {figures['threshold']:.3f}: {figures['functional_recall']:.1%} of all else, "
        f"below those of other sources: {figures['demoted']:.2%} of music",
        "F1 " + ", ".join(f"{name} {value:.2f}" for name, value in figures["f1"].items()),
    ]
    for name, row in figures["sources"].items():
        lines.append(f"  {name:40}{row['items']:5}{row['right']:7.0%} right, music score {row['music_score']:.2f}")
    return "\n".join(lines)


def show_figure(figure: float | None) -> str:
    """With four digits; none, if there is none."""
    return "none" if figure is None else f"{figure:.4f}"


def _auroc(items: Sequence[Judged]) -> float | None:
    """Area under the ROC curve of the music score; None without both kinds."""
    truth = [bool(item.is_music) for item in items]
    if len(set(truth)) < 2:
        return None
    return float(roc_auc_score(truth, [item.scores[MUSIC] for item in items]))


def _demotion(items: Sequence[Judged], max_demoted: float) -> dict[str, float]:
    music = [item for item in items if item.is_music]
    others = np.array([item.scores[MUSIC] for item in items if not item.is_music])
    demoted = 0
    for source in sorted({item.source for item in music}):
        threshold = threshold_below(_music_scores(item for item in music if item.source != source), max_demoted)
        demoted += sum(item.scores[MUSIC] < threshold for item in music if item.source == source)
    threshold = threshold_below(_music_scores(music), max_demoted)
    return {
        "threshold": threshold,
        "demoted": demoted / max(1, len(music)),
        "functional_recall": float((others < threshold).mean()) if len(others) else 0.0,
    }


def _music_scores(items: Iterable[Judged]) -> NDArray[np.float64]:
    return np.array([item.scores[MUSIC] for item in items])


def _by_source(items: Sequence[Judged], correct: NDArray[np.bool_]) -> dict[str, dict[str, float]]:
    rows: dict[str, dict[str, float]] = {}
    for key in sorted({f"{item.source}: {item.label}" for item in items}):
        chosen = np.array([f"{item.source}: {item.label}" == key for item in items])
        music = np.mean([item.scores[MUSIC] for item, is_chosen in zip(items, chosen, strict=True) if is_chosen])
        rows[key] = {"items": int(chosen.sum()), "right": float(correct[chosen].mean()), "music_score": float(music)}
    return rows
