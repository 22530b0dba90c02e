"""The models that ship with linernotes, and the reading of these or any other models' specs."""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

from configs.loading import ConfigError, load_config
from models.attribution import AttributionConfig
from models.audio_models import load_audio_model
from models.image_models import load_image_model
from models.image_specs import ImageModelSpec, resolve_image_spec
from models.pairs import GRAPH_FEATURES, PAIR_FEATURES
from models.places import SHIPPED, folder_of, resolve_place
from models.runtimes import ModelError, open_runtime
from models.specs import AudioModelSpec, resolve_spec
from transforms.fetching import fetch, fetch_model

SHIPPED_MODEL = f"{SHIPPED}tracks/model.yaml"
SHIPPED_AUTHORS = f"{SHIPPED}authors/model.yaml"

# How files of each format begin: at which byte, and with what. Protocol buffers begin with their version, field 1.
_BEGINNINGS = {
    "saved_model": (0, (b"\x08",)),
    "keras": (0, (b"PK\x03\x04", b"\x89HDF")),  # a .keras, or an older .h5
    "tflite": (4, (b"TFL3",)),
    "onnx": (0, (b"\x08",)),
}


def load_spec(path: str, wants: str) -> AudioModelSpec:
    """The spec of a YAML file anywhere, its paths resolved, with the one output that is wanted: scores or embedding.

    Raises ConfigError for what is no spec, has no such output, or whose model is missing or begins as none does. It
    does not open the model, which takes its framework and seconds: open_model does.
    """
    try:
        spec = resolve_spec(load_config(AudioModelSpec, fetch(path)), folder_of(path), fetch)
        _check_file(spec.format, fetch_model(spec).path)
    except ValueError as error:
        raise ConfigError(f"model {path}: {error}") from error
    if getattr(spec, wants) is None:
        raise ConfigError(f"model {path}: expected {wants} among its outputs, got none")
    return dataclasses.replace(spec, embedding=None) if wants == "scores" else dataclasses.replace(spec, scores=None)


def open_model(path: str, wants: str) -> None:
    """Raises ConfigError unless the model of a spec can be opened here and is what its spec says."""
    try:
        load_audio_model(fetch_model(load_spec(path, wants)))
    except ModelError as error:
        raise ConfigError(f"model {path}: {error}") from error


def load_image_spec(path: str, wants: str) -> ImageModelSpec:
    """The spec of an image model's YAML file, its paths resolved, with what is wanted alone: scores (its own, or those
    of zero_shot) or embedding; errors as of load_spec.
    """
    try:
        spec = resolve_image_spec(load_config(ImageModelSpec, fetch(path)), folder_of(path), fetch)
        _check_file(spec.format, fetch_model(spec).path)
    except ValueError as error:
        raise ConfigError(f"model {path}: {error}") from error
    if wants == "embedding":
        if spec.embedding is None:
            raise ConfigError(f"model {path}: expected embedding among its outputs, got none")
        return dataclasses.replace(spec, scores=None, zero_shot=None)
    if not spec.classes:
        raise ConfigError(f"model {path}: expected scores or zero_shot, got neither")
    return spec if spec.scores is None else dataclasses.replace(spec, embedding=None)


def open_image_model(path: str, wants: str) -> None:
    """Raises ConfigError unless the image model of a spec can be opened here and is what its spec says."""
    try:
        load_image_model(fetch_model(load_image_spec(path, wants)))
    except ModelError as error:
        raise ConfigError(f"model {path}: {error}") from error


@dataclasses.dataclass(frozen=True)
class AuthorModel:
    """What train_authors makes. pairs, graph: folders of the networks of both rounds, beside the YAML file."""

    name: str
    pairs: str
    graph: str
    attribution: AttributionConfig
    digest: str = ""  # of the networks

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("name must not be empty")


def load_author_model(path: str) -> AuthorModel:
    """The model of a YAML file, its paths made places. ConfigError for what is none, or lacks a network."""
    try:
        model = load_config(AuthorModel, fetch(path))
        places = [resolve_place(name, folder_of(path)) for name in (model.pairs, model.graph)]
        digest = _digest_networks([Path(fetch(place)) for place in places])
    except ConfigError:
        raise
    except (OSError, ModelError) as error:
        raise ConfigError(f"model {path}: {error}") from error
    return dataclasses.replace(model, pairs=places[0], graph=places[1], digest=digest)


def open_author_model(path: str) -> None:
    """Raises ConfigError unless the networks can be opened here and take the features that they are given."""
    model = load_author_model(path)
    try:
        for network, features in ((model.pairs, PAIR_FEATURES), (model.graph, GRAPH_FEATURES)):
            open_runtime("saved_model", fetch(network)).check((len(features),))
    except ModelError as error:
        raise ConfigError(f"model {path}: {error}") from error


def _digest_networks(folders: Sequence[Path]) -> str:
    """Of SavedModels; ModelError for what is none."""
    digest = hashlib.blake2b(digest_size=16)
    for folder in folders:
        if not (folder / "saved_model.pb").is_file():
            raise ModelError(f"{folder}: expected a SavedModel, got nothing: no such file")
        for file in sorted(each for each in folder.rglob("*") if each.is_file()):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _check_file(format: str, path: str) -> None:  # noqa: A002  the spec's word
    file = Path(path, "saved_model.pb") if format == "saved_model" else Path(path)
    if not file.is_file():
        raise ModelError(f"{file}: expected a {format} model, got nothing: no such file")
    start, beginnings = _BEGINNINGS[format]
    with file.open("rb") as content:
        head = content.read(8)
    if not head[start:].startswith(beginnings):
        raise ModelError(f"{file}: expected a {format} model, got a file that begins with {head!r}")
