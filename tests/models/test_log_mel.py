"""Oracle: librosa's mel spectrogram and its decibels, by another FFT."""

import re
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from models.log_mel import MIN_POWER, LogMelConfig, MelPower, mel_power, to_decibels

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=30)
TRACKS = Path(__file__).parents[1] / "sample" / "tracks"
DEFAULT = LogMelConfig()
SMALL = LogMelConfig(sample_rate=8_000, window=256, hop=100, bands=20, min_hz=0, max_hz=4_000)
NOISE = np.random.default_rng(1).uniform(-1, 1, 20_000).astype(np.float32)


def librosas_power(samples, config):
    return librosa.feature.melspectrogram(
        y=samples.astype(np.float64),
        sr=config.sample_rate,
        n_fft=config.window,
        hop_length=config.hop,
        n_mels=config.bands,
        fmin=config.min_hz,
        fmax=config.max_hz,
        center=False,
        window="hann",
    ).T


def read_track(name):
    return soundfile.read(TRACKS / name, 200_000, 100_000, dtype="float32", always_2d=True)[0][:, 0]


SAMPLES = {
    "noise": lambda: NOISE,
    "faint noise": lambda: NOISE * 1e-4,
    **{name: lambda name=name: read_track(name) for name in ("letter_to_ines.flac", "glass_garden.ogg", "rain.opus")},
}


@pytest.mark.parametrize("name", SAMPLES)
def test_log_mel_is_librosas(name):
    samples = SAMPLES[name]()
    expected = librosas_power(samples, DEFAULT)
    power = mel_power(samples, DEFAULT)
    # Of single precision: a rounding of the loudest band of a frame is the error of its quietest.
    np.testing.assert_allclose(power, expected, rtol=1e-5, atol=1e-7 * expected.max())
    expected_db = librosa.power_to_db(expected, ref=1.0, amin=MIN_POWER, top_db=None)
    heard = expected > 1e-5 * expected.max(axis=1, keepdims=True)
    decibels = to_decibels(power).numpy()
    np.testing.assert_allclose(decibels[heard], expected_db[heard], atol=1e-3)
    np.testing.assert_allclose(decibels, to_decibels(expected.astype(np.float32)).numpy(), atol=0.1)


@pytest.mark.parametrize("config", [SMALL, LogMelConfig(16_000, 400, 160, 80), LogMelConfig(22_050, 2048, 512, 128)])
def test_power_is_librosas_at_any_resolution(config):
    expected = librosas_power(NOISE, config)
    np.testing.assert_allclose(mel_power(NOISE, config), expected, rtol=1e-4, atol=1e-7 * expected.max())


@REPEATABLE
@given(st.integers(0, 2_000))
def test_there_is_a_frame_for_each_whole_window(length):
    whole = [start for start in range(0, length, SMALL.hop) if start + SMALL.window <= length]
    assert SMALL.frames(length) == len(whole)
    assert mel_power(NOISE[:length], SMALL).shape == (len(whole), SMALL.bands)


def test_a_batch_gives_what_its_windows_give_alone():
    windows = NOISE.reshape(4, -1)
    alone = np.stack([mel_power(window, SMALL) for window in windows])
    np.testing.assert_allclose(MelPower(SMALL)(windows), alone, rtol=1e-5)


@REPEATABLE
@given(st.floats(1e-3, 10))
def test_power_grows_with_the_square_of_the_level(gain):
    expected = mel_power(NOISE[:4_000], SMALL) * gain**2
    np.testing.assert_allclose(mel_power(NOISE[:4_000] * np.float32(gain), SMALL), expected, rtol=1e-4)


def test_silence_has_no_power_and_the_lowest_level():
    power = mel_power(np.zeros(4_000, np.float32), SMALL)
    assert not power.any()
    np.testing.assert_allclose(to_decibels(power), -100, rtol=1e-6)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"hop": 0}, "hop must be positive, got 0"),
        ({"bands": -1}, "bands must be positive, got -1"),
        ({"max_hz": 9_000.0}, "expected 0 <= min_hz < max_hz <= 8000, got min_hz 50 and max_hz 9000"),
        ({"min_hz": 8_000.0}, "expected 0 <= min_hz < max_hz <= 8000, got min_hz 8000 and max_hz 7600"),
    ],
)
def test_a_bad_knob_is_named_with_its_value(knobs, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        LogMelConfig(**knobs)
