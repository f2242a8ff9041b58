"""Predicates hold on what works, and only there."""

from __future__ import annotations

import ast

import pytest
from code_traces import signature_of
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.derived.derive import describe
from tracemine.teachers.rules.derived.predicates import holds

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
    derived = describe("def f(x):\n    return x", "f", signature_of(bindings), bindings)
    assert derived.preconditions
    for predicate in derived.predicates:
        assert all(holds(predicate, b) for b in bindings)
        names = {n.id for n in ast.walk(ast.parse(predicate)) if isinstance(n, ast.Name)}
        assert names <= {
            "x", "item", "isinstance", "all", "int", "float", "str", "list", "dict", "set",
            "frozenset", "tuple", "bool", "type",
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
    predicates = describe(code, "f", signature_of([binding]), []).predicates
    try:
        function(**binding)
    except ZeroDivisionError:
        assert not all(holds(p, binding) for p in predicates)


@pytest.mark.parametrize(
    "predicate", ["open('x')", "x.__class__", "__import__('os')", "1 / 0", "y > 0", "x"]
)
def test_what_does_not_evaluate_to_true_does_not_hold(predicate: str) -> None:
    assert not holds(predicate, {"x": 5})
