"""An index of cells, filled in parts by several workers: trained once on a sample, each part filled
from its own rows, then merged. What lies between these steps are files beside the index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import fsspec
import numpy as np

from tracemine.store.index import Built, build_index, read_index, sorted_rows, write_index
from tracemine.store.index_kinds import (
    Truth,
    Vectors,
    exact,
    is_sharded,
    make_empty,
    make_queries,
    measured,
    merge,
    nearest_of,
    tune,
)
from tracemine.store.tables import open_whole
from tracemine.store.threads import one_thread


@dataclass(frozen=True, slots=True)
class Part:
    """A part that has been filled: its number, its file, its entries, and which of them are nearest
    to the queries that recall is measured with."""

    number: int
    path: str
    entries: int
    truth: Truth


def train(kind: str, rows: Iterable[tuple[str, Vectors]], path: str) -> str:
    """Train an index of ``kind`` on ``rows`` and write it, empty, beside ``path``, where the index
    will be; gives the file. Queries for its recall are written with it."""
    _, vectors = sorted_rows(rows)
    if not len(vectors):
        return ""
    if not is_sharded(kind):
        raise ValueError(f"an index of the kind {kind} is not filled in parts")
    with one_thread():
        empty = make_empty(kind, vectors.shape[1], vectors)
    write_index(Built(empty), f"{path}.trained")
    with open_whole(f"{path}.queries") as stream:
        np.save(stream, make_queries(vectors))
    return f"{path}.trained"


def fill(trained: str, number: int, rows: Iterable[tuple[str, Vectors]], path: str) -> Part:
    """Fill part ``number`` of the index that will be at ``path`` with ``rows``."""
    numbers, vectors = sorted_rows(rows)
    index = read_index(trained, to_change=True)
    with one_thread():
        index.add_with_ids(vectors, numbers)
        truth = exact(_queries(path), numbers, vectors)
    own = f"{path}.part-{number:05d}"
    write_index(Built(index), own)
    return Part(number, own, len(numbers), truth)


def join(kind: str, parts: Sequence[Part], path: str) -> int:
    """Merge ``parts`` in the order of their numbers into the index at ``path``, which is searched
    as widely as it takes; gives its entries. Without parts an empty index is written."""
    ordered = sorted(parts, key=lambda part: part.number)
    if not ordered:
        write_index(build_index([]), path)
        return 0
    with one_thread():
        index = merge(read_index(part.path, to_change=True) for part in ordered)
        truth = nearest_of([part.truth for part in ordered])
        found = tune(index, kind, _queries(path), truth)
    write_index(Built(index, measured(found)), path)
    _remove([part.path for part in ordered] + [f"{path}.trained", f"{path}.queries"])
    return int(index.ntotal)


def _queries(path: str) -> Vectors:
    with fsspec.open(f"{path}.queries", "rb") as stream:
        found: Vectors = np.load(stream)
    return found


def _remove(paths: Sequence[str]) -> None:
    for path in paths:
        fs, inner = fsspec.core.url_to_fs(path)
        fs.rm_file(inner)


__all__ = ["Part", "fill", "join", "train"]
