"""Plain values as canonical JSON text."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas.values import NotPlainError, decode, encode

HASHABLE = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(),
        st.fractions(), st.binary(max_size=8), st.complex_numbers(allow_nan=False),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple), st.frozensets(inner, max_size=3)
    ),
    max_leaves=5,
)  # fmt: skip
VALUES = st.recursive(
    HASHABLE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.sets(HASHABLE, max_size=3),
        st.dictionaries(HASHABLE, inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "$set", "$tuple", "$"]), inner, max_size=2),
    ),
    max_leaves=8,
)


def typed(value: object) -> object:
    """The value with the type of every part, because 1 == 1.0 == True in Python."""
    if isinstance(value, (list, tuple)):
        return type(value), [typed(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return type(value), sorted(repr(typed(v)) for v in value)
    if isinstance(value, dict):
        return dict, sorted((repr(typed(k)), repr(typed(v))) for k, v in value.items())
    return type(value), repr(value)


@given(VALUES)
def test_a_value_survives(value: object) -> None:
    text = encode(value)
    assert typed(decode(text)) == typed(value)
    assert encode(decode(text)) == text
    json.loads(text, parse_constant=pytest.fail)


def test_order_of_keys_and_members_does_not_show() -> None:
    assert encode({"a": 1, "b": {3, 1, 2}}) == encode({"b": {2, 3, 1}, "a": 1})


def test_numbers_that_json_lacks() -> None:
    assert math.isnan(decode(encode(math.nan)))
    # One that is not a number equals nothing, though Python takes an object for its own equal.
    assert decode(encode([math.nan])) != decode(encode([math.nan]))
    assert decode(encode([math.inf, -math.inf])) == [math.inf, -math.inf]
    assert decode(encode(Fraction(3, 4))) == Fraction(3, 4)


class LyingInt(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


@pytest.mark.parametrize(
    "value", [object(), LyingInt(3), [LyingInt(3)], print, {"a": {1: object()}}]
)
def test_what_is_not_plain_is_refused(value: object) -> None:
    with pytest.raises(NotPlainError):
        encode(value)


def test_a_value_nested_without_end_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(NotPlainError):
        encode(endless)


@pytest.mark.parametrize(
    "text",
    [
        '{"$fraction":"1e1000"}',
        '{"$fraction":"1.5"}',
        '{"$fraction":" 1/2"}',
        '{"$fraction":"1_0/2"}',
        '{"$fraction":"1/0"}',
        '{"$fraction":3}',
        '{"$fraction":"' + "7" * 5000 + '"}',
        '{"$float":"1"}',
        '{"$float":[]}',
        '{"$set":3}',
        '{"$set":"ab"}',
        '{"$set":[[]]}',
        '{"$dict":[[[],1]]}',
        '{"$dict":[1]}',
        '{"$complex":[1]}',
        '{"$complex":["1","2"]}',
        '{"$bytes":1}',
        '{"$other":1}',
        "[" * 41 + "1" + "]" * 41,
        "[" * 100_000,
    ],
)
def test_a_text_that_encode_does_not_make_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decode(text)


@pytest.mark.parametrize("form", ['{"$set":[%s]}', '{"$frozenset":[%s]}', '{"$dict":[%s]}'])
def test_members_of_one_hash_are_few(form: str) -> None:
    """All that are multiples of 2**61 - 1 have the hash 0: building a set of them is quadratic."""
    prime = 2**61 - 1

    def written(members: list[int]) -> str:
        return form % ",".join(f"[{m},1]" if "dict" in form else str(m) for m in members)

    with pytest.raises(ValueError, match="one hash"):
        decode(written([k * prime for k in range(200)]))
    assert len(decode(written([k * prime for k in range(20)]))) == 20
    assert len(decode(written(list(range(5000))))) == 5000
