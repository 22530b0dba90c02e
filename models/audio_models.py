"""A model of audio windows: what its spec makes of what its file gives."""

import dataclasses
import math
from typing import Any

import numpy as np
import scipy.special
from numpy.typing import NDArray

from models.runtimes import ModelError, Runtime, open_runtime
from models.specs import AudioModelSpec, ScoresSpec, describe_unknown

_Array = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True)
class Predictions:
    """What a model says of windows, in their order; None for what its spec does not ask for."""

    scores: _Array | None  # (windows, classes)
    embeddings: _Array | None  # (windows, dims)


@dataclasses.dataclass(frozen=True)
class AudioModel:
    """A runtime with the spec of what it runs. From one thread at a time, as the runtime."""

    runtime: Runtime
    spec: AudioModelSpec

    @property
    def classes(self) -> tuple[str, ...]:
        """What the columns of the scores are; none, if there are no scores."""
        return self.spec.classes

    def predict(self, windows: _Array) -> Predictions:
        """The scores and embeddings of windows (windows, samples), at most batch_size of them run at once.

        A window whose raw scores are not all finite has NaN for every class. ModelError if the outputs are of another
        shape than the spec says.
        """
        size = self.spec.batch_size
        parts = [self._predict_batch(windows[start : start + size]) for start in range(0, len(windows), size)]
        if not parts:
            parts = [self._predict_none()]
        return Predictions(_join([part.scores for part in parts]), _join([part.embeddings for part in parts]))

    def _predict_batch(self, windows: _Array) -> Predictions:
        outputs = self.runtime.predict(windows)
        scores = embeddings = None
        if self.spec.scores is not None:
            name = _output_name(self.runtime, "scores", self.spec.scores.output)
            scores = _score(self._matrix(outputs[name], name, len(windows)), self.spec.scores, self.runtime.path)
        if self.spec.embedding is not None:
            name = _output_name(self.runtime, "embedding", self.spec.embedding.output)
            embeddings = self._matrix(outputs[name], name, len(windows))
        return Predictions(scores, embeddings)

    def _predict_none(self) -> Predictions:
        """Arrays without rows; if the model does not say how long an embedding is, without columns too."""
        scores = embeddings = None
        if self.spec.scores is not None:
            scores = np.empty((0, len(self.classes)), np.float32)
        if self.spec.embedding is not None:
            name = _output_name(self.runtime, "embedding", self.spec.embedding.output)
            embeddings = np.empty((0, _width(self.runtime, name) or 0), np.float32)
        return Predictions(scores, embeddings)

    def _matrix(self, output: NDArray[Any], name: str, windows: int) -> _Array:
        """An output as (windows, values); axes of 1 do not count."""
        shape = output.shape
        if not shape or shape[0] != windows or sum(size != 1 for size in shape[1:]) > 1:
            expected = f"a vector for each of {windows} windows"
            raise ModelError(f"{self.runtime.path}: expected {expected} in output {name!r}, got shape {list(shape)}")
        return output.reshape(windows, -1).astype(np.float32, copy=False)


def load_audio_model(spec: AudioModelSpec) -> AudioModel:
    """The model of a resolved spec. ModelError if its file is not what the spec says."""
    runtime = open_runtime(spec.format, spec.path)
    runtime.check((spec.window,))
    if spec.embedding is not None:
        _output_name(runtime, "embedding", spec.embedding.output)
    if spec.scores is not None:
        width = _width(runtime, _output_name(runtime, "scores", spec.scores.output))
        if width is not None:
            _check_labels(spec.scores, width, spec.path)
    return AudioModel(runtime, spec)


def _score(raw: _Array, spec: ScoresSpec, path: str) -> _Array:
    """Scores of the classes (windows, classes) from raw ones of the labels (windows, labels)."""
    _check_labels(spec, raw.shape[1], path)
    probabilities = _activate(raw / np.float32(spec.temperature), spec.activation)
    scores = _pool(probabilities, spec)
    # Of the raw ones: an activation hides infinities, and classes leave labels out.
    finite = np.isfinite(raw).all(axis=1, keepdims=True)
    return np.where(finite, scores, np.float32(np.nan))


def _activate(logits: _Array, activation: str) -> _Array:
    if activation == "none":
        return logits
    with np.errstate(invalid="ignore"):  # of logits that are not finite; their scores are NaN in any case
        activated = scipy.special.expit(logits) if activation == "sigmoid" else scipy.special.softmax(logits, axis=1)
    return np.asarray(activated, np.float32)


def _pool(probabilities: _Array, spec: ScoresSpec) -> _Array:
    if spec.classes is None:
        return probabilities
    pool = np.max if spec.pooling == "max" else np.sum
    columns = [[spec.labels.index(label) for label in labels] for labels in spec.classes.values()]
    return np.stack([pool(probabilities[:, each], axis=1) for each in columns], axis=1)


def _output_name(runtime: Runtime, asked_by: str, name: str | None) -> str:
    names = list(runtime.outputs)
    if name is None and len(names) != 1:
        raise ModelError(f"{runtime.path}: expected {asked_by}.output to name one of {', '.join(names)}, got none")
    if name is not None and name not in names:
        raise ModelError(f"{runtime.path}: {asked_by}.output: {describe_unknown('output', name, names)}")
    return names[0] if name is None else name


def _width(runtime: Runtime, name: str) -> int | None:
    """How many values an output has for a window; None if the model does not say."""
    shape = runtime.outputs[name] or (None,)
    sizes = [size for size in shape[1:] or shape if size is not None]
    return math.prod(sizes) if len(sizes) == len(shape[1:] or shape) else None


def _check_labels(spec: ScoresSpec, width: int, path: str) -> None:
    if len(spec.labels) != width:
        raise ModelError(f"{path}: expected as many scores as labels, {len(spec.labels)}, got {width}")


def _join(parts: list[_Array | None]) -> _Array | None:
    arrays = [part for part in parts if part is not None]
    return np.concatenate(arrays) if arrays else None
