"""Certainty: how likely a link is right, by its score and by those of the audiobook's other candidates."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

LINK_SIGNS = ("score", "runner_up", "rival", "others")

_LEAST = 1e-4  # a score that is no nearer to 0 or 1


@dataclasses.dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic regression: the logit is the bias and each sign times its weight."""

    bias: float
    weights: tuple[float, ...]

    def estimate(self, signs: Sequence[float]) -> float:
        logit = self.bias + sum(weight * sign for weight, sign in zip(self.weights, signs, strict=True))
        return 0.5 + 0.5 * math.tanh(logit / 2)


def find_link_signs(score: float, runner_up: float, others: Sequence[float]) -> tuple[float, ...]:
    """LINK_SIGNS, from the scores of the link, of whom the same mention would have named else, and of all candidates
    that are not linked.
    """
    return (_logit(score), _logit(runner_up), _logit(max(others, default=0.0)), math.log1p(sum(others)))


def fit_logistic(signs: NDArray[np.floating], labels: NDArray[np.bool_], penalty: float = 1.0) -> Logistic:
    """The regression that makes labels (items,) likeliest; signs: (items, signs). penalty: of squared weights, of signs
    of unit variance. Without items it is undecided.
    """
    if not len(labels):
        return Logistic(0.0, (0.0,) * signs.shape[1])
    mean, scale = signs.mean(axis=0), signs.std(axis=0) + 1e-6
    scaled = np.column_stack([np.ones(len(signs)), (signs - mean) / scale])
    sides = np.where(labels, 1.0, -1.0)
    ridge = penalty * np.r_[0.0, np.ones(signs.shape[1])]

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margins = sides * (scaled @ weights)
        slopes = sides * (np.tanh(margins / 2) - 1) / 2
        return float(np.logaddexp(0, -margins).sum() + ridge @ weights**2 / 2), scaled.T @ slopes + ridge * weights

    found = minimize(loss, np.zeros(scaled.shape[1]), jac=True, method="L-BFGS-B").x
    weights = found[1:] / scale
    return Logistic(float(found[0] - weights @ mean), tuple(weights.tolist()))


def _logit(score: float) -> float:
    return math.log(score + _LEAST) - math.log(1 - score + _LEAST)
