"""HumanEval: a function to complete, a body that does, and a function that checks it.

    task_id, prompt (signature and docstring), canonical_solution (the body),
    test (``def check(candidate)``), entry_point

Fields as on the card of openai/openai_humaneval. The trace is the whole function, prompt and body.
The assertions of ``check`` become one test each, so that one may admit and the others replay; a
``check`` that does more than assert (loops, draws numbers) is one test.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tracemine.schemas import Source, Trajectory
from tracemine.transforms.formats.base import (
    Format,
    Row,
    RowError,
    is_empty,
    text,
    trajectory,
)
from tracemine.verifiers.unfolding import replace_names

BAD_TESTS = "tests are no Python"
NO_CHECK = "tests do not define check(candidate)"
NOT_A_NAME = "entry point is no name"

_CHECK = "check"


def adapt(row: Row, source: Source) -> Iterator[Trajectory]:
    """One trajectory."""
    prompt = text(row, "prompt", "problem")
    entry_point = text(row, "entry_point", "entry point")
    if not entry_point.isidentifier():
        raise RowError(NOT_A_NAME, repr(entry_point)[:100])
    tests, setup = split_check(text(row, "test", "tests"), entry_point)
    yield trajectory(
        source,
        problem=prompt,
        trace=prompt + text(row, "canonical_solution", "trace"),
        answer=None,
        reference=None,
        domain="code",
        tests=tests,
        test_setup=setup,
    )


def split_check(module: str, entry_point: str) -> tuple[tuple[str, ...], str]:
    """The tests in a module that defines ``check(candidate)``, and what must run before them.

    Raises:
        RowError: if it is no Python, has no such function, or that asserts nothing.
    """
    try:
        tree = ast.parse(module)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise RowError(BAD_TESTS, str(error)[:200]) from None
    checks = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == _CHECK]
    if not checks or len(checks[-1].args.args) != 1:
        raise RowError(NO_CHECK)
    check = checks[-1]
    body = [statement for statement in check.body if not _says_nothing(statement)]
    if not any(isinstance(n, ast.Assert) for statement in body for n in ast.walk(statement)):
        raise RowError(is_empty("tests"), "check(candidate) asserts nothing")
    if not all(isinstance(statement, ast.Assert) for statement in body):
        return (f"{_CHECK}({entry_point})",), module
    function = {check.args.args[0].arg: ast.Name(entry_point, ast.Load())}
    tests = tuple(dict.fromkeys(ast.unparse(replace_names(s, function)) for s in body))
    others = [n for n in tree.body if n is not check and not _is_metadata(n)]
    return tests, ast.unparse(ast.Module(others, []))


def _says_nothing(statement: ast.stmt) -> bool:
    """A docstring, ``pass``, or ``assert True``, with which many of the checks begin."""
    if isinstance(statement, ast.Assert):
        return isinstance(statement.test, ast.Constant) and bool(statement.test.value)
    is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_text or isinstance(statement, ast.Pass)


def _is_metadata(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Name)
        and statement.targets[0].id == "METADATA"
    )


FORMAT = Format(
    name="humaneval",
    detect=lambda row: {"prompt", "canonical_solution", "test", "entry_point"} <= row.keys(),
    adapt=adapt,
    licence="MIT",
)
