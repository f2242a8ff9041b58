"""A function in a syntax tree."""

from __future__ import annotations

import ast

import pytest

from tracemine.teachers.rules.derived.functions import docstring_of, find_function, imported_names


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('"""Said.\n\n      More.\n    """', "Said.\n\nMore."),
        ("import math\n    from os import path\n    'Said.'\n    return 1", "Said."),
        ("x = 1\n    'not said'", ""),
        ("return 'no'", ""),
        ("b'no'", ""),
    ],
)
def test_a_docstring_may_stand_behind_imports(body: str, text: str) -> None:
    function = find_function(ast.parse(f"def f():\n    {body}\n"), "f")
    assert docstring_of(function) == text


def test_the_last_function_of_a_name_is_the_one_that_is_called() -> None:
    tree = ast.parse("def f():\n    return 1\ndef g(): pass\ndef f(x):\n    return x\n")
    assert find_function(tree, "f") is tree.body[2]
    with pytest.raises(ValueError, match="no function h"):
        find_function(tree, "h")


def test_imported_names_are_what_they_stand_for() -> None:
    tree = ast.parse("import os.path, math as m\nfrom a.b import c as d, e\nfrom . import z")
    assert imported_names(tree) == {"os": "os", "m": "math", "d": "a.b.c", "e": "a.b.e"}
