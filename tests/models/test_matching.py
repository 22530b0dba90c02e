"""Oracles: what was mixed, and the same item matched or settled another way.

Music is random notes of a few decaying partials; speech is bursts of noise, each through a filter of its own.
"""

import dataclasses
import itertools
import math
import re

import librosa
import numpy as np
import pytest
import scipy.signal
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from models.constellation import Constellation, PeakConfig, join, overlapping_blocks, stream_peaks
from models.index import Index, IndexConfig
from models.matching import BlockConfig, QueryConfig, SettleConfig, match_block, settle
from models.matching import join as join_stretches
from models.overlay import Overlay, Placement
from models.records import Recording
from models.spectrogram import SpectrogramConfig
from models.stretches import Stretch
from models.warps import WarpConfig

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=50)
RATE = 8000
CONFIG = QueryConfig()
SPECTROGRAM = SpectrogramConfig()


def music(seed, seconds=20):
    """Twelve notes a second."""
    rng = np.random.default_rng(seed)
    samples = np.zeros((seconds + 1) * RATE)
    time, partials = np.arange(RATE // 2) / RATE, np.arange(1, 5)[:, None]
    for start in rng.integers(0, seconds * RATE, 12 * seconds):
        frequencies = partials * 110 * 2 ** (rng.integers(0, 37) / 12)
        decays = np.exp(-time * partials * rng.uniform(3, 9)) * rng.uniform(0.2, 1, (4, 1)) / partials
        tones = np.sin(2 * np.pi * frequencies * time + rng.uniform(0, 2 * np.pi, (4, 1)))
        samples[start : start + len(time)] += (decays * tones).sum(0)
    return level(samples[: seconds * RATE])


def speech(seed, seconds):
    """Four syllables a second, with a pause after each."""
    rng = np.random.default_rng(seed)
    samples = np.zeros((seconds + 1) * RATE)
    for syllable in range(4 * seconds):
        length = int(rng.uniform(0.1, 0.22) * RATE)
        low = rng.uniform(150, 1500)
        filter_ = scipy.signal.butter(2, [low, low * rng.uniform(1.5, 2.5)], "bandpass", fs=RATE, output="sos")
        burst = scipy.signal.sosfilt(filter_, rng.normal(size=length)) * np.hanning(length)
        start = syllable * RATE // 4
        samples[start : start + length] += burst * rng.uniform(0.3, 1)
    return level(samples[: seconds * RATE])


def level(samples):
    return (0.1 * samples / np.sqrt(np.mean(samples**2))).astype(np.float32)


def mix(voice, piece, at_s, decibels_below):
    mixed = voice.copy()
    start = round(at_s * RATE)
    piece = piece[: len(mixed) - start]
    mixed[start : start + len(piece)] += piece * np.float32(10 ** (-decibels_below / 20))
    return mixed


TRACKS = {f"track {seed}": music(seed) for seed in range(5)}
TRACKS["track 4, again"] = TRACKS["track 4"]
VOICE = speech(100, 40)


def peaks_of(samples, config):
    return join(stream_peaks([samples], SPECTROGRAM, config))


@pytest.fixture(scope="module")
def catalogue():
    return {name: peaks_of(samples, IndexConfig().peaks) for name, samples in TRACKS.items()}


@pytest.fixture(scope="module")
def index(build_index, catalogue):
    return build_index(catalogue)


def match(samples, index):
    """The matches of an item in one block."""
    stretches, _, _ = match_block("episode", peaks_of(samples, CONFIG.peaks), index, CONFIG)
    return settle(stretches, SPECTROGRAM, CONFIG)


def assert_heard(found, *expected, within_s=0.5):
    """expected: track_id, start_s, end_s and track_start_s."""
    assert [each.track_id for each in found] == [track_id for track_id, *_ in expected]
    for each, (_, *times) in zip(found, expected, strict=True):
        np.testing.assert_allclose([each.start_s, each.end_s, each.track_start_s], times, atol=within_s)


@pytest.mark.parametrize("track", [0, 1, 3])
@pytest.mark.parametrize(("decibels_below", "within_s"), [(0, 0.5), (6, 0.5), (12, 1.0)])  # few peaks are left at 12 dB
def test_music_is_found_under_speech(index, track, decibels_below, within_s):
    at_s, from_s, to_s = 7.3 + track, 3.0, 18.0
    piece = TRACKS[f"track {track}"][round(from_s * RATE) : round(to_s * RATE)]
    found = match(mix(VOICE, piece, at_s, decibels_below), index)
    assert_heard(found, (f"track {track}", at_s, at_s + to_s - from_s, from_s), within_s=within_s)
    assert (found[0].speed, found[0].pitch) == (1, 1)
    assert (found[0].media_id, found[0].title, found[0].alternatives) == ("episode", f"TRACK {track}", ())


def test_music_alone_is_found_whole(index):
    assert_heard(match(TRACKS["track 1"], index), ("track 1", 0, 20, 0))


def test_two_tracks_after_one_another_are_both_found(index):
    mixed = mix(mix(VOICE, TRACKS["track 2"][: 12 * RATE], 3, 6), TRACKS["track 0"][5 * RATE :], 20, 6)
    assert_heard(match(mixed, index), ("track 2", 3, 15, 0), ("track 0", 20, 35, 5))


@pytest.mark.parametrize(
    "samples",
    [VOICE, mix(VOICE, music(50, 30), 5, 0), music(51, 30), level(np.random.default_rng(5).normal(size=30 * RATE)),
     np.zeros(30 * RATE, np.float32), VOICE[:0], VOICE[:1023], VOICE[:1024], TRACKS["track 3"][:2000]],
    ids=["speech", "other music under speech", "other music", "white noise", "silence", "nothing", "less than a frame",
         "one frame", "a quarter of a second"],
)  # fmt: skip
def test_nothing_is_found_where_nothing_is(index, samples):
    assert match(samples, index) == []


def test_nothing_is_found_in_an_index_of_silence(build_index):
    silence = Constellation(np.empty(0, np.int32), np.empty(0, np.int16), 0, 100)
    assert match(TRACKS["track 0"], build_index({"silence": silence})) == []


def played(samples, speed, pitch):
    """By a resampler if pitch moves with speed, else by a phase vocoder."""
    if speed == pitch:
        return soxr.resample(samples, RATE * speed, RATE)
    if speed != 1:
        return librosa.effects.time_stretch(samples, rate=speed, n_fft=1024)
    return librosa.effects.pitch_shift(samples, sr=RATE, n_steps=12 * math.log2(pitch), n_fft=1024)


SPEEDS = [(speed, speed) for speed in (0.95, 0.98, 1.02, 1.05)]
TEMPOS = [(0.92, 1.0), (1.08, 1.0)]
SEMITONES = [(1.0, 2 ** (semitones / 12)) for semitones in (-2, -1, 1, 2)]


@pytest.mark.parametrize("background", ["alone", "under speech"])
@pytest.mark.parametrize(("speed", "pitch"), SPEEDS + TEMPOS + SEMITONES)
def test_music_played_otherwise_is_found_and_how_it_is_played_is_told(index, background, speed, pitch):
    piece, at_s = played(TRACKS["track 3"][3 * RATE : 18 * RATE], speed, pitch), 7.3
    voice = VOICE if background == "under speech" else np.zeros_like(VOICE)
    found = match(mix(voice, piece, at_s, 0), index)
    assert_heard(found, ("track 3", at_s, at_s + 15 / speed, 3))
    assert (found[0].speed, found[0].pitch) == pytest.approx((speed, pitch), rel=0.005)
    assert found[0].track_start_s == pytest.approx(3 + (found[0].start_s - at_s) * speed, abs=0.15)


@pytest.mark.parametrize(("speed", "pitch"), [*SPEEDS, *SEMITONES])
def test_music_played_otherwise_is_not_found_if_no_warps_are_sought(index, speed, pitch):
    config = dataclasses.replace(CONFIG, warps=WarpConfig(max_speed=0, max_tempo=0, semitones=()))
    stretches, _, _ = match_block(
        "episode", peaks_of(played(TRACKS["track 3"], speed, pitch), config.peaks), index, config
    )
    found = settle(stretches, SPECTROGRAM, config)
    assert sum(each.end_s - each.start_s for each in found) < 4


@pytest.mark.parametrize("track", ["track 0", "track 3"])
@pytest.mark.parametrize("decibels_below", [-6, 0, 6, 12])
def test_a_match_tells_how_loud_the_music_is(index, track, decibels_below):
    mixed = mix(VOICE, TRACKS[track], 10, decibels_below)
    here = slice(10 * RATE, 30 * RATE)
    power = ((mixed - VOICE)[here] ** 2).mean() / (mixed[here] ** 2).mean()
    (found,) = match(mixed, index)
    assert found.level_db == pytest.approx(10 * math.log10(power), abs=1.5)
    assert found.usage == ("featured" if decibels_below < 0 else "background")


@pytest.mark.parametrize(("speed", "pitch"), [(1.0, 1.0), (1.05, 1.05)])
def test_music_alone_is_featured_at_full_level_however_loud_it_is_played(index, speed, pitch):
    for gain in (0.1, 1, 4):
        (found,) = match(np.float32(gain) * played(TRACKS["track 1"], speed, pitch), index)
        assert (found.level_db, found.usage) == (pytest.approx(0, abs=1), "featured")


def in_segments(samples, *indexes):
    """The matches of an item in one block, each segment of the index looked at on its own."""
    peaks = peaks_of(samples, CONFIG.peaks)
    stretches = [stretch for index in indexes for stretch in match_block("episode", peaks, index, CONFIG)[0]]
    return settle(stretches, SPECTROGRAM, CONFIG)


@pytest.mark.parametrize(("speed", "pitch"), [(1.0, 1.0), (1.05, 1.05)])
def test_segments_give_the_matches_of_one_index(index, build_index, catalogue, speed, pitch):
    """A recording that two of them have is one match, with the other as alternative."""
    names = sorted(catalogue)
    segments = [build_index({name: catalogue[name] for name in part}) for part in (names[::2], names[1::2])]
    mixed = mix(mix(VOICE, played(TRACKS["track 4"], speed, pitch), 5, 0), TRACKS["track 1"], 12, 0)
    found = in_segments(mixed, *segments)
    assert [(each.track_id, each.alternatives) for each in found] == [("track 4", ("track 4, again",)), ("track 1", ())]
    assert found == in_segments(mixed, *reversed(segments)) == match(mixed, index)


def test_a_removed_recording_is_no_match_nor_alternative(write_index, catalogue):
    folder = write_index(catalogue)
    mixed = mix(VOICE, TRACKS["track 4"], 10, 6)
    for gone, left in (("track 4", "track 4, again"), ("track 4, again", "track 4")):
        (found,) = match(mixed, Index(folder, removed=[gone]))
        assert (found.track_id, found.alternatives) == (left, ())
    assert match(mixed, Index(folder, removed=["track 4", "track 4, again"])) == []


def test_a_track_that_is_a_loop_is_matched_once(build_index):
    """At each repeat it lines up with itself; only one of the alignments has evidence of its own."""
    bar = music(60, 4)
    loop = peaks_of(np.tile(bar, 6), IndexConfig().peaks)
    index = build_index({"loop": loop, "track 0": peaks_of(TRACKS["track 0"], IndexConfig().peaks)})
    (found,) = match(mix(VOICE, np.tile(bar, 4), 8, 0), index)
    assert (found.track_id, found.alternatives) == ("loop", ())
    assert (found.start_s, found.end_s) == pytest.approx((8, 24), abs=0.5)
    assert found.track_start_s % 4 == pytest.approx(found.start_s % 4, abs=0.1)


def test_one_recording_under_two_ids_is_one_match_with_an_alternative(index):
    found = match(mix(VOICE, TRACKS["track 4"], 10, 6), index)
    assert_heard(found, ("track 4", 10, 30, 0))
    assert found[0].alternatives == ("track 4, again",)


def test_two_recordings_that_sound_together_are_both_found(index):
    mixed = mix(mix(VOICE, TRACKS["track 0"], 5, 0), TRACKS["track 3"], 12, 0)
    assert_heard(match(mixed, index), ("track 0", 5, 25, 0), ("track 3", 12, 32, 0), within_s=1)


def test_a_recording_under_two_ids_is_one_match_while_another_sounds(index):
    mixed = mix(mix(VOICE, TRACKS["track 4"], 5, 0), TRACKS["track 1"], 12, 0)
    found = match(mixed, index)
    assert [(each.track_id, each.alternatives) for each in found] == [("track 4", ("track 4, again",)), ("track 1", ())]


def test_a_bar_that_repeats_is_one_play(index, tmp_path):
    """A loop lines up with itself at every repeat; only one of the alignments has evidence of its own."""
    found = match(mix(VOICE, np.tile(TRACKS["track 2"][: 4 * RATE], 3), 8, 0), index)
    assert [each.track_id for each in found] == ["track 2"] * len(found)
    spans = sorted((each.start_s, each.end_s) for each in found)
    assert sum(end - start for start, end in spans) == pytest.approx(12, abs=1.5)


def as_row(stretch):
    """All but the evidence, which is arrays."""
    return dataclasses.replace(stretch, evidence=None)


def test_a_block_is_matched_the_same_wherever_it_lies_in_the_item(index):
    block = peaks_of(mix(VOICE, TRACKS["track 3"], 9, 6), CONFIG.peaks)
    expected, *counts = match_block("episode", block, index, CONFIG)
    found, *later_counts = match_block("episode", block.moved(70_000), index, CONFIG)
    assert [as_row(each) for each in found] == [as_row(each.moved(70_000)) for each in expected] != []
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.evidence.frames, other.evidence.frames + 70_000)
    assert later_counts == counts


@pytest.mark.parametrize(("block_s", "overlap_s"), [(10, 5), (15, 5), (18, 9)])
def test_blocks_find_what_the_whole_does(index, block_s, overlap_s):
    """One track begins before the second block does, and plays through several."""
    mixed = mix(mix(VOICE, TRACKS["track 1"][2 * RATE :], 1, 3), TRACKS["track 2"][4 * RATE :], 23, 3)
    peaks = peaks_of(mixed, CONFIG.peaks)
    size, overlap = (round(each * SPECTROGRAM.frame_rate) for each in (block_s, overlap_s))
    blocks = list(overlapping_blocks([peaks], size, overlap))
    assert len(blocks) > 1
    stretches = [stretch for block in blocks for stretch in match_block("episode", block, index, CONFIG)[0]]
    found = settle(stretches, SPECTROGRAM, CONFIG)
    assert_heard(found, ("track 1", 1, 19, 2), ("track 2", 23, 39, 4))
    assert_heard(match(mixed, index), ("track 1", 1, 19, 2), ("track 2", 23, 39, 4))


def test_blocks_find_what_the_whole_does_of_music_played_otherwise(index):
    """The blocks' warps are fitted each on its own, and are told as one."""
    mixed = mix(VOICE, played(TRACKS["track 1"], 1.03, 1.03), 2, 0)
    blocks = overlapping_blocks([peaks_of(mixed, CONFIG.peaks)], size=300, overlap=150)
    stretches = [stretch for block in blocks for stretch in match_block("episode", block, index, CONFIG)[0]]
    (found,), (whole,) = settle(stretches, SPECTROGRAM, CONFIG), match(mixed, index)
    assert_heard([found], ("track 1", 2, 2 + 20 / 1.03, 0))
    assert (found.speed, found.pitch) == pytest.approx((whole.speed, whole.pitch), abs=0.002)
    assert (found.start_s, found.end_s, found.level_db) == pytest.approx(
        (whole.start_s, whole.end_s, whole.level_db), abs=0.5
    )


NO_EVIDENCE = Overlay(*(np.empty(0, np.int64) for _ in range(3)), np.empty(0, np.int8), np.empty(0, np.float32))
RECORDINGS = [Recording("a", "A"), Recording("b"), Recording("c", isrc="C")]
SETTLE = SettleConfig()


def stretch_of(recording, first_frame, last_frame, score=100.0, offset=0, **facts):
    """Of a segment in which the recordings are in order."""
    placement = Placement(float(offset))
    number = RECORDINGS.index(recording) if recording in RECORDINGS else 0
    return Stretch("item", number, recording, placement, first_frame, last_frame, score, NO_EVIDENCE, **facts)


STRETCHES = st.lists(
    st.builds(
        lambda recording, offset, first, length, score: stretch_of(recording, first, first + length, score, offset),
        st.sampled_from(RECORDINGS),
        st.integers(-30, 30),
        st.integers(0, 2000),
        st.integers(1, 800),
        st.integers(30, 40).map(float) | st.floats(30, 3000),
    ),
    max_size=9,
)


def settled(stretches, **knobs):
    return join_stretches(stretches, SPECTROGRAM, SettleConfig(**knobs))


@settings(REPEATABLE, max_examples=100)
@given(STRETCHES)
def test_no_two_matches_of_one_recording_overlap_and_each_is_long_enough(stretches):
    found = settled(stretches)
    for recording in RECORDINGS:
        mine = [each for each in found if each.track_id == recording.track_id]
        assert all(one.end_s <= other.start_s for one, other in itertools.pairwise(mine))
    assert all(each.end_s - each.start_s >= SETTLE.min_duration_s for each in found)


@settings(REPEATABLE, max_examples=100)
@given(STRETCHES, st.randoms())
def test_the_order_of_stretches_does_not_matter(stretches, random):
    assert settled(random.sample(stretches, len(stretches))) == settled(stretches)


@settings(REPEATABLE, max_examples=100)
@given(STRETCHES, st.integers(1, 300), st.integers(0, 100))
def test_stretches_found_in_overlapping_blocks_are_those_of_the_whole(stretches, size, overlap):
    apart: list[Stretch] = []  # as a block has those of one recording
    for stretch in stretches:
        if not any(each.recording == stretch.recording and meet(each, stretch) for each in apart):
            apart.append(stretch)
    pieces = []
    for stretch in apart:
        for start in range(stretch.first_frame, stretch.last_frame, size):
            end = min(start + size + overlap, stretch.last_frame)
            pieces.append(dataclasses.replace(stretch, first_frame=start, last_frame=end, block=start))
    assert settled(pieces) == settled(apart)


def meet(one, other):
    return one.first_frame <= other.last_frame and other.first_frame <= one.last_frame


@settings(REPEATABLE, max_examples=100)
@given(STRETCHES.filter(bool))
def test_the_best_stretch_is_heard_whole(stretches):
    best = max(stretches, key=lambda stretch: stretch.score)
    ties = [stretch for stretch in stretches if stretch.score == best.score]
    if len(ties) > 1 or best.last_frame - best.first_frame < SETTLE.min_duration_s * SPECTROGRAM.frame_rate:
        return
    start_s, end_s = SPECTROGRAM.time_s(best.first_frame), SPECTROGRAM.time_s(best.last_frame)
    found = [each for each in settled(stretches) if each.track_id == best.recording.track_id]
    assert any(each.start_s <= start_s and end_s <= each.end_s for each in found)


@settings(REPEATABLE, max_examples=100)
@given(STRETCHES)
def test_every_moment_of_a_stretch_alone_in_its_time_is_heard(stretches):
    alone = [stretch for stretch in stretches if stretch.last_frame - stretch.first_frame >= 16 and not any(
        other is not stretch and other.first_frame <= stretch.last_frame and stretch.first_frame <= other.last_frame
        for other in stretches)]  # fmt: skip
    found = settled(stretches)
    for stretch in alone:
        start_s, end_s = SPECTROGRAM.time_s(stretch.first_frame), SPECTROGRAM.time_s(stretch.last_frame)
        covering = [each for each in found if each.start_s <= start_s and end_s <= each.end_s]
        assert [each.track_id for each in covering] == [stretch.recording.track_id]


def test_a_match_tells_times_and_what_the_catalogue_says():
    recording = Recording("x", "Title", "Artist", "ISRC", "Holder")
    (match_,) = settled([stretch_of(recording, 100, 300, 50.0, offset=-60)])
    assert (match_.start_s, match_.end_s) == (SPECTROGRAM.time_s(100), SPECTROGRAM.time_s(300))
    assert match_.track_start_s == SPECTROGRAM.time_s(40)
    assert (match_.speed, match_.score, match_.alternatives) == (1.0, 50.0, ())
    assert (match_.track_id, match_.title, match_.artist) == ("x", "Title", "Artist")
    assert (match_.isrc, match_.rights_holder) == ("ISRC", "Holder")


def test_what_a_better_stretch_of_the_recording_leaves_is_heard_if_it_is_most_of_the_stretch():
    a, _, _ = RECORDINGS
    better, worse, covered = (
        stretch_of(a, 0, 200, 90.0),
        stretch_of(a, 150, 400, 80.0, 60),
        stretch_of(a, 120, 230, 70.0, 99),
    )
    found = settled([better, worse, covered])
    assert [(each.track_id, each.start_s, each.end_s) for each in found] == [
        ("a", SPECTROGRAM.time_s(0), SPECTROGRAM.time_s(200)),
        ("a", SPECTROGRAM.time_s(200), SPECTROGRAM.time_s(400)),
    ]
    assert found[1].score == pytest.approx(80 * 200 / 250)


def test_two_recordings_with_evidence_of_their_own_may_overlap():
    a, b, _ = RECORDINGS
    found = settled([stretch_of(a, 0, 200, 90.0), stretch_of(b, 150, 400, 80.0)])
    assert [each.track_id for each in found] == ["a", "b"]
    assert found[1].start_s == SPECTROGRAM.time_s(150)


@pytest.mark.parametrize("speed", [0.93, 0.99, 1.01, 1.07])
def test_pieces_of_a_play_at_another_speed_are_one_match_that_tells_it(speed):
    pieces = [
        stretch_of(RECORDINGS[0], first, first + 95, offset=round((speed - 1) * (first + 47)))
        for first in range(0, 1000, 100)
    ]
    (found,) = settled(pieces)
    assert found.speed == pytest.approx(speed, abs=0.002)
    assert (found.start_s, found.end_s) == (SPECTROGRAM.time_s(0), SPECTROGRAM.time_s(995))
    assert found.score == pytest.approx(1000)


def test_plays_far_apart_in_the_item_or_in_the_track_are_matches_of_their_own():
    a = RECORDINGS[0]
    gap = math.ceil(SETTLE.max_gap_s * SPECTROGRAM.frame_rate)
    assert len(settled([stretch_of(a, 0, 200), stretch_of(a, 200 + gap - 1, 500, offset=1)])) == 1
    assert len(settled([stretch_of(a, 0, 200), stretch_of(a, 200 + gap + 1, 500, offset=1)])) == 2
    assert len(settled([stretch_of(a, 0, 200), stretch_of(a, 201, 500, offset=-300)])) == 2


def test_no_stretches_are_no_matches():
    assert settled([]) == []


@pytest.mark.parametrize(("block_s", "overlap_s"), [(600, 0), (600, -1), (20, 10.5)])
def test_a_bad_overlap_is_named_with_its_value(block_s, overlap_s):
    with pytest.raises(ValueError, match=re.escape(f"at most half of block_s, got {overlap_s}")):
        BlockConfig(block_s, overlap_s)


def test_queries_have_more_peaks_than_references():
    assert len(peaks_of(VOICE, CONFIG.peaks).bins) > 2 * len(peaks_of(VOICE, PeakConfig()).bins)
