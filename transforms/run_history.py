"""The history of runs in an output's tables: what one run found may lie in the rows of others."""

from collections.abc import Iterator, Mapping, Sequence

import duckdb
import pyarrow as pa

from models.records import split_run_key
from models.run_tables import RUN_COLUMNS, STATUS, TABLES, choose_runs, open_run
from transforms.tables import read_distinct, read_table

_VERSION = ("media_id", "content", "config_digest")  # of what a run did: another can skip the same
_Versions = set[tuple[str, ...]]


def read_run(output: str, run_id: str | None = None, compare: str | None = None) -> duckdb.DuckDBPyConnection:
    """What open_run makes of the output's tables, without reading the rows of runs that do not matter to it."""
    chosen = choose_runs(_list_runs(output, RUN_COLUMNS), run_id, compare)
    needed = find_sources(output, chosen)
    return open_run({table: read_table(output, table, run_keys=needed) for table in TABLES}, run_id, compare)


def find_sources(output: str, run_keys: Sequence[str]) -> list[str]:
    """These runs, and those that may hold rows of what they skipped: the latest, down to where all of it is done."""
    skipped = {key: _list_versions(output, key, "skipped") for key in run_keys}
    sources = dict.fromkeys(run_keys)
    if any(skipped.values()):
        sources |= dict.fromkeys(_search(output, skipped))
    return list(sources)


def _list_runs(output: str, columns: Sequence[str]) -> pa.Table:
    """Of each run these columns: of those with statuses, as every run of ours has; of tables without any, of all."""
    for tables in ([STATUS], TABLES):
        listed = pa.concat_tables(
            [read_distinct(output, table, columns) for table in tables], promote_options="default"
        )
        if listed.num_rows:
            break
    return listed


def _search(output: str, skipped: Mapping[str, _Versions]) -> Iterator[str]:
    runs = _list_runs(output, ["pipeline", "run_id", "processed_at"])
    rows = sorted(runs.to_pylist(), key=lambda row: row["processed_at"], reverse=True)
    for pipeline in dict.fromkeys(split_run_key(key)[0] for key in skipped):
        missing = _Versions().union(*(skipped[key] for key in skipped if split_run_key(key)[0] == pipeline))
        for key in dict.fromkeys(f"{pipeline}-{row['run_id']}" for row in rows if row["pipeline"] == pipeline):
            if not missing:
                break
            if missing & _list_versions(output, key, "done", "skipped"):  # of what it did itself, it may skip some
                yield key
            missing -= _list_versions(output, key, "done")


def _list_versions(output: str, run_key: str, *statuses: str) -> _Versions:
    """The run's items of these statuses, each with its content and the config's digest."""
    table = read_table(output, STATUS, [*_VERSION, "status"], [run_key])
    rows = zip(*(table[name].to_pylist() for name in (*_VERSION, "status")), strict=True)
    return {tuple(version) for *version, status in rows if status in statuses}
