"""Tables of a dataset through real pipelines: what is written is what is read, whole or not at all, and queries."""

import dataclasses
import datetime
import os
import signal
import subprocess
import sys
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.util import assert_that, equal_to
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery

from models.manifests import ManifestError
from models.records import MediaItem, MediaStatus, Neighbours, NodeOpinion, Provenance
from models.tables import to_row
from transforms.files import list_media, read_records
from transforms.tables import KeepRows, ReadTable, WriteTables, prepare_output, read_table

ROOT = Path(__file__).parents[2]
TYPES = {"items": MediaItem, "media_status": MediaStatus}
NOON = datetime.datetime(2026, 7, 1, 12, 0, 0, 5, datetime.UTC)


@dataclasses.dataclass(frozen=True, slots=True)
class LaterItem:
    """Row of `items` in a release to come: three columns more."""

    media_id: str
    uri: str
    title: str | None
    artist: str | None
    album: str | None
    isrc: str | None
    rights_holder: str | None
    loudness_db: float
    languages: tuple[str, ...]
    neighbours: tuple[Neighbours, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class OtherItem:
    """Row of an `items` that is another."""

    media_id: str
    uri: int


@pytest.fixture
def write(bucket):
    """Writes items and statuses of these media as a run."""

    def run(output, *names, run_id="run1", types=TYPES, items=None, attempt="a"):
        options = PipelineOptions([], runner="FnApiRunner", temp_location=f"{bucket}/temp")
        with beam.Pipeline(options=options) as root:
            tables = {
                "items": root | "Items" >> beam.Create([item(name) for name in names] if items is None else items),
                "media_status": root | "Statuses" >> beam.Create([status(name) for name in names]),
            }
            _ = tables | WriteTables(output, by(run_id), types, attempt)

    return run


def by(run_id):
    return Provenance(run_id, "test", "1", "none", NOON)


def item(name):
    return MediaItem(name, f"gs://media/{name}", title=f"{name} 'quoted'")


def status(name):
    return MediaStatus(name, f"gs://media/{name}", "done", None, None, None, "crc", "digest")


def rows_of(*names, run_id="run1"):
    return [to_row(item(name), by(run_id)) for name in names]


def rows_in(output, table="items"):
    return sorted(read_table(output, table).to_pylist(), key=lambda row: (row["run_id"], row["media_id"]))


def pipeline():
    return beam.Pipeline(options=PipelineOptions([], runner="FnApiRunner"))


def test_what_is_written_is_what_is_read(write, make_dataset):
    output = make_dataset("written")
    write(output, "a", "b")
    assert rows_in(output) == rows_of("a", "b")
    with pipeline() as root:
        assert_that(root | ReadTable(output, "items"), equal_to(rows_of("a", "b")))
        columns = root | "One column" >> ReadTable(output, "items", ["media_id"], run_keys=["test-run1"])
        assert_that(columns, equal_to([{"media_id": "a"}, {"media_id": "b"}]), label="columns")
        none = root | "Another run" >> ReadTable(output, "items", run_keys=["test-run2"])
        assert_that(none, equal_to([]), label="none")


def test_a_run_done_again_replaces_its_rows_and_leaves_another_run_alone(write, make_dataset):
    output = make_dataset("again")
    write(output, "a", "b")
    write(output, "a", "x", run_id="run2", attempt="b")
    write(output, "c", attempt="c")
    assert rows_in(output) == rows_of("c") + rows_of("a", "x", run_id="run2")
    write(output, attempt="d")
    assert rows_in(output) == rows_of("a", "x", run_id="run2")


def test_rows_of_skipped_media_are_found(write, make_dataset):
    output = make_dataset("kept")
    write(output, "a", "b")
    with pipeline() as root:
        kept = root | beam.Create([status("b"), status("c")]) | KeepRows(output, "test-run1", "items")
        assert_that(kept, equal_to(rows_of("b")))


def test_a_table_that_nobody_wrote_is_empty(make_dataset):
    output = make_dataset("unwritten")
    assert read_table(output, "items", ["media_id"]).to_pydict() == {"media_id": []}
    with pipeline() as root:
        assert_that(root | ReadTable(output, "items"), equal_to([]))


def test_a_later_release_adds_its_columns_and_old_rows_lack_them(write, make_dataset, warehouse):
    output = make_dataset("widened")
    write(output, "a")
    neighbours = Neighbours("name", "anne grey", 2, (NodeOpinion("a1", 1.5, 0.75), NodeOpinion("a2", 0.25, 0.25)))
    later = LaterItem("b", "gs://media/b", None, None, None, None, None, -14.0, ("de", "en"), (neighbours,))
    write(output, run_id="run2", types=TYPES | {"items": LaterItem}, items=[later])
    old, new = rows_in(output)
    assert (new["loudness_db"], new["languages"]) == (-14.0, ["de", "en"])
    assert new["neighbours"] == to_row(later, by("run2"))["neighbours"]
    assert (old["media_id"], old["loudness_db"]) == ("a", None)
    write(output, "c", attempt="b")
    assert [row["media_id"] for row in rows_in(output)] == ["c", "b"]


def test_a_table_of_other_columns_is_refused_and_left(write, make_dataset):
    output = make_dataset("refused")
    write(output, "a")
    with pytest.raises(Exception, match="items, column uri: expected REQUIRED INTEGER, got REQUIRED STRING"):
        write(output, run_id="run2", types=TYPES | {"items": OtherItem}, items=[OtherItem("b", 1)])
    assert rows_in(output) == rows_of("a")
    assert rows_in(output, "media_status") == [to_row(status("a"), by("run1"))]


def test_a_dataset_that_is_not_there_is_an_error_before_any_work(bucket):
    options = PipelineOptions([], temp_location=f"{bucket}/temp")
    with pytest.raises(ValueError, match="expected a dataset that is there and may be read: 404"):
        prepare_output("bq://linernotes-test.nowhere", "test-run1", options)


KILLED = """
import os, signal, sys
from apache_beam.options.pipeline_options import PipelineOptions
import apache_beam as beam
from transforms import datasets
from transforms.tables import WriteTables
from test_datasets import TYPES, by, item, status

output, temp_location, where = sys.argv[1:]

def die_after(name):
    step = getattr(datasets, name)
    def run(*arguments):
        step(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(datasets, name, run)

die_after({"loading": "_load", "preparing": "_prepare", "committed": "_replace"}[where])
with beam.Pipeline(options=PipelineOptions([], runner="FnApiRunner", temp_location=temp_location)) as root:
    items, statuses = root | "I" >> beam.Create([item("z")]), root | "S" >> beam.Create([status("z")])
    _ = {"items": items, "media_status": statuses} | WriteTables(output, by("run1"), TYPES, "killed")
"""


@pytest.mark.parametrize(("where", "seen"), [("loading", "ab"), ("preparing", "ab"), ("committed", "z")])
def test_a_run_killed_outright_is_seen_whole_or_not_at_all(write, make_dataset, bucket, find, warehouse, where, seen):
    output = make_dataset(f"killed_{where}")
    write(output, "a", "b")
    run = subprocess.run(
        [sys.executable, "-c", KILLED, output, f"{bucket}/temp", where],
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{Path(__file__).parent}"},
        check=False,
    )
    assert run.returncode == -signal.SIGKILL
    assert rows_in(output) == rows_of(*seen)
    assert rows_in(output, "media_status") == [to_row(status(name), by("run1")) for name in seen]
    assert staging_tables(warehouse, output)
    assert find(f"{bucket}/temp/**test-run1**")
    prepare_output(output, "test-run1", PipelineOptions([], temp_location=f"{bucket}/temp"))
    assert staging_tables(warehouse, output) == find(f"{bucket}/temp/**test-run1**") == []
    write(output, "c", attempt="b")
    assert rows_in(output) == rows_of("c")


def staging_tables(warehouse, output):
    return [table.table_id for table in warehouse.list_tables(output.removeprefix("bq://")) if "stag" in table.table_id]


@pytest.fixture(scope="module")
def catalogue(warehouse):
    """The name of a table of tracks."""
    name = f"{warehouse.project}.catalogue.tracks"
    warehouse.create_dataset("catalogue")
    fields = [bigquery.SchemaField(each, "STRING") for each in ("media_id", "uri", "title", "added")]
    warehouse.create_table(bigquery.Table(name, fields))
    values = "('a', 'gs://m/a.mp3', 'A', '2026-01-01'), ('b', 'gs://m/b.mp3', NULL, '2026-01-02')"
    warehouse.query(f"INSERT INTO `{name}` (media_id, uri, title, added) VALUES {values}").result()
    return name


def test_a_query_or_a_table_is_a_manifest(catalogue):
    both = [MediaItem("a", "gs://m/a.mp3", "A"), MediaItem("b", "gs://m/b.mp3")]
    assert sorted(list_media(f"bq://{catalogue}"), key=lambda each: each.media_id) == both
    assert list(list_media(f"SELECT * FROM `{catalogue}` ORDER BY media_id")) == both
    assert (
        list(list_media(f"with t as (select * from `{catalogue}`)\nselect * from t where added > '2026-01-01'"))
        == both[1:]
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT media_id FROM `{}`", r"SELECT .*, row 1: expected a column uri, got media_id"),
        ("SELECT * FROM `{}` WHERE FALSE", "expected media, found none"),
        ("SELECT * FROM `{}_gone`", "cannot be read: 404"),
        ("SELECT * FROM `{}` WHERE nothing = 1", "cannot be read: 400"),
        ("bq://{}_gone", "cannot be read: 404"),
    ],
)
def test_a_query_that_is_no_manifest_is_an_error(catalogue, query, message):
    with pytest.raises(ManifestError, match=message):
        list(list_media(query.format(catalogue)))


def test_records_of_a_query_keep_their_lists(warehouse):
    ((where, row),) = read_records("SELECT 'x' AS id, [STRUCT('n' AS name, 'author' AS role)] AS contributors")
    assert where.endswith(", row 1")
    assert row == {"id": "x", "contributors": [{"name": "n", "role": "author"}]}


def test_a_conflict_is_told_from_a_mistake():
    from transforms.datasets import _is_conflict

    text = "Transaction is aborted due to concurrent update against table p:d.t. Transaction ID: 1"
    assert _is_conflict(BadRequest(text))
    assert not _is_conflict(BadRequest("Unrecognized name: nothing"))
