from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tracemine.teachers.rules.arithmetic.expressions import evaluate, literal, render
from tracemine.teachers.rules.mathematics.equations import (
    linear_coefficients,
    plane_coefficients,
    quadratic_coefficients,
    solve_linear,
)
from tracemine.teachers.rules.mathematics.latex import read_formula

_small = st.integers(-30, 30)


def _solution(left: str, right: str) -> str | None:
    found = solve_linear(read_formula(left), read_formula(right), "x")
    return None if found is None else render(found, lambda number: literal(number.value))


@pytest.mark.parametrize(
    ("left", "right", "solution"),
    [
        ("3x + x", "20", "20 / (3 + 1)"),
        ("3(4) + 2x", "12", "(12 - 3 * 4) / 2"),
        ("12", "3(4) + 2x", "(12 - 3 * 4) / 2"),
        (r"180 - \frac{360}{x}", r"6.5 \cdot \frac{360}{x}", "(6.5 * 360 + 360) / 180"),
        (r"\frac{x}{3} + 2", "7", "(7 - 2) / (1 / 3)"),
        ("2x - 8", "4", "(4 + 8) / 2"),
        ("x", "5", "5"),
        ("x^2 + 3x", "x^2 + 6", None),
        ("x^2", "4", None),
        ("2x + 1", "2x + 3", None),
        ("x + y", "3", None),
        (r"\sqrt{x}", "3", None),
        (r"\frac{1}{x + 1}", "3", None),
    ],
)
def test_solves_in_closed_form(left: str, right: str, solution: str | None) -> None:
    assert _solution(left, right) == solution


@given(_small, _small, _small, _small)
def test_the_solution_solves(a: int, b: int, c: int, d: int) -> None:
    assume(a != c)
    left, right = read_formula(f"({a})x + ({b})"), read_formula(f"({c})x + ({d})")
    assert linear_coefficients(left, right, "x") == (a, b, c, d)
    found = solve_linear(left, right, "x")
    if a == 0 and c == 0:
        assert found is None
    elif found is not None:
        value = evaluate(found)
        assert a * value + b == c * value + d


@given(_small, _small, _small, _small)
def test_quadratic_coefficients_are_those_of_the_roots(a: int, p: int, q: int, e: int) -> None:
    assume(a)
    left, right = read_formula(f"({a})(x - ({p}))(x - ({q})) + ({e})"), read_formula(f"({e})")
    found = quadratic_coefficients(left, right, "x")
    assert found == (a, -a * (p + q), a * p * q)


@pytest.mark.parametrize(
    ("left", "right"),
    [("x^2 + 1", "0"), ("x^3", "1"), ("2x", "3"), (r"\frac{1}{x} + x^2", "2"), ("x^2 + y", "3")],
)
def test_no_real_quadratic(left: str, right: str) -> None:
    assert quadratic_coefficients(read_formula(left), read_formula(right), "x") is None


@given(_small, _small, _small)
def test_a_line_in_the_plane(a: int, b: int, c: int) -> None:
    left, right = read_formula(f"({a})x - ({c})"), read_formula(f"({b})y")
    found = plane_coefficients(left, right, ("x", "y"))
    assert found == ((Fraction(a), Fraction(-b), Fraction(c)) if a and b else None)


@pytest.mark.parametrize(
    "left", ["xy", "x^2 + y", r"\frac{x}{y}", "x + z", r"\sqrt{x} + y", "|x| + y"]
)
def test_no_line_in_the_plane(left: str) -> None:
    assert plane_coefficients(read_formula(left), read_formula("3"), ("x", "y")) is None
