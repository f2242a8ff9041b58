"""A pass that two routines owe to one point only is told from one that they owe to one method."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas import Instance, Parameter, Signature, content_id, encode
from tracemine.verifiers import Sandbox, shared_sandbox
from tracemine.verifiers.coincidence import Meeting, difference_nearby
from tracemine.verifiers.replay import Routine


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return shared_sandbox()


def routine(expression: str, *names: str, predicates: tuple[str, ...] = ()) -> Routine:
    code = f"def f({', '.join(names)}):\n    return {expression}"
    inputs = tuple(Parameter(name, "any") for name in names)
    signature = Signature(inputs, Parameter("result", "any"))
    return Routine(content_id(code), code, "f", signature, predicates, "exact")


def meeting(mine: Routine, other: Routine, **bindings: Any) -> Meeting:
    """Where ``mine`` meets ``other``, whose parameters are the keys, in the same order."""
    names = [parameter.name for parameter in mine.signature.inputs]
    keys = [parameter.name for parameter in other.signature.inputs]
    text = encode(bindings)
    instance = Instance("i", "s", "t", "p", text, encode(0), True)
    return Meeting(mine, dict(zip(names, keys, strict=True)), other, instance)


@pytest.mark.parametrize(
    ("mine", "other", "bindings"),
    [
        ("a + b * c", "x - y * z", {"x": 9, "y": 4, "z": 0}),
        ("a * b", "x + y", {"x": 2, "y": 2}),
        ("a * b", "x / y", {"x": 7, "y": 1}),
        ("a // b", "x / y", {"x": 8, "y": 4}),
        ("a * b", "x * y * 100", {"x": 0.0, "y": 3}),
        ("a % 10", "x", {"x": 9}),
        ("a + b", "x - y", {"x": 1e9, "y": 0.0}),
        ("a + b", "x - y", {"x": 1e17, "y": 0.0}),
        ("a + b", "x - y", {"x": 10**4299, "y": 0}),
        ("a[0] - a[-1]", "max(x) - min(x)", {"x": [9, 4, 1]}),
        ("a[0] - a[-1]", "max(x) - min(x)", {"x": (9, 4, 1)}),
        ("a + a[::-1]", "x * 2", {"x": "aa"}),
        ("a + a[::-1]", "x * 2", {"x": "bob"}),
        ("len(a) % 2 == 1", "x[0] == x[-1]", {"x": "bob"}),
        ("a % 2 == 0", "x & (x - 1) == 0", {"x": 16}),
        ("len(a)", "sum(x.values())", {"x": {"p": 1, "q": 1}}),
        ("max(a) - min(a)", "len(x) - 1", {"x": {1, 2, 3}}),
        ("sum(a)", "len(x)", {"x": []}),
        ("sum(a)", "len(x)", {"x": ()}),
        ("sum(a)", "len(x)", {"x": set()}),
        ("sum(a)", "len(x)", {"x": {}}),
        ("''.join(a)", "''.join(sorted(x))", {"x": []}),
        ("sum(map(len, a))", "len(x)", {"x": []}),
        ("sum(a.values())", "len(x)", {"x": {}}),
    ],
)
def test_routines_that_meet_at_one_point_only(
    mine: str, other: str, bindings: dict[str, Any], sandbox: Sandbox
) -> None:
    names = "abc"[: len(bindings)]
    met = meeting(routine(mine, *names), routine(other, *bindings), **bindings)
    (reason,) = difference_nearby([met], sandbox)
    assert reason.startswith("agrees with the other method at this point only: not with another ")
    assert reason.split()[-1] in bindings


@pytest.mark.parametrize(
    ("mine", "other", "bindings"),
    [
        ("a - b * c", "x - (z * y)", {"x": 9, "y": 4, "z": 0}),
        ("a * b / 100", "x / 100 * y", {"x": 30, "y": 250.5}),
        ("sorted(a)", "list(sorted(x))", {"x": [2, 1]}),
        ("''.join(reversed(a))", "x[::-1]", {"x": "word"}),
        ("{**a}", "dict(x)", {"x": {"p": [1], "q": [2]}}),
        ("len(set(a))", "len(dict.fromkeys(x))", {"x": []}),
        ("a[:b]", "x[0:y]", {"x": "word", "y": 2}),
        ("a / b", "x * (1 / y)", {"x": 3, "y": -1}),  # moved, y is zero: both raise
    ],
)
def test_one_method_in_other_words_agrees_nearby(
    mine: str, other: str, bindings: dict[str, Any], sandbox: Sandbox
) -> None:
    names = "abc"[: len(bindings)]
    met = meeting(routine(mine, *names), routine(other, *bindings), **bindings)
    assert difference_nearby([met], sandbox) == [""]


def test_a_point_outside_a_precondition_says_nothing(sandbox: Sandbox) -> None:
    bounded = routine("a - b", "a", "b", predicates=("b <= a",))
    met = meeting(bounded, routine("max(0, x - y)", "x", "y"), x=5, y=5)
    assert difference_nearby([met], sandbox) == [""]
    unbounded = meeting(routine("a - b", "a", "b"), met.origin, x=5, y=5)
    assert difference_nearby([unbounded], sandbox) == [
        "agrees with the other method at this point only: not with another x"
    ]


def test_the_largest_numbers_can_be_moved(sandbox: Sandbox) -> None:
    for x, y in ((10**4300 - 1, 0.5), (10**400, 1e308), (1e308, -1)):
        met = meeting(routine("b", "a", "b"), routine("y + 0 * (x > 0)", "x", "y"), x=x, y=y)
        assert difference_nearby([met], sandbox) == [""]


def test_code_that_never_ends_says_nothing(sandbox: Sandbox) -> None:
    code = "def f(a):\n    while a > 1:\n        pass\n    return a"
    endless = Routine("v", code, "f", routine("a", "a").signature, (), "numeric")
    assert difference_nearby([meeting(endless, routine("x", "x"), x=1)], sandbox) == [""]


@pytest.mark.parametrize("code", ["def f(:", "def f(a): return " + "-" * 50_000 + "1"])
def test_code_that_does_not_parse_says_nothing(code: str, sandbox: Sandbox) -> None:
    broken = Routine("v", code, "f", routine("a", "a").signature, (), "numeric")
    assert difference_nearby([meeting(broken, routine("x", "x"), x=1)], sandbox) == [""]


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(-9, 9), st.integers(-9, 9))
def test_linear_routines_agree_nearby_only_if_they_are_equal(
    x: int, y: int, p: int, q: int
) -> None:
    mine, other = routine(f"{p} * a + {q} * b", "a", "b"), routine("2 * x + 3 * y", "x", "y")
    met = meeting(mine, other, x=x, y=y)
    (reason,) = difference_nearby([met], shared_sandbox())
    agrees_here = p * x + q * y == 2 * x + 3 * y
    if agrees_here:
        assert (reason == "") == ((p, q) == (2, 3))
