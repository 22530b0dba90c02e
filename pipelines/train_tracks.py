"""Trains the model of classify_tracks and embed_media, and calibrates it on sources that trained nothing.

    linernotes extract_features --config configs/extract_features.yaml
    linernotes train_tracks --config configs/train_tracks.yaml

Every source is held out of some network, alone or with others. What those networks say is what the model may be
expected to do for catalogues it has not seen, and what its temperature and threshold are fitted to. The model itself
trains on all. Seeded: on one machine the same data give the same figures.
"""

import argparse
import dataclasses
import functools
import json
import math
import multiprocessing
import shutil
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from tqdm import tqdm

from configs.loading import ConfigError, load_config
from models.calibration import fit_temperature, pool
from models.evaluation import Judged, describe_figures, evaluate
from models.examples import SYNTHESISED, DrawConfig, Examples, Recording
from models.folds import group_by_source
from models.labelling import SILENCE, LabelConfig
from models.log_mel import LogMelConfig
from models.network import NetworkConfig, build_network, export_network, use_cores
from models.projection import Projection, fit_projection
from models.training import TrainingConfig, predict, train_network
from pipelines.plotting import plot_evaluation
from pipelines.recordings import judge, read_labels, read_recordings

Logits = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Config:
    """manifest: of labelled recordings, with columns media_id, label, is_music, source, group and hard; those with a
    hard case are mixes of others, and train nothing. features: the tables of extract_features. output: the model's
    folder. folds: sources that are held out together, which takes fewer networks and leaves each of them less to learn
    from; any other source is held out alone. workers: processes that train, each on one core. max_demoted: the share of
    music that may lie below the threshold.
    """

    name: str
    manifest: str
    features: str
    output: str
    draws: DrawConfig
    classes: tuple[str, ...] = ("music", "speech", "noise", "nature", "machine", "tonal", "other")
    log_mel: LogMelConfig = dataclasses.field(default_factory=LogMelConfig)
    network: NetworkConfig = dataclasses.field(default_factory=NetworkConfig)
    training: TrainingConfig = dataclasses.field(default_factory=TrainingConfig)
    folds: tuple[tuple[str, ...], ...] = ()
    workers: int = 2
    seed: int = 1
    max_demoted: float = 0.01

    def __post_init__(self) -> None:
        if self.network.window % self.log_mel.sample_rate or self.network.window % self.log_mel.hop:
            whole = f"whole seconds and hops, {self.log_mel.sample_rate} and {self.log_mel.hop} samples"
            raise ValueError(f"network.window must be of {whole}, got {self.network.window}")
        if self.workers <= 0:
            raise ValueError(f"workers must be positive, got {self.workers}")
        if not 0 <= self.max_demoted < 1:
            raise ValueError(f"max_demoted must be at least 0 and below 1, got {self.max_demoted}")
        drawn = [*self.draws.weights, *(name for each in self.draws.mixtures for name in (each.label, *each.under))]
        if self.draws.weights.keys() != set(self.classes) or not set(drawn) <= set(self.classes):
            raise ValueError(
                f"draws must weigh all classes, {', '.join(self.classes)}, and draw no others, got {drawn}"
            )

    @property
    def frames(self) -> int:
        """Of a window."""
        return self.log_mel.frames(self.network.window)


@dataclasses.dataclass(frozen=True, slots=True)
class Trained:
    """A network that some sources were held out of ("": none), and what it says of the recordings held out."""

    fold: str
    weights: list[NDArray[np.float32]]
    projection: Projection | None  # to embeddings; of the network that none was held out of
    logits: dict[str, Logits]  # by media_id: (windows, classes)


def main(arguments: Sequence[str]) -> int:
    """Trains, writes the model with its figures and plots, and prints the figures; 0."""
    parser = argparse.ArgumentParser(prog="linernotes train_tracks", description=__doc__.partition("\n")[0])
    parser.add_argument("--config", default="configs/train_tracks.yaml")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[])
    options = parser.parse_args(arguments)
    config = load_config(Config, options.config, options.set)

    networks = _train_all(config)
    temperature, items = _judge(config, {name: each for one in networks.values() for name, each in one.logits.items()})
    figures = evaluate(items, [*config.classes, SILENCE], config.max_demoted)
    _write(config, networks[""], temperature, figures)
    print(describe_figures(figures))
    return 0


def _train_all(config: Config) -> dict[str, Trained]:
    """By the sources held out, and "" for none."""
    folds = {"": frozenset[str]()} | _find_folds(config)
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    with context.Pool(config.workers, maxtasksperchild=1) as workers:
        tasks = workers.imap_unordered(functools.partial(_train_one, config), folds.items())
        bar = tqdm(tasks, total=len(folds), unit="network", disable=None)
        return {trained.fold: trained for trained in bar}


def _find_folds(config: Config) -> dict[str, frozenset[str]]:
    """Of the sources that are held out together, named one after another, the ids of what is held out with them.

    ConfigError if one is in two folds or unknown.
    """
    labels = read_labels(config.manifest)
    recordings = read_recordings(config.manifest, config.features, config.log_mel)
    known = [each for each in recordings if each.source != SYNTHESISED]
    mixes = [each for each in known if labels[each.media_id]["hard"]]
    groups = group_by_source([each for each in known if not labels[each.media_id]["hard"]], mixes)
    ids = {source: frozenset(each.media_id for each in group) for source, group in groups.items()}
    together = [source for fold in config.folds for source in fold]
    if len(set(together)) < len(together) or not set(together) <= ids.keys():
        raise ConfigError(f"folds must name each of {', '.join(ids)} at most once, got {', '.join(together)}")
    folds = [*config.folds, *((source,) for source in ids if source not in together)]
    return {", ".join(fold): frozenset[str]().union(*(ids[source] for source in fold)) for fold in folds}


def _train_one(config: Config, fold: tuple[str, frozenset[str]]) -> Trained:
    """One network, in a process of its own."""
    use_cores(1)
    name, ids = fold
    training, held_out = _split(config, ids)
    seed = config.seed + zlib.crc32(name.encode()) % 10_000
    network = build_network(config.log_mel, config.network, len(config.classes), seed)
    examples = Examples(training, config.classes, config.frames, config.draws, seed)
    with tqdm(total=config.training.steps, desc=name or "all", leave=False, disable=None) as bar:
        train_network(network, examples, config.training, lambda loss: _show(bar, loss))
    logits = {each.media_id: _predict(network, each, config)["logits"] for each in held_out}
    projection = None if name else _project(network, training, config)
    return Trained(name, network.get_weights(), projection, logits)


def _predict(network: Any, recording: Recording, config: Config) -> dict[str, NDArray[np.float32]]:
    starts = range(0, len(recording.mel) - config.frames + 1, config.network.window // config.log_mel.hop)
    return predict(network, recording.mel, starts, config.frames)


def _project(network: Any, recordings: Sequence[Recording], config: Config) -> Projection:
    """The projection by which windows of one piece lie together."""
    features = [_predict(network, each, config)["features"] for each in recordings]
    pieces = {piece: number for number, piece in enumerate(sorted({(each.source, each.group) for each in recordings}))}
    numbers = [pieces[each.source, each.group] for each in recordings]
    return fit_projection(
        np.concatenate(features), np.repeat(numbers, [len(each) for each in features]), config.network.embedding
    )


def _split(config: Config, ids: frozenset[str]) -> tuple[list[Recording], list[Recording]]:
    """What trains while these are held out, and those. Nothing of a held-out group trains, nor does silence, which is
    told by its level.
    """
    labels = read_labels(config.manifest)
    recordings = read_recordings(config.manifest, config.features, config.log_mel)
    held_out = [each for each in recordings if each.media_id in ids]
    groups = {each.group for each in held_out}
    mixes = {name for name, row in labels.items() if row["hard"]}
    training = [
        each
        for each in recordings
        if each.label in config.classes and each.group not in groups and each.media_id not in mixes
    ]
    return training, held_out


def _judge(config: Config, logits: Mapping[str, Logits]) -> tuple[float, list[Judged]]:
    """The temperature that fits the held-out recordings, and their scores at it; silent windows count for nothing."""
    labels = read_labels(config.manifest)
    window_s = config.network.window // config.log_mel.sample_rate
    heard = {
        each.media_id: logits[each.media_id][_find_sounding(each, window_s, len(logits[each.media_id]))]
        for each in read_recordings(config.manifest, config.features, config.log_mel)
        if each.media_id in logits
    }
    known = [name for name in heard if len(heard[name]) and labels[name]["label"] in config.classes]
    numbers = np.array([config.classes.index(labels[name]["label"]) for name in known])
    temperature = fit_temperature([heard[name] for name in known], numbers)
    return temperature, [_judge_one(labels[name], heard[name] / temperature, config.classes) for name in sorted(heard)]


def _find_sounding(recording: Recording, window_s: int, windows: int) -> NDArray[np.bool_]:
    """Which of its windows are not silent."""
    power = (10 ** (recording.levels_db[: windows * window_s] / 10)).reshape(windows, window_s).mean(axis=1)
    sounding: NDArray[np.bool_] = power >= 10 ** (LabelConfig().silent_below_db / 10)
    return sounding


def _judge_one(row: Mapping[str, str], logits: Logits, classes: Sequence[str]) -> Judged:
    scores = dict(zip(classes, map(float, pool(logits)), strict=True)) if len(logits) else {SILENCE: 1.0}
    return judge(row, scores)


def _write(config: Config, trained: Trained, temperature: float, figures: Mapping[str, Any]) -> None:
    """The model's folder: saved_model/, model.yaml, figures.json and plots. Written aside, then put in place."""
    network = build_network(config.log_mel, config.network, len(config.classes))
    network.set_weights(trained.weights)
    assert trained.projection is not None  # nothing was held out
    folder = Path(config.output)
    folder.mkdir(parents=True, exist_ok=True)
    saved, aside = folder / "saved_model", folder / "saved_model.new"
    window = config.network.window
    export_network(network, config.log_mel, window, temperature, trained.projection, str(aside))
    shutil.rmtree(saved, ignore_errors=True)
    aside.rename(saved)
    spec = _describe(config, figures["threshold"])
    (folder / "model.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    (folder / "figures.json").write_text(json.dumps({**figures, "temperature": temperature}, indent=1) + "\n")
    plot_evaluation(figures, [*config.classes, SILENCE], folder)


def _describe(config: Config, threshold: float) -> dict[str, Any]:
    """The model's spec, as models.specs has it."""
    return {
        "name": config.name,
        "format": "saved_model",
        "path": "saved_model",
        "sample_rate": config.log_mel.sample_rate,
        "window": config.network.window,
        "hop": config.network.window,
        "batch_size": 32,
        "scores": {
            "output": "scores",
            "labels": list(config.classes),
            "functional_below_music": math.floor(threshold * 10_000) / 10_000,  # a higher one would demote more
        },
        "embedding": {"output": "embedding"},
    }


def _show(bar: Any, loss: float) -> None:
    bar.set_postfix(loss=f"{loss:.2f}", refresh=False)
    bar.update()
