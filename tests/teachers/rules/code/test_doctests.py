from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.code.calls import (
    NotACaseError,
    arguments_of,
    parameters_with_defaults,
)
from tracemine.teachers.rules.code.doctests import MAX_EXAMPLES, examples_of


def _function(text: str) -> ast.FunctionDef:
    (function,) = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    return function


def _documented(doc: str, head: str = "f(a, b=2)") -> ast.FunctionDef:
    function = _function(f"def {head}:\n    return 0\n")
    function.body.insert(0, ast.Expr(ast.Constant(doc)))
    return function


def test_examples_with_plain_values() -> None:
    doc = """Does it.

    >>> f(1)
    3
    >>> f([1, 2], b='x')
    {'x': [1, 2]}
    >>> f(1)
    4
    """
    found = examples_of(_documented(doc))
    assert [(e.bindings, e.result) for e in found] == [
        ({"a": 1, "b": 2}, 3),
        ({"a": [1, 2], "b": "x"}, {"x": [1, 2]}),
    ]
    assert found[0].is_stated("say\n>>> f(1)\n3")
    assert not found[0].is_stated("f(2)")


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("f(1) => 3", 3),
        ("f(1) == 3", 3),
        ("f(1) = 3", 3),
        ("f( 1 ) -> [3]", [3]),
        ("f(1) ➞ 'a => b'", "a => b"),
        ("f(1) # => 3", 3),
        ("f(1) should return 3", 3),
        ("f(1) returns (3, 4)  # both", (3, 4)),
    ],
)
def test_examples_on_one_line(line: str, result: object) -> None:
    (found,) = examples_of(_documented(f"Does it.\n\n    {line}\n    and more"))
    assert (found.bindings, found.result) == ({"a": 1, "b": 2}, result)


@pytest.mark.parametrize(
    "example",
    [
        "f(1) => x", "g(1) => 3", "f('=> 3", "f(1) and then 3", "f(1) =>", "say f(1) => 3",
        "f('a) => b', 3",
        ">>> f(x)\n3",
        ">>> x = f(1)",
        ">>> f(1)\nTraceback (most recent call last):\nValueError: no",
        ">>> print(f(1))\n3",
        ">>> f(1) + 1\n3",
        ">>> f(1)\n<object>",
        ">>> f(*[1])\n3",
        ">>> f(1, 2, 3)\n3",
        ">>> f(c=1)\n3",
        ">>> f(b=1)\n3",
        ">>>f(1)\n3",
        f">>> f({'(' * 500}\n3",
        f">>> f({'-' * 20000}1)\n3",
    ],
)  # fmt: skip
def test_what_is_no_call_with_plain_values_is_none(example: str) -> None:
    assert examples_of(_documented(example)) == []


def test_examples_are_bounded() -> None:
    doc = "\n".join(f">>> f({i})\n{i}" for i in range(100))
    assert len(examples_of(_documented(doc))) == MAX_EXAMPLES


@given(st.text(alphabet="> f(1,)=\n'", max_size=60))
def test_any_docstring_is_read(doc: str) -> None:
    for example in examples_of(_documented(doc)):
        assert list(example.bindings) == ["a", "b"]


def test_variable_arguments_have_no_names() -> None:
    for head in ("f(*a)", "f(**a)", "f(a, /)"):
        with pytest.raises(NotACaseError):
            parameters_with_defaults(_function(f"def {head}:\n    pass\n"))


def test_parameters_of_a_method_leave_out_its_object() -> None:
    method = _function("def m(self, a, b=1, *, c=2, d):\n    pass\n")
    names, defaults = parameters_with_defaults(method, bound=True)
    assert names == ["a", "b", "c", "d"]
    assert {k: ast.unparse(v) for k, v in defaults.items()} == {"b": "1", "c": "2"}


def test_arguments_go_to_their_parameters() -> None:
    call = ast.parse("f(1, c=3)", mode="eval").body
    assert isinstance(call, ast.Call)
    given_values = arguments_of(call, ["a", "b", "c"])
    assert {k: ast.unparse(v) for k, v in given_values.items()} == {"a": "1", "c": "3"}
