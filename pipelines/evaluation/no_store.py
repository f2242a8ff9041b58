"""What luck finds without any store: formulas of the question's values, tried one after another.

Of two to four numbers all that ``+ - * /`` make of them, each number once, are enumerated in a
fixed order, those first that give what looks most like an answer (`store.ranking.plausibility`).
The first ten with different values are right now and then, as ten entries of a store are: an arm
that finds no more than this one has retrieved nothing.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from tracemine.pipelines.evaluation.arms import DEPTH, Asking, Ranked
from tracemine.pipelines.evaluation.entries import Entry, Shelf
from tracemine.pipelines.evaluation.passes import Runs
from tracemine.pipelines.evaluation.questions import Question
from tracemine.schemas import Parameter, Signature, content_id, decode, encode
from tracemine.store.ranking import SCORE_DIGITS, Rankable, method_of, plausibility, weigh
from tracemine.verifiers import Sandbox
from tracemine.verifiers.replay import Routine

#: Of one number there is nothing to make; of five there are some 27,000 formulas.
MIN_VALUES = 2
MAX_VALUES = 4

#: Values that agree to so many significant digits are one.
VALUE_DIGITS = 9

_SIGNS = {
    "+": operator.add, "*": operator.mul, "-": operator.sub, "/": operator.truediv,
}  # fmt: skip

#: A formula as an expression over `_name`, and what it gives.
_Formula = tuple[str, Any]


def formulas(values: Sequence[Any]) -> list[_Formula]:
    """All that ``+ - * /`` make of ``values``, each used once: an expression over ``value_1``,
    ``value_2`` ... and what it gives, in a fixed order, the first of those that give the same at
    each step. Empty where there are fewer than `MIN_VALUES`, more than `MAX_VALUES`, or one that
    is no number that a float holds."""
    if not has_formula(values):
        return []
    # Sets of values as bits: what can be made of each.
    whole = (1 << len(values)) - 1
    made: dict[int, list[_Formula]] = {
        1 << place: [(_name(place), value)] for place, value in enumerate(values)
    }
    for bits in sorted(range(1, whole + 1), key=lambda bits: (bits.bit_count(), bits)):
        if bits in made:
            continue
        first: dict[Any, str] = {}
        for left in range(1, bits):
            # Each pair of parts once: the lowest of the values is on the left.
            if left & bits == left and left & -left == bits & -bits:
                for one in made[left]:
                    for other in made[bits ^ left]:
                        for text, value in _joined(one, other):
                            first.setdefault(value, text)
        made[bits] = [(text, value) for value, text in first.items()]
    return made[whole]


def has_formula(values: Sequence[Any]) -> bool:
    """Whether `formulas` makes anything of ``values``."""
    return MIN_VALUES <= len(values) <= MAX_VALUES and all(map(_is_number, values))


def plausible_formulas(asking: Asking, sandbox: Sandbox) -> tuple[Shelf, Asking, Ranked, Runs]:
    """For each question of ``asking`` the `DEPTH` most plausible of `formulas` that give different
    values, best first, as positions on a shelf of all of them; and the questions, with their values
    named as the formulas name them, and their runs."""
    questions = tuple(_by_place(question) for question in asking.questions)
    renamed = replace(asking, questions=questions)
    runs = Runs(questions, sandbox)
    places: dict[Routine, int] = {}
    ranked: Ranked = []
    for index, question in enumerate(questions):
        values = runs.values(question.id)
        found = formulas([values[key.name] for key in question.keys])
        wanted = renamed.wanted(index, values)
        scores = [round(weigh(plausibility(wanted, v)), SCORE_DIGITS) for _, v in found]
        order = sorted(range(len(found)), key=lambda place: (-scores[place], place))
        # Sums in another order may differ in their last digits: they are one value.
        best: dict[str, str] = {}
        for place in order:
            text, value = found[place]
            best.setdefault(f"{float(value):.{VALUE_DIGITS}g}", text)
        routines = [_routine(text, question) for text in list(best.values())[:DEPTH]]
        ranked.append([places.setdefault(routine, len(places)) for routine in routines])
    entries = tuple(map(_entry, places))
    return Shelf(entries, np.zeros((len(entries), 0), dtype=np.float32)), renamed, ranked, runs


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float, Fraction)):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _joined(one: _Formula, other: _Formula) -> list[_Formula]:
    (left, a), (right, b) = one, other
    found = []
    for sign, compute in _SIGNS.items():
        ways = [(left, a, right, b)]
        if sign in "-/":
            ways.append((right, b, left, a))
        for x, m, y, n in ways:
            try:
                value = compute(m, n)
            except ArithmeticError:  # a division by zero, or more than a float holds
                continue
            if _is_number(value):
                found.append((f"({x} {sign} {y})", value))
    return found


def _name(place: int) -> str:
    return f"value_{place + 1}"


def _by_place(question: Question) -> Question:
    """``question`` with its values called by their place, without units."""
    keys = [Parameter(_name(place), key.type) for place, key in enumerate(question.keys)]
    values = decode(question.bindings)
    bindings = {key.name: values[old.name] for key, old in zip(keys, question.keys, strict=True)}
    return replace(question, keys=tuple(keys), bindings=encode(bindings))


def _routine(expression: str, question: Question) -> Routine:
    names = ", ".join(key.name for key in question.keys)
    return Routine(
        "",
        f"def formula({names}):\n    return {expression}\n",
        "formula",
        Signature(question.keys, Parameter("result", question.output.type)),
        (),
        question.verifier,
    )


def _entry(routine: Routine) -> Entry:
    identifier = content_id("formula", routine.code, repr(routine.signature), routine.verifier)
    method = method_of(routine.code, routine.entry_point)
    return Entry(
        id=identifier,
        home=identifier,
        domain="math",
        text="",
        summary="",
        full=routine.code,
        problems=0,
        routine=routine,
        rankable=Rankable(routine.signature, 0, 0.0, method),
        trajectories=frozenset(),
    )


__all__ = ["MAX_VALUES", "MIN_VALUES", "formulas", "has_formula", "plausible_formulas"]
