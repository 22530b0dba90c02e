"""Temporal convolutional networks in numpy: from the measures of frames to what each frame is part of."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float32]

_FOLDER = Path(__file__).with_name("transitions")


@dataclasses.dataclass(frozen=True, slots=True)
class TemporalNetwork:
    """Measures are scaled and brought to channels; then layers look at a row and two others, ever further away."""

    mean: _Floats  # (measures,), of their roots
    scale: _Floats  # (measures,)
    first: tuple[_Floats, _Floats]  # kernel (measures, channels) and bias
    layers: tuple[tuple[_Floats, _Floats], ...]  # kernel (3, channels, channels) and bias; dilated 1, 2, 4, ...
    last: tuple[_Floats, _Floats]  # kernel (channels, outputs) and bias

    @property
    def reach(self) -> int:
        """How many rows before and after one have a say."""
        return (1 << len(self.layers)) - 1


def run_network(network: TemporalNetwork, measures: _Floats) -> _Floats:
    """Logits (rows - 2 * reach, outputs) of the rows that have all others in reach; measures: (rows, measures)."""
    kernel, bias = network.first
    rows = np.maximum(scale_measures(measures, network.mean, network.scale) @ kernel + bias, 0)
    for number, (kernel, bias) in enumerate(network.layers):
        step = 2**number
        end = len(rows) - 2 * step
        seen = rows[:end] @ kernel[0] + rows[step : end + step] @ kernel[1] + rows[2 * step :] @ kernel[2] + bias
        rows = rows[step : end + step] + np.maximum(seen, 0)
    kernel, bias = network.last
    logits: _Floats = rows @ kernel + bias
    return logits


def scale_measures(measures: _Floats, mean: _Floats, scale: _Floats) -> _Floats:
    """The roots of measures, which are long-tailed, as deviations from their mean, at most 5."""
    scaled: _Floats = np.clip((take_roots(measures) - mean) * scale, -5, 5)
    return scaled


def take_roots(measures: _Floats) -> _Floats:
    """The roots, with the signs of the measures."""
    roots: _Floats = np.sign(measures) * np.sqrt(np.abs(measures))
    return roots


@functools.lru_cache(maxsize=2)
def read_network(name: str) -> TemporalNetwork:
    """The shipped network of that name, `cuts` or `gradual`."""
    with np.load(_FOLDER / f"{name}.npz", allow_pickle=False) as file:
        arrays = {key: file[key].astype(np.float32) for key in file.files}
    layers = range(sum(key.startswith("layer") for key in arrays) // 2)
    return TemporalNetwork(
        arrays["mean"],
        arrays["scale"],
        (arrays["first_kernel"], arrays["first_bias"]),
        tuple((arrays[f"layer{number}_kernel"], arrays[f"layer{number}_bias"]) for number in layers),
        (arrays["last_kernel"], arrays["last_bias"]),
    )


def write_network(network: TemporalNetwork, path: Path) -> None:
    """A file that read_network reads, in half precision."""
    arrays = {"mean": network.mean, "scale": network.scale}
    named = [("first", network.first), ("last", network.last)]
    named += [(f"layer{number}", layer) for number, layer in enumerate(network.layers)]
    for name, (kernel, bias) in named:
        arrays |= {f"{name}_kernel": kernel.astype(np.float16), f"{name}_bias": bias.astype(np.float16)}
    np.savez_compressed(path, allow_pickle=False, **arrays)
