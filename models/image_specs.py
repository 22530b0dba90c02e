"""What an image model is, for those who bring one: a YAML file beside it that says how it is fed and what it gives."""

import dataclasses
import math
from collections.abc import Sequence

from models.places import find_here, resolve_place
from models.prompts import PromptsSpec, resolve_prompts
from models.runtimes import FORMATS
from models.specs import EmbeddingSpec, Fetch, ScoresSpec, check_choice, resolve_scores

RESIZES = ("shortest", "stretch", "pad")
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "area")
COLOUR_ORDERS = ("rgb", "bgr")
LAYOUTS = ("nhwc", "nchw")

# Of each name: scale, mean and std, in the model's order of colours. As keras.applications and torchvision have them.
NORMALISATIONS: dict[str, tuple[float, tuple[float, ...], tuple[float, ...]]] = {
    "none": (1.0, (0.0,) * 3, (1.0,) * 3),  # 0 to 255
    "unit": (1 / 255, (0.0,) * 3, (1.0,) * 3),  # 0 to 1
    "tf": (1 / 127.5, (1.0,) * 3, (1.0,) * 3),  # -1 to 1
    "torch": (1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "caffe": (1.0, (103.939, 116.779, 123.68), (1.0,) * 3),  # of blue, green and red
    "clip": (1 / 255, (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
}


@dataclasses.dataclass(frozen=True)
class InputSpec:
    """How a picture becomes what the model takes.

    resize: `shortest` resizes until the picture covers size / crop and takes the centre, as torchvision's Resize and
    CenterCrop; `stretch` resizes to size whatever the shape; `pad` fits the whole picture into size, on black.
    interpolation: as Pillow's resize has it (area: its BOX), which averages what it shrinks. Thus pixels are those of
    torchvision on a PIL image and of keras.utils.load_img, but not of tf.image.resize without antialias.
    Values are (pixel * scale - mean) / std. normalisation: names these three; `custom`: they are given.
    A model that takes bytes is given pixels by its tensor's own scale and zero point, or as they are for `none` or if
    the tensor was quantised for such pixels.
    """

    size: tuple[int, int]  # height, width
    resize: str = "shortest"
    crop: float = 0.875  # of `shortest`: the share of the resized picture's side that is kept
    interpolation: str = "bilinear"
    colour_order: str | None = None  # rgb or bgr; None: rgb, or bgr for `caffe`
    layout: str = "nhwc"  # or nchw
    normalisation: str = "none"  # none, unit, tf, torch, caffe, clip or custom
    scale: float | None = None
    mean: tuple[float, ...] | None = None  # of one colour, or of three in the model's order
    std: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if min(self.size) <= 0:
            raise ValueError(f"size must be a positive height and width, got {list(self.size)}")
        check_choice("resize", self.resize, RESIZES)
        check_choice("interpolation", self.interpolation, INTERPOLATIONS)
        check_choice("layout", self.layout, LAYOUTS)
        check_choice("normalisation", self.normalisation, (*NORMALISATIONS, "custom"))
        if self.colour_order is not None:
            check_choice("colour_order", self.colour_order, COLOUR_ORDERS)
        if not 0 < self.crop <= 1:
            raise ValueError(f"crop must be above 0 and at most 1, got {self.crop}")
        self._check_values()

    def _check_values(self) -> None:
        given = [name for name in ("scale", "mean", "std") if getattr(self, name) is not None]
        if self.normalisation != "custom" and given:
            raise ValueError(f"{given[0]} needs normalisation custom, got {self.normalisation!r}")
        if self.normalisation == "custom" and not given:
            raise ValueError("normalisation custom needs scale, mean or std, got none")
        if self.scale is not None and not (math.isfinite(self.scale) and self.scale):
            raise ValueError(f"scale must be a number other than 0, got {self.scale}")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values is not None and (len(values) not in (1, 3) or not all(map(math.isfinite, values))):
                raise ValueError(f"{name} must be 1 or 3 numbers, got {list(values)}")
        if self.std is not None and min(self.std) <= 0:
            raise ValueError(f"std must be positive, got {list(self.std)}")

    @property
    def is_bgr(self) -> bool:
        return (self.colour_order or ("bgr" if self.normalisation == "caffe" else "rgb")) == "bgr"

    @property
    def example_shape(self) -> tuple[int, int, int]:
        """Of one picture, as the model takes it."""
        return (*self.size, 3) if self.layout == "nhwc" else (3, *self.size)

    @property
    def values(self) -> tuple[float, tuple[float, ...], tuple[float, ...]]:
        """Scale, mean and std; the latter of three colours."""
        if self.normalisation != "custom":
            return NORMALISATIONS[self.normalisation]
        scale = 1.0 if self.scale is None else self.scale
        return scale, _three(self.mean or (0.0,)), _three(self.std or (1.0,))


@dataclasses.dataclass(frozen=True)
class ImageModelSpec:
    """A model of pictures: where it is, what it takes, and what it gives: scores, embeddings or both.

    zero_shot: instead of scores, classes by the likeness of embeddings to those of texts.
    """

    name: str
    format: str  # saved_model, keras, tflite or onnx
    path: str  # of the file; of a SavedModel: the folder
    input: InputSpec
    batch_size: int = 16  # pictures at once
    scores: ScoresSpec | None = None
    embedding: EmbeddingSpec | None = None
    zero_shot: PromptsSpec | None = None

    def __post_init__(self) -> None:
        check_choice("format", self.format, FORMATS)
        if not self.name:
            raise ValueError("name must not be empty")
        if self.batch_size <= 0:
            raise ValueError(f"batch_size must be positive, got {self.batch_size}")
        if self.scores is None and self.embedding is None:
            raise ValueError("expected scores, embedding or both, got neither")
        if self.zero_shot is not None and self.scores is not None:
            raise ValueError("expected scores or zero_shot, got both")
        if self.zero_shot is not None and self.embedding is None:
            raise ValueError("zero_shot needs an embedding, got none")

    @property
    def classes(self) -> tuple[str, ...]:
        """Our classes in the order of the scores; of a resolved spec. None without scores."""
        if self.zero_shot is not None:
            return tuple(self.zero_shot.prompts)
        return () if self.scores is None else self.scores.names


def resolve_image_spec(spec: ImageModelSpec, folder: str, fetch: Fetch = find_here) -> ImageModelSpec:
    """The spec with its labels read and its paths made places; folder: what they are relative to, the spec's own.

    fetch: brings a file to this machine, to be read; its path. ModelError for a file of labels or vectors that cannot
    be; ValueError for labels that contradict the spec.
    """
    return dataclasses.replace(
        spec,
        path=resolve_place(spec.path, folder),
        scores=None if spec.scores is None else resolve_scores(spec.scores, folder, fetch),
        zero_shot=None if spec.zero_shot is None else resolve_prompts(spec.zero_shot, folder, fetch),
    )


def _three(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(values) * (3 // len(values))
