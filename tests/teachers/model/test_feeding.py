"""Which results feed the answer."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import pytest

from tracemine.schemas import Parameter, Signature, Source, Span, Trajectory
from tracemine.schemas.types import type_of
from tracemine.teachers.model.feeding import is_answer, with_checked
from tracemine.teachers.spans import Case, instance_of

TRAJECTORY = Trajectory(
    id="t", problem_id="p", problem="There are 4 boxes of 6 eggs, and 10 are sold at $3 each.",
    trace="." * 100, answer="42", reference="42", domain="math", sources=(Source("s", 0),),
    outcome="verified",
)  # fmt: skip


def span(start: int, bindings: dict[str, Any], result: Any, end: int = 0) -> Span:
    name = f"{start}-{end}-{result}"
    signature = Signature(
        tuple(Parameter(n, type_of(v)) for n, v in bindings.items()),
        Parameter("result", type_of(result)),
    )
    return Span(
        id=name, trajectory_id="t", problem_id="p", start=start, end=end or start + 10, quote="",
        subquestion="", subroutine="", summary="", code=None, entry_point=None,
        signature=signature, preconditions=(), predicates=(), failure_modes=(),
        kind="procedural", domain="math", teacher="m@1",
        instances=(instance_of(TRAJECTORY, name, Case(bindings, result, checked=False)),),
    )  # fmt: skip


def checked(spans: list[Span], **changes: Any) -> list[bool]:
    found = with_checked(spans, dataclasses.replace(TRAJECTORY, **changes))
    return [each.instances[0].checked for each in found]


CHAIN = [
    span(0, {"boxes": 4, "eggs": 6}, 24),
    span(20, {"total": 24, "sold": 10}, 14),
    span(40, {"left": 14, "price": 3}, 42),
]


def test_what_the_answer_is_made_of_is_checked():
    assert checked(CHAIN) == [True, True, True]


def test_what_leads_nowhere_is_not():
    assert checked([*CHAIN[:2], span(30, {"a": 24}, 77), CHAIN[2]]) == [True, True, False, True]
    # Made after it was taken.
    assert checked([CHAIN[2], span(60, {"total": 24}, 14)]) == [True, False]


def test_nothing_is_checked_where_the_answer_is_not_verified():
    assert checked(CHAIN, outcome="wrong") == [False] * 3
    assert checked(CHAIN, outcome="unknown") == [False] * 3
    assert checked(CHAIN, answer=None, reference=None) == [False] * 3
    assert checked(CHAIN, answer="43") == [False] * 3


def test_a_value_that_the_problem_states_links_nothing():
    spans = [span(0, {"a": 2}, 10), span(20, {"sold": 10, "b": 32}, 42)]
    assert checked(spans) == [False, True]


def test_an_answer_that_the_problem_states_is_reached_last():
    spans = [span(0, {"a": 2}, 10), span(20, {"a": 2}, 10), span(15, {"a": 5}, 10, end=30)]
    assert checked(spans, answer="10") == [False, True, True]


def test_lists_and_texts_link_too():
    spans = [
        span(0, {"a": 9}, [7, 8]),
        span(20, {"xs": [7, 8]}, 15),
        span(40, {"parts": [15, 27]}, 42),
    ]
    assert checked(spans) == [True, True, True]


def test_truth_values_and_ones_link_nothing():
    spans = [span(0, {"a": 9}, True), span(15, {"a": 9}, 1), span(30, {"is_so": True, "n": 1}, 42)]
    assert checked(spans) == [False, False, True]


@pytest.mark.parametrize(
    ("value", "answer", "agrees"),
    [
        (42, "42", True), (42.0, "$42$", True), (Fraction(1, 2), r"\frac{1}{2}", True),
        (0.859375, "0.859", True), (0.869, "0.859", False), ("x + 1", "$1+x$", True),
        ((1, 2), "(1, 2)", True), ({1, 2}, r"\{1, 2\}", True), ([1, 2], "1, 2", True),
        (True, "Yes", True), (True, "no", False), (1, "Yes", False), ("", "42", False),
        (None, "42", False), ({"a": 42}, "42", False), ("x" * 500, "x" * 500, False),
    ],
)  # fmt: skip
def test_answers(value: Any, answer: str, agrees: bool):
    assert is_answer(value, answer) is agrees
