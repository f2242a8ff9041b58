"""Alignments that are one calculation are found, and no others."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas import Parameter
from tracemine.verifiers.symmetry import representatives


def _ways(expression: str, count: int, *predicates: str, types: str = "") -> list[tuple[int, ...]]:
    names = "abcdef"[:count]
    code = f"def f({', '.join(names)}):\n    return {expression}\n"
    kinds = dict(zip(names, types.split() or ["int"] * count, strict=True))
    inputs = [Parameter(name, kinds[name]) for name in names]
    ways = list(permutations(range(count)))
    return list(dict.fromkeys(representatives(code, "f", inputs, predicates, ways)))


@pytest.mark.parametrize(
    ("expression", "count", "classes"),
    [
        ("a + b", 2, 1),
        ("a - b", 2, 2),
        ("a * b - c", 3, 3),
        ("a + b - c - d", 4, 6),
        ("a * b + c * d", 4, 3),
        ("a - b * c - d * e", 5, 15),
        ("a * (1 - b / 100)", 2, 2),
        ("(a + b) / 2 + a", 2, 2),
    ],
)
def test_one_way_of_each_calculation_is_kept(expression: str, count: int, classes: int) -> None:
    kept = _ways(expression, count)
    assert len(kept) == classes
    assert kept[0] == tuple(range(count))  # the first of its class


@pytest.mark.parametrize(
    "expression",
    ["a // b", "max(a, b)", "a ** b", "[a, b]", "a + b if a else b", "a + z", "a % b + b % a"],
)
def test_what_is_no_plain_arithmetic_is_left_alone(expression: str) -> None:
    assert len(_ways(expression, 2)) == 2


def test_conditions_and_types_tell_ways_apart() -> None:
    assert len(_ways("a * b", 2, "b != 0")) == 2
    assert len(_ways("a * b", 2, "b != 0", "a != 0")) == 1
    assert len(_ways("a * b", 2, types="int rational")) == 2


def test_a_division_by_zero_and_growth_are_survived() -> None:
    assert len(_ways("a / (b - b)", 2)) == 2
    code = "def f(a, b):\n" + "".join("    a = a * a\n" for _ in range(300)) + "    return a + b\n"
    inputs = [Parameter("a", "int"), Parameter("b", "int")]
    assert len(representatives(code, "f", inputs, [], [(0, 1), (1, 0)])) == 2


@given(
    st.recursive(
        st.sampled_from("abcd") | st.integers(1, 9).map(str),
        lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(
            lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
        ),
        max_leaves=7,
    ),
    st.lists(st.integers(1, 50), min_size=4, max_size=4),
)
def test_what_is_left_out_gives_what_was_kept(expression: str, values: list[int]) -> None:
    kept = _ways(expression, 4)
    results = {
        way: eval(expression, {n: values[p] for n, p in zip("abcd", way, strict=True)})
        for way in permutations(range(4))
    }
    assert {results[way] for way in kept} == set(results.values())


@pytest.mark.parametrize("code", ["def f(:", "x\0", "(" * 300 + "1" + ")" * 300, "-" * 5000 + "1"])
def test_code_that_does_not_parse_is_left_as_it_is(code: str) -> None:
    inputs = [Parameter("a", "int"), Parameter("b", "int")]
    assert representatives(code, "f", inputs, (), [(0, 1), (1, 0)]) == [(0, 1), (1, 0)]


@pytest.mark.parametrize(
    ("expression", "count"),
    [("1000000000000 + a - b", 2), ("(a / b) * 1e308 * 1e308", 2), ("a / (b / c)", 3)],
)
def test_what_only_floats_or_values_make_one_is_two(expression: str, count: int) -> None:
    assert len(_ways(expression, count)) == len(list(permutations(range(count))))
