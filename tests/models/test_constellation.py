"""Oracles: scipy's maximum filter, and the constellation of the samples in one piece."""

import itertools
import re

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from models.constellation import (
    MIN_LEVEL_DB,
    SHIFTS_A_BIN,
    Constellation,
    PeakConfig,
    crop,
    find_peaks,
    join,
    overlapping_blocks,
    stream_peaks,
)
from models.spectrogram import SpectrogramConfig, power_spectrogram
from models.thinning import thin

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=50)
SPECTROGRAM = SpectrogramConfig()
# A frame each 16 samples: the same number of frames from far fewer samples.
SMALL = SpectrogramConfig(sample_rate=8000, window=64, hop=16)
SMALL_PEAKS = PeakConfig(half_frames=3, half_bins=2, min_bin=2, max_bin=30)
NOISE = np.random.default_rng(1).uniform(-1, 1, 60_000).astype(np.float32)


def constellation_of(samples, spectrogram=SPECTROGRAM, config=PeakConfig()):  # noqa: B008  frozen
    return join(stream_peaks([samples], spectrogram, config))


def random_constellation(frames):
    frame, bin_ = np.nonzero(np.random.default_rng(2).random((frames, 9)) < 0.1)
    rng = np.random.default_rng(3)
    shifts, levels = rng.integers(-60, 61, len(frame)), rng.integers(0, 200, len(frame))
    return Constellation(
        frame.astype(np.int32), bin_.astype(np.int16), 0, frames, shifts.astype(np.int8), levels.astype(np.uint8)
    )


def columns(constellation):
    """All of its peaks, with shifts and levels."""
    each = (constellation.frames, constellation.bins, constellation.shifts, constellation.levels)
    return list(zip(*(column.tolist() for column in each), strict=True))


def cells(constellation):
    return list(zip(constellation.frames.tolist(), constellation.bins.tolist(), strict=True))


def local_maxima(power, config):
    """Cells (frame, bin), in order, by scipy."""
    size = (2 * config.half_frames + 1, 2 * config.half_bins + 1)
    highest = scipy.ndimage.maximum_filter(power, size, mode="constant", cval=-np.inf)
    frames, bins = np.nonzero((power == highest) & (power > config.floor))
    inside = (bins >= config.min_bin) & (bins < config.max_bin)
    return list(zip(frames[inside].tolist(), bins[inside].tolist(), strict=True))


@pytest.mark.parametrize(
    "config",
    [PeakConfig(), PeakConfig(half_frames=3, half_bins=3), PeakConfig(half_frames=1, half_bins=12, min_bin=0),
     PeakConfig(half_frames=40, half_bins=1, max_bin=512), PeakConfig(floor=150.0)],
)  # fmt: skip
def test_peaks_are_scipys_local_maxima(config):
    power = power_spectrogram(NOISE, SPECTROGRAM)
    frames, bins = find_peaks(power, config)
    assert list(zip(frames.tolist(), bins.tolist(), strict=True)) == local_maxima(power, config) != []
    assert (frames.dtype, bins.dtype) == (np.int32, np.int16)


@REPEATABLE
@given(
    st.integers(0, 12),
    st.builds(PeakConfig, st.integers(1, 9), st.integers(1, 9), st.integers(0, 5), st.integers(6, 40), st.just(0.5)),
    st.integers(0, 2**32 - 1),
)
def test_peaks_are_scipys_where_maxima_are_shared_and_arrays_small(frames, config, seed):
    power = np.random.default_rng(seed).integers(0, 4, (frames, 20)).astype(np.float32)
    found = find_peaks(power, config)
    assert list(zip(*(column.tolist() for column in found), strict=True)) == local_maxima(power, config)


@settings(REPEATABLE, max_examples=30)
@given(
    st.lists(st.integers(0, len(NOISE)), max_size=12),
    st.integers(0, len(NOISE)),
    st.sampled_from([1, 7, 500, 1100]),  # the last looks farther than a group of 1,024 frames
)
def test_blocks_give_the_peaks_of_the_whole(cuts, length, half_frames):
    config = PeakConfig(half_frames, half_bins=2, min_bin=2, max_bin=30)
    parts = list(stream_peaks(np.split(NOISE[:length], sorted(cuts)), SMALL, config))
    power = power_spectrogram(NOISE[:length], SMALL)
    assert cells(join(parts)) == local_maxima(power, config)
    assert [part.first_frame for part in parts] == [0, *(part.end_frame for part in parts)][: len(parts)]
    assert join(parts).end_frame == len(power)
    assert columns(join(parts)) == columns(constellation_of(NOISE[:length], SMALL, config))
    for part in parts:
        assert all(part.first_frame <= frame < part.end_frame for frame in part.frames.tolist())


@settings(REPEATABLE, max_examples=20)
@given(st.integers(0, 1500))
def test_delaying_audio_shifts_peaks(frames):
    delayed = constellation_of(np.concatenate([np.zeros(frames * SMALL.hop, np.float32), NOISE]), SMALL, SMALL_PEAKS)
    # Peaks so near to the start had other neighbours there.
    settled = [(frame, bin_) for frame, bin_ in cells(constellation_of(NOISE, SMALL, SMALL_PEAKS)) if frame >= 3]
    assert [(frame + frames, bin_) for frame, bin_ in settled] == [
        (frame, bin_) for frame, bin_ in cells(delayed) if frame >= frames + 3
    ]


def test_a_gain_of_two_changes_no_peak():
    assert cells(constellation_of(NOISE)) == cells(constellation_of(NOISE * 2))


def test_a_tone_has_its_peaks_in_its_own_bin():
    tone = np.sin(2 * np.pi * 125 * np.arange(40_000) / 1024).astype(np.float32)
    assert 125 in constellation_of(tone).bins.tolist()
    loud = constellation_of(tone, config=PeakConfig(floor=100.0))
    assert set(loud.bins.tolist()) == {125}


@pytest.mark.parametrize("frequency", [20.0, 125.0, 125.13, 125.25, 125.4, 125.49, 125.5, 300.77, 480.9])
@pytest.mark.parametrize("amplitude", [1.0, 0.1, 0.003])
def test_a_tone_has_its_frequency_and_its_level(frequency, amplitude):
    """In bins; and at most 1.4 dB less than in the middle of one: what Hann's window loses between two."""
    tone = (amplitude * np.sin(2 * np.pi * frequency * np.arange(40_000) / 1024)).astype(np.float32)
    found = constellation_of(tone, config=PeakConfig(floor=1e-3 * (amplitude * 256) ** 2))
    np.testing.assert_allclose(found.tones, frequency, atol=0.1)
    power = power_spectrogram(tone, SPECTROGRAM)[found.frames, found.bins]
    decibels = 10 * np.log10(power)
    np.testing.assert_allclose(found.levels / 2 + MIN_LEVEL_DB, decibels, atol=0.26)
    np.testing.assert_allclose(found.powers, power, rtol=0.07)
    loss = 20 * np.log10(amplitude * 256) - decibels
    assert -0.5 < loss.min() <= loss.max() < 1.43 + 0.5


def test_tones_are_never_more_than_half_a_bin_away():
    found = constellation_of(NOISE)
    assert np.abs(found.tones - found.bins).max() <= 63 / SHIFTS_A_BIN
    assert len(np.unique(found.shifts)) > 50


def test_a_gain_moves_levels_and_no_tone():
    quiet, loud = constellation_of(NOISE / 4), constellation_of(NOISE)
    assert quiet.shifts.tolist() == loud.shifts.tolist()
    np.testing.assert_allclose((loud.levels.astype(int) - quiet.levels) / 2, 20 * np.log10(4), atol=0.51)


def thin_by_loop(peaks, half_frames, half_bins):
    """peaks: (frame, bin, shift, level)."""
    return [
        (frame, bin_, shift, level)
        for frame, bin_, shift, level in peaks
        if not any(
            louder > level and abs(other - frame) <= half_frames and abs(beside - bin_) <= half_bins
            for other, beside, _, louder in peaks
        )
    ]


@REPEATABLE
@given(st.integers(0, 200), st.integers(1, 12), st.integers(1, 9), st.integers(0, 255))
def test_thinning_leaves_what_a_loop_finds_loudest(end, half_frames, half_bins, most):
    """most: of the levels, so that many are shared."""
    whole = crop(random_constellation(200), 0, end)
    whole.levels[:] = np.minimum(whole.levels, most)
    thinned = thin(whole, half_frames, half_bins)
    assert columns(thinned) == thin_by_loop(columns(whole), half_frames, half_bins)
    assert (thinned.first_frame, thinned.end_frame) == (whole.first_frame, whole.end_frame)


def test_thinning_dense_peaks_leaves_the_sparse_ones_and_few_more():
    """More: whose louder neighbour is on the slope of a peak that is farther away."""
    dense, sparse = constellation_of(NOISE, config=PeakConfig(3, 3)), constellation_of(NOISE)
    thinned = cells(thin(dense, 7, 7))
    assert set(cells(sparse)) <= set(thinned) <= set(cells(dense))
    assert len(thinned) < 1.5 * len(sparse.frames) < 0.5 * len(dense.frames)


@REPEATABLE
@given(st.integers(-20, 500))
def test_moving_delays_peaks_and_bounds(frames):
    whole = crop(random_constellation(60), 25, 50)
    later = whole.moved(frames)
    assert columns(later) == [(frame + frames, *rest) for frame, *rest in columns(whole)]
    assert (later.first_frame, later.end_frame, later.frames.dtype) == (25 + frames, 50 + frames, np.int32)


def test_peaks_keep_to_the_band():
    bins = constellation_of(NOISE, config=PeakConfig(min_bin=100, max_bin=200)).bins
    assert bins.min() >= 100
    assert bins.max() < 200


@pytest.mark.parametrize("samples", [NOISE[:0], NOISE[:1023]])
def test_less_than_a_window_has_an_empty_constellation_of_no_frame(samples):
    constellation = constellation_of(samples)
    assert (cells(constellation), constellation.first_frame, constellation.end_frame) == ([], 0, 0)
    assert (constellation.frames.dtype, constellation.bins.dtype) == (np.int32, np.int16)


@pytest.mark.parametrize("level", [0.0, 1e-7])
def test_silence_and_what_lies_below_the_floor_have_frames_and_no_peak(level):
    constellation = constellation_of(NOISE[:20_000] * np.float32(level))
    assert (cells(constellation), constellation.end_frame) == ([], (20_000 - 1024) // 256 + 1)


def test_joining_keeps_where_the_parts_begin_and_end():
    one = Constellation(np.array([5, 9], np.int32), np.array([3, 4], np.int16), 5, 12)
    other = Constellation(np.array([12], np.int32), np.array([7], np.int16), 12, 20)
    joined = join([one, other])
    assert (cells(joined), joined.first_frame, joined.end_frame) == ([(5, 3), (9, 4), (12, 7)], 5, 20)


@settings(REPEATABLE, max_examples=100)
@given(st.lists(st.integers(0, 300), max_size=6), st.integers(1, 120), st.integers(0, 60))
def test_blocks_are_the_whole_cut_at_equal_distances_whatever_the_parts(cuts, size, overlap):
    whole = random_constellation(300)
    edges = [0, *sorted(set(cuts) - {0, 300}), 300]
    parts = [crop(whole, start, end) for start, end in itertools.pairwise(edges)]
    blocks = list(overlapping_blocks(parts, size, overlap))

    starts = [start for start in range(0, 300, size) if start == 0 or 300 - start > overlap]
    ends = [*(start + size + overlap for start in starts[:-1]), 300]
    for block, start, end in zip(blocks, starts, ends, strict=True):
        inside = [each for each in columns(whole) if start - overlap <= each[0] < end]
        assert (columns(block), block.first_frame, block.end_frame) == (inside, max(0, start - overlap), end)


def test_no_parts_give_no_blocks():
    assert list(overlapping_blocks([], 100, 10)) == []


@REPEATABLE
@given(st.integers(-20, 80), st.integers(0, 50))
def test_cropping_keeps_what_lies_inside(start, length):
    whole = random_constellation(60)
    part = crop(whole, start, start + length)
    assert columns(part) == [each for each in columns(whole) if start <= each[0] < start + length]


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"half_frames": 0}, "half_frames must be at least 1, got 0"),
        ({"half_bins": -2}, "half_bins must be at least 1, got -2"),
        ({"min_bin": -1}, "got -1 and 500"),
        ({"min_bin": 200, "max_bin": 200}, "got 200 and 200"),
        ({"max_bin": 513}, "got 8 and 513"),
    ],
)
def test_a_bad_knob_is_named_with_its_value(knobs, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        PeakConfig(**knobs)
    assert all(name in str(caught.value) for name in knobs)
