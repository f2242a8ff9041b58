"""What is only said otherwise has one normal form; what is done otherwise has another."""

from __future__ import annotations

import ast
import random
import time
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.schemas import Parameter, Signature
from tracemine.verifiers.normal_form import NormalForm, normal_form, roles


def form(code: str, *types: str) -> NormalForm:
    head = ast.parse(code).body[-1]
    assert isinstance(head, ast.FunctionDef)
    names = [argument.arg for argument in head.args.args]
    kinds = types or ("real",) * len(names)
    inputs = tuple(Parameter(name, kind) for name, kind in zip(names, kinds, strict=True))
    return normal_form(code, head.name, Signature(inputs, Parameter("out", "real")))


def function(result: str, parameters: str = "a, b, c", *lines: str) -> str:
    return "\n    ".join([f"def f({parameters}):", *lines, f"return {result}"])


ONE: dict[str, tuple[str, str]] = {
    "commuted": (function("a * b + c"), function("c + b * a")),
    "renamed": (function("a * b + c"), function("price * n + fee", "price, n, fee")),
    "parameters in another order": (function("a - b * c"), function("c - b * a")),
    "grouped": (function("a + b + c"), function("c + (a + b)")),
    "taken away at once": (function("a - b - c"), function("a - (b + c)")),
    "a step put in": (function("a - b * c"), function("a - cost", "a, b, c", "cost = c * b")),
    "a name given again": (function("a + b + c"), function("a", "a, b, c", "a += b", "a = a + c")),
    "half": (function("a * 1 / 2", "a, b"), function("a / 2", "a, b")),
    "half as a decimal": (function("a * 0.5 + b", "a, b"), function("b + a / 2", "a, b")),
    "a percentage": (function("a * (b / 100)", "a, b"), function("0.01 * a * b", "a, b")),
    "twice": (function("a + a - b", "a, b"), function("a * 2 - b", "a, b")),
    "a square": (function("a * a * b", "a, b"), function("b * a ** 2", "a, b")),
    "divided twice": (function("a / b / c"), function("a / (b * c)")),
    "the greater": (function("max(a, b) - c"), function("max(b, a) - c")),
    "a remainder": (function("(a + b) % c"), function("(b + a) % c")),
    "a docstring": (function("a + b", "a, b", "'Adds.'"), function("b + a", "a, b", "pass")),
    "a function of its own": (
        "def rise(x, p):\n    return x * p / 100\ndef f(a, b, c):\n"
        "    more = a + rise(a, b)\n    return more - rise(more, c)",
        function("more - more * c / 100", "a, b, c", "more = a + a * b / 100"),
    ),
    "a hint": (function("s", "a, b", "s: int = a + b"), function("a + b", "a, b")),
}

TWO: dict[str, tuple[str, str]] = {
    "multiplied out": (function("a * (b + c)"), function("a * b + a * c")),
    "multiplied out by a number": (function("2 * (a + b)", "a, b"), function("2 * a + 2 * b")),
    "another operation": (function("a - b", "a, b"), function("a + b", "a, b")),
    "another constant": (function("a / 2", "a, b"), function("a / 3", "a, b")),
    "cancelled": (function("a / b * b", "a, b"), function("a", "a, b")),
    "whole quotients": (function("a // b", "a, b"), function("a / b", "a, b")),
    "the other way round": (function("a - 2 * b", "a, b"), function("2 * a - b", "a, b")),
    "a condition": (function("a if a > b else b", "a, b"), function("max(a, b)", "a, b")),
    "a loop": (
        "def f(a, b):\n    for _ in range(b):\n        a += 1\n    return a",
        function("a + b", "a, b"),
    ),
}


@pytest.mark.parametrize("name", ONE)
def test_other_words_are_one_method(name: str) -> None:
    one, other = map(form, ONE[name])
    assert one.text == other.text


@pytest.mark.parametrize("name", TWO)
def test_another_way_is_another_method(name: str) -> None:
    one, other = map(form, TWO[name])
    assert one.text != other.text


def test_texts_and_lists_are_not_added_in_any_order() -> None:
    for kind in ("str", "list[int]", "any"):
        one = form(function("a + b + b", "a, b"), kind, kind)
        assert one.text != form(function("b + a + b", "a, b"), kind, kind).text
        assert one.text == form(function("a + a + b", "b, a")[:-9] + "b + a + a", kind, kind).text
    assert form(function("a + a", "a"), "str").text != form(function("2 * a", "a"), "int").text


def test_what_changes_its_input_or_calls_what_it_defines_has_its_code_for_a_form() -> None:
    for code in (
        "def f(a):\n    a.sort()\n    return a",
        "def f(a):\n    b = a\n    b += [1]\n    return a",
        "def g(a):\n    a.sort()\n    return a\ndef f(a):\n    return g(a)",
        "def f(a):\n    return f(a)",
        "def g(a, b):\n    return a\ndef f(a):\n    return g(a)",
        "import math\ndef f(a):\n    return len(a)",
        "def f(a):\n    return a.pop() - a.pop()",
        "def f(a, b=[]):\n    return a",
        "def f(a):\n    abs = a\n    return abs(a)",
        "def f(a):\n    return [x for x in a]",
        "def f(a):\n    pass",
    ):
        head = [n for n in ast.parse(code).body if isinstance(n, ast.FunctionDef)][-1]
        inputs = tuple(Parameter(p.arg, "list[int]") for p in head.args.args)
        found = normal_form(code, "f", Signature(inputs, Parameter("out", "any")))
        assert found.text.startswith("code: ") and found.orders == (tuple(range(len(inputs))),)


# -- any arithmetic, said otherwise ----------------------------------------------------------------

NAMES = ["a", "b", "c", "d"]

expressions = st.recursive(
    st.sampled_from([*NAMES, "2", "3", "0.5", "100"]),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(
        lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
    ),
    max_leaves=8,
)


def said_otherwise(node: ast.expr, rng: random.Random, lines: list[str]) -> str:
    """The same expression in other words: sides exchanged, some parts by names of their own."""
    if not isinstance(node, ast.BinOp):
        return ast.unparse(node)
    left, right = (said_otherwise(side, rng, lines) for side in (node.left, node.right))
    match node.op:
        case ast.Div() if isinstance(node.right, ast.Constant):
            found = f"({rng.choice(['1', '1.0'])} / {right} * {left})"
        case ast.Sub() if rng.random() < 0.5:
            found = f"(-{right} + {left})"
        case ast.Add() | ast.Mult() if rng.random() < 0.5:
            found = f"({right} {'+' if isinstance(node.op, ast.Add) else '*'} {left})"
        case ast.Sub():
            found = f"({left} - {right})"
        case ast.Div():
            found = f"({left} / {right})"
        case _:
            found = f"({left} {'+' if isinstance(node.op, ast.Add) else '*'} {right})"
    if rng.random() < 0.3:
        lines.append(f"step{len(lines)} = {found}")
        return f"step{len(lines) - 1}"
    return found


@settings(max_examples=150, deadline=None)
@given(expressions, st.integers(0, 2**32))
def test_arithmetic_said_otherwise_has_one_form_and_its_roles_give_one_result(
    expression: str, seed: int
) -> None:
    rng = random.Random(seed)
    lines: list[str] = []
    tree = ast.parse(expression, mode="eval").body
    result = said_otherwise(tree, rng, lines)
    order = rng.sample(NAMES, len(NAMES))
    code = function(expression, ", ".join(NAMES))
    other = function(result, ", ".join(order), *lines)
    one, two = form(code), form(other)
    assert one.text == two.text
    values = [Fraction(rng.randint(1, 10**6), rng.randint(1, 99)) for _ in NAMES]
    expected = _run(code, values)
    for way in roles(one, two):
        moved = dict(zip(way, values, strict=True))
        found = _run(other, [moved[place] for place in range(len(NAMES))])
        assert found == pytest.approx(expected, rel=1e-6) or None in (found, expected)


def _run(code: str, values: list[Fraction]) -> float | None:
    scope: dict[str, Any] = {}
    exec(code, scope)
    try:
        return float(scope["f"](*map(float, values)))
    except ZeroDivisionError:
        return None


@pytest.mark.parametrize(
    "code",
    [
        function("x", "x", *["x = x * x + x"] * 200),
        function("x", "x", *["x = (x + 1) * (x + 2)"] * 200),
        function("n * x", "x", "n = 99999999999999999999", *["n = n * n"] * 60),
        function("+".join(["x"] * 300), "x"),
        function("x ** 999999999", "x"),
        function("(" * 150 + "x" + ")" * 150, "x"),
        function("-" * 100 + "x", "x"),
        function(" + ".join(f"p{n} * p{n + 1}" for n in range(0, 40, 2)),
                 ", ".join(f"p{n}" for n in range(40))),
        function("1e999 * x", "x"),
        "\n".join(
            ["def g0(x): return x", *(f"def g{n}(x): return g{n - 1}(g{n - 1}(x))"
             for n in range(1, 40)), "def f(x): return g39(x)"]
        ),
        function("x / 0", "x"),
        function("'" + "y" * 50_000 + "' if x else x", "x"),
    ],
)  # fmt: skip
def test_hostile_code_has_a_form_soon(code: str) -> None:
    started = time.process_time()
    found = form(code)
    assert len(found.text) < 110_000 and found.orders
    assert time.process_time() - started < 5
