"""Everything that travels between workers or into a table. Frozen; units are in the names."""

import dataclasses
import datetime

from models.constellation import Constellation


@dataclasses.dataclass(frozen=True, slots=True)
class MediaItem:
    """One input: a file to open, and what the manifest says about it."""

    media_id: str
    uri: str
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    isrc: str | None = None
    rights_holder: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class MediaFile:
    """An item that can be read, and which bytes it has."""

    item: MediaItem
    content: str  # checksum or generation of the bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Fingerprint:
    """The constellation of an item, or of a block of it."""

    file: MediaFile
    constellation: Constellation


@dataclasses.dataclass(frozen=True, slots=True)
class Provenance:
    """Which run wrote a row; its fields follow the record's own in every table."""

    run_id: str
    pipeline: str
    pipeline_version: str
    model_version: str
    processed_at: datetime.datetime  # UTC

    @property
    def run_key(self) -> str:
        """What names the run's files: two pipelines may have runs of one id in one output."""
        return f"{self.pipeline}-{self.run_id}"


@dataclasses.dataclass(frozen=True, slots=True)
class MediaStatus:
    """Row of `media_status`: what became of one input item. Exactly one an item."""

    media_id: str
    uri: str
    status: str  # done, failed or skipped (done before, with the same content and config)
    step: str | None  # of a failure: the verb that gave up
    reason: str | None  # of a failure: for a person to read
    duration_s: float | None  # of the decoded media
    content: str | None  # checksum or generation of the bytes read
    config_digest: str  # of every knob that can change the result


@dataclasses.dataclass(frozen=True, slots=True)
class Recording:
    """What the catalogue says of a track."""

    track_id: str
    title: str | None = None
    artist: str | None = None
    isrc: str | None = None
    rights_holder: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class MusicMatch:
    """Row of `music_matches`: a stretch of an item in which a catalogue recording is heard.

    No two of one recording overlap; two recordings may, each with evidence of its own.
    """

    media_id: str
    track_id: str
    start_s: float
    end_s: float
    track_start_s: float
    speed: float  # of the recording as heard, relative to the catalogue's
    pitch: float  # factor on its frequencies
    score: float  # log-likelihood ratio against chance, in nats
    level_db: float  # of the recording against the whole mix, estimated from their peaks
    usage: str  # featured or background
    alternatives: tuple[str, ...]  # track_ids that fit the stretch as well: the same recording under another id
    title: str | None
    artist: str | None
    isrc: str | None
    rights_holder: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class MusicUsage:
    """Row of `music_usage`: how much of a recording an item plays."""

    media_id: str
    track_id: str
    plays: int
    seconds: float
    title: str | None
    artist: str | None
    isrc: str | None
    rights_holder: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class RightsHolderUsage:
    """Row of `rights_holder_usage`: how much of a rights holder's repertoire the run's items play."""

    rights_holder: str
    items: int
    tracks: int
    plays: int
    seconds: float
