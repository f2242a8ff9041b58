"""Tests of a code task, read as calls: what goes in, what comes out, and what is done with it."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracemine.schemas import NotPlainError, encode
from tracemine.teachers.rules.code.calls import (
    NO_CALLS,
    NotACaseError,
    arguments_of,
    parameters_with_defaults,
)
from tracemine.teachers.rules.code.source import Source
from tracemine.verifiers.sandbox import Sandbox

_EVALUATE = "_tm_case"
#: Stands in a test for the call that it is of.
HOLE = "_tm_hole"


@dataclass(frozen=True, slots=True)
class Test:
    """``assert around(f(arguments)) == expected``; ``around`` has a hole where the call stands."""

    setup: tuple[ast.stmt, ...]
    call: ast.Call
    around: str
    expected: ast.expr


def parse_test(text: str, name: str) -> Test:
    """Read one test.

    Raises:
        NotACaseError: if it does not compare one call of ``name`` with a value.
    """
    body = ast.parse(text.strip()).body
    asserts = [s for s in body if isinstance(s, ast.Assert)]
    if len(asserts) != 1 or body[-1] is not asserts[0]:
        raise NotACaseError(NO_CALLS)
    setup = tuple(s for s in body if s is not asserts[0])
    actual, expected = _compared(asserts[0].test, name)
    call, around = _take_call(actual, name)
    return Test(setup, call, around, expected)


def _compared(test: ast.expr, name: str) -> tuple[ast.expr, ast.expr]:
    """What a condition says of the call, and the value it asks for."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand, ast.Constant(False)
    if isinstance(test, ast.Call) and _calls_of(test, name) and test.args:
        dotted = ast.unparse(test.func)
        if (
            dotted.rpartition(".")[2] in ("isclose", "allclose", "array_equal")
            and len(test.args) >= 2
        ):
            return _one_side(test.args[0], test.args[1], name)
        return test, ast.Constant(True)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        left, right = test.left, test.comparators[0]
        operator = test.ops[0]
        if isinstance(operator, (ast.Eq, ast.Is)):
            return _one_side(left, right, name)
        if isinstance(operator, (ast.Lt, ast.LtE)) and _is_difference(left):
            assert isinstance(left, ast.Call)
            difference = left.args[0]
            assert isinstance(difference, ast.BinOp)
            return _one_side(difference.left, difference.right, name)
    raise NotACaseError(NO_CALLS)


def _is_difference(node: ast.expr) -> bool:
    """``abs(a - b)``"""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "abs"
        and len(node.args) == 1
        and isinstance(node.args[0], ast.BinOp)
        and isinstance(node.args[0].op, ast.Sub)
    )


def _one_side(left: ast.expr, right: ast.expr, name: str) -> tuple[ast.expr, ast.expr]:
    if _calls_of(left, name) and not _calls_of(right, name):
        return left, _unwrapped(right)
    if _calls_of(right, name) and not _calls_of(left, name):
        return right, _unwrapped(left)
    raise NotACaseError(NO_CALLS)


def _unwrapped(node: ast.expr) -> ast.expr:
    """``pytest.approx(x)`` is x, to a tolerance."""
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("approx") and node.args:
        return node.args[0]
    return node


def _calls_of(node: ast.AST, name: str) -> list[ast.Call]:
    return [
        n
        for n in ast.walk(node)
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == name
    ]


class _Dig(ast.NodeTransformer):
    def __init__(self, call: ast.Call) -> None:
        self.call = call

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if node is self.call:
            return ast.Name(HOLE, ast.Load())
        return self.generic_visit(node)


def _take_call(actual: ast.expr, name: str) -> tuple[ast.Call, str]:
    calls = _calls_of(actual, name)
    if len(calls) != 1:
        raise NotACaseError(NO_CALLS)
    around = ast.unparse(_Dig(calls[0]).visit(actual))
    if around == HOLE:
        return calls[0], ""
    for part in ast.walk(ast.parse(around)):
        # Around the call only what says how to compare: sorted(...), set(...), round(..., 2).
        plain = (ast.Module, ast.Expr, ast.Call, ast.Name, ast.Constant, ast.Load, ast.Subscript,
                 ast.UnaryOp, ast.USub, ast.keyword)  # fmt: skip
        if not isinstance(part, plain):
            raise NotACaseError(NO_CALLS)
    return calls[0], around


def evaluate(
    source: Source,
    setup: str,
    function: ast.FunctionDef,
    tests: Sequence[tuple[int, Test]],
    sandbox: Sandbox,
) -> list[tuple[int, dict[str, Any], Any]]:
    """(index, bindings, expected) of each test whose values are plain. Values come from the tests'
    own text: the function is never asked what it gives."""
    names, defaults = parameters_with_defaults(function)
    found: list[tuple[int, dict[str, Any], Any]] = []
    for index, test in tests:
        pieces = {_piece(n): e for n, e in arguments_of(test.call, names).items()}
        for name in names:
            if _piece(name) not in pieces:
                if name not in defaults:
                    raise NotACaseError(f"{NO_CALLS}: no value for {name}")
                pieces[_piece(name)] = defaults[name]
        pieces[""] = test.expected
        values = literal_values(pieces)
        if values is None:
            values = _run_values(source, setup, function, test, pieces, sandbox)
        if values is None:
            continue
        result = values.pop("")
        bindings = {name: values[_piece(name)] for name in names}
        try:
            encode([bindings, result])
        except NotPlainError:
            continue
        found.append((index, bindings, result))
    return found


def _piece(name: str) -> str:
    return f"p_{name}"


def literal_values(pieces: Mapping[str, ast.expr]) -> dict[str, Any] | None:
    """The values of expressions that are literals; None where one is not."""
    try:
        return {name: ast.literal_eval(node) for name, node in pieces.items()}
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _run_values(
    source: Source,
    setup: str,
    function: ast.FunctionDef,
    test: Test,
    pieces: Mapping[str, ast.expr],
    sandbox: Sandbox,
) -> dict[str, Any] | None:
    """The values of expressions, evaluated in the sandbox beside the module and the test's setup;
    the function under test is taken away first, so that no value can come from it."""
    items = ", ".join(f"{name!r}: {ast.unparse(node)}" for name, node in pieces.items())
    rest = [i for i, n in enumerate(source.tree.body) if n is not function]
    parts = [
        source.module_text(rest),
        setup.replace("\r\n", "\n"),
        *(ast.unparse(s) for s in test.setup),
        f"def {_EVALUATE}():\n    return {{{items}}}\n",
    ]
    run = sandbox.run("\n".join(parts), _EVALUATE, {})
    return run.value if run.status == "ok" and isinstance(run.value, dict) else None
