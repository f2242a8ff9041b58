"""Replay again: the calls that an entry's verdicts are of, made again as they were made.

Which value goes to which parameter is what the verdict says; nothing is aligned anew. What decided
nothing (it chose an alignment, its precondition did not hold) decides nothing now. What could not
be made (a library is not installed here, its time was up) leaves the verdict as it was, and the
entry is not verified by it. Routines in words are carried out by a model, so they are not run here.

Instances that came to the entry's spans since a variant was last replayed, and that are held out
for it, are replayed by the rules of `replay`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tracemine.schemas import Instance, Replay, Span, decode, encode
from tracemine.store.lifecycle import Failure
from tracemine.transforms.consolidate import FAILURES, Evidence
from tracemine.transforms.methods import routine_of
from tracemine.transforms.replay import ReplayLimits, replay_group, unknown
from tracemine.transforms.restored import witness_of
from tracemine.transforms.segment import Proposal
from tracemine.transforms.tools import CONSTANT
from tracemine.verifiers import Sandbox
from tracemine.verifiers.coincidence import Meeting, difference_nearby
from tracemine.verifiers.replay import UNJUDGED, UNMET, Case, Routine, replay

#: What the reason of a run begins with that could not be made for want of a library.
_MISSING = ("ModuleNotFoundError", "ImportError")

#: Gives the instances with these ids, and the spans that hold them, as far as they are kept.
Look = Callable[[set[str]], tuple[Mapping[str, Instance], Mapping[str, Span]]]


@dataclass(frozen=True, slots=True)
class Again:
    """A variant replayed again: its evidence with the new verdicts, what passed before and now
    fails, how many calls were made, passed before and pass now, and how many were undecided."""

    evidence: Evidence
    failures: tuple[Failure, ...]
    made: int
    passed_before: int
    pass_now: int
    undecided: int


def replay_again(
    evidence: Evidence,
    instances: Mapping[str, Instance],
    spans: Mapping[str, Span],
    texts: Mapping[str, bytes],
    sandbox: Sandbox,
) -> Again:
    """``evidence`` with its verdicts made again. ``instances`` has those that they are on,
    ``spans`` the spans of these as far as they are kept, ``texts`` the shingles of their problems.

    Raises:
        RuntimeError: if the sandbox has no worker to give; see `Sandbox.run_many`.
    """
    span = evidence.founder.span
    routine = routine_of(span, name=evidence.variant_id, signature=evidence.signature)
    asked = [r for r in evidence.replays if r.verdict != "unsupported" and routine.code]
    found = _made_again(routine, asked, instances, sandbox)
    # A group in which the variant has wider types made it with these.
    unlike = {
        i
        for i, now in found.items()
        if now.verdict == "unsupported" and not now.reason.startswith((UNMET, UNJUDGED))
    }
    doubtful = [
        now
        for before in asked
        if (now := found[before.instance_id]).verdict == "pass" and before.verdict != "pass"
    ]
    found |= _without_meetings(routine, evidence, doubtful, instances, spans, sandbox)
    verdicts, failures, undecided = [], [], 0
    for before in evidence.replays:
        now = found.get(before.instance_id, before)
        if now is not before and could_not_be_made(now):
            undecided += 1
            now = before
        elif before.instance_id in unlike:
            now = before
        if before.verdict == "pass" and now.verdict in FAILURES:
            failures.append(Failure(now.variant_id, now.instance_id, now.verdict, now.reason))
        verdicts.append(now)
    passed = {r.instance_id for r in verdicts if r.verdict == "pass"}
    known = {w.instance_id: w for w in evidence.witnesses}
    return Again(
        evidence=replace(
            evidence,
            replays=tuple(verdicts),
            witnesses=tuple(
                known.get(i) or witness_of(instances[i], texts) for i in sorted(passed)
            ),
        ),
        failures=tuple(failures),
        made=len(asked) - undecided,
        passed_before=sum(r.verdict == "pass" for r in asked),
        pass_now=sum(r.instance_id in passed for r in asked),
        undecided=undecided,
    )


def _made_again(
    routine: Routine,
    asked: Sequence[Replay],
    instances: Mapping[str, Instance],
    sandbox: Sandbox,
) -> dict[str, Replay]:
    """The verdicts of ``asked``, made anew, by instance."""
    cases = []
    for verdict in asked:
        bound = bound_by(instances[verdict.instance_id], json.loads(verdict.binding_map))
        cases.append(Case(bound, routine.signature.inputs, routine.variant_id, own_roles=True))
    found = {r.instance_id: r for r in replay(routine, cases, sandbox)}
    return {
        verdict.instance_id: replace(found[verdict.instance_id], binding_map=verdict.binding_map)
        for verdict in asked
    }


def bound_by(instance: Instance, binding_map: Mapping[str, str]) -> Instance:
    """``instance`` with its values, and constants of the map, under the parameters' names."""
    values = decode(instance.bindings)
    named: dict[str, Any] = {
        name: decode(key[len(CONSTANT) :]) if key.startswith(CONSTANT) else values[key]
        for name, key in binding_map.items()
    }
    return replace(instance, bindings=encode(named))


def could_not_be_made(verdict: Replay) -> bool:
    """Whether a call says nothing of a routine: a library is not installed here, or its time was
    up."""
    return verdict.verdict == "timeout" or (
        verdict.verdict in ("error", "unsupported") and any(m in verdict.reason for m in _MISSING)
    )


def _without_meetings(
    routine: Routine,
    evidence: Evidence,
    passes: Iterable[Replay],
    instances: Mapping[str, Instance],
    spans: Mapping[str, Span],
    sandbox: Sandbox,
) -> dict[str, Replay]:
    """Of ``passes``, which are new, those that decide nothing: on an instance of another method
    with which the routine does not agree nearby, or of which nothing is kept."""
    own = {member.span.id for member in evidence.members} | {evidence.founder.span.id}
    problem = evidence.founder.span.problem_id
    listed = []
    for verdict in passes:
        instance = instances[verdict.instance_id]
        own_test = instance.origin == "test" and instance.problem_id == problem
        if instance.span_id not in own and not own_test:
            listed.append((verdict, instance))
    gone = {
        v.instance_id: replace(v, verdict="unsupported", reason="its method is not in the store")
        for v, i in listed
        if i.span_id not in spans
    }
    met = [(v, i) for v, i in listed if i.span_id in spans]
    meetings = [
        Meeting(
            routine,
            json.loads(v.binding_map),
            routine_of(spans[i.span_id], name=i.span_id),
            i,
        )
        for v, i in met
    ]
    for (verdict, _), reason in zip(met, difference_nearby(meetings, sandbox), strict=True):
        if reason:
            gone[verdict.instance_id] = replace(verdict, verdict="unsupported", reason=reason)
    return gone


def replay_added(
    entry: Sequence[Evidence], limits: ReplayLimits, sandbox: Sandbox
) -> tuple[Evidence, ...]:
    """``entry``, the evidence of the variants of one, with verdicts on instances of its own spans
    that are held out for a variant and that it has never been replayed on, as far as ``limits``
    leave room.

    Raises:
        RuntimeError: if the sandbox has no worker to give; see `Sandbox.run_many`.
    """
    members = [member for evidence in entry for member in evidence.members]
    if not any(_lacks(evidence, members, limits) for evidence in entry):
        return tuple(entry)
    matrix = replay_group(members, limits, sandbox)
    founders = {m.variant_id: m.founder.span.id for m in matrix.methods}
    found = []
    for evidence in entry:
        if founders.get(evidence.variant_id) != evidence.founder.span.id:
            found.append(evidence)
            continue
        room = limits.own + limits.others - len(evidence.replays)
        shown = matrix.replays[evidence.variant_id]
        new = unknown(shown, evidence.replays, matrix.witnesses)[: max(0, room)]
        found.append(
            replace(
                evidence,
                replays=tuple(sorted([*evidence.replays, *new], key=lambda r: r.instance_id)),
                witnesses=tuple(
                    sorted(
                        [
                            *evidence.witnesses,
                            *(matrix.witnesses[r.instance_id] for r in new if r.verdict == "pass"),
                        ],
                        key=lambda w: w.instance_id,
                    )
                ),
            )
        )
    return tuple(found)


def _lacks(evidence: Evidence, members: Iterable[Proposal], limits: ReplayLimits) -> bool:
    """Whether there may be an instance that the variant should be replayed on, and was not."""
    if not evidence.founder.span.code or len(evidence.replays) >= limits.own:
        return False
    known = {r.instance_id for r in evidence.replays}
    own = evidence.founder.span
    return any(
        instance.checked and instance.id not in known and instance.id != own.instances[0].id
        for member in members
        for instance in member.span.instances
        if member.span.problem_id != own.problem_id or instance.origin == "test"
    )


__all__ = ["Again", "bound_by", "could_not_be_made", "replay_added", "replay_again"]
