"""Tests that are read without a syntax tree are read as with one."""

from __future__ import annotations

import ast
import math
import time
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.verifiers import Sandbox, check_tests
from tracemine.verifiers._plain_tests import literal, plain_calls, writes
from tracemine.verifiers.conditions import KNOWN, calls_of

#: What tests are made of, and what breaks them.
PIECES = [
    "assert", " ", " ", "f", "g", "not", "len", "(", ")", "(", ")", "[", "]", "{", "}", "==", "==",
    "=", ",", ":", ";", "1", "-2", "0.5", "1e3", "007", "1_0", "'a'", '"b"', "'", '"', "'''",
    "b'c'",
    "f'{x}'", "True", "None", "true", "null", "NaN", "Infinity", "-", "+", "*", "<", "or", "if",
    "\\", "#", "\n", "\t", "é", "'==)'", '"(["', "'true'", "'#'", "lambda: 0", "x", "in", ".", "j",
]  # fmt: skip

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner)
    | st.tuples(inner, inner) | st.sets(st.integers(), min_size=1),
    max_leaves=10,
)  # fmt: skip


def read_plainly(tests: list[str]) -> list[tuple[str, list[Any]]] | None:
    """The calls and what each should give, if all of that is plain."""
    found = []
    for call, text in plain_calls(tests, KNOWN) or ():
        value = literal(text)
        if value is None:
            return None
        found.append((call, value))
    return found or None


def check(test: str) -> None:
    plain = read_plainly([test])
    if plain is None:
        return
    read = calls_of([test])
    assert read is not None
    assert [(call, repr(value)) for call, value in plain] == [
        (call, repr(asserted.equals)) for call, asserted in read
    ]


def parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


@given(
    st.lists(st.sampled_from(PIECES), max_size=14), st.lists(st.sampled_from(PIECES), max_size=9)
)
@settings(max_examples=1500, deadline=None)
def test_whatever_is_read_at_all_is_read_as_a_tree_says(call: list[str], value: list[str]) -> None:
    for test in ("".join(call) + "==" + "".join(value), f"assert f({''.join(call)}) == 1",
                 f"assert f(1) == {''.join(value)}",
                 f"assert f({''.join(call)}) == {''.join(value)}"):  # fmt: skip
        if parses(test.strip()):
            check(test)


@given(values, values)
@settings(max_examples=400, deadline=None)
def test_values_are_read_as_a_tree_says(argument: object, value: object) -> None:
    check(f"assert f({argument!r}) == {value!r}")
    check(f"assert f({argument!r}) =={value!r}  ")


@given(values, values)
@settings(max_examples=400, deadline=None)
def test_what_is_written_alike_need_not_be_read(value: object, other: object) -> None:
    for said in (value, other):
        for text in (repr(said), repr(said).replace(", ", ","), repr(said).replace("'", '"')):
            if writes(text, value):
                assert literal(text) == [value]


@given(st.lists(st.sampled_from(PIECES), max_size=5).map("".join), values)
@settings(max_examples=400, deadline=None)
def test_what_is_no_literal_writes_nothing(text: str, value: object) -> None:
    for plain in plain_calls([f"assert f(1) == {text}"], KNOWN) or ():
        for said in (value, text, text.replace('"', ""), len(text)):
            assert not writes(plain[1], said) or literal(plain[1]) == [said]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([math.nan], "[nan]"), ((math.inf, 1), "(inf, 1)"), ([set()], "[set()]"),
        ([frozenset({1})], "[frozenset({1})]"), ([Fraction(1, 2)], "[Fraction(1, 2)]"),
        (1, "True"), ([1], "[1.0]"), ("a", "'a' "), ("a, b", "'a,b'"), ("a, b", '"a,b"'),
        ([1, 2], "[1 ,2]"), ([12], "[1, 2]"), ([12], "[1 2]"),
    ],
)  # fmt: skip
def test_what_is_written_by_a_name_or_otherwise_is_read(value: object, text: str) -> None:
    assert not writes(text, value)


@pytest.mark.parametrize(
    "test",
    [
        "assert f(1) == 2", "assert f([1, (2, 3)], 'a)') == ['it', \"it's\"]", "assert f() == {}",
        "assert f({'a': 1})=={'a': (1,)}", "assert f(\"x\" , k=[[]]) == None",
        "assert f(1) == -2.5",
        "assert f('') == ''", "assert f(1) == 'true'", "assert f(1) == [True, 'null', 2j]",
    ],
)  # fmt: skip
def test_most_are_plain(test: str) -> None:
    assert read_plainly([test]) is not None
    check(test)


@pytest.mark.parametrize(
    "test",
    [
        "assert f(1) == 2, 'because'", "assert f(1) == 2 or True", "assert f(1) == 2 == 2",
        "assert not (1) == 2", "assert len([1]) == 1", "assert f(1)(2) == 3",
        "assert f(1), g(2) == 3",
        "assert f(1) == 2; x = 1", "assert f(1) == x", "assert f('''a''') == 1",
        "assert f('\\n') == 1",
        "assert f(1) == NaN", "assert f(1) == true", "assert f(1) == 1,", "assert f(1) == 007",
        "assert f(1  # ) == 2", "assert f(1) == f(1)", "assert f(1) == f'{1}'",
        "assert (f(1)) == 1",
        "f(1) == 2", "assert f(1) = 2", "assert f(1) != 2", "assert f(1) ==", "assert f(1 == 2",
        "assert f(1) == [1], [2]", "assert x.f(1) == 2", "assert f(1) == 9" + "9" * 5000,
    ],
)  # fmt: skip
def test_others_are_not(test: str) -> None:
    assert read_plainly([test]) is None
    assert read_plainly(["assert f(1) == 2", test]) is None


def test_what_is_no_python_is_undecided_still() -> None:
    with Sandbox(processes=1) as sandbox:
        for test in ("assert f(]) == 4", "assert f(1 2) == 4", "assert f(1) == 4 4"):
            assert check_tests("def f(x): return 4", [test], "", sandbox).outcome == "unknown"


@pytest.mark.parametrize("piece", ["(", "[(", "''", '"', "f(", "==", "a ", "()", "1,"])
def test_long_texts_are_read_in_time(piece: str) -> None:
    began = time.monotonic()
    for text in (f"assert f({piece * 50_000}) == 1", f"assert f(1) == {piece * 3_000}"):
        read_plainly([text])
    assert time.monotonic() - began < 10
