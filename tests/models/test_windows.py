"""Oracles: the whole file cut at once, by indexing; and the audio itself, put together again."""

import tracemalloc

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from models.decoding import DecodeConfig, decode_audio
from models.windows import cut_windows, edges_s, levels_db, spans_s, window_file

SIZES = st.integers(1, 12).flatmap(lambda window: st.tuples(st.just(window), st.integers(1, window)))
LENGTHS = st.integers(0, 400)


def audio_of(length):
    return np.arange(1, length + 1, dtype=np.float32)  # each sample says where it is


def cut_whole(samples, window, hop):
    """The windows of all the audio at hand, by the rule as it is written."""
    if not len(samples):
        return np.empty((0, window), np.float32)
    if len(samples) < window:
        return np.array([[samples[i % len(samples)] for i in range(window)]])
    starts = list(range(0, len(samples) - window + 1, hop))
    rest = len(samples) - window - starts[-1]
    if rest and rest >= hop / 10:
        starts.append(len(samples) - window)
    return np.stack([samples[start : start + window] for start in starts])


def join(blocks, window):
    return np.concatenate([np.empty((0, window), np.float32), *(windows for windows, _ in blocks)])


@settings(derandomize=True, deadline=None, max_examples=300)
@given(LENGTHS, SIZES, st.lists(st.integers(0, 90), max_size=60))
def test_blocks_of_any_size_are_cut_as_the_whole_is(length, sizes, cuts):
    samples = audio_of(length)
    blocks = np.split(samples, np.minimum(np.cumsum(cuts, dtype=int), length))
    assert join(cut_windows(blocks, *sizes), sizes[0]).tolist() == cut_whole(samples, *sizes).tolist()


@settings(derandomize=True, deadline=None)
@given(st.integers(1, 400), SIZES)
def test_every_sample_is_in_a_window_but_for_a_rest_of_less_than_a_tenth_of_a_hop(length, sizes):
    heard = set(join(cut_windows([audio_of(length)], *sizes), sizes[0]).ravel().tolist())
    assert heard >= set(range(1, 1 + length - int(sizes[1] / 10)))


def test_the_last_window_ends_with_the_audio():
    windows = join(cut_windows([audio_of(25)], 10, 10), 10)
    assert windows[:, 0].tolist() == [1, 11, 16]
    assert windows[-1, -1] == 25


def test_short_audio_is_repeated_and_no_audio_has_no_window():
    assert join(cut_windows([audio_of(2), audio_of(0), audio_of(1)], 7, 7), 7).tolist() == [[1, 2, 1, 1, 2, 1, 1]]
    assert list(cut_windows([], 7, 7)) == list(cut_windows([audio_of(0)], 7, 7)) == []


@settings(derandomize=True, deadline=None)
@given(LENGTHS, SIZES, st.integers(1, 90))
def test_blocks_say_how_many_samples_have_come_and_at_last_how_many_there_are(length, sizes, block):
    samples = audio_of(length)
    counts = [count for _, count in cut_windows(np.array_split(samples, range(block, length, block)), *sizes)]
    assert counts == sorted(counts)
    assert counts[-1:] == [length][: bool(length)]


def test_memory_does_not_grow_with_the_audio():
    def peak(blocks):
        tracemalloc.start()
        for _ in cut_windows((np.ones(30_000, np.float32) for _ in range(blocks)), 4_000, 2_000):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(5)
    assert peak(200) < 1.1 * peak(20)


def test_windows_are_had_before_the_audio_has_ended():
    def endless():
        while True:
            yield np.zeros(1_000, np.float32)

    windows, samples = next(cut_windows(endless(), 400, 400))
    assert len(windows) <= 15
    assert samples < 10_000


def test_a_file_is_decoded_and_cut(tmp_path):
    samples = np.random.default_rng(3).uniform(-0.5, 0.5, 40_000).astype(np.float32)
    soundfile.write(tmp_path / "noise.wav", samples, 16_000, subtype="FLOAT")
    decode = DecodeConfig(block_s=0.3)
    decoded = np.concatenate(list(decode_audio(str(tmp_path / "noise.wav"), 8_000, decode)))
    blocks = list(window_file(str(tmp_path / "noise.wav"), 8_000, 700, 300, decode))
    np.testing.assert_array_equal(join(blocks, 700), cut_whole(decoded, 700, 300))
    assert blocks[-1][1] == len(decoded) == 20_000


@pytest.mark.parametrize(
    ("window", "level_db"),
    [
        (np.ones(100), 0),
        (np.full(100, -0.1), -20),
        (np.sin(np.arange(100) * np.pi / 5), -10 * np.log10(2)),
        (np.full(100, 1e-9), -180),
        (np.zeros(100), -180),
    ],
)
def test_the_level_is_the_root_mean_square_against_full_scale(window, level_db):
    assert levels_db(np.array([window], np.float32)) == pytest.approx([level_db], abs=1e-4)


# Where windows are


@settings(derandomize=True, deadline=None)
@given(st.integers(1, 400), SIZES)
def test_spans_are_where_the_samples_of_windows_lie(length, sizes):
    window, hop = sizes
    windows = cut_whole(audio_of(length), window, hop)
    starts, ends = spans_s(len(windows), float(window), float(hop), float(length))
    assert starts.tolist() == (windows[:, 0] - 1).tolist()
    assert ends.tolist() == windows.max(axis=1).tolist()


@settings(derandomize=True, deadline=None)
@given(st.integers(1, 400), SIZES)
def test_a_stretch_is_nearest_to_the_middle_of_its_window(length, sizes):
    window, hop = sizes
    windows = len(cut_whole(audio_of(length), window, hop))
    edges = edges_s(windows, float(window), float(hop), float(length))
    assert (edges[0], edges[-1], len(edges)) == (0, length, windows + 1)
    middles = np.mean(spans_s(windows, float(window), float(hop), float(length)), axis=0)
    for instant in np.arange(0.13, length, 0.29):
        nearest = np.abs(middles - instant)
        assert nearest[np.searchsorted(edges, instant) - 1] == pytest.approx(nearest.min())
    assert (np.diff(edges) > 0).all()


def test_stretches_of_windows_side_by_side_are_the_windows():
    assert edges_s(3, 4.0, 4.0, 12.0).tolist() == [0, 4, 8, 12]
    assert edges_s(3, 4.0, 4.0, 10.0).tolist() == [0, 4, 7, 10]
