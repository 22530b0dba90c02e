"""Commits: the tables of one run appear together or not at all, on any file system that Beam can write.

    OUTPUT/TABLE/RUN_ID.ATTEMPT.00000-of-00002.parquet   in place: what `TABLE/*.parquet` reads
    OUTPUT/_staging/RUN_ID/ATTEMPT/TABLE/…               written, not yet decided; files have their final names
    OUTPUT/_runs/RUN_ID.pending.json                     decided: the journal of a commit under way, or crashed in it
    OUTPUT/_runs/RUN_ID.json                             done: the same journal, kept as the record of the run

Writing the journal is the one instant that decides. What follows (remove the run's earlier files, move the new ones in)
can stop anywhere and be done again by anyone, by several at once even: no two attempts share a file name, so nothing
old is ever mistaken for new. All old files go before a new one comes: a row may be missing for an instant from a plain
listing, but never counted twice; readers here follow the journal and see all the new rows from the first instant.

One attempt of a run at a time. A process may die at any point; for a machine that loses power, local files are as safe
as its file system makes a rename.
"""

import contextlib
import dataclasses
import json
import re
from collections.abc import Mapping, Sequence

from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclasses.dataclass(frozen=True, slots=True)
class Journal:
    """What one commit does: file names by table."""

    run_id: str
    attempt: str
    written: Mapping[str, Sequence[str]]  # staged, then in place
    replaced: Mapping[str, Sequence[str]]  # of the run's earlier attempt


def commit(output: str, run_id: str, attempt: str, tables: Sequence[str]) -> list[str]:
    """The files now in place, after everything staged by this attempt replaced the run's files in these tables.

    Doing it again changes nothing. Raises FileNotFoundError if a staged file is missing.
    """
    _finish(output, _pending(output, run_id))
    done = _read_journal(_done(output, run_id))
    if done is None or done.attempt != attempt:
        _write_journal(output, _plan(output, run_id, attempt, tables))
        _finish(output, _pending(output, run_id))
    elif any(_names(_staging(output, run_id, attempt, table)) for table in tables):
        raise ValueError(f"run {run_id}: expected an attempt id not used before, got {attempt}, which is committed")
    return [path for table in tables for path in committed_files(output, table, run_id)]


def recover(output: str, run_id: str | None = None) -> None:
    """Finishes every commit that a crash cut short, and discards what attempts of `run_id` staged but never decided.

    To be called before an attempt of `run_id` starts. Safe while other runs write to the same output.
    """
    for path in _match(FileSystems.join(output, "_runs", "*.pending.json")):
        _finish(output, path)
    if run_id is not None:
        check_name("run id", run_id)
        _delete_tree(FileSystems.join(output, "_staging", run_id))


def committed_files(output: str, table: str, run_id: str | None = None) -> list[str]:
    """The files that hold the table's rows (of one run, if named): none, if nobody has written it.

    A commit under way counts as done: its files are found where they are now.
    """
    while True:
        before = _journal_versions(output)
        files = _resolve(output, table, run_id)
        if _journal_versions(output) == before:  # else a commit began or ended between the listings
            return files


def staged_files(output: str, run_id: str, attempt: str, table: str) -> list[str]:
    """The names of the files that an attempt staged for a table. FileNotFoundError unless every shard is there."""
    folder = _staging(output, run_id, attempt, table)
    names = _names(folder)
    if not names or not all(name.endswith(f"-of-{len(names):05d}.parquet") for name in names):
        raise FileNotFoundError(f"{folder}: expected every shard of table {table}, found {names}")
    return names


def discard(output: str, run_id: str, attempt: str) -> None:
    """Deletes what an attempt staged."""
    _delete_tree(_staging(output, run_id, attempt))


def staged_prefix(output: str, run_id: str, attempt: str, table: str) -> str:
    """Where an attempt writes a table: followed by `SSSSS-of-NNNNN.parquet`."""
    return FileSystems.join(_staging(output, run_id, attempt, table), f"{run_id}.{attempt}.")


def check_name(what: str, name: str) -> None:
    """Raises ValueError unless the name is safe in a path and free of the '.' that ends it in a file's name."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{what}: expected letters, digits, '-' and '_', the first no sign, got {name!r}")


def check_folder(output: str) -> None:
    """Raises ValueError for a path that FileSystems would take as a pattern."""
    if not output or re.search(r"[*?\[\]]", output):
        raise ValueError(f"output: expected a folder without any of * ? [ ], got {output!r}")


def _plan(output: str, run_id: str, attempt: str, tables: Sequence[str]) -> Journal:
    staged = {table: staged_files(output, run_id, attempt, table) for table in tables}
    replaced = {table: sorted({*_in_place(output, table, run_id)} - {*staged[table]}) for table in staged}
    return Journal(run_id, attempt, staged, replaced)


def _finish(output: str, pending: str) -> None:
    journal = _read_journal(pending)
    if journal is None:
        return
    _delete([FileSystems.join(output, table, name) for table in journal.replaced for name in journal.replaced[table]])
    for table in journal.written:
        _move_table(output, journal, table)
    discard(output, journal.run_id, journal.attempt)
    _rename([pending], [_done(output, journal.run_id)])


def _move_table(output: str, journal: Journal, table: str) -> None:
    source, target = _staging(output, journal.run_id, journal.attempt, table), FileSystems.join(output, table)
    names = _names(source)
    _rename([FileSystems.join(source, name) for name in names], [FileSystems.join(target, name) for name in names])
    found = _in_place(output, table, journal.run_id)
    if found != list(journal.written[table]):
        raise RuntimeError(
            f"{target}: expected of run {journal.run_id} what attempt {journal.attempt} wrote, "
            f"{list(journal.written[table])}, found {found}; were two attempts of the run committing at once?"
        )


def _resolve(output: str, table: str, run_id: str | None) -> list[str]:
    journals = [_read_journal(path) for path in _match(FileSystems.join(output, "_runs", "*.pending.json"))]
    moving = {journal.run_id: journal for journal in journals if journal and table in journal.written}
    files = [
        FileSystems.join(output, table, name)
        for name in _names(FileSystems.join(output, table))
        if _run_of(name) not in moving
    ]
    files += [
        _whereabouts(output, journal, table, name) for journal in moving.values() for name in journal.written[table]
    ]
    return sorted(path for path in files if run_id in (None, _run_of(_base(path))))


def _whereabouts(output: str, journal: Journal, table: str, name: str) -> str:
    staged = FileSystems.join(_staging(output, journal.run_id, journal.attempt, table), name)
    return staged if FileSystems.exists(staged) else FileSystems.join(output, table, name)


def _in_place(output: str, table: str, run_id: str) -> list[str]:
    return [name for name in _names(FileSystems.join(output, table)) if _run_of(name) == run_id]


def _run_of(name: str) -> str:
    return name.partition(".")[0]


def _staging(output: str, run_id: str, attempt: str, *table: str) -> str:
    return FileSystems.join(output, "_staging", run_id, attempt, *table)


def _pending(output: str, run_id: str) -> str:
    return FileSystems.join(output, "_runs", f"{run_id}.pending.json")


def _done(output: str, run_id: str) -> str:
    return FileSystems.join(output, "_runs", f"{run_id}.json")


def _journal_versions(output: str) -> list[tuple[str, float]]:
    [found] = FileSystems.match([FileSystems.join(output, "_runs", "*.json")])
    return sorted((metadata.path, metadata.last_updated_in_seconds) for metadata in found.metadata_list)


def _read_journal(path: str) -> Journal | None:
    if not FileSystems.exists(path):
        return None
    with FileSystems.open(path) as file:
        return Journal(**json.loads(file.read()))


def _write_journal(output: str, journal: Journal) -> None:
    """Whole or not at all: written aside, then renamed."""
    aside = FileSystems.join(_staging(output, journal.run_id, journal.attempt), "journal.json")
    with FileSystems.create(aside) as file:
        file.write(json.dumps(dataclasses.asdict(journal), indent=1).encode())
    _rename([aside], [_pending(output, journal.run_id)])


def _names(folder: str) -> list[str]:
    return sorted(_base(path) for path in _match(FileSystems.join(folder, "*.parquet")))


def _base(path: str) -> str:
    return str(FileSystems.split(path)[1])


def _match(pattern: str) -> list[str]:
    [found] = FileSystems.match([pattern])
    return [metadata.path for metadata in found.metadata_list]


def _rename(sources: Sequence[str], targets: Sequence[str]) -> None:
    """Moves files into a folder, over what is there; one that somebody else has just moved is no error."""
    if not sources:
        return
    with contextlib.suppress(OSError):  # it exists; if it cannot be made, the rename says so
        FileSystems.mkdirs(FileSystems.split(targets[0])[0])
    try:
        FileSystems.rename(list(sources), list(targets))
    except BeamIOError:
        if any(FileSystems.exists(source) for source in sources):
            raise


def _delete(paths: Sequence[str]) -> None:
    """Deletes files, or local folders; one that is gone already is no error."""
    try:
        FileSystems.delete([path for path in paths if FileSystems.exists(path)])
    except BeamIOError:
        if any(FileSystems.exists(path) for path in paths):
            raise


def _delete_tree(folder: str) -> None:
    """Deletes the files below, and the folder itself where there are folders."""
    _delete([*_match(FileSystems.join(folder, "**")), folder])
