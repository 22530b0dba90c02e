"""A model of audio windows: what its spec makes of what its file gives."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from models.outputs import Outputs, join_predictions
from models.outputs import Predictions as Predictions  # what models of audio give, too
from models.runtimes import Runtime, open_runtime
from models.specs import AudioModelSpec


@dataclasses.dataclass(frozen=True)
class AudioModel:
    """A runtime with the spec of what it runs. From one thread at a time, as the runtime."""

    runtime: Runtime
    spec: AudioModelSpec
    outputs: Outputs

    @property
    def classes(self) -> tuple[str, ...]:
        """What the columns of the scores are; none, if there are no scores."""
        return self.spec.classes

    def predict(self, windows: NDArray[np.float32]) -> Predictions:
        """The scores and embeddings of windows (windows, samples), at most batch_size of them run at once.

        A window whose raw scores are not all finite has NaN for every class. ModelError if the outputs are of another
        shape than the spec says.
        """
        size = self.spec.batch_size
        batches = [windows[start : start + size] for start in range(0, len(windows), size)]
        parts = [self.outputs.read(self.runtime.predict(batch), len(batch)) for batch in batches]
        return join_predictions(parts or [self.outputs.read_none()])


def load_audio_model(spec: AudioModelSpec) -> AudioModel:
    """The model of a resolved spec. ModelError if its file is not what the spec says."""
    runtime = open_runtime(spec.format, spec.path)
    runtime.check((spec.window,))
    outputs = Outputs(runtime, spec.scores, spec.embedding, "windows")
    outputs.check()
    return AudioModel(runtime, spec, outputs)
