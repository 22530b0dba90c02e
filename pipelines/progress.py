"""Progress of a run on this machine: a bar on a terminal, nothing in a log."""

import contextlib
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

_INTERVAL_S = 0.5


@contextlib.contextmanager
def show_progress(items: int) -> Iterator[str | None]:
    """The path of a file for workers to add a line to for each item, its status; None where nobody watches.

    Workers may be other processes, and FnApiRunner blocks while it runs: a thread reads the file.
    """
    if not sys.stderr.isatty():
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="linernotes-") as folder:
        path = Path(folder, "progress")
        path.touch()
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(path, items, ended), daemon=True)
        watcher.start()
        try:
            yield str(path)
        finally:
            ended.set()
            watcher.join()


def _watch(path: Path, items: int, ended: threading.Event) -> None:
    counts: Counter[str] = Counter()
    with path.open() as file, tqdm(total=items, unit="item", dynamic_ncols=True) as bar:
        while True:
            last = ended.wait(_INTERVAL_S)
            lines = file.readlines()
            counts.update(line.strip() for line in lines)
            bar.set_postfix(failed=counts["failed"], refresh=False)
            bar.update(len(lines))
            bar.refresh()
            if last:
                return
