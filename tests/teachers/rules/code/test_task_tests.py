import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.code.calls import NO_CALLS, NotACaseError
from tracemine.teachers.rules.code.source import parse_source
from tracemine.teachers.rules.code.task_tests import HOLE, evaluate, parse_test
from tracemine.verifiers.sandbox import Sandbox

CODE = "BASE = 10\n\ndef f(a, b=2):\n    return [a + b]\n\ndef twice(x):\n    return 2 * x\n"


def _evaluated(
    tests: list[str], sandbox: Sandbox, *, code: str = CODE, setup: str = ""
) -> list[tuple[int, dict[str, Any], Any]]:
    source = parse_source(code, 0, len(code))
    function = next(n for n in source.tree.body if isinstance(n, ast.FunctionDef))
    parsed = [(index, parse_test(text, function.name)) for index, text in enumerate(tests)]
    return evaluate(source, setup, function, parsed, sandbox)


@pytest.mark.parametrize(
    ("text", "call", "around", "expected"),
    [
        ("assert f(1) == 2", "f(1)", "", "2"),
        ("assert 2 == f(1), 'said'", "f(1)", "", "2"),
        ("  assert f(1) is None\n", "f(1)", "", "None"),
        ("assert f([1, 2], k=3)", "f([1, 2], k=3)", "", "True"),
        ("assert not f(1)", "f(1)", "", "False"),
        ("assert sorted(f(1)) == [2]", "f(1)", f"sorted({HOLE})", "[2]"),
        ("assert round(f(1), 2) == -2.5", "f(1)", f"round({HOLE}, 2)", "-2.5"),
        ("assert abs(f(1) - 2) < 1e-6", "f(1)", "", "2"),
        ("assert abs(2 - f(1)) <= 1e-6", "f(1)", "", "2"),
        ("assert math.isclose(f(1), 2, rel_tol=0.1)", "f(1)", "", "2"),
        ("assert np.allclose(2, f(1))", "f(1)", "", "2"),
        ("assert f(1) == pytest.approx(2)", "f(1)", "", "2"),
        ("assert f(g(1)) == h(2)", "f(g(1))", "", "h(2)"),
        ("assert f(1)[0] == 2", "f(1)", f"{HOLE}[0]", "2"),
    ],
)
def test_a_test_as_a_call(text: str, call: str, around: str, expected: str) -> None:
    test = parse_test(text, "f")
    assert ast.unparse(test.call) == call
    assert test.around == around
    assert ast.unparse(test.expected) == expected
    assert test.setup == ()


def test_what_comes_before_the_assertion_is_its_setup() -> None:
    test = parse_test("x = [1]\ny = 2\nassert f(x) == y", "f")
    assert [ast.unparse(s) for s in test.setup] == ["x = [1]", "y = 2"]


@pytest.mark.parametrize(
    "text",
    [
        "", "f(1)", "assert g(1) == 2", "assert f(1) == f(2)", "assert f(f(1)) == 2",
        "assert f(1) != 2", "assert f(1) < 2", "assert 1 < f(1) < 3", "assert f(1) in [2]",
        "assert f(1) == 2\nassert f(2) == 3", "assert f(1) == 2\nx = 1", "assert o.f(1) == 2",
        "assert f(1) + 1 == 2", "assert [f(1)] == [2]", "assert (lambda: f(1))() == 2",
        "assert f(1) == 2 and f(2) == 3", "assert True", "assert len(f(1).items()) == 2",
    ],
)  # fmt: skip
def test_what_compares_no_one_call_with_a_value(text: str) -> None:
    with pytest.raises(NotACaseError, match=NO_CALLS):
        parse_test(text, "f")


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@given(st.lists(st.sampled_from(
    ["assert ", "f", "(", ")", "1", "==", "abs", "-", "<", "not ", ",", "[", "]", "\n", "is ", "="]
)).map("".join))  # fmt: skip
def test_any_python_is_a_test_or_not(text: str) -> None:
    try:
        ast.parse(text.strip())
    except SyntaxError:
        return
    try:
        test = parse_test(text, "f")
    except NotACaseError:
        return
    assert ast.unparse(test.call.func) == "f"


def test_values_are_those_of_the_text(sandbox: Sandbox) -> None:
    found = _evaluated(
        ["assert f(1) == [3]", "assert f(b=[5], a={'x': (1, 2)}) == {7}", "assert f(-1, 0)"],
        sandbox,
    )
    assert found == [
        (0, {"a": 1, "b": 2}, [3]),
        (1, {"a": {"x": (1, 2)}, "b": [5]}, {7}),
        (2, {"a": -1, "b": 0}, True),
    ]


def test_expressions_are_worked_out_beside_the_module(sandbox: Sandbox) -> None:
    found = _evaluated(
        ["x = [BASE] * 2\nassert f(x, twice(3)) == list(range(more))"],
        sandbox,
        setup="more = 3\r\n",
    )
    assert found == [(0, {"a": [10, 10], "b": 6}, [0, 1, 2])]


def test_the_function_is_never_asked_what_it_gives(sandbox: Sandbox) -> None:
    asked = ["alias = f\nassert f(1) == alias(1)", "assert f(1) == [g for g in [f]][0](1)"]
    assert _evaluated(asked, sandbox) == []


def test_values_that_are_not_plain_are_left_out(sandbox: Sandbox) -> None:
    tests = [
        "assert f(...) == 1",
        "assert f(object()) == 1",
        "assert f(lambda: 1) == 1",
        "assert f(1 / 0) == 1",
    ]
    assert _evaluated([*tests, "assert f(4) == 1"], sandbox) == [(4, {"a": 4, "b": 2}, 1)]


def test_a_call_that_leaves_a_parameter_out(sandbox: Sandbox) -> None:
    with pytest.raises(NotACaseError, match="no value for a"):
        _evaluated(["assert f(b=1) == 2"], sandbox)
