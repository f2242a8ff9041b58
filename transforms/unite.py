"""Stage 10, second half: entries of all groups that have one id become one procedure.

Variants that one id brings together from several groups stay together only if they agree: in the
store, each two variants of an entry passed on each other's instances.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam
import numpy as np

from tracemine.schemas import Event, Library, Procedure, Provenance, Replay, Span, Token, Variant
from tracemine.schemas.records import Status
from tracemine.schemas.shingles import near_duplicate_classes
from tracemine.store import Policy
from tracemine.store.cells import off_grid, packed, unpacked
from tracemine.store.embedder import Vectors, to_grid
from tracemine.store.lifecycle.rules import Standing, changes_of, events_of
from tracemine.store.ranking import tokens_of
from tracemine.teachers.rules.derived.libraries import imported_by, version_of
from tracemine.transforms.consolidate import (
    Entry,
    Evidence,
    behaviour_classes,
    decided_between,
    what_passes_show,
)
from tracemine.transforms.embed import LoadEmbedder
from tracemine.transforms.held_out import values_of
from tracemine.transforms.kept import NOT_KEPT, InShards, Kept, grouped, run_kept
from tracemine.transforms.methods import code_size, in_roles_of, widened
from tracemine.transforms.preconditions import Needs, united
from tracemine.transforms.segment import Proposal
from tracemine.verifiers.verdict import is_judged

#: The reason of a pass of one group that the founder of the united variant makes worthless.
NOT_HELD_OUT = "not held out from the span that founds the variant, so it does not count"


@dataclass(frozen=True, slots=True)
class Finished:
    """An entry as it is written: the record, its vector, the spans it rests on, its replays, its
    events; and what its status follows from."""

    procedure: Procedure
    vector: bytes
    spans: tuple[Span, ...]
    replays: tuple[Replay, ...]
    events: tuple[Event, ...]
    standing: Standing


class Unite(beam.PTransform):
    """Entry, and evidence of refuted variants -> Finished. A variant that several groups found is
    one, with the verdicts of all of them, and lives in one procedure: the least of those that it
    was put in. Outputs: ``finished``, ``refuted`` (the replays of variants that are in none)."""

    def __init__(
        self,
        policy: Policy,
        as_of: str,
        load: LoadEmbedder,
        kept: Kept = NOT_KEPT,
    ) -> None:
        super().__init__()
        self.kept = kept
        self.policy = policy
        self.as_of = as_of
        self.load = load

    def expand(
        self, consolidated: tuple[beam.PCollection, beam.PCollection]
    ) -> tuple[beam.PCollection, beam.PCollection]:
        policy, as_of, kept = self.policy, self.as_of, self.kept
        entries, refuted = consolidated
        united = (
            (
                entries | "Key by variant" >> beam.FlatMap(_by_variant),
                refuted | "Key refuted" >> beam.Map(lambda e: (e.variant_id, (e.variant_id, e))),
            )
            | "With refuted" >> beam.Flatten()
            | "Gather variants" >> beam.GroupByKey()
            | "Unite variants" >> beam.Map(lambda keyed: unite_variant(keyed[1]))
        )
        outputs = (
            united
            | "In an entry" >> beam.Filter(lambda keyed: keyed[1].members)
            | "Shards" >> InShards(kept, lambda keyed: keyed[0])
            | "Finish"
            >> run_kept(
                "unite",
                lambda keyed, embedder: [
                    ("finished", place(done, lambda: embedder))
                    for found in grouped(keyed[1])
                    for done in finish(found, policy, as_of)
                ],
                kept=kept,
                main="finished",
                setup=self.load,
                also=(policy, as_of),
            )
        )
        alone = united | "In no entry" >> beam.FlatMap(
            lambda keyed: () if keyed[1].members else keyed[1].replays
        )
        return outputs.finished, alone


def _by_variant(entry: Entry) -> Iterator[tuple[str, tuple[str, Evidence]]]:
    for evidence in entry.variants:
        yield evidence.variant_id, (entry.procedure_id, evidence)


def unite_variant(found: Iterable[tuple[str, Evidence]]) -> tuple[str, Evidence]:
    """One variant from what several groups found of it, keyed by the procedure it lives in.

    Each group judged what is held out against a founder of its own. The founder with the most
    passes stays; a pass that is not held out from it decides nothing; every other verdict stays.
    """
    parts = sorted(found, key=lambda part: (part[0], part[1].founder.span.id))
    living = [part for part in parts if part[1].members] or parts
    lead = min(
        (evidence for _, evidence in living),
        key=lambda e: (-len(what_passes_show(e.witnesses)), e.founder.span.id),
    )
    members = dict(sorted((m.span.id, m) for _, part in parts for m in part.members))
    signatures = [in_roles_of(lead.founder.span, m.span) for m in members.values()]
    every = dataclasses.replace(
        lead,
        signature=widened(lead.signature, signatures) if signatures else lead.signature,
        members=tuple(members.values()),
        replays=tuple(
            sorted((r for _, part in parts for r in part.replays), key=lambda r: r.instance_id)
        ),
        witnesses=tuple(
            sorted((w for _, part in parts for w in part.witnesses), key=lambda w: w.instance_id)
        ),
    )
    return min(home for home, _ in living), _judged_against_founder(every)


def _judged_against_founder(evidence: Evidence) -> Evidence:
    """``evidence`` with near-duplicate problems told over all of it, and without the passes that
    are not held out from its founder."""
    founder, shingles = evidence.founder.span, evidence.founder.shingles
    texts = {w.problem_id: w.shingles for w in evidence.witnesses}
    problems = near_duplicate_classes({**texts, founder.problem_id: shingles})
    own_values = values_of(founder.instances[0].bindings)
    held_out = {
        w.instance_id: dataclasses.replace(w, problem=problems[w.problem_id])
        for w in evidence.witnesses
        if w.values != own_values
        and (w.origin == "test" or problems[w.problem_id] != problems[founder.problem_id])
    }

    def judged(verdict: Replay) -> Replay:
        if verdict.verdict != "pass" or verdict.instance_id in held_out:
            return verdict
        return dataclasses.replace(verdict, verdict="unsupported", reason=NOT_HELD_OUT)

    return dataclasses.replace(
        evidence,
        replays=tuple(map(judged, evidence.replays)),
        witnesses=tuple(held_out.values()),
    )


def finish(
    evidence: Iterable[Evidence], policy: Policy, as_of: str, snapshot: str = ""
) -> list[Finished]:
    """The procedures of all variants that were put in one, as of a time (ISO 8601 text), in a
    snapshot of that number: of those that enter, each class that agrees is one, and what does not
    enter waits by itself."""
    variants = list(evidence)
    entered = [v for v in variants if len(what_passes_show(v.witnesses)) >= policy.min_replays]
    ids = {v.variant_id for v in entered}
    waiting = [[v] for v in variants if v.variant_id not in ids]
    classes = [(members, True) for members in behaviour_classes(entered)]
    classes += [(members, False) for members in waiting]
    return [
        _finished(_cleanest_first(members), served, policy, as_of, snapshot)
        for members, served in sorted(classes, key=lambda found: found[0][0].variant_id)
    ]


def _finished(
    shown: Sequence[Evidence], entered: bool, policy: Policy, as_of: str, snapshot: str = ""
) -> Finished:
    """The procedure of variants, cleanest first, that agree."""
    procedure_id = min(v.variant_id for v in shown)
    spoken_for = dict(sorted((m.span.id, (m, v)) for v in shown for m in v.members))
    members = [member for member, _ in spoken_for.values()]
    records = [_variant_record(v) for v in shown]
    needs = _needs(shown)
    first, lead = shown[0], shown[0].founder.span
    problems, judged = _distinct_problems(shown)
    rate = records[0].passes / records[0].attempts if records[0].attempts else 0.0
    passed = len(what_passes_show(first.witnesses))
    standing = Standing(lead.domain, entered, passed, problems, judged, rate)
    changes = changes_of("", standing, policy, as_of)
    status, events = changes[-1].to, events_of(procedure_id, "", changes, as_of, snapshot)
    sources = {member.source.dataset for member in members}
    procedure = Procedure(
        procedure_id=procedure_id,
        subquestion=lead.subquestion,
        summary=lead.summary,
        status=status,
        domain=lead.domain,
        signature=first.signature,
        preconditions=needs.preconditions,
        predicates=needs.predicates,
        failure_modes=needs.failure_modes,
        verifier=lead.verifier,
        teacher=lead.teacher,
        variants=tuple(records),
        provenance=tuple(_provenance(m, v) for m, v in spoken_for.values()),
        success_rate=rate,
        distinct_problems=problems,
        last_verified=as_of if entered else None,
        expires_at=policy.expires_at(lead.domain, as_of, sources) if entered else None,
        evidence=_tokens(member.span for member in members),
        libraries=libraries_in(variant.code for variant in records),
    )
    return Finished(
        procedure=procedure,
        vector=centre(members),
        spans=tuple(member.span for member in members),
        replays=tuple(replay for v in shown for replay in v.replays),
        events=events,
        standing=standing,
    )


def recounted(procedure: Procedure, shown: Sequence[Evidence]) -> Procedure:
    """``procedure`` with what its variants, of which ``shown`` is the evidence, pass now."""
    by_variant = {evidence.variant_id: evidence for evidence in shown}
    ordered = [by_variant[variant.variant_id] for variant in procedure.variants]
    counted = [_variant_record(evidence) for evidence in ordered]
    first = counted[0]
    return dataclasses.replace(
        procedure,
        variants=tuple(
            dataclasses.replace(variant, passes=now.passes, attempts=now.attempts)
            for variant, now in zip(procedure.variants, counted, strict=True)
        ),
        success_rate=first.passes / first.attempts if first.attempts else 0.0,
        distinct_problems=_distinct_problems(ordered)[0],
    )


def libraries_in(codes: Iterable[str]) -> tuple[Library, ...]:
    """The libraries that routines import, in the versions that are installed here, which is what
    the sandbox runs them with."""
    names = {name for code in codes for name in imported_by(code)}
    return tuple(Library(name, version_of(name)) for name in sorted(names))


def _tokens(spans: Iterable[Span]) -> tuple[Token, ...]:
    said = Counter(token for s in spans for token in tokens_of(s.keys, s.asked))
    return tuple(Token(token, said[token]) for token in sorted(said))


def place(finished: Finished, load: LoadEmbedder) -> Finished:
    """An entry that search serves is found by how it works, too: its vector moves to the middle
    between its wordings and its summary. Candidates keep theirs. ``load`` gives the embedder, and
    is asked for it if the procedure does not bring its summary's vector."""
    procedure = finished.procedure
    if procedure.status == "candidate":
        return dataclasses.replace(
            finished, procedure=dataclasses.replace(procedure, summary_vector=b"")
        )
    kept = procedure.summary_vector
    if not kept:
        # One text at a time: in a batch, its neighbours would move its last bits.
        (encoded,) = load().encode([procedure.summary.replace("_", " ")])
        kept = packed(encoded)
    summary = off_grid(unpacked(kept))
    wordings = np.frombuffer(finished.vector, dtype=np.float32)
    return dataclasses.replace(
        finished,
        procedure=dataclasses.replace(procedure, summary_vector=kept),
        vector=middle([wordings, summary]),
    )


def centre(members: Iterable[Proposal]) -> bytes:
    """The direction between the members' vectors, on the embedder's grid: what an entry is found
    by. Many wordings of one thing say more than any of them."""
    return middle([np.frombuffer(member.vector, dtype=np.float32) for member in members])


def middle(vectors: Sequence[Vectors]) -> bytes:
    """The direction between ``vectors``, on the embedder's grid, as float32 bytes."""
    total = np.stack(vectors).astype(np.float64).sum(axis=0)
    norm = float(np.linalg.norm(total))
    return to_grid(total / norm if norm else total).tobytes()


def _distinct_problems(variants: Sequence[Evidence]) -> tuple[int, int]:
    """How many problems, near-duplicates counted once, the variants passed on between them; and on
    how many of them by a model's judgement alone."""
    texts = {w.problem_id: w.shingles for v in variants for w in v.witnesses}
    classes = near_duplicate_classes(texts)
    judged = {
        (v.variant_id, r.instance_id) for v in variants for r in v.replays if is_judged(r.verifier)
    }
    shown = {
        classes[w.problem_id]
        for v in variants
        for w in v.witnesses
        if (v.variant_id, w.instance_id) not in judged
    }
    problems = set(classes.values())
    return len(problems), len(problems - shown)


def _cleanest_first(evidence: Iterable[Evidence]) -> list[Evidence]:
    """Most distinct problems passed, fewest tokens, simplest code, id."""
    listed = list(evidence)
    if len(listed) < 2:
        return listed  # How simple it is takes its time to tell.
    return sorted(
        listed,
        key=lambda v: (
            -len({w.problem for w in v.witnesses}),
            v.founder.tokens,
            code_size(v.founder.span.code or ""),
            v.variant_id,
        ),
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
        preconditions=span.preconditions,
        predicates=span.predicates,
        failure_modes=span.failure_modes,
    )


def _needs(variants: Sequence[Evidence]) -> Needs:
    """What a procedure of ``variants`` needs, in the names of the first."""
    first = variants[0]
    return united([_needs_of(variant, first) for variant in variants])


def _needs_of(variant: Evidence, first: Evidence) -> Needs:
    span = variant.founder.span
    names = _alignment(variant, first)
    return Needs(span.preconditions, span.predicates, span.failure_modes, names)


def _alignment(variant: Evidence, first: Evidence) -> dict[str, str]:
    """The parameters of ``variant`` -> those of ``first``, as a replay between the two aligned
    them."""
    ours = [p.name for p in variant.founder.span.signature.inputs]
    if variant.variant_id == first.variant_id:
        return {name: name for name in ours}
    between = frozenset((variant.variant_id, first.variant_id))
    verdict = decided_between([variant, first])[between][0]
    runs, owns = (variant, first) if verdict.variant_id == variant.variant_id else (first, variant)
    (member,) = (
        m for m in owns.members if any(i.id == verdict.instance_id for i in m.span.instances)
    )
    founder = owns.founder.span
    standing = in_roles_of(founder, member.span).inputs
    named = {
        key.name: own.name for key, own in zip(standing, founder.signature.inputs, strict=True)
    }
    pairs = {name: named[key] for name, key in json.loads(verdict.binding_map).items()}
    return pairs if runs is variant else {theirs: name for name, theirs in pairs.items()}


def _provenance(member: Proposal, variant: Evidence) -> Provenance:
    span, source = member.span, member.source
    return Provenance(
        trajectory_id=span.trajectory_id,
        source=source.dataset,
        licence=source.licence,
        start=span.start,
        end=span.end,
        quote=span.quote,
        span_id=span.id,
        variant_id=variant.variant_id,
    )


def status_of(
    procedure_id: str,
    entered: bool,
    passed: int,
    problems: int,
    rate: float,
    policy: Policy,
    as_of: str,
    *,
    judged: int = 0,
    snapshot: str = "",
) -> tuple[Status, tuple[Event, ...]]:
    """The status of a new entry that ``passed`` so often, on so many ``problems``, at this
    ``rate``, with the events that led to it. ``judged`` of the problems speak for it by a model's
    judgement alone: these let it enter, and do not count for making it canonical."""
    standing = Standing("other", entered, passed, problems, judged, rate)
    changes = changes_of("", standing, policy, as_of)
    return changes[-1].to, events_of(procedure_id, "", changes, as_of, snapshot)
