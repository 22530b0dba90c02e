"""Retrieval: which tracks may be playing, where in them and how warped, from landmark hits that line up.

Loose on purpose: verification decides. The pairs of a query are warped back to what they were in the recording, hashed
and looked up. A diagonal is a place on the index's timeline less a frame of the query, times the speed; hits of one
diagonal say the same of when the track began. They are counted in a small table, in which far diagonals may share a
cell: some candidates are none.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from models.compiling import compiled
from models.constellation import Constellation, thin
from models.index import Index
from models.landmarks import BIN_BITS, DIFFERENCE_BITS, FRAME_BITS, MAX_BINS, MAX_FRAMES, LandmarkConfig, find_pairs
from models.warps import UNCHANGED, Warps

_TABLE_BITS = 16  # so that a warp's table fits the second-level cache
_FIRST_HITS = 1 << 14  # room for so many in half a window; it grows


@dataclasses.dataclass(frozen=True)
class RetrievalConfig:
    """A candidate has `min_hits` hits within two halves of a window, on one diagonal give or take a frame.

    warped_fan_out, warped_half: warped music is sought by fewer pairs, of peaks with no louder one so many frames and
    bins near; for each of many warps is looked up on its own.
    max_postings: a hash with more places says little and costs much: its places are skipped.
    """

    min_hits: int = 5
    window_s: float = 5.0
    max_postings: int = 200
    warped_min_hits: int = 5
    warped_fan_out: int = 4
    warped_half: int = 6

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
        anchor_frames,
        query.frames[pairs.targets] - anchor_frames,
        query.tones[pairs.anchors],
        query.tones[pairs.targets],
    )
    half = window // 2
    bounds = np.searchsorted(anchor_frames, np.arange(0, query.end_frame + half, half))
    table = np.zeros((len(warps), 1 << _TABLE_BITS), np.uint16)
    found: list[NDArray[np.int64]] = [np.empty((0, 3), np.int64)]
    earlier, skipped = None, 0
    for number in range(len(bounds) - 1):
        part = slice(bounds[number], bounds[number + 1])
        current, over = _look_up([column[part] for column in landmarks_of], warps, index, max_postings)
        _count(table, *current)
        found.append(_first_of_each(_find_lines(table, *current, min_hits)))
        if earlier is not None:
            _forget(table, *earlier)
        earlier, skipped = current, skipped + over
    return _locate(np.concatenate(found), warps, index), skipped


def _look_up(
    pairs: list[NDArray[np.generic]], warps: Warps, index: Index, max_postings: int
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int16]], int]:
    """The hits of some pairs: diagonals, warped query frames, and numbers of warps; and how many were skipped."""
    parts, skipped = [], 0
    for first_hash, starts, places in index.shards():
        diagonals, frames, numbers, over = _look_up_shard(
            *pairs, warps.speeds, 1 / warps.pitches, first_hash, starts, places, max_postings, _FIRST_HITS
        )
        parts.append((diagonals, frames, numbers))
        skipped += over
    columns = zip(*parts, strict=True)
    diagonals, frames, numbers = (np.concatenate(column) for column in columns)
    return (diagonals, frames, numbers), skipped


@compiled
def _look_up_shard(
    anchor_frames: NDArray[np.int32],
    gaps: NDArray[np.int32],
    anchor_tones: NDArray[np.float32],
    target_tones: NDArray[np.float32],
    speeds: NDArray[np.float32],
    lowerings: NDArray[np.float32],
    first_hash: int,
    starts: NDArray[np.uint32],
    places: NDArray[np.uint32],
    max_postings: int,
    room: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int16], int]:
    diagonals, frames, numbers = np.empty(room, np.int64), np.empty(room, np.int32), np.empty(room, np.int16)
    half = np.float32(0.5)
    count = skipped = 0
    for pair in range(len(gaps)):
        for warp in range(len(speeds)):
            anchor_bin = np.int64(anchor_tones[pair] * lowerings[warp] + half)
            difference = np.int64(target_tones[pair] * lowerings[warp] + half) - anchor_bin
            gap = np.int64(gaps[pair] * speeds[warp] + half)
            if abs(difference) > MAX_BINS or not 0 < gap <= MAX_FRAMES or anchor_bin >= 1 << BIN_BITS:
                continue
            slot = (anchor_bin << DIFFERENCE_BITS | difference + MAX_BINS + 1) << FRAME_BITS | gap
            slot -= first_hash
            if slot < 0 or slot >= len(starts) - 1:
                continue
            start, end = np.int64(starts[slot]), np.int64(starts[slot + 1])
            if end - start > max_postings:
                skipped += end - start
                continue
            if start == end:
                continue
            if count + end - start > room:
                room = 2 * room + max_postings
                wider, wider_frames, wider_numbers = (
                    np.empty(room, np.int64),
                    np.empty(room, np.int32),
                    np.empty(room, np.int16),
                )
                wider[:count], wider_frames[:count], wider_numbers[:count] = (
                    diagonals[:count],
                    frames[:count],
                    numbers[:count],
                )
                diagonals, frames, numbers = wider, wider_frames, wider_numbers
            frame = np.int64(anchor_frames[pair] * speeds[warp] + half)
            for posting in range(start, end):
                diagonals[count] = np.int64(places[posting]) - frame
                frames[count] = frame
                numbers[count] = warp
                count += 1
    return diagonals[:count], frames[:count], numbers[:count], skipped


@compiled
def _count(
    table: NDArray[np.uint16], diagonals: NDArray[np.int64], frames: NDArray[np.int32], numbers: NDArray[np.int16]
) -> None:
    mask = table.shape[1] - 1
    for hit in range(len(diagonals)):
        table[numbers[hit], diagonals[hit] & mask] += 1


@compiled
def _forget(
    table: NDArray[np.uint16], diagonals: NDArray[np.int64], frames: NDArray[np.int32], numbers: NDArray[np.int16]
) -> None:
    mask = table.shape[1] - 1
    for hit in range(len(diagonals)):
        table[numbers[hit], diagonals[hit] & mask] -= 1


@compiled
def _find_lines(
    table: NDArray[np.uint16],
    diagonals: NDArray[np.int64],
    frames: NDArray[np.int32],
    numbers: NDArray[np.int16],
    min_hits: int,
) -> NDArray[np.int64]:
    """Rows (warp, diagonal, warped frame) of hits whose diagonal and its neighbours have enough."""
    mask = table.shape[1] - 1
    rows = np.empty((len(diagonals), 3), np.int64)
    count = 0
    for hit in range(len(diagonals)):
        warp, diagonal = numbers[hit], diagonals[hit]
        near = table[warp, (diagonal - 1) & mask] + table[warp, diagonal & mask] + table[warp, (diagonal + 1) & mask]
        if near >= min_hits:
            rows[count, 0], rows[count, 1], rows[count, 2] = warp, diagonal, frames[hit]
            count += 1
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
