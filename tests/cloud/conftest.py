"""A bucket and a BigQuery of this machine's own: emulators, started once a session, in an environment of their own.

`make cloud` makes that environment and names it in EMULATORS.
"""

import contextlib
import http.server
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from apache_beam.io.filesystems import FileSystems
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.cloud import bigquery, storage

PROJECT = "linernotes-test"
ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "sample"


class _TokenHandler(http.server.BaseHTTPRequestHandler):
    """Gives whoever asks a token, which the emulators do not look at: the credentials are real ones but for that."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = json.dumps({"access_token": "token", "expires_in": 3600, "token_type": "Bearer"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="session")
def token_uri():
    """Of the server that gives tokens."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _TokenHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/token"
        server.shutdown()


@pytest.fixture(scope="session")
def emulators(token_uri, tmp_path_factory):
    """Both are up, and whatever runs here or below takes them for the cloud."""
    programs = Path(os.environ.get("EMULATORS", ROOT / ".venv-emulators" / "bin")).absolute()
    if not programs.is_dir():
        pytest.fail(f"expected the emulators in {programs}: run `make cloud`")
    data, logs = tmp_path_factory.mktemp("buckets"), tmp_path_factory.mktemp("logs")
    storage_port, rest_port, grpc_port = _free_ports(3)
    commands = {
        "storage": ["gcp-storage-emulator", "-d", data, "start", "--host", "127.0.0.1", "--port", storage_port],
        "bigquery": ["bqemulator", "start", "--rest-port", rest_port, "--grpc-port", grpc_port],
    }
    settings = {
        "STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{storage_port}",
        "BIGQUERY_EMULATOR_HOST": f"http://127.0.0.1:{rest_port}",
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "GOOGLE_APPLICATION_CREDENTIALS": str(_make_credentials(logs / "credentials.json", token_uri)),
        "BQEMU_GCS_LOCAL_ROOT": str(data / ".cloudstorage"),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        with _running(programs, commands["storage"], logs), _running(programs, commands["bigquery"], logs):
            _wait(storage_port)
            _wait(rest_port)
            yield


@pytest.fixture(scope="session")
def warehouse(emulators):
    """The client of the BigQuery."""
    return bigquery.Client(PROJECT)


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory):
    """A copy of the sample catalogue, without its scripts."""
    folder = tmp_path_factory.mktemp("catalogue") / "sample"
    return shutil.copytree(SAMPLE, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))


@pytest.fixture(scope="session")
def upload(emulators):
    """Uploads a file or folder under a name; the bucket's gs:// path."""
    bucket = storage.Client(PROJECT).create_bucket("catalogue")

    def put(path, name):
        for file in [path] if path.is_file() else (each for each in path.rglob("*") if each.is_file()):
            bucket.blob(str(Path(name, file.relative_to(path)))).upload_from_filename(file)
        return f"gs://{bucket.name}"

    return put


@pytest.fixture(scope="session")
def bucket(upload, sample_folder):
    """A bucket with the sample catalogue below `sample/`; its gs:// path."""
    return upload(sample_folder, "sample")


@pytest.fixture(scope="session")
def find(upload):
    """The files in the bucket that match a pattern."""
    return lambda pattern: [file.path for file in FileSystems.match([pattern])[0].metadata_list]


@pytest.fixture
def make_dataset(warehouse):
    """Makes an empty dataset of that name; its bq:// path."""

    def make(name):
        warehouse.create_dataset(name)
        return f"bq://{PROJECT}.{name}"

    return make


def _make_credentials(path, token_uri):
    """A service account that nobody else knows."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {"type": "service_account", "project_id": PROJECT, "private_key_id": "1", "private_key": key.decode()}
    account |= {"client_email": f"tests@{PROJECT}.iam.gserviceaccount.com", "client_id": "1", "token_uri": token_uri}
    path.write_text(json.dumps(account))
    return path


@contextlib.contextmanager
def _running(programs, command, logs):
    name, *arguments = map(str, command)
    with (logs / f"{name}.log").open("w") as log:
        process = subprocess.Popen([str(programs / name), *arguments], stdout=log, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.kill()
            process.wait()


def _free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait(port, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
