"""Cells of large classes: kept, read again, published with the snapshot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import small_store

from tracemine.store import StoreError, begin, fsck, open_snapshot, publish
from tracemine.store.cells import CELLS_FILE, Cells, distinct_rows, read_cells, write_cells


def made(tops: int, seed: int) -> Cells:
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1, 5, size=tops)
    centroids = generator.integers(-300, 300, size=(int(sizes.sum()), 12), dtype=np.int16)
    return Cells(
        generator.integers(-300, 300, size=(tops, 12), dtype=np.int16),
        centroids,
        np.concatenate([[0], np.cumsum(sizes)]),
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    cells = {"math:(number) -> number": made(6, seed=1), "code:(list) -> list": made(1, seed=2)}
    path = str(tmp_path / "cells.parquet")
    write_cells(cells, path)
    found = read_cells(path)
    assert sorted(found) == sorted(cells)
    for name, one in cells.items():
        assert np.array_equal(found[name].tops, one.tops)
        assert np.array_equal(found[name].centroids, one.centroids)
        assert np.array_equal(found[name].bounds, one.bounds)


def test_the_same_cells_are_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    one, other = made(3, seed=3), made(2, seed=4)
    write_cells({"a": one, "b": other}, str(tmp_path / "first"))
    write_cells({"b": other, "a": one}, str(tmp_path / "second"))
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    path = tmp_path / "cells.parquet"
    path.write_bytes(b"PAR1 no more")
    with pytest.raises(StoreError, match=r"cannot read the cells .*cells\.parquet"):
        read_cells(str(path))
    with pytest.raises(StoreError, match="cannot read the cells"):
        read_cells(str(tmp_path / "nothing"))


def test_a_row_goes_to_the_lesser_of_two_cells_as_near() -> None:
    centroids = np.array([[10, 0], [10, 0], [-10, 0], [0, 10]], dtype=np.int16)
    cells = Cells(centroids[:1], centroids, np.array([0, 4]))
    found = cells.nearest(np.array([[9, 0], [0, 9], [0, 0]], dtype=np.int16), 3)
    assert found.tolist() == [[0, 1, 3], [3, 0, 1], [0, 1, 2]]
    assert cells.nearest(np.zeros((1, 2), dtype=np.int16), 9).tolist() == [[0, 1, 2, 3]]


def test_few_cells_under_many_tops_are_still_as_many_as_asked_for() -> None:
    points = np.arange(40, dtype=np.int16).reshape(20, 2) * 7
    cells = Cells(points, points, np.arange(21))
    found = cells.nearest(points, 9)
    assert found.shape == (20, 9)
    assert all(len(set(row)) == 9 for row in found.tolist())
    assert (found[:, 0] == np.arange(20)).all()


def test_distinct_rows_come_with_the_place_of_each() -> None:
    rows = np.array([[5, -1], [0, 0], [5, -1], [0, 256], [0, 0]], dtype=np.int16)
    distinct, place = distinct_rows(rows)
    assert len(distinct) == 3
    assert np.array_equal(distinct[place], rows)


def test_cells_are_listed_in_the_manifest_and_checked(tmp_path: Path) -> None:
    store = tmp_path / "store"
    small_store.write(store, small_store.tables())
    draft = begin(str(store), refresh=True)
    write_cells({"a": made(3, seed=5)}, f"{draft.folder}/{CELLS_FILE}")
    publish(draft, open_snapshot(str(store)).manifest)
    manifest = open_snapshot(str(store)).manifest
    (entry,) = [file for file in manifest["files"] if file.get("cells")]
    rows = len(made(3, seed=5).centroids)
    assert (entry["path"], entry["rows"]) == (f"snapshots/000002/{CELLS_FILE}", rows)
    path = store / entry["path"]
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert any("its sha256 differs" in finding for finding in fsck(str(store)))
