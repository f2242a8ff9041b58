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
    is_essay,
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


@pytest.mark.parametrize(
    ("trace", "answer"),
    [
        ("The answer is 7, since the others fail.", "7"),
        ("The answer is 7 because 3 + 4 = 7.", "7"),
        ("The answer is 7 (as 3 + 4 is), I think.", "7"),
        ("The answer is 1,200 cm, and that is all.", "1,200 cm"),
        ("The answer is 7.\n\nLet me know if you need more help!", "7"),
        ("The answer is 7. I hope that helps.\n\nThank you!", "7"),
        ("The answer to the question is therefore $7$.", "7"),
        ("So the answer should be $x = 3.5$; the rest is clear.", "x = 3.5"),
        ("Final Answer: The final answer is $7$. I hope it is correct.", "7"),
        ("The final answer is:\n\n\\[\n\\frac{7}{2}\n\\]", r"\frac{7}{2}"),
        ("The answer is $5, as each costs $2.", "5"),
        ("The answer is (3, 4).", "(3, 4)"),
        ("The answer is: \n\n**12**", "12"),
        ("The answer is:\n\n**$\\frac{7}{2}$**\n", r"\frac{7}{2}"),
        ("**Answer:**\n\n**-7**", "-7"),
        ("The answer is: \n**12 crates**.\n\nThat is all.", "12 crates"),
        ("The answer is red and blue.", "red and blue"),
        ("The answer is $x = 1$ and $y = 2$.", "$x = 1$ and $y = 2$"),
        ("The answer is B. Because the others fail.", "B"),
        ("The answer is 6. No, the answer is 7.", "7"),
        ("Therefore, Odile has 7 crates.", "7"),
        ("So 3 + 4 = 7.\n\nTherefore, the number of crates is **7**.\n\nThat is all.", "7"),
        ("We get 3.\nThen 4.\nSo the total is 7.", "7"),
        ("Thus the volume is \\( \\frac{7}{2} \\) cubic metres.", r"\frac{7}{2}"),
        ("I am confident that 7 is the number of crates.", "7"),
        ("That is it. The height is 7 cm.", "7"),
    ],
)
def test_answers_in_words(trace: str, answer: str) -> None:
    assert final_answer(trace) == answer


@pytest.mark.parametrize(
    "trace",
    [
        "So the answer is not 7.",
        "The answer to part (a) is 5 and to part (b) is 6.",
        "The answer to the first is 5 and the second one is 6.",
        "The answer for x is 5 while for y we have y = 6.",
        "The answer is:\n\n**Step 2**\nWe add 3 and 4.",
        "The answer is 7. But wait, 3 + 5 is 8.",
        "The answer is 7. Let me check that.",
        "Maybe the answer is 7?\nThen we would have 3 + 4 crates. It is late.",
        "Please give your answer as a number that is to 2 places.",
        "Therefore, x = 3 and y = 4.",
        "So there are 3 crates or 4.",
        "So f(x) = 2x^2 is the function.",
        "Therefore, the crates are 7 and the",
        "We count the crates. There may be 7 of them, or not.",
    ],
)
def test_what_is_no_final_answer(trace: str) -> None:
    assert final_answer(trace) is None


@pytest.mark.parametrize(
    ("reference", "essay"),
    [
        ("We add the crates on both ships.\nThat is what was asked.", True),
        ("It follows from the symmetry of both equations that none exists.", True),
        (r"\frac{1}{2} + \sqrt{3} \cdot \sin x \cos x \tan x \log x \quad \text{m}", False),
        ("Monday", False), ("1\n2\n3\n", False), ("a red crate and a blue one", False),
    ],
)  # fmt: skip
def test_essays(reference: str, essay: bool) -> None:
    assert is_essay(reference) is essay


@given(st.text(alphabet="\\boxed{}# A:\n`output1 answer is.$*(),S"))
def test_no_text_breaks_it(text: str) -> None:
    found = final_answer(text)
    assert found is None or found in text
    last_output(text)
