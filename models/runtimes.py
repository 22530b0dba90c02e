"""Models of any framework behind one call: a SavedModel, Keras, TFLite or ONNX file, and arrays in and out.

Only the framework of the model at hand is imported, when it is opened.
"""

import contextlib
import dataclasses
import importlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMATS = ("saved_model", "keras", "tflite", "onnx")

_Shape = tuple[int | None, ...]  # None: any size
_Outputs = dict[str, NDArray[Any]]

_DTYPES = (np.float32, np.uint8, np.int8, np.float16, np.float64)  # of an input; the last two are cast to
_ONNX_DTYPES = {"float": "float32", "double": "float64"}  # its others are called what numpy calls them
_MAX_REASON = 300  # characters of a framework's own message


class ModelError(ValueError):
    """A model that is not what its spec says: names the file, what was expected and what came."""


@dataclasses.dataclass(frozen=True)
class Runtime:
    """A model of one input, open. From one thread at a time: interpreters keep their tensors between calls."""

    path: str
    dtype: np.dtype[Any]  # of the input
    input_shape: _Shape | None  # None: unknown
    outputs: Mapping[str, _Shape | None]  # by name, as the model has them
    run: Callable[[NDArray[Any]], _Outputs]  # on an array of the input's own shape
    quantisation: tuple[float, int] | None = None  # of an input of bytes: scale and zero point, if it has them

    def predict(self, batch: NDArray[Any]) -> _Outputs:
        """The outputs by name, their first axis the batch's; a batch of none has none.

        A model for one example at a time is run on each, and what it gives is stacked. ModelError if the examples do
        not fit the input; whatever else the framework raises comes out as it is.
        """
        if not len(batch):
            return {}
        self.check(batch.shape[1:], batch.dtype)
        together, one = _lay_out(self.input_shape, batch.shape[1:])
        examples = np.ascontiguousarray(batch, dtype=self.dtype)
        if together:
            return self.run(examples.reshape(-1, *one[1:]))
        each = [self.run(example.reshape(one)) for example in examples]
        return {name: np.stack([_drop_batch_axis(outputs[name]) for outputs in each]) for name in self.outputs}

    def check(self, example: tuple[int, ...], dtype: Any = np.float32) -> None:
        """Raises ModelError unless the model takes batches of examples of this shape and type."""
        if not np.can_cast(dtype, self.dtype, "same_kind"):
            raise ModelError(f"{self.path}: expected an input of {np.dtype(dtype)}, got a model of {self.dtype}")
        try:
            _lay_out(self.input_shape, example)
        except ValueError as error:
            raise ModelError(f"{self.path}: {error}") from None


def open_runtime(format: str, path: str, device_threads: int = 1) -> Runtime:  # noqa: A002  the spec's word
    """The model of a file (of a SavedModel: a folder), ready to predict.

    device_threads: for one operation on a CPU; one is right where every core has a worker process of its own.
    ModelError if there is no such model, it has several inputs, or its framework is not installed.
    """
    if format not in FORMATS:
        raise ModelError(f"{path}: expected a format of {', '.join(FORMATS)}, got {format!r}")
    if not Path(path).exists():
        raise ModelError(f"{path}: expected a {format} model, got nothing: no such file")
    try:
        runtime = _OPENERS[format](path, device_threads)
    except ModelError:
        raise
    except Exception as error:  # each framework has exceptions of its own
        raise ModelError(f"{path}: expected a {format} model, got {describe_error(error)}") from error
    if runtime.dtype not in _DTYPES:
        raise ModelError(f"{path}: expected an input of floats, uint8 or int8, got {runtime.dtype}")
    return runtime


def describe_error(error: Exception) -> str:
    """A framework's message, some of which are pages long, in a readable line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _MAX_REASON else f"{text[:_MAX_REASON]}…"


def _open_saved_model(path: str, device_threads: int) -> Runtime:
    tensorflow = _import_tensorflow(path, device_threads)
    model = tensorflow.saved_model.load(path)
    if "serving_default" not in model.signatures:
        raise ModelError(f"{path}: expected a signature serving_default, got {_listed(model.signatures)}")
    signature = model.signatures["serving_default"]
    inputs = signature.structured_input_signature[1]
    name = _only_input(path, list(inputs))

    def run(batch: NDArray[Any]) -> _Outputs:
        return {key: value.numpy() for key, value in signature(**{name: tensorflow.constant(batch)}).items()}

    outputs = {key: _known(value.shape) for key, value in sorted(signature.structured_outputs.items())}
    return Runtime(path, np.dtype(inputs[name].dtype.as_numpy_dtype), _known(inputs[name].shape), outputs, run)


def _open_keras(path: str, device_threads: int) -> Runtime:
    tensorflow = _import_tensorflow(path, device_threads)
    model = tensorflow.keras.models.load_model(path, compile=False)
    _only_input(path, [tensor.name for tensor in model.inputs])
    (entry,) = model.inputs
    names = getattr(model, "output_names", ["output_0"])  # of the layers; a Sequential has one output, without a name
    call = tensorflow.function(  # a graph: twice as fast as calling the object
        lambda batch: tensorflow.keras.tree.flatten(model(batch, training=False)),
        input_signature=[tensorflow.TensorSpec(entry.shape, entry.dtype)],
    )

    def run(batch: NDArray[Any]) -> _Outputs:
        return {name: value.numpy() for name, value in zip(names, call(batch), strict=True)}

    outputs = {name: _known(tensor.shape) for name, tensor in zip(names, model.outputs, strict=True)}
    return Runtime(path, np.dtype(entry.dtype), _known(entry.shape), outputs, run)


def _open_tflite(path: str, device_threads: int) -> Runtime:
    # Imported here: of use for TFLite alone, and no run needs all four frameworks.
    litert = _import("ai_edge_litert.interpreter", "tflite", path)
    interpreter = litert.Interpreter(model_path=path, num_threads=device_threads)
    interpreter.allocate_tensors()
    entries = interpreter.get_input_details()
    _only_input(path, [entry["name"] for entry in entries])
    (entry,) = entries
    details = _tflite_outputs(interpreter)

    def run(batch: NDArray[Any]) -> _Outputs:
        if tuple(interpreter.get_input_details()[0]["shape"]) != batch.shape:
            interpreter.resize_tensor_input(entry["index"], batch.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(entry["index"], batch)
        interpreter.invoke()
        return {name: _dequantize(interpreter.get_tensor(each["index"]), each) for name, each in details.items()}

    outputs = {name: _known(detail["shape_signature"]) for name, detail in details.items()}
    scale, zero_point = entry["quantization"]
    quantisation = (float(scale), int(zero_point)) if scale else None
    return Runtime(path, np.dtype(entry["dtype"]), _known(entry["shape_signature"]), outputs, run, quantisation)


def _tflite_outputs(interpreter: Any) -> dict[str, Any]:
    """What the interpreter knows of each output, by the signature's names if there is one, else by the tensors'."""
    if len(interpreter.get_signature_list()) == 1:
        return dict(interpreter.get_signature_runner().get_output_details())
    return {detail["name"]: detail for detail in interpreter.get_output_details()}


def _dequantize(output: NDArray[Any], detail: Mapping[str, Any]) -> NDArray[Any]:
    scale, zero_point = detail["quantization"]
    return (output.astype(np.float32) - zero_point) * np.float32(scale) if scale else output


def _open_onnx(path: str, device_threads: int) -> Runtime:
    # Imported here: of use for ONNX alone, and no run needs all four frameworks.
    onnxruntime = _import("onnxruntime", "onnx", path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = device_threads, 1
    options.log_severity_level = 3  # errors
    available = onnxruntime.get_available_providers()
    providers = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
    session = onnxruntime.InferenceSession(path, options, providers=providers)
    inputs = session.get_inputs()
    name = _only_input(path, [entry.name for entry in inputs])
    names = [output.name for output in session.get_outputs()]

    def run(batch: NDArray[Any]) -> _Outputs:
        return dict(zip(names, session.run(names, {name: batch}), strict=True))

    dtype = inputs[0].type.removeprefix("tensor(").removesuffix(")")
    outputs = {output.name: _known(output.shape or None) for output in session.get_outputs()}
    return Runtime(path, np.dtype(_ONNX_DTYPES.get(dtype, dtype)), _known(inputs[0].shape or None), outputs, run)


_OPENERS = {"saved_model": _open_saved_model, "keras": _open_keras, "tflite": _open_tflite, "onnx": _open_onnx}


def _import_tensorflow(path: str, device_threads: int) -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors; read when it is imported
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # else the first process takes the whole GPU
    # Imported here: it takes seconds and half a gigabyte, which runs of other formats need not pay.
    tensorflow = _import("tensorflow", "cpu", path)
    tensorflow.get_logger().setLevel("ERROR")
    with contextlib.suppress(RuntimeError):  # TensorFlow is at work in this process already, and keeps its threads
        tensorflow.config.threading.set_intra_op_parallelism_threads(device_threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    return tensorflow


def _import(name: str, extra: str, path: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ModelError(f"{path}: expected {name} to open it, got {error}; pip install linernotes[{extra}]") from error


def _only_input(path: str, names: list[str]) -> str:
    if len(names) != 1:
        raise ModelError(f"{path}: expected a model of one input, got {len(names)}: {_listed(names)}")
    return names[0]


def _known(shape: Any) -> _Shape | None:
    """A framework's shape with None for what is free, be that -1, None or a name; None if even the rank is unknown."""
    if shape is None or getattr(shape, "rank", 0) is None:
        return None
    return tuple(int(size) if isinstance(size, (int, np.integer)) and size >= 0 else None for size in shape)


def _lay_out(shape: _Shape | None, example: tuple[int, ...]) -> tuple[bool, tuple[int, ...]]:
    """Whether examples of this shape go in together, and what the input is when there is one of them.

    It has axes of 1 where the model has such. ValueError if such examples do not fit.
    """
    if shape is None:
        return True, (1, *example)
    if shape and (inserted := _insert_ones(shape[1:], example)):
        if shape[0] in (None, 1):
            return shape[0] is None, (1, *inserted)
    elif inserted := _insert_ones(shape, example):
        return False, inserted
    got = ", ".join("any" if size is None else str(size) for size in shape)
    raise ValueError(f"expected an input for examples of shape {list(example)}, any number or 1 at once, got [{got}]")


def _insert_ones(shape: _Shape, example: tuple[int, ...]) -> tuple[int, ...] | None:
    """The example's shape with a 1 put in wherever the shape has one more; None if it still is another."""
    if len(shape) == len(example):
        return example if all(a in (None, b) for a, b in zip(shape, example, strict=True)) else None
    for axis, size in enumerate(shape):
        if size == 1 and (inserted := _insert_ones(shape[:axis] + shape[axis + 1 :], example)):
            return (*inserted[:axis], 1, *inserted[axis:])
    return None


def _drop_batch_axis(output: NDArray[Any]) -> NDArray[Any]:
    return output[0] if output.ndim > 1 and output.shape[0] == 1 else output


def _listed(names: Any) -> str:
    return ", ".join(names) or "none"
