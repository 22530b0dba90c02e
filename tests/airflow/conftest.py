"""Airflow as it is installed, with a home and a SQLite database of its own, and somebody who is told what failed."""

import http.server
import importlib.util
import json
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

collect_ignore = [] if importlib.util.find_spec("airflow") else ["test_dags.py"]  # in the project's environment

ROOT = Path(__file__).parents[2]
PROJECT_PYTHON = str(ROOT / os.environ.get("VENV", ".venv") / "bin" / "python")
DAGS = ROOT / "pipelines" / "dags"
_ROWS = """
import json, sys
from transforms.tables import read_table
print(json.dumps(read_table(*sys.argv[1:]).to_pylist(), default=str))
"""


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory):
    """AIRFLOW_HOME; nothing of Airflow may be imported before."""
    folder = tmp_path_factory.mktemp("airflow")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AIRFLOW", "LINERNOTES"))]:
            patch.delenv(name)
        patch.setenv("AIRFLOW_HOME", str(folder))
        patch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(DAGS))
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
        yield folder


@pytest.fixture(scope="session")
def alerts():
    """What was told to the connection linernotes_alert, in order."""
    told = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        config = {"path": f"json://127.0.0.1:{server.server_port}", "tag": "all"}
        with pytest.MonkeyPatch.context() as patch:
            connection = {"conn_type": "apprise", "extra": {"config": config}}
            patch.setenv("AIRFLOW_CONN_LINERNOTES_ALERT", json.dumps(connection))
            yield told
        server.shutdown()


@pytest.fixture(scope="session")
def load_dags(home, tmp_path_factory):
    """Reads the DAGs as Airflow does, with a deployment; the bag."""

    def load(**deployment):
        from airflow.dag_processing.dagbag import DagBag

        with pytest.MonkeyPatch.context() as patch:
            if deployment:
                path = tmp_path_factory.mktemp("deployment") / "deployment.yaml"
                path.write_text(yaml.safe_dump(deployment))
                patch.setenv("LINERNOTES_DEPLOYMENT", str(path))
            return DagBag(str(DAGS))

    return load


@pytest.fixture(scope="session")
def run_dag(home, alerts, tmp_path_factory):
    """Runs a DAG by `airflow dags test`; the tasks by id as (state, tries)."""
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)
    path = tmp_path_factory.mktemp("deployment") / "deployment.yaml"

    def run(name, date, conf, **deployment):
        path.write_text(yaml.safe_dump({"python": PROJECT_PYTHON, "retries": 1, "retry_delay_s": 0, **deployment}))
        words = ["dags", "test", f"linernotes_{name}", date, "--conf", json.dumps(conf)]
        run = subprocess.run(
            [sys.executable, "-m", "airflow", *words],
            env={**os.environ, "LINERNOTES_DEPLOYMENT": str(path)},
            capture_output=True,
            text=True,
        )
        print(run.stdout, run.stderr)
        tasks = query(
            home,
            "SELECT task_id, task_instance.state, try_number FROM task_instance JOIN dag_run USING (dag_id, run_id)"
            " WHERE dag_id = ? AND date(logical_date) = ?",
            f"linernotes_{name}",
            date,
        )
        return {task: (state, tries) for task, state, tries in tasks}

    return run


@pytest.fixture(scope="session")
def events(home):
    """What the asset events say of the assets that changed since the last look, by asset."""
    seen = set()

    def look():
        found = query(home, "SELECT asset_event.id, name, asset_event.extra FROM asset_event JOIN asset"
                            " ON asset.id = asset_id ORDER BY asset_event.id")  # fmt: skip
        new = {name: json.loads(extra) for number, name, extra in found if number not in seen}
        seen.update(number for number, _, _ in found)
        return new

    return look


@pytest.fixture(scope="session")
def project_python():
    """The interpreter of the project's environment."""
    return PROJECT_PYTHON


@pytest.fixture(scope="session")
def run_pipeline():
    """Runs a pipeline by the command line in the project's environment, without Airflow."""

    def run(*words):
        subprocess.run([PROJECT_PYTHON, "-m", "pipelines", *words], cwd=ROOT, check=True, capture_output=True)

    return run


@pytest.fixture(scope="session")
def rows():
    """The rows of a table, in some fixed order and without processed_at."""

    def read(output, table):
        run = subprocess.run(
            [PROJECT_PYTHON, "-c", _ROWS, str(output), table], cwd=ROOT, check=True, capture_output=True, text=True
        )
        listed = json.loads(run.stdout)
        return sorted(({name: row[name] for name in row if name != "processed_at"} for row in listed), key=repr)

    return read


def query(home, statement, *values):
    """The rows of Airflow's database."""
    with sqlite3.connect(home / "airflow.db") as database:
        return database.execute(statement, values).fetchall()
