"""Oracles: scikit-learn's discriminant analysis, and planted recordings."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from models.projection import fit_projection

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=20)
RECORDINGS, WINDOWS, FEATURES = 30, 6, 12


def draw(seed):
    """Windows that differ by recording in the first three features, and much more by chance in the others."""
    rng = np.random.default_rng(seed)
    centres = np.zeros((RECORDINGS, FEATURES))
    centres[:, :3] = rng.normal(0, 1, (RECORDINGS, 3))
    spread = np.array([0.2] * 3 + [5.0] * (FEATURES - 3))
    numbers = np.repeat(np.arange(RECORDINGS), WINDOWS)
    return (centres[numbers] + rng.normal(0, spread, (len(numbers), FEATURES)) + 7).astype(np.float32), numbers


@REPEATABLE
@given(st.integers(0, 1000))
def test_the_nearest_window_is_of_the_same_recording(seed):
    features, numbers = draw(seed)
    projection = fit_projection(features, numbers, 3)
    projected = (features - projection.mean) @ projection.axes
    distances = np.linalg.norm(projected[:, np.newaxis] - projected, axis=2) + np.diag([np.inf] * len(projected))
    nearest = numbers[distances.argmin(axis=1)]
    raw = np.linalg.norm(features[:, np.newaxis] - features, axis=2) + np.diag([np.inf] * len(features))
    assert np.mean(nearest == numbers) > 0.5 > np.mean(numbers[raw.argmin(axis=1)] == numbers)


def test_axes_span_what_scikit_learns_discriminant_analysis_finds():
    features, numbers = draw(1)
    ours = fit_projection(features, numbers, 3).axes
    theirs = LinearDiscriminantAnalysis(solver="eigen").fit(features, numbers).scalings_[:, :3]
    bases = [np.linalg.qr(axes)[0] for axes in (ours, theirs)]
    assert np.linalg.svd(bases[0].T @ bases[1])[1].min() > 0.9


def test_along_the_axes_what_varies_within_recordings_has_unit_variance():
    features, numbers = draw(2)
    projection = fit_projection(features, numbers, FEATURES)
    projected = (features - projection.mean) @ projection.axes
    centres = np.array([projected[numbers == number].mean(axis=0) for number in range(RECORDINGS)])
    within = np.cov((projected - centres[numbers]).T, bias=True)
    assert np.all((np.diag(within) > 0.8) & (np.diag(within) < 1.2))  # 1 without shrinkage
    assert fit_projection(features, numbers, 2).axes.shape == (FEATURES, 2)
