"""Each pipeline's job as a flex template's launcher would give it to Dataflow: translated and staged, not started.

It proves the translation, not that the service accepts it.
"""

import base64
import binascii
import bz2
import contextlib
import dataclasses
import json
import os
import re
import shutil
import site
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from apache_beam.internal import pickler
from apache_beam.io.filesystems import FileSystems
from apache_beam.portability.api import beam_runner_api_pb2

from pipelines import classify_tracks, cli, flex, index_tracks, match_podcasts
from pipelines.launching import make_run, run_pipeline
from transforms.tables import read_table

ROOT = Path(__file__).parents[2]
IMAGE = "europe-west4-docker.pkg.dev/project/linernotes/linernotes:0.1.0"
ACCOUNT = "linernotes@project.iam.gserviceaccount.com"
SUBNETWORK = "regions/europe-west4/subnetworks/linernotes"
GPU = "type:nvidia-l4;count:1;install-nvidia-driver"
ON_GPU = f"{{inference.accelerator: '{GPU}', inference.min_ram: 16GB}}"
AUDIO = {"input": "sample/tracks.csv", "set": ON_GPU}
VISUALS = {"input": "sample/visuals.csv", "model": "colours/model.yaml", "set": ON_GPU}
PARAMETERS = {
    "index_tracks": {"input": "sample/tracks.csv", "index": "new_index"},
    "remove_tracks": {"input": "withdrawn.txt", "index": "index"},
    "compact_index": {"index": "index"},
    "match_podcasts": {"input": "sample/episodes.csv", "index": "index", "set": "{search.min_ram: 30GB}"},
    "export_cue_sheets": {"input": "tables", "sheets": "cue_sheets", "run_id": "first", "byte_order_mark": "true"},
    "classify_tracks": AUDIO | {"max_failed_share": "0.1"},
    "embed_media": AUDIO | {"incremental": "true"},
    "extract_features": {"input": "sample/tracks.csv", "synthesised": "7"},
    "attribute_audiobooks": {"input": "sample/audiobooks.jsonl", "authors": "sample/authors.jsonl"},
    "tag_videos": VISUALS | {"thumbnails": "thumbnails"},
    "embed_visuals": VISUALS,
}
_PICKLED = re.compile(rb"QlpoO[A-Za-z0-9+/]+={0,2}")  # in base64, compressed by bz2: as Beam pickles
PACKAGES = ("configs", "models", "pipelines", "transforms")
_RUN_GRAPH = """
import pathlib, sys
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.environments import EmbeddedPythonEnvironment
import models

folder = pathlib.Path(sys.argv[1])
assert folder in pathlib.Path(models.__file__).parents
graph = beam_runner_api_pb2.Pipeline.FromString((folder / "graph").read_bytes())
here = EmbeddedPythonEnvironment.default().to_runner_api(None)
for environment in graph.components.environments.values():
    environment.urn, environment.payload = here.urn, here.payload
FnApiRunner().run_via_runner_api(graph, PipelineOptions([])).wait_until_finish()
"""
PLACES = {"input", "index", "sheets", "authors", "model", "thumbnails"}
HINTED = {  # the only steps that ask for other machines, and what they ask for
    "match_podcasts": ("MatchFingerprints/ParDo(_MatchBlocksFn)", {"min_ram_bytes": b"30000000000"}),
    **dict.fromkeys(
        ("classify_tracks", "embed_media", "tag_videos", "embed_visuals"),
        ("RunInference", {"accelerator": GPU.encode(), "min_ram_bytes": b"16000000000"}),
    ),
}


@dataclasses.dataclass(frozen=True)
class Job:
    """What is sent to Dataflow."""

    request: dict[str, Any]
    graph: bytes

    @property
    def pipeline(self):
        return beam_runner_api_pb2.Pipeline.FromString(self.graph)

    @property
    def pool(self):
        (pool,) = self.request["environment"]["workerPools"]
        return pool


@pytest.fixture(scope="module")
def stored(bucket, upload, sample_folder, colour_model, tmp_path_factory):
    """The bucket, with an index, a run's matches and a model besides the sample."""
    folder = tmp_path_factory.mktemp("stored")
    index, tables = str(folder / "index"), str(folder / "tables")
    for pipeline, config in (
        (index_tracks, index_tracks.Config(f"{sample_folder}/tracks/[fw]*", index, tables)),
        (match_podcasts, match_podcasts.Config(f"{sample_folder}/tracks/f*", index, tables)),
    ):
        run_pipeline(pipeline, config, make_run(pipeline, config, "first"))
    (folder / "withdrawn.txt").write_text("fan.mp3\n")
    upload(folder, "")
    upload(Path(colour_model).parent, "colours")
    return bucket


@pytest.fixture(scope="module")
def launch(stored, warehouse):
    """Launches a pipeline's template with parameters; the exit status."""
    warehouse.create_dataset("dataflow", exists_ok=True)

    def launch_one(name, parameters):
        beam = {
            "output": "bq://linernotes-test.dataflow",
            "runner": "DataflowRunner",
            "project": "linernotes-test",
            "region": "europe-west4",
            "job_name": name.replace("_", "-"),
            "temp_location": f"{stored}/temp",
            "staging_location": f"{stored}/staging",
            "template_location": f"{stored}/jobs/{name}.json",
            "sdk_container_image": IMAGE,
            "service_account_email": ACCOUNT,
            "subnetwork": SUBNETWORK,
            "labels": "team=royalties",
        }
        return cli.main(flex.to_words(name, [f"--{key}={value}" for key, value in (beam | parameters).items()]))

    return launch_one


@pytest.fixture(scope="module")
def capture(launch, stored):
    """Launches a pipeline; the Job."""

    def capture_one(name, parameters):
        assert launch(name, parameters) == 0
        request = json.loads(read(f"{stored}/jobs/{name}.json"))
        return Job(request, read(request["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"]))

    return capture_one


@pytest.fixture(scope="module")
def jobs(capture, stored):
    """Of each pipeline, made when it is asked for."""

    class Jobs(dict):
        def __missing__(self, name):
            parameters = PARAMETERS[name].items()
            self[name] = capture(
                name, {key: f"{stored}/{value}" if key in PLACES else value for key, value in parameters}
            )
            return self[name]

    return Jobs()


def read(path):
    with FileSystems.open(path) as file:
        return file.read()


def test_every_pipeline_is_translated():
    assert set(PARAMETERS) == set(cli.PIPELINES)


@pytest.mark.parametrize("name", cli.PIPELINES)
def test_a_job_says_which_image_account_network_and_labels_it_has(jobs, name):
    job = jobs[name]
    assert {each["containerImage"] for each in job.pool["sdkHarnessContainerImages"]} == {IMAGE}
    assert (job.pool["ipConfiguration"], job.pool["subnetwork"]) == ("WORKER_IP_PRIVATE", SUBNETWORK)
    assert job.request["environment"]["serviceAccountEmail"] == ACCOUNT
    assert job.request["labels"] == {"app": "linernotes", "team": "royalties"}
    assert job.request["name"] == name.replace("_", "-")
    assert job.request["type"] == "JOB_TYPE_BATCH"


@pytest.mark.parametrize("name", cli.PIPELINES)
def test_only_the_steps_that_need_them_ask_for_other_machines(jobs, name):
    components = jobs[name].pipeline.components
    hints = {
        environment_id: {urn.split(":")[2]: value for urn, value in environment.resource_hints.items()}
        for environment_id, environment in components.environments.items()
    }
    asking = {
        each.unique_name: hints[each.environment_id]
        for each in components.transforms.values()
        if hints.get(each.environment_id)
    }
    if name not in HINTED:
        assert asking == {}
        return
    step, expected = HINTED[name]
    assert asking
    assert all(step in unique_name for unique_name in asking)
    assert all(given == expected for given in asking.values())


@pytest.mark.parametrize("name", cli.PIPELINES)
def test_nothing_of_the_machine_that_submits_a_job_is_staged_for_its_workers(jobs, name):
    job = jobs[name]
    assert job.pool.get("packages", []) == []
    assert [
        list(each.dependencies) for each in job.pipeline.components.environments.values() if each.dependencies
    ] == []
    options = job.request["environment"]["sdkPipelineOptions"]["options"]
    assert options["save_main_session"] is False
    assert not {"setup_file", "requirements_file", "extra_packages"} & set(options)


@pytest.mark.parametrize("name", cli.PIPELINES)
def test_no_path_of_the_machine_that_submits_a_job_is_in_it(jobs, name):
    here = [str(ROOT), str(Path.home()), tempfile.gettempdir(), *site.getsitepackages()]
    found = {path for data in unpack(dataclasses.astuple(jobs[name])) for path in find_paths(data, here)}
    # The code of a lambda travels with the name of its file, which shows in tracebacks and is not opened.
    assert {path for path in found if not path.endswith(".py")} == set()


@pytest.mark.parametrize("name", cli.PIPELINES)
def test_a_graph_is_far_smaller_than_the_service_allows(jobs, name):
    assert len(jobs[name].graph) < 1_000_000  # of 10 MB


def test_a_job_runs_where_nothing_is_but_the_packages(capture, stored, sample_folder, tmp_path):
    job = capture("classify_tracks", {"input": f"{stored}/sample/tracks/[fr]*", "output": f"{stored}/there"})
    (tmp_path / "graph").write_bytes(job.graph)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / "packages" / package, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-P", "-c", _RUN_GRAPH, str(tmp_path)]
    subprocess.run(command, check=True, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path / "packages")})

    config = classify_tracks.Config(f"{sample_folder}/tracks/[fr]*", str(tmp_path / "here"))
    run_pipeline(classify_tracks, config, make_run(classify_tracks, config, "here"))
    here, there = (
        read_table(output, "track_labels", ["media_id", "label", "shares"]).sort_by("media_id").to_pylist()
        for output in (config.output, f"{stored}/there")
    )
    assert here == there
    assert len(here) > 1


def test_what_workers_elsewhere_cannot_reach_is_refused_before_work_starts(launch, stored, sample_folder, capsys):
    assert launch("classify_tracks", {"input": f"{sample_folder}/tracks.csv"}) == 2
    assert capsys.readouterr().err.startswith("linernotes classify_tracks: input: expected a place that Dataflow's")
    local = {"input": f"{stored}/sample/visuals.csv", "thumbnails": "thumbnails"}
    assert launch("tag_videos", local) == 2
    assert capsys.readouterr().err.startswith("linernotes tag_videos: thumbnails: expected a place")


def test_a_path_is_found_however_deep_it_is_pickled():
    packed = b"\n\x0bA" + pickler.dumps({"inner": pickler.dumps(("text", "/there/model.yaml"))}) + b"\x12"
    assert b"/there" not in packed
    assert {path for data in unpack(packed) for path in find_paths(data, ["/there"])} == {"/there/model.yaml"}


def find_paths(data, folders):
    """The paths in these folders."""
    for folder in folders:
        yield from (match.decode() for match in re.findall(re.escape(folder.encode()) + rb"[\w./-]*", data))


def unpack(data):
    """The bytes of a request or graph, and what is compressed in them, as pickled functions are."""
    if isinstance(data, tuple):
        request, graph = data
        yield from unpack(json.dumps(request).encode())
        yield from unpack(graph)
        return
    yield data
    for run in re.findall(_PICKLED, data):
        with contextlib.suppress(binascii.Error, OSError, ValueError):  # it only looked like one
            yield from unpack(bz2.decompress(base64.b64decode(run[: len(run) // 4 * 4])))
