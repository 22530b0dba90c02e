"""Files of a site, in a folder or a bucket; what an earlier site of ours left there and this one has not is removed."""

import json
import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from transforms.files import is_local
from transforms.snapshots import read_bytes

_RECORD = "linernotes-report.json"  # which files there are
_TYPES = {  # without which a bucket's pages are not shown but downloaded
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "json": "application/json",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "webm": "audio/webm",
}


class SiteFiles:
    """Writes files by their paths in the site. Leaving the context waits until all are written.

    ValueError for a folder that has files but no site of ours.
    """

    def __init__(self, output: str) -> None:
        self._output = output.removeprefix("file://")
        self._is_local = is_local(output)
        self._lock = threading.Lock()
        self._written: dict[str, None] = {}
        self._pending: list[Future[None]] = []
        self._earlier = self._read_record()
        self._pool = ThreadPoolExecutor(16)  # a store takes some 50 ms a file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._pool.shutdown(cancel_futures=kind is not None)
        if kind is None:
            for each in self._pending:
                each.result()
            self._create(_RECORD, json.dumps([*self._written], indent=0).encode())
            self._delete(name for name in self._earlier if name not in self._written)

    def write(self, name: str, content: str | bytes) -> None:
        """Writes a file, or will have by the end."""
        data = content.encode() if isinstance(content, str) else content
        with self._lock:
            self._written[name] = None
        if self._is_local:
            self._create(name, data)
        else:
            self._pending.append(self._pool.submit(self._create, name, data))

    def path(self, name: str) -> str:
        """Where a file of the site is."""
        return str(Path(self._output, name).absolute()) if self._is_local else FileSystems.join(self._output, name)

    def _create(self, name: str, content: bytes) -> None:
        if self._is_local:  # a fifth of FileSystems' time
            path = Path(self._output, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            return
        kind = _TYPES[name.rpartition(".")[2]]
        with FileSystems.create(self.path(name), kind, CompressionTypes.UNCOMPRESSED) as file:
            file.write(content)

    def _read_record(self) -> list[str]:
        if FileSystems.exists(self.path(_RECORD)):
            names = json.loads(read_bytes(self.path(_RECORD)))
            return [name for name in names if not name.startswith("/") and ".." not in name.split("/")]
        if FileSystems.match([self.path("**")], [1])[0].metadata_list:
            raise ValueError(f"expected a new folder or one of an earlier report, found other files in {self._output}")
        return []

    def _delete(self, names: Iterable[str]) -> None:
        paths = [self.path(name) for name in names]
        found = [path for path in paths if FileSystems.exists(path)]
        if found:
            FileSystems.delete(found)
