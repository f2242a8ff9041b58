"""What is said of code without running it."""

from __future__ import annotations

import ast

import pytest

from tracemine.schemas.syntax import MAX_DEPTH, depth, undefined_names


def test_depth_counts_nodes_to_the_deepest_leaf() -> None:
    assert depth(ast.parse("")) == 1
    assert depth(ast.parse("x = 1")) == 4  # module, assignment, name, its context
    assert depth(ast.parse("x = 1" + " + 1" * 90)) <= MAX_DEPTH
    assert depth(ast.parse("x = 1" + " + 1" * 110)) > MAX_DEPTH


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("def f(a, b):\n    return swap(a, b) if a > b else a", ["swap"]),
        ("import math\ndef f(x):\n    return math.sqrt(x) + g(x)\ndef g(x):\n    return x", []),
        ("from heapq import *\ndef f(x):\n    return heappop(x)", []),
        ("def f(x):\n    def inner(y):\n        return x + y\n    return inner(1)", []),
        ("def f(x):\n    global total\n    total = x\n    return total", []),
        ("def f(x):\n    return [y for y in x if y] + [z]", ["z"]),
        (
            "class A:\n    k = 1\n    def m(self):\n        return k\ndef f():\n    A()",
            ["k"],
        ),
        (
            "def f(x):\n    try:\n        return 1\n    except ValueError as e:\n        return e",
            [],
        ),
    ],
)
def test_names_that_nothing_defines(code: str, names: list[str]) -> None:
    assert undefined_names(code) == names
