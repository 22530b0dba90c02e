"""Oracles: the same means in plain NumPy, and labels that scores were drawn for."""

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.calibration import expected_calibration_error
from models.tagging import TaggingConfig, calibrate, pool_media, pool_shot, top_tags

RNG = np.random.default_rng(2)
PLAIN = TaggingConfig(confidence_power=0.0, temperature=1.0)
SCORES = RNG.dirichlet(np.ones(5), 6).astype(np.float32)
WEIGHTS = np.array([1, 2, 0, 1, 3, 1], np.float32)
MATRICES = arrays(np.float32, st.tuples(st.integers(1, 8), st.integers(1, 5)), elements=st.floats(0, 1, width=32))


def test_crops_are_averaged_by_their_weights_and_by_how_sure_the_model_is_of_them():
    np.testing.assert_allclose(pool_shot(SCORES, WEIGHTS, PLAIN), np.average(SCORES, 0, WEIGHTS), atol=1e-6)
    sure = dataclasses.replace(PLAIN, confidence_power=2.0)
    weights = WEIGHTS * SCORES.max(axis=1) ** 2
    np.testing.assert_allclose(pool_shot(SCORES, WEIGHTS, sure), np.average(SCORES, 0, weights), atol=1e-6)


def test_a_temperature_sharpens_shares_against_each_other_and_what_is_left():
    sharp = pool_shot(SCORES, WEIGHTS, dataclasses.replace(PLAIN, temperature=0.5))
    mean = np.average(SCORES.astype(np.float64), 0, WEIGHTS)
    np.testing.assert_allclose(sharp, mean**2 / (mean**2).sum(), atol=1e-5)
    groups = pool_shot(SCORES[:, :2], WEIGHTS, dataclasses.replace(PLAIN, temperature=0.5))
    rest = 1 - mean[:2].sum()
    np.testing.assert_allclose(groups, mean[:2] ** 2 / ((mean[:2] ** 2).sum() + rest**2), atol=1e-5)


def test_a_temperature_sharpens_other_scores_each_by_itself():
    scores = np.array([[0.9, 0.8, 0.1]], np.float32)
    sharp = pool_shot(scores, np.ones(1), dataclasses.replace(PLAIN, temperature=0.5))
    np.testing.assert_allclose(sharp, scores[0] ** 2 / (scores[0] ** 2 + (1 - scores[0]) ** 2), atol=1e-5)


@given(MATRICES, st.floats(0.2, 4), st.floats(0, 3))
def test_pooled_scores_are_scores_and_keep_the_order_of_the_means(scores, temperature, power):
    weights = np.ones(len(scores))
    config = dataclasses.replace(PLAIN, temperature=temperature, confidence_power=power)
    pooled = pool_shot(scores, weights, config)
    means = pool_shot(scores, weights, dataclasses.replace(config, temperature=1.0))
    assert ((pooled >= 0) & (pooled <= 1)).all()
    assert (np.diff(pooled[np.argsort(means, kind="stable")]) >= -1e-5).all()


@given(MATRICES, st.floats(1, 30))
def test_an_items_scores_lie_between_the_mean_and_the_highest_of_its_shots(scores, power):
    seconds = np.arange(1, len(scores) + 1)
    pooled = pool_media(scores, seconds, dataclasses.replace(PLAIN, media_power=power))
    assert (pooled >= np.average(scores, 0, seconds) - 1e-5).all()
    assert (pooled <= scores.max(axis=0) + 1e-5).all()


def test_an_image_has_the_scores_of_its_one_shot():
    np.testing.assert_allclose(pool_media(SCORES[:1], np.zeros(1), TaggingConfig()), SCORES[0], atol=1e-6)


def test_a_long_shot_counts_as_several_short_ones():
    config = TaggingConfig()
    split = pool_media(SCORES[[0, 1, 1, 1]], np.ones(4), config)
    np.testing.assert_allclose(pool_media(SCORES[:2], np.array([1, 3]), config), split, atol=1e-6)


def test_top_tags_are_the_surest_that_are_sure_enough():
    scores = np.array([0.2, 0.5, 0.04, 0.5, 0.05], np.float32)
    config = TaggingConfig(min_score=0.05, max_tags=3)
    assert top_tags(scores, "abcde", config) == [("b", 0.5), ("d", 0.5), ("a", pytest.approx(0.2))]
    every = top_tags(scores, "abcde", dataclasses.replace(config, max_tags=9))
    assert [tag for tag, _ in every] == ["b", "d", "a", "e"]


@pytest.mark.parametrize("kind", ["shares", "others"])
def test_calibrating_makes_scores_mean_what_they_say(kind):
    """Labels drawn from the true chances, scores made less sure than those."""
    true = RNG.dirichlet(np.full(6, 0.2), 3000)
    labels = np.array([RNG.choice(6, p=each) for each in true])
    dull = true**0.5 / (true**0.5).sum(axis=1, keepdims=True)
    if kind == "others":
        dull = np.clip(true**0.5 / (true**0.5 + (1 - true) ** 0.5), 0, 1)
    shots = [(each[np.newaxis], np.ones(1)) for each in dull]
    config = calibrate(shots, labels, dataclasses.replace(PLAIN, temperature=3.0))

    def error(config):
        pooled = np.stack([pool_shot(*shot, config) for shot in shots])
        return expected_calibration_error(pooled.max(axis=1), pooled.argmax(axis=1) == labels)

    assert config.temperature == pytest.approx(0.5, abs=0.03)
    assert error(config) < 0.03
    assert error(PLAIN) > 0.05


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crops": ("spec", "whole")}, "crops must be of spec, full, pad, "),
        ({"crops": ()}, "crops must be one or more, each once, got []"),
        ({"crops": ("spec", "spec")}, "crops must be one or more, each once, got ['spec', 'spec']"),
        ({"confidence_power": -1.0}, "confidence_power must be at least 0, got -1.0"),
        ({"temperature": 0.0}, "temperature must be positive, got 0.0"),
        ({"media_power": 0.5}, "media_power must be at least 1, got 0.5"),
        ({"min_score": 1.5}, "min_score must be between 0 and 1, got 1.5"),
        ({"max_tags": 0}, "max_tags must be at least 1, got 0"),
    ],
)
def test_knobs_that_cannot_be_are_errors(changes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        TaggingConfig(**changes)


def test_weights_of_nothing_are_an_error():
    with pytest.raises(ValueError, match=r"^weights must be positive for one crop at least, got \[0\.0, 0\.0\]$"):
        pool_shot(SCORES[:2], np.zeros(2), TaggingConfig())
