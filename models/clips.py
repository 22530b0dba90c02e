"""Clips: short stretches of a recording, cut out of it and encoded to be played in a browser."""

import fractions
import io
from collections.abc import Iterator, Sequence

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from models.decoding import DecodeConfig, decode_audio

CLIP_RATE = 24_000  # of the samples, one that Opus knows
_BIT_RATE = 40_000
_BLOCK_S = 10.0


def cut_clips(
    path: str, spans: Sequence[tuple[float, float]], config: DecodeConfig
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The number of each span (start_s, end_s), and its samples at CLIP_RATE, mono; as they come by in the file.

    A span that reaches beyond the end is cut short; one that lies beyond it does not come. Raises BadMediaError as
    decode_audio does.
    """
    waiting = {number: (round(start * CLIP_RATE), round(end * CLIP_RATE)) for number, (start, end) in enumerate(spans)}
    parts: dict[int, list[NDArray[np.float32]]] = {number: [] for number in waiting}
    position = 0
    for block in decode_audio(path, CLIP_RATE, DecodeConfig(_BLOCK_S, config.min_duration_s, config.max_duration_s)):
        for number, (start, end) in list(waiting.items()):
            if start < position + len(block):
                parts[number].append(block[max(start - position, 0) : max(end - position, 0)])
            if end <= position + len(block):
                del waiting[number]
                yield number, np.concatenate(parts.pop(number))
        position += len(block)
        if not waiting:
            return
    yield from ((number, np.concatenate(parts[number])) for number in waiting if parts[number])


def encode_clip(samples: NDArray[np.float32]) -> bytes:
    """Opus in WebM of mono samples at CLIP_RATE."""
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as container:
        stream = container.add_stream("libopus", rate=CLIP_RATE, layout="mono", bit_rate=_BIT_RATE)
        frame = AudioFrame.from_ndarray(np.clip(samples, -1, 1)[np.newaxis], format="flt", layout="mono")
        frame.sample_rate = CLIP_RATE
        frame.time_base = fractions.Fraction(1, CLIP_RATE)
        frame.pts = 0
        for part in (frame, None):
            container.mux(stream.encode(part))
    return file.getvalue()
