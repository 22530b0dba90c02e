"""Vectors of texts are found in every kind of file, and one that cannot be is an error that names it."""

import dataclasses
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.prompts import PromptsSpec, load_prompts, resolve_prompts
from models.runtimes import ModelError

PROMPTS = {"pet": ("a cat", "a dog"), "crane": ("a crane",)}
TEXTS = ["a cat", "a dog", "a crane"]
VECTORS = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)


def write(folder, ending, order=(0, 1, 2), texts=True):
    path = folder / f"texts{ending}"
    vectors, named = VECTORS[list(order)], [TEXTS[number] for number in order]
    if ending == ".npy":
        np.save(path, vectors)
    elif ending == ".npz":
        np.savez(path, vectors=vectors, **({"prompts": np.array(named)} if texts else {}))
    else:
        pq.write_table(pa.table({"vector": list(vectors)} | ({"prompt": named} if texts else {})), path)
    return PromptsSpec(PROMPTS, str(path))


@pytest.mark.parametrize(
    ("ending", "order", "texts"),
    [
        (".npy", (0, 1, 2), False),
        (".npz", (0, 1, 2), False),
        (".npz", (2, 0, 1), True),
        (".parquet", (0, 1, 2), False),
        (".parquet", (1, 2, 0), True),
    ],
)
def test_a_class_is_the_mean_of_its_prompts_units_whatever_the_file(tmp_path, ending, order, texts):
    prompts = load_prompts(write(tmp_path, ending, order, texts))
    units = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    mean = units[:2].mean(axis=0)
    np.testing.assert_allclose(prompts.vectors, [mean / np.linalg.norm(mean), units[2]], atol=1e-6)


def test_an_embedding_that_is_a_classs_vector_is_that_class(tmp_path):
    prompts = load_prompts(write(tmp_path, ".npy"))
    scores = prompts.score(prompts.vectors * np.float32(3))
    assert (scores.argmax(axis=1) == [0, 1]).all()
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    assert np.isnan(prompts.score(np.zeros((1, 4), np.float32))).all()


def test_the_digest_is_of_the_vectors(tmp_path):
    spec = resolve_prompts(dataclasses.replace(write(tmp_path, ".npy"), vectors_file="texts.npy"), str(tmp_path))
    assert spec.vectors_file == str(tmp_path / "texts.npy")
    assert resolve_prompts(write(tmp_path, ".npz"), "/").digest == spec.digest
    np.save(tmp_path / "texts.npy", VECTORS + 1)
    assert resolve_prompts(spec, "/").digest != spec.digest


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npy", None, "expected text vectors, got [Errno 2]"),
        ("a.npy", b"garbage", "expected text vectors, got "),
        ("a.npz", b"garbage", "expected text vectors, got "),
        ("a.parquet", b"garbage", "expected text vectors, got "),
        ("a.txt", b"", "expected vectors_file to end in .npy, .npz or .parquet"),
        ("a.npy", VECTORS[:2], "expected a vector for each of 3 prompts, got 2"),
        ("a.npy", VECTORS[0], "expected float vectors (prompts, dims), got float32 of shape [4]"),
        ("a.npy", VECTORS * 0, "expected finite vectors of some length, got others"),
        ("a.npy", VECTORS * np.nan, "expected finite vectors of some length, got others"),
    ],
)
def test_a_file_that_cannot_be_is_an_error_that_names_it(tmp_path, name, content, message):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content)
    with pytest.raises(ModelError, match=f"^{re.escape(f'{path}: {message}')}"):
        load_prompts(PromptsSpec(PROMPTS, str(path)))


def test_a_prompt_without_a_vector_is_an_error(tmp_path):
    spec = dataclasses.replace(write(tmp_path, ".npz"), prompts={"pet": ("a cat", "a hamster")})
    with pytest.raises(ModelError, match=r"expected a vector for each prompt, got none for 'a hamster'$"):
        load_prompts(spec)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompts": {}}, "prompts must name at least one class, got none"),
        ({"prompts": {"pet": ()}}, "prompts.pet must be one text or more, none of them empty, got []"),
        ({"activation": "none"}, "activation must be one of softmax, sigmoid, got 'none'"),
        ({"logit_scale": 0.0}, "logit_scale must be positive, got 0.0"),
        ({"logit_bias": float("nan")}, "logit_bias must be a number, got nan"),
    ],
)
def test_prompts_that_cannot_be_are_errors(changes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        PromptsSpec(**({"prompts": PROMPTS, "vectors_file": "a.npy"} | changes))
