"""Code tasks: which test admits a task, and whether a program passes tests."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Sequence
from typing import Any

from tracemine.schemas import content_id
from tracemine.verifiers.sandbox import Backend, Limits, Sandbox
from tracemine.verifiers.verdict import Outcome, Verdict

NAME = "tests"

#: All tests of a task together. Reference solutions of MBPP take up to 3 s of CPU time.
TEST_LIMITS = Limits(seconds=8.0)

#: The inside of a code fence that says its code is Python.
FENCE = re.compile(
    r"^[ \t]*```[ \t]*(?:python|py|python3)[ \t]*(?:\r\n|\r|\n)(.*?)^[ \t]*```",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)

#: A longer program is not one that solves a task, in characters; the parser is not sandboxed.
_MAX_PROGRAM_CHARS = 200_000

_ENTRY = "tracemine_run_tests"
_BACKENDS: tuple[Backend, ...] = ("monty", "cpython")


def admission_test(problem_id: str, tests: Sequence[str]) -> int:
    """The index of the one test that admits a task, chosen by the hash of the problem and the
    test's own text: adding, dropping or moving other tests rarely changes it. The others replay.

    Raises:
        ValueError: if there are no tests.
    """
    return min(range(len(tests)), key=lambda index: content_id(problem_id, tests[index]))


def fenced_blocks(trace: str) -> list[tuple[int, int]]:
    """Where the insides of Python code fences stand."""
    return [match.span(1) for match in FENCE.finditer(trace)]


def find_program(trace: str) -> tuple[int, int] | None:
    """Where the program stands that a trace ends with: the last Python fence that defines
    something (what follows it may only show how to call it), else the last that parses; without
    any fence the whole trace. None where nothing of that parses."""
    parsed = []
    for start, end in fenced_blocks(trace) or [(0, len(trace))]:
        if end - start > _MAX_PROGRAM_CHARS:
            continue
        try:
            tree = ast.parse(trace[start:end])
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        defines = any(isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in tree.body)
        parsed.append((defines, start, end))
    if not parsed:
        return None
    _, start, end = max(parsed)
    return start, end


def check_tests(
    code: str,
    tests: Sequence[str],
    setup: str,
    sandbox: Sandbox,
    *,
    limits: Limits = TEST_LIMITS,
    confirm: bool = True,
) -> Verdict:
    """Whether ``code`` passes all of ``tests`` (statements), which run after ``setup``, which runs
    after ``code`` (MBPP's order: a setup may use what the task defines).

    A test passes when it runs to its end: to exit early is no pass. Of a test ``assert LEFT ==
    RIGHT`` the two sides are run in the sandbox and compared outside (a literal is read outside),
    so that an object with its own ``__eq__`` cannot pass. ``unknown`` where the program was
    stopped by a limit, or a value is not plain. A pass is confirmed in CPython with other hashes,
    addresses and random numbers; one that they undo is ``differ`` (not so without ``confirm``).
    """
    if not tests:
        return Verdict("unknown", "no tests", NAME)
    try:
        expected, body = _build(tests)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Verdict("unknown", f"a test that is no Python: {error}"[:200], NAME)
    source = "\n".join((code, setup, "", body, ""))
    failed: int | None = None
    for backend in _BACKENDS:
        (run,) = sandbox.run_many(source, _ENTRY, [{}], backend=backend, limits=limits)
        if run.status == "ok":
            failed = _first_failure(run.value, expected)
            if failed is None:
                again = _confirm(source, expected, sandbox, limits) if confirm else None
                if again is None:
                    reason = f"{run.backend}: {len(tests)} of {len(tests)} tests"
                    return Verdict("agree", reason, NAME)
                if run.backend == "cpython":
                    return again
    if run.status == "ok":
        return Verdict("differ", f"{run.backend}: test {failed} fails", NAME)
    # An exception or an exit is the program's doing; a limit or a value that is not plain is ours.
    outcome: Outcome = "differ" if run.status == "error" else "unknown"
    return Verdict(outcome, f"{run.backend}: {run.status}: {run.reason}"[:300], NAME)


def _confirm(source: str, expected: list[Any], sandbox: Sandbox, limits: Limits) -> Verdict | None:
    """What is to be said of a pass that does not come again in another interpreter."""
    (run,) = sandbox.run_many(
        source, _ENTRY, [{}], backend="cpython", limits=limits, second_seed=True
    )
    if run.status == "ok" and _first_failure(run.value, expected) is None:
        return None
    if run.status in ("timeout", "memory"):  # says nothing of what it would have given
        return Verdict("unknown", f"{run.backend}: {run.status}: {run.reason}"[:300], NAME)
    reason = run.reason or f"test {_first_failure(run.value, expected)} fails"
    return Verdict("differ", f"flaky: {reason}"[:300], NAME)


#: Stands for the value of a test that says nothing but that it ran to its end.
_RAN = object()

#: Stands for the value of a test whose two sides are both computed in the sandbox.
_BOTH = object()


def _build(tests: Sequence[str]) -> tuple[list[Any], str]:
    """What each test must give, and a function that gives it."""
    expected: list[Any] = []
    lines = [f"def {_ENTRY}():", "    tracemine_results = []"]
    for test in tests:
        match ast.parse(test.strip()).body:
            case [ast.Assert(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]))]:
                given, value = _literal(right)
                expected.append(value if given else _BOTH)
                asked = left if given else ast.Tuple([left, right])
                lines.append(f"    tracemine_results.append({ast.unparse(asked)})")
            case body:
                expected.append(_RAN)
                # Unparsed: an indent would get into a text of several lines.
                lines.append(textwrap.indent(ast.unparse(ast.Module(body, [])), "    "))
                lines.append("    tracemine_results.append('ran')")
    lines.append("    return tracemine_results")
    return expected, "\n".join(lines)


def _literal(node: ast.expr) -> tuple[bool, Any]:
    """Whether ``node`` is a literal, and its value."""
    try:
        return True, ast.literal_eval(node)
    except (ValueError, TypeError):
        return False, None


def _first_failure(results: Any, expected: Sequence[Any]) -> int | None:
    """The index of the first test that failed, or None."""
    if type(results) is not list or len(results) != len(expected):
        return 0
    for index, (result, value) in enumerate(zip(results, expected, strict=True)):
        # The test says ``==``, so Python's equality is what it asks for: 1 == 1.0.
        if value is _RAN:
            passed = result == "ran"
        elif value is _BOTH:
            passed = type(result) is tuple and len(result) == 2 and result[0] == result[1]
        else:
            passed = result == value
        if not passed:
            return index
    return None
