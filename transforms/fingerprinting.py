"""Fingerprinting and matching, lifted to PCollections. The algorithms are models.fingerprinting and models.matching."""

import dataclasses
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection, TaggedOutput

from models.constellation import Constellation, PeakConfig, join, overlapping_blocks
from models.decoding import DecodeConfig
from models.errors import BadMediaError
from models.fingerprinting import fingerprint_file
from models.isolation import IsolatedWorker, IsolationConfig
from models.matching import BlockConfig, QueryConfig, match_block, settle
from models.records import Fingerprint, MediaFile, MediaStatus, MusicMatch
from models.snapshots import Snapshot
from models.spectrogram import SpectrogramConfig
from models.stretches import Stretch
from transforms.files import local_copy
from transforms.hints import make_hints
from transforms.runs import Run
from transforms.segments import open_segment

_MIN_GROUPS = 32  # of blocks, over all segments: for so many workers


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """How an index is searched; of no effect on what is found.

    min_ram: what the workers that hold one of its segments need, as Beam's resource hints have it, such as 30GB.
    """

    min_ram: str | None = None

    def __post_init__(self) -> None:
        make_hints(min_ram=self.min_ram)

    @property
    def hints(self) -> dict[str, str]:
        """Beam's resource hints."""
        return make_hints(min_ram=self.min_ram)


@dataclasses.dataclass
class FingerprintMedia(beam.PTransform[Any, Any]):
    """The fingerprints of the files' audio, whole or in blocks, and each file's status: done or failed.

    A file that fails half-way has given blocks by then; who takes blocks drops what has no `done`.
    """

    spectrogram: SpectrogramConfig
    peaks: PeakConfig
    decode: DecodeConfig
    isolation: IsolationConfig
    run: Run
    blocks: BlockConfig | None = None  # None: whole

    def expand(self, files: PCollection[MediaFile]) -> Any:  # PCollections of Fingerprint and MediaStatus
        outputs = files | beam.ParDo(_FingerprintFn(self)).with_outputs("statuses", main="fingerprints")
        return outputs.fingerprints, outputs.statuses


class _FingerprintFn(beam.DoFn):
    def __init__(self, knobs: FingerprintMedia) -> None:
        self._knobs = knobs
        self._worker: IsolatedWorker | None = None

    def setup(self) -> None:
        self._worker = IsolatedWorker(self._knobs.isolation.timeout_s, self._knobs.isolation.memory_mb)

    def teardown(self) -> None:
        if self._worker is not None:
            self._worker.close()

    def process(self, file: MediaFile) -> Iterator[Any]:
        last_frame = 0
        try:
            with local_copy(file.item.uri, self._knobs.isolation.max_file_mb << 20) as path:
                for block in self._cut(self._stream(path)):
                    last_frame = block.end_frame
                    yield Fingerprint(file, block)
        except BadMediaError as error:
            failed = self._knobs.run.failed(file.item, error.step, error.reason, file.content)
            yield TaggedOutput("statuses", failed)
        else:
            duration_s = last_frame / self._knobs.spectrogram.frame_rate
            yield TaggedOutput("statuses", self._knobs.run.done(file, duration_s))

    def _stream(self, path: str) -> Iterator[Constellation]:
        assert self._worker is not None  # setup ran
        knobs = self._knobs
        return self._worker.stream(fingerprint_file, path, knobs.spectrogram, knobs.peaks, knobs.decode)

    def _cut(self, parts: Iterator[Constellation]) -> Iterable[Constellation]:
        blocks, frame_rate = self._knobs.blocks, self._knobs.spectrogram.frame_rate
        if blocks is None:
            return [join(parts)]
        return overlapping_blocks(parts, round(blocks.block_s * frame_rate), round(blocks.overlap_s * frame_rate))


@dataclasses.dataclass
class MatchFingerprints(beam.PTransform[Any, Any]):
    """The matches of each item that is done, against an index.

    A worker has one segment of it at a time, and a group of all blocks to match with it.
    """

    folder: str
    index: Snapshot
    config: QueryConfig
    search: SearchConfig = dataclasses.field(default_factory=SearchConfig)

    def expand(self, inputs: Any) -> PCollection[MusicMatch]:  # (Fingerprints in blocks, MediaStatuses)
        fingerprints, statuses = inputs
        groups = fingerprints | _GroupBlocks(len(self.index.segments))
        match_blocks = beam.ParDo(_MatchBlocksFn(self.folder, self.index, self.config))
        stretches_by_media_id = groups | match_blocks.with_resource_hints(**self.search.hints)
        done_by_media_id = statuses | beam.FlatMap(_key_done)
        matches: PCollection[MusicMatch] = (
            {"stretches": stretches_by_media_id, "done": done_by_media_id}
            | beam.CoGroupByKey()
            | beam.FlatMap(_settle_done, self.index.config.spectrogram, self.config).with_output_types(MusicMatch)
        )
        return matches


@dataclasses.dataclass
class _GroupBlocks(beam.PTransform[Any, Any]):
    """The blocks in groups, each to be matched with one segment."""

    segments: int

    def expand(self, fingerprints: PCollection[Fingerprint]) -> Any:
        if self.segments == 1:  # every worker may have it: no block need travel
            return fingerprints | beam.Map(lambda fingerprint: ((0, 0), [fingerprint]))
        spread = -(-_MIN_GROUPS // max(1, self.segments))
        return fingerprints | beam.FlatMap(_key_by_segment, self.segments, spread) | beam.GroupByKey()


class _MatchBlocksFn(beam.DoFn):
    def __init__(self, folder: str, index: Snapshot, config: QueryConfig) -> None:
        self._folder, self._segments, self._config = folder, index.segments, config
        self._candidates = Metrics.distribution("linernotes", "candidates_a_block")
        self._skipped = Metrics.counter("linernotes", "postings_skipped")

    def process(self, grouped: tuple[tuple[int, int], Iterable[Fingerprint]]) -> Iterator[tuple[str, Stretch]]:
        (number, _), blocks = grouped
        index = open_segment(self._folder, self._segments[number])
        for block in blocks:
            media_id = block.file.item.media_id
            stretches, candidates, skipped = match_block(media_id, block.constellation, index, self._config)
            self._candidates.update(candidates)
            self._skipped.inc(skipped)
            for stretch in stretches:
                yield media_id, stretch


def _key_by_segment(
    fingerprint: Fingerprint, segments: int, spread: int
) -> Iterator[tuple[tuple[int, int], Fingerprint]]:
    block = f"{fingerprint.constellation.first_frame} {fingerprint.file.item.media_id}"
    for number in range(segments):
        yield (number, zlib.crc32(block.encode()) % spread), fingerprint


def _key_done(status: MediaStatus) -> Iterator[tuple[str, None]]:
    if status.status == "done":
        yield status.media_id, None


def _settle_done(
    grouped: tuple[str, dict[str, Iterable[Any]]], spectrogram: SpectrogramConfig, config: QueryConfig
) -> Iterator[MusicMatch]:
    _, groups = grouped
    if any(True for _ in groups["done"]):
        yield from settle(groups["stretches"], spectrogram, config)
