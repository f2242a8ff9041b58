"""Which routines can take a caller's values."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas import Parameter, Signature
from tracemine.store import RequestError
from tracemine.store.bindings import BindingFilter, _assignable, _fits

TYPES = ["int", "real", "bool", "str", "expr", "list[int]", "any", "dict[str, int]"]


def signature(**inputs: str) -> Signature:
    parameters = tuple(Parameter(name, kind) for name, kind in inputs.items())
    return Signature(parameters, Parameter("result", "any"))


@given(st.lists(st.sampled_from(TYPES), max_size=5), st.randoms())
def test_an_assignment_is_found_exactly_if_one_exists(wanted: list[str], pick: object) -> None:
    given_types = [pick.choice(TYPES) for _ in wanted]  # type: ignore[attr-defined]
    exists = any(
        all(_fits(have, want) for have, want in zip(order, wanted, strict=True))
        for order in itertools.permutations(given_types)
    )
    assert _assignable(wanted, given_types) == exists


@pytest.mark.parametrize(
    ("inputs", "bindings", "takes"),
    [
        ({}, {}, True),
        ({"a": "int"}, {}, False),
        ({"a": "int"}, {"a": 1}, True),
        ({"a": "int"}, {"b": 2.5}, True),
        ({"a": "int"}, {"a": "1"}, False),
        ({"a": "int"}, {"a": True}, False),
        ({"a": "expr"}, {"a": "x + 1"}, True),
        ({"a": "matrix[int]"}, {"a": [[1]]}, True),
        ({"a": "any"}, {"a": None}, True),
        ({"a": "int", "b": "str"}, {"b": 1, "a": "x"}, False),
        ({"a": "int", "b": "str"}, {"c": "x", "d": 1}, True),
    ],
)
def test_number_and_types_decide(
    inputs: dict[str, str], bindings: dict[str, object], takes: bool
) -> None:
    assert BindingFilter(bindings).takes(signature(**inputs).to_json()) is takes


@pytest.mark.parametrize(
    ("predicates", "bindings", "holds"),
    [
        ((), {"a": 1, "b": 0}, True),
        (("b != 0",), {"a": 1, "b": 0}, False),
        (("b != 0", "a > 0"), {"a": 1, "b": 2}, True),
        (("a / b > 0",), {"a": 1, "b": 0}, False),
        (("a if a else 0  # a number is truth enough",), {"a": 1, "b": 0}, True),
        (("len(a) > 0",), {"a": 1, "b": 0}, False),
        (("import os",), {"a": 1, "b": 0}, False),
        (("True) or (True",), {"a": 1, "b": 0}, False),
        (("[None for _ in iter(int, 1)]",), {"a": 1, "b": 0}, False),
        (("b != 0",), {"a": 1, "c": 0}, None),
    ],
)
def test_preconditions_are_evaluated_in_the_sandbox(
    predicates: tuple[str, ...], bindings: dict[str, object], holds: bool | None
) -> None:
    routine = signature(a="any", b="any")
    assert BindingFilter(bindings).holds(routine, predicates) is holds


def test_values_that_are_not_plain_are_refused() -> None:
    with pytest.raises(RequestError, match="bindings"):
        BindingFilter({"a": object()})
