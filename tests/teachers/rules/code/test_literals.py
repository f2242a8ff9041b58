"""Numbers written in code."""

from __future__ import annotations

import ast
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.code.literals import is_of_numbers, is_worked_out, literal_number


def _node(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


_ARITHMETIC = st.recursive(
    st.integers(0, 99).map(str) | st.sampled_from(["0.5", "2.25", "-3"]),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(
        lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
    ),
    max_leaves=6,
)


@given(_ARITHMETIC)
def test_arithmetic_on_numbers_has_its_exact_value(text: str) -> None:
    node = _node(text)
    assert is_of_numbers(node)
    exact = literal_number(node)
    try:
        assert exact is not None
        assert float(exact) == pytest.approx(eval(text))
    except (AssertionError, ZeroDivisionError):
        with pytest.raises(ZeroDivisionError):
            eval(text)
        assert exact is None


@pytest.mark.parametrize("text", ["x", "x + 1", "'a'", "True", "[]", "[1, x]", "f(1)", "2 ** 3"])
def test_what_is_not_made_of_numbers(text: str) -> None:
    assert not is_of_numbers(_node(text))


@pytest.mark.parametrize(
    ("number", "expected"),
    [("37", True), ("-1985", True), ("12", False), ("100", False), ("10000", False),
     ("1440", False), ("0.35", False)],
)  # fmt: skip
def test_a_particular_number_was_worked_out_before(number: str, expected: bool) -> None:
    assert is_worked_out(Fraction(number)) is expected
