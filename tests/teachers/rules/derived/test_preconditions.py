"""What a routine needs of its inputs."""

from __future__ import annotations

import pytest
from code_traces import signature_of

from tracemine.schemas import Parameter, Signature
from tracemine.teachers.rules.derived.derive import describe
from tracemine.teachers.rules.derived.predicates import holds


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


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [("str", "ab", 3), ("list", [1, 2], "ab"), ("sum", 3, "3"), ("dict", {"a": 1}, [1]),
     ("int", 3, "x"), ("tuple", (1, 2), [1])],
)  # fmt: skip
def test_a_parameter_may_be_called_like_a_type(name: str, value: object, wrong: object) -> None:
    binding = {name: value, "other": value}
    code = f"def f({name}, other):\n    return [{name}, other]"
    derived = describe(code, "f", signature_of([binding]), [binding])
    assert len(derived.predicates) >= 2
    assert all(holds(p, binding) for p in derived.predicates)
    for changed in (name, "other"):
        assert not all(holds(p, {**binding, changed: wrong}) for p in derived.predicates)


@pytest.mark.parametrize(
    ("divisor", "predicate"),
    [("2 * a", "a != 0"), ("-a * 3.5", "a != 0"), ("4 * (a - b)", "a - b != 0"),
     ("a * b", "a * b != 0"), ("0 * a", "0 * a != 0")],
)  # fmt: skip
def test_a_constant_factor_is_never_zero(divisor: str, predicate: str) -> None:
    signature = signature_of([{"a": 3, "b": 2}])
    derived = describe(f"def f(a, b):\n    return 1 / ({divisor})", "f", signature, [])
    assert [p for p in derived.predicates if "!=" in p] == [predicate]


@pytest.mark.parametrize(
    ("body", "whole"),
    [
        ("return [0] * n", True), ("return sum(range(2, n // 2))", True),
        ("return sum(range(n % 7))", True), ("return (n + 2) * [1]", True),
        ("return [n * x for x in [0]]", False), ("return 2.5 * n", False),
        ("row = [4, 5, 6, 7]\n    return row[n]", True),
        ("row = {3: 4}\n    return row[n]", False), ("return {3: 4}[n]", False),
        ("return [0] * int(n)", False), ("return sum(range(round(n)))", False),
    ],
)  # fmt: skip
def test_what_counts_has_to_be_whole(body: str, whole: bool) -> None:
    derived = describe(f"def f(n):\n    {body}", "f", signature_of([{"n": 3}]), [{"n": 3}])
    assert ("n is an integer" in derived.preconditions) is whole


@pytest.mark.parametrize(
    ("body", "needed"),
    [
        ("return max(x + 1 for x in xs)", True), ("return min([-x for x in xs])", True),
        ("return max((x for x in xs), default=0)", False),
        ("return max(x for x in xs if x > 1)", False),
        ("return max(x for x in [1, *xs])", False),
        ("return [max(x for x in xs) for y in xs]", False),
    ],
)  # fmt: skip
def test_the_most_of_items_needs_one(body: str, needed: bool) -> None:
    derived = describe(f"def f(xs):\n    {body}", "f", signature_of([{"xs": [3]}]), [{"xs": [3]}])
    assert ("len(xs) > 0" in derived.predicates) is needed


@pytest.mark.parametrize(
    ("values", "whole"), [([[1, 2]], True), (["ab"], True), ([{1: 2}], False), ([1, 2], False)]
)
def test_an_index_into_members_has_to_be_whole(values: list[object], whole: bool) -> None:
    binding = {"rows": values, "n": 1}
    code = "def f(rows, n):\n    return [row[n] for row in rows]"
    derived = describe(code, "f", signature_of([binding]), [binding])
    assert ("n is an integer" in derived.preconditions) is whole
