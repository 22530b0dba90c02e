"""Oracles: which recording each mix was made of, and the plain correlation at every lag."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.examples import Recording
from models.folds import find_origins, group_by_source
from models.log_mel import LogMelConfig, mel_power

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=20)
LOG_MEL = LogMelConfig(sample_rate=8_000, window=512, hop=200, bands=20, max_hz=3_900)
SOURCES = ("north", "south", "west")


def melody(number, rate=8_000, seconds=5):
    """Notes of a quarter of a second, drawn by the number."""
    rng = np.random.default_rng(number)
    times = np.arange(rate // 4) / rate
    notes = [np.sin(2 * np.pi * pitch * times) * np.exp(-6 * times) for pitch in rng.uniform(150, 3_000, 4 * seconds)]
    return np.concatenate(notes)


def record(media_id, samples, label="music", source="north", group=None):
    mel = mel_power(samples.astype(np.float32), LOG_MEL)
    return Recording(media_id, label, source, group or media_id, mel, np.zeros(5, np.float32))


def mix_of(number, level_db=0.0, delay=0):
    """The melody from some sample on, under noise as loud as itself or at another level."""
    played = melody(number)[delay:]
    noise = np.random.default_rng(1_000 + number).normal(0, np.sqrt(np.mean(played**2)), len(played))
    return record(f"mix {number}", played + noise * 10 ** (level_db / 20), source="mixes", group="mixes")


@pytest.fixture(scope="module")
def recordings():
    """Eight melodies of three sources, and as many of another class."""
    music = [record(f"music {number}", melody(number), source=SOURCES[number % 3]) for number in range(8)]
    return [*music, *(record(f"speech {each.media_id}", melody(99), "speech", each.source) for each in music)]


@pytest.mark.parametrize("level_db", [-20, 0])
def test_a_mix_with_noise_is_of_the_recording_it_was_made_of(recordings, level_db):
    origins = find_origins([mix_of(number, level_db) for number in range(8)], recordings)
    assert {mix: each.media_id for mix, each in origins.items()} == {f"mix {n}": f"music {n}" for n in range(8)}


@REPEATABLE
@given(st.integers(0, 7), st.integers(0, 20_000))
def test_a_mix_that_starts_anywhere_in_its_recording_is_of_it(recordings, number, delay):
    mix = mix_of(number, delay=delay)
    assert find_origins([mix], recordings)[mix.media_id].media_id == f"music {number}"


def test_the_origin_is_what_the_plain_correlation_finds():
    rng = np.random.default_rng(1)
    recordings = [
        Recording(f"{number}", "music", "north", f"{number}", rng.gamma(1, 1, (frames, 6)), np.zeros(1))
        for number, frames in enumerate((30, 50, 41, 64, 33))
    ]
    mixes = [
        Recording(f"mix {n}", "music", "m", "m", rng.gamma(1, 1, (frames, 6)), np.zeros(1))
        for n, frames in enumerate((40, 64, 20))
    ]

    def changes(each):
        found = np.diff(10 * np.log10(each.mel), axis=0)
        return found / np.linalg.norm(found)

    for mix in mixes:
        plain = [
            sum(np.correlate(changes(mix)[:, band], changes(each)[:, band], "full") for band in range(6))
            for each in recordings
        ]
        best = int(np.argmax([np.max(each) for each in plain]))
        assert find_origins([mix], recordings)[mix.media_id].media_id == f"{best}"


def test_a_mix_of_a_known_group_is_of_it_whatever_it_sounds_like(recordings):
    grouped = dataclasses.replace(mix_of(1), group="music 5")
    assert find_origins([grouped], recordings)["mix 1"].media_id == "music 5"


def test_a_mix_is_of_its_class_even_if_its_group_holds_another(recordings):
    grouped = dataclasses.replace(mix_of(1), group="speech music 5")
    assert find_origins([grouped], recordings)["mix 1"].media_id == "music 1"


def test_a_mix_of_an_unknown_class_is_an_error(recordings):
    with pytest.raises(ValueError, match="expected a recording of bells that mix 1 was made of, got none"):
        find_origins([dataclasses.replace(mix_of(1), label="bells")], recordings)


def test_a_source_is_held_out_with_the_mixes_made_of_it(recordings):
    groups = group_by_source(recordings, [mix_of(number) for number in range(8)])
    assert tuple(groups) == SOURCES
    for source, group in groups.items():
        expected = [each.media_id for each in recordings if each.source == source]
        made = [f"mix {number}" for number in range(8) if SOURCES[number % 3] == source]
        assert sorted(each.media_id for each in group) == sorted(expected + made)


def test_every_recording_and_every_mix_is_held_out_once(recordings):
    mixes = [mix_of(number) for number in range(8)]
    held_out = [each.media_id for group in group_by_source(recordings, mixes).values() for each in group]
    assert sorted(held_out) == sorted(each.media_id for each in [*recordings, *mixes])


def test_a_source_of_nothing_but_mixes_is_not_one_to_hold_out(recordings):
    assert "mixes" not in group_by_source(recordings, [mix_of(1)])
    assert group_by_source([], []) == {}
