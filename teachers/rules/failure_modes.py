"""How a routine fails, or gives what was not wanted, on inputs that it may well be given."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tracemine.schemas.types import NUMERIC
from tracemine.teachers.rules.facts import Facts, is_text
from tracemine.teachers.rules.functions import (
    COMPREHENSIONS,
    LOOPS,
    calls,
    constant_value,
    names_read,
)
from tracemine.teachers.rules.slices import written_names
from tracemine.teachers.rules.words import listed

#: Longest expression, in characters, that a failure mode quotes.
MAX_BRIEF = 80


def failure_modes_of(facts: Facts) -> Iterator[str]:
    yield from _arithmetic_failures(facts)
    yield from _container_failures(facts)
    yield from _control_failures(facts)
    yield from _unit_failures(facts)


def _arithmetic_failures(facts: Facts) -> Iterator[str]:
    for node in facts.nodes:
        if isinstance(node, (ast.BinOp, ast.AugAssign)):
            right = node.right if isinstance(node, ast.BinOp) else node.value
            is_number = constant_value(right) is not None
            if isinstance(node.op, ast.Div):
                if not is_number:
                    yield f"division by zero when {_brief(right)} is zero"
            elif isinstance(node.op, ast.FloorDiv):
                yield "integer division drops the remainder"
                if not is_number:
                    yield f"division by zero when {_brief(right)} is zero"
            elif isinstance(node.op, ast.Mod):
                left = node.left if isinstance(node, ast.BinOp) else node.target
                if not is_number and not is_text(left, facts):
                    yield f"division by zero when {_brief(right)} is zero"
        elif isinstance(node, ast.Call):
            yield from _call_failures(node, facts)
    if any(_makes_floats(n) for n in facts.nodes):
        yield "floating-point rounding: compare results with a tolerance"


def _call_failures(node: ast.Call, facts: Facts) -> Iterator[str]:
    called = facts.called(node)
    if called == "int" and node.args:
        if isinstance(node.args[0], ast.BinOp):
            yield "converting to an integer drops the fraction"
        else:
            yield "text that is not a number cannot be converted"
    elif called == "float" and node.args:
        yield "text that is not a number cannot be converted"
    elif called in ("min", "max") and len(node.args) == 1:
        yield f"empty input: {called} of nothing"
    elif called == "round":
        yield "halves are rounded to the nearest even number"
    elif called in ("math.sqrt", "math.log", "math.log2", "math.log10") and node.args:
        yield f"undefined when {_brief(node.args[0])} is out of the domain of {called}"
    elif called in ("math.floor", "math.ceil"):
        yield "rounding to a whole number loses the fraction"


def _makes_floats(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Div)
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


def _brief(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) <= MAX_BRIEF else "the divisor"


def _container_failures(facts: Facts) -> Iterator[str]:
    parameters = set(facts.parameters)
    for node in facts.nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            if isinstance(node.slice, ast.Slice):
                continue
            if isinstance(node.value, ast.Name) and node.value.id in parameters:
                if facts.head(node.value.id) == "dict":
                    yield f"a key that {node.value.id} lacks"
                elif constant_value(node.slice) == 0:
                    yield f"empty input: {node.value.id} has no first item"
                else:
                    yield f"an index beyond the end of {node.value.id}"
        elif isinstance(node, ast.Call) and facts.called(node) in ("next",):
            yield "nothing found: next on an exhausted iterator"
    iterated = {
        n.iter.id for n in facts.nodes if isinstance(n, (ast.For, ast.comprehension))
        and isinstance(n.iter, ast.Name)
    } & parameters  # fmt: skip
    for name in facts.parameters:
        if name in iterated or (
            facts.head(name) in ("list", "str", "tuple", "set", "dict") and not iterated
        ):
            yield f"empty {name}: check that the result for nothing is the wanted one"
    for name in written_names(ast.walk(facts.function)):
        is_container = name in parameters and facts.head(name) in ("list", "dict", "set")
        if is_container and _changes_in_place(facts.function, name):
            yield f"changes {name} in place"


def _changes_in_place(function: ast.FunctionDef, name: str) -> bool:
    rebound = any(
        isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)
        for n in ast.walk(function)
    )
    return not rebound


def _control_failures(facts: Facts) -> Iterator[str]:
    for node in facts.nodes:
        if isinstance(node, ast.FunctionDef) and calls(node, node.name):
            yield f"recursion in {node.name}: large inputs reach the recursion limit"
        elif isinstance(node, ast.While):
            yield "the loop ends only if its condition becomes false"
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            yield "errors inside are hidden by a bare except"
    if not any(isinstance(n, ast.Return) for n in ast.walk(facts.function)):
        yield "returns nothing"


def _unit_failures(facts: Facts) -> Iterator[str]:
    units = {p.unit for p in facts.signature.inputs if p.unit}
    if len(units) > 1:
        yield "inputs in other units than these give a wrong result: " + listed(sorted(units))
        return
    numeric = [n for n in facts.parameters if facts.head(n) in NUMERIC]
    if len(numeric) < 2:
        straight = not any(isinstance(n, (*LOOPS, *COMPREHENSIONS)) for n in facts.nodes)
        if numeric and straight and any(isinstance(n, ast.BinOp) for n in facts.nodes):
            yield f"{numeric[0]} in another unit than the constants assume gives a wrong result"
        return
    for node in facts.nodes:
        is_sum = isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub))
        if is_sum and len(set(names_read(node)) & set(numeric)) > 1:
            yield "amounts that are added or subtracted must be in the same unit"
            return
    if any(isinstance(n, ast.BinOp) for n in facts.nodes):
        yield "inputs in different units give a wrong result"
