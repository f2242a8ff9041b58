"""Windows cover a trace, overlap, and end where people stop."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.model.settings import Settings
from tracemine.teachers.model.windows import Window, windows

TEXTS = st.text(st.sampled_from("ab .\n\r\t。é\u2028"), max_size=400)


@st.composite
def sizes(draw: st.DrawFn) -> Settings:
    size = draw(st.integers(1, 60))
    return Settings(window_chars=size, overlap_chars=draw(st.integers(0, size - 1)))


@given(TEXTS, sizes())
def test_windows_cover_the_trace_in_order_and_none_is_too_long(text: str, settings: Settings):
    found = windows(text, settings)
    if not text.strip():
        assert found == []
        return
    assert found[0].start == 0
    assert found[-1].end == len(text)
    for window in found:
        assert 0 < window.end - window.start <= settings.window_chars
    for one, following in pairwise(found):
        assert one.start < following.start <= one.end - settings.overlap_chars
        assert one.end < following.end


@given(TEXTS, sizes(), st.data())
def test_what_is_no_longer_than_the_overlap_is_whole_in_one_window(
    text: str, settings: Settings, data: st.DataObject
):
    found = windows(text, settings)
    if not found:
        return
    start = data.draw(st.integers(0, len(text)))
    end = min(len(text), start + data.draw(st.integers(0, settings.overlap_chars)))
    assert any(w.start <= start and end <= w.end for w in found)


def test_a_window_ends_with_a_paragraph_where_one_ends():
    paragraphs = [f"{'word ' * 20}end of {i}.\n\n" for i in range(50)]
    trace = "".join(paragraphs)
    found = windows(trace, Settings(window_chars=1_000, overlap_chars=150))
    assert len(found) > 4
    assert all(trace[: w.end].endswith(".\n\n") for w in found)
    assert all(w.start == 0 or trace[: w.start].endswith(".\n\n") for w in found)


@pytest.mark.parametrize("unit", ["x", "word ", "A sentence. ", "line\n", "paragraph\n\n", "\n"])
def test_two_hundred_thousand_characters_of_anything(unit: str):
    trace = "start " + unit * (200_000 // len(unit)) + " end"
    settings = Settings()
    found = windows(trace, settings)
    assert found[-1].end == len(trace)
    # Half full at the least, and overlapping by twice the overlap at the most.
    assert 200_000 // settings.window_chars <= len(found) <= 200_000 // 8_000
    assert all(w.end - w.start <= settings.window_chars for w in found)


def test_a_short_trace_is_one_window():
    assert windows("2 + 2 = 4", Settings()) == [Window(0, 9)]
    assert windows(" \n", Settings()) == []
