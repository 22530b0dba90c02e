"""The network that tells tracks apart: log-mel windows in, class logits and an embedding out."""

import dataclasses
from typing import Any

import keras
import tensorflow as tf
from keras import layers, ops

from models.log_mel import LogMelConfig, MelPower, to_decibels
from models.projection import Projection
from models.views import view_patterns, view_statistics

_UNIT_DB = 10.0  # so that log-mel within a window has a deviation of about 2


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """Two views of a window (models.views), each with two dense layers of its own; log probabilities are averaged.

    patterns: channels of its convolutions.
    """

    window: int = 64_000  # samples
    patterns: tuple[int, ...] = (24, 32, 64, 96, 128)
    hidden: int = 64
    embedding: int = 128
    dropout: float = 0.2
    top_db: float = 70.0  # what lies further below a window's peak is raised to that

    def __post_init__(self) -> None:
        for name in ("window", "patterns", "hidden", "embedding"):
            value = getattr(self, name)
            if not value or min(value if isinstance(value, tuple) else (value,)) <= 0:
                raise ValueError(f"{name} must be positive, got {value}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {self.dropout}")
        if not self.top_db > 0:
            raise ValueError(f"top_db must be positive, got {self.top_db}")


def build_network(log_mel: LogMelConfig, config: NetworkConfig, classes: int, seed: int = 1) -> keras.Model:
    """log-mel (batch, frames, bands), in dB, to logits (batch, classes), each view's own (batch, views, classes), and
    the features that these come of (batch, features).

    A window's level does not count, nor what is far below its peak.
    """
    keras.utils.set_random_seed(seed)
    log_mels = keras.Input((log_mel.frames(config.window), log_mel.bands))
    floor = ops.max(log_mels, axis=(1, 2), keepdims=True) - config.top_db
    raised = ops.maximum(log_mels, floor)
    x = (raised - ops.mean(raised, axis=(1, 2), keepdims=True)) / _UNIT_DB
    features = [view_statistics(x), view_patterns(x, config.patterns, 0.15)]
    views = ops.stack([_classify(each, config, classes) for each in features], axis=1)
    logits = ops.mean(ops.log_softmax(views), axis=1)
    outputs = {"logits": logits, "views": views, "features": ops.concatenate(features, axis=-1)}
    return keras.Model(log_mels, outputs)


def export_network(
    network: keras.Model, log_mel: LogMelConfig, window: int, temperature: float, projection: Projection, path: str
) -> None:
    """Writes a SavedModel of samples (batch, window) to calibrated scores (batch, classes) and an embedding (batch,
    dims) of unit length.
    """
    module = tf.Module()
    module.mel_power = MelPower(log_mel)
    module.network = keras.Model(network.input, network.output)  # the same layers, without the optimiser's state
    module.mean, module.axes = tf.constant(projection.mean), tf.constant(projection.axes)

    @tf.function(input_signature=[tf.TensorSpec((None, window), tf.float32, "samples")])  # type: ignore[untyped-decorator]
    def serve(samples: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = module.network(to_decibels(module.mel_power(samples)), training=False)
        embedding = tf.linalg.matmul(outputs["features"] - module.mean, module.axes)
        scores = tf.nn.softmax(outputs["logits"] / temperature)
        return {"scores": scores, "embedding": tf.math.l2_normalize(embedding, axis=1)}

    tf.saved_model.save(module, path, signatures={"serving_default": serve})


def _classify(features: Any, config: NetworkConfig, classes: int) -> Any:
    """Logits of one view. Noise on the features: they differ from source to source."""
    x = layers.Dropout(config.dropout / 2)(layers.GaussianNoise(0.2)(features))
    x = layers.BatchNormalization(momentum=0.98)(layers.Dense(2 * config.hidden, activation="relu")(x))
    x = layers.Dense(config.hidden, activation="relu")(layers.Dropout(config.dropout)(x))
    return layers.Dense(classes)(layers.Dropout(0.75 * config.dropout)(x))


def use_cores(cores: int) -> None:
    """Lets TensorFlow use so many; to be called before anything else of it."""
    tf.config.threading.set_intra_op_parallelism_threads(cores)
    tf.config.threading.set_inter_op_parallelism_threads(1)
