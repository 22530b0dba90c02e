"""Oracles: the Keras object that all four files are made of, and each framework's bare interpreter."""

import re
import shutil
import struct
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from models.runtimes import FORMATS, ModelError, open_runtime

SAMPLES = 40
HIDDEN = 8
LABELS = 3
BATCH = np.random.default_rng(7).normal(size=(9, SAMPLES)).astype(np.float32)
FREE = tf.TensorSpec([None, SAMPLES], tf.float32, "windows")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def network():
    """A small network with random weights."""
    tf.keras.utils.set_random_seed(3)
    layers = [tf.keras.layers.Dense(HIDDEN, activation="relu"), tf.keras.layers.Dense(LABELS, activation="softmax")]
    return tf.keras.Sequential([tf.keras.Input((SAMPLES,)), *layers])


@pytest.fixture(scope="module")
def paths(network, folder):
    """Its file in each format."""
    paths = {"saved_model": "exported", "keras": "network.keras", "tflite": "network.tflite", "onnx": "network.onnx"}
    paths = {name: str(folder / path) for name, path in paths.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras's own, of NumPy 2
        network.save(paths["keras"])
        network.export(paths["saved_model"], verbose=False)
        Path(paths["tflite"]).write_bytes(tf.lite.TFLiteConverter.from_keras_model(network).convert())
        Path(paths["onnx"]).write_bytes(encode_onnx(network.get_weights()))
    return paths


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_what_the_network_gives_for_batches_of_any_size(network, paths, name):
    runtime = open_runtime(name, paths[name])
    (output,) = runtime.outputs
    assert (runtime.input_shape, runtime.outputs[output]) == ((None, SAMPLES), (None, LABELS))
    for batch in (BATCH, BATCH[:1], BATCH[:4], BATCH[::2], BATCH.astype(np.float64).astype(np.float32)):
        outputs = runtime.predict(batch)
        assert list(outputs) == [output]
        np.testing.assert_allclose(outputs[output], network(batch), atol=1e-5)


@pytest.mark.parametrize("name", FORMATS)
def test_examples_of_another_shape_are_an_error_that_says_so(paths, name):
    runtime = open_runtime(name, paths[name])
    message = f"expected an input for examples of shape [39], any number or 1 at once, got [any, {SAMPLES}]"
    with pytest.raises(ModelError, match=f"^{re.escape(f'{paths[name]}: {message}')}$"):
        runtime.predict(BATCH[:, :-1])


@pytest.mark.parametrize("shape", [(1, SAMPLES), (SAMPLES,)], ids=["batch of 1", "no batch axis"])
def test_a_model_for_one_example_runs_on_each_as_the_bare_interpreter(network, folder, shape):
    kernel, bias, last_kernel, last_bias = network.get_weights()

    def call(windows):
        active = tf.nn.relu(tf.reshape(windows, (1, SAMPLES)) @ kernel + bias)
        return {"scores": tf.nn.softmax(active @ last_kernel + last_bias), "patch": tf.reshape(windows, (4, 10))}

    saved = save(folder / f"one{len(shape)}", call, tf.TensorSpec(shape, tf.float32, "windows"))
    path = convert(saved)
    outputs = open_runtime("tflite", path).predict(BATCH)
    assert {name: output.shape for name, output in outputs.items()} == {"scores": (9, LABELS), "patch": (9, 4, 10)}
    np.testing.assert_allclose(outputs["scores"], network(BATCH), atol=1e-5)
    np.testing.assert_array_equal(outputs["patch"], BATCH.reshape(9, 4, 10))
    np.testing.assert_array_equal(outputs["scores"], interpreted(path, BATCH.reshape(9, *shape), (1, LABELS)))


@pytest.mark.parametrize("shape", [(None, SAMPLES, 1), (None, 1, SAMPLES), (1, 1, SAMPLES), (SAMPLES, 1), (None, None)])
def test_axes_of_one_that_the_model_has_and_windows_lack_are_put_in(folder, shape):
    def call(windows):
        return {"sum": tf.reshape(tf.reduce_sum(tf.reshape(windows, (-1, SAMPLES)), axis=1), (-1, 1))}

    path = save(folder / f"axes{shape}".replace(" ", ""), call, tf.TensorSpec(shape, tf.float32, "windows"))
    sums = open_runtime("saved_model", path).predict(BATCH)["sum"]
    np.testing.assert_allclose(sums, BATCH.sum(axis=1, keepdims=True), atol=1e-5)


def test_images_of_bytes_go_through_a_quantised_model_and_come_out_as_floats(folder):
    images = np.random.default_rng(1).integers(0, 256, (5, 4, 4, 3)).astype(np.uint8)
    weights = np.random.default_rng(2).normal(size=(48, LABELS)).astype(np.float32) / 48

    def call(image):
        return {"logits": tf.matmul(tf.reshape(image, (1, 48)), weights)}

    saved = save(folder / "quantised", call, tf.TensorSpec((1, 4, 4, 3), tf.float32, "image"))
    path = convert(saved, examples=images.astype(np.float32))
    logits = open_runtime("tflite", path).predict(images)["logits"]
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, images.reshape(5, 48) @ weights, atol=0.05 * np.ptp(images @ np.ones(3)))


def test_a_model_of_bytes_does_not_take_floats(folder):
    path = save(folder / "bytes", lambda image: {"same": image}, tf.TensorSpec([None, 4], tf.uint8, "image"))
    runtime = open_runtime("saved_model", path)
    np.testing.assert_array_equal(runtime.predict(np.eye(4, dtype=np.uint8))["same"], np.eye(4))
    with pytest.raises(ModelError, match=r"bytes: expected an input of float32, got a model of uint8$"):
        runtime.predict(np.eye(4, dtype=np.float32))


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_is_not_there_or_no_such_model_is_an_error_that_names_it(folder, name):
    missing = str(folder / "nosuch")
    with pytest.raises(ModelError, match=f"^{missing}: expected a {name} model, got nothing: no such file$"):
        open_runtime(name, missing)
    garbage = folder / "garbage.keras"
    garbage.write_bytes(b"no model\n" * 100)
    with pytest.raises(ModelError, match=f"^{garbage}: expected a {name} model, got ") as raised:
        open_runtime(name, str(garbage))
    assert len(str(raised.value)) < 500
    assert "\n" not in str(raised.value)


def test_a_cut_off_file_is_an_error_that_names_it(paths, folder):
    for name in ("keras", "tflite", "onnx"):
        cut = folder / f"cut.{name}"
        content = Path(paths[name]).read_bytes()
        cut.write_bytes(content[: len(content) // 3])
        with pytest.raises(ModelError, match=f"^{cut}: expected a {name} model, got "):
            open_runtime(name, str(cut))
    shutil.copytree(paths["saved_model"], folder / "cut")
    next((folder / "cut" / "variables").glob("*.index")).unlink()
    with pytest.raises(ModelError, match=f"^{folder / 'cut'}: expected a saved_model model, got "):
        open_runtime("saved_model", str(folder / "cut"))


def test_models_that_are_fed_otherwise_are_errors_that_say_how(folder, paths):
    two = save(folder / "two", lambda a, b: {"sum": a + b}, FREE, tf.TensorSpec([None, 1], tf.float32, "rate"))
    with pytest.raises(ModelError, match=r"two: expected a model of one input, got 2: (rate, windows|windows, rate)$"):
        open_runtime("saved_model", two)
    whole = save(folder / "ints", lambda a: {"same": a}, tf.TensorSpec([None, 4], tf.int32, "a"))
    with pytest.raises(ModelError, match=r"ints: expected an input of floats, uint8 or int8, got int32$"):
        open_runtime("saved_model", whole)
    other = save(folder / "other", lambda a: {"same": a}, FREE, signature="embed")
    with pytest.raises(ModelError, match=r"other: expected a signature serving_default, got embed$"):
        open_runtime("saved_model", other)
    with pytest.raises(ModelError, match=r"expected a format of saved_model, keras, tflite, onnx, got 'torch'$"):
        open_runtime("torch", paths["onnx"])


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("saved_model", "tensorflow", "cpu"),
        ("keras", "tensorflow", "cpu"),
        ("tflite", "ai_edge_litert.interpreter", "tflite"),
        ("onnx", "onnxruntime", "onnx"),
    ],
)
def test_a_package_that_is_not_installed_is_an_error_that_says_what_to_install(
    paths, monkeypatch, name, package, extra
):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModelError, match=rf"expected {package} to open it, got .*; pip install linernotes\[{extra}\]$"):
        open_runtime(name, paths[name])


def save(path, function, *specs, signature="serving_default"):
    """A SavedModel of a function."""
    module = tf.Module()
    module.call = tf.function(function, input_signature=specs)
    tf.saved_model.save(module, str(path), signatures={signature: module.call})
    return str(path)


def convert(path, examples=None):
    """The TFLite file of a SavedModel; quantised for these examples, to take and give bytes."""
    converter = tf.lite.TFLiteConverter.from_saved_model(path)
    if examples is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([example[np.newaxis]] for example in examples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter's own
        Path(f"{path}.tflite").write_bytes(converter.convert())
    return f"{path}.tflite"


def interpreted(path, examples, shape):
    """The output of this shape, as the interpreter alone gives it for each example."""
    interpreter = Interpreter(path, num_threads=1)
    interpreter.allocate_tensors()
    (index,) = [each["index"] for each in interpreter.get_output_details() if tuple(each["shape"]) == shape]
    outputs = []
    for example in examples:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], example)
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(index)[0])
    return np.stack(outputs)


def encode_onnx(weights):
    """The network in ONNX: its protocol buffers written out, field by field, as onnx.proto numbers them."""
    names = ["kernel1", "bias1", "kernel2", "bias2"]
    nodes = [
        (["windows", "kernel1", "bias1"], "Gemm", "hidden"),
        (["hidden"], "Relu", "active"),
        (["active", "kernel2", "bias2"], "Gemm", "logits"),
        (["logits"], "Softmax", "scores"),
    ]
    graph = b"".join(
        [
            *(field(1, encode_node(*node)) for node in nodes),
            field(2, b"network"),
            *(field(5, encode_tensor(name, array)) for name, array in zip(names, weights, strict=True)),
            field(11, encode_value("windows", SAMPLES)),
            field(12, encode_value("scores", LABELS)),
        ]
    )
    return field(1, 7) + field(7, graph) + field(8, field(1, b"") + field(2, 13))  # IR version, graph, opset


def encode_node(inputs, operator, output):
    names = b"".join(field(1, name.encode()) for name in inputs)
    return names + field(2, output.encode()) + field(4, operator.encode())


def encode_tensor(name, array):
    sizes = b"".join(field(1, size) for size in array.shape)
    values = struct.pack(f"<{array.size}f", *array.ravel())
    return sizes + field(2, 1) + field(8, name.encode()) + field(9, values)


def encode_value(name, size):
    sizes = field(1, field(2, b"batch")) + field(1, field(1, size))
    return field(1, name.encode()) + field(2, field(1, field(1, 1) + field(2, sizes)))


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value):
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)
