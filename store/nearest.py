"""The entries of one table nearest to a query, among those that a filter keeps.

Three ways lead there, and what a filter keeps decides which is taken: where it keeps few, each of
them is compared with the query; where it keeps many, a graph or cells are searched for so many
neighbours that enough of them should be kept, and for more where they are not. So as many come
back as were asked for, if so many are kept, and none that a narrower filter would have found is
missed because of the filter.
"""

from __future__ import annotations

import importlib
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tracemine.store.errors import StoreError
from tracemine.store.index import GONE, every_number, held_vectors, vectors_of
from tracemine.store.index_kinds import Numbers, Vectors, inner_of

Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: Neighbours that are looked for beyond those that are needed: what shares the last score may lie
#: beyond, and a graph's last neighbours are its least sure ones.
SPARE = 16
#: How many more are looked for where they were too few.
WIDEN = 4
#: What following one candidate of a graph costs, in vectors compared one after the other: it has
#: 64 neighbours, some seen before, each somewhere else in memory.
GRAPH_COST = 24
#: Kept entries are not spread evenly: so many times the neighbours are looked for that would do.
UNEVEN = 1.5
#: Neighbours that are found in as many cells as are read if nothing else is said.
USUAL = 40
#: Kept entries that are compared one by one where there are cells: to read a cell and pass over
#: what is not kept costs less than to look an entry up.
FEW = 100
#: Vectors that are decoded at once.
BLOCK = 16_384


@dataclass(frozen=True, slots=True)
class Found:
    """Places of entries in their table (0 is that of the least id) and inner products, best first.
    Nothing that is not here comes before the first ``settled`` of them, or shares the score of one
    of them; ``complete``: there are no others that the filter keeps."""

    places: Places
    scores: Vectors
    settled: int
    complete: bool


class Kept:
    """What a filter keeps of a table: ``mask`` (n,) in order of id."""

    def __init__(self, mask: Mask) -> None:
        self.mask = mask
        self.places: Places = np.flatnonzero(mask)
        #: A bit for each place in the table's index, once it has been searched.
        self.bits: npt.NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.places)

    @property
    def bytes(self) -> int:
        """Memory that it takes."""
        return (
            self.mask.nbytes + self.places.nbytes + (0 if self.bits is None else self.bits.nbytes)
        )


class Nearest:
    """The index of one table, ready to be searched by any number of threads.

    Args:
        index: as `index.read_index` gives it.
        numbers: of the table's entries, in order of id, that is, ascending.
        named: what an error calls the index.

    Raises:
        StoreError: if the index lacks an entry.
    """

    def __init__(self, index: Any, numbers: Numbers, named: str) -> None:
        self.index = index
        self._inner = inner_of(index)
        self._named = named
        held = every_number(index)
        order = np.argsort(held, kind="stable")
        at = np.searchsorted(held[order], numbers)
        if len(numbers) and (
            not len(held) or not np.array_equal(held[order[np.minimum(at, len(held) - 1)]], numbers)
        ):
            raise StoreError(f"{named} lacks entries: run tracemine fsck")
        #: Place in the table -> place in the index, and back; -1 for what is in the index alone.
        self._at: Places = order[at] if len(numbers) else np.zeros(0, np.int64)
        self._back: Places = np.full(len(held), -1, dtype=np.int64)
        self._back[self._at] = np.arange(len(numbers))
        self._vectors = held_vectors(index)
        self._library: Any = importlib.import_module("faiss")
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._at)

    def search(self, query: Vectors, wanted: int, kept: Kept | None = None) -> Found:
        """At least the ``wanted`` entries nearest to ``query`` (d,) that are ``kept`` (all, where
        that is None), and some more if they were found on the way.

        Raises:
            StoreError: if the query is of another size than the vectors.
        """
        size = len(self) if kept is None else len(kept)
        if not size:
            return _found(np.zeros(0, np.int64), np.zeros(0, np.float32), size)
        if self.index.d != len(query):
            raise StoreError(
                f"the query has {len(query)} components, the index {self.index.d}: another embedder"
            )
        vector = np.ascontiguousarray(query, dtype=np.float32)
        with _alone(self._library):
            depth = self._depth(wanted + SPARE, size)
            while depth is not None:
                found = self._search(vector, depth, kept, size)
                if found.settled >= wanted:
                    return found
                depth = self._depth(depth * WIDEN, size, found=True)
            return self._compare(vector, wanted, kept, size)

    def vectors(self) -> Vectors:
        """The vectors (n, d) of all entries, in order of id."""
        if not len(self):
            return np.zeros((0, self.index.d), dtype=np.float32)
        places, every = self._at, self._vectors
        if every is None:
            # Without what is gone: places are counted anew.
            places = (np.cumsum(every_number(self.index) != GONE) - 1)[places]
            every = vectors_of(self.index)
        found: Vectors = every[places]
        return found

    def cosines(self, query: Vectors, among: Mask) -> Vectors:
        """The inner products (n,) with ``query`` (d,) of the entries that are ``among`` (n,), in
        order of id; 0 for the others."""
        found = np.zeros(len(self), dtype=np.float32)
        every = self.search(query, max(1, len(self)), None if among.all() else Kept(among))
        found[every.places] = every.scores
        return found

    def _depth(self, wanted: int, size: int, *, found: bool = False) -> int | None:
        """How many neighbours to look for, so that ``wanted`` of them should be among the ``size``
        that are kept (as they are, if that was ``found`` to be too few); None where to compare the
        query with each of these costs less."""
        if isinstance(self._inner, self._library.IndexFlat):
            return None
        share = size / self.index.ntotal
        depth = wanted if found or share == 1 else math.ceil(UNEVEN * wanted / share)
        if depth >= self.index.ntotal:
            return None
        if isinstance(self._inner, self._library.IndexHNSW):
            return depth if GRAPH_COST * max(depth, self._inner.hnsw.efSearch) < size else None
        return depth if size > FEW else None

    def _search(self, query: Vectors, depth: int, kept: Kept | None, size: int) -> Found:
        """Of the ``depth`` nearest those that are kept; from cells, which pass over what is not
        kept, as many as would be among them."""
        faiss, share = self._library, size / self.index.ntotal
        parameters, bits = None, None
        if isinstance(self._inner, faiss.IndexHNSW):
            width = max(self._inner.hnsw.efSearch, depth + depth // 2)
            parameters = faiss.SearchParametersHNSW(efSearch=width)
        elif isinstance(self._inner, faiss.IndexIVF):
            # The more neighbours, or the fewer of them are kept, the more cells they lie in.
            cells = math.ceil(self._inner.nprobe * max(1.0, depth / USUAL))
            depth = math.ceil(depth * share)
            selector = None
            if kept is not None:
                bits = self._bits(kept)
                selector = faiss.IDSelectorBitmap(8 * len(bits), faiss.swig_ptr(bits))
            parameters = faiss.SearchParametersIVF(
                nprobe=min(self._inner.nlist, cells), sel=selector
            )
        scores, at = self._inner.search(query.reshape(1, -1), depth, params=parameters)
        del bits  # Until here FAISS reads it.
        given = at[0] >= 0
        places, products = self._back[at[0][given]], scores[0][given]
        right = places >= 0 if kept is None else (places >= 0) & kept.mask[places]
        lowest = products[-1] if len(products) else 0.0
        return _found(places[right], products[right], size, lowest)

    def _bits(self, kept: Kept) -> npt.NDArray[np.uint8]:
        """A bit for each place in the index, whether it is kept."""
        if kept.bits is None:
            mask = np.zeros(self.index.ntotal, dtype=bool)
            mask[self._at[kept.places]] = True
            kept.bits = np.packbits(mask, bitorder="little")
        return kept.bits

    def _compare(self, query: Vectors, wanted: int, kept: Kept | None, size: int) -> Found:
        """The query compared with every entry that is kept; the best, and what shares the last
        score."""
        places = np.arange(size) if kept is None else kept.places
        at = self._at[places]
        scores = self._products(query, at) if self._vectors is not None else self._read(query, at)
        if wanted + SPARE < size:
            least = np.partition(scores, size - wanted)[size - wanted]
            places, scores = places[scores >= least], scores[scores >= least]
        return _found(places, scores, size)

    def _products(self, query: Vectors, at: Places) -> Vectors:
        # Exact in whatever order a library adds (`embedder.GRID`), and on the caller's own thread.
        faiss, scores = self._library, np.empty(len(at), dtype=np.float32)
        held = np.ascontiguousarray(at)
        pointers = map(faiss.swig_ptr, (scores, query, self._vectors, held))
        faiss.fvec_inner_products_by_idx(*pointers, len(query), 1, len(at))
        return scores

    def _read(self, query: Vectors, at: Places) -> Vectors:
        """The same where vectors are coded."""
        with self._lock:
            cells = self._library.try_extract_index_ivf(self._inner)
            if cells is not None and cells.direct_map.no():
                cells.make_direct_map()
        scores = np.empty(len(at), dtype=np.float32)
        for start in range(0, len(at), BLOCK):
            block = self._inner.reconstruct_batch(at[start : start + BLOCK])
            here = scores[start : start + BLOCK]
            pointers = map(self._library.swig_ptr, (here, query, block))
            self._library.fvec_inner_products_ny(*pointers, len(query), len(here))
        return scores


@contextmanager
def _alone(faiss: Any) -> Iterator[None]:
    """OpenMP on the calling thread alone within the block, whatever others do: on a busy machine
    threads that wait for each other take longer than one query does."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _found(places: Places, scores: Vectors, size: int, lowest: float | None = None) -> Found:
    """What was found, in order; what scores no more than ``lowest`` may share its score with what
    was not found."""
    order = np.lexsort((places, -scores))
    complete = len(places) == size
    settled = len(places)
    if lowest is not None and not complete:
        settled = int(np.count_nonzero(scores > lowest))
    return Found(places[order], scores[order], settled, complete)


__all__ = ["Found", "Kept", "Nearest"]
