"""Oracles: the arithmetic in float64, and Parquet as pyarrow and DuckDB read it."""

import datetime
import re

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from models.embeddings import EmbeddingConfig, make_embeddings, to_unit_length
from models.records import Embedding, HalfEmbedding, MediaItem, Provenance, ScoredItem
from models.tables import arrow_schema, to_row

WINDOW_S, HOP_S = 4.0, 3.0
HALF = EmbeddingConfig(precision="float16")
LOUD, SILENT = -20.0, -90.0
VECTORS = npst.arrays(
    np.float32, st.tuples(st.integers(1, 6), st.integers(1, 5)), elements=st.floats(-(2.0**100), 2.0**100, width=32)
)
PROVENANCE = Provenance("run", "test", "1", "model", datetime.datetime(2026, 7, 1, tzinfo=datetime.UTC))


def embed(vectors, levels_db=None, config=EmbeddingConfig(), duration_s=None):  # noqa: B008  it is frozen
    levels_db = np.full(len(vectors), LOUD) if levels_db is None else np.array(levels_db)
    duration_s = WINDOW_S + (len(vectors) - 1) * HOP_S if duration_s is None else duration_s
    scored = ScoredItem(MediaItem("a", "a.wav"), duration_s, levels_db.astype(np.float32), None, vectors)
    item, *windows = make_embeddings(scored, WINDOW_S, HOP_S, config)
    return item, windows


def normalise(vectors):
    lengths = [np.linalg.norm(row) for row in vectors.astype(np.float64)]
    return np.array([row / length if length else row for row, length in zip(vectors, lengths, strict=True)])


@settings(derandomize=True, deadline=None)
@given(VECTORS)
def test_windows_have_unit_length_and_the_direction_of_the_models_vectors(vectors):
    _, windows = embed(vectors)
    np.testing.assert_allclose([window.vector for window in windows], normalise(vectors), atol=1e-6)
    for window, vector in zip(windows, vectors, strict=True):
        assert np.linalg.norm(window.vector) == pytest.approx(float(vector.any()), abs=1e-6)
        assert window.vector.dtype == np.float32


@settings(derandomize=True, deadline=None)
@given(st.data())
def test_an_items_vector_is_the_normalised_mean_of_its_sounding_windows(data):
    vectors = np.random.default_rng(data.draw(st.integers(0, 99))).normal(size=(5, 8)).astype(np.float32)
    levels = data.draw(st.lists(st.sampled_from([LOUD, SILENT]), min_size=5, max_size=5))
    item, _ = embed(vectors, levels)
    sounding = [level == LOUD for level in levels] if LOUD in levels else [True] * 5
    mean = normalise(vectors)[sounding].mean(axis=0)
    np.testing.assert_allclose(item.vector, mean / np.linalg.norm(mean), atol=1e-6)


@settings(derandomize=True, deadline=None)
@given(st.floats(1e-6, 1e6), st.permutations(range(5)))
def test_the_models_scale_and_the_order_of_windows_do_not_change_an_items_vector(scale, order):
    vectors = np.random.default_rng(8).normal(size=(5, 8)).astype(np.float32)
    item, _ = embed(vectors)
    np.testing.assert_allclose(embed((vectors * scale).astype(np.float32)[order])[0].vector, item.vector, atol=1e-6)


def test_a_vector_of_zeros_stays_one_and_counts_for_nothing():
    vectors = np.array([[0, 0], [3, 4]], np.float32)
    item, windows = embed(vectors)
    assert windows[0].vector.tolist() == [0, 0]
    assert item.vector == pytest.approx([0.6, 0.8])
    item, _ = embed(vectors[:1])
    assert item.vector.tolist() == [0, 0]
    item, _ = embed(np.array([[1, 0], [-1, 0]], np.float32))
    assert item.vector.tolist() == [0, 0]


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_vectors_whose_squares_float32_cannot_hold_have_unit_length(size):
    assert to_unit_length(np.array([[3 * size, 4 * size]], np.float32))[0] == pytest.approx([0.6, 0.8])


def test_rows_say_which_stretch_they_are_of():
    vectors = np.eye(3, dtype=np.float32)
    item, windows = embed(vectors, duration_s=9.5)
    assert (item.media_id, item.kind, item.start_s, item.end_s) == ("a", "item", 0, 9.5)
    assert [(each.kind, each.start_s, each.end_s) for each in windows] == [
        ("window", 0, 4),
        ("window", 3, 7),
        ("window", 5.5, 9.5),
    ]
    _, windows = embed(vectors[:1], duration_s=1.5)
    assert [(each.start_s, each.end_s) for each in windows] == [(0, 1.5)]


def test_windows_are_left_out_when_they_are_not_asked_for():
    vectors = np.eye(3, dtype=np.float32)
    item, windows = embed(vectors, config=EmbeddingConfig(windows=False))
    assert windows == []
    assert item.vector.tolist() == embed(vectors)[0].vector.tolist()


@settings(derandomize=True, deadline=None)
@given(VECTORS)
def test_half_precision_differs_by_half_a_unit_in_the_last_place(vectors):
    exact, halves = embed(vectors), embed(vectors, config=HALF)
    for whole, half in zip([exact[0], *exact[1]], [halves[0], *halves[1]], strict=True):
        assert isinstance(whole, Embedding)
        assert isinstance(half, HalfEmbedding)
        assert half.vector.dtype == np.float16
        # 11 bits; below 2**-14 numbers are 2**-24 apart.
        np.testing.assert_allclose(half.vector.astype(np.float64), whole.vector, rtol=2**-11, atol=2**-25)


@pytest.mark.parametrize("record_type", [Embedding, HalfEmbedding])
def test_parquet_holds_what_pyarrow_and_duckdb_read_again(record_type, tmp_path):
    vectors = np.random.default_rng(4).normal(size=(3, 128)).astype(np.float32)
    config = EmbeddingConfig() if record_type is Embedding else HALF
    item, windows = embed(vectors, config=config)
    path = str(tmp_path / "embeddings.parquet")
    rows = [to_row(record, PROVENANCE) for record in [item, *windows]]
    pq.write_table(pa.Table.from_pylist(rows, arrow_schema(record_type)), path)

    table = pq.read_table(path)
    expected = [record.vector.tolist() for record in [item, *windows]]
    assert table.schema.field("vector").type.value_type == (pa.float32() if record_type is Embedding else pa.float16())
    assert table["vector"].to_pylist() == expected
    assert [row[0] for row in duckdb.sql(f"SELECT vector FROM '{path}'").fetchall()] == expected
    products = duckdb.sql(f"SELECT list_inner_product(vector, vector) FROM '{path}'").fetchall()
    assert [product for (product,) in products] == pytest.approx([1] * 4, abs=1e-3)


def test_half_precision_has_half_the_size(tmp_path):
    vectors = np.random.default_rng(4).normal(size=(200, 128)).astype(np.float32)
    sizes = []
    for record_type, config in [(Embedding, EmbeddingConfig()), (HalfEmbedding, HALF)]:
        item, windows = embed(vectors, config=config)
        rows = [to_row(record, PROVENANCE) for record in [item, *windows]]
        pq.write_table(pa.Table.from_pylist(rows, arrow_schema(record_type)), tmp_path / "embeddings.parquet")
        sizes.append((tmp_path / "embeddings.parquet").stat().st_size)
    assert sizes[1] < 0.6 * sizes[0]


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"precision": "int8"}, "precision must be float32 or float16, got 'int8'"),
        ({"silent_below_db": 3}, "silent_below_db must be at most 0, got 3"),
    ],
)
def test_a_knob_that_cannot_be_is_an_error(knobs, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        EmbeddingConfig(**knobs)
