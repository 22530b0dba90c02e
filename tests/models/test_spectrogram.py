"""Oracles: librosa's STFT, and the spectrogram of the samples in one piece."""

import re

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.spectrogram import SpectrogramConfig, power_spectrogram, stream_power

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=50)
DEFAULT = SpectrogramConfig()
# A frame each 16 samples: the same number of frames, and groups of them, from far fewer samples.
SMALL = SpectrogramConfig(sample_rate=8000, window=64, hop=16)
NOISE = np.random.default_rng(1).uniform(-1, 1, 60_000).astype(np.float32)


@pytest.mark.parametrize("config", [DEFAULT, SMALL, SpectrogramConfig(16_000, 400, 160), SpectrogramConfig(1, 8, 8)])
def test_power_is_librosas_squared(config):
    power = power_spectrogram(NOISE, config)
    spectrum = librosa.stft(NOISE, n_fft=config.window, hop_length=config.hop, window="hann", center=False)
    expected = np.abs(spectrum.T) ** 2
    assert power.shape == expected.shape == (len(power), config.bins)
    assert power.dtype == np.float32
    np.testing.assert_allclose(power, expected, rtol=0, atol=1e-6 * expected.max())


@REPEATABLE
@given(st.lists(st.integers(0, len(NOISE)), max_size=12), st.integers(0, len(NOISE)))
def test_blocks_give_the_whole_bit_for_bit(cuts, length):
    blocks = np.split(NOISE[:length], sorted(cuts))
    pieces = list(stream_power(blocks, SMALL))
    streamed = np.concatenate([np.empty((0, SMALL.bins), np.float32), *pieces])
    np.testing.assert_array_equal(streamed, power_spectrogram(NOISE[:length], SMALL))


@pytest.mark.parametrize("block", [1, 255, 1024, 4096])
def test_blocks_of_any_size_give_the_whole_at_the_default_resolution(block):
    samples = NOISE[:20_000]
    blocks = (samples[start : start + block] for start in range(0, len(samples), block))
    streamed = np.concatenate(list(stream_power(blocks, DEFAULT)))
    np.testing.assert_array_equal(streamed, power_spectrogram(samples, DEFAULT))


@REPEATABLE
@given(st.integers(0, 700))
def test_there_is_a_frame_for_each_whole_window_and_none_for_the_rest(length):
    whole_windows = [start for start in range(0, length, SMALL.hop) if start + SMALL.window <= length]
    assert power_spectrogram(NOISE[:length], SMALL).shape == (len(whole_windows), SMALL.bins)


def test_frames_do_not_depend_on_what_follows():
    whole = power_spectrogram(NOISE, SMALL)
    for length in (SMALL.window, 1000, 16_431, 16_432, 16_433):  # around a group of 1,024 frames
        part = power_spectrogram(NOISE[:length], SMALL)
        np.testing.assert_array_equal(part, whole[: len(part)])


@pytest.mark.parametrize("blocks", [[], [NOISE[:0]], [NOISE[:0], NOISE[:1023]]])
def test_less_than_a_window_has_no_frame(blocks):
    assert list(stream_power(blocks, DEFAULT)) == []


def test_silence_has_no_power():
    assert not power_spectrogram(np.zeros(20_000, np.float32), DEFAULT).any()


@REPEATABLE
@given(st.integers(2, 250), st.integers(0, 30))
def test_the_time_of_a_frame_is_that_of_a_click_in_its_middle(frame, bin_):
    samples = np.zeros(5000, np.float32)
    samples[round(SMALL.time_s(frame) * SMALL.sample_rate)] = 1
    assert power_spectrogram(samples, SMALL)[:, bin_].argmax() == frame


def test_frame_rate_and_bins():
    assert (DEFAULT.frame_rate, DEFAULT.bins) == (31.25, 513)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"sample_rate": 0}, "sample_rate must be positive, got 0"),
        ({"window": -1}, "window must be positive, got -1"),
        ({"hop": 0}, "hop must be positive, got 0"),
        ({"window": 512, "hop": 513}, "hop must be at most window (512), got 513"),
    ],
)
def test_a_bad_knob_is_named_with_its_value(knobs, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        SpectrogramConfig(**knobs)
