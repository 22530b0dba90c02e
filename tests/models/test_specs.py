"""A spec that is right finds its labels and files; one that is wrong says what is the matter with it."""

import dataclasses
import re

import pytest

from configs.loading import ConfigError, load_config
from models.runtimes import ModelError
from models.specs import AudioModelSpec, EmbeddingSpec, ScoresSpec, digest_model, resolve_spec

LABELS = ("Speech", "Music", "Rain", "White noise")
SCORES = ScoresSpec(labels=LABELS)
SPEC = AudioModelSpec("small", "onnx", "small.onnx", 16_000, 15_600, 7_800, scores=SCORES)
YAML = """
name: small
format: tflite
path: weights/small.tflite
sample_rate: 16000
window: 15600
hop: 7800
scores:
  output: logits
  activation: softmax
  temperature: 1.5
  labels_file: labels.csv
  labels_column: display_name
  classes:
    music: [Music]
    noise: [Rain, White noise]
  pooling: sum
"""
CSV = 'index,mid,display_name\n0,/m/1,Speech\n1,/m/2,"Music"\n2,/m/3,Rain\n3,/m/4,White noise\n'


def test_a_spec_is_read_from_its_folder(tmp_path):
    (tmp_path / "spec.yaml").write_text(YAML)
    (tmp_path / "labels.csv").write_text(CSV)
    spec = resolve_spec(load_config(AudioModelSpec, str(tmp_path / "spec.yaml")), str(tmp_path))
    scores = ScoresSpec(
        output="logits",
        activation="softmax",
        temperature=1.5,
        labels=LABELS,
        labels_file=str(tmp_path / "labels.csv"),
        labels_column="display_name",
        classes={"music": ("Music",), "noise": ("Rain", "White noise")},
        pooling="sum",
    )
    path = str(tmp_path / "weights" / "small.tflite")
    assert spec == AudioModelSpec("small", "tflite", path, 16_000, 15_600, 7_800, scores=scores)
    assert resolve_spec(spec, "/elsewhere") == spec


@pytest.mark.parametrize(
    "text", ["Speech\nMusic\nRain\nWhite noise\n", "\ufeffSpeech\r\n Music\r\nRain\r\nWhite noise\n\n"]
)
def test_labels_are_the_lines_of_a_text_file(tmp_path, text):
    (tmp_path / "labels.txt").write_text(text, encoding="utf-8", newline="")
    spec = dataclasses.replace(SPEC, scores=ScoresSpec(labels_file="labels.txt"))
    assert resolve_spec(spec, str(tmp_path)).scores.labels == LABELS


@pytest.mark.parametrize(
    ("name", "content", "column", "message"),
    [
        ("labels.txt", None, None, "expected labels, got [Errno 2]"),
        ("labels.txt", b"\xff\xfe", None, "expected labels, got 'utf-8' codec"),
        ("labels.txt", b"\n\n", None, "expected labels, got none"),
        ("labels.txt", b"Speech\n\nRain", None, "expected labels, got an empty one, number 2"),
        ("labels.csv", CSV.encode(), None, "expected labels_column to say which column, got none"),
        ("labels.csv", CSV.encode(), "display", "no column 'display'; did you mean 'display_name'?"),
        ("labels.csv", CSV.encode(), "x", "no column 'x'; there are index, mid, display_name"),
        ("labels.csv", b"", "x", "no column 'x'; there are "),
    ],
)
def test_a_labels_file_that_cannot_be_is_an_error_that_names_it(tmp_path, name, content, column, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    spec = dataclasses.replace(SPEC, scores=ScoresSpec(labels_file=name, labels_column=column))
    with pytest.raises(ModelError, match=f"^{re.escape(f'{tmp_path / name}: {message}')}"):
        resolve_spec(spec, str(tmp_path))


def test_labels_that_the_file_contradicts_or_a_class_lacks_are_errors(tmp_path):
    (tmp_path / "labels.txt").write_text("\n".join(LABELS))
    given = ScoresSpec(labels=LABELS[::-1], labels_file="labels.txt")
    with pytest.raises(ValueError, match=r"^scores\.labels must be those of labels_file"):
        resolve_spec(dataclasses.replace(SPEC, scores=given), str(tmp_path))
    misspelt = ScoresSpec(labels_file="labels.txt", classes={"noise": ("Rain", "White nois")})
    with pytest.raises(ValueError, match=r"^classes\.noise: no label 'White nois'; did you mean 'White noise'\?$"):
        resolve_spec(dataclasses.replace(SPEC, scores=misspelt), str(tmp_path))


def test_a_label_that_a_file_names_twice_is_one_class(tmp_path):
    (tmp_path / "labels.txt").write_text("background\ncrane\ncat\ncrane\n")
    scores = ScoresSpec(labels_file="labels.txt", label_offset=1)
    spec = resolve_spec(dataclasses.replace(SPEC, scores=scores), str(tmp_path))
    assert spec.scores.labels == ("crane", "cat", "crane")
    assert spec.classes == ("crane", "cat")
    assert resolve_spec(spec, "/elsewhere") == spec


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "torch"}, "format must be one of saved_model, keras, tflite, onnx, got 'torch'"),
        ({"sample_rate": 0}, "sample_rate must be positive, got 0"),
        ({"window": -1}, "window must be positive, got -1"),
        ({"hop": 0}, "hop must be positive, got 0"),
        ({"hop": 15_601}, "hop must be at most window, 15600, or samples are left out, got 15601"),
        ({"batch_size": 0}, "batch_size must be positive, got 0"),
        ({"scores": None}, "expected scores, embedding or both, got neither"),
    ],
)
def test_a_spec_that_cannot_be_is_an_error(changes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        dataclasses.replace(SPEC, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation": "relu"}, "activation must be one of none, softmax, sigmoid, got 'relu'"),
        ({"pooling": "mean"}, "pooling must be one of max, sum, got 'mean'"),
        ({"temperature": 0.0}, "temperature must be positive, got 0.0"),
        ({"temperature": float("nan")}, "temperature must be positive, got nan"),
        ({"temperature": 2.0}, "temperature 2.0 needs an activation, got none"),
        ({"labels": ()}, "expected labels or a labels_file, got neither"),
        ({"label_offset": 1}, "label_offset 1 needs a labels_file, got none"),
        ({"labels_column": "name"}, "labels_column 'name' needs a labels_file, got none"),
        ({"labels": ("a", "b", "a")}, "labels are the classes, and must differ, got 'a' twice"),
        ({"classes": {}}, "classes must name at least one class, got none"),
        ({"classes": {"music": ()}}, "classes.music must name at least one label, got none"),
        ({"classes": {"music": ("Music", "Music")}}, "classes.music must name a label once, got 'Music' twice"),
        ({"classes": {"m": ("Musik",)}}, "classes.m: no label 'Musik'; did you mean 'Music'?"),
        ({"classes": {"m": ("x",)}}, "classes.m: no label 'x'; there are Speech, Music, Rain, White noise"),
    ],
)
def test_scores_that_cannot_be_are_errors(changes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        dataclasses.replace(SCORES, **changes)


def test_an_error_in_a_file_names_the_key(tmp_path):
    (tmp_path / "spec.yaml").write_text(YAML)
    with pytest.raises(ConfigError, match=r"^scores: pooling must be one of max, sum, got 'mean'$"):
        load_config(AudioModelSpec, str(tmp_path / "spec.yaml"), ["scores.pooling=mean"])
    with pytest.raises(ConfigError, match=r"^scores\.classes\.music\[1\]: expected str, got True$"):
        load_config(AudioModelSpec, str(tmp_path / "spec.yaml"), ["scores.classes.music=[Music, yes]"])


@pytest.fixture
def moved(tmp_path):
    """Twice the same model, in a file and in a folder of their own."""

    def write(name):
        folder = tmp_path / name
        (folder / "variables").mkdir(parents=True)
        (folder / "small.onnx").write_bytes(b"weights")
        (folder / "variables" / "data").write_bytes(b"more")
        return folder

    return write("here"), write("there")


def test_the_digest_is_of_the_bytes_and_not_of_where_they_lie(moved):
    here, there = (resolve_spec(SPEC, str(folder)) for folder in moved)
    assert digest_model(here) == digest_model(there)
    assert digest_model(dataclasses.replace(here, batch_size=7)) == digest_model(here)
    (moved[1] / "small.onnx").write_bytes(b"Weights")
    assert digest_model(here) != digest_model(there)


def test_the_digest_is_of_all_files_of_a_folder_and_of_weights_beside_a_file(moved):
    saved = [dataclasses.replace(SPEC, format="saved_model", path=str(folder)) for folder in moved]
    assert digest_model(saved[0]) == digest_model(saved[1])
    file = moved[1] / "variables" / "data"
    file.rename(file.with_name("date"))
    assert digest_model(saved[0]) != digest_model(saved[1])
    onnx = [resolve_spec(SPEC, str(folder)) for folder in moved]
    assert digest_model(onnx[0]) == digest_model(onnx[1])
    (moved[1] / "small.onnx.data").write_bytes(b"outside")
    assert digest_model(onnx[0]) != digest_model(onnx[1])


def test_every_value_that_changes_results_changes_the_digest(moved):
    spec = resolve_spec(SPEC, str(moved[0]))
    scores = [
        {"activation": "softmax"},
        {"activation": "softmax", "temperature": 2.0},
        {"labels": LABELS[::-1]},
        {"classes": {"a": ("Rain",), "b": ("Music",)}},
        {"classes": {"b": ("Music",), "a": ("Rain",)}},
        {"classes": {"b": ("Music",), "a": ("Rain",)}, "pooling": "sum"},
    ]
    changes = [
        *({"scores": dataclasses.replace(SCORES, **each)} for each in scores),
        *({"name": "other"}, {"sample_rate": 22_050}, {"window": 15_601}, {"hop": 7_801}),
        {"embedding": EmbeddingSpec()},
    ]
    digests = {digest_model(spec), *(digest_model(dataclasses.replace(spec, **each)) for each in changes)}
    assert len(digests) == 1 + len(changes)
