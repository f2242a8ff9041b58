"""No predicate forbids an input that the routine takes."""

from __future__ import annotations

import copy
from fractions import Fraction
from typing import Any

import pytest
from code_traces import signature_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.teachers.rules.derived.derive import describe
from tracemine.teachers.rules.derived.predicates import holds

_OWN = {
    "": "",
    "fill": "def fill(v):\n    v.append(1)\n    return v\n",
    "max": "def max(v):\n    return sum(v)\n",
    "len": "def len(v):\n    return 3\n",
    "range": "def range(*v):\n    return [1, 2]\n",
    "abs": "def abs(v):\n    return v + 3\n",
    "sqrt": "from math import sqrt\ndef sqrt(v):\n    return v\n",
    "array": "class Array(list):\n    def __truediv__(self, other):\n        return 0\n",
}
_PREAMBLE = "import math\n"
#: Statements, of which some guard, bind anew, alias, change or hand on what came in.
_STATEMENTS = [
    "n = int(n * 2)", "n = round(n)", "n += 1", "n, b = b, n", "(n := n + 1)", "m = n\nn = 3",
    "if isinstance(n, float):\n    n = int(n)", "if n == 1:\n    t = list(range(n))",
    "if b == 0:\n    b = 1", "while b == 0:\n    b += 1", "if b == 0:\n    return 7",
    "if b < 0:\n    raise ValueError", "assert n >= 0", "assert len(xs) > 1", "assert xs",
    "try:\n    t = n / b\nexcept ZeroDivisionError:\n    t = 0",
    "ys = xs", "ys = xs\nys.append(1)", "xs.append(5)", "xs += [1]", "xs = xs + [1]",
    "xs[0:0] = [7]", "ys = xs or [1]\nys.append(2)", "for y in [xs]:\n    y.append(2)",
    "ys, t = xs, 1\nys.append(t)", "[y.append(3) for y in [xs]]", "add = xs.append\nadd(4)",
    "(lambda: xs.append(2))()", "ys = list(xs)\nys.append(1)", "fill(xs)", "t = len(xs)",
    "t = fill(xs) if n > 1 else xs", "def g():\n    nonlocal b\n    b = b or 1\ng()",
    "def g(v):\n    v.append(1)\ng(xs)", "match b:\n    case 0:\n        b = 1",
    "match xs:\n    case b:\n        pass", "for b in [1, 2]:\n    pass", "del b\nb = 3",
    "import math as b\nb = 2", "t = sum(xs)", "with_n = [n * x for x in xs]", "max = sum",
    "for i in range(2):\n    xs.append(i)", "b = abs(b) + 1", "n = 'a%s' if n > 2 else n",
    "xs.sort()", "map(fill, [xs])", "t = max(xs, [1])\nt.append(0)",
]  # fmt: skip
_RETURNS = [
    "xs[0]", "xs[n]", "xs[-2] + 1", "max(xs)", "min(x for x in xs)", "n / b", "n % b", "n // b",
    "b and n / b", "[x / b for x in xs]", "sum(xs) / len(xs)", "sum(range(n))", "xs[:n]",
    "[0] * n", "[0] * n if isinstance(n, int) else [n]", "n ** 0.5", "math.sqrt(n)",
    "math.log(b)", "n / (b := b + 1) + 1 / b", "n & b", "xs[n] if n < 2 else 0", "abs(b - n)",
    "xs and xs[0]", "0 if b == 0 else n / b", "fill(xs)[0] + max(xs)", "n / abs(b)",
    "'%s' % n", "[x for x in range(n)]", "[x for x in xs for y in range(n)]", "sqrt(b)", "n",
]  # fmt: skip

_NUMBERS = st.sampled_from([0, 1, 2, 3, -1, 2.5, -0.5, Fraction(1, 3), Fraction(-5, 2)])


def _function(own: str, statements: list[str], result: str) -> str:
    body = "\n".join([*statements, f"return {result}"])
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f"{_PREAMBLE}{_OWN[own]}def f(xs, n, b):\n{lines}\n"


def _answer(code: str, inputs: dict[str, Any]) -> bool:
    """Whether the function gives a result."""
    space: dict[str, Any] = {}
    try:
        exec(code, space)
        space["f"](**copy.deepcopy(inputs))
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        NameError,
        TypeError,
        ValueError,
    ):
        return False
    return True


def _assert_allowed(code: str, *calls: dict[str, Any]) -> None:
    usual = {"xs": [1, 2], "n": 1, "b": 2}
    predicates = describe(code, "f", signature_of([usual]), []).predicates
    for inputs in calls:
        forbidding = [p for p in predicates if not holds(p, inputs)]
        assert not (forbidding and _answer(code, inputs)), (code, inputs, forbidding)


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(sorted(_OWN)),
    st.lists(st.sampled_from(_STATEMENTS), max_size=3),
    st.sampled_from(_RETURNS),
    st.fixed_dictionaries({"xs": st.lists(_NUMBERS, max_size=3), "n": _NUMBERS, "b": _NUMBERS}),
)
def test_what_a_function_answers_is_allowed(
    own: str, statements: list[str], result: str, inputs: dict[str, Any]
) -> None:
    try:
        code = _function(own, statements, result)
        compile(code, "f", "exec")
    except SyntaxError:
        return  # such as ``nonlocal`` after an import of the same name
    _assert_allowed(code, inputs)


#: Calls on the edge of what the returns can take.
_EDGES: list[dict[str, Any]] = [
    {"xs": [], "n": 2.5, "b": 0}, {"xs": [3], "n": 0, "b": 0}, {"xs": [], "n": 1, "b": -1},
    {"xs": [1], "n": -1, "b": 3}, {"xs": [Fraction(1, 2)], "n": Fraction(1, 2), "b": 0.5},
]  # fmt: skip


@pytest.mark.parametrize("result", _RETURNS)
def test_each_shape_by_itself(result: str) -> None:
    for own in _OWN:
        _assert_allowed(_function(own, [], result), *_EDGES)
    for statement in _STATEMENTS:
        _assert_allowed(_function("fill", [statement], result), *_EDGES)


@pytest.mark.parametrize(
    ("body", "predicate"),
    [
        ("return n / b", "b != 0"),
        ("m = b\n    return n / m", "b != 0"),
        ("if n < 0:\n        raise ValueError\n    return n / b", "b != 0"),
        ("ys = sorted(xs)\n    ys.append(1)\n    return xs[0]", "len(xs) > 0"),
        ("t = 0\n    for x in xs:\n        t += x\n    return t / len(xs)", "len(xs) > 0"),
        ("k = xs.count(n)\n    return max(xs) + k", "len(xs) > 0"),
        ("return sum(range(n))", "isinstance(n, int) and not isinstance(n, bool)"),
        ("m = n + 1\n    return [0] * b + xs[:m]",
         "isinstance(n, int) and not isinstance(n, bool)"),
    ],
)  # fmt: skip
def test_what_is_sure_is_still_asked_for(body: str, predicate: str) -> None:
    usual = {"xs": [1, 2], "n": 1, "b": 2}
    code = f"def f(xs, n, b):\n    {body}\n"
    assert predicate in describe(code, "f", signature_of([usual]), [usual]).predicates


@pytest.mark.parametrize("value", [3, 2.5, Fraction(1, 3)])
@pytest.mark.parametrize("usual", [3, 2.5, Fraction(1, 3)])
def test_every_kind_of_number_is_a_number(value: object, usual: object) -> None:
    inputs = {"x": usual, "xs": [usual]}
    code = "def f(x, xs):\n    return x / 3 + sum(xs)"
    predicates = describe(code, "f", signature_of([inputs]), [inputs]).predicates
    assert all(holds(p, {"x": value, "xs": [value]}) for p in predicates)
    for other in (True, "3", [3], None, 3j):
        assert not all(holds(p, {**inputs, "x": other}) for p in predicates)
        assert not all(holds(p, {**inputs, "xs": [other]}) for p in predicates)
