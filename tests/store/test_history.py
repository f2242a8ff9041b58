"""The snapshots that a store still has."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tracemine.store import StoreError, gc
from tracemine.store.history import open_history

sys.path.insert(0, str(Path(__file__).parents[1]))
import small_store


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Four snapshots, each with one more rejected record."""
    path = tmp_path / "store"
    small_store.write(path)
    for number in (2, 3, 4):
        assert small_store.add(path, number) == f"{number:06d}"
    return path


def test_each_is_as_it_was_and_stays_while_it_is_open(store: Path) -> None:
    with open_history(str(store), 3) as history:
        assert [s.snapshot.number for s in history.stores] == ["000002", "000003", "000004"]
        assert (history.unread, history.left_out) == ((), 1)
        done = gc(str(store), 1)
        assert (done.held, done.removed) == (("000002", "000003"), ("000001",))
        counts = [s.rows("SELECT count(*) AS n FROM rejected")[0]["n"] for s in history.stores]
        assert counts == [2, 3, 4]
    assert gc(str(store), 1).removed == ("000002", "000003")
    with open_history(str(store), 3) as history:
        assert [s.snapshot.number for s in history.stores] == ["000004"]


def test_one_that_is_damaged_is_said_to_be(store: Path) -> None:
    path = store / "snapshots" / "000002" / "manifest.json"
    path.write_text("{")
    with open_history(str(store), 9) as history:
        assert [s.snapshot.number for s in history.stores] == ["000001", "000003", "000004"]
        (told,) = history.unread
        assert str(path) in told
    (store / "snapshots" / "000004" / "manifest.json").write_text("{")
    with pytest.raises(StoreError), open_history(str(store), 9):
        pass


def test_what_the_store_never_published_is_none_of_it(store: Path) -> None:
    (store / "CURRENT").write_text("000002\n")
    with open_history(str(store), 9) as history:
        assert [s.snapshot.number for s in history.stores] == ["000001", "000002"]
