"""What a model wrote can be stored and shown."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.model.cleaning import CUT, clean, clean_line

ANYTHING = st.text(st.characters(categories=None) | st.sampled_from("\x1b[]\x9b\x07;m \n"))


@given(ANYTHING, st.integers(0, 200))
def test_nothing_that_a_terminal_obeys_is_left(text: str, most: int):
    for cleaned in (clean(text, most), clean_line(text, most)):
        assert len(cleaned) <= max(most, len(CUT))
        cleaned.encode("utf-8")
        bad = [
            c
            for c in cleaned
            if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\n\t\u200c\u200d"
        ]
        assert not bad
    assert "\n" not in clean_line(text, most)


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=100))
def test_plain_text_stays(text: str):
    assert clean(text, 100) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07shown", "shown"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("a\x9b2Jb", "ab"),
        ("one\r\ntwo\u2028three", "one\ntwo\nthree"),
        ("ab\u202ecd\ufeff", "abcd"),
        ("half \ud800", "half"),
        ("never ends \x1b]0;t\nnext line", "never ends \nnext line"),
    ],
)  # fmt: skip
def test_escapes_go_whole(text: str, left: str):
    assert clean(text, 100) == left


def test_what_is_too_long_says_so():
    assert clean("word " * 100, 20).endswith(CUT)
    assert len(clean("word " * 100, 20)) <= 20
