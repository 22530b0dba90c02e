"""Everything that travels between workers or into a table. Frozen; units are in the names."""

import dataclasses
import datetime


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
class Provenance:
    """Which run wrote a row; its fields follow the record's own in every table."""

    run_id: str
    pipeline_version: str
    model_version: str
    processed_at: datetime.datetime  # UTC


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
