"""Signatures, functions and values from a model's text; none of it is ever run."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas import decode, encode
from tracemine.schemas.types import parse, type_of
from tracemine.teachers.model.answers import WrittenParameter
from tracemine.teachers.model.written import (
    CODE_CHARS,
    MAX_INPUTS,
    VALUE_CHARS,
    NotWrittenError,
    name_of,
    read_routine,
    read_signature,
    read_value,
)

PLAIN = st.recursive(
    st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(st.characters(categories=["L"]), min_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)


def parameter(name: str, type_text: str = "int", unit: str = "") -> WrittenParameter:
    return WrittenParameter(name=name, type=type_text, unit=unit)


@given(PLAIN)
def test_a_literal_is_read_as_what_it_is(value: Any):
    written = value if isinstance(value, str) else repr(value)
    if isinstance(value, str) and value in ("true", "false", "null", "True", "False", "None"):
        return
    type_text = type_of(value)
    found = read_value(written, type_text)
    # 3.0 is written for 3; within a container a literal is what it is.
    assert found == value if type(value) is float else encode(found) == encode(value)


@pytest.mark.parametrize(
    ("text", "type_text", "value"),
    [
        ("3", "int", 3), ("-3", "int", -3), ("3.0", "int", 3), ("1,000", "int", 1000),
        ("1_000", "int", 1000), ("'7'", "int", 7), ("$5", "rational", 5), ("30%", "real", 30),
        ("3/4", "rational", Fraction(3, 4)), ("Fraction(3, 4)", "rational", Fraction(3, 4)),
        ("0.75", "rational", 0.75), ("1 3/4", "rational", Fraction(7, 4)), ("6/3", "rational", 2),
        (r"\frac{3}{4}", "rational", Fraction(3, 4)), ("3/4", "real", 0.75),
        ("1e-3", "real", 0.001), ("1+2j", "complex", 1 + 2j), ("2 - 3i", "complex", 2 - 3j),
        ("True", "bool", True), ("false", "bool", False),
        ("Tuesday", "str", "Tuesday"), ("'Tuesday'", "str", "Tuesday"), ("''", "str", ""),
        ("x**2 + 1", "expr", "x**2 + 1"), ("'x + 1'", "expr", "x + 1"),
        ("x = 3", "equation", "x = 3"), ("[0, 1)", "interval", "[0, 1)"),
        ("[1, 2, 3]", "list[int]", [1, 2, 3]), ("(1, 2)", "list[int]", [1, 2]),
        ("[1/2, -0.5]", "list[rational]", [Fraction(1, 2), -0.5]),
        ("[x + 1, y]", "list[expr]", ["x + 1", "y"]), ("['x + 1']", "list[expr]", ["x + 1"]),
        ("(1, 'a')", "tuple[int, str]", (1, "a")), ("{1, 2}", "set[int]", {1, 2}),
        ("[1, 2, 2]", "set[int]", {1, 2}), ("set()", "set[int]", set()),
        ("{'a': 1}", "dict[str, int]", {"a": 1}), ('{"a": null}', "dict[str, any]", {"a": None}),
        ("[[1, 2], [3, 4]]", "matrix[int]", [[1, 2], [3, 4]]),
        ("[true, false]", "list[bool]", [True, False]), ("[1, 'a']", "any", [1, "a"]),
        ("no literal at all", "any", "no literal at all"),
    ],
)  # fmt: skip
def test_values_are_read_by_their_types(text: str, type_text: str, value: Any):
    assert encode(read_value(text, type_text)) == encode(value)


def test_a_number_may_have_its_own_unit_behind_it():
    assert read_value("5 km", "real", "km") == 5
    with pytest.raises(NotWrittenError, match="unit"):
        read_value("5 km", "real", "hour")


@pytest.mark.parametrize(
    ("text", "type_text"),
    [
        ("", "int"), ("2.5", "int"), ("many", "int"), ("1e999", "real"), ("inf", "real"),
        ("nan", "real"), ("9" * 2_000, "int"), ("1011_2", "int"), ("1/0", "rational"),
        ("[1, [2]]", "list[int]"), ("[" * 300, "list[int]"), ("[x for x in (1, 2)]", "list[int]"),
        ("__import__('os').system('true')", "int"), ("[open('/etc/passwd')]", "list[any]"),
        ("{**{}}", "dict[str, int]"), ("{[1]}", "set[any]"), ("{[1]: 2}", "dict[any, int]"),
        ("yes", "bool"), ("1", "bool"), ("(1, 2)", "tuple[int, int, int]"),
        ("[[1], [2, 3]]", "matrix[int]"), ("x" * (VALUE_CHARS + 1), "str"),
        ("[f'{1}']", "list[str]"), ("9**9**9", "real"), ("[9**9**9]", "list[real]"),
        ("['a' * 10**9]", "list[str]"),
    ],
)  # fmt: skip
def test_what_is_no_value_of_its_type_is_refused(text: str, type_text: str):
    with pytest.raises(NotWrittenError) as caught:
        read_value(text, type_text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


TYPES = st.sampled_from(
    ["int", "rational", "real", "complex", "bool", "str", "expr", "list[int]", "set[any]",
     "dict[str, real]", "matrix[rational]", "tuple[int, str]", "any", "interval", "none"]
)  # fmt: skip


@given(st.text(max_size=60) | st.text("[](){},:'\"0123456789.-/ ejxa\\", max_size=60), TYPES)
def test_any_text_is_a_plain_value_or_refused(text: str, type_text: str):
    try:
        value = read_value(text, type_text)
    except NotWrittenError:
        return
    again = decode(encode(value))
    assert encode(again) == encode(value)
    assert not (isinstance(value, float) and not math.isfinite(value))


@given(st.lists(st.text(max_size=20), max_size=5), st.text(max_size=30))
def test_a_signature_has_names_and_types_of_the_lattice(names: list[str], type_text: str):
    try:
        signature, unknown = read_signature(
            [parameter(name, type_text) for name in names], parameter("result", type_text)
        )
    except NotWrittenError:
        return
    parameters = [*signature.inputs, signature.output]
    assert len({p.name for p in parameters}) == len(parameters) == len(names) + 1
    for each in parameters:
        assert each.name.isidentifier()
        parse(each.type)
    assert len(unknown) in (0, len(parameters))


def test_types_of_other_languages_and_of_none():
    signature, unknown = read_signature(
        [parameter("a", "float", "km"), parameter("b", "List[string]", "none")],
        parameter("a", "quaternion[int]"),
    )
    assert [p.type for p in signature.inputs] == ["real", "list[str]"]
    assert [p.unit for p in signature.inputs] == ["km", None]
    assert (signature.output.name, signature.output.type) == ("new_a", "any")
    assert unknown == ("quaternion[int]",)


def test_names():
    assert name_of("unit price ($)") == "unit_price"
    assert name_of("2nd value") == "n_2nd_value"
    assert name_of("lambda") == "lambda_"
    assert name_of("../../etc/passwd") == "etc_passwd"
    assert name_of("!?") == ""


def test_no_signature():
    with pytest.raises(NotWrittenError, match="one name"):
        read_signature([parameter("a"), parameter("a ")], parameter("r"))
    with pytest.raises(NotWrittenError, match="inputs"):
        many = [parameter(f"p{i}") for i in range(MAX_INPUTS + 1)]
        read_signature(many, parameter("r"))


@pytest.mark.parametrize(
    "code",
    [
        "def f(a, b):\n    return a - b",
        "```python\ndef f(a, b):\n    return a - b\n```",
        "    def f(a, b):\n        return a - b\n",
        "import math\nK = 60\n'''What it does.'''\ndef g(x):\n    return x\n"
        "def f(a, b):\n    return g(a) - b",
        "def g(a, b):\n    return a\ndef f(a, b):\n    return g(a, b) - b",
        "def f(a, b):\r\n    return a - b\r\n",
        "def f(a, *, b=2):\n    return a - b",
    ],
)
def test_the_function_over_the_inputs_is_found(code: str):
    routine = read_routine(code, ["b", "a"])
    assert (routine.entry_point, routine.parameters) == ("f", ("a", "b"))
    assert "```" not in routine.code and "\r" not in routine.code


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("def f(a, b) return a", "does not parse"),
        ("def f(a, a):\n    return a", "does not parse"),
        ("a - b", "does more than define"),
        ("x = 3", "no function"),
        ("def f(a, b):\n    return a\nprint(f(1, 2))", "does more than define: Expr"),
        ("def f(a, b):\n    return a\nimport os\nos.system('x')", "does more than define"),
        ("K = open('x').read()\ndef f(a, b):\n    return a", "does more than define"),
        ("def f(a):\n    return a", "no function of"),
        ("def f(*a):\n    return a", "no function of"),
        ("def f(a, b, /):\n    return a", "no function of"),
        ("async def f(a, b):\n    return a", "does more than define"),
        ("def f(a, b):\n    return a\ndef g(a, b):\n    return b", "several functions"),
        ("def f(a, b):\n    print(a, b)", "gives nothing back"),
        ("def f(a, b):\n    return " + "-" * 500 + "a", "deep"),
        ("x = " + "(" * 400, "does not parse"),
        ("#" * (CODE_CHARS + 1), "characters"),
        ("f = lambda a, b: a", "defines no function"),
    ],
)
def test_what_is_no_usable_function(code: str, why: str):
    with pytest.raises(NotWrittenError, match=why):
        read_routine(code, ["a", "b"])


@given(st.text(max_size=200) | st.text("def f(a):\n return+-*[]{}'\"\\#@", max_size=200))
def test_any_text_is_a_function_or_refused(text: str):
    try:
        routine = read_routine(text, ["a"])
    except NotWrittenError:
        return
    assert routine.entry_point in routine.code
