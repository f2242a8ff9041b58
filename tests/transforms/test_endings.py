"""Loops are told from long and orderly work."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.transforms.endings import loops, repetition

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


@given(st.text(max_size=9000))
def test_any_text_has_a_number(trace: str) -> None:
    assert 0 < repetition(trace) < 2000
    assert not (loops(trace, cut_off=False) and not loops(trace, cut_off=True))
