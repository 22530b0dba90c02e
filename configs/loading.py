"""The one function that reads configuration: YAML onto dataclasses, with `key=value` on top."""

import contextlib
import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

_T = TypeVar("_T")


class ConfigError(ValueError):
    """A configuration that cannot be: says which key, what was expected and what came."""


def load_config(config_type: type[_T], path: str | None, settings: Sequence[str] = ()) -> _T:
    """The config of a YAML file (none: the defaults) with settings such as `query.block_s=300` on top.

    ConfigError for keys that the dataclass does not have, values of another type, and values its knobs refuse.
    """
    values = {} if path is None else _read_yaml(path)
    for setting in settings:
        _set(values, setting)
    return _build(config_type, values, where="")


def _read_yaml(path: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"config {path}: {error}") from error
    if values is not None and not isinstance(values, dict):
        raise ConfigError(f"config {path}: expected a mapping of keys, got {type(values).__name__}")
    return values or {}


def _set(values: dict[str, Any], setting: str) -> None:
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set: expected key=value, got {setting!r}")
    *parents, last = key.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise ConfigError(f"--set {setting}: {parent} is not a group of keys")
    try:
        values[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {setting}: {error}") from error


def _build(config_type: type[_T], values: Mapping[str, Any], where: str, base: _T | None = None) -> _T:
    """base: what has the values of the keys that are not given; None: their own defaults."""
    fields = {field.name: field for field in dataclasses.fields(config_type)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(config_type)
    for key in values:
        if key not in fields:
            raise ConfigError(_describe_unknown(f"{where}{key}", str(key), list(fields)))
    missing = [name for name, field in fields.items() if name not in values and not _has_default(field)]
    if missing and base is None:
        raise ConfigError(f"{where}{missing[0]}: required, but not given")
    try:
        converted = {
            key: _convert(hints[key], value, f"{where}{key}", _default(fields[key], base))
            for key, value in values.items()
        }
        return config_type(**converted) if base is None else dataclasses.replace(base, **converted)  # type: ignore[type-var]
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"{where.rstrip('.') or config_type.__name__}: {error}") from error


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _default(field: dataclasses.Field[Any], base: object) -> Any:
    if base is not None:
        return getattr(base, field.name)
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default


def _describe_unknown(key: str, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"{key}: no such key; " + (f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}")


def _convert(hint: Any, value: Any, where: str, default: object = None) -> Any:
    """The value as the field's type has it, on top of the default's if it is a group; ConfigError for another type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        (hint,) = [argument for argument in arguments if argument is not type(None)]
        return _convert(hint, value, where, default)
    if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        group = typing.cast(type[Any], hint)
        return _build(group, value, f"{where}.", default if isinstance(default, group) else None)
    if origin is tuple and isinstance(value, list):
        if Ellipsis not in arguments and len(value) != len(arguments):
            raise ConfigError(f"{where}: expected {len(arguments)} values, got {value!r}")
        return tuple(_convert(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is dict and isinstance(value, Mapping):
        return {_convert(arguments[0], k, where): _convert(arguments[1], v, f"{where}.{k}") for k, v in value.items()}
    if hint is float and isinstance(value, (int, str)) and not isinstance(value, bool):
        with contextlib.suppress(ValueError):
            return float(value)  # YAML takes 1e-6 for text
    if isinstance(hint, type) and isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    raise ConfigError(f"{where}: expected {getattr(hint, '__name__', hint)}, got {value!r}")


def load_options(path: str) -> list[str]:
    """The Beam options of a YAML file as flags: true is a bare flag, false and null give none, a list repeats."""
    flags = []
    for name, value in _read_yaml(path).items():
        for each in value if isinstance(value, list) else [value]:
            if each is True:
                flags.append(f"--{name}")
            elif each is not None and each is not False:
                flags.append(f"--{name}={each}")
    return flags
