"""Fingerprinting: a file in, its constellation out, stretch by stretch."""

from collections.abc import Iterator

from models.constellation import Constellation, PeakConfig, stream_peaks
from models.decoding import DecodeConfig, decode_audio
from models.spectrogram import SpectrogramConfig


def fingerprint_file(
    path: str, spectrogram: SpectrogramConfig, peaks: PeakConfig, decode: DecodeConfig
) -> Iterator[Constellation]:
    """The constellation of a local file's audio, in consecutive stretches; memory does not grow with its length.

    Raises BadMediaError, perhaps after some stretches.
    """
    return stream_peaks(decode_audio(path, spectrogram.sample_rate, decode), spectrogram, peaks)
