"""Watching: one pass over a video or an image, from its file to its shots, their keyframes and computed tags.

A generator for a child process (models.isolation): it holds a few seconds of frames and a few pictures of the shot at
hand, whatever the length of the file.
"""

import dataclasses
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from models.flashes import FlashConfig, Flashing, FlashState, finish_flashes, scan_flashes
from models.frames import GRID_HEIGHT, GRID_WIDTH, Frame, Grid, Picture
from models.image_decoding import decode_media
from models.image_specs import InputSpec
from models.keyframes import (
    Candidate,
    KeyframeConfig,
    choose_keyframes,
    encode_jpeg,
    rate_exposure,
    rate_sharpness,
    thin,
)
from models.looks import LookConfig, ShotSummary, TaggedShot, add_measures, tag_media, tag_shot
from models.measures import measure_frames
from models.preparing import Crops, make_crops
from models.shots import ShotConfig, Transition, stream_transitions
from models.tagging import TaggingConfig
from models.video_decoding import VideoConfig

_DIFFERENT = 12.0  # code values, in the mean
_SHARE_WAITED = 0.75  # of a step; of it a quarter passes in any case, or noise would fill the memory with pictures
_START = Transition("start", 0, 0, 0, 1.0)


@dataclasses.dataclass(frozen=True)
class WatchConfig:
    """How videos are decoded, cut into shots, and looked at."""

    video: VideoConfig = dataclasses.field(default_factory=VideoConfig)
    shots: ShotConfig = dataclasses.field(default_factory=ShotConfig)
    keyframes: KeyframeConfig = dataclasses.field(default_factory=KeyframeConfig)
    looks: LookConfig = dataclasses.field(default_factory=LookConfig)
    flashes: FlashConfig = dataclasses.field(default_factory=FlashConfig)


@dataclasses.dataclass(frozen=True)
class Watch:
    """What is asked for. crops: what an image model takes of keyframes; None: there is no model."""

    config: WatchConfig
    crops: InputSpec | None = None
    tagging: TaggingConfig = dataclasses.field(default_factory=TaggingConfig)
    thumbnails: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class SeenKeyframe:
    """A keyframe; thumbnail: its JPEG, if those were asked for."""

    time_s: float
    sharpness: float
    exposure: float
    thumbnail: bytes | None


@dataclasses.dataclass(frozen=True, slots=True)
class SeenShot:
    """A shot, and what is computed of it."""

    shot: int
    start_s: float
    end_s: float
    frames: int
    transition: str
    transition_s: float
    keyframes: tuple[SeenKeyframe, ...]
    tags: tuple[tuple[str, float], ...]
    crops: Crops | None  # of the keyframes; None: none were asked for, or there are no keyframes


@dataclasses.dataclass(frozen=True, slots=True)
class SeenMedia:
    """An item, and what is computed of all its shots together. tags: name, score, and the ranges in seconds."""

    duration_s: float
    tags: tuple[tuple[str, float, tuple[tuple[float, float], ...]], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class _Moment:
    """What is kept of a frame until it is decided which shot it is in."""

    start_s: float
    end_s: float
    grid: Grid
    candidate: Candidate | None


@dataclasses.dataclass(frozen=True, slots=True)
class _OpenShot:
    """A shot whose end is not known yet."""

    number: int
    begins: Transition
    start_s: float
    transition_s: float = 0.0
    end_s: float = 0.0
    summary: ShotSummary = dataclasses.field(default_factory=ShotSummary)
    candidates: tuple[Candidate, ...] = ()


def watch(path: str, asked: Watch) -> Iterator[SeenShot | SeenMedia]:
    """Yields the shots of a video as they end, and at last the item; of an image a shot of one frame.

    Raises BadMediaError, perhaps after some shots.
    """
    config = asked.config
    moments: deque[_Moment] = deque()
    shots: list[TaggedShot] = []
    flashings: list[Flashing] = []
    flash_state, last_grid, done = FlashState(), None, 0
    shot: _OpenShot | None = None

    frames = _note(decode_media(path, config.video), moments, config.keyframes)
    for decided, transitions in stream_transitions(frames, config.shots):
        block = [moments.popleft() for _ in range(decided - done)]
        if not block:
            continue
        times_s, grids = [moment.start_s for moment in block], [moment.grid for moment in block]
        found, flash_state = scan_flashes(times_s, grids, flash_state, config.flashes)
        flashings += found
        if shot is None:
            shot = _OpenShot(0, _START, block[0].start_s)
        for part, begins in _split(block, done, transitions):
            if begins is not None:
                yield (seen := _close(shot, begins, asked))
                shots.append(TaggedShot(seen.start_s, seen.end_s, seen.tags))
                shot = _OpenShot(shot.number + 1, begins, part[0].start_s, _length_s(begins, block, done))
            shot = _extend(shot, part, last_grid, config)
            last_grid = part[-1].grid
        done = decided

    if shot is None:
        raise AssertionError("a file without frames is refused by the decoder")
    yield (seen := _close(shot, None, asked))
    shots.append(TaggedShot(seen.start_s, seen.end_s, seen.tags))
    flashings += finish_flashes(flash_state)
    tags = tag_media(shots, sorted(flashings, key=lambda each: each.start_s), seen.end_s, config.looks)
    yield SeenMedia(seen.end_s, tuple(tags))


def _note(frames: Iterable[Frame], moments: deque[_Moment], config: KeyframeConfig) -> Iterator[tuple[float, Grid]]:
    """The frames as stream_transitions takes them, each kept as a moment; some, in steps of time, with a picture.

    So have those that differ much from the last of these, for they may begin a shot shorter than a step.
    """
    next_s, drawn = -np.inf, np.zeros((GRID_HEIGHT, GRID_WIDTH, 3), np.uint8)
    for number, frame in enumerate(frames):
        candidate = None
        is_early = frame.start_s < next_s - _SHARE_WAITED * config.every_s
        if frame.start_s >= next_s or (not is_early and _differ(frame.grid, drawn)):
            candidate = Candidate(frame.start_s, number, frame.draw())
            next_s, drawn = frame.start_s + config.every_s, frame.grid
        moments.append(_Moment(frame.start_s, frame.end_s, frame.grid, candidate))
        yield frame.start_s, frame.grid


def _split(
    block: Sequence[_Moment], first: int, transitions: Iterable[Transition]
) -> Iterator[tuple[Sequence[_Moment], Transition | None]]:
    """The parts of a block between transitions, none of them empty, and the transition that each begins with.

    first: the number of the block's first frame.
    """
    start, begins = 0, None
    for transition in transitions:
        place = min(max(transition.frame - first, 0), len(block) - 1)
        if place > start:
            yield block[start:place], begins
        start, begins = place, transition
    yield block[start:], begins


def _extend(shot: _OpenShot, part: Sequence[_Moment], previous: Grid | None, config: WatchConfig) -> _OpenShot:
    grids = [moment.grid for moment in part]
    measures = measure_frames(grids, previous)
    times_s = [moment.start_s for moment in part]
    new = [moment.candidate for moment in part if moment.candidate is not None]
    candidates = thin([*shot.candidates, *new], config.keyframes.kept)
    return dataclasses.replace(
        shot,
        end_s=part[-1].end_s,
        summary=add_measures(shot.summary, measures, times_s, grids, config.looks),
        candidates=candidates,
    )


def _close(shot: _OpenShot, ends: Transition | None, asked: Watch) -> SeenShot:
    config = asked.config
    last = shot.begins.last, ends.first if ends is not None else np.inf
    clear = [each for each in shot.candidates if last[0] <= each.frame_number < last[1]]
    end_s = shot.end_s if shot.end_s > shot.start_s else np.nextafter(shot.start_s, np.inf)  # an image takes no time
    # A shot so short that no picture of it was kept is shown by its first grid.
    offered = clear or shot.candidates or [Candidate(shot.start_s, shot.begins.frame, shot.summary.samples[0])]
    chosen = choose_keyframes(offered, shot.start_s, end_s, config.keyframes)
    middle = chosen[len(chosen) // 2 :][:1]  # looking for text takes long
    tags = tag_shot(shot.summary, [each.picture for each in middle], config.looks)
    return SeenShot(
        shot.number,
        shot.start_s,
        shot.end_s,
        shot.summary.frames,
        shot.begins.kind,
        shot.transition_s,
        tuple(_see(each, config.keyframes, asked.thumbnails) for each in chosen),
        tuple(tags),
        _crop([each.picture for each in chosen], asked),
    )


def _see(keyframe: Candidate, config: KeyframeConfig, thumbnails: bool) -> SeenKeyframe:
    picture = keyframe.picture
    thumbnail = encode_jpeg(picture, config.jpeg_quality) if thumbnails else None
    return SeenKeyframe(keyframe.time_s, rate_sharpness(picture), rate_exposure(picture), thumbnail)


def _crop(pictures: Sequence[Picture], asked: Watch) -> Crops | None:
    if asked.crops is None or not pictures:
        return None
    return np.concatenate([make_crops(picture, asked.crops, asked.tagging) for picture in pictures])


def _differ(grid: Grid, other: Grid) -> bool:
    return bool(np.abs(np.subtract(grid[::3, ::3], other[::3, ::3], dtype=np.int16)).mean() > _DIFFERENT)


def _length_s(transition: Transition, block: Sequence[_Moment], first: int) -> float:
    """How long a transition takes, as far as the block shows it; a cut takes no time."""
    start, stop = (min(max(each - first, 0), len(block) - 1) for each in (transition.first, transition.last))
    return max(0.0, block[stop].start_s - block[start].start_s)
