"""The vector index of a table of entries: FAISS, inner product of unit vectors.

An entry's number in the index is the first 16 hexadecimal digits of its id, halved, so that it is
a positive int64 and can be had from the id alone. Two entries with one number are refused; among a
million entries that has a chance of 1 in 18 million.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

import fsspec
import numpy as np
import numpy.typing as npt

from tracemine.store.errors import StoreError
from tracemine.store.tables import open_whole

#: Tables that have an index, ``index/TABLE.faiss``.
INDEXED = ("procedures", "candidates", "tools")
#: What search is asked for -> the tables that it looks in.
KINDS: Mapping[str, tuple[str, ...]] = {
    "procedure": ("procedures", "candidates"),
    "tool": ("tools",),
}
#: The kind of index, as the manifest names it.
KIND = "IDMap2,Flat"

Numbers = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]


def index_number(procedure_id: str) -> int:
    """The number of an entry in the index, in ``range(2**63)``."""
    return int(procedure_id[:16], 16) >> 1


def index_file(table: str) -> str:
    """The index of ``table``, relative to its snapshot's folder."""
    return f"index/{table}.faiss"


def build_index(rows: Iterable[tuple[str, Vectors]]) -> Any:
    """The index over ``(procedure_id, vector)`` rows, added in order of id; equal rows count once.

    Raises:
        ValueError: if an id has two vectors, two ids share a number, or vectors differ in size.
    """
    import faiss

    vectors: dict[str, Vectors] = {}
    for procedure_id, vector in rows:
        known = vectors.setdefault(procedure_id, vector)
        if known is not vector and not np.array_equal(known, vector):
            raise ValueError(f"procedure {procedure_id} has two vectors")
    ids = sorted(vectors)
    numbers = np.array([index_number(i) for i in ids], dtype=np.int64)
    if len(np.unique(numbers)) != len(numbers):
        raise ValueError("two procedures share the first 63 bits of their ids")
    # An index of nothing has vectors of size 0: it is never searched.
    dimension = len(vectors[ids[0]]) if ids else 0
    index = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))
    if ids:
        index.add_with_ids(np.stack([vectors[i] for i in ids]).astype(np.float32), numbers)
    return index


def write_index(index: Any, path: str) -> None:
    """Write an index to a path or fsspec URL; it appears whole or not at all."""
    import faiss

    with open_whole(path) as stream:
        stream.write(faiss.serialize_index(index).tobytes())


def read_index(path: str) -> Any:
    """The index at a path or fsspec URL.

    Raises:
        StoreError: if it cannot be read.
    """
    import faiss

    try:
        with fsspec.open(path, "rb") as stream:
            data = np.frombuffer(stream.read(), dtype=np.uint8)
        return faiss.deserialize_index(data)
    except (OSError, RuntimeError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StoreError(f"cannot read the index {path}: {first}") from error


def numbers_of(index: Any) -> Numbers:
    """The numbers of all entries in the index, in the order they were added."""
    import faiss

    return np.asarray(faiss.vector_to_array(index.id_map), dtype=np.int64)


def vectors_of(index: Any) -> Vectors:
    """The vectors (n, d) of all entries in the index, in the order they were added: a view of its
    own memory, which lives as long as the index does."""
    library: Any = importlib.import_module("faiss")
    flat = library.downcast_index(index.index)
    if not index.ntotal:
        return np.zeros((0, index.d), dtype=np.float32)
    values = library.rev_swig_ptr(flat.get_xb(), index.ntotal * index.d)
    view: Vectors = values.reshape(index.ntotal, index.d)
    return view


def search_index(index: Any, query: Vectors, k: int, *, among: Numbers | None = None) -> Any:
    """The ``k`` nearest to ``query`` (d,) as ``(number, inner product)``, best first; only those in
    ``among`` where it is given. Fewer come back only if there are fewer."""
    library: Any = importlib.import_module("faiss")  # Its type stubs lack keyword arguments.
    size = index.ntotal if among is None else len(among)
    k = min(k, size)
    if k == 0:
        return []
    parameters = None
    if among is not None and len(among) < index.ntotal:
        parameters = library.SearchParameters(sel=library.IDSelectorBatch(among))
    scores, numbers = index.search(query.reshape(1, -1), k, params=parameters)
    found = zip(numbers[0].tolist(), scores[0].tolist(), strict=True)
    return [(number, score) for number, score in found if number >= 0]
