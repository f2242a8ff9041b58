"""Which kind of index a table has, by its size, and how widely it is searched.

    entries          kind                           searched
    up to 50,000     IDMap,Flat                    every vector, exactly
    up to 200,000    IDMap,HNSW32,Flat             a graph over the vectors, 1.8 kB each
    beyond           IDMap,IVFn_HNSW32,SQfp16      cells around centroids, 0.8 kB each, mapped
    any              a factory string of FAISS     as that says

Half precision loses nothing: a component is a whole multiple of 1/1024 (`embedder.GRID`), which
has 11 binary digits. How widely a graph or cells are searched is measured when they are built, over
queries near entries, against an exact search. The same vectors give the same index: everything is
added in order on one thread, because a graph that several threads build differs from run to run.
"""

from __future__ import annotations

import importlib
import logging
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]

_LOGGER = logging.getLogger(__name__)

#: Exact; an entry's number stands beside its vector in all kinds. Not in `IDMap2`: its way back,
#: from number to place, is made whenever it is read, and of a million takes 0.3 s and 40 MB.
FLAT = "IDMap,Flat"
GRAPH = "IDMap,HNSW32,Flat"
_NUMBERED = "IDMap,"

#: The most entries that have a flat index: it compares 50,000 vectors in 5 to 10 ms.
MOST_FLAT = 50_000
#: The most entries that have a graph. Many entries say nearly the same, and lie in clusters that a
#: graph leads into badly: of a million, 100 around each of 10,000, one built in eight minutes finds
#: 94% at a width of 512, cells made in one and a half 98% in 16 of 4,096.
MOST_GRAPH = 200_000

#: Neighbours that recall is counted over.
RECALL_AT = 10
#: Recall that is looked for, and below which an index is built again with more care. The first is
#: more, so that queries unlike the sample still see the second.
WANTED_RECALL, LEAST_RECALL = 0.98, 0.95
#: Queries that it is measured with: entries' vectors moved by noise until the cosine with where
#: they were is about 0.8, which is what a question in other words has.
QUERIES, NOISE = 200, 0.75
SEED = 0

#: How widely an index is searched: candidates that are followed in a graph, cells that are read.
WIDTHS = {"efSearch": (32, 64, 128, 256, 512, 1024), "nprobe": (16, 32, 64, 128, 256, 512)}
#: Candidates that are followed when a vector is added to a graph, at first and with more care.
CARE = (40, 200)

#: Vectors for each cell that cells are trained on, and the most in all (FAISS asks for 39).
TRAINED_PER_CELL, MOST_TRAINED = 64, 2_000_000

#: Characters of a factory string, and neighbours of an entry in a graph: FAISS asks for no limits,
#: and ends the whole process where a graph has one neighbour or none.
MOST_CHARACTERS, NEIGHBOURS = 200, range(2, 513)
#: Bits of a code: 65,536 centroids for each part of a vector.
MOST_BITS = 16
_CELLS = re.compile(r"IVF(\d+)")
_GRAPH_OF = re.compile(r"(?:HNSW|NSG)(\d+)")
_CELLS_ALONE = re.compile(r"(IDMap,)?IVF\d+(_HNSW\d+)?")
_MERGED = re.compile(r"IVF\d+(_HNSW\d+)?,(Flat|SQ\w+|PQ\d+(x\d+)?(np)?)")
_CODES = re.compile(r"(?:PQ|RQ|LSQ)\d+(?:x(\d+))?(?:x(\d+))?")


class TooFewError(ValueError):
    """There are too few vectors to train an index of a kind on. Raise it where an index of another
    kind can take its place, not where FAISS fails otherwise."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a manifest says of an index that is not exact. ``recall_at_10`` is the share of the ten
    nearest that it finds, over ``queries``, searched with ``parameters``; ``trained_on`` vectors.
    ``care`` is that of `CARE`, 0 where nothing is a graph."""

    kind: str
    parameters: dict[str, int]
    recall_at_10: float
    queries: int
    trained_on: int
    care: int = 0


@dataclass(frozen=True, slots=True)
class Truth:
    """The nearest entries of queries (q, depth), nearest first: numbers and inner products."""

    numbers: Numbers
    scores: Vectors


def kind_for(entries: int) -> str:
    """The kind of index of so many entries."""
    if entries <= MOST_FLAT:
        return FLAT
    if entries <= MOST_GRAPH:
        return GRAPH
    cells = 1 << round(math.log2(4 * math.sqrt(entries)))
    return f"{_NUMBERED}IVF{cells}_HNSW32,SQfp16"


def check_kind(kind: str, dimension: int = 8) -> str:
    """``kind`` as a manifest names it.

    Raises:
        ValueError: if FAISS knows no such factory string, or not for vectors of so many components,
            or an index of that kind could not be trained, or not be added to.
    """
    named = _NUMBERED + kind.removeprefix("IDMap2,").removeprefix(_NUMBERED)
    shown = kind if len(kind) <= 60 else f"{kind[:60]}..."
    # Some of these FAISS makes, and then ends the process, or takes all of its memory.
    wrong = _beyond(named)
    if not wrong:
        try:
            wrong = _unfit(_library().index_factory(dimension, named, _product()))
        except (RuntimeError, MemoryError) as error:
            wrong = _reason(error) or "FAISS knows none"
    if wrong:
        raise ValueError(
            f"no index of the kind {shown!r} over vectors of {dimension} components: {wrong}"
        )
    return named


def _unfit(index: Any) -> str:
    """Why a store cannot use an index that FAISS makes; nothing if it can."""
    faiss = _library()
    if index.metric_type != _product():
        return "it does not compare by inner products"
    if isinstance(inner_of(index), (faiss.IndexNSG, faiss.IndexIVFFlatDedup, faiss.IndexLattice)):
        return "entries cannot be added to it, or read out of it"
    return ""


def _reason(error: Exception) -> str:
    """What an error of FAISS says, without where in FAISS it was; nothing if that is nothing."""
    return (
        " ".join(str(error).rpartition("failed: ")[2].split()) if "failed: " in str(error) else ""
    )


def _beyond(named: str) -> str:
    """What a factory string asks for that is beyond all limits; nothing if that is nothing."""
    if len(named) > MOST_CHARACTERS:
        return f"it has more than {MOST_CHARACTERS} characters"
    if named.count("IDMap") > 1:
        return "numbers stand beside vectors once"
    for found in _CELLS.findall(named):
        if not 1 <= int(found) <= MOST_TRAINED:
            return (
                f"cells are from 1 to {MOST_TRAINED:,}, which is what they are trained on at most"
            )
    for found in _GRAPH_OF.findall(named):
        if int(found) not in NEIGHBOURS:
            return f"a graph has from {NEIGHBOURS[0]} to {NEIGHBOURS[-1]} neighbours for each entry"
    if any(bits > MOST_BITS for bits in _bits_of_codes(named)):
        return f"codes have {MOST_BITS} bits at most"
    return ""


def _bits_of_codes(kind: str) -> list[int]:
    """The bits of each codebook that a factory string names, 8 where it does not say."""
    return [int(last or first or 8) for first, last in _CODES.findall(kind)]


def is_flat(index: Any) -> bool:
    """Whether an index compares every vector, exactly."""
    return isinstance(inner_of(index), _library().IndexFlat)


def inner_of(index: Any) -> Any:
    """What is below the numbers: places are from 0, in the order in which entries were added."""
    return _library().downcast_index(index.index)


def is_sharded(kind: str) -> bool:
    """Whether parts of such an index can be filled apart and then merged: cells with vectors that
    are exact, rounded, or coded in pieces, and nothing before or after them."""
    return _MERGED.fullmatch(kind.removeprefix(_NUMBERED)) is not None


# -- making ----------------------------------------------------------------------------------------


def make_empty(kind: str, dimension: int, sample: Vectors, care: int = CARE[0]) -> Any:
    """An index of ``kind`` with no entry, trained on some of ``sample`` (n, d) if it needs it.

    Raises:
        TooFewError: if it cannot be trained on so few.
    """
    faiss = _library()
    index = faiss.index_factory(dimension, kind, _product())
    graph = _graph_of(index)
    if graph is not None:
        graph.efConstruction = care
    cells = _cells_of(index)
    if cells is not None:
        # FAISS writes to standard error where there are fewer than 39 for each.
        cells.cp.min_points_per_centroid = 1
    for coded in (cells, inner_of(index), _storage_of(index)):
        if isinstance(coded, (faiss.IndexPQ, faiss.IndexIVFPQ)):
            # Minutes for each codebook, for a way of searching that nobody asks for.
            coded.do_polysemous_training = False
            coded.pq.cp.min_points_per_centroid = 1
    if isinstance(cells, faiss.IndexIVFScalarQuantizer) and kind.endswith("SQfp16"):
        # What is left of a vector without its cell's centroid is on no grid.
        cells.by_residual = False
    if not index.is_trained:
        chosen = training_sample(kind, sample)
        try:
            index.train(chosen)
        except RuntimeError as error:
            # Each kind says in words of its own that it needs more.
            raise TooFewError(
                f"{len(chosen):,} vectors do not train {kind} ({_reason(error) or 'too few'})"
            ) from error
    return index


def training_size(kind: str, entries: int) -> int:
    """How many vectors an index of ``kind`` is trained on: so many for each of its cells, or of its
    codes, whichever are more."""
    cells = int((_CELLS.findall(kind) or ["1024"])[0])
    most = max([cells, *(1 << bits for bits in _bits_of_codes(kind))])
    return min(entries, most * TRAINED_PER_CELL, MOST_TRAINED)


def training_sample(kind: str, vectors: Vectors) -> Vectors:
    """As many of ``vectors`` as `training_size` says, evenly over all."""
    return _evenly(vectors, training_size(kind, len(vectors)))


def merge(parts: Iterable[Any]) -> Any:
    """One index with the entries of all ``parts``, in their order; they were trained alike."""
    faiss = _library()
    whole: Any = None
    numbers: list[Numbers] = []
    for part in parts:
        numbers.append(np.array(faiss.vector_to_array(part.id_map), dtype=np.int64))
        if whole is None:
            whole = part
        else:
            inner_of(whole).merge_from(inner_of(part), whole.ntotal)
            whole.ntotal = inner_of(whole).ntotal
    if whole is None:
        raise ValueError("no parts to merge")
    faiss.copy_array_to_vector(np.concatenate(numbers), whole.id_map)
    return whole


# -- measuring -------------------------------------------------------------------------------------


def choose_parameters(
    kind: str, vectors: Vectors, fill: Callable[[str, int], Any]
) -> tuple[Any, dict[str, Any]]:
    """The index that ``fill(kind, care)`` makes of ``vectors`` (n, d), searched as widely as
    `WANTED_RECALL` takes; filled again with more care, or with exact vectors in place of coded
    ones, while it finds less than `LEAST_RECALL`. The best, with what was measured; a line is
    logged if that is of another kind, or still finds less."""
    queries = make_queries(vectors)
    truth = exact(queries, np.arange(len(vectors), dtype=np.int64), vectors)
    best: tuple[Any, Measured] | None = None
    for attempt, care in _attempts(kind):
        index = fill(attempt, care)
        found = tune(index, attempt, queries, truth, by_place=True)
        if best is None or found.recall_at_10 > best[1].recall_at_10:
            best = (index, found)
        if best[1].recall_at_10 >= LEAST_RECALL:
            break
    assert best is not None  # There is always a first attempt.
    if best[1].kind != kind:
        _LOGGER.warning(
            "an index %s finds less than %.2f of the %d nearest: %s, which finds %.3f, is made",
            kind, LEAST_RECALL, RECALL_AT, best[1].kind, best[1].recall_at_10,
        )  # fmt: skip
    return best[0], measured(best[1])


def measured(found: Measured) -> dict[str, Any]:
    """What a manifest says of what was measured; a line is logged if that is too little."""
    _say_if_short(found)
    return asdict(found)


def _say_if_short(found: Measured) -> None:
    """Log a line if an index finds less than it should."""
    if found.recall_at_10 < LEAST_RECALL:
        _LOGGER.warning(
            "the index %s finds %.3f of the %d nearest, not %.2f, even when searched with %s",
            found.kind, found.recall_at_10, RECALL_AT, LEAST_RECALL,
            found.parameters or "all it has",
        )  # fmt: skip


def tune(
    index: Any, kind: str, queries: Vectors, truth: Truth, *, by_place: bool = False
) -> Measured:
    """Set how widely ``index`` is searched, so that it finds `WANTED_RECALL` of ``truth``, or as
    much as it can; gives what was measured. ``by_place``: the numbers of ``truth`` are places in
    the index."""
    name, target = _width_of(index)
    searched = inner_of(index) if by_place else index
    recall = 0.0
    for width in WIDTHS[name] if name else (0,):
        if name:
            setattr(target, name, width)
        recall = recall_of(searched, queries, truth)
        if recall >= WANTED_RECALL:
            break
    graph = _graph_of(index)
    return Measured(
        kind=kind,
        parameters={name: int(getattr(target, name))} if name else {},
        recall_at_10=round(recall, 4),
        queries=len(queries),
        trained_on=training_size(kind, index.ntotal) if "HNSW32,Flat" not in kind else 0,
        care=int(graph.efConstruction) if graph is not None else 0,
    )


def make_queries(vectors: Vectors, count: int = QUERIES) -> Vectors:
    """Queries near some of ``vectors`` (n, d), evenly over all; the same for the same vectors."""
    chosen = _evenly(vectors, min(count, len(vectors)))
    drawn = np.random.default_rng(SEED).normal(size=chosen.shape)
    moved = chosen + NOISE * drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    unit = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return np.ascontiguousarray(unit, dtype=np.float32)


def exact(queries: Vectors, numbers: Numbers, vectors: Vectors) -> Truth:
    """The nearest of ``vectors`` (n, d), called by their ``numbers``; deep enough to tell what
    shares the last place that counts."""
    faiss = _library()
    depth = min(2 * RECALL_AT, len(vectors))
    scores, places = faiss.knn(queries, vectors, depth, metric=faiss.METRIC_INNER_PRODUCT)
    return Truth(numbers[places], scores)


def nearest_of(truths: Sequence[Truth]) -> Truth:
    """The nearest of several parts, of all together."""
    numbers = np.concatenate([truth.numbers for truth in truths], axis=1)
    scores = np.concatenate([truth.scores for truth in truths], axis=1)
    order = np.lexsort((numbers, -scores), axis=1)[:, : 2 * RECALL_AT]
    return Truth(
        np.take_along_axis(numbers, order, axis=1), np.take_along_axis(scores, order, axis=1)
    )


def recall_of(index: Any, queries: Vectors, truth: Truth) -> float:
    """The share of the `RECALL_AT` nearest that ``index`` finds. What shares the score of the last
    one is as good."""
    depth = min(RECALL_AT, truth.numbers.shape[1])
    if not depth or not len(queries):
        return 1.0
    _, found = index.search(queries, depth)
    hits = 0.0
    for row in range(len(queries)):
        right = truth.numbers[row][truth.scores[row] >= truth.scores[row][depth - 1]]
        hits += float(min(depth, len(np.intersect1d(found[row], right))))
    return float(hits / (len(queries) * depth))


# -- inside ----------------------------------------------------------------------------------------


def _attempts(kind: str) -> Iterator[tuple[str, int]]:
    yield kind, CARE[0]
    if "HNSW" in kind:
        yield kind, CARE[1]
    head, _, codec = kind.rpartition(",")
    if re.fullmatch(r"(IDMap,)?IVF\d+(_HNSW\d+)?,[^,()]+", kind) and codec not in (
        "Flat",
        "SQfp16",
    ):
        yield f"{head},SQfp16", CARE[1]


def _width_of(index: Any) -> tuple[str, Any]:
    """The name of what says how widely ``index`` is searched, and what has it."""
    faiss = _library()
    inner = inner_of(index)
    if isinstance(inner, faiss.IndexHNSW):
        return "efSearch", inner.hnsw
    cells = _cells_of(index)
    return ("nprobe", cells) if cells is not None else ("", None)


def _storage_of(index: Any) -> Any:
    """What holds the vectors of a graph; None if an index is none."""
    faiss = _library()
    inner = inner_of(index)
    return faiss.downcast_index(inner.storage) if isinstance(inner, faiss.IndexHNSW) else None


def _graph_of(index: Any) -> Any:
    """The graph of an index, or of its centroids; None if there is none."""
    faiss = _library()
    inner = inner_of(index)
    if isinstance(inner, faiss.IndexHNSW):
        return inner.hnsw
    cells = _cells_of(index)
    quantizer = faiss.downcast_index(cells.quantizer) if cells is not None else None
    return quantizer.hnsw if isinstance(quantizer, faiss.IndexHNSW) else None


def _cells_of(index: Any) -> Any:
    """What of an index has cells; None if nothing has."""
    faiss = _library()
    found = faiss.try_extract_index_ivf(index)
    return None if found is None else faiss.downcast_index(found)


def _evenly(vectors: Vectors, count: int) -> Vectors:
    places = np.linspace(0, len(vectors), count, endpoint=False).astype(np.int64)
    return np.ascontiguousarray(vectors[places], dtype=np.float32)


def _product() -> int:
    return int(_library().METRIC_INNER_PRODUCT)


def _library() -> Any:
    # Its type stubs lack keyword arguments and most of its classes.
    return importlib.import_module("faiss")


__all__ = [
    "FLAT",
    "GRAPH",
    "LEAST_RECALL",
    "MOST_FLAT",
    "MOST_GRAPH",
    "QUERIES",
    "RECALL_AT",
    "Measured",
    "Numbers",
    "TooFewError",
    "Truth",
    "Vectors",
    "check_kind",
    "choose_parameters",
    "exact",
    "inner_of",
    "is_flat",
    "is_sharded",
    "kind_for",
    "make_empty",
    "make_queries",
    "measured",
    "merge",
    "nearest_of",
    "recall_of",
    "training_sample",
    "training_size",
    "tune",
]
