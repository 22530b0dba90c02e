"""Tables through real pipelines: what is written is what is read, and a run replaces itself whole or not at all."""

import datetime
import signal
import subprocess
import sys
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

import transforms
from models.records import MediaItem, MediaStatus, Provenance
from models.tables import arrow_schema, to_row
from transforms.commits import recover
from transforms.tables import KeepRows, ReadTable, WriteTables, prepare_output, read_table

TYPES = {"items": MediaItem, "media_status": MediaStatus}
NOON = datetime.datetime(2026, 7, 1, 12, 0, 0, 5, datetime.UTC)


def test_what_is_written_is_what_is_read(tmp_path):
    written = {"items": [item("a"), item("b", "B-side")], "media_status": [status("a"), status("b")]}
    write(tmp_path, written)
    assert contents(tmp_path) == rows_of(written, by("run1"))
    assert read_table(str(tmp_path), "items").schema == arrow_schema(MediaItem)
    with pipeline() as root:
        assert_that(root | ReadTable(str(tmp_path), "items"), equal_to(rows_of(written, by("run1"))["items"]))
        columns = root | "Two columns" >> ReadTable(str(tmp_path), "items", ["media_id", "title"])
        expected = [{"media_id": "a", "title": None}, {"media_id": "b", "title": "B-side"}]
        assert_that(columns, equal_to(expected), label="columns")
    assert read_table(str(tmp_path), "items", ["title"]).to_pydict() == {"title": [None, "B-side"]}


def test_a_run_done_again_replaces_its_rows_and_leaves_another_run_alone(tmp_path):
    first, other, second = tables_of("a", "b", "c"), tables_of("a", "x"), tables_of("b", "d")
    write(tmp_path, first)
    write(tmp_path, other, by("run2"))
    write(tmp_path, second, by("run1", version="2"))
    expected = {**rows_of(second, by("run1", version="2"))}
    others = rows_of(other, by("run2"))
    assert contents(tmp_path) == {table: in_order(expected[table] + others[table]) for table in TYPES}
    with pipeline() as root:
        rows = root | ReadTable(str(tmp_path), "items", run_keys=["test-run2"])
        assert_that(rows, equal_to(others["items"]))


def test_a_table_without_rows_has_its_schema(tmp_path):
    write(tmp_path, {"items": [item("a")], "media_status": []})
    table = read_table(str(tmp_path), "media_status")
    assert (table.num_rows, table.schema) == (0, arrow_schema(MediaStatus))
    with pipeline() as root:
        assert_that(root | ReadTable(str(tmp_path), "media_status"), equal_to([]))


def test_a_table_that_nobody_wrote_is_empty(tmp_path):
    assert read_table(str(tmp_path), "items", ["media_id"]).to_pydict() == {"media_id": []}
    with pipeline() as root:
        assert_that(root | ReadTable(str(tmp_path), "items"), equal_to([]))


def test_rows_of_skipped_media_survive_with_their_provenance(tmp_path):
    early, late = by("run1"), by("run1", version="2")
    write(tmp_path, tables_of("a", "b", "c", "made otherwise"), early)
    write(tmp_path, tables_of("b", "x"), by("run2"))
    output = str(tmp_path)
    with pipeline() as root:
        skipped = root | "Skipped" >> beam.Create(
            [status("b"), status("c"), status("never seen"), status("made otherwise", "another digest")]
        )
        kept = skipped | KeepRows(output, "test-run1", "items")
        items = (root | "Items" >> beam.Create([item("a", "again")]), kept) | beam.Flatten()
        statuses = root | "Statuses" >> beam.Create([status("a")])
        _ = {"items": items, "media_status": statuses} | WriteTables(output, late, TYPES)
    with pipeline() as root:
        rows = root | ReadTable(output, "items", run_keys=["test-run1"])
        expected = [to_row(item("a", "again"), late), to_row(item("b"), early), to_row(item("c"), early)]
        assert_that(rows, equal_to(expected))


def test_a_pipeline_that_fails_in_the_middle_leaves_what_was_there(tmp_path):
    write(tmp_path, tables_of("a", "b"))
    before = contents(tmp_path)
    with pytest.raises(Exception, match="no such luck"), pipeline() as root:
        items = root | "Items" >> beam.Create([item("z")])
        statuses = root | "Statuses" >> beam.Create([status("z")]) | beam.Map(give_up)
        _ = {"items": items, "media_status": statuses} | WriteTables(str(tmp_path), by("run1"), TYPES)
    assert contents(tmp_path) == before
    recover(str(tmp_path), "test-run1")
    assert contents(tmp_path) == before
    assert not (tmp_path / "_staging" / "test-run1").exists()


@pytest.mark.parametrize(("where", "new_rows"), [("computing", 2), ("committing", 3)])
def test_a_run_killed_outright_is_seen_whole_or_not_at_all(tmp_path, where, new_rows):
    write(tmp_path, tables_of("a", "b"))
    root = Path(transforms.__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), where], cwd=root, check=False)
    assert run.returncode == -signal.SIGKILL
    assert (tmp_path / "_runs" / "test-run1.pending.json").exists() == (where == "committing")
    for _ in range(2):
        assert {table: len(rows) for table, rows in contents(tmp_path).items()} == dict.fromkeys(TYPES, new_rows)
        recover(str(tmp_path), "test-run1")
    write(tmp_path, tables_of("c"))
    assert contents(tmp_path) == rows_of(tables_of("c"), by("run1"))


KILLED = """
import datetime, os, signal, sys
import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from models.records import MediaItem, Provenance
from transforms.tables import WriteTables

output, where = sys.argv[1:]
rename = FileSystems.rename


def die(element):
    os.kill(os.getpid(), signal.SIGKILL)


def rename_once(sources, targets):
    rename(sources, targets)
    if targets[0].startswith(os.path.join(output, "items")):
        die(targets)


FileSystems.rename = rename_once
provenance = Provenance("run1", "test", "2", "m", datetime.datetime.now(datetime.UTC))
types = {"items": MediaItem, "media_status": MediaItem}
with beam.Pipeline(FnApiRunner()) as root:
    items = root | beam.Create([MediaItem(name, "uri") for name in "xyz"])
    slow = items | beam.Map(die if where == "computing" else lambda item: item)
    _ = {"items": items, "media_status": slow} | WriteTables(output, provenance, types)
"""


def test_an_output_that_cannot_be_written_is_an_error_before_any_work():
    with pytest.raises(ValueError, match=r"output: expected bq://PROJECT\.DATASET, got 'bq://project'"):
        WriteTables("bq://project", by("run1"), TYPES)
    with pytest.raises(ValueError, match=r"expected --temp_location=gs://…, from which BigQuery loads, got none"):
        prepare_output("bq://project.dataset", "test-run1", PipelineOptions([]))
    with pytest.raises(ValueError, match=r"output: expected a folder .* got '/tmp/\*'"):
        WriteTables("/tmp/*", by("run1"), TYPES)


@pytest.mark.parametrize("run_id", ["", ".", "a.b", "a/b", "-a", "a b"])
def test_a_run_id_that_is_no_file_name_is_an_error(run_id):
    with pytest.raises(ValueError, match="run id: expected letters"):
        WriteTables("out", by(run_id), TYPES)


def test_a_table_too_few_is_an_error_when_the_pipeline_is_built(tmp_path):
    with pytest.raises(ValueError, match=r"tables: expected \['items', 'media_status'\], got \['items'\]"):
        _ = {"items": pipeline() | beam.Create([item("a")])} | WriteTables(str(tmp_path), by("run1"), TYPES)


@pytest.mark.parametrize(
    ("element", "message"),
    [
        (("a",), "table items: expected MediaItem or a row of it"),
        ({"media_id": "a", "run_id": "run1"}, "table items: expected a row of run run1 with columns"),
    ],
)
def test_what_does_not_belong_in_a_table_stops_the_run(tmp_path, element, message):
    with pytest.raises(Exception, match=message), pipeline() as root:
        _ = {"items": root | beam.Create([element])} | WriteTables(str(tmp_path), by("run1"), {"items": MediaItem})
    assert contents(tmp_path) == {"items": [], "media_status": []}


def pipeline():
    return beam.Pipeline(FnApiRunner())


def give_up(element):
    raise RuntimeError("no such luck")


def item(media_id, title=None):
    return MediaItem(media_id, f"gs://bucket/{media_id}", title)


def status(media_id, config_digest="digest"):
    return MediaStatus(media_id, f"gs://bucket/{media_id}", "done", None, None, 1.5, "bytes", config_digest)


def tables_of(*media_ids):
    return {"items": [item(name) for name in media_ids], "media_status": [status(name) for name in media_ids]}


def by(run_id, version="1"):
    return Provenance(run_id, "test", version, "model", NOON)


def write(output, records, provenance=None):
    with pipeline() as root:
        collections = {table: root | table >> beam.Create(records[table]) for table in records}
        _ = collections | WriteTables(str(output), provenance or by("run1"), TYPES)


def rows_of(records, provenance):
    return {table: in_order([to_row(record, provenance) for record in records[table]]) for table in records}


def contents(output):
    return {table: in_order(read_table(str(output), table).to_pylist()) for table in TYPES}


def in_order(rows):
    return sorted(rows, key=lambda row: (row["run_id"], row["media_id"]))
