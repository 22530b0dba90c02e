"""Inference, lifted to PCollections. What a model makes of windows, models.audio_models says."""

import dataclasses
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.metrics.metric import Metrics
from apache_beam.ml.inference.base import ModelHandler, RunInference
from apache_beam.pvalue import PCollection, TaggedOutput
from numpy.typing import NDArray

from models.audio_models import AudioModel, Predictions, load_audio_model
from models.records import MediaStatus, WindowBlock, WindowScores
from models.runtimes import ModelError, describe_error
from models.specs import AudioModelSpec
from transforms.runs import Run

_BATCHES = 4  # of the model's, from blocks joined: only the last is partial


@dataclasses.dataclass(frozen=True)
class InferenceConfig:
    """How the model is run; of no effect on what it says.

    batch_size: windows at once; None: what the model's spec says.
    accelerator: what the workers that infer need besides, as Beam's resource hints have it, such as
    `type:nvidia-l4;count:1;install-nvidia-driver`. A GPU that is there is used in any case.
    """

    batch_size: int | None = None
    accelerator: str | None = None

    def __post_init__(self) -> None:
        if self.batch_size is not None and self.batch_size <= 0:
            raise ValueError(f"batch_size must be positive, got {self.batch_size}")
        if self.accelerator is not None and not self.accelerator.startswith("type:"):
            raise ValueError(f"accelerator must be type:NAME;count:NUMBER…, got {self.accelerator!r}")

    @property
    def hints(self) -> dict[str, str]:
        """Beam's resource hints."""
        return {} if self.accelerator is None else {"accelerator": self.accelerator}

    def resize_batches(self, spec: AudioModelSpec) -> AudioModelSpec:
        """The spec with the batch size that was asked for."""
        return spec if self.batch_size is None else dataclasses.replace(spec, batch_size=self.batch_size)


@dataclasses.dataclass
class InferWindows(beam.PTransform[Any, Any]):
    """What a model says of blocks of windows, and a failed status for each block that it says nothing of.

    An item of several such blocks has several statuses, and may have scores of its other blocks.
    """

    spec: AudioModelSpec  # resolved
    run: Run
    hints: Mapping[str, str] = dataclasses.field(default_factory=dict)  # Beam's, of the inference alone: accelerator

    def expand(self, blocks: PCollection[WindowBlock]) -> Any:  # PCollections of WindowScores and MediaStatus
        handler = _AudioModelHandler(self.spec, self.run, self.hints)
        outputs = blocks | RunInference(handler) | beam.FlatMap(_tag).with_outputs("statuses", main="scores")
        return outputs.scores, outputs.statuses


@dataclasses.dataclass
class _SharedModel:
    """The model of a process, and whose turn it is: Beam may run threads, and the model takes one."""

    model: AudioModel
    turn: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def predict(self, windows: NDArray[np.float32]) -> Predictions:
        with self.turn:
            return self.model.predict(windows)


class _AudioModelHandler(ModelHandler[WindowBlock, Any, _SharedModel]):
    """Outcomes of blocks: WindowScores or MediaStatus.

    It tries the blocks of a failing batch again one by one itself: as a second step it would load the model twice.
    """

    def __init__(self, spec: AudioModelSpec, run: Run, hints: Mapping[str, str]) -> None:
        windows = _BATCHES * spec.batch_size
        super().__init__(min_batch_size=windows, max_batch_size=windows, element_size_fn=_count_windows)
        self._spec, self._run, self._hints = spec, run, dict(hints)
        self._inferred = Metrics.counter("linernotes", "windows_inferred")

    def load_model(self) -> _SharedModel:
        return _SharedModel(load_audio_model(self._spec))

    def get_resource_hints(self) -> dict[str, str]:
        return self._hints

    def get_num_bytes(self, batch: Sequence[WindowBlock]) -> int:
        return sum(block.windows.nbytes for block in batch)

    def run_inference(
        self, batch: Sequence[WindowBlock], model: _SharedModel, inference_args: dict[str, Any] | None = None
    ) -> list[WindowScores | MediaStatus]:
        try:
            return [self._check(block, scores) for block, scores in zip(batch, _infer(batch, model), strict=True)]
        except ModelError:
            raise  # the model is not what its spec says, for whatever windows
        except Exception:  # each framework has exceptions of its own
            return [self._infer_alone(block, model) for block in batch]

    def _infer_alone(self, block: WindowBlock, model: _SharedModel) -> WindowScores | MediaStatus:
        try:
            (scores,) = _infer([block], model)
        except ModelError:
            raise
        except Exception as error:
            return self._fail(block, f"expected a prediction for {_show_windows(block)}, got {describe_error(error)}")
        return self._check(block, scores)

    def _check(self, block: WindowBlock, scores: WindowScores) -> WindowScores | MediaStatus:
        for values in (scores.scores, scores.embeddings):
            if values is not None and not np.isfinite(values).all():
                return self._fail(block, f"expected finite outputs for {_show_windows(block)}, got NaN or infinity")
        self._inferred.inc(len(block.windows))
        return scores

    def _fail(self, block: WindowBlock, reason: str) -> MediaStatus:
        return self._run.failed(block.file.item, "infer", reason, block.file.content)


def _infer(blocks: Sequence[WindowBlock], model: _SharedModel) -> list[WindowScores]:
    """The scores of the blocks, from all their windows together."""
    if not blocks:  # Beam makes such a batch before a block larger than one
        return []
    predictions = model.predict(np.concatenate([block.windows for block in blocks]))
    ends = np.cumsum([len(block.windows) for block in blocks])[:-1]
    scores, embeddings = (
        [None] * len(blocks) if values is None else np.split(values, ends)
        for values in (predictions.scores, predictions.embeddings)
    )
    return [
        WindowScores(block.file, block.first_window, block.levels_db, *each)
        for block, each in zip(blocks, zip(scores, embeddings, strict=True), strict=True)
    ]


def _count_windows(block: WindowBlock) -> int:
    return len(block.windows)


def _show_windows(block: WindowBlock) -> str:
    return f"windows {block.first_window} to {block.first_window + len(block.windows) - 1}"


def _tag(outcome: WindowScores | MediaStatus) -> Iterator[Any]:
    yield TaggedOutput("statuses", outcome) if isinstance(outcome, MediaStatus) else outcome
