"""Oracles: the same tracks decoded, cut, predicted (by NumPy), labelled and decided in a loop; a run of all at once."""

import csv
import dataclasses
import re
import shutil
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from models.decoding import DecodeConfig, decode_audio
from models.labelling import LabelConfig, label_track
from models.policies import PolicyConfig, decide_album, fit_policy
from models.records import MediaItem, ScoredItem
from pipelines import classify_tracks, launching
from pipelines.cli import main
from pipelines.shipping import load_spec
from transforms.inference import InferenceConfig

RATE = 8_000
TABLES = ["media_status", "track_labels", "track_segments"]
COLUMNS = ("media_id", "uri", "album", "rights_holder")
RANDOM = np.random.default_rng(12)


def hiss(duration_s):
    return 0.1 * np.diff(RANDOM.normal(size=round(duration_s * RATE) + 1))  # most of it above 2 kHz


def tone(duration_s):
    return 0.3 * np.sin(np.arange(round(duration_s * RATE)) * 2 * np.pi * 440 / RATE)


# media_id: what is heard, and the album and rights holder
MADE = {
    "hiss_long": ([hiss(121)], "Hiss", "Hush"),
    "hiss_short": ([hiss(30)], "Hiss", "Hush"),
    "intro": ([hiss(125)], "Songs", "Ida"),
    "song": ([tone(20)], "Songs", "Ida"),
    "song_2": ([tone(30), hiss(5)], "Songs", "Ida"),
    "namesake": ([hiss(125)], "Songs", "Otto"),
    "halves": ([tone(20), hiss(20), np.zeros(10 * RATE)], None, None),
    "blip": ([tone(0.7)], None, None),
    "silent": ([np.zeros(10 * RATE)], None, None),
}
FAILED = {
    "corrupt": ("decode", "expected audio"),
    "missing": ("read", "expected a file, found none"),
    "truncated": ("decode", r"truncated: the header states 125\.00 s, got 62\.\d\d s"),
}


@pytest.fixture(scope="module")
def items(sample, tmp_path_factory):
    """The good ones: the sample's tracks, and made ones."""
    folder = tmp_path_factory.mktemp("media")
    for name, (parts, _, _) in MADE.items():
        soundfile.write(folder / f"{name}.wav", np.concatenate(parts), RATE)
    with (sample / "tracks.csv").open() as file:
        listed = [
            (row["media_id"], f"{sample}/{row['uri']}", row["album"], row["rights_holder"])
            for row in csv.DictReader(file)
        ]
    return listed + [(name, f"{folder}/{name}.wav", *names) for name, (_, *names) in MADE.items()]


@pytest.fixture(scope="module")
def manifest(items, sample, write_manifest, tmp_path_factory):
    """All items, good and bad."""
    folder = tmp_path_factory.mktemp("manifest")
    whole = Path(next(uri for name, uri, *_ in items if name == "intro")).read_bytes()
    (folder / "truncated.wav").write_bytes(whole[: len(whole) // 2])
    bad = [("corrupt", f"{sample}/episodes/corrupt.mp3"), ("missing", "missing.mp3"), ("truncated", "truncated.wav")]
    listed = [*items[:5], *((*each, "Songs", "Ida") for each in bad), *items[5:]]
    return write_manifest(folder / "tracks.csv", listed, COLUMNS)


@pytest.fixture(scope="module")
def classified(band_model, manifest, run_pipeline, tmp_path_factory):
    """The config of run `first` of all items. Nobody writes to its output."""
    output = tmp_path_factory.mktemp("classified") / "tables"
    config = classify_tracks.Config(manifest, str(output), band_model.spec_file)
    run_pipeline(classify_tracks, config)
    return config


@pytest.fixture(scope="module")
def labels(classified, rows):
    return {row["media_id"]: row for row in rows(classified.output, "track_labels")}


def contents(rows, output, run_id=None):
    """All tables of a run but for what tells runs apart."""
    return {
        table: [row | {"run_id": None} for row in rows(output, table, run_id, "classify_tracks")] for table in TABLES
    }


def assert_same(found, expected):
    """Equal, but for rounding: numbers that TensorFlow sums in another order, and texts with such numbers."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if name in ("score", "music_score"):
            assert found[name] == pytest.approx(value, abs=1e-5)
        elif name == "shares":
            for one, other in zip(found[name], value, strict=True):
                assert_same(one, other)
        else:
            assert found[name] == value


def assert_same_tables(found, expected):
    for table in TABLES:
        for one, other in zip(found[table], expected[table], strict=True):
            assert_same(one, other)


# Without Beam


def score_alone(item, band_model):
    """A track decoded whole, and its windows, of 2 s each 1.5 s, predicted by NumPy."""
    samples = np.concatenate(list(decode_audio(item.uri, RATE, DecodeConfig())))
    duration_s = len(samples) / RATE
    if len(samples) < 16_000:
        samples = np.resize(samples, 16_000)
    starts = list(range(0, len(samples) - 15_999, 12_000))
    if len(samples) - 16_000 - starts[-1] >= 1_200:
        starts.append(len(samples) - 16_000)
    windows = np.stack([samples[start : start + 16_000] for start in starts])
    with np.errstate(divide="ignore"):
        levels_db = 10 * np.log10(np.mean(windows.astype(np.float64) ** 2, axis=1))
    scores, embeddings = band_model.predict(windows)
    return ScoredItem(item, duration_s, levels_db, scores, embeddings)


@pytest.fixture(scope="module")
def expected(items, band_model):
    """Labels and segments of the good items."""
    policy = fit_policy(PolicyConfig(), band_model.spec.classes, 0.3)
    albums, segments = defaultdict(list), []
    for name, uri, album, holder in items:
        scored = score_alone(MediaItem(name, uri, album=album, rights_holder=holder), band_model)
        summary, mine = label_track(scored, band_model.spec.classes, 2.0, 1.5, LabelConfig())
        albums[album or name, holder].append(summary)
        segments += mine
    return [label for album in albums.values() for label in decide_album(album, policy)], segments


def test_rows_are_those_that_a_loop_makes(classified, rows, expected):
    for table, records in zip(TABLES[1:], expected, strict=True):
        made = sorted(
            (dataclasses.asdict(each) for each in records), key=lambda row: (row["media_id"], row.get("end_s"))
        )
        found = sorted(rows(classified.output, table), key=lambda row: (row["media_id"], row.get("end_s")))
        assert [row["media_id"] for row in found] == [row["media_id"] for row in made]
        for row, other in zip(found, made, strict=True):
            assert_same({name: row[name] for name in other}, other)


def test_every_item_has_one_status(classified, rows, items):
    statuses = rows(classified.output, "media_status")
    assert sorted((row["media_id"], row["status"]) for row in statuses) == sorted(
        [(name, "done") for name, *_ in items] + [(name, "failed") for name in FAILED]
    )
    for row in statuses:
        if row["status"] == "failed":
            step, reason = FAILED[row["media_id"]]
            assert row["step"] == step
            assert re.search(reason, row["reason"])


def test_only_what_is_done_has_labels_and_segments_and_all_of_that_has(classified, rows, items):
    names = sorted(name for name, *_ in items)
    assert sorted(row["media_id"] for row in rows(classified.output, "track_labels")) == names
    assert sorted({row["media_id"] for row in rows(classified.output, "track_segments")}) == names


@pytest.mark.parametrize(
    ("media_id", "decision", "rate", "share"),
    [
        ("hiss_long", "functional", "reduced", 1.0),
        ("hiss_short", "functional", "none", 1.0),
        ("intro", "review", None, 0.0),
        ("namesake", "functional", "reduced", None),
        ("song", "music", "full", 0.5),
        ("blip", "music", "full", None),
        ("silent", "functional", "none", None),
        ("morning_ferry", "music", "full", None),
    ],
)
def test_decisions_are_what_anybody_hears(labels, media_id, decision, rate, share):
    row = labels[media_id]
    assert (row["decision"], row["rate"], row["album_functional_share"]) == (decision, rate, share)


def test_segments_are_where_the_sound_changes(classified, rows):
    segments = sorted(
        (row["start_s"], row["end_s"], row["label"])
        for row in rows(classified.output, "track_segments")
        if row["media_id"] == "halves"
    )
    assert [label for *_, label in segments] == ["music", "noise", "silence"]
    assert [start_s for start_s, *_ in segments] == pytest.approx([0, 20, 40], abs=1.5)
    assert segments[-1][1] == 50


@pytest.mark.parametrize("table", TABLES)
def test_every_row_names_the_run_and_the_model(classified, rows, table):
    listed = rows(classified.output, table, processed_at=True)
    assert {(row["run_id"], row["pipeline"], row["model_version"]) for row in listed} == {
        ("first", "classify_tracks", "bands-1")
    }
    assert len({row["processed_at"] for row in listed}) == 1


def test_two_processes_and_other_batches_give_the_same_rows(classified, rows, run_pipeline, tmp_path):
    config = dataclasses.replace(classified, output=str(tmp_path), inference=InferenceConfig(batch_size=5))
    run_pipeline(classify_tracks, config, "second", direct_num_workers=2, direct_running_mode="multi_processing")
    assert_same_tables(contents(rows, tmp_path), contents(rows, classified.output))


# Incremental runs


def test_an_incremental_run_skips_what_is_done_and_keeps_its_rows(classified, rows, run_pipeline, tmp_path):
    config = dataclasses.replace(classified, output=str(shutil.copytree(classified.output, tmp_path / "tables")))
    run_pipeline(classify_tracks, config, incremental=True)
    statuses = {row["media_id"]: row["status"] for row in rows(config.output, "media_status")}
    assert {name for name, status in statuses.items() if status == "failed"} == FAILED.keys()
    assert set(statuses.values()) == {"failed", "skipped"}
    for table in ("track_labels", "track_segments"):
        assert rows(config.output, table, processed_at=True) == rows(classified.output, table, processed_at=True)


@pytest.mark.parametrize("run_id", ["first", "second"])
def test_what_incremental_runs_say_last_is_what_a_run_of_all_tracks_says(
    classified, rows, labels, items, run_pipeline, write_manifest, tmp_path, run_id
):
    """The songs come a day after the rain before them, which was alone on its album and is functional by itself."""
    early = [item for item in items if item[0] in ("intro", "hiss_long", "blip")]
    late = [item for item in items if item[0] in ("song", "song_2", "hiss_short")]
    config = dataclasses.replace(classified, output=str(tmp_path / "tables"))
    first = dataclasses.replace(config, input=write_manifest(tmp_path / "early.csv", early, COLUMNS))
    run_pipeline(classify_tracks, first)
    assert {row["media_id"]: row["decision"] for row in rows(config.output, "track_labels")}["intro"] == "functional"

    second = dataclasses.replace(config, input=write_manifest(tmp_path / "all.csv", early + late, COLUMNS))
    run_pipeline(classify_tracks, second, run_id, incremental=True)
    found = rows(config.output, "track_labels", processed_at=True)
    last = {row["media_id"]: row for row in sorted(found, key=lambda row: row["processed_at"])}
    assert last.keys() == {name for name, *_ in early + late}
    for name, row in last.items():
        assert_same(row | {"run_id": None, "processed_at": None}, labels[name] | {"run_id": None, "processed_at": None})
    assert last["blip"]["run_id"] == "first"
    assert last["intro"]["run_id"] == run_id
    statuses = {
        row["media_id"]: row["status"] for row in rows(config.output, "media_status", run_id, "classify_tracks")
    }
    assert statuses == {name: "skipped" for name, *_ in early} | {name: "done" for name, *_ in late}


def digest(config):
    return launching.make_run(classify_tracks, config, "run").config_digest


def test_what_can_change_a_row_changes_the_digest_and_nothing_else_does(classified, band_model, tmp_path, monkeypatch):
    folder = shutil.copytree(Path(band_model.spec_file).parent, tmp_path / "elsewhere")
    same = [
        {"model": str(folder / "model.yaml")},
        {"input": "other.csv", "output": "other", "max_failed_share": 0.5},
        {"inference": InferenceConfig(batch_size=2, accelerator="type:nvidia-l4;count:1")},
        {"policy": PolicyConfig(functional_below_music=0.3)},
    ]
    other = [
        {"labels": LabelConfig(smoothing=0.1)},
        {"policy": PolicyConfig(min_duration_s=60)},
        {"decode": DecodeConfig(min_duration_s=0.2)},
    ]
    assert {digest(dataclasses.replace(classified, **each)) for each in same} == {digest(classified)}
    assert len({digest(dataclasses.replace(classified, **each)) for each in [*same, *other]}) == 1 + len(other)
    monkeypatch.chdir(folder)
    assert digest(dataclasses.replace(classified, model="model.yaml")) == digest(classified)
    with (folder / "saved_model" / "saved_model.pb").open("ab") as file:
        file.write(b"\0")
    assert digest(dataclasses.replace(classified, model="model.yaml")) != digest(classified)


# Refusals


@pytest.fixture
def change_spec(band_model, tmp_path):
    """Writes the model's spec with other values; its path."""

    def write(**changes):
        spec = yaml.safe_load(Path(band_model.spec_file).read_text())
        spec |= {"path": band_model.spec.path} | changes
        path = tmp_path / "model.yaml"
        path.write_text(yaml.safe_dump({name: value for name, value in spec.items() if value is not None}))
        return str(path)

    return write


@pytest.fixture
def rejection(manifest, capsys, tmp_path):
    """What it says when it refuses to start: one line, status 2, and nothing written."""

    def run(model, *arguments):
        command = ["classify_tracks", f"--input={manifest}", f"--output={tmp_path}/tables", "--set", f"model={model}"]
        assert main([*command, *arguments]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        assert not (tmp_path / "tables").exists()
        return (
            captured.err.removesuffix("\n").removeprefix("linernotes classify_tracks: ").replace(f"model {model}: ", "")
        )

    return run


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("policy.music_form=0.4", "policy.music_form: no such key; did you mean music_from?"),
        ("policy.music_from=4", "policy: music_from must be between 0 and 1, got 4.0"),
        ("policy.functional=[nois]", "policy.functional: no class 'nois'; did you mean 'noise'?"),
        ("policy.functional=[speech]", "policy: functional must not hold speech"),
        ("labels.silent_below_db=3", "labels: silent_below_db must be at most 0, got 3.0"),
        ("inference.batch_size=0", "inference: batch_size must be positive, got 0"),
        ("inference.batchsize=8", "inference.batchsize: no such key; did you mean batch_size?"),
    ],
)
def test_a_knob_that_cannot_be_is_refused(rejection, band_model, setting, message):
    assert rejection(band_model.spec_file, "--set", setting) == message


LABELS = ["music", "speech", "noise"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores": None}, "expected scores among its outputs, got none"),
        (
            {"scores": {"output": "shares", "labels": ["song", "speech", "noise"]}},
            "expected music among the model's classes, got song, speech, noise",
        ),
        (
            {"scores": {"output": "shares", "labels": LABELS}},
            "policy.functional_below_music: required, for the model's spec has no calibrated one",
        ),
        ({"hopp": 12_000}, "hopp: no such key; did you mean hop?"),
        ({"hop": 0}, "AudioModelSpec: hop must be positive, got 0"),
        ({"path": "nowhere"}, "FOLDER/nowhere/saved_model.pb: expected a saved_model model, got nothing: no such file"),
        ({"path": ".", "format": "onnx"}, "FOLDER: expected a onnx model, got nothing: no such file"),
        *(
            (
                {"path": "model.yaml", "format": name},
                f"FOLDER/model.yaml: expected a {name} model, got a file that begins with b'batch_si'",
            )
            for name in ("keras", "tflite", "onnx")
        ),
    ],
)
def test_a_model_that_does_not_fit_is_refused(rejection, change_spec, tmp_path, changes, message):
    assert rejection(change_spec(**changes)) == message.replace("FOLDER", str(tmp_path))


def test_a_spec_that_is_not_there_or_is_none_is_refused(rejection, tmp_path):
    assert "No such file" in rejection(tmp_path / "nowhere.yaml")
    (tmp_path / "list.yaml").write_text("- music\n")
    assert "expected a mapping of keys, got list" in rejection(tmp_path / "list.yaml")


def test_a_model_without_a_calibrated_threshold_does_with_one_in_the_policy(change_spec, classified):
    model = change_spec(scores={"output": "shares", "labels": LABELS})
    policy = PolicyConfig(functional_below_music=0.3)
    assert launching.make_run(classify_tracks, dataclasses.replace(classified, model=model, policy=policy), "run")


def test_only_the_output_that_is_wanted_is_asked_of_the_model(band_model):
    assert load_spec(band_model.spec_file, "scores") == dataclasses.replace(band_model.spec, embedding=None)
    assert load_spec(band_model.spec_file, "embedding") == dataclasses.replace(band_model.spec, scores=None)


# Dry runs, and what is found before any run


def test_a_dry_run_tells_of_the_first_track_and_writes_nothing(band_model, manifest, tmp_path, capsys):
    arguments = [f"--input={manifest}", f"--output={tmp_path}/tables", f"--set=model={band_model.spec_file}"]
    assert main(["classify_tracks", *arguments, "--dry_run"]) == 0
    well = "config, input and models are well; the first item, morning_ferry, is done"
    assert capsys.readouterr().out == f"dry run: 24 items; {well}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--dry_run"], []], ids=["dry run", "run on this machine"])
def test_the_model_is_opened_before_any_work(rejection, change_spec, tmp_path, arguments):
    (tmp_path / "garbage").mkdir()
    (tmp_path / "garbage" / "saved_model.pb").write_bytes(b"\x08\x01 and then no model")
    said = rejection(change_spec(path="garbage"), *arguments)
    assert said.startswith(f"{tmp_path}/garbage: expected a saved_model model, got ")
    scores = {"output": "shares", "labels": [*LABELS, "nature"], "functional_below_music": 0.3}
    assert rejection(change_spec(scores=scores), *arguments).endswith("expected as many scores as labels, 4, got 3")
