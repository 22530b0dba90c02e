"""Writes what Dataflow is told of each pipeline's flex template: its parameters, described, and what they may be.

    linernotes templates [--output configs/templates]

Made from the pipelines' configs and the command line, so that they never differ from these.
"""

import argparse
import dataclasses
import importlib
import json
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.cli import PIPELINES, _parser
from pipelines.flex import plain_fields

_FOLDER = "gs://.+"
_TEXTS = {  # what fields that are text may be, by name
    "input": "(gs://|bq://|SELECT |WITH ).+",
    "authors": "(gs://|bq://|SELECT |WITH ).+",
    "index": _FOLDER,
    "output": "(gs|bq)://.+",
    "model": "(gs://|models:).+",
    "thumbnails": _FOLDER,
    "sheets": _FOLDER,
}
_TYPES = {
    str: ".+",
    int: "-?[0-9]+",
    float: "-?[0-9]+([.][0-9]+)?([eE]-?[0-9]+)?",
    bool: "true|false",
    tuple: r"\[.*\]",
}
_SHARED = {
    "max_failed_share": "if more of the items fail, an index is not published, and who waits for the run is told"
}


def main(arguments: Sequence[str]) -> int:
    """Writes a file for each pipeline; 0."""
    parser = argparse.ArgumentParser(prog="linernotes templates", description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("configs/templates"))
    folder = parser.parse_args(arguments).output
    folder.mkdir(parents=True, exist_ok=True)
    for name in PIPELINES:
        (folder / f"{name}.json").write_text(json.dumps(describe(name), indent=2, ensure_ascii=False) + "\n", "utf-8")
    return 0


def describe(name: str) -> dict[str, Any]:
    """The metadata of a pipeline's template."""
    pipeline = importlib.import_module(f"pipelines.{name}")
    what, _, _ = (pipeline.__doc__ or "").partition("\n")
    helps = {action.dest: action.help or "" for action in _parser()._actions}  # what --help says of each option
    parameters = [*_describe_config(pipeline.Config, helps), *_describe_others(pipeline.Config, helps)]
    return {"name": name, "description": what, "parameters": parameters}


def _describe_config(config_type: Any, helps: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """A parameter for each field that is no group of knobs."""
    helps = {**_SHARED, **helps, **_read_docstring(config_type)}
    defaults = {field.name: field.default for field in dataclasses.fields(config_type)}
    for name, hint in plain_fields(config_type).items():
        regex = _TEXTS.get(name) or _TYPES[_plain_type(hint)]
        default, text = defaults[name], helps[name]
        optional = default is not dataclasses.MISSING
        if optional and default is not None:
            text = f"{text}; default {default if isinstance(default, str) else json.dumps(default)}"
        yield _parameter(name, text, regex, optional)


def _describe_others(config_type: Any, helps: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The parameters that do not depend on the pipeline, and one for all of its knobs."""
    yield _parameter("run_id", helps["run_id"], "[A-Za-z0-9][A-Za-z0-9_-]*", optional=True)
    yield _parameter("incremental", helps["incremental"], "true|false", optional=True)
    groups = [field for field in dataclasses.fields(config_type) if field.name not in plain_fields(config_type)]
    if groups:
        listed = ", ".join(field.name for field in groups)
        text = f"knobs as a YAML mapping, such as {{{_make_example(groups[0])}}}; there are those of {listed}"
        yield _parameter("set", text, r"\{.*\}", optional=True)
    yield _parameter("sdk_container_image", "the image of the workers, the template's own", "[a-z0-9.-]+/.+[:@].+")


def _make_example(group: Any) -> str:
    """The first knob of a group with its default, as a setting."""
    knobs, key = group.default_factory(), group.name
    while dataclasses.is_dataclass(knobs):
        first = dataclasses.fields(knobs)[0].name
        knobs, key = getattr(knobs, first), f"{key}.{first}"
    return f"{key}: {json.dumps(knobs)}"


def _parameter(name: str, text: str, regex: str, optional: bool = False) -> dict[str, Any]:
    label = name.replace("_", " ").capitalize()
    help_text = f"{text}." if "_" in text.partition(" ")[0] else f"{text[0].upper()}{text[1:]}."
    return {"name": name, "label": label, "helpText": help_text, "isOptional": optional, "regexes": [f"^({regex})$"]}


def _plain_type(hint: Any) -> Any:
    """The type itself, of one that may be None or holds others."""
    if isinstance(hint, types.UnionType):
        (hint,) = [each for each in typing.get_args(hint) if each is not types.NoneType]
    return typing.get_origin(hint) or hint


def _read_docstring(config_type: Any) -> dict[str, str]:
    """What a config's docstring says of its fields: `name: text`, one after the other."""
    text = " ".join((config_type.__doc__ or "").split()).replace("; None: ", "; left out: ")
    names = "|".join(plain_fields(config_type))
    parts = re.split(rf"(?:^|(?<=\. ))({names}): ", text)
    return {name: said.strip().removesuffix(".") for name, said in zip(parts[1::2], parts[2::2], strict=True)}
