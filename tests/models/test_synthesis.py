"""Oracle: what each sound claims of itself, measured: its colour, its pitch, its steadiness, its gaps."""

import itertools

import numpy as np
import pytest
from scipy import signal

from models import creatures, events, noises, songs, tones, weather
from models.synthesis import SYNTHESIZERS, synthesize

SAMPLE_RATE = 16_000
ALL = [(label, synthesizer) for label, synthesizers in SYNTHESIZERS.items() for synthesizer in synthesizers]
NAMES = [f"{label}-{synthesizer.__name__}" for label, synthesizer in ALL]


def sound_of(synthesizer, seed=0, duration_s=4.0, sample_rate=SAMPLE_RATE):
    return synthesizer(np.random.default_rng(seed), duration_s, sample_rate)


def spectrum_of(samples, size=4096):
    """Frequencies in Hz and power."""
    return signal.welch(samples.astype(np.float64), SAMPLE_RATE, nperseg=min(size, len(samples)))


def slope_db_of(samples, low_hz=100, high_hz=6000):
    """The slope of the spectrum in dB an octave, every octave counting the same."""
    pitches_hz, power = spectrum_of(samples)
    edges_hz = 2 ** np.arange(np.log2(low_hz), np.log2(high_hz), 0.5)
    level_db = [
        10 * np.log10(power[(pitches_hz >= low) & (pitches_hz < high)].mean())
        for low, high in itertools.pairwise(edges_hz)
    ]
    return np.polyfit(0.5 * np.arange(len(level_db)), level_db, 1)[0]


def pitches_of(samples, count):
    """The loudest peaks of the spectrum in Hz, at least 20 Hz apart."""
    pitches_hz, power = spectrum_of(samples, SAMPLE_RATE)
    peaks, _ = signal.find_peaks(power, distance=20)
    return pitches_hz[peaks[np.argsort(power[peaks])[::-1][:count]]]


def pitch_classes_over_time(samples, frame_s=0.5):
    """For each frame how much of its tonal power lies in each of the 12 classes of pitch: [frames, 12]."""
    size = round(frame_s * SAMPLE_RATE)
    pitches_hz, _, spectra = signal.stft(samples, SAMPLE_RATE, nperseg=size, noverlap=0, boundary=None, padded=False)
    heard = (pitches_hz > 100) & (pitches_hz < 2000)
    classes = np.round(12 * np.log2(pitches_hz[heard] / 440)).astype(int) % 12
    power = np.abs(spectra[heard]) ** 2
    chroma = np.array([power[classes == number].sum(axis=0) for number in range(12)]).T
    return chroma / (chroma.sum(axis=1, keepdims=True) + 1e-12)


def levels_db_of(samples, frame_s=0.05):
    frames = samples[: len(samples) // round(frame_s * SAMPLE_RATE) * round(frame_s * SAMPLE_RATE)]
    power = (frames.reshape(-1, round(frame_s * SAMPLE_RATE)).astype(np.float64) ** 2).mean(axis=1)
    return 10 * np.log10(power + 1e-12)


@pytest.mark.parametrize(("duration_s", "sample_rate"), [(0.5, 8000), (1.37, 16_000), (0.6, 44_100)])
@pytest.mark.parametrize(("label", "synthesizer"), ALL, ids=NAMES)
def test_every_synthesizer_gives_sound_of_the_length_asked_for(label, synthesizer, duration_s, sample_rate):
    samples = sound_of(synthesizer, sample_rate, duration_s, sample_rate)
    assert samples.dtype == np.float32 and samples.shape == (round(duration_s * sample_rate),)
    assert np.isfinite(samples).all()
    assert 0 < np.abs(samples).max() <= 1


@pytest.mark.parametrize("label", SYNTHESIZERS)
def test_a_number_is_always_the_same_sound_and_no_other(label):
    turn = len(SYNTHESIZERS[label])
    sound = synthesize(label, 3, 1.0, SAMPLE_RATE)
    np.testing.assert_array_equal(sound, synthesize(label, 3, 1.0, SAMPLE_RATE))
    for other in (4, 3 + turn):
        assert not np.allclose(sound, synthesize(label, other, 1.0, SAMPLE_RATE))


@pytest.mark.parametrize("label", SYNTHESIZERS)
def test_sounds_are_finite_and_within_full_scale_at_any_level(label):
    peaks = [np.abs(synthesize(label, number, 1.0, SAMPLE_RATE)).max() for number in range(12)]
    assert np.isfinite(peaks).all() and max(peaks) <= 1
    assert min(peaks) < 0.2 < max(peaks)


def test_an_unknown_label_is_refused():
    with pytest.raises(ValueError, match="got silence"):
        synthesize("silence", 0, 1.0, SAMPLE_RATE)


@pytest.mark.parametrize(
    ("colour", "slope_db"),
    [(noises.white, 0), (noises.pink, -3), (noises.brown, -6), (noises.blue, 3), (noises.violet, 6)],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_noise_colours_have_the_slope_of_their_name(colour, slope_db):
    assert slope_db_of(sound_of(colour, duration_s=8)) == pytest.approx(slope_db, abs=0.5)


def test_grey_noise_is_strongest_at_the_ends_of_hearing():
    pitches_hz, power = spectrum_of(sound_of(noises.grey, duration_s=8))
    low, middle, high = (power[np.argmin(np.abs(pitches_hz - hz))] for hz in (60, 2500, 7900))
    assert low > 30 * middle and high > middle


def test_noise_does_not_crackle():
    for synthesizer in SYNTHESIZERS["noise"]:
        samples = sound_of(synthesizer, duration_s=3)
        for second in np.array_split(samples, 12):
            assert np.abs(second).max() < 8 * second.std()


def test_solfeggio_tones_are_where_they_claim():
    for seed in range(8):
        loudest_hz = pitches_of(sound_of(tones.solfeggio, seed), 1)[0]
        ratios = [loudest_hz / (hz * ratio) for hz in tones.SOLFEGGIO_HZ for ratio in (0.25, 0.5, 1, 1.5, 2, 3, 4)]
        assert np.min(np.abs(np.array(ratios) - 1)) < 0.005


def test_mains_hum_has_only_harmonics_of_the_mains():
    for seed in range(6):
        pitches_hz = pitches_of(sound_of(tones.mains_hum, seed), 3)
        assert min(np.abs(pitches_hz - np.round(pitches_hz / mains) * mains).max() for mains in (50, 60)) <= 1.5


@pytest.mark.parametrize(
    "synthesizer", [tones.drone, tones.sines, tones.organ_point, tones.binaural, tones.hum, tones.singing_bowl]
)
def test_tones_have_no_melody(synthesizer):
    for seed in range(4):
        chroma = pitch_classes_over_time(sound_of(synthesizer, seed, 6))
        assert np.abs(chroma - chroma.mean(axis=0)).sum(axis=1).mean() < 0.6


def test_songs_have_melody_or_rhythm():
    for synthesizer in (songs.solo, songs.quartet, songs.music_box, songs.chiptune, songs.pop):
        chroma = pitch_classes_over_time(sound_of(synthesizer, 1, 6))
        assert np.abs(chroma - chroma.mean(axis=0)).sum(axis=1).mean() > 0.3
    assert levels_db_of(sound_of(songs.drum_solo, 1, 6)).std() > 2


def test_single_events_leave_gaps():
    for synthesizer in (events.clock, events.keyboard, creatures.dog, events.door):
        levels_db = levels_db_of(sound_of(synthesizer, 2, 6))
        assert np.percentile(levels_db, 99) - np.percentile(levels_db, 5) > 12


def test_weather_goes_on_without_gaps():
    for synthesizer in (weather.downpour, weather.waterfall, weather.brook):
        levels_db = levels_db_of(sound_of(synthesizer, 2, 6), 0.25)
        assert levels_db.max() - levels_db.min() < 15
