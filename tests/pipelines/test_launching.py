"""The command line as people and orchestrators meet it: exit statuses, messages, and what stays untouched."""

import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from configs.loading import ConfigError, load_config
from pipelines import match_podcasts
from pipelines.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folders(tmp_path):
    """Arguments for an index and tables of the test's own."""
    return [f"--index={tmp_path}/index", f"--output={tmp_path}/tables"]


@pytest.fixture
def match(sample, sample_index, tmp_path):
    """The exit status of match_podcasts on the sample's episodes, with more arguments."""

    def run(*arguments):
        first = [f"--input={sample}/episodes.csv", f"--index={sample_index}", f"--output={tmp_path}/tables"]
        return main(["match_podcasts", *first, *arguments])

    return run


@pytest.fixture
def rejection(match, capsys, tmp_path):
    """What it says when it refuses to start: one line, status 2, and nothing written."""

    def run(*arguments):
        assert match(*arguments) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        assert not (tmp_path / "tables").exists()
        return captured.err.removesuffix("\n").removeprefix("linernotes match_podcasts: ")

    return run


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("qury.blocks.block_s=60", "qury: no such key; did you mean query?"),
        ("query.verification.min_scor=20", "query.verification.min_scor: no such key; did you mean min_score?"),
        ("max_failed_share=few", "max_failed_share: expected float, got 'few'"),
        ("query.retrieval.min_hits=2.5", "query.retrieval.min_hits: expected int, got 2.5"),
        ("query.blocks=60", "query.blocks: expected BlockConfig, got 60"),
        ("decode.block_s=-1", "decode: block_s must be positive, got -1.0"),
        ("decode.block_s", "--set: expected key=value, got 'decode.block_s'"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(rejection, setting, message):
    assert rejection("--set", setting) == message


@pytest.mark.parametrize("setting", ["isolation.timeout_s=0", "isolation.memory_mb=-1", "max_failed_share=-1"])
def test_a_knob_out_of_range_is_refused(setting):
    with pytest.raises(ConfigError, match=setting.partition("=")[0].rpartition(".")[2]):
        load_config(match_podcasts.Config, None, ["input=a.csv", "index=b", "output=c", setting])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("inptu: a.csv", "inptu: no such key; did you mean input?"),
        ("query: {blocks: {block_s: long}}", "query.blocks.block_s: expected float, got 'long'"),
        ("- input", "expected a mapping of keys, got list"),
    ],
)
def test_a_config_file_that_cannot_be_is_refused(rejection, tmp_path, text, message):
    (tmp_path / "config.yaml").write_text(text)
    assert message in rejection("--config", f"{tmp_path}/config.yaml")


def test_a_config_file_that_is_not_there_is_refused(rejection):
    assert "No such file" in rejection("--config=nowhere.yaml")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("list.csv", "id,uri\na,b\n", "expected a column media_id, got id, uri"),
        ("list.csv", "media_id,path\na,b\n", "expected a column uri, got media_id, path"),
        ("list.csv", "media_id,uri\na,\n", "line 2: uri must not be empty"),
        ("list.csv", "media_id,uri\n", "expected media, found none"),
        ("list.jsonl", "not json\n", "not a manifest"),
        ("list.parquet", "not parquet", "not a manifest"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(rejection, tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    rejected = rejection(f"--input={tmp_path}/{name}")
    assert str(tmp_path / name) in rejected
    assert message in rejected


def test_an_input_that_matches_nothing_is_refused(rejection, tmp_path):
    assert "cannot be read" in rejection(f"--input={tmp_path}/nowhere.csv")
    assert rejection(f"--input={tmp_path}/*.mp3") == f"{tmp_path}/*.mp3: expected media, found none"


def test_a_run_id_that_is_no_file_name_is_refused(rejection):
    assert "run_id: expected letters, digits" in rejection("--run_id=../elsewhere")


def test_a_missing_index_is_refused(rejection, tmp_path):
    rejected = rejection(f"--index={tmp_path}/nowhere")
    assert rejected.startswith(f"index {tmp_path}/nowhere: expected an index built by index_tracks")


@pytest.mark.parametrize("output", ["bq://project.dataset", "tables/*"])
def test_an_output_that_cannot_be_written_is_refused(rejection, output):
    assert output in rejection(f"--output={output}")


def test_nothing_but_a_name_of_ours_is_run(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["match_podcast"])
    assert caught.value.code == 2
    assert "match_podcasts" in capsys.readouterr().err


def test_more_failures_than_allowed_are_status_1(folders, write_manifest, rows, sample, tmp_path, capsys):
    tracks = [("fan", str(sample / "tracks/fan.mp3")), ("missing", "missing.mp3")]
    manifest = write_manifest(tmp_path / "tracks.csv", tracks)
    assert main(["index_tracks", f"--input={manifest}", *folders, "--run_id=r1", "--set=max_failed_share=0.4"]) == 3
    captured = capsys.readouterr()
    assert captured.out == f"2 items: 1 done, 1 failed, 0 skipped\ntables: {tmp_path}/tables\n"
    assert captured.err == "failed: 50.0% of the items, and at most 40.0% may\n"
    assert not (tmp_path / "index/current.json").exists()
    assert len(rows(tmp_path / "tables", "media_status", "r1", "index_tracks")) == 2


def test_a_dry_run_tells_of_the_first_item_and_writes_nothing(match, folders, sample, tmp_path, capsys):
    well = "config, input and models are well; the first item,"
    assert main(["index_tracks", f"--input={sample}/tracks/[fw]*.mp3", *folders, "--dry_run"]) == 0
    assert capsys.readouterr().out == f"dry run: 2 items; {well} fan.mp3, is done\n"
    assert match(f"--input={sample}/episodes/c*.mp3", "--dry_run") == 3
    printed = capsys.readouterr().out
    assert printed.startswith(f"dry run: 1 items; {well} corrupt.mp3, is failed at decode: expected audio")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def processes(sample, tmp_path_factory):
    """index_tracks as a process of its own, (status, stdout, stderr): on a terminal, and in a log."""
    folder = tmp_path_factory.mktemp("processes")
    ours, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    on_terminal = start(folder / "terminal", sample, terminal, "linernotes")
    in_log = start(folder / "log", sample, subprocess.PIPE, "module")
    os.close(terminal)
    shown = read_all(ours)
    ours_out, _ = on_terminal.communicate(timeout=120)
    log_out, log_err = in_log.communicate(timeout=120)
    return {
        "terminal": (on_terminal.returncode, ours_out, shown),
        "log": (in_log.returncode, log_out, log_err.decode()),
    }


def start(folder, sample, stderr, how):
    """Started the installed way or as a module, with an option that an orchestrator adds for Beam."""
    command = (
        [Path(sys.executable).parent / "linernotes"] if how == "linernotes" else [sys.executable, "-m", "pipelines"]
    )
    arguments = ["index_tracks", f"--input={sample}/tracks/[fw]*.mp3", f"--index={folder}/index",
                 f"--output={folder}/tables", "--run_id=r1", "--labels=airflow-version=v3"]  # fmt: skip
    return subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=stderr, cwd=ROOT)


def read_all(terminal):
    """All that is written to a terminal until nobody has it open."""
    shown = b""
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # what Linux says at the end
            chunk = b""
        if not chunk:
            os.close(terminal)
            return shown.decode()
        shown += chunk


@pytest.mark.parametrize("where", ["terminal", "log"])
def test_a_run_ends_with_status_0_and_says_what_became_of_the_items(processes, where):
    status, out, _ = processes[where]
    assert status == 0
    first, second = out.decode().splitlines()
    assert first == "2 items: 2 done, 0 failed, 0 skipped"
    assert second.startswith("tables: ")


def test_progress_is_shown_on_a_terminal(processes):
    assert "2/2" in processes["terminal"][2]


def test_nothing_is_shown_in_a_log(processes):
    assert processes["log"][2] == ""
