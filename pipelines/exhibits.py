"""Exhibits: what can be heard and seen of a match, cut out of the media: clips of both, and the landmark picture."""

import dataclasses
import itertools
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from models.clips import CLIP_RATE, cut_clips, encode_clip
from models.constellation import PeakConfig
from models.decoding import DecodeConfig
from models.errors import BadMediaError
from models.formatting import name_page
from models.index import IndexConfig
from models.isolation import IsolatedWorker, IsolationConfig
from models.landmark_pictures import LandmarkPicture, Moment, Part, draw_landmarks, find_part
from models.matching import QueryConfig
from transforms.files import local_copy

Row = Mapping[str, Any]
Write = Callable[[str, bytes], object]
_LEAD_S = 1.0  # heard before a match begins, and after it ends
_SAME_FACTOR = 0.003
_SPECTROGRAM = IndexConfig().spectrogram
_FRAME_S = _SPECTROGRAM.hop / _SPECTROGRAM.sample_rate  # clips begin with a frame


@dataclasses.dataclass(frozen=True, slots=True)
class Exhibit:
    """Clips are file names in the site. track_from_s: the item's time when the recording's clip begins."""

    item_clip: str
    item_start_s: float
    track_clip: str | None
    track_start_s: float
    track_from_s: float
    speed: float
    pitch: float
    picture: LandmarkPicture | None

    @property
    def picture_file(self) -> str:
        return self.item_clip.replace("-episode.webm", ".svg")

    @property
    def is_like_tape(self) -> bool:
        """Whether speed and pitch changed together."""
        return abs(self.pitch - self.speed) < _SAME_FACTOR

    def describe_clips(self) -> list[dict[str, Any]]:
        """What review.js knows of the clips."""
        clips = [{"side": "episode", "src": self.item_clip, "from": self.item_start_s, "speed": 1, "tape": False}]
        if self.track_clip is not None:
            track = {"src": self.track_clip, "from": self.track_from_s, "speed": self.speed, "tape": self.is_like_tape}
            clips.append({"side": "recording"} | track)
        return clips


@dataclasses.dataclass(frozen=True, slots=True)
class _Cut:
    """A clip to be made of a file."""

    name: str
    start_s: float
    end_s: float
    peaks: PeakConfig


def choose_matches(matches: Sequence[Row], limit: int) -> list[Row]:
    """So many matches at most: of every item the least sure one first, then of every item the next, and so on."""
    by_item = defaultdict(list)
    for match in sorted(matches, key=lambda match: match["score"]):
        by_item[match["media_id"]].append(match)
    ranked = [(rank, match["score"], match) for listed in by_item.values() for rank, match in enumerate(listed)]
    return [match for _, _, match in sorted(ranked, key=lambda each: each[:2])[:limit]]


def make_exhibits(
    matches: Sequence[Row], item_uris: Mapping[str, str], track_uris: Mapping[str, str], max_s: float, write: Write
) -> dict[tuple[str, int], Exhibit]:
    """The exhibits of matches, by media_id and number, as far as their media can be read."""
    cuts = defaultdict(list)
    for match in matches:
        item, track = _plan(match, max_s)
        for uri, cut in ((item_uris.get(match["media_id"]), item), (track_uris.get(match["track_id"]), track)):
            if uri is not None:
                cuts[uri].append(cut)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each with a child process that decodes
        made = pool.map(lambda uri: dict(_cut(uri, cuts[uri], write)), cuts)
        parts = dict(itertools.chain.from_iterable(each.items() for each in made))
    exhibits = ((match, _show(match, parts, max_s)) for match in matches)
    return {(match["media_id"], match["number"]): exhibit for match, exhibit in exhibits if exhibit is not None}


def _plan(match: Row, max_s: float) -> tuple[_Cut, _Cut]:
    """What to cut of the item and of the recording."""
    moment = _moment(match, max_s)
    name = f"clips/{name_page(match['media_id'])}/{match['number']}"
    start_s, end_s = _begin(moment.start_s - _LEAD_S), moment.end_s + _LEAD_S
    item = _Cut(f"{name}-episode.webm", start_s, end_s, QueryConfig().peaks)
    spans = _begin(moment.track_s(start_s)), moment.track_s(end_s)
    return item, _Cut(f"{name}-recording.webm", *spans, IndexConfig().peaks)


def _moment(match: Row, max_s: float) -> Moment:
    end_s = min(match["end_s"], match["start_s"] + max_s)
    return Moment(match["start_s"], end_s, match["track_start_s"], match["speed"], match["pitch"])


def _begin(time_s: float) -> float:
    return max(0, time_s // _FRAME_S) * _FRAME_S


def _cut(uri: str, cuts: Sequence[_Cut], write: Write) -> Iterator[tuple[str, Part]]:
    """The peaks of each clip that could be made, by its name; the clips are written."""
    isolation = IsolationConfig()
    spans = [(cut.start_s, cut.end_s) for cut in cuts]
    worker = IsolatedWorker(isolation.timeout_s, isolation.memory_mb)
    try:
        with local_copy(uri, isolation.max_file_mb << 20) as path:
            for number, samples in worker.stream(cut_clips, path, spans, DecodeConfig()):
                cut = cuts[number]
                write(cut.name, encode_clip(samples))
                yield cut.name, find_part(samples, CLIP_RATE, cut.start_s, _SPECTROGRAM, cut.peaks)
    except BadMediaError:
        return  # what is gone since the run has no exhibit; the report says how many have none


def _show(match: Row, parts: Mapping[str, Part], max_s: float) -> Exhibit | None:
    cuts, moment = _plan(match, max_s), _moment(match, max_s)
    item, track = (parts.get(cut.name) for cut in cuts)
    if item is None:
        return None
    start_s = cuts[1].start_s
    return Exhibit(
        cuts[0].name,
        item.start_s,
        None if track is None else cuts[1].name,
        start_s,
        moment.start_s + (start_s - moment.track_start_s) / moment.speed,
        moment.speed,
        moment.pitch,
        None if track is None else draw_landmarks(item, track, moment, _SPECTROGRAM),
    )
