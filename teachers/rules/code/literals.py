"""Numbers written in code: their exact values, and which of them a solver worked out before."""

from __future__ import annotations

import ast
from fractions import Fraction

from tracemine.teachers.rules.arithmetic.lifting import WELL_KNOWN

#: Whole numbers up to this one are constants unless the problem states them.
LARGEST_SMALL_CONSTANT = 12
#: Larger ones that belong to methods: of time, angles, weights, lengths, and computing.
CONSTANTS = WELL_KNOWN | frozenset(
    map(
        Fraction,
        (14, 16, 28, 31, 32, 36, 48, 64, 90, 128, 144, 168, 180, 256, 273, 360, 366, 1024, 1440,
         1760, 2000, 2200, 5280, 86400, 604800, 31536000),
    )
)  # fmt: skip


def is_of_numbers(node: ast.expr) -> bool:
    """Whether ``node`` is made of numbers alone."""
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float)
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, (ast.USub, ast.UAdd)) and is_of_numbers(node.operand)
    if isinstance(node, ast.BinOp):
        plain = (ast.Add, ast.Sub, ast.Mult, ast.Div)
        return isinstance(node.op, plain) and is_of_numbers(node.left) and is_of_numbers(node.right)
    if isinstance(node, (ast.List, ast.Tuple)):
        return bool(node.elts) and all(map(is_of_numbers, node.elts))
    return False


def literal_number(node: ast.expr) -> Fraction | None:
    """The exact value of arithmetic on numbers."""
    if isinstance(node, ast.Constant):
        try:
            return Fraction(str(node.value))
        except ValueError:
            return None
    if isinstance(node, ast.UnaryOp):
        inner = literal_number(node.operand)
        return -inner if inner is not None and isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.BinOp):
        left, right = literal_number(node.left), literal_number(node.right)
        if left is None or right is None:
            return None
        if isinstance(node.op, ast.Div):
            return left / right if right else None
        if isinstance(node.op, ast.Mult):
            return left * right
        return left + right if isinstance(node.op, ast.Add) else left - right
    return None


def is_worked_out(number: Fraction) -> bool:
    """Whether a number that the problem need not state is data all the same: too particular for a
    constant, so worked out by the solver before it was written down."""
    if number.denominator != 1 or abs(number) <= LARGEST_SMALL_CONSTANT:
        return False
    power_of_ten = str(abs(number.numerator)).strip("0") == "1"
    return abs(number) not in CONSTANTS and not power_of_ten
