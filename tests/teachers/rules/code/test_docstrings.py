"""The task that a docstring states."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.code.docstrings import is_code, task_of

HEAD = "def measure(xs, n):\n"


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("Return the largest gap between neighbours.", "return the largest gap between neighbours"),
        (
            """ Return the width of a ladder.
            >>> measure([1, 5], 2)
            4
            """,
            "return the width of a ladder",
        ),
        (
            "Sum the digits of n.\nmeasure([1], 2) => 3\nmeasure([], 2) => 0",
            "sum the digits of n",
        ),
        (
            "You are given rungs of a ladder, from the ground up. Your task is to find the\n"
            "rung that is loose.\n\nExamples:\n    measure([1], 3) -> 1",
            "find the rung that is loose",
        ),
        (
            "Write a function measure that takes a list of rungs and returns how many are loose.",
            "return how many are loose",
        ),
        ("measure(xs, n) counts rungs above n", "counts rungs above n"),
        ("Do not return loose rungs. Count them instead.", "count them instead"),
        ("Never sort the rungs. Return the widest rung.", "return the widest rung"),
        ("The function must not change xs. It returns the widest rung.", "returns the widest rung"),
        ("Don't print anything.", ""),
        (
            "takes a rung and returns it with its neighbours",
            "takes a rung and returns it with its neighbours",
        ),
        ("xs are heights in order. Check that none is low.", "check that none is low"),
        (
            "Olga has a ladder. Help her to count its rungs, e.g. three.",
            "someone has a ladder; count its rungs",
        ),
        ("In this puzzle, you have to sort rungs by colour (for example: red).",
         "sort rungs by colour"),
        ("Change the colour of rungs.\n Return them from the top.", "change the colour of rungs"),
        ("A simple program which should return the rung n.", "return the rung n"),
        ("takes rungs and returns them such that n comes first",
         "takes rungs and returns them such that n comes first"),
        ("takes rungs and returns a list such that n leads", "return a list such that n leads"),
        ("Two ladders lean on a wall. Each rung is wet. Return how many rungs are dry.",
         "return how many rungs are dry"),
        ("Args:\n    xs: rungs\nReturns:\n    a number", ""),
        ("measure([1], 2) == 3", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_the_task_is_the_sentence_that_says_what_is_wanted(text: str, task: str) -> None:
    assert task_of(inspect.cleandoc(text), "measure") == task


@given(st.text(max_size=200))
def test_any_text_is_a_docstring(text: str) -> None:
    task = task_of(text, "measure")
    assert "\n" not in task and ">>>" not in task[:3]


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (f'{HEAD}    """Doc."""\n', True),
        (f'from typing import List\n\nLIMIT = 3\n\n{HEAD}    """Doc."""\n', True),
        (HEAD, True),
        (f"import math\n{HEAD}    # what to do", True),
        (f"Complete this function:\n\n{HEAD}    pass\n", False),
        ("Write a function to measure ladders. Do not define measure(xs, n) twice.", False),
        ("def measured(xs):\n    pass", False),
    ],
)
def test_a_problem_that_is_code(problem: str, expected: bool) -> None:
    assert is_code(problem, "measure") is expected
