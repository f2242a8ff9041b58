"""Whether two results agree.

Two questions, two functions. `verify` compares plain values, as replays do. `verify_answer`
compares the final answers of two texts, as admission does, where one value is written in many ways.

    exact     equal values of equal kind; numbers inside containers as `numeric` compares them
    numeric   numbers, within `RELATIVE` and `ABSOLUTE`
    symbolic  expressions and equations, see `symbolic`

What counts as equal in `exact`: a bool is no number; a tuple is no list (a routine that returns the
one does not reproduce the other); a set and a frozenset of the same members are equal, and so are
dicts whatever their order; text is compared character by character. NaN agrees with nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from tracemine.schemas import NotPlainError, encode, types
from tracemine.verifiers.answers import Number, parse_number, plain_text, same_writing
from tracemine.verifiers.symbolic import compare_symbolic
from tracemine.verifiers.verdict import Outcome, Verdict

#: Two results of one computation in another order of operations differ by less than this.
RELATIVE = 1e-9
#: ... and one that cancels to zero by less than this. It holds against zero itself alone: between
#: two others it would make all small quantities of physics equal.
ABSOLUTE = 1e-12

#: An answer is written with fewer digits than it was computed with. For decimal fractions alone:
#: between whole numbers `RELATIVE` holds, or 1234567 would agree with 1234568.
ANSWER_RELATIVE = 1e-6

#: Sets that are not equal as they stand are matched member by member, which takes quadratic time.
MAX_MATCHED_SET = 200

Verifier = Callable[[Any, Any], Verdict]


def verify(expected: Any, actual: Any, *, verifier: str | None = None) -> Verdict:
    """Whether ``actual`` is the value that was ``expected``: both plain values. ``verifier`` is a
    name of `VERIFIERS`; without one the type of ``expected`` picks.

    Symmetric but for ``symbolic``. Never raises on account of a value: what cannot be compared is
    ``unknown``.

    Raises:
        KeyError: if there is no verifier of that name.
    """
    name = verifier
    if name is None:
        name = "numeric" if _is_number(expected) else "exact"
    return VERIFIERS[name](expected, actual)


def verifier_for(type_text: str) -> str | None:
    """The name of the verifier for results of a signature's output type; None if there is none
    (`any`, `none`, or no type at all)."""
    try:
        head, _ = types.parse(type_text)
    except types.TypeSyntaxError:
        return None
    if head in types.NUMERIC:
        return "numeric"
    if head in ("expr", "equation", "interval"):
        return "symbolic"
    if head in types.CONTAINERS or head in ("bool", "str"):
        return "exact"
    return None


def verify_answer(reference: str, answer: str) -> Verdict:
    """Whether ``answer`` says what ``reference`` says: both the text of a final answer, LaTeX or
    plain. Cheap readings first; two numbers are decided without sympy.

    A unit, a currency or a per cent sign on one side alone is no difference (the question fixes
    it), other units on both sides are ``unknown``. Not symmetric where math-verify is not.
    """
    left, right = plain_text(reference), plain_text(answer)
    if not left or not right:
        return Verdict("unknown", "no reference" if not left else "no answer", "exact")
    if same_writing(left, right) or (left.isalpha() and left.casefold() == right.casefold()):
        return Verdict("agree", "same text", "exact")
    first, second = parse_number(left), parse_number(right)
    if first is not None and second is not None:
        return _compare_written(first, second)
    if left.isalpha() and right.isalpha() and min(len(left), len(right)) > 1:
        return Verdict("differ", "different words", "exact")
    return compare_symbolic(left, right)


# --- values ---------------------------------------------------------------------------------------


def _numeric(expected: Any, actual: Any) -> Verdict:
    if not _is_number(expected):
        return Verdict("unknown", "expected no number", "numeric")
    if not _is_number(actual):
        return Verdict("differ", f"{_kind(actual)} instead of a number", "numeric")
    agrees = _close(expected, actual, RELATIVE)
    return _verdict(agrees, "equal numbers", "different numbers", "numeric")


def _exact(expected: Any, actual: Any) -> Verdict:
    try:
        encode(expected), encode(actual)
    except (NotPlainError, ValueError) as error:
        return Verdict("unknown", str(error)[:200], "exact")
    return _verdict(_same(expected, actual), "equal values", "different values", "exact")


def _symbolic(expected: Any, actual: Any) -> Verdict:
    if _is_number(expected) and _is_number(actual):
        return _numeric(expected, actual)
    texts = []
    for value in (expected, actual):
        if isinstance(value, str) or _is_number(value):
            try:
                texts.append(plain_text(str(value)))
            except ValueError:  # an integer of too many digits to be written
                return Verdict("unknown", "a number of too many digits", "symbolic")
        else:
            return Verdict("unknown", f"{_kind(value)} is no expression", "symbolic")
    if texts[0] and same_writing(*texts):
        return Verdict("agree", "same text", "symbolic")
    return compare_symbolic(*texts)


#: By name, what a variant's ``verifier`` may be.
VERIFIERS: Mapping[str, Verifier] = MappingProxyType(
    {"exact": _exact, "numeric": _numeric, "symbolic": _symbolic}
)


def _verdict(agrees: bool, yes: str, no: str, verifier: str) -> Verdict:
    outcome: Outcome = "agree" if agrees else "differ"
    return Verdict(outcome, yes if agrees else no, verifier)


def _kind(value: Any) -> str:
    return type(value).__name__


def _is_number(value: Any) -> bool:
    return type(value) in (int, float, complex, Fraction)


def _close(left: Any, right: Any, relative: float) -> bool:
    """Whether two numbers agree: those that are exact exactly, else within tolerance."""
    if type(left) in (int, Fraction) and type(right) in (int, Fraction):
        return bool(left == right)
    if complex in (type(left), type(right)):
        try:
            first, second = complex(left), complex(right)
        except OverflowError:
            return False
        parts = ((first.real, second.real), (first.imag, second.imag))
        scale = abs(first) if math.isfinite(abs(first)) else 0.0
        bound = ABSOLUTE if 0 in (left, right) else relative * scale
        return all(a == b or abs(a - b) <= bound for a, b in parts)
    if left == right:
        return True
    try:
        first, second = float(left), float(right)
    except OverflowError:  # an integer that no float holds, and it is not equal
        return False
    if not (math.isfinite(first) and math.isfinite(second)):
        return False
    if 0 in (first, second):
        return abs(first - second) <= ABSOLUTE
    return abs(first - second) <= relative * max(abs(first), abs(second))


def _same(expected: Any, actual: Any) -> bool:
    if _is_number(expected) and _is_number(actual):
        return _close(expected, actual, RELATIVE)
    if isinstance(expected, (set, frozenset)) and isinstance(actual, (set, frozenset)):
        return _same_sets(list(expected), list(actual))
    if type(expected) is not type(actual):
        return False
    if isinstance(expected, (list, tuple)):
        return len(expected) == len(actual) and all(map(_same, expected, actual))
    if isinstance(expected, dict):
        # A key is looked up as it is, so that True does not stand for 1.
        found = {encode(key): value for key, value in actual.items()}
        return len(expected) == len(actual) and all(
            encode(key) in found and _same(value, found[encode(key)])
            for key, value in expected.items()
        )
    return bool(expected == actual)


def _same_sets(expected: list[Any], actual: list[Any]) -> bool:
    if len(expected) != len(actual):
        return False
    texts = {encode(member) for member in actual}
    odd = [member for member in expected if encode(member) not in texts]
    if not odd:
        return True
    if len(odd) > MAX_MATCHED_SET:
        return False
    own = {encode(member) for member in expected}
    rest = [member for member in actual if encode(member) not in own]
    for member in odd:
        match = next((i for i, other in enumerate(rest) if _same(member, other)), None)
        if match is None:
            return False
        rest.pop(match)
    return True


# --- answers --------------------------------------------------------------------------------------


def _compare_written(reference: Number, answer: Number) -> Verdict:
    if reference.unit and answer.unit and reference.unit != answer.unit:
        reason = f"different units: {reference.unit} and {answer.unit}"
        return Verdict("unknown", reason, "numeric")
    if reference.percent == answer.percent:
        agrees = _close_written(reference, answer)
    else:
        share, bare = (reference, answer) if reference.percent else (answer, reference)
        # 25% is 0.25, and answers "how many per cent" as 25 does; but 0.5 is hardly ever 0.5%.
        hundredth = Number(share.value / 100, share.rounded)
        agrees = _close_written(hundredth, bare)
        agrees = agrees or (abs(share.value) >= 1 and _close_written(share, bare))
    return _verdict(agrees, "equal numbers", "different numbers", "numeric")


def _close_written(left: Number, right: Number) -> bool:
    if left.value == right.value:
        return True
    whole = left.value.denominator == 1 or right.value.denominator == 1
    if not (left.rounded or right.rounded):
        return False
    relative = RELATIVE if whole else ANSWER_RELATIVE
    if 0 in (left.value, right.value):
        return abs(left.value - right.value) <= Fraction(ABSOLUTE)
    bound = Fraction(relative) * max(abs(left.value), abs(right.value))
    return abs(left.value - right.value) <= bound


__all__ = ["VERIFIERS", "Verdict", "verifier_for", "verify", "verify_answer"]
