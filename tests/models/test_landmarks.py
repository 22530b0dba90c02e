"""Oracle: every anchor asked in a loop for its next targets."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.constellation import Constellation
from models.landmarks import HASH_BITS, LandmarkConfig, find_pairs, pair_peaks

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=50)
PEAKS = st.lists(st.tuples(st.integers(0, 150), st.integers(0, 511)), max_size=60, unique=True)
CONFIGS = st.builds(LandmarkConfig, st.integers(1, 20), st.integers(1, 63), st.integers(1, 63))
RNG = np.random.default_rng(1)


def constellation_of(peaks, first_frame=0, end_frame=1000):
    frames, bins = np.array(sorted(peaks), np.int64).reshape(-1, 2).T
    return Constellation(frames.astype(np.int32), bins.astype(np.int16), first_frame, end_frame)


def rows(landmarks):
    """Pairs (hash, anchor frame), sorted: landmarks have no order."""
    return sorted(zip(landmarks.hashes.tolist(), landmarks.frames.tolist(), strict=True))


def pairs_by_loop(peaks, config):
    found = []
    for anchor_frame, anchor_bin in peaks:
        taken = 0
        for frame, bin_ in sorted(peaks):
            near = 0 < frame - anchor_frame <= config.max_frames and abs(bin_ - anchor_bin) <= config.max_bins
            if near and taken < config.fan_out:
                taken += 1
                hash_ = anchor_bin * 2**13 + (bin_ - anchor_bin + 64) * 2**6 + frame - anchor_frame
                found.append((hash_, anchor_frame))
    return sorted(found)


@settings(REPEATABLE, max_examples=100)
@given(PEAKS, CONFIGS)
def test_pairs_are_those_of_a_loop(peaks, config):
    landmarks = pair_peaks(constellation_of(peaks), config)
    assert rows(landmarks) == pairs_by_loop(peaks, config)
    assert (landmarks.hashes.dtype, landmarks.frames.dtype) == (np.uint32, np.int32)


@REPEATABLE
@given(PEAKS, CONFIGS)
def test_pairs_tell_where_their_peaks_are_in_order_of_anchor(peaks, config):
    constellation = constellation_of(peaks)
    pairs, landmarks = find_pairs(constellation, config), pair_peaks(constellation, config)
    assert constellation.frames[pairs.anchors].tolist() == landmarks.frames.tolist()
    gaps, anchor_bins = landmarks.hashes & 63, landmarks.hashes >> 13
    assert (constellation.frames[pairs.targets] - constellation.frames[pairs.anchors]).tolist() == gaps.tolist()
    assert constellation.bins[pairs.anchors].tolist() == anchor_bins.tolist()
    assert pairs.anchors.tolist() == sorted(pairs.anchors.tolist())


def test_pairs_are_those_of_a_loop_in_crowded_frames_and_with_the_widest_fan():
    peaks = {(int(frame), int(bin_)) for frame, bin_ in RNG.integers((0, 0), (40, 80), (900, 2))}
    config = LandmarkConfig(fan_out=127)
    assert rows(pair_peaks(constellation_of(peaks), config)) == pairs_by_loop(peaks, config)


@REPEATABLE
@given(PEAKS, CONFIGS)
def test_hashes_fit_their_bits_and_tell_the_pair(peaks, config):
    landmarks = pair_peaks(constellation_of(peaks), config)
    assert all(hash_ < 2**HASH_BITS for hash_ in landmarks.hashes.tolist())
    for hash_, frame in rows(landmarks):
        bin_, difference, later = hash_ >> 13, (hash_ >> 6 & 127) - 64, hash_ & 63
        assert {(frame, bin_), (frame + later, bin_ + difference)} <= set(peaks)


@REPEATABLE
@given(PEAKS, CONFIGS, st.integers(0, 10_000))
def test_delaying_peaks_shifts_frames_and_keeps_hashes(peaks, config, delay):
    delayed = pair_peaks(constellation_of([(frame + delay, bin_) for frame, bin_ in peaks]), config)
    shifted = [(hash_, frame + delay) for hash_, frame in rows(pair_peaks(constellation_of(peaks), config))]
    assert rows(delayed) == shifted


@REPEATABLE
@given(PEAKS, CONFIGS)
def test_a_wider_fan_only_adds(peaks, config):
    wider = LandmarkConfig(config.fan_out + 1, config.max_frames, config.max_bins)
    constellation = constellation_of(peaks)
    assert set(rows(pair_peaks(constellation, config))) <= set(rows(pair_peaks(constellation, wider)))


@pytest.mark.parametrize("peaks", [[], [(3, 100)], [(3, 100), (3, 110)], [(3, 100), (67, 100)], [(3, 100), (4, 164)]])
def test_peaks_that_are_alone_make_no_landmark(peaks):
    assert rows(pair_peaks(constellation_of(peaks), LandmarkConfig())) == []


def test_the_farthest_target_is_one():
    landmarks = pair_peaks(constellation_of([(3, 511), (66, 448)]), LandmarkConfig())
    assert rows(landmarks) == [(511 << 13 | 1 << 6 | 63, 3)]


@pytest.mark.parametrize(("name", "limit"), [("fan_out", 127), ("max_frames", 63), ("max_bins", 63)])
@pytest.mark.parametrize("beyond", [0, 1])
def test_a_bad_knob_is_named_with_its_value(name, limit, beyond):
    value = limit + 1 if beyond else 0
    with pytest.raises(ValueError, match=re.escape(f"{name} must be between 1 and {limit}, got {value}")):
        LandmarkConfig(**{name: value})
