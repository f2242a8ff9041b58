"""Names read and written, and what a value depends on."""

from __future__ import annotations

import ast

import pytest

from tracemine.teachers.rules.derived.slices import backward_slice, closure, reads_of, writes_of

KNOWN = frozenset({"range", "sum", "print", "len"})


@pytest.mark.parametrize(
    ("code", "reads", "writes"),
    [
        ("x = a + b", ["a", "b"], ["x"]),
        ("x += a", ["x", "a"], ["x"]),
        ("xs[i] = a", ["a", "xs", "i"], ["xs"]),
        ("xs.append(a)", ["xs", "a"], ["xs"]),
        ("y = [x * k for x in xs if x]", ["xs", "k"], ["y"]),
        ("f = lambda x: x + k", ["k"], ["f"]),
        ("for i in xs:\n    t += i", ["xs", "t"], ["i", "t"]),
        ("for i in xs:\n    t = i\n    u = t", ["xs"], ["i", "t", "u"]),
        ("if a:\n    x = 1\nelse:\n    y = x", ["a", "x"], ["x", "y"]),
        ("def g(p, q=d):\n    r = p\n    return r + outer", ["d", "outer"], ["g"]),
        (
            "def g(p: A[E], *q: B, r: 'C' = 1) -> D:\n    return p",
            ["A", "B", "D", "E"],
            ["g"],
        ),
        ("import numpy as np", [], ["np"]),
        ("with op(p) as h:\n    x = h", ["op", "p"], ["h", "x"]),
        ("a, (b, c) = d", ["d"], ["a", "b", "c"]),
    ],
)
def test_reads_and_writes(code: str, reads: list[str], writes: list[str]) -> None:
    (node,) = ast.parse(code).body
    assert sorted(reads_of(node)) == sorted(reads)
    assert sorted(writes_of(node)) == sorted(writes)


def test_a_slice_stops_at_the_data_and_leaves_out_the_rest() -> None:
    body = ast.parse("a = 5\nb = 7\nnoise = b * 2\nc = a * b\nd = c + 1\nprint(noise)").body
    found = backward_slice(body, 4, ["d"], lifted={0: "a", 1: "b"}, known=KNOWN)
    assert found is not None
    assert found.included == (3, 4)
    assert found.inputs == (0, 1)
    assert found.outside == ()


def test_loops_and_changes_in_place_are_kept() -> None:
    body = ast.parse(
        "t = 0\nxs = []\nfor i in range(n):\n    t += i\n    xs.append(t)\ny = sum(xs)"
    ).body
    found = backward_slice(body, 3, ["y"], lifted={}, known=KNOWN)
    assert found is not None
    assert found.included == (0, 1, 2, 3)
    assert found.outside == ("n",)


def test_a_name_with_two_data_values_cannot_be_one_parameter() -> None:
    body = ast.parse("x = 5\na = x * 2\nx = 7\nb = a + x").body
    assert backward_slice(body, 3, ["b"], lifted={0: "x", 2: "x"}, known=KNOWN) is None


def test_a_dead_value_is_left_out() -> None:
    body = ast.parse("x = 0\nx = a * 2\ny = x + 1").body
    found = backward_slice(body, 2, ["y"], lifted={}, known=KNOWN)
    assert found is not None
    assert found.included == (1, 2)


def test_closure_takes_what_is_needed_indirectly() -> None:
    body = ast.parse(
        "import math\nimport os\nK = 2\ndef g(x):\n    return math.sqrt(x) * K\n"
        "def f(x):\n    return g(x)\ndef h(x):\n    return os.getcwd()"
    ).body
    assert closure(body, ["f"]) == [0, 2, 3, 4]
    assert closure(body, ["f"], definitions_only=True) == [0, 3, 4]


def test_closure_takes_what_annotations_need() -> None:
    body = ast.parse(
        "from __future__ import annotations\nfrom typing import List, Dict\nfrom abc import ABC\n"
        "Row = List[int]\ndef f(x: Row) -> 'Dict':\n    return x\ndef g(x: ABC): return x"
    ).body
    assert closure(body, ["f"]) == [0, 1, 3, 4]
    assert closure(body, ["g"]) == [0, 2, 5]
    assert closure(body, ["h"]) == []
