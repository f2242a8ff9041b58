"""Code tasks: which test admits a task, and whether a program passes tests."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from tracemine.schemas import content_id
from tracemine.verifiers.conditions import ENTRY, Plan, plan
from tracemine.verifiers.sandbox import MAX_SOURCE_CHARS, Backend, Limits, Sandbox
from tracemine.verifiers.verdict import Outcome, Verdict

NAME = "tests"

#: All tests of a task together. Reference solutions of MBPP take up to 3 s of CPU time.
TEST_LIMITS = Limits(seconds=8.0)

#: The inside of a code fence that says its code is Python.
FENCE = re.compile(
    r"^[ \t]*```[ \t]*(?:python|py|python3)[ \t]*(?:\r\n|\r|\n)(.*?)^[ \t]*```",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)

_BACKENDS: tuple[Backend, ...] = ("monty", "cpython")

#: Seconds after which monty is not waited for: CPython has the last word on what it does not pass.
_MONTY_SECONDS = 2.0


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
        if end - start > MAX_SOURCE_CHARS:
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

    What a test's assertions need of the program is run with it and has to be plain; whether they
    hold is judged without it, see `conditions`. To exit early is no pass. ``unknown`` where the
    program was stopped by a limit, or a value is not plain. A pass is confirmed in CPython with
    other hashes, addresses and random numbers; one that they undo is ``differ`` (not so without
    ``confirm``).
    """
    if not tests:
        return Verdict("unknown", "no tests", NAME)
    try:
        planned = plan(code, tests, setup)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Verdict("unknown", f"a test that is no Python: {error}"[:200], NAME)
    source = "\n".join((code, setup, "", planned.ask))
    failed: int | None = None
    for backend in _BACKENDS:
        seconds = min(limits.seconds, _MONTY_SECONDS) if backend == "monty" else limits.seconds
        bounded = dataclasses.replace(limits, seconds=seconds)
        (run,) = sandbox.run_many(source, ENTRY, [{}], backend=backend, limits=bounded)
        if run.status == "ok":
            failed = _first_failure(run.value, planned, len(tests), sandbox)
            if failed is None:
                again = _confirm(source, planned, len(tests), sandbox, limits) if confirm else None
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


def _confirm(
    source: str, planned: Plan, count: int, sandbox: Sandbox, limits: Limits
) -> Verdict | None:
    """What is to be said of a pass that does not come again in another interpreter."""
    (run,) = sandbox.run_many(
        source, ENTRY, [{}], backend="cpython", limits=limits, second_seed=True
    )
    failed = _first_failure(run.value, planned, count, sandbox) if run.status == "ok" else None
    if run.status == "ok" and failed is None:
        return None
    if run.status in ("timeout", "memory"):  # says nothing of what it would have given
        return Verdict("unknown", f"{run.backend}: {run.status}: {run.reason}"[:300], NAME)
    reason = run.reason or f"test {failed} fails"
    return Verdict("differ", f"flaky: {reason}"[:300], NAME)


def _first_failure(found: Any, planned: Plan, count: int, sandbox: Sandbox) -> int | None:
    """The index of the first test whose condition does not hold of what was found, or None."""
    if type(found) is not list or len(found) != count:
        return 0
    run = sandbox.run(planned.judge, ENTRY, {"found": found})
    if run.status == "ok" and type(run.value) is list and len(run.value) == count:
        return next((index for index, holds in enumerate(run.value) if holds is not True), None)
    # A condition that raises does not hold; which it was only each for itself can say.
    for index, values in enumerate(found):
        one = [[]] * index + [values] + [[]] * (count - index - 1)
        judged = sandbox.run(_one(planned.judge, index), ENTRY, {"found": one})
        if judged.status != "ok" or judged.value is not True:
            return index
    return 0


def _one(judge: str, index: int) -> str:
    """``judge`` for one test alone."""
    return f"{judge}\n{ENTRY} = lambda found: tracemine_test_{index}(found[{index}])\n"
