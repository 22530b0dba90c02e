"""A segment of the landmark index: what is on disk, how it is packed, and how it is read.

The tracks of a segment, in order of track_id, lie end to end on one timeline of frames. A posting is a place on it,
so that four bytes name both track and time; its hash is implied by the order, but for the low eight bits. Beside the
postings lie the tracks' whole constellations, for verification. A segment is a folder, and never changes:

    manifest.json                 format version, parameters, counts, digest of the content
    catalogue.parquet             a row a track: Track
    postings-SSSSS.counts.npy     uint32, for each high part of a hash in the shard: how many postings
    postings-SSSSS.low.npy        uint8, for each posting, in order of hash: the hash's low bits
    postings-SSSSS.places.npy     uint32, for each posting: its anchor's place on the timeline
    peaks-BBBBB.counts.npy        uint8 or, if it must be, uint16, for each frame of the bucket's tracks: how many peaks
    peaks-BBBBB.tones.npy         uint16, for each peak: its frequency in SHIFTS_A_BIN-ths of a bin
    peaks-BBBBB.levels.npy        uint8, for each peak: its level
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.constellation import SHIFTS_A_BIN, Constellation, PeakConfig
from models.landmarks import HASH_BITS, LandmarkConfig, Landmarks
from models.records import Recording
from models.spectrogram import SpectrogramConfig

FORMAT_VERSION = 2
LOW_BITS = 8
_PLACE_BITS = 32
_HIGH_COUNT = 1 << (HASH_BITS - LOW_BITS)
MAX_FRAMES = 1 << _PLACE_BITS  # of a timeline, 38,000 hours at 31.25 frames a second: places are uint32
BUCKET_TRACKS = 1000
_CONSTELLATIONS_KEPT = 256
_CATALOGUE_SCHEMA = pa.schema(
    [
        ("recording", pa.struct([(field.name, pa.string()) for field in dataclasses.fields(Recording)])),
        ("content", pa.string()),
        *((name, pa.int64()) for name in ("frames", "peaks", "place", "bucket", "first_peak")),
    ]
)


@dataclasses.dataclass(frozen=True)
class IndexConfig:
    """How references are fingerprinted, and into how many shards by hash the postings go."""

    spectrogram: SpectrogramConfig = dataclasses.field(default_factory=SpectrogramConfig)
    peaks: PeakConfig = dataclasses.field(default_factory=PeakConfig)
    landmarks: LandmarkConfig = dataclasses.field(default_factory=LandmarkConfig)
    shards: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.shards <= _HIGH_COUNT:
            raise ValueError(f"shards must be between 1 and {_HIGH_COUNT}, got {self.shards}")


@dataclasses.dataclass(frozen=True, slots=True)
class Reference:
    """A catalogue recording and its whole fingerprint: all that an index is made from."""

    recording: Recording
    content: str  # of the file it was made from
    constellation: Constellation


@dataclasses.dataclass(frozen=True, slots=True)
class Track:
    """A catalogue recording and where it lies in its segment: row of catalogue.parquet."""

    recording: Recording
    content: str  # of the file it was made from
    frames: int
    peaks: int
    place: int = 0  # of its first frame on the timeline
    bucket: int = 0
    first_peak: int = 0  # in the bucket


@dataclasses.dataclass(frozen=True, slots=True)
class Postings:
    """Parallel arrays: hashes uint32, places uint32."""

    hashes: NDArray[np.uint32]
    places: NDArray[np.uint32]


def describe(reference: Reference) -> Track:
    """The reference's track, not laid out yet."""
    constellation = reference.constellation
    return Track(reference.recording, reference.content, constellation.end_frame, len(constellation.frames))


def lay_out(tracks: Iterable[Track]) -> list[Track]:
    """The tracks in order of track_id, each with its place on the timeline and its bucket.

    ValueError when they are too long for one timeline.
    """
    laid_out = []
    place = first_peak = 0
    for number, track in enumerate(sorted(tracks, key=lambda track: track.recording.track_id)):
        if number % BUCKET_TRACKS == 0:
            first_peak = 0
        laid_out.append(dataclasses.replace(track, place=place, bucket=number // BUCKET_TRACKS, first_peak=first_peak))
        place += track.frames
        first_peak += track.peaks
    if place > MAX_FRAMES:
        raise ValueError(f"a segment holds at most {MAX_FRAMES:,} frames, its tracks have {place:,}")
    return laid_out


def split_postings(landmarks: Landmarks, place: int, shards: int) -> Iterator[tuple[int, Postings]]:
    """The postings of a track that starts at `place`, by shard."""
    places = (landmarks.frames.astype(np.int64) + place).astype(np.uint32)
    shard_of = _shard_of(landmarks.hashes, shards)
    for shard in np.unique(shard_of).tolist():
        mine = shard_of == shard
        yield shard, Postings(landmarks.hashes[mine], places[mine])


def encode_shard(shard: int, shards: int, parts: Iterable[Postings]) -> dict[str, NDArray[Any]]:
    """The arrays of a shard by file name, the same whatever the order of the parts."""
    empty = np.empty(0, np.uint64)
    keys = np.concatenate([empty, *((part.hashes.astype(np.uint64) << _PLACE_BITS) | part.places for part in parts)])
    keys.sort()
    hashes = keys >> _PLACE_BITS
    first, end = _shard_range(shard, shards)
    counts = np.bincount((hashes >> LOW_BITS).astype(np.int64) - first, minlength=end - first)
    return {
        f"postings-{shard:05d}.counts.npy": counts.astype(np.uint32),
        f"postings-{shard:05d}.low.npy": (hashes & ((1 << LOW_BITS) - 1)).astype(np.uint8),
        f"postings-{shard:05d}.places.npy": keys.astype(np.uint32),
    }


def encode_bucket(bucket: int, constellations: Iterable[Constellation]) -> dict[str, NDArray[Any]]:
    """The arrays of a bucket's constellations, in the given order, by file name."""
    listed = list(constellations)
    counts = np.concatenate([np.bincount(each.frames, minlength=each.end_frame) for each in listed])
    return {
        f"peaks-{bucket:05d}.counts.npy": counts.astype(np.min_scalar_type(counts.max(initial=0))),
        f"peaks-{bucket:05d}.tones.npy": np.concatenate(
            [each.bins.astype(np.uint16) * SHIFTS_A_BIN + each.shifts for each in listed]
        ).astype(np.uint16),
        f"peaks-{bucket:05d}.levels.npy": np.concatenate([each.levels for each in listed]),
    }


class Index:
    """A segment in a local folder, memory-mapped.

    is_live: by number of a track, whether it is not removed. fetch: makes sure that the file of that name is in the
    folder; called before one is read. ValueError when it is not a segment, or one of another format.
    """

    def __init__(
        self, folder: str, removed: Collection[str] = (), fetch: Callable[[str], object] = lambda name: None
    ) -> None:
        self.folder, self._fetch = Path(folder), fetch
        self.manifest = read_manifest(self._file("manifest.json").read_text())
        self.config = index_config(self.manifest["parameters"])
        self.digest: str = self.manifest["digest"]
        self.tracks = decode_catalogue(self._file("catalogue.parquet"))
        self.places = np.array([track.place for track in self.tracks], np.int64)
        self.is_live = np.array([track.recording.track_id not in removed for track in self.tracks], np.bool_)
        # The instance's own, and without a way back to it: a segment that is let go of takes its caches along.
        self._arrays: dict[str, NDArray[Any]] = {}
        self._starts: dict[int, NDArray[np.uint32]] = {}
        self._constellations: dict[int, Constellation] = {}

    def shards(self) -> Iterator[tuple[int, NDArray[np.uint32], NDArray[np.uint32]]]:
        """Each shard's first hash; where its postings start, hash by hash and one more; the postings' places."""
        for shard in range(self.config.shards):
            first = _shard_range(shard, self.config.shards)[0] << LOW_BITS
            yield first, self._find_starts(shard), self._array(f"postings-{shard:05d}.places")

    def look_up(self, hashes: NDArray[np.uint32], max_postings: int) -> tuple[NDArray[np.int64], NDArray[np.intp], int]:
        """Places of the hashes, for each the position in `hashes` of its hash, and how many places were skipped.

        A hash with more than max_postings places says little and costs much: its places are skipped, and counted.
        """
        found: list[tuple[NDArray[np.int64], NDArray[np.intp]]] = []
        skipped = 0
        for shard, (first_hash, starts, places) in enumerate(self.shards()):
            mine = np.flatnonzero(_shard_of(hashes, self.config.shards) == shard)
            first, ends = (starts[hashes[mine] - first_hash + step].astype(np.int64) for step in (0, 1))
            common = ends - first > max_postings
            skipped += int((ends - first)[common].sum())
            first, counts, mine = first[~common], (ends - first)[~common], mine[~common]
            within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            found.append((places[np.repeat(first, counts) + within].astype(np.int64), np.repeat(mine, counts)))
        all_places, sources = (np.concatenate(column) for column in zip(*found, strict=True))
        return all_places, sources, skipped

    def track_at(self, places: NDArray[np.int64]) -> NDArray[np.intp]:
        """The number in `tracks` of the track that lies at each place."""
        return np.searchsorted(self.places, places, side="right") - 1

    def constellation(self, number: int) -> Constellation:
        """Of the track of that number in `tracks`."""
        if number not in self._constellations:
            if len(self._constellations) == _CONSTELLATIONS_KEPT:
                del self._constellations[next(iter(self._constellations))]  # the oldest
            self._constellations[number] = self._read_constellation(number)
        return self._constellations[number]

    def _read_constellation(self, number: int) -> Constellation:
        track = self.tracks[number]
        first_frame = track.place - self.tracks[track.bucket * BUCKET_TRACKS].place
        counts = self._array(f"peaks-{track.bucket:05d}.counts")[first_frame : first_frame + track.frames]
        mine = slice(track.first_peak, track.first_peak + track.peaks)
        tones = self._array(f"peaks-{track.bucket:05d}.tones")[mine].astype(np.int32)
        bins = (tones + SHIFTS_A_BIN // 2) // SHIFTS_A_BIN
        shifts = (tones - bins * SHIFTS_A_BIN).astype(np.int8)
        frames = np.repeat(np.arange(track.frames, dtype=np.int32), counts)
        levels = np.array(self._array(f"peaks-{track.bucket:05d}.levels")[mine])
        return Constellation(frames, bins.astype(np.int16), 0, track.frames, shifts, levels)

    def _find_starts(self, shard: int) -> NDArray[np.uint32]:
        """Where in the shard each hash's postings start: one more than the shard has hashes."""
        if shard not in self._starts:
            counts = self._array(f"postings-{shard:05d}.counts")
            parts = np.split(self._array(f"postings-{shard:05d}.low"), np.cumsum(counts)[:-1])
            each = [np.bincount(part, minlength=1 << LOW_BITS) for part in parts]  # so memory is for hashes alone
            self._starts[shard] = np.concatenate([[0], np.cumsum(np.concatenate(each))]).astype(np.uint32)
        return self._starts[shard]

    def _array(self, name: str) -> NDArray[Any]:
        if name not in self._arrays:
            self._arrays[name] = np.load(self._file(f"{name}.npy"), mmap_mode="r", allow_pickle=False)
        return self._arrays[name]

    def _file(self, name: str) -> Path:
        self._fetch(name)
        return self.folder / name


def make_manifest(config: IndexConfig, tracks: list[Track], config_digest: str = "") -> str:
    """The text of manifest.json. config_digest: of all knobs that its tracks' fingerprints depend on."""
    manifest = {
        "format_version": FORMAT_VERSION,
        "parameters": dataclasses.asdict(config),
        "tracks": len(tracks),
        "frames": sum(track.frames for track in tracks),
        "peaks": sum(track.peaks for track in tracks),
        "digest": catalogue_digest(tracks),
        "config_digest": config_digest,
    }
    return json.dumps(manifest, indent=2)


def encode_catalogue(tracks: Iterable[Track]) -> pa.Table:
    """catalogue.parquet."""
    return pa.Table.from_pylist([dataclasses.asdict(track) for track in tracks], schema=_CATALOGUE_SCHEMA)


def decode_catalogue(file: Path | IO[bytes]) -> list[Track]:
    """The tracks in order of place."""
    rows = pq.read_table(file).to_pylist()
    return [Track(**row | {"recording": Recording(**row["recording"])}) for row in rows]


def catalogue_digest(tracks: Iterable[Track]) -> str:
    """Of what the index was made from: the same for the same recordings, whoever builds it."""
    digest = hashlib.blake2b(digest_size=16)
    for track in tracks:
        digest.update(json.dumps([dataclasses.astuple(track.recording), track.content]).encode())
    return digest.hexdigest()


def read_manifest(text: str) -> dict[str, Any]:
    """The manifest; ValueError when its format is not the one that this version reads."""
    manifest = json.loads(text)
    version = manifest.get("format_version") if isinstance(manifest, dict) else None
    if version != FORMAT_VERSION:
        raise ValueError(f"index format_version must be {FORMAT_VERSION}, got {version}: build the index again")
    return manifest  # type: ignore[no-any-return]


def index_config(parameters: Mapping[str, Any]) -> IndexConfig:
    """The config that a manifest's `parameters` tell."""
    return IndexConfig(
        spectrogram=SpectrogramConfig(**parameters["spectrogram"]),
        peaks=PeakConfig(**parameters["peaks"]),
        landmarks=LandmarkConfig(**parameters["landmarks"]),
        shards=parameters["shards"],
    )


def _shard_range(shard: int, shards: int) -> tuple[int, int]:
    """First and one past the last high part of the hashes in a shard."""
    return -(-shard * _HIGH_COUNT // shards), -(-(shard + 1) * _HIGH_COUNT // shards)


def _shard_of(hashes: NDArray[np.uint32], shards: int) -> NDArray[np.int64]:
    return ((hashes >> LOW_BITS).astype(np.int64) * shards) // _HIGH_COUNT
