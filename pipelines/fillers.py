"""Fillers: tracks that nobody recorded, to make a catalogue of any size whose hashes are spread as real music's are.

A filler is spliced from pieces of many tracks, each played backwards and a little faster or slower. Bins stay: music
keeps to the semitones, and moved off them it would be hit less than half as often.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.constellation import Constellation, crop, join

_PIECE_FRAMES = 312  # 10 s: longer than what retrieval and verification need, were it not backwards
_STRETCH = 0.1  # at most so much faster or slower, so that no two copies are alike


def make_fillers(tracks: Sequence[Constellation], copies: int, seed: int = 0) -> Iterator[Constellation]:
    """The pieces of all tracks, dealt anew for each copy: so many tracks, each of as many pieces as the real one."""
    pieces = [piece for track in tracks for piece in _cut(track)]
    counts = [sum(1 for _ in _cut(track)) for track in tracks]
    for copy in range(copies):
        random = np.random.default_rng([seed, copy])
        hands = np.split(random.permutation(len(pieces)), np.cumsum(counts)[:-1])
        for hand in hands:
            yield _splice([pieces[number] for number in hand], random)


def _cut(track: Constellation) -> Iterator[Constellation]:
    for start in range(track.first_frame, track.end_frame, _PIECE_FRAMES):
        yield crop(track, start, start + _PIECE_FRAMES)


def _splice(pieces: Sequence[Constellation], random: np.random.Generator) -> Constellation:
    spliced: list[Constellation] = []
    for piece in pieces:
        start = spliced[-1].end_frame if spliced else 0
        spliced.append(_reverse(piece, start, random.uniform(1 - _STRETCH, 1 + _STRETCH)))
    return join(spliced)


def _reverse(piece: Constellation, start: int, stretch: float) -> Constellation:
    """The piece backwards, `stretch` times as long, from frame `start`. Peaks of one bin stay frames apart."""
    frames = start + ((piece.end_frame - 1 - piece.frames) * stretch).astype(np.int32)
    order = np.lexsort((piece.bins, frames))
    end = start + round((piece.end_frame - piece.first_frame) * stretch) + 1
    return dataclasses.replace(
        piece, **_reorder(piece, order) | {"frames": frames[order]}, first_frame=start, end_frame=end
    )


def _reorder(piece: Constellation, order: NDArray[np.intp]) -> dict[str, Any]:
    """All that the constellation says of each peak, in that order."""
    values = {field.name: getattr(piece, field.name) for field in dataclasses.fields(piece)}
    return {name: value[order] for name, value in values.items() if isinstance(value, np.ndarray)}
