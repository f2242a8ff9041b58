"""Candidate groups of large and small classes: what holds whatever the rows."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.schemas import content_id
from tracemine.store.cells import on_grid
from tracemine.store.embedder import to_grid
from tracemine.transforms.candidates import candidate_groups, cell_groups, final_groups, keyed
from tracemine.transforms.candidates import trained as trained_cells
from tracemine.transforms.joining import Group, choose, joined, meetings, target
from tracemine.transforms.neighbours import group_rows, neighbour_edges
from tracemine.transforms.partition import Bounds, cut, hash_bits, part_of, train_cells

SMALL = Bounds(rows=60, cell_rows=20, cells_per_row=3, training_rows=150)


def blobs(seed: int, centres: int, each: int, spread: float, size: int = 24) -> np.ndarray:
    """``centres`` directions, ``each`` vectors about every one of them, on the grid."""
    generator = np.random.default_rng(seed)
    middle = generator.normal(size=(centres, size))
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    points = np.repeat(middle, each, axis=0)
    points = points + spread * generator.normal(size=points.shape) / size**0.5
    return to_grid(points / np.linalg.norm(points, axis=1, keepdims=True))


def names(count: int) -> list[str]:
    return [content_id("row", number) for number in range(count)]


def as_ids(groups: list[list[int]], ids: list[str]) -> list[list[str]]:
    return [[ids[row] for row in group] for group in groups]


@given(st.integers(0, 50), st.integers(1, 40), st.integers(1, 12), st.sampled_from([0.0, 0.3, 1.5]))
@settings(max_examples=25)
def test_every_row_is_in_exactly_one_group_and_none_is_too_large(
    seed: int, centres: int, each: int, spread: float
) -> None:
    vectors = blobs(seed, centres, each, spread)
    groups = candidate_groups("class", names(len(vectors)), vectors, SMALL)
    assert sorted(row for group in groups for row in group) == list(range(len(vectors)))
    assert max(map(len, groups)) <= SMALL.rows


def test_cells_that_are_there_are_kept_and_give_the_groups_that_they_gave() -> None:
    vectors = blobs(3, centres=6, each=20, spread=0.5)
    ids = names(len(vectors))
    cells = trained_cells(ids, on_grid(vectors), SMALL)
    assert candidate_groups("class", ids, vectors, SMALL, cells) == candidate_groups(
        "class", ids, vectors, SMALL
    )
    # With fewer rows the cells stay what they were, also where the rest would fit one key.
    few = candidate_groups("class", ids[:50], vectors[:50], SMALL, cells)
    assert sorted(row for group in few for row in group) == list(range(50))


@pytest.mark.parametrize("spread", [0.0, 0.4, 2.0])
def test_no_key_holds_more_than_the_bound_and_each_row_is_in_its_cells(spread: float) -> None:
    vectors = blobs(2, centres=4, each=150, spread=spread)
    ids, grid = names(len(vectors)), on_grid(vectors)
    cells = trained_cells(ids, grid, SMALL)
    keys = list(keyed("class", ids, grid, cells, SMALL))
    assert max(len(rows) for _, rows in keys) <= SMALL.rows
    assert len({key for key, _ in keys}) == len(keys)
    copies = Counter(row for _, rows in keys for row in rows)
    assert set(copies.values()) == {min(SMALL.cells_per_row, len(cells.centroids))}
    assert len(copies) == len(ids)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_neither_the_order_of_rows_nor_of_keys_matters(seed: int) -> None:
    vectors = blobs(seed, centres=40, each=12, spread=0.7)
    ids = names(len(vectors))
    expected = as_ids(candidate_groups("class", ids, vectors, SMALL), ids)
    order = list(range(len(ids)))
    random.Random(seed).shuffle(order)
    shuffled = [ids[row] for row in order]
    found = candidate_groups("class", shuffled, vectors[order], SMALL)
    assert as_ids(found, shuffled) == expected
    grid = on_grid(vectors)
    keys = list(keyed("class", ids, grid, trained_cells(ids, grid, SMALL), SMALL))
    random.Random(seed).shuffle(keys)
    found = [m for key, rows in keys for m in cell_groups(key, [ids[r] for r in rows], grid[rows])]
    random.Random(seed).shuffle(found)
    by_group: dict[str, list[str]] = {}
    for row, key in sorted(final_groups(found, SMALL.rows)):
        by_group.setdefault(key, []).append(row)
    assert sorted(by_group.values()) == expected


def test_cells_do_not_depend_on_how_rows_are_chunked_or_how_many_threads_there_are() -> None:
    import faiss

    vectors = blobs(4, centres=60, each=20, spread=0.6)
    grid = on_grid(vectors)
    cells = train_cells(grid, 20_000)
    assert len(cells.tops) > 1
    whole = cells.nearest(grid, 4)
    parts = [cells.nearest(grid[at : at + 7], 4) for at in range(0, len(grid), 7)]
    assert np.array_equal(whole, np.concatenate(parts))
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1 if before > 1 else 3)
    try:
        again = train_cells(grid, 20_000)
    finally:
        faiss.omp_set_num_threads(before)
    assert np.array_equal(cells.centroids, again.centroids)
    assert np.array_equal(cells.tops, again.tops)


def test_nearest_cells_are_nearest() -> None:
    grid = on_grid(blobs(6, centres=80, each=12, spread=0.8))
    cells = train_cells(grid, len(grid))
    apart = grid[:, None, :].astype(int) - cells.centroids[None].astype(int)
    distance = (apart**2).sum(axis=2)
    exact = np.argsort(distance, axis=1, kind="stable")[:, :3]
    found = cells.nearest(grid, 3)
    assert (np.diff(np.take_along_axis(distance, found, axis=1), axis=1) >= 0).all()
    # Cells under far tops are not looked at.
    assert (found[:, 0] == exact[:, 0]).mean() > 0.97


def test_near_rows_end_together_across_cells() -> None:
    """Planted twins, of which many lie on both sides of a border."""
    vectors = blobs(8, centres=400, each=2, spread=0.15)
    ids = names(len(vectors))
    group_of = {
        row: number
        for number, rows in enumerate(candidate_groups("class", ids, vectors, SMALL))
        for row in rows
    }
    together = np.mean([group_of[2 * twin] == group_of[2 * twin + 1] for twin in range(400)])
    assert together >= 0.95


def test_a_class_within_the_bound_is_one_key() -> None:
    vectors = blobs(3, centres=6, each=8, spread=0.1)
    groups = candidate_groups("class", names(48), vectors)
    numbers, _ = group_rows(on_grid(vectors))
    alone = {frozenset(np.flatnonzero(numbers == number).tolist()) for number in set(numbers)}
    assert {frozenset(group) for group in groups} == alone
    assert all(len({row // 8 for row in group}) == 1 for group in groups)


def test_one_row_and_two() -> None:
    vectors = blobs(1, centres=1, each=2, spread=0.01)
    assert candidate_groups("class", ["b", "a"], vectors) == [[1, 0]]
    assert candidate_groups("class", ["b"], vectors[:1]) == [[0]]
    assert candidate_groups("class", [], vectors[:0]) == []


def test_equal_rows_stay_together_within_a_key_and_say_so() -> None:
    vectors = np.repeat(blobs(7, centres=20, each=1, spread=0.3), 3, axis=0)
    numbers, near = group_rows(on_grid(vectors))
    assert (numbers.reshape(20, 3) == numbers.reshape(20, 3)[:, :1]).all()
    grid = on_grid(vectors).astype(int)
    assert (near == (grid * grid).sum(axis=1)).all()


@given(st.integers(0, 30), st.integers(30, 120))
@settings(max_examples=15)
def test_the_neighbour_graph_gives_the_tree_of_all_pairs(seed: int, rows: int) -> None:
    """HDBSCAN on few neighbours finds the groups that HDBSCAN on all pairs finds."""
    from sklearn.cluster import HDBSCAN

    vectors = blobs(seed, centres=max(1, rows // 15), each=15, spread=0.3)
    grid = np.unique(on_grid(vectors), axis=0)
    points = grid.astype(np.float32)
    distance = np.sqrt(((grid[:, None].astype(float) - grid[None]) ** 2).sum(axis=2))
    size = min(max(len(grid) // 50, 3), 10)
    expected = HDBSCAN(
        min_cluster_size=size, min_samples=2, metric="precomputed",
        cluster_selection_method="leaf", copy=True,
    ).fit_predict(distance)  # fmt: skip
    numbers, _ = group_rows(grid)
    edges = neighbour_edges(points @ points.T, 24)
    assert (edges.low < edges.high).all()
    for label in set(expected) - {-1}:
        # Noise may join a group, none of its members may leave it.
        assert len(set(numbers[expected == label])) == 1


@given(
    st.dictionaries(st.tuples(st.integers(0, 40), st.integers(0, 9)), st.integers(1, 7)),
    st.integers(7, 30),
)
def test_cuts_hold_no_more_than_the_limit_and_keep_the_order(
    places: dict[tuple[int, int], int], limit: int
) -> None:
    firsts = cut(places, limit)
    held = Counter[int]()
    for at, count in places.items():
        held[part_of(at, firsts)] += count
    assert set(held) == set(range(len(firsts)))
    assert all(count <= limit for count in held.values())
    assert firsts == sorted(firsts)


@given(st.integers(0, 200_000), st.integers(8, 4000))
def test_shells_are_told_apart_as_far_as_keys_need(rows: int, limit: int) -> None:
    bits = hash_bits(rows, limit)
    assert (bits > 0) == (rows > limit)
    assert rows / 2**bits <= limit
    assert 2**bits <= 2 * 8 * rows / limit + 1


def test_a_place_that_is_too_full_is_said() -> None:
    with pytest.raises(ValueError, match="9 rows in one place"):
        cut({(0, 0): 9}, 8)


def test_a_group_joins_the_largest_that_holds_half_of_it() -> None:
    group = Group(4, "g")
    assert target(group, [(Group(5, "a"), 1), (Group(6, "b"), 2), (Group(9, "c"), 1)]) == (6, "b")
    assert target(group, [(Group(9, "c"), 1)]) is None


def test_joined_groups_stay_within_the_limit() -> None:
    whole, near, far = Group(6, "w"), Group(4, "n"), Group(3, "f")
    assert dict(joined(whole, None, [far, near], 10)) == {
        "w": Group(10, "w"), "n": Group(10, "w"), "f": far
    }  # fmt: skip
    # One that joins another takes none.
    assert dict(joined(whole, Group(9, "x"), [near], 100)) == {"n": near}


def test_a_row_meets_its_groups_in_pairs_and_chooses_the_nearest() -> None:
    low, high = Group(2, "a"), Group(3, "b")
    assert list(meetings([low, high, low])) == [(high, low)]
    assert choose([(9, low), (8, high)]) == "a"
    assert choose([(8, low), (8, high)]) == "b"
