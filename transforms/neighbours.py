"""Groups among the rows of one key: a nearest-neighbour graph, and HDBSCAN on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from tracemine.store.cells import Grid, distinct_rows
from tracemine.store.embedder import GRID
from tracemine.store.threads import one_thread

#: Neighbours of a row in the graph, and all that are as near as the last of them. More than make a
#: cluster, so that a piece of the graph which hangs together is never too small to be one.
NEIGHBOURS = 24
#: The fewest rows that make a cluster: a fiftieth of the cell, within these bounds. Three alike are
#: the fewest that can verify one of them, its own and two held-out instances. Words say little of
#: the method, so a group must hold several methods if each is to meet its like: over GSM8K's spans
#: of two and more operations, clusters of at least 10 bring 2.7 times as many methods together with
#: three others of their kind as clusters of at least 3, for 10 times the replays.
CLUSTER_SIZES = (3, 10)
CELL_SHARE = 50
#: A vector that HDBSCAN calls noise joins its nearest neighbour's group from this cosine on.
JOIN_SIMILARITY = 0.5

Numbers = npt.NDArray[np.int64]
Products = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Undirected edges ``low[i] < high[i]`` with squared lengths in grid steps, each once."""

    low: Numbers
    high: Numbers
    length: Numbers


def group_rows(vectors: Grid) -> tuple[Numbers, Numbers]:
    """The group of each of ``vectors`` (n, d), and how near its nearest other row in the group is
    (inner product in squared grid steps, -1 where it is alone). Equal rows are in one group. Needs
    about 8 n^2 bytes; a group's number depends on the set of rows alone."""
    distinct, inverse = distinct_rows(vectors)
    counts = np.bincount(inverse)
    points = distinct.astype(np.float32)
    with one_thread():
        products: Products = points @ points.T
    groups = _group(products, counts)
    near = np.where(groups[:, None] == groups[None, :], products, -1.0)
    np.fill_diagonal(near, np.where(counts > 1, products.diagonal(), -1.0))
    return groups[inverse], near.max(axis=1).astype(np.int64)[inverse]


def neighbour_edges(products: Products, neighbours: int) -> Edges:
    """The graph of the nearest neighbours of rows with these inner ``products`` (n, n)."""
    size = len(products)
    norms = products.diagonal().astype(np.float32)
    # Exact: whole numbers below 2**24.
    distance = norms[:, None] + norms[None, :] - 2.0 * products
    np.fill_diagonal(distance, np.inf)
    if size > neighbours + 1:
        last = np.partition(distance, neighbours - 1, axis=1)[:, neighbours - 1]
        near = distance <= last[:, None]
        near |= near.T
    else:
        near = np.isfinite(distance)
    low, high = np.nonzero(np.triu(near, 1))
    return Edges(low, high, distance[low, high].astype(np.int64))


def _group(products: Products, counts: Numbers) -> Numbers:
    least, most = CLUSTER_SIZES
    total = int(counts.sum())
    cluster_size = min(max(total // CELL_SHARE, least), most)
    labels = np.full(len(products), -1, dtype=np.int64)
    if np.minimum(counts, cluster_size).sum() >= 2 * cluster_size:
        labels = _hdbscan_labels(neighbour_edges(products, NEIGHBOURS), counts, cluster_size)
    return _join_noise(labels, products)


def _hdbscan_labels(edges: Edges, counts: Numbers, cluster_size: int) -> Numbers:
    """HDBSCAN's leaf clusters, -1 for noise. With one sample as the core, the mutual reachability
    of two rows is their distance, so its tree is that of the graph's least spanning tree. A row
    counts as often as there are rows like it, up to the size that makes a cluster."""
    from hdbscan._hdbscan_linkage import label
    from hdbscan.hdbscan_ import _tree_to_labels

    copies = np.minimum(counts, cluster_size)
    first = np.cumsum(copies) - copies
    low, high, length = _spanning_tree(edges, len(counts))
    again = np.setdiff1d(np.arange(int(copies.sum())), first)
    tree = np.column_stack(
        [
            np.concatenate([again - 1, first[low]]),
            np.concatenate([again, first[high]]),
            np.concatenate([np.zeros(len(again)), np.sqrt(length) / GRID]),
        ]
    ).astype(np.float64)
    rows = int(copies.sum())
    found = _tree_to_labels(
        np.empty((rows, 0)),
        label(tree),
        min_cluster_size=cluster_size,
        cluster_selection_method="leaf",
    )[0]
    # Equal rows leave their cluster together, if at all.
    return np.asarray(np.maximum.reduceat(found, first), dtype=np.int64)


def _spanning_tree(edges: Edges, size: int) -> tuple[Numbers, Numbers, npt.NDArray[np.float64]]:
    """The graph's least spanning tree, shortest edge first; of edges as long, the one between
    lesser rows is the shorter. Pieces of the graph hang together by edges longer than any."""
    order = np.lexsort((edges.high, edges.low, edges.length))
    rank = np.empty(len(order), dtype=np.float64)
    rank[order] = np.arange(1, len(order) + 1)
    graph = coo_array((rank, (edges.low, edges.high)), shape=(size, size)).tocsr()
    kept = np.sort(minimum_spanning_tree(graph).data).astype(np.int64) - 1
    chosen = order[kept]
    _, pieces = connected_components(graph, directed=False)
    _, leads = np.unique(pieces, return_index=True)
    leads = np.sort(leads)
    apart = np.full(len(leads) - 1, float((2 * GRID) ** 2))
    return (
        np.concatenate([edges.low[chosen], np.full(len(apart), leads[0])]),
        np.concatenate([edges.high[chosen], leads[1:]]),
        np.concatenate([edges.length[chosen].astype(np.float64), apart]),
    )


def _join_noise(labels: Numbers, products: Products) -> Numbers:
    """Noise stays with the noise that is its nearest row, if near enough, so that twins are never
    parted; then all of that joins the group of the labelled row that is nearest to one of it, if
    near enough, or is a group of its own."""
    groups = labels.copy()
    noise, labelled = np.flatnonzero(labels < 0), np.flatnonzero(labels >= 0)
    if not len(noise):
        return groups
    others = products[noise]
    others[np.arange(len(noise)), noise] = -np.inf
    place = np.full(len(labels), -1, dtype=np.int64)
    place[noise] = np.arange(len(noise))
    near = others.argmax(axis=1)
    enough = JOIN_SIMILARITY * GRID * GRID
    rows = np.flatnonzero((place[near] >= 0) & (others.max(axis=1) >= enough))
    graph = coo_array(
        (np.ones(len(rows)), (rows, place[near[rows]])), shape=(len(noise), len(noise))
    )
    pieces, piece = connected_components(graph, directed=False)
    groups[noise] = int(labels.max(initial=-1)) + 1 + piece
    if len(labelled):
        towards = others[:, labelled]
        best = towards.max(axis=1)
        aim = labels[labelled[towards.argmax(axis=1)]]
        # Of a piece the row that is nearest to a labelled one speaks, the first of several.
        order = np.lexsort((np.arange(len(noise)), -best, piece))
        speaker = order[np.searchsorted(piece[order], np.arange(pieces))]
        joins = best[speaker] >= enough
        inside = joins[piece]
        groups[noise[inside]] = aim[speaker[piece[inside]]]
    return groups


__all__ = ["CELL_SHARE", "CLUSTER_SIZES", "NEIGHBOURS", "Edges", "group_rows", "neighbour_edges"]
