"""Images as single frames; and any file that shows something, image or video."""

import codecs
import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import PIL
from av.video.frame import VideoFrame
from PIL import Image, ImageOps

from models.errors import BadMediaError
from models.frames import GRID_WIDTH, Frame
from models.pictures import Screen, fit
from models.video_decoding import VideoConfig, check_length, check_size, decode_video

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")
_ANIMATED = ("PNG", "WEBP", "GIF", "AVIF")  # in the others, several images are pages
_EXPECTED = f"expected a video, or an image of {', '.join(_FORMATS)}"
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1")
_DEFAULT_DELAY_S = 0.1  # of an animation's frame that states none: what browsers take
_START_BYTES = 256
_DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


def decode_media(path: str, config: VideoConfig) -> Iterator[Frame]:
    """Yields the frames of a video or an animation, or the one frame of an image.

    Raises BadMediaError, perhaps after some frames: `read` if the file cannot be opened, else `decode`.
    """
    image = decode_image(path, config)
    if image is not None:
        yield image
        return
    start = _read_start(path)
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":  # FFmpeg does not read the animated ones
        yield from _decode_animation(path, config)
        return
    if start[4:8] == b"ftyp" and start[8:12] in _HEIF_BRANDS:  # FFmpeg would give its tiles, one of them
        raise BadMediaError("decode", f"{_EXPECTED}; got HEIF")
    text = _as_text(start)
    if text is not None:
        raise BadMediaError("decode", f"{_EXPECTED}; got a text that begins {text!r}")
    yield from decode_video(path, config)


def decode_image(path: str, config: VideoConfig) -> Frame | None:
    """The frame (from 0 s to 0 s) of a local image file, upright, over white; of several pages the first.

    None if the file is no image of a known format, or is an animation.

    Raises BadMediaError: `read` if the file cannot be opened, else `decode`.
    """
    with _opened(path) as file, _damage_refused():
        image = _read_header(file, config)
        if image is None or (image.format in _ANIMATED and getattr(image, "is_animated", False)):
            return None
        if image.format == "JPEG":  # decoded at a half, a quarter or an eighth of its size, where that is enough
            side = 2 * max(config.picture_side, GRID_WIDTH)
            image.draft(None, fit(image.width, image.height, 1.0, side))
        return _show(image, 0.0, 0.0, config)


def _decode_animation(path: str, config: VideoConfig) -> Iterator[Frame]:
    """As long as each frame's delay says, by Pillow."""
    start_s = 0.0
    with _opened(path) as file, _damage_refused():
        image = _read_header(file, config)
        for number in range(getattr(image, "n_frames", 0)):
            assert image is not None  # it has frames
            image.seek(number)
            image.load()
            end_s = start_s + (image.info.get("duration", 0) / 1000 or _DEFAULT_DELAY_S)
            check_length(start_s, number, config)
            yield _show(image, start_s, end_s, config)
            start_s = end_s


@contextlib.contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(Path(path).open("rb"))
        except OSError as error:
            raise BadMediaError("read", str(error)) from error
        yield file


@contextlib.contextmanager
def _damage_refused() -> Iterator[None]:
    try:
        yield
    except (MemoryError, BadMediaError):
        raise
    except Exception as error:  # from OSError to struct.error, by format
        raise BadMediaError("decode", f"expected an image, got what Pillow cannot read: {error}") from error


def _read_header(file: BinaryIO, config: VideoConfig) -> Image.Image | None:
    """The image, not decoded yet; None if Pillow knows none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes that are checked here, and of odd metadata
            image = Image.open(file, formats=_FORMATS)
    except PIL.UnidentifiedImageError:
        return None
    except Image.DecompressionBombError as error:
        raise BadMediaError("decode", f"must have {config.max_pixels} pixels or less: {error}") from error
    check_size(image.width, image.height, config)
    return image


def _show(image: Image.Image, start_s: float, end_s: float, config: VideoConfig) -> Frame:
    upright = VideoFrame.from_image(_over_white(_turn(_eight_bits(image))))
    # By swscale, as videos are: Pillow's BOX takes pixels whole or not at all, and is off by up to 50.
    screen = Screen()
    picture = screen.picture(upright, 1.0, config.picture_side)
    return Frame(start_s, end_s, screen.grid(upright), lambda: picture)


def _turn(image: Image.Image) -> Image.Image:
    """As its EXIF data say; as stored if they are damaged."""
    try:
        return ImageOps.exif_transpose(image)
    except MemoryError:
        raise
    except Exception:
        return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Gray of 16 or 32 bits or of floating point as gray of 8; others as they are."""
    if image.mode not in _DEEP_MODES:
        image.load()
        return image
    values = np.nan_to_num(np.asarray(image).astype(np.float32))
    if image.mode == "F":
        full = max(1.0, float(values.max(initial=0.0)))
    else:
        full = 65_535.0 if values.max(initial=0.0) <= 65_535 else float(values.max())
    gray = Image.fromarray(np.rint(np.clip(values / full, 0, 1) * 255).astype(np.uint8))
    gray.info = image.info
    exif = image.getexif()
    if exif:
        gray.info["exif"] = exif.tobytes()
    return gray


def _over_white(image: Image.Image) -> Image.Image:
    """RGB; what is transparent is white, as on a web page."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def _read_start(path: str) -> bytes:
    with _opened(path) as file:
        return file.read(_START_BYTES)


def _as_text(start: bytes) -> str | None:
    """The first words, if it is text: SVG, HTML, a playlist. The text that heads a Y4M video is none."""
    try:
        # The last character may be cut.
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(start)
    except UnicodeDecodeError:
        return None
    if not text.strip() or text.startswith("YUV4MPEG2") or any(ord(each) < 32 and not each.isspace() for each in text):
        return None
    return " ".join(text.split())[:40]
