"""Oracles: the tables that are exported, read back through csv and pyarrow."""

import csv
import dataclasses
import datetime
import io
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from models.cue_sheets import COLUMNS
from pipelines import export_cue_sheets, match_podcasts
from pipelines.cli import main

MATCH = {
    "start_s": 90_000.0,
    "end_s": 90_061.5,
    "track_id": "track",
    "track_start_s": 0.0,
    "speed": 1.0,
    "score": 50.0,
    "alternatives": [],
    "title": "Título, \"quoted\"\nand '=cut'",
    "artist": '=HYPERLINK("http://evil")',
    "isrc": None,
    "rights_holder": "+44; =1",
    "level_db": -18.26,
    "usage": "background",
}
STATUS = {"step": None, "reason": None, "duration_s": 90_100.0, "content": "bytes", "config_digest": "knobs"}


def write_run(tables, run_id, statuses, matches, pipeline="match_podcasts"):
    """A run's tables: {media_id: status}, and {media_id: rows}."""
    made = {"run_id": run_id, "pipeline": pipeline, "processed_at": datetime.datetime.now(datetime.UTC)}
    listed = [(media_id, row) for media_id, rows in matches.items() for row in rows]
    rows = {
        "media_status": [
            {"media_id": media_id, "uri": f"{media_id}.mp3", "status": status} | STATUS | made
            for media_id, status in statuses.items()
        ],
        "music_matches": [{"media_id": media_id} | MATCH | row | made for media_id, row in listed],
    }
    schema = pa.Table.from_pylist([{"media_id": ""} | MATCH | {"isrc": ""} | made]).schema
    for table, schema_of_table in (("media_status", None), ("music_matches", schema)):
        folder = tables / table
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"{pipeline}-{run_id}.*"):
            old.unlink()
        written = pa.Table.from_pylist(rows[table], schema=schema_of_table)
        pq.write_table(written, folder / f"{pipeline}-{run_id}.0.00000-of-00001.parquet")


def sheets_of(output, run_id="first"):
    """The text of each cue sheet by its name."""
    return {path.stem: path.read_bytes().decode() for path in Path(output, "csv", run_id).glob("*.csv")}


def cues_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def seconds(timecode):
    hours, minutes, rest = timecode.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


@pytest.fixture
def export(run_pipeline, tmp_path):
    """Exports a run of the tables in tmp_path/tables; the config."""

    def run(run_id="first", **knobs):
        config = export_cue_sheets.Config(str(tmp_path / "tables"), str(tmp_path / "sheets"), **knobs)
        run_pipeline(export_cue_sheets, config, run_id)
        return config

    return run


# The sample


@pytest.fixture(scope="module")
def exported(matched, run_pipeline, tmp_path_factory):
    """The config of the export of run `first` of the sample's episodes."""
    config = export_cue_sheets.Config(matched.output, str(tmp_path_factory.mktemp("exported") / "sheets"))
    run_pipeline(export_cue_sheets, config)
    return config


def test_a_cue_sheet_for_each_episode_that_was_matched_and_none_for_the_corrupt_one(exported, rows):
    assert sheets_of(exported.output).keys() == {"slack_water_01", "slack_water_02"}
    statuses = rows(exported.output, "media_status", "first", "export_cue_sheets")
    assert {row["media_id"]: (row["status"], row["step"]) for row in statuses} == {
        "slack_water_01": ("done", None),
        "slack_water_02": ("done", None),
        "corrupt": ("failed", "decode"),
    }


def test_the_cues_are_the_matches(exported, matched, rows):
    for media_id, text in sheets_of(exported.output).items():
        matches = [row for row in rows(matched.output, "music_matches", "first") if row["media_id"] == media_id]
        matches.sort(key=lambda row: row["start_s"])
        cues = cues_of(text)
        assert len(cues) == len(matches) > 0
        for number, (cue, match) in enumerate(zip(cues, matches, strict=True), 1):
            assert {name: cue[name] for name in ("media_id", "track_id", "title", "artist", "isrc")} == {
                name: match[name] for name in ("media_id", "track_id", "title", "artist", "isrc")
            }
            assert (int(cue["sequence"]), cue["rights_holder"]) == (number, match["rights_holder"])
            assert (seconds(cue["in"]), seconds(cue["out"])) == pytest.approx((match["start_s"], match["end_s"]))
            assert float(cue["speed"]) == pytest.approx(match["speed"], abs=1e-4)
            assert cue["usage"] == (match.get("usage") or "")


def test_durations_add_up_to_music_usage(exported, matched, rows):
    cues = [cue for text in sheets_of(exported.output).values() for cue in cues_of(text)]
    for usage in rows(matched.output, "music_usage", "first"):
        mine = [cue for cue in cues if (cue["media_id"], cue["track_id"]) == (usage["media_id"], usage["track_id"])]
        assert len(mine) == usage["plays"]
        total_s = sum(seconds(cue["duration"]) for cue in mine)
        assert total_s == pytest.approx(usage["seconds"], abs=0.001 * len(mine))


def test_the_table_says_which_file_is_whose(exported, rows):
    for row in rows(exported.output, "cue_sheets", "first", "export_cue_sheets"):
        cues = cues_of(Path(row["uri"]).read_bytes().decode())
        assert {cue["media_id"] for cue in cues} == {row["media_id"]}
        assert row["cues"] == len(cues)
        assert row["seconds"] == pytest.approx(sum(seconds(cue["duration"]) for cue in cues))


def test_exporting_again_replaces_the_same_by_the_same(exported, run_pipeline, rows, tmp_path):
    output = shutil.copytree(exported.output, tmp_path / "sheets")
    run_pipeline(export_cue_sheets, dataclasses.replace(exported, output=str(output)))
    assert sheets_of(output) == sheets_of(exported.output)
    assert len(rows(output, "cue_sheets")) == len(rows(exported.output, "cue_sheets")) == 2
    assert not [path for path in output.glob("_staging/**/*") if path.is_file()]


# Made-up runs


def test_hostile_text_and_a_25_hour_episode(export, tmp_path):
    write_run(tmp_path / "tables", "first", {"../ä/=x": "done"}, {"../ä/=x": [{}]})
    (text,) = sheets_of(export().output).values()
    (cue,) = cues_of(text)
    assert cue == {
        "media_id": "../ä/=x",
        "sequence": "1",
        "in": "25:00:00.000",
        "out": "25:01:01.500",
        "duration": "00:01:01.500",
        "title": MATCH["title"],
        "artist": "'" + MATCH["artist"],
        "isrc": "",
        "rights_holder": "'+44; =1",
        "usage": "background",
        "level_db": "-18.3",
        "speed": "1.0",
        "track_id": "track",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["tables", "sheets"]


def test_no_music_and_not_processed_can_be_told_apart(export, tmp_path):
    write_run(tmp_path / "tables", "first", {"music": "done", "silent": "done", "broken": "failed"}, {"music": [{}]})
    sheets = sheets_of(export().output)
    assert sheets.keys() == {"music", "silent"}
    assert sheets["silent"] == ",".join(COLUMNS) + "\r\n"


def test_a_sheet_that_is_no_longer_of_an_episode_goes_and_those_of_other_runs_stay(export, tmp_path):
    tables = tmp_path / "tables"
    write_run(tables, "first", {"a": "done", "b": "done", "c": "done"}, {"a": [{}], "b": [{}], "c": [{}]})
    write_run(tables, "second", {"b": "done"}, {"b": [{}]})
    export("second")
    export("first")
    write_run(tables, "first", {"a": "done", "b": "failed"}, {"a": [{}, {"start_s": 1.0}]})
    output = export("first").output
    assert {name: len(cues_of(text)) for name, text in sheets_of(output, "first").items()} == {"a": 2}
    assert sheets_of(output, "second").keys() == {"b"}


def test_an_episode_skipped_in_an_incremental_run_has_the_cues_of_the_run_that_did_it(export, tmp_path):
    tables = tmp_path / "tables"
    write_run(tables, "first", {"a": "done", "b": "done"}, {"a": [{}, {}], "b": []})
    write_run(tables, "second", {"a": "skipped", "b": "skipped", "c": "done"}, {"c": [{}]})
    write_run(tables, "second", {"a": "done"}, {}, pipeline="index_tracks")
    sheets = sheets_of(export("second").output, "second")
    assert {name: len(cues_of(text)) for name, text in sheets.items()} == {"a": 2, "b": 0, "c": 1}


def test_a_real_incremental_run_is_exported_whole(matched, run_pipeline, copy_tables, tmp_path, exported):
    config = dataclasses.replace(matched, output=copy_tables())
    run_pipeline(match_podcasts, config, "second", incremental=True)
    run_pipeline(export_cue_sheets, export_cue_sheets.Config(config.output, str(tmp_path)), "second")
    assert sheets_of(tmp_path, "second") == sheets_of(exported.output)


def test_a_byte_order_mark_is_left_out_unless_asked_for(export, tmp_path):
    write_run(tmp_path / "tables", "first", {"a": "done"}, {"a": [{}]})
    (plain,) = sheets_of(export().output).values()
    (marked,) = sheets_of(export(byte_order_mark=True).output).values()
    assert marked == "\ufeff" + plain
    table = pyarrow.csv.read_csv(
        Path(tmp_path, "sheets/csv/first/a.csv"), parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True)
    )
    assert table["title"].to_pylist() == [MATCH["title"]]


def test_a_run_that_is_not_there_is_refused(tmp_path, capsys):
    write_run(tmp_path / "tables", "first", {"a": "done"}, {"a": [{}]})
    arguments = ["export_cue_sheets", f"--input={tmp_path}/tables", f"--output={tmp_path}/sheets", "--run_id=other"]
    assert main(arguments) == 2
    assert f"input {tmp_path}/tables: expected run other of match_podcasts, found none" in capsys.readouterr().err
    assert not (tmp_path / "sheets").exists()


def test_the_command_line_exports_and_tries_one_episode_without_writing(tmp_path, capsys):
    write_run(tmp_path / "tables", "first", {"a": "done", "b": "done"}, {"a": [{}]})
    arguments = ["export_cue_sheets", f"--input={tmp_path}/tables", f"--output={tmp_path}/sheets", "--run_id=first"]
    assert main([*arguments, "--dry_run"]) == 0
    assert "dry run: 2 items; config, input and models are well; the first item, a, is done" in capsys.readouterr().out
    assert not (tmp_path / "sheets").exists()
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"2 items: 2 done, 0 failed, 0 skipped\ntables: {tmp_path}/sheets\n"
    assert sheets_of(tmp_path / "sheets").keys() == {"a", "b"}
