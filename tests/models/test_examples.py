"""Oracles: what the config says of shares and levels, counted; and recordings that can be told by their one band."""

import dataclasses

import numpy as np
import pytest

from models.augmentation import AugmentConfig
from models.examples import SYNTHESISED, DrawConfig, Examples, Mixture, Recording, to_log_mel

CLASSES = ("music", "speech", "noise")
FRAMES, BANDS = 40, 24
WEIGHTS = {"music": 0.5, "speech": 0.2, "noise": 0.3}
PLAIN = AugmentConfig(
    stretched=0, shifted=0, reverberant=0, compressed=0, tilt_db=0, ripple_db=0, low_passed=0, high_passed=0, faded=0,
    partly_silent=0, floored=0, masked=0, range_db=(110, 110),
)  # fmt: skip


def in_band(band, label, source="one"):
    """A recording of this one band."""
    mel = np.zeros((60, BANDS), np.float32)
    mel[:, band] = 1 + band
    return Recording(f"{band}", label, source, f"{band}", mel, np.zeros(1, np.float32))


RECORDINGS = [
    *(in_band(band, "music", "small") for band in range(2)),
    *(in_band(band, "music", "large") for band in range(2, 10)),
    *(in_band(band, "speech") for band in range(10, 14)),
    *(in_band(band, "noise") for band in range(14, 20)),
]
LABEL_OF = {int(each.media_id): each.label for each in RECORDINGS}


def draw(mixtures=(), augment=PLAIN, seed=1, recordings=RECORDINGS, classes=CLASSES):
    return Examples(recordings, classes, FRAMES, DrawConfig(WEIGHTS, tuple(mixtures), augment=augment), seed)


def levels_of(windows):
    """The level of each band of each window, in dB."""
    return 10 * np.log10((10 ** (windows.astype(np.float64) / 10)).mean(axis=1))


def test_a_batch_is_of_finite_log_mel():
    windows, labels = draw(augment=AugmentConfig()).batch(64)
    assert (windows.shape, windows.dtype, labels.shape) == ((64, FRAMES, BANDS), np.float32, (64,))
    assert np.isfinite(windows).all()
    assert set(labels) <= {0, 1, 2}


def test_a_seed_gives_the_batches_and_no_two_batches_are_alike():
    one, same, other = (draw(augment=AugmentConfig(), seed=seed) for seed in (1, 1, 2))
    batches = [one.batch(8)[0] for _ in range(2)]
    for batch in batches:
        np.testing.assert_array_equal(same.batch(8)[0], batch)
    assert not np.array_equal(*batches)
    assert not np.array_equal(other.batch(8)[0], batches[0])


def test_only_the_recordings_given_are_drawn_all_of_them_and_each_with_its_own_label():
    windows, labels = draw().batch(1_500)
    drawn = levels_of(windows).argmax(axis=1)
    assert set(drawn) == set(LABEL_OF)
    assert [CLASSES[label] for label in labels] == [LABEL_OF[band] for band in drawn]


def test_recordings_stay_as_they_are():
    draw(augment=AugmentConfig()).batch(64)
    assert all(np.array_equal(each.mel, in_band(int(each.media_id), "").mel) for each in RECORDINGS)


def test_windows_have_unit_power():
    windows, _ = draw().batch(32)
    power = np.where(windows > windows.min() + 1, 10 ** (windows / 10), 0)  # without what was raised
    np.testing.assert_allclose(power.sum(axis=2).mean(axis=1), 1, rtol=1e-4)


def test_classes_are_drawn_in_their_shares_and_sources_by_the_roots_of_their_sizes():
    windows, labels = draw().batch(4_000)
    shares = np.bincount(labels, minlength=3) / len(labels)
    np.testing.assert_allclose(shares, [WEIGHTS[name] for name in CLASSES], atol=0.03)
    music = levels_of(windows[labels == 0]).argmax(axis=1)
    small = np.sqrt(2) / (np.sqrt(2) + np.sqrt(8))
    assert (music < 2).mean() == pytest.approx(small, abs=0.04)


def test_sounds_of_our_own_are_drawn_by_their_share_where_there_are_recordings_too():
    own = [in_band(band, label, SYNTHESISED) for band, label in ((20, "music"), (21, "music"), (22, "noise"))]
    plain = [each for each in RECORDINGS if each.label != "noise"]
    config = DrawConfig(WEIGHTS, (), synthesised=0.25, augment=PLAIN)
    windows, labels = Examples([*plain, *own], CLASSES, FRAMES, config, 1).batch(3_000)
    drawn = levels_of(windows).argmax(axis=1)
    assert (drawn[labels == 0] >= 20).mean() == pytest.approx(0.25, abs=0.04)
    assert (drawn[labels == 0] < 2).mean() == pytest.approx(0.75 / 3, abs=0.04)  # the root of 2 against that of 8
    assert set(drawn[labels == 2]) == {22}


def test_a_class_without_recordings_is_left_out_and_the_others_keep_their_proportions():
    known = [each for each in RECORDINGS if each.label != "music"]
    _, labels = draw([Mixture("speech", 1, {"music": 0.9, "noise": 0.1}, (-9, -9))], recordings=known).batch(3_000)
    np.testing.assert_allclose(np.bincount(labels, minlength=3) / len(labels), [0, 0.4, 0.6], atol=0.04)


# Mixtures


def test_a_class_plays_over_others_as_often_and_at_the_levels_configured_and_stays_what_it_is():
    mixture = Mixture("music", 0.4, {"speech": 0.25, "noise": 0.75}, (-20.0, -5.0))
    windows, labels = draw([mixture]).batch(3_000)
    levels_db = np.sort(levels_of(windows), axis=1)[:, ::-1]
    bands = np.argsort(levels_of(windows), axis=1)[:, ::-1]
    assert [LABEL_OF[band] for band in bands[:, 0]] == [CLASSES[label] for label in labels]
    mixed = levels_db[:, 1] > -60
    assert not mixed[labels != 0].any()
    assert mixed[labels == 0].mean() == pytest.approx(0.4, abs=0.04)
    under = [LABEL_OF[band] for band in bands[mixed, 1]]
    assert under.count("noise") / len(under) == pytest.approx(0.75, abs=0.06)
    assert set(under) == {"speech", "noise"}
    differences = (levels_db[:, 1] - levels_db[:, 0])[mixed]
    assert -20.01 <= differences.min() < -19
    assert -6 < differences.max() <= -4.99
    assert differences.mean() == pytest.approx(-12.5, abs=0.8)


def test_what_plays_over_a_class_may_be_louder():
    windows, labels = draw([Mixture("music", 1, {"noise": 1}, (4.0, 5.0))]).batch(200)
    loudest = levels_of(windows[labels == 0]).argmax(axis=1)
    assert {LABEL_OF[band] for band in loudest} == {"noise"}


def test_log_mel_is_in_decibels_and_has_a_lowest_level():
    np.testing.assert_allclose(to_log_mel(np.array([[1, 10, 1e-3, 0]], np.float32)), [[0, 10, -30, -120]], atol=1e-4)


@pytest.mark.parametrize("knob", [field.name for field in dataclasses.fields(AugmentConfig)])
def test_every_knob_of_the_augmentation_counts(knob):
    """Whatever the others are, the batches of one seed change with it."""
    always = AugmentConfig(
        stretched=1, shifted=1, reverberant=0.6, compressed=0.6, low_passed=1, high_passed=1, faded=0.5,
        partly_silent=0.3, floored=1, masked=1,
    )  # fmt: skip
    value = getattr(always, knob)
    changed = tuple(each / 2 for each in value) if isinstance(value, tuple) else type(value)(value / 2)
    changed = 0.5 if value == 1 else changed
    other = dataclasses.replace(always, **{knob: changed})
    assert not np.array_equal(draw(augment=always).batch(32)[0], draw(augment=other).batch(32)[0])
