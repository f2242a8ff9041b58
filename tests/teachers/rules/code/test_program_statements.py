"""The statements of a program one by one."""

from __future__ import annotations

import ast

import pytest

from tracemine.teachers.rules.code.program_statements import (
    assigned_name,
    flattened,
    from_star_imports,
    objects_of,
    split_statement,
)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("a, b = 1, 2", ["a = 1", "b = 2"]),
        ("a, b = b, a", ["a, b = (b, a)"]),
        ("a, b = 1, c", ["a, b = (1, c)"]),
        ("a = b = 1", ["a = b = 1"]),
        ("print(a + b)", ["answer = a + b", "print(answer)"]),
        ("print(found.least)", ["least = found.least", "print(least)"]),
        ("print(least(a))", ["least_result = least(a)", "print(least_result)"]),
        ("print(a)", ["print(a)"]),
        ("print(a + b, c)", ["print(a + b, c)"]),
        ("print(f'{a + b}')", ["print(f'{a + b}')"]),
    ],
)
def test_one_line_may_say_two_things(line: str, parts: list[str]) -> None:
    (node,) = ast.parse(line).body
    assert [ast.unparse(part) for part in split_statement(node, {"a", "b"})] == [
        ast.unparse(ast.parse(part)) for part in parts
    ]


def test_a_name_that_is_taken_is_not_given_again() -> None:
    (node,) = ast.parse("print(a + b)").body
    first, second = split_statement(node, {"answer"})
    assert assigned_name(first) not in (None, "answer")
    assert ast.unparse(second) == f"print({assigned_name(first)})"


def test_what_runs_as_the_main_program_is_the_program() -> None:
    body = ast.parse("a = 1\nif __name__ == '__main__':\n    b = a\n    c = b\n").body
    assert [assigned_name(node) for node in flattened(body)] == ["a", "b", "c"]


def test_names_that_only_a_star_import_gives() -> None:
    body = ast.parse("from sympy import *\ndef own(): pass\nx = symbols('x')\ny = own() + len([])")
    assert from_star_imports(body.body) == {"symbols"}
    assert from_star_imports(ast.parse("x = symbols('x')").body) == frozenset()


def test_objects_are_what_own_classes_make() -> None:
    body = ast.parse("a = Box(1)\nb = list()\nc: Box = Box(2)\nd = a.copy()").body
    assert objects_of(body, {"Box"}) == {"a", "c"}
