"""Stage 8, cluster: candidate groups of spans that words propose as alike.

Only spans of one domain with compatible signatures meet: same number of inputs, same coarse types.
Within such a class HDBSCAN groups the vectors. A group is a proposal; replay decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np
import numpy.typing as npt

from tracemine.schemas import Span, canonical_code, content_id
from tracemine.schemas.types import coarse
from tracemine.transforms.segment import Proposal, reject_span
from tracemine.transforms.stage import REJECTED, Out, run_stage

STAGE = "cluster"
DUPLICATE = "same routine on the same problem"

#: HDBSCAN takes the square of this in memory (float64: 32 MiB); a larger cell is split first.
MAX_CELL = 2000
#: The fewest rows that make a cluster: a fiftieth of the cell, within these bounds. Three alike are
#: the fewest that can verify one of them, its own and two held-out instances. Words say little of
#: the method, so a group must hold several methods if each is to meet its like: over GSM8K's spans
#: of two and more operations, clusters of at least 10 bring 2.7 times as many methods together with
#: three others of their kind as clusters of at least 3, for 10 times the replays.
CLUSTER_SIZES = (3, 10)
CELL_SHARE = 50
#: A vector that HDBSCAN calls noise joins its nearest neighbour's group from this cosine on.
JOIN_SIMILARITY = 0.5

Group = list[Proposal]
Matrix = npt.NDArray[np.float64]


class Cluster(beam.PTransform):
    """Proposal -> Group (a list of proposals, by span id). Outputs: ``groups``, ``rejected``."""

    def expand(self, proposals: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        return (
            proposals
            | "Key by class" >> beam.Map(lambda p: (compatibility_class(p.span), p))
            | "Gather classes" >> beam.GroupByKey()
            | "Group" >> run_stage(STAGE, _cluster_keyed, main="groups", tags=[REJECTED])
        )


def compatibility_class(span: Span) -> str:
    """The key of spans that may stand in one group: domain, coarse types, verifier."""
    inputs = sorted(coarse(parameter.type) for parameter in span.signature.inputs)
    output = coarse(span.signature.output.type)
    return f"{span.domain}:({', '.join(inputs)}) -> {output}:{span.verifier}"


def _cluster_keyed(keyed: tuple[str, Iterable[Proposal]]) -> Iterator[Out]:
    return cluster(keyed[1])


def cluster(proposals: Iterable[Proposal]) -> Iterator[Out]:
    """The candidate groups of one compatibility class. Exact duplicates (one routine, in the same
    words, on one problem with the same values) leave first."""
    ordered = sorted(proposals, key=lambda p: p.span.id)
    kept: dict[str, Proposal] = {}
    for proposal in ordered:
        first = kept.setdefault(_identity(proposal.span), proposal)
        if first is not proposal:
            kept_from = f"{first.source.dataset} row {first.source.row}"
            detail = f"kept {first.span.id} of {kept_from}"
            yield REJECTED, reject_span(STAGE, DUPLICATE, proposal, detail, "duplicate")
    unique = list(kept.values())
    for members in group_vectors(np.stack([_vector(p) for p in unique])):
        yield "groups", [unique[index] for index in members]


def _identity(span: Span) -> str:
    code = canonical_code(span.code or "", span.entry_point or "")
    names = [parameter.name for parameter in span.signature.inputs]
    cases = [(i.bindings, i.result, i.checked, i.origin) for i in span.instances]
    return content_id(span.problem_id, span.shape, names, code, sorted(cases))


def _vector(proposal: Proposal) -> npt.NDArray[np.float32]:
    return np.frombuffer(proposal.vector, dtype=np.float32)


def group_vectors(vectors: npt.NDArray[np.float32]) -> list[list[int]]:
    """Groups of row numbers of ``vectors`` (n, d), each row in exactly one group.

    Equal rows stay together. Depends on the order of rows only among equal ones, so callers sort
    by id; groups come in order of their first row.
    """
    distinct, inverse = np.unique(vectors, axis=0, return_inverse=True)
    members: list[list[int]] = [[] for _ in range(len(distinct))]
    for row, index in enumerate(inverse.reshape(-1)):
        members[index].append(row)
    groups = []
    for cell in _cells(distinct.astype(np.float64)):
        counts = np.array([len(members[i]) for i in cell])
        for group in _cluster_cell(distinct[cell].astype(np.float64), counts):
            groups.append(sorted(row for i in group for row in members[cell[i]]))
    return sorted(groups)


def _cells(vectors: Matrix) -> list[npt.NDArray[np.int64]]:
    """Row numbers split into cells of at most `MAX_CELL`: halved again and again at the median
    along the direction of greatest spread."""
    pending = [np.arange(len(vectors))]
    cells = []
    while pending:
        rows = pending.pop()
        if len(rows) <= MAX_CELL:
            cells.append(rows)
            continue
        centred = vectors[rows] - vectors[rows].mean(axis=0)
        _, axes = np.linalg.eigh(centred.T @ centred)
        # Rounded, so that the last bits of the eigenvector do not decide; rows break ties.
        along = np.round(centred @ axes[:, -1], 6)
        if along[np.argmax(np.abs(along))] < 0:
            along = -along
        order = np.lexsort((rows, along))
        half = len(rows) // 2
        pending += [np.sort(rows[order[half:]]), np.sort(rows[order[:half]])]
    return cells


def _cluster_cell(vectors: Matrix, counts: npt.NDArray[np.int64]) -> list[list[int]]:
    """Groups within one cell. ``counts[i]`` spans have vector i: HDBSCAN sees it that often, up to
    the size that makes a cluster."""
    least, most = CLUSTER_SIZES
    cluster_size = min(max(int(counts.sum()) // CELL_SHARE, least), most)
    index = np.repeat(np.arange(len(vectors)), np.minimum(counts, cluster_size))
    similarity = vectors @ vectors.T
    labels = np.full(len(vectors), -1)
    if len(index) >= 2 * cluster_size:
        seen = similarity[np.ix_(index, index)]
        labels = _hdbscan_labels(seen, index, len(vectors), cluster_size)
    return _join_noise(labels, similarity)


def _hdbscan_labels(
    similarity: Matrix, index: npt.NDArray[np.int64], size: int, cluster_size: int
) -> npt.NDArray[np.int64]:
    import hdbscan

    # Chord length between unit vectors; rounding errors below zero are zero.
    distance = np.sqrt(np.maximum(0.0, 2.0 - 2.0 * similarity))
    model = hdbscan.HDBSCAN(
        metric="precomputed",
        min_cluster_size=cluster_size,
        min_samples=1,
        cluster_selection_method="leaf",
        core_dist_n_jobs=1,
    )
    found = model.fit(distance).labels_
    labels = np.full(size, -1)
    for row, label in zip(index, found, strict=True):
        labels[row] = max(labels[row], label)
    return labels


def _join_noise(labels: npt.NDArray[np.int64], similarity: Matrix) -> list[list[int]]:
    """Groups by label; noise joins the group of its most similar labelled row if it is near
    enough, else near noise joins among itself."""
    groups: dict[int, list[int]] = {}
    for row, label in enumerate(labels):
        if label >= 0:
            groups.setdefault(int(label), []).append(row)
    labelled = np.flatnonzero(labels >= 0)
    left_over = []
    for row in map(int, np.flatnonzero(labels < 0)):
        if len(labelled):
            near = labelled[np.argmax(np.round(similarity[row, labelled], 6))]
            if similarity[row, near] >= JOIN_SIMILARITY:
                groups[int(labels[near])].append(row)
                continue
        left_over.append(row)
    return [*groups.values(), *_components(left_over, similarity)]


def _components(rows: list[int], similarity: Matrix) -> list[list[int]]:
    """Rows joined to their nearest among themselves, where it is near enough."""
    parent = {row: row for row in rows}

    def root(row: int) -> int:
        while parent[row] != row:
            row = parent[row]
        return row

    for row in rows:
        others = [other for other in rows if other != row]
        if not others:
            continue
        near = max(others, key=lambda other: (round(float(similarity[row, other]), 6), -other))
        if similarity[row, near] >= JOIN_SIMILARITY:
            low, high = sorted((root(row), root(near)))
            parent[high] = low
    found: dict[int, list[int]] = {}
    for row in rows:
        found.setdefault(root(row), []).append(row)
    return list(found.values())
