"""Near-duplicates that behave alike become one entry: the union of their variants.

Words propose (entries of one class whose vectors are near), replays decide: each variant of one is
run on held-out instances of the other, by the rules of a group. What differs in words alone is one
variant; other methods stay variants, if each two passed on enough of each other's instances, and
failed on none. Where that cannot be shown, both stay as they are.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from tracemine.schemas import Procedure, Replay
from tracemine.store import Policy
from tracemine.store.embedder import Vectors
from tracemine.transforms.cluster import class_of
from tracemine.transforms.consolidate import FAILURES, Evidence, decided_between
from tracemine.transforms.methods import in_roles_of, method_of
from tracemine.transforms.replay import ReplayLimits, replay_group, unknown
from tracemine.transforms.restored import Stored
from tracemine.transforms.segment import Proposal
from tracemine.transforms.unite import finish, unite_variant
from tracemine.verifiers import Sandbox

#: Rows of vectors that are compared with all others at once.
BLOCK = 1024
#: What rounding may take of the cosine of a vector with itself: less than another on the grid has.
ROUNDING = 1e-12
#: The nearest entries that one is tried with.
MOST_NEAR = 16


def near_pairs(
    entries: Mapping[str, Procedure], ids: Sequence[str], vectors: Vectors, distance: float
) -> list[tuple[str, str]]:
    """Pairs of ``entries`` of one class whose vectors are within ``distance`` (1 less the cosine),
    the nearest first, each with at most `MOST_NEAR` others. ``vectors`` (n, d) are in the order of
    ``ids``."""
    rows = {identifier: row for row, identifier in enumerate(ids)}
    classes: dict[str, list[str]] = {}
    for identifier, entry in sorted(entries.items()):
        if identifier in rows:
            name = class_of(entry.domain, entry.signature, entry.verifier)
            classes.setdefault(name, []).append(identifier)
    found: set[tuple[float, str, str]] = set()
    for members in classes.values():
        own = vectors[[rows[i] for i in members]].astype(np.float32)
        # Of vectors on the grid products are exact, whose own lengths are not quite one.
        lengths = np.sqrt(np.einsum("ij,ij->i", own, own, dtype=np.float64))
        for start in range(0, len(members), BLOCK):
            products = (own[start : start + BLOCK] @ own.T).astype(np.float64)
            products /= np.outer(lengths[start : start + BLOCK], lengths)
            for row, near in enumerate(products, start):
                near[row] = -np.inf
                (places,) = np.nonzero(near >= 1.0 - distance - ROUNDING)
                best = sorted((-float(near[place]), place) for place in places.tolist())
                for _, place in best[:MOST_NEAR]:
                    one, other = sorted((members[row], members[place]))
                    found.add((round(1.0 - float(near[place]), 6), one, other))
    return [(one, other) for _, one, other in sorted(found)]


def merged(
    one: Stored, other: Stored, policy: Policy, as_of: str, sandbox: Sandbox
) -> tuple[list[Evidence], dict[str, str]] | None:
    """The evidence of the variants of both as one entry, and, of variants that are others in words
    alone, the ones that stand for them; None where they do not behave alike, or where that is not
    shown.

    Raises:
        RuntimeError: if the sandbox has no worker to give; see `Sandbox.run_many`.
    """
    every = [*one.evidence, *other.evidence]
    if not all(evidence.founder.span.code for evidence in every):
        return None
    members = [member for evidence in every for member in evidence.members]
    limits = ReplayLimits(own=policy.replay_own, others=policy.replay_others)
    matrix = replay_group(members, limits, sandbox)
    by_method: dict[str, list[Evidence]] = {}
    for evidence in every:
        by_method.setdefault(method_of(evidence.founder), []).append(evidence)
    found: list[Evidence] = []
    heirs: dict[str, str] = {}
    for method in matrix.methods:
        parts = by_method.get(method.key, [])
        kept = next((e for e in parts if e.founder.span.id == method.founder.span.id), None)
        shown = matrix.replays[method.variant_id]
        if kept is None or any(v.verdict in FAILURES for v in shown):
            return None
        verdicts = tuple(replace(v, variant_id=kept.variant_id) for v in shown)
        new = tuple(unknown(verdicts, kept.replays, matrix.witnesses))
        passed = (matrix.witnesses[v.instance_id] for v in new if v.verdict == "pass")
        whole = replace(
            kept,
            replays=(*kept.replays, *new),
            witnesses=(*kept.witnesses, *passed),
            members=tuple(sorted(_members(parts), key=lambda m: m.span.id)),
        )
        whole = _with_attempts(whole, [e for e in parts if e is not kept])
        found.append(unite_variant([(whole.variant_id, whole)])[1])
        absorbed = [e for e in parts if e is not kept]
        heirs |= {e.variant_id: kept.variant_id for e in absorbed}
        if absorbed and not _shown(verdicts, absorbed, policy.merge_passes):
            return None
    if not _agree(found, one, other, heirs, policy.merge_passes):
        return None
    return (found, heirs) if len(finish(found, policy, as_of)) == 1 else None


def _members(parts: Iterable[Evidence]) -> Iterator[Proposal]:
    seen = set()
    for part in parts:
        for member in part.members:
            if member.span.id not in seen:
                seen.add(member.span.id)
                yield member


def _with_attempts(whole: Evidence, absorbed: Sequence[Evidence]) -> Evidence:
    """``whole`` with the failures of what is the same in other words: the share in which words were
    right must not rise by them. What passed counts only where it was run."""
    known = {r.instance_id for r in whole.replays}
    more: list[Replay] = []
    for evidence in absorbed:
        own, theirs = whole.founder.span, evidence.founder.span
        standing = in_roles_of(own, theirs).inputs
        names = {t.name: o.name for o, t in zip(own.signature.inputs, standing, strict=True)}
        for verdict in evidence.replays:
            if verdict.instance_id in known or verdict.verdict not in FAILURES:
                continue
            known.add(verdict.instance_id)
            keys = json.loads(verdict.binding_map)
            bound = json.dumps({names[n]: key for n, key in keys.items()}, sort_keys=True)
            more.append(replace(verdict, variant_id=whole.variant_id, binding_map=bound))
    return replace(
        whole, replays=tuple(sorted([*whole.replays, *more], key=lambda r: r.instance_id))
    )


def _shown(verdicts: Iterable[Replay], absorbed: Sequence[Evidence], least: int) -> bool:
    """Whether a variant passed on enough instances of the spans that others had."""
    theirs = {i.id for e in absorbed for member in e.members for i in member.span.instances}
    return sum(v.verdict == "pass" and v.instance_id in theirs for v in verdicts) >= least


def _agree(
    found: Sequence[Evidence], one: Stored, other: Stored, heirs: Collection[str], least: int
) -> bool:
    """Whether each two variants of the two entries that are no one variant passed on enough of each
    other's instances, and failed on none."""
    homes = [{v.variant_id for v in entry.procedure.variants} for entry in (one, other)]
    decided = decided_between(found)
    for first in found:
        for second in found:
            apart = first.variant_id in homes[0] and second.variant_id in homes[1]
            if not apart or first.variant_id == second.variant_id:
                continue
            between = decided.get(frozenset((first.variant_id, second.variant_id)), [])
            if len(between) < least or any(v.verdict != "pass" for v in between):
                return False
    # One variant in both, in other words or in the same, is enough to join them.
    return bool(heirs) or len(found) > 1


__all__ = ["MOST_NEAR", "merged", "near_pairs"]
