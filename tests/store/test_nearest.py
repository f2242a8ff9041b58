"""Search under a filter equals brute force over what the filter keeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_index import rows, vectors

from tracemine.store import StoreError, nearest
from tracemine.store.index import build_index, index_numbers, without
from tracemine.store.index_kinds import inner_of
from tracemine.store.nearest import Kept, Nearest

COUNT = 300
MADE = sorted(rows(21, COUNT))
NUMBERS = index_numbers([identifier for identifier, _ in MADE])
EVERY = np.stack([vector for _, vector in MADE])
#: Exact however they are searched, if they are searched widely enough; the second of codes.
BUILT = {kind: build_index(MADE, kind=kind) for kind in ("Flat", "HNSW16,Flat", "IVF8,SQfp16")}


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph is followed, and cells are read, wherever they can be, and so widely that they miss
    nothing."""
    monkeypatch.setattr(nearest, "GRAPH_COST", 0)
    monkeypatch.setattr(nearest, "FEW", 0)
    inner_of(BUILT["HNSW16,Flat"].index).hnsw.efSearch = COUNT
    inner_of(BUILT["IVF8,SQfp16"].index).nprobe = 8


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(sorted(BUILT)),
    st.sets(st.integers(0, COUNT - 1)),
    st.integers(1, 2 * COUNT),
    st.integers(0, 99),
)
def test_search_equals_brute_force_over_the_kept(
    kind: str, kept: set[int], wanted: int, seed: int
) -> None:
    mask = np.zeros(COUNT, dtype=bool)
    mask[sorted(kept)] = True
    searched = Nearest(BUILT[kind].index, NUMBERS, "it")
    query = vectors(seed + 1, 1)[0]
    found = searched.search(query, wanted, Kept(mask))
    exact = sorted((-float(EVERY[n] @ query), n) for n in kept)
    expected = [(n, -score) for score, n in exact]
    pairs = list(zip(found.places.tolist(), found.scores.tolist(), strict=True))
    assert pairs[: found.settled] == expected[: found.settled]
    assert found.complete == (len(pairs) == len(kept))
    assert found.settled >= min(wanted, len(kept))


@pytest.mark.parametrize("kind", sorted(BUILT))
def test_without_a_filter_everything_is_there(kind: str) -> None:
    searched = Nearest(BUILT[kind].index, NUMBERS, "it")
    query = vectors(3, 1)[0]
    some = np.arange(COUNT) % 3 == 0
    assert searched.cosines(query, some | ~some).tolist() == (EVERY @ query).tolist()
    assert searched.cosines(query, some).tolist() == np.where(some, EVERY @ query, 0).tolist()
    assert not searched.cosines(query, some & ~some).any()
    assert searched.vectors().tolist() == EVERY.tolist()
    best = int(np.argmax(EVERY @ query))
    assert searched.search(query, 1).places[0] == best


@pytest.mark.parametrize("kind", sorted(BUILT))
def test_what_was_removed_from_the_index_is_not_found(kind: str) -> None:
    left = without(build_index(MADE, kind=kind), NUMBERS[::2])
    searched = Nearest(left.index, NUMBERS[1::2], "it")
    query = vectors(4, 1)[0]
    expected = np.argsort(-(EVERY[1::2] @ query), kind="stable")[:5]
    assert searched.search(query, 5).places[:5].tolist() == expected.tolist()
    assert searched.vectors().tolist() == EVERY[1::2].tolist()


def test_an_index_that_lacks_an_entry_or_is_of_another_embedder_is_told() -> None:
    short = build_index(MADE[1:])
    with pytest.raises(StoreError, match="it lacks entries: run tracemine fsck"):
        Nearest(short.index, NUMBERS, "it")
    with pytest.raises(StoreError, match="another embedder"):
        Nearest(BUILT["Flat"].index, NUMBERS, "it").search(np.zeros(9, np.float32), 1)


def test_few_are_compared_and_many_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The path is chosen by what a filter keeps."""
    monkeypatch.setattr(nearest, "GRAPH_COST", 1)
    searched = Nearest(BUILT["HNSW16,Flat"].index, NUMBERS, "it")
    searched._inner.hnsw.efSearch = 40
    ways: list[str] = []
    for name in ("_compare", "_search"):
        way = getattr(searched, name)
        monkeypatch.setattr(
            searched, name, lambda *a, w=way, n=name: (ways.append(n), w(*a))[1], raising=False
        )
    for kept in (COUNT // 2, COUNT // 20):
        searched.search(vectors(5, 1)[0], 1, Kept(np.arange(COUNT) < kept))
    assert ways == ["_search", "_compare"]
