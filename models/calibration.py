"""Calibration: scores that mean what they say, and thresholds that keep what they promise."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

_Floats = NDArray[np.floating]


def fit_temperature(logits: Sequence[_Floats], labels: NDArray[np.integer]) -> float:
    """The temperature at which items' pooled scores are likeliest to be right (Guo et al., ICML 2017).

    logits: of each item, (windows, classes). labels: the number of each item's class. Between exp(-2) and
    exp(2).
    """

    def loss(log_temperature: float) -> float:
        pooled = np.stack([pool(each / np.exp(log_temperature)) for each in logits])
        return float(-np.log(pooled[np.arange(len(labels)), labels] + 1e-9).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded").x))


def pool(logits: _Floats) -> _Floats:
    """An item's class scores: the mean of its windows' softmax."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    pooled: _Floats = (powers / powers.sum(axis=1, keepdims=True)).mean(axis=0)
    return pooled


def threshold_below(scores: _Floats, share: float) -> float:
    """The highest threshold below which another score of the same kind lies with at most this probability.

    The split-conformal quantile (Vovk et al., 2005): of n scores the k-th lowest, k = share * (n + 1); 0 if k < 1.
    ValueError unless the share is at least 0 and below 1.
    """
    if not 0 <= share < 1:
        raise ValueError(f"share must be at least 0 and below 1, got {share}")
    rank = int(share * (len(scores) + 1))
    return float(np.sort(scores)[rank - 1]) if rank else 0.0


def expected_calibration_error(confidence: _Floats, correct: NDArray[np.bool_], bins: int = 15) -> float:
    """The mean distance between confidence and accuracy over equal bins of confidence, by their shares of items."""
    return float(sum(abs(right - sure) * share for sure, right, share in reliability(confidence, correct, bins)))


def reliability(confidence: _Floats, correct: NDArray[np.bool_], bins: int = 15) -> list[tuple[float, float, float]]:
    """Of each bin of confidence that holds any: mean confidence, accuracy, and share of the items."""
    numbers = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        (float(confidence[inside].mean()), float(correct[inside].mean()), float(inside.mean()))
        for inside in (numbers == number for number in range(bins))
        if inside.any()
    ]
