"""Entries that search served and of which no variant is left: what their spans hold fails on
instances that came since. They go into quarantine with what refutes them, so that their story ends
in the store and somebody may decide on them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tracemine.schemas import Event, Procedure, Replay
from tracemine.schemas.values import dump_json
from tracemine.store.lifecycle import Failure
from tracemine.store.lifecycle.rules import Change, events_of, named
from tracemine.transforms.consolidate import FAILURES, Evidence
from tracemine.transforms.methods import in_roles_of, method_of
from tracemine.transforms.restored import Stored
from tracemine.transforms.settling import Moment
from tracemine.transforms.unite import recounted

#: The rule by which they leave what is served.
REFUTED = "refuted"


@dataclass(frozen=True, slots=True)
class Refuted:
    """Such an entry as it is now, what is known of its variants, and the event, if it was not in
    quarantine before."""

    procedure: Procedure
    evidence: tuple[Evidence, ...]
    events: tuple[Event, ...]


def keep_refuted(
    entries: Iterable[Stored],
    refuted: Mapping[str, Evidence],
    before: Mapping[str, Mapping[str, Replay]],
    holders: Mapping[str, str],
    moment: Moment,
) -> list[Refuted]:
    """``entries`` in quarantine, with the verdicts that ``refuted`` their variants. Provenance that
    others hold now (``holders``, by span) goes, if any is left. What passed ``before`` (by variant
    and instance) is named first."""
    by_method = {method_of(one.founder): one for one in refuted.values()}
    found = []
    for stored in entries:
        evidence = tuple(
            _shown(one, refuted.get(one.variant_id) or by_method.get(method_of(one.founder)))
            for one in stored.evidence
        )
        failures = _failures(evidence, before)
        procedure = recounted(stored.procedure, evidence)
        left = tuple(p for p in procedure.provenance if p.span_id not in holders)
        told = {
            "variants": len(evidence), "failures": len(failures), "first": named(failures),
        }  # fmt: skip
        change = Change("quarantined", REFUTED, told)
        was = procedure.status
        events = events_of(procedure.procedure_id, was, [change], moment.as_of, moment.snapshot)
        found.append(
            Refuted(
                replace(procedure, status="quarantined", provenance=left or procedure.provenance),
                evidence,
                () if was == "quarantined" else events,
            )
        )
    return found


def _shown(before: Evidence, now: Evidence | None) -> Evidence:
    """What is known ``now`` of a variant, under the id and the names that it had ``before``: of its
    method another span may be the founder."""
    if now is None:
        return before
    ours, theirs = before.founder.span, now.founder.span
    names = {
        other.name: own.name
        for own, other in zip(ours.signature.inputs, in_roles_of(ours, theirs).inputs, strict=True)
    }

    def renamed(binding_map: str) -> str:
        told = json.loads(binding_map)
        return dump_json({names.get(name, name): key for name, key in told.items()})

    replays = tuple(
        replace(r, variant_id=before.variant_id, binding_map=renamed(r.binding_map))
        for r in now.replays
    )
    return replace(before, replays=replays, witnesses=now.witnesses)


def _failures(
    evidence: Sequence[Evidence], before: Mapping[str, Mapping[str, Replay]]
) -> list[Failure]:
    found = []
    for one in evidence:
        for r in one.replays:
            if r.verdict in FAILURES:
                was = before.get(one.variant_id, {}).get(r.instance_id)
                fell = was is not None and was.verdict == "pass"
                found.append((not fell, Failure(r.variant_id, r.instance_id, r.verdict, r.reason)))
    return [failure for _, failure in sorted(found, key=lambda f: (f[0], f[1].instance_id))]


def falls_told(refuted: Iterable[Refuted]) -> Counter[str]:
    """How often entries of each status fell, as summaries say it."""
    return Counter(
        f"{event.from_status} -> {event.to_status} ({event.rule})"
        for one in refuted
        for event in one.events
    )


__all__ = ["REFUTED", "Refuted", "falls_told", "keep_refuted"]
