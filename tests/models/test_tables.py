"""Schemas and rows derived from record classes. Oracles: Arrow's own round trip and dataclasses.asdict."""

import dataclasses
import datetime
import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.records import MediaStatus, Provenance
from models.tables import arrow_schema, bigquery_schema, to_row

PROVENANCE = Provenance("run", "test", "1.0", "model", datetime.datetime(2026, 7, 1, 12, 30, 0, 123456, datetime.UTC))


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    start_s: float
    label: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Everything:
    text: str
    count: int
    share: float
    flag: bool
    raw: bytes
    at: datetime.datetime
    day: datetime.date
    maybe_text: str | None
    maybe_at: datetime.datetime | None
    texts: tuple[str, ...]
    counts: tuple[int, ...]
    span: Span
    maybe_span: Span | None
    spans: tuple[Span, ...]
    vector: NDArray[np.float32]
    halves: NDArray[np.float16]


INT64 = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
TIMES = st.datetimes(timezones=st.just(datetime.UTC))
SPANS = st.builds(Span, FLOATS, st.none() | TEXT)
VECTORS = st.lists(st.floats(width=32, allow_nan=False)).map(lambda values: np.array(values, np.float32))
HALVES = st.lists(st.floats(width=16, allow_nan=False)).map(lambda values: np.array(values, np.float16))
RECORDS = st.builds(
    Everything,
    text=TEXT,
    count=INT64,
    share=FLOATS,
    flag=st.booleans(),
    raw=st.binary(),
    at=TIMES,
    day=st.dates(),
    maybe_text=st.none() | TEXT,
    maybe_at=st.none() | TIMES,
    texts=st.lists(TEXT).map(tuple),
    counts=st.lists(INT64).map(tuple),
    span=SPANS,
    maybe_span=st.none() | SPANS,
    spans=st.lists(SPANS).map(tuple),
    vector=VECTORS,
    halves=HALVES,
)
ZERO = Everything("", 0, 0.0, False, b"", PROVENANCE.processed_at, datetime.date(2026, 7, 1), None, None, (), (),
                  Span(0.0, None), None, (), np.zeros(0, np.float32), np.zeros(0, np.float16))  # fmt: skip


@settings(max_examples=50)
@given(st.lists(RECORDS, max_size=5))
def test_rows_come_back_from_parquet_as_they_were_written(records):
    rows = [to_row(record, PROVENANCE) for record in records]
    table = through_parquet(pa.Table.from_pylist(rows, arrow_schema(Everything)))
    assert table.schema == arrow_schema(Everything)
    assert table.to_pylist() == rows


@given(RECORDS)
def test_a_row_is_the_record_as_a_dict_followed_by_provenance(record):
    row = to_row(record, PROVENANCE)
    assert row == plain(dataclasses.asdict(record)) | dataclasses.asdict(PROVENANCE)
    assert list(row) == arrow_schema(Everything).names


@pytest.mark.parametrize("record_type", [Everything, MediaStatus])
def test_both_schemas_agree_field_by_field(record_type):
    arrow, bigquery = arrow_schema(record_type), bigquery_schema(record_type)
    assert [described(field) for field in arrow] == bigquery["fields"]


def test_a_schema_is_what_was_agreed():
    fields = {field.pop("name"): field for field in bigquery_schema(Everything)["fields"]}
    span = [
        {"name": "start_s", "type": "FLOAT", "mode": "REQUIRED"},
        {"name": "label", "type": "STRING", "mode": "NULLABLE"},
    ]
    assert fields["maybe_at"] == {"type": "TIMESTAMP", "mode": "NULLABLE"}
    assert fields["counts"] == {"type": "INTEGER", "mode": "REPEATED"}
    assert fields["spans"] == {"type": "RECORD", "mode": "REPEATED", "fields": span}
    assert fields["maybe_span"] == {"type": "RECORD", "mode": "NULLABLE", "fields": span}
    assert list(fields)[-5:] == ["run_id", "pipeline", "pipeline_version", "model_version", "processed_at"]
    assert fields["vector"] == fields["halves"] == {"type": "FLOAT", "mode": "REPEATED"}
    assert arrow_schema(Everything).field("vector").type.value_type == pa.float32()
    assert arrow_schema(Everything).field("halves").type.value_type == pa.float16()


@pytest.mark.parametrize(
    "annotation",
    [dict, list[int], tuple[int, int], tuple[int | None, ...], tuple[int, ...] | None, tuple[tuple[int, ...], ...],
     int | str, int | str | None, complex, np.float32, np.float16, NDArray[np.float64], Any],
)  # fmt: skip
def test_an_unsupported_type_is_named_with_its_record_and_field(annotation):
    record_type = dataclasses.make_dataclass("Song", [("tempo", annotation)], frozen=True)
    with pytest.raises(TypeError, match=r"^Song\.tempo: expected str, .*, got "):
        arrow_schema(record_type)


def test_a_field_of_provenance_in_a_record_is_an_error():
    record_type = dataclasses.make_dataclass("Song", [("run_id", str)], frozen=True)
    with pytest.raises(TypeError, match=r"Song: \['run_id'\] are Provenance's"):
        bigquery_schema(record_type)


@pytest.mark.parametrize(
    ("field", "value"),
    [("text", None), ("texts", None), ("texts", ("a", None)), ("spans", None), ("vector", None), ("halves", None),
     ("span", None), ("at", datetime.datetime(2026, 7, 1))],
)  # fmt: skip
def test_a_value_that_the_schema_forbids_is_named_with_its_record_and_field(field, value):
    with pytest.raises(ValueError, match=rf"^Everything\.{field}: expected"):
        to_row(dataclasses.replace(ZERO, **{field: value}), PROVENANCE)


def through_parquet(table: pa.Table) -> pa.Table:
    file = io.BytesIO()
    pq.write_table(table, file)
    return pq.read_table(file)


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | np.ndarray):
        return [plain(item) for item in value]
    return value


def described(field: pa.Field) -> dict[str, Any]:
    """An Arrow field in BigQuery's words, independently of the code under test."""
    kind = field.type.value_type if pa.types.is_list(field.type) else field.type
    mode = "REPEATED" if pa.types.is_list(field.type) else "NULLABLE" if field.nullable else "REQUIRED"
    names = {"string": "STRING", "int64": "INTEGER", "double": "FLOAT", "float": "FLOAT", "halffloat": "FLOAT",
             "bool": "BOOLEAN", "binary": "BYTES", "timestamp[us, tz=UTC]": "TIMESTAMP",
             "date32[day]": "DATE"}  # fmt: skip
    if pa.types.is_struct(kind):
        return {"name": field.name, "type": "RECORD", "mode": mode, "fields": [described(nested) for nested in kind]}
    return {"name": field.name, "type": names[str(kind)], "mode": mode}
