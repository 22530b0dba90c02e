"""Models in a bucket say what they say on this machine, and are fetched once."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
from apache_beam.io.filesystem import FileMetadata
from apache_beam.io.filesystems import FileSystems

import transforms.fetching
from configs.loading import ConfigError
from models.audio_models import load_audio_model
from models.image_models import load_image_model
from models.runtimes import ModelError
from models.specs import digest_model
from pipelines import classify_tracks
from pipelines.launching import make_run, run_pipeline
from pipelines.shipping import (
    SHIPPED_AUTHORS,
    SHIPPED_MODEL,
    load_author_model,
    load_image_spec,
    load_spec,
    open_author_model,
    open_model,
)
from transforms.fetching import fetch, fetch_model
from transforms.tables import read_table

WINDOWS = np.random.default_rng(3).normal(0, 0.1, (3, 16_000)).astype(np.float32)


def put(upload, folder, name):
    """Uploads a folder; where it lies."""
    return f"{upload(Path(folder), name)}/{name}"


@pytest.fixture(scope="module")
def bands(upload, band_model):
    """The folder of the model of bands, in the bucket."""
    return put(upload, Path(band_model.spec_file).parent, "bands")


@pytest.fixture
def opened(monkeypatch):
    """The files that are read in a store."""
    paths, open_file = [], FileSystems.open
    monkeypatch.setattr(
        FileSystems, "open", lambda path, *rest, **more: paths.append(path) or open_file(path, *rest, **more)
    )
    return paths


def test_a_model_in_a_bucket_says_what_it_says_here(bands, band_model):
    there, here = load_spec(f"{bands}/model.yaml", "scores"), load_spec(band_model.spec_file, "scores")
    assert there == dataclasses.replace(here, path=f"{bands}/saved_model")
    scores = load_audio_model(fetch_model(there)).predict(WINDOWS).scores
    np.testing.assert_array_equal(scores, load_audio_model(fetch_model(here)).predict(WINDOWS).scores)
    assert digest_model(fetch_model(there)) == digest_model(fetch_model(here))
    open_model(f"{bands}/model.yaml", "scores")


def test_a_process_fetches_a_model_once_and_again_when_it_changes(upload, tmp_path, opened):
    (tmp_path / "weights.onnx").write_bytes(b"\x08one")
    (tmp_path / "weights.onnx.data").write_bytes(b"outside")
    (tmp_path / "weights.onnx.md").write_bytes(b"no part of it")
    place = put(upload, tmp_path, "changing") + "/weights.onnx"
    copy = Path(fetch(place, (".data", "_data")))
    assert copy.read_bytes() == b"\x08one"
    assert {file.name for file in copy.parent.iterdir()} == {"weights.onnx", "weights.onnx.data"}
    assert fetch(place, (".data", "_data")) == str(copy)
    assert sorted(opened) == [place, f"{place}.data"]

    (tmp_path / "weights.onnx").write_bytes(b"\x08two")
    put(upload, tmp_path, "changing")
    assert Path(fetch(place, (".data", "_data"))).read_bytes() == b"\x08two"
    assert copy.read_bytes() == b"\x08one"


def test_a_folder_is_fetched_whole_and_nothing_beside_it(upload, tmp_path):
    for name in ("model/variables/index", "model/saved_model.pb", "model_2/saved_model.pb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    copy = Path(fetch(put(upload, tmp_path, "folders") + "/model"))
    files = {str(file.relative_to(copy)) for file in copy.rglob("*") if file.is_file()}
    assert files == {"variables/index", "saved_model.pb"}
    assert [each.name for each in copy.parent.iterdir()] == ["model"]


def test_what_is_not_in_the_bucket_is_refused(bands):
    with pytest.raises(ModelError, match=r"nowhere: expected a file or folder, got nothing: no such file$"):
        fetch(f"{bands}/nowhere")
    with pytest.raises(ConfigError, match=r"^model gs://.*/nowhere\.yaml: gs://.*/nowhere\.yaml: expected a file"):
        load_spec(f"{bands}/nowhere.yaml", "scores")


def test_labels_and_text_vectors_are_found_beside_a_spec_in_a_bucket(upload, tmp_path, colour_model):
    shutil.copytree(Path(colour_model).parent, tmp_path / "colours")
    spec = "name: colours-1\nformat: saved_model\npath: saved_model\ninput: {size: [24, 32], normalisation: unit}\n"
    (tmp_path / "colours" / "labelled.yaml").write_text(f"{spec}scores: {{output: shares, labels_file: labels.txt}}\n")
    (tmp_path / "colours" / "labels.txt").write_text("red\ngreen\nblue\n")
    texts = "prompts: {warm: [a fire], cold: [the sea]}, vectors_file: texts.npy"
    (tmp_path / "colours" / "told.yaml").write_text(f"{spec}embedding: {{output: means}}\nzero_shot: {{{texts}}}\n")
    np.save(tmp_path / "colours" / "texts.npy", np.eye(3, dtype=np.float32)[[0, 2]])
    place = put(upload, tmp_path / "colours", "colours")
    crops = np.random.default_rng(4).integers(0, 256, (2, 24, 32, 3), np.uint8)
    for name, classes in (("labelled", ("red", "green", "blue")), ("told", ("warm", "cold"))):
        there = load_image_spec(f"{place}/{name}.yaml", "scores")
        here = load_image_spec(f"{tmp_path}/colours/{name}.yaml", "scores")
        assert there.classes == here.classes == classes
        assert str(tmp_path) not in str(there)
        assert "linernotes-model-" not in str(there)
        scores = load_image_model(fetch_model(there)).predict(crops).scores
        np.testing.assert_array_equal(scores, load_image_model(fetch_model(here)).predict(crops).scores)
        assert digest_model(fetch_model(there)) == digest_model(fetch_model(here))


def test_the_networks_of_authors_may_be_in_a_bucket(upload):
    place = put(upload, Path(fetch(SHIPPED_AUTHORS)).parent, "authors")
    there, here = load_author_model(f"{place}/model.yaml"), load_author_model(SHIPPED_AUTHORS)
    assert (there.pairs, here.pairs) == (f"{place}/pairs", "models:authors/pairs")
    assert there.digest == here.digest
    open_author_model(f"{place}/model.yaml")


def test_tracks_are_classified_alike_by_the_shipped_model_and_its_copy_in_a_bucket(upload, sample_folder, tmp_path):
    place = put(upload, Path(fetch(SHIPPED_MODEL)).parent, "tracks")
    labels = {}
    for model in (SHIPPED_MODEL, f"{place}/model.yaml"):
        output = str(tmp_path / str(len(labels)))
        config = classify_tracks.Config(f"{sample_folder}/tracks/[fr]*", output, model)
        run = make_run(classify_tracks, config, "first")
        run_pipeline(classify_tracks, config, run)
        labels[model] = (
            run.config_digest,
            read_table(output, "track_labels", ["media_id", "label", "shares"]).to_pylist(),
        )
    assert labels[SHIPPED_MODEL] == labels[f"{place}/model.yaml"]
    assert len(labels[SHIPPED_MODEL][1]) > 1


def test_a_name_that_points_out_of_the_folder_is_refused(upload, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("text")
    place = put(upload, tmp_path, "pointing")
    pointing = FileMetadata(f"{place}/../../file", 4)
    monkeypatch.setattr(transforms.fetching, "_list", lambda place, beside: (pointing,))
    with pytest.raises(ModelError, match=r"expected a name without \.\. in it$"):
        fetch(f"{place}/file")
