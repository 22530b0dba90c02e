"""Short and noisy queries: how often an excerpt of a track is known for what it is.

A part of `linernotes bench`: 1 s of a track as it is, and 5 s under the babble of all episodes' speech, as loud.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.constellation import join, stream_peaks
from models.decoding import DecodeConfig, decode_audio
from models.index import Index
from models.matching import QueryConfig, match_block, settle

_Samples = NDArray[np.float32]

_EXCERPTS_A_TRACK = 5
_MIN_LEVEL = 0.01  # of an excerpt: silence is nobody's
_QUERY = QueryConfig()


def print_excerpts(segment: Path, tracks: Iterable[Path], episodes: Iterable[Path], truth: Path) -> None:
    """segment: of the index of the tracks, whose ids are their file names. truth: where the episodes have music."""
    index = Index(str(segment))
    rate = index.config.spectrogram.sample_rate
    samples = {path.name: _decode(path, rate) for path in tracks}
    babble = _mix([_speech(_decode(path, rate), path.stem, truth, rate) for path in episodes])
    print("excerpts, the best match right / right and at the shipped threshold:")
    for label, seconds, noise in (("1 s clean", 1.0, None), ("5 s under babble, 0 dB", 5.0, babble)):
        found = [_know(name, excerpt, index) for name, excerpt in _cut(samples, round(seconds * rate), noise)]
        best, filed = np.mean(found, axis=0)
        print(f"  {label:24}{best:7.1%}{filed:7.1%}  of {len(found)}")


def _know(name: str, excerpt: _Samples, index: Index) -> tuple[bool, bool]:
    """Whether the best match is of the track, however weak, and whether it is one at the shipped threshold."""
    query = join(stream_peaks([excerpt], index.config.spectrogram, _QUERY.peaks))
    stretches, _, _ = match_block("excerpt", query, index, _QUERY)
    best = max(stretches, key=lambda stretch: stretch.score, default=None)
    is_right = best is not None and name in (best.recording.track_id, *best.alternatives)
    matches = settle(stretches, index.config.spectrogram, _QUERY)
    return is_right, is_right and any(name in (match.track_id, *match.alternatives) for match in matches)


def _cut(samples: Mapping[str, _Samples], size: int, noise: _Samples | None) -> Iterable[tuple[str, _Samples]]:
    """Excerpts at random of each track, under noise as loud if there is any; the same ones each time."""
    random = np.random.default_rng(1)
    for name, track in samples.items():
        starts = random.integers(0, len(track) - size, 100 * _EXCERPTS_A_TRACK)
        loud = [start for start in starts if _level(track[start : start + size]) > _MIN_LEVEL]
        for start in loud[:_EXCERPTS_A_TRACK]:
            excerpt = track[start : start + size]
            if noise is not None:
                at = random.integers(0, len(noise) - size)
                over = noise[at : at + size]
                excerpt = excerpt + over * np.float32(_level(excerpt) / _level(over))
            yield name, excerpt


def _mix(voices: Iterable[_Samples]) -> _Samples:
    """All at once, equally loud, as long as the shortest."""
    listed = list(voices)
    size = min(map(len, listed))
    mixed: _Samples = np.sum([voice[:size] / np.float32(_level(voice)) for voice in listed], axis=0)
    return mixed


def _speech(samples: _Samples, episode: str, truth: Path, rate: int) -> _Samples:
    """An episode without what is inserted."""
    kept = np.ones(len(samples), np.bool_)
    for row in map(json.loads, truth.read_text().splitlines()):
        if row["episode"] == episode:
            kept[round((row["start"] - 0.5) * rate) : round((row["end"] + 0.5) * rate)] = False
    return samples[kept]


def _level(samples: _Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))


def _decode(path: Path, rate: int) -> _Samples:
    return np.concatenate(list(decode_audio(str(path), rate, DecodeConfig())))
