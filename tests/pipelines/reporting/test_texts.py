"""Texts of strangers on a page: shown letter for letter, packed and unpacked unchanged."""

from __future__ import annotations

import base64
import html
import json
import zlib

from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.pipelines.reporting.charts import BLUE, DARK, MAX_LABEL, bars, plain
from tracemine.pipelines.reporting.page import pack


@settings(max_examples=50)
@given(st.text() | st.text(alphabet="<>&\"' a;", min_size=MAX_LABEL))
def test_plotly_reads_no_markup_in_a_text(text: str) -> None:
    shown, line = plain(text), " ".join(text.split())
    assert not set("<>\"'") & set(shown)
    cut = f"{line[: MAX_LABEL - 1]}…"
    assert html.unescape(shown) == (line if len(line) <= MAX_LABEL else cut)


@settings(max_examples=50)
@given(st.recursive(st.none() | st.integers() | st.text(), lambda of: st.lists(of)))
def test_what_is_packed_is_unpacked(value: object) -> None:
    packed = pack(value)
    assert not set("<>&\"'") & set(packed)
    assert json.loads(zlib.decompress(base64.b64decode(packed))) == value


@settings(max_examples=50)
@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=5))
def test_counts_are_drawn_against_whole_numbers_without_a_sign(heights: list[int]) -> None:
    axis = bars([("a", BLUE, heights)], [str(n) for n in range(len(heights))])["layout"]["yaxis"]
    ticks = axis["tickvals"]
    assert ticks[0] <= min(0, *heights) <= max(0, *heights) <= ticks[-1]
    assert 0 in ticks
    assert len(ticks) <= 9
    assert not any("-" in text or "." in text for text in axis["ticktext"])


def test_the_colours_of_both_themes_differ() -> None:
    assert len({*DARK, *DARK.values()}) == 2 * len(DARK)
    figure = bars([("<b>", next(iter(DARK)), [1, 2])], ["x", "y"])
    assert figure["data"][0]["name"] == "&lt;b&gt;"
    assert figure["data"][0]["marker"]["color"] in DARK
