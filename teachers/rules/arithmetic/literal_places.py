"""Where the numbers of a calculation stand in it, and what their places make them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from tracemine.teachers.rules.arithmetic.expressions import Binary, Expression, Negative, Number

#: What a place may make a number: a small exponent; the 100 that makes a share of a percentage; the
#: whole that a share is taken from or added to (the 1 of ``1 - 0.2``, the 100 of ``100 - 20``
#: percent); empty for any other.
PlaceRole = Literal["", "power", "hundred", "whole"]

#: What a share is multiplied or divided by to make it a percentage, or the other way.
_HUNDREDS = (Fraction(100), Fraction(1, 100))


@dataclass(frozen=True, slots=True)
class LiteralPlace:
    """Where a literal operand stands: ``symbol`` is the operation that it is an operand of (empty
    if it is all of the calculation), ``product`` the product that it is a factor of (counted from
    1 in the order of the calculation, None for a term). ``in_percent``: the number before a percent
    sign may stand there. ``divides``: it is a divisor; ``taken``: it is taken away."""

    number: Number
    role: PlaceRole
    symbol: str
    product: int | None
    in_percent: bool
    divides: bool = False
    taken: bool = False


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
        isinstance(side, Number) and side.value in _HUNDREDS for side in (left, right)
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
    """What ``part`` may be as an operand of ``symbol`` beside ``other``. A 1 beside a whole number
    or a product is a count like others; beside a quotient or a decimal it may be the whole."""
    if symbol == "**":
        return "power" if is_right and part.value in (2, 3) else ""
    if symbol in "+-" and part.value == 1 and not part.percent:
        if isinstance(other, Binary):
            return "whole" if other.symbol == "/" else ""
        broken = isinstance(other, Number) and (other.value.denominator != 1 or other.percent)
        return "whole" if broken else ""
    if not is_right and _is_whole(symbol, part, other, is_percent):
        return "whole"
    if symbol == "/" and is_right and part.value == 100 and not isinstance(other, Binary):
        return "hundred"
    return ""
