"""Oracle: the items that were written, by the csv, json and pyarrow modules."""

import csv
import dataclasses
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.manifests import ManifestError, is_manifest, make_items, read_rows
from models.records import MediaItem

FORMATS = ("csv", "jsonl", "parquet")
COLUMNS = [field.name for field in dataclasses.fields(MediaItem)]
TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from(",;\"'\n\r\t\u2028\u0085\\日ب🎧"), min_size=1)
NAMES = TEXTS.filter(str.strip)  # an id of nothing but blanks is empty
OPTIONAL = st.none() | TEXTS
ITEMS = st.lists(st.builds(MediaItem, NAMES, NAMES, OPTIONAL, OPTIONAL, OPTIONAL, OPTIONAL, OPTIONAL), max_size=5)
TRICKY = [
    MediaItem('a,"b"\r\nc', "x\u2028y/\u0085z.mp3", title="\n", artist='"', album="\u3000", isrc="'"),
    MediaItem("Ωδή", "日本/🎧.flac", title="-", rights_holder="null"),
]


@settings(derandomize=True, deadline=None)
@given(ITEMS)
@example(TRICKY)
@pytest.mark.parametrize("kind", FORMATS)
def test_items_come_back_from_every_format_in_order(kind, items):
    assert parse(kind, encode(kind, rows_of(items))) == items


@pytest.mark.parametrize("kind", FORMATS)
def test_columns_that_are_not_an_items_are_passed_over(kind):
    rows = [{"mood": "calm", **row, "year": "1999"} for row in rows_of(TRICKY)]
    assert parse(kind, encode(kind, rows)) == TRICKY


@pytest.mark.parametrize("kind", FORMATS)
def test_columns_that_may_be_missing_are_none(kind):
    rows = [{"uri": "b.mp3", "media_id": "a"}, {"uri": "d.mp3", "media_id": "c"}]
    assert parse(kind, encode(kind, rows)) == [MediaItem("a", "b.mp3"), MediaItem("c", "d.mp3")]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_numbers_are_read_as_text(kind):
    assert parse(kind, encode(kind, [{"media_id": 7, "uri": "a", "title": 1999}])) == [MediaItem("7", "a", "1999")]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("missing", ["media_id", "uri"])
def test_a_column_that_is_missing_is_an_error_that_tells_those_there_are(kind, missing):
    data = encode(kind, [{name: "x" for name in ("media_id", "uri", "title") if name != missing}])
    first = {"csv": "line 2", "jsonl": "line 1", "parquet": "row 1"}[kind]
    with pytest.raises(ManifestError, match=rf"^list\.{kind}, {first}: expected a column {missing}, got .*title$"):
        parse(kind, data)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("column", ["media_id", "uri"])
@pytest.mark.parametrize("nothing", ["", " \t", None])
def test_an_empty_id_or_uri_is_an_error_that_names_the_row(kind, column, nothing):
    rows = [{"media_id": "a", "uri": "b"}, {"media_id": "c", "uri": "d"} | {column: nothing}]
    second = {"csv": "line 3", "jsonl": "line 2", "parquet": "row 2"}[kind]
    with pytest.raises(ManifestError, match=rf"^list\.{kind}, {second}: {column} must not be empty$"):
        parse(kind, encode(kind, rows))


def test_rows_before_a_bad_one_are_yielded():
    items = make_items(read_rows(io.BytesIO(b"media_id,uri\na,b\nc\n"), "list.csv"))
    assert next(items) == MediaItem("a", "b")
    with pytest.raises(ManifestError, match=r"^list\.csv, line 3: uri must not be empty$"):
        next(items)


def test_a_byte_order_mark_is_no_part_of_a_csv():
    data = "\ufeffmedia_id,uri\r\na,b\r\n".encode()
    assert parse("csv", data) == [MediaItem("a", "b")]


def test_blank_lines_are_no_items():
    assert parse("csv", b"media_id,uri\n\na,b\n\n") == [MediaItem("a", "b")]
    assert parse("jsonl", b'\n{"media_id": "a", "uri": "b"}\r\n \n') == [MediaItem("a", "b")]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_manifest_of_no_rows_has_no_items(kind):
    assert parse(kind, encode(kind, [])) == []


@pytest.mark.parametrize(
    ("kind", "data"), [("csv", b"media_id,uri\n\xff,caf\xe9\n"), ("jsonl", b'{"media_id": "\xff", "uri": "caf\xe9"}')]
)
def test_bytes_that_are_not_utf_8_can_be_had_back(kind, data):
    (item,) = parse(kind, data)
    assert (item.media_id.encode(errors="surrogateescape"), item.uri.encode(errors="surrogateescape")) == (
        b"\xff",
        b"caf\xe9",
    )


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("parquet", b"media_id,uri\na,b\n"),
        ("parquet", b""),
        ("parquet", b"PAR1" + b"x" * 50 + b"PAR1"),
        ("jsonl", b"media_id,uri\na,b\n"),
        ("csv", b"media_id,uri\na," + b"x" * 200_000),
    ],
)
def test_what_is_of_another_format_is_an_error_that_names_the_manifest(kind, data):
    with pytest.raises(ManifestError, match=rf"^list\.{kind}"):
        parse(kind, data)


@pytest.mark.parametrize(
    "damage",
    [lambda whole: whole[:-20], lambda whole: whole[1:], lambda whole: whole[:10] + whole[13:]],
    ids=["cut short", "without its beginning", "with bytes lost"],
)
def test_a_packed_manifest_that_is_broken_is_an_error(damage):
    whole = gzip.compress(b'{"media_id": "a"}\n' * 1_000)
    assert len(list(read_rows(gzip.GzipFile(fileobj=io.BytesIO(whole)), "a.jsonl.gz"))) == 1_000
    with pytest.raises(ManifestError, match=r"^a\.jsonl\.gz: not a manifest: "):
        list(read_rows(gzip.GzipFile(fileobj=io.BytesIO(damage(whole))), "a.jsonl.gz"))


@pytest.mark.parametrize(("line", "kind"), [(b"[1]", "list"), (b"7", "int"), (b"null", "NoneType")])
def test_a_line_of_json_that_is_no_object_is_an_error(line, kind):
    with pytest.raises(ManifestError, match=f"line 2: expected an object, got {kind}$"):
        parse("jsonl", b'{"media_id": "a", "uri": "b"}\n' + line)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("a/b.csv", True),
        ("B.CSV", True),
        ("gs://bucket/a.jsonl", True),
        ("a.b.parquet", True),
        ("a/*.csv", False),
        ("a?.parquet", False),
        ("[ab].jsonl", False),
        ("a.mp3", False),
        ("csv", False),
        ("a.csv/b", False),
    ],
)
def test_a_manifest_is_known_by_its_name(uri, expected):
    assert is_manifest(uri) == expected


def test_the_suffix_of_a_manifest_may_be_in_capitals():
    assert list(make_items(read_rows(io.BytesIO(b"media_id,uri\na,b\n"), "LIST.CSV"))) == [MediaItem("a", "b")]


def parse(kind, data):
    return list(make_items(read_rows(io.BytesIO(data), f"list.{kind}")))


def rows_of(items):
    return [dataclasses.asdict(item) for item in items]


def encode(kind, rows):
    """A manifest of these rows; without rows, one of an item's columns."""
    columns = list(rows[0]) if rows else COLUMNS
    if kind == "csv":
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue().encode()
    if kind == "jsonl":
        return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    file = io.BytesIO()
    values = {column: [row[column] for row in rows] for column in columns}
    types = {column: None if any(values[column]) else pa.string() for column in columns}
    pq.write_table(pa.table({column: pa.array(values[column], types[column]) for column in columns}), file)
    return file.getvalue()
