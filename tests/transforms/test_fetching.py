"""Files that are on this machine are not copied. Of those in a bucket, tests/cloud/test_fetching.py tells."""

import pytest

from models.runtimes import ModelError
from models.specs import AudioModelSpec, EmbeddingSpec
from transforms.fetching import fetch, fetch_model


def test_what_is_on_this_machine_stays_where_it_is(tmp_path):
    assert fetch(str(tmp_path)) == str(tmp_path)
    assert fetch(f"file://{tmp_path}") == str(tmp_path)


def test_a_shipped_model_is_found_where_the_package_is_installed():
    spec = AudioModelSpec("a", "saved_model", "models:tracks/saved_model", 8_000, 80, 80, embedding=EmbeddingSpec())
    assert fetch_model(spec).path.endswith("/models/tracks/saved_model")
    assert not fetch_model(spec).path.startswith("models:")


def test_a_store_that_nobody_knows_is_an_error_that_names_the_place():
    with pytest.raises(ModelError, match=r"^nosuch://bucket/model\.yaml: cannot be read: "):
        fetch("nosuch://bucket/model.yaml")
