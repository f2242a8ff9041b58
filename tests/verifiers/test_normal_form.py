"""What is only said otherwise has one normal form; what is done otherwise has another."""

from __future__ import annotations

import ast
import random
import re
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


#: What is the same for fractions, and another result where a rounding shows: two expressions over
#: a, b, c and, as lists, xs and ys; values that tell them apart.
ROUNDED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "cut": ("int(a * 0.29)", "int(a * 29 / 100)", {"a": 100}),
    "cut in another order": ("int(a / c * b)", "int(a * b / c)", {"a": 1, "b": 49, "c": 49}),
    "written out": ("str(a * 1.0)", "str(a)", {"a": 2}),
    "written out after all": ("str(a / 2 * 2)", "str(a)", {"a": 2}),
    "the greater written out": (
        "str(max(a, b)) + str(a)", "str(max(b, a)) + str(a)", {"a": 1, "b": 1.0},
    ),
    "an index": ("xs[a / 1]", "xs[a]", {"xs": [1, 2], "a": 1}),
    "repeated": ("xs * (a * 1.0)", "xs * a", {"xs": [1], "a": 2}),
    "counted": ("list(range(a * 1.0))", "list(range(a))", {"a": 2}),
    "compared": ("a / 3 * 3 == b", "a == b", {"a": 2**60 + 1, "b": 2**60 + 1}),
    "a case": ("a if a * 0.29 < b else b", "a if a * 29 / 100 < b else b", {"a": 100, "b": 29}),
    "a remainder": ("a / c * b % 1", "a * b / c % 1", {"a": 1, "b": 49, "c": 49}),
    "a whole quotient": ("a * 0.1 // b", "a / 10 // b", {"a": 3, "b": 0.1}),
    "a whole power": ("(-2) ** (a * 0.29)", "(-2) ** (a * 29 / 100)", {"a": 100}),
    "rounded": ("round(a * 0.29 + 0.5)", "round(a * 29 / 100 + 0.5)", {"a": 100}),
    "found": ("(a * 0.29) in xs", "(a * 29 / 100) in xs", {"a": 100, "xs": [29]}),
    "both": ("a * 0.29 - 29 and b", "a * 29 / 100 - 29 and b", {"a": 100, "b": 1}),
    "a sum that is divided by": (
        "a / (a + b + c)", "a / (a + (b + c))", {"a": 0.1, "b": 0.2, "c": -0.3},
    ),
    "a quotient that is divided by": ("a / (b / c)", "a * c / b", {"a": 1, "b": 1, "c": 0}),
    "a quotient that is divided by twice": ("a / (2 / (b / c))", "a * b / c / 2",
                                             {"a": 1, "b": 0, "c": 2}),
    "up to": ("xs[:a]", "xs[a:]", {"xs": [1, 2, 3], "a": 1}),
    "by steps": ("xs[::a]", "xs[:a]", {"xs": [1, 2, 3], "a": 2}),
    "from on by steps": ("xs[a::b]", "xs[a:b]", {"xs": [1, 2, 3, 4], "a": 1, "b": 2}),
    "a chain": ("a < b > c", "a > b < c", {"a": 1, "b": 2, "c": 1}),
    "a step that fails": ("0 * a if b else a / c", "0 * a if b else a / c + 0 * d",
                          {"a": 1, "b": 1, "c": 0}),
}  # fmt: skip


@pytest.mark.parametrize("name", ROUNDED)
def test_what_a_rounding_turns_into_another_result_is_another_method(name: str) -> None:
    first, second, values = ROUNDED[name]
    lines = ["d = a / c"] if "+ 0 * d" in second else []
    kinds = ["list[int]" if isinstance(value, list) else "real" for value in values.values()]
    one = function(first, ", ".join(values))
    other = function(second, ", ".join(values), *lines)
    assert form(one, *kinds).text != form(other, *kinds).text
    assert _outcome(one, list(values.values())) != _outcome(other, list(values.values()))


def test_what_is_taken_as_written_may_have_steps_names_and_sides_exchanged() -> None:
    for one, other in (
        (function("int(a * b + c)"), function("int(z)", "c, a, b", "y = b * a", "z = c + y")),
        (function("a / (b + c)"), function("a / d", "a, b, c", "d = c + b")),
        (function("a if a * b > c else c"), function("a if t else c", "b, a, c", "t = b * a > c")),
        (function("a / (b * 2) / c"), function("a / (2 * c * b)")),
        (function("a * (1 - 0.2)", "a"), function("0.8 * a", "a")),
        (function("a / (1 - 0.2)", "a"), function("a / 0.8", "a")),
    ):
        assert form(one).text == form(other).text, (one, other)
    one = form(function("xs[n:n + 1]", "xs, n"), "list[int]", "int")
    assert one.text == form(function("xs[n:end]", "n, xs", "end = 1 + n"), "int", "list[int]").text
    assert not one.text.startswith("code: ")


def test_a_step_that_fails_is_done_though_its_result_is_not_used() -> None:
    plain = form(function("a + b", "a, b"))
    assert plain.text != form(function("a + b", "a, b", "c = a / b")).text
    assert plain.text != form(function("a + b", "a, b", "c = int(a)")).text
    assert plain.text == form(function("a + b", "a, b", "c = a * b")).text
    early = form(function("q if b else a", "a, b", "q = a / b"))
    assert early.text != form(function("a / b if b else a", "a, b")).text


def test_an_iterator_is_used_up() -> None:
    code = function("list(r) + list(r)", "xs", "r = reversed(xs)")
    other = function("list(reversed(xs)) + list(reversed(xs))", "xs")
    assert form(code, "list[int]").text != form(other, "list[int]").text


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


def said_otherwise(
    node: ast.expr, rng: random.Random, lines: list[str], *, is_divisor: bool = False
) -> str:
    """The same expression in other words: sides exchanged, some parts by names of their own; in a
    divisor no more than that."""
    if not isinstance(node, ast.BinOp):
        return ast.unparse(node)
    left = said_otherwise(node.left, rng, lines, is_divisor=is_divisor)
    is_divided = isinstance(node.op, ast.Div)
    right = said_otherwise(node.right, rng, lines, is_divisor=is_divisor or is_divided)
    match node.op:
        case ast.Sub() | ast.Div() if is_divisor:
            found = f"({left} {'/' if is_divided else '-'} {right})"
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
        if found is None or expected is None:
            assert found == expected
        else:
            assert found == pytest.approx(expected, rel=1e-6)


def _outcome(code: str, values: list[Any]) -> str:
    """The result, or how it fails, with its type."""
    scope: dict[str, Any] = {}
    exec(code, scope)
    try:
        return repr(scope["f"](*values))
    except (ArithmeticError, TypeError) as error:
        return type(error).__name__


def _run(code: str, values: list[Fraction]) -> float | None:
    scope: dict[str, Any] = {}
    exec(code, scope)
    try:
        return float(scope["f"](*map(float, values)))
    except ZeroDivisionError:
        return None


# -- any rewriting, sound or not -------------------------------------------------------------------

#: Expressions in x and y that are one to fractions.
REWRITINGS = (
    ("x + y", "y + x"), ("x * y", "y * x"), ("x / 1", "x"), ("x * 1.0", "x"), ("x / 2 * 2", "x"),
    ("x - y", "0 - y + x"), ("x / y", "1 / y * x"), ("x * 0.29", "x * 29 / 100"),
    ("x / (2 / y)", "x * y / 2"), ("x / y / 3", "x / (3 * y)"), ("x / y * 7", "x * 7 / y"),
    ("x / (y / 100)", "x * 100 / y"), ("x + y + 0.1", "x + (y + 0.1)"), ("x ** 2", "x * x"),
    ("abs(x) - y", "0 - y + abs(x)"), ("max(x, y)", "max(y, x)"), ("x - y + y", "x + y - y"),
)  # fmt: skip
#: What is put around them.
AROUND = (
    "x", "int(x)", "str(x)", "round(x)", "round(x, 1)", "xs[x]", "xs[x:]", "xs[:x]", "xs[::x]",
    "xs * x", "list(range(x))", "x // b", "x % 1", "x ** b", "a / x", "x == b", "abs(x)",
    "a if x < b else b", "x and a", "min(x, b)", "[x, b]", "not x", "len(xs[x:])", "a < x <= b",
    "b if a else x", "float(x)", "divmod(x, b)", "sum([x, a])",
)  # fmt: skip
AT = (0, 1, -1, 2, -3, 7, 49, 100, 0.5, -0.25, 0.1, 0.3, 29.0)


def _put_in(text: str, **parts: str) -> str:
    return re.sub(r"\b[xy]\b", lambda match: f"({parts[match[0]]})", text)


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(AROUND),
    st.sampled_from(REWRITINGS),
    st.sampled_from(["a", "b", "c", "a - b", "a * c", "b / c", "3"]),
    st.sampled_from(["a", "b", "c", "a + c", "b * c", "a / c", "0.1"]),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_routines_of_one_form_give_one_result_or_both_fail(
    around: str,
    rewriting: tuple[str, str],
    x: str,
    y: str,
    has_a_step: bool,
    seed: int,
) -> None:
    kinds = {"a": "real", "b": "real", "c": "int", "xs": "list[int]"}
    one, other = (_put_in(text, x=x, y=y) for text in rewriting)
    lines = [f"step = {other}"] if has_a_step else []
    first = function(_put_in(around, x=one), ", ".join(kinds))
    second = function(_put_in(around, x="step" if has_a_step else other), ", ".join(kinds), *lines)
    forms = [form(code, *kinds.values()) for code in (first, second)]
    if forms[0].text != forms[1].text:
        return
    rng = random.Random(seed)
    for _ in range(20):
        xs = [rng.randint(-3, 9) for _ in range(rng.randint(0, 4))]
        values = [rng.choice(AT), rng.choice(AT), rng.choice([0, 1, 2, -1]), xs]
        expected = _result(first, values)
        for way in roles(*forms):
            moved = dict(zip(way, values, strict=True))
            found = _result(second, [moved[place] for place in range(len(kinds))])
            assert found == expected or (
                type(found) in (int, float, list)
                and found == pytest.approx(expected, rel=1e-9, abs=1e-9)
            ), (first, second, values)


def _result(code: str, values: list[Any]) -> Any:
    scope: dict[str, Any] = {}
    exec(code, scope)
    try:
        return scope["f"](*values)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return "fails"


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
