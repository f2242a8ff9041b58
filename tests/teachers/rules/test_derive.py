"""What is derived from a routine's code: tools, counts, conditions, steps."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas import Parameter, Signature
from tracemine.schemas.types import join_all, type_of
from tracemine.teachers.rules.derive import describe, holds, operations, single_tool


def _signature(bindings: Sequence[Mapping[str, Any]], output: str = "result") -> Signature:
    names = list(bindings[0])
    inputs = tuple(Parameter(n, join_all(type_of(b[n]) for b in bindings)) for n in names)
    return Signature(inputs, Parameter(output, "rational"))


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
    signature = _signature([{"xs": [1], "x": 1}])
    assert single_tool(code, "f", signature) == "list.count"


def test_a_value_made_once_is_not_shown_as_made_twice() -> None:
    code = (
        "def f(xs):\n    seen = set()\n"
        "    return [x for x in xs if x not in seen and not seen.add(x)]"
    )
    summary = describe(code, "f", _signature([{"xs": [1]}]), [{"xs": [1]}]).summary
    assert "set()" not in summary


def test_operations_follow_the_functions_that_are_needed() -> None:
    needed = "def g(a):\n    return a * a + 1\n"
    code = f"{needed}def unused(a):\n    return a + a\ndef f(a):\n    return g(a)"
    assert operations(code, "f") == 3
    assert operations("def f(a):\n    return -1", "f") == 0
    with pytest.raises(ValueError, match="no function"):
        operations(code, "h")


def test_conditions_of_straight_line_code() -> None:
    code = (
        "def share(total, spent, people):\n    left = total - spent\n    others = people - 1\n"
        "    return left / others"
    )
    bindings: list[dict[str, Any]] = [
        {"total": 9, "spent": 2, "people": 3},
        {"total": 20, "spent": 0.5, "people": 4},
    ]
    derived = describe(code, "share", _signature(bindings), bindings)
    assert "people - 1 != 0" in derived.predicates
    assert "people - 1 is not zero" in derived.preconditions
    assert "seen with people from 3 to 4" in derived.preconditions
    assert not any("seen" in p for p in derived.predicates)
    assert "division by zero when others is zero" in derived.failure_modes
    assert derived.subroutine.splitlines() == [
        "1. Subtract spent from total to get left.",
        "2. Subtract 1 from people to get others.",
        "3. Divide left by others; that is the result.",
    ]
    assert derived.summary == (
        "Computes result from total, spent and people: (total - spent) / (people - 1)"
    )


def test_a_guarded_division_is_no_precondition() -> None:
    code = "def f(a, b):\n    if b == 0:\n        return 0\n    return a / b"
    bindings = [{"a": 1, "b": 0}, {"a": 1, "b": 2}]
    derived = describe(code, "f", _signature(bindings), bindings)
    assert not any("!= 0" in p for p in derived.predicates)


def test_conditions_of_containers() -> None:
    code = "def f(xs, ys):\n    return max(xs) + ys[2] + sum(xs) / len(xs)"
    bindings = [{"xs": [1, 2], "ys": [1, 2, 3]}]
    derived = describe(code, "f", _signature(bindings), bindings)
    assert {"len(xs) > 0", "len(ys) >= 3", "isinstance(xs, list)"} <= set(derived.predicates)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "x is true or false"),
        ("a", "x is a string"),
        ([1, 2], "x is a list of integers"),
        ({"a": 1}, "x is a dictionary"),
        ((1, "a"), "x is a tuple"),
        ({1}, "x is a set of integers"),
        (2.5, "x is a number"),
        (None, "x is None"),
    ],
)
def test_types_in_words(value: object, words: str) -> None:
    derived = describe("def f(x):\n    return [x]", "f", _signature([{"x": value}]), [{"x": value}])
    assert words in derived.preconditions
    assert all(holds(p, {"x": value}) for p in derived.predicates)


def test_no_parameters_have_no_preconditions() -> None:
    signature = Signature((), Parameter("x", "int"))
    assert describe("def f():\n    return 1", "f", signature, [{}]).preconditions == ()


def test_loops_and_branches_in_words() -> None:
    code = """
def f(items, limit):
    total = 0
    for i in range(1, limit + 1):
        if items[i] > 3:
            total += items[i]
        else:
            total -= 1
    while total > limit:
        total //= 2
    return total
"""
    bindings = [{"items": [1, 2, 3, 4], "limit": 3}]
    text = describe(code, "f", _signature(bindings), bindings).subroutine
    assert text.splitlines() == [
        "1. Set total to 0.",
        "2. For each i from 1 to limit:",
        "   2.1 If items[i] is greater than 3, add items[i] to total.",
        "   2.2 Otherwise, subtract 1 from total.",
        "3. While total is greater than limit, repeat:",
        "   3.1 Divide total by 2, dropping the remainder.",
        "4. The result is total.",
    ]


_NUMBERS = st.one_of(
    st.integers(-50, 50), st.floats(-50, 50, allow_nan=False).map(lambda x: round(x, 2))
)
_PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ),
    max_leaves=8,
)


@given(st.lists(_PLAIN, min_size=1, max_size=4))
def test_predicates_hold_on_every_binding_of_any_type(values: list[object]) -> None:
    bindings = [{"x": v} for v in values]
    derived = describe("def f(x):\n    return x", "f", _signature(bindings), bindings)
    assert derived.preconditions
    for predicate in derived.predicates:
        assert all(holds(predicate, b) for b in bindings)
        names = {n.id for n in ast.walk(ast.parse(predicate)) if isinstance(n, ast.Name)}
        assert names <= {
            "x", "item", "isinstance", "all", "int", "float", "str", "list", "dict", "set",
            "frozenset", "tuple", "bool",
        }  # fmt: skip


_OPERATORS = st.sampled_from(["+", "-", "*", "/", "//", "%"])


@st.composite
def _expressions(draw: st.DrawFn, depth: int = 3) -> str:
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from(["a", "b", "c", "2", "10"]))
    left, right, sign = (
        draw(_expressions(depth - 1)),
        draw(_expressions(depth - 1)),
        draw(_OPERATORS),
    )
    if sign in "//%" and not any(name in right for name in "abc"):
        sign = "*"  # That a divisor without parameters is zero is no condition on parameters.
    return f"({left} {sign} {right})"


@given(_expressions(), st.integers(-5, 5), st.integers(-5, 5), st.integers(-5, 5))
def test_what_meets_the_predicates_does_not_divide_by_zero(
    expression: str, a: int, b: int, c: int
) -> None:
    """Derived on values that work; every other binding that meets all predicates works too."""
    code = f"def f(a, b, c):\n    return {expression}"
    space: dict[str, object] = {}
    exec(code, space)
    function = space["f"]
    assert callable(function)
    binding = {"a": a, "b": b, "c": c}
    predicates = describe(code, "f", _signature([binding]), []).predicates
    try:
        function(**binding)
    except ZeroDivisionError:
        assert not all(holds(p, binding) for p in predicates)


@pytest.mark.parametrize(
    "predicate", ["open('x')", "x.__class__", "__import__('os')", "1 / 0", "y > 0", "x"]
)
def test_what_does_not_evaluate_to_true_does_not_hold(predicate: str) -> None:
    assert not holds(predicate, {"x": 5})
