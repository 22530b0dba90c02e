"""The history of runs in an output's tables, of which a report needs few."""

from collections.abc import Iterator, Sequence

import duckdb
import pyarrow as pa

from models.records import split_run_key
from models.run_tables import RUN_COLUMNS, STATUS, TABLES, choose_runs, open_run
from transforms.tables import read_distinct, read_table

_VERSION = ("media_id", "content", "config_digest")  # of what a run did: another can skip the same


def read_run(output: str, run_id: str | None = None, compare: str | None = None) -> duckdb.DuckDBPyConnection:
    """What open_run makes of the output's tables, without reading the rows of runs that do not matter to it."""
    runs = _list_runs(output)
    chosen = choose_runs(runs, run_id, compare)
    needed = dict.fromkeys([*chosen, *_find_sources(output, runs, chosen)])
    return open_run({table: read_table(output, table, run_keys=list(needed)) for table in TABLES}, run_id, compare)


def _list_runs(output: str) -> pa.Table:
    """Of each run RUN_COLUMNS: those with statuses, as every run of ours has; of tables without any, all others."""
    for tables in ([STATUS], [table for table in TABLES if table != STATUS]):
        listed = pa.concat_tables(
            [read_distinct(output, table, RUN_COLUMNS) for table in tables], promote_options="default"
        )
        if listed.num_rows:
            break
    return listed


def _find_sources(output: str, runs: pa.Table, chosen: Sequence[str]) -> Iterator[str]:
    """The runs that may hold rows of what the chosen ones skipped, from the latest down to where all of it is done."""
    rows = sorted(runs.to_pylist(), key=lambda row: row["processed_at"], reverse=True)
    for pipeline in dict.fromkeys(split_run_key(key)[0] for key in chosen):
        of_pipeline = [key for key in chosen if split_run_key(key)[0] == pipeline]
        missing = set().union(*(_list_versions(output, key, "skipped") for key in of_pipeline))
        for key in dict.fromkeys(f"{pipeline}-{row['run_id']}" for row in rows if row["pipeline"] == pipeline):
            if not missing:
                break
            if missing & _list_versions(output, key, "done", "skipped"):  # of what it did itself, it may skip some
                yield key
            missing -= _list_versions(output, key, "done")


def _list_versions(output: str, run_key: str, *statuses: str) -> set[tuple[str, ...]]:
    """The run's items of these statuses, each with its content and the config's digest."""
    table = read_table(output, STATUS, [*_VERSION, "status"], [run_key])
    rows = zip(*(table[name].to_pylist() for name in (*_VERSION, "status")), strict=True)
    return {tuple(version) for *version, status in rows if status in statuses}
