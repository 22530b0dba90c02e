"""Tables as their record classes define them: Arrow schema, BigQuery schema and row, derived here and nowhere else.

A table's columns are the record's fields followed by Provenance's. A field is a str, int, float, bool, bytes, date,
datetime (UTC, to the microsecond), another dataclass, one of these `| None`, a `tuple[X, ...]` of these, or a 1-D
array of float32 or float16. A repeated column is never null: nothing is `[]`.
"""

import dataclasses
import datetime
import functools
import types
import typing
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from models.records import Provenance

_SCALARS: dict[Any, tuple[pa.DataType, str]] = {
    str: (pa.string(), "STRING"),
    int: (pa.int64(), "INTEGER"),
    float: (pa.float64(), "FLOAT"),
    bool: (pa.bool_(), "BOOLEAN"),
    bytes: (pa.binary(), "BYTES"),
    datetime.datetime: (pa.timestamp("us", tz="UTC"), "TIMESTAMP"),
    datetime.date: (pa.date32(), "DATE"),
    np.float32: (pa.float32(), "FLOAT"),
    np.float16: (pa.float16(), "FLOAT"),
}
_ARRAY_ITEMS = (np.float32, np.float16)  # no fields by themselves
_SUPPORTED = (
    "str, int, float, bool, bytes, date, datetime, a dataclass, X | None, tuple[X, ...], NDArray[np.float32] or "
    "NDArray[np.float16]"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """One column of a table or of a nested record."""

    name: str
    kind: "type[Any] | tuple[Column, ...]"  # a key of _SCALARS, or the columns of a nested record
    mode: str  # REQUIRED, NULLABLE or REPEATED, as BigQuery calls them
    where: str  # RECORD.FIELD, for errors


def arrow_schema(record_type: type[Any]) -> pa.Schema:
    """The table's schema in Parquet; only `X | None` is nullable."""
    return pa.schema([_arrow_field(column) for column in table_columns(record_type)])


def bigquery_schema(record_type: type[Any]) -> dict[str, Any]:
    """The table's schema as WriteToBigQuery takes it: `{"fields": [{"name": …, "type": …, "mode": …}, …]}`."""
    return {"fields": [_bigquery_field(column) for column in table_columns(record_type)]}


def to_row(record: object, provenance: Provenance) -> dict[str, Any]:
    """The record as a row: nested records are dicts, tuples and arrays lists.

    Raises ValueError for None in a required field and for a datetime without time zone.
    """
    values = _values(_columns(type(record)), record)
    return values | _values(_columns(Provenance), provenance)


def table_columns(record_type: type[Any]) -> tuple[Column, ...]:
    """The table's columns in order. Raises TypeError for an unsupported type and for a name of Provenance's."""
    columns, provenance = _columns(record_type), _columns(Provenance)
    taken = {column.name for column in columns} & {column.name for column in provenance}
    if taken:
        raise TypeError(f"{record_type.__name__}: {sorted(taken)} are Provenance's fields, which every table has")
    return columns + provenance


def _columns(record_type: type[Any]) -> tuple[Column, ...]:
    return _derive_columns(typing.cast("Hashable", record_type))  # mypy takes a class for unhashable


@functools.cache
def _derive_columns(record_type: Any) -> tuple[Column, ...]:
    if not (isinstance(record_type, type) and dataclasses.is_dataclass(record_type)):
        raise TypeError(f"expected a dataclass, got {record_type!r}")
    hints = typing.get_type_hints(record_type)
    return tuple(_column(record_type, field.name, hints[field.name]) for field in dataclasses.fields(record_type))


def _column(record_type: type[Any], name: str, annotation: Any) -> Column:
    where = f"{record_type.__name__}.{name}"
    kind, mode = _kind_and_mode(annotation)
    if dataclasses.is_dataclass(kind):
        return Column(name, _columns(typing.cast("type[Any]", kind)), mode, where)
    if kind in _SCALARS and (kind not in _ARRAY_ITEMS or mode == "REPEATED"):
        return Column(name, kind, mode, where)
    raise TypeError(f"{where}: expected {_SUPPORTED}, got {annotation}")


def _kind_and_mode(annotation: Any) -> tuple[Any, str]:
    """What a column holds and how often; a wrapper inside a wrapper is no kind, and the caller refuses it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (types.UnionType, typing.Union) and len(arguments) == 2 and arguments[1] is types.NoneType:
        return arguments[0], "NULLABLE"
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return arguments[0], "REPEATED"
    if origin is np.ndarray:
        return typing.get_args(arguments[1])[0], "REPEATED"
    return annotation, "REQUIRED"


def _arrow_field(column: Column) -> pa.Field:
    if column.mode == "REPEATED":  # "element" is the item's name in the Parquet specification
        items = pa.field("element", _arrow_type(column), nullable=False)
        return pa.field(column.name, pa.list_(items), nullable=False)
    return pa.field(column.name, _arrow_type(column), nullable=column.mode == "NULLABLE")


def _arrow_type(column: Column) -> pa.DataType:
    if isinstance(column.kind, tuple):
        return pa.struct([_arrow_field(nested) for nested in column.kind])
    return _SCALARS[column.kind][0]


def _bigquery_field(column: Column) -> dict[str, Any]:
    if isinstance(column.kind, tuple):
        nested = [_bigquery_field(field) for field in column.kind]
        return {"name": column.name, "type": "RECORD", "mode": column.mode, "fields": nested}
    return {"name": column.name, "type": _SCALARS[column.kind][1], "mode": column.mode}


def _values(columns: Sequence[Column], record: object) -> dict[str, Any]:
    return {column.name: _value(column, getattr(record, column.name)) for column in columns}


def _value(column: Column, value: Any) -> Any:
    if value is None and column.mode == "NULLABLE":
        return None
    if value is None:
        raise ValueError(f"{column.where}: expected a value, got None")
    if column.kind in _ARRAY_ITEMS:
        return value.tolist()
    if column.mode == "REPEATED":
        return [_item(column, item) for item in value]
    return _item(column, value)


def _item(column: Column, item: Any) -> Any:
    if isinstance(column.kind, tuple):
        return _values(column.kind, item)
    if item is None:
        raise ValueError(f"{column.where}: expected values, got None among them")
    if column.kind is datetime.datetime and item.tzinfo is None:
        raise ValueError(f"{column.where}: expected a datetime with a time zone, got {item!r}")
    return item
