"""Does a subquestion carry what belongs to one instance: its numbers, the names of its people and
places?

Words that say how many terms a formula has ("two kinds of items", "three amounts") and words of
method ("twice", "half of") are no data. Where a task comes with tests, its text is no instance: its
numbers and names are the method's own, and the instance is in the tests (`task_leaks`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from fractions import Fraction

from tracemine.teachers.rules.language.numerals import Numeral, find_numerals, word_set
from tracemine.teachers.rules.language.words import CALENDAR, story_names

#: Number words up to this may count the terms of a formula.
_MOST_TERMS = 9
#: Fewest characters of a literal that a task would not have of its own.
_LEAST_LITERAL = 2
_NEXT_WORD = re.compile(r"[\s-]+([a-z]+)")
#: What the terms of a formula are told by.
_TERMS = word_set(
    """
    kinds stretches numbers amounts rates sums times parts terms prices costs payments fees
    discounts tips
    taxes earnings spendings savings percentages fractions multiples lengths widths heights areas
    volumes distances speeds weights ages debts values profits loans deposits budgets investments
    percents scores points positions lists tuples strings dictionaries arrays sets integers
    characters elements words given sorted different quantities sides factors
    """
)
_WORD = re.compile(r"[A-Za-z]+(?:['’][a-z]+)?")


def instance_leaks(subquestion: str, problem: str, trace: str = "") -> list[str]:
    """The pieces of ``subquestion`` that are numbers of ``problem``, or names of it or of
    ``trace``, as written and in order, each once; empty if there are none.

    >>> instance_leaks("how many of the 12 eggs does Marta sell?", "Marta has 12 eggs.")
    ['12', 'Marta']
    >>> instance_leaks("total cost of two kinds of items", "Two hens cost $5, two ducks $7.")
    []
    """
    found = [*_numbers(subquestion, problem), *_names(subquestion, problem, trace)]
    return list(dict.fromkeys(piece for _, piece in sorted(found)))


def task_leaks(subquestion: str, tests: Iterable[str]) -> list[str]:
    """The same for a task with tests (Python ``assert`` statements): strings and numbers of several
    characters that the tests give or expect. A single digit ("powers of 2") is the method's."""
    found: set[str] = set()
    for test in tests:
        try:
            tree = ast.parse(test)
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and type(node.value) in (int, float, str):
                found.add(str(node.value))
    pieces = (piece for piece in found if len(piece) >= _LEAST_LITERAL)
    told = re.findall(r"'[^']+'|\"[^\"]+\"|\d[\d.]*", subquestion)
    return sorted({p for p in pieces if any(p == t.strip("'\".") for t in told)})


def _numbers(subquestion: str, problem: str) -> list[tuple[int, str]]:
    stated = {n.value for n in find_numerals(problem) if n.kind != "method"}
    stated |= {part for n in find_numerals(problem) for part in map(Fraction, n.parts or ())}
    return [
        (numeral.start, subquestion[numeral.start : numeral.end])
        for numeral in find_numerals(subquestion)
        if numeral.kind != "method"
        and numeral.value in stated
        and not _counts_terms(subquestion, numeral)
    ]


def _counts_terms(subquestion: str, numeral: Numeral) -> bool:
    text = subquestion[numeral.start : numeral.end]
    if text.lower() in ("one", "zero"):
        return True
    if any(c.isdigit() for c in text) or numeral.value > _MOST_TERMS:
        return False
    following = _NEXT_WORD.match(subquestion, numeral.end)
    return following is not None and following[1] in _TERMS


def _names(subquestion: str, problem: str, trace: str) -> list[tuple[int, str]]:
    names = {part.lower() for name in story_names(problem, trace) for part in _WORD.findall(name)}
    names |= {
        match.group().lower()
        for match in _WORD.finditer(problem)
        if match.group()[0].isupper() and match.group().lower() in CALENDAR
    }
    common = set(re.findall(r"\b[a-z]+\b", problem))
    found = []
    for match in _WORD.finditer(subquestion):
        bare = re.sub(r"['’]s$", "", match.group())
        if bare.lower() in names and bare.lower() not in common and len(bare) > 1:
            found.append((match.start(), bare))
    return found
