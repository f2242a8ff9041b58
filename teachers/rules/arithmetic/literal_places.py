"""Where the numbers of a calculation stand in it, and what their places make them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from tracemine.teachers.rules.arithmetic.expressions import Binary, Expression, Negative, Number

PlaceRole = Literal["", "power", "hundred", "one"]


@dataclass(frozen=True, slots=True)
class LiteralPlace:
    """A literal operand: what its place may make it (a small exponent, the 100 of a percentage, the
    1 in ``1 - 0.2``; empty for any other), the operation that it is an operand of, the product
    that it is a factor of (None for a term), whether the number before a percent sign may stand
    there, whether it is a divisor, or behind a minus, whether the result is money (None: the text
    does not say what is), the other numbers of the calculation, and the unit that it does not
    change (None: it changes the unit, or the text does not say)."""

    number: Number
    role: PlaceRole
    symbol: str
    product: int | None
    in_percent: bool
    divides: bool = False
    taken: bool = False
    money: bool | None = None
    others: tuple[Fraction, ...] = ()
    kept_unit: str | None = None


def literal_places(
    expression: Expression, is_percent: Callable[[Number], bool] = lambda number: False
) -> list[LiteralPlace]:
    """The literal operands from left to right. ``is_percent`` says which numbers, where they are
    added or taken away, are percentages."""
    found: list[LiteralPlace] = []
    products = 0
    percent = _is_of_hundred(expression, is_percent)

    def walk(part: Expression, place: LiteralPlace | None, product: int | None) -> None:
        nonlocal products
        if isinstance(part, Number):
            found.append(place or LiteralPlace(part, "", "", None, percent))
        elif isinstance(part, Negative):
            walk(part.operand, None, product)
        else:
            within = None
            if part.symbol in ("*", "/", "**"):
                products += product is None
                within = products if product is None else product
            for side, other in ((part.left, part.right), (part.right, part.left)):
                below = None
                if isinstance(side, Number):
                    is_right = side is part.right
                    role = _role(part.symbol, side, other, is_right, is_percent)
                    divides = is_right and part.symbol == "/"
                    taken = is_right and part.symbol == "-"
                    below = LiteralPlace(side, role, part.symbol, within, percent, divides, taken)
                walk(side, below, within)

    walk(expression, None, None)
    return found


_HUNDREDTHS = (Fraction(100), Fraction(1, 100))


def _is_of_hundred(expression: Expression, is_percent: Callable[[Number], bool]) -> bool:
    """Whether the number before a percent sign may stand in a calculation: where something is a
    percentage, or multiplied or divided by a hundred, or where a hundred is the whole of which a
    percentage is taken. A hundred dollars beside forty are none of these."""
    if isinstance(expression, Number):
        return expression.percent
    if isinstance(expression, Negative):
        return _is_of_hundred(expression.operand, is_percent)
    symbol, left, right = expression.symbol, expression.left, expression.right
    if symbol in "*/" and any(
        isinstance(side, Number) and side.value in _HUNDREDTHS for side in (left, right)
    ):
        return True
    if _is_whole(symbol, left, right, is_percent):
        return True
    return _is_of_hundred(left, is_percent) or _is_of_hundred(right, is_percent)


def _is_whole(
    symbol: str, part: Expression, other: Expression, is_percent: Callable[[Number], bool]
) -> bool:
    """Whether ``part`` is the hundred of a hundred percent, to which ``other`` is added, or from
    which it is taken."""
    if symbol not in "+-" or not isinstance(part, Number) or part.value != 100:
        return False
    return part.percent or _is_percentage(other, is_percent)


def _is_percentage(expression: Expression, is_percent: Callable[[Number], bool]) -> bool:
    """Whether a number, or each term of a sum, is a percentage."""
    if isinstance(expression, Number):
        return expression.percent or is_percent(expression)
    if isinstance(expression, Negative) or expression.symbol not in "+-":
        return False
    sides = (expression.left, expression.right)
    return all(_is_percentage(side, is_percent) for side in sides)


def _role(
    symbol: str,
    part: Number,
    other: Expression,
    is_right: bool,
    is_percent: Callable[[Number], bool],
) -> PlaceRole:
    if symbol == "**":
        return "power" if is_right and part.value in (2, 3) else ""
    if symbol in "+-" and part.value == 1 and not part.percent:
        if isinstance(other, Binary):
            return "one" if other.symbol == "/" else ""
        broken = isinstance(other, Number) and (other.value.denominator != 1 or other.percent)
        return "one" if broken else ""
    if not is_right and _is_whole(symbol, part, other, is_percent):
        return "one"
    if symbol == "/" and is_right and part.value == 100 and not isinstance(other, Binary):
        return "hundred"
    return ""
