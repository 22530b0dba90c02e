"""A run's tables in DuckDB, where queries count what a report shows.

Schema `now` holds the tables of the run that the report is about, `before` those of the run that it is compared with;
a query names tables alone, so that one query counts either.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from models import records
from models.tables import arrow_schema

PERIODS = ("now", "before")
TABLES: Mapping[str, type[Any]] = {
    "media_status": records.MediaStatus,
    "music_matches": records.MusicMatch,
    "music_usage": records.MusicUsage,
    "track_labels": records.TrackLabel,
    "track_segments": records.TrackSegment,
    "shots": records.Shot,
    "shot_tags": records.ShotTag,
    "media_tags": records.MediaTag,
    "moderation": records.Moderation,
    "author_links": records.AuthorLinks,
    "new_authors": records.NewAuthor,
}
QUERIES = Path(__file__).with_name("queries")
STATUS = "media_status"
RUN_COLUMNS = ("pipeline", "run_id", "pipeline_version", "model_version", "processed_at")
# As plain UTC: of time zones DuckDB knows by an extension, which it would load from the network.
_AS_UTC = "* REPLACE (processed_at::TIMESTAMP AS processed_at)"

# Of each pipeline: the run of that id, or else the latest; and the one to compare with, or else the latest before it.
_RUNS = """
CREATE TABLE runs AS
WITH listed AS (
    SELECT
        pipeline, run_id, max(processed_at) AS processed_at, max(pipeline_version) AS pipeline_version,
        max(model_version) AS model_version
    FROM provenance GROUP BY pipeline, run_id
), wanted AS (
    SELECT * FROM listed WHERE $run_id IS NULL OR run_id = $run_id
    QUALIFY row_number() OVER (PARTITION BY pipeline ORDER BY processed_at DESC, run_id DESC) = 1
), earlier AS (
    SELECT listed.* FROM listed JOIN wanted USING (pipeline)
    WHERE CASE
        WHEN $compare IS NULL THEN (listed.processed_at, listed.run_id) < (wanted.processed_at, wanted.run_id)
        ELSE listed.run_id = $compare
    END
    QUALIFY row_number() OVER (PARTITION BY pipeline ORDER BY listed.processed_at DESC, listed.run_id DESC) = 1
)
SELECT 'now' AS period, * FROM wanted UNION ALL SELECT 'before', * FROM earlier
"""

# Which run an item's rows are of: what a run skipped, another had done, with the same content and config; if the run
# itself kept rows of it, then those.
_SOURCES = """
CREATE TABLE {period}.sources AS
WITH skipped AS (
    SELECT status.* FROM everything.media_status AS status
    JOIN runs USING (pipeline, run_id) WHERE period = '{period}' AND status = 'skipped'
), made AS (
    SELECT skipped.pipeline, skipped.media_id, other.run_id
    FROM skipped JOIN everything.media_status AS other USING (pipeline, media_id, content, config_digest)
    SEMI JOIN holders ON (other.pipeline, other.media_id, other.run_id)
        = (holders.pipeline, holders.media_id, holders.run_id)
    QUALIFY row_number() OVER (
        PARTITION BY skipped.pipeline, skipped.media_id
        ORDER BY other.run_id = skipped.run_id DESC, other.processed_at DESC
    ) = 1
)
SELECT * FROM made
UNION ALL
SELECT DISTINCT holders.pipeline, holders.media_id, holders.run_id
FROM holders JOIN runs USING (pipeline, run_id)
ANTI JOIN made ON (made.pipeline, made.media_id) = (holders.pipeline, holders.media_id)
WHERE period = '{period}'
"""
_BY_RUN = """
CREATE TABLE {period}.{table} AS
SELECT rows.* FROM everything.{table} AS rows JOIN runs USING (pipeline, run_id) WHERE period = '{period}'
"""
_BY_SOURCE = """
CREATE TABLE {period}.{table} AS
SELECT rows.* FROM everything.{table} AS rows JOIN {period}.sources USING (pipeline, media_id, run_id)
"""


class UnknownRunError(ValueError):
    """No run of that id is in the tables."""


def open_run(
    tables: Mapping[str, pa.Table], run_id: str | None = None, compare: str | None = None
) -> duckdb.DuckDBPyConnection:
    """A database of the tables' rows that are of the run, and of the one before it.

    A table that is missing is empty, and so is a column. Without run_id each pipeline's latest run counts; compare
    names the run to compare with. UnknownRunError for ids that no row has.
    """
    connection = duckdb.connect()
    for schema in ("everything", *PERIODS):
        connection.execute(f"CREATE SCHEMA {schema}")
    for table, record_type in TABLES.items():
        connection.register("arriving", _align(tables.get(table), arrow_schema(record_type)))
        connection.execute(f"CREATE TABLE everything.{table} AS SELECT {_AS_UTC} FROM arriving")
        connection.unregister("arriving")
    connection.execute("CREATE TABLE provenance AS " + _union(", ".join(RUN_COLUMNS), list(TABLES)))
    _choose_runs(connection, run_id, compare)
    connection.execute(f"CREATE TABLE holders AS {_union('pipeline, media_id, run_id', _item_tables())}")
    for period in PERIODS:
        connection.execute(_SOURCES.format(period=period))
        for table in TABLES:
            template = _BY_SOURCE if table in _item_tables() else _BY_RUN
            connection.execute(template.format(period=period, table=table))
    return connection


def choose_runs(provenance: pa.Table, run_id: str | None = None, compare: str | None = None) -> list[str]:
    """The keys of the runs, among those of which provenance has RUN_COLUMNS, whose rows open_run would show.

    UnknownRunError for ids that are not there.
    """
    connection = duckdb.connect()
    if not provenance.num_rows:
        provenance = pa.schema([(name, pa.string()) for name in RUN_COLUMNS]).empty_table()
    connection.register("arriving", provenance)
    connection.execute(f"CREATE TABLE provenance AS SELECT {_AS_UTC} FROM arriving")
    _choose_runs(connection, run_id, compare)
    return [key for (key,) in connection.execute("SELECT DISTINCT pipeline || '-' || run_id FROM runs").fetchall()]


def count(connection: duckdb.DuckDBPyConnection, query: str, period: str = "now") -> list[dict[str, Any]]:
    """The rows of the query of that name, of the run or of the one before it."""
    connection.execute(f"SET schema = '{period}'")
    result = connection.execute(read_query(query))
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def list_runs(connection: duckdb.DuckDBPyConnection, period: str = "now") -> list[dict[str, Any]]:
    """The runs that the rows of a period are of, one a pipeline."""
    result = connection.execute("SELECT * FROM main.runs WHERE period = ? ORDER BY pipeline", [period])
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def read_query(query: str) -> str:
    """The SQL of that name."""
    return (QUERIES / f"{query}.sql").read_text(encoding="utf-8")


def _choose_runs(connection: duckdb.DuckDBPyConnection, run_id: str | None, compare: str | None) -> None:
    """Makes the table of the runs of both periods, from one with the provenance of all."""
    known = [row[0] for row in connection.execute("SELECT DISTINCT run_id FROM provenance ORDER BY 1").fetchall()]
    for name, wanted in (("run_id", run_id), ("compare", compare)):
        if wanted is not None and wanted not in known:
            raise UnknownRunError(f"{name}: expected one of the tables' runs, {', '.join(known)}, got {wanted}")
    connection.execute(_RUNS, {"run_id": run_id, "compare": compare})


def _union(columns: str, tables: Iterable[str]) -> str:
    return " UNION ".join(f"SELECT {columns} FROM everything.{table}" for table in tables)


def _item_tables() -> Sequence[str]:
    """The tables with results of items."""
    return [name for name in TABLES if name not in (STATUS, "new_authors")]


def _align(table: pa.Table | None, schema: pa.Schema) -> pa.Table:
    """The table with these columns and types, whatever wrote it; a column that it lacks is null."""
    loose = pa.schema([field.with_nullable(True) for field in schema])
    if table is None or not table.num_rows:
        return loose.empty_table()
    columns = []
    for field in loose:
        if field.name not in table.schema.names:
            columns.append(pa.nulls(table.num_rows, field.type))
        elif table.schema.field(field.name).type == field.type:
            columns.append(table[field.name])
        else:  # BigQuery's rows come without Arrow's types
            columns.append(pa.array(table[field.name].to_pylist(), field.type))
    return pa.table(columns, schema=loose)
