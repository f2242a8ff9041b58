"""A routine in one line."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from tracemine.schemas import Parameter, Signature
from tracemine.teachers.rules.derived.code_in_words import as_typed
from tracemine.teachers.rules.derived.functions import COMPREHENSIONS, LOOPS, calls
from tracemine.teachers.rules.derived.inlining import as_expression
from tracemine.teachers.rules.language.words import listed, spoken

#: Longest formula, in characters, that a summary or a step quotes.
MAX_FORMULA = 160


def summary_of(function: ast.FunctionDef, signature: Signature, purpose: str = "") -> str:
    """What the routine does (``purpose``, else that it computes its output), from what, and how:
    the formula where it is one, else in words."""
    does = purpose[:1].upper() + purpose[1:] or f"Computes {spoken(signature.output.name)}"
    inputs = [_spoken_input(p) for p in signature.inputs]
    given = f" from {listed(inputs)}" if inputs else ""
    if purpose and inputs:  # Its own words may well end in "from the list".
        names = [p.name for p in signature.inputs]
        unsaid = not set(names) <= set(re.findall(r"\w+", purpose))
        given = f" ({', '.join(names)})" if unsaid else ""
    expression = as_expression(function)
    formula = as_typed(expression) if expression is not None else ""
    if formula and len(formula) <= MAX_FORMULA and not formula.startswith("lambda"):
        return f"{does}{given}: {formula}"
    manner = _manner(function)
    return f"{does}{given}{manner}"


def _spoken_input(parameter: Parameter) -> str:
    return parameter.name.replace("_", " ") if parameter.name.strip("_") else parameter.name


def _manner(function: ast.FunctionDef) -> str:
    tests: list[tuple[str, Callable[[ast.AST], bool]]] = [
        ("by recursion", lambda n: isinstance(n, ast.FunctionDef) and calls(n, n.name)),
        ("in a loop", lambda n: isinstance(n, LOOPS)),
        ("over the items", lambda n: isinstance(n, COMPREHENSIONS)),
        ("by cases", lambda n: isinstance(n, (ast.If, ast.IfExp))),
    ]
    found = [words for words, test in tests if any(test(n) for n in ast.walk(function))]
    return f", {listed(found[:2])}" if found else ""
