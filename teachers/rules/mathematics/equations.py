"""Equations in one unknown, solved in closed form over the trees of `expressions`.

The coefficients stay as they are written, so that a solution still says which numbers it rests on:
``3b + b = 20`` gives ``20 / (3 + 1)``.
"""

from __future__ import annotations

from fractions import Fraction

from tracemine.teachers.rules.arithmetic.expressions import (
    Binary,
    Call,
    Negative,
    NotArithmeticError,
    Number,
    Symbol,
    Tree,
    evaluate,
    operands,
    rebuilt,
    symbols,
)

#: Largest power of the unknown that arises on the way, and largest negative one.
MAX_POWER = 3

ZERO = Number(Fraction(0), 0, 0, fixed=True)
#: Coefficients by power of the unknown.
Polynomial = dict[int, Tree]


def polynomial(tree: Tree, unknown: str) -> Polynomial:
    """``tree`` as a polynomial in ``unknown`` (powers may be negative), its coefficients free of
    symbols.

    Raises:
        NotArithmeticError: if it is none, or not within `MAX_POWER`.
    """
    if not symbols(tree):
        return {0: tree}
    if isinstance(tree, Symbol):
        if tree.name != unknown:
            raise NotArithmeticError("another symbol")
        return {1: _one(tree)}
    if isinstance(tree, Negative):
        return {power: _negated(c) for power, c in polynomial(tree.operand, unknown).items()}
    if isinstance(tree, (Call, Number)):
        raise NotArithmeticError("a function of the unknown")
    left = polynomial(tree.left, unknown)
    if tree.symbol == "**":
        return _power(left, tree.right)
    right = polynomial(tree.right, unknown)
    if tree.symbol in "+-":
        return _sum(left, right, tree.symbol)
    if tree.symbol == "*":
        return _product(left, right)
    if tree.symbol == "/" and len(right) == 1:
        ((power, divisor),) = right.items()
        return _bounded({p - power: _quotient(c, divisor) for p, c in left.items()})
    raise NotArithmeticError("no polynomial")


def solve_linear(left: Tree, right: Tree, unknown: str) -> Tree | None:
    """The value of ``unknown`` for which the sides are equal, in closed form; None if the equation
    is not linear in it, or does not determine it."""
    try:
        first, second = polynomial(left, unknown), polynomial(right, unknown)
        powers = sorted({*_nonzero(first), *_nonzero(second)})
        if len(powers) != 2 or powers[1] - powers[0] != 1 or max(map(abs, powers)) > 1:
            return None
        low, high = powers
        # Only a side that has the unknown keeps it there: c = a x + b is read from the right.
        if high not in first and high in second:
            first, second = second, first
        constant = _sum_of(second.get(low), first.get(low), "-")
        coefficient = _sum_of(first.get(high), second.get(high), "-")
        if constant is None or coefficient is None or evaluate(coefficient) == 0:
            return None
        return _quotient(constant, coefficient)
    except NotArithmeticError:
        return None


def linear_coefficients(
    left: Tree, right: Tree, unknown: str
) -> tuple[Fraction, Fraction, Fraction, Fraction] | None:
    """Of an equation ``a x + b = c x + d`` the four coefficients; None if it is none, or does not
    determine ``x``."""
    try:
        first, second = polynomial(left, unknown), polynomial(right, unknown)
        if not {*first, *second} <= {0, 1}:
            return None
        a, b, c, d = (
            evaluate(side.get(power, ZERO)) for side in (first, second) for power in (1, 0)
        )
    except NotArithmeticError:
        return None
    return (a, b, c, d) if a != c else None


def plane_coefficients(
    left: Tree, right: Tree, unknowns: tuple[str, str]
) -> tuple[Fraction, Fraction, Fraction] | None:
    """Of a linear equation ``a x + b y = c`` in two unknowns the three coefficients; None if it is
    none."""
    try:
        whole = Binary("-", left, right)
        at = [
            evaluate(_at(whole, dict(zip(unknowns, point, strict=True))))
            for point in ((0, 0), (1, 0), (0, 1), (1, 1), (2, 3), (-1, 4))
        ]
    except NotArithmeticError:
        return None
    a, b = at[1] - at[0], at[2] - at[0]
    # What is linear at three points and at three more is no polynomial of the degrees met here.
    linear = all(
        at[0] + a * x + b * y == value
        for (x, y), value in zip(((1, 1), (2, 3), (-1, 4)), at[3:], strict=True)
    )
    return (a, b, -at[0]) if linear and a and b else None


def _at(tree: Tree, point: dict[str, int]) -> Tree:
    if isinstance(tree, Symbol):
        if tree.name not in point:
            raise NotArithmeticError("another symbol")
        return Number(Fraction(point[tree.name]), tree.start, tree.end)
    parts = [_at(part, point) for part in operands(tree)]
    return rebuilt(tree, parts) if parts else tree


def quadratic_coefficients(
    left: Tree, right: Tree, unknown: str
) -> tuple[Fraction, Fraction, Fraction] | None:
    """The coefficients, from the square down, of the quadratic equation that has all on its left
    side; None if it is none, or has no real root."""
    try:
        first, second = polynomial(left, unknown), polynomial(right, unknown)
        if not {*first, *second} <= {0, 1, 2}:
            return None
        values = {
            power: evaluate(first.get(power, ZERO)) - evaluate(second.get(power, ZERO))
            for power in (2, 1, 0)
        }
    except NotArithmeticError:
        return None
    square, linear, constant = values[2], values[1], values[0]
    if square == 0 or linear * linear < 4 * square * constant:
        return None
    return square, linear, constant


def _nonzero(side: Polynomial) -> list[int]:
    return [power for power, c in side.items() if evaluate(c) != 0]


def _one(symbol: Symbol) -> Number:
    return Number(Fraction(1), symbol.start, symbol.end, fixed=True)


def _is_number(tree: Tree, value: int) -> bool:
    return isinstance(tree, Number) and tree.value == value and not tree.percent


def _negated(tree: Tree) -> Tree:
    return tree.operand if isinstance(tree, Negative) else Negative(tree)


def _sum_of(left: Tree | None, right: Tree | None, symbol: str) -> Tree | None:
    if right is None or _is_number(right, 0):
        return left
    if left is None or _is_number(left, 0):
        return right if symbol == "+" else _negated(right)
    if isinstance(right, Negative):
        return Binary("-" if symbol == "+" else "+", left, right.operand)
    return Binary(symbol, left, right)


def _sum(left: Polynomial, right: Polynomial, symbol: str) -> Polynomial:
    found: Polynomial = {}
    for power in sorted({*left, *right}):
        coefficient = _sum_of(left.get(power), right.get(power), symbol)
        if coefficient is not None:
            found[power] = coefficient
    return found


def _times(left: Tree, right: Tree) -> Tree:
    if _is_number(left, 1):
        return right
    if _is_number(right, 1):
        return left
    if isinstance(left, Negative):
        return _negated(_times(left.operand, right))
    if isinstance(right, Negative):
        return _negated(_times(left, right.operand))
    return Binary("*", left, right)


def _quotient(left: Tree, right: Tree) -> Tree:
    if _is_number(right, 1):
        return left
    if isinstance(left, Negative):
        return _negated(_quotient(left.operand, right))
    if isinstance(right, Negative):
        return _negated(_quotient(left, right.operand))
    return Binary("/", left, right)


def _product(left: Polynomial, right: Polynomial) -> Polynomial:
    found: Polynomial = {}
    for first, one in left.items():
        for second, other in right.items():
            found = _sum(found, {first + second: _times(one, other)}, "+")
    return _bounded(found)


def _power(base: Polynomial, exponent: Tree) -> Polynomial:
    if not isinstance(exponent, Number) or exponent.value not in (1, 2, 3):
        raise NotArithmeticError("a power of the unknown")
    found = base
    for _ in range(int(exponent.value) - 1):
        found = _product(found, base)
    return found


def _bounded(side: Polynomial) -> Polynomial:
    if max(map(abs, side), default=0) > MAX_POWER:
        raise NotArithmeticError("a high power of the unknown")
    return side
