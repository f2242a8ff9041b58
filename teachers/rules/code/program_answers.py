"""Whether a value that a program gives is the trajectory's answer."""

from __future__ import annotations

import cmath
import math
import re
from fractions import Fraction
from typing import Any

from tracemine.teachers.rules.code.tracing import Value
from tracemine.verifiers.equivalence import verify
from tracemine.verifiers.verdict import ANSWERS

#: Half a unit in the last place, and a little for binary fractions.
ROUNDING = Fraction(501, 1000)
#: Digits after the point to which the parts of a complex number are read.
COMPLEX_PLACES = 9
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:\s*/\s*\d+)?")
#: A union of sets, once its intervals are in brackets.
_UNION = re.compile(r"Union\((.*)\)")
#: An interval as sympy writes it.
_INTERVAL = re.compile(r"Interval(?:\.(open|Lopen|Ropen))?\(([^(),]+), ([^(),]+)\)")


def agrees(value: Any, answer: str | None) -> bool:
    """Whether a value that the program gives is the trajectory's answer, which may be rounded to
    the decimals it shows."""
    if answer is None or isinstance(value, bool):
        return False
    if isinstance(value, str):
        if value.strip() == answer.strip():
            return True
        numbers = _NUMBER.findall(value)
        number = plain_number(numbers[-1]) if numbers else None
    elif isinstance(value, (int, float, Fraction)):
        if isinstance(value, float) and not math.isfinite(value):
            return False
        number = Fraction(value)
    elif isinstance(value, (list, tuple)) and len(value) == 1:
        return agrees(value[0], answer)
    elif isinstance(value, dict) and len(value) == 1:
        return agrees(next(iter(value.values())), answer)
    else:
        return False
    wanted = plain_number(answer)
    if number is None or wanted is None:
        return False
    shown = answer.strip().rstrip(".").partition(".")[2]
    places = len(shown) - len(shown.lstrip("0123456789"))
    relative = abs(wanted) if abs(wanted) > 1 else Fraction(1)
    slack = relative / 10**6
    if places:
        slack = max(slack, ROUNDING / 10**places)
    return bool(abs(number - wanted) <= slack)


def agrees_as_text(held: Value, answer: str | None) -> bool:
    """Whether a value that is no single number is the answer as people write it: an expression, a
    pair, a list of solutions, a complex number."""
    if answer is None:
        return False
    text = _UNION.sub(_joined, _as_answer(held.value))
    return bool(text) and verify(answer, text, ANSWERS).outcome == "agree"


def _as_answer(value: Any) -> str:
    if isinstance(value, complex):
        if not cmath.isfinite(value):
            return ""
        parts = [round(part, COMPLEX_PLACES) for part in (value.real, value.imag)]
        return f"{parts[0]:g}{parts[1]:+g}i" if parts[1] else f"{parts[0]:g}"
    if isinstance(value, (list, tuple)):
        inner = ", ".join(map(_as_answer, value))
        return f"({inner})" if isinstance(value, tuple) else inner
    if isinstance(value, str):
        return _INTERVAL.sub(_in_brackets, value)
    is_number = isinstance(value, (int, float, Fraction)) and not isinstance(value, bool)
    return str(value) if is_number else ""


def _joined(match: re.Match[str]) -> str:
    return re.sub(r"(?<=[)\]]), (?=[(\[])", r"\\cup ", match.group(1))


def _in_brackets(match: re.Match[str]) -> str:
    how, low, high = match.groups()
    left = "(" if how in ("open", "Lopen") or low == "-oo" else "["
    right = ")" if how in ("open", "Ropen") or high == "oo" else "]"
    ends = [end.replace("oo", "\\infty") for end in (low, high)]
    return f"{left}{ends[0]}, {ends[1]}{right}"


def plain_number(text: str) -> Fraction | None:
    cleaned = (
        text.strip().strip("$").replace(",", "").replace("\\", "").replace("$", "").rstrip("%.")
    )
    try:
        return Fraction(cleaned.replace(" ", ""))
    except (ValueError, ZeroDivisionError):
        match = _NUMBER.search(text)
        if match is None or match.group() == text:
            return None
        return plain_number(match.group())
