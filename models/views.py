"""Views: features of a log-mel window (batch, frames, bands), in two ways that fail on different sounds.

Statistics over time hold best for sources that trained nothing; patterns tell apart what statistics cannot, such as
music under rain.
"""

from typing import Any

from keras import layers, ops

_FRAME_LAGS = (1, 2, 3, 4, 6, 8, 11, 14, 18, 23, 28, 34, 40, 48, 60, 72)  # of loudness, to 1.8 s
_SPECTRUM_LAGS = (1, 2, 4, 8, 16, 32, 64)
_CHANGE_LAGS = (1, 4, 16)


def view_statistics(x: Any) -> Any:
    """How each band is distributed and how fast it changes; how ragged spectra are; how loudness and spectra recur."""
    mean, deviation = ops.mean(x, axis=1), ops.std(x, axis=1)
    standard = (x - mean[:, None]) / (deviation[:, None] + 1.0)
    slope, bend = x[:, :, 1:] - x[:, :, :-1], x[:, :, 2:] - 2 * x[:, :, 1:-1] + x[:, :, :-2]
    features = [
        mean,
        deviation,
        ops.mean(standard**3, axis=1),
        ops.log(ops.mean(standard**4, axis=1) + 0.1),
        *(ops.mean(ops.abs(x[:, lag:] - x[:, :-lag]), axis=1) for lag in _lags(x, _CHANGE_LAGS)),
        ops.mean(ops.abs(slope), axis=1),
        ops.mean(ops.abs(bend), axis=1),
        ops.abs(ops.mean(bend, axis=1)),
        *_recurrence(x),
    ]
    return layers.BatchNormalization(momentum=0.98)(ops.concatenate(features, axis=-1))


def view_patterns(x: Any, channels: tuple[int, ...], dropout: float) -> Any:
    """What convolutions find, pooled over time: they see 1.6 s and almost all bands."""
    x = x[..., None]
    for order, number in enumerate(channels):
        x = _convolve(x, number, 3, 2 if order < len(channels) - 1 else 1)
        if order >= 2:
            x = layers.SpatialDropout2D(dropout)(x)
    return _pool(_convolve(x, channels[-1], (1, x.shape[2]), 1, "valid"))


def _recurrence(x: Any) -> tuple[Any, Any, Any]:
    """How much loudness varies, its autocorrelation, and how alike spectra are some frames apart."""
    loudness = ops.mean(x, axis=2)
    loudness = loudness - ops.mean(loudness, axis=1, keepdims=True)
    variance = ops.mean(loudness**2, axis=1, keepdims=True) + 1.0  # what hardly varies does not recur
    again = [ops.mean(loudness[:, lag:] * loudness[:, :-lag], axis=1) for lag in _lags(x, _FRAME_LAGS)]
    shape = x - ops.mean(x, axis=2, keepdims=True)
    length = ops.sqrt(ops.sum(shape**2, axis=2) + 1.0)
    alike = [
        ops.mean(ops.sum(shape[:, lag:] * shape[:, :-lag], axis=2) / (length[:, lag:] * length[:, :-lag]), axis=1)
        for lag in _lags(x, _SPECTRUM_LAGS)
    ]
    return ops.sqrt(variance), ops.stack(again, axis=1) / variance, ops.stack(alike, axis=1)


def _lags(x: Any, lags: tuple[int, ...]) -> tuple[int, ...]:
    """Those that the window is long enough for."""
    return tuple(lag for lag in lags if lag < x.shape[1])


def _convolve(x: Any, channels: int, size: Any, strides: int, padding: str = "same") -> Any:
    x = layers.Conv2D(channels, size, strides, padding, use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.98)(x))


def _pool(x: Any) -> Any:
    """Mean, maximum and deviation over time of (batch, frames, 1, channels)."""
    x = x[:, :, 0]
    return ops.concatenate([ops.mean(x, axis=1), ops.max(x, axis=1), ops.sqrt(ops.var(x, axis=1) + 1e-4)], axis=-1)
