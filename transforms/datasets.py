"""BigQuery datasets: tables that one run's rows enter together or not at all, and queries.

    DATASET.TABLE                           rows of all runs: a partition a day of processed_at, clustered by run
    DATASET.runs                            which attempt of which run is in them, and since when
    DATASET.staging_TABLE_RUN_KEY_ATTEMPT   loaded, not yet decided; expires in a day, whatever crashes

What an attempt has staged as Parquet in a bucket is loaded, one job a table, and one transaction puts it in the place
of the run's earlier rows. Until that ends all see the rows from before; after it, all see the new ones. Loading and
deciding can be done again from any point, by anyone: the table `runs` tells what is decided.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from google.api_core.exceptions import BadRequest, GoogleAPICallError, NotFound
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from models.records import Provenance, split_run_key
from models.tables import bigquery_schema
from transforms.commits import discard, staged_files, staged_prefix

_SCHEME = "bq://"
_NAME = re.compile(r"bq://(?P<project>[a-z][a-z0-9.:-]*)\.(?P<dataset>\w+)", re.ASCII)
_PAGE_ROWS = 20_000
_STAGING_LIFE = timedelta(days=1)
_SQL_TYPES = {"FLOAT": "FLOAT64", "INTEGER": "INT64", "BOOLEAN": "BOOL"}  # the rest are called as in the API
_RUNS = (
    bigquery.SchemaField("run_id", "STRING", "REQUIRED"),
    bigquery.SchemaField("pipeline", "STRING", "REQUIRED"),
    bigquery.SchemaField("attempt", "STRING", "REQUIRED"),
    bigquery.SchemaField("committed_at", "TIMESTAMP", "REQUIRED"),
)


def is_dataset(output: str) -> bool:
    """Whether an output names a dataset, and not a folder."""
    return output.startswith(_SCHEME)


def split_dataset(output: str) -> tuple[str, str]:
    """PROJECT, and PROJECT.DATASET, of an output that is one. ValueError if it is none."""
    found = _NAME.fullmatch(output)
    if not found:
        raise ValueError(f"output: expected bq://PROJECT.DATASET, got {output!r}")
    return found["project"], output.removeprefix(_SCHEME)


def prepare_dataset(output: str, run_key: str) -> None:
    """Discards what attempts of the run loaded but never decided. ValueError for a dataset that cannot be read."""
    client, dataset = _open(output)
    staging = re.compile(rf"staging_\w+_{re.escape(run_key)}_[a-z0-9]+")
    try:
        client.get_dataset(dataset)
        for table in client.list_tables(dataset):
            if staging.fullmatch(table.table_id):
                client.delete_table(table, not_found_ok=True)
    except (GoogleAPICallError, GoogleAuthError) as error:
        raise ValueError(f"expected a dataset that is there and may be read: {error}") from error


def commit_rows(
    output: str, staging: str, provenance: Provenance, attempt: str, record_types: Mapping[str, type[Any]]
) -> list[str]:
    """The tables, after everything that this attempt staged replaced the run's rows in them. Again, it does nothing.

    Raises FileNotFoundError if a staged file is missing, ValueError if a table there has other columns.
    """
    client, dataset = _open(output)
    run_key = provenance.run_key
    loaded = {table: f"{dataset}.staging_{table}_{run_key}_{attempt}" for table in record_types}
    client.create_table(bigquery.Table(f"{dataset}.runs", _RUNS), exists_ok=True)
    if not _is_committed(client, dataset, provenance, attempt):
        for table, record_type in record_types.items():
            staged_files(staging, run_key, attempt, table)
            fields = _fields(record_type)
            _load(client, f"{staged_prefix(staging, run_key, attempt, table)}*", loaded[table], fields)
            _prepare(client, f"{dataset}.{table}", fields)
        _replace(client, dataset, provenance, attempt, {table: _fields(each) for table, each in record_types.items()})
    for name in loaded.values():
        client.delete_table(name, not_found_ok=True)
    discard(staging, run_key, attempt)
    return [f"{dataset}.{table}" for table in record_types]


def select_rows(
    output: str,
    table: str,
    columns: Sequence[str] | None = None,
    run_keys: Sequence[str] | None = None,
    distinct: bool = False,
) -> str:
    """The query for a table's rows, of all runs or of some."""
    _, dataset = split_dataset(output)
    wanted = "*" if columns is None else ", ".join(f"`{column}`" for column in columns)
    query = f"SELECT {'DISTINCT ' if distinct else ''}{wanted} FROM `{dataset}.{table}`"
    if run_keys is None:
        return query
    return f"{query} WHERE " + (" OR ".join(f"({_of_run(*split_run_key(key))})" for key in run_keys) or "FALSE")


def query_rows(query: str, output: str | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a query, or of a table bq://PROJECT.DATASET.TABLE, page by page; of a table not there, none.

    The query is paid for by the project of `output`; without one, by the environment's.
    """
    client = _client(split_dataset(output)[0] if output else None)
    if query.startswith(_SCHEME):
        query = f"SELECT * FROM `{query.removeprefix(_SCHEME)}`"
    try:
        for row in client.query(query).result(page_size=_PAGE_ROWS):
            yield dict(row.items())
    except NotFound:
        if output is None:
            raise


def _open(output: str) -> tuple[bigquery.Client, str]:
    project, dataset = split_dataset(output)
    return _client(project), dataset


def _client(project: str | None) -> bigquery.Client:
    try:
        return bigquery.Client(project)
    except (GoogleAuthError, OSError) as error:  # OSError: of no project, too
        raise ValueError(f"BigQuery: {error}") from error


def _fields(record_type: type[Any]) -> list[bigquery.SchemaField]:
    return [bigquery.SchemaField.from_api_repr(field) for field in bigquery_schema(record_type)["fields"]]


def _is_committed(client: bigquery.Client, dataset: str, provenance: Provenance, attempt: str) -> bool:
    of_run = _of_run(provenance.pipeline, provenance.run_id)
    query = f"SELECT attempt FROM `{dataset}.runs` WHERE {of_run} AND attempt = '{attempt}'"
    return any(True for _ in client.query(query).result())


def _load(client: bigquery.Client, uris: str, name: str, fields: list[bigquery.SchemaField]) -> None:
    table = bigquery.Table(name, fields)
    table.expires = datetime.now(UTC) + _STAGING_LIFE
    client.create_table(table, exists_ok=True)
    lists = bigquery.ParquetOptions()
    lists.enable_list_inference = True
    job = bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.PARQUET,
        write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
        schema=fields,
        parquet_options=lists,
    )
    client.load_table_from_uri(uris, name, job_config=job).result()


def _prepare(client: bigquery.Client, name: str, fields: list[bigquery.SchemaField]) -> None:
    """Makes the table, or adds the columns that it lacks. ValueError if it has a column otherwise."""
    table = bigquery.Table(name, fields)
    table.time_partitioning = bigquery.TimePartitioning(field="processed_at")
    table.clustering_fields = ["run_id", "pipeline", fields[0].name]
    found = client.create_table(table, exists_ok=True)
    there = {field.name: field for field in found.schema}
    for field in fields:
        if field.name in there and not _fits(field, there[field.name]):
            raise ValueError(
                f"table {name}, column {field.name}: expected {_spell(field)}, got {_spell(there[field.name])}"
            )
    for field in fields:
        if field.name not in there:  # rows from before have null, or none
            column = f"`{field.name}` {_sql_type(field)}"
            client.query(f"ALTER TABLE `{name}` ADD COLUMN IF NOT EXISTS {column}").result()


def _fits(ours: bigquery.SchemaField, there: bigquery.SchemaField) -> bool:
    """Whether values of our column can be put there: rows are copied by name, the fields of records by position."""
    same_fields = [field.name for field in ours.fields] == [field.name for field in there.fields]
    return (
        ours.field_type == there.field_type
        and (ours.mode == there.mode or (ours.mode, there.mode) == ("REQUIRED", "NULLABLE"))
        and same_fields
        and all(map(_fits, ours.fields, there.fields))
    )


def _spell(field: bigquery.SchemaField) -> str:
    nested = ", ".join(f"{each.name} {_spell(each)}" for each in field.fields)
    return f"{field.mode} {field.field_type}" + (f" ({nested})" if nested else "")


def _sql_type(field: bigquery.SchemaField) -> str:
    """The column's type as SQL has it."""
    nested = ", ".join(f"`{each.name}` {_sql_type(each)}" for each in field.fields)
    single = f"STRUCT<{nested}>" if field.fields else _SQL_TYPES.get(field.field_type, field.field_type)
    return f"ARRAY<{single}>" if field.mode == "REPEATED" else single


def _replace(
    client: bigquery.Client,
    dataset: str,
    provenance: Provenance,
    attempt: str,
    fields: Mapping[str, list[bigquery.SchemaField]],
) -> None:
    of_run = _of_run(provenance.pipeline, provenance.run_id)
    statements = []
    for table in fields:
        names = ", ".join(f"`{field.name}`" for field in fields[table])
        staged = f"`{dataset}.staging_{table}_{provenance.run_key}_{attempt}`"
        statements.append(f"DELETE FROM `{dataset}.{table}` WHERE {of_run};")
        statements.append(f"INSERT INTO `{dataset}.{table}` ({names}) SELECT {names} FROM {staged};")
    values = f"'{provenance.run_id}', '{provenance.pipeline}', '{attempt}', CURRENT_TIMESTAMP()"
    statements.append(f"DELETE FROM `{dataset}.runs` WHERE {of_run};")
    statements.append(f"INSERT INTO `{dataset}.runs` (run_id, pipeline, attempt, committed_at) VALUES ({values});")
    script = "\n".join(["BEGIN TRANSACTION;", *statements, "COMMIT TRANSACTION;"])
    # Another run's transaction on the same tables aborts this one: BigQuery lets the first win, and says so.
    retry = Retry(predicate=_is_conflict, initial=2.0, maximum=60.0, timeout=1800.0)
    retry(lambda: client.query(script).result())()


def _of_run(pipeline: str, run_id: str) -> str:
    """Names of runs are checked when they are made: no quote is in them."""
    return f"run_id = '{run_id}' AND pipeline = '{pipeline}'"


def _is_conflict(error: BaseException) -> bool:
    return isinstance(error, BadRequest) and "concurrent update" in str(error)
