"""What the launcher of a Dataflow flex template starts: the pipeline that the image names in LINERNOTES_PIPELINE.

The launcher gives a template's parameters, and Beam's options, as --name=value.
"""

import dataclasses
import importlib
import json
import os
import sys
import typing
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

import yaml

from pipelines.cli import PIPELINES, main

COMMAND_LINE = ("input", "index", "output", "run_id")  # what the command line takes as the launcher gives it


def to_words(pipeline: str, flags: Sequence[str]) -> list[str]:
    """The command line that a template's parameters and Beam's options mean; it refuses a pipeline that is none."""
    if pipeline not in PIPELINES:
        return [pipeline]
    runner_config = files("configs") / "runners" / "dataflow.yaml"
    fields = plain_fields(importlib.import_module(f"pipelines.{pipeline}").Config)
    words = [word for flag in flags for word in _translate(flag, fields)]
    return [pipeline, f"--runner_config={runner_config}", *words]


def plain_fields(config_type: Any) -> dict[str, Any]:
    """The types of a config's fields that are no groups of knobs, by name: what a template has parameters for."""
    hints = typing.get_type_hints(config_type)
    names = [field.name for field in dataclasses.fields(config_type)]
    return {name: hints[name] for name in names if not dataclasses.is_dataclass(hints[name])}


def _translate(flag: str, fields: Mapping[str, Any]) -> Iterator[str]:
    """A parameter as words; an option of Beam's as it is."""
    name, _, value = flag.removeprefix("--").partition("=")
    if name == "incremental":
        if value == "true":
            yield "--incremental"
    elif name == "set":
        yield from (f"--set={key}={json.dumps(each)}" for key, each in _read_settings(value).items())
    elif name in fields and name not in COMMAND_LINE:
        is_text = fields[name] in (str, str | None)  # which YAML might take for something else
        yield f"--set={name}={json.dumps(value) if is_text else value}"
    else:
        yield flag


def _read_settings(text: str) -> dict[str, Any]:
    """Settings by key, such as {query.blocks.block_s: 300}; what is no mapping is a key that no config has."""
    settings = yaml.safe_load(text)
    return settings if isinstance(settings, dict) else {text: None}


if __name__ == "__main__":
    sys.exit(main(to_words(os.environ["LINERNOTES_PIPELINE"], sys.argv[1:])))
