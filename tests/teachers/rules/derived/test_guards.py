from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas import Parameter, Signature
from tracemine.teachers.rules.derived.derive import describe
from tracemine.teachers.rules.derived.facts import Facts
from tracemine.teachers.rules.derived.guards import (
    MAX_STATED,
    comments_of,
    conditions_in_words,
    guards_of,
    negated,
)
from tracemine.teachers.rules.derived.predicates import holds


def _function(text: str) -> ast.FunctionDef:
    (function,) = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    return function


def _guards(text: str) -> list[str]:
    function = _function(text)
    facts = Facts(ast.parse(text), function, Signature((), Parameter("out", "int")))
    return [ast.unparse(g) for g in guards_of(facts)]


def test_assertions_and_guards_that_raise_are_conditions() -> None:
    code = (
        "def f(n, items):\n"
        "    assert n > 0 and items, 'no'\n"
        "    size = len(items)\n"
        "    if n > len(items) or not isinstance(n, int):\n"
        "        raise ValueError\n"
        "    return size // n\n"
    )
    assert _guards(code) == ["n > 0", "items", "n <= len(items)", "isinstance(n, int)"]


@pytest.mark.parametrize(
    "body",
    [
        "if n: return 1\n    assert n > 0",  # what comes after may never be reached
        "n = n - 1\n    assert n > 0",  # not what came in
        "if n < 0:\n        raise ValueError\n    else:\n        n = 1",
        "try:\n        assert n\n    finally:\n        pass",
        "for n in [1]:\n        pass\n    assert n",
        "assert known > 0",
    ],
)
def test_what_is_not_said_of_inputs_alone_is_none(body: str) -> None:
    assert _guards(f"def f(n):\n    {body}\n") == []


_ATOM = st.sampled_from(
    ["a < b", "a <= 3", "a == b", "a != 2", "a in (1, 2)", "not a", "b", "a > b > 0"]
)
_CONDITION = st.recursive(
    _ATOM,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({' '.join(t)})"),
        inner.map(lambda t: f"(not {t})"),
    ),
    max_leaves=5,
)


@given(_CONDITION, st.integers(-3, 3), st.integers(-3, 3))
def test_a_negation_holds_where_its_condition_does_not(text: str, a: int, b: int) -> None:
    names = {"a": a, "b": b}
    opposite = ast.unparse(negated(ast.parse(text, mode="eval").body))
    assert bool(eval(text, dict(names))) is not bool(eval(opposite, dict(names)))


def _described(code: str, binding: dict[str, object]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    function = _function(code)
    kinds = {int: "int", str: "str", list: "list[int]"}
    inputs = tuple(Parameter(k, kinds[type(v)]) for k, v in binding.items())
    found = describe(code, function.name, Signature(inputs, Parameter("out", "int")), [binding])
    return found.preconditions, found.predicates


def test_a_guard_is_a_predicate_in_words_and_code() -> None:
    code = (
        "def f(n, items):\n    if n > len(items):\n        raise ValueError\n"
        "    return items[n - 1]\n"
    )
    words, predicates = _described(code, {"n": 1, "items": [4]})
    assert "n is at most len(items)" in words
    assert "bool(n <= len(items))" in predicates
    assert holds("bool(n <= len(items))", {"n": 1, "items": [4]})
    assert not holds("bool(n <= len(items))", {"n": 2, "items": [4]})


def test_a_bare_input_and_its_kind_are_said_in_words() -> None:
    code = (
        "def f(items, n):\n    if not items or isinstance(n, str):\n        raise ValueError\n"
        "    return n + len(items)\n"
    )
    words, _ = _described(code, {"items": [4], "n": 2})
    assert "items is neither empty nor zero" in words
    assert "n is no instance of str" in words


@pytest.mark.parametrize(
    "condition",
    [
        "len('a' * 10000000000) > n",
        "text * n",
        "n ** n ** n > 0",
        "n << 99999999999 > 0",
        "[0] * n == [0]",
        "open('x')",
        "(lambda: n)()",
        "all(n for _ in iter(int, 1))",
        "text.format(n) == 'a'",
        "f'{text:>99999999}' == text",
    ],
)
def test_what_costs_or_acts_is_no_predicate(condition: str) -> None:
    """Predicates are evaluated where the teacher runs."""
    code = f"def f(n, text):\n    assert {condition}\n    return n + len(text)\n"
    _, predicates = _described(code, {"n": 9, "text": "a"})
    assert not any(condition in predicate for predicate in predicates)


def test_words_of_docstrings_and_comments() -> None:
    lines = [
        "Finds the place of an item. Assumes that items is sorted. It is fast.",
        "items (list): a sorted list of numbers",
        "n: the number",
        ":param k: must be positive.",
        "Returns: must be checked",
        "# the list should not be empty",
        "The budget must be 350 dollars.",
        "this should work",
    ]
    assert conditions_in_words(lines, ["items", "n", "k"]) == [
        "Assumes that items is sorted",
        "items is a sorted list of numbers",
        "k: must be positive",
        "the list should not be empty",
    ]


@given(st.lists(st.text(max_size=80), max_size=8), st.lists(st.text(max_size=5), max_size=3))
def test_any_lines_are_read(lines: list[str], names: list[str]) -> None:
    found = conditions_in_words(lines, names)
    assert len(found) <= MAX_STATED


@given(st.text(max_size=80))
def test_comments_of_any_text(text: str) -> None:
    assert all(isinstance(comment, str) for comment in comments_of(text))


def test_a_line_without_end_is_no_condition() -> None:
    assert conditions_in_words(["n must be positive" + " " * 10**6 + "x"], ["n"]) == []


def test_comments_in_order() -> None:
    assert comments_of("a = '# no'  # one\n## two\n") == ["one", "two"]
