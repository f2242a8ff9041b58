"""Whether what a program gives is the answer."""

from __future__ import annotations

from typing import Any

import pytest

from tracemine.teachers.rules.code.program_answers import agrees, agrees_as_text, plain_number
from tracemine.teachers.rules.code.tracing import Value


@pytest.mark.parametrize(
    ("value", "answer", "expected"),
    [
        (12, "12", True), (12, "$12", True), (1200, "1,200", True), (0.5, "1/2", True),
        (3.14159, "3.14", True), (3.14159, "3.15", False), (2.0 / 3, "0.67", True),
        ("It is 7 now", "7", True), ("seven", "seven", True), ([7], "7", True),
        ({"x": 7}, "7", True), ([7, 8], "7", False), (True, "1", False), (None, "0", False),
        (float("nan"), "0", False), (float("inf"), "0", False), (7, None, False), (7, "", False),
        (7, "9" * 5000, False), (1e300, "1", False),
    ],
)  # fmt: skip
def test_a_number_is_the_answer_up_to_its_decimals(
    value: Any, answer: str | None, expected: bool
) -> None:
    assert agrees(value, answer) is expected


@pytest.mark.parametrize(
    ("value", "answer", "expected"),
    [
        (complex(1, -2), "1-2i", True), (complex("inf"), "1", False), ((1, 2), "(1, 2)", True),
        ("Interval(0, oo)", "[0, \\infty)", True),
        ("Union(Interval.open(-oo, 0), Interval.Lopen(1, 2))", "(-\\infty, 0) \\cup (1, 2]", True),
        ("Interval(0, 1)", "(0, 1)", False), ("x**2 + 1", "x^2+1", True), (None, "0", False),
        ([1, 3], None, False),
    ],
)  # fmt: skip
def test_other_values_are_the_answer_as_people_write_it(
    value: Any, answer: str | None, expected: bool
) -> None:
    assert agrees_as_text(Value(True, value), answer) is expected


def test_a_number_in_a_text_is_read() -> None:
    assert plain_number("about 3,000 people") == 3000
    assert plain_number("none") is None
    assert plain_number("1/0") is None
