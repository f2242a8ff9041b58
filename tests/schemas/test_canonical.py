"""The canonical form of code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas import canonical_code, canonical_words

NAMES = st.lists(
    st.from_regex(r"[a-z][a-z_]{2,8}_", fullmatch=True), min_size=4, max_size=4, unique=True
)


def routine(entry: str, price: str, count: str, total: str) -> str:
    return f'''
def {entry}({price}, {count}):
    """What it costs."""
    {total} = {price} * {count}  # before tax
    return round({total}, 2)
'''


@given(NAMES)
def test_names_comments_and_layout_do_not_show(names: list[str]) -> None:
    code = routine(*names)
    assert canonical_code(code, names[0]) == canonical_code(routine("f_", "a_", "b_", "c_"), "f_")


def test_the_order_of_parameters_shows() -> None:
    one = "def f(a, b):\n    return a - b"
    other = "def f(a, b):\n    return b - a"
    swapped = "def f(b, a):\n    return b - a"
    assert canonical_code(one, "f") != canonical_code(other, "f")
    assert canonical_code(one, "f") == canonical_code(swapped, "f")


def test_canonical_code_still_runs() -> None:
    code = (
        "def power(base, times):\n"
        "    if times == 0:\n"
        "        return 1\n"
        "    return base * power(base=base, times=times - 1)\n"
    )
    namespace: dict[str, object] = {}
    exec(canonical_code(code, "power"), namespace)
    assert namespace["f"](2, 5) == 32  # type: ignore[operator]


def test_what_does_not_parse_is_refused() -> None:
    with pytest.raises(SyntaxError):
        canonical_code("def f(:", "f")


def test_keywords_of_a_callee_that_the_code_does_not_bind_stay() -> None:
    by_sep = canonical_code("def f(s, sep):\n    return s.split(sep=sep)", "f")
    by_count = canonical_code("def f(s, maxsplit):\n    return s.split(maxsplit=maxsplit)", "f")
    assert by_sep != by_count
    own = "def g(x):\n    return x\n\ndef f(x):\n    return g(x=x)"
    other = "def h(y):\n    return y\n\ndef f(y):\n    return h(y=y)"
    assert canonical_code(own, "f") == canonical_code(other, "f")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1. Add a.\n2. Halve.", " 1.  Add a. 2. Halve.\n", True),
        ("Take the \ufb01rst.", "Take the first.", True),
        ("Divide a by A.", "Divide A by a.", False),
        ("", " \n", True),
    ],
)
def test_the_layout_of_words_says_nothing(one: str, other: str, same: bool) -> None:
    assert (canonical_words(one) == canonical_words(other)) is same
