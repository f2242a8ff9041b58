"""The coarse partition of large compatibility classes: centroids, and which of them are nearest.

A class's centroids stand under a few *tops*, centroids of centroids, so that finding the nearest
takes time in proportion to the square root of their number. Vectors and centroids are integers
(1024 times the components): squared distances are below 2^24, exact in float32 whatever adds them
up in whatever order.

``index/cells.parquet`` keeps them: one row a centroid, ``class, cell, top, centroid`` and the
``top_centroid`` that it stands under (lists of int16).
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

import fsspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tracemine.store.embedder import GRID
from tracemine.store.errors import StoreError
from tracemine.store.tables import open_whole
from tracemine.store.threads import one_thread

#: The file, relative to its snapshot's folder.
CELLS_FILE = "index/cells.parquet"
#: Tops whose centroids are compared with a vector.
TOPS_SEEN = 4
#: Rows whose distances are in memory at once.
BLOCK = 4096

SCHEMA = pa.schema(
    [
        ("class", pa.string()),
        ("cell", pa.int32()),
        ("top", pa.int32()),
        ("centroid", pa.list_(pa.int16())),
        ("top_centroid", pa.list_(pa.int16())),
    ]
)

Grid = npt.NDArray[np.int16]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The cells of one class: ``centroids`` (k, d) in order of their top, ``tops`` (t, d), and the
    first centroid of each top with k behind them, ``bounds`` (t + 1,)."""

    tops: Grid
    centroids: Grid
    bounds: Numbers

    def nearest(self, vectors: Grid, count: int) -> Numbers:
        """The ``count`` nearest cells of each of ``vectors`` (n, d), nearest first, the lesser
        number first of two as near: (n, min(count, k)). Only cells under the nearest `TOPS_SEEN`
        tops, and as many more as it takes to have ``count``, are looked at.
        """
        with one_thread():
            return self._nearest(vectors, min(count, len(self.centroids)))

    def _nearest(self, vectors: Grid, count: int) -> Numbers:
        sizes = np.diff(self.bounds)
        # So many of the smallest tops hold `count` cells between them.
        enough = int(np.searchsorted(np.cumsum(np.sort(sizes)), count)) + 1
        seen = min(max(TOPS_SEEN, enough), len(self.tops))
        found = np.empty((len(vectors), count), dtype=np.int64)
        for start in range(0, len(vectors), BLOCK):
            block = vectors[start : start + BLOCK].astype(np.float32)
            if seen == len(self.tops):
                keys = _keys(block, self.centroids, 0)
                found[start : start + BLOCK] = _least(keys, count)
                continue
            near_tops = _least(_keys(block, self.tops, 0), seen)
            found[start : start + BLOCK] = self._under(block, near_tops, count)
        return found

    def _under(self, block: npt.NDArray[np.float32], near_tops: Numbers, count: int) -> Numbers:
        columns = np.full((len(block), near_tops.shape[1] * count), _FAR, dtype=np.int64)
        filled = np.zeros(len(block), dtype=np.int64)
        for top in range(len(self.tops)):
            rows = np.flatnonzero((near_tops == top).any(axis=1))
            first, end = int(self.bounds[top]), int(self.bounds[top + 1])
            if not len(rows) or first == end:
                continue
            keys = _keys(block[rows], self.centroids[first:end], first)
            take = min(count, end - first)
            if take < end - first:
                keys = np.partition(keys, take - 1, axis=1)[:, :take]
            places = filled[rows, None] + np.arange(take)
            columns[rows[:, None], places] = keys
            filled[rows] += take
        best = np.sort(columns, axis=1)[:, :count]
        return np.asarray(best % _CELLS, dtype=np.int64)


#: More cells than a class can have; a key is a distance times this and the cell's number.
_CELLS = 1 << 32
_FAR = np.iinfo(np.int64).max


def _keys(block: npt.NDArray[np.float32], centroids: Grid, first: int) -> Numbers:
    """What orders the cells from ``first`` on for each row of ``block``: distance, then number."""
    points = centroids.astype(np.float32)
    distance = (points * points).sum(axis=1) - 2.0 * (block @ points.T)
    # The row's own square is the same for all; this much makes the smallest distance positive.
    whole = distance.astype(np.int64) + (1 << 23)
    keys: Numbers = whole * _CELLS + (first + np.arange(len(centroids)))
    return keys


def _least(keys: Numbers, count: int) -> Numbers:
    if count < keys.shape[1]:
        keys = np.partition(keys, count - 1, axis=1)[:, :count]
    return np.asarray(np.sort(keys, axis=1) % _CELLS, dtype=np.int64)


def on_grid(vectors: npt.NDArray[np.float32]) -> Grid:
    """Vectors as integers: 1024 times their components, which are on that grid."""
    return np.asarray(np.rint(vectors * GRID), dtype=np.int16)


def off_grid(vectors: Grid) -> npt.NDArray[np.float32]:
    """Vectors whose components are integers as they were; inverse of `on_grid`."""
    return np.asarray(vectors, dtype=np.float32) / np.float32(GRID)


def packed(vector: npt.NDArray[np.float32]) -> bytes:
    """A vector as a column keeps it: `on_grid`, little-endian."""
    return on_grid(vector).astype("<i2").tobytes()


def unpacked(column: bytes) -> Grid:
    """The vector that `packed` wrote, as integers; `off_grid` gives it as it was."""
    return np.frombuffer(column, "<i2")


def distinct_rows(vectors: Grid) -> tuple[Grid, Numbers]:
    """The distinct rows of ``vectors`` (n, d) in an order that depends on them alone, and for each
    of the n rows which of them it is."""
    whole = np.ascontiguousarray(vectors, dtype="<i2")
    # Bytes compare faster than rows of numbers do; all are as long, so padding is no matter.
    text = whole.view(f"S{whole.shape[1] * whole.itemsize}").reshape(-1)
    _, first, inverse = np.unique(text, return_index=True, return_inverse=True)
    return whole[first], inverse.reshape(-1)


def write_cells(cells: Mapping[str, Cells], path: str) -> None:
    """Write the cells of every class that has more than one to a path or fsspec URL."""
    rows = [
        {
            "class": name,
            "cell": cell,
            "top": top,
            "centroid": found.centroids[cell].tolist(),
            "top_centroid": found.tops[top].tolist(),
        }
        for name, found in sorted(cells.items())
        for top in range(len(found.tops))
        for cell in range(int(found.bounds[top]), int(found.bounds[top + 1]))
    ]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), sink, compression="zstd")
    with open_whole(path) as stream:
        stream.write(sink.getvalue())


def read_cells(path: str) -> dict[str, Cells]:
    """The cells of every class that has more than one.

    Raises:
        StoreError: if the file cannot be read.
    """
    try:
        with fsspec.open(path, "rb") as stream:
            table = pq.read_table(stream, schema=SCHEMA)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"cannot read the cells {path}: {error}") from error
    by_class: dict[str, list[dict[str, object]]] = {}
    for row in table.to_pylist():
        by_class.setdefault(row["class"], []).append(row)
    return {name: _cells_of(rows) for name, rows in by_class.items()}


def _cells_of(rows: list[dict[str, object]]) -> Cells:
    tops = np.array([row["top"] for row in rows])
    starts = np.flatnonzero(np.diff(tops, prepend=-1))
    return Cells(
        np.array([rows[start]["top_centroid"] for start in starts], dtype=np.int16),
        np.array([row["centroid"] for row in rows], dtype=np.int16),
        np.append(starts, len(rows)).astype(np.int64),
    )


__all__ = [
    "CELLS_FILE",
    "Cells",
    "distinct_rows",
    "off_grid",
    "on_grid",
    "packed",
    "read_cells",
    "unpacked",
    "write_cells",
]
