"""Audio of any format as one stream of mono float32 blocks, in memory that does not grow with its length.

FFmpeg (PyAV) decodes everything. libsndfile was measured and left: as fast for MP3 and FLAC, three times slower for
Opus, and it silently ends an MP3 where the header or the first bit rate suggests: it read 27.8 s of 120 s of variable
bit rate, and 5 s of 125 s of two files joined, the way podcasts with inserted advertisements are.
"""

import dataclasses
import itertools
import math
import re
import stat
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

import av
import av.error
import numpy as np
import soxr
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from numpy.typing import DTypeLike, NDArray

from models.errors import BadMediaError

_Samples: TypeAlias = NDArray[np.float32]

# Containers that may be read, by FFmpeg's names; none refers to other files, as playlists do. In the first a header
# states the length (in an MP3 if _counts_mp3_frames); of the others FFmpeg estimates it, or clips it to the file.
_STATING_LENGTH = "aiff,ape,asf,au,flac,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,tta,wav,wv"
_NOT_STATING_LENGTH = "aac,ac3,amr,avi,caf,eac3,flv,mpeg,mpegts,ogg,w64"
_OPEN_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": f"{_STATING_LENGTH},{_NOT_STATING_LENGTH}"}

# FFmpeg's sample formats, all of them: numpy's type, the value of silence, the value of full scale above it.
_SAMPLE_FORMATS: dict[str, tuple[DTypeLike, float, float]] = {
    "u8": (np.uint8, 2.0**7, 2.0**7),
    "s16": (np.int16, 0.0, 2.0**15),
    "s32": (np.int32, 0.0, 2.0**31),
    "s64": (np.int64, 0.0, 2.0**63),
    "flt": (np.float32, 0.0, 1.0),
    "dbl": (np.float64, 0.0, 1.0),
}

_MIN_SOURCE_RATE, _MAX_SOURCE_RATE = 1_000, 768_000
_BATCH_SAMPLES = 65_536  # soxr ran 5500x realtime fed with this many, 4000x with 4096
_UNKNOWN_WAV_SIZES = {0, 0x7FFFF000, 0xFFFFFFFF}  # what encoders write (sox the second) that could not seek back


@dataclasses.dataclass(frozen=True)
class DecodeConfig:
    """How audio is cut into blocks, and which audio is refused.

    max_missing_s, max_missing_share: of the length that the header states; with more missing than either allows, the
    file counts as truncated. The share is for MP3s joined end to end, whose stated length is off by a frame or so each.
    """

    block_s: float = 30.0
    min_duration_s: float = 0.1
    max_duration_s: float = 86_400.0
    max_missing_s: float = 0.5
    max_missing_share: float = 0.001

    def __post_init__(self) -> None:
        if self.block_s <= 0:
            raise ValueError(f"block_s must be positive, got {self.block_s}")
        if not 0 <= self.min_duration_s <= self.max_duration_s:
            raise ValueError(
                f"min_duration_s must be 0 to {self.max_duration_s} (the maximum), got {self.min_duration_s}"
            )
        for name in ("max_missing_s", "max_missing_share"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")


def decode_audio(path: str, sample_rate: int, config: DecodeConfig) -> Iterator[_Samples]:
    """Yields the first audio stream of a local file, mono, in blocks of `round(block_s * sample_rate)` but the last.

    Mono is the mean of the channels. The blocks join to what soxr's HQ makes of the whole at once, bit for bit. Damaged
    packets are left out, and gaps between timestamps closed.

    Raises BadMediaError, perhaps after some blocks (truncation shows at the end): `read` if the file cannot be opened,
    else `decode`. Protocols other than local files, and playlists, are refused.
    """
    if sample_rate <= 0:
        raise ValueError(f"sample_rate must be positive, got {sample_rate}")
    size = max(1, round(config.block_s * sample_rate))
    try:
        with _open(path) as container:
            yield from _join_blocks(_decode(container, path, sample_rate, config), size)
    except MemoryError:
        raise
    except av.error.FFmpegError as error:
        raise BadMediaError("decode", f"expected audio, got what FFmpeg cannot read: {error.strerror}") from error


def _open(path: str) -> InputContainer:
    try:
        status = Path(path).stat()
        if stat.S_ISREG(status.st_mode) and status.st_size == 0:
            raise BadMediaError("decode", "expected audio, got an empty file")
        # With its protocol named, a path such as `http://…` or `concat:…` is only a path.
        return av.open(f"file:{Path(path).absolute()}", options=_OPEN_OPTIONS, metadata_errors="replace")
    except OSError as error:
        raise BadMediaError("read", str(error)) from error


def _decode(container: InputContainer, path: str, sample_rate: int, config: DecodeConfig) -> Iterator[_Samples]:
    if not container.streams.audio:
        raise BadMediaError("decode", f"expected an audio stream, got {len(container.streams)} others")
    stream = container.streams.audio[0]
    frames = itertools.chain.from_iterable(_decode_packet(packet) for packet in container.demux(stream))
    first = next(frames, None)
    if first is None:
        raise BadMediaError("decode", "holds no audio")
    rate = first.sample_rate
    if not _MIN_SOURCE_RATE <= rate <= _MAX_SOURCE_RATE:
        raise BadMediaError("decode", f"sample rate must be {_MIN_SOURCE_RATE} to {_MAX_SOURCE_RATE} Hz, got {rate}")

    mono = (_downmix(frame, rate) for frame in _join_frames(itertools.chain([first], frames)))
    checked = _check(mono, rate, _stated_duration_s(container, stream, path), config)
    yield from checked if rate == sample_rate else _resample(checked, rate, sample_rate)


def _decode_packet(packet: "Packet[AudioStream]") -> Iterable[AudioFrame]:
    """The frames of a packet of audio; none if it is damaged."""
    try:
        return packet.decode()
    except av.error.InvalidDataError:
        return ()


def _join_frames(frames: Iterable[AudioFrame]) -> Iterator[AudioFrame]:
    """Frames of some `_BATCH_SAMPLES` samples, of one format each, because numpy's cost is by the call."""
    fifo = AudioFifo()
    for frame in frames:
        frame.pts = None  # gaps are closed
        try:
            fifo.write(frame)
        except ValueError:  # another format than before
            yield from _read_all(fifo)
            fifo = AudioFifo()
            fifo.write(frame)
        if fifo.samples >= _BATCH_SAMPLES:
            yield from _read_all(fifo)
    yield from _read_all(fifo)


def _read_all(fifo: AudioFifo) -> Iterator[AudioFrame]:
    joined = fifo.read() if fifo.samples else None
    if joined is not None:
        yield joined


def _downmix(frame: AudioFrame, rate: int) -> _Samples:
    """The mean of the channels, full scale being 1."""
    if frame.sample_rate != rate:
        raise BadMediaError("decode", f"sample rate must stay {rate} Hz, got {frame.sample_rate}")
    channels = frame.layout.nb_channels
    dtype, silence, full_scale = _SAMPLE_FORMATS[frame.format.name.removesuffix("p")]

    with np.errstate(over="ignore", invalid="ignore"):  # _check refuses what overflows
        mono, *others = (column.astype(np.float32) for column in _columns(frame, dtype, channels))
        for other in others:
            mono += other
        if (silence, full_scale) != (0.0, 1.0):
            mono = (mono - np.float32(silence * channels)) * np.float32(1 / full_scale)
        if channels > 1:
            mono /= np.float32(channels)
    return mono


def _columns(frame: AudioFrame, dtype: DTypeLike, channels: int) -> Iterable[NDArray[np.generic]]:
    """The samples of each channel, as stored."""
    planes, width = (channels, 1) if frame.format.is_planar else (1, channels)
    # PyAV 18 lists more planes than there are where channels are many: the rest is whatever memory follows.
    stored = [np.frombuffer(frame.planes[plane], dtype, frame.samples * width) for plane in range(planes)]  # type: ignore[call-overload]
    return stored if width == 1 else stored[0].reshape(-1, channels).T


def _check(batches: Iterable[_Samples], rate: int, stated_s: float, config: DecodeConfig) -> Iterator[_Samples]:
    _check_not_longer(stated_s, config)
    duration_s, samples = 0.0, 0
    for batch in batches:
        if not math.isfinite(float(batch.sum())):  # four times faster than looking at each
            raise BadMediaError("decode", f"samples must be finite, got NaN or infinity after {duration_s:.1f} s")
        samples += len(batch)
        duration_s = samples / rate
        _check_not_longer(duration_s, config)
        yield batch
    if duration_s < config.min_duration_s:
        raise BadMediaError("decode", f"must last {config.min_duration_s} s or more, got {duration_s:.5f} s")
    if stated_s - duration_s > max(config.max_missing_s, config.max_missing_share * stated_s):
        raise BadMediaError("decode", f"truncated: the header states {stated_s:.2f} s, got {duration_s:.2f} s")


def _check_not_longer(duration_s: float, config: DecodeConfig) -> None:
    if duration_s > config.max_duration_s:
        raise BadMediaError("decode", f"must last {config.max_duration_s} s or less, got {duration_s:.1f} s")


def _resample(batches: Iterable[_Samples], rate: int, sample_rate: int) -> Iterator[_Samples]:
    # To 8 kHz, HQ runs 5500x realtime with aliases below -140 dB; LQ, 7000x, dulls the top octave; QQ aliases at 0 dB.
    resampler = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32", quality="HQ")
    for batch in batches:
        yield resampler.resample_chunk(batch)
    yield resampler.resample_chunk(np.empty(0, np.float32), last=True)


def _join_blocks(batches: Iterable[_Samples], size: int) -> Iterator[_Samples]:
    """The same samples in arrays of `size`, but the last."""
    pending: list[_Samples] = []
    for batch in batches:
        pending.append(batch)
        if sum(map(len, pending)) < size:
            continue
        joined = np.concatenate(pending)
        whole = len(joined) // size * size
        yield from joined[:whole].reshape(-1, size)
        pending = [joined[whole:]]
    if sum(map(len, pending)):
        yield np.concatenate(pending)


def _stated_duration_s(container: InputContainer, stream: AudioStream, path: str) -> float:
    """How long the header says that a stream lasts; 0 if it does not say."""
    name = container.format.name.split(",")[0]
    if name not in _STATING_LENGTH.split(",") or (name == "mp3" and not _counts_mp3_frames(path)):
        return 0.0
    if name == "wav" and (wav_s := _stated_wav_duration_s(path)):
        return wav_s
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / av.time_base
    return 0.0


def _stated_wav_duration_s(path: str) -> float:
    """From the size of the data chunk, which FFmpeg clips to the file; 0 if unknown."""
    byte_rate = 0
    with Path(path).open("rb") as file:
        if not re.fullmatch(rb"RIFF.{4}WAVE", file.read(12), re.DOTALL):
            return 0.0  # RF64: FFmpeg gives its length unclipped
        while len(header := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", header)
            next_chunk = file.tell() + size + size % 2
            if name == b"data":
                return size / byte_rate if byte_rate and size not in _UNKNOWN_WAV_SIZES else 0.0
            if name == b"fmt ":
                byte_rate = int.from_bytes(file.read(12)[8:], "little")
            file.seek(next_chunk)
    return 0.0


def _counts_mp3_frames(path: str) -> bool:
    """Whether an MP3's first frame is a Xing or VBRI header, rather than audio. Before it may stand ID3 tags."""
    with Path(path).open("rb") as file:
        while (start := file.read(10)).startswith(b"ID3"):
            tag_size = sum((byte & 0x7F) << shift for byte, shift in zip(start[6:], (21, 14, 7, 0), strict=False))
            file.seek(tag_size, 1)
        frame = start + file.read(50)
    return any(mark in frame for mark in (b"Xing", b"Info", b"VBRI"))
