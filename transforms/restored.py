"""What a store holds as the records that stages hand on: spans with their instances, and entries
with the evidence of each variant. The inverse of what `mine` writes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tracemine.schemas import (
    Instance,
    Parameter,
    Procedure,
    Replay,
    Signature,
    Source,
    Span,
)
from tracemine.schemas.arrow import TABLES, Row, procedure_from_row, trajectory_from_row
from tracemine.schemas.shingles import shingles
from tracemine.store.reader import Store
from tracemine.teachers import make_teacher
from tracemine.transforms.cluster import clustered_vector
from tracemine.transforms.consolidate import Evidence
from tracemine.transforms.held_out import Witness, values_of
from tracemine.transforms.methods import in_roles_of, widened
from tracemine.transforms.segment import Proposal, route, segment

#: Entries whose evidence is in memory at once.
BATCH = 2000

_INSTANCE = tuple(name for name in TABLES["instances"].names if name != "instance_id")
_SPAN = tuple(TABLES["spans"].names)


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry, the evidence of each of its variants in their order, and when it first stood in
    the store (ISO 8601 text)."""

    procedure: Procedure
    evidence: tuple[Evidence, ...]
    since: str


def restored_entries(store: Store, ids: Collection[str]) -> Iterator[Stored]:
    """The procedures and candidates with these ids, in order of id, `BATCH` read at once.

    Raises:
        StoreError: if a file that holds some of it is damaged.
    """
    ordered = sorted(ids)
    for start in range(0, len(ordered), BATCH):
        yield from _entries(store, ordered[start : start + BATCH])


def _entries(store: Store, ids: Sequence[str]) -> Iterator[Stored]:
    procedures = [
        procedure_from_row(row)
        for row in _among(store, "procedures", "procedure_id", ids)
        + _among(store, "candidates", "procedure_id", ids)
    ]
    since = {
        row["procedure_id"]: row["since"]
        for row in store.rows(
            'SELECT procedure_id, min("at") AS since FROM events '
            "WHERE procedure_id IN (SELECT unnest(?)) GROUP BY 1",
            [list(ids)],
        )
    }
    variants = [v.variant_id for p in procedures for v in p.variants]
    replays: dict[str, list[Replay]] = {}
    for row in _among(store, "replays", "variant_id", variants):
        replays.setdefault(row["variant_id"], []).append(Replay(**row))
    passed = sorted({r.instance_id for rs in replays.values() for r in rs if r.verdict == "pass"})
    instances = {
        row["instance_id"]: instance_of(row)
        for row in _among(store, "instances", "instance_id", passed)
    }
    wanted = {p.span_id for procedure in procedures for p in procedure.provenance}
    wanted |= {v.span_id for procedure in procedures for v in procedure.variants}
    proposals = restored_proposals(store, wanted)
    texts = _problems(store, {i.problem_id for i in instances.values()})
    for procedure in sorted(procedures, key=lambda p: p.procedure_id):
        found = tuple(_evidence(procedure, proposals, replays, instances, texts))
        yield Stored(procedure, found, since.get(procedure.procedure_id, ""))


def _evidence(
    procedure: Procedure,
    proposals: Mapping[str, Proposal],
    replays: Mapping[str, list[Replay]],
    instances: Mapping[str, Instance],
    texts: Mapping[str, bytes],
) -> Iterator[Evidence]:
    for number, variant in enumerate(procedure.variants):
        founder = replace(proposals[variant.span_id], tokens=variant.tokens)
        founder = replace(founder, span=_own_first(founder.span, variant.instance_id))
        members = [
            founder if p.span_id == variant.span_id else proposals[p.span_id]
            for p in procedure.provenance
            if p.variant_id == variant.variant_id
        ]
        own = sorted(replays.get(variant.variant_id, ()), key=lambda r: r.instance_id)
        yield Evidence(
            variant_id=variant.variant_id,
            founder=founder,
            signature=_signature(procedure, founder.span, members, first=number == 0),
            members=tuple(sorted(members, key=lambda m: m.span.id)),
            replays=tuple(own),
            witnesses=tuple(
                witness_of(instances[r.instance_id], texts) for r in own if r.verdict == "pass"
            ),
        )


def _signature(
    procedure: Procedure, founder: Span, members: Sequence[Proposal], *, first: bool
) -> Signature:
    # Of its first variant it is the entry's own; that of another is not written.
    if first or not members:
        return procedure.signature if first else founder.signature
    return widened(founder.signature, [in_roles_of(founder, m.span) for m in members])


def witness_of(instance: Instance, texts: Mapping[str, bytes], method: str = "") -> Witness:
    """What a pass on an instance is evidence of; ``texts`` has the shingles of its problem. Which
    problems are near-duplicates is told when evidence is united."""
    return Witness(
        instance.id,
        instance.span_id,
        method,
        instance.problem_id,
        instance.problem_id,
        texts[instance.problem_id],
        instance.origin,
        values_of(instance.bindings),
        instance.result,
    )


def restored_proposals(store: Store, span_ids: Collection[str]) -> dict[str, Proposal]:
    """The spans with these ids as proposals, by id, with the vectors of their wordings, their
    methods and variants where they were clustered, without the vectors of their shapes and without
    tokens.

    Raises:
        StoreError: if a file that holds some of it is damaged.
    """
    ids = sorted(span_ids)
    rows = _among(store, "spans", "span_id", ids)
    instances: dict[str, list[Instance]] = {}
    for row in _among(store, "instances", "span_id", ids):
        instances.setdefault(row["span_id"], []).append(instance_of(row))
    trajectories = {
        row["trajectory_id"]: row
        for row in store.rows(
            "SELECT trajectory_id, problem_id, problem, sources FROM trajectories "
            "WHERE trajectory_id IN (SELECT unnest(?))",
            [sorted({row["trajectory_id"] for row in rows})],
        )
    }
    sources = {i: least_source(row) for i, row in trajectories.items()}
    clustered = _clustered(store, ids)
    marks: dict[str, bytes] = {}
    found = {}
    for row in rows:
        trajectory = trajectories[row["trajectory_id"]]
        problem = trajectory["problem_id"]
        if problem not in marks:
            marks[problem] = shingles(trajectory["problem"])
        span = span_of(row, problem, instances.get(row["span_id"], ()))
        found[span.id] = _as_clustered(
            Proposal(span, sources[span.trajectory_id], marks[problem]), clustered
        )
    return found


def _clustered(store: Store, span_ids: Sequence[str]) -> dict[str, Row]:
    rows = store.rows(
        "SELECT span_id, wording, method, variant_id FROM clustered "
        "WHERE span_id IN (SELECT unnest(?))",
        [list(span_ids)],
    )
    return {row["span_id"]: row for row in rows}


def _as_clustered(proposal: Proposal, clustered: Mapping[str, Row]) -> Proposal:
    row = clustered.get(proposal.span.id)
    if row is None:
        return proposal
    vector = clustered_vector(row["wording"])
    return replace(proposal, vector=vector, method=row["method"], variant=row["variant_id"])


def recut_proposals(store: Store, span_ids: Collection[str]) -> dict[str, Proposal]:
    """As `restored_proposals`, of a store that the rules have cut, those that replay refuted among
    them: a store has their traces and their instances, and they are cut anew.

    Raises:
        StoreError: if a file that holds some of it is damaged.
    """
    found = restored_proposals(store, span_ids)
    refuted = sorted(set(span_ids) - found.keys())
    if not refuted:
        return found
    rows = store.rows(
        "SELECT * FROM trajectories WHERE trajectory_id IN (SELECT trajectory_id FROM instances "
        "WHERE span_id IN (SELECT unnest(?)))",
        [refuted],
    )
    clustered, teacher = _clustered(store, refuted), make_teacher("rules")
    for row in rows:
        for output, record in segment(trajectory_from_row(row), teacher):
            if output == "proposals" and record.span.id in clustered:
                for routed, what in route(record):
                    if routed == "proposals":
                        found[what.span.id] = _as_clustered(what, clustered)
    return found


def span_of(row: Row, problem_id: str, instances: Iterable[Instance]) -> Span:
    """The span of a row of ``spans``, its own instance first."""
    ordered = sorted(instances, key=lambda i: (i.origin != "trace", i.id))
    values: dict[str, Any] = {name: row[name] for name in _SPAN}
    values["id"] = values.pop("span_id")
    values["signature"] = Signature.from_json(values["signature"])
    for name in ("preconditions", "predicates", "failure_modes"):
        values[name] = tuple(values[name] or ())
    values["keys"] = tuple(Parameter(**key) for key in values["keys"] or ())
    return Span(**values, problem_id=problem_id, instances=tuple(ordered), tool=row.get("tool"))


def least_source(trajectory: Row) -> Source:
    """The source that stands for a row of ``trajectories``."""
    return min(Source(**source) for source in trajectory["sources"])


def instance_of(row: Row) -> Instance:
    """The instance of a row of ``instances``."""
    return Instance(id=row["instance_id"], **{name: row[name] for name in _INSTANCE})


def _own_first(span: Span, instance_id: str) -> Span:
    ordered = sorted(span.instances, key=lambda i: (i.id != instance_id, i.id))
    return replace(span, instances=tuple(ordered))


def _problems(store: Store, ids: Collection[str]) -> dict[str, bytes]:
    rows = store.rows(
        "SELECT problem_id, min(problem) AS problem FROM trajectories "
        "WHERE problem_id IN (SELECT unnest(?)) GROUP BY 1",
        [sorted(ids)],
    )
    return {row["problem_id"]: shingles(row["problem"]) for row in rows}


def _among(store: Store, table: str, column: str, ids: Collection[str]) -> list[Row]:
    # Rows differ in their first two columns, and the others may be long.
    return store.rows(
        f'SELECT * FROM "{table}" WHERE {column} IN (SELECT unnest(?)) ORDER BY 1, 2', [sorted(ids)]
    )


__all__ = [
    "BATCH",
    "Stored",
    "instance_of",
    "least_source",
    "recut_proposals",
    "restored_entries",
    "restored_proposals",
    "span_of",
    "witness_of",
]
