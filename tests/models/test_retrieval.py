"""Oracle: a naive count of hits, diagonal by diagonal and half by half of the window."""

import collections
import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.constellation import SHIFTS_A_BIN, Constellation, crop
from models.index import Index
from models.landmarks import LandmarkConfig, find_pairs, pair_peaks
from models.retrieval import RetrievalConfig, retrieve
from models.warps import WarpConfig, Warps, list_warps

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=50)
# A window of 32 frames, and hits enough in it to be told from chance in so few tracks.
CONFIG = RetrievalConfig(min_hits=8, window_s=1.024, max_postings=100)
HALF = 16
LANDMARKS = LandmarkConfig()
NO_WARPS = list_warps(WarpConfig(max_speed=0, max_tempo=0, semitones=()))


def constellation_of(seed, frames=400, peaks=500):
    """Random peaks, some of them in the first frame."""
    rng = np.random.default_rng(seed)
    cells = np.sort(rng.choice(frames * 500, peaks, replace=False))
    cells[:4] = [100, 110, 150, 200]
    shifts, levels = rng.integers(-60, 61, peaks).astype(np.int8), rng.integers(0, 200, peaks).astype(np.uint8)
    return Constellation((cells // 500).astype(np.int32), (cells % 500).astype(np.int16), 0, frames, shifts, levels)


CATALOGUE = {f"track {seed}": constellation_of(seed, 400 + seed) for seed in range(5)}  # at even places and odd ones
CATALOGUE["track 9, again track 0"] = CATALOGUE["track 0"]
NAMES = sorted(CATALOGUE)


@pytest.fixture(scope="module")
def folder(write_index):
    return write_index(CATALOGUE)


@pytest.fixture(scope="module")
def index(folder):
    return Index(folder)


def excerpt(name, start, end, at=0):
    """A track from one frame to another, heard from frame `at` of the query."""
    part = crop(CATALOGUE[name], start, end).moved(at - start)
    return dataclasses.replace(part, first_frame=0)


def together(*parts):
    """All their peaks, once where they coincide."""
    frames, bins, shifts, levels = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("frames", "bins", "shifts", "levels")
    )
    _, kept = np.unique(frames.astype(np.int64) * 512 + bins, return_index=True)
    end = max(part.end_frame for part in parts)
    return Constellation(frames[kept], bins[kept], 0, end, shifts[kept], levels[kept])


def as_loud(query):
    """Its peaks all as loud as each other."""
    return dataclasses.replace(query, levels=np.zeros_like(query.levels))


def noise_of(seed, frames):
    return constellation_of(seed, frames, frames)


def warped(constellation, speed, pitch):
    """As it is played: frame t sounds at t / speed, a tone at tone * pitch."""
    tones = constellation.tones.astype(np.float64) * pitch
    frames, bins = np.rint(constellation.frames / speed).astype(np.int32), np.rint(tones).astype(np.int16)
    order = np.lexsort((bins, frames))
    shifts = np.rint((tones - bins) * SHIFTS_A_BIN).astype(np.int8)
    inside = order[bins[order] < 512]
    end = round(constellation.end_frame / speed) + 1
    return Constellation(frames[inside], bins[inside], 0, end, shifts[inside], constellation.levels[inside])


def find(query, index, config=CONFIG, warps=NO_WARPS, landmarks=LANDMARKS):
    return retrieve(query, warps, index, landmarks, config)[0]


def rows(candidates):
    columns = (candidates.tracks, candidates.offsets, candidates.frames)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def hits_by_loop(query, index, max_postings, speed, pitch):
    """(half, diagonal, track, query frame) of each hit, the pairs of the query being warped back."""
    places = collections.defaultdict(list)
    for number, track in enumerate(index.tracks):
        landmarks = pair_peaks(CATALOGUE[track.recording.track_id], LANDMARKS)
        for hash_, frame in zip(landmarks.hashes.tolist(), landmarks.frames.tolist(), strict=True):
            places[hash_].append((track.place + frame, number))
    hits = []
    pairs = find_pairs(query, LANDMARKS)
    bins = np.floor(query.tones * (np.float32(1) / np.float32(pitch)) + np.float32(0.5)).astype(int).tolist()
    for anchor, target in zip(pairs.anchors.tolist(), pairs.targets.tolist(), strict=True):
        frame = int(query.frames[anchor])
        gap = int((query.frames[target] - frame) * float(np.float32(speed)) + 0.5)
        difference = bins[target] - bins[anchor]
        if abs(difference) > 63 or gap > 63 or bins[anchor] > 511:
            continue
        found = places[bins[anchor] * 2**13 + (difference + 64) * 2**6 + gap]
        if len(found) <= max_postings:
            warped_frame = int(frame * float(np.float32(speed)) + 0.5)
            hits += [(frame // HALF, place - warped_frame, number, frame) for place, number in found]
    return hits


def count_naively(hits, min_hits):
    """(half, diagonal) of the hits with enough hits in their half and the one before, on diagonals beside theirs."""
    counts = collections.Counter((half, diagonal) for half, diagonal, _, _ in hits)
    return {
        (half, diagonal)
        for half, diagonal in counts
        if sum(counts[half - back, diagonal + beside] for back in (0, 1) for beside in (-1, 0, 1)) >= min_hits
    }


def assert_as_counted(candidates, query, index, config, min_hits, speed=1.0, pitch=1.0):
    """One candidate for each half and pair of diagonals, from an even one of the track's on; and each is a hit."""
    hits = hits_by_loop(query, index, config.max_postings, speed, pitch)
    counted = count_naively(hits, min_hits)
    hits = [(half, diagonal, track, frame) for half, diagonal, track, frame in hits if (half, diagonal) in counted]
    places = [track.place for track in index.tracks]
    found = [(frame // HALF, places[track] + int(offset), track, frame) for track, offset, frame in rows(candidates)]
    assert set(found) <= set(hits)
    pairs, expected = (
        [(half, (diagonal + places[track] % 2) // 2) for half, diagonal, track, _ in each] for each in (found, hits)
    )
    assert sorted(pairs) == sorted(set(expected))


EXCERPTS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(0, 380), st.integers(5, 120), st.integers(0, 900)), max_size=4
)


@settings(REPEATABLE, max_examples=30)
@given(EXCERPTS, st.integers(1, 9), st.sampled_from([1, 2, 100]), st.integers(0, 2**32 - 1))
def test_candidates_are_those_of_a_naive_count(index, excerpts, min_hits, max_postings, seed):
    """A query of 1,000 frames is more than are counted at once."""
    rng = np.random.default_rng(seed)
    query = together(
        noise_of(seed, 1000), *(excerpt(name, start, start + length, at) for name, start, length, at in excerpts)
    )
    jitter = rng.choice([0, 0, 0, 1], len(query.frames)).astype(np.int32)
    query = together(dataclasses.replace(query, frames=query.frames + jitter, end_frame=query.end_frame + 1))
    config = RetrievalConfig(min_hits, CONFIG.window_s, max_postings)
    assert_as_counted(find(query, index, config), query, index, config, min_hits)


@settings(REPEATABLE, max_examples=30)
@given(EXCERPTS, st.integers(2, 6), st.floats(0.9, 1.1), st.floats(0.85, 1.18), st.integers(0, 2**32 - 1))
def test_candidates_under_a_warp_are_those_of_a_naive_count(index, excerpts, min_hits, speed, pitch, seed):
    query = together(
        noise_of(seed, 1000), *(excerpt(name, start, start + length, at) for name, start, length, at in excerpts)
    )
    query = as_loud(query)  # thinning leaves all
    query = warped(query, speed, pitch)
    _, kept = np.unique(query.frames.astype(np.int64) * 512 + query.bins, return_index=True)
    query = query.take(kept, 0, query.end_frame)
    warp = Warps(np.array([speed], np.float32), np.array([pitch], np.float32))
    config = dataclasses.replace(CONFIG, min_hits=10**4, warped_min_hits=min_hits, warped_fan_out=LANDMARKS.fan_out)
    found = find(query, index, config, warp)
    assert_as_counted(found, query, index, config, min_hits, float(warp.speeds[0]), float(warp.pitches[0]))


@pytest.mark.parametrize(("start", "at"), [(0, 0), (200, 0), (0, 333), (150, 7)])
def test_a_track_is_found_where_it_is_heard(index, start, at):
    found = rows(find(excerpt("track 3", start, start + 100, at), index))
    assert {(NAMES.index("track 3"), start - at)} <= {row[:2] for row in found}
    assert {track for track, _, _ in found} == {NAMES.index("track 3")}
    assert all(at <= frame < at + 100 for _, _, frame in found)


@pytest.mark.parametrize("name", NAMES)
def test_a_query_that_begins_before_the_track_has_a_negative_offset(index, name):
    found = find(excerpt(name, 0, 60, at=250), index)
    assert (NAMES.index(name), -250) in {row[:2] for row in rows(found)}


def test_a_recording_under_two_ids_is_found_under_both(index):
    found = {row[:2] for row in rows(find(excerpt("track 0", 100, 200), index))}
    assert {(NAMES.index("track 0"), 100), (NAMES.index("track 9, again track 0"), 100)} <= found


def test_a_long_match_is_a_candidate_once_for_each_half_of_a_window(index):
    frames = sorted(
        frame for track, offset, frame in rows(find(excerpt("track 2", 0, 400), index)) if (track, offset) == (2, 0)
    )
    assert [frame // HALF for frame in frames] == list(range(len(frames)))
    assert len(frames) >= 400 // HALF - 1


@settings(REPEATABLE, max_examples=20)
@given(st.integers(0, 5_000))
def test_delaying_the_query_moves_candidates_with_it(index, halves):
    query = excerpt("track 1", 50, 250)
    delayed = dataclasses.replace(query.moved(HALF * halves), first_frame=0)
    before, after = (find(each, index) for each in (query, delayed))
    moved = [(track, offset - HALF * halves, frame + HALF * halves) for track, offset, frame in rows(before)]
    assert sorted(rows(after)) == sorted(moved) != []


def test_where_hits_are_too_many_those_of_the_commonest_hashes_are_left_out(index):
    rare, common = excerpt("track 1", 100, 180), excerpt("track 0", 100, 180, at=90)  # track 0 is there twice
    query = as_loud(together(rare, common))
    hashes = pair_peaks(query, LANDMARKS).hashes
    counts = np.bincount(index.look_up(hashes, 100)[1], minlength=len(hashes))
    enough = int(counts[counts == 1].sum())  # and at two places each, too many
    halves = query.end_frame // HALF + 1
    per_second = index.config.spectrogram.frame_rate / (halves * HALF)
    assert {NAMES[track] for track in find(query, index).tracks} == {"track 0", "track 1", "track 9, again track 0"}
    limited = dataclasses.replace(CONFIG, max_hits_per_s=round((enough + 1) * per_second + 0.5))
    candidates, skipped = retrieve(query, NO_WARPS, index, LANDMARKS, limited)
    assert {NAMES[track] for track in candidates.tracks} == {"track 1"}
    assert skipped == counts[counts > 1].sum()


def test_where_hits_are_too_many_pairs_with_a_louder_peak_near_are_left_out_first(index):
    """Of two tracks as common, the one whose every peak has a louder one in the next bin but one."""
    heard, hidden = as_loud(excerpt("track 1", 100, 180)), as_loud(excerpt("track 3", 100, 175, at=100))
    louder = dataclasses.replace(hidden, bins=hidden.bins + np.int16(2), levels=hidden.levels + np.uint8(9))
    query = together(heard, hidden, louder)
    landmarks = LandmarkConfig(fan_out=8)  # past the louder peaks between
    enough = len(index.look_up(pair_peaks(together(heard, louder), landmarks).hashes, 100)[0])
    per_second = index.config.spectrogram.frame_rate / ((query.end_frame // HALF + 1) * HALF)
    limited = dataclasses.replace(CONFIG, max_hits_per_s=round((enough + 1) * per_second + 0.5))
    assert {NAMES[track] for track in find(query, index, landmarks=landmarks).tracks} >= {"track 1", "track 3"}
    assert {NAMES[track] for track in find(query, index, limited, landmarks=landmarks).tracks} == {"track 1"}


def test_common_postings_are_skipped_and_counted(index):
    query = excerpt("track 0", 100, 200)  # every landmark of it is in the index twice
    config = dataclasses.replace(CONFIG, max_postings=1)
    found, skipped = retrieve(query, NO_WARPS, index, LANDMARKS, config)
    assert rows(found) == []
    postings = collections.Counter(
        hash_ for name in NAMES for hash_ in pair_peaks(CATALOGUE[name], LANDMARKS).hashes.tolist()
    )
    assert skipped == sum(postings[hash_] for hash_ in pair_peaks(query, LANDMARKS).hashes.tolist()) > 0
    assert retrieve(query, NO_WARPS, index, LANDMARKS, CONFIG)[1] == 0


@pytest.mark.parametrize("frames", [0, 1, 500])
@pytest.mark.parametrize("warps", [NO_WARPS, list_warps(WarpConfig())], ids=["unchanged", "warped"])
def test_a_query_without_peaks_has_no_candidate(index, frames, warps):
    silence = Constellation(np.empty(0, np.int32), np.empty(0, np.int16), 0, frames)
    found, skipped = retrieve(silence, warps, index, LANDMARKS, CONFIG)
    assert (len(found), skipped) == (0, 0)


def test_a_query_of_unknown_landmarks_has_no_candidate(index):
    """Pairs of peaks too far apart in time to be paired with others."""
    known = [pair_peaks(CATALOGUE[name], LANDMARKS).hashes for name in NAMES]
    anchors, targets = np.arange(8, 428), np.arange(28, 448)
    gaps = np.random.default_rng(6).integers(1, 64, len(anchors))
    frames = 200 * np.arange(len(anchors))
    columns = (np.stack(pair, axis=1).ravel() for pair in ((frames, frames + gaps), (anchors, targets)))
    query = Constellation(*(column.astype(np.int32) for column in columns), 0, 200 * len(anchors))
    unknown = ~np.isin(pair_peaks(query, LANDMARKS).hashes, np.concatenate(known))
    assert unknown.sum() > 400
    query = query.take(np.repeat(unknown, 2), 0, query.end_frame)
    assert rows(find(query, index, dataclasses.replace(CONFIG, min_hits=1))) == []


SPEEDS = [1 + percent / 100 for percent in (-6, -3.3, -1.2, 1, 2.7, 4.1, 5.8)]
PLAYED = [*((speed, speed) for speed in SPEEDS), (0.92, 1.0), (1.08, 1.0),
          *((1.0, 2 ** (semitones / 12)) for semitones in (-2, -1, 1, 2))]  # fmt: skip


@pytest.mark.parametrize(("speed", "pitch"), PLAYED)
@pytest.mark.parametrize("name", ["track 1", "track 3"])
def test_warped_music_is_found_with_a_warp_near_its_own(index, speed, pitch, name):
    """Of a warp half a step off, a second's peaks still fall on the frames and bins that they should."""
    config = dataclasses.replace(RetrievalConfig(), window_s=CONFIG.window_s)
    query = warped(CATALOGUE[name], speed, pitch)
    found = find(query, index, config, list_warps(WarpConfig()))
    near = (np.abs(found.speeds - speed) <= 0.016) & (np.abs(found.pitches - pitch) <= 0.006)
    right = (found.tracks == NAMES.index(name)) & near
    assert np.abs(found.offsets + (found.speeds - speed) * found.frames)[right].min() <= 2
    other = found.tracks != NAMES.index(name)
    assert right.sum() > 4 * other.sum()


@pytest.mark.parametrize(("speed", "pitch"), [(speed, pitch) for speed, pitch in PLAYED if abs(pitch - 1) > 0.02])
def test_warped_music_is_not_found_if_no_warps_are_sought(index, speed, pitch):
    """But for a moment: pairs in low bins, or of near peaks, are hardly moved. A percent leaves more as they are."""
    config = dataclasses.replace(RetrievalConfig(), window_s=CONFIG.window_s)
    query = warped(CATALOGUE["track 1"], speed, pitch)
    without, with_warps = (find(query, index, config, warps) for warps in (NO_WARPS, list_warps(WarpConfig())))
    assert len(set((without.frames // HALF).tolist())) <= 2
    assert len(set((with_warps.frames // HALF).tolist())) >= 20


def test_unchanged_music_is_found_unchanged_whatever_the_warps_sought(index):
    query = excerpt("track 1", 100, 300)
    found = find(query, index, warps=list_warps(WarpConfig()))
    unchanged = found.take(np.flatnonzero((found.speeds == 1) & (found.pitches == 1)))
    assert rows(unchanged) == rows(find(query, index)) != []


def test_a_track_has_the_same_candidates_in_every_index(index, build_index):
    """Wherever it lies on the timeline, and if frames are half a frame off, so that two diagonals have hits."""
    assert index.tracks[NAMES.index("track 3")].place % 2
    rng = np.random.default_rng(7)
    query = excerpt("track 3", 0, 400, 100)
    between = together(
        dataclasses.replace(query, frames=query.frames + rng.integers(0, 2, len(query.frames), np.int32))
    )
    warps = list_warps(WarpConfig(max_speed=1, max_tempo=0, semitones=()))
    alone = find(between, build_index({"track 3": CATALOGUE["track 3"]}), warps=warps)
    among = find(between, index, warps=warps)
    mine = among.take(np.flatnonzero(among.tracks == NAMES.index("track 3")))
    assert [row[1:] for row in rows(mine)] == [row[1:] for row in rows(alone)] != []


def test_removed_tracks_are_no_candidates(folder, index):
    query = together(excerpt("track 0", 100, 200), excerpt("track 3", 0, 400, 250))
    warps = list_warps(WarpConfig())
    removed = {"track 0", "track 3", "nobody's"}
    found = find(query, index, warps=warps)
    gone = [NAMES.index("track 0"), NAMES.index("track 3")]
    assert set(gone) <= set(found.tracks.tolist())
    left = find(query, Index(folder, removed=removed), warps=warps)
    assert rows(left) == rows(found.take(np.flatnonzero(~np.isin(found.tracks, gone)))) != []


def test_every_candidate_is_of_the_warp_that_was_asked_for(index):
    warps = list_warps(WarpConfig(max_speed=1, max_tempo=0, semitones=()))
    found = find(warped(CATALOGUE["track 2"], 1.01, 1.01), index, warps=warps)
    asked = {(1.0, 1.0), *zip(warps.speeds.tolist(), warps.pitches.tolist(), strict=True)}
    assert set(zip(found.speeds.tolist(), found.pitches.tolist(), strict=True)) <= asked
    assert len(found)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(RetrievalConfig)])
@pytest.mark.parametrize("value", [0, -1])
def test_a_bad_knob_is_named_with_its_value(name, value):
    with pytest.raises(ValueError, match=re.escape(f"{name} must be positive, got {value}")):
        RetrievalConfig(**{name: value})
