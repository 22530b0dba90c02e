"""Lettering: how much of a picture is text, by what all scripts share, not by reading it."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.frames import Picture

_Map = NDArray[np.float32]  # (height, width)

_LONGEST = 640  # pixels of the longer side; of larger pictures every second one is looked at, or third, and so on
_WINDOW = 21  # pixels, square, in which ink and paper are told apart
_LINE = 61  # pixels along a line, and as many over the lines
_CONTRAST = 0.3  # between ink and paper, in luma
_STEP = 0.5  # of that contrast, from one pixel to the next but one: an edge


def share_text(picture: Picture) -> float:
    """The share of the picture (0 to 1) that has lines of text, small or large, with what is between them.

    Text is ink on paper: two luminances and little between, many strokes side by side, in rows with gaps. Leaves and
    gravel have all luminances; bricks and blinds few strokes.
    """
    luma = _to_luma(picture)
    return max(_share_lines(luma), _share_lines(ndimage.uniform_filter(luma, 2)[::2, ::2]))


def _share_lines(luma: _Map) -> float:
    if min(luma.shape) < _WINDOW:
        return 0.0
    low, high = ndimage.minimum_filter(luma, _WINDOW), ndimage.maximum_filter(luma, _WINDOW)
    contrast = high - low
    written = contrast > _CONTRAST
    place = (luma - low) / np.maximum(contrast, 1e-6)
    steps = np.zeros_like(luma)
    steps[:, 1:-1] = np.abs(luma[:, 2:] - luma[:, :-2])
    strokes = ((steps > _STEP * contrast) & written).astype(np.float32)
    pure = ((place < 0.2) | (place > 0.8)).astype(np.float32)
    density, purity = _mean(strokes, _WINDOW), _mean(pure, _WINDOW)
    inked = _mean((place < 0.5).astype(np.float32), _WINDOW)
    minority = np.minimum(inked, 1 - inked)
    rows = ndimage.uniform_filter1d(strokes, _LINE, axis=1)
    mean = ndimage.uniform_filter1d(rows, _WINDOW, axis=0)
    spread = np.sqrt(np.maximum(ndimage.uniform_filter1d(rows * rows, _WINDOW, axis=0) - mean * mean, 0))
    lines = spread > 0.4 * mean
    text = written & (density > 0.06) & (purity > 0.6) & (minority > 0.03) & (minority < 0.42) & lines
    return float(ndimage.binary_opening(text, np.ones((5, 15))).mean())


def _mean(values: _Map, size: int) -> _Map:
    return np.asarray(ndimage.uniform_filter(values, size), np.float32)


def _to_luma(picture: Picture) -> _Map:
    step = -(-max(picture.shape[:2]) // _LONGEST)
    return (picture[::step, ::step] @ np.array([0.299, 0.587, 0.114], np.float32) / np.float32(255)).astype(np.float32)
