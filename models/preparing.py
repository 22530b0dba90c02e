"""Pictures made ready for a model: crops of the size that its spec says, and those as the numbers that it takes."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.frames import Picture
from models.image_specs import InputSpec
from models.runtimes import Runtime
from models.tagging import TaggingConfig

Crops = NDArray[np.uint8]  # (crops, height, width, 3), RGB

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "area": Image.Resampling.BOX,
}
_DARK = 24  # of 255: black of limited range, with compression's noise
_LIT_SHARE = 0.02  # of a line's pixels that may be lighter: noise, and the edges of logos
_MAX_BAR_SHARE = 0.4  # of a side: what is darker than that is a dark picture
_PIXELS = np.arange(256)
_HALF_LEVEL = 0.51


def make_crops(picture: Picture, spec: InputSpec, config: TaggingConfig) -> Crops:
    """The crops of a picture that config names, in its order, each followed by its mirror image if that is asked for.

    Black bars around the picture are cut off first, if config says so.
    """
    image = Image.fromarray(trim_bars(picture) if config.trim_bars else picture)
    crops = [np.asarray(_CROPS[name](image, spec)) for name in config.crops]
    if config.flip:
        crops = [each for crop in crops for each in (crop, crop[:, ::-1])]
    return np.stack(crops)


def prepare(crops: Crops, spec: InputSpec, runtime: Runtime) -> NDArray[Any]:
    """What the model takes of crops (crops, height, width, 3): float32, or uint8 or int8 for a model of bytes."""
    tables = _tabulate(spec, runtime)
    ordered = crops[..., ::-1] if spec.is_bgr else crops
    if (tables == _PIXELS.astype(tables.dtype)).all():
        prepared = ordered.astype(tables.dtype)
    else:
        prepared = np.stack([table[ordered[..., colour]] for colour, table in enumerate(tables)], axis=-1)
    return prepared if spec.layout == "nhwc" else np.ascontiguousarray(np.moveaxis(prepared, -1, 1))


def trim_bars(picture: Picture) -> Picture:
    """The picture without black bars at its edges; as it is if little would be left."""
    lit: NDArray[np.bool_] = np.maximum(np.maximum(picture[..., 0], picture[..., 1]), picture[..., 2]) > _DARK
    top, bottom = _find_bars(lit.mean(axis=1))
    left, right = _find_bars(lit[top : len(lit) - bottom].mean(axis=0))
    return picture[top : len(lit) - bottom, left : lit.shape[1] - right]


def _find_bars(lit: NDArray[np.floating]) -> tuple[int, int]:
    """How many lines are dark at each end."""
    bright = np.flatnonzero(lit > _LIT_SHARE)
    if not len(bright):
        return 0, 0
    first, last = int(bright[0]), len(lit) - 1 - int(bright[-1])
    return (first, last) if max(first, last) <= _MAX_BAR_SHARE * len(lit) else (0, 0)


def _fit(image: Image.Image, spec: InputSpec) -> Image.Image:
    """The picture as the spec says."""
    if spec.resize == "shortest":
        return _centre(image, spec, spec.crop)
    return _stretch(image, spec) if spec.resize == "stretch" else _pad(image, spec)


def _centre(image: Image.Image, spec: InputSpec, crop: float) -> Image.Image:
    """The side that fits tightest resized to size / crop, the other in proportion, rounded as torchvision does it."""
    height, width = spec.size
    if image.width * height >= image.height * width:
        rows = round(height / crop)
        resized = _resize(image, max(width, int(rows * image.width / image.height)), rows, spec)
    else:
        columns = round(width / crop)
        resized = _resize(image, columns, max(height, int(columns * image.height / image.width)), spec)
    left, top = round((resized.width - width) / 2), round((resized.height - height) / 2)
    return resized.crop((left, top, left + width, top + height))


def _stretch(image: Image.Image, spec: InputSpec) -> Image.Image:
    return _resize(image, spec.size[1], spec.size[0], spec)


def _pad(image: Image.Image, spec: InputSpec) -> Image.Image:
    height, width = spec.size
    share = min(height / image.height, width / image.width)
    columns, rows = max(1, round(image.width * share)), max(1, round(image.height * share))
    padded = Image.new("RGB", (width, height))
    padded.paste(_resize(image, columns, rows, spec), ((width - columns) // 2, (height - rows) // 2))
    return padded


def _cut(across: float, down: float, share: float) -> Callable[[Image.Image, InputSpec], Image.Image]:
    """A crop of the model's shape, its place from 0, left or top, to 1, and its share of the largest that there is."""

    def cut(image: Image.Image, spec: InputSpec) -> Image.Image:
        height, width = spec.size
        scale = share * min(image.height / height, image.width / width)
        columns, rows = min(scale * width, image.width), min(scale * height, image.height)  # scale is rounded
        left, top = across * (image.width - columns), down * (image.height - rows)
        box = (left, top, min(left + columns, image.width), min(top + rows, image.height))
        return image.resize((width, height), _FILTERS[spec.interpolation], box=box)

    return cut


def _resize(image: Image.Image, width: int, height: int, spec: InputSpec) -> Image.Image:
    return image.resize((width, height), _FILTERS[spec.interpolation], reducing_gap=None)


# The names are models.tagging's.
_CROPS: Mapping[str, Callable[[Image.Image, InputSpec], Image.Image]] = {
    "spec": _fit,
    "full": _stretch,
    "pad": _pad,
    "centre": _cut(0.5, 0.5, 1.0),
    "tight": _cut(0.5, 0.5, 0.65),
    "start": _cut(0.0, 0.0, 1.0),
    "end": _cut(1.0, 1.0, 1.0),
    "top_left": _cut(0.0, 0.0, 0.8),
    "top_right": _cut(1.0, 0.0, 0.8),
    "bottom_left": _cut(0.0, 1.0, 0.8),
    "bottom_right": _cut(1.0, 1.0, 0.8),
}


def _tabulate(spec: InputSpec, runtime: Runtime) -> NDArray[Any]:
    """What the model takes for each pixel value, by colour in its own order (3, 256)."""
    scale, mean, std = spec.values
    values = (_PIXELS * scale - np.array(mean)[:, np.newaxis]) / np.array(std)[:, np.newaxis]
    if runtime.dtype.kind == "f":
        return np.asarray(values, np.float32)
    limits = np.iinfo(runtime.dtype)
    pixels = np.tile(_PIXELS + limits.min, (3, 1))
    if spec.normalisation == "none" or runtime.quantisation is None:
        return np.asarray(pixels, runtime.dtype)
    step, zero_point = runtime.quantisation
    levels = values / step + zero_point
    # A tensor quantised for pixels so normalised: its zero point is rounded, and pixels must not be rounded by that.
    near = np.abs(levels - pixels).max() <= _HALF_LEVEL
    return np.asarray(pixels if near else np.clip(np.rint(levels), limits.min, limits.max), runtime.dtype)
