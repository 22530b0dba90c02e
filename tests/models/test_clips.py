import numpy as np
import pytest
import soundfile

from models.clips import CLIP_RATE, cut_clips, encode_clip
from models.decoding import DecodeConfig, decode_audio
from models.errors import BadMediaError

CONFIG = DecodeConfig()


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """25 s of noise: its file and samples."""
    path = tmp_path_factory.mktemp("clips") / "noise.wav"
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, 25 * CLIP_RATE).astype(np.float32)
    soundfile.write(path, samples, CLIP_RATE, "FLOAT")
    return str(path), samples


def test_clips_are_the_samples_of_their_spans(recording):
    path, samples = recording
    spans = [(9.5, 10.5), (0.0, 25.0), (12.0, 12.25), (24.0, 40.0), (30.0, 31.0), (9.5, 10.5)]
    clips = dict(cut_clips(path, spans, CONFIG))
    assert sorted(clips) == [0, 1, 2, 3, 5]  # the fifth lies beyond the end
    for number, clip in clips.items():
        start_s, end_s = spans[number]
        np.testing.assert_array_equal(clip, samples[round(start_s * CLIP_RATE) : round(end_s * CLIP_RATE)])


def test_what_cannot_be_decoded_is_refused(tmp_path):
    (tmp_path / "none.mp3").write_bytes(b"no audio")
    with pytest.raises(BadMediaError):
        list(cut_clips(str(tmp_path / "none.mp3"), [(0.0, 1.0)], CONFIG))


def test_encoded_clips_are_as_long_and_neither_early_nor_late(tmp_path):
    times = np.arange(3 * CLIP_RATE) / CLIP_RATE
    samples = np.sin(2 * np.pi * (200 + 300 * times) * times).astype(np.float32) / 2
    (tmp_path / "clip.webm").write_bytes(encode_clip(samples))
    decoded = np.concatenate(list(decode_audio(str(tmp_path / "clip.webm"), CLIP_RATE, CONFIG)))
    assert abs(len(decoded) - len(samples)) <= CLIP_RATE // 50  # a packet of Opus
    assert np.corrcoef(decoded[: len(samples)], samples[: len(decoded)])[0, 1] > 0.95
