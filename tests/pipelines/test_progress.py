"""Who watches a terminal sees every item; who reads a log sees nothing."""

import io
import re
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from pipelines import progress
from pipelines.progress import show_progress

STATUSES = ["done"] * 40 + ["failed"] * 7 + ["skipped"] * 3
APPEND = """
import sys
for status in sys.argv[2:]:
    with open(sys.argv[1], "a") as file:
        file.write(f"{status}\\n")
"""


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def test_lines_of_other_processes_are_counted(monkeypatch):
    terminal = watch(monkeypatch)
    with show_progress(len(STATUSES)) as path:
        shares = [STATUSES[first::3] for first in range(3)]
        writers = [subprocess.Popen([sys.executable, "-c", APPEND, path, *share]) for share in shares]
        assert [writer.wait() for writer in writers] == [0, 0, 0]
    last = terminal.getvalue().split("\r")[-1]
    assert "50/50" in last
    assert f"failed={Counter(STATUSES)['failed']}" in last


def test_the_bar_moves_while_the_run_goes_on(monkeypatch):
    terminal = watch(monkeypatch)
    with show_progress(4) as path:
        for done in (1, 2, 3):
            with Path(path).open("a") as file:
                file.write("done\n")
            assert waited_for(lambda done=done: f" {done}/4 " in terminal.getvalue())
    assert re.search(r" 3/4 .*failed=0", terminal.getvalue().split("\r")[-1])


def test_nothing_is_left_of_it_when_the_run_ends_or_fails(monkeypatch):
    watch(monkeypatch)
    threads = threading.active_count()
    with pytest.raises(RuntimeError, match="no such luck"), show_progress(2) as path:
        assert Path(path).exists()
        raise RuntimeError("no such luck")
    assert not Path(path).parent.exists()
    assert threading.active_count() == threads


def test_a_log_gets_no_progress(monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    with show_progress(2) as path:
        assert path is None
    assert log.getvalue() == ""


def watch(monkeypatch):
    """The terminal that the test runs on from here. No fixture: pytest sets stderr again when the test starts."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "_INTERVAL_S", 0.02)
    return stream


def waited_for(condition, timeout_s=10.0):
    """Whether the condition came true in time."""
    pause = threading.Event()
    for _ in range(round(timeout_s / 0.01)):
        if condition():
            return True
        pause.wait(0.01)
    return False
