"""Windows: equal stretches of an item's audio, for a model to take one by one."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from models.decoding import DecodeConfig, decode_audio

_Samples = NDArray[np.float32]
_Seconds = NDArray[np.float64]

_WINDOWS_A_BLOCK = 15  # of 4 s: a minute; costs by the block are then small, and so is a block (4 MB at 16 kHz)
_MIN_TAIL = 0.1  # of a hop; what is left after the last whole window and shorter is passed over


def window_file(
    path: str, sample_rate: int, window: int, hop: int, decode: DecodeConfig
) -> Iterator[tuple[_Samples, int]]:
    """The windows of a local file's audio in consecutive blocks, and how many samples were decoded by then.

    Memory does not grow with its length. Raises BadMediaError, perhaps after some blocks.
    """
    return cut_windows(decode_audio(path, sample_rate, decode), window, hop)


def cut_windows(blocks: Iterable[_Samples], window: int, hop: int) -> Iterator[tuple[_Samples, int]]:
    """Blocks of windows (windows, window samples) of the blocks' concatenation, and the samples consumed by then.

    Window i starts at sample i * hop, but the last ends with the audio, so that nothing is padded; for a rest of less
    than a tenth of a hop there is none. Audio shorter than a window is repeated to fill one. No audio, no window.
    """
    held: _Samples = np.empty(0, np.float32)
    group_hop = _WINDOWS_A_BLOCK * hop
    samples = 0
    for block in blocks:
        held = np.concatenate([held, block])
        samples += len(block)
        while len(held) >= group_hop + window:  # a whole window is left, so none of these is the last
            yield _slide(held[: group_hop - hop + window], window, hop), samples
            held = held[group_hop:]
    if samples:
        yield _cut_rest(held, window, hop), samples


def levels_db(windows: _Samples) -> NDArray[np.float32]:
    """The level of each window: RMS against full scale, in dB; digital silence has -180."""
    power = np.einsum("ij,ij->i", windows, windows, dtype=np.float64) / max(1, windows.shape[1])
    levels: NDArray[np.float32] = (10 * np.log10(np.maximum(power, 1e-18))).astype(np.float32)
    return levels


def spans_s(windows: int, window_s: float, hop_s: float, duration_s: float) -> tuple[_Seconds, _Seconds]:
    """Where so many windows, cut of audio so long, start and end."""
    starts_s = np.minimum(np.arange(windows) * hop_s, max(0.0, duration_s - window_s))
    return starts_s, np.minimum(starts_s + window_s, duration_s)


def edges_s(windows: int, window_s: float, hop_s: float, duration_s: float) -> _Seconds:
    """Edges (windows + 1) of the stretches that windows speak for: of each, what is nearest to its middle.

    The first is 0 and the last the end of the audio.
    """
    starts_s, ends_s = spans_s(windows, window_s, hop_s, duration_s)
    middles_s = (starts_s + ends_s) / 2
    return np.concatenate([[0.0], (middles_s[:-1] + middles_s[1:]) / 2, [duration_s]])


def _cut_rest(held: _Samples, window: int, hop: int) -> _Samples:
    if len(held) < window:
        return np.resize(held, window)[np.newaxis]
    whole = _slide(held, window, hop)
    left = len(held) - ((len(whole) - 1) * hop + window)
    return np.concatenate([whole, held[np.newaxis, -window:]]) if left >= max(1, _MIN_TAIL * hop) else whole


def _slide(samples: _Samples, window: int, hop: int) -> _Samples:
    return np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(samples, window)[::hop])
