"""Straight-line code as one expression."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.derived.functions import find_function
from tracemine.teachers.rules.derived.inlining import MAX_NODES, as_expression


def _expression(body: str) -> str | None:
    function = find_function(ast.parse(f"def f(a, b):\n    {body}\n"), "f")
    found = as_expression(function)
    return None if found is None else ast.unparse(found)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return a + b", "a + b"),
        ("'Doc.'\n    c = a * 2\n    d = c - b\n    return d / c", "(a * 2 - b) / (a * 2)"),
        ("a += b\n    return a * a", "(a + b) * (a + b)"),
        ("c = sorted(a)\n    return c[0]", "sorted(a)[0]"),
        # What is made once would be made twice.
        ("c = [a]\n    return c + c", None),
        ("c = input()\n    return [c for x in b]", None),
        ("if a:\n        return b\n    return a", None),
        ("for x in a:\n        b += x\n    return b", None),
        ("a.c = b\n    return a", None),
        ("c = a + 1\n    return [c for c in b]", None),
        ("return", None),
        ("c = a", None),
        ("c = a + a\n    " * 12 + "return " + " + ".join(["c"] * MAX_NODES), None),
    ],
)
def test_what_a_straight_line_comes_to(body: str, expected: str | None) -> None:
    assert _expression(body) == expected


_LINES = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("ab"), st.sampled_from("+-*"),
              st.sampled_from("ab")),
    max_size=5,
)  # fmt: skip


@given(_LINES, st.integers(-9, 9), st.integers(-9, 9))
def test_the_expression_gives_what_the_lines_give(
    lines: list[tuple[str, str, str, str]], a: int, b: int
) -> None:
    body = "\n    ".join([f"{to} = {x} {sign} {y}" for to, x, sign, y in lines] + ["return a - b"])
    text = _expression(body)
    assert text is not None
    space: dict[str, object] = {}
    exec(f"def f(a, b):\n    {body}\n", space)
    function = space["f"]
    assert callable(function)
    assert eval(text, {"a": a, "b": b}) == function(a, b)
