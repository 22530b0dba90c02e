"""What the shots of a synthetic film show: photos under a moving camera, stretches of real clips, and slates."""

import csv
import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]  # (height, width, 3)
View = Callable[[float], Picture]  # of seconds since its first frame

_PHOTOS = {".jpg", ".jpeg", ".png", ".webp"}
_CLIPS = {".mp4", ".avi", ".webm", ".mkv", ".mov"}
_MAX_CLIP_FRAMES = 300
_SPEED_SHARES = {"still": 0.15, "slow": 0.35, "fast": 0.25, "shaky": 0.15, "whip": 0.1}
_SPEEDS = {"still": 0.0, "slow": 0.06, "fast": 0.35, "shaky": 0.04, "whip": 1.2}  # of the picture, a second


@dataclasses.dataclass(frozen=True, slots=True)
class Clip:
    """A stretch [first, last) of a video's frames that shows one shot."""

    path: Path
    first: int
    last: int


@dataclasses.dataclass(frozen=True, slots=True)
class Material:
    """What films are made of."""

    photos: tuple[Path, ...]
    clips: tuple[Clip, ...]


def find_material(folder: Path) -> Material:
    """The photos and videos in a folder and those below it; its cuts.csv (clip, frame) names cuts inside the videos."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    cuts: dict[str, list[int]] = {}
    if (folder / "cuts.csv").exists():
        with (folder / "cuts.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                cuts.setdefault(row["clip"], []).append(int(row["frame"]))
    photos = tuple(path for path in paths if path.suffix.lower() in _PHOTOS)
    clips = [clip for path in paths if path.suffix.lower() in _CLIPS for clip in _stretches(path, cuts)]
    if not photos:
        raise ValueError(f"expected photos in {folder}, got none")
    return Material(photos, tuple(clips))


def _stretches(path: Path, cuts: dict[str, list[int]]) -> Iterator[Clip]:
    bounds = [0, *cuts.get(path.name, []), _MAX_CLIP_FRAMES]
    for first, last in itertools.pairwise(bounds):
        if last - first >= 30:
            yield Clip(path, first, last)


def choose_view(material: Material, size: tuple[int, int], clip_share: float, rng: np.random.Generator) -> View:
    """A shot of anything: mostly photos, clips by their share, a slate or a pattern now and then."""
    if rng.random() < 0.05:
        return _view_slate(size, rng)
    if rng.random() < 0.1:
        return _view_picture(_draw_pattern(size, rng), size, rng)
    if material.clips and rng.random() < clip_share:
        return _view_clip(material.clips[rng.integers(len(material.clips))], size, rng)
    return view_photo(material.photos[rng.integers(len(material.photos))], size, rng)


def view_photo(path: Path, size: tuple[int, int], rng: np.random.Generator) -> View:
    """A photo, as a camera sees it that pans, zooms or shakes."""
    return _view_picture(_read_photo(path, size[1] * 2), size, rng)


def _view_picture(photo: Image.Image, size: tuple[int, int], rng: np.random.Generator) -> View:
    height, width = size
    photo_width, photo_height = photo.size
    widest = min(photo_width / width, photo_height / height)
    kind = str(rng.choice(list(_SPEED_SHARES), p=list(_SPEED_SHARES.values())))
    scale = widest * rng.uniform(0.55, 0.95)
    angle, speed = rng.uniform(0, 2 * np.pi), _SPEEDS[kind] * float(np.exp(rng.uniform(-0.8, 0.8)))
    zoom = rng.normal(0, 0.5) * min(speed, 0.4)
    start_x, start_y = rng.random(2)
    phases = rng.uniform(0, 2 * np.pi, 4)
    whip_s = rng.uniform(0.3, 2.0)

    def draw(time_s: float) -> Picture:
        now = scale * np.clip(np.exp(zoom * time_s), 0.4, 1 / 0.96)
        now = min(now, widest)
        run_s = np.clip(time_s - whip_s, 0, 0.5) if kind == "whip" else time_s
        room_x, room_y = photo_width - now * width, photo_height - now * height
        left = _swing(start_x * room_x + np.cos(angle) * speed * run_s * now * width, room_x)
        top = _swing(start_y * room_y + np.sin(angle) * speed * run_s * now * width * 0.5, room_y)
        if kind == "shaky":
            waves = np.sin(np.array([19.0, 31.0, 23.0, 41.0]) * time_s + phases)
            left = np.clip(left + 0.012 * width * now * (waves[0] + waves[1]), 0, room_x)
            top = np.clip(top + 0.012 * width * now * (waves[2] + waves[3]), 0, room_y)
        matrix = (now, 0.0, float(left), 0.0, now, float(top))
        return np.asarray(photo.transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR))

    return draw


def _swing(position: float, room: float) -> float:
    """The position, going back and forth within [0, room]."""
    if room <= 0:
        return 0.0
    folded = position % (2 * room)
    return float(min(folded, 2 * room - folded))


@functools.lru_cache(maxsize=64)
def _read_photo(path: Path, max_width: int) -> Image.Image:
    with Image.open(path) as image:
        image.draft("RGB", (max_width, max_width))
        photo = image.convert("RGB")
    if photo.width > max_width:
        photo = photo.resize((max_width, round(photo.height * max_width / photo.width)), Image.Resampling.BOX)
    return photo


def _view_clip(clip: Clip, size: tuple[int, int], rng: np.random.Generator) -> View:
    pictures, rate = _read_clip(clip, size)
    start = rng.integers(max(1, len(pictures) - int(2 * rate)))
    mirrored = bool(rng.random() < 0.5)
    left, top, scale = *rng.uniform(0, 0.2, 2), rng.uniform(0.7, 0.8)

    def draw(time_s: float) -> Picture:
        number = int(_swing(start + time_s * rate, len(pictures) - 1))
        picture = Image.fromarray(pictures[number])
        box = (left * picture.width, top * picture.height)
        matrix = (scale * picture.width / size[1], 0.0, box[0], 0.0, scale * picture.height / size[0], box[1])
        seen = np.asarray(picture.transform(size[::-1], Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR))
        return seen[:, ::-1] if mirrored else seen

    return draw


def _draw_pattern(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """Blots or blocks of colour, coarse ones and fine ones on top of each other."""
    height, width = size
    levels = np.zeros((height * 2, width * 2, 3), np.float32)
    way = Image.Resampling.NEAREST if rng.random() < 0.4 else Image.Resampling.BICUBIC
    for cells in rng.choice([2, 4, 8, 16, 32], rng.integers(1, 4), replace=False):
        blots = Image.fromarray(rng.integers(0, 256, (cells, 2 * cells, 3), dtype=np.uint8))
        levels += np.asarray(blots.resize((width * 2, height * 2), way), np.float32) / np.float32(cells)
    return Image.fromarray((levels * (255 / levels.max())).astype(np.uint8))


@functools.lru_cache(maxsize=6)
def _read_clip(clip: Clip, size: tuple[int, int]) -> tuple[list[Picture], float]:
    pictures: list[Picture] = []
    with av.open(str(clip.path)) as container:
        stream = container.streams.video[0]
        height = min(stream.height, round(size[0] * 1.3), 400)
        width = round(stream.width * height / stream.height) // 2 * 2
        for number, frame in enumerate(container.decode(stream)):
            if clip.first <= number < clip.last:
                picture = frame.reformat(width, height, "rgb24", interpolation="AREA").to_ndarray()
                pictures.append(picture.astype(np.uint8, copy=False))
            if number >= clip.last:
                break
        return pictures, float(stream.average_rate or 25)


def _view_slate(size: tuple[int, int], rng: np.random.Generator) -> View:
    """A still of one colour with a line of text."""
    ground, ink = (tuple(int(level) for level in rng.integers(0, 256, 3)) for _ in range(2))
    slate = Image.new("RGB", size[::-1], ground)
    write = ImageDraw.Draw(slate)
    for line in range(int(rng.integers(1, 4))):
        place = (size[1] * rng.uniform(0.05, 0.4), size[0] * (0.2 + 0.25 * line))
        write.text(
            place, f"Chapter {rng.integers(1000)}", ink, ImageFont.load_default(size[0] * rng.uniform(0.06, 0.2))
        )
    picture = np.asarray(slate)
    return lambda time_s: picture
