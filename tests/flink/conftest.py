"""Clusters, and runs of the command line as a person would start them: here, or on a cluster."""

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from transforms.tables import read_table

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def start_cluster():
    """Starts a cluster in a folder of its own, whose logs stay; a context manager."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        from cluster import Cluster, fetch_jars
    fetch_jars()

    @contextlib.contextmanager
    def start():
        with Cluster(Path(tempfile.mkdtemp(prefix="tests-", dir=ROOT / "build/flink"))) as cluster:
            yield cluster

    return start


@pytest.fixture(scope="session")
def cluster(start_cluster):
    """The cluster of all tests that leave it as it is."""
    with start_cluster() as started:
        yield started


@pytest.fixture(scope="session")
def start():
    """Starts a run of a pipeline with its sample config, on the cluster if one is given; a context manager."""

    @contextlib.contextmanager
    def start_one(pipeline, output, *more, cluster=None):
        words = [sys.executable, "-m", "pipelines", pipeline, "--config", f"configs/{pipeline}.yaml"]
        runner = ["--runner_config", "configs/runners/flink.yaml", *cluster.flags] if cluster else []
        with subprocess.Popen(
            [*words, "--output", str(output), "--run_id", "first", *more, *runner], cwd=ROOT
        ) as process:
            try:
                yield process
            finally:
                process.terminate()  # if it is running still

    return start_one


@pytest.fixture(scope="session")
def run(start):
    """Runs a pipeline with its sample config to its end, on the cluster if one is given."""

    def run_one(pipeline, output, *more, cluster=None):
        with start(pipeline, output, *more, cluster=cluster) as process:
            assert process.wait() == 0

    return run_one


@pytest.fixture(scope="session")
def rows():
    """All rows of an output by table, in some fixed order, without the time they were made at."""

    def read(output):
        tables = [folder.name for folder in output.iterdir() if not folder.name.startswith("_")]
        return {table: sorted(map(_untimed, read_table(str(output), table).to_pylist()), key=repr) for table in tables}

    return read


@pytest.fixture(scope="session")
def close_to():
    """What equals these rows, floats to 1e-6: the last digits of sums and of networks depend on the elements' order."""

    def approximate(value):
        if isinstance(value, dict):
            return {name: approximate(each) for name, each in value.items()}
        if isinstance(value, list):
            return [approximate(each) for each in value]
        return pytest.approx(value, rel=0, abs=1e-6) if isinstance(value, float) else value

    return approximate


def _untimed(row):
    return {name: value for name, value in row.items() if name != "processed_at"}
