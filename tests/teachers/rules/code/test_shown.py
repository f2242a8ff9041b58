"""What a text tells of a test."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.code.shown import Told, is_shown


@pytest.mark.parametrize(
    ("text", "arguments", "result"),
    [
        ("so steps( 6 ) is clear", [("n", 6)], 8),
        ("so steps(n=6) is clear", [("n", 6)], 8),
        ("for 6 it gives 8", [("n", 6)], 8),
        ("known = {6: 8, 1: 0}", [("n", 6)], 8),
        ("assert steps([1, 9, 4]) == 5", [("values", [1, 9, 4])], 5),
        ("steps('a b', \"c\")", [("s", "a b"), ("t", "c")], "x"),
        ("of -3, 2.5 it makes -0.5", [("a", -3), ("b", 2.5)], -0.5),
        ('>>> steps( "(())" )\nTrue', [("s", "(())")], True),
        ("steps('[]]') ➞ False", [("s", "[]]")], False),
        ("steps(s=')(')", [("s", ")(")], False),
        ("``steps(“()”, '-')``", [("s", "()"), ("t", "-")], 0),
        ('for "()()" the answer is True', [("s", "()()")], True),
        ("steps('') == 0", [("s", "")], 0),
        ("steps([ ]) is empty", [("values", [])], []),
    ],
)
def test_told(text: str, arguments: list[tuple[str, Any]], result: Any) -> None:
    assert is_shown(Told.by(text), "steps", arguments, result)


@pytest.mark.parametrize(
    ("text", "arguments", "result"),
    [
        ("def steps(n):\n    return n + 6", [("n", 6)], 8),
        ("mysteps(6) and then some more words before 8", [("n", 6)], 8),
        ("6", [("n", 6)], 8),
        ("8 comes before 6", [("n", 6)], 8),
        ("for 16 it gives 8", [("n", 6)], 8),
        ('steps("()()") is True', [("s", "()")], True),
        ("missteps('()')", [("s", "()")], True),
        ("a '()' and then something else until much later True", [("s", "()")], True),
        ("xs = [] and then steps gives 0", [("values", [])], 0),
        ("steps of a list", [("values", [])], 0),
        ("6 is even", [("n", 6)], []),
    ],
)
def test_not_told(text: str, arguments: list[tuple[str, Any]], result: Any) -> None:
    assert not is_shown(Told.by(text), "steps", arguments, result)


@given(st.lists(st.integers(), min_size=1), st.integers(), st.text(), st.text())
def test_a_call_written_out_is_told_whatever_stands_around_it(
    values: list[int], result: int, before: str, after: str
) -> None:
    text = f"{before} steps({values!r}) == {result} {after}"
    assert is_shown(Told.by(text), "steps", [("values", values)], result)


@given(st.text(alphabet="()[]{}<>-+*/.,;:!? '\""), st.booleans())
def test_a_call_on_marks_is_told_in_either_style_of_quotes(marks: str, result: bool) -> None:
    double = '"' + marks.replace('"', '\\"') + '"'
    for written in (repr(marks), double):
        told = Told.by(f"say\n    >>> steps(\n{written} )\n    {result}\n")
        assert is_shown(told, "steps", [("s", marks)], result)


def test_a_call_is_told_as_the_test_writes_it() -> None:
    told = Told.by("try steps('-' * 3)")
    assert is_shown(told, "steps", [("s", "---")], 3, written="steps('-'*3)")
    assert not is_shown(told, "steps", [("s", "---")], 3)
