"""Log-mel spectrograms by TensorFlow: one definition for training and for the saved model, which carries it inside."""

import dataclasses
import functools
import math
from collections.abc import Callable

import keras
import librosa
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

MIN_POWER = 1e-10  # of a mel band, as librosa.power_to_db: -100 dB


@dataclasses.dataclass(frozen=True)
class LogMelConfig:
    """Samples a second; window and hop in samples; mel bands between two frequencies."""

    sample_rate: int = 16_000
    window: int = 1024
    hop: int = 400
    bands: int = 64
    min_hz: float = 50.0
    max_hz: float = 7_600.0

    def __post_init__(self) -> None:
        for name in ("sample_rate", "window", "hop", "bands"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if not 0 <= self.min_hz < self.max_hz <= self.sample_rate / 2:
            limits = f"0 <= min_hz < max_hz <= {self.sample_rate / 2:g}"
            raise ValueError(f"expected {limits}, got min_hz {self.min_hz:g} and max_hz {self.max_hz:g}")

    def frames(self, samples: int) -> int:
        """How many whole windows there are."""
        return max(0, (samples - self.window) // self.hop + 1)


class MelPower(keras.layers.Layer):
    """Mel power spectrograms (batch, frames, bands) of samples (batch, samples).

    Equal to librosa.feature.melspectrogram(center=False, window="hann") by its own filters, transposed.
    """

    def __init__(self, config: LogMelConfig) -> None:
        super().__init__()
        self._config = config
        filters = librosa.filters.mel(
            sr=config.sample_rate, n_fft=config.window, n_mels=config.bands, fmin=config.min_hz, fmax=config.max_hz
        )
        self._filters = tf.constant(filters.T, tf.float32)
        self._hann = tf.signal.hann_window(config.window)

    def call(self, samples: tf.Tensor) -> tf.Tensor:
        frames = tf.signal.frame(samples, self._config.window, self._config.hop)
        spectrum = tf.signal.rfft(frames * self._hann)
        power = tf.math.real(spectrum) ** 2 + tf.math.imag(spectrum) ** 2
        return tf.linalg.matmul(power, self._filters)


def to_decibels(mel_power: tf.Tensor) -> tf.Tensor:
    """Log-mel in dB, as librosa.power_to_db(ref=1, amin=MIN_POWER, top_db=None)."""
    return 10 / math.log(10) * tf.math.log(tf.maximum(mel_power, MIN_POWER))


def mel_power(samples: NDArray[np.float32], config: LogMelConfig) -> NDArray[np.float32]:
    """The mel power spectrogram (frames, bands) of samples, by the same layer."""
    power: NDArray[np.float32] = _mel_power_of(config)(tf.constant(samples[np.newaxis])).numpy()[0]
    return power


@functools.cache
def _mel_power_of(config: LogMelConfig) -> Callable[[tf.Tensor], tf.Tensor]:
    layer = MelPower(config)
    compiled: Callable[[tf.Tensor], tf.Tensor] = tf.function(layer, reduce_retracing=True)
    return compiled
