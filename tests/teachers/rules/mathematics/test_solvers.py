import ast
import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tracemine.schemas.types import parse
from tracemine.teachers.rules.mathematics.solvers import (
    LINEAR,
    QUADRATIC,
    SYSTEM,
    TWO_SIDED,
    Solver,
)

ALL = (LINEAR, TWO_SIDED, QUADRATIC, SYSTEM)
WHOLE = st.integers(-50, 50)
OTHER_THAN_ZERO = WHOLE.filter(bool)


def _read_elsewhere(solver: Solver) -> Any:
    """The function that the code alone gives, with nothing of this project beside it."""
    scope: dict[str, Any] = {}
    exec(solver.code, scope)
    return scope[solver.name]


@pytest.mark.parametrize("solver", ALL, ids=lambda solver: solver.name)
def test_a_solver_is_a_program_of_its_own(solver: Solver) -> None:
    tree = ast.parse(solver.code)
    (function,) = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    assert function.name == solver.name
    assert tuple(a.arg for a in function.args.args) == solver.parameters
    assert function.returns is None
    assert all(a.annotation is None for a in function.args.args)
    assert ("import math" in solver.code) == ("math." in ast.unparse(function))
    assert parse(solver.type)
    values = [1, -5, 6, 2, 3, 7][: len(solver.parameters)]
    assert _read_elsewhere(solver)(*values) == solver.function(*values)


@given(OTHER_THAN_ZERO, WHOLE, WHOLE)
def test_a_linear_equation(a: int, x: int, b: int) -> None:
    assert _read_elsewhere(LINEAR)(coefficient=a, constant=b, right_side=a * x + b) == x


@given(WHOLE, WHOLE, WHOLE, WHOLE)
def test_an_equation_with_two_sides(a: int, b: int, c: int, x: int) -> None:
    assume(a != c)
    d = a * x + b - c * x
    found = _read_elsewhere(TWO_SIDED)(
        left_coefficient=a, left_constant=b, right_coefficient=c, right_constant=d
    )
    assert found == x


@given(OTHER_THAN_ZERO, WHOLE, WHOLE)
def test_a_quadratic_equation_has_its_roots_in_order(a: int, one: int, other: int) -> None:
    found = _read_elsewhere(QUADRATIC)(
        quadratic=a, linear=-a * (one + other), constant=a * one * other
    )
    assert found == pytest.approx(sorted({one, other}))


@given(OTHER_THAN_ZERO, WHOLE, WHOLE)
def test_a_quadratic_equation_without_real_roots(a: int, b: int, c: int) -> None:
    assume(b * b < 4 * a * c)
    with pytest.raises(ValueError, match="math domain"):
        _read_elsewhere(QUADRATIC)(a, b, c)
    with pytest.raises(ZeroDivisionError):
        _read_elsewhere(QUADRATIC)(0, abs(b), c)


@given(WHOLE, WHOLE, WHOLE, WHOLE, WHOLE, WHOLE)
def test_two_equations(a: int, b: int, c: int, d: int, x: int, y: int) -> None:
    values = {
        "x_first": a, "y_first": b, "constant_first": a * x + b * y,
        "x_second": c, "y_second": d, "constant_second": c * x + d * y,
    }  # fmt: skip
    if a * d == b * c:
        with pytest.raises(ZeroDivisionError):
            _read_elsewhere(SYSTEM)(**values)
        return
    found = _read_elsewhere(SYSTEM)(**values)
    assert all(math.isclose(*pair, abs_tol=1e-9) for pair in zip(found, (x, y), strict=True))
