"""Oracles: classify_tracks run by itself, and models.evaluation on its rows."""

import json

import pytest
import yaml

from models.evaluation import Judged, describe_figures, evaluate
from pipelines import classify_tracks
from pipelines.cli import main

CLASSES = ("music", "speech", "noise", "silence")


@pytest.fixture(scope="module")
def previous(toy, tmp_path_factory):
    """The spec of a model that says the toy's scores of other classes: of noise what that says of music, and so on."""
    spec = yaml.safe_load((toy.folder / "model.yaml").read_text())
    spec["name"], spec["scores"]["labels"] = "toy-0", spec["scores"]["labels"][::-1]
    spec["path"] = str(toy.folder / spec["path"])
    path = tmp_path_factory.mktemp("previous") / "model.yaml"
    path.write_text(yaml.safe_dump(spec))
    return str(path)


@pytest.fixture(scope="module")
def evaluated(toy, previous, tmp_path_factory):
    """The folder of an evaluation of the toy on what it was trained on, beside another."""
    folder = tmp_path_factory.mktemp("evaluated")
    words = ["--input", toy.manifest, "--model", str(toy.folder / "model.yaml"), "--previous", previous]
    assert main(["evaluate_tracks", *words, "--output", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def expected(toy, previous, run_pipeline, rows, tmp_path_factory):
    """The rows of classify_tracks by each model."""

    def classify(model):
        output = tmp_path_factory.mktemp("classified")
        run_pipeline(classify_tracks, classify_tracks.Config(toy.manifest, str(output), str(model)))
        return {row["media_id"]: row for row in rows(output, "track_labels")}

    return {"current": classify(toy.folder / "model.yaml"), "previous": classify(previous)}


def figures_of(folder, name):
    return json.loads((folder / name / "figures.json").read_text())


def judge(row, classified):
    scores = {share["label"]: share["score"] for share in classified["shares"]}
    is_music = {"1": True, "0": False, "": None}[row["is_music"]]
    return Judged(row["media_id"], row["label"], is_music, row["hard"] != "", row["source"], scores)


@pytest.mark.parametrize("name", ["current", "previous"])
def test_the_figures_are_those_of_the_classified_tracks(toy, evaluated, expected, name):
    figures = figures_of(evaluated, name)
    items = [judge(row, expected[name][row["media_id"]]) for row in toy.labels]
    classes = CLASSES if name == "current" else (*CLASSES[2::-1], "silence")
    assert (figures.pop("failed"), figures.pop("decisions")) == (0, count_decisions(toy, expected[name]))
    wanted = json.loads(json.dumps(evaluate(items, classes)))
    assert figures.pop("sources") == {source: pytest.approx(row) for source, row in wanted.pop("sources").items()}
    assert figures.pop("f1") == pytest.approx(wanted.pop("f1"))
    for bins in zip(figures.pop("reliability"), wanted.pop("reliability"), strict=True):
        assert bins[0] == pytest.approx(bins[1])
    confusion = figures.pop("confusion")
    assert confusion == wanted.pop("confusion")
    assert figures == pytest.approx(wanted)


def count_decisions(toy, classified):
    counts = {}
    for row in toy.labels:
        decisions = counts.setdefault(row["label"], {})
        decision = classified[row["media_id"]]["decision"]
        decisions[decision] = decisions.get(decision, 0) + 1
    return counts


def test_plots_and_tables_lie_beside_the_figures(evaluated):
    for name in ("current", "previous"):
        assert {path.name for path in (evaluated / name).iterdir()} == {
            "figures.json", "confusion.png", "reliability.png", "tables",
        }  # fmt: skip
        assert (evaluated / name / "confusion.png").read_bytes().startswith(b"\x89PNG")


def test_both_models_are_printed_side_by_side_and_what_fails_is_counted(
    toy, previous, write_manifest, tmp_path, capsys
):
    """Again in the same folder: rows of another evaluation there are replaced."""
    folder = toy.folder.parent
    rows = [tuple({**row, "uri": str(folder / row["uri"])}.values()) for row in toy.labels if row["source"] == "south"]
    missing = ("missing", "missing.wav", "music", "1", "", "missing", "south")
    manifest = write_manifest(tmp_path / "south.csv", [*rows, missing], tuple(toy.labels[0]))
    words = ["--input", manifest, "--output", str(tmp_path / "evaluation"), "--model", str(toy.folder / "model.yaml")]
    assert main(["evaluate_tracks", "--input", toy.manifest, *words[2:]]) == 0
    capsys.readouterr()
    assert main(["evaluate_tracks", *words, "--previous", previous, "--set", "policy.music_from=0"]) == 0
    printed = capsys.readouterr().out
    figures = {name: figures_of(tmp_path / "evaluation", name) for name in ("current", "previous")}
    assert printed.startswith(describe_figures(figures["current"]))
    assert (figures["current"]["items"], figures["current"]["failed"]) == (3, 1)
    assert "1 recordings failed, and count for nothing" in printed
    assert set(figures["current"]["decisions"]["noise"]) == {"music"}  # by the policy set
    table = {line.split()[0]: line.split()[1:] for line in printed.splitlines() if len(line.split()) == 3}
    for name in ("accuracy", "macro_f1", "auroc", "calibration_error"):
        assert table[name] == [f"{figures[model][name]:.4f}" for model in ("previous", "current")]
    assert table["auroc_hard_music"] == ["none", "none"]  # no music among these is hard


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--input", "no.csv"], "no.csv: expected a CSV of labelled recordings, got "),
        (["--input", "{manifest}", "--model", "no.yaml"], "no.yaml"),
        (["--input", "{manifest}", "--model", "{model}", "--set", "polcy.music_from=1"], "did you mean policy?"),
        (["--input", "{missing}", "--model", "{model}"], "expected a recording that can be classified, found none"),
    ],
)
def test_what_cannot_be_evaluated_is_said(toy, words, message, write_manifest, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    missing = ("missing", "missing.wav", "music", "1", "", "missing", "south")
    names = {
        "manifest": toy.manifest,
        "model": str(toy.folder / "model.yaml"),
        "missing": write_manifest(tmp_path / "missing.csv", [missing], tuple(toy.labels[0])),
    }
    assert main(["evaluate_tracks", *(word.format(**names) for word in words)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("linernotes evaluate_tracks: ")
    assert message in error
