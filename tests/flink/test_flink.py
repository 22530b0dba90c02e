"""The oracle is the same run on this machine: a cluster gives the same rows, whatever befalls it."""

import csv
import time
from pathlib import Path

import pytest

from pipelines.cli import main
from transforms.snapshots import read_snapshot

SAMPLE = Path(__file__).parents[1] / "sample"
MODEL = ["--weights", "random", "--size", "32", "--embedding"]
COPIES = 12  # of each of the sample's episodes: enough work to be interrupted in
WORK_S = 2.0  # of it, before the interruption
VICTIM = 1


def test_the_life_of_an_index_on_flink_is_that_of_one_here(run, rows, close_to, cluster, tmp_path):
    (tmp_path / "withdrawn.txt").write_text("paper_kites\nrain\n")
    removed = ["--input", f"{tmp_path}/withdrawn.txt"]
    steps = {"index_tracks": [], "match_podcasts": [], "remove_tracks": removed, "compact_index": []}
    for folder, where in [(tmp_path / "here", None), (tmp_path / "flink", cluster)]:
        for step, more in steps.items():
            run(step, folder / step, "--index", f"{folder}/index", *more, cluster=where)
        run("export_cue_sheets", folder / "sheets", "--input", f"{folder}/match_podcasts", cluster=where)
    here, flink = tmp_path / "here", tmp_path / "flink"
    for step in ["index_tracks", "match_podcasts", "remove_tracks"]:
        assert rows(flink / step) == close_to(rows(here / step))
    assert read_snapshot(f"{flink}/index").digest == read_snapshot(f"{here}/index").digest
    assert statuses(rows, flink / "compact_index") == statuses(rows, here / "compact_index")
    assert sheets(rows, flink / "sheets") == sheets(rows, here / "sheets")


def statuses(rows, output):
    """Which item has which; other columns name the folder of the index."""
    return {row["media_id"]: row["status"] for row in rows(output)["media_status"]}


def sheets(rows, output):
    """What is written for each item."""
    return {row["media_id"]: Path(row["uri"]).read_text() for row in rows(output)["cue_sheets"]}


SETTINGS = {
    "attribute_audiobooks": [],
    "classify_tracks": [],
    "embed_media": [],
    "embed_visuals": ["model={folder}/model/model.yaml"],
    "extract_features": [f"input={SAMPLE}/tracks.csv", "synthesised=4"],
    "tag_videos": ["thumbnails={folder}/thumbnails"],
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_pipeline_gives_on_flink_what_it_gives_here(name, run, rows, close_to, cluster, tmp_path):
    if name == "embed_visuals":
        assert main(["export_image_model", "MobileNet", "--output", f"{tmp_path}/model", *MODEL]) == 0
    more = [word for setting in SETTINGS[name] for word in ("--set", setting.format(folder=tmp_path))]
    run(name, tmp_path / "here", *more)
    run(name, tmp_path / "flink", *more, cluster=cluster)
    expected = rows(tmp_path / "here")
    assert rows(tmp_path / "flink") == close_to(expected)
    assert all(expected.values())


def test_a_run_whose_task_manager_is_killed_half_way_loses_nothing_and_has_nothing_twice(
    run, start, rows, close_to, start_cluster, write_episodes, tmp_path
):
    words = ["--index", str(tmp_path / "index"), "--input", write_episodes(COPIES), "--set", "max_failed_share=0"]
    run("index_tracks", tmp_path / "tracks", *words[:2])
    run("match_podcasts", tmp_path / "here", *words)
    with start_cluster() as cluster:
        with start("match_podcasts", tmp_path / "flink", *words, cluster=cluster) as process:
            stage = wait_for_work_on_all(cluster, process, "FingerprintMedia")
            cluster.kill_task_manager(VICTIM)
            assert process.wait(timeout=600) == 0
        assert cluster.count_task_managers() == 1  # the other had slots enough
        assert all(subtask["attempt"] > 0 for subtask in cluster.ask(stage)["subtasks"])
    expected = rows(tmp_path / "here")
    assert rows(tmp_path / "flink") == close_to(expected)
    assert len(expected["media_status"]) == 2 * COPIES


@pytest.fixture
def write_episodes(tmp_path):
    """Writes a manifest of the sample's sound episodes, each so many times under other names; its path."""

    def write(copies):
        names = [f"slack_water_0{number}" for number in (1, 2)]
        items = [(f"{name}_{i}", str(SAMPLE / f"episodes/{name}.mp3")) for name in names for i in range(copies)]
        with (tmp_path / "episodes.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("media_id", "uri"), *items])
        return str(tmp_path / "episodes.csv")

    return write


def wait_for_work_on_all(cluster, process, name):
    """Waits until every TaskManager has worked for some time on the first stage of that name; where to ask for it."""
    since = None
    while since is None or time.monotonic() - since < WORK_S:
        assert process.poll() is None, f"expected {name} to run for {WORK_S} s, but the job has ended"
        stage = find_stage(cluster, name)
        working = stage and {subtask["taskmanager-id"] for subtask in working_subtasks(cluster, stage)}
        since = (since or time.monotonic()) if working and len(working) == cluster.count_task_managers() else None
        time.sleep(0.1)
    return stage


def find_stage(cluster, name):
    for job in cluster.ask("jobs")["jobs"]:
        for stage in cluster.ask(f"jobs/{job['id']}")["vertices"]:
            if name in stage["name"]:
                return f"jobs/{job['id']}/vertices/{stage['id']}"
    return None


def working_subtasks(cluster, stage):
    """Those that have got their workers and given them something to do."""
    subtasks = cluster.ask(stage)["subtasks"]
    return [each for each in subtasks if each["status"] == "RUNNING" and each["metrics"]["read-records"] > 0]
