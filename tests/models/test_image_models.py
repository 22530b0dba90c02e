"""Oracles: the bare interpreter or network on the same pixels, and NumPy on what that gives."""

import dataclasses
import re
import warnings

import numpy as np
import pytest
import scipy.special
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from models.image_models import load_image_model
from models.image_specs import ImageModelSpec, InputSpec
from models.prompts import PromptsSpec
from models.runtimes import ModelError
from models.specs import EmbeddingSpec, ScoresSpec

SIDE = 8
LABELS = ("cat", "dog", "fish", "bird", "crane")
CROPS = np.random.default_rng(1).integers(0, 256, (7, SIDE, SIDE, 3)).astype(np.uint8)
INPUT = InputSpec((SIDE, SIDE), normalisation="tf")
SCORES = ScoresSpec(labels=LABELS)


@pytest.fixture(scope="module")
def network():
    """A small network with random weights: its scores, and what they are made of."""
    tf.keras.utils.set_random_seed(3)
    layers = tf.keras.layers
    pixels = layers.Input((SIDE, SIDE, 3))
    pooled = layers.GlobalAveragePooling2D(name="pooled")(layers.Conv2D(6, 3, 2, activation="relu")(pixels))
    scores = layers.Dense(len(LABELS), activation="softmax", name="scores", kernel_initializer="random_normal")(pooled)
    return tf.keras.Model(pixels, [scores, pooled])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def both(network, folder):
    """The spec of the network with both its outputs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras's own, of NumPy 2
        network.save(folder / "both.keras")
    scores = dataclasses.replace(SCORES, output="scores")
    return ImageModelSpec("small", "keras", str(folder / "both.keras"), INPUT, 3, scores, EmbeddingSpec("pooled"))


def expect(network, crops=CROPS):
    return [each.numpy() for each in network(crops / np.float32(127.5) - 1)]


def convert(network, folder, kind):
    """The network's scores in TFLite, of floats or all of bytes."""
    converter = tf.lite.TFLiteConverter.from_keras_model(tf.keras.Model(network.input, network.outputs[0]))
    if kind != "float":
        examples = CROPS / np.float32(127.5) - 1
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([example[np.newaxis]] for example in examples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = getattr(tf, kind)
    path = folder / f"{kind}.tflite"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter's own
        path.write_bytes(converter.convert())
    return str(path)


@pytest.mark.parametrize("kind", ["float", "uint8", "int8"])
def test_a_tflite_model_says_what_its_bare_interpreter_says_of_the_same_pixels(network, folder, kind):
    path = convert(network, folder, kind)
    bare = Interpreter(path, num_threads=1)
    bare.allocate_tensors()
    (taken,), (given,) = bare.get_input_details(), bare.get_output_details()
    step, zero_point = given["quantization"]
    expected = []
    for crop in CROPS:
        pixels = {"float": crop / np.float32(127.5) - 1, "uint8": crop, "int8": (crop ^ 128).view(np.int8)}[kind]
        bare.set_tensor(taken["index"], pixels[np.newaxis])
        bare.invoke()
        raw = bare.get_tensor(given["index"])[0].astype(np.float32)
        expected.append(raw if kind == "float" else (raw - zero_point) * np.float32(step))
    scores = load_image_model(ImageModelSpec(kind, "tflite", path, INPUT, 3, SCORES)).predict(CROPS).scores
    np.testing.assert_allclose(scores, expected, atol=1e-6 if kind == "float" else 0)
    np.testing.assert_allclose(scores, expect(network)[0], atol=1e-5 if kind == "float" else 0.03)


def test_a_saved_model_of_channels_first_and_of_blue_first_says_what_the_network_says(network, folder):
    def call(pixels):
        return {"scores": network(tf.transpose(pixels, (0, 2, 3, 1))[..., ::-1])[0]}

    module = tf.Module()
    module.network = network
    module.call = tf.function(call, input_signature=[tf.TensorSpec([None, 3, SIDE, SIDE], tf.float32, "pixels")])
    tf.saved_model.save(module, str(folder / "nchw"), signatures={"serving_default": module.call})
    told = dataclasses.replace(INPUT, layout="nchw", colour_order="bgr")
    spec = ImageModelSpec("channels", "saved_model", str(folder / "nchw"), told, 4, SCORES)
    np.testing.assert_allclose(load_image_model(spec).predict(CROPS).scores, expect(network)[0], atol=1e-5)


def test_an_onnx_model_says_what_numpy_says(folder):
    kernel = np.random.default_rng(2).normal(size=(3 * SIDE * SIDE, len(LABELS))).astype(np.float32) / SIDE**2
    path = folder / "linear.onnx"
    path.write_bytes(encode_onnx(kernel))
    told = dataclasses.replace(INPUT, layout="nchw", normalisation="unit")
    scores = dataclasses.replace(SCORES, activation="softmax", temperature=0.1)
    model = load_image_model(ImageModelSpec("linear", "onnx", str(path), told, 4, scores))
    logits = (CROPS.transpose(0, 3, 1, 2).reshape(len(CROPS), -1) / 255) @ kernel
    np.testing.assert_allclose(model.predict(CROPS).scores, scipy.special.softmax(logits / 0.1, axis=1), atol=1e-4)


def test_scores_and_embeddings_are_the_networks_own_in_batches_of_any_size(network, both):
    scores, pooled = expect(network)
    for size in (1, 3, 7, 100):
        predictions = load_image_model(dataclasses.replace(both, batch_size=size)).predict(CROPS)
        np.testing.assert_allclose(predictions.scores, scores, atol=1e-5)
        np.testing.assert_allclose(predictions.embeddings, pooled, atol=1e-5)
    none = load_image_model(both).predict(CROPS[:0])
    assert (none.scores.shape, none.embeddings.shape) == ((0, 5), (0, 6))


def test_an_output_before_the_first_label_is_left_out_and_classes_pool_the_rest(network, both):
    labels = ("dog", "crane", "bird", "crane")
    scores = ScoresSpec("scores", labels=labels, label_offset=-1, classes={"crane": ("crane",), "dog": ("dog",)})
    model = load_image_model(dataclasses.replace(both, scores=scores))
    theirs = expect(network)[0]
    expected = np.stack([np.maximum(theirs[:, 2], theirs[:, 4]), theirs[:, 1]], axis=1)
    assert model.classes == ("crane", "dog")
    np.testing.assert_allclose(model.predict(CROPS).scores, expected, atol=1e-5)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_zero_shot_scores_are_of_the_cosines_to_the_mean_of_each_class_prompts(network, both, folder, activation):
    vectors = np.random.default_rng(4).normal(size=(3, 6)).astype(np.float32)
    np.save(folder / "texts.npy", vectors)
    prompts = {"pet": ("a cat", "a dog"), "none": ("nothing",)}
    told = PromptsSpec(prompts, str(folder / "texts.npy"), 7.0, -1.5, activation)
    model = load_image_model(dataclasses.replace(both, scores=None, zero_shot=told))
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    means = np.stack([units[:2].mean(axis=0), units[2]])
    pooled = expect(network)[1]
    cosines = (pooled / np.linalg.norm(pooled, axis=1, keepdims=True)) @ (
        means / np.linalg.norm(means, axis=1, keepdims=True)
    ).T
    logits = 7 * cosines - 1.5
    expected = scipy.special.softmax(logits, axis=1) if activation == "softmax" else scipy.special.expit(logits)
    assert model.classes == ("pet", "none")
    np.testing.assert_allclose(model.predict(CROPS).scores, expected, atol=1e-5)
    assert model.predict(CROPS[:0]).scores.shape == (0, 2)


def test_a_model_that_is_not_what_its_spec_says_is_an_error_when_it_is_loaded(both, folder):
    np.save(folder / "long.npy", np.ones((1, 9), np.float32))
    zero_shot = PromptsSpec({"a": ("a",)}, str(folder / "long.npy"))
    for changes, message in [
        ({"input": InputSpec((9, 8))}, "expected an input for examples of shape [9, 8, 3], any number or 1 at once"),
        ({"scores": ScoresSpec("scores", labels=LABELS[1:])}, "expected as many scores as labels, 4, got 5"),
        ({"scores": ScoresSpec("score", labels=LABELS)}, "scores.output: no output 'score'; did you mean 'scores'?"),
        ({"embedding": EmbeddingSpec()}, "expected embedding.output to name one of "),
    ]:
        with pytest.raises(ModelError, match=f"^{re.escape(f'{both.path}: {message}')}"):
            load_image_model(dataclasses.replace(both, **changes))
    with pytest.raises(ModelError, match=r"long\.npy: expected vectors of 6, as the model's embeddings have, got 9$"):
        load_image_model(dataclasses.replace(both, scores=None, zero_shot=zero_shot))
    with pytest.raises(ModelError, match=r"expected crops of shape \[8, 8, 3\], got \[9, 8, 3\]$"):
        load_image_model(both).predict(np.zeros((2, 9, 8, 3), np.uint8))


def encode_onnx(kernel):
    """Pixels flattened and multiplied: its protocol buffers, field by field, as onnx.proto numbers them."""

    def node(inputs, operator, output):
        return b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, operator)

    def tensor(name, sizes):
        shape = b"".join(field(1, field(1, size)) for size in sizes)
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))

    values = field(2, 1) + field(8, b"kernel") + field(9, kernel.astype("<f4").tobytes())
    parts = [
        field(1, node([b"pixels"], b"Flatten", b"flat")),
        field(1, node([b"flat", b"kernel"], b"MatMul", b"logits")),
        field(2, b"linear"),
        field(5, b"".join(field(1, size) for size in kernel.shape) + values),
        field(11, tensor(b"pixels", (1, 3, SIDE, SIDE))),
        field(12, tensor(b"logits", (1, len(LABELS)))),
    ]
    return field(1, 7) + field(7, b"".join(parts)) + field(8, field(1, b"") + field(2, 13))


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value):
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)
