"""Landmark pictures: the peaks of a recording laid over those of an item at the matched moment, for doubters to see."""

import dataclasses

import numpy as np
import soxr
from numpy.typing import NDArray

from models.constellation import Constellation, PeakConfig, join, stream_peaks
from models.overlay import BINS, NONE, Placement, QueryView, lay_over, view_query
from models.spectrogram import SpectrogramConfig

_MOVES_S = (0.4, 0.7, 1.1, 1.6, 2.3)  # earlier and later, to see how many peaks coincide by chance


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """The peaks of a stretch of audio, whose frame 0 begins at start_s."""

    start_s: float
    peaks: Constellation


@dataclasses.dataclass(frozen=True, slots=True)
class Moment:
    """Where a recording is heard, as a match tells it."""

    start_s: float
    end_s: float
    track_start_s: float
    speed: float
    pitch: float

    def track_s(self, time_s: float) -> float:
        """The recording's time at a time of the item."""
        return self.track_start_s + self.speed * (time_s - self.start_s)


@dataclasses.dataclass(frozen=True, slots=True)
class LandmarkPicture:
    """Points are rows of time_s (of the item) and frequency_hz. expected: coincidences by chance, measured."""

    start_s: float
    end_s: float
    max_hz: float
    item_points: NDArray[np.float64]
    lost_points: NDArray[np.float64]  # the recording's peaks that the item does not have
    found_points: NDArray[np.float64]  # those that it has, in the very cell or a frame beside it
    expected: float

    @property
    def found(self) -> int:
        return len(self.found_points)

    @property
    def sought(self) -> int:
        return len(self.found_points) + len(self.lost_points)


def find_part(
    samples: NDArray[np.float32], sample_rate: int, start_s: float, spectrogram: SpectrogramConfig, peaks: PeakConfig
) -> Part:
    """The peaks of samples that begin at start_s."""
    resampled = soxr.resample(samples, sample_rate, spectrogram.sample_rate, quality="HQ")
    return Part(start_s, join(stream_peaks([resampled], spectrogram, peaks)))


def draw_landmarks(item: Part, track: Part, moment: Moment, spectrogram: SpectrogramConfig) -> LandmarkPicture:
    """The picture of the part of the item, from its first frame to its last."""
    frame_rate = spectrogram.frame_rate
    view = view_query(item.peaks)
    offset = (moment.track_s(item.start_s) - track.start_s) * frame_rate
    middle_s = spectrogram.time_s(0)  # a match's times are those of the middles of frames
    offset += (moment.speed - 1) * middle_s * frame_rate
    ends = [round((time_s - middle_s - item.start_s) * frame_rate) for time_s in (moment.start_s, moment.end_s)]
    placement = Placement(offset, moment.speed, moment.pitch)

    overlay = lay_over(track.peaks, placement, view, ends[0], ends[1] + 1)
    points = _points(overlay.frames, overlay.cells % BINS, item.start_s, spectrogram)
    is_found = overlay.outcomes != NONE
    return LandmarkPicture(
        item.start_s,
        item.start_s + spectrogram.time_s(view.frames) + middle_s,
        spectrogram.sample_rate / 2,
        _points(item.peaks.frames, item.peaks.bins, item.start_s, spectrogram),
        points[~is_found],
        points[is_found],
        _expect(track.peaks, placement, view, (ends[0], ends[1] + 1), frame_rate),
    )


def as_path(points: NDArray[np.float64], picture: LandmarkPicture, width: int, height: int) -> str:
    """An SVG path with a dot of no size, for a round line cap to fill, at each point of a picture so large."""
    x = (points[:, 0] - picture.start_s) / (picture.end_s - picture.start_s) * width
    y = height - points[:, 1] / picture.max_hz * height
    return "".join(f"M{left:.1f} {top:.1f}h0" for left, top in zip(x, y, strict=True))


def _points(
    frames: NDArray[np.integer], bins: NDArray[np.integer], start_s: float, spectrogram: SpectrogramConfig
) -> NDArray[np.float64]:
    times = start_s + (frames * spectrogram.hop + spectrogram.window / 2) / spectrogram.sample_rate
    return np.stack([times, bins.astype(np.float64) * spectrogram.sample_rate / spectrogram.window], axis=1)


def _expect(
    track: Constellation, placement: Placement, view: QueryView, ends: tuple[int, int], frame_rate: float
) -> float:
    """How many peaks coincide when the recording lies where it is not heard, as a mean of ten tries."""
    shares, peaks = [], 0
    for move_s in (*_MOVES_S, *(-move_s for move_s in _MOVES_S)):
        moved = dataclasses.replace(placement, offset=placement.offset + move_s * frame_rate)
        overlay = lay_over(track, moved, view, *ends)
        if len(overlay.outcomes):
            shares.append(float((overlay.outcomes != NONE).mean()))
    peaks = len(lay_over(track, placement, view, *ends).outcomes)
    return float(np.mean(shares)) * peaks if shares else 0.0
