"""Zero-shot classes: pictures scored by how near their embeddings are to those of texts that describe each class.

As CLIP does it (Radford et al., ICML 2021): the class's vector is the mean of its prompts' unit vectors, and the logit
the cosine times logit_scale. With sigmoid and a bias as SigLIP does it (Zhai et al., ICCV 2023).
"""

import dataclasses
import hashlib
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.outputs import activate
from models.places import find_here, resolve_place
from models.runtimes import ModelError
from models.specs import Fetch, check_choice

_Array = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class PromptsSpec:
    """Classes, each by the texts that describe it, and where the texts' vectors are.

    vectors_file: .npy, an array (prompts, dims) in the order of the prompts, class by class; .npz, the same as
    `vectors`, with or without `prompts`, the texts; .parquet with a column `vector`, with or without `prompt`. Where
    the texts are there, vectors are found by them, and may be in any order and more than are needed.
    """

    prompts: dict[str, tuple[str, ...]]  # class: texts
    vectors_file: str
    logit_scale: float = 100.0  # CLIP's after training
    logit_bias: float = 0.0
    activation: str = "softmax"  # or sigmoid: each class by itself
    digest: str = ""  # of the vectors; filled in when the spec is resolved

    def __post_init__(self) -> None:
        check_choice("activation", self.activation, ("softmax", "sigmoid"))
        if not self.prompts:
            raise ValueError("prompts must name at least one class, got none")
        for name, texts in self.prompts.items():
            if not texts or "" in texts:
                raise ValueError(f"prompts.{name} must be one text or more, none of them empty, got {list(texts)}")
        if not 0 < self.logit_scale < math.inf:
            raise ValueError(f"logit_scale must be positive, got {self.logit_scale}")
        if not math.isfinite(self.logit_bias):
            raise ValueError(f"logit_bias must be a number, got {self.logit_bias}")

    @property
    def texts(self) -> tuple[str, ...]:
        """All prompts, class by class."""
        return tuple(text for texts in self.prompts.values() for text in texts)


@dataclasses.dataclass(frozen=True)
class Prompts:
    """Classes by their vectors, each of length 1 (classes, dims)."""

    spec: PromptsSpec
    vectors: _Array

    def score(self, embeddings: _Array) -> _Array:
        """Scores of the classes (pictures, classes); NaN for an embedding that is not finite, or all zero.

        ModelError for embeddings of another length than the texts' vectors.
        """
        if embeddings.shape == (0, 0):  # of no pictures, by a model that does not say how long they are
            return np.empty((0, len(self.vectors)), np.float32)
        if embeddings.shape[1] != self.vectors.shape[1]:
            got = f"{embeddings.shape[1]}, as the model's embeddings have"
            raise ModelError(f"{self.spec.vectors_file}: expected vectors of {got}, got {self.vectors.shape[1]}")
        with np.errstate(invalid="ignore", divide="ignore"):
            units = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
        logits = self.spec.logit_scale * (units @ self.vectors.T) + self.spec.logit_bias
        return activate(np.asarray(logits, np.float32), self.spec.activation)


def resolve_prompts(spec: PromptsSpec, folder: str, fetch: Fetch = find_here) -> PromptsSpec:
    """The spec with the vectors' digest and place. ModelError unless every prompt has a vector.

    fetch: brings a file to this machine, to be read; its path.
    """
    place = resolve_place(spec.vectors_file, folder)
    vectors = load_prompts(dataclasses.replace(spec, vectors_file=fetch(place))).vectors
    digest = hashlib.blake2b(vectors.tobytes(), digest_size=16).hexdigest()
    return dataclasses.replace(spec, vectors_file=place, digest=digest)


def load_prompts(spec: PromptsSpec) -> Prompts:
    """The vectors of a resolved spec's classes. ModelError if its file has no vector for a prompt, or bad ones."""
    vectors, texts = _read(spec.vectors_file)
    if vectors.ndim != 2 or vectors.dtype.kind != "f":
        got = f"{vectors.dtype} of shape {list(vectors.shape)}"
        raise ModelError(f"{spec.vectors_file}: expected float vectors (prompts, dims), got {got}")
    chosen = vectors.astype(np.float64)[_find(spec, len(vectors), texts)]
    lengths = np.linalg.norm(chosen, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and lengths.all()):
        raise ModelError(f"{spec.vectors_file}: expected finite vectors of some length, got others")
    ends = np.cumsum([len(each) for each in spec.prompts.values()])[:-1]
    means = np.stack([each.mean(axis=0) for each in np.split(chosen / lengths, ends)])
    return Prompts(spec, (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32))


def _find(spec: PromptsSpec, count: int, texts: list[str] | None) -> list[int]:
    """The rows of the prompts' vectors."""
    if texts is None:
        if count != len(spec.texts):
            raise ModelError(
                f"{spec.vectors_file}: expected a vector for each of {len(spec.texts)} prompts, got {count}"
            )
        return list(range(count))
    if len(texts) != count:
        raise ModelError(f"{spec.vectors_file}: expected a prompt for each of {count} vectors, got {len(texts)}")
    rows = {text: number for number, text in enumerate(texts)}
    for text in spec.texts:
        if text not in rows:
            raise ModelError(f"{spec.vectors_file}: expected a vector for each prompt, got none for {text!r}")
    return [rows[text] for text in spec.texts]


def _read(path: str) -> tuple[NDArray[Any], list[str] | None]:
    """The vectors, and their texts if the file has them."""
    ending = Path(path).suffix
    try:
        if ending == ".npy":
            return np.load(path, allow_pickle=False), None
        if ending == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return arrays["vectors"], arrays["prompts"].tolist() if "prompts" in arrays else None
        if ending == ".parquet":
            table = pq.read_table(path)
            texts = table["prompt"].to_pylist() if "prompt" in table.column_names else None
            return np.stack(table["vector"].to_numpy()), texts
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, pa.ArrowException) as error:
        raise ModelError(f"{path}: expected text vectors, got {error}") from error
    raise ModelError(f"{path}: expected vectors_file to end in .npy, .npz or .parquet")
