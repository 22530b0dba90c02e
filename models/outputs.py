"""What specs make of what models give: scores of our classes and embeddings, of windows of sound or of pictures."""

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.special
from numpy.typing import NDArray

from models.runtimes import ModelError, Runtime
from models.specs import EmbeddingSpec, ScoresSpec, describe_unknown

_Array = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True)
class Predictions:
    """What a model says of examples, in their order; None for what its spec does not ask for."""

    scores: _Array | None  # (examples, classes)
    embeddings: _Array | None  # (examples, dims)


@dataclasses.dataclass(frozen=True)
class Outputs:
    """The outputs of a model that are asked for. examples: what they are called, for messages."""

    runtime: Runtime
    scores: ScoresSpec | None
    embedding: EmbeddingSpec | None
    examples: str

    def check(self) -> None:
        """Raises ModelError for an output that the model does not have, or whose width is not the labels'."""
        if self.embedding is not None:
            _output_name(self.runtime, "embedding", self.embedding.output)
        if self.scores is not None:
            width = _width(self.runtime, _output_name(self.runtime, "scores", self.scores.output))
            if width is not None:
                _check_labels(self.scores, width, self.runtime.path)

    def read(self, outputs: Mapping[str, NDArray[Any]], count: int) -> Predictions:
        """What the outputs say of so many examples; ModelError if they are of another shape than the spec says.

        An example whose raw scores are not all finite has NaN for every class.
        """
        scores = embeddings = None
        if self.scores is not None:
            name = _output_name(self.runtime, "scores", self.scores.output)
            raw = self._matrix(outputs[name], name, count)
            _check_labels(self.scores, raw.shape[1], self.runtime.path)
            scores = _score(raw, self.scores, self._columns)
        if self.embedding is not None:
            name = _output_name(self.runtime, "embedding", self.embedding.output)
            embeddings = self._matrix(outputs[name], name, count)
        return Predictions(scores, embeddings)

    def read_none(self) -> Predictions:
        """Arrays without rows; if the model does not say how long an embedding is, without columns too."""
        scores = embeddings = None
        if self.scores is not None:
            scores = np.empty((0, len(self.scores.names)), np.float32)
        if self.embedding is not None:
            name = _output_name(self.runtime, "embedding", self.embedding.output)
            embeddings = np.empty((0, _width(self.runtime, name) or 0), np.float32)
        return Predictions(scores, embeddings)

    @functools.cached_property
    def _columns(self) -> list[list[int]]:
        """The labels of each class, by their numbers; none if the labels are the classes."""
        if self.scores is None or self.scores.classes is None:
            return []
        numbers: dict[str, list[int]] = {}
        for number, label in enumerate(self.scores.labels):
            numbers.setdefault(label, []).append(number)
        return [[number for label in labels for number in numbers[label]] for labels in self.scores.classes.values()]

    def _matrix(self, output: NDArray[Any], name: str, count: int) -> _Array:
        """An output as (examples, values); axes of 1 do not count."""
        shape = output.shape
        if not shape or shape[0] != count or sum(size != 1 for size in shape[1:]) > 1:
            expected = f"a vector for each of {count} {self.examples}"
            raise ModelError(f"{self.runtime.path}: expected {expected} in output {name!r}, got shape {list(shape)}")
        return output.reshape(count, -1).astype(np.float32, copy=False)


def join_predictions(parts: list[Predictions]) -> Predictions:
    """The predictions of all parts' examples, of which there is at least one, in order."""
    return Predictions(_join([part.scores for part in parts]), _join([part.embeddings for part in parts]))


def activate(logits: _Array, activation: str) -> _Array:
    """Probabilities of logits (examples, labels); as they are for `none`."""
    if activation == "none":
        return logits
    with np.errstate(invalid="ignore"):  # of logits that are not finite; their scores are NaN in any case
        activated = scipy.special.expit(logits) if activation == "sigmoid" else scipy.special.softmax(logits, axis=1)
    return np.asarray(activated, np.float32)


def _score(raw: _Array, spec: ScoresSpec, columns: list[list[int]]) -> _Array:
    """Scores of the classes (examples, classes) from raw ones of the outputs (examples, outputs)."""
    probabilities = activate(raw / np.float32(spec.temperature), spec.activation)[:, max(-spec.label_offset, 0) :]
    scores = _pool(probabilities, columns, spec.pooling) if columns else probabilities
    # Of the raw ones: an activation hides infinities, and classes leave labels out.
    finite = np.isfinite(raw).all(axis=1, keepdims=True)
    return np.where(finite, scores, np.float32(np.nan))


def _pool(probabilities: _Array, columns: list[list[int]], pooling: str) -> _Array:
    pool = np.maximum if pooling == "max" else np.add
    starts = np.cumsum([0, *map(len, columns)])[:-1]
    return np.asarray(pool.reduceat(probabilities[:, np.concatenate(columns)], starts, axis=1), np.float32)


def _output_name(runtime: Runtime, asked_by: str, name: str | None) -> str:
    names = list(runtime.outputs)
    if name is None and len(names) != 1:
        raise ModelError(f"{runtime.path}: expected {asked_by}.output to name one of {', '.join(names)}, got none")
    if name is not None and name not in names:
        raise ModelError(f"{runtime.path}: {asked_by}.output: {describe_unknown('output', name, names)}")
    return names[0] if name is None else name


def _width(runtime: Runtime, name: str) -> int | None:
    """How many values an output has for an example; None if the model does not say."""
    shape = runtime.outputs[name] or (None,)
    sizes = [size for size in shape[1:] or shape if size is not None]
    return math.prod(sizes) if len(sizes) == len(shape[1:] or shape) else None


def _check_labels(spec: ScoresSpec, width: int, path: str) -> None:
    expected = len(spec.labels) + max(-spec.label_offset, 0)
    if expected != width:
        raise ModelError(f"{path}: expected as many scores as labels, {expected}, got {width}")


def _join(parts: list[_Array | None]) -> _Array | None:
    arrays = [part for part in parts if part is not None]
    return np.concatenate(arrays) if arrays else None
