"""Watching, lifted to PCollections. What is seen in a file, models.watching says."""

import dataclasses
import hashlib
import urllib.parse
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import PCollection, TaggedOutput

from models.errors import BadMediaError
from models.isolation import IsolatedWorker, IsolationConfig
from models.records import (
    COMPUTED,
    CropBlock,
    Keyframe,
    MediaFile,
    MediaTag,
    Shot,
    ShotTag,
    TimeRange,
    WatchedMedia,
    WatchedShot,
)
from models.watching import SeenMedia, SeenShot, Watch, watch
from transforms.files import is_local, local_copy
from transforms.runs import Run

_MAX_NAME = 80  # characters of a media_id in the name of a folder


@dataclasses.dataclass
class WatchMedia(beam.PTransform[Any, Any]):
    """What is seen in the files: their shots, the crops of these, the items; and each file's status.

    A file that fails half-way has given shots by then: who takes them drops those of a file that is not done.
    thumbnails: a folder, anywhere FileSystems writes, for JPEGs of the keyframes; None: none are written.
    """

    watch: Watch
    isolation: IsolationConfig
    thumbnails: str | None
    run: Run

    def expand(
        self, files: PCollection[MediaFile]
    ) -> Any:  # PCollections of WatchedShot, CropBlock, WatchedMedia and MediaStatus
        outputs = files | beam.ParDo(_WatchMediaFn(self)).with_outputs("crops", "media", "statuses", main="shots")
        return outputs.shots, outputs.crops, outputs.media, outputs.statuses


class _WatchMediaFn(beam.DoFn):
    def __init__(self, knobs: WatchMedia) -> None:
        self._knobs = knobs
        self._worker: IsolatedWorker | None = None

    def setup(self) -> None:
        self._worker = IsolatedWorker(self._knobs.isolation.timeout_s, self._knobs.isolation.memory_mb)

    def teardown(self) -> None:
        if self._worker is not None:
            self._worker.close()

    def process(self, file: MediaFile) -> Iterator[Any]:
        assert self._worker is not None  # setup ran
        run = self._knobs.run
        try:
            with local_copy(file.item.uri, self._knobs.isolation.max_file_mb << 20) as path:
                for seen in self._worker.stream(watch, path, self._knobs.watch):
                    if isinstance(seen, SeenShot):
                        yield self._take_shot(file, seen)
                        if seen.crops is not None:
                            yield TaggedOutput("crops", CropBlock(file, seen.shot, seen.crops))
                    else:
                        yield from _take_media(file, seen, run)
        except BadMediaError as error:
            yield TaggedOutput("statuses", run.failed(file.item, error.step, error.reason, file.content))

    def _take_shot(self, file: MediaFile, seen: SeenShot) -> WatchedShot:
        media_id, thumbnails = file.item.media_id, self._write_thumbnails(file, seen)
        keyframes = tuple(
            Keyframe(each.time_s, each.sharpness, each.exposure, thumbnail)
            for each, thumbnail in zip(seen.keyframes, thumbnails, strict=True)
        )
        shot = Shot(
            media_id, seen.shot, seen.start_s, seen.end_s, seen.frames, seen.transition, seen.transition_s, keyframes
        )
        tags = tuple(
            ShotTag(media_id, seen.shot, seen.start_s, seen.end_s, tag, score, COMPUTED) for tag, score in seen.tags
        )
        return WatchedShot(shot, tags)

    def _write_thumbnails(self, file: MediaFile, seen: SeenShot) -> list[str | None]:
        folder = self._knobs.thumbnails
        if folder is None:
            return [None] * len(seen.keyframes)
        place = FileSystems.join(folder, self._knobs.run.provenance.run_key, _folder_name(file.item.media_id))
        names = [f"{seen.shot:06}-{number}.jpg" for number in range(len(seen.keyframes))]
        return [
            _write(place, name, each.thumbnail)
            for name, each in zip(names, seen.keyframes, strict=True)
            if each.thumbnail is not None
        ]


def _take_media(file: MediaFile, seen: SeenMedia, run: Run) -> Iterator[Any]:
    media_id = file.item.media_id
    tags = tuple(
        MediaTag(
            media_id,
            tag,
            score,
            sum(end_s - start_s for start_s, end_s in ranges),
            COMPUTED,
            tuple(TimeRange(start_s, end_s) for start_s, end_s in ranges),
        )
        for tag, score, ranges in seen.tags
    )
    yield TaggedOutput("media", WatchedMedia(media_id, seen.duration_s, tags))
    yield TaggedOutput("statuses", run.done(file, seen.duration_s))


def _folder_name(media_id: str) -> str:
    """A name that no other id has, and that no store takes for a path."""
    digest = hashlib.blake2b(media_id.encode(), digest_size=6).hexdigest()
    return f"{urllib.parse.quote(media_id, safe='')[:_MAX_NAME]}-{digest}".replace("%", "_")


def _write(folder: str, name: str, content: bytes) -> str:
    """The file's URI; a file that is there is replaced."""
    uri = FileSystems.join(folder, name)
    try:
        if is_local(folder) and not FileSystems.exists(folder):
            FileSystems.mkdirs(folder)
    except (OSError, BeamIOError):  # another worker was first
        pass
    with FileSystems.create(uri, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        file.write(content)
    return uri
