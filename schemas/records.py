"""The records that travel between stages.

    Source      where a trajectory was published: data set, revision, row, licence
    Trajectory  one attempt at one problem, with what its answer is checked against
    Parameter   a name with its type and, where known, its unit
    Signature   typed inputs and output of a routine
    Instance    bindings for the inputs and the result that a trace (or a test) gives for them
    Span        a piece of a trace that answers one subquestion, with its routine
    Replay      the verdict on one variant, run on one instance
    Token       what the spans of an entry say, counted
    Variant     one way to do what a procedure does
    Procedure   an entry of the store
    Library     a library that an entry's code imports, and the version it was verified with
    Event       one change of an entry's status
    Merged      the id of an entry that went into another
    Rejected    a record that left the line, where, and why

All are frozen and hold only plain values, so that any runner can move them. Bindings, results and
binding maps are canonical JSON text (`schemas.values`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from tracemine.schemas.values import dump_json

#: Signatures of which it is remembered how they are written: many spans and entries share one.
_REMEMBERED = 16384

Domain = Literal["math", "code", "stem", "other"]
Kind = Literal["procedural", "declarative", "episodic", "metacognitive", "tool"]
Outcome = Literal["verified", "wrong", "unknown"]
Verdict = Literal["pass", "fail", "error", "timeout", "unsupported"]
Status = Literal["candidate", "verified", "canonical", "quarantined", "expired", "merged"]
Fate = Literal["rejected", "failed", "duplicate"]
Origin = Literal["trace", "test"]

DOMAINS: tuple[Domain, ...] = ("math", "code", "stem", "other")
VERDICTS: tuple[Verdict, ...] = ("pass", "fail", "error", "timeout", "unsupported")
STATUSES: tuple[Status, ...] = (
    "candidate", "verified", "canonical", "quarantined", "expired", "merged",
)  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """Where a trajectory was published. ``row`` counts from 0 in its file or split."""

    dataset: str
    row: int
    revision: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One attempt at one problem. ``trace`` is the reasoning, offsets count its characters;
    ``answer`` is what the attempt ends with, ``reference`` what it should; a code task has
    ``tests`` (Python ``assert`` statements, run after ``test_setup``) in place of a reference.
    ``cut_off``: the attempt was stopped before its end."""

    id: str
    problem_id: str
    problem: str
    trace: str
    answer: str | None
    reference: str | None
    domain: Domain
    sources: tuple[Source, ...]
    tests: tuple[str, ...] = ()
    test_setup: str = ""
    generator: str = ""
    outcome: Outcome = "unknown"
    outcome_verifier: str = ""
    cut_off: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """A typed name; ``unit`` is text that pint parses, or None where the text says none."""

    name: str
    type: str
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """What a routine takes and gives."""

    inputs: tuple[Parameter, ...]
    output: Parameter
    invariants: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Canonical JSON: ``{"inputs": [{"name", "type", "unit"}], "output": {...},
        "invariants": [...]}``."""
        inputs = [{"name": p.name, "type": p.type, "unit": p.unit} for p in self.inputs]
        output = {"name": self.output.name, "type": self.output.type, "unit": self.output.unit}
        invariants = list(self.invariants)
        return dump_json({"inputs": inputs, "output": output, "invariants": invariants})

    @classmethod
    def from_json(cls, text: str) -> Signature:
        """The signature that `to_json` wrote."""
        return _signature(text)


@lru_cache(maxsize=_REMEMBERED)
def _signature(text: str) -> Signature:
    raw = json.loads(text)
    return Signature(
        inputs=tuple(Parameter(**p) for p in raw["inputs"]),
        output=Parameter(**raw["output"]),
        invariants=tuple(raw.get("invariants", ())),
    )


@dataclass(frozen=True, slots=True)
class Instance:
    """A test case for a routine: bindings by parameter name of its span, and the result.

    ``checked`` says that the result feeds the verified final answer (or is a test's own expected
    value); only such an instance can decide anything. ``origin`` is ``test`` for a test that
    admission did not use, which is held out even for its own span.
    """

    id: str
    span_id: str
    trajectory_id: str
    problem_id: str
    bindings: str
    result: str
    checked: bool
    origin: Origin = "trace"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a trace that answers one subquestion. ``quote == trace[start:end]``.

    ``code`` defines ``entry_point``, whose parameters are those of ``signature`` in order.
    ``instances[0]`` is the span's own; further ones are held-out tests. ``tool`` names the tool
    that a hand-off points to. ``shape`` is empty until the normalise stage. ``asked`` is the
    question in words of the problem or the trace, of which the routine made none; ``keys`` are
    what the values of ``instances[0]`` go by without the routine, in order of their mentions.
    """

    id: str
    trajectory_id: str
    problem_id: str
    start: int
    end: int
    quote: str
    subquestion: str
    subroutine: str
    summary: str
    code: str | None
    entry_point: str | None
    signature: Signature
    preconditions: tuple[str, ...]
    predicates: tuple[str, ...]
    failure_modes: tuple[str, ...]
    kind: Kind
    domain: Domain
    teacher: str
    instances: tuple[Instance, ...] = ()
    verifier: str = ""
    tool: str | None = None
    shape: str = ""
    asked: str = ""
    keys: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class Replay:
    """The verdict on one variant run on one instance. ``binding_map`` maps the variant's parameter
    to the instance's key; of a tool's pointer also to ``=`` and a constant, as values are written.
    """

    variant_id: str
    instance_id: str
    binding_map: str
    verdict: Verdict
    reason: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to do what a procedure does, and how it fared: ``attempts`` are all compatible
    held-out instances that words proposed, ``passes`` those it reproduced. ``span_id`` and
    ``instance_id`` name the span it was taken from and that span's own instance. ``preconditions``,
    ``predicates`` and ``failure_modes`` are all of its own, in its own parameters' names."""

    variant_id: str
    subroutine: str
    code: str
    entry_point: str
    tokens: int
    passes: int
    attempts: int
    span_id: str
    instance_id: str
    preconditions: tuple[str, ...] = ()
    predicates: tuple[str, ...] = ()
    failure_modes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Provenance:
    """A literal quote that a procedure rests on: ``trace[start:end] == quote``. ``span_id`` names
    the span that quotes it, ``variant_id`` the variant that speaks for that span."""

    trajectory_id: str
    source: str
    licence: str
    start: int
    end: int
    quote: str
    span_id: str = ""
    variant_id: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """Something that the spans of an entry say by their roles and words, and how many say it."""

    token: str
    count: int


@dataclass(frozen=True, slots=True, order=True)
class Library:
    """A library that the code of an entry imports, and its version when the entry was last
    verified; empty where it was not installed."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Procedure:
    """An entry of the store. Times are ISO 8601 text in UTC. ``preconditions`` and ``predicates``
    are those that every variant has or implies, ``failure_modes`` those of all variants, in the
    names of the first variant's parameters; the first variant's own are with it. ``evidence`` is
    what callers are matched with beside vectors, by token (`store.ranking.tokens_of`).
    ``summary_vector`` is that of the summary of an entry that is no candidate, from which with
    those of its wordings its own follows (little-endian int16, 1024 times the components); that of
    a candidate or a pointer is empty."""

    procedure_id: str
    subquestion: str
    summary: str
    status: Status
    domain: Domain
    signature: Signature
    preconditions: tuple[str, ...]
    predicates: tuple[str, ...]
    failure_modes: tuple[str, ...]
    verifier: str
    teacher: str
    variants: tuple[Variant, ...]
    provenance: tuple[Provenance, ...]
    success_rate: float
    distinct_problems: int
    last_verified: str | None
    expires_at: str | None = None
    evidence: tuple[Token, ...] = ()
    libraries: tuple[Library, ...] = ()
    summary_vector: bytes = b""


@dataclass(frozen=True, slots=True)
class Question:
    """A question in general words, and how many hand-offs ask it."""

    question: str
    spans: int


@dataclass(frozen=True, slots=True)
class Rests:
    """How many hand-offs rest on a source under a licence."""

    source: str
    licence: str
    spans: int


@dataclass(frozen=True, slots=True)
class ToolPointer:
    """What all hand-offs to one way of calling one tool have in common. ``entry`` is that as an
    entry: its one variant is the call as a routine, its provenance a sample. ``call`` is an
    expression over the parameters of its signature. ``spans`` counts the hand-offs, ``problems``
    the distinct problems that they are from; ``questions``, ``domains`` and ``sources`` are the
    commonest, most hand-offs first."""

    entry: Procedure
    tool: str
    call: str
    questions: tuple[Question, ...]
    domains: tuple[str, ...]
    sources: tuple[Rests, ...]
    spans: int
    problems: int


@dataclass(frozen=True, slots=True)
class Event:
    """One change of status: the rule that fired, what it saw (JSON text), the time and the number
    of the snapshot that states it first; where that is empty, it is the first of the store."""

    procedure_id: str
    from_status: str
    to_status: str
    rule: str
    evidence: str
    at: str
    snapshot: str = ""


@dataclass(frozen=True, slots=True)
class Merged:
    """An entry that went into another: its id stands for the entry ``into`` since ``at``."""

    procedure_id: str
    into: str
    at: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that left the line. ``reason`` is one of a few fixed texts, which ledgers count by;
    ``detail`` is one line that names the record (file and row, where it came from a file);
    ``record`` is JSON text of what is worth keeping of it."""

    stage: str
    reason: str
    record_id: str
    detail: str
    record: str
    fate: Fate = "rejected"
