"""Beside stage 10: hand-offs of kind ``tool`` become pointers, one for each way to call a tool.

A pointer's key is the tool's name, the call with each argument a slot (`tool_calls`), and the
coarse types of arguments and result. ``a * b`` on numbers is one pointer, whoever multiplied what;
``a + b`` on texts is another than on numbers. What is gathered under a key, by combiners,
whatever the order and number of workers:

| key | what it holds | at most |
|---|---|---|
| pointer and what hand-offs say (a question, a role, a token, a problem) | a sum | one number |
| pointer | the commonest of each (`tool_facts`) | `LIMITS` texts for each facet and argument |
| pointer | a sample of hand-offs, one a problem, by hash (`tool_samples`) | `SAMPLE` |

A pointer is an entry like others: its call is run on the instances of the sample, and it is served
once it gives the results of as many held-out ones as the policy asks of any entry. One that fails
on most is quarantined: it stands in the table with its verdicts counted, and no search gives it
unasked.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import apache_beam as beam
import numpy as np
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from tracemine.schemas import (
    Event,
    Instance,
    Parameter,
    Procedure,
    Question,
    Replay,
    Rests,
    Signature,
    Token,
    ToolPointer,
    Variant,
    decode,
    encode,
)
from tracemine.schemas.records import Domain, Status
from tracemine.schemas.shingles import near_duplicate_classes
from tracemine.schemas.types import join_all, parse
from tracemine.schemas.values import dump_json
from tracemine.store import Embedder, Policy
from tracemine.teachers.rules.derived.derive import describe
from tracemine.transforms.consolidate import what_passes_show
from tracemine.transforms.embed import LoadEmbedder
from tracemine.transforms.held_out import Witness, values_of
from tracemine.transforms.kept import NOT_KEPT, InShards, Kept, run_kept
from tracemine.transforms.stage import Out
from tracemine.transforms.tool_calls import (
    Call,
    names_for,
    renamed,
    routine_of,
)
from tracemine.transforms.tool_facts import Commonest, Counted, Fact, Pointed, facts_of
from tracemine.transforms.tool_samples import Ground, Sample, ground_of
from tracemine.transforms.unite import middle, status_of
from tracemine.verifiers import Sandbox, shared_sandbox, verifier_for
from tracemine.verifiers.replay import Case, Routine, replay

STAGE = "tools"

#: What a role is called by fewer than this share of hand-offs is no name for all of them.
SHARE = 0.5
#: And what fewer than so many call it is one trace's own name.
SAID = 3
#: What a constant begins with in a binding map, where an instance's key begins with a letter.
CONSTANT = "="
#: Parts of counts that a worker keeps before it hands them on.
_HELD = 50_000


@dataclass(frozen=True, slots=True)
class Pointer:
    """A pointer as it is written: the record, its vector (float32 bytes), its events, its replays
    and the instances of its sample."""

    record: ToolPointer
    vector: bytes
    events: tuple[Event, ...]
    replays: tuple[Replay, ...]
    instances: tuple[Instance, ...]


class PointAtTools(beam.PTransform):
    """Hand-off (Pointed, see `point`) -> Pointer."""

    def __init__(
        self,
        policy: Policy,
        as_of: str,
        load: LoadEmbedder,
        kept: Kept = NOT_KEPT,
        *,
        require_isolation: bool = False,
    ) -> None:
        super().__init__()
        self.kept = kept
        self.policy = policy
        self.as_of = as_of
        self.load = load
        self.require_isolation = require_isolation

    def expand(self, pointed: beam.PCollection) -> beam.PCollection:
        policy, as_of, load, kept = self.policy, self.as_of, self.load, self.kept
        sandbox = partial(shared_sandbox, require_isolation=self.require_isolation)
        named = pointed | "Named" >> beam.Filter(lambda one: one.call is not None)
        counted = (
            named
            | "What they say" >> beam.ParDo(_CountFacts())
            | "Sum" >> beam.CombinePerKey(sum)
            | "By pointer" >> beam.Map(lambda pair: (pair[0][0], (*pair[0][1:], pair[1])))
            | "Commonest" >> beam.CombinePerKey(Commonest())
        )
        sampled = (
            named
            | "Grounds" >> beam.Map(lambda one: (one.tool_id, ground_of(one)))
            | "Sample" >> beam.CombinePerKey(Sample())
        )
        outputs = (
            {"counted": counted, "sampled": sampled}
            | "Together" >> beam.CoGroupByKey()
            | "Known of each" >> beam.MapTuple(_known_of)
            | "Shards" >> InShards(kept, lambda known: known[0])
            | "Point"
            >> run_kept(
                STAGE,
                lambda keyed, tools: _pointers(keyed[1], policy, as_of, *tools),
                kept=kept,
                main="pointers",
                setup=lambda: (sandbox(), load()),
                also=(policy, as_of),
            )
        )
        return outputs.pointers


def _known_of(pointer: str, found: Mapping[str, Iterable[Any]]) -> tuple[str, Any, Any]:
    """A pointer's id, what was counted of it, and its sample."""
    (counted,), (sampled,) = found["counted"], found["sampled"]
    return pointer, counted, sampled


def _pointers(
    shard: Iterable[tuple[str, Any, Any]],
    policy: Policy,
    as_of: str,
    sandbox: Sandbox,
    embedder: Embedder,
) -> Iterator[Out]:
    for pointer, counted, sampled in sorted(shard, key=lambda known: known[0]):
        made = make_pointer(pointer, counted, sampled, policy, as_of, sandbox, embedder.tokens)
        vector = vector_of(made.record, embedder)
        yield "pointers", dataclasses.replace(made, vector=vector)


class _CountFacts(beam.DoFn):
    """Pointed -> ``(fact, how often)``, those of a bundle together: most hand-offs say the same."""

    def start_bundle(self) -> None:
        self.counts: Counter[Fact] = Counter()

    def process(self, pointed: Pointed) -> Iterator[tuple[Fact, int]]:
        self.counts.update(facts_of(pointed))
        if len(self.counts) > _HELD:
            yield from self.counts.items()
            self.counts = Counter()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        window = GlobalWindow()
        for pair in self.counts.items():
            yield WindowedValue(pair, window.max_timestamp(), [window])


def make_pointer(
    tool_id: str,
    counted: Mapping[tuple[str, int], Counted],
    sample: Sequence[Ground],
    policy: Policy,
    as_of: str,
    sandbox: Sandbox,
    tokens: Callable[[str], int],
) -> Pointer:
    """The pointer of all hand-offs that were ``counted``, of which ``sample`` is the sample, in
    order of rank; without its vector (`vector_of`)."""
    # Of the sample all have one call, but for what its inputs are called.
    call = sample[0].call
    spans, distinct = counted["problem", 0].total, counted["problem", 0].distinct
    said = [_role(counted.get(("role", place)), spans) for place in range(len(call.slots))]
    names = names_for(call, said)
    signature = _signature(call, names, counted)
    code, entry_point = routine_of(call, names)
    expression = renamed(call, names)
    bound = [_under(names, ground) for ground in sample]
    instances = [instance for ground in bound for instance in ground.instances]
    described = describe(code, entry_point, signature, [decode(i.bindings) for i in instances])
    needed = describe(code, entry_point, signature, []).preconditions
    verifier = verifier_for(signature.output.type) or ""
    routine = Routine(tool_id, code, entry_point, signature, described.predicates, verifier)
    shown = _replayed(routine, bound, sandbox)
    status, events = _status(tool_id, shown, policy, as_of)
    entered = status in ("verified", "canonical")
    domains = tuple(text for text, _ in _texts(counted, "domain"))
    domain = cast(Domain, domains[0])  # of a span: `facts_of` made a text of it
    questions = tuple(Question(text, n) for text, n in _texts(counted, "question"))
    variant = Variant(
        variant_id=tool_id,
        subroutine=described.subroutine,
        code=code,
        entry_point=entry_point,
        tokens=tokens(described.subroutine),
        passes=shown.passes,
        attempts=shown.attempts,
        span_id=sample[0].span_id,
        instance_id=instances[0].id if instances else "",
    )
    entry = Procedure(
        procedure_id=tool_id,
        subquestion=questions[0].question if questions else expression,
        summary=f"{call.tool}: {described.subroutine.removeprefix('1. ')}",
        status=status,
        domain=domain,
        signature=signature,
        # Ranges that a sample's values lie in are nothing that the tool needs.
        preconditions=tuple(w for w in described.preconditions if w in needed),
        predicates=described.predicates,
        failure_modes=described.failure_modes,
        verifier=verifier,
        teacher=_texts(counted, "teacher")[0][0],
        variants=(variant,),
        provenance=tuple(ground.provenance for ground in sample),
        success_rate=shown.passes / shown.attempts if shown.attempts else 0.0,
        distinct_problems=shown.problems,
        last_verified=as_of if entered else None,
        expires_at=policy.expires_at(domain, as_of) if entered else None,
        evidence=tuple(Token(text, n) for text, n in sorted(_texts(counted, "token"))),
    )
    record = ToolPointer(
        entry=entry,
        tool=call.tool,
        call=expression,
        questions=questions,
        domains=domains,
        sources=tuple(_rests(text, n) for text, n in _texts(counted, "source")),
        spans=spans,
        problems=distinct,
    )
    maps = {i.id: _binding_map(names, ground.call) for ground in sample for i in ground.instances}
    replays = tuple(dataclasses.replace(r, binding_map=maps[r.instance_id]) for r in shown.replays)
    # Of the whole sample: a pointer that is made anew of what is kept then has the same.
    found = tuple(instance for ground in sample for instance in ground.instances)
    return Pointer(record, b"", events, replays, found)


def _texts(counted: Mapping[tuple[str, int], Counted], facet: str) -> tuple[tuple[str, int], ...]:
    found = counted.get((facet, 0))
    return found.commonest if found else ()


def _rests(text: str, spans: int) -> Rests:
    source, licence = json.loads(text)
    return Rests(source, licence, spans)


def _role(counted: Counted | None, spans: int) -> str:
    """What an argument is called by most hand-offs; empty where they do not agree."""
    if counted is None:
        return ""
    name, count = counted.commonest[0]
    return name if count >= max(SAID, SHARE * spans) else ""


def _signature(
    call: Call, names: Sequence[str], counted: Mapping[tuple[str, int], Counted]
) -> Signature:
    """``call`` with each type the smallest that covers all hand-offs; of more types than are kept,
    their head. In no unit: what is called is the same in all."""
    kinds = []
    for place in range(len(names) + 1):
        types = counted["type", place]
        texts = [text for text, _ in types.commonest]
        # Coarse types are in the key: numbers have few texts, all others one head.
        kinds.append(join_all(texts) if types.distinct == len(texts) else parse(texts[0])[0])
    *inputs, output = kinds
    parameters = tuple(Parameter(n, kind) for n, kind in zip(names, inputs, strict=True))
    return Signature(parameters, Parameter("out" if "result" in names else "result", output))


def _under(names: Sequence[str], ground: Ground) -> Ground:
    """``ground`` with instances that bind the pointer's parameters, constants among them."""
    instances = []
    for instance in ground.instances:
        values = ground.call.arguments(decode(instance.bindings))
        named = {name: values[f"p{place}"] for place, name in enumerate(names)}
        instances.append(dataclasses.replace(instance, bindings=encode(named)))
    return dataclasses.replace(ground, instances=tuple(instances))


def _binding_map(names: Sequence[str], call: Call) -> str:
    """Where the values of a pointer's parameters come from: a key of the instance, or after ``=``
    the constant that stands there, as values are written."""
    return dump_json(
        {
            name: slot.name or CONSTANT + encode(slot.value)
            for name, slot in zip(names, call.slots, strict=True)
        }
    )


@dataclass(frozen=True, slots=True)
class _Shown:
    """What replay shows of a call: it was run ``attempts`` times and ``passes`` of them gave the
    result; these show ``evidence`` problems and tests, each once, of ``problems`` problems."""

    replays: tuple[Replay, ...]
    passes: int
    attempts: int
    evidence: int
    problems: int


def _replayed(routine: Routine, sample: Sequence[Ground], sandbox: Sandbox) -> _Shown:
    """What the pointer's call shows on the instances that are held out (see `_held_out`). A slot
    has its own value, so there is nothing to align."""
    witnesses, cases = {}, []
    if routine.verifier:
        for instance, witness in _held_out(sample):
            witnesses[instance.id] = witness
            cases.append(Case(instance, routine.signature.inputs, routine.variant_id, True))
    replays = tuple(replay(routine, cases, sandbox))
    decided = [r for r in replays if r.verdict != "unsupported"]
    passed = [witnesses[r.instance_id] for r in decided if r.verdict == "pass"]
    shown, problems = what_passes_show(passed), {witness.problem for witness in passed}
    return _Shown(replays, len(passed), len(decided), len(shown), len(problems))


def _held_out(sample: Sequence[Ground]) -> Iterator[tuple[Instance, Witness]]:
    """The instances of a sample that say more than its first: tests, and those of other problems
    than the first's, both with other values than it has. Near-duplicates are one problem, which has
    one instance besides its tests; a test that says no more than that, or than another, says
    nothing."""
    first = sample[0]
    if not first.instances:
        return
    own_values = values_of(first.instances[0].bindings)
    classes = near_duplicate_classes({g.problem_id: g.shingles for g in sample})
    traced = {classes[first.problem_id]}
    said = set()
    for ground in sample:
        problem = classes[ground.problem_id]
        for instance in ground.instances:
            values = values_of(instance.bindings)
            says = (problem, values, instance.result)
            if values == own_values or says in said:
                continue
            if instance.origin != "test":
                if problem in traced:
                    continue
                traced.add(problem)
            said.add(says)
            yield (
                instance,
                Witness(
                    instance.id,
                    ground.span_id,
                    ground.call.id,
                    problem,
                    ground.problem_id,
                    ground.shingles,
                    instance.origin,
                    values,
                    instance.result,
                ),
            )


def _status(
    tool_id: str, shown: _Shown, policy: Policy, as_of: str
) -> tuple[Status, tuple[Event, ...]]:
    """The status that any entry would have, but one that mostly fails is quarantined: words do not
    make it a candidate for anything, they were its own."""
    rate = shown.passes / shown.attempts if shown.attempts else 0.0
    if shown.attempts >= policy.min_replays and rate < policy.demote_rate:
        evidence = dump_json({"passed": shown.passes, "attempts": shown.attempts})
        return "quarantined", (Event(tool_id, "", "quarantined", "demote_rate", evidence, as_of),)
    entered = shown.evidence >= policy.min_replays
    return status_of(tool_id, entered, shown.evidence, shown.problems, rate, policy, as_of)


def found_by(record: ToolPointer) -> list[str]:
    """The texts that a pointer's vector is made of: its wordings, and last its summary."""
    wordings = [q.question for q in record.questions] or [record.entry.subquestion]
    return [*wordings, record.entry.summary.replace("_", " ")]


def vector_of(record: ToolPointer, embedder: Embedder) -> bytes:
    """As of other entries: the middle between the wordings and the summary (float32 bytes)."""
    # One text at a time: in a batch, its neighbours would move its last bits.
    vectors = [embedder.encode([text])[0] for text in found_by(record)]
    asked = np.frombuffer(middle(vectors[:-1]), dtype=np.float32)
    return middle([asked, vectors[-1]])


__all__ = [
    "CONSTANT",
    "STAGE",
    "PointAtTools",
    "Pointer",
    "found_by",
    "make_pointer",
    "vector_of",
]
