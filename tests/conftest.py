"""Models small enough for plain NumPy to say what they give; and how properties are tested."""

import dataclasses

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, settings

from models.specs import AudioModelSpec, EmbeddingSpec, ScoresSpec

# The same examples each time, however slowly a busy machine makes them.
settings.register_profile("repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")


@dataclasses.dataclass(frozen=True)
class BandModel:
    """Scores are the shares of a window's energy in three bands, embeddings the logarithms of that in sixteen."""

    spec: AudioModelSpec
    spec_file: str

    def predict(self, windows):
        """Scores and embeddings of windows (windows, samples), by NumPy."""
        energies = (np.abs(np.fft.rfft(windows.astype(np.float64))[:, :-1]) ** 2).reshape(len(windows), 16, -1).sum(2)
        shares = energies / np.maximum(energies.sum(1, keepdims=True), 1e-9)
        scores = np.stack([shares[:, :4].sum(1), shares[:, 4:8].sum(1), shares[:, 8:].sum(1)], axis=1)
        return scores, np.log10(shares + 1e-5) + 2


@pytest.fixture(scope="session")
def band_model(tmp_path_factory):
    """Of audio at 8 kHz, in windows of 2 s that overlap by half a second."""
    import tensorflow as tf  # takes seconds, which tests of other things need not wait for

    window = 16_000

    def call(windows):
        power = tf.abs(tf.signal.rfft(windows)[:, :-1]) ** 2
        energies = tf.reduce_sum(tf.reshape(power, (-1, 16, window // 32)), 2)
        shares = energies / tf.maximum(tf.reduce_sum(energies, 1, keepdims=True), 1e-9)
        bands = [shares[:, :4], shares[:, 4:8], shares[:, 8:]]
        scores = tf.stack([tf.reduce_sum(band, 1) for band in bands], axis=1)
        return {"shares": scores, "bands": tf.math.log(shares + 1e-5) / np.log(10) + 2}

    module = tf.Module()
    module.call = tf.function(call, input_signature=[tf.TensorSpec([None, window], tf.float32, "windows")])
    folder = tmp_path_factory.mktemp("band_model")
    tf.saved_model.save(module, str(folder / "saved_model"), signatures={"serving_default": module.call})
    scores = ScoresSpec("shares", labels=("music", "speech", "noise"), functional_below_music=0.3)
    spec = AudioModelSpec(
        "bands-1", "saved_model", "saved_model", 8_000, window, 12_000, 8, scores, EmbeddingSpec("bands")
    )
    (folder / "model.yaml").write_text(yaml.safe_dump(to_yaml(spec)))
    return BandModel(dataclasses.replace(spec, path=str(folder / "saved_model")), str(folder / "model.yaml"))


@pytest.fixture(scope="session")
def colour_model(tmp_path_factory):
    """The file of the spec of an image model: scores are shares of red, green and blue, embeddings the three means."""
    import tensorflow as tf  # takes seconds, which tests of other things need not wait for

    def call(crops):
        means = tf.reduce_mean(crops, (1, 2))
        return {"means": means, "shares": means / tf.maximum(tf.reduce_sum(means, 1, keepdims=True), 1e-6)}

    module = tf.Module()
    module.call = tf.function(call, input_signature=[tf.TensorSpec([None, 24, 32, 3], tf.float32, "crops")])
    folder = tmp_path_factory.mktemp("colour_model")
    tf.saved_model.save(module, str(folder / "saved_model"), signatures={"serving_default": module.call})
    (folder / "model.yaml").write_text(
        "name: colours-1\nformat: saved_model\npath: saved_model\ninput: {size: [24, 32], normalisation: unit}\n"
        "scores: {output: shares, labels: [red, green, blue]}\nembedding: {output: means}\n"
    )
    return str(folder / "model.yaml")


def to_yaml(spec):
    """The spec as YAML has it: lists for tuples, and nothing for None."""

    def plain(value):
        if isinstance(value, dict):
            return {name: plain(each) for name, each in value.items() if each is not None}
        return [plain(each) for each in value] if isinstance(value, tuple) else value

    return plain(dataclasses.asdict(spec))
