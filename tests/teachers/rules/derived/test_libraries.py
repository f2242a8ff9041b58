from __future__ import annotations

import ast
from importlib import metadata

from tracemine.teachers.rules.derived.libraries import (
    imported_by,
    libraries_of,
    library_conditions,
    version_of,
)


def test_libraries_that_python_does_not_come_with() -> None:
    code = (
        "import math, numpy.linalg as la\nfrom sympy.abc import x\nfrom . import own\n"
        "def f():\n    import nobody_has_this\n"
    )
    assert libraries_of(ast.parse(code)) == ["nobody_has_this", "numpy", "sympy"]
    assert imported_by(code) == {"nobody_has_this", "numpy", "sympy"}
    assert imported_by("important = 1") == imported_by("x = 1") == frozenset()


def test_the_version_is_that_of_the_distribution() -> None:
    assert version_of("sympy") == metadata.version("sympy")
    assert version_of("sklearn") == metadata.version("scikit-learn")
    assert version_of("nobody_has_this") == ""


def test_conditions_name_versions_where_they_are_known() -> None:
    tree = ast.parse("import sympy\nimport nobody_has_this\n")
    assert library_conditions(tree) == [
        "needs nobody_has_this",
        f"needs sympy (run with sympy {metadata.version('sympy')})",
    ]
