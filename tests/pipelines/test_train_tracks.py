"""Oracles: another training of the same seed, the rows of the manifest, and what models.evaluation promises."""

import collections
import json
import re

import numpy as np
import pytest
import tensorflow as tf
import yaml

from models.evaluation import describe_figures
from models.specs import AudioModelSpec
from pipelines import classify_tracks
from pipelines.cli import main
from pipelines.shipping import load_spec


def serve(folder, windows):
    """What a SavedModel gives for windows."""
    predict = tf.saved_model.load(str(folder / "saved_model")).signatures["serving_default"]
    return {name: each.numpy() for name, each in predict(samples=tf.constant(windows)).items()}


def train(toy, folder, **changes):
    """Trains with other values; the folder of the model."""
    config = toy.config | {"output": str(folder / "model")} | changes
    (folder / "train.yaml").write_text(yaml.safe_dump(config))
    assert main(["train_tracks", "--config", str(folder / "train.yaml")]) == 0
    return folder / "model"


@pytest.fixture(scope="module")
def figures(toy):
    return json.loads((toy.folder / "figures.json").read_text())


@pytest.fixture(scope="module")
def windows():
    return np.random.default_rng(1).normal(0, 0.1, (5, 8_000)).astype(np.float32)


def test_the_models_folder_is_whole(toy):
    names = {path.name for path in toy.folder.iterdir()}
    assert names == {"saved_model", "model.yaml", "figures.json", "reliability.png", "confusion.png"}
    for name in ("reliability.png", "confusion.png"):
        assert (toy.folder / name).read_bytes().startswith(b"\x89PNG")


def test_every_recording_and_mix_is_judged_once_under_its_source_and_class(toy, figures):
    expected = collections.Counter(f"{row['source']}: {row['label']}" for row in toy.labels)
    assert {name: row["items"] for name, row in figures["sources"].items()} == expected
    assert figures["items"] == len(toy.labels)
    labelled = collections.Counter(row["label"] for row in toy.labels)
    assert [sum(row) for row in figures["confusion"]] == [
        labelled[name] for name in [*toy.config["classes"], "silence"]
    ]


def test_silence_is_told_by_its_level(figures):
    assert figures["sources"]["north: silence"] == {"items": 1, "right": 1.0, "music_score": 0.0}


def test_the_figures_are_printed(toy, figures):
    assert toy.printed == describe_figures(figures) + "\n"


def test_the_spec_is_one_of_the_saved_model(toy, figures, windows):
    for wants in ("scores", "embedding"):
        spec = load_spec(str(toy.folder / "model.yaml"), wants)
        assert isinstance(spec, AudioModelSpec)
        assert (spec.name, spec.sample_rate, spec.window, spec.hop) == ("toy-1", 8_000, 8_000, 8_000)
    scores = load_spec(str(toy.folder / "model.yaml"), "scores").scores
    assert scores.labels == tuple(toy.config["classes"])
    assert figures["threshold"] - 1e-4 <= scores.functional_below_music <= figures["threshold"]
    predicted = serve(toy.folder, windows)
    np.testing.assert_allclose(predicted["scores"].sum(axis=1), 1, rtol=1e-5)
    assert predicted["embedding"].shape == (5, 8)


def test_the_model_classifies_tracks(toy, run_pipeline, rows, tmp_path):
    config = classify_tracks.Config(toy.manifest, str(tmp_path), str(toy.folder / "model.yaml"))
    run_pipeline(classify_tracks, config)
    labelled = {row["media_id"]: row["label"] for row in rows(tmp_path, "track_labels")}
    assert labelled.keys() == {row["media_id"] for row in toy.labels}
    assert labelled["silence"] == "silence"
    assert {row["model_version"] for row in rows(tmp_path, "track_labels")} == {"toy-1"}


def test_a_seed_gives_the_model_and_mixes_train_nothing(toy, windows, write_manifest, tmp_path):
    """Its embedding, that is, for mixes do count towards the temperature."""
    plain = [row.values() for row in toy.labels if not row["hard"]]
    manifest = write_manifest(tmp_path / "plain.csv", plain, tuple(toy.labels[0]))
    again = train(toy, tmp_path, manifest=manifest)
    np.testing.assert_array_equal(serve(again, windows)["embedding"], serve(toy.folder, windows)["embedding"])
    assert "mixes: music" not in json.loads((again / "figures.json").read_text())["sources"]


# Bad input


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": {"window": 12_000}}, "network.window must be of whole seconds and hops, .* got 12000"),
        ({"max_demoted": 1.0}, "max_demoted must be at least 0 and below 1, got 1.0"),
        ({"folds": [["north", "east"]]}, "folds must name each of .*north.* at most once, got north, east"),
        ({"folds": [["north"], ["north"]]}, "folds must name each of .* at most once, got north, north"),
        ({"workers": 0}, "workers must be positive, got 0"),
        ({"classes": ["music", "noise"]}, "draws must weigh all classes, music, noise, and draw no others"),
        ({"classes": ["music", "speech", "noise", "other"]}, "draws must weigh all classes, .*, other, and"),
        ({"steps": 3}, "steps: no such key"),
        ({"manifest": "no.csv"}, "no.csv: expected a CSV of labelled recordings, got "),
        ({"features": "no"}, "no: expected features of all in .*, found none of mix_north"),
        ({"log_mel": {"sample_rate": 8_000, "window": 512, "hop": 400, "bands": 10, "max_hz": 3_900}},
         "expected features of 10 bands, got 20 of "),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_said_before_any_training(toy, changes, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(toy.config | {"output": "model"} | changes))
    assert main(["train_tracks", "--config", "train.yaml"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("linernotes train_tracks: ")
    assert re.search(message, error)
    assert not (tmp_path / "model").exists()


def test_a_manifest_without_a_column_is_refused(toy, write_manifest, tmp_path, capsys):
    manifest = write_manifest(tmp_path / "a.csv", [("a", "a.wav", "music")], ("media_id", "uri", "label"))
    settings = [f"--set=manifest={manifest}", f"--set=output={tmp_path}/model"]
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(toy.config))
    assert main(["train_tracks", "--config", str(tmp_path / "train.yaml"), *settings]) == 2
    assert (
        "expected columns media_id, label, is_music, source, group, hard, found no is_music" in capsys.readouterr().err
    )


def test_a_tool_is_named_before_its_options(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--config", "train.yaml", "train_tracks"])
    assert "expected train_tracks before its options, got --config train.yaml train_tracks" in capsys.readouterr().err
