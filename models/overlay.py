"""Overlays: a reference's constellation laid over a query's, and what each coincidence is worth.

At each reference peak the query has a peak in the very cell, or one frame beside it, or none. Chance is measured around
the cell: how often the query has peaks in that bin nearby, and in that frame nearby, so that held notes and drum beats,
which line up with everything, count for little.
"""

import dataclasses
import math

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from models.compiling import compiled
from models.constellation import Constellation

BINS = 512
_BANDS = 8  # of 64 bins
_BAND_BINS = BINS // _BANDS
_CHANCE_FRAMES = 32  # resolution of the rates in time
NONE, BESIDE, EXACT = 0, 1, 2


@dataclasses.dataclass(frozen=True, slots=True)
class QueryView:
    """What verification asks of a query, for each frame and bin."""

    frames: int
    outcomes: NDArray[np.int8]  # (frames or a few more, bins): EXACT at a peak, BESIDE one a frame away
    frame_rates: NDArray[np.float32]  # (frames, bands): share of cells with peaks in this frame and its neighbours
    bin_ratios: NDArray[np.float32]  # (frames / _CHANCE_FRAMES, bins): of the bin's rate to its band's, around here

    def arrays(self) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]]:
        """For compiled functions."""
        return self.outcomes, self.frame_rates, self.bin_ratios


@dataclasses.dataclass(frozen=True, slots=True)
class Placement:
    """Where a reference lies over a query: its frame `offset + speed * t` on frame t, its tones times pitch."""

    offset: float
    speed: float = 1.0
    pitch: float = 1.0

    def arrays(self) -> tuple[float, float, float]:
        return self.offset, self.speed, self.pitch

    @property
    def is_warped(self) -> bool:
        return (self.speed, self.pitch) != (1.0, 1.0)

    def query_frame(self, reference_frame: float) -> int:
        return math.floor((reference_frame - self.offset) / self.speed + 0.5)

    def reference_frame(self, query_frame: float) -> float:
        return self.offset + self.speed * query_frame


@dataclasses.dataclass(frozen=True, slots=True)
class Overlay:
    """Reference peaks laid over a query, as parallel arrays, in order of frame."""

    peaks: NDArray[np.int64]  # positions in the reference's constellation
    cells: NDArray[np.int64]  # of the query: frame * BINS + bin
    matches: NDArray[np.int64]  # the cell of the query's peak that it matched; -1 for none
    outcomes: NDArray[np.int8]
    rarities: NDArray[np.float32]  # one over the chance that the cell has a peak

    @property
    def frames(self) -> NDArray[np.int64]:
        return self.cells // BINS

    def moved(self, frames: int) -> "Overlay":
        """The same, so many frames later."""
        matches = np.where(self.matches >= 0, self.matches + frames * BINS, -1)
        return dataclasses.replace(self, cells=self.cells + frames * BINS, matches=matches)

    def part(self, which: slice | NDArray[np.bool_]) -> "Overlay":
        return Overlay(*(getattr(self, field.name)[which] for field in dataclasses.fields(self)))


def view_query(query: Constellation) -> QueryView:
    """What overlays ask of a query, whose frames are counted from its first."""
    blocks = (query.end_frame - query.first_frame) // _CHANCE_FRAMES + 1
    peaks = np.zeros((blocks * _CHANCE_FRAMES, BINS), bool)
    peaks[query.frames - query.first_frame, query.bins] = True
    outcomes = peaks.astype(np.int8) * EXACT
    outcomes[1:][peaks[:-1] & ~peaks[1:]] = BESIDE
    outcomes[:-1][peaks[1:] & ~peaks[:-1]] = BESIDE

    bin_rates = peaks.reshape(blocks, _CHANCE_FRAMES, BINS).sum(1, dtype=np.float32) / _CHANCE_FRAMES
    bin_rates = scipy.ndimage.uniform_filter1d(bin_rates, 5, axis=0, mode="nearest")  # 5 s
    band_rates = np.clip(bin_rates.reshape(blocks, _BANDS, -1).mean(2), 0.001, 0.9)
    bin_rates = scipy.ndimage.convolve1d(bin_rates, [0.25, 0.5, 0.25], axis=1, mode="nearest")
    # Both rates are counts of few cells, and so are drawn towards their band's as if that had been seen in some more.
    band_of_bin = np.repeat(band_rates, _BAND_BINS, axis=1)
    bin_ratios = (bin_rates * 160 + band_of_bin * 48) / (160 + 48) / band_of_bin

    in_frame = peaks.reshape(len(peaks), _BANDS, -1).sum(2, dtype=np.float32)
    in_frame[1:-1] += in_frame[:-2] + in_frame[2:]
    frame_rates = (in_frame + 64 * np.repeat(band_rates, _CHANCE_FRAMES, axis=0)) / (3 * _BAND_BINS + 64)
    frames = query.end_frame - query.first_frame
    return QueryView(frames, outcomes, frame_rates.astype(np.float32), bin_ratios.astype(np.float32))


def lay_over(reference: Constellation, placement: Placement, view: QueryView, start: int, end: int) -> Overlay:
    """The reference's peaks at query frames [start, end), as far as they are in the query and below its highest bin."""
    arrays = (reference.frames, reference.tones, *placement.arrays(), *view.arrays())
    return Overlay(*_lay_over(*arrays, max(start, 0), min(end, view.frames)))


@compiled
def _lay_over(
    frames: NDArray[np.int32],
    tones: NDArray[np.float32],
    offset: float,
    speed: float,
    pitch: float,
    outcomes: NDArray[np.int8],
    frame_rates: NDArray[np.float32],
    bin_ratios: NDArray[np.float32],
    start: int,
    end: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int8], NDArray[np.float32]]:
    first = np.searchsorted(frames, offset + speed * (start - 1))
    last = np.searchsorted(frames, offset + speed * (end + 1))
    peaks, cells = np.empty(last - first, np.int64), np.empty(last - first, np.int64)
    matches = np.full(last - first, -1)
    found, rarities = np.empty(last - first, np.int8), np.empty(last - first, np.float32)
    count = 0
    for peak in range(first, last):
        frame, bin_ = place_peak(frames[peak], tones[peak], offset, speed, pitch)
        if start <= frame < end and bin_ < BINS:
            peaks[count], cells[count] = peak, frame * BINS + bin_
            found[count] = outcomes[frame, bin_]
            if found[count] == EXACT:
                matches[count] = cells[count]
            elif found[count] == BESIDE:
                is_earlier = frame > 0 and outcomes[frame - 1, bin_] == EXACT
                matches[count] = cells[count] - BINS if is_earlier else cells[count] + BINS
            rarities[count] = find_rarity(frame, bin_, frame_rates, bin_ratios)
            count += 1
    return (
        peaks[:count].copy(),
        cells[:count].copy(),
        matches[:count].copy(),
        found[:count].copy(),
        rarities[:count].copy(),
    )


@compiled
def place_peak(frame: int, tone: float, offset: float, speed: float, pitch: float) -> tuple[int, int]:
    """Frame and bin of the query on which a reference's peak lies."""
    return math.floor((frame - offset) / speed + 0.5), math.floor(tone * pitch + 0.5)


@compiled
def find_rarity(frame: int, bin_: int, frame_rates: NDArray[np.float32], bin_ratios: NDArray[np.float32]) -> float:
    """One over the chance that a cell of the query has a peak."""
    chance = float(frame_rates[frame, bin_ // _BAND_BINS] * bin_ratios[frame // _CHANCE_FRAMES, bin_])
    return 1 / min(max(chance, 0.001), 0.3)


def score_peaks(overlay: Overlay, audibility: float, beside_share: float) -> NDArray[np.float32]:
    """The log-likelihood ratio of each peak's outcome, in nats: heard at this audibility, against chance."""
    return _score_peaks(overlay.outcomes, overlay.rarities, audibility, beside_share)


@compiled
def _score_peaks(
    outcomes: NDArray[np.int8], rarities: NDArray[np.float32], audibility: float, beside_share: float
) -> NDArray[np.float32]:
    scores = np.empty(len(outcomes), np.float32)
    for peak in range(len(outcomes)):
        scores[peak] = score_outcome(outcomes[peak], rarities[peak], audibility, beside_share)
    return scores


@compiled
def score_outcome(outcome: int, rarity: float, audibility: float, beside_share: float) -> float:
    """The log-likelihood ratio of one outcome, in nats."""
    beside = audibility * beside_share
    ratio = 1 - audibility - beside
    if outcome == EXACT:
        ratio += audibility * rarity
    elif outcome == BESIDE:
        ratio += beside / 2 * rarity  # two cells are beside
    return math.log(ratio)
