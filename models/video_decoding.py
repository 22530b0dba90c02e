"""Videos of any format as frames with exact times, decoded once, in memory that does not grow with their length."""

import collections
import dataclasses
import itertools
import math
import stat
import statistics
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import av.error
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from models.errors import BadMediaError
from models.frames import Frame, Picture
from models.pictures import Screen

# Containers that may be read, by FFmpeg's names; none refers to other files, as playlists do. The headers of the first
# state a length that a cut file still states.
_STATING_LENGTH = ("mov", "matroska", "avi", "flv", "asf", "mxf")
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,asf,mxf,mpegts,mpeg,mpegvideo,ogg,gif,apng,h261,h263,h264,hevc,m4v,"
    "vc1,obu,av1,ivf,dv,nut,rm,wtv,yuv4mpegpipe"
)
_OPEN_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
_DISCONTINUOUS = ("mpegts", "mpeg")  # formats that are cut from broadcasts: a clock that jumps is set anew

_MAX_BACK_S, _MAX_GAP_S = 1.0, 10.0  # further apart, timestamps are of another clock (FFmpeg's dts_delta_threshold)
_FALLBACK_RATE = 25.0
_MAX_ASPECT = 16.0
_RECENT_STEPS = 31


@dataclasses.dataclass(frozen=True)
class VideoConfig:
    """How large pictures are drawn, and which videos and images are refused.

    picture_side: the short side, in pixels, of what draw() gives; smaller ones stay small. max_pixels: of one frame or
    image, as stored. max_missing_s, max_missing_share: of the length that the header states; with more missing than
    either allows, the file counts as truncated.
    """

    picture_side: int = 256
    max_pixels: int = 40_000_000
    max_frames: int = 20_000_000
    max_duration_s: float = 86_400.0
    max_missing_s: float = 0.5
    max_missing_share: float = 0.001

    def __post_init__(self) -> None:
        for name in ("picture_side", "max_pixels", "max_frames", "max_duration_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("max_missing_s", "max_missing_share"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")


def decode_video(path: str, config: VideoConfig) -> Iterator[Frame]:
    """Yields the frames of a local file's best video stream in order of display; time 0 is the first of them.

    Turned upright, square pixels, transparency over white, HDR as SDR; of interlaced video a frame is one picture. A
    frame ends where the next starts. Timestamps that are missing or run backwards are replaced by the frame rate's.
    Damaged packets are left out.

    Raises BadMediaError, perhaps after some frames (truncation shows at the end): `read` if the file cannot be opened,
    else `decode`. Protocols other than local files, and playlists, are refused.
    """
    try:
        with _open(path) as container:
            yield from _decode(container, config)
    except MemoryError:
        raise
    except av.error.FFmpegError as error:
        raise BadMediaError("decode", f"expected a video, got what FFmpeg cannot read: {error.strerror}") from error


def check_size(width: int, height: int, config: VideoConfig) -> None:
    """Raises BadMediaError if a frame or image has too many pixels."""
    if width * height > config.max_pixels:
        raise BadMediaError("decode", f"must have {config.max_pixels} pixels or less, got {width} x {height}")


def check_length(start_s: float, frames: int, config: VideoConfig) -> None:
    """Raises BadMediaError if one more frame, at start_s, is too late or too many."""
    if start_s > config.max_duration_s:
        raise BadMediaError("decode", f"must last {config.max_duration_s} s or less, got a frame at {start_s:.1f} s")
    if frames >= config.max_frames:
        raise BadMediaError("decode", f"must have {config.max_frames} frames or less, got more")


def _open(path: str) -> InputContainer:
    try:
        status = Path(path).stat()
        if stat.S_ISREG(status.st_mode) and status.st_size == 0:
            raise BadMediaError("decode", "expected a video, got an empty file")
        # With its protocol named, a path such as `http://…` or `concat:…` is only a path.
        return av.open(f"file:{Path(path).absolute()}", options=_OPEN_OPTIONS, metadata_errors="replace")
    except OSError as error:
        raise BadMediaError("read", str(error)) from error


def _decode(container: InputContainer, config: VideoConfig) -> Iterator[Frame]:
    stream = _choose_stream(container)
    codec = stream.codec_context
    if codec is None:
        raise BadMediaError("decode", "expected a video codec that FFmpeg knows, got another")
    check_size(codec.width, codec.height, config)
    codec.options = {"max_pixels": str(config.max_pixels)}  # for a stream that grows
    codec.thread_type, codec.thread_count = ThreadType.NONE, 1  # files are decoded side by side, one a core

    length = _Length(container, stream, config)
    timed = _time_frames(_decode_packets(container, stream, length), stream, container.format.name)
    frames = 0
    for frame in _show(timed, _pixel_aspect(stream), config):
        check_length(frame.start_s, frames, config)
        frames += 1
        yield frame
    if not frames:
        raise BadMediaError("decode", "holds no frame of video that can be decoded")
    length.check()


def _choose_stream(container: InputContainer) -> VideoStream:
    """The stream that a player would show. Cover art is none."""
    no_video = Disposition.attached_pic | Disposition.timed_thumbnails
    streams = [each for each in container.streams.video if not each.disposition & no_video]
    if not streams:
        kinds = ", ".join(sorted({each.type or "unknown" for each in container.streams})) or "none"
        pictures = " (cover art alone)" if container.streams.video else ""
        raise BadMediaError("decode", f"expected a video stream, got streams of: {kinds}{pictures}")
    best = container.streams.best("video")
    return next((each for each in streams if best is not None and each.index == best.index), streams[0])


def _decode_packets(container: InputContainer, stream: VideoStream, length: "_Length") -> Iterator[VideoFrame]:
    packets = container.demux()
    while True:
        try:
            packet = next(packets, None)
        except av.error.InvalidDataError:  # the file breaks off; what the decoder holds back still comes
            packet = None
        if packet is None:
            yield from _decode_packet(Packet(), stream)
            return
        length.see(packet)
        if packet.stream_index == stream.index:
            yield from _decode_packet(packet, stream)


def _decode_packet(packet: "Packet[Stream]", stream: VideoStream) -> Iterable[VideoFrame]:
    """The frames of a packet of video; none if it is damaged."""
    try:
        frames = stream.codec_context.decode(packet if packet.size else None)
    except MemoryError:
        raise
    except av.error.FFmpegError:
        return []
    for frame in frames:
        frame.time_base = stream.time_base  # PyAV 18 gives none to frames that the decoder held to the end
    return frames


def _time_frames(
    frames: Iterable[VideoFrame], stream: VideoStream, format_name: str
) -> Iterator[tuple[float, float, VideoFrame]]:
    """Each frame with its start, which grows from frame to frame, and how long it would last if it were the last."""
    rate = float(stream.guessed_rate or stream.average_rate or 0) or _FALLBACK_RATE
    steps = collections.deque([1 / rate], _RECENT_STEPS)
    discontinuous = format_name in _DISCONTINUOUS
    start_s, shift_s, first, mended = 0.0, 0.0, True, False
    for frame in frames:
        # AVI has timestamps in order of decoding alone, which FFmpeg gives as those of display too.
        stamp = frame.dts if format_name == "avi" or frame.pts is None else frame.pts
        own_s = float(stamp * frame.time_base) if stamp is not None and frame.time_base else None
        if first:
            first, shift_s = False, -(own_s or 0.0)
        else:
            step_s = statistics.median(steps) if own_s is None or own_s + shift_s <= start_s else 0.0
            next_s = start_s + step_s if own_s is None else own_s + shift_s
            if next_s < start_s - _MAX_BACK_S or (discontinuous and next_s > start_s + _MAX_GAP_S):
                step_s = statistics.median(steps)
                shift_s += start_s + step_s - next_s
                next_s, mended = start_s + step_s, False
            elif next_s <= start_s:
                # Half-way: one frame stamped like its neighbour does not push the others on.
                next_s, mended = start_s + step_s * (1.0 if mended else 0.5), True
            else:
                steps.append(next_s - start_s)
                mended = False
            start_s = next_s
        lasts_s = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.0
        yield start_s, lasts_s if lasts_s > 0 else statistics.median(steps), frame


def _show(
    timed: Iterable[tuple[float, float, VideoFrame]], pixel_aspect: float, config: VideoConfig
) -> Iterator[Frame]:
    screen = Screen()
    ends = itertools.chain(timed, [None])
    shown = next(ends)
    for following in ends:
        assert shown is not None  # only the last is
        start_s, lasts_s, frame = shown
        check_size(frame.width, frame.height, config)
        end_s = start_s + lasts_s if following is None else following[0]
        yield Frame(start_s, end_s, screen.grid(frame), _Drawing(screen, frame, pixel_aspect, config.picture_side))
        shown = following


@dataclasses.dataclass(frozen=True, slots=True)
class _Drawing:
    screen: Screen
    frame: VideoFrame
    pixel_aspect: float
    side: int

    def __call__(self) -> Picture:
        return self.screen.picture(self.frame, self.pixel_aspect, self.side)


def _pixel_aspect(stream: VideoStream) -> float:
    aspect = float(stream.sample_aspect_ratio or 1)
    return aspect if 1 / _MAX_ASPECT <= aspect <= _MAX_ASPECT else 1.0


class _Length:
    """The length that a header states, against the packets that come."""

    def __init__(self, container: InputContainer, stream: VideoStream, config: VideoConfig) -> None:
        self._config = config
        self._end_s = 0.0
        self._stream_index: int | None = None
        self._stated_s = 0.0
        if container.format.name.split(",")[0] not in _STATING_LENGTH:
            return
        if stream.duration is not None and stream.time_base is not None:
            self._stream_index = stream.index
            self._stated_s = float(stream.duration * stream.time_base)
            if container.format.name == "avi" and stream.average_rate:  # whose duration FFmpeg clips to the file
                self._stated_s = max(self._stated_s, float(stream.frames / stream.average_rate))
        elif container.duration is not None:
            self._stated_s = container.duration / av.time_base
        if self._stated_s > config.max_duration_s:
            raise BadMediaError(
                "decode", f"must last {config.max_duration_s} s or less, the header states {self._stated_s:.1f} s"
            )

    def see(self, packet: "Packet[Stream]") -> None:
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None or packet.time_base is None or self._stream_index not in (None, packet.stream_index):
            return
        end_s = float((stamp + (packet.duration or 0)) * packet.time_base)
        if math.isfinite(end_s):
            self._end_s = max(self._end_s, end_s)

    def check(self) -> None:
        allowed_s = max(self._config.max_missing_s, self._config.max_missing_share * self._stated_s)
        if self._stated_s - self._end_s > allowed_s:
            raise BadMediaError(
                "decode", f"truncated: the header states {self._stated_s:.2f} s, got {self._end_s:.2f} s"
            )
