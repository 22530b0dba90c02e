"""Oracle: Keras's own preprocess_input and predict on the same pixels."""

import re

import keras
import numpy as np
import pytest

from configs.loading import ConfigError, load_config
from models.image_models import load_image_model
from models.image_specs import ImageModelSpec, resolve_image_spec
from pipelines.export_image_model import main
from pipelines.shipping import load_image_spec

pytestmark = pytest.mark.filterwarnings("ignore:.*numpy.*:DeprecationWarning", "ignore:.*__array__.*")
PIXELS = np.random.default_rng(4).integers(0, 256, (3, 64, 64, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def theirs():
    """Keras's own model with random weights."""
    keras.utils.set_random_seed(2)
    return keras.applications.MobileNetV2(weights=None, input_shape=(64, 64, 3), classes=3)


def test_an_exported_model_says_what_keras_says_with_weights_and_labels_of_files(theirs, tmp_path, capsys):
    theirs.save_weights(tmp_path / "mine.weights.h5")
    (tmp_path / "labels.txt").write_text("cat\ndog\nüber\n", encoding="utf-8")
    folder, spec_file = tmp_path / "out", tmp_path / "out" / "model.yaml"
    files = ["--weights", str(tmp_path / "mine.weights.h5"), "--labels", str(tmp_path / "labels.txt")]
    assert main(["MobileNetV2", "--output", str(folder), "--size", "64", "--embedding", *files]) == 0
    assert capsys.readouterr().out == f"{spec_file}: MobileNetV2, 3 labels\n"

    model = load_image_model(resolve_image_spec(load_config(ImageModelSpec, str(spec_file)), str(folder)))
    pool = next(layer for layer in theirs.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D))
    both = keras.Model(theirs.input, [theirs.outputs[0], pool.output])
    scores, pooled = both(keras.applications.mobilenet_v2.preprocess_input(PIXELS.astype(np.float32)))
    predictions = model.predict(PIXELS)
    assert model.classes == ("cat", "dog", "über")
    np.testing.assert_allclose(predictions.scores, scores, atol=1e-4)
    np.testing.assert_allclose(predictions.embeddings, pooled, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "module", "normalisation"),
    [
        ("ResNet50", keras.applications.resnet50, "caffe"),
        ("EfficientNetB0", keras.applications.efficientnet, "none"),
    ],
)
def test_pixels_are_normalised_as_its_family_does_it(tmp_path, name, module, normalisation):
    small = ["--weights", "random", "--size", "32", "--classes", "7", "--format", "keras"]
    keras.utils.set_random_seed(1)
    main([name, "--output", str(tmp_path), *small])
    spec_file = str(tmp_path / "model.yaml")
    model = load_image_model(load_image_spec(spec_file, wants="scores"))
    assert model.spec.input.normalisation == normalisation
    assert model.classes == tuple(f"class_{number}" for number in range(7))
    keras.utils.set_random_seed(1)
    theirs = getattr(module, name)(weights=None, input_shape=(32, 32, 3), classes=7)
    pixels = PIXELS[:, :32, :32]
    expected = theirs(module.preprocess_input(pixels.astype(np.float32)), training=False)
    np.testing.assert_allclose(model.predict(pixels).scores, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["MobileNetV9", "--weights", "random"], "expected a model of keras.applications, got 'MobileNetV9'"),
        (["MobileNetV2", "--weights", "nosuch.h5"], "--weights: expected a file or `random`, got 'nosuch.h5'"),
        (["MobileNetV2", "--weights", "random", "--labels", "nosuch.txt"], "nosuch.txt: expected labels, got "),
        (["MobileNetV2", "--weights", "random", "--size", "8"], "MobileNetV2: "),
    ],
)
def test_what_cannot_be_is_an_error_that_says_so(tmp_path, arguments, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        main([*arguments, "--output", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
