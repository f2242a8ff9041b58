"""Stage 10, consolidate: from a replayed group to procedures, candidates and rejects.

A variant that passes on `min_replays` held-out instances of distinct problems (or tests) enters.
Variants that pass on each other's instances, at least two decided and all of them, are one
procedure, however they are worded; those that do not are different procedures, however alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import apache_beam as beam

from tracemine.schemas import Rejected, Replay, Signature, content_id
from tracemine.store import Policy
from tracemine.store.policy import MIN_DECIDED
from tracemine.transforms.held_out import Witness
from tracemine.transforms.methods import Method, make_method, variant_of
from tracemine.transforms.replay import Matrix
from tracemine.transforms.segment import Proposal, reject_span
from tracemine.transforms.stage import REJECTED, Out, run_stage

STAGE = "consolidate"
FAILED_REPLAY = "failed replay"
REFUTED = "refuted"

#: Verdicts that speak against a variant.
FAILURES = ("fail", "error", "timeout")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A variant with what it rests on: the span it was taken from, the spans that hold the same
    method (none where the variant was refuted), its replays, and the witness of each pass."""

    variant_id: str
    founder: Proposal
    signature: Signature
    members: tuple[Proposal, ...]
    replays: tuple[Replay, ...]
    witnesses: tuple[Witness, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """What one group found of one procedure; entries of several groups with one id are united."""

    procedure_id: str
    variants: tuple[Evidence, ...]


class Consolidate(beam.PTransform):
    """Matrix -> Entry. Outputs: ``entries``, ``rejected``, ``refuted`` (the evidence of a variant
    that its group refuted: another group may still have an entry of it)."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.policy = policy

    def expand(self, matrices: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        policy = self.policy
        return matrices | "Consolidate" >> run_stage(
            STAGE,
            lambda matrix: consolidate(matrix, policy.min_replays),
            main="entries",
            tags=[REJECTED, REFUTED],
        )


def consolidate(matrix: Matrix, min_replays: int) -> Iterator[Out]:
    """The entries of one replayed group, and the spans that replay refuted."""
    entering: list[Evidence] = []
    for method in matrix.methods:
        replays = matrix.replays[method.variant_id]
        kept, refuted = _split_members(method, replays, matrix.witnesses)
        if not kept:
            yield REFUTED, _evidence(method, (), replays, matrix.witnesses)
            for member in refuted:
                yield REJECTED, _failed(member, method.variant_id, replays, matrix.witnesses)
            continue
        for member in refuted:
            if variant_of(member) == method.variant_id:
                yield REJECTED, _failed(member, method.variant_id, replays, matrix.witnesses)
        others = [m for m in refuted if variant_of(m) != method.variant_id]
        if others:
            waiting = _waiting(make_method(method.key, others))
            yield "entries", Entry(waiting.variant_id, (waiting,))
        evidence = _evidence(method, kept, replays, matrix.witnesses)
        if len(what_passes_show(evidence.witnesses)) >= min_replays:
            entering.append(evidence)
        else:
            yield "entries", Entry(evidence.variant_id, (evidence,))
    for members in behaviour_classes(entering):
        yield "entries", Entry(min(e.variant_id for e in members), tuple(members))


def _split_members(
    method: Method, replays: Sequence[Replay], witnesses: Mapping[str, Witness]
) -> tuple[list[Proposal], list[Proposal]]:
    """Members that the variant may speak for, and members whose instance it fails on though the
    code is the same: its roles are not theirs. A variant that fails a test of its own speaks for
    nobody; nor do words that fail on what the same words are said to have given, and pass on
    nothing: unlike code, nobody has seen them give their own result."""
    facts = {
        instance.id: (instance.bindings, instance.result)
        for member in method.members
        for instance in member.span.instances
    }
    failed = {
        facts[r.instance_id]
        for r in replays
        if r.verdict in FAILURES and witnesses[r.instance_id].method == method.key
    }
    failed_spans = {
        member.span.id
        for member in method.members
        if any((i.bindings, i.result) in failed for i in member.span.instances if i.checked)
    }
    unsound = method.in_words and failed and not any(r.verdict == "pass" for r in replays)
    if unsound or method.founder.span.id in failed_spans:
        return [], list(method.members)
    kept = [m for m in method.members if m.span.id not in failed_spans]
    return kept, [m for m in method.members if m.span.id in failed_spans]


def _waiting(method: Method) -> Evidence:
    """Members that another variant of their method does not speak for: a candidate of its own."""
    return Evidence(
        variant_id=method.variant_id,
        founder=method.founder,
        signature=method.signature,
        members=method.members,
        replays=(),
        witnesses=(),
    )


def _evidence(
    method: Method,
    members: Sequence[Proposal],
    replays: Sequence[Replay],
    witnesses: Mapping[str, Witness],
) -> Evidence:
    return Evidence(
        variant_id=method.variant_id,
        founder=method.founder,
        signature=method.signature,
        members=tuple(members),
        replays=tuple(replays),
        witnesses=tuple(witnesses[r.instance_id] for r in replays if r.verdict == "pass"),
    )


def what_passes_show(witnesses: Iterable[Witness]) -> frozenset[str]:
    """Passes that show the same count once: those of one problem, and one test however many
    attempts at its task bring it."""
    return frozenset(
        content_id("test", w.problem, list(w.values), w.result) if w.origin == "test" else w.problem
        for w in witnesses
    )


def behaviour_classes(variants: Iterable[Evidence]) -> list[list[Evidence]]:
    """``variants`` parted into classes of which each two members agree: between the two of them,
    on instances of the spans that each speaks for, at least `MIN_DECIDED` are decided, and all
    pass. Code and words are no one's equal: code is not run on instances of words. In order of id,
    each stands in the first class with whose every member it agrees, so that
    none could join a class before its own."""
    ordered = sorted(variants, key=lambda e: e.variant_id)
    decided = decided_between(ordered)

    def agree(one: Evidence, other: Evidence) -> bool:
        if bool(one.founder.span.code) != bool(other.founder.span.code):
            return False
        verdicts = decided.get(frozenset((one.variant_id, other.variant_id)), [])
        return len(verdicts) >= MIN_DECIDED and all(v.verdict == "pass" for v in verdicts)

    classes: list[list[Evidence]] = []
    for evidence in ordered:
        for members in classes:
            if all(agree(evidence, member) for member in members):
                members.append(evidence)
                break
        else:
            classes.append([evidence])
    return classes


def decided_between(variants: Iterable[Evidence]) -> dict[frozenset[str], list[Replay]]:
    """For each two variants, by their ids, what each decided on instances of spans that the other
    speaks for, in order of instance."""
    listed = list(variants)
    owners = {
        instance.id: evidence.variant_id
        for evidence in listed
        for member in evidence.members
        for instance in member.span.instances
    }
    found: dict[frozenset[str], list[Replay]] = {}
    for evidence in listed:
        for verdict in evidence.replays:
            owner = owners.get(verdict.instance_id, evidence.variant_id)
            if owner != evidence.variant_id and verdict.verdict != "unsupported":
                found.setdefault(frozenset((owner, evidence.variant_id)), []).append(verdict)
    return found


def _failed(
    member: Proposal, variant: str, replays: Sequence[Replay], witnesses: Mapping[str, Witness]
) -> Rejected:
    """``member`` with a failure on an instance of its own, or else of its variant's founder."""
    failures = [r for r in replays if r.verdict in FAILURES]
    own = [r for r in failures if witnesses[r.instance_id].span_id == member.span.id]
    first = (own or failures)[0]
    detail = f"variant {variant}, instance {first.instance_id}: {first.reason}"
    return reject_span(STAGE, FAILED_REPLAY, member, detail)
