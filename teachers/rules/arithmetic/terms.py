"""A formula in normal form: the same formula, however a trace wrote it, is the same code.

Products are flat, with one constant; sums are flat, what is added before what is taken away; what
is scaled by the same amount plus a part of it is a factor of it. A division by a quotient is a
product. Values are the same over the rationals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from tracemine.teachers.rules.arithmetic.expressions import MAX_BITS, NotArithmeticError, literal


@dataclass(frozen=True, slots=True)
class Leaf:
    """A number that is bound or computed elsewhere: ``key`` says which."""

    key: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Sum:
    """``plus`` less ``minus``; a constant is one of them."""

    plus: tuple[Term, ...]
    minus: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Product:
    """``factor`` times ``tops`` over ``bottoms``; a bare constant has neither."""

    factor: Fraction
    tops: tuple[Term, ...] = ()
    bottoms: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Other:
    """An operation that neither sums nor scales: ``// % **``."""

    symbol: str
    left: Term
    right: Term


Term = Leaf | Sum | Product | Other
ONE = Fraction(1)


def constant(value: Fraction) -> Product:
    """A constant of the method."""
    return Product(value)


def constant_of(term: Term) -> Fraction | None:
    """The value of a constant, None for anything else."""
    if isinstance(term, Product) and not term.tops and not term.bottoms:
        return term.factor
    return None


def times(left: Term, right: Term) -> Term:
    """The product, flat."""
    factor = ONE
    tops: list[Term] = []
    bottoms: list[Term] = []
    for term in (left, right):
        if isinstance(term, Product):
            factor *= term.factor
            tops += term.tops
            bottoms += term.bottoms
        else:
            tops.append(term)
    return _product(factor, tops, bottoms)


def over(left: Term, right: Term) -> Term:
    """The quotient, flat.

    Raises:
        NotArithmeticError: if ``right`` is the constant zero.
    """
    if isinstance(right, Product):
        if right.factor == 0:
            raise NotArithmeticError("division by zero")
        return times(left, Product(1 / right.factor, right.bottoms, right.tops))
    return times(left, Product(ONE, (), (right,)))


def _product(factor: Fraction, tops: Sequence[Term], bottoms: Sequence[Term]) -> Term:
    if factor == 1 and len(tops) == 1 and not bottoms:
        return tops[0]
    if factor == 0:
        return constant(factor)
    return Product(factor, tuple(tops), tuple(bottoms))


def negative(term: Term) -> Term:
    """The term with the other sign."""
    return times(constant(Fraction(-1)), term)


def add(left: Term, right: Term) -> Term:
    """The sum, flat; a common factor of both ("a and a fifth of a") stands outside."""
    plus: list[Term] = []
    minus: list[Term] = []
    fixed = Fraction(0)
    for term in (left, right):
        for sign, part in _signed_parts(term):
            value = constant_of(part)
            if value is not None:
                fixed += sign * value
            elif isinstance(part, Product) and part.factor < 0:
                (minus if sign > 0 else plus).append(negative(part))
            else:
                (plus if sign > 0 else minus).append(part)
    if fixed > 0:
        # "1 + percent / 100", but "friends + 1".
        first = bool(plus) and isinstance(plus[0], Product)
        plus = [constant(fixed), *plus] if first else [*plus, constant(fixed)]
    elif fixed < 0:
        minus.append(constant(-fixed))
    return _sum(plus, minus)


def _signed_parts(term: Term) -> list[tuple[int, Term]]:
    """The terms of a sum with their signs; also of a sum that is taken away."""
    if isinstance(term, Sum):
        return [*((1, t) for t in term.plus), *((-1, t) for t in term.minus)]
    if isinstance(term, Product) and term.factor == -1 and len(term.tops) == 1:
        first = term.tops[0]
        if isinstance(first, Sum) and not term.bottoms:
            return [(-sign, t) for sign, t in _signed_parts(first)]
    return [(1, term)]


def _sum(plus: list[Term], minus: list[Term]) -> Term:
    for taken in list(minus):
        if taken in plus:
            plus.remove(taken)
            minus.remove(taken)
    if not plus and not minus:
        return constant(Fraction(0))
    if not plus:
        first, *rest = minus
        return negative(_sum([first, *rest], [])) if rest else negative(first)
    if len(plus) == 1 and not minus:
        return plus[0]
    return Sum(tuple(plus), tuple(minus))


def evaluate_term(term: Term, value_of: Callable[[tuple[str, str]], Fraction]) -> Fraction:
    """The exact value.

    Raises:
        NotArithmeticError: on division by zero, a root, or a value beyond the limits.
    """
    if isinstance(term, Leaf):
        return value_of(term.key)
    if isinstance(term, Sum):
        value = sum((evaluate_term(t, value_of) for t in term.plus), Fraction(0))
        value -= sum((evaluate_term(t, value_of) for t in term.minus), Fraction(0))
    elif isinstance(term, Product):
        value = term.factor
        for top in term.tops:
            value *= evaluate_term(top, value_of)
        for bottom in term.bottoms:
            divisor = evaluate_term(bottom, value_of)
            if divisor == 0:
                raise NotArithmeticError("division by zero")
            value /= divisor
    else:
        value = _apply(
            term.symbol, evaluate_term(term.left, value_of), evaluate_term(term.right, value_of)
        )
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise NotArithmeticError("too large")
    return value


def _apply(symbol: str, left: Fraction, right: Fraction) -> Fraction:
    if symbol in ("//", "%"):
        if right == 0:
            raise NotArithmeticError("division by zero")
        return Fraction(left // right) if symbol == "//" else left % right
    if symbol == "**" and right.denominator == 1 and abs(right) <= 64 and (left or right >= 0):
        return Fraction(left ** int(right))
    raise NotArithmeticError(f"no value for {symbol}")


def leaves(term: Term) -> Iterator[Leaf]:
    """The leaves in the order in which `write` writes them, repeated ones too."""
    if isinstance(term, Leaf):
        yield term
    elif isinstance(term, Other):
        yield from leaves(term.left)
        yield from leaves(term.right)
    else:
        parts = (*term.plus, *term.minus) if isinstance(term, Sum) else (*term.tops, *term.bottoms)
        for part in parts:
            yield from leaves(part)


def divides_term(term: Term) -> bool:
    """Whether Python gives a float for it even where the value is whole."""
    if isinstance(term, Leaf):
        return False
    if isinstance(term, Sum):
        return any(map(divides_term, (*term.plus, *term.minus)))
    if isinstance(term, Other):
        return divides_term(term.left) or divides_term(term.right)
    return bool(term.bottoms) or term.factor.denominator != 1 or any(map(divides_term, term.tops))


_ATOM, _POWER, _PRODUCT, _SUM = 4, 3, 2, 1


def write(term: Term, name_of: Callable[[tuple[str, str]], str]) -> str:
    """Python code for it."""
    return _write(term, name_of)[0]


def _write(term: Term, name_of: Callable[[tuple[str, str]], str]) -> tuple[str, int]:
    if isinstance(term, Leaf):
        return name_of(term.key), _ATOM
    if isinstance(term, Sum):
        text = " + ".join(_at(t, _PRODUCT, name_of) for t in term.plus)
        for taken in term.minus:
            text += f" - {_at(taken, _PRODUCT, name_of)}"
        return text, _SUM
    if isinstance(term, Other):
        power = term.symbol == "**"
        left = _at(term.left, _ATOM, name_of)
        right = _at(term.right, _ATOM, name_of)
        return f"{left} {term.symbol} {right}", _POWER if power else _PRODUCT
    return _write_product(term, name_of)


def _at(term: Term, level: int, name_of: Callable[[tuple[str, str]], str]) -> str:
    text, own = _write(term, name_of)
    return text if own >= level and not text.startswith("-") else f"({text})"


def _write_product(term: Product, name_of: Callable[[tuple[str, str]], str]) -> tuple[str, int]:
    # What looks exact as a decimal is written as one only where it stands alone.
    top, bottom = abs(term.factor).numerator, abs(term.factor).denominator
    if not term.tops and not term.bottoms:
        text = literal(abs(term.factor)) if 10**4 % bottom == 0 else f"{top} / {bottom}"
        level = _ATOM if "/" not in text else _PRODUCT
    else:
        tops = [_at(t, _POWER, name_of) for t in term.tops]
        if top != 1 or not tops:
            tops.append(str(top))
        text = " * ".join(tops)
        for below in term.bottoms:
            text += f" / {_at(below, _POWER, name_of)}"
        if bottom != 1:
            text += f" / {bottom}"
        level = _PRODUCT
    return (f"-{text}", _SUM) if term.factor < 0 else (text, level)


# --- normal form across steps -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of leaves: ``part`` is "top" or "bottom" with the fraction's own leaf for a
    numerator or denominator, None for others; ``is_percent`` and ``is_ratio`` say what scales;
    ``rank`` orders the factors of a product."""

    part: Callable[[Leaf], tuple[str, Leaf] | None]
    is_percent: Callable[[Leaf], bool]
    is_ratio: Callable[[Leaf], bool]
    rank: Callable[[Term], tuple[int, ...]]


def substitute(term: Term, found: Callable[[Leaf], Term | None]) -> Term:
    """``term`` with leaves replaced (None: left as it is), flat again."""
    if isinstance(term, Leaf):
        return found(term) or term
    if isinstance(term, Sum):
        whole: Term = constant(Fraction(0))
        for part in term.plus:
            whole = add(whole, substitute(part, found))
        for part in term.minus:
            whole = add(whole, negative(substitute(part, found)))
        return whole
    if isinstance(term, Other):
        return Other(term.symbol, substitute(term.left, found), substitute(term.right, found))
    result: Term = constant(term.factor)
    for top in term.tops:
        result = times(result, substitute(top, found))
    for bottom in term.bottoms:
        result = over(result, substitute(bottom, found))
    return result


def simplify(term: Term, facts: Facts) -> Term:
    """``term`` with stated fractions whole, percentages over 100, a common factor of an amount and
    a part of it outside, and factors in order."""
    if isinstance(term, Leaf):
        return term
    if isinstance(term, Other):
        return Other(term.symbol, simplify(term.left, facts), simplify(term.right, facts))
    if isinstance(term, Sum):
        whole: Term = constant(Fraction(0))
        for part in term.plus:
            whole = add(whole, simplify(part, facts))
        for part in term.minus:
            whole = add(whole, negative(simplify(part, facts)))
        if not isinstance(whole, Sum):
            return whole
        ordered = sorted(whole.plus, key=_place_in_sum)
        return _common_factor(Sum(tuple(ordered), whole.minus), facts)
    result: Term = constant(term.factor)
    for top in term.tops:
        result = times(result, simplify(top, facts))
    for bottom in term.bottoms:
        result = over(result, simplify(bottom, facts))
    return _tidy(result, facts) if isinstance(result, Product) else result


def _place_in_sum(term: Term) -> int:
    """Bare numbers first, so that "a + 2 * a" and "2 * a + a" are one method; a one before its
    part ("1 + p / 100"), other constants last."""
    value = constant_of(term)
    if value is not None:
        return 0 if value == 1 else 3
    return 1 if isinstance(term, Leaf) else 2


def _tidy(term: Product, facts: Facts) -> Term:
    tops, bottoms, factor = list(term.tops), list(term.bottoms), term.factor
    for below in list(bottoms):
        own = facts.part(below) if isinstance(below, Leaf) else None
        if own is None or own[0] != "bottom":
            continue
        for top in tops:
            if isinstance(top, Leaf) and facts.part(top) == ("top", own[1]):
                tops[tops.index(top)] = own[1]
                bottoms.remove(below)
                break
    for index, part in enumerate(tops):
        share = _complement(part, facts) if isinstance(part, Sum) else None
        if share is not None and factor.denominator % 100 == 0:
            tops[index] = share
            factor *= 100
    # What is divided by itself is no part of the method.
    for below in list(bottoms):
        if below in tops:
            tops.remove(below)
            bottoms.remove(below)
    order = sorted(range(len(tops)), key=lambda i: (facts.rank(tops[i]), i))
    return _product(factor, [tops[i] for i in order], bottoms)


def _complement(term: Sum, facts: Facts) -> Term | None:
    """``1 - p / 100`` for ``100 - p``, ``1 + p / 100`` for ``100 + p``."""
    parts = [*((1, t) for t in term.plus), *((-1, t) for t in term.minus)]
    fixed = [constant_of(t) for sign, t in parts if sign > 0 and constant_of(t) is not None]
    rest = [(sign, t) for sign, t in parts if constant_of(t) is None]
    if len(parts) != 2 or fixed != [Fraction(100)] or len(rest) != 1:
        return None
    sign, leaf = rest[0]
    if not isinstance(leaf, Leaf) or not facts.is_percent(leaf):
        return None
    share = Product(Fraction(1, 100), (leaf,))
    return Sum((constant(ONE), share)) if sign > 0 else Sum((constant(ONE),), (share,))


def _common_factor(term: Sum, facts: Facts) -> Term:
    """``a * (1 - p / 100)`` for ``a - a * p / 100``, and the like for a stated fraction of it."""
    parts = [*((1, t) for t in term.plus), *((-1, t) for t in term.minus)]
    if len(parts) != 2 or parts[0][0] < 0:
        return term
    (_, one), (sign, two) = parts
    for whole, part, way in ((one, two, sign), (two, one, sign)):
        if way < 0 and whole is two:
            continue
        share = _share(whole, part, facts)
        if share is not None:
            unit = Sum((constant(ONE), share)) if way > 0 else Sum((constant(ONE),), (share,))
            factored = times(whole, unit)
            return _tidy(factored, facts) if isinstance(factored, Product) else factored
    return term


def _share(whole: Term, part: Term, facts: Facts) -> Term | None:
    """What ``part`` is of ``whole``, if that is a stated percentage or fraction."""
    if not isinstance(part, Product) or constant_of(whole) is not None:
        return None
    own = whole if isinstance(whole, Product) else Product(ONE, (whole,))
    tops, bottoms = list(part.tops), list(part.bottoms)
    for top in own.tops:
        if top not in tops:
            return None
        tops.remove(top)
    for below in own.bottoms:
        if below not in bottoms:
            return None
        bottoms.remove(below)
    scaling = all(isinstance(t, Leaf) and facts.is_ratio(t) for t in (*tops, *bottoms))
    if not scaling or not tops or own.factor == 0:
        return None
    return _product(part.factor / own.factor, tops, bottoms)
