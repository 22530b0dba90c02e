"""Looks: tags that follow from how frames look, without any model."""

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from models.flashes import RED, Flashing
from models.frames import Grid, Picture
from models.lettering import share_text
from models.measures import FrameMeasures, share_moved

COMPUTED_TAGS = {
    "black": "nothing but black, or a logo or a time code on black",
    "colour_bars": "a test card of colour bars",
    "dark": "little light",
    "fast_cutting": "many cuts in a short time",
    "flashing": "flashes beyond the limits for people with photosensitive epilepsy",
    "high_motion": "fast or wild motion",
    "letterbox": "black bars above and below",
    "monochrome": "grey, or of one tint such as sepia",
    "overexposed": "light clipped to white over much of the picture",
    "pillarbox": "black bars on the left and on the right",
    "red_flashing": "red flashes beyond the limits for people with photosensitive epilepsy",
    "slideshow": "still pictures, one after the other",
    "static": "no motion",
    "static_image": "one still picture from start to end",
    "text_heavy": "much text",
}

_STEEPNESS = 12.0  # of scores: a measure 20 % beyond its limit has .92, one 20 % short of it .08
_SAMPLES = 12  # grids that are kept of a shot
_EDGE = 0.2  # of a shot at either end, which may belong to a fade or a dissolve
_ALL_BLACK = 0.95  # of the cells
_UNEVEN_BARS = 0.04  # of the height or width, by which bars may differ
_PALE_SHARE = 0.1  # of bright and pale together; white paper has less, for nothing leads up to it
_SLIDES = 3
_Ranges = tuple[tuple[float, float], ...]


@dataclasses.dataclass(frozen=True)
class LookConfig:
    """Where the score of each tag is one half. A tag is given from min_score on.

    black_share: of a shot's frames. bars_share: of its frames with such bars, of those that are not black. bar: the
    height or width of each bar as a share of the picture. dark_luma: the mean of what is between the bars, 0 to 1.
    bright_share: of the picture. tint: root mean square, see FrameMeasures. moved: share of the picture that differs
    within a shot. motion: mean change of luma in 1/25 s. text_share: of the picture. static_share: of the time, in a
    slideshow. cuts_a_minute: within cuts_window_s.
    """

    min_score: float = 0.5
    black_share: float = 0.5
    bars_share: float = 0.5
    bar: float = 0.025
    dark_luma: float = 0.19
    bright_share: float = 0.3
    tint: float = 0.0042
    moved: float = 0.012
    motion: float = 0.045
    text_share: float = 0.2
    static_share: float = 0.8
    cuts_a_minute: float = 40.0
    cuts_window_s: float = 10.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if not getattr(self, field.name) > 0:
                raise ValueError(f"{field.name} must be positive, got {getattr(self, field.name)}")


@dataclasses.dataclass(frozen=True, slots=True)
class ShotSummary:
    """What is kept of a shot's frames: sums and a few grids, however long it is."""

    frames: int = 0
    lit: int = 0  # frames that are not black
    luma: float = 0.0  # these are sums over lit frames
    bright: float = 0.0
    pale: float = 0.0
    tint: float = 0.0
    letterboxed: int = 0
    pillarboxed: int = 0
    colour_bars: float = 0.0  # these are sums over all frames
    motion: float = 0.0
    seconds: float = 0.0  # in which that motion was
    last_s: float = 0.0
    stride: int = 1  # frames from one kept grid to the next
    samples: tuple[Grid, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class TaggedShot:
    """A shot's times and its tags, for those of the whole item."""

    start_s: float
    end_s: float
    tags: tuple[tuple[str, float], ...]


def add_measures(
    summary: ShotSummary, measures: FrameMeasures, times_s: Sequence[float], grids: Sequence[Grid], config: LookConfig
) -> ShotSummary:
    """The summary with the next frames of the shot. It begins with ShotSummary().

    The motion of the shot's first frame is left out: it is that of a cut.
    """
    if not len(measures):
        return summary
    skip = 0 if summary.frames else 1
    lit = measures.black < _ALL_BLACK
    visible = _share_visible(measures.top, measures.bottom) * _share_visible(measures.left, measures.right)
    stride, samples = _keep_samples(summary, grids)
    start_s = summary.last_s if summary.frames else times_s[0]
    return ShotSummary(
        frames=summary.frames + len(measures),
        lit=summary.lit + int(lit.sum()),
        luma=summary.luma + float((measures.luma / visible)[lit].sum()),
        bright=summary.bright + float(measures.bright[lit].sum()),
        pale=summary.pale + float(measures.pale[lit].sum()),
        tint=summary.tint + float(measures.tint[lit].sum()),
        letterboxed=summary.letterboxed + int((lit & _has_bars(measures.top, measures.bottom, config)).sum()),
        pillarboxed=summary.pillarboxed + int((lit & _has_bars(measures.left, measures.right, config)).sum()),
        colour_bars=summary.colour_bars + float(measures.colour_bars.sum()),
        motion=summary.motion + float(measures.motion[skip:].sum()),
        seconds=summary.seconds + float(times_s[-1] - start_s),
        last_s=float(times_s[-1]),
        stride=stride,
        samples=samples,
    )


def tag_shot(summary: ShotSummary, pictures: Sequence[Picture], config: LookConfig) -> list[tuple[str, float]]:
    """The shot's tags and how sure they are (0 to 1), the surest first. pictures: its keyframes, or the image."""
    scores = _score_shot(summary, pictures, config) if summary.frames else {}
    found = [(tag, score) for tag, score in scores.items() if score >= config.min_score]
    return sorted(found, key=lambda each: (-each[1], each[0]))


def tag_media(
    shots: Sequence[TaggedShot], flashings: Sequence[Flashing], duration_s: float, config: LookConfig
) -> list[tuple[str, float, _Ranges]]:
    """The item's tags, by name: the score of the shot that is surest of it, and the times of all that have it.

    An image has no duration, and one range of no length.
    """
    tags: dict[str, tuple[float, _Ranges]] = {}
    for shot in shots:
        for tag, score in shot.tags:
            best, ranges = tags.get(tag, (0.0, ()))
            tags[tag] = max(best, score), _join(ranges, shot.start_s, shot.end_s)
    if duration_s > 0:
        for tag, score, ranges in (*_tag_stills(shots, duration_s, config), *_tag_cutting(shots, config)):
            tags[tag] = score, ranges
    for flashing in flashings:
        tag = "red_flashing" if flashing.kind == RED else "flashing"
        tags[tag] = 1.0, _join(tags.get(tag, (0.0, ()))[1], flashing.start_s, flashing.end_s)
    return [(tag, *tags[tag]) for tag in sorted(tags)]


def _score_shot(summary: ShotSummary, pictures: Sequence[Picture], config: LookConfig) -> dict[str, float]:
    scores = {
        "black": _above(1 - summary.lit / summary.frames, config.black_share),
        "colour_bars": _above(summary.colour_bars / summary.frames, 0.5),
        "static": _score_static(summary, config),
        "high_motion": _above(summary.motion / max(summary.seconds * 25, 1), config.motion),
    }
    if not summary.lit:
        return scores
    bright, pale = summary.bright / summary.lit, summary.pale / summary.lit
    gradual = _above(pale / max(bright + pale, 1e-9), _PALE_SHARE)
    scores |= {
        "dark": 1 - _above(summary.luma / summary.lit, config.dark_luma),
        "overexposed": _above(bright, config.bright_share) * gradual,
        "monochrome": 1 - _above(summary.tint / summary.lit, config.tint),
        "letterbox": _above(summary.letterboxed / summary.lit, config.bars_share),
        "pillarbox": _above(summary.pillarboxed / summary.lit, config.bars_share),
        "text_heavy": _above(max(map(share_text, pictures), default=0.0), config.text_share),
    }
    return scores


def _score_static(summary: ShotSummary, config: LookConfig) -> float:
    """How sure it is that the grids of the shot, but for its ends, show the same."""
    count = len(summary.samples)
    inner = summary.samples[math.floor(count * _EDGE) : math.ceil(count * (1 - _EDGE))]
    if count < 3 or len(inner) < 2:
        return 0.0
    return 1 - _above(max(share_moved(inner[0], other) for other in inner[1:]), config.moved)


def _tag_stills(
    shots: Sequence[TaggedShot], duration_s: float, config: LookConfig
) -> Iterator[tuple[str, float, _Ranges]]:
    seen = [(shot, dict(shot.tags)) for shot in shots if not {"black", "colour_bars"} & dict(shot.tags).keys()]
    static = [(shot, tags["static"]) for shot, tags in seen if "static" in tags]
    ranges: _Ranges = ()
    for shot, _ in static:
        ranges = _join(ranges, shot.start_s, shot.end_s)
    total_s = sum(shot.end_s - shot.start_s for shot, _ in seen)
    share = sum(shot.end_s - shot.start_s for shot, _ in static) / total_s if total_s else 0.0
    if len(seen) == 1 and static and total_s > duration_s / 2:
        yield "static_image", static[0][1], ranges
    score = _above(share, config.static_share)
    if len(static) >= _SLIDES and score >= config.min_score:
        yield "slideshow", score, ranges


def _tag_cutting(shots: Sequence[TaggedShot], config: LookConfig) -> Iterator[tuple[str, float, _Ranges]]:
    """The stretches of cuts_window_s or a little less with so many cuts, from the first of these to the last."""
    cuts_s = np.array([shot.start_s for shot in shots[1:]])
    best, ranges = 0.0, ()  # type: tuple[float, _Ranges]
    for number, start_s in enumerate(cuts_s):
        stop = int(np.searchsorted(cuts_s, start_s + config.cuts_window_s))
        score = _above((stop - number) * 60 / config.cuts_window_s, config.cuts_a_minute)
        if score >= config.min_score:
            best, ranges = max(best, score), _join(ranges, float(start_s), float(cuts_s[stop - 1]))
    if ranges:
        yield "fast_cutting", best, ranges


def _above(value: float, limit: float) -> float:
    """From 0 far below the limit to 1 far above it."""
    return 1 / (1 + math.exp(-_STEEPNESS * min(max(value / limit - 1, -4.0), 4.0)))


def _join(ranges: _Ranges, start_s: float, end_s: float) -> _Ranges:
    """The ranges with one more, which starts no earlier than the last."""
    if ranges and start_s <= ranges[-1][1]:
        return *ranges[:-1], (ranges[-1][0], max(ranges[-1][1], end_s))
    return *ranges, (start_s, end_s)


def _has_bars(one: NDArray[np.float32], other: NDArray[np.float32], config: LookConfig) -> NDArray[np.bool_]:
    return np.asarray((np.minimum(one, other) > config.bar) & (np.abs(one - other) < _UNEVEN_BARS))


def _share_visible(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    even: NDArray[np.float32] = np.where(np.abs(one - other) < _UNEVEN_BARS, 1 - np.minimum(one + other, 0.8), 1)
    return even


def _keep_samples(summary: ShotSummary, grids: Sequence[Grid]) -> tuple[int, tuple[Grid, ...]]:
    stride, samples = summary.stride, summary.samples
    for number, grid in enumerate(grids, start=summary.frames):
        if number % stride == 0:
            samples = *samples, np.array(grid)
        if len(samples) > _SAMPLES:
            stride, samples = 2 * stride, samples[::2]
    return stride, samples
