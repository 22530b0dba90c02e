"""Measures shot detection on synthetic films, PySceneDetect's detectors beside it in the same run.

A transition is found if a boundary is reported within it, or a few frames around it; one boundary finds one transition.
PySceneDetect is asked as it comes, for it is measured and not part of the product: pip install scenedetect
opencv-python-headless.
"""

import dataclasses
import importlib
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.shots import ShotConfig, stream_transitions
from models.transition_decoding import KINDS
from models.video_decoding import VideoConfig, decode_video
from pipelines.shot_films import FilmConfig, Truth, write_film
from pipelines.shot_views import find_material

_PEERS = ("Content", "Adaptive", "Hash", "Histogram", "Threshold")
_TOLERANCES = {"strict": (0, 0), "usual": (2, 5), "loose": (6, 6)}  # frames around a cut, and around another transition
_FIRST_SEED = 9000  # training takes lower ones

_Detect = Callable[[Path, NDArray[np.float64]], list[int]]  # the numbers of the first frames of shots, but the first


@dataclasses.dataclass(frozen=True, slots=True)
class Film:
    """A film, when its frames are shown, and its transitions."""

    path: Path
    times_s: NDArray[np.float64]
    truth: list[Truth]


def print_shots(folder: Path, films: int = 12, config: FilmConfig | None = None) -> None:
    """Prints, for films made of the photos and clips in a folder, what each detector finds and how fast it is."""
    material = find_material(folder)
    with tempfile.TemporaryDirectory(prefix="linernotes-shots-") as work:
        made = []
        for number in tqdm(range(films), unit="film", disable=None):
            path = Path(work) / f"{number}.mp4"
            truth = write_film(path, material, _FIRST_SEED + number, config or FilmConfig())
            times_s = np.array([frame.start_s for frame in decode_video(str(path), VideoConfig())])
            made.append(Film(path, times_s, truth))
        print_detectors(made)


def print_detectors(films: Sequence[Film]) -> None:
    """Prints the table of these films."""
    counts = {kind: sum(truth.kind == kind for film in films for truth in film.truth) for kind in KINDS[1:]}
    frames = sum(len(film.times_s) for film in films)
    print(
        f"shots: {len(films)} films, {frames} frames, " + ", ".join(f"{count} {kind}" for kind, count in counts.items())
    )
    print("                  found of each kind                 all    precision     F1   strict    loose  frames/s")
    print("           " + "".join(f"{kind:>10}" for kind in counts))
    for name, detect in _detectors():
        for film in films[:1]:
            detect(film.path, film.times_s)  # loads and compiles
        start_s = time.process_time()
        found = [detect(film.path, film.times_s) for film in tqdm(films, unit="film", desc=name, disable=None)]
        spent_s = time.process_time() - start_s
        print(f"  {name:9}{_describe(films, found)}{frames / spent_s:10.0f}")


def _describe(films: Sequence[Film], found: Sequence[list[int]]) -> str:
    scores = {}
    for name, tolerance in _TOLERANCES.items():
        hits = [
            match_boundaries(film.truth, boundaries, *tolerance) for film, boundaries in zip(films, found, strict=True)
        ]
        kinds = [truth.kind for film in films for truth in film.truth]
        was_hit = np.array([hit for film_hits in hits for hit in film_hits])
        recall, precision = was_hit.mean(), was_hit.sum() / max(1, sum(map(len, found)))
        scores[name] = (recall, precision, 2 * recall * precision / max(1e-9, recall + precision))
        if name == "usual":
            shares = [was_hit[np.array(kinds) == kind].mean() if kind in kinds else np.nan for kind in KINDS[1:]]
    recall, precision, f1 = scores["usual"]
    return (
        "".join(f"{share:10.1%}" for share in shares)
        + f"{recall:10.1%}{precision:11.1%}{f1:9.3f}{scores['strict'][2]:9.3f}{scores['loose'][2]:9.3f}"
    )


def match_boundaries(truth: Sequence[Truth], boundaries: Sequence[int], around_cut: int, around: int) -> list[bool]:
    """Which transitions are found; the closest pairs are matched first."""
    pairs = []
    for (place, each), (number, boundary) in itertools.product(enumerate(truth), enumerate(boundaries)):
        tolerance = around_cut if each.kind == "cut" else around
        if each.first - tolerance <= boundary <= each.last + tolerance:
            pairs.append((abs(2 * boundary - each.first - each.last), place, number))
    found, used = [False] * len(truth), set()
    for _, place, number in sorted(pairs):
        if not found[place] and number not in used:
            found[place] = True
            used.add(number)
    return found


def _detectors() -> Iterator[tuple[str, _Detect]]:
    yield "ours", _detect
    try:
        peer = importlib.import_module("scenedetect")
        importlib.import_module("cv2")
    except ImportError as error:
        print(f"  PySceneDetect's detectors are left out: {error}")
        return
    for name in _PEERS:

        def detect(path: Path, times_s: NDArray[np.float64], name: str = name) -> list[int]:
            scenes = peer.detect(str(path), getattr(peer, f"{name}Detector")())
            starts_s = [start.seconds for start, _ in scenes[1:]]
            return [int(np.abs(times_s - start_s).argmin()) for start_s in starts_s]

        yield name, detect


def _detect(path: Path, times_s: NDArray[np.float64]) -> list[int]:
    frames = ((frame.start_s, frame.grid) for frame in decode_video(str(path), VideoConfig()))
    decided = stream_transitions(frames, ShotConfig())
    return [transition.frame for _, transitions in decided for transition in transitions]
