"""Tests written out: the statements are others, what they assert is the same."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given as given_cases
from hypothesis import strategies as st

from tracemine.verifiers.unfolding import MAX_STATEMENTS, unfold


def _unfolded(test: str, setup: str = "") -> str:
    checks = {s.name: s for s in ast.parse(setup).body if isinstance(s, ast.FunctionDef)}
    body = unfold(ast.parse(test).body, checks)
    return ast.unparse(ast.fix_missing_locations(ast.Module(body, [])))


@pytest.mark.parametrize(
    ("test", "setup", "expected"),
    [
        ("check(f)", "def check(g):\n    'doc'\n    assert g(1) == 2", "assert f(1) == 2"),
        ("def check(g):\n    assert g(1)\ncheck(f)\ncheck(h)", "", "assert f(1)\nassert h(1)"),
        ("for n in [1, 2]:\n    assert f(n)", "",
         "tracemine_0_n = 1\nassert f(tracemine_0_n)\ntracemine_2_n = 2\nassert f(tracemine_2_n)"),
        ("rows = [(1, 2)]\nfor a, b in rows:\n    assert f(a) == b", "",
         "rows = [(1, 2)]\na = 1\nb = 2\nassert f(a) == b"),
        ("for a, b in zip((1,), [2]):\n    assert a == b", "", "a = 1\nb = 2\nassert a == b"),
    ],
)  # fmt: skip
def test_written_out(test: str, setup: str, expected: str) -> None:
    assert _unfolded(test, setup) == expected


@pytest.mark.parametrize(
    "test",
    [
        "for n in [1, 2]:\n    print(n)", "for n in f():\n    assert n",
        "for n in [1]:\n    assert n\n    break",
        f"for n in range({MAX_STATEMENTS + 1}):\n    assert n",
        f"for n in range({10**30}):\n    assert n",
        "def check(g, *rest):\n    assert g\ncheck(f)",
        "def check(g):\n    assert g\n    return 1\ncheck(f)",
        "a, b = 1, 2\na, b = (b, a)\nassert a",
        "for n in [*xs]:\n    assert n", "check(f, *args)",
    ],
)  # fmt: skip
def test_left_as_it_was(test: str) -> None:
    last = ast.unparse(ast.parse(test).body[-1])
    assert last in _unfolded(test)


rows = st.lists(st.tuples(st.integers(0, 9), st.integers(-9, 9)), max_size=5)


@given_cases(rows, st.integers(0, 9))
def test_it_asserts_what_it_asserted(table: list[tuple[int, int]], start: int) -> None:
    test = (
        f"seen = [{start}]\ntotal = {start}\n"
        "def check(row, x):\n    a, b = row\n    assert told(a + x), b\n"
        "    x = b\n    assert told(x)\n"
        f"table = {table}\n"
        "for i, row in enumerate(table):\n    total = total + row[1]\n    seen.append(total)\n"
        "    check(row, total)\n    assert told(i * total)\n"
        "assert told(tuple(seen))\n"
    )

    def run(text: str) -> list[object]:
        found: list[object] = []
        exec(text, {"told": lambda value: found.append(value) or True})
        return found

    written = _unfolded(test)
    assert run(written) == run(test)
    assert "for i" not in written and "check(" not in written
