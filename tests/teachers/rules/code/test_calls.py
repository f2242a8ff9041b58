import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.code.calls import (
    NO_CALLS,
    VARIABLE_ARGUMENTS,
    NotACaseError,
    arguments_of,
    parameters_with_defaults,
)


def _function(parameters: str) -> ast.FunctionDef:
    (function,) = ast.parse(f"def f({parameters}): pass").body
    assert isinstance(function, ast.FunctionDef)
    return function


def _arguments(call: str, *names: str) -> dict[str, str]:
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    return {name: ast.unparse(value) for name, value in arguments_of(node, names).items()}


@pytest.mark.parametrize(
    ("parameters", "names", "defaults"),
    [
        ("", [], {}),
        ("a, b", ["a", "b"], {}),
        ("a, b=1, c='x'", ["a", "b", "c"], {"b": "1", "c": "'x'"}),
        ("a, *, b, c=2, d", ["a", "b", "c", "d"], {"c": "2"}),
        ("a=0, *, b=None", ["a", "b"], {"a": "0", "b": "None"}),
    ],
)
def test_parameters_and_their_defaults(
    parameters: str, names: list[str], defaults: dict[str, str]
) -> None:
    found, held = parameters_with_defaults(_function(parameters))
    assert found == names
    assert {name: ast.unparse(value) for name, value in held.items()} == defaults


def test_the_object_of_a_method_is_left_out() -> None:
    names, defaults = parameters_with_defaults(_function("self, a, *, b=1"), bound=True)
    assert (names, list(defaults)) == (["a", "b"], ["b"])


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [("*args", VARIABLE_ARGUMENTS), ("a, **options", VARIABLE_ARGUMENTS), ("a, /, b", "names")],
)
def test_parameters_without_a_name(parameters: str, reason: str) -> None:
    with pytest.raises(NotACaseError, match=reason):
        parameters_with_defaults(_function(parameters))


def test_arguments_go_to_their_parameters() -> None:
    assert _arguments("f(1, [2], c='x')", "a", "b", "c") == {"a": "1", "b": "[2]", "c": "'x'"}
    assert _arguments("f(c=3, a=1)", "a", "b", "c") == {"a": "1", "c": "3"}
    assert _arguments("f()", "a") == {}


@pytest.mark.parametrize(
    "call", ["f(*x)", "f(1, *x)", "f(**x)", "f(1, 2, 3)", "f(d=1)", "f(1, a=2)", "f(1, 2, b=3)"]
)
def test_a_call_that_no_parameters_fit(call: str) -> None:
    with pytest.raises(NotACaseError, match=NO_CALLS):
        _arguments(call, "a", "b")


@given(st.integers(0, 4), st.integers(0, 5), st.lists(st.sampled_from("abcde"), max_size=3))
def test_arguments_are_bound_as_python_binds_them(
    count: int, positional: int, keywords: list[str]
) -> None:
    names = list("abcd"[:count])
    keywords = list(dict.fromkeys(keywords))
    given_now = [str(n) for n in range(positional)] + [f"{k}='{k}'" for k in keywords]
    call = f"f({', '.join(given_now)})"
    scope: dict[str, Any] = {}
    optional = ", ".join(f"{name}=None" for name in names)
    exec(f"def f({optional}): return {{k: v for k, v in locals().items() if v is not None}}", scope)
    try:
        expected = eval(call, scope)
    except TypeError:
        with pytest.raises(NotACaseError):
            _arguments(call, *names)
        return
    found = _arguments(call, *names)
    assert {name: ast.literal_eval(value) for name, value in found.items()} == expected
