"""Decoded video frames as upright sRGB pictures of any size, averaged by area.

swscale does the work, straight to the size asked for: of 854x480, 7,000 grids a second. Without the two FULL_CHR flags
it halves the colours' width once more, after scaling (grids are off by up to 90), and white comes out as 253.
"""

import functools
from typing import Any

import numpy as np
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, ColorTrc, Interpolation, VideoReformatter
from numpy.typing import NDArray

from models.frames import GRID_HEIGHT, GRID_WIDTH, Grid, Picture

_SCALING = Interpolation.AREA | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP

# From H.273's matrix coefficients, as frames state them, to swscale's.
_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
_BT601, _BT709 = 5, 1
_MAX_SD_WIDTH, _MAX_SD_HEIGHT = 1279, 576  # an unstated matrix is BT.601 up to here, BT.709 above: mpv's rule

_HDR_WHITE_NITS = 203.0  # of a white page, by ITU-R BT.2408
_HDR_KNEE = 0.75  # of linear SDR light: what is darker keeps its light, what is lighter is squeezed into the rest
_BT2020_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)  # ITU-R BT.2087


class Screen:
    """Draws frames of one stream; it keeps swscale's tables from frame to frame, one set for each size."""

    def __init__(self) -> None:
        self._to_grid, self._to_picture = VideoReformatter(), VideoReformatter()

    def grid(self, frame: VideoFrame) -> Grid:
        """(GRID_HEIGHT, GRID_WIDTH, 3), uint8: of interlaced video both fields, of what is transparent white."""
        turns, mirrored = _orientation(frame)
        height, width = (GRID_WIDTH, GRID_HEIGHT) if turns % 2 else (GRID_HEIGHT, GRID_WIDTH)
        frame = _flatten(frame)
        if not frame.interlaced_frame:
            return _turn(_scale(self._to_grid, frame, width, height), turns, mirrored)
        fields = _scale(self._to_grid, frame, width, 2 * height).reshape(height, 2, width, 3)
        return _turn(((fields.sum(1, np.uint16) + 1) // 2).astype(np.uint8), turns, mirrored)

    def picture(self, frame: VideoFrame, pixel_aspect: float, side: int) -> Picture:
        """(height, width, 3), uint8, the short side `side` or less, never larger than stored.

        pixel_aspect: how wide a stored pixel is for its height. Of interlaced video one field is drawn.
        """
        turns, mirrored = _orientation(frame)
        width, height = fit(frame.width, frame.height, pixel_aspect, side)
        frame = _flatten(frame)
        if frame.interlaced_frame:  # swscale scales each field by itself and weaves them again
            rows = _scale(self._to_picture, frame, width, 2 * height)[::2]
        else:
            rows = _scale(self._to_picture, frame, width, height)
        return _turn(rows, turns, mirrored)


def fit(width: int, height: int, pixel_aspect: float, side: int) -> tuple[int, int]:
    """Width and height with square pixels, none larger than stored, and the short side at most `side`."""
    wide, high = width * min(1.0, pixel_aspect), height * min(1.0, 1 / pixel_aspect)
    share = min(1.0, side / min(wide, high))
    return max(1, round(wide * share)), max(1, round(high * share))


def _flatten(frame: VideoFrame) -> VideoFrame:
    """The frame over white, as on a web page; itself if it has no alpha, or none that shows."""
    if not _has_alpha(frame.format.name):
        return frame
    rgba = frame.reformat(format="rgba", src_colorspace=_matrix(frame), dst_color_range=ColorRange.JPEG, threads=1)
    pixels = rgba.to_ndarray()
    alpha = pixels[..., 3:]
    if alpha.min() == 255:
        return frame
    colours = pixels[..., :3].astype(np.uint16) * alpha + np.uint16(255) * (255 - alpha) + np.uint16(127)
    return VideoFrame.from_ndarray((colours // 255).astype(np.uint8), format="rgb24")


@functools.cache
def _has_alpha(format_name: str) -> bool:
    format_ = VideoFormat(format_name)
    return format_.has_palette or any(component.is_alpha for component in format_.components)


def _scale(reformatter: VideoReformatter, frame: VideoFrame, width: int, height: int) -> NDArray[np.uint8]:
    transfer = frame.color_trc
    hdr = transfer in _LIGHT
    scaled: NDArray[Any] = reformatter.reformat(
        frame,
        width,
        height,
        format="rgb48le" if hdr else "rgb24",
        src_colorspace=_matrix(frame),
        interpolation=_SCALING,
        dst_color_range=ColorRange.JPEG,
        threads=1,
    ).to_ndarray()
    return _tone_map(scaled, transfer) if hdr else scaled


def _matrix(frame: VideoFrame) -> int:
    stated = _MATRICES.get(frame.colorspace)
    if stated is not None:
        return stated
    return _BT601 if frame.width <= _MAX_SD_WIDTH and frame.height <= _MAX_SD_HEIGHT else _BT709


def _orientation(frame: VideoFrame) -> tuple[int, bool]:
    """By how many quarters the frame is to be turned to the left, after it has been mirrored left to right or not."""
    stored: Any = frame.side_data.get("DISPLAYMATRIX")
    if stored is None:
        return 0, False
    matrix = np.frombuffer(bytes(stored), np.int32)[:9].reshape(3, 3)[:2, :2].astype(float)
    # Row vectors times the matrix, y downwards. Mirrored: the first row (where x goes) has its sign changed.
    mirrored = bool(np.linalg.det(matrix) < 0)
    x_to = -matrix[0] if mirrored else matrix[0]
    if not x_to.any():
        return 0, False
    return round(float(np.arctan2(-x_to[1], x_to[0])) / (np.pi / 2)) % 4, mirrored


def _turn(pixels: NDArray[np.uint8], turns: int, mirrored: bool) -> NDArray[np.uint8]:
    if not turns and not mirrored:
        return pixels
    return np.ascontiguousarray(np.rot90(pixels[:, ::-1] if mirrored else pixels, turns))


def _tone_map(coded: NDArray[np.uint16], transfer: int) -> NDArray[np.uint8]:
    """sRGB of BT.2020 pixels coded by PQ or HLG: white paper is white's knee, highlights are squeezed, not clipped."""
    light = _LIGHT[transfer][coded] @ _BT2020_TO_BT709.T
    np.maximum(light, 0, out=light)
    above = np.maximum(light - _HDR_KNEE, 0) / (1 - _HDR_KNEE)
    squeezed = np.minimum(light, _HDR_KNEE) + (1 - _HDR_KNEE) * above / (1 + above)
    coded_again: NDArray[np.uint8] = _SRGB[np.rint(squeezed * (len(_SRGB) - 1)).astype(np.int32)]
    return coded_again


def _pq_light(coded: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light of SMPTE ST 2084 codes, 0 to 1; 1 is HDR's white paper."""
    power = coded ** (1 / 78.84375)
    return (
        10_000
        / _HDR_WHITE_NITS
        * (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)
    )


def _hlg_light(coded: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light of ARIB STD-B67 codes on a screen of 1,000 nits, its system gamma of 1.2 taken by each colour alone."""
    scene = np.where(coded <= 0.5, coded**2 / 3, (np.exp((coded - 0.55991073) / 0.17883277) + 0.28466892) / 12)
    return 1_000 / _HDR_WHITE_NITS * scene**1.2


def _srgb_code(light: NDArray[np.float64]) -> NDArray[np.float64]:
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)


_CODES = np.arange(65_536) / 65_535
_LIGHT = {
    int(ColorTrc.SMPTE2084): _pq_light(_CODES).astype(np.float32),
    int(ColorTrc.ARIB_STD_B67): _hlg_light(_CODES).astype(np.float32),
}
_SRGB = np.rint(_srgb_code(np.arange(16_385) / 16_384)).astype(np.uint8)
