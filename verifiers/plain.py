"""Exact comparison of plain values.

What counts as equal: a bool is no number; a tuple is no list (a routine that returns the one does
not reproduce the other); a set and a frozenset of the same members are equal, and so are dicts
whatever their order; text is compared character by character; numbers inside containers as
`numbers.close` compares them. NaN agrees with nothing.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from tracemine.schemas import NotPlainError, encode
from tracemine.verifiers.numbers import close, is_number
from tracemine.verifiers.verdict import Context, Verdict

NAME = "exact"

#: Values with more parts are not compared: at about a microsecond each to write and to walk them.
MAX_PARTS = 100_000
#: Sets that are not equal as they stand are matched member by member, which takes quadratic time:
#: so many comparisons of two parts in all, at a microsecond or two each.
MAX_COMPARISONS = 300_000
#: Characters of text and bytes in all.
MAX_CONTENT = 20_000_000
#: Bits of whole numbers and of fractions in all, over 64 of each: writing one takes quadratic time,
#: half a millisecond if it has 13,000.
MAX_BITS = 4_000_000
_WORD_BITS = 64


class TooLargeError(ValueError):
    """Values that would take longer to compare than they are worth."""


def compare_plain(expected: Any, actual: Any, context: Context) -> Verdict:
    """Whether two plain values are equal, as the module says. Symmetric. ``unknown`` for what is
    not plain, or too large to be compared within a second."""
    try:
        for value in (expected, actual):
            _measure(value)
            encode(value)
        agrees = _Matching(context).same(expected, actual)
    except (NotPlainError, TooLargeError, ValueError) as error:
        return Verdict("unknown", str(error)[:200], NAME)
    if agrees:
        return Verdict("agree", "equal values", NAME)
    return Verdict("differ", "different values", NAME)


def _measure(value: Any) -> None:
    """Raise `TooLargeError` for a value of too many parts; one that holds itself has no end."""
    parts = content = bits = 0
    rest = [value]
    while rest:
        part = rest.pop()
        kind = type(part)
        parts += 1
        if kind in (list, tuple, set, frozenset):
            parts += len(part)
            if parts <= MAX_PARTS:
                rest.extend(part)
        elif kind is dict:
            parts += 2 * len(part)
            if parts <= MAX_PARTS:
                rest.extend(part)
                rest.extend(part.values())
        elif kind in (str, bytes):
            content += len(part)
        elif kind is int:
            bits += max(part.bit_length() - _WORD_BITS, 0)
        elif kind is Fraction:
            for whole in (part.numerator, part.denominator):
                bits += max(whole.bit_length() - _WORD_BITS, 0)
        if parts > MAX_PARTS or content > MAX_CONTENT or bits > MAX_BITS:
            raise TooLargeError("a value too large to be compared")


class _Matching:
    """A comparison, and how many pairs of parts it has compared so far."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._compared = 0

    def same(self, expected: Any, actual: Any) -> bool:
        self._compared += 1
        if self._compared > MAX_COMPARISONS:
            raise TooLargeError("sets too large to be matched member by member")
        if is_number(expected) and is_number(actual):
            return close(expected, actual, self._context)
        if isinstance(expected, (set, frozenset)) and isinstance(actual, (set, frozenset)):
            return self._same_sets(list(expected), list(actual))
        if type(expected) is not type(actual):
            return False
        if isinstance(expected, (list, tuple)):
            return len(expected) == len(actual) and all(map(self.same, expected, actual))
        if isinstance(expected, dict):
            # A key is looked up as it is, so that True does not stand for 1.
            found = {encode(key): value for key, value in actual.items()}
            return len(expected) == len(actual) and all(
                encode(key) in found and self.same(value, found[encode(key)])
                for key, value in expected.items()
            )
        return bool(expected == actual)

    def _same_sets(self, expected: list[Any], actual: list[Any]) -> bool:
        if len(expected) != len(actual):
            return False
        theirs = {encode(member): member for member in actual}
        ours = {encode(member): member for member in expected}
        odd = [ours[text] for text in sorted(ours.keys() - theirs.keys())]
        rest = [theirs[text] for text in sorted(theirs.keys() - ours.keys())]
        for member in odd:
            for place, other in enumerate(rest):
                if self.same(member, other):
                    rest.pop(place)
                    break
            else:
                return False
        return True


__all__ = ["compare_plain"]
