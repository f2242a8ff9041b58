"""Candidate groups."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.transforms import cluster
from tracemine.transforms.cluster import group_vectors


def blobs(seed: int, centres: int, each: int, spread: float) -> np.ndarray:
    """``centres`` directions, ``each`` vectors about every one of them."""
    generator = np.random.default_rng(seed)
    middle = generator.normal(size=(centres, 16))
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    points = np.repeat(middle, each, axis=0)
    points = points + spread * generator.normal(size=points.shape) / 4
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return np.round(points, 4).astype(np.float32)


def as_sets(groups: list[list[int]], order: list[int] | None = None) -> set[frozenset[int]]:
    names = order or range(10**6)
    return {frozenset(names[row] for row in group) for group in groups}


@given(st.integers(0, 50), st.integers(1, 6), st.integers(1, 8))
def test_every_row_is_in_exactly_one_group(seed: int, centres: int, each: int) -> None:
    vectors = blobs(seed, centres, each, 0.2)
    rows = sorted(row for group in group_vectors(vectors) for row in group)
    assert rows == list(range(len(vectors)))


def test_what_is_near_is_together_and_what_is_far_is_not() -> None:
    vectors = blobs(3, centres=6, each=8, spread=0.1)
    for group in group_vectors(vectors):
        assert len({row // 8 for row in group}) == 1
    assert any(len(group) >= 4 for group in group_vectors(vectors))


@pytest.mark.parametrize("limit", [2000, 40])
def test_the_order_of_rows_does_not_matter(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "MAX_CELL", limit)
    vectors = blobs(5, centres=12, each=10, spread=0.5)
    order = list(range(len(vectors)))
    random.Random(1).shuffle(order)
    assert as_sets(group_vectors(vectors)) == as_sets(group_vectors(vectors[order]), order)


def test_equal_rows_stay_together_also_when_cells_are_split(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster, "MAX_CELL", 8)
    vectors = np.repeat(blobs(7, centres=30, each=1, spread=0.3), 3, axis=0)
    for group in group_vectors(vectors):
        assert all({3 * (row // 3) + k for k in range(3)} <= set(group) for row in group)


def test_two_rows_and_one() -> None:
    vectors = blobs(1, centres=1, each=2, spread=0.01)
    assert group_vectors(vectors) == [[0, 1]]
    assert group_vectors(vectors[:1]) == [[0]]
