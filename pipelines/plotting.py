"""Plots of an evaluation: how sure a model may be, and what it takes for what."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure  # without pyplot: no window, no state to close
from numpy.typing import NDArray


def plot_evaluation(figures: Mapping[str, Any], classes: Sequence[str], folder: Path) -> None:
    """Writes reliability.png and confusion.png of what models.evaluation gives."""
    _plot_reliability(figures["reliability"], figures["calibration_error"], folder / "reliability.png")
    _plot_confusion(np.array(figures["confusion"]), classes, folder / "confusion.png")


def _plot_reliability(bins: Sequence[tuple[float, float, float]], error: float, path: Path) -> None:
    figure = Figure(figsize=(4, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.7")
    confidence, accuracy, share = zip(*bins, strict=True)
    axes.scatter(confidence, accuracy, s=20 + 1000 * np.array(share))
    axes.set(xlabel="highest score", ylabel="share right", xlim=(0, 1), ylim=(0, 1))
    axes.set_title(f"calibration error {error:.3f}")
    figure.savefig(path, dpi=120)


def _plot_confusion(counts: NDArray[np.int64], classes: Sequence[str], path: Path) -> None:
    figure = Figure(figsize=(5.5, 5), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        if counts[row, column]:
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize=8)
    axes.set(xlabel="said", ylabel="labelled", xticks=range(len(classes)), yticks=range(len(classes)))
    axes.set_xticklabels(classes, rotation=45, ha="right")
    axes.set_yticklabels(classes)
    figure.savefig(path, dpi=120)
