"""What a model is, for those who bring one: a YAML file beside it that says how it is fed and what it gives."""

import csv
import dataclasses
import difflib
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from models.places import find_here, resolve_place
from models.runtimes import FORMATS, ModelError

Fetch = Callable[[str], str]  # of a place: the path on this machine

ACTIVATIONS = ("none", "softmax", "sigmoid")
POOLINGS = ("max", "sum")

_PLACES = {"labels_file": None, "labels_column": None, "vectors_file": ""}  # where what counts was read, by key
_WEIGHTS_BESIDE = (".data", "_data")  # what exporters add to an ONNX file's name for weights outside it


@dataclasses.dataclass(frozen=True)
class ScoresSpec:
    """The output with a score for each label, and how scores of our classes come of it."""

    output: str | None = None  # its name; None: the model's only one
    activation: str = "none"  # none, softmax or sigmoid: what turns the output into probabilities
    temperature: float = 1.0  # divides the output before the activation
    labels: tuple[str, ...] = ()  # in the output's order
    labels_file: str | None = None  # instead: a CSV, or a text file with a label a line
    labels_column: str | None = None  # of the CSV
    label_offset: int = 0  # labels that come before the first output's; negative: outputs before the first label's
    classes: dict[str, tuple[str, ...]] | None = None  # our class: the model's labels; None: the labels are the classes
    pooling: str = "max"  # max or sum of a class's labels
    functional_below_music: float | None = None  # calibrated: see models.policies

    def __post_init__(self) -> None:
        check_choice("activation", self.activation, ACTIVATIONS)
        check_choice("pooling", self.pooling, POOLINGS)
        if not 0 < self.temperature < float("inf"):
            raise ValueError(f"temperature must be positive, got {self.temperature}")
        if self.activation == "none" and self.temperature != 1:
            raise ValueError(f"temperature {self.temperature} needs an activation, got none")
        if not self.labels and self.labels_file is None:
            raise ValueError("expected labels or a labels_file, got neither")
        if self.labels_column is not None and self.labels_file is None:
            raise ValueError(f"labels_column {self.labels_column!r} needs a labels_file, got none")
        if self.label_offset > 0 and self.labels_file is None:
            raise ValueError(f"label_offset {self.label_offset} needs a labels_file, got none")
        if self.functional_below_music is not None and not 0 <= self.functional_below_music <= 1:
            raise ValueError(f"functional_below_music must be between 0 and 1, got {self.functional_below_music}")
        self._check_classes()

    @property
    def names(self) -> tuple[str, ...]:
        """Our classes, in the order of their scores; of resolved scores."""
        return self.labels if self.classes is None else tuple(self.classes)

    def _check_classes(self) -> None:
        if self.classes is None:
            if repeated := _first_repeated(self.labels):
                raise ValueError(f"labels are the classes, and must differ, got {repeated!r} twice")
            return
        if not self.classes:
            raise ValueError("classes must name at least one class, got none")
        for name, labels in self.classes.items():
            if not labels:
                raise ValueError(f"classes.{name} must name at least one label, got none")
            if repeated := _first_repeated(labels):
                raise ValueError(f"classes.{name} must name a label once, got {repeated!r} twice")
            for label in labels:
                if self.labels and label not in self.labels:
                    raise ValueError(f"classes.{name}: {describe_unknown('label', label, self.labels)}")


@dataclasses.dataclass(frozen=True)
class EmbeddingSpec:
    """The output with an embedding."""

    output: str | None = None  # its name; None: the model's only one


@dataclasses.dataclass(frozen=True)
class AudioModelSpec:
    """A model of audio windows: where it is, what it takes, and what it gives: scores, embeddings or both."""

    name: str
    format: str  # saved_model, keras, tflite or onnx
    path: str  # of the file; of a SavedModel: the folder
    sample_rate: int
    window: int  # samples
    hop: int  # samples from one window to the next
    batch_size: int = 32  # windows at once
    scores: ScoresSpec | None = None
    embedding: EmbeddingSpec | None = None

    def __post_init__(self) -> None:
        check_choice("format", self.format, FORMATS)
        for name in ("sample_rate", "window", "hop", "batch_size"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if self.hop > self.window:
            raise ValueError(f"hop must be at most window, {self.window}, or samples are left out, got {self.hop}")
        if self.scores is None and self.embedding is None:
            raise ValueError("expected scores, embedding or both, got neither")

    @property
    def classes(self) -> tuple[str, ...]:
        """Our classes in the order of the model's scores; of a resolved spec. None without scores."""
        return () if self.scores is None else self.scores.names

    @property
    def window_s(self) -> float:
        return self.window / self.sample_rate

    @property
    def hop_s(self) -> float:
        return self.hop / self.sample_rate


class ModelSpec(Protocol):
    """What specs of models have in common, whatever they take."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def format(self) -> str: ...
    @property
    def path(self) -> str: ...


def resolve_spec(spec: AudioModelSpec, folder: str, fetch: Fetch = find_here) -> AudioModelSpec:
    """The spec with its labels read and its paths made places; folder: what they are relative to, the spec's own.

    fetch: brings a file to this machine, to be read; its path. ModelError for a labels file that cannot be; ValueError
    if it names other labels than the spec, or lacks a class's.
    """
    scores = None if spec.scores is None else resolve_scores(spec.scores, folder, fetch)
    return dataclasses.replace(spec, path=resolve_place(spec.path, folder), scores=scores)


def resolve_scores(scores: ScoresSpec, folder: str, fetch: Fetch = find_here) -> ScoresSpec:
    """The scores with their labels read; errors as of resolve_spec.

    A label that a file names several times, such as ImageNet's two cranes, is one class.
    """
    if scores.labels_file is None:
        return scores
    labels_file = resolve_place(scores.labels_file, folder)
    labels = _read_labels(labels_file, scores.labels_column, fetch)[max(scores.label_offset, 0) :]
    if not labels:
        raise ModelError(f"{labels_file}: expected more labels than label_offset, {scores.label_offset}, got no more")
    if scores.labels not in ((), labels):
        raise ValueError(f"scores.labels must be those of labels_file, or not be given, got others than {labels_file}")
    classes = scores.classes
    if classes is None and _first_repeated(labels):
        classes = {label: (label,) for label in labels}
    return dataclasses.replace(scores, labels_file=labels_file, labels=labels, classes=classes)


def digest_model(spec: ModelSpec) -> str:
    """A digest of all that can change a resolved spec's results: its values and the bytes of the model's files.

    The files are on this machine; where they lie does not count.
    """
    digest = hashlib.blake2b(json.dumps(_telling(spec)).encode(), digest_size=16)
    for file in _model_files(spec):
        digest.update(f"\n{str(file).removeprefix(spec.path)}\n".encode())
        with file.open("rb") as content:
            digest.update(hashlib.file_digest(content, hashlib.blake2b).digest())
    return digest.hexdigest()


def endings_beside(spec: ModelSpec) -> tuple[str, ...]:
    """What follows the name of the model's file in the names of others that belong to it, if they are there."""
    return _WEIGHTS_BESIDE if spec.format == "onnx" else ()


def describe_unknown(kind: str, name: str, known: Sequence[str]) -> str:
    """That there is no such thing, and what it may be instead: the near miss, or all if they are few."""
    near = difflib.get_close_matches(name, known, n=1)
    others = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known[:10])}{', …' * (len(known) > 10)}"
    return f"no {kind} {name!r}; {others}"


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raises ValueError, which names the choices, for another value."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


def _read_labels(path: str, column: str | None, fetch: Fetch) -> tuple[str, ...]:
    try:
        text = Path(fetch(path)).read_text(encoding="utf-8-sig")
        labels = tuple(
            label.strip() for label in (_lines(path, text) if column is None else _column(path, text, column))
        )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ModelError(f"{path}: expected labels, got {error}") from error
    if not labels or "" in labels:
        got = f"an empty one, number {labels.index('') + 1}" if labels else "none"
        raise ModelError(f"{path}: expected labels, got {got}")
    return labels


def _lines(path: str, text: str) -> Iterable[str]:
    if path.endswith(".csv"):
        raise ModelError(f"{path}: expected labels_column to say which column, got none")
    return text.rstrip().splitlines()


def _column(path: str, text: str, column: str) -> Iterable[str]:
    rows = csv.DictReader(io.StringIO(text))
    names = list(rows.fieldnames or ())
    if column not in names:
        raise ModelError(f"{path}: {describe_unknown('column', column, names)}")
    return [row[column] or "" for row in rows]


def _model_files(spec: ModelSpec) -> list[Path]:
    path = Path(spec.path)
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    beside = [Path(spec.path + ending) for ending in endings_beside(spec)]
    return [path, *(file for file in beside if file.exists())]


def _telling(spec: ModelSpec) -> dict[str, Any]:
    """The spec's values without what has no effect on results; of where its labels were, only the labels stay."""
    values = dataclasses.asdict(spec) | {"path": "", "batch_size": 1}
    for part in values.values():
        if isinstance(part, dict):
            part.update({name: place for name, place in _PLACES.items() if name in part})
            if part.get("label_offset") == 0:
                del part["label_offset"]  # digests are as before there was such a key
    return values


def _first_repeated(names: Sequence[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
