"""Bindings by the types of a signature."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.schemas import Parameter, encode
from tracemine.schemas.types import type_of
from tracemine.verifiers.bindings import BindingError, bind, convert

#: No whole numbers: as rationals these arrive as integers.
parts = st.fractions().filter(lambda fraction: fraction.denominator > 1)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | parts | st.text(max_size=5)
    | st.complex_numbers()
)  # fmt: skip
keys = st.integers() | st.text(max_size=3) | st.booleans()
plain = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.sets(keys, max_size=4)
        | st.frozensets(keys, max_size=4)
        | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=8,
)
TYPES = (
    "int", "rational", "real", "complex", "bool", "str", "expr", "any", "none", "list[int]",
    "list", "set[rational]", "tuple[int, real]", "dict[str, int]", "matrix[int]", "matrix[any]",
    "list[tuple[int, str]]", "equation", "interval",
)  # fmt: skip


def same(a: Any, b: Any) -> bool:
    return encode(a) == encode(b) and type(a) is type(b)


@settings(max_examples=60)
@given(plain)
def test_a_value_of_the_type_arrives_unchanged(value: Any) -> None:
    kind = type_of(value)
    try:
        # A fraction among floats is one of them: a list has one type of element.
        assert same(convert(value, kind), value) or "real" in kind or "complex" in kind
    except BindingError:
        pytest.fail(f"{value!r} is a {kind}")


@given(plain, st.sampled_from(TYPES))
def test_what_is_converted_is_converted_for_good(value: Any, kind: str) -> None:
    try:
        once = convert(value, kind)
    except BindingError:
        return
    assert same(convert(once, kind), once)


@given(st.integers())
def test_whole_numbers_of_any_kind_are_ints(number: int) -> None:
    for value in (number, Fraction(number), *([float(number)] if abs(number) < 2**53 else [])):
        assert same(convert(value, "int"), number)
    assert same(convert(Fraction(number), "rational"), number)
    assert same(convert(str(number), "rational"), number)


@given(st.fractions())
def test_a_rational_arrives_exactly(number: Fraction) -> None:
    arrived = convert(number, "rational")
    assert arrived == number
    assert type(arrived) is (int if number.denominator == 1 else Fraction)
    assert convert(str(number), "rational") == number


@given(st.integers(1, 4), st.integers(0, 4), st.data())
def test_a_matrix_arrives_as_nested_lists(rows: int, columns: int, data: st.DataObject) -> None:
    row = st.lists(st.integers(), min_size=columns, max_size=columns)
    matrix = data.draw(st.lists(row, min_size=rows, max_size=rows))
    for shape in (matrix, tuple(map(tuple, matrix)), [tuple(r) for r in matrix]):
        assert same(convert(shape, "matrix[int]"), matrix)


@pytest.mark.parametrize(
    ("value", "kind", "arrives"),
    [
        (3.0, "int", 3),
        (2.5, "rational", 2.5),
        (Fraction(1, 4), "real", 0.25),
        (3, "real", 3),
        (3 + 0j, "int", 3),
        ((1, 2.0), "list[int]", [1, 2]),
        ([1, 2], "tuple[int, int]", (1, 2)),
        ([1, 1, 2], "set[int]", {1, 2}),
        ({"a": 2.0}, "dict[str, int]", {"a": 2}),
        ("x + 1", "expr", "x + 1"),
        ([(1, "a"), [2.0, "b"]], "list[tuple[int, str]]", [(1, "a"), (2, "b")]),
        (object, "any", object),
    ],
)
def test_conversions(value: Any, kind: str, arrives: Any) -> None:
    converted = convert(value, kind)
    assert converted == arrives and type(converted) is type(arrives)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (2.5, "int"),
        (True, "int"),
        (math.nan, "int"),
        (math.inf, "rational"),
        (1j, "real"),
        ("three", "rational"),
        ("1/0", "rational"),
        (Fraction(10**400), "real"),
        (3, "str"),
        (1, "bool"),
        ({1}, "list[int]"),
        ([[1], [1, 2]], "matrix[int]"),
        ([1], "matrix[int]"),
        ([1], "tuple[int, int]"),
        ([[1]], "set[any]"),
        ([1], "dict[int, int]"),
        (0, "none"),
    ],
)
def test_what_stands_for_no_value_of_the_type_is_refused(value: Any, kind: str) -> None:
    with pytest.raises(BindingError):
        convert(value, kind)


def test_the_parameter_is_named() -> None:
    parameters = (Parameter("count", "int"), Parameter("grid", "matrix[int]"))
    assert bind(parameters, {"grid": ((1,),), "count": 2.0}) == {"count": 2, "grid": [[1]]}
    with pytest.raises(BindingError, match="count: a float is no int"):
        bind(parameters, {"grid": [], "count": 2.5})
