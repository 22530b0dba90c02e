"""Everything that travels between workers or into a table. Frozen; units are in the names."""

import dataclasses
import datetime

import numpy as np
from numpy.typing import NDArray

from models.constellation import Constellation

COMPUTED = "computed"  # the source of tags that no model gives


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


def split_run_key(run_key: str) -> tuple[str, str]:
    """Pipeline and run id of a Provenance.run_key: no pipeline has a - in its name."""
    pipeline, _, run_id = run_key.partition("-")
    return pipeline, run_id


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


@dataclasses.dataclass(frozen=True, slots=True)
class WindowBlock:
    """Consecutive windows of an item's audio, as a model takes them."""

    file: MediaFile
    first_window: int  # its number in the item
    windows: NDArray[np.float32]  # (windows, samples)
    levels_db: NDArray[np.float32]  # RMS of each against full scale

    @property
    def examples(self) -> NDArray[np.float32]:
        """What the model takes."""
        return self.windows

    def __str__(self) -> str:
        return f"windows {self.first_window} to {self.first_window + len(self.windows) - 1}"


@dataclasses.dataclass(frozen=True, slots=True)
class WindowScores:
    """What a model says of a block's windows, in their order."""

    file: MediaFile
    first_window: int
    levels_db: NDArray[np.float32]
    scores: NDArray[np.float32] | None  # (windows, classes)
    embeddings: NDArray[np.float32] | None  # (windows, dims)


@dataclasses.dataclass(frozen=True, slots=True)
class ScoredItem:
    """What a model says of an item's windows, in their order; at least one."""

    item: MediaItem
    duration_s: float
    levels_db: NDArray[np.float32]  # RMS of each window against full scale
    scores: NDArray[np.float32] | None  # (windows, classes)
    embeddings: NDArray[np.float32] | None  # (windows, dims)


@dataclasses.dataclass(frozen=True, slots=True)
class ClassShare:
    """How much of a track is of a class."""

    label: str
    score: float  # mean of the windows that are not silent; of silence: 1 if all are, else what the model says, or 0
    seconds: float  # of the track's segments


@dataclasses.dataclass(frozen=True, slots=True)
class TrackSummary:
    """What the windows of a track say together: the evidence of a decision."""

    item: MediaItem
    duration_s: float
    silent_s: float
    label: str  # the class with the highest score
    shares: tuple[ClassShare, ...]  # of every class

    def score(self, label: str) -> float:
        """The score of a class; of one that the model does not know, 0."""
        return next((share.score for share in self.shares if share.label == label), 0.0)


@dataclasses.dataclass(frozen=True, slots=True)
class TrackLabel:
    """Row of `track_labels`: what a track is, what the policy makes of that, and why."""

    media_id: str
    label: str  # the class with the highest score
    decision: str  # music, functional, speech or review
    rate: str | None  # full, reduced or none; of a track for review it is not known yet
    rule: str  # of the policy that decided, with its numbers
    music_score: float
    shares: tuple[ClassShare, ...]
    duration_s: float
    silent_s: float
    album_functional_share: float | None  # of the album's other tracks; None: it has no album, or no others are known
    title: str | None
    artist: str | None
    album: str | None
    isrc: str | None
    rights_holder: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class TrackSegment:
    """Row of `track_segments`: a stretch of a track that is of one class. They follow each other without gaps."""

    media_id: str
    start_s: float
    end_s: float
    label: str
    score: float  # mean of its windows


@dataclasses.dataclass(frozen=True, slots=True)
class Embedding:
    """Row of `embeddings`: a vector of unit length for a stretch of an item, or for all of it."""

    media_id: str
    kind: str  # item, window or shot
    start_s: float
    end_s: float
    vector: NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True)
class HalfEmbedding:
    """Row of `embeddings` in half precision: three digits, half the size in Parquet; BigQuery has but one FLOAT."""

    media_id: str
    kind: str  # item, window or shot
    start_s: float
    end_s: float
    vector: NDArray[np.float16]


@dataclasses.dataclass(frozen=True, slots=True)
class MelFeatures:
    """Row of `features`: the mel spectrogram of a recording, or of a synthesised sound."""

    media_id: str
    label: str | None  # of a synthesised sound
    frames: int
    mel_db: bytes  # little-endian float16 (frames, bands)
    levels_db: NDArray[np.float32]  # RMS of each whole second against full scale


@dataclasses.dataclass(frozen=True, slots=True)
class AuthorLink:
    """An author given to an audiobook, and why."""

    author_id: str
    name: str  # of the author
    mention: str | None  # the name as the audiobook has it; None: only titles and texts speak
    evidence: str  # full_name, initials, surname, misspelt, partial or text
    score: float  # match probability
    runner_up: str | None  # author_id of whom the same mention would name else; None: nobody
    runner_up_name: str | None
    margin: float  # to the runner-up's score
    reasons: tuple[str, ...]  # for a person to read


@dataclasses.dataclass(frozen=True, slots=True)
class NodeOpinion:
    """What the other audiobooks at a node said of an author, each by its own record alone."""

    author_id: str
    score_sum: float
    best_score: float


@dataclasses.dataclass(frozen=True, slots=True)
class Neighbours:
    """The other audiobooks at a node: those that have a name, narrator, title or genre in common with one."""

    kind: str  # name, narrator, title (or series) or genre
    text: str  # folded; words of names in alphabetical order
    audiobooks: int  # how many others
    opinions: tuple[NodeOpinion, ...]  # of authors linked and of runners-up of whom no node of the kind says more


@dataclasses.dataclass(frozen=True, slots=True)
class AuthorLinks:
    """Row of `author_links`: who wrote an audiobook."""

    media_id: str
    decision: str  # linked, review, new_author or unknown
    links: tuple[AuthorLink, ...]
    new_author_id: str | None  # of an audiobook whose author the knowledge base lacks
    best_score: float  # of any author, linked or not
    title: str
    contributors: tuple[str, ...]  # as they came
    neighbours: tuple[Neighbours, ...]  # at each node that it has in common with others; none at hubs


@dataclasses.dataclass(frozen=True, slots=True)
class NewAuthor:
    """Row of `new_authors`: one whom the knowledge base lacks, and the audiobooks put together under that id."""

    new_author_id: str
    name: str  # the name that most of the audiobooks have; empty: none names anybody
    status: str  # new, kept (from an earlier run) or retired
    replaced_by: str | None  # of a retired one: the author_id or new_author_id that its audiobooks have now
    media_ids: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Keyframe:
    """A frame that stands for its shot."""

    time_s: float
    sharpness: float  # 0 to 1
    exposure: float  # 0 to 1: 0 is all black or all white
    thumbnail: str | None  # URI of its JPEG; None: none was asked for


@dataclasses.dataclass(frozen=True, slots=True)
class Shot:
    """Row of `shots`: a stretch of a video between two transitions. They follow each other without gaps.

    A transition of some length belongs half to the shot before and half to the one after.
    """

    media_id: str
    shot: int  # its number in the item, from 0
    start_s: float
    end_s: float
    frames: int
    transition: str  # how it begins: start, cut, dissolve, fade or wipe
    transition_s: float  # how long that takes
    keyframes: tuple[Keyframe, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class CropBlock:
    """The crops of a shot's keyframes, as a model takes them."""

    file: MediaFile
    shot: int
    crops: NDArray[np.uint8]  # (crops, height, width, 3)

    @property
    def examples(self) -> NDArray[np.uint8]:
        """What the model takes."""
        return self.crops

    def __str__(self) -> str:
        return f"the {len(self.crops)} crops of shot {self.shot}"


@dataclasses.dataclass(frozen=True, slots=True)
class CropScores:
    """What a model says of the crops of a shot's keyframes."""

    file: MediaFile
    shot: int
    scores: NDArray[np.float32] | None  # (crops, classes)
    embeddings: NDArray[np.float32] | None  # (crops, dims)


@dataclasses.dataclass(frozen=True, slots=True)
class ShotTag:
    """Row of `shot_tags`: what a shot shows, and how sure that is."""

    media_id: str
    shot: int
    start_s: float
    end_s: float
    tag: str
    score: float  # 0 to 1
    source: str  # `computed`, or the name of the model


@dataclasses.dataclass(frozen=True, slots=True)
class TimeRange:
    """A stretch of an item."""

    start_s: float
    end_s: float


@dataclasses.dataclass(frozen=True, slots=True)
class MediaTag:
    """Row of `media_tags`: what an item shows, how sure that is, and when."""

    media_id: str
    tag: str
    score: float  # 0 to 1
    seconds: float  # of the ranges together; of an image 0
    source: str  # `computed`, or the name of the model
    ranges: tuple[TimeRange, ...]  # in order, apart from each other; of an image one of no length


@dataclasses.dataclass(frozen=True, slots=True)
class WatchedShot:
    """A shot, and what was computed of it."""

    shot: Shot
    tags: tuple[ShotTag, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class WatchedMedia:
    """An item that was seen to its end, and what was computed of it."""

    media_id: str
    duration_s: float  # of an image 0
    tags: tuple[MediaTag, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Evidence:
    """Why a rule of a policy fired."""

    rule: str
    action: str  # allow, review or block
    tag: str
    score: float
    threshold: float
    start_s: float
    end_s: float
    thumbnail: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Moderation:
    """Row of `moderation`: what a policy makes of an item."""

    media_id: str
    verdict: str  # allow, review or block
    rule: str | None  # the one that decided; None: only the default speaks
    evidence: tuple[Evidence, ...]  # of all rules that fired, the deciding one's first
