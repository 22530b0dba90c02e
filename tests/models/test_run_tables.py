import datetime

import pyarrow as pa
import pytest

from models.records import MediaStatus, NewAuthor, Provenance, TrackSegment
from models.run_tables import QUERIES, UnknownRunError, count, list_runs, open_run
from models.tables import arrow_schema, to_row


def made(run_id, day, pipeline="classify_tracks"):
    return Provenance(run_id, pipeline, "0.1.0", "toy-1", datetime.datetime(2026, 1, day, tzinfo=datetime.UTC))


def status(media_id, word="done", content="a", digest="0"):
    return MediaStatus(media_id, f"{media_id}.wav", word, None, None, 3.0, content, digest)


def segment(media_id, label):
    return TrackSegment(media_id, 0.0, 3.0, label, 0.9)


def tabulate(*records):
    """A table of (record, provenance)."""
    schema = arrow_schema(type(records[0][0]))
    return pa.Table.from_pylist([to_row(record, provenance) for record, provenance in records], schema)


def labels(connection, period="now"):
    return [(row["track_id"], row["label"]) for row in count(connection, "segments", period)]


FIRST, SECOND, THIRD = made("first", 1), made("second", 2), made("third", 3)
TABLES = {
    "media_status": tabulate(*((status("a"), run) for run in (FIRST, SECOND, THIRD))),
    "track_segments": tabulate(*((segment("a", run.run_id), run) for run in (FIRST, SECOND, THIRD))),
}


@pytest.mark.parametrize(
    ("run_id", "compare", "now", "before"),
    [
        (None, None, "third", "second"),
        ("second", None, "second", "first"),
        ("first", None, "first", None),
        ("third", "first", "third", "first"),
        (None, "third", "third", "third"),
    ],
)
def test_the_run_and_the_one_before_it_are_told_apart(run_id, compare, now, before):
    connection = open_run(TABLES, run_id, compare)
    assert labels(connection) == [("a", now)]
    assert labels(connection, "before") == ([] if before is None else [("a", before)])
    assert [row["run_id"] for row in list_runs(connection, "before")] == ([] if before is None else [before])


def test_each_pipeline_has_its_own_latest_run():
    other = made("other", 9, "index_tracks")
    tables = TABLES | {"media_status": pa.concat_tables([TABLES["media_status"], tabulate((status("b"), other))])}
    assert [(row["pipeline"], row["run_id"]) for row in list_runs(open_run(tables))] == [
        ("classify_tracks", "third"),
        ("index_tracks", "other"),
    ]


def test_an_unknown_run_is_refused():
    with pytest.raises(UnknownRunError, match="run_id: expected one of the tables' runs, first, second, third, got x"):
        open_run(TABLES, "x")
    with pytest.raises(UnknownRunError, match="compare"):
        open_run(TABLES, None, "x")


def test_what_was_skipped_comes_from_the_latest_run_of_the_same_content_and_config():
    rows = [
        (status("kept"), FIRST),
        (status("changed", content="old"), FIRST),
        (status("kept"), SECOND),
        (status("changed", content="new"), SECOND),
        (status("kept", "skipped"), THIRD),
        (status("changed", "skipped", content="old"), THIRD),
        (status("mine", "skipped"), THIRD),
    ]
    segments = [
        (segment("kept", "first"), FIRST),
        (segment("changed", "first"), FIRST),
        (segment("kept", "second"), SECOND),
        (segment("changed", "second"), SECOND),
        (segment("mine", "third"), THIRD),
    ]
    connection = open_run({"media_status": tabulate(*rows), "track_segments": tabulate(*segments)})
    assert labels(connection) == [("changed", "first"), ("kept", "second"), ("mine", "third")]


def test_rows_without_types_and_columns_that_are_missing_are_read():
    author = NewAuthor("new-1", "Name", "new", None, ())
    rows = [to_row(author, made("first", 1, "attribute_audiobooks"))]
    untyped = pa.Table.from_pylist(rows)  # as BigQuery's rows come; no element says what is in media_ids
    (row,) = count(open_run({"new_authors": untyped}), "new_authors")
    assert (row["name"], row["audiobooks"]) == ("Name", 0)
    (row,) = count(open_run({"new_authors": untyped.drop_columns(["replaced_by", "status"])}), "new_authors")
    assert (row["status"], row["replaced_by"]) == (None, None)


def test_every_query_runs_on_no_tables():
    connection = open_run({})
    for query in QUERIES.glob("*.sql"):
        rows = count(connection, query.stem)
        assert rows == [] or query.stem == "music_share"
    assert count(connection, "music_share")[0]["share"] is None
