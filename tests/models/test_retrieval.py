"""Oracle: a naive count of hits, diagonal by diagonal and frame by frame."""

import collections
import dataclasses
import re

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.constellation import Constellation
from models.index import (
    Index,
    IndexConfig,
    Track,
    encode_bucket,
    encode_catalogue,
    encode_shard,
    lay_out,
    make_manifest,
    split_postings,
)
from models.landmarks import LandmarkConfig, Landmarks, pair_peaks
from models.records import Recording
from models.retrieval import RetrievalConfig, retrieve

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=50)
# Hits enough to be told from chance in so few tracks, and a window of 32 frames.
CONFIG = RetrievalConfig(min_anchors=4, window_s=1.024, max_postings=100)


def constellation_of(seed, frames=400, peaks=500):
    """Random peaks, some of them in the first frame."""
    cells = np.sort(np.random.default_rng(seed).choice(frames * 500, peaks, replace=False))
    cells[:4] = [100, 110, 150, 200]
    return Constellation((cells // 500).astype(np.int32), (cells % 500).astype(np.int16), 0, frames)


CATALOGUE = {f"track {seed}": constellation_of(seed) for seed in range(5)}
CATALOGUE["track 9, again track 0"] = CATALOGUE["track 0"]
NAMES = sorted(CATALOGUE)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    tracks = lay_out(Track(Recording(name), "", each.end_frame, len(each.bins)) for name, each in CATALOGUE.items())
    parts = collections.defaultdict(list)
    for track in tracks:
        for shard, postings in split_postings(landmarks_of(track.recording.track_id), track.place, 4):
            parts[shard].append(postings)
    arrays = encode_bucket(0, [CATALOGUE[name] for name in NAMES])
    for shard in range(4):
        arrays |= encode_shard(shard, 4, parts[shard])
    for name, array in arrays.items():
        np.save(folder / name, array)
    pq.write_table(encode_catalogue(tracks), folder / "catalogue.parquet")
    (folder / "manifest.json").write_text(make_manifest(IndexConfig(), tracks))
    return Index(str(folder))


def landmarks_of(name):
    return pair_peaks(CATALOGUE[name], LandmarkConfig())


def excerpt(name, start, end, at=0):
    """The landmarks of a track from one frame to another, heard from frame `at` of the query."""
    landmarks = landmarks_of(name)
    inside = (landmarks.frames >= start) & (landmarks.frames < end)
    return Landmarks(landmarks.hashes[inside], landmarks.frames[inside] - start + at)


def together(*landmarks):
    columns = zip(*((each.hashes, each.frames) for each in landmarks), strict=True)
    return Landmarks(*(np.concatenate(column) for column in columns))


def rows(candidates):
    columns = (candidates.tracks, candidates.offset_deltas, candidates.frames)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def count_naively(query, index, config, window):
    """(track, offset delta, frame) of each window of frames in which the hits of two neighbouring diagonals suffice."""
    places = collections.defaultdict(list)
    for number, track in enumerate(index.tracks):
        landmarks = landmarks_of(track.recording.track_id)
        for hash_, frame in zip(landmarks.hashes.tolist(), landmarks.frames.tolist(), strict=True):
            places[hash_].append((track.place + frame, number))
    track_at = {}  # by diagonal and query frame
    for hash_, frame in zip(query.hashes.tolist(), query.frames.tolist(), strict=True):
        if len(places[hash_]) <= config.max_postings:
            track_at |= {(place - frame, frame): number for place, number in places[hash_]}

    hits = collections.defaultdict(dict)  # by the lower of two diagonals: the track by query frame
    for (diagonal, frame), number in track_at.items():
        hits[diagonal][frame] = hits[diagonal - 1][frame] = number
    candidates = {}
    for diagonal, track_by_frame in hits.items():
        for start in sorted(track_by_frame, reverse=True):  # so that the first of each window stays
            if sum(start <= frame <= start + window for frame in track_by_frame) >= config.min_anchors:
                candidates[diagonal, start // window] = start
    return sorted(
        (number, diagonal - index.tracks[number].place, start)
        for (diagonal, _), start in candidates.items()
        for number in [hits[diagonal][start]]
    )


@settings(REPEATABLE, max_examples=30)
@given(
    st.lists(
        st.tuples(st.sampled_from(NAMES), st.integers(0, 380), st.integers(5, 120), st.integers(0, 500)), max_size=4
    ),
    st.integers(1, 6),
    st.sampled_from([1, 2, 100]),
    st.integers(0, 2**32 - 1),
)
def test_candidates_are_those_of_a_naive_count(index, excerpts, min_anchors, max_postings, seed):
    rng = np.random.default_rng(seed)
    noise = Landmarks(rng.integers(0, 2**22, 300).astype(np.uint32), rng.integers(0, 600, 300).astype(np.int32))
    query = together(noise, *(excerpt(name, start, start + length, at) for name, start, length, at in excerpts))
    jitter = rng.choice([0, 0, 0, 1], len(query.frames)).astype(np.int32)
    query = Landmarks(query.hashes, query.frames + jitter)
    config = RetrievalConfig(min_anchors, CONFIG.window_s, max_postings)
    candidates, _ = retrieve(query, index, config)
    assert sorted(rows(candidates)) == count_naively(query, index, config, window=32)


@pytest.mark.parametrize(("start", "at"), [(0, 0), (200, 0), (0, 333), (150, 7)])
def test_a_track_is_found_where_it_is_heard(index, start, at):
    candidates, _ = retrieve(excerpt("track 3", start, start + 100, at), index, CONFIG)
    assert {(NAMES.index("track 3"), start - at)} <= {row[:2] for row in rows(candidates)}
    assert {track for track, _, _ in rows(candidates)} == {NAMES.index("track 3")}
    assert all(at <= frame < at + 100 for _, _, frame in rows(candidates))


@pytest.mark.parametrize("name", NAMES)
def test_a_query_that_begins_before_the_track_has_a_negative_offset(index, name):
    candidates, _ = retrieve(excerpt(name, 0, 60, at=250), index, CONFIG)
    assert (NAMES.index(name), -250) in {row[:2] for row in rows(candidates)}


def test_a_recording_under_two_ids_is_found_under_both(index):
    candidates, _ = retrieve(excerpt("track 0", 100, 200), index, CONFIG)
    found = {(track, delta) for track, delta, _ in rows(candidates)}
    assert {(NAMES.index("track 0"), 100), (NAMES.index("track 9, again track 0"), 100)} <= found


def test_a_long_match_is_a_candidate_once_a_window(index):
    candidates, _ = retrieve(excerpt("track 2", 0, 400), index, CONFIG)
    frames = sorted(frame for track, delta, frame in rows(candidates) if (track, delta) == (2, 0))
    assert [frame // 32 for frame in frames] == list(range(len(frames)))
    assert len(frames) >= 400 // 32 - 1


@settings(REPEATABLE, max_examples=20)
@given(st.integers(0, 100_000))
def test_delaying_the_query_moves_candidates_with_it(index, windows):
    query = excerpt("track 1", 50, 250)
    delayed = Landmarks(query.hashes, (query.frames + 32 * windows).astype(np.int32))
    before, after = (retrieve(each, index, CONFIG)[0] for each in (query, delayed))
    moved = [(track, delta - 32 * windows, frame + 32 * windows) for track, delta, frame in rows(before)]
    assert sorted(rows(after)) == sorted(moved) != []


def test_too_few_anchors_are_no_candidate_however_many_their_landmarks(index):
    landmarks = landmarks_of("track 4")
    anchors = np.unique(landmarks.frames)[50:53]
    few = np.isin(landmarks.frames, anchors)
    query = Landmarks(landmarks.hashes[few], landmarks.frames[few])
    assert len(query.hashes) > 3
    assert rows(retrieve(query, index, dataclasses.replace(CONFIG, min_anchors=4))[0]) == []
    assert rows(retrieve(query, index, dataclasses.replace(CONFIG, min_anchors=3))[0]) != []


def test_common_postings_are_skipped_and_counted(index):
    query = excerpt("track 0", 100, 200)  # every landmark of it is in the index twice
    candidates, skipped = retrieve(query, index, dataclasses.replace(CONFIG, max_postings=1))
    assert rows(candidates) == []
    postings = collections.Counter(hash_ for name in NAMES for hash_ in landmarks_of(name).hashes.tolist())
    assert skipped == sum(postings[hash_] for hash_ in query.hashes.tolist())
    assert retrieve(query, index, CONFIG)[1] == 0


def test_a_query_without_landmarks_has_no_candidate(index):
    candidates, skipped = retrieve(Landmarks(np.empty(0, np.uint32), np.empty(0, np.int32)), index, CONFIG)
    assert (len(candidates), skipped) == (0, 0)


def test_a_query_of_unknown_landmarks_has_no_candidate(index):
    known = np.concatenate([landmarks_of(name).hashes for name in NAMES])
    hashes = np.setdiff1d(np.arange(5000, dtype=np.uint32), known)
    candidates, _ = retrieve(Landmarks(hashes, np.arange(len(hashes), dtype=np.int32)), index, CONFIG)
    assert rows(candidates) == []


def test_a_query_of_more_than_37_hours_is_refused(index):
    query = Landmarks(np.array([5, 6], np.uint32), np.array([0, 2**22], np.int32))
    with pytest.raises(ValueError, match="a query must be below 4194304 frames, got 4194304"):
        retrieve(query, index, CONFIG)


@pytest.mark.parametrize("name", ["min_anchors", "window_s", "max_postings"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_bad_knob_is_named_with_its_value(name, value):
    with pytest.raises(ValueError, match=re.escape(f"{name} must be positive, got {value}")):
        RetrievalConfig(**{name: value})
