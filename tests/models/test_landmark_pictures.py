import io

import numpy as np
import pytest
import soundfile
from PIL import Image

from models.constellation import PeakConfig
from models.decoding import DecodeConfig
from models.index import IndexConfig
from models.landmark_pictures import Moment, as_path, draw_landmarks, find_part
from models.matching import QueryConfig
from models.spectrogram_pictures import HEIGHT, WIDTH, draw_spectrogram

SPECTROGRAM = IndexConfig().spectrogram
RATE = SPECTROGRAM.sample_rate
FRAME_S = SPECTROGRAM.hop / RATE
NOISE = np.random.default_rng(2).normal(0, 0.1, 20 * RATE).astype(np.float32)


def find(samples, start_s, peaks):
    return find_part(samples, RATE, start_s, SPECTROGRAM, peaks)


def draw(item, track, moment):
    """Of the items' and the track's part from so many frames on."""
    parts = []
    for (samples, first_frame), peaks in zip((item, track), (QueryConfig().peaks, PeakConfig()), strict=True):
        parts.append(find(samples[first_frame * SPECTROGRAM.hop :], first_frame * FRAME_S, peaks))
    return draw_landmarks(*parts, moment, SPECTROGRAM)


@pytest.mark.parametrize("first_frames", [(0, 0), (31, 100)])
def test_peaks_of_the_same_sound_all_coincide(first_frames):
    moment = Moment(5.0, 10.0, 5.0 + 64 * FRAME_S, 1.0, 1.0)
    item = NOISE[64 * SPECTROGRAM.hop :]
    picture = draw((item, first_frames[0]), (NOISE, first_frames[1]), moment)
    assert picture.found == picture.sought > 100
    assert picture.expected < 0.3 * picture.sought
    times = picture.found_points[:, 0]
    assert moment.start_s - FRAME_S <= times.min() and times.max() <= moment.end_s + FRAME_S
    assert {tuple(point) for point in picture.found_points} <= {tuple(point) for point in picture.item_points}


def test_peaks_of_another_sound_coincide_as_chance_has_it():
    other = np.random.default_rng(3).normal(0, 0.1, 20 * RATE).astype(np.float32)
    picture = draw((NOISE, 0), (other, 0), Moment(2.0, 12.0, 3.0, 1.0, 1.0))
    assert picture.found == pytest.approx(picture.expected, rel=0.4)


def test_a_tone_stands_at_its_time_and_frequency():
    samples = np.zeros(8 * RATE, np.float32)
    samples[4 * RATE : 5 * RATE] = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    picture = draw((samples, 0), (samples, 0), Moment(3.0, 6.0, 3.0, 1.0, 1.0))
    times, frequencies = picture.found_points.T
    assert ((times > 3.9) & (times < 5.1)).all()
    assert np.isclose(frequencies, 1000, atol=RATE / SPECTROGRAM.window).any()
    path = as_path(picture.found_points, picture, 900, 280)
    assert path.count("M") == path.count("h0") == picture.found


def test_what_is_not_heard_has_no_coincidence():
    picture = draw((np.zeros(20 * RATE, np.float32), 0), (NOISE, 0), Moment(2.0, 12.0, 3.0, 1.0, 1.0))
    assert (picture.found, picture.expected) == (0, 0) and picture.sought > 100


def test_a_spectrogram_shows_tones_where_they_are(tmp_path):
    times = np.arange(10 * 16_000) / 16_000
    samples = np.where(times < 5, np.sin(2 * np.pi * 200 * times), np.sin(2 * np.pi * 4000 * times)) / 2
    soundfile.write(tmp_path / "tones.wav", samples, 16_000)
    (png,) = draw_spectrogram(str(tmp_path / "tones.wav"), DecodeConfig())
    image = np.asarray(Image.open(io.BytesIO(png)).convert("L"), np.int32)
    assert image.shape[0] == HEIGHT and image.shape[1] <= WIDTH
    brightest = image.argmax(axis=0)
    middle = image.shape[1] // 2
    octaves = np.log2([200 / 60, 4000 / 60]) / np.log2(7600 / 60)
    for rows, octave in ((brightest[5 : middle - 5], octaves[0]), (brightest[middle + 5 : -5], octaves[1])):
        assert np.abs(rows - HEIGHT * (1 - octave)).max() < 6
