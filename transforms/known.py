"""Between embed and cluster: spans that another store knows already.

A new span whose words are near those of a stored entry is run by that entry's variants. Words only
propose, replays decide: where the code is the same but for names, places tell which value goes
where, and the variant must give the result of every instance of the span. Where the code is
another, new spans of one method near one entry are a family, judged as in a group: an instance that
chose how roles are aligned does not count, a failure on one of them speaks for all, and a pass
stands only if both codes also agree nearby (`verifiers.coincidence`).

A span that an entry covers which search serves is *known*, and makes no group of its own. One that
only a candidate covers (or an entry in quarantine, or expired) is named, and goes on: nobody has
verified yet what it would be left out for.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import apache_beam as beam
import numpy as np

from tracemine.schemas import Instance, Rejected, Replay, Span, content_id
from tracemine.schemas.arrow import Row
from tracemine.schemas.records import Status
from tracemine.schemas.values import dump_json
from tracemine.store.cells import on_grid
from tracemine.store.reader import SERVED
from tracemine.transforms.cluster import compatibility_class
from tracemine.transforms.consolidate import FAILURES
from tracemine.transforms.kept import NOT_KEPT, InShards, Kept, grouped, run_kept
from tracemine.transforms.methods import variant_id
from tracemine.transforms.partition import BOUNDS, id_hash
from tracemine.transforms.segment import Proposal, reject_span
from tracemine.transforms.stage import Out, run_stage
from tracemine.transforms.stored import (
    Near,
    Pinned,
    Stored,
    StoredEntries,
    code_key,
    shared_stored,
)
from tracemine.verifiers import Sandbox, shared_sandbox
from tracemine.verifiers.coincidence import Meeting, difference_nearby
from tracemine.verifiers.replay import CHOSE, Case, Routine, replay

STAGE = "known"
KNOWN = "known"
WAITING = "waiting"
#: The reason in the ledger.
KNOWN_ELSEWHERE = "known to another store"

#: How far from a span an entry may be: 1 less the cosine of what both say. Of the spans that are
#: nearer to an entry of their method, three in four are in one entry with it where both are mined
#: at once; of those that are farther, two in five and ever fewer (`benchmarks/known.py`).
MAX_DISTANCE = 0.3
#: Entries that are tried on a span: the nearest with its method, and the nearest whatever they do,
#: of those that search serves, and of the others. Four times as many find a tenth more of the spans
#: whose code is another, which are one in a hundred.
MAX_ENTRIES = 16
#: New spans of one method that are judged together: more are cut by hash of their ids.
FAMILY_ROWS = BOUNDS.rows


@dataclass(frozen=True, slots=True)
class Known:
    """A new span that a variant of a stored entry covers, which is ``distance`` from it (0 where
    the vectors are equal, which may be a little longer than one). ``same_method``: their code is
    the same but for names. ``replays`` are the variant's verdicts on the span's checked instances:
    those that pass are evidence for the entry where they are held out from the span that founds the
    variant, which nobody has looked at here."""

    proposal: Proposal
    procedure_id: str
    status: Status
    variant_id: str
    distance: float
    same_method: bool
    replays: tuple[Replay, ...]


@dataclass(frozen=True, slots=True)
class Met:
    """A new span and the entries near it, nearest first: those with its own method and others, of
    those that search serves (``served``) and of the rest (``waiting``)."""

    proposal: Proposal
    served_alike: tuple[Near, ...] = ()
    served: tuple[Near, ...] = ()
    waiting_alike: tuple[Near, ...] = ()
    waiting: tuple[Near, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.served_alike or self.served or self.waiting_alike or self.waiting)


class FindKnown(beam.PTransform):
    """Proposal (with its vector) -> Proposal that the store does not know. Outputs: ``new``;
    ``known`` (Known), whose spans are not in ``new``; ``waiting`` (Known, of an entry that search
    does not serve), whose spans are.

    Each worker opens the store once (`stored`). Gathers new spans of one class and method, at most
    about `FAMILY_ROWS`.
    """

    def __init__(
        self, store: Pinned, kept: Kept = NOT_KEPT, *, require_isolation: bool = False
    ) -> None:
        super().__init__()
        self.kept = kept
        self.store = store
        self.require_isolation = require_isolation

    def expand(self, proposals: beam.PCollection) -> dict[str, beam.PCollection]:
        kept = self.kept
        looked = (
            proposals
            | "Batch" >> beam.BatchElements(min_batch_size=64, max_batch_size=1024)
            | "Nearest"
            >> run_stage(STAGE, _look, main="met", tags=["far"], setup=self._open_entries)
        )
        keyed = looked.met | "Key by method" >> beam.Map(lambda met: (_family(met), met))
        crowded = (
            keyed
            | "Families" >> beam.Keys()
            | "Count families" >> beam.combiners.Count.PerElement()
            | "Crowded" >> beam.Filter(lambda found: found[1] > FAMILY_ROWS)
        )
        judged = (
            keyed
            | "By part" >> beam.Map(_by_part, beam.pvalue.AsDict(crowded))
            | "Shards" >> InShards(kept, lambda keyed: keyed[0][0])
            | "Judge"
            >> run_kept(
                STAGE,
                _judge_shard,
                kept=kept,
                main="new",
                tags=[KNOWN, WAITING],
                setup=self._open_both,
                also=(self.store,),
            )
        )
        return {
            "new": (looked.far, judged.new) | "All new" >> beam.Flatten(),
            KNOWN: judged[KNOWN],
            WAITING: judged[WAITING],
        }

    def _open_entries(self) -> StoredEntries:
        return shared_stored(self.store)

    def _open_both(self) -> tuple[StoredEntries, Sandbox]:
        sandbox = shared_sandbox(require_isolation=self.require_isolation)
        return shared_stored(self.store), sandbox


def _look(batch: Sequence[Proposal], entries: StoredEntries) -> Iterator[Out]:
    for met in look(batch, entries):
        yield ("met", met) if met else ("far", met.proposal)


def look(
    proposals: Iterable[Proposal],
    entries: StoredEntries,
    *,
    distance: float = MAX_DISTANCE,
    count: int = MAX_ENTRIES,
) -> Iterator[Met]:
    """The entries near each of ``proposals``, within ``distance``: the ``count`` nearest that have
    its method, and the ``count`` nearest whatever they do."""
    by_class: dict[str, list[Proposal]] = {}
    for proposal in proposals:
        by_class.setdefault(compatibility_class(proposal.span), []).append(proposal)
    for name, members in by_class.items():
        grid = np.stack([on_grid(np.frombuffer(p.vector, dtype=np.float32)) for p in members])
        methods = [_method(p.span) for p in members]
        alike = partial(
            entries.near_with_method, name, grid, methods, count=count, distance=distance
        )
        near = partial(entries.near, name, grid, count=count, distance=distance)
        found = (
            alike(served=True), near(served=True), alike(served=False), near(served=False),
        )  # fmt: skip
        for proposal, *lists in zip(members, *found, strict=True):
            yield Met(proposal, *lists)


def _family(met: Met) -> str:
    span = met.proposal.span
    return content_id("family", compatibility_class(span), _method(span))


def _method(span: Span) -> str:
    return code_key(span.code or "", span.entry_point or "")


def _by_part(keyed: tuple[str, Met], crowded: Mapping[str, int]) -> tuple[tuple[str, int], Met]:
    family, met = keyed
    parts = -(-crowded.get(family, 1) // FAMILY_ROWS)
    return (family, id_hash(met.proposal.span.id) % parts), met


def _judge_shard(
    keyed: tuple[int, Iterable[tuple[tuple[str, int], Met]]],
    opened: tuple[StoredEntries, Sandbox],
) -> Iterator[Out]:
    for family in grouped(keyed[1]):
        yield from _judge(family, opened)


def _judge(family: Iterable[Met], opened: tuple[StoredEntries, Sandbox]) -> Iterator[Out]:
    for proposal, known in judge(family, *opened):
        if known is None or known.status not in SERVED:
            yield "new", proposal
        if known is not None:
            yield KNOWN if known.status in SERVED else WAITING, known


def judge(
    family: Iterable[Met], entries: StoredEntries, sandbox: Sandbox
) -> Iterator[tuple[Proposal, Known | None]]:
    """Each span of a family (one method), in order of id, with the entry that covers it: one that
    search serves before any other, then one with its own method, then the nearest.

    Raises:
        RuntimeError: if the sandbox has no worker to give; see `Sandbox.run_many`.
    """
    members = sorted(family, key=lambda met: met.proposal.span.id)
    found: dict[str, Known] = {}
    tiers = (
        ({m.proposal.span.id: m.served_alike for m in members}, True),
        ({m.proposal.span.id: m.served for m in members}, False),
        ({m.proposal.span.id: m.waiting_alike for m in members}, True),
        ({m.proposal.span.id: m.waiting for m in members}, False),
    )
    for near, same_method in tiers:
        left = [m.proposal for m in members if m.proposal.span.id not in found]
        covered = _alike if same_method else _covered
        found |= covered(left, near, entries, sandbox)
    for met in members:
        yield met.proposal, found.get(met.proposal.span.id)


def _alike(
    members: Sequence[Proposal],
    near: Mapping[str, tuple[Near, ...]],
    entries: StoredEntries,
    sandbox: Sandbox,
) -> dict[str, Known]:
    """By span id the nearest entry with the span's own method that gives what the span gives."""
    found: dict[str, Known] = {}
    for rank in range(max((len(near[m.span.id]) for m in members), default=0)):
        by_entry: dict[str, list[Proposal]] = {}
        for member in members:
            ranked = near[member.span.id]
            if member.span.id not in found and rank < len(ranked):
                by_entry.setdefault(ranked[rank].procedure_id, []).append(member)
        for identifier, asking in sorted(by_entry.items()):
            entry = entries.entry(identifier)
            for routine in _routines_of(_method(asking[0].span), entry):
                passed = _reproduced(routine, asking, sandbox)
                for member in asking:
                    if member.span.id in passed and member.span.id not in found:
                        distance = max(0.0, near[member.span.id][rank].distance)
                        found[member.span.id] = Known(
                            member, identifier, entry.status, routine.variant_id, distance, True,
                            passed[member.span.id],
                        )  # fmt: skip
    return found


def _routines_of(method: str, entry: Stored) -> list[Routine]:
    return [r for r in entry.routines if code_key(r.code, r.entry_point) == method]


def _reproduced(
    routine: Routine, members: Sequence[Proposal], sandbox: Sandbox
) -> dict[str, tuple[Replay, ...]]:
    """By span id the verdicts on its checked instances, of those of ``members`` all of whose
    instances the routine reproduces, checked or not; their code is its own but for names."""
    cases = {
        i.id: Case(i, m.span.signature.inputs, routine.variant_id, own_roles=True)
        for m in members
        for i in m.span.instances
    }
    verdicts = {r.instance_id: r for r in replay(routine, list(cases.values()), sandbox)}
    return {
        m.span.id: _verdicts(m, verdicts)
        for m in members
        if all(i.id in verdicts and verdicts[i.id].verdict == "pass" for i in m.span.instances)
    }


def _covered(
    members: Sequence[Proposal],
    near: Mapping[str, tuple[Near, ...]],
    entries: StoredEntries,
    sandbox: Sandbox,
) -> dict[str, Known]:
    """By span id the nearest entry of another method that covers the span."""
    by_entry: dict[str, list[Proposal]] = {}
    for member in members:
        for one in near[member.span.id]:
            by_entry.setdefault(one.procedure_id, []).append(member)
    covering: dict[tuple[str, str], tuple[Stored, Routine, tuple[Replay, ...]]] = {}
    for identifier, asking in sorted(by_entry.items()):
        entry = entries.entry(identifier)
        for routine in entry.routines:
            for span_id, verdicts in _agreed(routine, asking, sandbox).items():
                covering.setdefault((span_id, identifier), (entry, routine, verdicts))
    found = {}
    for member in members:
        for one in near[member.span.id]:
            if (member.span.id, one.procedure_id) in covering:
                entry, routine, verdicts = covering[member.span.id, one.procedure_id]
                found[member.span.id] = Known(
                    member, entry.procedure_id, entry.status, routine.variant_id,
                    max(0.0, one.distance), False, verdicts,
                )  # fmt: skip
                break
    return found


def _agreed(
    routine: Routine, members: Sequence[Proposal], sandbox: Sandbox
) -> dict[str, tuple[Replay, ...]]:
    """By span id the verdicts on its checked instances, of those of ``members`` (one method) that
    the routine covers. None, where it fails on one of them: then the two methods differ, and where
    they agree they merely meet."""
    method = _method(members[0].span)
    cases = [
        Case(i, m.span.signature.inputs, method)
        for m in members
        for i in m.span.instances
        if i.checked
    ]
    verdicts = {r.instance_id: r for r in replay(routine, cases, sandbox)}
    if any(r.verdict in FAILURES for r in verdicts.values()):
        return {}
    if not any(r.verdict == "pass" for r in verdicts.values()):
        return {}
    passed = {m.span.id: m for m in members if _all_pass(m.span, verdicts)}
    meetings = [
        (m.span.id, _meeting(routine, m.span, i, verdicts[i.id]))
        for m in passed.values()
        for i in m.span.instances
        if i.checked
    ]
    apart = difference_nearby([meeting for _, meeting in meetings], sandbox)
    differ = {span_id for (span_id, _), reason in zip(meetings, apart, strict=True) if reason}
    return {i: _verdicts(m, verdicts) for i, m in passed.items() if i not in differ}


def _all_pass(span: Span, verdicts: Mapping[str, Replay]) -> bool:
    """Whether there is a checked instance, and each passes or chose the alignment by which those of
    other spans pass."""
    checked = [i.id for i in span.instances if i.checked]
    return bool(checked) and all(
        i in verdicts and (verdicts[i].verdict == "pass" or verdicts[i].reason == CHOSE)
        for i in checked
    )


def _meeting(routine: Routine, span: Span, instance: Instance, verdict: Replay) -> Meeting:
    own = Routine(
        variant_id(span), span.code or "", span.entry_point or "", span.signature, span.predicates,
        span.verifier,
    )  # fmt: skip
    return Meeting(routine, json.loads(verdict.binding_map), own, instance)


def _verdicts(member: Proposal, verdicts: Mapping[str, Replay]) -> tuple[Replay, ...]:
    checked = sorted(i.id for i in member.span.instances if i.checked)
    return tuple(verdicts[i] for i in checked)


def left_out(known: Known) -> Rejected:
    """The ledger's entry of a span that makes no group of its own."""
    how = "its very code" if known.same_method else "other code that does the same"
    detail = f"entry {known.procedure_id} at distance {known.distance:.3f} has {how}"
    rejected = reject_span(STAGE, KNOWN_ELSEWHERE, known.proposal, detail, "duplicate")
    entry = {
        "procedure_id": known.procedure_id,
        "variant_id": known.variant_id,
        "distance": known.distance,
        "same_method": known.same_method,
    }
    return dataclasses.replace(
        rejected, record=dump_json(json.loads(rejected.record) | {"known": entry})
    )


def known_row(known: Known) -> Row:
    """The row of the table ``known``: what covers a span of another store's, and whether the span
    was left out for it."""
    return {
        "span_id": known.proposal.span.id,
        "procedure_id": known.procedure_id,
        "variant_id": known.variant_id,
        "status": known.status,
        "distance": known.distance,
        "same_method": known.same_method,
        "left_out": known.status in SERVED,
    }


__all__ = [
    "KNOWN",
    "KNOWN_ELSEWHERE",
    "MAX_DISTANCE",
    "MAX_ENTRIES",
    "WAITING",
    "FindKnown",
    "Known",
    "Met",
    "judge",
    "known_row",
    "left_out",
    "look",
]
