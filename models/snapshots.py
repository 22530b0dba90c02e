"""What an index is at one moment: its segments, and what is removed of each. The text of INDEX/current.json."""

import dataclasses
import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from models.index import FORMAT_VERSION, MAX_FRAMES, IndexConfig, Track, index_config, read_manifest


@dataclasses.dataclass(frozen=True)
class SegmentConfig:
    """hours: about how much of the catalogue a segment holds; a worker reads one segment at a time.

    A longer catalogue is dealt to as many segments as it needs, by a digest of the track_id; so they differ by a few
    percent if there are many tracks.
    """

    hours: float = 2000.0

    def __post_init__(self) -> None:
        if self.hours <= 0:
            raise ValueError(f"hours must be positive, got {self.hours}")


@dataclasses.dataclass(frozen=True, slots=True)
class Segment:
    """A part of the index that never changes, but for the tracks that are removed from it."""

    segment_id: str
    tracks: int  # with those removed
    frames: int
    digest: str  # of what it was made from
    config_digest: str  # of all knobs that its fingerprints depend on
    removed: tuple[str, ...] = ()  # track_ids, in order


@dataclasses.dataclass(frozen=True, slots=True)
class StoredTrack:
    """A track of the index and where it is: the number in its segment."""

    segment_id: str
    number: int
    track: Track


@dataclasses.dataclass(frozen=True, slots=True)
class Tombstone:
    """A track that is to be removed from a segment."""

    segment_id: str
    track_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class Snapshot:
    """An index at one moment. attempt: of the run that made it so."""

    attempt: str
    config: IndexConfig
    segments: tuple[Segment, ...]

    @property
    def digest(self) -> str:
        """Of all that can be found in the index, and of how it is dealt to segments."""
        contents = sorted((segment.digest, segment.removed) for segment in self.segments)
        return hashlib.blake2b(json.dumps(contents).encode(), digest_size=16).hexdigest()

    @property
    def live_tracks(self) -> int:
        return sum(segment.tracks - len(segment.removed) for segment in self.segments)


def count_segments(frames: int, frame_rate: float, config: SegmentConfig) -> int:
    """How many segments tracks of so many frames are dealt to."""
    # Half a timeline leaves room for segments that are longer than others.
    return max(1, math.ceil(frames / min(config.hours * 3600 * frame_rate, MAX_FRAMES / 2)))


def choose_segment(track_id: str, segments: int) -> int:
    """Which of so many segments a track is dealt to."""
    return int.from_bytes(hashlib.blake2b(track_id.encode(), digest_size=8).digest()) % segments


def remove(segments: Iterable[Segment], tombstones: Iterable[Tombstone]) -> Iterator[Segment]:
    """The segments without these tracks; one that has none left is no more."""
    removed = defaultdict(set)
    for tombstone in tombstones:
        removed[tombstone.segment_id].add(tombstone.track_id)
    for segment in segments:
        gone = tuple(sorted(removed[segment.segment_id].union(segment.removed)))
        if len(gone) < segment.tracks:
            yield dataclasses.replace(segment, removed=gone)


def encode_snapshot(snapshot: Snapshot) -> str:
    """The text of current.json."""
    values = dataclasses.asdict(snapshot)
    return json.dumps({"format_version": FORMAT_VERSION, "parameters": values.pop("config"), **values}, indent=1)


def decode_snapshot(text: str) -> Snapshot:
    """The snapshot; ValueError when its format is not the one that this version reads."""
    values = read_manifest(text)
    segments = (Segment(**each | {"removed": tuple(each["removed"])}) for each in values["segments"])
    return Snapshot(values["attempt"], index_config(values["parameters"]), tuple(segments))


def check_parameters(index: str, found: IndexConfig, expected: IndexConfig) -> None:
    """ValueError, with each parameter that differs, unless tracks fingerprinted as expected belong into the index."""
    ours, theirs = _flatten(dataclasses.asdict(expected)), _flatten(dataclasses.asdict(found))
    different = [f"{name} {theirs[name]}, the config has {ours[name]}" for name in ours if ours[name] != theirs[name]]
    if different:
        raise ValueError(f"index {index}: built with {'; '.join(different)}: change the config or build it again")


def _flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat
