"""Whether a value stands in a problem or a trace, however it is written."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.model.stated import Stated


@pytest.mark.parametrize(
    ("text", "value", "type_text"),
    [
        ("It costs $1,200.50.", 1200.5, "real"), ("twelve hens", 12, "int"),
        ("a fall of 30%", 30, "int"), ("a fall of 30%", 0.3, "real"), ("half of it", 0.5, "real"),
        ("half of it", 2, "int"), ("3/4 of it", Fraction(3, 4), "rational"),
        ("3/4 of it", 4, "int"), (r"$\dfrac{9}{7}$", 9 / 7, "real"),
        (r"$\frac12$", Fraction(1, 2), "rational"),
        (r"1{,}000 of them", 1000, "int"), ("2 1/2 cups", 2.5, "real"), ("x_12 = 7", 12, "int"),
        (r"$5\sqrt{2}$", 5 * math.sqrt(2), "real"), (r"$\sqrt3/2$", math.sqrt(3) / 2, "real"),
        (r"$\frac{\sqrt{3}}{2}$", math.sqrt(3) / 2, "real"), (r"$2\pi$", 2 * math.pi, "real"),
        ("about 33.33", 100 / 3, "real"), ("5 million people", 5_000_000, "int"),
        ("the answer is -3", -3, "int"), ("it is (2, 5)", (2, 5), "tuple[int, int]"),
        ("1, 2 and 4", [1, 2, 4], "list[int]"), ("on a Tuesday", "tuesday", "str"),
        ("x^2 + 3x", "x**2 + 3*x", "expr"), (r"\frac{x}{y+7}", "x/(y + 7)", "expr"),
        ("", True, "bool"), ("", None, "none"), ("(x - 7)^2", 1, "int"), ("", [], "list[int]"),
        ("2 + 3i", 2 + 3j, "complex"), ("a is 4, b is 9", {"a": 4, "b": 9}, "dict[str, int]"),
    ],
)  # fmt: skip
def test_a_value_that_is_there(text: str, value: Any, type_text: str):
    assert Stated("", text).missing(value, type_text) is None
    assert Stated(text, "").missing(value, type_text) is None


@pytest.mark.parametrize(
    ("text", "value", "type_text", "missing"),
    [
        ("twelve hens and 30 eggs", 13, "int", "13"), ("about 33.33", 33.34, "real", "33.34"),
        ("about 33", 33.3, "real", "33.3"), ("1, 2 and 4", [1, 2, 5], "list[int]", "5"),
        ("on a Tuesday", "Monday", "str", "Monday"), ("x^2 + 3x", "x**2 + 5*x", "expr", None),
        ("x^2 + 3x", "q + 3", "expr", None), ("1200", 120, "int", "120"),
        ("a is 4", {"b": 4}, "dict[str, int]", "b"), (r"$5\sqrt{2}$", 7.0711, "real", None),
        ("", 10**30, "int", None),
    ],
)  # fmt: skip
def test_a_value_that_is_not(text: str, value: Any, type_text: str, missing: str | None):
    found = Stated(text, "").missing(value, type_text)
    assert found is not None
    assert missing is None or found == missing


@given(st.integers(0, 10**12), st.text("ab .,;:$", max_size=20))
def test_every_integer_that_is_written_is_found(number: int, around: str):
    assert Stated("", f"{around} {number} {around}").missing(number, "int") is None
    assert Stated("", f"{around} {number:,} {around}").missing(number, "int") is None


@given(st.floats(-(10**9), 10**9), st.integers(1, 8))
def test_a_rounded_number_stands_for_what_it_was(value: float, places: int):
    assert Stated(f"is {value:.{places}f}.", "").missing(value, "real") is None


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_can_be_asked(text: str, value: str):
    stated = Stated(text, text)
    stated.missing(value, "expr")
    assert stated.missing(text, "str") is None
