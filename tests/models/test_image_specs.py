"""A spec that is right finds its labels and files; one that is wrong says what is the matter with it."""

import dataclasses
import re

import numpy as np
import pytest

from configs.loading import ConfigError
from models.image_specs import ImageModelSpec, InputSpec, resolve_image_spec
from models.prompts import PromptsSpec
from models.runtimes import ModelError
from models.specs import EmbeddingSpec, ScoresSpec, digest_model
from pipelines.shipping import load_image_spec, open_image_model

YAML = """
name: small
format: tflite
path: small.tflite
input:
  size: [192, 224]
  resize: pad
  interpolation: bicubic
  normalisation: custom
  scale: 0.5
  mean: [1, 2, 3]
scores:
  labels_file: labels.txt
  label_offset: 1
"""
SPEC = ImageModelSpec("small", "tflite", "small.tflite", InputSpec((2, 2)), scores=ScoresSpec(labels=("a", "b")))
PROMPTS = PromptsSpec({"pet": ("a cat", "a dog"), "crane": ("a crane",)}, "texts.npz")
ZERO_SHOT = dataclasses.replace(SPEC, scores=None, embedding=EmbeddingSpec(), zero_shot=PROMPTS)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "small.tflite").write_bytes(b"\0\0\0\0TFL3")
    (tmp_path / "labels.txt").write_text("background\ncrane\ncat\ncrane\n")
    (tmp_path / "spec.yaml").write_text(YAML)
    np.savez(tmp_path / "texts.npz", vectors=np.eye(3, 4))
    return tmp_path


def test_a_spec_is_read_from_its_folder(folder):
    spec = load_image_spec(str(folder / "spec.yaml"), wants="scores")
    values = {"normalisation": "custom", "scale": 0.5, "mean": (1.0, 2.0, 3.0)}
    assert spec.input == InputSpec((192, 224), "pad", interpolation="bicubic", **values)
    assert spec.path == str(folder / "small.tflite")
    assert spec.scores.labels == ("crane", "cat", "crane")
    assert spec.classes == ("crane", "cat")
    assert resolve_image_spec(spec, "/elsewhere") == spec


def test_more_offset_than_labels_is_an_error(folder):
    scores = ScoresSpec(labels_file="labels.txt", label_offset=4)
    with pytest.raises(ModelError, match=r"labels\.txt: expected more labels than label_offset, 4, got no more$"):
        resolve_image_spec(dataclasses.replace(SPEC, scores=scores), str(folder))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": (0, 5)}, "size must be a positive height and width, got [0, 5]"),
        ({"resize": "crop"}, "resize must be one of shortest, stretch, pad, got 'crop'"),
        ({"interpolation": "cubic"}, "interpolation must be one of nearest, bilinear, bicubic, area, got 'cubic'"),
        ({"crop": 0.0}, "crop must be above 0 and at most 1, got 0.0"),
        ({"colour_order": "gbr"}, "colour_order must be one of rgb, bgr, got 'gbr'"),
        ({"layout": "hwc"}, "layout must be one of nhwc, nchw, got 'hwc'"),
        ({"normalisation": "x"}, "normalisation must be one of none, unit, tf, torch, caffe, clip, custom, got 'x'"),
        ({"mean": (1.0,)}, "mean needs normalisation custom, got 'none'"),
        ({"normalisation": "custom"}, "normalisation custom needs scale, mean or std, got none"),
        ({"normalisation": "custom", "mean": (1.0, 2.0)}, "mean must be 1 or 3 numbers, got [1.0, 2.0]"),
        ({"normalisation": "custom", "std": (0.0,)}, "std must be positive, got [0.0]"),
        ({"normalisation": "custom", "scale": 0.0}, "scale must be a number other than 0, got 0.0"),
    ],
)
def test_an_input_that_cannot_be_is_an_error(changes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        InputSpec(**({"size": (2, 2)} | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "torch"}, "format must be one of saved_model, keras, tflite, onnx, got 'torch'"),
        ({"name": ""}, "name must not be empty"),
        ({"batch_size": 0}, "batch_size must be positive, got 0"),
        ({"scores": None}, "expected scores, embedding or both, got neither"),
        ({"zero_shot": PROMPTS}, "expected scores or zero_shot, got both"),
    ],
)
def test_a_spec_that_cannot_be_is_an_error(changes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        dataclasses.replace(SPEC, **changes)


def test_errors_in_a_file_name_the_file_and_the_key(folder):
    path = str(folder / "spec.yaml")
    (folder / "spec.yaml").write_text(YAML.replace("resize: pad", "resise: pad"))
    with pytest.raises(ConfigError, match=rf"^model {path}: input\.resise: no such key; did you mean resize\?$"):
        load_image_spec(path, wants="scores")
    (folder / "spec.yaml").write_text(YAML.replace("small.tflite", "spec.yaml"))
    with pytest.raises(ConfigError, match=rf"^model {path}: .*expected a tflite model, got a file that begins with"):
        load_image_spec(path, wants="scores")
    (folder / "spec.yaml").write_text(YAML.partition("scores:")[0] + "embedding: {}\n")
    with pytest.raises(ConfigError, match=rf"^model {path}: expected scores or zero_shot, got neither$"):
        load_image_spec(path, wants="scores")
    (folder / "spec.yaml").write_text(YAML)
    with pytest.raises(ConfigError, match=rf"^model {path}: .*small\.tflite: expected a tflite model, got "):
        open_image_model(path, wants="scores")


def test_every_value_that_changes_results_changes_the_digest_and_places_do_not(folder, tmp_path_factory):
    spec = resolve_image_spec(SPEC, str(folder))
    told = resolve_image_spec(ZERO_SHOT, str(folder))
    here = tmp_path_factory.mktemp("elsewhere")
    (here / "small.tflite").write_bytes((folder / "small.tflite").read_bytes())
    np.savez(here / "texts.npz", vectors=np.eye(3, 4))
    assert digest_model(told) == digest_model(resolve_image_spec(ZERO_SHOT, str(here)))
    assert digest_model(dataclasses.replace(spec, batch_size=7)) == digest_model(spec)
    np.savez(here / "texts.npz", vectors=np.eye(3, 4)[::-1])
    changed = [
        resolve_image_spec(ZERO_SHOT, str(here)),
        dataclasses.replace(spec, input=InputSpec((2, 2), crop=0.5)),
        dataclasses.replace(spec, scores=ScoresSpec(labels=("b", "a"))),
        dataclasses.replace(spec, scores=ScoresSpec(labels=("a", "b"), label_offset=-1)),
        dataclasses.replace(told, zero_shot=dataclasses.replace(told.zero_shot, logit_scale=50.0)),
    ]
    assert len({digest_model(each) for each in (spec, told, *changed)}) == 7
    (folder / "small.tflite").write_bytes(b"\0\0\0\0TFL3 ")
    assert digest_model(spec) != digest_model(dataclasses.replace(spec, path=str(here / "small.tflite")))
