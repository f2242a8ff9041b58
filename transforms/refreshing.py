"""Stored and new spans together, from clustering on, with the centroids that the store has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tracemine.schemas import Instance, Rejected, Replay
from tracemine.store import Policy
from tracemine.store.cells import Cells, on_grid
from tracemine.transforms.candidates import candidate_groups, trained
from tracemine.transforms.cluster import compatibility_class
from tracemine.transforms.consolidate import FAILURES, REFUTED, Evidence, consolidate
from tracemine.transforms.duplicates import DUPLICATE, STAGE, identity
from tracemine.transforms.embed import bucket_of, embed
from tracemine.transforms.partition import BOUNDS, Bounds
from tracemine.transforms.replay import ReplayLimits, replay_group
from tracemine.transforms.segment import Proposal, reject_span
from tracemine.transforms.stage import REJECTED
from tracemine.transforms.unite import unite_variant
from tracemine.verifiers import Sandbox


@dataclass(frozen=True, slots=True)
class Grouped:
    """Candidate groups; of each span that is another's duplicate, the one that stays; and what the
    ledger says of them. ``cells`` are those of all classes that are cut into some."""

    groups: tuple[tuple[Proposal, ...], ...]
    kept_for: Mapping[str, str]
    rejected: tuple[Rejected, ...]
    cells: Mapping[str, Cells]


def embedded(proposals: Iterable[Proposal], embedder: Any) -> list[Proposal]:
    """``proposals`` with their vectors, as `embed.Embed` gives them: bucket by bucket."""
    buckets: dict[int, list[Proposal]] = {}
    for proposal in proposals:
        buckets.setdefault(bucket_of(proposal.span.shape), []).append(proposal)
    return [one for _, bucket in sorted(buckets.items()) for _, one in embed(bucket, embedder)]


def grouped(
    proposals: Iterable[Proposal], cells: Mapping[str, Cells], bounds: Bounds = BOUNDS
) -> Grouped:
    """The candidate groups of ``proposals``, which have their vectors, as `cluster.Cluster` gives
    them; classes that have ``cells`` are cut into these."""
    alike: dict[str, list[Proposal]] = {}
    for proposal in proposals:
        alike.setdefault(identity(proposal.span), []).append(proposal)
    kept_for: dict[str, str] = {}
    rejected: list[Rejected] = []
    classes: dict[str, list[Proposal]] = {}
    for found in alike.values():
        first, *others = sorted(found, key=_head)
        classes.setdefault(compatibility_class(first.span), []).append(first)
        for other in others:
            kept_for[other.span.id] = first.span.id
            stays = "kept {} of {} row {}".format(*_head(first))
            rejected.append(reject_span(STAGE, DUPLICATE, other, stays, "duplicate"))
    groups: list[tuple[Proposal, ...]] = []
    now_cut = dict(cells)
    for name, members in sorted(classes.items()):
        ordered = sorted(members, key=lambda p: p.span.id)
        ids = [p.span.id for p in ordered]
        vectors = np.stack([np.frombuffer(p.shape_vector, dtype=np.float32) for p in ordered])
        if len(ids) > bounds.rows and name not in now_cut:
            now_cut[name] = trained(ids, on_grid(vectors), bounds)
        for rows in candidate_groups(name, ids, vectors, bounds, now_cut.get(name)):
            groups.append(tuple(replace(ordered[row], shape_vector=b"") for row in rows))
    return Grouped(tuple(groups), kept_for, tuple(rejected), now_cut)


def _head(proposal: Proposal) -> tuple[str, str, str]:
    return proposal.span.id, proposal.source.dataset, str(proposal.source.row)


@dataclass(frozen=True, slots=True)
class Shown:
    """What replay shows of all groups: the evidence of the variants of each procedure, the verdicts
    on what was refuted, by variant, the instances of all, and the spans that left the line."""

    evidence: tuple[tuple[Evidence, ...], ...]
    refuted: Mapping[str, tuple[Replay, ...]]
    instances: tuple[Instance, ...]
    rejected: tuple[Rejected, ...]


def shown(groups: Iterable[Sequence[Proposal]], policy: Policy, sandbox: Sandbox) -> Shown:
    """Replay ``groups`` and unite what they show, as `replay`, `consolidate` and `unite` do.

    Raises:
        RuntimeError: if the sandbox has no worker to give; see `Sandbox.run_many`.
    """
    limits = ReplayLimits(own=policy.replay_own, others=policy.replay_others)
    parts: dict[str, list[tuple[str, Evidence]]] = {}
    rejected: list[Rejected] = []
    instances: dict[str, Instance] = {}
    for group in groups:
        matrix = replay_group(group, limits, sandbox)
        instances |= {i.id: i for p in group for i in p.span.instances}
        for output, record in consolidate(matrix, policy.min_replays):
            if output == REJECTED:
                rejected.append(record)
            elif output == REFUTED:
                parts.setdefault(record.variant_id, []).append((record.variant_id, record))
            else:
                for evidence in record.variants:
                    parts.setdefault(evidence.variant_id, []).append(
                        (record.procedure_id, evidence)
                    )
    homes: dict[str, list[Evidence]] = {}
    refuted: dict[str, tuple[Replay, ...]] = {}
    for variant, found in sorted(parts.items()):
        home, evidence = unite_variant(found)
        if evidence.members:
            homes.setdefault(home, []).append(evidence)
        else:
            refuted[variant] = evidence.replays
    return Shown(
        tuple(tuple(found) for _, found in sorted(homes.items())),
        refuted,
        tuple(instances[i] for i in sorted(instances)),
        tuple(rejected),
    )


def fallen(evidence: Evidence, before: Mapping[tuple[str, str], Replay]) -> list[Replay]:
    """The calls of ``evidence`` that passed ``before`` (by variant and instance), were made in the
    same way now, and fail."""
    found = []
    for verdict in evidence.replays:
        known = before.get((verdict.variant_id, verdict.instance_id))
        if (
            known is not None
            and known.verdict == "pass"
            and verdict.verdict in FAILURES
            and known.binding_map == verdict.binding_map
        ):
            found.append(verdict)
    return found


__all__ = ["Grouped", "Shown", "embedded", "fallen", "grouped", "shown"]
