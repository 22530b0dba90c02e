"""Generators run in a child process, so that a file that crashes, hangs or bloats its decoder ends only the child.

It guards against crashes, not against an intruder: the child may do all its parent may, and its answers are unpickled.
Process pools (concurrent.futures, loky, pebble) give one result a call, so a long file would have to stand in memory
whole, and the first two cannot end a hung worker. multiprocessing's own spawn imports the parent's `__main__` again,
and with it Beam; its connections copy every item several times (1 MB: 2.9 ms of CPU, both ends together, 0.2 ms here).
"""

import contextlib
import dataclasses
import os
import pickle
import resource
import signal
import socket
import struct
import subprocess
import sys
import traceback
import weakref
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from models.errors import BadMediaError

_P = ParamSpec("_P")
_T = TypeVar("_T")

_SEND_BUFFER_BYTES = 1 << 20
_MAX_OPEN_FILES = 256
_ORPHAN_GRACE_S = 5.0  # the child's own alarm rings this much after the parent's, for when nobody waits any more


@dataclasses.dataclass(frozen=True)
class IsolationConfig:
    """What a hostile file may cost: seconds until the next 30 s of it are decoded, memory, and room on disk."""

    timeout_s: float = 300.0  # by the clock, so that a machine with five times the work of its cores fails no item
    memory_mb: int = 2048
    max_file_mb: int = 20_000

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if getattr(self, field.name) <= 0:
                raise ValueError(f"{field.name} must be positive, got {getattr(self, field.name)}")


class IsolatedWorker:
    """Runs generator functions in a child process, started when first needed and kept from call to call.

    timeout_s bounds the wait for each item; for the first that includes the child's start and the function's imports.
    memory_mb bounds the address space that the function maps beyond what its imports did (enforced on Linux alone).
    step names the work in a BadMediaError.
    """

    def __init__(self, timeout_s: float, memory_mb: int | None = None, step: str = "decode") -> None:
        if timeout_s <= 0:
            raise ValueError(f"timeout_s must be positive, got {timeout_s}")
        if memory_mb is not None and memory_mb <= 0:
            raise ValueError(f"memory_mb must be positive or None, got {memory_mb}")
        self._timeout_s = timeout_s
        self._memory_mb = memory_mb
        self._step = step
        self._idle: list[_Child] = []
        weakref.finalize(self, _end_all, self._idle)

    def stream(self, function: Callable[_P, Iterable[_T]], *args: _P.args, **kwargs: _P.kwargs) -> Iterator[_T]:
        """Yields what `function(*args, **kwargs)` yields, which the child computes one or two items ahead.

        The function must be importable by name, and not from `__main__`. Arrays arrive writable. A consumer that stops
        early ends the child, and the next call starts another; so does a second stream while the first is open.

        Raises BadMediaError if the child raises one, dies, or exceeds its time or memory. Any other exception of the
        child's is raised again, with the child's traceback as a note.
        """
        call = pickle.dumps((function, args, kwargs))
        child = self._take_child()
        finished = False
        try:
            _send(child.connection, (call, self._memory_mb, self._timeout_s + _ORPHAN_GRACE_S))
            while (message := self._receive_from(child))[0] == "item":
                yield message[1]
            finished = True
        finally:
            if finished:
                self._idle.append(child)
            else:
                child.end()
        if message[0] == "error":
            raise self._judge(message[1])

    def close(self) -> None:
        """Ends the idle child. A later stream starts another."""
        _end_all(self._idle)

    def _take_child(self) -> "_Child":
        while self._idle:
            child = self._idle.pop()
            if child.process.poll() is None:
                return child
            child.end()
        return _start_child(self._timeout_s)

    def _receive_from(self, child: "_Child") -> tuple[str, Any]:
        try:
            kind, payload = _receive(child.connection)
            return kind, payload
        except TimeoutError:
            raise BadMediaError(self._step, f"no result within {self._timeout_s:g} s") from None
        except (EOFError, ConnectionError):
            raise BadMediaError(self._step, _describe_death(child.end())) from None

    def _judge(self, error: Exception) -> Exception:
        if not isinstance(error, MemoryError):
            return error
        limit = "there is" if self._memory_mb is None else f"the {self._memory_mb} MB allowed"
        return BadMediaError(self._step, f"needs more memory than {limit}")


@dataclasses.dataclass(frozen=True, slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    connection: socket.socket

    def end(self) -> int:
        """Its exit status; an earlier death keeps the status it had."""
        self.connection.close()
        self.process.kill()
        return self.process.wait()


def _end_all(children: list[_Child]) -> None:
    while children:
        children.pop().end()


def _start_child(timeout_s: float) -> _Child:
    """A Python of the same import path. Beam is not imported, nor the parent's `__main__`."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        ours.settimeout(timeout_s)
        theirs.setblocking(True)  # it is not, where a library has set a default timeout, as Google's does
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", f"from {__name__} import _serve; _serve({theirs.fileno()})"],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)},
        )
    return _Child(process, ours)


def _describe_death(status: int) -> str:
    if status >= 0:
        return f"the process ended early, with status {status}"
    name = signal.Signals(-status).name
    hints = {"SIGKILL": " (out of memory?)", "SIGALRM": " (no result in time)"}
    return f"the process died with signal {name}{hints.get(name, '')}"


def _serve(descriptor: int) -> None:
    """In the child: answers calls until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to handle
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_MAX_OPEN_FILES, most_files), most_files))
    with socket.socket(fileno=descriptor) as connection, contextlib.suppress(EOFError, ConnectionError):
        while True:
            _answer(connection, *_receive(connection))


def _answer(connection: socket.socket, call: bytes, memory_mb: int | None, alarm_s: float) -> None:
    """Sends the items of a call, then its end or its error. An alarm ends a call that hangs with its parent gone."""
    message: tuple[str, Any] = ("end", None)
    signal.setitimer(signal.ITIMER_REAL, alarm_s)
    try:
        function, args, kwargs = pickle.loads(call)
        _limit_memory(memory_mb)
        for item in function(*args, **kwargs):
            signal.setitimer(signal.ITIMER_REAL, 0)  # sending waits as long as the consumer likes
            _send(connection, ("item", item))
            signal.setitimer(signal.ITIMER_REAL, alarm_s)
    except Exception as error:
        _limit_memory(None)
        message = ("error", _make_portable(error))
    signal.setitimer(signal.ITIMER_REAL, 0)
    _send(connection, message)


def _limit_memory(memory_mb: int | None) -> None:
    """Limits the address space to what is mapped now and so much more. The hard limit stays, so it can be lifted."""
    if sys.platform != "linux":
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = hard
    if memory_mb is not None:
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        wanted = mapped + memory_mb * 2**20
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _make_portable(error: Exception) -> Exception:
    """The error with its traceback as a note; if it cannot be pickled, a RuntimeError that quotes it."""
    note = "In the child process:\n" + "".join(traceback.format_exception(error))
    error.add_note(note)
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        error = RuntimeError(f"{type(error).__name__}: {error}")
        error.add_note(note)
    return error


def _send(connection: socket.socket, message: object) -> None:
    """Arrays go as they lie in memory, after a header: how many parts, and the size of each."""
    buffers: list[pickle.PickleBuffer] = []
    pickled = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
    raw = [buffer.raw() for buffer in buffers]
    sizes = [len(pickled), *(view.nbytes for view in raw)]
    connection.sendall(struct.pack(f"<Q{len(sizes)}Q", len(sizes), *sizes) + pickled)
    for view in raw:
        connection.sendall(view)


def _receive(connection: socket.socket) -> Any:
    """Raises EOFError if the other end is gone, TimeoutError if it is silent for longer than the socket's timeout."""
    (count,) = struct.unpack("<Q", _receive_bytes(connection, 8))
    sizes = struct.unpack(f"<{count}Q", _receive_bytes(connection, 8 * count))
    pickled, *buffers = (_receive_bytes(connection, size) for size in sizes)
    return pickle.loads(pickled, buffers=buffers)


def _receive_bytes(connection: socket.socket, size: int) -> bytearray:
    received = bytearray(size)
    view = memoryview(received)
    while view:
        count = connection.recv_into(view, flags=socket.MSG_WAITALL)
        if count == 0:
            raise EOFError
        view = view[count:]
    return received
