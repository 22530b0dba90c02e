"""Oracles: every path of states tried, where the music was put, and each candidate verified alone."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.constellation import Constellation, crop
from models.overlay import Placement, view_query
from models.retrieval import Candidates
from models.verification import VerificationConfig, _most_likely_states, fit, verify

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=50)
CONFIG = VerificationConfig()
NEAR = 16  # frames, half a second


def peaks_of(seed, frames, rate=1.2):
    """Random peaks, so many a frame."""
    frame, bin_ = np.nonzero(np.random.default_rng(seed).random((frames, 490)) < rate / 490)
    return Constellation(frame.astype(np.int32), (bin_ + 8).astype(np.int16), 0, frames)


def with_silence(constellation, frames):
    """All its peaks, in a track of so many frames."""
    return Constellation(constellation.frames, constellation.bins, 0, frames)


CATALOGUE = [peaks_of(seed, frames=300 + seed) for seed in range(70)]
CATALOGUE += [with_silence(crop(peaks_of(70, 300), start, 300), 300) for start in (15, 40)]  # at the beginning
CATALOGUE += [with_silence(CATALOGUE[0], frames) for frames in (320, 390)]  # at the end


@pytest.fixture(scope="module")
def index(build_index):
    return build_index({f"{number:03d}": each for number, each in enumerate(CATALOGUE)})


def overlay(frames, *layers):
    """A query of so many frames: each layer is a constellation, and the frame at which its first one is heard."""
    cells = {(frame + at - each.first_frame, bin_)
             for each, at in layers
             for frame, bin_ in zip(each.frames.tolist(), each.bins.tolist(), strict=True)}  # fmt: skip
    inside = sorted((frame, bin_) for frame, bin_ in cells if 0 <= frame < frames)
    columns = np.array(inside, np.int64).reshape(-1, 2).T
    return Constellation(columns[0].astype(np.int32), columns[1].astype(np.int16), 0, frames)


def thinned(constellation, share, seed=0):
    """With a random share of its peaks."""
    kept = np.random.default_rng(seed).random(len(constellation.frames)) < share
    frames, bins = constellation.frames[kept], constellation.bins[kept]
    return Constellation(frames, bins, constellation.first_frame, constellation.end_frame)


def played(constellation, placement, frames):
    """A query of so many frames, in which a track is heard as it is placed."""
    at = np.floor((constellation.frames - placement.offset) / placement.speed + 0.5).astype(int)
    bins = np.floor(constellation.tones * placement.pitch + 0.5).astype(int)
    cells = sorted({(frame, bin_) for frame, bin_ in zip(at.tolist(), bins.tolist(), strict=True)
                    if 0 <= frame < frames and bin_ < 512})  # fmt: skip
    columns = np.array(cells).T
    return Constellation(columns[0].astype(np.int32), columns[1].astype(np.int16), 0, frames)


def candidates_of(*rows):
    """rows: track, offset and frame, of music that is played unchanged."""
    tracks, offsets, frames = np.array(rows, np.int64).reshape(-1, 3).T
    ones = np.ones(len(tracks))
    return Candidates(tracks, offsets.astype(np.float64), ones, ones, frames)


def rows(heard):
    return [(each.track, each.placement.offset, each.first_frame, each.last_frame, each.score) for each in heard]


def gain_of_path(path, gains, config):
    """By the rules: starting, stopping and changing state cost, and each playing step has its gain."""
    total = 0.0
    for step, (before, state) in enumerate(itertools.pairwise([-1, *path, -1])):
        if before != state:
            total -= config.start_cost if before < 0 else config.stop_cost if state < 0 else config.change_cost
        if state >= 0:
            total += float(gains[step, state])
    return total


@settings(REPEATABLE, max_examples=180)
@given(
    st.integers(1, 5),
    st.integers(1, 3),
    st.builds(
        VerificationConfig,
        start_cost=st.floats(0, 6),
        stop_cost=st.floats(0, 6),
        change_cost=st.floats(0, 3),
    ),
    st.floats(0.5, 8),
    st.integers(0, 2**32 - 1),
)
def test_the_path_of_states_is_the_best_of_all(steps, states, config, spread, seed):
    gains = np.random.default_rng(seed).normal(0, spread, (steps, states)).astype(np.float32)
    found = _most_likely_states(gains, config.start_cost, config.stop_cost, config.change_cost)
    best = max(gain_of_path(path, gains, config) for path in itertools.product(range(-1, states), repeat=steps))
    assert gain_of_path(found.tolist(), gains, config) == pytest.approx(best, abs=1e-4)


def test_a_short_gap_is_bridged_and_a_long_one_is_not():
    for gap, bridged in ((2, True), (20, False)):
        gains = np.full((gap + 10, 2), [-1, -5], np.float32)  # masked, audible
        gains[:5, 1] = gains[-5:, 1] = 5
        path = _most_likely_states(gains, start_cost=4.0, stop_cost=4.0, change_cost=1.0).tolist()
        assert path == [1] * 5 + [0 if bridged else -1] * gap + [1] * 5


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
@pytest.mark.parametrize(
    ("at", "start", "end"), [(300, 0, 307), (100, 40, 290), (0, 150, 307), (600, 0, 200), (500, 100, 300)]
)
def test_a_track_is_heard_where_it_was_put(index, share, at, start, end):
    clutter = peaks_of(1000, 800, rate=4)
    query = overlay(800, (clutter, 0), (thinned(crop(CATALOGUE[7], start, end), share), at))
    ((track, delta, first, last, score),) = rows(
        verify(candidates_of((7, start - at, at + 20)), view_query(query), index, CONFIG)
    )
    assert (track, delta) == (7, start - at)
    assert first == pytest.approx(at, abs=NEAR)
    assert last == pytest.approx(min(800, at + end - start), abs=NEAR)
    assert score >= CONFIG.min_score


@pytest.mark.parametrize("number", [70, 71, 72, 73])
@pytest.mark.parametrize("at", [0, 100])
def test_a_silent_beginning_or_end_of_a_track_does_not_count(index, number, at):
    sounding = CATALOGUE[number].frames
    query = overlay(800, (peaks_of(1004, 800, rate=4), 0), (CATALOGUE[number], at))
    ((_, _, first, last, _),) = rows(
        verify(candidates_of((number, -at, at + sounding[0])), view_query(query), index, CONFIG)
    )
    assert first == pytest.approx(at + sounding[0], abs=NEAR)
    assert last == pytest.approx(at + sounding[-1], abs=NEAR)


@pytest.mark.parametrize("start", range(0, 200, 20))
def test_nothing_is_heard_outside_the_query_or_the_track(index, start):
    faint = thinned(CATALOGUE[20], 0.3)
    for at, end in ((0, 320), (300, 320), (300, 250)):
        query = overlay(450, (peaks_of(1005, 450, rate=2), 0), (crop(faint, start, end), at))
        for _, delta, first, last, _ in rows(
            verify(candidates_of((20, start - at, at + 5)), view_query(query), index, CONFIG)
        ):
            assert 0 <= first < last < 450
            assert 0 <= first + delta < last + delta < 320


def test_one_candidate_is_heard_twice_if_it_stops_for_long(index):
    config = VerificationConfig(masked_cost_per_s=10, start_cost=1, stop_cost=1)
    track = CATALOGUE[60]
    query = overlay(500, (peaks_of(1001, 500, rate=4), 0), (crop(track, 0, 100), 50), (crop(track, 250, 360), 300))
    heard = rows(verify(candidates_of((60, -50, 55)), view_query(query), index, config))
    assert [(track, delta) for track, delta, *_ in heard] == [(60, -50)] * 2
    edges = [edge for _, _, first, last, _ in heard for edge in (first, last)]
    np.testing.assert_allclose(edges, [50, 150, 300, 410], atol=NEAR)


@pytest.mark.parametrize("rate", [0, 1, 6, 30])
def test_what_is_not_there_is_not_heard(index, rate):
    query = peaks_of(1002, 600, rate)
    rng = np.random.default_rng(3)
    candidates = candidates_of(*rng.integers((0, -500, 0), (70, 250, 600), (300, 3)).tolist())
    assert rows(verify(candidates, view_query(query), index, CONFIG)) == []


def test_a_held_note_matches_everything_and_proves_nothing(index):
    held = overlay(400, *((Constellation(np.zeros(1, np.int32), np.full(1, 200, np.int16), 0, 1), at)
                          for at in range(400)))  # fmt: skip
    tracks_with_the_bin = [number for number, each in enumerate(CATALOGUE) if (each.bins == 200).sum() >= 2]
    candidates = candidates_of(*((number, 0, 0) for number in tracks_with_the_bin))
    assert len(candidates) > 5
    assert rows(verify(candidates, view_query(held), index, CONFIG)) == []


def test_no_candidates_are_not_heard(index):
    empty = Constellation(np.empty(0, np.int32), np.empty(0, np.int16), 0, 0)
    for query in (empty, peaks_of(5, 100)):
        assert rows(verify(candidates_of(), view_query(query), index, CONFIG)) == []


def test_candidates_together_are_heard_as_each_alone(index):
    places = [(number, (number * 37) % 600) for number in range(70)]
    layers = [(thinned(CATALOGUE[number], 0.8, number), at) for number, at in places]
    query = overlay(1000, *layers)
    each = [(number, -at, at + 10) for number, at in places]
    together = sorted(rows(verify(candidates_of(*each), view_query(query), index, CONFIG)))
    alone = sorted(row for one in each for row in rows(verify(candidates_of(one), view_query(query), index, CONFIG)))
    assert {track for track, *_ in together} == set(range(70))
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_a_candidate_named_twice_is_heard_once(index):
    query = overlay(500, (CATALOGUE[3], 100))
    candidates = candidates_of((3, -100, 100), (3, -100, 150), (3, -100, 310), (3, -99, 120))
    assert len(verify(candidates, view_query(query), index, CONFIG)) == 1


@settings(REPEATABLE, max_examples=20)
@given(st.integers(0, 40))
def test_silence_before_the_query_moves_what_is_heard_with_it(index, blocks):
    delay = 32 * blocks  # chance is measured in blocks of 32 frames
    music = thinned(CATALOGUE[11], 0.7)
    query = overlay(700, (peaks_of(1003, 700, rate=3), 0), (music, 200))
    before = rows(verify(candidates_of((11, -200, 210)), view_query(query), index, CONFIG))
    delayed = overlay(700 + delay, (query, delay))
    after = rows(verify(candidates_of((11, -200 - delay, 210 + delay)), view_query(delayed), index, CONFIG))
    assert [row[:4] for row in after] == [
        (track, delta - delay, first + delay, last + delay) for track, delta, first, last, _ in before
    ]
    assert len(before) == 1


LONG = peaks_of(2000, 900)
WARPS = [(1.02, 1.02), (0.95, 0.95), (1.06, 1.06), (1.08, 1.0), (0.92, 1.0), (1.0, 1.0595), (1.0, 0.8909)]


@pytest.mark.parametrize(("speed", "pitch"), WARPS)
@pytest.mark.parametrize("wrong", [0.9975, 1.0, 1.0025])
def test_fitting_finds_the_warp_near_a_wrong_one(speed, pitch, wrong):
    """A quarter of a percent is what half a step of the warps sought is."""
    frame, true = 300, Placement(40.0, speed, pitch)
    query = overlay(800, (peaks_of(1006, 800, rate=4), 0), (thinned(played(LONG, true, 800), 0.6), 0))
    offset = true.reference_frame(frame) - speed * wrong * frame
    near = Placement(offset, speed * wrong, pitch if pitch == 1 else pitch * wrong)
    found = fit(LONG, near, view_query(query), frame)
    assert found.speed == pytest.approx(speed, rel=0.001)
    assert found.pitch == pytest.approx(pitch, rel=0.002)
    for each in (100, frame, 500):
        assert found.reference_frame(each) == pytest.approx(true.reference_frame(each), abs=0.5)


@pytest.mark.parametrize("wrong", [0.998, 1.0, 1.002])
def test_what_is_played_all_but_unchanged_is_told_as_unchanged(wrong):
    query = overlay(800, (peaks_of(1006, 800, rate=4), 0), (crop(LONG, 40, 840), 0))
    found = fit(LONG, Placement(340.0 - 300 * wrong, wrong, wrong), view_query(query), 300)
    assert found == Placement(40.0)
    assert not found.is_warped


@pytest.mark.parametrize(("speed", "pitch"), WARPS)
def test_warped_music_is_heard_where_it_was_put(build_index, speed, pitch):
    """From frame 100 on, from the track's frame 60 to 560."""
    index = build_index({"long": LONG})
    true = Placement(60 - 100 * speed, speed, pitch)
    query = overlay(900, (peaks_of(1008, 900, rate=1), 0), (thinned(played(crop(LONG, 60, 560), true, 900), 0.5), 0))
    near = Placement(true.offset - 0.0025 * speed * 200, speed * 1.0025, pitch)
    candidates = Candidates(*(np.array([each]) for each in (0, *near.arrays(), 200)))
    ((track, offset, first, last, score),) = rows(verify(candidates, view_query(query), index, CONFIG))
    assert (track, score >= CONFIG.min_score) == (0, True)
    assert offset == pytest.approx(true.offset, abs=1)
    assert first == pytest.approx(100, abs=NEAR)
    assert last == pytest.approx(100 + 500 / speed, abs=NEAR)


def test_a_warp_costs(build_index):
    index = build_index({"long": LONG})
    true = Placement(0.0, 1.03, 1.03)
    query, candidates = played(LONG, true, 600), Candidates(*(np.array([each]) for each in (0, *true.arrays(), 200)))
    free, dear = (
        verify(candidates, view_query(query), index, VerificationConfig(warped_cost=cost))[0].score for cost in (0, 5)
    )
    assert free - dear == pytest.approx(5, abs=1e-3)


@pytest.mark.parametrize("audibilities", [(), (0.1, 0.0), (0.76,), (-0.1, 0.2)])
def test_a_bad_knob_is_named_with_its_value(audibilities):
    with pytest.raises(ValueError, match=re.escape(f"audibilities must be between 0 and 0.75, got {audibilities}")):
        VerificationConfig(audibilities=audibilities)
