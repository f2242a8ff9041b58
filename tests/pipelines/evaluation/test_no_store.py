"""What luck finds without a store."""

from __future__ import annotations

import sys
from fractions import Fraction
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.pipelines.evaluation.arms import DEPTH
from tracemine.pipelines.evaluation.no_store import formulas, plausible_formulas
from tracemine.pipelines.evaluation.passes import Outcome
from tracemine.verifiers import shared_sandbox

sys.path.insert(0, str(Path(__file__).parents[2]))
import made_shelves as made

OWN = made.entry("own", "a * b - c", ("a", "b", "c"))


def by_hand(values: tuple[int, ...]) -> set[Fraction]:
    """All that three numbers make, written out: two of them first, then the third."""

    def both(a: Fraction, b: Fraction) -> list[Fraction]:
        return [a + b, a - b, a * b, *([a / b] if b else [])]

    found = set()
    for a, b, c in permutations(map(Fraction, values)):
        for inner in both(a, b):
            found |= {*both(inner, c), *both(c, inner)}
    return found


@given(st.tuples(*[st.integers(-12, 12)] * 3))
def test_all_that_three_numbers_make(values: tuple[int, int, int]) -> None:
    found = formulas(list(map(Fraction, values)))
    assert len({value for _, value in found}) == len(found)
    assert {value for _, value in found} == by_hand(values)
    names = {f"value_{place}": Fraction(v) for place, v in enumerate(values, 1)}
    for text, value in found:
        assert eval(text, {}, dict(names)) == value
        assert all(text.count(name) == 1 for name in names)


def test_of_four_numbers_every_shape() -> None:
    # Large primes: formulas that are not the same give values that are not.
    values = [Fraction(n) for n in (10007, 1009, 101, 11)]
    # As many expressions as OEIS A140606 counts for four different operands.
    assert [len(formulas(values[:n])) for n in (2, 3, 4)] == [6, 68, 1170]


@pytest.mark.parametrize(
    "values",
    [
        [],
        [3],
        [1, 2, 3, 4, 5],
        [1, "2"],
        [1, [2]],
        [True, 2],
        [1.0, float("nan")],
        [1, None],
        [10**400, 5],
    ],
)
def test_what_no_formula_is_made_of(values: list[Any]) -> None:
    assert formulas(values) == []


@given(st.lists(st.integers() | st.floats() | st.fractions(), max_size=4))
def test_any_numbers(values: list[Any]) -> None:
    assert all(value == value for _, value in formulas(values))


@pytest.mark.parametrize("values", [[0, 0], [1e308, 1e308], [10**308, 10**308, 2], [10**308, 0.5]])
def test_numbers_at_the_edge(values: list[Any]) -> None:
    assert formulas(values)


def test_the_first_ten_look_like_an_answer_and_differ() -> None:
    asked = made.asking(
        *[
            made.question(n, {"a": 3 * n, "b": n + 1, "c": 2}, 3 * n * (n + 1) - 2, OWN)
            for n in range(2, 6)
        ],
        made.question(9, {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}, 15, OWN),
    )
    shelf, renamed, ranked, runs = plausible_formulas(asked, shared_sandbox())
    found = made.passes(shelf, renamed, ranked, runs)
    for question, rows, right in zip(renamed.questions, ranked, found, strict=True):
        if len(question.keys) == 5:
            assert rows == []
            continue
        given_by = [runs.given(shelf.entries[row].routine, question.id) for row in rows]
        assert len(rows) == len({each.value for each in given_by}) == DEPTH
        # What the order was made by is what the routines give: whole, and more than nothing.
        assert all(each.value > 0 and each.value == round(each.value) for each in given_by)
        assert right[-1] == any(each.outcome is Outcome.PASS for each in given_by)


def test_a_formula_is_served_with_the_values_it_names() -> None:
    """Of two numbers each formula gives what it says, whichever of them is which."""
    asked = made.asking(*[made.question(n, {"z": 7 * n, "a": n}, 6 * n, OWN) for n in (1, 2, 3)])
    shelf, renamed, ranked, runs = plausible_formulas(asked, shared_sandbox())
    # z - a is among them.
    assert made.passes(shelf, renamed, ranked, runs)[:, -1].all()
    for question, rows in zip(renamed.questions, ranked, strict=True):
        values = runs.values(question.id)
        for row in rows:
            routine = shelf.entries[row].routine
            text = routine.code.partition("return ")[2]
            assert runs.given(routine, question.id).value == eval(text, {}, dict(values))


def test_the_order_does_not_look_at_the_result() -> None:
    numbers = list(product((4, 9), (3, 5)))

    def asked(offset: int) -> Any:
        return made.asking(
            *[made.question(n, {"a": a, "b": b}, a + b + offset, OWN) for n, (a, b) in
              enumerate(numbers, 1)]
        )  # fmt: skip

    told = [plausible_formulas(asked(offset), shared_sandbox()) for offset in (0, 1000)]
    codes = [
        [[shelf.entries[row].routine.code for row in rows] for rows in ranked]
        for shelf, _, ranked, _ in told
    ]
    assert codes[0] == codes[1]
