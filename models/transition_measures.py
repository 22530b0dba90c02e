"""What the networks see of a film: of each frame what tells cuts, of each sample what tells gradual transitions.

Samples are frames taken at an even pace, whatever the film's rate: gradual transitions last as long at any.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.frame_pairs import (
    MOTION_MEASURES,
    PAIR_MEASURES,
    STATISTICS,
    TRIPLE_MEASURES,
    ReducedFrames,
    measure_motion,
    measure_pairs,
    measure_triples,
)

SAMPLE_S = 0.08  # 12.5 samples a second

_PAIR_LAGS = (1, 2, 4, 8)
_MOTION_LAGS = (1, 2)
_TRIPLE_LAGS = (1, 2, 4, 7, 12)

BACK = _TRIPLE_LAGS[-1]  # how many frames or samples before one are needed to measure it, at most
AHEAD = _TRIPLE_LAGS[-1]  # and after it; of frames none

FRAME_MEASURES = STATISTICS + len(_PAIR_LAGS) * PAIR_MEASURES + len(_MOTION_LAGS) * MOTION_MEASURES
SAMPLE_MEASURES = FRAME_MEASURES + len(_TRIPLE_LAGS) * TRIPLE_MEASURES

_Floats = NDArray[np.float32]


def measure_frames(frames: ReducedFrames, first: int, last: int) -> _Floats:
    """The measures (last - first, FRAME_MEASURES) of frames [first, last), of themselves and against those before.

    The first frame stands for those before it.
    """
    now = np.arange(first, last)
    columns = [frames.statistics[first:last]]
    pictures = (frames.thirds, frames.histograms)
    columns += [_fill(measure_pairs, PAIR_MEASURES, *pictures, _before(now, lag), now) for lag in _PAIR_LAGS]
    columns += [_fill(measure_motion, MOTION_MEASURES, frames.halves, _before(now, lag), now) for lag in _MOTION_LAGS]
    return np.concatenate(columns, 1)


def measure_samples(samples: ReducedFrames, first: int, last: int) -> _Floats:
    """The measures (last - first, SAMPLE_MEASURES) of samples [first, last), those of frames and between both sides.

    The first and the last sample stand for those beyond them.
    """
    now = np.arange(first, last)
    columns = [measure_frames(samples, first, last)]
    for lag in _TRIPLE_LAGS:
        after = np.minimum(now + lag, len(samples) - 1)
        pictures = (samples.thirds, samples.statistics)
        columns.append(_fill(measure_triples, TRIPLE_MEASURES, *pictures, _before(now, lag), now, after))
    return np.concatenate(columns, 1)


def _before(now: NDArray[np.int64], lag: int) -> NDArray[np.int64]:
    return np.maximum(now - lag, 0)


def _fill(measure: Callable[..., None], columns: int, *arguments: NDArray[np.generic]) -> _Floats:
    out = np.empty((len(arguments[-1]), columns), np.float32)
    measure(*arguments, out)
    return out
