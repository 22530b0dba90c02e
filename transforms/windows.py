"""Windows of decoded audio, lifted to PCollections. How audio is cut, models.windows says."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection, TaggedOutput

from models.decoding import DecodeConfig
from models.errors import BadMediaError
from models.isolation import IsolatedWorker, IsolationConfig
from models.records import MediaFile, WindowBlock
from models.specs import AudioModelSpec
from models.windows import levels_db, window_file
from transforms.files import local_copy
from transforms.runs import Run


@dataclasses.dataclass
class CutWindows(beam.PTransform[Any, Any]):
    """The windows of the files' audio, as a model takes them, in blocks; and each file's status: done or failed.

    A file that fails half-way has given blocks by then: who takes them drops those of a file that is not done.
    """

    spec: AudioModelSpec
    decode: DecodeConfig
    isolation: IsolationConfig
    run: Run

    def expand(self, files: PCollection[MediaFile]) -> Any:  # PCollections of WindowBlock and MediaStatus
        outputs = files | beam.ParDo(_CutWindowsFn(self)).with_outputs("statuses", main="blocks")
        return outputs.blocks, outputs.statuses


class _CutWindowsFn(beam.DoFn):
    def __init__(self, knobs: CutWindows) -> None:
        self._knobs = knobs
        self._worker: IsolatedWorker | None = None

    def setup(self) -> None:
        self._worker = IsolatedWorker(self._knobs.isolation.timeout_s, self._knobs.isolation.memory_mb)

    def teardown(self) -> None:
        if self._worker is not None:
            self._worker.close()

    def process(self, file: MediaFile) -> Iterator[Any]:
        first_window = samples = 0
        try:
            with local_copy(file.item.uri, self._knobs.isolation.max_file_mb << 20) as path:
                for windows, samples in self._stream(path):  # noqa: B007  the last counts
                    yield WindowBlock(file, first_window, windows, levels_db(windows))
                    first_window += len(windows)
        except BadMediaError as error:
            failed = self._knobs.run.failed(file.item, error.step, error.reason, file.content)
            yield TaggedOutput("statuses", failed)
        else:
            yield TaggedOutput("statuses", self._knobs.run.done(file, samples / self._knobs.spec.sample_rate))

    def _stream(self, path: str) -> Iterator[Any]:
        assert self._worker is not None  # setup ran
        spec = self._knobs.spec
        return self._worker.stream(window_file, path, spec.sample_rate, spec.window, spec.hop, self._knobs.decode)
