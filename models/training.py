"""Training the network on examples, seeded: the same data, machine and versions give the same weights."""

import dataclasses
from collections.abc import Callable, Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from models.augmentation import Mel, to_unit
from models.examples import Examples, to_log_mel


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """steps: batches. learning_rate: its peak, after a twentieth of the steps; from there it falls by a cosine."""

    steps: int = 3_000
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("learning_rate", "weight_decay"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing must be at least 0 and below 1, got {self.label_smoothing}")


def train_network(
    network: keras.Model, examples: Examples, config: TrainingConfig, watch: Callable[[float], object]
) -> None:
    """Trains in place; calls watch with the loss of each step."""
    warmup = config.steps // 20
    schedule = keras.optimizers.schedules.CosineDecay(
        config.learning_rate / 10, config.steps - warmup, warmup_target=config.learning_rate, warmup_steps=warmup
    )
    network.compile(
        keras.optimizers.AdamW(schedule, weight_decay=config.weight_decay),
        {"views": keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing)},
        jit_compile=False,  # XLA takes twice the time on CPUs: .26 s of CPU a step, .14 without
    )
    _, views, classes = network.output["views"].shape
    for _ in range(config.steps):
        windows, labels = examples.batch(config.batch_size)
        network.reset_metrics()  # or Keras gives the mean loss of all steps so far
        truth = np.repeat(np.eye(classes, dtype=np.float32)[labels][:, np.newaxis], views, axis=1)
        watch(float(network.train_on_batch(windows, {"views": truth})))


def predict(network: keras.Model, mel: Mel, starts: Sequence[int], frames: int) -> dict[str, NDArray[np.float32]]:
    """The network's outputs for windows of so many frames of a mel power spectrogram."""
    windows = np.stack([to_log_mel(to_unit(mel[start : start + frames])) for start in starts])
    return {name: np.array(values) for name, values in network(windows, training=False).items()}
