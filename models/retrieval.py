"""Retrieval: which tracks may be playing, where in them and how warped, from landmark hits that line up.

Loose on purpose: verification decides. The pairs of a query are warped back to what they were in the recording, hashed
and looked up. A diagonal is a place on the index's timeline less a frame of the query, times the speed; hits of one
diagonal say the same of when the track began. They are counted in a small table, in which far diagonals may share a
cell: some candidates are none.
"""

import dataclasses
import itertools

import numpy as np
from numpy.typing import NDArray

from models.compiling import compiled
from models.constellation import Constellation, thin
from models.index import Index
from models.landmarks import BIN_BITS, DIFFERENCE_BITS, FRAME_BITS, MAX_BINS, MAX_FRAMES, LandmarkConfig, find_pairs
from models.warps import UNCHANGED, Warps

_TABLE_BITS = 16  # so that a warp's table fits the second-level cache


@dataclasses.dataclass(frozen=True)
class RetrievalConfig:
    """A candidate has `min_hits` hits within two halves of a window, on one diagonal give or take a frame.

    warped_fan_out, warped_half: warped music is sought by fewer pairs, of peaks with no louder one so many frames and
    bins near; for each of many warps is looked up on its own.
    max_postings: a hash with more places says little and costs much: its places are skipped.
    """

    min_hits: int = 6
    window_s: float = 5.0
    max_postings: int = 200
    warped_min_hits: int = 4
    warped_fan_out: int = 3
    warped_half: int = 7

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if getattr(self, field.name) <= 0:
                raise ValueError(f"{field.name} must be positive, got {getattr(self, field.name)}")


@dataclasses.dataclass(frozen=True, slots=True)
class Candidates:
    """Parallel arrays: track numbers; the reference frame that sounds at query frame 0; warps; frames of hits."""

    tracks: NDArray[np.int64]
    offsets: NDArray[np.float64]
    speeds: NDArray[np.float64]
    pitches: NDArray[np.float64]
    frames: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.tracks)

    def take(self, which: NDArray[np.intp]) -> "Candidates":
        return Candidates(*(getattr(self, field.name)[which] for field in dataclasses.fields(self)))


def retrieve(
    query: Constellation, warps: Warps, index: Index, landmarks: LandmarkConfig, config: RetrievalConfig
) -> tuple[Candidates, int]:
    """The candidates of a query whose frames are counted from 0, and how many postings were skipped as too common.

    A long match is a candidate once for each half of a window.
    """
    window = max(2, round(config.window_s * index.config.spectrogram.frame_rate))
    parts = [_retrieve(query, UNCHANGED, index, landmarks, config.min_hits, window, config.max_postings)]
    if len(warps):
        thinned = thin(query, config.warped_half, config.warped_half)
        sparse = dataclasses.replace(landmarks, fan_out=config.warped_fan_out)
        parts.append(_retrieve(thinned, warps, index, sparse, config.warped_min_hits, window, config.max_postings))
    columns = ([getattr(part, field.name) for part, _ in parts] for field in dataclasses.fields(Candidates))
    candidates = Candidates(*map(np.concatenate, columns))
    live = np.flatnonzero(index.is_live[candidates.tracks])
    return candidates.take(live), sum(skipped for _, skipped in parts)


def _retrieve(
    query: Constellation,
    warps: Warps,
    index: Index,
    landmarks: LandmarkConfig,
    min_hits: int,
    window: int,
    max_postings: int,
) -> tuple[Candidates, int]:
    pairs = find_pairs(query, landmarks)
    anchor_frames = query.frames[pairs.anchors]
    landmarks_of = (
        query.frames[pairs.targets] - anchor_frames,
        query.tones[pairs.anchors],
        query.tones[pairs.targets],
    )
    half = window // 2
    bounds = np.searchsorted(anchor_frames, np.arange(0, query.end_frame + half, half))
    table = np.zeros(1 << _TABLE_BITS, np.uint16)
    found: list[NDArray[np.int64]] = [np.empty((0, 3), np.int64)]
    earlier, skipped = _no_hits(len(warps)), 0
    for start, end in itertools.pairwise(bounds.tolist()):
        hashes = _hash_pairs(*(column[start:end] for column in landmarks_of), warps.speeds, 1 / warps.pitches)
        current, over = _look_up(hashes, anchor_frames[start:end], warps, index, max_postings)
        found.append(_first_of_each(_find_lines(table, *earlier, *current, min_hits)))
        earlier, skipped = current, skipped + over
    return _locate(np.concatenate(found), warps, index), skipped


_Hits = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]  # bounds of each warp's; diagonals; frames


def _no_hits(warps: int) -> _Hits:
    return np.zeros(warps + 1, np.int64), np.empty(0, np.int64), np.empty(0, np.int32)


@compiled
def _hash_pairs(
    gaps: NDArray[np.int32],
    anchor_tones: NDArray[np.float32],
    target_tones: NDArray[np.float32],
    speeds: NDArray[np.float32],
    lowerings: NDArray[np.float32],
) -> NDArray[np.int32]:
    """(pairs, warps): the hash of each pair as it was in the recording; -1 where it had none."""
    hashes = np.empty((len(gaps), len(speeds)), np.int32)
    half = np.float32(0.5)
    for pair in range(len(gaps)):
        for warp in range(len(speeds)):
            anchor_bin = np.int32(anchor_tones[pair] * lowerings[warp] + half)
            difference = np.int32(target_tones[pair] * lowerings[warp] + half) - anchor_bin
            gap = np.int32(gaps[pair] * speeds[warp] + half)
            packed = (((anchor_bin << DIFFERENCE_BITS) + difference + MAX_BINS + 1) << FRAME_BITS) + gap
            is_sound = (abs(difference) <= MAX_BINS) & (gap <= MAX_FRAMES) & (anchor_bin < 1 << BIN_BITS)
            hashes[pair, warp] = packed if is_sound else -1
    return hashes


def _look_up(
    hashes: NDArray[np.int32], frames: NDArray[np.int32], warps: Warps, index: Index, max_postings: int
) -> tuple[_Hits, int]:
    """The hits of some pairs, warp by warp, and how many postings were skipped."""
    found = [
        _look_up_shard(hashes, frames, warps.speeds, first_hash, starts, places, max_postings)
        for first_hash, starts, places in index.shards()
    ]
    diagonals, warped_frames, numbers = (np.concatenate(column) for column in list(zip(*found, strict=True))[:3])
    order = np.argsort(numbers, kind="stable")
    bounds = np.searchsorted(numbers[order], np.arange(len(warps) + 1))
    return (bounds, diagonals[order], warped_frames[order]), sum(skipped for *_, skipped in found)


@compiled
def _look_up_shard(
    hashes: NDArray[np.int32],
    frames: NDArray[np.int32],
    speeds: NDArray[np.float32],
    first_hash: int,
    starts: NDArray[np.uint32],
    places: NDArray[np.uint32],
    max_postings: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int16], int]:
    """Diagonals, warped frames and numbers of warps of the hits in a shard; how many postings were skipped."""
    asked = hashes.reshape(-1)
    firsts, counts, sources = (
        np.empty(len(asked), np.int64),
        np.empty(len(asked), np.int64),
        np.empty(len(asked), np.int64),
    )
    known = hits = skipped = 0
    for source in range(
        len(asked)
    ):  # without branches that depend on what is read: reading ahead is what makes it fast
        slot = asked[source] - first_hash
        if 0 <= slot < len(starts) - 1:
            first, count = np.int64(starts[slot]), np.int64(starts[slot + 1]) - np.int64(starts[slot])
            is_rare = count <= max_postings
            firsts[known], counts[known], sources[known] = first, count, source
            known += (count > 0) & is_rare
            hits += count * is_rare
            skipped += count * (not is_rare)
    diagonals, warped_frames, numbers = np.empty(hits, np.int64), np.empty(hits, np.int32), np.empty(hits, np.int16)
    hit = 0
    for entry in range(known):
        pair, warp = divmod(sources[entry], len(speeds))
        frame = np.int32(frames[pair] * speeds[warp] + np.float32(0.5))
        for posting in range(firsts[entry], firsts[entry] + counts[entry]):
            diagonals[hit], warped_frames[hit], numbers[hit] = np.int64(places[posting]) - frame, frame, warp
            hit += 1
    return diagonals, warped_frames, numbers, skipped


@compiled
def _find_lines(
    table: NDArray[np.uint16],
    earlier_bounds: NDArray[np.int64],
    earlier: NDArray[np.int64],
    earlier_frames: NDArray[np.int32],
    bounds: NDArray[np.int64],
    diagonals: NDArray[np.int64],
    frames: NDArray[np.int32],
    min_hits: int,
) -> NDArray[np.int64]:
    """Rows (warp, diagonal, warped frame) of hits whose diagonal and its neighbours have enough, with the earlier ones.

    table: zeros, and zeros again afterwards.
    """
    mask = len(table) - 1
    rows = np.empty((len(diagonals), 3), np.int64)
    count = 0
    for warp in range(len(bounds) - 1):
        for hit in range(earlier_bounds[warp], earlier_bounds[warp + 1]):
            table[earlier[hit] & mask] += 1
        for hit in range(bounds[warp], bounds[warp + 1]):
            table[diagonals[hit] & mask] += 1
        for hit in range(bounds[warp], bounds[warp + 1]):
            diagonal = diagonals[hit]
            near = table[(diagonal - 1) & mask] + table[diagonal & mask] + table[(diagonal + 1) & mask]
            if near >= min_hits:
                rows[count, 0], rows[count, 1], rows[count, 2] = warp, diagonal, frames[hit]
                count += 1
        for hit in range(earlier_bounds[warp], earlier_bounds[warp + 1]):
            table[earlier[hit] & mask] = 0
        for hit in range(bounds[warp], bounds[warp + 1]):
            table[diagonals[hit] & mask] = 0
    return rows[:count].copy()


def _first_of_each(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first row of each warp and diagonal, give or take a frame."""
    _, first = np.unique((rows[:, 0] << 48) + (rows[:, 1] >> 1), return_index=True)
    return rows[first]


def _locate(rows: NDArray[np.int64], warps: Warps, index: Index) -> Candidates:
    """Rows (warp, diagonal, warped frame) as candidates."""
    numbers, diagonals, warped_frames = rows.T
    # The diagonal may lie in the track before, if the query began before the track did: ask where a hit is.
    tracks = index.track_at(diagonals + warped_frames)
    speeds, pitches = warps.speeds[numbers].astype(np.float64), warps.pitches[numbers].astype(np.float64)
    offsets = (diagonals - index.places[tracks]).astype(np.float64)
    return Candidates(tracks, offsets, speeds, pitches, np.rint(warped_frames / speeds).astype(np.int64))
