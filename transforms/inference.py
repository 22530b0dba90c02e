"""Inference, lifted to PCollections. What models say, models.audio_models and models.image_models tell."""

import dataclasses
import functools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import apache_beam as beam
import numpy as np
from apache_beam.metrics.metric import Metrics
from apache_beam.ml.inference.base import ModelHandler, RunInference
from apache_beam.pvalue import PCollection, TaggedOutput
from numpy.typing import NDArray

from models.audio_models import AudioModel, load_audio_model
from models.image_models import ImageModel, load_image_model
from models.image_specs import ImageModelSpec
from models.outputs import Predictions
from models.records import CropBlock, CropScores, MediaStatus, WindowBlock, WindowScores
from models.runtimes import ModelError, describe_error
from models.specs import AudioModelSpec
from transforms.fetching import fetch_model
from transforms.hints import make_hints
from transforms.runs import Run

_Spec = TypeVar("_Spec", AudioModelSpec, ImageModelSpec)
_Block = WindowBlock | CropBlock

_BATCHES = 4  # of the model's, from blocks joined: only the last is partial


@dataclasses.dataclass(frozen=True)
class InferenceConfig:
    """How the model is run; of no effect on what it says.

    batch_size: windows or crops at once; None: what the model's spec says.
    accelerator, min_ram: what the workers that infer need besides, as Beam's resource hints have it, such as
    `type:nvidia-l4;count:1;install-nvidia-driver` and 16GB. A GPU that is there is used in any case.
    """

    batch_size: int | None = None
    accelerator: str | None = None
    min_ram: str | None = None

    def __post_init__(self) -> None:
        if self.batch_size is not None and self.batch_size <= 0:
            raise ValueError(f"batch_size must be positive, got {self.batch_size}")
        make_hints(self.accelerator, self.min_ram)

    @property
    def hints(self) -> dict[str, str]:
        """Beam's resource hints."""
        return make_hints(self.accelerator, self.min_ram)

    def resize_batches(self, spec: _Spec) -> _Spec:
        """The spec with the batch size that was asked for."""
        return spec if self.batch_size is None else dataclasses.replace(spec, batch_size=self.batch_size)


@dataclasses.dataclass
class InferWindows(beam.PTransform[Any, Any]):
    """What a model says of blocks of windows, and a failed status for each block that it says nothing of.

    An item of several such blocks has several statuses, and may have scores of its other blocks.
    """

    spec: AudioModelSpec  # resolved
    run: Run
    hints: Mapping[str, str] = dataclasses.field(default_factory=dict)  # Beam's, of the inference alone

    def expand(self, blocks: PCollection[WindowBlock]) -> Any:  # PCollections of WindowScores and MediaStatus
        load = functools.partial(_load_audio_model, self.spec)
        handler = _BlockHandler(load, self.spec.batch_size, _window_scores, self.run, self.hints)
        outputs = blocks | RunInference(handler) | beam.FlatMap(_tag).with_outputs("statuses", main="scores")
        return outputs.scores, outputs.statuses


@dataclasses.dataclass
class InferCrops(beam.PTransform[Any, Any]):
    """What a model says of the crops of shots' keyframes, and a failed status for each shot it says nothing of."""

    spec: ImageModelSpec  # resolved
    run: Run
    hints: Mapping[str, str] = dataclasses.field(default_factory=dict)  # Beam's, of the inference alone

    def expand(self, blocks: PCollection[CropBlock]) -> Any:  # PCollections of CropScores and MediaStatus
        load = functools.partial(_load_image_model, self.spec)
        handler = _BlockHandler(load, self.spec.batch_size, _crop_scores, self.run, self.hints)
        outputs = blocks | RunInference(handler) | beam.FlatMap(_tag).with_outputs("statuses", main="scores")
        return outputs.scores, outputs.statuses


@dataclasses.dataclass
class _SharedModel:
    """The model of a process, and whose turn it is: Beam may run threads, and the model takes one."""

    model: Any  # has predict(examples) -> Predictions
    turn: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def predict(self, examples: NDArray[Any]) -> Predictions:
        with self.turn:
            predictions: Predictions = self.model.predict(examples)
            return predictions


class _BlockHandler(ModelHandler[Any, Any, _SharedModel]):
    """Outcomes of blocks of examples: what `make` makes of a block and its outputs, or MediaStatus.

    It tries the blocks of a failing batch again one by one itself: as a second step it would load the model twice.
    """

    def __init__(
        self, load: Callable[[], Any], batch_size: int, make: Callable[..., Any], run: Run, hints: Mapping[str, str]
    ) -> None:
        examples = _BATCHES * batch_size
        super().__init__(min_batch_size=examples, max_batch_size=examples, element_size_fn=_count_examples)
        self._load, self._make, self._run, self._hints = load, make, run, dict(hints)
        self._inferred = Metrics.counter("linernotes", "examples_inferred")

    def load_model(self) -> _SharedModel:
        return _SharedModel(self._load())

    def get_resource_hints(self) -> dict[str, str]:
        return self._hints

    def get_num_bytes(self, batch: Sequence[_Block]) -> int:
        return sum(block.examples.nbytes for block in batch)

    def run_inference(
        self, batch: Sequence[_Block], model: _SharedModel, inference_args: dict[str, Any] | None = None
    ) -> list[Any]:
        try:
            return [self._check(block, outputs) for block, outputs in zip(batch, _infer(batch, model), strict=True)]
        except ModelError:
            raise  # the model is not what its spec says, for whatever examples
        except Exception:  # each framework has exceptions of its own
            return [self._infer_alone(block, model) for block in batch]

    def _infer_alone(self, block: _Block, model: _SharedModel) -> Any:
        try:
            (outputs,) = _infer([block], model)
        except ModelError:
            raise
        except Exception as error:
            return self._fail(block, f"expected a prediction for {block}, got {describe_error(error)}")
        return self._check(block, outputs)

    def _check(self, block: _Block, outputs: Predictions) -> Any:
        for values in (outputs.scores, outputs.embeddings):
            if values is not None and not np.isfinite(values).all():
                return self._fail(block, f"expected finite outputs for {block}, got NaN or infinity")
        self._inferred.inc(len(block.examples))
        return self._make(block, outputs)

    def _fail(self, block: _Block, reason: str) -> MediaStatus:
        return self._run.failed(block.file.item, "infer", reason, block.file.content)


def _load_audio_model(spec: AudioModelSpec) -> AudioModel:
    return load_audio_model(fetch_model(spec))


def _load_image_model(spec: ImageModelSpec) -> ImageModel:
    return load_image_model(fetch_model(spec))


def _window_scores(block: WindowBlock, outputs: Predictions) -> WindowScores:
    return WindowScores(block.file, block.first_window, block.levels_db, outputs.scores, outputs.embeddings)


def _crop_scores(block: CropBlock, outputs: Predictions) -> CropScores:
    return CropScores(block.file, block.shot, outputs.scores, outputs.embeddings)


def _infer(blocks: Sequence[_Block], model: _SharedModel) -> list[Predictions]:
    """What the model says of each block, from all their examples together."""
    if not blocks:  # Beam makes such a batch before a block larger than one
        return []
    predictions = model.predict(np.concatenate([block.examples for block in blocks]))
    ends = np.cumsum([len(block.examples) for block in blocks])[:-1]
    scores, embeddings = (
        [None] * len(blocks) if values is None else np.split(values, ends)
        for values in (predictions.scores, predictions.embeddings)
    )
    return [Predictions(*each) for each in zip(scores, embeddings, strict=True)]


def _count_examples(block: _Block) -> int:
    return len(block.examples)


def _tag(outcome: Any) -> Iterator[Any]:
    yield TaggedOutput("statuses", outcome) if isinstance(outcome, MediaStatus) else outcome
