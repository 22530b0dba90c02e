"""Whether a model brought along says here what it says by itself: YAMNet (TFLite), beside its bare interpreter."""

import time
from pathlib import Path

import numpy as np

from models.audio_models import load_audio_model
from models.decoding import DecodeConfig
from models.specs import AudioModelSpec, ScoresSpec, resolve_spec
from models.windows import window_file


def print_parity(folder: Path, media: Path) -> None:
    """Compares the scores of a file's windows, and the time they take. folder: yamnet.tflite and its class map."""
    from ai_edge_litert.interpreter import Interpreter  # of an extra

    scores = ScoresSpec(output="Identity", labels_file="yamnet_class_map.csv", labels_column="display_name")
    named = AudioModelSpec("yamnet", "tflite", "yamnet.tflite", 16_000, 15_600, 15_600, scores=scores)
    spec = resolve_spec(named, str(folder))
    blocks = window_file(str(media), spec.sample_rate, spec.window, spec.hop, DecodeConfig())
    windows = np.concatenate([block for block, _ in blocks])
    model = load_audio_model(spec)
    start = time.process_time()
    ours = model.predict(windows).scores
    middle = time.process_time()
    bare = Interpreter(spec.path, num_threads=1)
    bare.allocate_tensors()
    (taken,), given = bare.get_input_details(), bare.get_output_details()
    place = next(output["index"] for output in given if output["name"] == scores.output)
    theirs = np.empty_like(ours)
    for number, window in enumerate(windows):
        bare.set_tensor(taken["index"], window.reshape(taken["shape"]))
        bare.invoke()
        theirs[number] = bare.get_tensor(place)
    end = time.process_time()
    assert ours is not None  # the spec asks for scores
    seconds = len(windows) * spec.window_s
    difference = float(np.abs(ours - theirs).max())
    print(
        f"YAMNet, {len(windows)} windows: largest difference from the bare interpreter {difference:.1e}; "
        f"{seconds / (middle - start):.0f} x realtime, bare {seconds / (end - middle):.0f}"
    )
