"""A Flink cluster on this machine: a JobManager, and two TaskManagers with a pool of SDK workers each, as processes.

python tests/flink/cluster.py start [FOLDER]  # build/flink/cluster; prints the Beam options that run a pipeline there
python tests/flink/cluster.py stop [FOLDER]
python tests/flink/cluster.py fetch           # only the jars

FOLDER keeps the logs. The system chooses every port, so clusters in different folders do not collide.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

TASK_MANAGERS = (1, 2)

_HERE = Path(__file__).resolve().parent
_JARS = _HERE.parents[1] / "build/flink"
_START_TIMEOUT_S = 120.0
_POOL_HOST = "sdk-workers"  # each TaskManager takes it for another address
_MAINS = {
    "jobmanager": ("-Xmx512m", "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"),
    "taskmanager": ("-Xmx640m", "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"),
}
# What Flink and Beam look into by reflection, and Java 17 closes.
_OPENED = ("lang", "lang.reflect", "net", "io", "nio", "text", "time", "util", "util.concurrent")
_JAVA = (
    "java",
    "-XX:MaxMetaspaceSize=256m",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    *(f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in _OPENED),
)


class Cluster:
    """A cluster whose files are in a folder; whichever process may stop it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._pids: dict[str, int] = {}  # each leads a process group
        self._ports: dict[str, int] = {}
        self._children: dict[str, subprocess.Popen[bytes]] = {}  # those that this process has started
        if self._state.exists():
            self._pids, self._ports = json.loads(self._state.read_text())

    def __enter__(self) -> "Cluster":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts everything, and waits until it is ready for jobs; else nothing is left running."""
        if self._pids:
            raise RuntimeError(f"{self.folder}: a cluster is running there: stop it first")
        fetch_jars()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        try:
            self._start_java("jobmanager", {})
            self._find_port("rpc", "jobmanager", r"Actor system started at pekko\.tcp://flink@localhost:(\d+)")
            self._find_port("rest", "jobmanager", r"Rest endpoint listening at [^:]+:(\d+)")
            for number in TASK_MANAGERS:
                self.start_task_manager(number)
            self._wait(lambda: self.count_task_managers() == len(TASK_MANAGERS), "TaskManagers to register")
        except BaseException:
            self.stop()
            raise

    def start_task_manager(self, number: int) -> None:
        """Starts a TaskManager and the pool of its SDK workers, at an address of its own as a machine would have."""
        address, name = f"127.0.0.{1 + number}", f"pool-{number}"
        command = [sys.executable, str(_HERE / "worker_pool.py"), f"{address}:{self._ports.get('pool', 0)}"]
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # it starts workers as `python`
        self._start(name, command, {"PATH": path})
        self._find_port("pool", name, r"listening at port (\d+)")
        hosts = self.folder / f"hosts-{number}"
        hosts.write_text(f"127.0.0.1 localhost {socket.gethostname()}\n{address} {_POOL_HOST}\n")
        name = f"taskmanager-{number}"
        config = {"jobmanager.rpc.port": self._ports["rpc"], "taskmanager.resource-id": name}
        self._start_java(name, config, f"-Djdk.net.hosts.file={hosts}")

    def kill_task_manager(self, number: int) -> None:
        """Ends a TaskManager, its pool and its SDK workers, as a power cut would."""
        self._kill(f"taskmanager-{number}")
        self._kill(f"pool-{number}")

    def stop(self) -> None:
        """Ends all that is running, and keeps the logs; does nothing if nothing is."""
        for name in list(self._pids):
            self._kill(name)
        self._state.unlink(missing_ok=True)
        for folder in filter(Path.is_dir, self.folder.glob("*")):
            shutil.rmtree(folder)

    @property
    def flags(self) -> list[str]:
        """The Beam options that run a pipeline here, on top of configs/runners/flink.yaml."""
        return [
            "--runner=FlinkRunner",
            "--flink_version=1.19",
            f"--flink_master=localhost:{self._ports['rest']}",
            f"--flink_job_server_jar={_JARS}/job-server.jar",
            f"--files_to_stage={_JARS}/job-server.jar",  # by default all of lib/, which the cluster has
            "--job_server_jvm_properties=-Xmx512m",
            "--environment_type=EXTERNAL",
            f"--environment_config={_POOL_HOST}:{self._ports['pool']}",
        ]

    def ask(self, path: str) -> Any:
        """What Flink's REST API answers."""
        with urllib.request.urlopen(f"http://localhost:{self._ports['rest']}/{path}", timeout=10) as reply:
            return json.load(reply)

    def count_task_managers(self) -> int:
        """How many the JobManager knows of and can hear."""
        return len(self.ask("taskmanagers")["taskmanagers"])

    @property
    def _state(self) -> Path:
        return self.folder / "cluster.json"

    def _start_java(self, name: str, config: Mapping[str, Any], *options: str) -> None:
        folder = self.folder / name
        folder.mkdir()
        settings = yaml.safe_load((_HERE / "flink.yaml").read_text()) | config
        settings |= {"io.tmp.dirs": str(folder), "web.tmpdir": str(folder)}
        (folder / "config.yaml").write_text(yaml.safe_dump(settings))
        main = _MAINS[name.partition("-")[0]]
        self._start(name, [*_JAVA, *options, "-cp", f"{_JARS}/lib/*", *main, "--configDir", str(folder)], {})

    def _start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts a process at the head of a group, so that all that it starts can be ended with it."""
        with (self.folder / f"{name}.log").open("wb") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | environment,
                start_new_session=True,
            )
        self._pids[name], self._children[name] = child.pid, child
        self._save()

    def _kill(self, name: str) -> None:
        pid, child = self._pids.pop(name), self._children.pop(name, None)
        if child or _is_ours(pid):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        if child:
            child.wait()
        self._save()

    def _save(self) -> None:
        self._state.write_text(json.dumps([self._pids, self._ports]))

    def _find_port(self, what: str, name: str, pattern: str) -> None:
        log = self.folder / f"{name}.log"
        self._wait(lambda: re.search(pattern, log.read_text()), f"{pattern} in {log.name}")
        self._ports[what] = int(re.findall(pattern, log.read_text())[0])
        self._save()

    def _wait(self, is_ready: Callable[[], Any], what: str) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not is_ready():
            ended = [name for name, child in self._children.items() if child.poll() is not None]
            if ended or time.monotonic() > deadline:
                why = f"{ended[0]} has ended" if ended else f"waited for {_START_TIMEOUT_S:.0f} s"
                raise RuntimeError(f"{self.folder}: expected {what}, but {why}; see the logs there")
            time.sleep(0.2)


def _is_ours(pid: int) -> bool:
    """Whether it is a process of a cluster: of one that has ended, another may have got the number."""
    with contextlib.suppress(FileNotFoundError):
        return str(_JARS.parents[1]).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def fetch_jars() -> None:
    """Has Maven put the jars that pom.xml names into build/flink, unless they are there."""
    _JARS.mkdir(parents=True, exist_ok=True)
    pom, jar = _HERE / "pom.xml", _JARS / "job-server.jar"
    with (_JARS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if jar.exists() and jar.stat().st_mtime >= pom.stat().st_mtime:
            return
        shutil.rmtree(_JARS / "lib", ignore_errors=True)
        goals = ["dependency:copy-dependencies", "jar:jar"]
        options = ["--batch-mode", "--quiet", f"--file={pom}", f"-Dfolder={_JARS}"]
        subprocess.run(["mvn", *options, *goals], check=True)


def main(arguments: Sequence[str]) -> int:
    """Starts or stops a cluster, or gets what it takes; the exit status."""
    if not arguments or arguments[0] not in ("start", "stop", "fetch") or len(arguments) > 2:
        print(__doc__, file=sys.stderr)
        return 2
    cluster = Cluster(Path(*arguments[1:]) if arguments[1:] else _JARS / "cluster")
    if arguments[0] == "start":
        cluster.start()
        print(" ".join(cluster.flags))
    elif arguments[0] == "fetch":
        fetch_jars()
    else:
        cluster.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
