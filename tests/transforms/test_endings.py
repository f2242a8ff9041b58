"""Loops are told from long and orderly work."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.transforms.endings import LOOPING, loops, repetition, retold

PROSE = (
    "A ferry makes six crossings a day. On each it carries forty cars, whose drivers pay four "
    "coins each, so that a crossing earns 160 coins and a day 960. Fuel costs 11 coins a crossing "
    "and the crew 500 a day. What is left is 960 - 66 - 500, which makes 394 coins. "
)


def cases(count: int) -> str:
    """An enumeration: the same words about other numbers."""
    return "\n".join(
        f"{n}. For n = {n} we get n^2 + n + 41 = {n * n + n + 41}, and its digits sum to "
        f"{sum(map(int, str(n * n + n + 41)))}, so it does not fit." for n in range(1, count)
    )  # fmt: skip


@pytest.mark.parametrize(
    "trace",
    [
        PROSE + "Wait, let me check that again. Six times forty is 240. " * 200,
        "9" * 5000,
        PROSE * 30,
        PROSE + " Shay" * 2000 + PROSE,
    ],
)
def test_what_goes_round_loops_whether_cut_off_or_not(trace: str) -> None:
    assert loops(trace, cut_off=False)
    assert loops(trace, cut_off=True)


@pytest.mark.parametrize("trace", ["", "x", PROSE, cases(30) + " So there is none.", cases(400)])
def test_orderly_work_does_not(trace: str) -> None:
    assert not loops(trace, cut_off=False)


def test_a_loop_at_the_end_of_a_long_trace_shows() -> None:
    work = cases(300)
    assert loops(work + "So I try again. " * 400, cut_off=False)
    assert not loops(work, cut_off=False)


def round_of(chars: int) -> str:
    """A paragraph of about so many characters that does not repeat itself."""
    sentences: list[str] = []
    while sum(map(len, sentences)) < chars:
        n = len(sentences) + 3
        sentences.append(f"Ship {n * 7919 % 1009} carries {n**4 % 977} casks to pier {n**3 % 89}. ")
    return "".join(sentences) + "So it is \\boxed{42}.\n\n"


@pytest.mark.parametrize("chars", [300, 1000, 2000, 4000, 6000])
def test_rounds_of_any_length_loop_from_the_third_on(chars: int) -> None:
    told = round_of(chars)
    assert not loops(told, cut_off=False)
    assert not loops(told * 2, cut_off=False)
    assert loops(told * max(4, 9000 // chars), cut_off=False)
    assert loops(PROSE + cases(200) + told * (24_000 // chars), cut_off=False)


def checked(count: int) -> str:
    """Cases in one form, each with the number that it comes to."""
    return "\n".join(
        f"For n = {n}, we have n^2 + 3n + 5 = {n * n + 3 * n + 5}, which is not divisible by 121, "
        "so we move on to the next value of n." for n in range(1, count)
    )  # fmt: skip


@pytest.mark.parametrize("count", [20, 40, 120])
def test_cases_in_one_form_are_no_loop_but_a_counter_alone_is_one(count: int) -> None:
    assert not loops(checked(count) + "\nSo there is none.", cut_off=False)
    counted = (f"{n}. We try the next one, which does not work either, so that we go on with the "
               "one after it.\n" for n in range(40))  # fmt: skip
    assert loops("".join(counted), cut_off=False)
    counted = (f"What are the first 100 numbers from {n} on? And then?\n" for n in range(60))
    assert loops("".join(counted), cut_off=False)
    assert loops((checked(30) + "\n") * 10, cut_off=False)


ZEROS = "| 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 |\n"
MATRIX = (
    "\\begin{pmatrix}\n" + "0 & 0 & 0 & 0 & 0 & 0 & 0 & 0 & 0 \\\\\n" * 100 + "\\end{pmatrix}\n"
)


@pytest.mark.parametrize(
    "block",
    [ZEROS * 100, "```python\nx = [\n" + "  0, 0, 0, 0, 0, 0,\n" * 100 + "]\n```\n", MATRIX],
)
def test_tables_and_code_may_be_regular(block: str) -> None:
    assert repetition(block) > LOOPING
    assert not loops(PROSE + "\n" + block + PROSE, cut_off=True)
    # To say them again and again is a loop, and one that never ends is none that came to its end.
    assert loops(f"Let me write that again.\n{block}\n" * 40, cut_off=False)
    assert loops(PROSE + "\n```\n" + "x = 0, 0, 0\n" * 600, cut_off=True)


@pytest.mark.parametrize(
    "block",
    [
        "```python\n" + "x = x + 1\n" * 3000 + "```\n",
        "| a | b |\n" * 3000,
        "```\n" + "x = x + 1\ny = y + x\nprint(y)\n" * 1000 + "```\n",
        "\\begin{array}{c}\n" + "x + y \\\\\n" * 3000 + "\\end{array}\n",
    ],
)
def test_a_block_may_loop_within(block: str) -> None:
    assert loops(PROSE + "\n" + block + PROSE, cut_off=False)
    assert loops(PROSE + "\n" + block + PROSE, cut_off=True)


def test_rules_and_closing_brackets_may_be_many() -> None:
    rows = "".join(
        f"{n} & {n * n * 7919 % 1009} & {n**4 % 977} \\\\\n\\hline\n" for n in range(120)
    )
    table = "\\begin{array}{ccc}\n" + rows + "\\end{array}\n"
    assert not loops(PROSE + "\n" + table + PROSE, cut_off=True)


def test_what_is_said_again_is_counted_in_a_long_text_only() -> None:
    assert retold("Again. " * 100) == 0.0
    assert 0.9 < retold("Again. " * 1000) < 1.0
    assert retold(round_of(5000) * 2) <= 0.5


@given(st.text(max_size=9000))
def test_any_text_has_a_number(trace: str) -> None:
    assert 0 < repetition(trace) < 2000
    assert 0 <= retold(trace) < 1
    assert not (loops(trace, cut_off=False) and not loops(trace, cut_off=True))
