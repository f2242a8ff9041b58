"""What a store is asked: one span of at least two operations, its values and its checked result.

A question is made of a held-out trajectory by the same stages that mine one, but of the span's own
routine it keeps nothing: not its code, and of its parameters neither their names nor their order,
because both follow the calculation. It asks in words of the problem or its solver
(`transforms.asked`), and calls its values what they are called where they are mentioned, in that
order (`transforms.mentioned`).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass

import apache_beam as beam

from tracemine.schemas import (
    Parameter,
    Span,
    Trajectory,
    canonical_code,
    content_id,
    decode,
    encode,
)
from tracemine.schemas.records import Domain
from tracemine.schemas.values import dump_json
from tracemine.teachers import Teacher, make_teacher
from tracemine.teachers.rules.derived.operations import operations
from tracemine.transforms.mentioned import name_values
from tracemine.transforms.segment import route, segment
from tracemine.transforms.stage import Out, run_stage

#: A routine of fewer operations is no procedure, so it is no question either.
MIN_OPERATIONS = 2

#: Why a span is no question; `held_out` counts by these.
NO_ROUTINE = "no routine that replays"
UNCHECKED = "result does not feed the verified answer"
ONE_OPERATION = "fewer than two operations"


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to find in a store.

    ``asked`` is put in words of the problem or its solver (`asked`), ``subquestion`` in those of
    the teacher, who knew the routine. ``keys`` name and type the values of ``bindings`` (canonical
    JSON, by name) in order of mention; ``output`` is what is wanted, ``result`` what it must be
    (canonical JSON). ``operations`` counts those of the span's own routine, ``method`` is the hash
    of its canonical code: both are for counting by and no arm may look at them.
    """

    id: str
    problem_id: str
    problem: str
    domain: Domain
    source: str
    asked: str
    subquestion: str
    keys: tuple[Parameter, ...]
    output: Parameter
    bindings: str
    result: str
    verifier: str
    operations: int
    method: str
    reference: str | None

    def to_json(self) -> str:
        """One line of JSON text."""
        return dump_json(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Question:
        """The question that `to_json` wrote."""
        raw = json.loads(text)
        raw["keys"] = tuple(Parameter(**key) for key in raw["keys"])
        raw["output"] = Parameter(**raw["output"])
        return cls(**raw)


class Ask(beam.PTransform):
    """Trajectory -> Question. Outputs: ``questions``, ``unasked`` (a reason for each span that is
    none)."""

    def __init__(self, teacher: str) -> None:
        super().__init__()
        self.teacher = teacher

    def expand(self, trajectories: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        teacher = self.teacher
        return (
            trajectories
            | "Spread" >> beam.Reshuffle()
            | "Ask"
            >> run_stage(
                "ask",
                ask,
                main="questions",
                tags=["unasked"],
                setup=lambda: make_teacher(teacher),
            )
        )


def ask(trajectory: Trajectory, teacher: Teacher) -> Iterator[Out]:
    """The questions of one trajectory, in order of span id."""
    for cut, found in segment(trajectory, teacher):
        if cut != "proposals":
            yield "unasked", NO_ROUTINE
            continue
        for way, proposal in route(found):
            if way != "proposals":
                yield "unasked", NO_ROUTINE
                continue
            question = question_of(proposal.span, trajectory)
            if isinstance(question, str):
                yield "unasked", question
            else:
                yield "questions", question


def question_of(span: Span, trajectory: Trajectory) -> Question | str:
    """The question of a span that replays, or why it is none."""
    instance = next((i for i in span.instances if i.checked), None)
    if instance is None:
        return UNCHECKED
    code, entry_point = span.code or "", span.entry_point or ""
    count = operations(code, entry_point)
    if count < MIN_OPERATIONS:
        return ONE_OPERATION
    values = decode(instance.bindings)
    named = name_values(span, instance, trajectory)
    return Question(
        id=content_id("question", span.id, instance.id),
        problem_id=span.problem_id,
        problem=trajectory.problem,
        domain=span.domain,
        source=min(trajectory.sources).dataset,
        asked=span.asked,
        subquestion=span.subquestion,
        keys=tuple(key for _, key in named),
        output=span.signature.output,
        bindings=encode({key.name: values[name] for name, key in named}),
        result=instance.result,
        verifier=span.verifier,
        operations=count,
        method=content_id("method", canonical_code(code, entry_point)),
        reference=trajectory.reference,
    )


__all__ = [
    "MIN_OPERATIONS",
    "Ask",
    "Question",
    "ask",
    "question_of",
]
