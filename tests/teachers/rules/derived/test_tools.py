"""Routines that are one operation or one call."""

from __future__ import annotations

import pytest
from code_traces import signature_of

from tracemine.teachers.rules.derived.tools import single_tool


@pytest.mark.parametrize(
    ("code", "tool"),
    [
        ("def f(xs):\n    return sorted(xs)", "builtins.sorted"),
        ("def f(side):\n    '''Doc.'''\n    whole = 5 * side\n    return whole", "operator.mul"),
        ("import math\ndef f(a, b):\n    return math.gcd(a, b)", "math.gcd"),
        ("from math import gcd as g\ndef f(a, b):\n    return g(a, b)", "math.gcd"),
        ("def f(s):\n    return s.upper()", "str.upper"),
        ("def f(xs):\n    return ', '.join(xs)", "str.join"),
        ("def f(a, b):\n    if a > b:\n        return True\n    return False", "operator.gt"),
        ("def f(a, b):\n    return True if a == b else False", "operator.eq"),
        ("import math\ndef f(r):\n    return math.pi * r", "operator.mul"),
        ("RATE = 3\ndef f(a):\n    return a * RATE", "operator.mul"),
        ("def f(xs):\n    return xs[0]", "operator.getitem"),
        ("def f(total, x):\n    total += x\n    return total", "operator.add"),
        ("def f(a, b):\n    return a * b + 1", None),
        ("def f(xs):\n    return list(map(f, xs))", None),
        ("def f(xs):\n    return max(xs, key=lambda x: x[1])", None),
        ("def f(a):\n    return a", None),
        ("def f(xs):\n    for x in xs:\n        return x", None),
        ("def g(a):\n    return a\ndef f(a):\n    return g(a)", None),
        ("def f(a, b):\n    return a < b < 9", None),
        ("def f(a, b):\n    return False if a == b else True", None),
    ],
)
def test_single_tool(code: str, tool: str | None) -> None:
    assert single_tool(code, "f") == tool


def test_a_method_of_several_types_goes_by_the_signature() -> None:
    code = "def f(xs, x):\n    return xs.count(x)"
    signature = signature_of([{"xs": [1], "x": 1}])
    assert single_tool(code, "f", signature) == "list.count"
