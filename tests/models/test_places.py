"""A model's files lie beside its spec, wherever that is."""

import re
from pathlib import Path

import pytest

import models
from models.places import find_here, folder_of, resolve_place
from models.runtimes import ModelError


@pytest.mark.parametrize(
    ("path", "folder", "place"),
    [
        ("saved_model", "gs://bucket/one", "gs://bucket/one/saved_model"),
        ("../two/labels.csv", "gs://bucket/one", "gs://bucket/two/labels.csv"),
        ("./small.onnx", "gs://bucket", "gs://bucket/small.onnx"),
        ("saved_model", "models:tracks", "models:tracks/saved_model"),
        ("gs://bucket/one", "/elsewhere", "gs://bucket/one"),
        ("models:tracks/saved_model", "gs://bucket", "models:tracks/saved_model"),
        ("/models/one", "/elsewhere", "/models/one"),
        ("one", "file:///models", "/models/one"),
        ("../two", "/models/one", "/models/two"),
    ],
)
def test_a_path_is_relative_to_its_folder_wherever_that_is(path, folder, place):
    assert resolve_place(path, folder) == place
    assert resolve_place(place, "/elsewhere") == place


@pytest.mark.parametrize("path", ["/models/one", "file:///models/one"])
@pytest.mark.parametrize("folder", ["gs://bucket", "models:tracks"])
def test_a_spec_that_many_reach_names_no_file_of_one_machine(path, folder):
    with pytest.raises(ModelError, match=f"^/models/one: expected a place that whoever reaches {folder} reaches too$"):
        resolve_place(path, folder)


def test_the_folder_of_a_file_is_where_others_are_found_beside_it(tmp_path, monkeypatch):
    assert folder_of("gs://bucket/one/model.yaml") == "gs://bucket/one"
    assert folder_of("models:tracks/model.yaml") == "models:tracks"
    monkeypatch.chdir(tmp_path)
    assert folder_of("model.yaml") == str(tmp_path.resolve())
    assert folder_of(f"file://{tmp_path}/one/model.yaml") == str(tmp_path.resolve() / "one")


def test_what_ships_is_found_in_the_package_and_what_is_elsewhere_is_not():
    assert Path(find_here("models:tracks/model.yaml")) == Path(models.__file__).parent / "tracks" / "model.yaml"
    assert find_here("/models/one") == find_here("file:///models/one") == "/models/one"
    with pytest.raises(ModelError, match=f"^{re.escape('gs://bucket/one: expected a path of this machine')}$"):
        find_here("gs://bucket/one")
