"""Numbers: when two agree, and reading one from the text of a final answer.

A comparison here is exact arithmetic on fractions; none of it reaches sympy.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from tracemine.verifiers.units import (
    OtherDimensionError,
    UnknownUnitError,
    canonical_unit,
    convert,
    read_unit,
)
from tracemine.verifiers.verdict import Context, Outcome, Verdict

#: Two results of one computation in another order of operations differ by less than this.
RELATIVE = 1e-9
#: ... and one that cancels to zero by less than this. It holds against zero itself alone: between
#: two others it would make all small quantities of physics equal.
ABSOLUTE = 1e-12

#: An answer is written with fewer digits than it was computed with. For decimal fractions alone:
#: between whole numbers `RELATIVE` holds, or 1234567 would agree with 1234568. And never by more
#: than one unit of the last place that is written: 2000000.5 is not 2000001.5.
ANSWER_RELATIVE = 1e-6

#: Below this, whole numbers that differ are different; beyond it a float has lost the last digits.
MAX_EXACT = 10**15

#: Longer texts are no numbers, in characters.
MAX_NUMBER_CHARS = 120
#: The bases that digits and letters can write.
BASES = range(2, 37)
#: Larger powers of ten are left to no one: they would be written out.
MAX_EXPONENT = 400


# --- values ---------------------------------------------------------------------------------------


def is_number(value: Any) -> bool:
    """Whether ``value`` is a plain number; a bool is none."""
    return type(value) in (int, float, complex, Fraction)


def close(left: Any, right: Any, context: Context) -> bool:
    """Whether two plain numbers agree: those that are exact, or whole and below `MAX_EXACT`,
    exactly, else within tolerance. Tolerances of the context hold for whole floats too."""
    if type(left) in (int, Fraction) and type(right) in (int, Fraction):
        return bool(left == right)
    relative = RELATIVE if context.relative is None else context.relative
    absolute = context.absolute
    if complex in (type(left), type(right)):
        try:
            first, second = complex(left), complex(right)
        except OverflowError:
            return False
        parts = ((first.real, second.real), (first.imag, second.imag))
        sizes = [abs(part) for pair in parts for part in pair]
        scale = max((size for size in sizes if math.isfinite(size)), default=0.0)
        bound = _bound(scale, 0 in (left, right), relative, absolute)
        return all(a == b or abs(a - b) <= bound for a, b in parts)
    if left == right:
        return True
    try:
        first, second = float(left), float(right)
    except OverflowError:  # an integer that no float holds, and it is not equal
        return False
    if not (math.isfinite(first) and math.isfinite(second)):
        return False
    scale = max(abs(first), abs(second))
    if context.relative is None and scale < MAX_EXACT and first % 1 == second % 1 == 0:
        return abs(first - second) <= (absolute or 0.0)
    return abs(first - second) <= _bound(scale, 0 in (first, second), relative, absolute)


def _bound(scale: float, by_zero: bool, relative: float, absolute: float | None) -> float:
    if absolute is not None:
        return max(absolute, relative * scale)
    return ABSOLUTE if by_zero else relative * scale


# --- texts ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """The exact value of what is written; ``place`` is one unit of the last place of a decimal,
    which may have been rounded, and 0 of what is exact. ``percent`` values are not divided by 100.
    ``base`` is the one that is written as an index (``1011_2``), 0 where there is none, and
    ``numeral`` its digits."""

    value: Fraction
    place: Fraction = Fraction(0)
    percent: bool = False
    unit: str = ""
    base: int = 0
    numeral: str = ""


_DIGITS = r"(?:\d{1,3}(?:(?:,|\{,\}|,\\!) ?\d{3})+(?!\d)|\d+)"
_UNSIGNED = rf"(?:{_DIGITS}(?:\.\d*)?|\.\d+)"
_TIMES_TEN = r"(?:\s*(?:\\times|\\cdot|\*|x)\s*10\s*(?:\^|\*\*)\s*\{?\s*([-+]?\s?\d+)\s*\}?)"
_DECIMAL = re.compile(rf"({_UNSIGNED})(?:[eE]([-+]?\d+)|{_TIMES_TEN})?")
_REPEATING = re.compile(r"(\d*)\.(\d*)\\overline\s*\{\s*(\d+)\s*\}")
_POWER_OF_TEN = re.compile(r"10\s*(?:\^|\*\*)\s*(?:\{\s*([-+]?\d+)\s*\}|(\d)(?!\d))")
_LATEX_FRACTION = re.compile(
    rf"(?:({_DIGITS})\s*)?\\frac\s*(?:\{{\s*(-?\s?{_UNSIGNED})\s*\}}|(\d))"
    rf"\s*(?:\{{\s*(-?\s?{_UNSIGNED})\s*\}}|(\d))"
)
_SLASH_FRACTION = re.compile(
    rf"(?:(\d+)(?:\s+|\s*-\s*))?({_UNSIGNED})\s*/\s*({_UNSIGNED})(?![\d.])"
)
_IN_BASE = re.compile(r"([0-9A-Z]+(?:\.[0-9A-Z]+)?)\s*_\s*(?:\{\s*(\d{1,2})\s*\}|(\d))")
#: Words behind a number that it is multiplied by.
SCALES = {
    "dozen": 12,
    "hundred": 10**2,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
}
_SCALE = re.compile(
    rf"\s*(\\(?:text|mathrm|textrm|mbox)\s*\{{\s*)?\b((?a:{'|'.join(SCALES)}))s?(?![a-zA-Z])",
    re.I,
)
_SIGN = re.compile(r"[-+]\s*")
_CURRENCY = re.compile(r"(?:\\?\$|USD|US\\?\$)\s*")
_FOREIGN = re.compile(r"(?:€|£|¥|₹|Rs\.?)\s*")
_PERCENT = re.compile(r"\s*(?:\\?%|percent\b|per cent\b|\\text\s*\{\s*per ?cent\s*\})\s*")


def parse_number(text: str) -> Number | None:
    r"""The number that ``text`` (see `plain_text`) is: an integer, decimal (a repeating one too),
    fraction or mixed number, plain or LaTeX, in scientific notation, with thousands separators, in
    another base (``1011_2``), a currency before it, a per cent or degree sign or a unit behind it.
    None for anything else."""
    if len(text) > MAX_NUMBER_CHARS or not any("0" <= char <= "9" for char in text):
        return None
    if text.isdecimal() and text.isascii():
        return Number(Fraction(int(text)))
    if match := _IN_BASE.fullmatch(text):
        return _in_base(match[1], int(match[2] or match[3]))
    sign, rest = _take_sign(text)
    unit = ""
    if match := _CURRENCY.match(rest) or _FOREIGN.match(rest):
        unit = "dollar" if _CURRENCY.match(rest) else match[0].strip(" .").casefold()
        rest = rest[match.end() :]
        if sign == 1:
            sign, rest = _take_sign(rest)
    try:
        read = _read_magnitude(rest)
    except (ZeroDivisionError, ValueError):
        return None
    if read is None:
        return None
    value, place, rest = read
    percent = False
    if match := _PERCENT.match(rest):
        percent, rest = True, rest[match.end() :]
    elif (match := _CURRENCY.fullmatch(rest.strip())) and rest.strip():
        unit, rest = "dollar", ""
    while rest and (match := _SCALE.match(rest)):
        scale = SCALES[match[2].lower()]
        value, place = value * scale, place * scale
        after = rest[match.end() :]
        # What else stands in the braces stays in them.
        rest = after[1:] if after.startswith("}") else (match[1] or "") + after
    if rest.strip():
        found = read_unit(rest)
        if found is None or (unit and found not in ("", "dollar")):
            return None
        unit = unit or found
    return Number(sign * value, place, percent, unit)


def _take_sign(text: str) -> tuple[int, str]:
    match = _SIGN.match(text)
    if not match:
        return 1, text
    return (1 if match[0][0] == "+" else -1), text[match.end() :]


def _read_magnitude(text: str) -> tuple[Fraction, Fraction, str] | None:
    """The value, one unit of its last place (0 of what is exact), and what follows."""
    exact = Fraction(0)
    if "\\frac" in text and (match := _LATEX_FRACTION.match(text)):
        whole, top, short_top, bottom, short_bottom = match.groups()
        over, under = _exact(top or short_top), _exact(bottom or short_bottom)
        value = over / under
        if whole is not None:
            if value < 0:
                return None
            value += _exact(whole)
        return value, exact, text[match.end() :]
    if "/" in text and (match := _SLASH_FRACTION.match(text)):
        whole, top, bottom = match.groups()
        value = _exact(top) / _exact(bottom) + (_exact(whole) if whole else 0)
        return value, exact, text[match.end() :]
    if "\\overline" in text and (match := _REPEATING.match(text)):
        whole, fixed, again = match.groups()
        nines = 10 ** len(again) - 1
        value = Fraction(int(whole or 0)) + (
            Fraction(int(fixed or 0)) + Fraction(int(again), nines)
        ) / 10 ** len(fixed)
        return value, exact, text[match.end() :]
    if match := _POWER_OF_TEN.match(text):
        power = _power_of_ten(match[1] or match[2])
        return None if power is None else (power, exact, text[match.end() :])
    if match := _DECIMAL.match(text):
        digits, plain, times = match.groups()
        power = _power_of_ten(plain or times or "0")
        if power is None:
            return None
        if "." not in digits and (plain or times) is None:
            return _exact(digits), exact, text[match.end() :]
        places = len(digits.partition(".")[2])
        return _exact(digits) * power, power / 10**places, text[match.end() :]
    return None


def _exact(digits: str) -> Fraction:
    return Fraction(re.sub(r"[^\d.\-]", "", digits).rstrip(".") or "0")


def _power_of_ten(exponent: str) -> Fraction | None:
    power = int(exponent.replace(" ", ""))
    return Fraction(10) ** power if abs(power) <= MAX_EXPONENT else None


def _in_base(digits: str, base: int) -> Number | None:
    if base not in BASES:
        return None
    whole, _, places = digits.partition(".")
    try:
        value = Fraction(int(whole + places, base), base ** len(places))
    except ValueError:
        return None
    return Number(value, base=base, numeral=digits)


def compare_numbers(reference: Number, answer: Number, context: Context) -> Verdict:
    """Whether two numbers that were read agree. Symmetric.

    Two units of one dimension are converted, those of different dimensions ``differ``, and two
    words of which one is no unit of measure are ``unknown`` (apples and pears, or apples and
    fruits). A unit on one side alone is that of the question, see `Context.unit`.
    """
    name = "numeric"
    if context.unit and (reference.unit or answer.unit):
        unit = canonical_unit(context.unit)
        reference = replace(reference, unit=reference.unit or unit)
        answer = replace(answer, unit=answer.unit or unit)
    converted = bool(reference.unit and answer.unit and reference.unit != answer.unit)
    if reference.unit or answer.unit:
        name = "units"
    if converted:
        # Always into the same one of the two, so that order does not tell.
        unit = min(reference.unit, answer.unit)
        try:
            reference, answer = _in_unit(reference, unit), _in_unit(answer, unit)
        except OtherDimensionError as error:
            return Verdict("differ", f"different dimensions: {error}", name)
        except UnknownUnitError:
            words = sorted((reference.unit, answer.unit))
            return Verdict("unknown", f"different units: {' and '.join(words)}", name)
    if bool(reference.base) != bool(answer.base):
        # The question fixes the base: the digits are compared as digits.
        numeral, bare = (reference, answer) if reference.base else (answer, reference)
        try:
            agrees = Fraction(numeral.numeral) == bare.value
        except ValueError:
            agrees = False
    elif reference.percent == answer.percent:
        agrees = _close_written(reference, answer, context, converted=converted)
    else:
        share, bare = (reference, answer) if reference.percent else (answer, reference)
        # 25% is 0.25, and answers "how many per cent" as 25 does; but 0.5 is hardly ever 0.5%.
        hundredth = Number(share.value / 100, share.place / 100)
        agrees = _close_written(hundredth, bare, context)
        agrees = agrees or (abs(share.value) >= 1 and _close_written(share, bare, context))
    outcome: Outcome = "agree" if agrees else "differ"
    return Verdict(outcome, "equal numbers" if agrees else "different numbers", name)


def _in_unit(number: Number, unit: str) -> Number:
    """The number in another unit, and so the last place that it is written with.

    Raises:
        UnknownUnitError, OtherDimensionError: see `convert`.
    """
    if number.unit == unit:
        return number
    value = convert(number.value, number.unit, unit)
    next_value = convert(number.value + number.place, number.unit, unit)
    return replace(number, value=value, place=abs(next_value - value), unit=unit)


def _close_written(
    left: Number, right: Number, context: Context, *, converted: bool = False
) -> bool:
    """Whether two agree by how they are written. What has been ``converted`` is whole, or is not,
    by the unit that it was put into, which says nothing."""
    if left.value == right.value:
        return True
    difference = abs(left.value - right.value)
    if context.absolute is not None and difference <= Fraction(context.absolute):
        return True
    scale = max(abs(left.value), abs(right.value))
    if context.relative is not None:
        return difference <= Fraction(context.relative) * scale
    place = max(left.place, right.place)
    if not place:
        return False
    if 0 in (left.value, right.value):
        return difference <= Fraction(ABSOLUTE)
    wholes = [side.value.denominator == 1 for side in (left, right)]
    if converted:
        wholes = [False]
    elif all(wholes) and scale < MAX_EXACT:
        return False
    relative = Fraction(RELATIVE if any(wholes) else ANSWER_RELATIVE)
    return difference <= min(relative * scale, place)


__all__ = ["Number", "close", "compare_numbers", "is_number", "parse_number"]
