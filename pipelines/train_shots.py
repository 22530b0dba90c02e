"""Trains the networks that find cuts and gradual transitions, on synthetic films made of a folder of photos and clips.

    linernotes train_shots --material FOLDER --output models/transitions [--films 270]

Films are small, for what is measured of them is smaller still. Keep what the benchmark is made of out of the folder.
"""

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.frame_pairs import reduce_frames, take_reduced
from models.transition_decoding import KINDS
from models.transition_measures import measure_frames, measure_samples
from models.transition_network import TemporalNetwork, scale_measures, take_roots, write_network
from models.transition_scoring import place_samples
from models.video_decoding import VideoConfig, decode_video
from pipelines.shot_films import FilmConfig, Truth, write_film
from pipelines.shot_views import Material, find_material

_Floats = NDArray[np.float32]
_Example = tuple[_Floats, NDArray[np.int64]]  # measures (rows, measures), and which of KINDS each row is part of

_FILM = FilmConfig(height=108, width=192, shots=40, shares=(0.4, 0.2, 0.2, 0.2))
_BATCH = 32
_NOISE = 0.05  # of scaled measures


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """The shape of a network and of its training; window: in rows."""

    outputs: int
    layers: int
    channels: int
    window: int
    epochs: int
    learning_rate: float = 3e-3
    dropout: float = 0.1
    cut_weight: float = 6.0  # for frames are cuts so seldom


CUTS = TrainConfig(outputs=1, layers=3, channels=32, window=128, epochs=14)
GRADUAL = TrainConfig(outputs=len(KINDS), layers=4, channels=48, window=96, epochs=30)


def main(arguments: Sequence[str]) -> int:
    """Writes cuts.npz and gradual.npz; 0."""
    parser = argparse.ArgumentParser(prog="linernotes train_shots", description=__doc__.partition("\n")[0])
    parser.add_argument("--material", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--films", type=int, default=270)
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(1)
    material = find_material(options.material)
    with tempfile.TemporaryDirectory(prefix="linernotes-films-") as work:
        films = [make_examples(Path(work), material, seed) for seed in tqdm(range(options.films), disable=None)]
    write_network(train([cuts for cuts, _ in films], CUTS), options.output / "cuts.npz")
    write_network(train([gradual for _, gradual in films], GRADUAL), options.output / "gradual.npz")
    return 0


def make_examples(work: Path, material: Material, seed: int) -> tuple[_Example, _Example]:
    """What the networks for cuts and for gradual transitions learn from the film of that seed."""
    path = work / f"{seed}.mp4"
    truth = write_film(path, material, seed, _FILM)
    shown = [(frame.start_s, frame.grid) for frame in decode_video(str(path), VideoConfig())]
    path.unlink()
    frames = reduce_frames(np.stack([grid for _, grid in shown]))
    places = place_samples(np.array([start_s for start_s, _ in shown]))
    samples = take_reduced(frames, places)
    is_cut = np.zeros(len(frames), np.int64)
    is_cut[[each.first for each in truth if each.kind == "cut"]] = 1
    return (measure_frames(frames, 0, len(frames)), is_cut), (
        measure_samples(samples, 0, len(samples)),
        _label_samples(truth, places),
    )


def _label_samples(truth: list[Truth], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """A cut labels the first sample after it."""
    labels = np.zeros(len(places), np.int64)
    for each in truth:
        if each.kind == "cut":
            labels[np.searchsorted(places, each.first) :][:1] = KINDS.index("cut")
        else:
            labels[(places >= each.first) & (places < each.last)] = KINDS.index(each.kind)
    return labels


def train(films: Sequence[_Example], config: TrainConfig) -> TemporalNetwork:
    """A network that tells the labels of films from their measures."""
    roots = take_roots(np.concatenate([measures for measures, _ in films]))
    mean, scale = roots.mean(0), 1 / (roots.std(0) + np.float32(1e-3))
    reach = (1 << config.layers) - 1
    scaled = [
        (np.pad(scale_measures(measures, mean, scale), ((reach, reach), (0, 0)), mode="edge"), labels)
        for measures, labels in films
    ]
    model = _build(len(mean), config)
    rng = np.random.default_rng(1)
    steps = sum(len(labels) // config.window for _, labels in films) // _BATCH
    rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, steps * config.epochs)
    loss = _cut_loss(config.cut_weight) if config.outputs == 1 else _KIND_LOSS
    model.compile(keras.optimizers.AdamW(rate, weight_decay=1e-3), loss)
    for _ in tqdm(range(config.epochs), unit="epoch", disable=None):
        inputs, labels = _draw_windows(scaled, config.window, reach, rng)
        model.fit(inputs, labels, batch_size=_BATCH, verbose=0)
    return TemporalNetwork(
        mean,
        scale,
        _weights(model, "first"),
        tuple(_weights(model, f"layer{number}") for number in range(config.layers)),
        _weights(model, "last"),
    )


_KIND_LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def _cut_loss(weight: float):  # type: ignore[no-untyped-def]  # of tensors, which keras does not name
    def loss(labels, logits):  # type: ignore[no-untyped-def]
        labels = keras.ops.reshape(keras.ops.cast(labels, logits.dtype), keras.ops.shape(logits))
        return keras.ops.mean(weight * labels * keras.ops.softplus(-logits) + (1 - labels) * keras.ops.softplus(logits))

    return loss


def _draw_windows(
    films: Sequence[_Example], window: int, reach: int, rng: np.random.Generator
) -> tuple[_Floats, NDArray[np.int64]]:
    """Windows that tile each film from some place on, its beginning, and its end; as they are, with some noise."""
    inputs, labels = [], []
    for measures, film_labels in films:
        last = len(film_labels) - window
        for start in {0, last, *range(int(rng.integers(window)), last, window)}:
            inputs.append(measures[start : start + window + 2 * reach])
            labels.append(film_labels[start : start + window])
    noise = rng.normal(0, _NOISE, (len(inputs), *inputs[0].shape)).astype(np.float32)
    return np.stack(inputs) + noise, np.stack(labels)


def _build(measures: int, config: TrainConfig) -> keras.Model:
    """The same arithmetic as models.transition_network's, with dropout."""
    given = keras.Input((None, measures))
    rows = keras.layers.Dropout(config.dropout)(given)
    rows = keras.layers.Dense(config.channels, activation="relu", name="first")(rows)
    for number in range(config.layers):
        step = 2**number
        seen = keras.layers.Conv1D(config.channels, 3, dilation_rate=step, activation="relu", name=f"layer{number}")(
            rows
        )
        rows = keras.layers.Cropping1D(step)(rows) + seen
    rows = keras.layers.Dropout(config.dropout)(rows)
    return keras.Model(given, keras.layers.Dense(config.outputs, name="last")(rows))


def _weights(model: keras.Model, layer: str) -> tuple[_Floats, _Floats]:
    kernel, bias = model.get_layer(layer).get_weights()
    return np.asarray(kernel), np.asarray(bias)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
