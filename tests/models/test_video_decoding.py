"""Oracles: numpy's own area average, the timestamps and pixels that were encoded, and ITU's formulas for colours."""

import os
import re
import struct
import time
from fractions import Fraction

import av
import numpy as np
import pytest

from models.errors import BadMediaError
from models.frames import GRID_HEIGHT, GRID_WIDTH
from models.video_decoding import VideoConfig, decode_video

RNG = np.random.default_rng(5)


def decode(path, **knobs):
    """Start, end, grid and picture of every frame."""
    return [
        (each.start_s, each.end_s, each.grid, each.draw()) for each in decode_video(str(path), VideoConfig(**knobs))
    ]


def failure(path, **knobs):
    with pytest.raises(BadMediaError) as caught:
        for _ in decode_video(str(path), VideoConfig(**knobs)):
            pass
    return str(caught.value)


def starts(frames):
    return [each[0] for each in frames]


def encode(
    path,
    pictures,
    codec="ffv1",
    fmt="bgr0",
    ticks=None,
    options=None,
    audio=None,
    aspect=None,
    colours=None,
    container=None,
):
    """Writes RGB pictures (or VideoFrames), 25 a second or at `ticks` of 1/100 s.

    colours: H.273's numbers for matrix, range (1 limited, 2 full), transfer and primaries.
    """
    first = pictures[0]
    height, width = (first.height, first.width) if isinstance(first, av.VideoFrame) else first.shape[:2]
    with av.open(str(path), "w", **(container or {})) as output:
        stream = output.add_stream(codec, rate=25 if ticks is None else 100)
        stream.width, stream.height, stream.pix_fmt, stream.options = width, height, fmt, options or {}
        if colours:
            codec = stream.codec_context
            codec.colorspace, codec.color_range, codec.color_trc, codec.color_primaries = colours
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        sound = output.add_stream(audio, rate=8000, layout="mono") if audio else None
        for number, picture in enumerate(pictures):
            if not isinstance(picture, av.VideoFrame):
                channels = {3: "rgb24", 4: "rgba"}[picture.shape[2]]
                picture = av.VideoFrame.from_ndarray(picture, format=channels).reformat(format=fmt)
            picture.pts = number if ticks is None else ticks[number]
            picture.time_base = Fraction(1, 25 if ticks is None else 100)
            output.mux(stream.encode(picture))
            if sound is not None:
                noise = RNG.integers(-9999, 9999, (1, 320)).astype(np.int16)
                samples = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
                samples.rate, samples.pts = 8000, number * 320
                output.mux(sound.encode(samples))
        output.mux(stream.encode(None))
        if sound is not None:
            output.mux(sound.encode(None))
    return path


def flat(level, width=64, height=48):
    return np.full((height, width, 3), level, np.uint8)


def steps(count, width=64, height=48):
    return [flat(10 + 4 * number % 240, width, height) for number in range(count)]


def weights(size, cells):
    """(cells, size): how much of each pixel lies in each cell, over the cell's size."""
    edges = np.linspace(0, size, cells + 1)
    pixels = np.arange(size)
    shares = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.maximum(shares, 0) * cells / size


def area_average(picture, height=GRID_HEIGHT, width=GRID_WIDTH):
    rows = np.tensordot(weights(picture.shape[0], height), picture.astype(float), 1)
    return np.moveaxis(np.tensordot(weights(picture.shape[1], width), rows, ([1], [1])), 0, 1)


def blocks(width, height, size=8):
    cells = RNG.integers(40, 216, (height // size + 1, width // size + 1, 3)).astype(np.uint8)
    return np.ascontiguousarray(cells.repeat(size, 0).repeat(size, 1)[:height, :width])


def corner_marked(width=64, height=48):
    """Black, its upper left quarter red, its upper right quarter green."""
    picture = flat(0, width, height)
    picture[: height // 2, : width // 2, 0] = 250
    picture[: height // 2, width // 2 :, 1] = 250
    return picture


def names_of_corners(picture):
    """From the upper left, clockwise."""
    height, width = picture.shape[:2]
    rows, columns = (height // 4, 3 * height // 4), (width // 4, 3 * width // 4)
    looks = [picture[rows[i], columns[j]] for i, j in ((0, 0), (0, 1), (1, 1), (1, 0))]
    return "".join("r" if look[0] > 200 else "g" if look[1] > 200 else "." for look in looks)


@pytest.mark.parametrize(("width", "height"), [(96, 54), (854, 480), (501, 333), (1920, 1080), (200, 1000), (5000, 60)])
def test_a_grid_is_the_area_average_of_the_whole_picture(tmp_path, width, height):
    picture = blocks(width, height, 16)
    ((*_, grid, _),) = decode(encode(tmp_path / "a.mkv", [picture]))
    assert grid.shape == (GRID_HEIGHT, GRID_WIDTH, 3)
    assert grid.dtype == np.uint8
    assert np.abs(grid - area_average(picture)).max() <= 1


@pytest.mark.parametrize(("width", "height"), [(854, 480), (1920, 1080), (200, 1000)])
def test_a_grid_is_the_area_average_of_subsampled_colours(tmp_path, width, height):
    frame = av.VideoFrame.from_ndarray(blocks(width, height, 16), format="rgb24").reformat(format="yuv420p")
    expected = area_average(upsampled(frame))
    ((*_, grid, _),) = decode(encode(tmp_path / "a.mkv", [frame], fmt="yuv420p"))
    assert np.abs(grid - expected).max() <= 2
    assert abs((grid - expected).mean()) < 0.3


def upsampled(frame):
    """RGB of yuv420p, the chroma repeated: BT.601 up to 576 lines, else BT.709; limited range."""
    luma, blue, red = (
        np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width].astype(float)
        for plane in frame.planes
    )
    blue, red = (each.repeat(2, 0).repeat(2, 1)[: luma.shape[0], : luma.shape[1]] - 128 for each in (blue, red))
    small = luma.shape[0] <= 576 and luma.shape[1] < 1280
    return matrixed(luma, blue, red, *((0.299, 0.114) if small else (0.2126, 0.0722)))


def matrixed(luma, blue, red, of_red, of_blue):
    luma, blue, red = (luma - 16) / 219, blue / 224, red / 224
    r, b = luma + 2 * (1 - of_red) * red, luma + 2 * (1 - of_blue) * blue
    g = (luma - of_red * r - of_blue * b) / (1 - of_red - of_blue)
    return np.clip(255 * np.stack([r, g, b], -1), 0, 255)


@pytest.mark.parametrize(
    ("name", "codec", "fmt", "options"),
    [
        ("a.mkv", "ffv1", "bgr0", {}),
        ("a.mp4", "libx264", "yuv420p", {"bf": "3"}),  # frames stored in another order than shown
        ("a.ts", "libx264", "yuv420p", {"bf": "3"}),
        ("a.mpg", "mpeg2video", "yuv420p", {"bf": "2"}),
        ("a.avi", "mpeg4", "yuv420p", {}),
        ("b.avi", "libx264", "yuv420p", {"bf": "3"}),  # of which AVI keeps no timestamps
        ("a.h264", "libx264", "yuv420p", {"bf": "3"}),  # and this no timestamps at all
        ("a.m4v", "mpeg4", "yuv420p", {}),
        ("a.flv", "flv", "yuv420p", {}),
        ("a.webm", "libvpx-vp9", "yuv420p", {"deadline": "realtime"}),
        ("a.gif", "gif", "rgb8", {}),
        ("a.y4m", "rawvideo", "yuv420p", {}),
        ("a.hevc", "libx265", "yuv420p", {"x265-params": "log-level=none"}),
    ],
)
def test_frames_come_in_order_of_display_with_the_encoded_times(tmp_path, name, codec, fmt, options):
    frames = decode(encode(tmp_path / name, steps(30), codec, fmt, options=options))
    assert starts(frames) == pytest.approx([number / 25 for number in range(30)], abs=0.0011)
    assert [end for _, end, *_ in frames] == [*starts(frames)[1:], pytest.approx(30 / 25, abs=0.0011)]
    levels = [grid.mean() for *_, grid, _ in frames]
    assert levels == pytest.approx([step.mean() for step in steps(30)], abs=20 if fmt == "rgb8" else 4)


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_variable_frame_rate_keeps_each_frames_own_time(tmp_path, name):
    ticks = [50, 54, 61, 62, 130, 900, 904]  # of which the first is time 0
    path = encode(tmp_path / name, steps(7), "libx264", "yuv420p", ticks)
    assert starts(decode(path)) == pytest.approx([(tick - 50) / 100 for tick in ticks], abs=0.0011)


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ([0, 1, 2, 2, 4, 5], [0, 1, 2, 2.5, 4, 5]),
        ([0, 1, 2, 3, 3, 3], [0, 1, 2, 3, 3.5, 4.5]),
        ([900, 901, 902, 0, 1, 2], [0, 1, 2, 3, 4, 5]),  # a recording started anew
        ([0, 1, 2, None, None, 5], [0, 1, 2, 3, 4, 5]),
        ([None] * 6, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_timestamps_that_repeat_run_back_or_miss_are_mended(stamps, expected):
    from models.video_decoding import _time_frames

    frames = []
    for stamp in stamps:
        frame = av.VideoFrame(16, 16, "gray")
        frame.pts, frame.time_base = stamp, Fraction(1, 25)
        frames.append(frame)

    class Stream:
        guessed_rate = average_rate = Fraction(25)

    times = [start_s * 25 for start_s, _, _ in _time_frames(frames, Stream(), "matroska,webm")]
    assert times == pytest.approx(expected)


def test_a_clock_that_leaps_in_a_broadcast_is_set_anew(tmp_path):
    ticks = [0, 4, 8, 500_000, 500_004]
    path = encode(tmp_path / "a.ts", steps(5), "libx264", "yuv420p", ticks, options={"bf": "0"})
    assert starts(decode(path)) == pytest.approx([0, 0.04, 0.08, 0.12, 0.16], abs=0.02)


ONE, MATRICES = (
    1 << 16,
    {
        "rg..": (1, 0, 0, 1),
        ".rg.": (0, 1, -1, 0),  # a quarter to the right
        "..rg": (-1, 0, 0, -1),
        "g..r": (0, -1, 1, 0),
        "gr..": (-1, 0, 0, 1),  # mirrored
        "..gr": (1, 0, 0, -1),
        "r..g": (0, 1, 1, 0),
        ".gr.": (0, -1, -1, 0),
    },
)


@pytest.mark.parametrize("corners", MATRICES)
@pytest.mark.parametrize(("codec", "fmt"), [("libx264", "yuv444p"), ("png", "rgba")])
def test_a_turned_or_mirrored_video_is_shown_upright(tmp_path, corners, codec, fmt):
    stored = corner_marked(120, 80)
    if fmt == "rgba":
        stored = np.dstack([stored, np.full((80, 120), 254, np.uint8)])
    path = encode(tmp_path / "a.mov", [stored] * 3, codec, fmt)
    a, b, c, d = (each * ONE for each in MATRICES[corners])
    data = path.read_bytes()
    at = data.index(b"tkhd") + 44
    path.write_bytes(data[:at] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[at + 36 :])
    *_, grid, picture = decode(path)[1]
    assert names_of_corners(picture) == names_of_corners(grid) == corners
    assert picture.shape == ((120, 80, 3) if a == 0 else (80, 120, 3))


@pytest.mark.parametrize(
    ("aspect", "side", "shape"),
    [
        (Fraction(2, 1), 500, (100, 300, 3)),
        (Fraction(1, 2), 500, (200, 150, 3)),
        (Fraction(2, 1), 50, (50, 150, 3)),
        (Fraction(1, 1), 100, (100, 150, 3)),
        (Fraction(1, 1), 999, (200, 300, 3)),
    ],
)
def test_a_picture_has_square_pixels_and_the_short_side_asked_for_at_most(tmp_path, aspect, side, shape):
    path = encode(tmp_path / "a.mp4", [flat(90, 300, 200)], "libx264", "yuv420p", aspect=aspect)
    assert decode(path, picture_side=side)[0][3].shape == shape


def test_an_interlaced_frame_is_drawn_from_one_field_and_its_grid_from_both(tmp_path):
    picture = flat(200, 720, 480)
    picture[1::2] = 60
    path = encode(tmp_path / "a.mp4", [picture] * 4, "libx264", "yuv420p", options={"x264-params": "tff=1:qp=1"})
    *_, grid, drawn = decode(path)[1]
    assert drawn.shape == (256, 384, 3)
    assert drawn == pytest.approx(np.full(drawn.shape, 200), abs=3)
    assert grid == pytest.approx(np.full(grid.shape, 130), abs=3)


def test_what_is_transparent_is_white(tmp_path):
    picture = np.zeros((48, 64, 4), np.uint8)
    picture[:, 32:] = (200, 0, 0, 255)
    picture[:24, 32:, 3] = 128
    *_, grid, drawn = decode(encode(tmp_path / "a.mkv", [picture], fmt="bgra"))[0]
    assert drawn[10, 10].tolist() == [255, 255, 255]
    assert drawn[40, 40].tolist() == grid[50, 70].tolist() == [200, 0, 0]
    assert drawn[10, 40] == pytest.approx([227, 127, 127], abs=1)


@pytest.mark.parametrize(
    ("width", "matrix", "of_red", "of_blue"),
    [(720, 2, 0.299, 0.114), (1280, 2, 0.2126, 0.0722), (720, 1, 0.2126, 0.0722), (1280, 6, 0.299, 0.114)],
)
def test_colours_follow_the_stated_matrix_or_else_the_size(tmp_path, width, matrix, of_red, of_blue):
    frame = planes("yuv420p", width, 64, (110, 90, 200))
    frame.colorspace, frame.color_range = matrix, 1
    path = encode(tmp_path / "a.mkv", [frame], fmt="yuv420p", colours=(matrix, 1, 1, 1))
    expected = matrixed(np.array(110.0), np.array(90.0 - 128), np.array(200.0 - 128), of_red, of_blue)
    assert decode(path)[0][3][5, 5] == pytest.approx(expected, abs=2)


def planes(fmt, width, height, levels):
    """A frame of one colour, as coded."""
    frame = av.VideoFrame(width, height, fmt)
    for plane, level in zip(frame.planes, levels, strict=True):
        dtype = np.uint16 if "le" in fmt else np.uint8
        plane.update(np.full(plane.buffer_size // dtype().itemsize, level, dtype).tobytes())
    return frame


@pytest.mark.parametrize(
    ("transfer", "code", "shade"),
    [
        (16, 64, 0),
        (16, 573, 240),  # white paper, 203 nits in PQ
        (16, 940, 255),
        (18, 64, 0),
        (18, 721, 240),  # white paper, 75 % in HLG
        (18, 940, 255),
    ],
)
def test_hdr_is_shown_with_white_paper_near_white(tmp_path, transfer, code, shade):
    frame = planes("yuv420p10le", 128, 64, (code, 512, 512))
    frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries = 9, 1, transfer, 9
    path = encode(tmp_path / "a.mkv", [frame], fmt="yuv420p10le", colours=(9, 1, transfer, 9))
    *_, grid, drawn = decode(path)[0]
    assert drawn[9, 9] == pytest.approx([shade] * 3, abs=16)
    assert grid[9, 9].tolist() == drawn[9, 9].tolist()


def test_highlights_of_hdr_stay_apart():
    from models.pictures import _tone_map

    ramp = np.repeat(np.linspace(0, 65_535, 200).astype(np.uint16)[:, None], 3, 1)
    for transfer in (16, 18):
        shades = _tone_map(ramp, transfer)[:, 0].astype(int)
        assert (np.diff(shades) >= 0).all()
        assert len(set(shades)) > 90


@pytest.mark.parametrize("fmt", ["gray", "gray10le", "yuv444p16le", "gbrp10le", "yuv410p", "yuv422p10le"])
def test_any_pixel_format_gives_the_same_gray(tmp_path, fmt):
    picture = av.VideoFrame.from_ndarray(flat(150), format="rgb24").reformat(format=fmt)
    assert decode(encode(tmp_path / "a.mkv", [picture], fmt=fmt))[0][2] == pytest.approx(
        np.full((GRID_HEIGHT, GRID_WIDTH, 3), 150), abs=2
    )


def test_full_range_and_limited_range_look_the_same(tmp_path):
    for name, color_range, level in (("a.mkv", 1, 16 + 219 * 100 / 255), ("b.mkv", 2, 100)):
        frame = planes("yuv420p", 64, 48, (round(level), 128, 128))
        frame.color_range = color_range
        path = encode(tmp_path / name, [frame], fmt="yuv420p", colours=(1, color_range, 1, 1))
        assert decode(path)[0][2] == pytest.approx(np.full((GRID_HEIGHT, GRID_WIDTH, 3), 100), abs=1)


def test_a_resolution_that_changes_is_followed(tmp_path):
    for name, width, height in (("a.h264", 64, 48), ("b.h264", 128, 64)):
        encode(tmp_path / name, steps(5, width, height), "libx264", "yuv420p")
    joined = tmp_path / "c.h264"
    joined.write_bytes((tmp_path / "a.h264").read_bytes() + (tmp_path / "b.h264").read_bytes())
    shapes = [picture.shape for *_, picture in decode(joined)]
    assert shapes == [(48, 64, 3)] * 5 + [(64, 128, 3)] * 5


def test_a_resolution_that_grows_too_large_is_left_out(tmp_path):
    for name, width, height in (("a.h264", 64, 48), ("b.h264", 640, 480)):
        encode(tmp_path / name, steps(5, width, height), "libx264", "yuv420p")
    joined = tmp_path / "c.h264"
    joined.write_bytes((tmp_path / "a.h264").read_bytes() + (tmp_path / "b.h264").read_bytes())
    assert len(decode(joined, max_pixels=64 * 64)) == 5
    assert "must have 4096 pixels or less, got 640 x 480" in failure(tmp_path / "b.h264", max_pixels=64 * 64)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mpeg4"), ("a.flv", "flv")]
)
@pytest.mark.parametrize("sound", [False, True])
def test_a_file_cut_short_gives_its_frames_and_then_an_error(tmp_path, name, codec, sound):
    pictures = [blocks(128, 96) for _ in range(100)]
    options = {"options": {"movflags": "faststart"}} if name == "a.mp4" else {}
    audio = {"a.mp4": "aac", "a.flv": "aac"}.get(name, "pcm_s16le") if sound else None
    path = encode(tmp_path / name, pictures, codec, "yuv420p", audio=audio, container=options)
    assert len(decode(path)) == 100
    os.truncate(path, path.stat().st_size // 2)
    seen = []
    with pytest.raises(BadMediaError, match=r"truncated: the header states [34]\.") as caught:
        seen.extend(frame.start_s for frame in decode_video(str(path), VideoConfig()))
    assert caught.value.step == "decode"
    assert 25 < len(seen) < 75


def test_a_sound_that_outlasts_the_picture_is_no_truncation(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        video, sound = (
            container.add_stream("ffv1", rate=25),
            container.add_stream("pcm_s16le", rate=8000, layout="mono"),
        )
        video.width, video.height, video.pix_fmt = 64, 48, "bgr0"
        frame = av.VideoFrame.from_ndarray(flat(9), format="rgb24").reformat(format="bgr0")
        frame.pts = 0
        container.mux(video.encode(frame))
        container.mux(video.encode(None))
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 80_000), np.int16), format="s16", layout="mono")
        samples.rate, samples.pts = 8000, 0
        container.mux(sound.encode(samples))
        container.mux(sound.encode(None))
    assert len(decode(tmp_path / "a.mkv")) == 1


def test_damaged_packets_are_left_out(tmp_path):
    path = encode(tmp_path / "a.mkv", [blocks(128, 96) for _ in range(40)], "mjpeg", "yuvj420p")
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packet = [each for each in container.demux(video=0) if each.size][20]
        content = bytes(packet)
    at = data.index(content)
    data[at : at + len(content)] = bytes(len(content))
    path.write_bytes(data)
    frames = decode(path)
    assert len(frames) == 39
    assert starts(frames)[20] == pytest.approx(21 / 25, abs=0.001)
    assert frames[19][1] == pytest.approx(21 / 25, abs=0.001)  # on display until the next that can be had


def test_the_picture_is_had_where_the_sound_is_broken(tmp_path):
    path = encode(tmp_path / "a.mp4", steps(25), "libx264", "yuv420p", audio="aac")
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        for packet in container.demux(audio=0):
            if packet.size > 8:
                at = data.index(bytes(packet))
                data[at : at + packet.size] = RNG.bytes(packet.size)
    path.write_bytes(data)
    assert len(decode(path)) == 25


def test_an_mp4_without_its_index_is_refused(tmp_path):
    path = encode(tmp_path / "a.mp4", [blocks(128, 96) for _ in range(20)], "libx264", "yuv420p")
    os.truncate(path, path.read_bytes().index(b"moov") - 4)
    assert (
        failure(path)
        == "decode: expected a video, got what FFmpeg cannot read: Invalid data found when processing input"
    )


def test_a_claim_of_a_million_frames_costs_nothing(tmp_path):
    path = encode(tmp_path / "a.avi", steps(10), "mpeg4", "yuv420p")
    data = bytearray(path.read_bytes())
    for field in (data.index(b"avih") + 8 + 16, data.index(b"strh") + 8 + 32):
        data[field : field + 4] = struct.pack("<I", 1_000_000)
    path.write_bytes(data)
    started = time.process_time()
    assert re.search("truncated: the header states 40000.00 s, got 0.40 s", failure(path))
    assert time.process_time() - started < 1

    with pytest.raises(BadMediaError, match=r"must last 3600.* s or less, the header states 40000"):
        decode(path, max_duration_s=3600.0)


def test_too_many_frames_or_too_long_is_refused(tmp_path):
    path = encode(tmp_path / "a.gif", steps(30), "gif", "rgb8")
    assert "must have 20 frames or less" in failure(path, max_frames=20)
    assert "must last 0.5 s or less, got a frame at 0.5" in failure(path, max_duration_s=0.5)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{other}\n#EXT-X-ENDLIST\n"),
        ("a.ffconcat", "ffconcat version 1.0\nfile '{other}'\n"),
        ("a.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"),
        ("a.mpd", '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{other}</BaseURL></MPD>'),
    ],
)
def test_playlists_are_refused_and_what_they_name_is_not_read(tmp_path, name, text):
    other = encode(tmp_path / "other.ts", steps(5), "libx264", "yuv420p")
    os.utime(other, (1, 1))
    path = tmp_path / name
    path.write_text(text.format(other=other))
    assert failure(path).startswith("decode: expected a video")


def test_what_is_no_video_is_refused_with_a_reason(tmp_path):
    assert failure(tmp_path / "none.mp4").startswith("read: ")
    assert failure(tmp_path).startswith("read: ")
    (tmp_path / "empty.mp4").touch()
    assert failure(tmp_path / "empty.mp4") == "decode: expected a video, got an empty file"
    assert failure("http://127.0.0.1:9/a.mp4").startswith("read: ")
    (tmp_path / "noise.mp4").write_bytes(RNG.bytes(50_000))
    assert failure(tmp_path / "noise.mp4").startswith("decode: ")


def test_sound_alone_or_with_cover_art_is_no_video(tmp_path):
    with av.open(str(tmp_path / "a.mka"), "w", format="matroska") as container:
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        samples.rate, samples.pts = 8000, 0
        container.mux(sound.encode(samples))
    assert failure(tmp_path / "a.mka") == "decode: expected a video stream, got streams of: audio"

    with av.open(str(tmp_path / "b.mp4"), "w") as container:
        sound, cover = container.add_stream("aac", rate=8000, layout="mono"), container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        samples.rate, samples.pts = 8000, 0
        container.mux(sound.encode(samples))
        container.mux(sound.encode(None))
        frame = av.VideoFrame.from_ndarray(flat(9), format="rgb24").reformat(format="yuvj420p")
        frame.pts = 0
        container.mux(cover.encode(frame))
        container.mux(cover.encode(None))
    assert failure(tmp_path / "b.mp4").endswith("got streams of: audio, video (cover art alone)")


@pytest.mark.parametrize(
    "knobs", [{"picture_side": 0}, {"max_pixels": -1}, {"max_duration_s": float("nan")}, {"max_missing_share": -0.1}]
)
def test_a_config_out_of_bounds_is_refused(knobs):
    with pytest.raises(ValueError, match=next(iter(knobs))):
        VideoConfig(**knobs)
