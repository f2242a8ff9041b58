"""Code tasks: which test admits a task, and whether a program passes tests."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import Any

from tracemine.schemas import content_id
from tracemine.verifiers._plain_tests import literal, plain_calls, writes
from tracemine.verifiers.conditions import ENTRY, KNOWN, Plan, UnseenError, calls_of, plan
from tracemine.verifiers.decide import decide
from tracemine.verifiers.sandbox import Backend, Limits, Run, Sandbox
from tracemine.verifiers.verdict import Outcome, Verdict

NAME = "tests"

#: All tests of a task together. Reference solutions of MBPP take up to 3 s of CPU time.
TEST_LIMITS = Limits(seconds=8.0)

#: What a program hears that tries what the sandbox denies.
_NOT_PERMITTED = "PermissionError: [Errno 1]"

#: Seconds after which monty is not waited for: CPython has the last word on what it does not pass.
_MONTY_SECONDS = 2.0
_HASTY_TESTS = dataclasses.replace(TEST_LIMITS, seconds=_MONTY_SECONDS)

#: What it raises to read a test or a program that is no Python.
_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


def admission_test(problem_id: str, tests: Sequence[str]) -> int:
    """The index of the one test that admits a task, chosen by the hash of the problem and the
    test's own text: adding, dropping or moving other tests rarely changes it. The others replay.

    Raises:
        ValueError: if there are no tests.
    """
    return min(range(len(tests)), key=lambda index: content_id(problem_id, tests[index]))


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
    # CPython has the last word on what monty does not pass.
    hasty = _hasty(limits)
    calls = _calls(tests, setup)
    at_once = _at_once(code, calls, sandbox, hasty) if calls else None
    if at_once is not None and at_once.outcome == "agree" and not confirm:
        return at_once
    try:
        planned = plan(code, tests, setup)
    except UnseenError as error:
        return Verdict("unknown", str(error), NAME)
    except _UNREADABLE as error:
        return Verdict("unknown", f"a test that is no Python: {error}"[:200], NAME)
    source = f"{code}\n{planned.ask}"

    def ask(backend: Backend, second_seed: bool) -> Verdict:
        if backend == "monty" and at_once is not None:
            return at_once
        bounded = hasty if backend == "monty" else limits
        (run,) = sandbox.run_many(
            source, ENTRY, [{}], backend=backend, limits=bounded, second_seed=second_seed
        )
        failed = _first_failure(run.value, planned, sandbox) if run.status == "ok" else None
        return _verdict(run, failed, len(tests))

    return decide(ask, confirm=confirm)


def _hasty(limits: Limits) -> Limits:
    if limits is TEST_LIMITS:
        return _HASTY_TESTS
    return dataclasses.replace(limits, seconds=min(limits.seconds, _MONTY_SECONDS))


#: The calls of tests, and of each what it should give: its text, or a list of the one value.
_Calls = Sequence[tuple[str, str | list[Any]]]


def _calls(tests: Sequence[str], setup: str) -> _Calls | None:
    """The calls that ``tests`` are about and what each should give, where that is all there is to
    them. What is given as a text may turn out to be more than that."""
    if setup.strip():
        return None
    if plain := plain_calls(tests, KNOWN):
        return plain
    with contextlib.suppress(*_UNREADABLE):  # the plan will say so
        return [(call, asserted.equals or []) for call, asserted in calls_of(tests) or ()]
    return None


def _at_once(code: str, calls: _Calls, sandbox: Sandbox, limits: Limits) -> Verdict | None:
    """What monty says of ``calls``, asked for nothing else, which takes half the time of a plan.
    None where it, or a test, does not say it plainly."""
    run = sandbox.run_calls(code, [call for call, _ in calls], limits=limits)
    if run.status in ("unsupported", "refused"):
        return None
    if run.status != "ok":
        return _verdict(run, None, len(calls))
    for index, (value, (_, wanted)) in enumerate(zip(run.value, calls, strict=True)):
        if isinstance(wanted, str):
            # Most tests need not be read any further.
            if writes(wanted, value):
                continue
            read = literal(wanted)
            if read is None:
                return None
            wanted = read
        # Both are plain: no code decides what is equal.
        if [value] != wanted:
            return _verdict(run, index, len(calls))
    return _verdict(run, None, len(calls))


def _verdict(run: Run, failed: int | None, count: int) -> Verdict:
    """What a run says of ``count`` tests, of which ``failed`` is the first that fails."""
    if run.status == "ok":
        if failed is None:
            return Verdict("agree", f"{run.backend}: {count} of {count} tests", NAME)
        return Verdict("differ", f"{run.backend}: test {failed} fails", NAME)
    # An exception or an exit is the program's doing; a limit, a value that is not plain or what
    # the sandbox does not permit is ours.
    ours = run.status != "error" or _NOT_PERMITTED in run.reason
    outcome: Outcome = "unknown" if ours else "differ"
    return Verdict(outcome, f"{run.backend}: {run.status}: {run.reason}"[:300], NAME)


def _first_failure(found: Any, planned: Plan, sandbox: Sandbox) -> int | None:
    """The index of the first test whose condition does not hold of what was found, or None."""
    count = len(planned.tests)
    if type(found) is not list or len(found) != count:
        return 0
    for index, assertions in enumerate(planned.tests):
        told = found[index]
        if type(told) is not list or [_length(v) for v in told] != [
            len(a.asked) for a in assertions
        ]:
            return index
        for values, assertion in zip(told, assertions, strict=True):
            # Both are plain: no code decides what is equal.
            if assertion.equals is not None and values != assertion.equals:
                return index
    if not planned.judge:
        return None
    # CPython, because conditions round and sort, which the fast interpreter may do otherwise.
    (run,) = sandbox.run_many(planned.judge, ENTRY, [{"found": found}], backend="cpython")
    if run.status == "ok" and type(run.value) is list and len(run.value) == count:
        return next((index for index, holds in enumerate(run.value) if holds is not True), None)
    # A condition that raises does not hold; which it was only each for itself can say.
    for index in range(count):
        (judged,) = sandbox.run_many(
            _one(planned.judge, index), ENTRY, [{"found": found}], backend="cpython"
        )
        if judged.status != "ok" or judged.value is not True:
            return index
    return 0


def _length(values: Any) -> int:
    return len(values) if type(values) is list else -1


def _one(judge: str, index: int) -> str:
    """``judge`` for one test alone."""
    return f"{judge}\n{ENTRY} = lambda found: tracemine_test_{index}(found[{index}])\n"
