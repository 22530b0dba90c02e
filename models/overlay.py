"""Overlays: a reference's constellation laid over a query's, and what each coincidence is worth.

At each reference peak the query has a peak in the very cell, or one frame beside it, or none. Chance is measured around
the cell: how often the query has peaks in that bin nearby, and in that frame nearby, so that held notes and drum beats,
which line up with everything, count for little.
"""

import dataclasses

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from models.constellation import Constellation
from models.index import Index
from models.retrieval import Candidates

BINS = 512
_BANDS = 8  # of 64 bins
_CHANCE_FRAMES = 32  # resolution of the rates in time
NONE, BESIDE, EXACT = 0, 1, 2


@dataclasses.dataclass(frozen=True, slots=True)
class QueryView:
    """What verification asks of a query, for each frame and bin."""

    frames: int
    outcomes: NDArray[np.int8]  # (frames or a few more, bins): EXACT at a peak, BESIDE one a frame away
    frame_rates: NDArray[np.float32]  # (frames, bands): share of cells with peaks in this frame and its neighbours
    bin_ratios: NDArray[np.float32]  # (frames / _CHANCE_FRAMES, bins): of the bin's rate to its band's, around here


@dataclasses.dataclass(frozen=True, slots=True)
class Overlay:
    """Reference peaks laid over a query, as parallel arrays: candidate by candidate, each in order of frame."""

    candidates: NDArray[np.intp]  # position in Candidates
    frames: NDArray[np.int64]  # of the query
    cells: NDArray[np.int64]  # frame * BINS + bin
    outcomes: NDArray[np.int8]
    rarities: NDArray[np.float32]  # one over the chance that the cell has a peak

    def part(self, which: slice) -> "Overlay":
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
    band_of_bin = np.repeat(band_rates, BINS // _BANDS, axis=1)
    bin_ratios = (bin_rates * 160 + band_of_bin * 48) / (160 + 48) / band_of_bin

    in_frame = peaks.reshape(len(peaks), _BANDS, -1).sum(2, dtype=np.float32)
    in_frame[1:-1] += in_frame[:-2] + in_frame[2:]
    frame_rates = (in_frame + 64 * np.repeat(band_rates, _CHANCE_FRAMES, axis=0)) / (3 * BINS // _BANDS + 64)
    frames = query.end_frame - query.first_frame
    return QueryView(frames, outcomes, frame_rates.astype(np.float32), bin_ratios.astype(np.float32))


def lay_over(
    candidates: Candidates, view: QueryView, index: Index, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> Overlay:
    """Each candidate's reference peaks at query frames [start, end), which must lie in the query."""
    numbers, frames, bins = [], [], []
    for track in np.unique(candidates.tracks):  # of a few tracks each has many candidates
        mine = np.flatnonzero(candidates.tracks == track)
        deltas = candidates.offset_deltas[mine]
        reference = index.constellation(int(track))
        lows, highs = (np.searchsorted(reference.frames, each[mine] + deltas) for each in (starts, ends))
        counts = highs - lows
        peaks = np.repeat(lows - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        numbers.append(np.repeat(mine, counts))
        frames.append(reference.frames[peaks] - np.repeat(deltas, counts))
        bins.append(reference.bins[peaks])
    where, bin_ = np.concatenate(frames), np.concatenate(bins)
    cells = where * BINS + bin_  # take() of flat arrays is several times faster than indexing by two
    chances = view.frame_rates.ravel().take(cells // (BINS // _BANDS))
    chances *= view.bin_ratios.ravel().take(where // _CHANCE_FRAMES * BINS + bin_)
    rarities = 1 / np.clip(chances, 0.001, 0.3)
    return Overlay(np.concatenate(numbers), where, cells, view.outcomes.ravel().take(cells), rarities)


def score_peaks(overlay: Overlay, audibility: float, beside_share: float) -> NDArray[np.float32]:
    """The log-likelihood ratio of each peak's outcome, in nats: heard at this audibility, against chance."""
    beside = audibility * beside_share
    by_outcome = np.array([0, beside / 2, audibility], np.float32)  # two cells are beside
    ratios = by_outcome.take(overlay.outcomes)
    ratios *= overlay.rarities
    ratios += np.float32(1 - audibility - beside)
    return np.log(ratios, out=ratios)
