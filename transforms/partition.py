"""The coarse partition: a class that is too large for one key is cut into cells.

The cells of a class are trained on those of its rows whose ids have the least hashes, so they
depend on which rows there are and on nothing else. Each row goes to its nearest few cells. A cell
that still holds too many rows is cut into *parts*: shells about its centroid, and within a shell by
hash of the id.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import xxhash

from tracemine.store.cells import Cells, Grid, distinct_rows
from tracemine.store.threads import one_thread

#: The fewest rows that train a cell.
ROWS_PER_CENTROID = 8
#: Up to here every row is compared with every centroid.
FLAT_CELLS = 64

#: A cell is trained again, into several, if it is likely to be so full (share of what a key holds),
#: and that is looked at so often. Cells of equal rows cannot be.
FULL = 0.75
REFINEMENTS = 3
ITERATIONS = 10
SEED = 20260101
#: Shells of a crowded cell are so wide, in squared grid steps (a cosine of 1/4096).
SHELL_BITS = 8

#: Places of a shell that has more rows than a key holds, for each key that they fill.
PLACES_IN_A_KEY = 8

#: Shell, and the beginning of the hash of the id: the order in which a crowded cell is cut.
Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is gathered.

    Attributes:
        rows: the most that a key holds, copies in neighbouring cells counted, and that a group has.
        cell_rows: the rows, copies counted, that a cell has on average.
        cells_per_row: the cells that a row goes to: near rows on two sides of a border meet in one.
        training_rows: the most that a class's cells are trained on (768 bytes each at 384
            dimensions). A class of more than 2 million rows has larger cells than ``cell_rows``.
    """

    rows: int = 2000
    cell_rows: int = 500
    cells_per_row: int = 4
    training_rows: int = 1 << 17


BOUNDS = Bounds()


def id_hash(identifier: str) -> int:
    """What samples and cuts go by, in ``range(2**64)``."""
    return xxhash.xxh3_64_intdigest(identifier.encode("utf-8", "surrogatepass"))


def cells_wanted(rows: int, sample: int, bounds: Bounds = BOUNDS) -> int:
    """How many cells a class of so many rows gets, of which ``sample`` train them."""
    wanted = -(-rows * bounds.cells_per_row // bounds.cell_rows)
    return max(1, min(wanted, sample // ROWS_PER_CENTROID))


def train_cells(sample: Grid, rows: int, bounds: Bounds = BOUNDS) -> Cells:
    """The cells of a class of ``rows`` rows, of which ``sample`` (n, d) is a part, sorted by
    hash of the id."""
    cells = _first_cells(sample, cells_wanted(rows, len(sample), bounds))
    for _ in range(REFINEMENTS):
        finer = _refined(cells, sample, rows, bounds)
        if finer is None:
            break
        cells = finer
    return cells


def _first_cells(sample: Grid, wanted: int) -> Cells:
    if wanted <= FLAT_CELLS:
        centroids = _centroids(sample, wanted)
        middle = np.rint(centroids.mean(axis=0, dtype=np.float64)).astype(np.int16)
        return Cells(middle[None], centroids, np.array([0, len(centroids)]))
    tops = _centroids(sample, round(wanted**0.5))
    whole = Cells(tops[:1], tops, np.array([0, len(tops)]))
    homes = whole.nearest(sample, 1)[:, 0]
    below, kept = [], []
    for top in range(len(tops)):
        members = sample[homes == top]
        if len(members):
            kept.append(top)
            below.append(_centroids(members, max(1, round(wanted * len(members) / len(sample)))))
    starts = np.array([0, *accumulate(len(part) for part in below)])
    return Cells(tops[kept], np.concatenate(below), starts)


def _refined(cells: Cells, sample: Grid, rows: int, bounds: Bounds) -> Cells | None:
    """``cells`` with more centroids in place of each that more rows than a key holds are likely to
    go to, as the sample says; None if there is none that can be split."""
    near = cells.nearest(sample, bounds.cells_per_row)
    loads = np.bincount(near.ravel(), minlength=len(cells.centroids)) * (rows / len(sample))
    crowded = np.flatnonzero(loads > FULL * bounds.rows)
    finer: dict[int, Grid] = {}
    for cell in crowded.tolist():
        members = sample[near[:, 0] == cell]
        if len(members) > 1:
            found = _centroids(members, -(-int(loads[cell]) // bounds.cell_rows))
            if len(found) > 1:
                finer[cell] = found
    if not finer:
        return None
    parts = [finer.get(cell, cells.centroids[cell][None]) for cell in range(len(cells.centroids))]
    starts = np.array([0, *accumulate(len(part) for part in parts)])
    return Cells(cells.tops, np.concatenate(parts), starts[cells.bounds])


def _centroids(sample: Grid, count: int) -> Grid:
    """At most ``count`` centroids of ``sample``, on the grid. Vectors and centroids are integers,
    so that distances are exact and the threads that add them up make no difference."""
    distinct = distinct_rows(sample)[0]
    if len(distinct) <= count:
        return distinct
    import faiss

    kmeans = faiss.Kmeans(
        sample.shape[1],
        count,
        niter=ITERATIONS,
        seed=SEED,
        int_centroids=True,
        min_points_per_centroid=1,
        max_points_per_centroid=len(sample),
    )
    with one_thread():
        kmeans.train(sample.astype(np.float32))
    return distinct_rows(np.rint(np.asarray(kmeans.centroids)).astype(np.int16))[0]


def shell(vector: Grid, centroid: Grid) -> int:
    """Which shell about its cell's centroid a row is in; near ones have greater numbers."""
    inner = int(vector.astype(np.int64) @ centroid.astype(np.int64))
    return inner >> SHELL_BITS


def hash_bits(rows: int, limit: int = BOUNDS.rows) -> int:
    """How many bits of its id's hash tell a row of a shell of so many rows apart: so many that a
    place has an eighth of ``limit`` at most, on average; none where all fit."""
    return (-(-PLACES_IN_A_KEY * rows // limit) - 1).bit_length() if rows > limit else 0


def place(at_shell: int, bits: int, identifier: str) -> Place:
    """Where a row stands in the order in which its cell is cut."""
    return at_shell, id_hash(identifier) >> (64 - bits) if bits else 0


def cut(places: Mapping[Place, int], limit: int = BOUNDS.rows) -> list[Place]:
    """The first place of each part of a cell, given how many rows stand at each place: runs of
    places in order, about as many rows in each part, never more than ``limit``.

    Raises:
        ValueError: if one place holds more than ``limit`` rows.
    """
    total = sum(places.values())
    aim = -(-total // -(-total // limit)) if total else limit
    firsts: list[Place] = []
    held = 0
    for at in sorted(places):
        if places[at] > limit:
            raise ValueError(f"{places[at]} rows in one place of a cell, more than {limit}")
        if not firsts or held >= aim or held + places[at] > limit:
            firsts.append(at)
            held = 0
        held += places[at]
    return firsts


def part_of(at: Place, firsts: Sequence[Place]) -> int:
    """The part that a place is in."""
    return bisect_right(firsts, at) - 1


__all__ = [
    "BOUNDS",
    "Bounds",
    "Place",
    "cells_wanted",
    "cut",
    "hash_bits",
    "id_hash",
    "part_of",
    "place",
    "shell",
    "train_cells",
]
