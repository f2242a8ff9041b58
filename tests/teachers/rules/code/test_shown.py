"""What a text tells of a test."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.code.shown import Told, is_shown


@pytest.mark.parametrize(
    ("text", "arguments", "result"),
    [
        ("so steps( 6 ) is clear", [("n", 6)], 8),
        ("so steps(n=6) is clear", [("n", 6)], 8),
        ("for 6 it gives 8", [("n", 6)], 8),
        ("known = {6: 8, 1: 0}", [("n", 6)], 8),
        ("assert steps([1, 9, 4]) == 5", [("values", [1, 9, 4])], 5),
        ("steps('a b', \"c\")", [("s", "a b"), ("t", "c")], "x"),
        ("of -3, 2.5 it makes -0.5", [("a", -3), ("b", 2.5)], -0.5),
        ('>>> steps( "(())" )\nTrue', [("s", "(())")], True),
        ("steps('[]]') ➞ False", [("s", "[]]")], False),
        ("steps(s=')(')", [("s", ")(")], False),
        ("``steps(“()”, '-')``", [("s", "()"), ("t", "-")], 0),
        ('for "()()" the answer is True', [("s", "()()")], True),
        ("steps('') == 0", [("s", "")], 0),
        ("steps([ ]) is empty", [("values", [])], []),
    ],
)
def test_told(text: str, arguments: list[tuple[str, Any]], result: Any) -> None:
    assert is_shown(Told.by(text), "steps", arguments, result)


@pytest.mark.parametrize(
    ("text", "arguments", "result"),
    [
        ("def steps(n):\n    return n + 6", [("n", 6)], 8),
        ("mysteps(6) and then some more words before 8", [("n", 6)], 8),
        ("6", [("n", 6)], 8),
        ("8 comes before 6", [("n", 6)], 8),
        ("for 16 it gives 8", [("n", 6)], 8),
        ('steps("()()") is True', [("s", "()")], True),
        ("missteps('()')", [("s", "()")], True),
        ("a '()' and then something else until much later True", [("s", "()")], True),
        ("xs = [] and then steps gives 0", [("values", [])], 0),
        ("steps of a list", [("values", [])], 0),
        ("6 is even", [("n", 6)], []),
    ],
)
def test_not_told(text: str, arguments: list[tuple[str, Any]], result: Any) -> None:
    assert not is_shown(Told.by(text), "steps", arguments, result)


@pytest.mark.parametrize(
    ("text", "arguments", "result"),
    [
        ("Input: nums = [1, 2, 3], k = 2\nOutput: 6", [("nums", [1, 2, 3]), ("k", 2)], 6),
        ("**Input:** s = `ab`, ok = true\n**Output:** false", [("s", "ab"), ("t", True)], False),
        ("given 12 and 18 the answer is 6", [("a", 12), ("b", 18)], 6),
        ("with 12 and 18 it comes out that one gets 6", [("a", 12), ("b", 18)], 6),
        ("the steps of 12 and 18 equal 6", [("a", 12), ("b", 18)], 6),
        ("a = 12, b = 18 → 6", [("a", 12), ("b", 18)], 6),
        ("it returns 3 for [1, 2]", [("x", [1, 2])], 3),
        ("The output is 3 when the input is [1,2].", [("x", [1, 2])], 3),
        ("the answer is 3 when n = 5 and k is 7", [("n", 5), ("k", 7)], 3),
        (">>> steps(b=2, a=1)", [("a", 1), ("b", 2)], 7),
        (">>> steps(1, b = 2)", [("a", 1), ("b", 2)], 7),
        (">>> steps(1, 2)", [("a", 1.0), ("b", 2)], 7),
        ("steps((1, 2), [3])", [("a", [1, 2]), ("b", (3,))], 7),
        ("steps({'b': 1, 'a': 2})", [("x", {"a": 2, "b": 1})], 7),
        ("for {'b': [1], 'a': [2]} it gives 7", [("x", {"a": [2], "b": [1]})], 7),
        ("for {3, 1, 2} it gives 7", [("x", {1, 2, 3})], 7),
        ("steps({3, 1, 2})", [("x", frozenset({1, 2, 3}))], 7),
        ("steps(1_000_000)", [("x", 10**6)], 7),
        ("for 1_000_000 it gives 7", [("x", 10**6)], 7),
        ("for .5 it gives 7.00", [("x", 0.5)], 7),
        ("steps(1e3)", [("x", 1000)], 7),
        ('steps("""a\nb""")', [("x", "a\nb")], 7),
        ("steps(− 3)", [("x", -3)], 7),
    ],
)
def test_told_in_other_ways(text: str, arguments: list[tuple[str, Any]], result: Any) -> None:
    assert is_shown(Told.by(text), "steps", arguments, result)


@pytest.mark.parametrize(
    ("text", "arguments", "result"),
    [
        ("Given 1 and 2 or 3", [("a", 1), ("b", 2)], 3),
        ("steps 12 and 18 more, then 6", [("a", 12), ("b", 18)], 6),
        ("12 and 15 and 18 make 6", [("a", 12), ("b", 18)], 6),
        ("12 gives 3; 18 gives 6", [("a", 12), ("b", 18)], 6),
        ("a = 1, b = 2, c = 3", [("a", 1), ("b", 2)], 3),
        ("3 is odd, as is 1", [("a", 1)], 3),
        ("steps(a=1, b=2)", [("a", 2), ("b", 1)], 7),
        ("steps(1, b=n)", [("a", 1), ("b", 2)], 7),
        ("missteps(1, b=2) and steps(", [("a", 1), ("b", 2)], 7),
        ("steps({'a': 1, 'b': 2})", [("x", {"a": 2, "b": 1})], 7),
        ("0.05 gives 7", [("x", 0.5)], 7),
        ("wait...5 gives 7", [("x", 0.5)], 7),
        ("result = False\n    for i in range(2, n):", [("n", 2)], False),
        ("return False\n    for i in range(2, n):", [("n", 2)], False),
    ],
)
def test_not_told_in_other_ways(text: str, arguments: list[tuple[str, Any]], result: Any) -> None:
    assert not is_shown(Told.by(text), "steps", arguments, result)


_PLAIN = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.none(), st.text(max_size=4),
              st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.tuples(inner), st.sets(st.integers(), min_size=1),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ),
    max_leaves=6,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from("abcd"), _PLAIN, min_size=1), st.data())
def test_a_call_is_told_in_every_order(values: dict[str, Any], data: st.DataObject) -> None:
    pairs = list(values.items())
    placed = data.draw(st.integers(0, len(pairs)))
    named = data.draw(st.permutations(pairs[placed:]))
    parts = [repr(v) for _, v in pairs[:placed]] + [f"{k} = {v!r}" for k, v in named]
    told = Told.by(f"Try steps ({', '.join(parts)}) now")
    ascii_only = all(ord(sign) < 128 for part in parts for sign in part)
    assert is_shown(told, "steps", pairs, 0) or not ascii_only


@given(st.dictionaries(st.sampled_from("abcd"), st.lists(st.integers(), min_size=1), min_size=1),
       st.integers())  # fmt: skip
def test_inputs_by_name_and_their_output_are_told(
    values: dict[str, list[int]], result: int
) -> None:
    given_values = ", ".join(f"{key} = {value}" for key, value in values.items())
    told = Told.by(f"Example:\nInput: {given_values}\nOutput: {result}\n")
    assert is_shown(told, "steps", list(values.items()), result)


@given(st.text(), st.text(max_size=3), _PLAIN, _PLAIN)
def test_any_text_is_read(text: str, name: str, value: object, result: object) -> None:
    for said in (text, f"{name}({text}", f"{text}{{{text}}}={text}"):
        assert is_shown(Told.by(said), name, [("x", value)], result) in (True, False)


@given(st.lists(st.integers(), min_size=1), st.integers(), st.text(), st.text())
def test_a_call_written_out_is_told_whatever_stands_around_it(
    values: list[int], result: int, before: str, after: str
) -> None:
    text = f"{before} steps({values!r}) == {result} {after}"
    assert is_shown(Told.by(text), "steps", [("values", values)], result)


@given(st.text(alphabet="()[]{}<>-+*/.,;:!? '\""), st.booleans())
def test_a_call_on_marks_is_told_in_either_style_of_quotes(marks: str, result: bool) -> None:
    double = '"' + marks.replace('"', '\\"') + '"'
    for written in (repr(marks), double):
        told = Told.by(f"say\n    >>> steps(\n{written} )\n    {result}\n")
        assert is_shown(told, "steps", [("s", marks)], result)


def test_a_call_is_told_as_the_test_writes_it() -> None:
    told = Told.by("try steps('-' * 3)")
    assert is_shown(told, "steps", [("s", "---")], 3, written="steps('-'*3)")
    assert not is_shown(told, "steps", [("s", "---")], 3)
