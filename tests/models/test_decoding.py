"""Oracles: libsndfile's reading of the same file, soxr's resampling of the whole at once, and what was encoded."""

import os
import re
import socket
import struct
import tracemalloc

import av
import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.decoding import DecodeConfig, decode_audio
from models.errors import BadMediaError

RATE = 44_100
RNG = np.random.default_rng(7)
STEREO = RNG.uniform(-0.5, 0.5, (3 * RATE + 77, 2)).astype(np.float32)
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(4 * RATE) / RATE)).astype(np.float32)


def decode(path, sample_rate=8_000, **knobs):
    return np.concatenate(list(decode_audio(str(path), sample_rate, DecodeConfig(**knobs))))


def failure(path, **knobs):
    with pytest.raises(BadMediaError) as caught:
        decode(path, **knobs)
    return str(caught.value)


def encode(path, codec, samples, layout="mono", rate=RATE, stream_options=None, **options):
    """Writes mono samples, or interleaved ones, by FFmpeg."""
    channels = av.AudioLayout(layout).nb_channels
    interleaved = (np.ravel(samples) * 32767).astype(np.int16)[None]
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout, options=stream_options or {})
        step = 1024 * channels
        for start in range(0, interleaved.shape[1], step):
            piece = np.ascontiguousarray(interleaved[:, start : start + step])
            frame = av.AudioFrame.from_ndarray(piece, format="s16", layout=layout)
            frame.sample_rate, frame.pts = rate, start // channels
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def truncate(path, share=0.5):
    os.truncate(path, int(path.stat().st_size * share))
    return path


def patch(path, offset, data):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)
    return path


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("u8.wav", {"subtype": "PCM_U8"}),
        ("s16.wav", {"subtype": "PCM_16"}),
        ("s24.wav", {"subtype": "PCM_24"}),
        ("s32.wav", {"subtype": "PCM_32"}),
        ("f32.wav", {"subtype": "FLOAT"}),
        ("f64.wav", {"subtype": "DOUBLE"}),
        ("ulaw.wav", {"subtype": "ULAW"}),
        ("rf64.wav", {"format": "RF64"}),
        ("s24.flac", {"subtype": "PCM_24"}),
        ("s16.aiff", {"subtype": "PCM_16"}),
    ],
)
def test_lossless_audio_equals_soxr_of_the_whole_that_libsndfile_reads_bit_for_bit(tmp_path, name, kwargs):
    path = tmp_path / name
    soundfile.write(path, STEREO, RATE, **kwargs)
    samples, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_array_equal(decode(path, RATE), samples.mean(axis=1))
    np.testing.assert_array_equal(decode(path, 8_000), soxr.resample(samples.mean(axis=1), RATE, 8_000))


@pytest.mark.parametrize(("name", "kind"), [("a.mp3", "MP3"), ("a.ogg", "VORBIS"), ("a.opus", "OPUS")])
def test_lossy_audio_is_what_libsndfile_and_soxr_make_of_it(tmp_path, name, kind):
    path, rate = tmp_path / name, 48_000
    container, codec = ("MP3", None) if kind == "MP3" else ("OGG", kind)
    with soundfile.SoundFile(path, "w", rate, 1, format=container, subtype=codec) as file:
        for start in range(0, len(TONE), rate):  # libsndfile crashes on long writes of Vorbis
            file.write(TONE[start : start + rate])
    expected = soxr.resample(soundfile.read(path, dtype="float32")[0], rate, 8_000)
    decoded = decode(path)
    assert len(decoded) == len(expected)
    np.testing.assert_allclose(decoded, expected, atol=1e-4)


@pytest.mark.parametrize(("name", "codec"), [("tone.m4a", "aac"), ("tone.mkv", "aac"), ("tone.webm", "libopus")])
def test_containers_of_video_give_the_tone_that_was_encoded(tmp_path, name, codec):
    rate = 48_000 if codec == "libopus" else RATE
    decoded = decode(encode(tmp_path / name, codec, TONE, rate=rate))
    spectrum = np.abs(np.fft.rfft(decoded * np.hanning(len(decoded))))
    assert np.argmax(spectrum) * 8_000 / len(decoded) == pytest.approx(440 * rate / RATE, abs=1)
    assert np.sqrt(np.mean(decoded**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


@pytest.fixture(scope="module")
def mp3(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("mp3") / "stereo.mp3", "libmp3lame", STEREO, layout="stereo")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(block_s=st.floats(0.0001, 5), sample_rate=st.sampled_from([8_000, 16_000, 44_100, 44_101]))
def test_block_length_changes_no_bit_of_the_samples(mp3, block_s, sample_rate):
    blocks = list(decode_audio(str(mp3), sample_rate, DecodeConfig(block_s=block_s)))
    size = max(1, round(block_s * sample_rate))
    assert {len(block) for block in blocks[:-1]} <= {size}
    assert 0 < len(blocks[-1]) <= size
    np.testing.assert_array_equal(np.concatenate(blocks), decode(mp3, sample_rate))


def test_memory_does_not_grow_with_length(tmp_path):
    def peak_bytes(duration_s):
        path = tmp_path / f"{duration_s}.wav"
        soundfile.write(path, np.zeros(duration_s * 8_000, np.int16), 8_000)
        tracemalloc.start()
        assert sum(map(len, decode_audio(str(path), 8_000, DecodeConfig(block_s=10)))) == duration_s * 8_000
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak_bytes(1_200) < 1.2 * peak_bytes(120)


def test_tones_above_the_new_range_do_not_alias(tmp_path):
    soundfile.write(tmp_path / "high.wav", np.sin(2 * np.pi * 4_200 * np.arange(RATE) / RATE), RATE, subtype="FLOAT")
    assert np.abs(decode(tmp_path / "high.wav")[400:-400]).max() < 10 ** (-100 / 20)


@pytest.mark.parametrize("channels", [1, 6, 8, 32])
def test_any_number_of_channels_becomes_their_mean(tmp_path, channels):
    samples = RNG.uniform(-0.5, 0.5, (RATE, channels))
    soundfile.write(tmp_path / "many.wav", samples, RATE, subtype="FLOAT")
    np.testing.assert_allclose(decode(tmp_path / "many.wav", RATE), samples.mean(axis=1), atol=1e-6)


def test_eight_planar_channels_become_their_mean(tmp_path):
    samples = RNG.uniform(-0.5, 0.5, (RATE, 8))
    decoded = decode(encode(tmp_path / "many.wv", "wavpack", samples, layout="7.1"), RATE)  # of 8 bits
    np.testing.assert_allclose(decoded, samples.mean(axis=1), atol=1 / 128)


def test_telephone_audio_is_brought_up_to_the_rate(tmp_path):
    soundfile.write(tmp_path / "telephone.wav", TONE[:8_000], 4_000, subtype="FLOAT")
    np.testing.assert_array_equal(decode(tmp_path / "telephone.wav"), soxr.resample(TONE[:8_000], 4_000, 8_000))


def test_the_extension_does_not_matter(tmp_path, mp3):
    (tmp_path / "mp3.wav").write_bytes(mp3.read_bytes())
    np.testing.assert_array_equal(decode(tmp_path / "mp3.wav"), decode(mp3))


def test_a_path_that_looks_like_a_protocol_is_only_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    soundfile.write("concat:a|b", TONE, RATE, format="WAV")
    assert len(decode("concat:a|b")) == 32_000
    assert failure("http://127.0.0.1/a.mp3").startswith("read: ")


def test_mp3_of_variable_bit_rate_without_a_header_is_decoded_whole(tmp_path):
    loud_then_silent = np.concatenate([STEREO[:, 0], np.zeros(20 * RATE, np.float32)])
    for name, samples in (("rising.mp3", loud_then_silent[::-1]), ("falling.mp3", loud_then_silent)):
        path = encode(tmp_path / name, "libmp3lame", samples, write_xing="0",
                      stream_options={"flags": "+qscale", "global_quality": "500"})  # fmt: skip
        assert len(decode(path)) / 8_000 == pytest.approx(len(samples) / RATE, abs=0.1)


def test_joined_mp3_files_are_decoded_past_the_length_of_the_first(tmp_path, mp3):
    (tmp_path / "joined.mp3").write_bytes(mp3.read_bytes() + mp3.read_bytes())
    assert len(decode(tmp_path / "joined.mp3")) == pytest.approx(2 * len(decode(mp3)), abs=0.1 * 8_000)


def test_damaged_mp3_frames_are_left_out(tmp_path, mp3):
    damaged = tmp_path / "damaged.mp3"
    damaged.write_bytes(mp3.read_bytes())
    patch(damaged, damaged.stat().st_size // 2, RNG.bytes(800))
    assert len(decode(damaged)) / 8_000 == pytest.approx(3, abs=0.3)


def test_an_embedded_cover_is_no_hindrance(tmp_path, mp3):
    tag = b"ID3\x04\x00\x00" + bytes([0, 3, 0, 0]) + bytes(3 << 14)
    (tmp_path / "tagged.mp3").write_bytes(tag + mp3.read_bytes())
    np.testing.assert_array_equal(decode(tmp_path / "tagged.mp3"), decode(mp3))
    assert "truncated" in failure(truncate(tmp_path / "tagged.mp3", 0.8))


@pytest.mark.parametrize("name", ["tone.wav", "tone.rf64", "tone.aiff", "tone.au", "tone.flac", "tone.mp3"])
def test_truncated_file_is_refused(tmp_path, name):
    soundfile.write(tmp_path / name, TONE, RATE)
    assert re.search(r"truncated: the header states 4.00 s, got [12]\.\d\d s", failure(truncate(tmp_path / name)))


@pytest.mark.parametrize(("name", "options"), [("tone.m4a", {"movflags": "+faststart"}), ("tone.mkv", {})])
def test_truncated_container_is_refused(tmp_path, name, options):
    assert "truncated" in failure(truncate(encode(tmp_path / name, "aac", TONE, **options)))


def test_truncated_mp4_that_has_lost_its_index_is_refused(tmp_path):
    assert "cannot read" in failure(truncate(encode(tmp_path / "tone.m4a", "aac", TONE)))


def test_truncation_below_the_tolerance_is_accepted(tmp_path):
    soundfile.write(tmp_path / "tone.wav", TONE, RATE)
    assert len(decode(truncate(tmp_path / "tone.wav", 0.9), max_missing_s=0.41)) / 8_000 == pytest.approx(3.6, abs=0.01)


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_wav_of_a_length_unknown_when_it_was_written_is_decoded(tmp_path, size):
    soundfile.write(tmp_path / "piped.wav", TONE, RATE)
    assert len(decode(patch(tmp_path / "piped.wav", 40, struct.pack("<I", size)))) == 32_000


def test_wav_header_of_100_hours_is_refused_by_either_limit(tmp_path):
    path = tmp_path / "long.wav"
    soundfile.write(path, TONE, 8_000, subtype="PCM_U8")
    patch(path, 40, struct.pack("<I", 100 * 3_600 * 8_000))
    assert failure(path) == "decode: must last 86400.0 s or less, got 360000.0 s"
    assert "truncated: the header states 360000.00 s" in failure(path, max_duration_s=1e6)


def test_audio_longer_than_its_header_admits_is_stopped(tmp_path):
    path = encode(tmp_path / "long.aac", "aac", np.zeros(20 * RATE))
    assert "must last 10 s or less" in failure(path, max_duration_s=10)


def test_one_sample_is_too_short(tmp_path):
    soundfile.write(tmp_path / "one.wav", TONE[:1], RATE)
    assert failure(tmp_path / "one.wav") == "decode: must last 0.1 s or more, got 0.00002 s"


def test_flac_of_a_length_unknown_when_it_was_written_is_decoded(tmp_path):
    soundfile.write(tmp_path / "piped.flac", TONE, RATE)
    header = bytearray((tmp_path / "piped.flac").read_bytes()[:26])
    header[21] &= 0xF0  # the low half of this byte and the next four count the samples
    header[22:26] = bytes(4)
    assert len(decode(patch(tmp_path / "piped.flac", 0, header))) == 32_000


def test_tags_in_an_old_encoding_are_no_hindrance(tmp_path):
    soundfile.write(tmp_path / "tagged.wav", TONE, RATE)
    with (tmp_path / "tagged.wav").open("ab") as file:
        file.write(b"LIST" + struct.pack("<I", 16) + b"INFOINAM" + struct.pack("<I", 4) + b"\xe9t\xe9\0")
    assert len(decode(tmp_path / "tagged.wav")) == 32_000


@pytest.mark.parametrize("tail", [b"fmt ", b"fmt \0\0\0\0", b"fmt \1\0\0\0", b"\0" * 9])
def test_a_wav_whose_chunks_end_early_is_refused(tmp_path, tail):
    soundfile.write(tmp_path / "cut.wav", TONE, RATE)
    (tmp_path / "cut.wav").write_bytes((tmp_path / "cut.wav").read_bytes()[:36] + tail)
    assert failure(tmp_path / "cut.wav").startswith("decode: ")


def test_no_samples_are_no_audio(tmp_path):
    soundfile.write(tmp_path / "none.wav", TONE[:0], RATE)
    assert failure(tmp_path / "none.wav") == "decode: holds no audio"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_numbers_are_refused(tmp_path, value):
    samples = TONE.copy()
    samples[-1] = value
    soundfile.write(tmp_path / "wrong.wav", samples, RATE, subtype="FLOAT")
    assert failure(tmp_path / "wrong.wav") == "decode: samples must be finite, got NaN or infinity after 3.0 s"


def test_double_samples_too_large_for_float32_are_refused(tmp_path):
    soundfile.write(tmp_path / "huge.wav", np.full(RATE, 1e300), RATE, subtype="DOUBLE")
    assert "must be finite" in failure(tmp_path / "huge.wav")


def test_absurd_sample_rate_is_refused(tmp_path):
    soundfile.write(tmp_path / "slow.wav", TONE, 20)
    assert failure(tmp_path / "slow.wav") == "decode: sample rate must be 1000 to 768000 Hz, got 20"


@pytest.mark.parametrize("name", ["text.mp3", "text.wav", "text.vox", "text.gsm", "text.raw", "text"])
def test_text_is_refused_whatever_it_is_called(tmp_path, name):
    (tmp_path / name).write_text("No music here. " * 1_000)
    assert failure(tmp_path / name).startswith("decode: expected audio, got what FFmpeg cannot read")


def test_empty_file_is_refused(tmp_path):
    (tmp_path / "empty.mp3").touch()
    assert failure(tmp_path / "empty.mp3") == "decode: expected audio, got an empty file"


def test_random_bytes_are_refused(tmp_path):
    (tmp_path / "noise.mp3").write_bytes(RNG.bytes(100_000))
    assert failure(tmp_path / "noise.mp3").startswith("decode: ")


def test_video_without_sound_is_refused(tmp_path):
    with av.open(str(tmp_path / "mute.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, width=64, height=64)
        stream.pix_fmt = "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    assert failure(tmp_path / "mute.mp4") == "decode: expected an audio stream, got 1 others"


def test_a_file_that_cannot_be_opened_fails_at_reading(tmp_path):
    assert failure(tmp_path / "missing.mp3").startswith("read: [Errno 2]")
    assert failure(tmp_path).startswith("read: [Errno 21]")


PLAYLISTS = {
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{target}\n#EXT-X-ENDLIST\n",
    "list.ffconcat": "ffconcat version 1.0\nfile '{target}'\n",
    "list.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 0\n",
    "list.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
    "<Representation><BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_playlists_are_refused_and_fetch_nothing(tmp_path, name):
    other = encode(tmp_path / "other.ts", "aac", TONE)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        port = server.getsockname()[1]
        for target in (other, other.name, f"http://127.0.0.1:{port}/a.ts"):
            (tmp_path / name).write_text(PLAYLISTS[name].format(target=target, port=port))
            assert failure(tmp_path / name).startswith("decode: expected audio, got what FFmpeg cannot read")
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"block_s": 0}, "block_s must be positive, got 0"),
        ({"min_duration_s": 5, "max_duration_s": 4}, "min_duration_s must be 0 to 4 (the maximum), got 5"),
        ({"max_missing_s": -1}, "max_missing_s must not be negative, got -1"),
    ],
)
def test_wrong_knobs_are_named(knobs, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        DecodeConfig(**knobs)
