"""HumanEval: a function to complete, a body that does, and a function that checks it.

    task_id, prompt (signature and docstring), canonical_solution (the body),
    test (``def check(candidate)``), entry_point

Fields as on the card of openai/openai_humaneval. The trace is the whole function, prompt and body.
The assertions of ``check`` become one test each, so that one may admit and the others replay, with
its loops over what stands there written out and its names for plain values put in; a ``check``
that does more (draws numbers, asserts within branches) is one test.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from tracemine.schemas import Source, Trajectory
from tracemine.transforms.formats.base import (
    Format,
    Row,
    RowError,
    is_empty,
    text,
    trajectory,
)
from tracemine.verifiers.unfolding import (
    asserts,
    given,
    mentioned,
    replace_names,
    says_nothing,
    unfold,
)

BAD_TESTS = "tests are no Python"
NO_CHECK = "tests do not define check(candidate)"
NOT_A_NAME = "entry point is no name"

_CHECK = "check"
#: Builtins that give the same for the same.
_COMPUTING = frozenset(
    {
        "abs", "bool", "chr", "dict", "enumerate", "float", "int", "len", "list", "max", "min",
        "ord", "range", "reversed", "round", "set", "sorted", "str", "sum", "tuple", "zip",
    }
)  # fmt: skip


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
    body = [statement for statement in check.body if not says_nothing(statement)]
    if not any(map(asserts, body)):
        raise RowError(is_empty("tests"), "check(candidate) asserts nothing")
    imports = [s for s in body if isinstance(s, (ast.Import, ast.ImportFrom))]
    function = {check.args.args[0].arg: ast.Name(entry_point, ast.Load())}
    steps = [replace_names(s, function) for s in body if s not in imports]
    assertions = _assertions(steps, entry_point)
    if assertions is None:
        return (f"{_CHECK}({entry_point})",), module
    others = [n for n in tree.body if n is not check and not _is_metadata(n)]
    tests = tuple(dict.fromkeys(map(ast.unparse, assertions)))
    return tests, ast.unparse(ast.Module([*others, *imports], []))


def _assertions(steps: Sequence[ast.stmt], entry_point: str) -> list[ast.stmt] | None:
    """What a check asserts, each by itself; None where one cannot stand alone."""
    values: dict[str, ast.expr] = {}
    found: list[ast.stmt] = []
    for step in unfold(steps, {}):
        if says_nothing(step):
            continue
        pair = given(step)
        if isinstance(step, ast.Assert):
            assertion = replace_names(step, values)
            if entry_point not in mentioned([assertion]):
                return None  # of what a call did to its arguments
            found.append(assertion)
        elif pair is not None and _is_plain(pair[1], values.keys() | {entry_point}):
            name, value = pair
            written = replace_names(ast.Expr(value), values)
            assert isinstance(written, ast.Expr)
            values[name] = written.value
        else:
            return None
    return found


def _is_plain(value: ast.expr, known: set[str]) -> bool:
    """Whether ``value`` is the same wherever it stands: it calls nothing but the function that is
    tested and builtins that only compute, and needs no name that is not ``known``."""
    nodes = list(ast.walk(value))
    own = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    called = (n.func for n in nodes if isinstance(n, ast.Call))
    needed = mentioned([value]) - own
    return needed <= known | _COMPUTING and all(isinstance(f, ast.Name) for f in called)


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
