"""The DAGs without a server: what they are, which commands they give, and real runs on the sample."""

import copy
import json
import shutil
import sys
import threading
import time
import types
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "sample"
DESCRIPTION = yaml.safe_load((ROOT / "pipelines" / "dags" / "pipelines.yaml").read_text(encoding="utf-8"))
MONDAY, TUESDAY = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def dags(load_dags):
    """As they are in a checkout."""
    bag = load_dags()
    assert bag.import_errors == {}
    return bag.dags


@pytest.fixture(scope="module")
def command():
    """The words of a task's command for the Monday, from its pipeline's name on, without what all have."""

    def render(dag, task_id, interval=(MONDAY, TUESDAY), **conf):
        from airflow.sdk.definitions.param import process_params

        task = copy.copy(dag.get_task(task_id))
        start, end = interval
        run = types.SimpleNamespace(run_after=TUESDAY)
        context = {
            "dag": dag,
            "task": task,
            "dag_run": run,
            "params": process_params(dag, task, conf, suppress_exception=False),
        }
        if start:
            context |= {"data_interval_start": start, "data_interval_end": end}
        task.render_template_fields(context, dag.get_template_env())
        python, *words = task.command
        assert (python, words[:2]) == (f"{ROOT}/.venv/bin/python", ["-m", "pipelines"])
        return words[2:]

    return render


def test_there_is_a_dag_for_each_pipeline_and_each_chain(dags):
    names = [*DESCRIPTION["pipelines"], *DESCRIPTION["chains"]]
    assert sorted(dags) == sorted(f"linernotes_{name}" for name in names)


def test_a_pipeline_runs_when_told_and_the_chain_nightly_for_the_day_that_ended(dags):
    schedules = {name: dag.timetable for name, dag in dags.items()}
    nightly = schedules.pop("linernotes_nightly")
    assert {type(each).__name__ for each in schedules.values()} == {"NullTimetable"}
    assert (type(nightly).__name__, nightly.expression) == ("CronDataIntervalTimetable", "0 0 * * *")


@pytest.mark.parametrize("name", DESCRIPTION["pipelines"])
def test_a_dag_of_a_pipeline_is_one_task_that_changes_its_tables(dags, name):
    (task,) = dags[f"linernotes_{name}"].tasks
    assert task.task_id == name
    assert [each.name for each in task.outlets] == [f"linernotes_{t}" for t in DESCRIPTION["pipelines"][name]["writes"]]


def test_the_chain_indexes_then_matches_then_reports(dags):
    tasks = dags["linernotes_nightly"].topological_sort()
    assert [task.task_id for task in tasks] == ["index_tracks", "match_podcasts", "export_cue_sheets"]
    assert [task.upstream_task_ids for task in tasks] == [set(), {"index_tracks"}, {"match_podcasts"}]


def test_every_task_is_retried_with_growing_delays_and_alerts_in_the_end(dags):
    for dag in dags.values():
        assert (dag.max_active_runs, dag.catchup) == (1, False)
        for task in dag.tasks:
            assert (task.retries, task.retry_delay.total_seconds(), bool(task.retry_exponential_backoff)) == (
                2,
                300,
                True,
            )
            (alert,) = task.on_failure_callback
            assert alert.apprise_conn_id == "{{ params.alert_conn_id }}"


def test_every_param_is_described_and_typed_and_its_default_is_fine(dags):
    for dag in dags.values():
        for name in dag.params:
            param = dag.params.get_param(name)
            assert param.description
            assert param.schema["type"]
            param.resolve()


@pytest.mark.parametrize(
    "conf",
    [
        {"incremental": "yes"},
        {"run_id": "a/b"},
        {"input": ""},
        {"set": "mode=add"},
        {"set": ["mode"]},
        {"mode": "append"},
        {"max_failed_share": 1.5},
        {"runner_config": "dataflow"},
    ],
    ids=str,
)
def test_a_bad_param_is_refused_before_anything_runs(dags, command, conf):
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        command(dags["linernotes_index_tracks"], "index_tracks", **conf)


def test_without_params_the_config_says_everything(dags, command):
    for name in DESCRIPTION["pipelines"]:
        assert command(dags[f"linernotes_{name}"], name) == [
            name, f"--config=configs/{name}.yaml", "--run_id=2026-03-02", "--incremental",
            f"--job_name=linernotes-{name.replace('_', '-')}-2026-03-02",
        ]  # fmt: skip


def test_params_become_options_and_settings_as_they_are(dags, command):
    words = command(
        dags["linernotes_index_tracks"],
        "index_tracks",
        input="gs://media/it's $HOME; & more/*.mp3",
        index="gs://media/index",
        output="bq://project.dataset",
        config="/etc/linernotes/index.yaml",
        set=["reference.shards=16"],
        mode="add",
        max_failed_share=0.1,
        run_id="again-2",
        incremental=False,
        dry_run=True,
        runner_config="configs/runners/local.yaml",
    )
    assert words == [
        "index_tracks", "--config=/etc/linernotes/index.yaml", "--input=gs://media/it's $HOME; & more/*.mp3",
        "--index=gs://media/index", "--output=bq://project.dataset", "--run_id=again-2", "--dry_run",
        "--runner_config=configs/runners/local.yaml", "--set=reference.shards=16", '--set=mode="add"',
        "--set=max_failed_share=0.1", "--job_name=linernotes-index-tracks-again-2",
    ]  # fmt: skip


def test_the_chain_gives_each_pipeline_what_it_takes(dags, command):
    conf = {
        "tracks": "gs://media/tracks/{{ ds }}/*.flac",
        "episodes": "SELECT media_id, uri FROM media.episodes WHERE published >= '{{ data_interval_start }}'"
        " AND published < '{{ data_interval_end }}'",
        "index": "gs://media/index",
        "output": "bq://project.dataset",
        "sheets": "gs://media/sheets/{{ ds_nodash }}",
        "match_podcasts_set": ["max_failed_share=0.1"],
    }
    nightly = dags["linernotes_nightly"]
    rest = ["--run_id=2026-03-02", "--incremental"]
    assert set(command(nightly, "index_tracks", **conf)[2:-1]) == {
        "--input=gs://media/tracks/2026-03-02/*.flac", "--index=gs://media/index", "--output=bq://project.dataset",
        "--set=mode=add", *rest,
    }  # fmt: skip
    assert set(command(nightly, "match_podcasts", **conf)[2:-1]) == {
        "--input=SELECT media_id, uri FROM media.episodes WHERE published >= '2026-03-02 00:00:00+00:00'"
        " AND published < '2026-03-03 00:00:00+00:00'",
        "--index=gs://media/index", "--output=bq://project.dataset", "--set=max_failed_share=0.1", *rest,
    }  # fmt: skip
    assert set(command(nightly, "export_cue_sheets", **conf)[2:-1]) == {
        "--input=bq://project.dataset", "--output=bq://project.dataset",
        '--set=sheets="gs://media/sheets/20260302"', *rest,
    }  # fmt: skip


def test_a_run_without_an_interval_takes_the_day_it_is_triggered(dags, command):
    words = command(dags["linernotes_embed_media"], "embed_media", interval=(None, None))
    assert "--run_id=2026-03-03" in words


@pytest.mark.parametrize(
    "text", ["{{ var.value.secret }}", "{{ conn.secret.password }}", "{{ dag }}", "{{ ds.__class__.mro() }}"]
)
def test_a_param_may_name_the_interval_and_nothing_secret(dags, command, text):
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match="there are data_interval_start"):
        command(dags["linernotes_embed_media"], "embed_media", input=text)


def test_a_deployment_changes_defaults_and_schedules(load_dags, command):
    params = {"output": "bq://project.dataset", "run_id": "{{ ts_nodash }}", "max_failed_share": 0.2}
    hourly = {"schedule": "0 * * * *", "params": params}
    bag = load_dags(configs="etc", runner_config="etc/dataflow.yaml", retries=5, dags={"match_podcasts": hourly})
    dag = bag.dags["linernotes_match_podcasts"]
    assert (dag.timetable.expression, dag.get_task("match_podcasts").retries) == ("0 * * * *", 5)
    assert command(dag, "match_podcasts")[1:] == [
        "--config=etc/match_podcasts.yaml", "--output=bq://project.dataset", "--run_id=20260302T000000",
        "--incremental", "--runner_config=etc/dataflow.yaml", "--set=max_failed_share=0.2",
        "--job_name=linernotes-match-podcasts-20260302t000000",
    ]  # fmt: skip


def test_commands_run_in_the_home_and_by_the_python_of_the_deployment(load_dags, tmp_path):
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\necho tables: $(pwd)")
    python.chmod(0o755)
    task = load_dags(home=str(tmp_path), python="bin/python").dags["linernotes_embed_media"].get_task("embed_media")
    task.command = [f"{tmp_path}/bin/python", "--run_id=1"]
    events = {table: types.SimpleNamespace() for table in task.outlets}
    task.execute({"params": {"skip_empty": False}, "outlet_events": events})
    assert [each.extra for each in events.values()] == [{"run_id": "1", "output": str(tmp_path)}] * 2


@pytest.mark.parametrize(
    ("deployment", "message"),
    [
        ({"hoem": "/srv"}, "hoem"),
        ({"dags": {"nigthly": {}}}, "dags: no such DAG: nigthly"),
        ({"dags": {"nightly": {"params": {"episode": "a"}}}}, "nightly: params: no such Param: episode"),
        ({"dags": {"nightly": {"params": {"incremental": "yes"}}}}, "'yes' is not of type 'boolean'"),
        ({"dags": {"nightly": {"schedule": "at night"}}}, "5, 6 or 7 columns"),
    ],
)
def test_a_bad_deployment_shows_when_the_dags_are_read(load_dags, deployment, message):
    (error,) = load_dags(**deployment).import_errors.values()
    assert message in error


def test_the_command_sees_nothing_of_airflows_environment(dags, monkeypatch):
    from airflow.sdk.exceptions import AirflowException

    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "secret")
    monkeypatch.setenv("PYTHONPATH", "/airflow")
    task = copy.copy(dags["linernotes_embed_media"].get_task("embed_media"))
    task.command = [sys.executable, "-c", "import os, sys; sys.exit(','.join(sorted(os.environ)))"]
    with pytest.raises(AirflowException, match=r"exit status 1: .*PATH") as raised:
        task.execute({"params": {"skip_empty": False}})
    assert "AIRFLOW" not in str(raised.value)
    assert "PYTHONPATH" not in str(raised.value)


def test_a_task_that_is_killed_kills_its_command(dags, tmp_path):
    from airflow.sdk.exceptions import AirflowException

    task, raised = copy.copy(dags["linernotes_embed_media"].get_task("embed_media")), []
    task.command = [sys.executable, "-c", f"open('{tmp_path}/started', 'w'); import time; time.sleep(60)"]

    def execute():
        try:
            task.execute({"params": {"skip_empty": False}})
        except AirflowException as error:
            raised.append(str(error))

    thread = threading.Thread(target=execute)
    thread.start()
    while not (tmp_path / "started").exists():
        time.sleep(0.01)
    task.on_kill()
    thread.join(timeout=20)
    assert raised == ["exit status -15: "]


@pytest.fixture(scope="module")
def night(run_dag, events, tmp_path_factory):
    """The sample's night: the folder that it wrote to, its Params, and what came of its tasks and assets."""
    folder = tmp_path_factory.mktemp("night")
    conf = {name: str(folder / name) for name in ("index", "output", "sheets")}
    tasks = run_dag("nightly", "2026-03-03", conf)
    return types.SimpleNamespace(folder=folder, conf=conf, tasks=tasks, events=events())


def test_the_chain_runs_on_the_sample_and_writes_what_the_command_line_does(night, run_pipeline, rows, tmp_path):
    assert night.tasks == dict.fromkeys(DESCRIPTION["chains"]["nightly"]["steps"], ("success", 1))
    index, output = f"--index={tmp_path}/index", f"--output={tmp_path}/output"
    for name, words in (
        ("index_tracks", [index]),
        ("match_podcasts", [index]),
        ("export_cue_sheets", [f"--input={tmp_path}/output", f"--set=sheets={tmp_path}/sheets"]),
    ):
        run_pipeline(name, "--config", f"configs/{name}.yaml", output, *words, "--run_id=2026-03-02", "--incremental")
    for table in ("media_status", "music_matches", "music_usage", "rights_holder_usage", "cue_sheets"):
        found = rows(night.conf["output"], table)
        assert found
        assert {row["run_id"] for row in found} == {"2026-03-02"}
        assert without_paths(found, night.folder) == without_paths(rows(tmp_path / "output", table), tmp_path)


def test_the_assets_say_which_run_changed_them_and_where(night):
    changed = {table for name in night.tasks for table in DESCRIPTION["pipelines"][name]["writes"]}
    said = {"run_id": "2026-03-02", "output": night.conf["output"]}
    assert night.events == {f"linernotes_{table}": said for table in changed}


def test_the_same_day_again_gives_the_same_rows_once(night, run_dag, rows, tmp_path):
    shutil.copytree(night.folder, tmp_path / "night")
    conf = {name: path.replace(str(night.folder), f"{tmp_path}/night") for name, path in night.conf.items()}
    assert run_dag("nightly", "2026-03-03", conf) == night.tasks
    for table in ("music_matches", "music_usage", "rights_holder_usage", "cue_sheets"):
        again, first = rows(conf["output"], table), rows(night.conf["output"], table)
        assert without_paths(again, tmp_path / "night") == without_paths(first, night.folder)
    kept = {(row["pipeline"], row["media_id"]) for row in rows(conf["output"], "media_status")}
    assert len(kept) == len(rows(conf["output"], "media_status")) == len(rows(night.conf["output"], "media_status"))


def test_a_day_without_new_tracks_skips_their_task_and_matches_all_the_same(night, run_dag, tmp_path):
    (tmp_path / "none.csv").write_text("media_id,uri\n")
    conf = night.conf | {
        "tracks": f"{tmp_path}/none.csv",
        "output": f"{tmp_path}/output",
        "sheets": f"{tmp_path}/sheets",
    }
    tasks = run_dag("nightly", "2026-03-04", conf | {"skip_empty": True})
    assert tasks == {
        "index_tracks": ("skipped", 1),
        "match_podcasts": ("success", 1),
        "export_cue_sheets": ("success", 1),
    }


def test_one_pipeline_runs_on_the_sample(run_dag, events, rows, tmp_path):
    events()
    words = {"input": f"{SAMPLE}/visuals.csv", "output": f"{tmp_path}/tables", "thumbnails": f"{tmp_path}/thumbnails"}
    assert run_dag("tag_videos", "2026-03-03", words | {"run_id": "mine"}) == {"tag_videos": ("success", 1)}
    statuses = rows(tmp_path / "tables", "media_status")
    assert {(row["run_id"], row["status"]) for row in statuses} == {("mine", "done")}
    said = {"run_id": "mine", "output": f"{tmp_path}/tables"}
    assert events() == {f"linernotes_{table}": said for table in DESCRIPTION["pipelines"]["tag_videos"]["writes"]}


def test_a_dry_run_changes_no_asset(night, run_dag, events, tmp_path):
    events()
    conf = {"index": night.conf["index"], "output": f"{tmp_path}/output", "dry_run": True}
    assert run_dag("match_podcasts", "2026-03-03", conf) == {"match_podcasts": ("success", 1)}
    assert events() == {}
    assert list(tmp_path.iterdir()) == []


def test_after_a_try_that_is_killed_half_way_the_next_writes_every_row_once(
    night, run_dag, rows, project_python, tmp_path
):
    output, killing = tmp_path / "output", tmp_path / "python"
    killing.write_text(
        f"""#!/bin/bash
        [ -e {tmp_path}/killed ] && exec {project_python} "$@"
        touch {tmp_path}/killed
        {project_python} "$@" &
        until ls {output}/_staging/*/*/*; do sleep 0.02; done 2> {tmp_path}/waiting
        kill -9 $!
        exit 137"""
    )
    killing.chmod(0o755)
    conf = {"index": night.conf["index"], "output": str(output)}
    assert run_dag("match_podcasts", "2026-03-02", conf, python=str(killing)) == {"match_podcasts": ("success", 2)}
    for table in ("music_matches", "music_usage", "rights_holder_usage"):
        assert rows(output, table) == rows(night.conf["output"], table)


def test_too_many_failed_items_fail_the_task_after_its_retries_and_alert_once(night, run_dag, alerts, tmp_path):
    alerts.clear()
    manifest = tmp_path / "episodes.csv"
    manifest.write_text(f"media_id,uri\ncorrupt,{SAMPLE}/episodes/corrupt.mp3\n")
    conf = {"input": str(manifest), "index": night.conf["index"], "output": f"{tmp_path}/tables"}
    assert run_dag("match_podcasts", "2026-03-05", conf) == {"match_podcasts": ("failed", 2)}
    (alert,) = alerts
    assert alert["title"] == "linernotes_match_podcasts: match_podcasts failed"
    assert alert["message"].startswith("exit status 3: failed: 100.0% of the items, and at most 40.0% may\nRun ")


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({"set": ["qury.x=1"]}, "linernotes match_podcasts: qury: no such key; did you mean query?"),
        ({"input": "none/*.mp3"}, "linernotes match_podcasts: none/*.mp3: expected media, found none"),
        ({"input": "{{ dss }}"}, "{{ dss }}: 'dss' is undefined; there are data_interval_start, "),
    ],
)
def test_what_is_refused_is_not_tried_again(night, run_dag, alerts, tmp_path, conf, message):
    alerts.clear()
    where = {"index": night.conf["index"], "output": f"{tmp_path}/tables"}
    assert run_dag("match_podcasts", "2026-03-06", where | conf) == {"match_podcasts": ("failed", 1)}
    (alert,) = alerts
    assert alert["message"].startswith(message)


def without_paths(rows, folder):
    """With the folder of a run named alike in all."""
    return sorted((json.loads(json.dumps(row).replace(str(folder), "")) for row in rows), key=repr)
