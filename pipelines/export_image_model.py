"""Writes a model of keras.applications in a folder, with the spec that tag_videos takes.

    linernotes export_image_model MobileNetV2 --weights mobilenet_v2.h5 --labels labels.txt --output build/mobilenet

Nothing is downloaded: weights are a file of yours, in the form that keras.applications publishes, or random.
"""

import argparse
import shutil
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import yaml

from configs.loading import ConfigError
from models.image_specs import NORMALISATIONS
from models.runtimes import describe_error
from pipelines.shipping import load_image_spec

_PROBE = np.array([[[[0, 0, 0], [255, 255, 255], [200, 100, 50]]]], np.float32)  # tells normalisations apart
_FILES = {"saved_model": "saved_model", "keras": "model.keras"}


def main(arguments: Sequence[str]) -> int:
    """Writes the model's folder; 0."""
    options = _parser().parse_args(arguments)
    module = _find_module(options.model)
    labels = _read_labels(options)
    model = _add_outputs(_build(module, options, len(labels)), options.embedding)
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    outputs = _write(model, folder / _FILES[options.format], options.format)
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
    spec = _describe(options, module, model, outputs)
    (folder / "model.yaml").write_text(yaml.safe_dump(spec, sort_keys=False, allow_unicode=True), encoding="utf-8")
    load_image_spec(str(folder / "model.yaml"), wants="scores")
    print(f"{folder / 'model.yaml'}: {options.model}, {len(labels)} labels")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="linernotes export_image_model", description=__doc__.partition("\n")[0])
    parser.add_argument("model", metavar="MODEL", help="its name in keras.applications, such as MobileNetV2")
    parser.add_argument("--output", metavar="FOLDER", required=True)
    parser.add_argument("--weights", metavar="FILE", required=True, help="a file of weights, or `random`")
    parser.add_argument("--labels", metavar="FILE", help="a label a line (default: class_0 and so on)")
    parser.add_argument("--classes", metavar="NUMBER", type=int, default=1000, help="of the model, without --labels")
    parser.add_argument("--size", metavar="PIXELS", type=int, help="side of the input (default: the model's own)")
    parser.add_argument("--format", choices=tuple(_FILES), default="saved_model")
    parser.add_argument("--embedding", action="store_true", help="give the pooled features, too")
    return parser


def _find_module(name: str) -> Any:
    """The module of the model's family, with its preprocess_input."""
    build = getattr(keras.applications, name, None)
    if not isinstance(build, types.FunctionType):
        raise ConfigError(f"expected a model of keras.applications, got {name!r}")
    return sys.modules[build.__module__]


def _read_labels(options: argparse.Namespace) -> list[str]:
    if options.labels is None:
        return [f"class_{number}" for number in range(options.classes)]
    try:
        return Path(options.labels).read_text(encoding="utf-8-sig").rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{options.labels}: expected labels, got {error}") from error


def _build(module: Any, options: argparse.Namespace, classes: int) -> Any:
    """The model, its scores as logits: so the spec can give them a temperature."""
    shape = None if options.size is None else (options.size, options.size, 3)
    weights = None if options.weights == "random" else options.weights
    if weights is not None and not Path(weights).is_file():
        raise ConfigError(f"--weights: expected a file or `random`, got {weights!r}")
    try:
        return getattr(module, options.model)(
            weights=weights, input_shape=shape, classes=classes, classifier_activation=None
        )
    except (ValueError, OSError) as error:
        raise ConfigError(f"{options.model}: {describe_error(error)}") from error


def _add_outputs(model: Any, embedding: bool) -> Any:
    if not embedding:
        return model
    pools = [layer for layer in model.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D)]
    features = pools[-1].output if pools else model.layers[-2].output  # of VGG, its last hidden layer
    return keras.Model(model.input, [model.outputs[0], keras.layers.Flatten(name="embedding")(features)])


def _write(model: Any, path: Path, format: str) -> list[str]:  # noqa: A002  the spec's word
    """Writes the model, and gives its outputs' names."""
    if format == "keras":
        model.save(path)
        return list(model.output_names)
    shutil.rmtree(path, ignore_errors=True)
    model.export(path, verbose=False)
    return [f"output_{number}" for number in range(len(model.outputs))]  # as Keras names those of a list


def _describe(options: argparse.Namespace, module: Any, model: Any, outputs: Sequence[str]) -> dict[str, Any]:
    """The spec, as YAML has it."""
    height, width = model.input_shape[1:3]
    spec = {
        "name": options.model,
        "format": options.format,
        "path": _FILES[options.format],
        "input": {"size": [height, width], "normalisation": _find_normalisation(module)},
        "scores": {"output": outputs[0], "activation": "softmax", "labels_file": "labels.txt", "pooling": "sum"},
    }
    return spec | ({"embedding": {"output": outputs[1]}} if options.embedding else {})


def _find_normalisation(module: Any) -> str:
    """The one that does what the family's preprocess_input does."""
    theirs = np.asarray(module.preprocess_input(_PROBE.copy(), data_format="channels_last"))
    for name, (scale, mean, std) in NORMALISATIONS.items():
        pixels = _PROBE[..., ::-1] if name == "caffe" else _PROBE
        if np.allclose((pixels * scale - np.array(mean)) / np.array(std), theirs, atol=1e-4):
            return name
    raise ConfigError(f"{module.__name__}: expected its normalisation to be one of {', '.join(NORMALISATIONS)}")
