"""Oracle: constellations whose powers are known, put together."""

import numpy as np
import pytest

from models.constellation import Constellation
from models.levels import LOWEST_DB, measure_level_db
from models.overlay import Placement, lay_over, view_query

FRAMES = 400


def peaks_of(seed, level, bins=(8, 256), peaks=600):
    """Random peaks of one level (in half dB) in a band."""
    rng = np.random.default_rng(seed)
    cells = np.sort(rng.choice(FRAMES * (bins[1] - bins[0]), peaks, replace=False))
    frames, in_band = np.divmod(cells, bins[1] - bins[0])
    return constellation_of(frames, in_band + bins[0], np.full(peaks, level))


def constellation_of(frames, bins, levels):
    frames, bins = np.asarray(frames, np.int32), np.asarray(bins, np.int16)
    return Constellation(frames, bins, 0, FRAMES, levels=np.asarray(levels, np.uint8))


def amplified(constellation, gain_db):
    return constellation_of(constellation.frames, constellation.bins, constellation.levels.astype(int) + 2 * gain_db)


def together(one, other):
    """Of peaks in bands of their own."""
    columns = [np.concatenate([getattr(each, name) for each in (one, other)]) for name in ("frames", "bins", "levels")]
    order = np.lexsort((columns[1], columns[0]))
    return constellation_of(*(column[order] for column in columns))


def measure(reference, query):
    return measure_level_db(lay_over(reference, Placement(0.0), view_query(query), 0, FRAMES), reference, query, query)


MUSIC = peaks_of(1, 120)


@pytest.mark.parametrize("gain_db", [0, -6, -20, 6])
def test_music_alone_is_at_0_db_however_loud_it_is_played(gain_db):
    assert measure(MUSIC, amplified(MUSIC, gain_db)) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("gain_db", [0, -10])
@pytest.mark.parametrize("louder_db", [-10, 0, 10, 20])
def test_music_in_a_mix_is_at_its_share_of_the_powers(gain_db, louder_db):
    """As many peaks of something else, so many dB louder."""
    other = peaks_of(2, 120 + 2 * gain_db + 2 * louder_db, bins=(256, 500))
    expected = -10 * np.log10(1 + 10 ** (louder_db / 10))
    assert measure(MUSIC, together(amplified(MUSIC, gain_db), other)) == pytest.approx(expected, abs=0.1)


def test_a_few_peaks_of_another_sound_in_the_very_cells_do_not_count():
    levels = MUSIC.levels.copy()
    levels[::5] += 40
    louder_db = 10 * np.log10(0.8 + 0.2 * 10**2)
    mixed = constellation_of(MUSIC.frames, MUSIC.bins, levels)
    assert measure(MUSIC, mixed) == pytest.approx(-louder_db, abs=0.01)


def test_music_is_never_louder_than_the_mix():
    half = MUSIC.take(np.arange(len(MUSIC.frames)) % 2 == 0, 0, FRAMES)
    assert measure(MUSIC, half) == 0


def test_music_that_no_peak_in_the_very_cell_tells_of_has_no_level():
    beside = constellation_of([11, 51, 91], [20, 40, 60], [100, 100, 100])
    reference = constellation_of([10, 50, 90], [20, 40, 60], [100, 100, 100])
    assert measure(reference, beside) == LOWEST_DB


def test_silence_has_no_level():
    nothing = constellation_of([], [], [])
    assert measure(MUSIC, nothing) == LOWEST_DB
    for query in (MUSIC, nothing):
        assert measure(nothing, query) == LOWEST_DB


def test_music_whose_every_peak_has_a_louder_one_near_still_has_a_level():
    overlay = lay_over(MUSIC, Placement(0.0), view_query(MUSIC), 0, FRAMES)
    nothing = constellation_of([], [], [])
    assert measure_level_db(overlay, MUSIC, MUSIC, nothing) == 0
