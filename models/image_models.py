"""A model of pictures: what its spec makes of what its file gives."""

import dataclasses

import numpy as np

from models.image_specs import ImageModelSpec
from models.outputs import Outputs, Predictions, join_predictions
from models.preparing import Crops, prepare
from models.prompts import Prompts, load_prompts
from models.runtimes import ModelError, Runtime, open_runtime


@dataclasses.dataclass(frozen=True)
class ImageModel:
    """A runtime with the spec of what it runs. From one thread at a time, as the runtime."""

    runtime: Runtime
    spec: ImageModelSpec
    outputs: Outputs
    prompts: Prompts | None

    @property
    def classes(self) -> tuple[str, ...]:
        """What the columns of the scores are; none, if there are no scores."""
        return self.spec.classes

    def predict(self, crops: Crops) -> Predictions:
        """The scores and embeddings of crops (crops, height, width, 3), uint8, at most batch_size of them run at once.

        A crop whose raw scores are not all finite has NaN for every class. ModelError if the outputs are of another
        shape than the spec says, or the crops of another size.
        """
        if crops.shape[1:] != (*self.spec.input.size, 3):
            expected = f"crops of shape {[*self.spec.input.size, 3]}"
            raise ModelError(f"{self.runtime.path}: expected {expected}, got {list(crops.shape[1:])}")
        size = self.spec.batch_size
        parts = [self._predict_batch(crops[start : start + size]) for start in range(0, len(crops), size)]
        predictions = join_predictions(parts or [self.outputs.read_none()])
        if self.prompts is None or predictions.embeddings is None:
            return predictions
        return dataclasses.replace(predictions, scores=self.prompts.score(predictions.embeddings))

    def _predict_batch(self, crops: Crops) -> Predictions:
        return self.outputs.read(self.runtime.predict(prepare(crops, self.spec.input, self.runtime)), len(crops))


def load_image_model(spec: ImageModelSpec) -> ImageModel:
    """The model of a resolved spec. ModelError if its file is not what the spec says."""
    runtime = open_runtime(spec.format, spec.path)
    runtime.check(spec.input.example_shape, "float32" if runtime.dtype.kind == "f" else runtime.dtype)
    outputs = Outputs(runtime, spec.scores, spec.embedding, "crops")
    outputs.check()
    prompts = None if spec.zero_shot is None else load_prompts(spec.zero_shot)
    model = ImageModel(runtime, spec, outputs, prompts)
    model.predict(np.empty((0, *spec.input.size, 3), np.uint8))  # embeddings of another length than the texts' raise
    return model
