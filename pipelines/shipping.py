"""The model that ships with linernotes, and the reading of this or any other model's spec."""

import dataclasses
from importlib.resources import files
from pathlib import Path

from configs.loading import ConfigError, load_config
from models.audio_models import load_audio_model
from models.runtimes import ModelError
from models.specs import AudioModelSpec, resolve_spec

SHIPPED_MODEL = str(files("models") / "tracks" / "model.yaml")

# How files of each format begin: at which byte, and with what. Protocol buffers begin with their version, field 1.
_BEGINNINGS = {
    "saved_model": (0, (b"\x08",)),
    "keras": (0, (b"PK\x03\x04", b"\x89HDF")),  # a .keras, or an older .h5
    "tflite": (4, (b"TFL3",)),
    "onnx": (0, (b"\x08",)),
}


def load_spec(path: str, wants: str) -> AudioModelSpec:
    """The spec of a YAML file, its paths resolved, with the one output that is wanted: scores or embedding.

    Raises ConfigError for what is no spec, has no such output, or whose model is missing or begins as none does. It
    does not open the model, which takes its framework and seconds: open_model does.
    """
    try:
        spec = resolve_spec(load_config(AudioModelSpec, path), str(Path(path).resolve().parent))
        _check_file(spec)
    except ValueError as error:
        raise ConfigError(f"model {path}: {error}") from error
    if getattr(spec, wants) is None:
        raise ConfigError(f"model {path}: expected {wants} among its outputs, got none")
    return dataclasses.replace(spec, embedding=None) if wants == "scores" else dataclasses.replace(spec, scores=None)


def open_model(path: str, wants: str) -> None:
    """Raises ConfigError unless the model of a spec can be opened here and is what its spec says."""
    try:
        load_audio_model(load_spec(path, wants))
    except ModelError as error:
        raise ConfigError(f"model {path}: {error}") from error


def _check_file(spec: AudioModelSpec) -> None:
    file = Path(spec.path, "saved_model.pb") if spec.format == "saved_model" else Path(spec.path)
    if not file.is_file():
        raise ModelError(f"{file}: expected a {spec.format} model, got nothing: no such file")
    start, beginnings = _BEGINNINGS[spec.format]
    with file.open("rb") as content:
        head = content.read(8)
    if not head[start:].startswith(beginnings):
        raise ModelError(f"{file}: expected a {spec.format} model, got a file that begins with {head!r}")
