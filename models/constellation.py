"""Constellations: the local maxima of a spectrogram, by which a recording is known again.

The peaks are maxima over a neighbourhood of time and frequency, not the loudest of each second, so that those in
speech pauses, between harmonics and above the voice survive when the music plays quietly under speech.
"""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from models.spectrogram import SpectrogramConfig, stream_power

SHIFTS_A_BIN = 128
MIN_LEVEL_DB = -64.0


@dataclasses.dataclass(frozen=True)
class PeakConfig:
    """A peak is the maximum of the frames and bins at most so far away, and above the floor.

    floor: power; 1e-6 is about -90 dB below full scale, under the noise of 16 bits.
    """

    half_frames: int = 7
    half_bins: int = 7
    min_bin: int = 8
    max_bin: int = 500
    floor: float = 1e-6

    def __post_init__(self) -> None:
        for name in ("half_frames", "half_bins"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.floor <= 0:
            raise ValueError(f"floor must be positive, got {self.floor}")
        if not 0 <= self.min_bin < self.max_bin <= 512:
            raise ValueError(f"0 <= min_bin < max_bin <= 512 must hold, got {self.min_bin} and {self.max_bin}")


@dataclasses.dataclass(frozen=True, slots=True)
class Constellation:
    """Peaks in order of frame, then bin. first_frame <= frames < end_frame; frames count from the item's start.

    shifts: of the tone from the middle of its bin, in SHIFTS_A_BIN-ths. levels: of the peak's power, in half dB above
    MIN_LEVEL_DB. Zeros where they are not given.
    """

    frames: NDArray[np.int32]
    bins: NDArray[np.int16]
    first_frame: int
    end_frame: int
    shifts: NDArray[np.int8] = None  # type: ignore[assignment]  # see __post_init__
    levels: NDArray[np.uint8] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        for name, dtype in (("shifts", np.int8), ("levels", np.uint8)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, np.zeros(len(self.frames), dtype))

    def take(self, which: slice | NDArray[np.bool_], first_frame: int, end_frame: int) -> "Constellation":
        """Some of the peaks, as the constellation of those frames."""
        ends = first_frame, end_frame
        return Constellation(self.frames[which], self.bins[which], *ends, self.shifts[which], self.levels[which])

    def moved(self, frames: int) -> "Constellation":
        """The same, so many frames later."""
        return dataclasses.replace(
            self,
            frames=self.frames + np.int32(frames),
            first_frame=self.first_frame + frames,
            end_frame=self.end_frame + frames,
        )

    @property
    def tones(self) -> NDArray[np.float32]:
        """The peaks' frequencies in bins, to a fraction of one."""
        return (self.bins + self.shifts / np.float32(SHIFTS_A_BIN)).astype(np.float32, copy=False)

    @property
    def powers(self) -> NDArray[np.float32]:
        return np.power(10, (self.levels / 2 + MIN_LEVEL_DB) / 10, dtype=np.float32)


def find_peaks(power: NDArray[np.float32], config: PeakConfig) -> tuple[NDArray[np.int32], NDArray[np.int16]]:
    """Frames and bins of the peaks of a power spectrogram (frames, bins), in order of frame, then bin."""
    highest = _running_maximum(_running_maximum(power, config.half_bins, axis=1), config.half_frames, axis=0)
    band = slice(config.min_bin, config.max_bin)
    is_peak = (power[:, band] == highest[:, band]) & (power[:, band] > config.floor)
    frames, bins = np.nonzero(is_peak)
    return frames.astype(np.int32), (bins + config.min_bin).astype(np.int16)


def stream_peaks(
    blocks: Iterable[NDArray[np.float32]], spectrogram: SpectrogramConfig, config: PeakConfig
) -> Iterator[Constellation]:
    """The constellation of the blocks' concatenation, in consecutive stretches of it that leave no frame out."""
    context = config.half_frames
    held: NDArray[np.float32] = np.empty((0, spectrogram.bins), np.float32)
    held_from = done = 0  # first frame in `held`; first frame not yet yielded
    for piece in stream_power(blocks, spectrogram):
        held = np.concatenate([held, piece])
        end = held_from + len(held) - context
        if end > done:
            yield _peaks_between(held, held_from, done, end, config)
            keep = max(0, end - context - held_from)
            held, held_from, done = held[keep:], held_from + keep, end
    if held_from + len(held) > done:
        yield _peaks_between(held, held_from, done, held_from + len(held), config)


def join(parts: Iterable[Constellation]) -> Constellation:
    """One constellation of consecutive ones; no parts give an empty one."""
    listed = list(parts)
    if not listed:
        return Constellation(np.empty(0, np.int32), np.empty(0, np.int16), 0, 0)
    return Constellation(
        np.concatenate([part.frames for part in listed]),
        np.concatenate([part.bins for part in listed]),
        listed[0].first_frame,
        listed[-1].end_frame,
        np.concatenate([part.shifts for part in listed]),
        np.concatenate([part.levels for part in listed]),
    )


def overlapping_blocks(parts: Iterable[Constellation], size: int, overlap: int) -> Iterator[Constellation]:
    """Consecutive constellations as blocks of `size` frames, each with `overlap` frames more on both sides.

    What would be a last block no longer than the overlap belongs to the one before. No parts give no blocks.
    """
    held: list[Constellation] = []
    start = 0
    for part in parts:
        held.append(part)
        while held[-1].end_frame > start + size + overlap:
            whole = join(held)
            yield crop(whole, start - overlap, start + size + overlap)
            start += size
            held = [crop(whole, start - overlap, whole.end_frame)]
    if held:
        yield crop(join(held), start - overlap, held[-1].end_frame)


def crop(constellation: Constellation, start: int, end: int) -> Constellation:
    """The part in frames [start, end), as far as there is one."""
    start, end = max(start, constellation.first_frame), min(end, constellation.end_frame)
    low, high = np.searchsorted(constellation.frames, [start, end])
    return constellation.take(slice(low, high), start, end)


def _peaks_between(power: NDArray[np.float32], first: int, start: int, end: int, config: PeakConfig) -> Constellation:
    """The peaks in frames [start, end) of a power spectrogram whose first row is frame `first`."""
    frames, bins = find_peaks(power, config)
    low, high = np.searchsorted(frames, [start - first, end - first])
    frames, bins = frames[low:high], bins[low:high]
    below, at, above = (np.log10(_power_beside(power, frames, bins, step)) for step in (-1, 0, 1))
    shifts = np.rint(_vertex(below, at, above) * SHIFTS_A_BIN).astype(np.int8)
    levels = np.clip(np.rint(2 * (10 * at - MIN_LEVEL_DB)), 0, 255).astype(np.uint8)
    return Constellation(frames + np.int32(first), bins, start, end, shifts, levels)


def _power_beside(
    power: NDArray[np.float32], frames: NDArray[np.int32], bins: NDArray[np.int16], step: int
) -> NDArray[np.float32]:
    return np.maximum(power[frames, np.maximum(bins + step, 0)], np.float32(1e-12))


def _vertex(below: NDArray[np.float32], at: NDArray[np.float32], above: NDArray[np.float32]) -> NDArray[np.float32]:
    """Where the parabola through the three has its maximum, from the middle one, between -.49 and .49."""
    curvature = np.minimum(below + above - 2 * at, np.float32(-1e-6))
    vertex: NDArray[np.float32] = np.clip((below - above) / (2 * curvature), -0.49, 0.49)
    return vertex


def _running_maximum(values: NDArray[np.float32], half: int, axis: int) -> NDArray[np.float32]:
    """Maximum over 2 * half + 1 neighbours along an axis, fewer at the ends.

    By doubling the reach: log2(half) passes of np.maximum, which is vectorised; several times faster than
    scipy.ndimage.maximum_filter1d.
    """
    moved = np.moveaxis(values, axis, 0)
    width = 2 * half + 1
    padding = [(half, half)] + [(0, 0)] * (values.ndim - 1)
    reach = np.pad(moved, padding, constant_values=-np.inf)
    span = 1
    while span < width:
        step = min(span, width - span)
        reach = np.maximum(reach[:-step], reach[step:])
        span += step
    return np.moveaxis(reach, 0, axis)
