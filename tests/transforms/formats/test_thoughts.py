"""Thoughts are unwrapped, and what was cut off is told from what came to its end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.transforms.formats.thoughts import Told, is_cut_off, unwrap, with_thought


@pytest.mark.parametrize(
    ("text", "trace", "conclusion", "is_open"),
    [
        ("no markers\n", "no markers\n", "no markers\n", False),
        ("<think>\na\n</think>\n\nb", "a\n\nb", "b", False),
        ("  \n<think>a</think>b", "a\n\nb", "b", False),
        ("<thinking>a</thinking>b", "a\n\nb", "b", False),
        ("a\n</think>\n\nb", "a\n\nb", "b", False),
        ("<think>a</think>b<think>c</think>d", "ab" + "c\n\nd", "d", False),
        ("<think>a", "a", "a", True),
        ("<think>a</think>", "a", "", False),
        (
            "<|begin_of_thought|>\n\na\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\nb\n\n"
            "<|end_of_solution|>",
            "a\n\nb",
            "b",
            False,
        ),
        ("<|begin_of_thought|>a<|begin_of_solution|>b", "a\n\nb", "b", False),
        ("a <|end_of_thought|> <|begin_of_solution|> b", "a\n\nb", "b", False),
        ("a <|begin_of_solution|> b <|end_of_solution|>", "a\n\nb", "b", False),
        ("b<|im_end|>\n", "b", "b", False),
        ("<think>a</think>b</s>", "a\n\nb", "b", False),
    ],
)
def test_markers_come_off(text: str, trace: str, conclusion: str, is_open: bool) -> None:
    told = unwrap(text)
    assert (told.trace, told.conclusion, told.open) == (trace, conclusion, is_open)


def test_a_program_that_speaks_of_thoughts_is_left_alone() -> None:
    code = 'def cut(text):\n    return text.split("</think>")[-1]\n'
    assert unwrap(code) == Told(code, code)
    code = '# drops <think> and </think>\nTAGS = ["<think>", "</think>"]\n'
    assert unwrap(code).trace == code


def test_two_fields_make_one_trace() -> None:
    told = unwrap(with_thought("a", "b"))
    assert (told.trace, told.conclusion) == ("a\n\nb", "b")


@pytest.mark.parametrize(
    ("text", "answer", "finish_reason", "cut_off"),
    [
        ("Two and two make 4.", None, "", False),
        ("Two and two make 4.", None, "stop", False),
        ("Two and two make 4.", "4", "length", True),
        ("Two and two make 4.", "4", "MAX_TOKENS", True),
        ("Two and two make", None, "", True),
        ("Two and two make<|im_end|>", None, "", False),
        ("2 + 2 = 4", "4", "", False),
        ("2 + 2 = 4 apples", "4", "", False),
        ("2 + 2 = 4, but then what if I", "4", "", True),
        ("so it is\nB. yes, it does", "yes, it does", "", False),
        ("Therefore:\n1. Add them.\n2.", None, "", True),
        ("\\boxed{4} is the sum of two and", "4", "", False),
        ("\\boxed{4}? " + "Wait. " * 300 + "and", None, "", True),
        ("<think>Two and two make 4.", None, "", True),
        ("<think>Two and two make 4, so \\boxed{4}", None, "", False),
        ("<think>\\boxed{4}</think>To find this, we", None, "", True),
        ("work\n#### 4", "4", "", False),
        ("5 * 12 = 60 Euro.\nAntwort: 60", None, "", False),
        ("7 * 11 = 77 euros", None, "", False),
        ("Ответ: 15", None, "", False),
        ("7 * 11 = 77 euros and so on", None, "", True),
        ("She sold 77", None, "", True),
        ("def f(x):\n    return x", None, "", False),
        ("Here:\n\n```python\ndef f(x):\n    return", None, "", True),
    ],
)
def test_what_is_cut_off(text: str, answer: str | None, finish_reason: str, cut_off: bool) -> None:
    assert is_cut_off(unwrap(text), answer=answer, finish_reason=finish_reason) is cut_off


_PIECES = st.lists(
    st.sampled_from(
        ["<think>", "</think>", "\n", "<|begin_of_thought|>", "<|end_of_thought|>", "a", ". ",
         "<|begin_of_solution|>", "<|end_of_solution|>", "</s>", "\\boxed{", "}", "="]
    )
)  # fmt: skip


@given(_PIECES)
def test_any_mixture_of_markers_ends(pieces: list[str]) -> None:
    text = "".join(pieces)
    told = unwrap(text)
    letters = text.count("a")
    assert told.trace.count("a") >= letters
    assert told.conclusion.strip() in told.trace
    is_cut_off(told, answer="=", finish_reason="")


@pytest.mark.parametrize("text", [" ", "<think>", "</think>\n", "</s>", "<|end_of_thought|>", "\\"])
def test_a_million_characters_of_the_worst_are_read(text: str) -> None:
    # In quadratic time this would take hours.
    told = unwrap(text * (1_000_000 // len(text)))
    is_cut_off(told, answer=None)
    assert len(told.trace) <= 1_000_000
