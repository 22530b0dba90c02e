"""Embeddings: vectors of unit length for windows or shots, and for whole items; the nearer two are, the more alike."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.records import Embedding, HalfEmbedding, ScoredItem, Shot
from models.windows import spans_s

_Vectors = NDArray[np.float32]

_PRECISIONS = ("float32", "float16")


@dataclasses.dataclass(frozen=True)
class EmbeddingConfig:
    """Which vectors are written, and how exactly.

    windows: a vector for each window or shot, besides the item's. precision: float32, or float16, which has three
    digits and half the size. silent_below_db: windows below it (RMS against full scale) do not count towards the item's
    vector, unless all are.
    """

    windows: bool = True
    precision: str = "float32"
    silent_below_db: float = -70.0

    def __post_init__(self) -> None:
        if self.precision not in _PRECISIONS:
            raise ValueError(f"precision must be {' or '.join(_PRECISIONS)}, got {self.precision!r}")
        if not self.silent_below_db <= 0:
            raise ValueError(f"silent_below_db must be at most 0, got {self.silent_below_db}")


def make_embeddings(
    scored: ScoredItem, window_s: float, hop_s: float, config: EmbeddingConfig
) -> Iterator[Embedding | HalfEmbedding]:
    """The item's vector, which is the normalised mean of its windows', then theirs: rows of `embeddings`."""
    assert scored.embeddings is not None  # the model was asked for embeddings
    media_id, vectors = scored.item.media_id, to_unit_length(scored.embeddings)
    silent = scored.levels_db < config.silent_below_db
    mean = vectors[~silent | silent.all()].mean(axis=0, keepdims=True, dtype=np.float64)
    yield _make(media_id, "item", 0.0, scored.duration_s, to_unit_length(mean)[0], config.precision)
    if config.windows:
        starts_s, ends_s = spans_s(len(vectors), window_s, hop_s, scored.duration_s)
        for start_s, end_s, vector in zip(starts_s.tolist(), ends_s.tolist(), vectors, strict=True):
            yield _make(media_id, "window", start_s, end_s, vector, config.precision)


def embed_shots(
    shots: Sequence[Shot], crops: Mapping[int, NDArray[np.floating]], config: EmbeddingConfig
) -> Iterator[Embedding | HalfEmbedding]:
    """The vector of the item that these shots are, then theirs, as far as windows are asked for: rows of `embeddings`.

    crops: what the model gives (crops, dims) for a shot's keyframes, by its number; a shot without any has no vector. A
    shot's is the normalised mean of its crops'; the item's that of the shots', by how long they are.
    """
    seen = [shot for shot in shots if shot.shot in crops]
    if not seen:
        return
    means = [to_unit_length(crops[shot.shot]).mean(axis=0, dtype=np.float64) for shot in seen]
    vectors = to_unit_length(np.stack(means))
    seconds = np.array([shot.end_s - shot.start_s for shot in seen])
    mean = np.average(vectors, axis=0, weights=seconds if seconds.sum() > 0 else None)
    media_id, end_s = shots[0].media_id, max(shot.end_s for shot in shots)
    yield _make(media_id, "item", 0.0, end_s, to_unit_length(mean[np.newaxis])[0], config.precision)
    if config.windows:
        for shot, vector in zip(seen, vectors, strict=True):
            yield _make(media_id, "shot", shot.start_s, shot.end_s, vector, config.precision)


def to_unit_length(vectors: NDArray[np.floating]) -> _Vectors:
    """Rows divided by their Euclidean length, of whatever finite size; a row of zeros stays one."""
    exact = vectors.astype(np.float64)  # squares of what float32 holds overflow, or vanish, in float32
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    return (exact / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def _make(
    media_id: str, kind: str, start_s: float, end_s: float, vector: _Vectors, precision: str
) -> Embedding | HalfEmbedding:
    if precision == "float16":
        return HalfEmbedding(media_id, kind, start_s, end_s, vector.astype(np.float16))
    return Embedding(media_id, kind, start_s, end_s, vector)
