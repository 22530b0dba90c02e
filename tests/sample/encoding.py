"""Samples and frames written to files. The muxers are told to leave out dates and versions."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile
from instruments import SAMPLE_RATE, Samples
from scipy import signal

Frame = npt.NDArray[np.uint8]  # [height, width, 3], RGB

_BIT_EXACT = {"fflags": "+bitexact"}
_CODECS = {".mp3": "libmp3lame", ".opus": "libopus", ".m4a": "aac"}
_ENCODER_OPTIONS = {".opus": {"vbr": "constrained"}}


def write_audio(path: Path, samples: Samples, sample_rate: int, bit_rate: int = 0) -> None:
    """Writes samples at SAMPLE_RATE into what the name's ending says, resampled to `sample_rate`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    resampled = (
        signal.resample_poly(samples, sample_rate, SAMPLE_RATE, axis=0) if sample_rate != SAMPLE_RATE else samples
    )
    if path.suffix in _CODECS:
        _write_with_ffmpeg(path, resampled, sample_rate, bit_rate)
    elif path.suffix == ".flac":
        rounded = np.round(resampled * 2**11) / 2**11  # 12 bits are enough for this music and halve the file
        soundfile.write(path, rounded, sample_rate, subtype="PCM_16", compression_level=1.0)
    else:
        _write_vorbis(path, resampled, sample_rate)


def write_video(path: Path, frames: list[Frame], frames_a_second: int, samples: Samples | None) -> None:
    """H.264 in an MP4 file, with an AAC track of mono samples at SAMPLE_RATE if there are any."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(path, "w", options=_BIT_EXACT) as container:
        video = container.add_stream(
            "libx264", rate=frames_a_second, options={"crf": "27", "preset": "slow", "threads": "1"}
        )
        video.height, video.width = frames[0].shape[:2]
        audio = (
            None if samples is None else container.add_stream("aac", rate=SAMPLE_RATE, layout="mono", bit_rate=48_000)
        )
        packets = [packet for frame in frames for packet in video.encode(av.VideoFrame.from_ndarray(frame))]
        packets += video.encode()
        if audio is not None:
            packets += [*audio.encode(_audio_frame(samples, SAMPLE_RATE)), *audio.encode()]
        container.mux(sorted(packets, key=lambda packet: packet.dts * packet.time_base))


def write_image(path: Path, frame: Frame) -> None:
    """A PNG or a JPEG of good quality, as the name's ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    codec, pixels = {".png": ("png", "rgb24"), ".jpg": ("mjpeg", "yuvj420p")}[path.suffix]
    encoder = av.CodecContext.create(codec, "w")
    encoder.height, encoder.width = frame.shape[:2]
    encoder.pix_fmt, encoder.time_base = pixels, Fraction(1)
    encoder.qmin = encoder.qmax = 3
    encoder.flags |= av.codec.context.Flags.bitexact
    picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format=pixels)
    packets = [*encoder.encode(picture), *encoder.encode(None)]
    path.write_bytes(b"".join(bytes(packet) for packet in packets))


def _write_with_ffmpeg(path: Path, samples: Samples, sample_rate: int, bit_rate: int) -> None:
    with av.open(path, "w", options=_BIT_EXACT) as container:
        layout = "mono" if samples.ndim == 1 else "stereo"
        options = _ENCODER_OPTIONS.get(path.suffix)
        stream = container.add_stream(
            _CODECS[path.suffix], rate=sample_rate, layout=layout, bit_rate=bit_rate, options=options
        )
        container.mux(stream.encode(_audio_frame(samples, sample_rate)))
        container.mux(stream.encode())


def _write_vorbis(path: Path, samples: Samples, sample_rate: int) -> None:
    """By libsndfile, as PyAV's wheel has no Vorbis encoder; second by second, as libsndfile crashes on long writes."""
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(path, "w", sample_rate, channels, "VORBIS", format="OGG", compression_level=0.75) as sound:
        for start in range(0, len(samples), sample_rate):
            sound.write(samples[start : start + sample_rate])


def _audio_frame(samples: Samples, sample_rate: int) -> av.AudioFrame:
    """One frame of packed 16-bit samples; PyAV cuts it to the encoder's size."""
    packed = np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(packed, format="s16", layout="mono" if samples.ndim == 1 else "stereo")
    frame.sample_rate, frame.pts = sample_rate, 0
    return frame
