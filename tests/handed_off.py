"""Hand-offs made for tests: a step of a made problem that is one call of a tool."""

from __future__ import annotations

from typing import Any

from tracemine.schemas import Instance, Parameter, Signature, Source, Span, content_id, encode
from tracemine.schemas.records import Origin
from tracemine.schemas.shingles import shingles
from tracemine.schemas.types import type_of
from tracemine.transforms.segment import Proposal
from tracemine.transforms.shape import wording_of


def handed_off(
    code: str | None,
    bindings: dict[str, Any],
    result: Any,
    *,
    number: int = 0,
    question: str = "What does it come to?",
    tool: str | None = "math.tool",
    types: dict[str, str] | None = None,
    output: str | None = None,
    tests: tuple[tuple[dict[str, Any], Any], ...] = (),
    **fields: Any,
) -> Proposal:
    """A hand-off of problem ``number``; its code defines the function that it begins with."""
    entry_point = code.rpartition("def ")[2].partition("(")[0] if code else None
    problem = content_id("problem", number)
    trajectory = content_id("trajectory", number)
    quote = f"Step of problem {number}: {question}"
    span_id = content_id("span", trajectory, code, encode(bindings))
    kinds = {name: type_of(value) for name, value in bindings.items()} | (types or {})

    def instance(values: dict[str, Any], outcome: Any, origin: Origin) -> Instance:
        identity = content_id("instance", span_id, encode(values), origin)
        return Instance(
            identity, span_id, trajectory, problem, encode(values), encode(outcome), True, origin
        )

    values: dict[str, Any] = {
        "id": span_id, "trajectory_id": trajectory, "problem_id": problem, "start": 0,
        "end": len(quote), "quote": quote, "subquestion": question, "subroutine": "", "summary": "",
        "code": code, "entry_point": entry_point,
        "signature": Signature(
            tuple(Parameter(name, kinds[name]) for name in bindings),
            Parameter("result", output or type_of(result)),
        ),
        "preconditions": (), "predicates": (), "failure_modes": (), "kind": "tool",
        "domain": "math", "teacher": "rules@1",
        "instances": (
            instance(bindings, result, "trace"),
            *(instance(given, outcome, "test") for given, outcome in tests),
        ),
        "tool": tool, "shape": wording_of(question), "asked": question,
        "keys": tuple(Parameter(name, kinds[name]) for name in bindings),
    }  # fmt: skip
    span = Span(**values | fields)
    words = f"problem number {number} of many speaks of {content_id(number)} and {number} things"
    return Proposal(span, Source("made.jsonl", number, licence="MIT"), shingles(words))
