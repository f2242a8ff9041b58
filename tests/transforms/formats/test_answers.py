"""The final answer that a trace states."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.transforms.formats.answers import (
    a_line,
    boxed,
    final_answer,
    hashes,
    last_output,
)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so $\boxed{6}$", "6"),
        (r"$\boxed{\frac{1}{\sqrt{2}}}$ and more", r"\frac{1}{\sqrt{2}}"),
        (r"first \boxed{1}, then \boxed{2}", "2"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{\left\{ x \right.}", r"\left\{ x \right."),
        (r"\boxed{a \\ b \\}", r"a \\ b \\"),
        (r"\boxed {7}", "7"),
        (r"\boxed 8.", "8"),
        (r"\fbox{9}", "9"),
        (r"\boxed{\boxed{3}}", "3"),
        (r"\boxed{4} but then \boxed{cut o", "4"),
        (r"\boxed{cut \boxed{5}", "5"),
        (r"\boxed{never closed", None),
        (r"\boxed{}", None),
        ("no box", None),
    ],
)
def test_boxes(text: str, answer: str | None) -> None:
    assert boxed(text) == answer


def test_a_box_in_a_long_broken_trace_takes_no_time() -> None:
    assert boxed(r"\boxed{" * 200_000) is None


@given(st.recursive(st.just(""), lambda t: st.tuples(t, t).map(lambda p: f"{{{p[0]}}}x{p[1]}")))
def test_balanced_braces_come_out_whole(inner: str) -> None:
    assert boxed(f"\\boxed{{{inner}y}} }}") == f"{inner}y"


def test_closing_lines() -> None:
    assert hashes("#### 1\nmore\n#### 1,200 \n") == "1,200"
    assert hashes("a #### 1") is None
    assert hashes("####") is None
    assert a_line("BA: 3\nA: 4\n") == "4"
    assert a_line("A: ") is None


def test_last_output() -> None:
    text = "```output\n1\n```\nthen\n```output\nx\n2\n\n```\nThe end."
    assert last_output(text) == ("2", "\nThe end.")
    assert last_output("```output\n3\n") == ("3", "")
    assert last_output("nothing") == (None, "nothing")
    assert last_output("```output\n```\nrest") == (None, "\nrest")


@pytest.mark.parametrize(
    ("trace", "answer"),
    [
        (r"#### 1 and \boxed{2}", "2"),
        ("work\n#### 3", "3"),
        ("work\nA: 4", "4"),
        ("We add.\nSo the answer is 5.", "5"),
        ("The final answer is: $\\frac{1}{2}$.\n", r"\frac{1}{2}"),
        ("**Answer:** 7", "7"),
        ("The answer is (C).", "C"),
        ("The answer is 5, I think.\nBut I never finished this", None),
        ("", None),
    ],
)
def test_the_ways_to_state_an_answer(trace: str, answer: str | None) -> None:
    assert final_answer(trace) == answer


@given(st.text(alphabet="\\boxed{}# A:\n`output1 answer is"))
def test_no_text_breaks_it(text: str) -> None:
    found = final_answer(text)
    assert found is None or found in text
    last_output(text)
