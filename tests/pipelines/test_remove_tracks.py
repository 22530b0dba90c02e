"""Oracles: which of the listed ids the index has, and the matches that there were without the removed one."""

import dataclasses
import shutil

import pytest

import transforms.tables
from models.manifests import ManifestError
from pipelines import match_podcasts, remove_tracks
from pipelines.cli import main
from transforms.removing import list_ids
from transforms.snapshots import read_snapshot


@pytest.fixture
def index(sample_index, tmp_path):
    """A copy of the index of the sample's tracks."""
    return str(shutil.copytree(sample_index, tmp_path / "index"))


@pytest.fixture
def remove(index, tmp_path, run_pipeline, rows):
    """Removes what a list of ids says; the statuses by id."""

    def run(text, run_id="first"):
        (tmp_path / "ids.txt").write_text(text)
        config = remove_tracks.Config(str(tmp_path / "ids.txt"), index, str(tmp_path / "tables"))
        run_pipeline(remove_tracks, config, run_id)
        statuses = rows(config.output, "media_status", run_id, "remove_tracks")
        assert len(statuses) == len({row["media_id"] for row in statuses})
        return {row["media_id"]: row for row in statuses}

    return run


def removed_from(index):
    return [segment.removed for segment in read_snapshot(index).segments]


def test_ids_are_removed_once_and_those_unknown_fail(index, remove):
    before = read_snapshot(index)
    statuses = remove("rain\n\n  fan  \nnobody\nrain\n")
    assert {name: row["status"] for name, row in statuses.items()} == {
        "rain": "done",
        "fan": "done",
        "nobody": "failed",
    }
    assert statuses["nobody"]["step"] == "remove"
    assert statuses["nobody"]["reason"] == "expected the id of a track of the index, got 'nobody'"
    assert statuses["fan"]["duration_s"] > 10
    assert removed_from(index) == [("fan", "rain")]
    assert read_snapshot(index).digest != before.digest

    statuses = remove("rain\nnobody\ndrone\n")
    assert {name: row["status"] for name, row in statuses.items()} == {
        "rain": "skipped",
        "nobody": "failed",
        "drone": "done",
    }
    assert removed_from(index) == [("drone", "fan", "rain")]


def test_a_manifest_whose_files_are_gone_removes_its_tracks(index, run_pipeline, write_manifest, tmp_path):
    manifest = write_manifest(tmp_path / "tracks.csv", [("rain", "gone.mp3"), ("fan", "gone.mp3")])
    run_pipeline(remove_tracks, remove_tracks.Config(manifest, index, str(tmp_path / "tables")))
    assert removed_from(index) == [("fan", "rain")]


def test_a_crash_of_the_tables_leaves_the_tracks_removed_and_the_same_run_completes(index, remove, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(transforms.tables, "commit", crash)
        with pytest.raises(RuntimeError, match="out of luck"):
            remove("rain\n")
    assert removed_from(index) == [("rain",)]
    assert remove("rain\n")["rain"]["status"] == "skipped"
    assert removed_from(index) == [("rain",)]


def crash(*args):
    raise RuntimeError("out of luck")


@pytest.mark.parametrize(("text", "message"), [("", "expected ids, found none"), (None, "cannot be read")])
def test_a_list_that_cannot_be_is_refused(tmp_path, text, message):
    path = tmp_path / "ids.txt"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ManifestError, match=f"^{path}: {message}"):
        list(list_ids(str(path)))


def test_a_dry_run_removes_nothing(index, tmp_path, capsys):
    (tmp_path / "ids.txt").write_text("rain\nfan\n")
    folders = [f"--index={index}", f"--output={tmp_path}/tables"]
    assert main(["remove_tracks", f"--input={tmp_path}/ids.txt", *folders, "--dry_run"]) == 0
    assert (
        "dry run: 2 items; config, input and models are well; the first item, rain, is done" in capsys.readouterr().out
    )
    assert main(["compact_index", *folders, "--dry_run"]) == 0
    assert "dry run: 12 items; " in capsys.readouterr().out
    assert removed_from(index) == [()]
    assert not (tmp_path / "tables").exists()


def test_unknown_ids_are_status_1_and_the_others_are_removed(index, tmp_path, capsys):
    (tmp_path / "ids.txt").write_text("rain\nnobody\n")
    folders = [f"--index={index}", f"--output={tmp_path}/tables", "--run_id=r1"]
    assert main(["remove_tracks", f"--input={tmp_path}/ids.txt", *folders]) == 3
    assert "2 items: 1 done, 1 failed, 0 skipped" in capsys.readouterr().out
    assert removed_from(index) == [("rain",)]


def test_a_removed_track_is_not_matched_and_all_others_are(index, remove, matched, rows, run_pipeline, tmp_path):
    remove("brass_kettle\n")
    config = dataclasses.replace(matched, index=index, output=str(tmp_path / "tables"))
    run_pipeline(match_podcasts, config)
    expected = [row for row in rows(matched.output, "music_matches") if row["track_id"] != "brass_kettle"]
    assert rows(config.output, "music_matches") == expected
