"""Oracles: the pixels that were written, and numpy's area average of them."""

import struct
import time
import zlib

import av
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from models.errors import BadMediaError
from models.frames import GRID_HEIGHT, GRID_WIDTH
from models.image_decoding import decode_image, decode_media
from models.video_decoding import VideoConfig

RNG = np.random.default_rng(3)
PICTURE = RNG.integers(40, 216, (12, 18, 3)).astype(np.uint8).repeat(9, 0).repeat(8, 1)  # 108 x 144 pixels


def read(path, **knobs):
    return decode_image(str(path), VideoConfig(**knobs))


def failure(path, **knobs):
    with pytest.raises(BadMediaError) as caught:
        for _ in decode_media(str(path), VideoConfig(**knobs)):
            pass
    return str(caught.value)


def save(path, image, **options):
    image.save(path, **options)
    return path


def png_chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width, height, content, *more):
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + png_chunk(b"IDAT", content) + png_chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.png", {}),
        ("a.bmp", {}),
        ("a.tiff", {}),
        ("a.webp", {"lossless": True}),
        ("a.jpg", {"quality": 100, "subsampling": 0}),
        ("a.avif", {"quality": 100, "subsampling": "4:4:4"}),
    ],
)
def test_an_image_is_one_frame_that_lasts_no_time(tmp_path, name, options):
    path = save(tmp_path / name, Image.fromarray(PICTURE), **options)
    (frame,) = decode_media(str(path), VideoConfig())
    assert (frame.start_s, frame.end_s) == (0, 0)
    assert frame.draw() == pytest.approx(PICTURE, abs=6)
    assert frame.grid.shape == (GRID_HEIGHT, GRID_WIDTH, 3)
    wide = PICTURE.astype(float).repeat(2, 1).reshape(GRID_HEIGHT, 2, GRID_WIDTH, 3, 3).mean((1, 3))
    assert frame.grid == pytest.approx(wide, abs=6)


def test_a_large_jpeg_has_a_grid_that_is_the_area_average_and_a_small_picture(tmp_path):
    large = PICTURE.repeat(20, 0).repeat(20, 1)
    frame = read(save(tmp_path / "a.jpg", Image.fromarray(large), quality=95))
    assert frame.draw().shape == (256, 341, 3)
    assert read(tmp_path / "a.jpg", picture_side=100).draw().shape == (100, 133, 3)
    wide = PICTURE.astype(float).repeat(2, 1).reshape(GRID_HEIGHT, 2, GRID_WIDTH, 3, 3).mean((1, 3))
    assert np.abs(frame.grid - wide).mean() < 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_an_image_is_turned_as_its_exif_data_say(tmp_path, orientation, name):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = {
        1: lambda up: up,
        2: lambda up: up[:, ::-1],
        3: lambda up: up[::-1, ::-1],
        4: lambda up: up[::-1],
        5: lambda up: up.swapaxes(0, 1),
        6: lambda up: np.rot90(up),
        7: lambda up: np.rot90(up, 2).swapaxes(0, 1),
        8: lambda up: np.rot90(up, 3),
    }[orientation](PICTURE)
    path = save(tmp_path / name, Image.fromarray(np.ascontiguousarray(stored)), exif=exif, quality=100, subsampling=0)
    assert read(path).draw() == pytest.approx(PICTURE, abs=6)


def test_exif_data_that_are_damaged_are_passed_over(tmp_path):
    path = save(tmp_path / "a.jpg", Image.fromarray(PICTURE), exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01", quality=100)
    assert read(path).draw().shape == PICTURE.shape


def test_colours_of_every_kind_become_rgb(tmp_path):
    gray = np.full((40, 60), 100, np.uint8)
    images = {
        "one.png": (Image.fromarray(gray > 50), 255),
        "gray.png": (Image.fromarray(gray), 100),
        "deep.png": (Image.fromarray(gray.astype(np.uint16) * 257), 100),
        "deep.tiff": (Image.fromarray(gray.astype(np.int32) * 257), 100),
        "float.tiff": (Image.fromarray(gray.astype(np.float32) / 255), 100),
        "palette.png": (Image.fromarray(np.dstack([gray] * 3)).convert("P", dither=Image.Dither.NONE), 100),
        "cmyk.jpg": (Image.fromarray(np.dstack([gray] * 3)).convert("CMYK"), 100),
        "opaque.png": (Image.fromarray(np.dstack([gray, gray, gray, np.full_like(gray, 255)])), 100),
        "clear.png": (Image.fromarray(np.dstack([gray, gray, gray, np.zeros_like(gray)])), 255),
        "half.png": (Image.fromarray(np.dstack([gray, np.full_like(gray, 51)]), "LA"), 224),
    }
    for name, (image, shade) in images.items():
        path = save(tmp_path / name, image)
        tolerance = 4 if "palette" in name or "cmyk" in name else 1
        assert read(path).grid == pytest.approx(np.full((GRID_HEIGHT, GRID_WIDTH, 3), shade), abs=tolerance), name


def test_a_palette_with_a_transparent_colour_lies_on_white(tmp_path):
    image = Image.new("P", (60, 40), 1)
    image.putpalette([255, 0, 0, 0, 0, 250])
    image.paste(0, (0, 0, 30, 40))
    frame = read(save(tmp_path / "a.png", image, transparency=0))
    assert frame.draw()[20, 10].tolist() == [255, 255, 255]
    assert frame.draw()[20, 50].tolist() == [0, 0, 250]


def animation(count, size=(64, 48)):
    return [Image.new("RGB", size, (10 + 60 * number, 0, 0)) for number in range(count)]


def test_a_gif_of_one_frame_is_an_image(tmp_path):
    path = save(tmp_path / "a.gif", animation(1)[0])
    assert [(frame.start_s, frame.end_s) for frame in decode_media(str(path), VideoConfig())] == [(0, 0)]


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "a.avif"])
def test_an_animation_is_a_video(tmp_path, name):
    first, *others = animation(4)
    path = save(tmp_path / name, first, save_all=True, append_images=others, duration=[100, 200, 300, 400])
    assert read(path) is None
    frames = [(each.start_s, each.grid[..., 0].mean()) for each in decode_media(str(path), VideoConfig())]
    assert [start_s for start_s, _ in frames] == pytest.approx([0, 0.1, 0.3, 0.6], abs=0.002)
    assert [red for _, red in frames] == pytest.approx([10, 70, 130, 190], abs=6)


def test_an_image_of_several_pages_is_its_first(tmp_path):
    first, *others = animation(3)
    for name in ("a.tiff", "a.mpo"):
        path = save(tmp_path / name, first, save_all=True, append_images=others)
        assert read(path).grid[..., 0] == pytest.approx(np.full((GRID_HEIGHT, GRID_WIDTH), 10), abs=2)


@pytest.mark.parametrize("side", [7_000, 11_000, 20_000])  # the last two Pillow warns of and refuses
def test_an_image_with_too_many_pixels_is_refused_before_it_is_decoded(tmp_path, side):
    path = tmp_path / "a.png"
    path.write_bytes(png(side, side, zlib.compress(bytes(1_000_000))))
    started = time.process_time()
    assert failure(path).startswith("decode: must have 40000000 pixels or less")
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("name", [b"zTXt", b"iCCP", b"iTXt"])
def test_a_bomb_in_a_text_or_a_colour_profile_does_not_go_off(tmp_path, name):
    bomb = zlib.compress(bytes(50 << 20), 9)
    content = b"a\0\1\0\0\0" + bomb if name == b"iTXt" else b"a\0\0" + bomb
    rows = zlib.compress(b"".join(b"\0" + bytes(30) for _ in range(10)))
    path = tmp_path / "a.png"
    path.write_bytes(png(10, 10, rows, png_chunk(name, content)))
    started = time.process_time()
    try:
        frame = read(path)
    except BadMediaError:
        frame = None
    assert frame is None or frame.draw().max() == 0
    assert time.process_time() - started < 0.2
    assert PngImagePlugin.MAX_TEXT_CHUNK <= 1 << 20


def test_a_file_with_a_little_of_its_pixels_is_refused(tmp_path):
    noise = Image.fromarray(RNG.integers(0, 256, (200, 200, 3)).astype(np.uint8))
    for name in ("a.png", "a.jpg", "a.webp", "a.tiff", "a.bmp", "a.gif"):
        path = save(tmp_path / name, noise)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert failure(path).startswith("decode: expected an image, got what Pillow cannot read"), name


def test_damage_anywhere_gives_an_image_or_one_kind_of_error(tmp_path):
    for name in ("a.png", "a.jpg", "a.webp", "a.tiff", "a.gif", "a.bmp"):
        whole = save(tmp_path / name, Image.fromarray(PICTURE)).read_bytes()
        for _ in range(60):
            data = bytearray(whole)
            for at in RNG.integers(0, min(len(data), 400), 4):
                data[at] = RNG.integers(256)
            (tmp_path / name).write_bytes(data)
            try:
                for frame in decode_media(str(tmp_path / name), VideoConfig(max_pixels=10**6)):
                    assert frame.grid.shape == (GRID_HEIGHT, GRID_WIDTH, 3)
            except BadMediaError:
                pass


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ('<svg xmlns="http://www.w3.org/2000/svg"><rect width="9"/></svg>', "<svg"),
        ("<!DOCTYPE html>\n<html><body>404</body></html>", "<!DOCTYPE html> <html>"),
        ("\ufeff#EXTM3U\nhttp://127.0.0.1:9/a.ts\n", "#EXTM3U http://127.0.0.1:9/a.ts"),
        ("ä" * 300, "ää"),
    ],
)
def test_a_text_is_refused_by_what_was_expected_and_how_it_begins(tmp_path, text, begins):
    (tmp_path / "a.svg").write_text(text, encoding="utf-8")
    message = failure(tmp_path / "a.svg")
    assert message.startswith("decode: expected a video, or an image of PNG, JPEG, WEBP")
    assert f"got a text that begins '{begins}" in message


def test_what_is_neither_is_refused(tmp_path):
    assert failure(tmp_path / "none.png").startswith("read: ")
    assert failure(tmp_path).startswith("read: ")
    (tmp_path / "empty.png").touch()
    assert failure(tmp_path / "empty.png") == "decode: expected a video, got an empty file"
    (tmp_path / "noise.png").write_bytes(b"\0\1" + RNG.bytes(9_000))
    assert failure(tmp_path / "noise.png").startswith("decode: ")
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    assert failure(tmp_path / "a.heic").endswith("got HEIF")


def test_a_video_is_decoded_as_one_whatever_its_name(tmp_path):
    with av.open(str(tmp_path / "a.png"), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    assert read(tmp_path / "a.png") is None
    assert len(list(decode_media(str(tmp_path / "a.png"), VideoConfig()))) == 3
