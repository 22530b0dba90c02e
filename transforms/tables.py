"""Tables in and out: a run's rows as Parquet, replaced all at once. Schemas and rows are models.tables'."""

import dataclasses
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io import parquetio
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions
from apache_beam.pvalue import AsIter, PBegin, PCollection

from models.records import MediaStatus, Provenance
from models.tables import arrow_schema, table_columns, to_row
from transforms.commits import check_folder, check_name, commit, committed_files, recover, staged_prefix
from transforms.datasets import commit_rows, is_dataset, prepare_dataset, query_rows, select_rows, split_dataset

Row = dict[str, Any]


@dataclasses.dataclass
class WriteTables(beam.PTransform[Any, Any]):
    """Replaces the run's rows in all these tables at once; yields the files put in place, or BigQuery's tables.

    Takes {table: records} with the record classes' tables exactly. A table of no records is written, and empty. Rows
    that are made already, such as KeepRows', may stand among the records and keep their provenance.
    """

    output: str  # a folder, anywhere FileSystems writes; or bq://PROJECT.DATASET, and --temp_location a bucket
    provenance: Provenance
    record_types: Mapping[str, type[Any]]  # by table
    attempt: str = dataclasses.field(default_factory=lambda: uuid.uuid4().hex[:12])  # never the same twice

    def __post_init__(self) -> None:
        _check_output(self.output)
        for what, name in [
            ("run id", self.provenance.run_id),
            ("run", self.provenance.run_key),
            ("attempt", self.attempt),
        ]:
            check_name(what, name)
        for table in self.record_types:
            check_name("table", table)

    def expand(self, records: Any) -> PCollection[str]:  # of a dict's annotation Beam warns
        if records.keys() != self.record_types.keys():
            raise ValueError(f"tables: expected {sorted(self.record_types)}, got {sorted(records)}")
        root = next(iter(records.values())).pipeline
        staging = _staging_of(self.output, root.options)
        staged = [
            records[table]
            | f"Make {table} rows" >> beam.Map(_make_row, table, record_type, self.provenance)
            | f"Stage {table}" >> self._stage(staging, table)
            for table, record_type in self.record_types.items()
        ]
        written = staged | beam.Flatten()
        once = root | beam.Create([staging])
        names: PCollection[str] = once | "Commit" >> beam.FlatMap(_commit_after, self, AsIter(written))
        return names

    def _stage(self, staging: str, table: str) -> parquetio.WriteToParquet:
        # One file a bundle: with a set number of shards, Beam's sink pads with empty files of random names, and when
        # its last step is retried those can take a full one's place.
        return parquetio.WriteToParquet(
            staged_prefix(staging, self.provenance.run_key, self.attempt, table),
            arrow_schema(self.record_types[table]),
            codec="snappy",
            use_compliant_nested_type=True,
            file_name_suffix=".parquet",
            shard_name_template="SSSSS-of-NNNNN",
        )


def prepare_output(output: str, run_key: str, options: PipelineOptions) -> None:
    """Finishes or discards what crashes have left of a run, before an attempt of it starts.

    ValueError or OSError unless tables can be written there.
    """
    staging = _staging_of(output, options)
    if is_dataset(output):
        prepare_dataset(output, run_key)
    recover(staging, run_key)


@dataclasses.dataclass
class ReadTable(beam.PTransform[Any, Any]):
    """The table's committed rows as dicts, of all runs or of some; none, if nobody has written it."""

    output: str
    table: str
    columns: Sequence[str] | None = None  # None: all
    run_keys: Sequence[str] | None = None

    def __post_init__(self) -> None:
        _check_output(self.output)
        check_name("table", self.table)

    def expand(self, root: PBegin) -> PCollection[Row]:
        columns = None if self.columns is None else list(self.columns)
        if is_dataset(self.output):
            query = select_rows(self.output, self.table, columns, self.run_keys)
            queried: PCollection[Row] = (
                root | beam.Create([query]) | beam.FlatMap(query_rows, self.output) | beam.Reshuffle()
            )
            return queried
        rows: PCollection[Row] = (
            root
            | beam.Create([self.output])
            | beam.FlatMap(_list_files, self.table, self.run_keys)
            | beam.Reshuffle()
            | parquetio.ReadAllFromParquet(columns=columns)
        )
        return rows


@dataclasses.dataclass
class KeepRows(beam.PTransform[Any, Any]):
    """The rows, of the run's earlier attempt, of media that this attempt skips: for WriteTables to write again.

    Only those that the earlier attempt made of the same content with the same config.
    """

    output: str
    run_key: str
    table: str

    def expand(self, skipped: PCollection[MediaStatus]) -> PCollection[Row]:
        rows = skipped.pipeline | ReadTable(self.output, self.table, run_keys=[self.run_key])
        rows_by_media_id = rows | "Key rows" >> beam.Map(_by_media_id)
        made = skipped.pipeline | "Made" >> ReadTable(self.output, "media_status", run_keys=[self.run_key])
        made_by_media_id = made | "Key made" >> beam.Map(lambda row: (row["media_id"], _version(**row)))
        skipped_by_media_id = skipped | "Key skipped" >> beam.Map(
            lambda status: (status.media_id, _version(status.content, status.config_digest))
        )
        groups = {"rows": rows_by_media_id, "made": made_by_media_id, "skipped": skipped_by_media_id}
        grouped = groups | beam.CoGroupByKey()
        kept: PCollection[Row] = grouped | beam.FlatMap(_rows_of_skipped)
        return kept


@dataclasses.dataclass
class FromRows(beam.PTransform[Any, Any]):
    """The records that rows of a table were made from."""

    record_type: type[Any]

    def expand(self, rows: PCollection[Row]) -> PCollection[Any]:
        names = [field.name for field in dataclasses.fields(self.record_type)]
        records: PCollection[Any] = rows | beam.Map(_from_row, self.record_type, names).with_output_types(
            self.record_type
        )
        return records


def read_table(
    output: str, table: str, columns: Sequence[str] | None = None, run_keys: Sequence[str] | None = None
) -> pa.Table:
    """The table's committed rows, of all runs or of some, in this process; what nobody wrote has none, and no types."""
    _check_output(output)
    if is_dataset(output):
        return _tabulate(list(query_rows(select_rows(output, table, columns, run_keys), output)), columns)
    return _join([_read_file(path, columns) for path in _list_files(output, table, run_keys)], columns)


def read_distinct(output: str, table: str, columns: Sequence[str]) -> pa.Table:
    """What differs in these columns of the table's committed rows, of all runs, whose number may be large."""
    _check_output(output)
    if is_dataset(output):
        return _tabulate(list(query_rows(select_rows(output, table, columns, distinct=True), output)), columns)
    parts = [_read_file(path, columns).group_by(columns).aggregate([]) for path in _list_files(output, table)]
    return _join(parts, columns).group_by(columns).aggregate([])


def _check_output(output: str) -> None:
    """Raises ValueError for what names neither a folder nor a dataset."""
    if is_dataset(output):
        split_dataset(output)
    else:
        check_folder(output)


def _staging_of(output: str, options: PipelineOptions) -> str:
    """The folder in which rows wait to be committed. ValueError if there is none for this output."""
    _check_output(output)
    if not is_dataset(output):
        return output
    bucket = options.view_as(GoogleCloudOptions).temp_location
    if not (bucket or "").startswith("gs://"):
        raise ValueError(f"expected --temp_location=gs://…, from which BigQuery loads, got {bucket or 'none'}")
    check_folder(bucket)
    return str(FileSystems.join(bucket, "linernotes"))


def _commit_after(staging: str, write: WriteTables, written: Iterable[str]) -> list[str]:
    """Commits once `written` is complete; its names go unused, for Beam's sink yields none when it is retried."""
    if is_dataset(write.output):
        return commit_rows(write.output, staging, write.provenance, write.attempt, write.record_types)
    return commit(write.output, write.provenance.run_key, write.attempt, list(write.record_types))


def _list_files(output: str, table: str, run_keys: Sequence[str] | None = None) -> list[str]:
    if run_keys is None:
        return committed_files(output, table)
    return [path for key in run_keys for path in committed_files(output, table, key)]


def _join(parts: Sequence[pa.Table], columns: Sequence[str] | None) -> pa.Table:
    if not parts:
        return _tabulate([], columns)
    return pa.concat_tables(parts, promote_options="default")  # an older run may lack a newer column


def _tabulate(rows: list[Row], columns: Sequence[str] | None) -> pa.Table:
    """Rows as an Arrow table; of no rows the columns have no types."""
    if rows:
        return pa.Table.from_pylist(rows)
    return pa.schema([(column, pa.null()) for column in columns or ()]).empty_table()


def _make_row(record: Any, table: str, record_type: Any, provenance: Provenance) -> Row:
    """The record's row; a row as it is. Raises TypeError and ValueError for what does not belong in the table."""
    if isinstance(record, record_type):
        return to_row(record, provenance)
    if not isinstance(record, dict):
        raise TypeError(f"table {table}: expected {record_type.__name__} or a row of it, got {record!r}")
    names = [column.name for column in table_columns(record_type)]
    if record.keys() != set(names) or record["run_id"] != provenance.run_id:
        raise ValueError(f"table {table}: expected a row of run {provenance.run_id} with columns {names}, got {record}")
    return record


def _from_row(row: Row, record_type: Any, names: list[str]) -> Any:
    return record_type(**{name: row[name] for name in names})


def _by_media_id(row: Row) -> tuple[str, Row]:
    return row["media_id"], row


def _version(content: str | None, config_digest: str, **_: Any) -> tuple[str | None, str]:
    return content, config_digest


def _rows_of_skipped(grouped: tuple[str, dict[str, Any]]) -> Iterator[Row]:
    _, groups = grouped
    if set(groups["skipped"]) & set(groups["made"]):
        yield from groups["rows"]


def _read_file(path: str, columns: Sequence[str] | None) -> pa.Table:
    with FileSystems.open(path) as file:
        # In no thread of Arrow's: one that lets go of Python's bytes while the interpreter ends aborts the process.
        return pq.ParquetFile(file, pre_buffer=False).read(columns, use_threads=False)
