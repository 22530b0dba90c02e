"""The measurement of tags, with a model that cannot be wrong: photos of one colour, and a model of colours."""

import pytest
from PIL import Image

from models.manifests import ManifestError
from pipelines.tag_bench import print_tags

COLOURS = {"red": (200, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 200)}


@pytest.fixture
def photos(tmp_path):
    """Makes a folder of a photo of each colour, labelled."""

    def make(labels):
        for name, colour in COLOURS.items():
            Image.new("RGB", (900, 600), colour).save(tmp_path / f"{name}.png")
        rows = [f"{name}.png,{label}\n" for name, label in zip(COLOURS, labels, strict=True)]
        (tmp_path / "labels.csv").write_text("file,label\n" + "".join(rows))
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("labels", "first_right"), [(["red", "green", "blue"], "1.000"), (["red", "blue", "red"], "0.333")]
)
def test_the_share_of_right_tags_is_that_of_right_labels(photos, colour_model, capsys, labels, first_right):
    print_tags(photos(labels), colour_model, shots=1)
    title, _, pooled, alone = capsys.readouterr().out.splitlines()
    assert title.startswith("tags: 3 shots of 3 photos")
    assert pooled.split()[4] == alone.split()[5] == first_right


def test_photos_without_labels_are_an_error(tmp_path, colour_model):
    with pytest.raises(ManifestError, match=r"labels\.csv: expected a list of file and label"):
        print_tags(tmp_path, colour_model)
