"""All or nothing, whatever fails and whenever. Every file-system operation of a commit is made to fail in its turn."""

import contextlib
import functools
import itertools
import shutil
from collections import Counter
from pathlib import Path

import pytest
from apache_beam.io.filesystems import FileSystems

from transforms.commits import commit, committed_files, recover, staged_prefix

OPERATIONS = ["create", "open", "match", "exists", "rename", "delete", "mkdirs"]
# Rows by table and shard. The attempts share rows, so that mixing them would show one twice.
OLD = {"matches": [["a", "b"], ["c"], ["d"]], "status": [["a"], ["b", "old"]]}
NEW = {"matches": [["c", "d"], ["a", "e"], []], "status": [["a", "b", "new"]]}
LATER = {"matches": [["f"]], "status": [["f"], ["g"]]}
OTHER = {"matches": [["x"]], "status": [["y"]]}


class CrashError(Exception):
    """What a fault raises: nothing catches it."""


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """A folder with the old attempt of run 1 and all of run 2 in place, and a new attempt of run 1 staged."""
    output = str(tmp_path_factory.mktemp("start"))
    for run_id, attempt, rows in [("run1", "old", OLD), ("run2", "only", OTHER)]:
        stage(output, run_id, attempt, rows)
        commit(output, run_id, attempt, list(rows))
    stage(output, "run1", "new", NEW)
    return output


@pytest.fixture
def copy_start(start, tmp_path):
    """A fresh copy of it at every call."""
    numbers = itertools.count()
    return lambda: shutil.copytree(start, str(tmp_path / f"out{next(numbers)}"))


@pytest.fixture
def output(copy_start):
    return copy_start()


def test_a_commit_replaces_the_run_and_nothing_else_however_often_it_is_done(output):
    files = commit(output, "run1", "new", list(NEW))
    assert visible(output) == rows_of(NEW)
    assert visible(output, "run2") == rows_of(OTHER)
    assert plain_listing(output) == rows_of(NEW, OTHER)
    assert sorted(files) == sorted(str(path) for path in Path(output).glob("[a-z]*/run1.*"))
    assert not (Path(output) / "_staging/run1/new").exists()
    assert commit(output, "run1", "new", list(NEW)) == files
    assert plain_listing(output) == rows_of(NEW, OTHER)


def test_a_table_that_the_run_does_not_write_again_stays(output):
    commit(output, "run1", "new", ["matches"])
    assert visible(output) == rows_of({"matches": NEW["matches"], "status": OLD["status"]})


def test_a_missing_shard_stops_the_commit_before_it_decides(output):
    Path(staged_prefix(output, "run1", "new", "matches") + "00001-of-00003.parquet").unlink()
    with pytest.raises(FileNotFoundError, match="expected every shard of table matches, found"):
        commit(output, "run1", "new", list(NEW))
    assert visible(output) == rows_of(OLD)


def test_an_attempt_id_used_twice_is_an_error(output):
    commit(output, "run1", "new", list(NEW))
    stage(output, "run1", "new", LATER)
    with pytest.raises(ValueError, match="run run1: expected an attempt id not used before, got new"):
        commit(output, "run1", "new", list(NEW))
    assert visible(output) == rows_of(NEW)


def test_recovery_discards_the_staging_of_its_own_run_alone(output):
    stage(output, "run2", "in-progress", LATER)
    recover(output, "run1")
    assert visible(output) == rows_of(OLD)
    assert not (Path(output) / "_staging/run1").exists()
    assert len(list((Path(output) / "_staging/run2").rglob("*.parquet"))) == 3


def test_there_is_nothing_to_recover_or_read_where_nothing_was_written(tmp_path):
    recover(str(tmp_path / "nowhere"), "run1")
    assert committed_files(str(tmp_path / "nowhere"), "matches") == []


@pytest.mark.parametrize("how", ["halfway", "copied", "after"])
def test_a_crash_at_any_operation_leaves_the_old_run_or_the_new_one(copy_start, monkeypatch, how):
    seen = []
    for output in crashed_outputs(copy_start, monkeypatch, how):
        seen.append(visible(output))
        assert seen[-1] in (rows_of(OLD), rows_of(NEW))
        assert_nothing_mixed(plain_listing(output))
        recover(output)
        assert visible(output) == seen[-1]
        assert plain_listing(output) == rows_of(OLD if seen[-1] == rows_of(OLD) else NEW, OTHER)
        assert (Path(output) / "_staging/run1/new").exists() == (seen[-1] == rows_of(OLD))
        recover(output, "run1")
        replace_by_later(output)
        assert plain_listing(output) == rows_of(LATER, OTHER)
    assert seen.count(rows_of(OLD)) > 5
    assert seen.count(rows_of(NEW)) > 5


def commit_new(output):
    commit(output, "run1", "new", list(NEW))


def replace_by_later(output):
    stage(output, "run1", "later", LATER)
    commit(output, "run1", "later", list(LATER))


@pytest.mark.parametrize(("next_step", "rows"), [(commit_new, NEW), (replace_by_later, LATER)])
def test_a_retry_or_another_attempt_finishes_what_any_crash_left(copy_start, monkeypatch, next_step, rows):
    for output in crashed_outputs(copy_start, monkeypatch, "halfway"):
        next_step(output)
        assert plain_listing(output) == rows_of(rows, OTHER)


def test_readers_see_the_old_run_until_they_see_the_new_one(output, monkeypatch):
    seen = []

    def watch(_, call):
        seen.append(visible(output))
        assert_nothing_mixed(plain_listing(output))
        return call()

    intercept(monkeypatch, watch)
    commit_new(output)
    decided = seen.index(rows_of(NEW))
    assert seen == [rows_of(OLD)] * decided + [rows_of(NEW)] * (len(seen) - decided)


@pytest.mark.parametrize("twin", [recover, commit_new])
def test_another_process_may_recover_or_commit_the_same_at_any_instant(copy_start, monkeypatch, twin):
    for number in itertools.count():
        output = copy_start()

        def interrupt(current, call, number=number, output=output):
            if current == number:
                twin(output)
            return call()

        with monkeypatch.context() as patch:
            operations = intercept(patch, interrupt)
            try:
                commit_new(output)
            except FileNotFoundError:  # the other took what was staged: Beam tries again
                commit_new(output)
        assert plain_listing(output) == rows_of(NEW, OTHER), f"operation {number}"
        if next(operations) <= number:
            break


def test_two_attempts_in_place_at_once_are_an_error(output):
    commit(output, "run1", "new", list(NEW))
    (Path(output) / "_runs/run1.json").rename(Path(output) / "_runs/run1.pending.json")
    (Path(output) / "status/run1.intruder.00000-of-00001.parquet").write_text("twice")
    with pytest.raises(RuntimeError, match="were two attempts of the run committing at once"):
        recover(output)


def stage(output, run_id, attempt, shards_by_table):
    for table, shards in shards_by_table.items():
        for index, rows in enumerate(shards):
            path = Path(f"{staged_prefix(output, run_id, attempt, table)}{index:05d}-of-{len(shards):05d}.parquet")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{row}\n" for row in rows))


def rows_of(*runs):
    tables = {table for run in runs for table in run}
    return {table: sorted(row for run in runs for shard in run[table] for row in shard) for table in tables}


def visible(output, run_id="run1"):
    """What readers that follow the journals see."""
    return {table: lines(committed_files(output, table, run_id)) for table in NEW}


def plain_listing(output):
    """What `TABLE/*.parquet` shows to anybody else."""
    return {table: lines((Path(output) / table).glob("*.parquet")) for table in NEW}


def lines(paths):
    return sorted(line for path in paths for line in Path(path).read_text().split())


def assert_nothing_mixed(listing):
    for table, rows in listing.items():
        assert any(Counter(rows) <= Counter(rows_of(run, OTHER)[table]) for run in (OLD, NEW)), rows


def crashed_outputs(copy_start, monkeypatch, how):
    """An output for each operation of a commit, as that operation's failure leaves it."""
    for number in itertools.count():
        output = copy_start()
        with monkeypatch.context() as patch:
            intercept(patch, functools.partial(fail_at, number, how))
            try:
                return commit_new(output)  # it has fewer operations
            except CrashError:
                pass
        yield output


def fail_at(number, how, current, call):
    return fail(call, how) if current == number else call()


def fail(call, how):
    """Crashes before the operation or when half its files are done; after it; or, as an object store may, between a
    rename's copying and its deleting."""
    name = call.func.__name__
    if how == "halfway" and name in ("rename", "delete"):
        call.func(*(paths[: len(paths) // 2] for paths in call.args))
    elif how == "copied" and name == "rename":
        FileSystems.copy(*call.args)
    elif how == "after":
        with contextlib.suppress(OSError):  # mkdirs of what exists
            result = call()
            if name in ("create", "open"):
                result.close()
    raise CrashError


def intercept(monkeypatch, around):
    """Hands every file-system operation to `around(number, call)`, save those that `around` does itself."""
    numbers, inside = itertools.count(), []

    def wrap(operation):
        def intercepted(*arguments):
            if inside:
                return operation(*arguments)
            inside.append(operation)
            try:
                return around(next(numbers), functools.partial(operation, *arguments))
            finally:
                inside.pop()

        return staticmethod(intercepted)

    for name in OPERATIONS:
        monkeypatch.setattr(FileSystems, name, wrap(getattr(FileSystems, name)))
    return numbers
