"""New spans with what a store has: their vectors, and what replay shows of groups."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from tracemine.schemas import Instance, Rejected, Replay, Signature
from tracemine.store import Policy, Store
from tracemine.transforms import live
from tracemine.transforms.cluster import clustered_vector
from tracemine.transforms.consolidate import FAILURES, REFUTED, Evidence, consolidate
from tracemine.transforms.embed import bucket_of, embed
from tracemine.transforms.replay import Matrix, Recall, ReplayLimits, replay_group
from tracemine.transforms.reverify import could_not_be_made
from tracemine.transforms.segment import Proposal, embedding_words
from tracemine.transforms.stage import REJECTED
from tracemine.transforms.unite import unite_variant
from tracemine.verifiers import Sandbox


def embedded(proposals: Iterable[Proposal], store: Store) -> list[Proposal]:
    """``proposals`` with their vectors, as `embed.Embed` gives them: bucket by bucket. Shapes that
    ``store`` has, and what it has in these words with a shape of the same bucket, have the vectors
    that they have there: encoded among other texts, they might differ in their last bits.

    Raises:
        StoreError: if a file of the store is damaged.
    """
    buckets: dict[int, list[Proposal]] = {}
    for proposal in proposals:
        buckets.setdefault(bucket_of(proposal.span.shape), []).append(proposal)
    every = [p.span for bucket in buckets.values() for p in bucket]
    known: dict[int, tuple[dict[str, bytes], dict[str, bytes]]] = {b: ({}, {}) for b in buckets}
    shapes = sorted({span.shape for span in every})
    for row in store.rows(
        "SELECT s.shape AS text, arg_min(c.shape, c.span_id) AS vector FROM spans AS s "
        "JOIN clustered AS c USING (span_id) WHERE s.shape IN (SELECT unnest(?)) GROUP BY 1",
        [shapes],
    ):
        known[bucket_of(row["text"])][1][row["text"]] = clustered_vector(row["vector"])
    for row in store.rows(
        "SELECT s.shape, s.subquestion, s.signature, arg_min(c.wording, c.span_id) AS vector "
        "FROM spans AS s JOIN clustered AS c USING (span_id) WHERE s.shape IN (SELECT unnest(?)) "
        "AND s.subquestion IN (SELECT unnest(?)) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        [shapes, sorted({span.subquestion for span in every})],
    ):
        words = embedding_words(row["subquestion"], Signature.from_json(row["signature"]))
        known[bucket_of(row["shape"])][0].setdefault(words, clustered_vector(row["vector"]))
    return [
        one
        for number, bucket in sorted(buckets.items())
        for _, one in embed(bucket, store.embedder, known=known[number])
    ]


@dataclass(frozen=True, slots=True)
class Shown:
    """What replay shows of all groups: the evidence of the variants of each procedure, that of what
    was refuted, by variant, the instances of all, the spans that left the line, and the variants
    and instances whose verdicts are from before."""

    evidence: tuple[tuple[Evidence, ...], ...]
    refuted: Mapping[str, Evidence]
    instances: tuple[Instance, ...]
    rejected: tuple[Rejected, ...]
    recalled: frozenset[tuple[str, str]]


def shown(
    groups: Iterable[Sequence[Proposal]],
    policy: Policy,
    sandbox: Sandbox,
    before: Mapping[str, Mapping[str, Replay]],
    recall: Recall | None = None,
) -> Shown:
    """Replay ``groups`` and unite what they show, as `replay`, `consolidate` and `unite` do; what
    ``recall`` gives is not replayed. Calls that cannot be made here leave the verdicts that were
    there ``before`` (by variant and instance) as they were.

    Raises:
        RuntimeError: if the sandbox has no worker to give; see `Sandbox.run_many`.
    """
    limits = ReplayLimits(own=policy.replay_own, others=policy.replay_others)
    parts: dict[str, list[tuple[str, Evidence]]] = {}
    rejected: list[Rejected] = []
    instances: dict[str, Instance] = {}
    listed = list(groups)

    def replayed_group(group: Sequence[Proposal]) -> Matrix:
        found = _as_far_as_made(replay_group(group, limits, sandbox, recall=recall), before)
        live.count("replay", f"of {len(listed)} groups")
        return found

    # While one group waits for the sandbox another is looked at.
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        matrices = threads.map(replayed_group, listed)
        replayed = list(zip(listed, matrices, strict=True))
    for group, matrix in replayed:
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
    refuted: dict[str, Evidence] = {}
    for variant, found in sorted(parts.items()):
        home, evidence = unite_variant(found)
        if evidence.members:
            homes.setdefault(home, []).append(evidence)
        else:
            refuted[variant] = evidence
    return Shown(
        tuple(tuple(found) for _, found in sorted(homes.items())),
        refuted,
        tuple(instances[i] for i in sorted(instances)),
        tuple(rejected),
        frozenset(pair for _, matrix in replayed for pair in matrix.recalled),
    )


def _as_far_as_made(matrix: Matrix, before: Mapping[str, Mapping[str, Replay]]) -> Matrix:
    replays: dict[str, tuple[Replay, ...]] = {}
    stays: set[tuple[str, str]] = set()
    for variant, verdicts in matrix.replays.items():
        known = before.get(variant, {})
        told = []
        for verdict in verdicts:
            was = known.get(verdict.instance_id)
            if (
                was is not None
                and was.verdict != "unsupported"
                and could_not_be_made(verdict)
                and not could_not_be_made(was)
            ):
                stays.add((variant, verdict.instance_id))
                verdict = was
            told.append(verdict)
        replays[variant] = tuple(told)
    if not stays:
        return matrix
    return replace(matrix, replays=replays, recalled=matrix.recalled | stays)


def fallen(evidence: Evidence, before: Mapping[str, Mapping[str, Replay]]) -> list[Replay]:
    """The calls of ``evidence`` that passed ``before`` (by variant and instance), were made in the
    same way now, and fail."""
    found = []
    for verdict in evidence.replays:
        known = before.get(verdict.variant_id, {}).get(verdict.instance_id)
        if (
            known is not None
            and known.verdict == "pass"
            and verdict.verdict in FAILURES
            and known.binding_map == verdict.binding_map
        ):
            found.append(verdict)
    return found


__all__ = ["Shown", "embedded", "fallen", "shown"]
