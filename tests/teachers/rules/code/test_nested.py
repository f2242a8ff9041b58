from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.code.nested import Nested, inner_functions, nested_in


def _nested(text: str, known: tuple[str, ...] = ()) -> list[Nested]:
    function = ast.parse(text).body[-1]
    assert isinstance(function, ast.FunctionDef)
    return list(nested_in(function, known))


def test_what_is_captured_becomes_parameters_and_is_passed_on() -> None:
    code = (
        "def outer(top, rows):\n"
        "    step = 2\n"
        "    def climb(n, least=0):\n"
        "        if n > top:\n"
        "            return least + offset\n"
        "        return climb(n + step, least + 1)\n"
        "    return climb(rows)\n"
    )
    (nested,) = _nested(code, ("offset",))
    assert nested.captured == ("top", "step")
    assert nested.qualified == "outer.climb"
    assert nested.lifted is not None
    assert ast.unparse(nested.lifted) == (
        "def climb(n, least=0, *, top, step):\n"
        "    if n > top:\n"
        "        return least + offset\n"
        "    return climb(n + step, least + 1, top=top, step=step)"
    )


@given(st.integers(0, 40), st.integers(1, 5), st.integers(0, 40))
def test_a_lifted_function_gives_what_the_inner_one_gives(top: int, step: int, n: int) -> None:
    inner = "    def climb(n):\n        return 0 if n > top else 1 + climb(n + step)\n"
    outer = f"def outer(top, step, n):\n{inner}    return climb(n)\n"
    (nested,) = _nested(outer)
    assert nested.lifted is not None
    names: dict[str, Any] = {}
    exec(outer + ast.unparse(nested.lifted), names)
    assert names["climb"](n, top=top, step=step) == names["outer"](top, step, n)


@pytest.mark.parametrize(
    "inner",
    [
        "def g(a):\n        nonlocal n\n        n += a\n        return n",
        "def g(a):\n        yield a",
        "def g(*a):\n        return a[0]",
        "def g(a):\n        return n if a else list(map(g, [a]))",  # given away with what it needs
    ],
)
def test_what_cannot_stand_alone_is_not_lifted(inner: str) -> None:
    code = f"def outer(n):\n    {inner}\n    return g(n)\n"
    assert [n.lifted for n in _nested(code) if n.inner.name == "g"] in ([None], [])


def test_a_name_of_the_module_is_not_taken_again() -> None:
    code = "def outer(n):\n    def g(a):\n        return g(a - 1) if a else 0\n    return g(n)\n"
    (nested,) = _nested(code, ("g",))
    assert nested.lifted is not None and nested.lifted.name == "outer_g"
    assert "return outer_g(a - 1)" in ast.unparse(nested.lifted)


def test_functions_in_branches_are_found_and_those_deeper_are_not() -> None:
    code = (
        "def outer(n):\n"
        "    if n:\n        def first(a): return a\n"
        "    for _ in range(n):\n        def second(a):\n            def third(b): return b\n"
        "    class C:\n        def method(self): return 1\n"
    )
    function = ast.parse(code).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert [f.name for f in inner_functions(function)] == ["first", "second"]
