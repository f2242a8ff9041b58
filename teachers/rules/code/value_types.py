"""Types and units of a routine's inputs and output, from the values that a run gave them."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from tracemine.schemas import Parameter, Signature
from tracemine.schemas.types import join_all, type_of
from tracemine.teachers.rules.arithmetic.lifting import mentions
from tracemine.teachers.rules.code.drafts import Draft
from tracemine.teachers.rules.code.inline_data import LATEX
from tracemine.teachers.rules.code.program_runs import Program
from tracemine.teachers.rules.code.tracing import Value


def signature_of(program: Program, draft: Draft) -> Signature:
    inputs = tuple(
        Parameter(name, _type(program, value.value), _unit(program, value.value))
        for name, value in draft.inputs
    )
    output = draft.target
    if any(p.name == output for p in inputs):
        output = f"new_{output}"
    kind = _written_type(draft.result) or _type(program, draft.result.value)
    return Signature(inputs, Parameter(output, kind))


#: What is no expression to the readers of answers: sets, relations, piecewise functions.
_NO_EXPRESSION = re.compile(r"[A-Z][A-Za-z]|[&|<>={}\[\]]")


def _written_type(held: Value) -> str:
    """The type of a value that is written in a form; empty where the value itself says."""
    if held.form == "text":
        return "str" if _NO_EXPRESSION.search(held.value) else "expr"
    if held.form in ("texts", "sorted texts"):
        return "list[expr]"
    if held.form in ("rows", "matrix"):
        return "list[list[expr]]"
    named = "dict[str, expr]"
    return {"named texts": named, "list of named texts": f"list[{named}]"}.get(held.form, "")


def _type(program: Program, value: Any) -> str:
    """The type of a value; a float is rational where the program only does arithmetic."""
    if isinstance(value, float) and not program.is_irrational:
        return "rational"
    if isinstance(value, (list, tuple)) and value and not program.is_irrational:
        inner = [_type(program, v) for v in value]
        if isinstance(value, list):
            return f"list[{join_all(inner)}]"
        return f"tuple[{', '.join(inner)}]"
    return type_of(value)


def _unit(program: Program, value: Any) -> str | None:
    """The unit that the problem states with a number, where all places that state it agree."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        exact = Fraction(str(value))
    except ValueError:
        return None
    stated = [m for m in mentions(program.trajectory.problem) if m.value == exact and not m.method]
    units = {m.unit for m in stated}
    if "dollar" in units and LATEX.search(program.trajectory.problem):
        return None
    return units.pop() if len(units) == 1 else None
