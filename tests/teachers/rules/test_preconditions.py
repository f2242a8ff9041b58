"""What a routine needs of its inputs."""

from __future__ import annotations

import pytest
from code_traces import signature_of

from tracemine.schemas import Parameter, Signature
from tracemine.teachers.rules.derive import describe
from tracemine.teachers.rules.predicates import holds


def test_a_guarded_division_is_no_precondition() -> None:
    code = "def f(a, b):\n    if b == 0:\n        return 0\n    return a / b"
    bindings = [{"a": 1, "b": 0}, {"a": 1, "b": 2}]
    derived = describe(code, "f", signature_of(bindings), bindings)
    assert not any("!= 0" in p for p in derived.predicates)


def test_conditions_of_containers() -> None:
    code = "def f(xs, ys):\n    return max(xs) + ys[2] + sum(xs) / len(xs)"
    bindings = [{"xs": [1, 2], "ys": [1, 2, 3]}]
    derived = describe(code, "f", signature_of(bindings), bindings)
    assert {"len(xs) > 0", "len(ys) >= 3", "isinstance(xs, list)"} <= set(derived.predicates)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "x is true or false"),
        ("a", "x is a string"),
        ([1, 2], "x is a list of integers"),
        ({"a": 1}, "x is a dictionary"),
        ((1, "a"), "x is a tuple"),
        ({1}, "x is a set of integers"),
        (2.5, "x is a number"),
        (None, "x is None"),
    ],
)
def test_types_in_words(value: object, words: str) -> None:
    derived = describe(
        "def f(x):\n    return [x]", "f", signature_of([{"x": value}]), [{"x": value}]
    )
    assert words in derived.preconditions
    assert all(holds(p, {"x": value}) for p in derived.predicates)


def test_no_parameters_have_no_preconditions() -> None:
    signature = Signature((), Parameter("x", "int"))
    assert describe("def f():\n    return 1", "f", signature, [{}]).preconditions == ()
