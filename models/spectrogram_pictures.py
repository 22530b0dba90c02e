"""Spectrogram pictures: a whole recording at a glance, as PNG."""

import io
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.decoding import DecodeConfig, decode_audio
from models.spectrogram import SpectrogramConfig, stream_power

WIDTH, HEIGHT = 880, 160
_CONFIG = SpectrogramConfig(sample_rate=16_000, window=1024, hop=512)
_MIN_HZ, _MAX_HZ = 60.0, 7_600.0
_RANGE_DB = 80.0  # below the loudest, from which all is dark
_SHADES = ((16, 16, 36), (49, 38, 112), (134, 44, 124), (222, 90, 76), (250, 170, 70), (252, 246, 190))


def draw_spectrogram(path: str, config: DecodeConfig) -> Iterator[bytes]:
    """A PNG of the local file's audio, low tones at the bottom, on a scale of octaves; one. None of no whole window.

    Raises BadMediaError as decode_audio does.
    """
    bands = [_to_bands(power) for power in stream_power(decode_audio(path, _CONFIG.sample_rate, config), _CONFIG)]
    if bands:
        yield _encode(np.concatenate(bands))


def _to_bands(power: NDArray[np.float32]) -> NDArray[np.float16]:
    """The level in dB of each frame and band, by the band's strongest bin."""
    edges = np.geomspace(_MIN_HZ, _MAX_HZ, HEIGHT + 1) * _CONFIG.window / _CONFIG.sample_rate
    strongest = np.maximum.reduceat(power, edges.astype(np.intp), axis=1)[:, :HEIGHT]
    return np.asarray(10 * np.log10(np.maximum(strongest, 1e-10)), np.float16)


def _encode(levels: NDArray[np.float16]) -> bytes:
    starts = np.arange(min(WIDTH, len(levels))) * len(levels) // min(WIDTH, len(levels))
    columns = np.maximum.reduceat(levels.astype(np.float32), starts, axis=0)
    shares = np.clip((columns - columns.max()) / _RANGE_DB + 1, 0, 1)
    image = Image.fromarray(np.rint(shares.T[::-1] * 255).astype(np.uint8)).convert("P")
    shades = np.linspace(0, len(_SHADES) - 1, 256)
    palette = [np.interp(shades, range(len(_SHADES)), channel) for channel in zip(*_SHADES, strict=True)]
    image.putpalette(np.stack(palette, axis=1).astype(np.uint8).tobytes())
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()
