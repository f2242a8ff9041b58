"""MBPP: a programming task, a solution, and the tests that it passes.

    text, code, test_list, challenge_test_list, test_setup_code

The solution is the trace, exactly as published (some have carriage returns). The tests decide, so
there is neither an answer nor a reference.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracemine.schemas import Source, Trajectory
from tracemine.transforms.formats.base import (
    Format,
    Row,
    RowError,
    is_empty,
    label,
    text,
    texts,
    trajectory,
)


def adapt(row: Row, source: Source) -> Iterator[Trajectory]:
    """One trajectory."""
    tests = texts(row, "test_list", "tests")
    if row.get("challenge_test_list") is not None:
        # A test in both lists is one test: were it two, one could admit and the other replay.
        tests = tuple(dict.fromkeys(tests + texts(row, "challenge_test_list", "tests")))
    if not tests:
        raise RowError(is_empty("tests"), "test_list")
    yield trajectory(
        source,
        problem=text(row, "text", "problem"),
        trace=text(row, "code", "trace"),
        answer=None,
        reference=None,
        domain="code",
        tests=tests,
        test_setup=label(row, "test_setup_code", "test setup"),
    )


FORMAT = Format(
    name="mbpp",
    detect=lambda row: {"text", "code", "test_list"} <= row.keys(),
    adapt=adapt,
    licence="MIT",
)
