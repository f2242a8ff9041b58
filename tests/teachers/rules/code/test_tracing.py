"""A rewritten program records what the original does, and does nothing else."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from tracemine.teachers.rules.code.tracing import (
    ENTRY_POINT,
    MAX_CALLS,
    Recording,
    Scope,
    Statement,
    instrument,
    read_recording,
)
from tracemine.teachers.rules.derived.slices import reads_of, writes_of
from tracemine.verifiers.sandbox import Sandbox, shared_sandbox


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return shared_sandbox()


def _scope(name: str, body: list[ast.stmt]) -> Scope:
    known = {"range", "len", "print", "sorted"}
    return Scope(
        name, [Statement(n, [r for r in reads_of(n) if r not in known], writes_of(n)) for n in body]
    )


def _record(code: str, sandbox: Sandbox, backend: Any = "monty") -> Recording:
    tree = ast.parse(code)
    functions = [n for n in tree.body if isinstance(n, ast.FunctionDef)]
    scopes = [_scope("", [n for n in tree.body if not isinstance(n, ast.FunctionDef)])]
    scopes += [_scope(f.name, f.body) for f in functions if not f.args.args]
    (run,) = sandbox.run_many(instrument(tree, scopes), ENTRY_POINT, [{}], backend=backend)
    assert run.status == "ok", run
    return read_recording(run.value)


PROGRAM = """
def solve():
    price = 4
    items = [1, 2]
    items.append(price)
    total = price * len(items)
    return total

def pick(values, n):
    values.sort()
    return values[n]

answer = solve()
best = pick([3, 1, 2], 0)
print("it is", answer)
"""


@pytest.mark.parametrize("backend", ["monty", "cpython"])
def test_values_calls_and_output(sandbox: Sandbox, backend: str) -> None:
    found = _record(PROGRAM, sandbox, backend)
    assert found.after[("solve", 0, "price")].value == 4
    assert found.after[("solve", 1, "items")].value == [1, 2]
    assert found.after[("solve", 2, "items")].value == [1, 2, 4]
    assert found.before[("solve", 3, "price")].value == 4
    assert found.after[("", 0, "answer")].value == 12
    assert [v.value for v in found.printed[-1]] == ["it is", 12]
    (call,) = [c for c in found.calls if c.function == "pick"]
    # As it came in, though the function sorts it in place.
    assert call.bindings["values"].value == [3, 1, 2]
    assert call.result.value == 1


def test_calls_are_counted_and_recursion_keeps_the_first(sandbox: Sandbox) -> None:
    code = "def f(n):\n    if n == 0:\n        return 1\n    return n * f(n - 1)\nx = f(9)\n"
    found = _record(code, sandbox)
    assert len(found.calls) == MAX_CALLS
    assert found.calls[0].bindings["n"].value == 9
    assert found.calls[0].result.value == 362880


def test_names_that_are_not_bound_are_not_recorded(sandbox: Sandbox) -> None:
    found = _record("a = 1\nif a > 5:\n    b = 2\nc = a\n", sandbox)
    assert ("", 1, "b") not in found.after
    assert found.after[("", 2, "c")].value == 1


def test_what_is_not_plain_is_named_by_its_type(sandbox: Sandbox) -> None:
    found = _record("class Node:\n    pass\na = Node()\nb = 10 ** 5000\nc = 'x' * 10000\n", sandbox)
    # The class statement is the scope's first.
    assert not found.after[("", 1, "a")].is_plain
    assert not found.after[("", 2, "b")].is_plain
    assert not found.after[("", 3, "c")].is_plain


@pytest.mark.parametrize("value", [None, 3, [], [1, 2, 3], [[["a"]], [], []], {"a": 1}])
def test_a_recording_that_the_program_replaced_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not a recording"):
        read_recording(value)


def test_the_program_itself_is_not_changed(sandbox: Sandbox) -> None:
    tree = ast.parse(PROGRAM)
    before = ast.dump(tree)
    instrument(tree, [_scope("", tree.body)])
    assert ast.dump(tree) == before
