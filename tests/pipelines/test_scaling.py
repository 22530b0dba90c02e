"""Oracles: real music of the same size, and an index written another way."""

import dataclasses
import re

import numpy as np
import pytest

import pipelines.bench
from models.constellation import crop, join
from models.decoding import DecodeConfig
from models.fingerprinting import fingerprint_file
from models.index import BUCKET_TRACKS, Index, IndexConfig, Postings, encode_shard
from models.landmarks import HASH_BITS, pair_peaks
from models.matching import QueryConfig
from pipelines.fillers import make_fillers
from pipelines.scaling import match_queries, scale_catalogue, write_index

CONFIG = IndexConfig()
QUERY = QueryConfig()
MUSIC = ["brass_kettle.mp3", "chapel_at_low_tide.opus", "glass_garden.ogg", "letter_to_ines.flac", "morning_ferry.mp3",
         "night_bus_nine.opus", "paper_kites.m4a"]  # fmt: skip


def fingerprint(path, peaks):
    return join(fingerprint_file(str(path), CONFIG.spectrogram, peaks, DecodeConfig()))


@pytest.fixture(scope="module")
def tracks(sample):
    return {name: fingerprint(sample / "tracks" / name, CONFIG.peaks) for name in MUSIC}


@pytest.fixture(scope="module")
def queries(sample):
    """The tracks themselves and the episodes, as queries."""
    episodes = ("episodes/slack_water_01.mp3", "episodes/slack_water_02.mp3")
    paths = [sample / "tracks" / name for name in MUSIC] + [sample / name for name in episodes]
    return {path.name: fingerprint(path, QUERY.peaks) for path in paths}


def count_hashes(constellations):
    hashes = [pair_peaks(each, CONFIG.landmarks).hashes for each in constellations]
    return np.bincount(np.concatenate(hashes), minlength=1 << HASH_BITS)


def top_share(hits):
    """The share of all hits that the hundredth of the look-ups with the most has."""
    return np.sort(hits)[-len(hits) // 100 :].sum() / hits.sum()


@pytest.mark.parametrize("copies", [1, 5])
@pytest.mark.parametrize("first", [0, 1])
def test_other_music_hits_fillers_as_it_hits_as_much_real_music(tracks, queries, first, copies):
    real = [tracks[name] for name in MUSIC[first::2]]
    others = [pair_peaks(queries[name], QUERY.landmarks).hashes for name in MUSIC if name not in MUSIC[first::2]]
    looked_up = np.concatenate(others)
    real_counts, filler_counts = count_hashes(real), count_hashes(make_fillers(real, copies))
    assert filler_counts.sum() == pytest.approx(copies * real_counts.sum(), rel=0.02)
    real_hits, filler_hits = real_counts[looked_up], filler_counts[looked_up]
    assert filler_hits.mean() == pytest.approx(copies * real_hits.mean(), rel=0.06)
    if copies == 1:
        assert top_share(filler_hits) == pytest.approx(top_share(real_hits), rel=0.06)


def test_fillers_are_as_long_as_the_tracks_and_their_peaks_are_in_order(tracks):
    fillers = list(make_fillers(list(tracks.values()), 2))
    assert len(fillers) == 2 * len(tracks)
    frames = sum(track.end_frame for track in tracks.values())
    assert sum(filler.end_frame for filler in fillers) == pytest.approx(2 * frames, rel=0.03)
    for filler in fillers:
        places = filler.frames.astype(np.int64) * 512 + filler.bins
        assert (np.diff(places) > 0).all()
        assert filler.first_frame == 0 <= filler.frames[0]
        assert filler.frames[-1] < filler.end_frame


def test_fillers_are_the_same_every_time_and_no_two_alike(tracks):
    once, again = (list(make_fillers(list(tracks.values()), 2)) for _ in range(2))
    for one, other in zip(once, again, strict=True):
        assert np.array_equal(one.frames, other.frames)
        assert np.array_equal(one.bins, other.bins)
    assert len({filler.bins.tobytes() for filler in once}) == len(once)


def test_beside_the_real_tracks_no_filler_matches_what_it_is_made_of(tracks, queries, tmp_path):
    write_index(tmp_path / "index", CONFIG, lambda: scale_catalogue(tracks, 11))
    matches = match_queries(tmp_path / "index", queries)["matches"]
    assert {match["track_id"] for match in matches} == set(MUSIC)
    for name in MUSIC:
        assert {match["track_id"] for match in matches if match["media_id"] == name} == {name}


def test_an_index_of_many_buckets_and_shards_gives_back_what_was_written(tracks, tmp_path):
    whole = tracks["morning_ferry.mp3"]
    names = [f"{number:05}" for number in range(BUCKET_TRACKS + 20)]
    starts = [number % (whole.end_frame - 40) for number in range(len(names))]
    written = [rebased(crop(whole, start, start + 40)) for start in starts]
    counts = write_index(tmp_path / "index", IndexConfig(shards=7), lambda: zip(names, written, strict=True))

    index = Index(str(tmp_path / "index"))
    assert [track.recording.track_id for track in index.tracks] == names
    for number in (0, 1, BUCKET_TRACKS - 1, BUCKET_TRACKS, len(names) - 1):
        read = index.constellation(number)
        for name in ("frames", "bins", "shifts", "levels"):
            assert np.array_equal(getattr(read, name), getattr(written[number], name))

    landmarks = [pair_peaks(constellation, CONFIG.landmarks) for constellation in written]
    hashes = np.concatenate([each.hashes for each in landmarks])
    places = np.concatenate([each.frames + 40 * number for number, each in enumerate(landmarks)])
    assert np.array_equal(counts, np.bincount(hashes, minlength=1 << HASH_BITS))
    for shard in range(7):
        mine = (hashes >> 8).astype(np.int64) * 7 // (1 << HASH_BITS - 8) == shard
        at_once = encode_shard(shard, 7, [Postings(hashes[mine], places[mine].astype(np.uint32))])
        for name, array in at_once.items():
            assert np.array_equal(np.load(tmp_path / "index" / name), array)
    assert sorted(path.name for path in (tmp_path / "index").glob("unsorted*")) == []


def rebased(constellation):
    start, end = constellation.first_frame, constellation.end_frame
    return dataclasses.replace(constellation, frames=constellation.frames - start, first_frame=0, end_frame=end - start)


def test_bench_prints_a_row_a_scale(sample, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(sample.parents[1])
    assert pipelines.bench.main(["--data", str(tmp_path), "--scale", "1,2"]) == 0
    header, *rows = (re.split(r"  +", line.strip()) for line in capsys.readouterr().out.splitlines())
    first, second = (dict(zip(header, row, strict=True)) for row in rows)
    assert (first["scale"], second["scale"]) == ("1 x", "2 x")
    assert (first["tracks"], second["tracks"]) == ("12", "24")
    assert float(second["hours"]) == pytest.approx(2 * float(first["hours"]), abs=0.02)
    assert float(second["hits/look-up"]) > float(first["hits/look-up"]) > 0
    assert first["fillers matched"] == second["fillers matched"] == "0"


@pytest.mark.parametrize("scales", ["0", "1,-1", "many", ""])
def test_scales_that_cannot_be_are_refused(scales, capsys):
    with pytest.raises(SystemExit):
        pipelines.bench.main(["--scale", scales])
    assert "--scale" in capsys.readouterr().err
