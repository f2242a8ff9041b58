"""How many operations a routine consists of."""

from __future__ import annotations

import pytest

from tracemine.teachers.rules.derived.operations import operations


def test_operations_follow_the_functions_that_are_needed() -> None:
    needed = "def g(a):\n    return a * a + 1\n"
    code = f"{needed}def unused(a):\n    return a + a\ndef f(a):\n    return g(a)"
    assert operations(code, "f") == 3
    assert operations("def f(a):\n    return -1", "f") == 0
    with pytest.raises(ValueError, match="no function"):
        operations(code, "h")
