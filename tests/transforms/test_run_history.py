"""What is read of a long history. Oracle: all of it."""

import datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.records import MediaStatus, Provenance, TrackSegment
from models.run_tables import PERIODS, UnknownRunError, count, list_runs, open_run
from models.tables import arrow_schema, to_row
from transforms.run_history import read_run
from transforms.tables import read_table

QUERIES = ("items", "segments", "tracks", "failures")
PIPELINES = ("classify_tracks", "match_podcasts")


@pytest.fixture
def write_runs(tmp_path):
    """Writes runs in order of time, {run: [(media_id, status, content, segments)]}; the output."""

    def write(runs, pipeline="classify_tracks", start=1):
        for day, (run_id, items) in enumerate(runs.items(), start):
            made = Provenance(run_id, pipeline, "0.1.0", "toy-1", datetime.datetime(2026, 1, day, tzinfo=datetime.UTC))
            statuses = [MediaStatus(name, f"{name}.wav", word, None, None, 3.0, of, "0") for name, word, of, _ in items]
            segments = [
                TrackSegment(name, float(i), i + 1.0, f"{run_id} {i}", 0.9)
                for name, _, _, number in items
                for i in range(number)
            ]
            for table, records in (("media_status", statuses), ("track_segments", segments)):
                path = tmp_path / table / f"{made.run_key}.0.00000-of-00001.parquet"
                path.parent.mkdir(exist_ok=True)
                rows = [to_row(record, made) for record in records]
                schema = arrow_schema(MediaStatus if table == "media_status" else TrackSegment)
                pq.write_table(pa.Table.from_pylist(rows, schema), path)
        return str(tmp_path)

    return write


def open_all(output, *ids):
    return open_run({table: read_table(output, table) for table in ("media_status", "track_segments")}, *ids)


def shown(connection):
    found = {period: [count(connection, query, period) for query in QUERIES] for period in PERIODS}
    return found, [list_runs(connection, period) for period in PERIODS]


def read_rows(connection, table="media_status"):
    return connection.execute(f"SELECT count(*) FROM everything.{table}").fetchone()[0]


@pytest.mark.parametrize("seed", range(12))
def test_a_report_shows_what_it_would_if_it_read_all(write_runs, seed):
    rng = np.random.default_rng(seed)
    numbers = {(name, content): int(rng.integers(3)) for name in "abcdef" for content in "01"}  # of segments
    for pipeline in PIPELINES:
        made, runs = set(), {}
        for number in range(8):
            items = []
            for name in rng.permutation(list("abcdef"))[: rng.integers(1, 7)]:
                content = str(rng.integers(2))
                again = (name, content) in made and rng.random() < 0.7
                status = "skipped" if again else str(rng.choice(["done", "failed"], p=[0.9, 0.1]))
                kept = status == "done" or (again and rng.random() < 0.2)  # of an earlier attempt of the run
                items.append((f"{pipeline} {name}", status, content, numbers[name, content] if kept else 0))
                made |= {(name, content)} if status == "done" else set()
            runs[f"run{number}"] = items
        output = write_runs(runs, pipeline)
    for ids in [(None, None), ("run5", None), ("run6", "run1"), (None, "run3")]:
        assert shown(read_run(output, *ids)) == shown(open_all(output, *ids))


def test_of_a_long_history_the_run_and_the_one_before_it_are_read(write_runs):
    output = write_runs({f"day{day}": [(f"item{day}", "done", "a", 2)] for day in range(1, 21)})
    connection = read_run(output)
    assert read_rows(connection) == 2 and read_rows(connection, "track_segments") == 4


def test_what_was_skipped_is_looked_for_no_further_than_where_it_was_done(write_runs):
    days = {f"day{day}": [("kept", "done" if day == 10 else "skipped", "a", 2 * (day == 10))] for day in range(1, 13)}
    connection = read_run(write_runs({f"old{day}": [("other", "done", "a", 1)] for day in range(1, 6)} | days))
    assert read_rows(connection) == 3
    assert [row["label"] for row in count(connection, "segments")] == ["day10 0", "day10 1"]


def test_runs_that_do_not_hold_what_an_attempt_kept_are_not_read(write_runs):
    connection = read_run(
        write_runs(
            {f"old{day}": [("other", "done", "a", 1)] for day in range(1, 6)} | {"new": [("kept", "skipped", "a", 2)]}
        )
    )
    assert read_rows(connection) == 2  # the new one, and the one before it
    assert [row["label"] for row in count(connection, "segments")] == ["new 0", "new 1"]


def test_an_unknown_run_is_refused_and_all_are_named(write_runs):
    output = write_runs({f"day{day}": [("item", "done", "a", 1)] for day in range(1, 4)})
    with pytest.raises(UnknownRunError, match="expected one of the tables' runs, day1, day2, day3, got day9"):
        read_run(output, "day9")


def test_an_output_without_tables_has_no_runs(tmp_path):
    assert list_runs(read_run(str(tmp_path))) == []
