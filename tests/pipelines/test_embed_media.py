"""Oracles: the same media decoded, cut and predicted (by NumPy) in a loop; DuckDB; and which sounds are alike."""

import csv
import dataclasses
import shutil
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from models.decoding import DecodeConfig, decode_audio
from models.embeddings import EmbeddingConfig
from models.specs import EmbeddingSpec
from pipelines import embed_media, launching
from pipelines.cli import main
from pipelines.shipping import SHIPPED_MODEL

RATE = 8_000
FAILED = {"corrupt": "decode", "missing": "read"}
HALF = EmbeddingConfig(precision="float16")


@pytest.fixture(scope="module")
def items(sample, tmp_path_factory):
    """(media_id, uri) of the good ones: the sample's tracks, one shorter than a window, one silent, one half so."""
    folder = tmp_path_factory.mktemp("media")
    noise = np.random.default_rng(3).uniform(-0.3, 0.3, 12 * RATE)
    soundfile.write(folder / "short.wav", noise[:3_000], RATE)
    soundfile.write(folder / "silent.wav", np.zeros(10 * RATE), RATE)
    soundfile.write(folder / "half.wav", np.concatenate([noise, np.zeros(12 * RATE)]), RATE)
    with (sample / "tracks.csv").open() as file:
        listed = [(row["media_id"], f"{sample}/{row['uri']}") for row in csv.DictReader(file)]
    return listed + [(name, f"{folder}/{name}.wav") for name in ("short", "silent", "half")]


@pytest.fixture(scope="module")
def config(band_model, items, sample, run_pipeline, write_manifest, tmp_path_factory):
    """Of run `first` of all items, good and bad. Nobody writes to its output."""
    folder = tmp_path_factory.mktemp("embedded")
    bad = [("corrupt", f"{sample}/episodes/corrupt.mp3"), ("missing", "missing.mp3")]
    manifest = write_manifest(folder / "media.csv", [*items[:4], *bad, *items[4:]])
    config = embed_media.Config(manifest, str(folder / "tables"), band_model.spec_file)
    run_pipeline(embed_media, config)
    return config


def read(rows, output):
    """Rows by (media_id, kind, start_s)."""
    found = {(row["media_id"], row["kind"], row["start_s"]): row for row in rows(output, "embeddings")}
    assert len(found) == len(rows(output, "embeddings"))
    return found


def embed_alone(uri, band_model):
    """(kind, start_s, end_s, vector) of a file decoded whole, and its windows, 2 s each 1.5 s, predicted by NumPy."""
    samples = np.concatenate(list(decode_audio(uri, RATE, DecodeConfig())))
    duration_s, padded = len(samples) / RATE, np.resize(samples, max(len(samples), 16_000))
    starts = list(range(0, len(padded) - 15_999, 12_000))
    if len(padded) - 16_000 - starts[-1] >= 1_200:
        starts.append(len(padded) - 16_000)
    windows = np.stack([padded[start : start + 16_000] for start in starts])
    _, vectors = band_model.predict(windows)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    sounding = (windows.astype(np.float64) ** 2).mean(axis=1) >= 1e-7
    mean = unit[sounding if sounding.any() else ~sounding].mean(axis=0)
    yield "item", 0, duration_s, mean / np.linalg.norm(mean)
    for start, vector in zip(starts, unit, strict=True):
        yield "window", start / RATE, min(start / RATE + 2, duration_s), vector


def test_rows_are_those_that_a_loop_makes(config, rows, items, band_model):
    found = read(rows, config.output)
    for name, uri in items:
        for kind, start_s, end_s, vector in embed_alone(uri, band_model):
            row = found.pop((name, kind, start_s))
            assert row["end_s"] == end_s
            np.testing.assert_allclose(row["vector"], vector, atol=2e-5)
    assert found == {}


def test_every_item_has_one_status(config, rows, items):
    statuses = rows(config.output, "media_status")
    assert sorted((row["media_id"], row["status"], row["step"] or "") for row in statuses) == sorted(
        [(name, "done", "") for name, _ in items] + [(name, "failed", step) for name, step in FAILED.items()]
    )
    assert all(row["model_version"] == "bands-1" for row in statuses)


def vector_files(output):
    return sorted(str(path) for path in Path(output).glob("embeddings/**/*.parquet"))


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_vectors_are_stored_as_asked_for_and_duckdb_finds_them_of_unit_length(
    config, rows, run_pipeline, tmp_path, precision
):
    half = dataclasses.replace(config, output=str(tmp_path), embeddings=EmbeddingConfig(precision=precision))
    run_pipeline(embed_media, half)
    files = vector_files(half.output)
    kinds = {pq.read_schema(path).field("vector").type.value_type for path in files}
    assert kinds == {pa.float16() if precision == "float16" else pa.float32()}
    products = duckdb.sql(f"SELECT list_inner_product(vector, vector) FROM read_parquet({files})").fetchall()
    assert [product for (product,) in products] == pytest.approx([1] * len(products), abs=2e-3)
    exact = read(rows, config.output)
    found = read(rows, half.output)
    assert found.keys() == exact.keys()
    for key, row in found.items():
        np.testing.assert_allclose(row["vector"], exact[key]["vector"], atol=2**-12 + 2e-5)


def test_windows_are_left_out_when_they_are_not_asked_for(config, rows, run_pipeline, tmp_path):
    items_only = dataclasses.replace(config, output=str(tmp_path), embeddings=EmbeddingConfig(windows=False))
    run_pipeline(embed_media, items_only)
    exact = read(rows, config.output)
    found = read(rows, tmp_path)
    assert found.keys() == {key for key in exact if key[1] == "item"}


def test_two_processes_give_the_same_rows(config, rows, run_pipeline, tmp_path):
    other = dataclasses.replace(config, output=str(tmp_path))
    run_pipeline(embed_media, other, direct_num_workers=2, direct_running_mode="multi_processing")
    exact, found = read(rows, config.output), read(rows, tmp_path)
    assert found.keys() == exact.keys()
    for key, row in found.items():
        np.testing.assert_allclose(row["vector"], exact[key]["vector"], atol=2e-5)
        assert row | {"vector": None} == exact[key] | {"vector": None}
    assert rows(tmp_path, "media_status") == rows(config.output, "media_status")


@pytest.mark.parametrize("embeddings", [EmbeddingConfig(), HALF], ids=lambda knobs: knobs.precision)
def test_an_incremental_run_skips_what_is_done_and_keeps_its_rows(config, rows, run_pipeline, tmp_path, embeddings):
    output = str(tmp_path / "tables")
    if embeddings == config.embeddings:
        shutil.copytree(config.output, output)
    changed = dataclasses.replace(config, output=output, embeddings=embeddings)
    if embeddings != config.embeddings:
        run_pipeline(embed_media, changed)
    before = rows(output, "embeddings", processed_at=True)
    run_pipeline(embed_media, changed, incremental=True)
    assert {row["status"] for row in rows(output, "media_status")} == {"skipped", "failed"}
    assert rows(output, "embeddings", processed_at=True) == before


def test_what_can_change_a_vector_changes_the_digest_and_nothing_else_does(config, band_model, tmp_path):
    def digest(**changes):
        return launching.make_run(embed_media, dataclasses.replace(config, **changes), "run").config_digest

    folder = shutil.copytree(Path(band_model.spec_file).parent, tmp_path / "elsewhere")
    assert digest(model=str(folder / "model.yaml"), output="other") == digest()
    assert len({digest(), digest(embeddings=HALF), digest(decode=DecodeConfig(min_duration_s=0.2))}) == 3


def test_what_only_scores_need_does_not_change_the_digest(config, band_model, tmp_path):
    text = Path(band_model.spec_file).read_text()
    spec_file = tmp_path / "model.yaml"
    spec_file.write_text(text.replace("path: saved_model", f"path: {band_model.spec.path}").replace("speech", "voice"))
    assert "voice" in spec_file.read_text()
    changed = dataclasses.replace(config, model=str(spec_file))
    digests = [launching.make_run(embed_media, each, "run").config_digest for each in (config, changed)]
    assert digests[0] == digests[1]


def test_a_dry_run_tells_of_the_first_item_and_opens_the_model(config, band_model, tmp_path, capsys):
    arguments = ["embed_media", f"--input={config.input}", f"--output={tmp_path}/tables", "--dry_run"]
    assert main([*arguments, f"--set=model={config.model}"]) == 0
    well = "config, input and models are well; the first item, morning_ferry, is done"
    assert capsys.readouterr().out == f"dry run: 17 items; {well}\n"
    text = Path(band_model.spec_file).read_text().replace("path: saved_model", f"path: {band_model.spec.path}")
    (tmp_path / "model.yaml").write_text(text.replace("output: bands", "output: band"))
    assert main([*arguments, f"--set=model={tmp_path}/model.yaml"]) == 2
    assert "embedding.output: no output 'band'; did you mean 'bands'?" in capsys.readouterr().err
    assert not (tmp_path / "tables").exists()


def test_a_model_without_an_embedding_is_refused(config, band_model, tmp_path, capsys):
    text = Path(band_model.spec_file).read_text().replace("path: saved_model", f"path: {band_model.spec.path}")
    (tmp_path / "model.yaml").write_text(text.replace("embedding:\n  output: bands\n", ""))
    assert main(["embed_media", f"--input={config.input}", "--output=x", f"--set=model={tmp_path}/model.yaml"]) == 2
    said = f"linernotes embed_media: model {tmp_path}/model.yaml: expected embedding among its outputs, got none\n"
    assert capsys.readouterr().err == said
    assert band_model.spec.embedding == EmbeddingSpec("bands")


# Which sounds are alike


STEADY = (
    "white_noise.mp3",
    "brown_noise.opus",
    "rain.opus",
    "fan.mp3",
    "drone.opus",
)  # whose bands are the same throughout
SONGS = ("morning_ferry.mp3", "glass_garden.ogg", "letter_to_ines.flac", "night_bus_nine.opus", "brass_kettle.mp3",
         "chapel_at_low_tide.opus")  # fmt: skip


@pytest.mark.parametrize(("model", "tracks", "astray"), [("bands", STEADY, 0), ("shipped", STEADY + SONGS, 1)])
def test_the_nearest_to_an_excerpt_is_another_of_the_same_track(
    model, tracks, astray, band_model, rows, run_pipeline, write_manifest, write_excerpt, tmp_path
):
    excerpts = [
        (f"{track}/{start_s}", write_excerpt(tmp_path / f"{start_s}_{track}.wav", track, start_s, 8))
        for track in tracks
        for start_s in (1, 10)
    ]
    manifest = write_manifest(tmp_path / "excerpts.csv", excerpts)
    spec_file = SHIPPED_MODEL if model == "shipped" else band_model.spec_file
    run_pipeline(embed_media, embed_media.Config(manifest, str(tmp_path / "tables"), spec_file))
    found = [row for row in rows(tmp_path / "tables", "embeddings") if row["kind"] == "item"]
    vectors = np.array([row["vector"] for row in found])
    others = vectors @ vectors.T - 2 * np.eye(len(vectors))  # an excerpt is not its own neighbour
    nearest = {row["media_id"]: found[number]["media_id"] for row, number in zip(found, others.argmax(1), strict=True)}
    assert len(nearest) == 2 * len(tracks)
    wrong = {one: other for one, other in nearest.items() if one.partition("/")[0] != other.partition("/")[0]}
    assert len(wrong) <= astray  # one song's verse is nearer to another song than to its own intro
