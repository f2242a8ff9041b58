"""The vectors of whole traces, which dense retrieval over traces compares."""

from __future__ import annotations

import numpy as np

from tracemine.pipelines.evaluation.entries import Shelf
from tracemine.store import Embedder, Store
from tracemine.store.embedder import Vectors, to_grid

#: Characters of a trace that are embedded at a time (the bundled model reads some 1,000), how many
#: such pieces of a long one, and how many traces in one go.
PIECE_CHARS = 1000
MAX_PIECES = 8
BATCH_TRACES = 512


def trace_vectors(store: Store, shelf: Shelf, embedder: Embedder) -> dict[str, Vectors]:
    """The vector of each trace that an entry rests on, by trajectory id: the middle of its pieces,
    the problem among them."""
    wanted = sorted({identifier for entry in shelf.entries for identifier in entry.trajectories})
    found: dict[str, Vectors] = {}
    for start in range(0, len(wanted), BATCH_TRACES):
        rows = store.rows(
            "SELECT trajectory_id, problem, trace FROM trajectories "
            "WHERE trajectory_id IN (SELECT unnest(?)) ORDER BY trajectory_id",
            [wanted[start : start + BATCH_TRACES]],
        )
        pieces = [_pieces(f"{row['problem']} {row['trace']}") for row in rows]
        vectors = embedder.encode([piece for each in pieces for piece in each])
        end = 0
        for row, each in zip(rows, pieces, strict=True):
            begin, end = end, end + len(each)
            middle = vectors[begin:end].astype(np.float64).sum(axis=0)
            found[row["trajectory_id"]] = to_grid(middle / np.linalg.norm(middle))
    return found


def _pieces(text: str) -> list[str]:
    return [text[at : at + PIECE_CHARS] for at in range(0, max(1, len(text)), PIECE_CHARS)][
        :MAX_PIECES
    ]


__all__ = ["trace_vectors"]
