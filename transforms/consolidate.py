"""Stage 10, consolidate: from a replayed group to procedures, candidates and rejects.

A variant that passes on `min_replays` held-out instances of distinct problems (or tests) enters.
Variants that pass on each other's instances, at least two decided and all of them, are one
procedure, however they are worded; those that do not are different procedures, however alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import apache_beam as beam

from tracemine.schemas import (
    Event,
    Procedure,
    Provenance,
    Rejected,
    Replay,
    Signature,
    Source,
    Span,
    Variant,
)
from tracemine.schemas.records import Status
from tracemine.schemas.values import dump_json
from tracemine.store import Policy
from tracemine.transforms.replay import Matrix, Method, Witness, make_method
from tracemine.transforms.segment import Proposal, reject_span
from tracemine.transforms.stage import REJECTED, Out, run_stage

STAGE = "consolidate"
FAILED_REPLAY = "failed replay"

#: Fewer decided instances than this say nothing about two variants being one procedure.
MIN_DECIDED = 2


@dataclass(frozen=True, slots=True)
class Evidence:
    """A variant with what it rests on: the span it was taken from, the spans that hold the same
    method, its replays, and what each passed instance is evidence of (a problem or a test)."""

    variant_id: str
    founder: Proposal
    signature: Signature
    members: tuple[Proposal, ...]
    replays: tuple[Replay, ...]
    passed: frozenset[str]
    problems: frozenset[str]


@dataclass(frozen=True, slots=True)
class Entry:
    """What one group found of one procedure; entries of several groups with one id are united."""

    procedure_id: str
    variants: tuple[Evidence, ...]


class Consolidate(beam.PTransform):
    """Matrix -> Entry. Outputs: ``entries``, ``rejected``."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.policy = policy

    def expand(self, matrices: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        policy = self.policy
        return matrices | "Consolidate" >> run_stage(
            STAGE,
            lambda matrix: consolidate(matrix, policy.min_replays),
            main="entries",
            tags=[REJECTED],
        )


def consolidate(matrix: Matrix, min_replays: int) -> Iterator[Out]:
    """The entries of one replayed group, and the spans that replay refuted."""
    entering: list[Evidence] = []
    by_method: dict[str, str] = {}
    for method in matrix.methods:
        replays = matrix.replays[method.variant_id]
        kept, refuted = _split_members(method, replays, matrix.witnesses)
        if not kept:
            for member in refuted:
                yield REJECTED, _failed(member, method.variant_id, replays)
            continue
        for waiting in _regroup(method, refuted):
            yield "entries", Entry(waiting.variant_id, (waiting,))
        evidence = _evidence(method, kept, replays, matrix.witnesses)
        by_method[method.key] = method.variant_id
        if len(evidence.passed) >= min_replays:
            entering.append(evidence)
        else:
            yield "entries", Entry(evidence.variant_id, (evidence,))
    for members in behaviour_classes(entering, matrix, by_method):
        yield "entries", Entry(min(e.variant_id for e in members), tuple(members))


def _split_members(
    method: Method, replays: Sequence[Replay], witnesses: Mapping[str, Witness]
) -> tuple[list[Proposal], list[Proposal]]:
    """Members that the variant may speak for, and members whose instance it fails on though the
    code is the same: its roles are not theirs. A variant that fails a test of its own speaks for
    nobody."""
    failed = {r.instance_id for r in replays if r.verdict in ("fail", "error", "timeout")}
    failed_spans = {
        witnesses[identifier].span_id
        for identifier in failed
        if witnesses[identifier].method == method.key
    }
    if method.founder.span.id in failed_spans:
        return [], list(method.members)
    kept = [m for m in method.members if m.span.id not in failed_spans]
    return kept, [m for m in method.members if m.span.id in failed_spans]


def _regroup(method: Method, refuted: Sequence[Proposal]) -> list[Evidence]:
    """Members that the method's variant does not speak for wait as candidates of their own, each
    with what has its names."""
    if not refuted:
        return []
    rest = make_method(method.key, refuted)
    return [
        Evidence(
            variant_id=rest.variant_id,
            founder=rest.founder,
            signature=rest.signature,
            members=rest.members,
            replays=(),
            passed=frozenset(),
            problems=frozenset(),
        )
    ]


def _evidence(
    method: Method,
    members: Sequence[Proposal],
    replays: Sequence[Replay],
    witnesses: Mapping[str, Witness],
) -> Evidence:
    passes = [witnesses[r.instance_id] for r in replays if r.verdict == "pass"]
    return Evidence(
        variant_id=method.variant_id,
        founder=method.founder,
        signature=method.signature,
        members=tuple(members),
        replays=tuple(replays),
        passed=frozenset(w.instance_id if w.origin == "test" else w.problem for w in passes),
        problems=frozenset(w.problem for w in passes),
    )


def behaviour_classes(
    entering: Sequence[Evidence], matrix: Matrix, by_method: Mapping[str, str]
) -> list[list[Evidence]]:
    """Entering variants, in order of id, each in the first class whose every member it agrees
    with: both pass on all decided instances of the other, at least `MIN_DECIDED`."""
    decided: dict[tuple[str, str], list[bool]] = {}
    for evidence in entering:
        for replay in evidence.replays:
            if replay.verdict != "unsupported":
                other = by_method.get(matrix.witnesses[replay.instance_id].method, "")
                passed = replay.verdict == "pass"
                decided.setdefault((evidence.variant_id, other), []).append(passed)

    def reproduces(one: Evidence, other: Evidence) -> bool:
        verdicts = decided.get((one.variant_id, other.variant_id), [])
        return len(verdicts) >= MIN_DECIDED and all(verdicts)

    classes: list[list[Evidence]] = []
    for evidence in sorted(entering, key=lambda e: e.variant_id):
        for members in classes:
            if all(reproduces(evidence, m) and reproduces(m, evidence) for m in members):
                members.append(evidence)
                break
        else:
            classes.append([evidence])
    return classes


def _failed(member: Proposal, variant: str, replays: Sequence[Replay]) -> Rejected:
    failures = [r.reason for r in replays if r.verdict in ("fail", "error", "timeout")]
    return reject_span(STAGE, FAILED_REPLAY, member.span, f"variant {variant}: {failures[0]}")


# Uniting entries, once all groups are consolidated.


@dataclass(frozen=True, slots=True)
class Finished:
    """An entry as it is written: the record, its vector, the spans it rests on, its replays, its
    events."""

    procedure: Procedure
    vector: bytes
    spans: tuple[Span, ...]
    replays: tuple[Replay, ...]
    events: tuple[Event, ...]


def finish(
    entries: Iterable[Entry],
    sources: Mapping[str, Source],
    policy: Policy,
    as_of: str,
) -> Finished:
    """One procedure from all entries with its id. ``sources`` maps trajectory ids to their least
    source."""
    gathered = list(entries)
    variants = _unite_variants(gathered)
    entered = [v for v in variants if len(v.passed) >= policy.min_replays]
    shown = entered or variants[:1]
    spans = {m.span.id: m.span for v in variants for m in v.members}
    records = [_variant_record(v) for v in shown]
    first, lead = shown[0], shown[0].founder.span
    problems = frozenset().union(*(v.problems for v in shown))
    rate = records[0].passes / records[0].attempts if records[0].attempts else 0.0
    status, events = _status(
        gathered[0].procedure_id, bool(entered), first, len(problems), rate, policy, as_of
    )
    procedure = Procedure(
        procedure_id=gathered[0].procedure_id,
        subquestion=lead.subquestion,
        summary=lead.summary,
        status=status,
        domain=lead.domain,
        signature=first.signature,
        preconditions=lead.preconditions,
        predicates=lead.predicates,
        failure_modes=tuple(
            dict.fromkeys(mode for v in shown for mode in v.founder.span.failure_modes)
        ),
        verifier=lead.verifier,
        teacher=lead.teacher,
        variants=tuple(records),
        provenance=tuple(_provenance(span, sources) for _, span in sorted(spans.items())),
        success_rate=rate,
        distinct_problems=len(problems),
        last_verified=as_of if entered else None,
        expires_at=None,
    )
    return Finished(
        procedure=procedure,
        vector=first.founder.vector,
        spans=tuple(span for _, span in sorted(spans.items())),
        replays=tuple(replay for v in variants for replay in v.replays),
        events=events,
    )


def _unite_variants(entries: Sequence[Entry]) -> list[Evidence]:
    """Each variant once with all its evidence: the cleanest first (most distinct problems passed,
    fewest tokens, simplest code, id)."""
    by_id: dict[str, list[Evidence]] = {}
    for entry in entries:
        for evidence in entry.variants:
            by_id.setdefault(evidence.variant_id, []).append(evidence)
    united = [_unite(parts) for _, parts in sorted(by_id.items())]
    return sorted(
        united,
        key=lambda v: (
            -len(v.problems), v.founder.tokens, len(v.founder.span.code or ""), v.variant_id
        ),
    )  # fmt: skip


def _unite(parts: Sequence[Evidence]) -> Evidence:
    if len(parts) == 1:
        return parts[0]
    ordered = sorted(parts, key=lambda e: (-len(e.passed), e.founder.span.id))
    lead = ordered[0]
    members = {m.span.id: m for part in ordered for m in part.members}
    replays = {r.instance_id: r for part in reversed(ordered) for r in part.replays}
    return Evidence(
        variant_id=lead.variant_id,
        founder=lead.founder,
        signature=lead.signature,
        members=tuple(m for _, m in sorted(members.items())),
        replays=tuple(r for _, r in sorted(replays.items())),
        passed=frozenset().union(*(part.passed for part in ordered)),
        problems=frozenset().union(*(part.problems for part in ordered)),
    )


def _variant_record(evidence: Evidence) -> Variant:
    span = evidence.founder.span
    decided = [r for r in evidence.replays if r.verdict != "unsupported"]
    return Variant(
        variant_id=evidence.variant_id,
        subroutine=span.subroutine,
        code=span.code or "",
        entry_point=span.entry_point or "",
        tokens=evidence.founder.tokens,
        passes=sum(r.verdict == "pass" for r in decided),
        attempts=len(decided),
        span_id=span.id,
        instance_id=span.instances[0].id,
    )


def _provenance(span: Span, sources: Mapping[str, Source]) -> Provenance:
    source = sources[span.trajectory_id]
    return Provenance(
        trajectory_id=span.trajectory_id,
        source=source.dataset,
        licence=source.licence,
        start=span.start,
        end=span.end,
        quote=span.quote,
    )


def _status(
    procedure_id: str,
    entered: bool,
    best: Evidence,
    problems: int,
    rate: float,
    policy: Policy,
    as_of: str,
) -> tuple[Status, tuple[Event, ...]]:
    evidence = dump_json({"passed": len(best.passed), "distinct_problems": problems})
    if not entered:
        event = Event(procedure_id, "", "candidate", "awaits held-out instances", evidence, as_of)
        return "candidate", (event,)
    events = [Event(procedure_id, "", "verified", "min_replays", evidence, as_of)]
    if problems >= policy.promote_after and rate >= policy.promote_rate:
        events.append(
            Event(procedure_id, "verified", "canonical", "promote_after", evidence, as_of)
        )
        return "canonical", tuple(events)
    return "verified", tuple(events)
