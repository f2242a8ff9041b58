"""The lattice of types."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas.types import (
    NUMERIC,
    TypeSyntaxError,
    coarse,
    is_subtype,
    join,
    parse,
    render,
    type_of,
)

SCALAR = st.sampled_from([*NUMERIC, "bool", "str", "expr", "equation", "interval", "any"])
TYPES = st.recursive(
    SCALAR,
    lambda inner: st.one_of(
        inner.map(lambda t: f"list[{t}]"),
        inner.map(lambda t: f"set[{t}]"),
        st.tuples(inner, inner).map(lambda p: f"dict[{p[0]}, {p[1]}]"),
        st.lists(inner, min_size=1, max_size=3).map(lambda ts: f"tuple[{', '.join(ts)}]"),
    ),
    max_leaves=6,
)


@given(TYPES)
def test_a_type_survives_parsing(text: str) -> None:
    assert render(parse(text)) == text


@given(TYPES, TYPES)
def test_join_covers_both_and_does_not_depend_on_order(left: str, right: str) -> None:
    joined = join(left, right)
    assert joined == join(right, left)
    assert join(left, left) == left
    # An empty container's `any` gives way, so only a join without it must cover.
    if "any" not in left + right:
        assert is_subtype(left, joined)
        assert is_subtype(right, joined)


@given(TYPES, TYPES, TYPES)
def test_subtyping_is_transitive(a: str, b: str, c: str) -> None:
    if is_subtype(a, b) and is_subtype(b, c):
        assert is_subtype(a, c)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "bool"), (3, "int"), (Fraction(1, 3), "rational"), (0.5, "real"), (1j, "complex"),
        ("x", "str"), ([1, 2.0], "list[real]"), ([], "list[any]"), ((1, "a"), "tuple[int, str]"),
        ({1}, "set[int]"), ({"a": [1]}, "dict[str, list[int]]"), (None, "none"),
        ([[1], []], "list[list[int]]"), ([1, "a"], "list[any]"),
    ],
)  # fmt: skip
def test_type_of(value: object, expected: str) -> None:
    assert type_of(value) == expected


def test_numbers_are_one_coarse_type_and_bool_is_not_among_them() -> None:
    assert {coarse(name) for name in NUMERIC} == {"number"}
    assert coarse("bool") == "bool"
    assert coarse("list[list[int]]") == "list"
    assert not is_subtype("bool", "int")


@pytest.mark.parametrize("text", ["", "integer", "list[", "int[int]", "list[integer]", "[]"])
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(TypeSyntaxError):
        parse(text)
