"""The network that scores a pair of audiobook and author: features in, logit out; and its training."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from numpy.typing import NDArray

_BATCH = 8_192  # pairs scored together

_Floats = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class AuthorNetworkConfig:
    """members: networks of different seeds, whose logits are averaged. negatives: share of the wrong pairs that train,
    each standing for others.
    """

    bins: int = 10
    hidden: tuple[int, ...] = (128, 48)
    members: int = 1
    dropout: float = 0.3
    epochs: int = 7
    batch_size: int = 512
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    negatives: float = 0.35

    def __post_init__(self) -> None:
        for name in ("bins", "members", "epochs", "batch_size", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if not self.hidden or min(self.hidden) <= 0:
            raise ValueError(f"hidden must be positive, got {self.hidden}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {self.dropout}")
        if not 0 < self.negatives <= 1:
            raise ValueError(f"negatives must be above 0 and at most 1, got {self.negatives}")


@keras.saving.register_keras_serializable("linernotes")
class PiecewiseLinear(layers.Layer):
    """How far each feature has come through each of its bins, 0 to 1 (Gorishniy et al., NeurIPS 2022).

    low, high: the bins' edges, each (features, bins); equal edges make a bin that is always 0.
    """

    def __init__(self, low: Any, high: Any, **options: Any) -> None:
        super().__init__(**options)
        self.low, self.high = np.asarray(low, np.float32), np.asarray(high, np.float32)

    def call(self, features: Any) -> Any:
        width = np.where(self.high > self.low, self.high - self.low, 1.0).astype(np.float32)
        through = ops.clip((features[:, :, None] - self.low) / width, 0.0, 1.0) * (self.high > self.low)
        return ops.reshape(through, (-1, self.low.size))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "low": self.low.tolist(), "high": self.high.tolist()}


def find_bins(features: _Floats, bins: int) -> tuple[_Floats, _Floats]:
    """Edges of bins that hold equally many distinct values of each feature, (features, bins) each."""
    low = np.zeros((features.shape[1], bins), np.float32)
    high = np.zeros_like(low)
    for column, values in enumerate(features.T):
        edges = np.unique(np.quantile(np.unique(values), np.linspace(0, 1, bins + 1)))
        low[column, : len(edges) - 1], high[column, : len(edges) - 1] = edges[:-1], edges[1:]
    return low, high


def build_author_network(features: _Floats, config: AuthorNetworkConfig, seed: int = 1) -> keras.Model:
    """Features (batch, n) to members' logits (batch, members). features: a sample, for the bins."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((features.shape[1],))
    encoded = PiecewiseLinear(*find_bins(features, config.bins))(inputs)
    return keras.Model(inputs, layers.Concatenate()([_score(encoded, config) for _ in range(config.members)]))


def train_author_network(
    network: keras.Model, features: _Floats, labels: NDArray[np.bool_], config: AuthorNetworkConfig, seed: int = 1
) -> None:
    """Trains in place, by cross-entropy of each member."""
    rng = np.random.default_rng(seed)
    kept = np.flatnonzero(labels | (rng.random(len(labels)) < config.negatives))
    weights = np.where(labels[kept], 1.0, 1 / config.negatives).astype(np.float32)
    truth = np.repeat(labels[kept, None], config.members, axis=1).astype(np.float32)
    steps = config.epochs * -(-len(kept) // config.batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(
        config.learning_rate / 10, steps, warmup_target=config.learning_rate, warmup_steps=steps // 20
    )
    network.compile(
        keras.optimizers.AdamW(schedule, weight_decay=config.weight_decay),
        keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=False,
    )
    network.fit(features[kept], truth, config.batch_size, config.epochs, verbose=0, sample_weight=weights)


def export_author_networks(networks: Sequence[keras.Model], path: str) -> None:
    """Writes a SavedModel of features (batch, n) to the logits of all networks' members (batch, members)."""
    module = tf.Module()
    module.networks = [keras.Model(network.input, network.output) for network in networks]  # without the optimisers
    signature = tf.TensorSpec((None, networks[0].input.shape[1]), tf.float32, "features")

    @tf.function(input_signature=[signature], autograph=False)  # type: ignore[untyped-decorator]
    def serve(features: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"logits": tf.concat([network(features, training=False) for network in module.networks], axis=1)}

    tf.saved_model.save(module, path, signatures={"serving_default": serve})


def score_pairs(network: keras.Model, features: _Floats) -> _Floats:
    """Each pair's match probability."""
    starts = range(0, len(features), _BATCH)
    parts = [np.asarray(network(features[start : start + _BATCH], training=False)) for start in starts]
    logits = np.concatenate([*parts, np.empty((0, network.output.shape[1]))]).mean(axis=1)
    scores: _Floats = (1 / (1 + np.exp(-logits))).astype(np.float32)
    return scores


def _score(encoded: Any, config: AuthorNetworkConfig) -> Any:
    x = encoded
    for width in config.hidden:
        x = layers.Dropout(config.dropout)(layers.Dense(width, activation="relu")(x))
    return layers.Dense(1)(x)
