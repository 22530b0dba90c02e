"""What befalls a shot of a synthetic film without ending it: flashes, changes of light, passers-by, captions, grain."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipelines.shot_views import Picture, View


def disturb(view: View, other: View, size: tuple[int, int], rng: np.random.Generator) -> View:
    """The view with perhaps one thing befalling it; other: what a passer-by is cut out of."""
    makers: list[Callable[[], View]] = [
        lambda: _flash(view, rng),
        lambda: _change_light(view, rng),
        lambda: _change_light(view, rng),
        lambda: _flicker(view, rng),
        lambda: _pass_by(view, other, size, rng),
        lambda: _caption(view, size, rng),
        lambda: _grain(view, rng),
    ]
    return makers[rng.integers(len(makers))]() if rng.random() < 0.5 else view


def _lit(picture: Picture, gain: float, lift: float) -> Picture:
    lit: Picture = np.clip(picture * np.float32(gain) + np.float32(lift), 0, 255).astype(np.uint8)
    return lit


def _flash(view: View, rng: np.random.Generator) -> View:
    """A camera's flash or several: bright at once, gone in 20 to 150 ms."""
    starts = rng.uniform(0.1, 2.5) + np.cumsum(rng.uniform(0.12, 0.5, rng.integers(1, 4)))
    length_s, gain, lift = rng.uniform(0.02, 0.15), rng.uniform(1.2, 2.5), rng.uniform(30, 160)

    def draw(time_s: float) -> Picture:
        since = time_s - starts
        during = since[(since >= 0) & (since < length_s)]
        if not len(during):
            return view(time_s)
        share = 1 - 0.6 * during[0] / length_s
        return _lit(view(time_s), 1 + (gain - 1) * share, lift * share)

    return draw


def _change_light(view: View, rng: np.random.Generator) -> View:
    """Light that rises or falls to a lasting level, at once or over a second."""
    start_s, length_s = rng.uniform(0.2, 1.5), rng.choice([0.04, rng.uniform(0.2, 1.2)])
    gain = float(np.exp(rng.uniform(-0.9, 0.7)))

    def draw(time_s: float) -> Picture:
        share = np.clip((time_s - start_s) / length_s, 0, 1)
        return _lit(view(time_s), gain**share, 0) if share > 0 else view(time_s)

    return draw


def _flicker(view: View, rng: np.random.Generator) -> View:
    depth, speed = rng.uniform(0.03, 0.15), rng.uniform(10, 60)
    return lambda time_s: _lit(view(time_s), 1 + depth * np.sin(speed * time_s), 0)


def _pass_by(view: View, other: View, size: tuple[int, int], rng: np.random.Generator) -> View:
    """Something that crosses the picture: a piece of another one, large or small, fast or slow."""
    height, width = size
    tall, wide = int(height * rng.uniform(0.3, 1.0)), int(width * rng.uniform(0.1, 0.6))
    thing = other(0.0)[-tall:, :wide]
    start_s, cross_s = rng.uniform(0, 1.5), rng.uniform(0.3, 3.0)
    top = int(rng.integers(0, height - tall + 1))
    from_right = bool(rng.random() < 0.5)

    def draw(time_s: float) -> Picture:
        share = (time_s - start_s) / cross_s
        picture = view(time_s)
        if not 0 < share < 1:
            return picture
        left = round((1 - share if from_right else share) * (width + wide)) - wide
        picture = picture.copy()
        picture[top : top + tall, max(0, left) : left + wide] = thing[:, max(0, -left) : max(0, width - left)]
        return picture

    return draw


def _caption(view: View, size: tuple[int, int], rng: np.random.Generator) -> View:
    """Words that come at once and go at once."""
    start_s, end_s = np.cumsum(rng.uniform(0.2, 1.5, 2))
    font = ImageFont.load_default(size[0] * rng.uniform(0.05, 0.14))
    place = (size[1] * rng.uniform(0.05, 0.3), size[0] * rng.uniform(0.1, 0.8))
    words = "".join(rng.choice(list("etaoin shrdlu"), 24))

    def draw(time_s: float) -> Picture:
        picture = view(time_s)
        if not start_s <= time_s < end_s:
            return picture
        written = Image.fromarray(picture)
        ImageDraw.Draw(written).text(place, words, "white", font, stroke_width=2, stroke_fill="black")
        return np.asarray(written)

    return draw


def _grain(view: View, rng: np.random.Generator) -> View:
    depth = rng.uniform(4, 18)

    def draw(time_s: float) -> Picture:
        picture = view(time_s)
        noise = rng.normal(0, depth, picture.shape[:2]).astype(np.float32)[..., None]
        grainy: Picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
        return grainy

    return draw
