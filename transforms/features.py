"""Features to train on, lifted to PCollections: mel spectrograms of recordings, and of sounds of our own."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import PBegin, PCollection, TaggedOutput
from numpy.typing import NDArray

from models.decoding import DecodeConfig
from models.errors import BadMediaError
from models.isolation import IsolatedWorker, IsolationConfig
from models.log_mel import LogMelConfig, mel_power
from models.records import MediaFile, MelFeatures
from models.synthesis import SYNTHESIZERS, synthesize
from models.windows import levels_db, window_file
from transforms.files import local_copy
from transforms.runs import Run

_MIN_POWER = 1e-12  # of a mel band: -120 dB, below what 16 bits hold


@dataclasses.dataclass
class ExtractFeatures(beam.PTransform[Any, Any]):
    """The features of the first excerpt_s of each file, shorter ones repeated, and each file's status: done or failed.

    Files are decoded to their end, so that a truncated one fails.
    """

    excerpt_s: float
    log_mel: LogMelConfig
    decode: DecodeConfig
    isolation: IsolationConfig
    run: Run

    def expand(self, files: PCollection[MediaFile]) -> Any:  # PCollections of MelFeatures and MediaStatus
        outputs = files | beam.ParDo(_ExtractFn(self)).with_outputs("statuses", main="features")
        return outputs.features, outputs.statuses


@dataclasses.dataclass
class SynthesiseFeatures(beam.PTransform[PBegin, PCollection[MelFeatures]]):
    """The features of so many synthesised sounds of each class."""

    count: int
    excerpt_s: float
    log_mel: LogMelConfig

    def expand(self, root: PBegin) -> PCollection[MelFeatures]:
        sounds = [(label, number) for label in sorted(SYNTHESIZERS) for number in range(self.count)]
        features: PCollection[MelFeatures] = (
            root
            | beam.Create(sounds)
            | beam.Reshuffle()
            | "Synthesise" >> beam.Map(_synthesise, self.excerpt_s, self.log_mel).with_output_types(MelFeatures)
        )
        return features


class _ExtractFn(beam.DoFn):
    def __init__(self, knobs: ExtractFeatures) -> None:
        self._knobs = knobs
        self._worker: IsolatedWorker | None = None

    def setup(self) -> None:
        self._worker = IsolatedWorker(self._knobs.isolation.timeout_s, self._knobs.isolation.memory_mb)

    def teardown(self) -> None:
        if self._worker is not None:
            self._worker.close()

    def process(self, file: MediaFile) -> Iterator[Any]:
        knobs, excerpt, samples = self._knobs, None, 0
        try:
            with local_copy(file.item.uri, knobs.isolation.max_file_mb << 20) as path:
                for windows, samples in self._stream(path):  # noqa: B007  the last counts
                    excerpt = windows[0] if excerpt is None else excerpt
        except BadMediaError as error:
            yield TaggedOutput("statuses", knobs.run.failed(file.item, error.step, error.reason, file.content))
            return
        if excerpt is not None:  # audio of no samples, where config allows it, has none
            yield _make_features(file.item.media_id, None, excerpt, knobs.log_mel)
        yield TaggedOutput("statuses", knobs.run.done(file, samples / knobs.log_mel.sample_rate))

    def _stream(self, path: str) -> Iterator[Any]:
        assert self._worker is not None  # setup ran
        knobs, rate = self._knobs, self._knobs.log_mel.sample_rate
        size = round(knobs.excerpt_s * rate)
        return self._worker.stream(window_file, path, rate, size, size, knobs.decode)


def _synthesise(sound: tuple[str, int], excerpt_s: float, log_mel: LogMelConfig) -> MelFeatures:
    label, number = sound
    samples = synthesize(label, number, excerpt_s, log_mel.sample_rate)
    return _make_features(f"synthesised/{label}/{number}", label, samples, log_mel)


def _make_features(
    media_id: str, label: str | None, samples: NDArray[np.float32], log_mel: LogMelConfig
) -> MelFeatures:
    mel_db = 10 * np.log10(np.maximum(mel_power(samples, log_mel), _MIN_POWER))
    rate = log_mel.sample_rate
    seconds = samples[: len(samples) // rate * rate].reshape(-1, rate)
    return MelFeatures(media_id, label, len(mel_db), mel_db.astype(np.float16).tobytes(), levels_db(seconds))
