import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.base import MIN_QUOTE
from tracemine.teachers.rules.language.quotes import Quotes, is_quotable

TRACE = "Ana has 12 figs. She eats 5.\n* So 7 are left over for Ben. Yes."


def _around(trace: str, piece: str) -> str:
    start = trace.index(piece)
    left, right = Quotes(trace).around(start, start + len(piece))
    return trace[left:right]


def test_space_does_not_make_a_quote() -> None:
    assert is_quotable("x" * MIN_QUOTE)
    assert is_quotable(" \n".join("x" * MIN_QUOTE))
    assert not is_quotable("x" * (MIN_QUOTE - 1) + " \t\n\u00a0" * 9)
    assert not is_quotable("")


@pytest.mark.parametrize(
    ("piece", "quote"),
    [
        ("12", "Ana has 12 figs."),
        ("Ana", "Ana has 12 figs."),
        ("figs. She", "Ana has 12 figs. She eats 5."),
        ("5", "Ana has 12 figs. She eats 5."),  # "She eats 5." is too short
        ("7", "So 7 are left over for Ben."),  # without the bullet before it
        ("* So", "* So 7 are left over for Ben."),
        ("Yes", "So 7 are left over for Ben. Yes."),
    ],
)
def test_the_sentences_around_a_place(piece: str, quote: str) -> None:
    assert _around(TRACE, piece) == quote


def test_sentences_after_it_where_none_is_before() -> None:
    assert _around("It is 5. That is all that there is. No more.", "5") == (
        "It is 5. That is all that there is."
    )


@pytest.mark.parametrize("trace", ["", " ", "\n\n", "7", "-- 7.", "------------ 3", "*** *** ***"])
def test_a_short_trace_is_quoted_whole(trace: str) -> None:
    left, right = Quotes(trace).around(max(0, len(trace) - 1), len(trace))
    assert trace[left:right].strip() == trace.strip()


_PIECES = st.sampled_from(
    ["a", "word", "5", ". ", "! ", "\n", "* ", "- ", "#", "> ", "Mr. ", " ", "é"]
)


@given(st.lists(_PIECES, max_size=30).map("".join) | st.text(max_size=60), st.data())
def test_a_quote_holds_its_place_and_is_long_enough(trace: str, data: st.DataObject) -> None:
    solid = [at for at, character in enumerate(trace) if not character.isspace()]
    if not solid:
        assert Quotes(trace).around(0, len(trace)) == (0, len(trace))
        return
    start = data.draw(st.sampled_from(solid))
    end = data.draw(st.sampled_from([at for at in solid if at >= start])) + 1
    left, right = Quotes(trace).around(start, end)
    assert 0 <= left <= start < end <= right <= len(trace)
    assert is_quotable(trace[left:right]) or trace[left:right] == trace.strip()
    assert trace[left:right] == trace[left:right].strip()
