"""What a problem and a piece of its trace state: whether a value occurs there.

An instance is lifted from a trace, so its values stand in it: numbers in digits or words, however
they are written, texts as they are, expressions by their numbers and letters. What only the model
says is no instance.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property
from typing import Any

from tracemine.schemas.types import parse
from tracemine.teachers.rules.language.numerals import find_numerals, parse_decimal, word_set

#: A number that is rounded where it is written has so many decimals at least: 33 is no way to write
#: 33.333, but 33.3 is.
LEAST_PLACES = 1

_DIGITS = re.compile(r"\d[\d,]*(?:\.\d+)?|\.\d+")
_SEPARATORS = re.compile(r"(?<=\d)(?:\{,\}|\\,|\\!|\\;|_|,\\!)(?=\d)")
_LATEX_FRACTION = re.compile(
    r"\\[dtc]?frac\s*(?:\{\s*(-?[\d.,]+)\s*\}|(\d))\s*(?:\{\s*(-?[\d.,]+)\s*\}|(\d))"
)
_MIXED = re.compile(
    r"(?<![\d.])(\d{1,6})(?:\s+|\s*-\s*|\s+and\s+)(\d{1,6})\s*/\s*(\d{1,6})(?![\d.])"
)
_MIXED_LATEX = re.compile(r"(\d{1,6})\s*\\[dtc]?frac\s*\{\s*(\d{1,6})\s*\}\s*\{\s*(\d{1,6})\s*\}")
_TIMES = r"(\d{1,9}(?:\.\d{1,9})?)?\s{0,2}(?:\*|\\cdot|\\times)?\s{0,2}"
_ROOT = re.compile(
    _TIMES + r"(?:\\sqrt\s{0,2}(?:\{\s{0,2}(\d{1,9})\s{0,2}\}|(\d))"
    r"|(?:√|\bsqrt)\s{0,2}\(?\s{0,2}(\d{1,9}))"
)
_OF_PI = re.compile(_TIMES + r"(?:\\pi(?![a-z])|π|\bpi\b)")
_OVER = re.compile(r"\s*\}?\s*(?:/|\{)\s*(\d{1,9})")
_NAME = re.compile(r"[A-Za-z]+")
_EXPRESSIONS = ("expr", "equation", "interval")
#: Names of an expression that a text may write as a sign or not at all.
_SIGNS = word_set(
    """
    abs acos acot asin atan Abs ceil ceiling conjugate cos cosh cot csc deg Derivative diff Div E Eq
    exp factorial floor frac cdot times left right Ge Gt I Integer Integral integrate inf infty
    infinity Interval Le lim Limit ln log Lt Matrix Max max Min min mod Mod Mul Ne oo pi Pi Pow prod
    Product Rational root sec sgn sign simplify sin sinh sqrt Sum sum Symbol tan tanh theta Union
    """
)
#: What a text leaves out: a coefficient or an exponent of one, a term of zero.
_IMPLIED = frozenset(map(Fraction, (0, 1)))
#: ... and an expression beside: squares and roots are signs.
_IMPLIED_IN_EXPRESSIONS = _IMPLIED | {Fraction(2)}
#: A float is the number that it was computed from up to this, relative to it.
CLOSE = Fraction(1, 10**9)


class Stated:
    """What a problem and a piece of a trace state. Reads them when asked, and once."""

    def __init__(self, problem: str, piece: str) -> None:
        self._text = f"{problem}\n\n{piece}"

    def missing(self, value: Any, type_text: str) -> str | None:
        """The first part of ``value`` (a plain one of the type ``type_text``) that occurs nowhere,
        as text, or None. Truth values, zero and one occur everywhere; a sign is not looked at; a
        rounded number stands for the one that it was rounded from, a fraction or a root for the
        decimal that it comes to."""
        for part, is_expression in _parts(value, parse(type_text)):
            if isinstance(part, str):
                found = self._has_expression(part) if is_expression else self._has_text(part)
            elif isinstance(part, complex):
                found = all(
                    self._has_number(Fraction(abs(side))) for side in (part.real, part.imag) if side
                )
            else:
                found = self._has_number(_exact(part))
            if not found:
                return str(part)
        return None

    def _has_number(self, value: Fraction) -> bool:
        if value in _IMPLIED or value in self._plain_numbers or value in self._numbers:
            return True
        return value.denominator != 1 and (self._is_rounded(value) or self._is_computed(value))

    def _has_text(self, text: str) -> bool:
        return _squeezed(text) in self._squeezed_text

    def _has_expression(self, text: str) -> bool:
        if self._has_text(text):
            return True
        written = _DIGITS.findall(_SEPARATORS.sub("", text))
        numbers = {number for each in written if (number := parse_decimal(each)) is not None}
        names = set(_NAME.findall(text)) - _SIGNS
        # Written side by side letters are a product: ``xy`` for x*y.
        return all(
            number is None or number in _IMPLIED_IN_EXPRESSIONS or self._has_number(number)
            for number in numbers
        ) and all(name in self._letters for name in names)

    @cached_property
    def _squeezed_text(self) -> str:
        return _squeezed(self._text)

    @cached_property
    def _letters(self) -> frozenset[str]:
        names = set(_NAME.findall(self._text))
        return frozenset(names | {letter for name in names for letter in name})

    @cached_property
    def _plain_numbers(self) -> frozenset[Fraction]:
        """Those in digits: quick to find, and mostly all that is asked for."""
        text = _SEPARATORS.sub("", self._text)
        found = set()
        for written in set(_DIGITS.findall(text)):
            for part in {written, *written.split(",")}:
                number = parse_decimal(part.strip(",")) if part.strip(",") else None
                if number is not None:
                    found.add(number)
        return frozenset(found)

    @cached_property
    def _numbers(self) -> frozenset[Fraction]:
        """Those in words, of several parts, and what stands for another number."""
        text = _SEPARATORS.sub("", self._text)
        found: set[Fraction] = set()
        for numeral in [*find_numerals(text), *find_numerals(text, fractions=False)]:
            value = abs(numeral.value)
            found.update((value, value / 100))
            if numeral.kind == "method" and value:
                found.add(1 / value)
            found.update(Fraction(part) for part in numeral.parts or ())
        for match in _LATEX_FRACTION.finditer(text):
            over, under = _side(match[1] or match[2]), _side(match[3] or match[4])
            if over is not None and under:
                found.add(abs(over / under))
        for pattern in (_MIXED, _MIXED_LATEX):
            for match in pattern.finditer(text):
                whole, over, under = (Fraction(int(group)) for group in match.groups())
                if under:
                    found.add(whole + over / under)
        return frozenset(found)

    @cached_property
    def _rounded(self) -> list[tuple[Fraction, Fraction]]:
        """Decimals that may have been rounded, in order, and half a unit of their last place."""
        found = set()
        for written in set(_DIGITS.findall(self._text)):
            decimals = written.partition(".")[2]
            number = parse_decimal(written)
            if number is not None and len(decimals) >= LEAST_PLACES:
                found.add((number, Fraction(1, 2 * 10 ** len(decimals))))
        return sorted(found)

    def _is_rounded(self, value: Fraction) -> bool:
        """Whether a decimal of the text is ``value`` rounded."""
        widest = Fraction(1, 2 * 10**LEAST_PLACES)
        at = bisect_left(self._rounded, (value - widest, Fraction(0)))
        while at < len(self._rounded) and self._rounded[at][0] <= value + widest:
            number, half = self._rounded[at]
            if abs(number - value) <= half:
                return True
            at += 1
        return False

    @cached_property
    def _computed(self) -> list[Fraction]:
        """What has no decimals of its own, in order: fractions, roots, multiples of pi."""
        text = _SEPARATORS.sub("", self._text)
        found = {number for number in self._numbers if number.denominator != 1}
        for pattern, value_of in ((_ROOT, _root), (_OF_PI, lambda _: math.pi)):
            for match in pattern.finditer(text):
                value = float(match[1] or 1) * value_of(match)
                found.add(Fraction(value))
                if (under := _OVER.match(text, match.end())) and int(under[1]):
                    found.add(Fraction(value / int(under[1])))
        return sorted(found)

    def _is_computed(self, value: Fraction) -> bool:
        """Whether ``value`` is what something of the text comes to."""
        slack = value * CLOSE
        at = bisect_left(self._computed, value - slack)
        return at < len(self._computed) and self._computed[at] <= value + slack


def _root(match: re.Match[str]) -> float:
    return math.sqrt(int(match[2] or match[3] or match[4]))


def _side(text: str) -> Fraction | None:
    """One side of a fraction, without its sign."""
    return parse_decimal(text.lstrip("-").strip(",")) if text.strip("-,. ") else None


def _exact(value: int | float | Fraction) -> Fraction:
    """The number that was written: 0.1 is a tenth, whatever a float makes of it."""
    return abs(Fraction(repr(value)) if isinstance(value, float) else Fraction(value))


def _squeezed(text: str) -> str:
    return "".join(text.split()).casefold()


def _parts(value: Any, kind: tuple[str, tuple[Any, ...]]) -> Iterator[tuple[Any, bool]]:
    """The numbers and texts of a plain value, and of each whether it is an expression; those of a
    set in an order of its own."""
    head, arguments = kind
    if value is None or isinstance(value, (bool, bytes)):
        return
    if isinstance(value, dict):
        key, item = arguments if len(arguments) == 2 else (("any", ()), ("any", ()))
        for name, member in value.items():
            yield from _parts(name, key)
            yield from _parts(member, item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        members = list(value)
        if isinstance(value, (set, frozenset)):
            members.sort(key=repr)
        for place, member in enumerate(members):
            inner: tuple[str, tuple[Any, ...]] = ("any", ())
            if head == "tuple" and place < len(arguments):
                inner = arguments[place]
            elif head in ("list", "set", "matrix") and arguments:
                inner = arguments[0]
            yield from _parts(member, inner)
    else:
        yield value, head in _EXPRESSIONS


__all__ = ["Stated"]
