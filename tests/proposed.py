"""Proposals made for tests: a routine with the instance that it was lifted from."""

from __future__ import annotations

import random
from typing import Any

from tracemine.schemas import Instance, Parameter, Signature, Source, Span, content_id, encode
from tracemine.schemas.shingles import shingles
from tracemine.transforms.segment import Proposal

WORDS = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "islet"]


def problem_text(number: int) -> str:
    """A problem unlike those of other numbers."""
    picked = random.Random(number).choices(WORDS, k=20)
    return " ".join(f"{word}{number}" for word in picked)


def proposal(
    code: str,
    problem: int,
    *,
    result: Any,
    checked: bool = True,
    tests: tuple[tuple[dict[str, Any], Any], ...] = (),
    text: str | None = None,
    **bindings: Any,
) -> Proposal:
    entry = code.split("def ")[1].split("(")[0]
    span_id = content_id("span", code, problem, encode(bindings), encode(result))
    problem_id = content_id("problem", problem)

    def instance(values: dict[str, Any], value: Any, origin: Any) -> Instance:
        identity = content_id(span_id, encode(values), encode(value), origin)
        return Instance(
            identity, span_id, f"t{problem}", problem_id, encode(values), encode(value),
            checked, origin,
        )  # fmt: skip

    span = Span(
        id=span_id, trajectory_id=f"t{problem}", problem_id=problem_id, start=0, end=20,
        quote="x" * 20, subquestion="what is left", subroutine="1. Subtract.", summary="left",
        code=code, entry_point=entry,
        signature=Signature(
            tuple(Parameter(name, "int") for name in bindings), Parameter("left", "int")
        ),
        preconditions=("numbers",), predicates=(), failure_modes=(), kind="procedural",
        domain="math", teacher="rules@1", verifier="numeric", shape="what is left",
        instances=(
            instance(bindings, result, "trace"),
            *(instance(values, value, "test") for values, value in tests),
        ),
    )  # fmt: skip
    shown = shingles(text or problem_text(problem))
    return Proposal(span, Source("d", problem), shown, b"\0" * 8, tokens=3)
