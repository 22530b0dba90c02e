"""Oracles: a dict of hashes, and the constellations that were written."""

import collections
import dataclasses
import itertools
import json
import re
import weakref

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models.index
from models.constellation import Constellation, PeakConfig, join, stream_peaks
from models.index import (
    Index,
    IndexConfig,
    Track,
    catalogue_digest,
    encode_bucket,
    encode_catalogue,
    encode_shard,
    index_config,
    lay_out,
    make_manifest,
    read_manifest,
    split_postings,
)
from models.landmarks import LandmarkConfig, Landmarks, pair_peaks
from models.records import Recording
from models.spectrogram import SpectrogramConfig

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=50)
RNG = np.random.default_rng(1)
LAST_HASH = 2**22 - 1
POSTINGS = st.lists(st.tuples(st.integers(0, LAST_HASH) | st.sampled_from([0, LAST_HASH]), st.integers(0, 2**32 - 1)))


def constellation_of(frames, peaks, rng=RNG):
    """So many random peaks in so many frames."""
    cells = np.sort(rng.choice(frames * 500, peaks, replace=False)) if peaks else np.empty(0, np.int64)
    return Constellation((cells // 500).astype(np.int32), (cells % 500).astype(np.int16), 0, frames)


def click():
    """A single sample: its power is the same in all bins, which are peaks then."""
    samples = np.zeros(9000, np.float32)
    samples[4096] = 0.8
    return join(stream_peaks([samples], SpectrogramConfig(), PeakConfig()))


# Out of order, one silent, one shorter than a window, one with hundreds of peaks in a frame, and one heard twice.
CATALOGUE = {
    "m": constellation_of(300, 300),
    "b": constellation_of(2000, 1500),
    "silent": constellation_of(400, 0),
    "empty": constellation_of(0, 0),
    "a": constellation_of(500, 900),
    "z": constellation_of(90, 400),
    "c": constellation_of(1000, 700),
    "click": click(),
}
CATALOGUE["copy of a"] = CATALOGUE["a"]


def track_of(track_id, frames=0, peaks=0):
    return Track(Recording(track_id, title=track_id.upper(), rights_holder="x"), f"{track_id}'s bytes", frames, peaks)


def write_index(folder, catalogue, config):
    """The folder, with an index of constellations by track_id in it."""
    tracks = lay_out(track_of(name, each.end_frame, len(each.bins)) for name, each in catalogue.items())
    parts = collections.defaultdict(list)
    for track in tracks:
        landmarks = pair_peaks(catalogue[track.recording.track_id], config.landmarks)
        for shard, postings in split_postings(landmarks, track.place, config.shards):
            parts[shard].append(postings)
    arrays = {}
    for shard in range(config.shards):
        arrays |= encode_shard(shard, config.shards, parts[shard])
    for bucket, members in itertools.groupby(tracks, lambda track: track.bucket):
        arrays |= encode_bucket(bucket, [catalogue[track.recording.track_id] for track in members])
    for name, array in arrays.items():
        np.save(folder / name, array)
    pq.write_table(encode_catalogue(tracks), folder / "catalogue.parquet")
    (folder / "manifest.json").write_text(make_manifest(config, tracks))
    return folder


@pytest.fixture(scope="module", params=[1, 3, 7])
def index(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    return Index(str(write_index(folder, CATALOGUE, IndexConfig(shards=request.param))))


def places_by_hash():
    """Every place of every hash, the tracks lying end to end in order of track_id."""
    places = collections.defaultdict(list)
    begin = 0
    for _, constellation in sorted(CATALOGUE.items()):
        landmarks = pair_peaks(constellation, LandmarkConfig())
        for hash_, frame in zip(landmarks.hashes.tolist(), landmarks.frames.tolist(), strict=True):
            places[hash_].append(begin + frame)
        begin += constellation.end_frame
    return places


@pytest.mark.parametrize("max_postings", [1, 2, 1000])
def test_look_up_finds_what_a_dict_of_hashes_does_whatever_the_shards(index, max_postings):
    expected = places_by_hash()
    rng = np.random.default_rng(2)
    asked = [*expected, *rng.choice(list(expected), 100), *rng.integers(0, LAST_HASH + 1, 500), 0, LAST_HASH]
    hashes = rng.permutation(np.array(asked, np.uint32))
    places, sources, skipped = index.look_up(hashes, max_postings)

    found, common = [], 0
    for source, hash_ in enumerate(hashes.tolist()):
        if len(expected[hash_]) <= max_postings:
            found += [(source, place) for place in expected[hash_]]
        else:
            common += len(expected[hash_])
    assert sorted(zip(sources.tolist(), places.tolist(), strict=True)) == sorted(found)
    assert skipped == common
    assert (skipped > 0) == (max_postings < 1000)


def test_looking_up_nothing_finds_nothing(index):
    places, sources, skipped = index.look_up(np.empty(0, np.uint32), 10)
    assert (len(places), len(sources), skipped) == (0, 0, 0)


def test_constellations_come_back_as_they_were_written(index):
    assert [track.recording.track_id for track in index.tracks] == sorted(CATALOGUE)
    for number, track in enumerate(index.tracks):
        assert_same(index.constellation(number), CATALOGUE[track.recording.track_id])


def test_constellations_come_back_from_several_buckets(tmp_path, monkeypatch):
    monkeypatch.setattr(models.index, "BUCKET_TRACKS", 3)
    index = Index(str(write_index(tmp_path, CATALOGUE, IndexConfig())))
    assert [track.bucket for track in index.tracks] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert len(list(tmp_path.glob("peaks-*.tones.npy"))) == 3
    for number in (7, 0, 3, 5, 6, 8, 2, 1, 4):
        assert_same(index.constellation(number), CATALOGUE[index.tracks[number].recording.track_id])


def test_every_place_is_in_the_track_that_lies_there(index):
    places = np.arange(sum(each.end_frame for each in CATALOGUE.values()))
    expected = [number for number, track in enumerate(index.tracks) for _ in range(track.frames)]
    assert index.track_at(places).tolist() == expected


def test_an_index_knows_how_it_was_made(tmp_path):
    peaks, landmarks = PeakConfig(4, 5, 6, 300, 0.5), LandmarkConfig(2, 30, 9)
    config = IndexConfig(SpectrogramConfig(16_000, 2048, 512), peaks, landmarks, shards=2)
    index = Index(str(write_index(tmp_path, CATALOGUE, config)))
    assert index.config == config
    assert index.tracks == lay_out(track_of(name, each.end_frame, len(each.bins)) for name, each in CATALOGUE.items())
    assert index.manifest["tracks"] == len(CATALOGUE)
    assert index.manifest["frames"] == sum(each.end_frame for each in CATALOGUE.values())
    assert index.manifest["peaks"] == sum(len(each.bins) for each in CATALOGUE.values())


def test_an_index_tells_which_tracks_are_live(tmp_path):
    folder = str(write_index(tmp_path, CATALOGUE, IndexConfig()))
    assert Index(folder).is_live.tolist() == [True] * len(CATALOGUE)
    index = Index(folder, {"b", "silent", "unknown"})
    dead = {track.recording.track_id for track, live in zip(index.tracks, index.is_live, strict=True) if not live}
    assert dead == {"b", "silent"}


def test_a_file_is_fetched_when_it_is_first_read_and_not_before(tmp_path):
    fetched = []
    index = Index(str(write_index(tmp_path, CATALOGUE, IndexConfig(shards=2))), fetch=fetched.append)
    assert fetched == ["manifest.json", "catalogue.parquet"]
    for _ in range(2):
        index.look_up(np.array([0, LAST_HASH], np.uint32), 10)
        index.constellation(0)
    postings = [f"postings-0000{shard}.{name}.npy" for shard in range(2) for name in ("counts", "low", "places")]
    assert sorted(fetched[2:]) == [
        "peaks-00000.counts.npy",
        "peaks-00000.levels.npy",
        "peaks-00000.tones.npy",
        *postings,
    ]


def test_an_index_that_is_let_go_of_is_gone_at_once(tmp_path):
    index = Index(str(write_index(tmp_path, CATALOGUE, IndexConfig())))
    index.look_up(np.array([0, LAST_HASH], np.uint32), 10)
    index.constellation(0)
    alive = weakref.ref(index)
    del index
    assert alive() is None


def test_constellations_come_back_though_few_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(models.index, "_CONSTELLATIONS_KEPT", 2)
    index = Index(str(write_index(tmp_path, CATALOGUE, IndexConfig())))
    for number in (0, 1, 0, 2, 1, 0, 3, 3):
        assert_same(index.constellation(number), CATALOGUE[index.tracks[number].recording.track_id])


@pytest.mark.parametrize("catalogue", [{}, {"silent": constellation_of(400, 0)}, {"empty": constellation_of(0, 0)}])
def test_an_index_without_a_peak_is_read_and_finds_nothing(tmp_path, catalogue):
    index = Index(str(write_index(tmp_path, catalogue, IndexConfig())))
    places, sources, skipped = index.look_up(np.array([0, 1000, LAST_HASH], np.uint32), 10)
    assert (len(index.tracks), len(places), len(sources), skipped) == (len(catalogue), 0, 0, 0)
    for number, each in enumerate(catalogue.values()):
        assert_same(index.constellation(number), each)


@REPEATABLE
@given(POSTINGS, st.integers(1, 40), st.randoms())
def test_shards_hold_every_posting_once_whatever_the_order(rows, shards, random):
    arrays = {}
    for shard, parts in shards_of(rows, shards).items():
        arrays |= encode_shard(shard, shards, parts)
    assert postings_in(arrays, shards) == sorted(rows)

    shuffled = random.sample(rows, len(rows))
    for shard, parts in shards_of(shuffled, shards).items():
        random.shuffle(parts)
        for name, array in encode_shard(shard, shards, parts).items():
            np.testing.assert_array_equal(array, arrays[name])


def test_the_digest_tells_what_an_index_was_made_from(index, tmp_path):
    again = Index(str(write_index(tmp_path, dict(reversed(CATALOGUE.items())), IndexConfig(shards=2))))
    assert again.digest == index.digest
    changed = [
        dataclasses.replace(again.tracks[0], content="other bytes"),
        dataclasses.replace(again.tracks[0], recording=Recording("a", title="Another")),
    ]
    digests = [catalogue_digest([track, *again.tracks[1:]]) for track in changed]
    assert len({index.digest, catalogue_digest(again.tracks[1:]), *digests}) == 4


@REPEATABLE
@given(st.dictionaries(st.text(max_size=3), st.tuples(st.integers(0, 99), st.integers(0, 99))))
def test_tracks_lie_end_to_end_in_order_of_id(sizes):
    laid_out = lay_out(track_of(name, frames, peaks) for name, (frames, peaks) in sizes.items())
    assert [track.recording.track_id for track in laid_out] == sorted(sizes)
    for number, track in enumerate(laid_out):
        assert track.place == sum(before.frames for before in laid_out[:number])
        assert track.first_peak == sum(before.peaks for before in laid_out[:number])


def test_a_timeline_may_be_full_and_no_more():
    full = [track_of("a", 2**32 - 5), track_of("b", 5)]
    assert [track.place for track in lay_out(full)] == [0, 2**32 - 5]
    with pytest.raises(ValueError, match=re.escape("at most 4,294,967,296 frames, its tracks have 4,294,967,297")):
        lay_out([*full, track_of("c", 1)])


@pytest.mark.parametrize("version", [0, 1, "2", None])
def test_another_format_is_refused(tmp_path, version):
    folder = write_index(tmp_path, CATALOGUE, IndexConfig())
    manifest = json.loads((folder / "manifest.json").read_text()) | {"format_version": version}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=f"format_version must be 2, got {version}: build the index again"):
        Index(str(folder))


@pytest.mark.parametrize("text", ["", "{}", "[1]", "null", "no JSON"])
def test_what_is_no_manifest_is_refused(text):
    with pytest.raises(ValueError, match=r"format_version must be 2, got None|Expecting value"):
        read_manifest(text)


@pytest.mark.parametrize("shards", [0, -1, 2**14 + 1])
def test_a_bad_number_of_shards_is_named(shards):
    with pytest.raises(ValueError, match=re.escape(f"shards must be between 1 and 16384, got {shards}")):
        IndexConfig(shards=shards)


def test_a_manifest_with_bad_parameters_is_refused():
    parameters = json.loads(make_manifest(IndexConfig(), []))["parameters"]
    parameters["landmarks"]["fan_out"] = 0
    with pytest.raises(ValueError, match="fan_out must be between 1 and 127, got 0"):
        index_config(parameters)


def assert_same(found, expected):
    np.testing.assert_array_equal(found.frames, expected.frames, strict=True)
    np.testing.assert_array_equal(found.bins, expected.bins, strict=True)
    assert (found.first_frame, found.end_frame) == (expected.first_frame, expected.end_frame)


def shards_of(rows, shards):
    """Parts of one posting by shard; every shard has a list."""
    parts = {shard: [] for shard in range(shards)}
    for hash_, place in rows:
        frame = place % 1000
        landmarks = Landmarks(np.array([hash_], np.uint32), np.array([frame], np.int32))
        for shard, postings in split_postings(landmarks, place - frame, shards):
            parts[shard].append(postings)
    return parts


def postings_in(arrays, shards):
    """(hash, place) of a shard's arrays: the shards' high parts of hashes, one after another, are all there are."""
    counts, low, places = (
        np.concatenate([arrays[f"postings-{shard:05d}.{name}.npy"] for shard in range(shards)])
        for name in ("counts", "low", "places")
    )
    assert (len(counts), counts.dtype, low.dtype, places.dtype) == (2**14, np.uint32, np.uint8, np.uint32)
    hashes = np.repeat(np.arange(2**14), counts) << 8 | low
    return list(zip(hashes.tolist(), places.tolist(), strict=True))
