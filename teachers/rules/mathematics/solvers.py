"""The routines for equations of a kind, on their coefficients: what a span about one carries.

Each is the function itself, so that it is run here as it is read elsewhere.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True, slots=True)
class Solver:
    """``function`` with the type of what it gives."""

    function: Callable[..., Any]
    type: str

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.function).parameters)

    @property
    def code(self) -> str:
        """The function as a program of its own, without annotations."""
        return _source(self.function)


@lru_cache(maxsize=16)
def _source(function: Callable[..., Any]) -> str:
    source = _ANNOTATION.sub("", inspect.getsource(function))
    return f"import math\n\n\n{source}" if "math." in source else source


_ANNOTATION = re.compile(r": float| -> [^:\n]+(?=:\n)")


def solution_of_linear_equation(coefficient: float, constant: float, right_side: float) -> float:
    return (right_side - constant) / coefficient


def solution_of_two_sided_linear_equation(
    left_coefficient: float, left_constant: float, right_coefficient: float, right_constant: float
) -> float:
    return (right_constant - left_constant) / (left_coefficient - right_coefficient)


def roots_of_quadratic_equation(quadratic: float, linear: float, constant: float) -> list[float]:
    root = math.sqrt(linear**2 - 4 * quadratic * constant)
    roots = {(-linear - root) / (2 * quadratic), (-linear + root) / (2 * quadratic)}
    return sorted(roots)


def solution_of_two_linear_equations(
    x_first: float,
    y_first: float,
    constant_first: float,
    x_second: float,
    y_second: float,
    constant_second: float,
) -> tuple[float, float]:
    determinant = x_first * y_second - x_second * y_first
    x = (constant_first * y_second - constant_second * y_first) / determinant
    y = (x_first * constant_second - x_second * constant_first) / determinant
    return x, y


LINEAR = Solver(solution_of_linear_equation, "rational")
TWO_SIDED = Solver(solution_of_two_sided_linear_equation, "rational")
QUADRATIC = Solver(roots_of_quadratic_equation, "list[real]")
SYSTEM = Solver(solution_of_two_linear_equations, "tuple[rational, rational]")
