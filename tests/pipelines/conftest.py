"""Real runs of the real pipelines; those that many tests look at are made once a session."""

import contextlib
import csv
import dataclasses
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import yaml
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms import core

from models.index import IndexConfig
from pipelines import cli, index_tracks, launching, match_podcasts
from transforms.tables import read_table

SAMPLE = Path(__file__).parents[1] / "sample"


@pytest.fixture(scope="session", autouse=True)
def remember_signatures():
    """Beam inspects every function hundreds of times a pipeline: a quarter of a small run's time, spared here."""
    look = core.get_function_args_defaults
    known = {}

    def look_once(function):
        key = getattr(function, "__func__", function), hasattr(function, "__self__")
        if key not in known:
            known[key] = look(function)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core, "get_function_args_defaults", look_once)
        yield


@pytest.fixture(scope="session")
def sample():
    """The folder of the sample catalogue."""
    return SAMPLE


@pytest.fixture(scope="session")
def run_pipeline():
    """Runs a pipeline module; the Run."""

    def run_one(pipeline, config, run_id="first", incremental=False, **options):
        run = launching.make_run(pipeline, config, run_id, incremental)
        launching.run_pipeline(pipeline, config, run, PipelineOptions([], runner="FnApiRunner", **options))
        return run

    return run_one


@pytest.fixture(scope="session")
def rows():
    """The rows of a table, of all runs or of one, in some fixed order and (unless asked for) without processed_at."""

    def read(output, table, run_id=None, pipeline="match_podcasts", processed_at=False):
        run_keys = run_id and [f"{pipeline}-{run_id}"]
        listed = read_table(str(output), table, run_keys=run_keys).to_pylist()
        kept = [{name: row[name] for name in row if processed_at or name != "processed_at"} for row in listed]
        return sorted(kept, key=repr)

    return read


@pytest.fixture(scope="session")
def index_of(run_pipeline, tmp_path_factory):
    """Indexes a manifest or pattern; the config."""

    def index(source, **knobs):
        folder = tmp_path_factory.mktemp("index")
        config = index_tracks.Config(str(source), str(folder / "index"), str(folder / "tables"), **knobs)
        run_pipeline(index_tracks, config)
        return config

    return index


@pytest.fixture(scope="session")
def sample_indexes(index_of, tmp_path_factory):
    """Indexes of the sample's tracks, made when they are asked for; their configs."""
    folder = tmp_path_factory.mktemp("manifests")

    class Indexes(dict):
        def __missing__(self, name):
            self[name] = index_of(_manifest(name, folder), reference=IndexConfig(shards=_SHARDS[name]))
            return self[name]

    return Indexes()


_SHARDS = {"csv": 4, "jsonl, last track first, 5 shards": 5, "parquet, 1 shard": 1, "pattern": 4}


def _manifest(name, folder):
    """The sample's tracks, as an input of that kind."""
    with (SAMPLE / "tracks.csv").open() as file:
        tracks = [row | {"uri": str(SAMPLE / row["uri"])} for row in csv.DictReader(file)]
    kind = name.partition(",")[0]
    if kind == "jsonl":
        (folder / "tracks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in reversed(tracks)))
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist(tracks), folder / "tracks.parquet")
    return {"csv": SAMPLE / "tracks.csv", "pattern": SAMPLE / "tracks/*"}.get(kind, folder / f"tracks.{kind}")


@pytest.fixture(scope="session")
def sample_index(sample_indexes):
    """The index of the sample's tracks."""
    return sample_indexes["csv"].index


@pytest.fixture(scope="session")
def matched(run_pipeline, sample_index, tmp_path_factory):
    """The config of run `first` of the sample's episodes. Nobody writes to its output: copy_run is for that."""
    output = tmp_path_factory.mktemp("matched") / "tables"
    config = match_podcasts.Config(str(SAMPLE / "episodes.csv"), sample_index, str(output))
    run_pipeline(match_podcasts, config)
    return config


@pytest.fixture(scope="session")
def copy_tables(matched, tmp_path_factory):
    """Copies the tables of run `first`; their new folder."""
    return lambda: shutil.copytree(matched.output, str(tmp_path_factory.mktemp("copied") / "tables"))


@pytest.fixture(scope="session")
def write_manifest():
    """Writes a CSV manifest of (media_id, uri) or more columns; its path."""

    def write(path, items, columns=("media_id", "uri")):
        with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
            csv.writer(file).writerows([columns, *items])
        return str(path)

    return write


@pytest.fixture(scope="session")
def write_excerpt():
    """Writes seconds of a sample track as a file of its own, with a little seeded noise; its path."""

    def write(path, track, start_s, duration_s):
        samples, rate = soundfile.read(SAMPLE / "tracks" / track, dtype="float32")
        samples = samples.reshape(len(samples), -1)[round(start_s * rate) :][: round(duration_s * rate), 0]
        noise = np.random.default_rng(5).normal(0, 1e-3, len(samples))
        soundfile.write(path, samples + noise, rate)
        return str(path)

    return write


@dataclasses.dataclass(frozen=True)
class Toy:
    """A model trained for a moment on nine recordings of 12 s, three mixes of them, and silence."""

    labels: list[dict[str, str]]  # rows of the manifest
    manifest: str
    config: dict  # of train_tracks
    printed: str  # by train_tracks

    @property
    def folder(self):
        """The model's."""
        return Path(self.config["output"])


@pytest.fixture(scope="session")
def toy(run_pipeline, tmp_path_factory):
    """Of three sources and three classes, at 8 kHz; figures say nothing of how good it is, but that it was trained."""
    from pipelines import extract_features  # takes seconds, which tests of other things need not wait for

    folder = tmp_path_factory.mktemp("toy")
    labels = list(_make_toy_recordings(folder))
    with (folder / "labelled.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, labels[0])
        writer.writeheader()
        writer.writerows(labels)
    log_mel = {"sample_rate": 8_000, "window": 512, "hop": 400, "bands": 20, "max_hz": 3_900}
    extracted = extract_features.Config(
        str(folder / "labelled.csv"), str(folder / "features"), 1, log_mel=extract_features.LogMelConfig(**log_mel)
    )
    run_pipeline(extract_features, extracted)
    under = [{"label": "music", "share": 0.3, "under": {"noise": 1}, "levels_db": [-20, 0]}]
    config = {
        "name": "toy-1",
        "folds": [["north", "south"]],
        "manifest": extracted.input,
        "features": extracted.output,
        "output": str(folder / "model"),
        "classes": list(_TOY_CLASSES),
        "draws": {"weights": dict.fromkeys(_TOY_CLASSES, 1), "mixtures": under, "augment": {"mask_frames": 6}},
        "log_mel": log_mel,
        "network": {"window": 8_000, "patterns": [4, 4], "hidden": 8, "embedding": 8},
        "training": {"steps": 20, "batch_size": 8},
    }
    (folder / "train.yaml").write_text(yaml.safe_dump(config))
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert cli.main(["train_tracks", "--config", str(folder / "train.yaml")]) == 0
    return Toy(labels, extracted.input, config, printed.getvalue())


_TOY_CLASSES = ("music", "speech", "noise")


def _make_toy_recordings(folder):
    """Writes them; the rows of their manifest."""
    rate, rng = 8_000, np.random.default_rng(1)

    def write(name, samples, label, source, hard="", group=""):
        soundfile.write(folder / f"{name}.wav", 0.1 * samples, rate)
        is_music = "" if label == "speech" and source == "west" else str(int(label == "music"))
        return {
            "media_id": name, "uri": f"{name}.wav", "label": label, "is_music": is_music, "hard": hard,
            "group": group or name, "source": source,
        }  # fmt: skip

    times = np.arange(12 * rate) / rate
    for source in ("north", "south", "west"):
        notes = np.sin(2 * np.pi * rng.uniform(200, 2_000, 48).repeat(rate // 4) * times)
        noise = rng.normal(0, 0.7, len(times))
        syllables = rng.normal(0, 1, len(times)) * (np.sin(2 * np.pi * 2 * times) > 0)
        yield write(f"music_{source}", notes, "music", source)
        yield write(f"speech_{source}", syllables, "speech", source)
        yield write(f"noise_{source}", noise, "noise", source)
        yield write(f"mix_{source}", notes + noise, "music", "mixes", "under noise", f"lost_{source}")
    yield write("silence", 0 * times, "silence", "north")
