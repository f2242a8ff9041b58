"""Hand-offs that mean one call are one call, and nothing hostile makes another of it."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas import decode
from tracemine.transforms import tool_calls
from tracemine.transforms.tool_calls import Call, call_of, names_for, renamed, routine_of

sys.path.insert(0, str(Path(__file__).parents[1]))
from handed_off import handed_off


def read(code: str, *values: Any, result: Any = 0, tool: str = "math.tool", **fields: Any) -> Call:
    names = code.rpartition("def ")[2].partition("(")[2].partition(")")[0].split(", ")
    bindings = dict(zip(names, values, strict=True))
    call = call_of(handed_off(code, bindings, result, tool=tool, **fields).span)
    assert isinstance(call, Call), call
    return call


@pytest.mark.parametrize(
    ("tool", "expression", "ways"),
    [
        (
            "operator.mul",
            "p0 * p1",
            [
                ("def pay(rate, hours):\n    return rate * hours\n", (3, 4)),
                ("def pay(rate, hours):\n    due = hours * rate\n    return due\n", (3, 4)),
                ("def months(years):\n    return years * 12\n", (3,)),
                ("YEAR = 12\n\ndef months(years):\n    return YEAR * years\n", (3,)),
                ("def square(side):\n    return side * side\n", (3,)),
                ("import operator as o\n\ndef f(a, b):\n    return o.mul(a, b)\n", (3, 4)),
            ],
        ),
        (
            "operator.pow",
            "p0 ** p1",
            [
                ("def f(a, b):\n    return a ** b\n", (3, 4)),
                ("def f(a):\n    return pow(a, 2)\n", (3,)),
            ],
        ),
        (
            "builtins.sum",
            "p0 + p1 + p2",
            [
                ("def f(a, b, c):\n    return a + b + c\n", (1, 2, 3)),
                ("def f(a, b, c):\n    return a + (b + c)\n", (1, 2, 3)),
                ("def f(a, b):\n    return a + b + b\n", (1, 2)),
            ],
        ),
        (
            "math.gcd",
            "math.gcd(p0, p1)",
            [
                ("import math\n\ndef f(a, b):\n    return math.gcd(a, b)\n", (4, 6)),
                ("import math as m\n\ndef f(a, b):\n    return m.gcd(a, b)\n", (4, 6)),
                ("from math import gcd as g\n\ndef f(a):\n    return g(a, 6)\n", (4,)),
            ],
        ),
        (
            "operator.lt",
            "p0 < p1",
            [
                ("def f(a, b):\n    return a < b\n", (4, 6)),
                ("def f(a, b):\n    return True if a < b else False\n", (4, 6)),
                ("def f(a, b):\n    if a < b:\n        return True\n    return False\n", (4, 6)),
            ],
        ),
    ],
)
def test_ways_to_say_one_call(
    tool: str, expression: str, ways: list[tuple[str, tuple[Any, ...]]]
) -> None:
    calls = [read(code, *values) for code, values in ways]
    assert {call.tool for call in calls} == {tool}
    assert {call.expression for call in calls} == {expression}
    assert len({call.id for call in calls}) == 1


def test_a_tool_is_named_by_its_code_and_not_by_its_teacher() -> None:
    code = "def f(a, b):\n    return a + b\n"
    assert read(code, 1, 2, tool="builtins.sum").tool == "operator.add"
    assert read(code, 1, 2).id == read(code, 1, 2.5, tool="builtins.sum").id


def test_what_makes_another_call_stays_in_it() -> None:
    plain = read("def f(xs):\n    return sorted(xs)\n", [2, 1], result=[1, 2])
    falling = read("def f(xs):\n    return sorted(xs, reverse=True)\n", [2, 1], result=[2, 1])
    assert (plain.expression, falling.expression) == ("sorted(p0)", "sorted(p0, reverse=True)")
    backwards = read("def f(text):\n    return text[::-1]\n", "ab", result="ba")
    assert backwards.expression == "p0[::-1]"
    assert backwards.tool == "operator.getitem"
    joined = read("def f(a, b):\n    return a + b\n", "a", "b", result="ab")
    assert joined.expression == "p0 + p1"
    assert joined.id != read("def f(a, b):\n    return a + b\n", 1, 2).id


def test_arguments_are_inputs_and_constants_in_order() -> None:
    code = "import re\n\ndef f(text):\n    return re.sub(r'\\s+', '', text)\n"
    call = read(code, "a b", result="ab")
    assert call.arguments({"text": "a b"}) == {"p0": r"\s+", "p1": "", "p2": "a b"}
    names = names_for(call, ["", "", ""])
    assert names == ["pattern", "repl", "string"]
    assert renamed(call, names) == "re.sub(pattern, repl, string)"
    method = read("def f(text):\n    return text.replace(' ', '-')\n", "a b", result="a-b")
    assert method.tool == "str.replace"
    assert renamed(method, names_for(method, [""] * 3)) == "text.replace(old, new)"


def test_names_are_those_that_most_use_or_tell_operands_apart() -> None:
    call = read("def f(a, b):\n    return a / b\n", 6, 3, result=2.0, output="rational")
    assert names_for(call, ["total", "total"]) == ["total", "total_2"]
    assert names_for(call, ["", ""]) == ["a", "b"]
    method = read("def f(text):\n    return text.replace(' ', '-')\n", "a b", result="a-b")
    assert names_for(method, ["line", "", "mark"]) == ["line", "old", "new"]
    for bad in ("", "import", "a b", "x\x1b[2J", "list", "sum", "n" * 500, "é"):
        assert names_for(call, [bad, ""]) == ["a", "b"]


FORMS = [
    "a * b", "a - b", "a // 7", "b % a", "a + b + 3", "max(a, b)", "a ** 2", "-a", "a == b",
    "[a, b][0]", "abs(a)", "divmod(a, b)", "round(a / b, 1)", "min(a, b, 0)", "a if a else b",
]  # fmt: skip


MORE = ["[a, b][0]", "round(a / b, 1)", "a if a else b"]


@given(st.sampled_from(FORMS), st.integers(1, 50), st.integers(1, 50))
def test_the_call_gives_what_the_routine_gives(form: str, a: int, b: int) -> None:
    code = f"def f(a, b):\n    return {form}\n"
    call = call_of(handed_off(code, {"a": a, "b": b}, 0, tool="math.tool").span)
    if form in MORE:
        assert call == tool_calls.NO_CALL
        return
    assert isinstance(call, Call)
    names = names_for(call, [""] * len(call.slots))
    routine, entry_point = routine_of(call, names)
    given = call.arguments({"a": a, "b": b})
    space: dict[str, Any] = {}
    exec(routine, space)  # written above
    values = {name: given[f"p{place}"] for place, name in enumerate(names)}
    assert space[entry_point](**values) == eval(form, {"a": a, "b": b})


# -- what has no code, or should have none ---------------------------------------------------------


def named(tool: str | None, **fields: Any) -> Call | str:
    return call_of(handed_off(None, {"x": 1, "y": 2}, 3, tool=tool, **fields).span)


def test_a_tool_without_code_is_called_on_all_inputs() -> None:
    call = named("sympy.solve")
    assert isinstance(call, Call)
    assert routine_of(call, ["x", "y"]) == (
        "import sympy\n\n\ndef solve(x, y):\n    return sympy.solve(x, y)\n",
        "solve",
    )
    product = named("operator.mul")
    assert isinstance(product, Call)
    assert product.id == read("def f(a, b):\n    return a * b\n", 1, 2).id
    power = named("builtins.pow")
    assert isinstance(power, Call)


@pytest.mark.parametrize(
    ("tool", "reason"),
    [
        (None, tool_calls.NO_NAME),
        ("", tool_calls.NO_NAME),
        ("calculator", tool_calls.NO_NAME),
        ("a\x1b[2Jb.c", tool_calls.NO_NAME),
        ("a.b\n\ndef f(): pass", tool_calls.NO_NAME),
        ("a..b", tool_calls.NO_NAME),
        ("math.import", tool_calls.NO_NAME),
        ("a." + "b" * 1_000_000, tool_calls.NO_NAME),
        ("m\u0430th.gcd", tool_calls.NO_NAME),
        ("math.\ud800", tool_calls.NO_NAME),
        ("os.system", tool_calls.REACHES_OUT),
        ("subprocess.run", tool_calls.REACHES_OUT),
        ("builtins.eval", tool_calls.REACHES_OUT),
        ("builtins.open", tool_calls.REACHES_OUT),
    ],
)
def test_a_name_that_is_none_points_nowhere(tool: str | None, reason: str) -> None:
    assert named(tool) == reason


@pytest.mark.parametrize(
    "code",
    [
        "def f(x, y):\n    return x +",
        "def g(x, y):\n    return x",
        "def f(x, y):\n    return " + "(" * 300 + "x" + ")" * 300,
        "def f(x, y):\n    return " + "-" * 400 + "x",
        "def f(x, y):\n    return x\x00y",
        "def f(x, y, z):\n    return x * y",
        "def f(x, y):\n    return {[]: x}[y]",
    ],
)
def test_code_that_is_no_call_is_no_call_of_the_tool_that_is_named(code: str) -> None:
    for entry_point in ("f", None):
        span = handed_off(code, {"x": 1, "y": 2}, 1, tool="math.gcd", entry_point=entry_point).span
        assert call_of(span) == tool_calls.NO_CALL


@pytest.mark.parametrize(
    ("code", "values", "tool"),
    [
        ("def f(xs):\n    return sorted(xs, key=lambda x: -x)\n", ([2, 1],), "builtins.sorted"),
        ("def f(xs):\n    return sorted(xs)[0]\n", ([2, 1],), "builtins.sorted"),
        ("def f(a, b):\n    return a * b + 1\n", (2, 1), "operator.mul"),
    ],
)
def test_what_does_more_than_its_tool_does_not_point_there(
    code: str, values: tuple[Any, ...], tool: str
) -> None:
    bindings = dict(zip(("xs",) if len(values) == 1 else ("a", "b"), values, strict=True))
    assert call_of(handed_off(code, bindings, 0, tool=tool).span) == tool_calls.NO_CALL


@pytest.mark.parametrize("form", ["a + b + c", "a + (b + c)", "a + '-' + b + c"])
@pytest.mark.parametrize("value", ["x", [1], (1,)])
def test_a_sum_is_one_of_numbers(form: str, value: Any) -> None:
    code = f"def f(a, b, c):\n    return {form}\n"
    bindings = {"a": value, "b": value, "c": value}
    span = handed_off(code, bindings, value * 3, tool="builtins.sum").span
    assert call_of(span) == tool_calls.NO_CALL
    untyped = dict.fromkeys("abc", "any")
    unknown = handed_off(code, bindings, value * 3, tool="builtins.sum", types=untyped).span
    assert call_of(unknown) == tool_calls.NO_CALL


def test_numbers_of_all_kinds_are_summed() -> None:
    code = "def f(a, b, c):\n    return a + b + c + 2.5\n"
    call = read(code, 1, Fraction(1, 2), 2.0, result=6.0)
    assert (call.tool, call.expression) == ("builtins.sum", "p0 + p1 + p2 + p3")


def test_code_that_reaches_out_points_nowhere() -> None:
    code = "import os\n\ndef f(command):\n    return os.system(command)\n"
    span = handed_off(code, {"command": "true"}, 0, tool="os.system").span
    assert call_of(span) == tool_calls.REACHES_OUT


def test_huge_and_odd_arguments() -> None:
    many = ", ".join(f"x{i}" for i in range(60))
    bindings = {f"x{i}": i for i in range(60)}
    code = f"def f({many}):\n    return max({many})\n"
    assert call_of(handed_off(code, bindings, 59).span) == tool_calls.TOO_MANY
    text = "x" * 1_000_000
    call = read(f"def f(x):\n    return x + {text!r}\n", "a", result="a" + text)
    assert call.expression == "p0 + p1"
    deep = "list[" * 200 + "int" + "]" * 200
    span = handed_off("def f(x):\n    return len(x)\n", {"x": [1]}, 1, types={"x": deep}).span
    found = call_of(span)
    assert isinstance(found, Call) and found.slots[0].type == "list"
    broken = handed_off("def f(x):\n    return len(x)\n", {"x": [1]}, 1, types={"x": "whatever"})
    assert call_of(broken.span) == tool_calls.NO_TYPE
    assert decode(broken.span.instances[0].bindings) == {"x": [1]}
