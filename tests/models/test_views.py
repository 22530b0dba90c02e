"""Oracles: numpy's statistics, and invariances of what a view is to hear."""

import keras
import numpy as np
import pytest
import scipy.stats

from models.views import view_patterns, view_statistics

FRAMES, BANDS = 158, 64


@pytest.fixture(scope="module")
def window():
    """Of log-mel, in units of 10 dB, with a pulse every 11 frames."""
    window = np.random.default_rng(1).normal(0, 2, (1, FRAMES, BANDS))
    window[:, ::11] += 4
    return (window - window.mean()).astype(np.float32)


@pytest.fixture(scope="module")
def statistics(window):
    inputs = keras.Input((FRAMES, BANDS))
    return np.array(keras.Model(inputs, view_statistics(inputs))(window)[0]) * np.sqrt(1.001)  # undo untrained scaling


def test_statistics_begin_with_the_bands_means_deviations_and_skew(window, statistics):
    mean, deviation = window[0].mean(axis=0), window[0].std(axis=0)
    skew = scipy.stats.skew(window[0], axis=0) * (deviation / (deviation + 1)) ** 3
    np.testing.assert_allclose(statistics[:BANDS], mean, atol=1e-4)
    np.testing.assert_allclose(statistics[BANDS : 2 * BANDS], deviation, atol=1e-4)
    np.testing.assert_allclose(statistics[2 * BANDS : 3 * BANDS], skew, atol=1e-4)


def test_loudness_recurs_at_the_period_of_the_pulses(statistics):
    lags = (1, 2, 3, 4, 6, 8, 11, 14, 18, 23, 28, 34, 40, 48, 60, 72)
    recurrence = dict(zip(lags, statistics[-len(lags) - 7 : -7], strict=True))
    assert recurrence[11] > 0.2 > max(abs(value) for lag, value in recurrence.items() if lag != 11)


def test_statistics_do_not_depend_on_the_order_of_steady_sounds_frames():
    inputs = keras.Input((FRAMES, BANDS))
    network = keras.Model(inputs, view_statistics(inputs))
    window = np.random.default_rng(2).normal(0, 2, (1, FRAMES, BANDS)).astype(np.float32)
    one, reversed_ = (np.array(network(each)[0]) for each in (window, window[:, ::-1]))
    np.testing.assert_allclose(one, reversed_, atol=1e-3)


def test_patterns_are_the_same_a_little_later():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((FRAMES, BANDS))
    network = keras.Model(inputs, view_patterns(inputs, (8, 12, 16), 0.1))
    sound = np.zeros((1, FRAMES, BANDS), np.float32)
    sound[:, 40:80] = np.random.default_rng(3).normal(0, 2, (40, BANDS))
    later = np.roll(sound, 16, axis=1)
    np.testing.assert_allclose(network(sound), network(later), atol=1e-4)
    assert network(sound).shape == (1, 3 * 16)


def test_a_short_window_has_fewer_lags():
    long, short = (view_statistics(keras.Input((frames, BANDS))).shape[1] for frames in (FRAMES, 20))
    assert long - short == 7 + 2  # of loudness those from 23 frames on, and of spectra 32 and 64
