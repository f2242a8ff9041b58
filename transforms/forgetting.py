"""Evidence without a source: what of an entry is left when trajectories are withdrawn."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from tracemine.schemas import Instance, Replay, Source, Span
from tracemine.transforms.consolidate import Evidence
from tracemine.transforms.methods import in_roles_of, make_method, method_of
from tracemine.transforms.reverify import replay_again
from tracemine.transforms.segment import Proposal
from tracemine.transforms.unite import unite_variant
from tracemine.verifiers import Sandbox

#: Gives the instances with these ids, their spans as far as they are kept, and the shingles of
#: their problems.
Look = Callable[
    [Collection[str]], tuple[Mapping[str, Instance], Mapping[str, Span], Mapping[str, bytes]]
]


def without(
    evidence: Evidence,
    gone: Collection[str],
    gone_instances: Collection[str],
    sources: Mapping[str, Source],
    look: Look,
    tokens: Callable[[str], int],
    sandbox: Sandbox,
) -> Evidence | None:
    """``evidence`` without the trajectories ``gone`` and their instances; None where no span is
    left. ``sources`` has what stands for a trajectory now, where that is another.

    Where the span that founded the variant is gone, another that holds the method founds it: its
    code is run on what is left, and its id is its own.

    Raises:
        RuntimeError: if the sandbox has no worker to give; see `Sandbox.run_many`.
    """
    members = tuple(
        _with_source(member, sources)
        for member in evidence.members
        if member.span.trajectory_id not in gone
    )
    if not members:
        return None
    replays = tuple(r for r in evidence.replays if r.instance_id not in gone_instances)
    witnesses = tuple(w for w in evidence.witnesses if w.instance_id not in gone_instances)
    founder = evidence.founder
    if founder.span.trajectory_id not in gone:
        left = replace(
            evidence,
            founder=_with_source(founder, sources),
            members=members,
            replays=replays,
            witnesses=witnesses,
        )
        return unite_variant([(left.variant_id, left)])[1]
    method = make_method(method_of(founder), sorted(members, key=lambda m: m.span.id))
    found = replace(method.founder, tokens=tokens(method.founder.span.subroutine))
    names = _names(founder.span, found.span)
    left = Evidence(
        variant_id=method.variant_id,
        founder=found,
        signature=method.signature,
        members=members,
        replays=tuple(
            _renamed(r, method.variant_id, names)
            for r in replays
            if r.instance_id != found.span.instances[0].id
        ),
        witnesses=(),
    )
    instances, spans, texts = look([r.instance_id for r in left.replays])
    again = replay_again(left, instances, spans, texts, sandbox).evidence
    return unite_variant([(again.variant_id, again)])[1]


def _with_source(proposal: Proposal, sources: Mapping[str, Source]) -> Proposal:
    source = sources.get(proposal.span.trajectory_id)
    return proposal if source is None else replace(proposal, source=source)


def _names(before: Span, now: Span) -> dict[str, str]:
    """The parameters of one span -> those of another of its method."""
    standing = in_roles_of(before, now).inputs
    return {old.name: new.name for old, new in zip(before.signature.inputs, standing, strict=True)}


def _renamed(verdict: Replay, variant_id: str, names: Mapping[str, str]) -> Replay:
    keys = json.loads(verdict.binding_map)
    bound = {names[name]: key for name, key in keys.items()}
    return replace(verdict, variant_id=variant_id, binding_map=json.dumps(bound, sort_keys=True))


def united(found: Iterable[Evidence]) -> list[Evidence]:
    """Each variant once: those that are one since another span founds them bring what both had."""
    by_variant: dict[str, list[Evidence]] = {}
    for evidence in found:
        by_variant.setdefault(evidence.variant_id, []).append(evidence)
    return [
        parts[0] if len(parts) == 1 else _one_of(identifier, parts)
        for identifier, parts in sorted(by_variant.items())
    ]


def _one_of(identifier: str, parts: Sequence[Evidence]) -> Evidence:
    one = unite_variant([(identifier, part) for part in parts])[1]
    once = {r.instance_id: r for r in reversed(one.replays)}
    return replace(one, replays=tuple(once[i] for i in sorted(once)))


__all__ = ["Look", "united", "without"]
