"""Whether an image model brought along says here what it says by itself: MobileNet v2 (TFLite, quantised)."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from models.image_models import load_image_model
from models.image_specs import ImageModelSpec, InputSpec, resolve_image_spec
from models.preparing import Crops, make_crops
from models.specs import ScoresSpec
from models.tagging import TaggingConfig

_MODEL = "tf2_mobilenet_v2_1.0_224_ptq.tflite"


def print_image_parity(folder: Path, pictures: Sequence[Path]) -> None:
    """Compares the scores of the pictures' crops, and the time they take. folder: the model and imagenet_labels.txt."""
    from ai_edge_litert.interpreter import Interpreter  # of an extra

    scores = ScoresSpec(labels_file="imagenet_labels.txt")
    named = ImageModelSpec("mobilenet", "tflite", _MODEL, InputSpec((224, 224), normalisation="tf"), scores=scores)
    spec = resolve_image_spec(named, str(folder))
    model = load_image_model(spec)
    start = time.process_time()
    crops = np.concatenate([_crop(each, spec.input) for each in pictures])
    middle = time.process_time()
    ours = model.predict(crops).scores
    end = time.process_time()
    bare = Interpreter(spec.path, num_threads=1)
    bare.allocate_tensors()
    (taken,), (given,) = bare.get_input_details(), bare.get_output_details()
    step, zero_point = given["quantization"]
    theirs = np.empty((len(crops), int(given["shape"][-1])), np.float32)
    for number, crop in enumerate(crops):
        bare.set_tensor(taken["index"], crop[np.newaxis])
        bare.invoke()
        theirs[number] = (bare.get_tensor(given["index"])[0].astype(np.float32) - zero_point) * np.float32(step)
    bare_end = time.process_time()
    assert ours is not None and spec.scores is not None  # the spec asks for scores
    labels = np.array(spec.scores.labels)
    highest = np.stack([theirs[:, labels == name].max(axis=1) for name in spec.classes], axis=1)
    print(
        f"MobileNet v2, {len(crops)} crops: largest difference from the bare interpreter "
        f"{float(np.abs(ours - highest).max()):.1e}; {1000 * (end - middle) / len(crops):.1f} ms a crop, "
        f"bare {1000 * (bare_end - end) / len(crops):.1f}, cropping {1000 * (middle - start) / len(crops):.1f}"
    )


def _crop(path: Path, spec: InputSpec) -> Crops:
    with Image.open(path) as image:
        return make_crops(np.asarray(image.convert("RGB")), spec, TaggingConfig())
