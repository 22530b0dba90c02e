"""Projections of features to embeddings in which what is of one recording lies together."""

import dataclasses

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

_Floats = NDArray[np.float32]

_SHRINKAGE = 0.1  # of the covariance within recordings towards its diagonal
_TINY = 1e-6  # of the mean variance, for features that never vary


@dataclasses.dataclass(frozen=True, slots=True)
class Projection:
    """(features - mean) @ axes"""

    mean: _Floats  # (features,)
    axes: _Floats  # (features, dims)


def fit_projection(features: _Floats, recordings: NDArray[np.integer], dims: int) -> Projection:
    """Linear discriminant analysis (Fisher, 1936): the axes along which recordings differ most against what varies
    within each, and scaled by that.

    features: (windows, features). recordings: the number of each window's recording.
    """
    values = features.astype(np.float64)
    mean = values.mean(axis=0)
    numbers, inverse, counts = np.unique(recordings, return_inverse=True, return_counts=True)
    sums = np.zeros((len(numbers), values.shape[1]))
    np.add.at(sums, inverse, values)
    centres = sums / counts[:, np.newaxis]
    inside = values - centres[inverse]
    within = inside.T @ inside / len(values)
    variances = np.diag(within) + _TINY * np.trace(within) / len(within)
    within = (1 - _SHRINKAGE) * within + _SHRINKAGE * np.diag(variances)
    between = (centres - mean).T @ ((centres - mean) * counts[:, np.newaxis]) / len(values)
    size = len(mean)
    _, axes = scipy.linalg.eigh(between, within, subset_by_index=(size - min(dims, size), size - 1))
    return Projection(mean.astype(np.float32), axes[:, ::-1].astype(np.float32))
