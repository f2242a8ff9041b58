r"""Whether two texts of final answers say the same, LaTeX or plain, where one value is written in
many ways: the cheap readings first, sympy last."""

from __future__ import annotations

import re

from tracemine.verifiers.choice import NAME as CHOICE
from tracemine.verifiers.choice import read_letter
from tracemine.verifiers.numbers import Number, compare_numbers, parse_number
from tracemine.verifiers.sets import MAX_NESTED, Collection, compare_collections, read_collection
from tracemine.verifiers.symbolic import Budget, compare_symbolic
from tracemine.verifiers.texts import MAX_TEXT_CHARS, balanced, plain_text, same_writing, split_name
from tracemine.verifiers.units import read_unit
from tracemine.verifiers.verdict import Context, Verdict

_UNIT_BEHIND = re.compile(
    r"(.*?[\w})\]])\s*((?:\\(?:text|mathrm|textrm|mbox)\s*\{\s*[^{}\\]+\}|\^\s*\{?\s*\\circ\s*\}?)"
    r"(?:\s*\^\s*\{?\s*-?\d\s*\}?)?)",
    re.S,
)
#: So many letters in a row may be a product of variables.
MAX_PRODUCT_LETTERS = 3
#: ... but for these, which are answers.
_SHORT_WORDS = frozenset(("yes", "no", "all", "odd", "up", "on", "in", "east", "west"))
_PHRASE = re.compile(r"[A-Za-z][A-Za-z ,.'-]*[A-Za-z]")
_DEGREES_BEHIND = re.compile(r"\s*(?:\^\s*\{?\s*\\circ\s*\}?|\\?degrees?)\s*$")
_RELATION = re.compile(r"[=<>]|\\(?:leq?|geq?|neq?|lt|gt)(?![a-zA-Z])")


def compare_answers(
    reference: str, answer: str, context: Context, *, budget: Budget | None = None, depth: int = 0
) -> Verdict:
    """Whether ``answer`` says what ``reference`` says. Symmetric between single values.

    ``budget`` is the CPU time left for sympy; ``depth`` counts collections within collections.
    """
    if max(len(reference), len(answer)) > MAX_TEXT_CHARS:
        if reference.strip() == answer.strip():
            return Verdict("agree", "same text", "exact")
        return Verdict("unknown", f"more than {MAX_TEXT_CHARS} characters", "exact")
    left, right = plain_text(reference), plain_text(answer)
    if not left or not right:
        return Verdict("unknown", "no reference" if not left else "no answer", "exact")
    numbers = parse_number(left), parse_number(right)
    first_number, second_number = numbers
    # A number with a name before it, against one without: early, because it is frequent.
    if first_number is None and second_number is not None:
        first_number = _named_number(left)
    elif second_number is None and first_number is not None:
        second_number = _named_number(right)
    if first_number is not None and second_number is not None:
        return compare_numbers(first_number, second_number, context)
    if same_writing(left, right):
        return Verdict("agree", "same text", "exact")
    if found := _compare_words(left, right):
        return found
    if found := _compare_marked(left, right):
        return found
    budget = budget or Budget()
    first, second = read_collection(left), read_collection(right)
    if depth < MAX_NESTED and (first or second):
        if found := _compare_collections((left, first), (right, second), context, budget, depth):
            return found
        return compare_symbolic(left, right, budget)
    if found := _compare_named(left, right, context, budget, depth):
        return found
    return _compare_expressions((left, numbers[0]), (right, numbers[1]), context, budget)


def _named_number(text: str) -> Number | None:
    name, value = split_name(text)
    return parse_number(value) if name else None


def _compare_words(left: str, right: str) -> Verdict | None:
    if not (_PHRASE.fullmatch(left) and _PHRASE.fullmatch(right)):
        return None
    if left.casefold() == right.casefold() and all(map(_same_word, left.split(), right.split())):
        return Verdict("agree", "same words", "exact")
    # A short word may be a product of variables.
    if left.isalpha() and right.isalpha() and max(len(left), len(right)) > 2:
        return Verdict("differ", "different words", "exact")
    return None


def _same_word(left: str, right: str) -> bool:
    """Whether two words of the same letters are one: ``AB`` and ``ab`` are products of variables
    that are not the same."""
    capital = left.capitalize() == right.capitalize() and left[1:] == right[1:]
    letters = len(left.strip(",.'-"))
    return (
        left == right
        or letters > MAX_PRODUCT_LETTERS
        or (letters == MAX_PRODUCT_LETTERS and capital)
        or left.casefold().strip(",.") in _SHORT_WORDS
    )


def _compare_marked(left: str, right: str) -> Verdict | None:
    """The letters of options, of which one at least is marked as one."""
    first, second = read_letter(left), read_letter(right)
    if not first[0] or not second[0]:
        return None
    bare = (left == first[0], right == second[0])
    if all(bare) or (first[1] and second[1] and not same_writing(first[1], second[1])):
        return None
    if first[0] == second[0]:
        return Verdict("agree", f"option {first[0]}", CHOICE)
    return Verdict("differ", f"options {first[0]} and {second[0]}", CHOICE)


def _compare_collections(
    left: tuple[str, Collection | None],
    right: tuple[str, Collection | None],
    context: Context,
    budget: Budget,
    depth: int,
) -> Verdict | None:
    def compare(first: str, second: str) -> Verdict:
        return compare_answers(first, second, context, budget=budget, depth=depth + 1)

    if left[1] and right[1]:
        return compare_collections(left[1], right[1], compare)
    found, text = (left[1], right[0]) if left[1] else (right[1], left[0])
    assert found is not None
    if found.kind in ("list", "set") and len(found.members) == 1:
        return compare(found.members[0], text)
    if parse_number(text) is not None:
        return Verdict("differ", f"{found.kind} and a number", "sets")
    return None


def _compare_named(
    left: str, right: str, context: Context, budget: Budget, depth: int
) -> Verdict | None:
    """``x = 5`` against ``5`` and ``x = 5``; None where names do not tell."""
    (first, one), (second, other) = split_name(left), split_name(right)
    if depth >= MAX_NESTED or not (first or second):
        return None
    if first and second:
        if first == second:
            return compare_answers(one, other, context, budget=budget, depth=depth + 1)
        if parse_number(one) and parse_number(other):
            return Verdict("differ", f"{first} and {second}", "exact")
        return None
    if _RELATION.search(one if not first else other if not second else ""):
        return None
    return compare_answers(one, other, context, budget=budget, depth=depth + 1)


def _compare_expressions(
    left: tuple[str, Number | None],
    right: tuple[str, Number | None],
    context: Context,
    budget: Budget,
) -> Verdict:
    """Expressions; a unit behind one is taken off, and two must measure the same."""
    (first, one), (second, other) = _split_unit(*left), _split_unit(*right)
    if {one, other} <= {"degree", "radian", "rad", ""} and (one == "degree") != (other == "degree"):
        degrees, radians = (first, second) if one == "degree" else (second, first)
        if "\\pi" in radians:
            in_radians = f"\\frac{{\\pi}}{{180}}({_without_degrees(degrees)})"
            verdict = compare_symbolic(in_radians, radians, budget)
            if verdict.outcome == "agree":
                return verdict
    if one and other and one != other:
        return Verdict("unknown", f"different units: {one} and {other}", "units")
    verdict = compare_symbolic(first, second, budget)
    if verdict.outcome == "agree" or (first, second) == (left[0], right[0]):
        return verdict
    # What was taken for a unit may be a variable.
    return compare_symbolic(left[0], right[0], budget)


def _without_degrees(text: str) -> str:
    return _DEGREES_BEHIND.sub("", text)


def _split_unit(text: str, number: Number | None) -> tuple[str, str]:
    """``(text without the unit behind it, the unit)``; the unit is empty where there is none."""
    match = _UNIT_BEHIND.fullmatch(text) if "\\" in text else None
    if match and balanced(match[1]) and (unit := read_unit(match[2])):
        return match[1], unit
    if number is not None and number.unit:
        return text, number.unit
    return text, ""


__all__ = ["compare_answers"]
