"""Labelling: from what a model says of each window to what a track is, and which stretch of it is what."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from models.records import ClassShare, ScoredItem, TrackSegment, TrackSummary
from models.windows import edges_s

SILENCE = "silence"

_Scores = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class LabelConfig:
    """Windows below silent_below_db (RMS against full scale) are silence, whatever the model says of them.

    Segments are of windows smoothed with their neighbours, each counting smoothing times as much as the window itself.
    """

    silent_below_db: float = -70.0
    smoothing: float = 0.5

    def __post_init__(self) -> None:
        if not self.silent_below_db <= 0:
            raise ValueError(f"silent_below_db must be at most 0, got {self.silent_below_db}")
        if not 0 <= self.smoothing <= 1:
            raise ValueError(f"smoothing must be between 0 and 1, got {self.smoothing}")


def label_track(
    scored: ScoredItem, classes: Sequence[str], window_s: float, hop_s: float, config: LabelConfig
) -> tuple[TrackSummary, list[TrackSegment]]:
    """What the track is, and its stretches of one class each, from beginning to end, no two neighbours of the same.

    classes: the model's. Silence is another, unless it knows it; it says nothing of what the rest is, so silent windows
    count towards no other class's score, and only a track that is silent throughout has a score for it.
    """
    silent = scored.levels_db < config.silent_below_db
    names, scores = _with_silence(classes, scored, silent)
    labels = _label_windows(scores, silent, names.index(SILENCE), config.smoothing)
    edges = edges_s(len(scores), window_s, hop_s, scored.duration_s)
    segments = list(_join_windows(scored.item.media_id, labels, scores, edges, names))

    means = scores[~silent | silent.all()].mean(axis=0, dtype=np.float64)
    shares = tuple(_share_out(names, means.tolist(), segments))
    silent_s = float(np.diff(edges)[silent].sum())
    return TrackSummary(scored.item, scored.duration_s, silent_s, names[int(means.argmax())], shares), segments


def _with_silence(
    classes: Sequence[str], scored: ScoredItem, silent: NDArray[np.bool_]
) -> tuple[tuple[str, ...], _Scores]:
    """The classes and their scores, in which silent windows are of silence alone."""
    assert scored.scores is not None  # the model was asked for scores
    names = tuple(classes) if SILENCE in classes else (*classes, SILENCE)
    scores = np.pad(scored.scores, [(0, 0), (0, len(names) - len(classes))])
    scores[silent] = np.array(names) == SILENCE
    return names, scores


def _label_windows(scores: _Scores, silent: NDArray[np.bool_], silence: int, smoothing: float) -> NDArray[np.int64]:
    """The number of each window's class."""
    sounding = np.where(silent[:, np.newaxis], 0, scores)
    padded = np.pad(sounding, [(1, 1), (0, 0)])
    smooth = sounding + smoothing * (padded[:-2] + padded[2:])
    labels: NDArray[np.int64] = np.where(silent, silence, smooth.argmax(axis=1))
    return labels


def _join_windows(
    media_id: str, labels: NDArray[np.int64], scores: _Scores, edges: NDArray[np.float64], names: Sequence[str]
) -> Iterator[TrackSegment]:
    firsts = np.flatnonzero(np.diff(labels, prepend=-1))
    for first, end in zip(firsts, [*firsts[1:], len(labels)], strict=True):
        score = scores[first:end, labels[first]].mean(dtype=np.float64)
        yield TrackSegment(media_id, float(edges[first]), float(edges[end]), names[labels[first]], float(score))


def _share_out(names: Sequence[str], means: Sequence[float], segments: Iterable[TrackSegment]) -> Iterator[ClassShare]:
    seconds = dict.fromkeys(names, 0.0)
    for segment in segments:
        seconds[segment.label] += segment.end_s - segment.start_s
    for name, mean in zip(names, means, strict=True):
        yield ClassShare(name, mean, seconds[name])
