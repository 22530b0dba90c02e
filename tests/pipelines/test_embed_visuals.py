"""Oracles: the same shots watched and averaged, by NumPy, in a loop; and which pictures are alike."""

import csv
import dataclasses
import shutil

import numpy as np
import pytest

from models.embeddings import EmbeddingConfig
from models.image_specs import InputSpec
from models.tagging import TaggingConfig
from models.watching import SeenShot, Watch, watch
from pipelines import embed_visuals
from pipelines.cli import main

INPUT = InputSpec((24, 32), normalisation="unit")


@pytest.fixture(scope="module")
def items(sample):
    """(media_id, uri) of the sample's videos and images."""
    with (sample / "visuals.csv").open() as file:
        return [(row["media_id"], f"{sample}/{row['uri']}") for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def config(items, colour_model, run_pipeline, write_manifest, tmp_path_factory):
    """Of run `first` of these and two bad ones. Nobody writes to its output."""
    folder = tmp_path_factory.mktemp("embedded")
    (folder / "text").write_text("no picture\n")
    manifest = write_manifest(folder / "media.csv", [*items, ("text", str(folder / "text")), ("missing", "missing")])
    config = embed_visuals.Config(manifest, str(folder / "tables"), colour_model)
    run_pipeline(embed_visuals, config)
    return config


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def embed_alone(uri):
    """(kind, start_s, end_s, vector) of a file."""
    asked = Watch(embed_visuals.WatchConfig(), INPUT, TaggingConfig(crops=("spec",)))
    shots = [each for each in watch(uri, asked) if isinstance(each, SeenShot)]
    vectors = [unit(unit(shot.crops.mean((1, 2), dtype=np.float64)).mean(0)) for shot in shots]
    seconds = [shot.end_s - shot.start_s or 1 for shot in shots]
    yield "item", 0.0, shots[-1].end_s, unit(np.average(vectors, axis=0, weights=seconds))
    for shot, vector in zip(shots, vectors, strict=True):
        yield "shot", shot.start_s, shot.end_s, vector


def test_vectors_are_those_of_a_loop(config, rows, items):
    found = {(row["media_id"], row["kind"], row["start_s"]): row for row in rows(config.output, "embeddings")}
    for media_id, uri in items:
        for kind, start_s, end_s, vector in embed_alone(uri):
            row = found.pop((media_id, kind, start_s))
            assert row["end_s"] == end_s
            np.testing.assert_allclose(row["vector"], vector, atol=1e-5)
    assert not found


def test_every_item_has_one_status(config, rows, items):
    statuses = {row["media_id"]: (row["status"], row["step"]) for row in rows(config.output, "media_status")}
    assert statuses == {
        **{media_id: ("done", None) for media_id, _ in items},
        "text": ("failed", "decode"),
        "missing": ("failed", "read"),
    }


def test_an_incremental_run_skips_what_is_done_and_keeps_its_rows(config, rows, run_pipeline, tmp_path):
    output = shutil.copytree(config.output, tmp_path / "tables")
    run_pipeline(embed_visuals, dataclasses.replace(config, output=str(output)), incremental=True)
    assert {row["status"] for row in rows(output, "media_status")} == {"skipped", "failed"}
    assert rows(output, "embeddings") == rows(config.output, "embeddings")


def test_shots_are_left_out_and_digits_saved_when_asked_for(config, rows, run_pipeline, tmp_path):
    knobs = EmbeddingConfig(windows=False, precision="float16")
    run_pipeline(embed_visuals, dataclasses.replace(config, output=str(tmp_path), embeddings=knobs))
    exact = {row["media_id"]: row for row in rows(config.output, "embeddings") if row["kind"] == "item"}
    found = {row["media_id"]: row for row in rows(tmp_path, "embeddings")}
    assert found.keys() == exact.keys()
    for media_id, row in found.items():
        np.testing.assert_allclose(row["vector"], exact[media_id]["vector"], atol=1e-3)


def test_a_model_without_an_embedding_and_an_unknown_crop_are_refused(config, colour_model, tmp_path, capsys):
    spec_file = tmp_path / "model.yaml"
    with open(colour_model) as file:  # noqa: PTH123
        text = file.read().replace("path: saved_model", f"path: {colour_model.removesuffix('model.yaml')}saved_model")
    spec_file.write_text(text.replace("embedding: {output: means}\n", ""))
    words = ["embed_visuals", "--input", config.input, "--output", str(tmp_path / "tables"), "--set"]
    assert main([*words, f"model={spec_file}"]) == 2
    assert "expected embedding among its outputs, got none" in capsys.readouterr().err
    assert main([*words, f"model={colour_model}", "--set", "crops=[middle]"]) == 2
    assert "crops must be of spec" in capsys.readouterr().err
