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
from models.constellation import Constellation
from models.index import LOW_BITS, Index
from models.landmarks import BIN_BITS, DIFFERENCE_BITS, FRAME_BITS, MAX_BINS, MAX_FRAMES, LandmarkConfig, find_pairs
from models.thinning import find_loudest, thin
from models.warps import MAX_WARPS, UNCHANGED, Warps

_MIN_TABLE_BITS = 14
_CELLS_A_HIT = 16
_PAGE_BITS = 19  # of the table: 1 MB of cells, which a core's own cache holds
_HALVES_AT_ONCE = 12  # of windows: half a minute, whose hits take 40 MB at most, as the limits are
_QUIET_BITS = 2  # a pair's look-up is a quarter as likely to be right for each of its peaks with a louder one near
_SOURCE_BITS = 32  # of a hash looked up: which pair and, in its low bits, which warp it is of
_SOURCE_MASK = (1 << _SOURCE_BITS) - 1
_WARP_BITS = 10
_WARP_MASK = (1 << _WARP_BITS) - 1


@dataclasses.dataclass(frozen=True)
class RetrievalConfig:
    """A candidate has `min_hits` hits within two halves of a window, on one diagonal give or take a frame.

    warped_fan_out, warped_half: warped music is sought by fewer pairs, of peaks with no louder one so many frames and
    bins near; for each of many warps is looked up on its own.
    max_postings: a hash with more places says little and costs much: its places are skipped.
    max_hits_per_s, max_warped_hits_per_s: of audio, in a segment. Where there would be more, places of the commonest
    hashes are skipped too: so cost is bounded however large the catalogue. Peaks with a louder one near are hardly
    ever a reference's: a pair with one is skipped as if its hash were 4 times as common, with two 16 times.
    """

    min_hits: int = 6
    window_s: float = 5.0
    max_postings: int = 2_000
    max_hits_per_s: int = 150_000
    max_warped_hits_per_s: int = 200_000
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
    limits = config.max_postings, config.max_hits_per_s / index.config.spectrogram.frame_rate
    parts = [_retrieve(query, UNCHANGED, index, landmarks, config.min_hits, window, limits)]
    if len(warps):
        thinned = thin(query, config.warped_half, config.warped_half)
        sparse = dataclasses.replace(landmarks, fan_out=config.warped_fan_out)
        limits = config.max_postings, config.max_warped_hits_per_s / index.config.spectrogram.frame_rate
        parts.append(_retrieve(thinned, warps, index, sparse, config.warped_min_hits, window, limits))
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
    limits: tuple[int, float],  # on the places of a hash, and on the hits of a frame
) -> tuple[Candidates, int]:
    pairs = find_pairs(query, landmarks)
    is_quiet = ~find_loudest(query, index.config.peaks.half_frames, index.config.peaks.half_bins)
    quiet = is_quiet[pairs.anchors].astype(np.int64) + is_quiet[pairs.targets]
    anchor_frames = query.frames[pairs.anchors]
    gaps = query.frames[pairs.targets] - anchor_frames
    tones = query.tones
    anchor_tones, target_tones = tones[pairs.anchors], tones[pairs.targets]
    half = window // 2
    halves = np.arange(query.end_frame // half + 2)
    bounds = np.searchsorted(anchor_frames, halves * half)
    found, skipped = [np.empty((0, 3), np.int64)], 0
    for number in range(0, len(halves) - 1, _HALVES_AT_ONCE):
        earlier = max(0, number - 1)  # with the half before, that windows may begin in it
        last = min(number + _HALVES_AT_ONCE, len(halves) - 1)
        part = slice(bounds[earlier], bounds[last])
        asked = _hash_pairs(gaps[part], anchor_tones[part], target_tones[part], warps.speeds, warps.lowerings)
        in_half = (anchor_frames[part] // half - earlier).astype(np.int16)
        max_hits = int((last - earlier) * half * limits[1])
        hits, over = _look_up(
            *asked, quiet[part], anchor_frames[part], in_half, last - earlier, warps, index, limits[0], max_hits
        )
        table = np.zeros(_table_size(hits[0], len(warps)), np.uint16)
        found.append(_first_of_each(_find_lines(table, *hits, len(warps), number - earlier, min_hits), index))
        skipped += over
    return _locate(np.concatenate(found), warps, index), skipped


@compiled
def _hash_pairs(
    gaps: NDArray[np.int32],
    anchor_tones: NDArray[np.float32],
    target_tones: NDArray[np.float32],
    speeds: NDArray[np.float32],
    lowerings: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.int16]]:
    """The hash of each pair as it was in the recording under each warp, with its source below.

    Also their high bits, which numpy sorts in two passes. A pair that no recording's can have become has none.
    """
    hashes, rough = np.empty(len(gaps) * len(speeds), np.int64), np.empty(len(gaps) * len(speeds), np.int16)
    count = 0
    half = np.float32(0.5)
    for pair in range(len(gaps)):
        for warp in range(len(speeds)):
            anchor_bin = np.int32(anchor_tones[pair] * lowerings[warp] + half)
            difference = np.int32(target_tones[pair] * lowerings[warp] + half) - anchor_bin
            gap = np.int32(gaps[pair] * speeds[warp] + half)
            packed = (((anchor_bin << DIFFERENCE_BITS) + difference + MAX_BINS + 1) << FRAME_BITS) + gap
            is_sound = (abs(difference) <= MAX_BINS) & (gap <= MAX_FRAMES) & (anchor_bin < 1 << BIN_BITS)
            hashes[count] = np.int64(packed) << _SOURCE_BITS | pair << _WARP_BITS | warp
            rough[count] = packed >> LOW_BITS
            count += int(is_sound)
    return hashes[:count], rough[:count]


_Hits = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]


def _look_up(
    hashes: NDArray[np.int64],
    rough: NDArray[np.int16],
    quiet: NDArray[np.int64],
    frames: NDArray[np.int32],
    in_half: NDArray[np.int16],
    halves: int,
    warps: Warps,
    index: Index,
    max_postings: int,
    max_hits: int,
) -> tuple[_Hits, int]:
    """The hits of some pairs, half by half and therein warp by warp, and how many postings were skipped.

    quiet: how many of each pair's peaks have a louder one near.

    Hits are the bounds of each half's and warp's, and parallel arrays of diagonals and warped frames. Hashes are looked
    up roughly in their order, for that reads the index from one end to the other: several times faster than at random.
    """
    order = np.argsort(rough, kind="stable")
    hashes, rough = hashes[order], rough[order]
    firsts, counts = np.empty(len(hashes), np.int64), np.empty(len(hashes), np.int64)
    shards = []
    for first_hash, starts, places in index.shards():
        low, high = np.searchsorted(rough, [first_hash >> LOW_BITS, (first_hash + len(starts) - 1) >> LOW_BITS])
        mine = slice(int(low), int(high))
        _find_postings(firsts[mine], counts[mine], hashes[mine], first_hash, starts)
        shards.append((mine, places))
    prices = counts << (_QUIET_BITS * quiet[(hashes & _SOURCE_MASK) >> _WARP_BITS])
    prices[counts > max_postings] = dearest = (max_postings << 2 * _QUIET_BITS) + 1  # what is looked at costs less
    hits = np.cumsum(np.bincount(prices, counts, dearest)[:dearest])
    is_common = prices > np.searchsorted(hits, max_hits, side="right") - 1
    skipped = int(counts[is_common].sum())
    counts[is_common] = 0

    sizes = np.zeros(halves * len(warps), np.int64)
    _add_sizes(sizes, hashes, counts, in_half, len(warps))
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    diagonals, warped_frames = np.empty(bounds[-1], np.int64), np.empty(bounds[-1], np.int32)
    ends = bounds[:-1].copy()  # of each group, as far as it is filled
    for mine, places in shards:
        postings = hashes[mine], firsts[mine], counts[mine], places
        _fill(diagonals, warped_frames, ends, *postings, frames, in_half, warps.speeds)
    return (bounds, diagonals, warped_frames), skipped


@compiled
def _find_postings(
    firsts: NDArray[np.int64],
    counts: NDArray[np.int64],
    hashes: NDArray[np.int64],
    first_hash: int,
    starts: NDArray[np.uint32],
) -> None:
    """Where each hash's postings begin in its shard, and how many there are."""
    for entry in range(len(hashes)):
        slot = (hashes[entry] >> _SOURCE_BITS) - first_hash
        firsts[entry] = starts[slot]
        counts[entry] = np.int64(starts[slot + 1]) - np.int64(starts[slot])


@compiled
def _add_sizes(
    sizes: NDArray[np.int64],
    hashes: NDArray[np.int64],
    counts: NDArray[np.int64],
    in_half: NDArray[np.int16],
    warps: int,
) -> None:
    """Adds to each group's, by half and warp, how many hits there are for it."""
    for entry in range(len(hashes)):
        if counts[entry]:
            pair, warp = (hashes[entry] & _SOURCE_MASK) >> _WARP_BITS, hashes[entry] & _WARP_MASK
            sizes[in_half[pair] * warps + warp] += counts[entry]


@compiled
def _fill(
    diagonals: NDArray[np.int64],
    warped_frames: NDArray[np.int32],
    ends: NDArray[np.int64],
    hashes: NDArray[np.int64],
    firsts: NDArray[np.int64],
    counts: NDArray[np.int64],
    places: NDArray[np.uint32],
    frames: NDArray[np.int32],
    in_half: NDArray[np.int16],
    speeds: NDArray[np.float32],
) -> None:
    """Appends a shard's hits to their groups."""
    for entry in range(len(hashes)):
        if counts[entry]:
            pair, warp = (hashes[entry] & _SOURCE_MASK) >> _WARP_BITS, hashes[entry] & _WARP_MASK
            frame = np.int32(frames[pair] * speeds[warp] + np.float32(0.5))
            group = in_half[pair] * len(speeds) + warp
            hit = ends[group]
            for posting in range(firsts[entry], firsts[entry] + counts[entry]):
                diagonals[hit], warped_frames[hit] = np.int64(places[posting]) - frame, frame
                hit += 1
            ends[group] = hit


def _table_size(bounds: NDArray[np.int64], warps: int) -> int:
    """So many cells, a power of two, that few of the hits counted at once share one by chance."""
    counts = np.diff(bounds).reshape(-1, warps)
    most = int(np.max(counts[1:] + counts[:-1], initial=int(counts[0].max(initial=0))))
    return 1 << max(_MIN_TABLE_BITS, (_CELLS_A_HIT * most).bit_length())


@compiled
def _find_lines(
    table: NDArray[np.uint16],
    bounds: NDArray[np.int64],
    diagonals: NDArray[np.int64],
    frames: NDArray[np.int32],
    warps: int,
    first_half: int,
    min_hits: int,
) -> NDArray[np.int64]:
    """Rows (half, warp, diagonal, warped frame) of hits whose diagonal and its neighbours have enough.

    Hits of the half before count too. table: zeros, and zeros again afterwards.
    """
    mask = len(table) - 1
    halves = (len(bounds) - 1) // warps
    rows = np.empty((len(diagonals), 4), np.int64)
    count = 0
    for warp in range(warps):
        for half in range(max(first_half - 1, 0), halves + 1):
            low, high = (bounds[half * warps + warp], bounds[half * warps + warp + 1]) if half < halves else (0, 0)
            _order_by_page(diagonals[low:high], frames[low:high], mask)
            for hit in range(low, high):
                table[diagonals[hit] & mask] += 1
            for hit in range(low, high if half >= first_half else low):
                diagonal = diagonals[hit]
                near = table[(diagonal - 1) & mask] + table[diagonal & mask] + table[(diagonal + 1) & mask]
                if near >= min_hits:
                    rows[count, 0], rows[count, 1] = half, warp
                    rows[count, 2], rows[count, 3] = diagonal, frames[hit]
                    count += 1
            if half >= max(first_half, 1):
                for hit in range(bounds[half * warps + warp - warps], bounds[half * warps + warp - warps + 1]):
                    table[diagonals[hit] & mask] -= 1
    return rows[:count].copy()


@compiled
def _order_by_page(diagonals: NDArray[np.int64], frames: NDArray[np.int32], mask: int) -> None:
    """Orders hits, in place, by their cell's page of the table: far faster to count, for pages stay cached."""
    pages = (mask >> _PAGE_BITS) + 1
    if pages == 1:
        return
    ends = np.zeros(pages + 1, np.int64)
    for hit in range(len(diagonals)):
        ends[((diagonals[hit] & mask) >> _PAGE_BITS) + 1] += 1
    ends = np.cumsum(ends)
    unordered, unordered_frames = diagonals.copy(), frames.copy()
    for hit in range(len(unordered)):
        page = (unordered[hit] & mask) >> _PAGE_BITS
        diagonals[ends[page]], frames[ends[page]] = unordered[hit], unordered_frames[hit]
        ends[page] += 1


def _first_of_each(rows: NDArray[np.int64], index: Index) -> NDArray[np.int64]:
    """(warp, diagonal, warped frame) of the first row of each half, warp and diagonal, give or take a frame.

    Which two diagonals are one is counted from the track's place, so that it is the same in any index of the track.
    """
    half, warp, diagonal, warped_frame = rows.T
    from_even = diagonal + (index.places[index.track_at(diagonal + warped_frame)] & 1)
    _, first = np.unique(((half * MAX_WARPS + warp) << 40) + (from_even >> 1), return_index=True)
    return rows[first, 1:]


def _locate(rows: NDArray[np.int64], warps: Warps, index: Index) -> Candidates:
    """Rows (warp, diagonal, warped frame) as candidates."""
    numbers, diagonals, warped_frames = rows.T
    # The diagonal may lie in the track before, if the query began before the track did: ask where a hit is.
    tracks = index.track_at(diagonals + warped_frames)
    speeds, pitches = warps.speeds[numbers].astype(np.float64), warps.pitches[numbers].astype(np.float64)
    offsets = (diagonals - index.places[tracks]).astype(np.float64)
    return Candidates(tracks, offsets, speeds, pitches, np.rint(warped_frames / speeds).astype(np.int64))
