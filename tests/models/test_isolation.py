"""Real crashes, real hangs and real memory bombs, in real children."""

import contextlib
import importlib
import operator
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.decoding import DecodeConfig, decode_audio
from models.errors import BadMediaError
from models.isolation import IsolatedWorker

# The child must be able to import what it runs; a test module is not importable by name.
HOSTILE = """
import os, signal, sys, time
import numpy as np
from models.errors import BadMediaError

def count(stop, before_each_s=0.0):
    for number in range(stop):
        time.sleep(before_each_s)
        yield number

def arrays(sizes):
    for size in sizes:
        yield {"size": size, "samples": np.arange(size, dtype=np.float32), "strided": np.arange(2 * size)[::2]}

def count_then_die(stop, number):
    yield from range(stop)
    os.kill(os.getpid(), number)

def count_then_exit(stop, status):
    yield from range(stop)
    os._exit(status)

def count_then_raise(stop, error):
    yield from range(stop)
    raise error

class UnpicklableError(Exception):
    def __init__(self, lock):
        super().__init__(f"holds {lock}", lambda: None)

def raise_unpicklable():
    yield 1
    raise UnpicklableError("a lock")

def allocate(size_mb):
    yield np.ones(size_mb * 2**17).nbytes

def know(names):
    import resource
    yield os.getpid(), [name for name in names if name in sys.modules], resource.getrlimit(resource.RLIMIT_CORE)[0]

def tell_and_hang(names):
    yield os.getpid()
    time.sleep(60)
"""


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    (tmp_path / "hostile.py").write_text(HOSTILE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "hostile", raising=False)
    yield importlib.import_module("hostile")
    sys.modules.pop("hostile")


@pytest.fixture
def worker():
    with contextlib.closing(IsolatedWorker(timeout_s=20)) as worker:
        yield worker


def pid_of(worker, hostile):
    [(pid, _, _)] = worker.stream(hostile.know, [])
    return pid


def is_running(pid):
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    return False


def test_a_default_timeout_of_sockets_leaves_the_child_waiting(worker, hostile):
    socket.setdefaulttimeout(60)  # as Google's libraries do
    try:
        pid = pid_of(worker, hostile)
        time.sleep(0.2)
        assert pid_of(worker, hostile) == pid
    finally:
        socket.setdefaulttimeout(None)


def test_a_stream_is_what_the_function_yields_and_the_child_is_kept(worker, hostile):
    assert list(worker.stream(range, 5)) == [0, 1, 2, 3, 4]
    assert list(worker.stream(hostile.count, 0)) == []
    assert list(worker.stream(hostile.count, stop=3)) == [0, 1, 2]
    assert pid_of(worker, hostile) == pid_of(worker, hostile) != os.getpid()


def test_arrays_arrive_whole_and_writable(worker, hostile):
    sizes = [0, 1, 1_000, 2_500_000]
    for size, item in zip(sizes, worker.stream(hostile.arrays, sizes), strict=True):
        assert item["size"] == size
        np.testing.assert_array_equal(item["samples"], np.arange(size, dtype=np.float32))
        np.testing.assert_array_equal(item["strided"], 2 * np.arange(size))
        item["samples"][:] = 0


def test_decoding_in_a_child_changes_nothing(worker, tmp_path):
    soundfile.write(tmp_path / "noise.flac", np.random.default_rng(0).uniform(-0.5, 0.5, 200_000), 44_100)
    arguments = str(tmp_path / "noise.flac"), 8_000, DecodeConfig(block_s=1)
    for isolated, direct in zip(worker.stream(decode_audio, *arguments), decode_audio(*arguments), strict=True):
        np.testing.assert_array_equal(isolated, direct)


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGKILL"])
def test_a_crash_is_bad_media_and_the_next_call_works(worker, hostile, name):
    stream = worker.stream(hostile.count_then_die, 2, int(signal.Signals[name]))
    assert [next(stream), next(stream)] == [0, 1]
    with pytest.raises(BadMediaError, match=f"decode: the process died with signal {name}"):
        next(stream)
    assert list(worker.stream(range, 2)) == [0, 1]


def test_an_early_exit_is_bad_media_of_the_step_named(hostile):
    with (
        contextlib.closing(IsolatedWorker(timeout_s=20, step="look")) as worker,
        pytest.raises(BadMediaError, match="look: the process ended early, with status 3"),
    ):
        list(worker.stream(hostile.count_then_exit, 1, 3))


def test_a_decoder_that_hangs_is_ended(tmp_path):
    os.mkfifo(tmp_path / "endless.mp3")
    start_s = time.monotonic()
    with contextlib.closing(IsolatedWorker(timeout_s=1)) as worker:
        with pytest.raises(BadMediaError, match="decode: no result within 1 s"):
            list(worker.stream(decode_audio, str(tmp_path / "endless.mp3"), 8_000, DecodeConfig()))
        assert time.monotonic() - start_s < 5
        assert not worker._idle


def test_the_time_limit_is_for_each_item_and_not_for_the_consumer(hostile):
    with contextlib.closing(IsolatedWorker(timeout_s=1)) as worker:
        list(worker.stream(hostile.count, 1))  # so that the start does not count
        assert list(worker.stream(hostile.count, 6, before_each_s=0.2)) == list(range(6))
        slow_consumer = worker.stream(hostile.arrays, [1_000_000] * 2)
        assert next(slow_consumer)["size"] == 1_000_000
        time.sleep(1.5)
        assert len(list(slow_consumer)) == 1


def test_a_memory_bomb_is_bad_media_and_the_same_child_goes_on(hostile):
    with contextlib.closing(IsolatedWorker(timeout_s=20, memory_mb=200)) as worker:
        pid = pid_of(worker, hostile)
        with pytest.raises(BadMediaError, match="decode: needs more memory than the 200 MB allowed"):
            list(worker.stream(hostile.allocate, 400))
        assert list(worker.stream(hostile.allocate, 100)) == [100 * 2**20]
        assert pid_of(worker, hostile) == pid


def test_bad_media_found_in_the_child_is_raised_as_it_is(worker, tmp_path, hostile):
    pid = pid_of(worker, hostile)
    with pytest.raises(BadMediaError) as caught:
        list(worker.stream(decode_audio, str(tmp_path / "missing.mp3"), 8_000, DecodeConfig()))
    assert caught.value.step == "read"
    assert pid_of(worker, hostile) == pid


def test_a_bug_in_the_child_is_raised_with_its_traceback(worker, hostile):
    stream = worker.stream(hostile.count_then_raise, 1, KeyError("lost"))
    assert next(stream) == 0
    with pytest.raises(KeyError, match="lost") as caught:
        next(stream)
    assert "in count_then_raise" in caught.value.__notes__[0]


def test_an_error_that_cannot_travel_is_quoted(worker, hostile):
    with pytest.raises(RuntimeError, match=r"UnpicklableError: .*holds a lock"):
        list(worker.stream(hostile.raise_unpicklable))


def test_an_item_that_cannot_travel_is_a_bug(worker):
    with pytest.raises(TypeError, match="pickle"):
        list(worker.stream(map, operator.methodcaller("__iter__"), [{1: 2}.items()]))


def test_a_consumer_that_stops_early_ends_the_child_and_the_worker_goes_on(worker, hostile):
    pid = pid_of(worker, hostile)
    stream = worker.stream(hostile.arrays, [1_000_000] * 100)
    next(stream)
    stream.close()
    assert not is_running(pid)
    assert list(worker.stream(range, 3)) == [0, 1, 2]


def test_two_open_streams_do_not_mix(worker):
    assert list(zip(worker.stream(range, 3), worker.stream(range, 10, 13), strict=True)) == [(0, 10), (1, 11), (2, 12)]


def test_a_child_killed_while_idle_is_replaced(worker, hostile):
    os.kill(pid_of(worker, hostile), 9)
    time.sleep(0.1)
    assert list(worker.stream(range, 3)) == [0, 1, 2]


def test_closing_ends_the_child(hostile):
    worker = IsolatedWorker(timeout_s=20)
    pid = pid_of(worker, hostile)
    worker.close()
    assert not is_running(pid)


def test_a_worker_that_is_forgotten_takes_its_child_along(hostile):
    worker = IsolatedWorker(timeout_s=20)
    pid = pid_of(worker, hostile)
    del worker
    assert not is_running(pid)


@pytest.mark.parametrize("function", ["know", "tell_and_hang"])
def test_the_child_ends_when_the_parent_is_killed(tmp_path, hostile, function):
    program = f"""
import os, sys
sys.path[:0] = [{str(tmp_path)!r}]
import hostile, models.isolation
models.isolation._ORPHAN_GRACE_S = -0.5
worker = models.isolation.IsolatedWorker(timeout_s=1.5)
stream = worker.stream(hostile.{function}, [])
print(next(stream), flush=True)
os.kill(os.getpid(), 9)
"""
    parent = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    pid = int(parent.stdout.strip("(\n").split(",")[0])
    deadline_s = time.monotonic() + 5
    while is_running(pid) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert not is_running(pid)


def test_the_child_imports_nothing_of_the_parent_and_dumps_no_core(worker, hostile):
    [(_, imported, core_bytes)] = worker.stream(hostile.know, ["apache_beam", "multiprocessing", "soundfile", "pytest"])
    assert (imported, core_bytes) == ([], 0)


@pytest.mark.parametrize(
    ("timeout_s", "memory_mb", "message"), [(0, None, "timeout_s .* 0"), (1, -5, "memory_mb .* -5")]
)
def test_wrong_limits_are_named(timeout_s, memory_mb, message):
    with pytest.raises(ValueError, match=message):
        IsolatedWorker(timeout_s, memory_mb)
