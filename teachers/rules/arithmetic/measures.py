"""Whether the units of a formula agree: what is added is in one unit, and what comes out is in the
unit that its operands give.

Units are those of `roles`, as pint's containers; ratios between them are `verifiers.units`', which
is pint. What is only counted has none. Where a unit is not known nothing is said against it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from pint.util import UnitsContainer

from tracemine.teachers.rules.arithmetic.expressions import (
    PI,
    Call,
    Negative,
    NotArithmeticError,
    Number,
    Symbol,
    Tree,
)
from tracemine.teachers.rules.arithmetic.terms import (
    Leaf,
    Other,
    Sum,
    Term,
    add,
    constant,
    constant_of,
    negative,
    over,
    times,
)
from tracemine.teachers.rules.language.words import UNITS
from tracemine.verifiers.units import OtherDimensionError, UnknownUnitError, convert

#: How far, relatively, the number of a method may be from a ratio of units: 4 weeks for a month,
#: 365 days for a year.
NEARLY = 0.1
#: A factor up to this one, or one over it, scales ("twice 60 minutes", a dozen at 50 cents) and
#: converts nothing.
MAX_SCALE = 12
#: What a rate is for; a story may say it once for all.
PERIODS = frozenset(("day", "week", "month", "year"))
#: A cent is one of a dollar, but in a text with euros it may be one of these.
_EURO_CENTS = frozenset(("cent", "euro"))
#: Largest power that a unit is taken to.
MAX_POWER = 6

#: What is measured in units that everyday text does not write out, each with a unit of it.
_KINDS = (
    ("area", "meter**2"), ("volume", "meter**3"), ("acceleration", "meter/second**2"),
    ("density", "kilogram/meter**3"), ("force", "newton"), ("energy", "joule"),
    ("power", "watt"), ("voltage", "volt"), ("current", "ampere"), ("resistance", "ohm"),
    ("frequency", "hertz"), ("pressure", "pascal"), ("temperature", "kelvin"),
    ("concentration", "mole/liter"),
)  # fmt: skip
KIND_WORDS = frozenset(word for word, _ in _KINDS)
#: Units that are words of everyday text, and stand for themselves: liters, calories.
_EVERYDAY = frozenset(UNITS.values())

_PART = re.compile(r"([*/]?)([a-z_A-Z]+)(?:(?:\*\*|\^)(-?\d))?")


class UnitsError(ValueError):
    """Units that contradict one another."""


@dataclass(frozen=True, slots=True)
class Measure:
    """The ``units`` of a term's leaves, and the constant ``factor`` that it multiplies them by:
    60 times hours are hours sixtyfold, or minutes."""

    units: UnitsContainer
    factor: Fraction = Fraction(1)


@lru_cache(maxsize=1024)
def container(unit: str) -> UnitsContainer:
    """The units that a text such as ``mile/hour`` or ``meter/second**2`` is made of."""
    found = UnitsContainer()
    for sign, name, power in _PART.findall(unit.replace(" ", "")):
        one = UnitsContainer({name: int(power or 1)})
        found = found / one if sign == "/" else found * one
    return found


def ratio(one: UnitsContainer, other: UnitsContainer) -> Fraction | None:
    """How many of ``other`` one of ``one`` is; None where pint knows one of them not, or a text
    does not say whose cents it has.

    Raises:
        UnitsError: if they measure different things.
    """
    if one == other:
        return Fraction(1)
    return _ratio(_text(one), _text(other))


@lru_cache(maxsize=4096)
def _ratio(one: str, other: str) -> Fraction | None:
    # What has no unit is a ratio: a foot over a foot.
    try:
        return convert(Fraction(1), one or "radian", other or "radian")
    except OtherDimensionError as error:
        if {name for _, name, _ in _PART.findall(f"{one}*{other}")} >= _EURO_CENTS:
            return None
        raise UnitsError(f"{one or 'a number'} and {other or 'a number'}") from error
    except UnknownUnitError:
        return None


def _text(units: UnitsContainer) -> str:
    tops = [f"{u}**{int(p)}" if p != 1 else u for u, p in sorted(units.items()) if p > 0]
    downs = [f"{u}**{int(-p)}" if p != -1 else u for u, p in sorted(units.items()) if p < 0]
    top = "*".join(tops) or ("1" if downs else "")
    return "/".join([top, *downs])


def is_kind(unit: str, sample: str) -> bool:
    """Whether ``unit`` measures what ``sample`` does; also where it is not known."""
    try:
        ratio(container(unit), container(sample))
    except UnitsError:
        return False
    return True


@lru_cache(maxsize=1024)
def kind_word(unit: str) -> str:
    """What is measured in ``unit`` ("force"); empty for an everyday unit, and where no word is
    known."""
    if unit in _EVERYDAY or not unit:
        return ""
    units = container(unit)
    for word, sample in _KINDS:
        try:
            if ratio(units, container(sample)) is not None:
                return word
        except UnitsError:
            continue
    return ""


def measure(term: Term, measure_of: Callable[[tuple[str, str]], Measure | None]) -> Measure | None:
    """The measure of ``term`` over leaves with those of ``measure_of``; None if it is not known.

    Raises:
        UnitsError: if it adds, or takes from one another, what is in different units.
    """
    if isinstance(term, Leaf):
        return measure_of(term.key)
    if isinstance(term, Sum):
        parts = [t for t in (*term.plus, *term.minus) if constant_of(t) is None]
        found = [measure(part, measure_of) for part in parts]
        return _of_sum([one for one in found if one is not None])
    if isinstance(term, Other):
        return _of_other(term, measure_of)
    units, factor = UnitsContainer(), term.factor
    inner = [(measure(t, measure_of), 1) for t in term.tops]
    inner += [(measure(t, measure_of), -1) for t in term.bottoms]
    for one, power in inner:
        if one is None or one.factor == 0:
            return None
        units = units * one.units**power
        factor *= one.factor**power
    return Measure(units, factor)


def term_of(tree: Tree) -> Term:
    """A formula of `expressions` as a term whose leaves are its symbols, for its units: pi is a
    number near it.

    Raises:
        NotArithmeticError: if it has other functions, or divides by zero.
    """
    if isinstance(tree, Symbol):
        return Leaf(("symbol", tree.name))
    if isinstance(tree, Number):
        return constant(tree.value / 100 if tree.percent else tree.value)
    if isinstance(tree, Negative):
        return negative(term_of(tree.operand))
    if isinstance(tree, Call):
        if tree == PI:
            return constant(Fraction(3))
        raise NotArithmeticError(f"a function: {tree.name}")
    left, right = term_of(tree.left), term_of(tree.right)
    if tree.symbol in ("+", "-"):
        return add(left, right if tree.symbol == "+" else negative(right))
    if tree.symbol in ("*", "/"):
        return times(left, right) if tree.symbol == "*" else over(left, right)
    return Other(tree.symbol, left, right)


def _of_sum(parts: Sequence[Measure]) -> Measure | None:
    if not parts:
        return None
    first, *others = parts
    for other in others:
        if not agree(first, other):
            raise UnitsError(f"{_text(first.units)} and {_text(other.units)}")
    if len({_text(one.units) for one in parts}) == 1:
        factors = {one.factor for one in parts}
        return Measure(first.units, factors.pop() if len(factors) == 1 else Fraction(1))
    # One of them is converted; those that are not say into what.
    return next((one for one in parts if one.factor == 1), None)


def _of_other(
    term: Other, measure_of: Callable[[tuple[str, str]], Measure | None]
) -> Measure | None:
    base, exponent = measure(term.left, measure_of), constant_of(term.right)
    measure(term.right, measure_of)
    if term.symbol != "**" or base is None or base.factor != 1:
        return None
    if not base.units:
        return base
    if exponent is None or exponent.denominator != 1 or abs(exponent) > MAX_POWER:
        return None
    return Measure(base.units ** int(exponent))


def without_period(units: UnitsContainer) -> UnitsContainer:
    """Units without the day, week, month or year that they are for."""
    return UnitsContainer({u: p for u, p in units.items() if not (u in PERIODS and p == -1)})


def agree(one: Measure, other: Measure) -> bool:
    """Whether two terms may be in one unit: theirs is one, or a factor converts it."""
    try:
        between = ratio(one.units, other.units)
    except UnitsError:
        # A story says once that all is by the day: "$11 a day, of which $3 are for lunch".
        bare = [Measure(without_period(m.units), m.factor) for m in (one, other)]
        changed = [new.units != old.units for new, old in zip(bare, (one, other), strict=True)]
        return changed[0] != changed[1] and agree(*bare)
    if one.units == other.units or between is None or not between:
        return True
    if between == 1:  # 5/18 of kilometers an hour are none
        scale = abs(one.factor / other.factor)
        return bool(scale) and max(scale.as_integer_ratio()) <= MAX_SCALE
    converts = one.factor != 1 or other.factor != 1
    return converts and _is_scale(one.factor / other.factor / between)


def _is_scale(factor: Fraction) -> bool:
    size = float(abs(factor))
    nearest = max(1, round(size if size >= 1 else 1 / size if size else MAX_SCALE + 1))
    exact = nearest if size >= 1 else 1 / nearest
    return nearest <= MAX_SCALE and abs(size / exact - 1) < NEARLY


def gives(found: Measure, unit: str) -> bool:
    """Whether what is measured so may come out in ``unit``."""
    wanted = container(unit)
    if found.units == wanted:
        return True
    return agree(found, Measure(wanted))
