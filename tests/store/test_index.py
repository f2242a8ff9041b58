"""The index: numbers from ids, and search that equals brute force over what a filter keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.schemas import content_id
from tracemine.store import StoreError
from tracemine.store.embedder import to_grid
from tracemine.store.index import (
    build_index,
    index_number,
    numbers_of,
    read_index,
    search_index,
    write_index,
)


def vectors(seed: int, count: int, size: int = 8) -> np.ndarray:
    raw = np.random.default_rng(seed).normal(size=(count, size))
    return to_grid(raw / np.linalg.norm(raw, axis=1, keepdims=True))


@given(st.integers(0, 2**128 - 1))
def test_numbers_are_positive_int64(value: int) -> None:
    assert 0 <= index_number(f"{value:032x}") < 2**63


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1000), st.integers(1, 30), st.integers(1, 40), st.data())
def test_search_equals_brute_force_over_the_kept(
    seed: int, count: int, k: int, data: st.DataObject
) -> None:
    ids = [content_id(seed, n) for n in range(count)]
    rows = vectors(seed, count)
    index = build_index(zip(ids, rows, strict=True))
    kept = data.draw(st.sets(st.integers(0, count - 1)))
    among = np.array(sorted(index_number(ids[n]) for n in kept), dtype=np.int64)
    query = vectors(seed + 1, 1)[0]
    found = search_index(index, query, k, among=among)
    exact = {index_number(ids[n]): float(rows[n] @ query) for n in kept}
    assert len(found) == min(k, len(kept))
    assert [score for _, score in found] == sorted(exact.values(), reverse=True)[:k]
    assert all(exact[number] == score for number, score in found)


def test_bytes_do_not_depend_on_order(tmp_path: Path) -> None:
    rows = [(content_id(n), v) for n, v in enumerate(vectors(3, 20))]
    write_index(build_index(rows), str(tmp_path / "one.faiss"))
    write_index(build_index([*reversed(rows), rows[4]]), str(tmp_path / "other.faiss"))
    assert (tmp_path / "one.faiss").read_bytes() == (tmp_path / "other.faiss").read_bytes()
    numbers = numbers_of(read_index(str(tmp_path / "one.faiss")))
    assert set(numbers.tolist()) == {index_number(i) for i, _ in rows}


def test_two_vectors_or_two_entries_for_one_number_are_refused() -> None:
    one, other = vectors(0, 2)
    with pytest.raises(ValueError, match="two vectors"):
        build_index([(content_id(1), one), (content_id(1), other)])
    twin = content_id(1)[:16] + "0" * 16
    with pytest.raises(ValueError, match="share"):
        build_index([(content_id(1), one), (twin, other)])


def test_an_empty_index_can_be_written_and_searched(tmp_path: Path) -> None:
    write_index(build_index([]), str(tmp_path / "none.faiss"))
    index = read_index(str(tmp_path / "none.faiss"))
    assert search_index(index, vectors(0, 1)[0], 5) == []


@pytest.mark.parametrize("content", [b"", b"not an index", b"IxM2" + b"\xff" * 40])
def test_a_damaged_index_is_a_store_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.faiss"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"bad\.faiss"):
        read_index(str(path))
