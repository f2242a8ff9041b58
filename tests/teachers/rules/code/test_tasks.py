"""Code tasks, from a trace with tests to spans."""

from __future__ import annotations

from typing import Any

import pytest
from code_traces import check_spans, code_trajectory, real_rows

from tracemine.schemas import decode, encode, problem_id
from tracemine.teachers.rules.code.reader import read_code
from tracemine.verifiers.sandbox import Sandbox
from tracemine.verifiers.unit_tests import admission_test

TASK = "Write a function to find the widest gap between neighbours."


CODE = (
    "import math\r\nLIMIT = 0\r\ndef gaps(values):\r\n\treturn [b - a for a, b in "
    "zip(values, values[1:])]\r\n\r\ndef unused(a):\r\n\treturn a\r\n\r\n"
    "def widest_gap(values, least=LIMIT):\r\n\tvalues = sorted(values)\r\n"
    "\treturn max(gaps(values) + [least])\r\n"
)


TESTS = (
    "assert widest_gap([1, 9, 4]) == 5",
    "assert widest_gap([2, 2]) == 0",
    "assert widest_gap(list(range(0, 30, 10))) == 10",
)


def test_a_task_gives_its_function_with_all_tests(sandbox: Sandbox) -> None:
    trajectory = code_trajectory(CODE, problem=TASK, tests=TESTS)
    found = read_code(trajectory, sandbox)
    check_spans(trajectory, found, sandbox)
    (span,) = [s for s in found.spans if s.entry_point == "widest_gap"]
    assert span.subquestion == "find the widest gap between neighbours"
    assert span.code is not None
    assert "LIMIT = 0" in span.code and "unused" not in span.code and "math" not in span.code
    own = admission_test(trajectory.problem_id, list(TESTS))
    expected = [5, 0, 10]
    assert decode(span.instances[0].result) == expected[own]
    assert [i.origin for i in span.instances] == ["trace", "test", "test"]
    assert sorted(decode(i.result) for i in span.instances) == [0, 5, 10]
    assert all(i.checked for i in span.instances)
    assert {"least", "values"} == decode(span.instances[0].bindings).keys()


def test_a_test_that_the_problem_or_the_trace_shows_is_not_held_out(sandbox: Sandbox) -> None:
    shown = CODE + "\r\n# widest_gap( [1,9,4] ) gives 5\r\n"
    problem = TASK + " For example, widest_gap([2, 2]) is 0."
    for trace, text, values in ((shown, TASK, {5}), (CODE, problem, {0}), (shown, problem, {0, 5})):
        trajectory = code_trajectory(trace, problem=text, tests=TESTS)
        (span,) = [s for s in read_code(trajectory, sandbox).spans if s.entry_point == "widest_gap"]
        held_out = {decode(i.result) for i in span.instances if i.origin == "test"}
        assert not held_out & values
        assert held_out


def test_a_function_that_it_calls_is_a_span_without_held_out_tests(sandbox: Sandbox) -> None:
    found = read_code(code_trajectory(CODE, problem=TASK, tests=TESTS), sandbox)
    (span,) = [s for s in found.spans if s.entry_point == "gaps"]
    assert len(span.instances) == 1
    assert [d.reason for d in found.dropped] == ["the tests do not reach it"]


def test_expected_values_never_come_from_the_code(sandbox: Sandbox) -> None:
    """Code that passes only its admission test keeps the others' expectations as they are."""
    tests = tuple(f"assert double({n}) == {2 * n}" for n in (3, 5, 8))
    own = admission_test(problem_id("Double it."), list(tests))
    n = (3, 5, 8)[own]
    code = f"def double(n):\n    return {2 * n}\n"
    found = read_code(code_trajectory(code, problem="Double it.", tests=tests), sandbox)
    (span,) = found.spans
    assert sorted(decode(i.result) for i in span.instances) == [6, 10, 16]


@pytest.mark.parametrize(
    ("code", "tests", "results"),
    [
        ("def f(x):\n    return x % 3 == 1 < x", ["assert f(7)", "assert not f(9)"], [True, False]),
        ("def f(x):\n    return x % 3 * x", ["assert f(8)", "assert not f(9)"], [True, False]),
        ("def f(x):\n    return x / 3 + 1", ["assert abs(f(2) - 5 / 3) < 1e-4"], [5 / 3]),
        ("def f(x):\n    return [x, x + 1]", ["assert 7 in [7] and f(1)"], None),
        ("def f(x):\n    return [x, -x]", ["assert sorted(f(2)) == [-2, 2]"], [[-2, 2]]),
        ("def f(x):\n    return [x, -x]", ["assert set(f(2)) == {2, -2}"], [{2, -2}]),
        ("def f(x):\n    return x + x * 2", ["assert 6 == f(2)", "assert (f(1)) == 3"], [6, 3]),
        ("def f(x):\n    return None if x else 3 * x + 1", ["assert f(2) is None"], [None]),
        ("def f(*xs):\n    return max(xs) - min(xs)", ["assert f(1, 2) == 1"], None),
        ("def f(x, /):\n    return x * x + 1", ["assert f(2) == 5"], None),
        ("def f(x):\n    return x * x + 1", ["assert f(y) == 5"], [5]),
        ("def f(x):\n    return x.a + x.b", ["assert f(Box()) == 3"], None),
        ("def f(x):\n    return x * x + 1", ["assert f(2) == f(-2)"], None),
        ("def f(x):\n    return x * x + 1", ["assert f(2) == 7"], None),
        ("def f(x):\n    return x * x + 1", ["assert g(2) == 7"], None),
        ("x = 3", ["assert f(2) == 7"], None),
    ],
)  # fmt: skip
def test_forms_of_tests(
    code: str, tests: list[str], results: list[Any] | None, sandbox: Sandbox
) -> None:
    setup = "y = 2\nclass Box:\n    a = 1\n    b = 2\n"
    if tests == ["assert f(2) is None"]:
        setup = ""
    trajectory = code_trajectory(
        code, problem="Find the nth prime.", tests=tuple(tests), setup=setup
    )
    found = read_code(trajectory, sandbox)
    if results is None:
        assert not found.spans
        assert found.dropped
        return
    check_spans(trajectory, found, sandbox)
    (span,) = found.spans
    assert sorted(i.result for i in span.instances) == sorted(map(encode, results))


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("Write a python function to find the nth pell number.", "find the nth pell number"),
        ("Write a function that counts pairs. Use a set.", "counts pairs"),
        ("Write a function which adds two lists using map", "add two lists using map"),
        ("Reverse the words of a line.", "reverse the words of a line"),
        ("### Write a function to count planks", "count planks"),
        ("Write a program of plank lengths in order", "plank lengths in order"),
    ],
)
def test_a_task_as_a_subquestion(text: str, phrase: str, sandbox: Sandbox) -> None:
    code = "def f(x):\n    return x * x + 1"
    found = read_code(code_trajectory(code, problem=text, tests=("assert f(2) == 5",)), sandbox)
    assert [s.subquestion for s in found.spans] == [phrase]


def test_real_tasks_become_routines_with_held_out_tests(sandbox: Sandbox) -> None:
    rows = real_rows("mbpp.jsonl.gz")
    good = 0
    for row in rows:
        trajectory = code_trajectory(
            row["code"],
            problem=row["text"],
            tests=tuple(row["test_list"]),
            setup=row["test_setup_code"],
        )
        found = read_code(trajectory, sandbox)
        good += any(
            s.kind == "tool" or sum(i.origin == "test" for i in s.instances) >= 2
            for s in found.spans
        )
    assert good >= 0.96 * len(rows)


TANK = (
    "class Tank:\n    def __init__(self, litres, leak=2):\n"
    "        self.litres, self.leak = litres, leak\n"
    "    def after(self, hours):\n        return max(0, self.litres - self.leak * hours)\n"
)


def test_tests_of_a_class_are_instances_of_a_unit(sandbox: Sandbox) -> None:
    tests = (
        "assert Tank(90).after(10) == 70",
        "tank = Tank(90, leak=3)\nassert tank.after(hours=7) == 69",
        "assert Tank(5, 4).after(2) == 0",
    )
    trajectory = code_trajectory(TANK, problem="Write a class Tank.", tests=tests)
    found = read_code(trajectory, sandbox)
    check_spans(trajectory, found, sandbox)
    (span,) = found.spans
    assert span.entry_point == "after"
    results = {decode(i.result) for i in span.instances}
    assert results == {70, 69, 0}
    assert sum(i.origin == "test" for i in span.instances) == 2
    assert span.quote == TANK.rstrip()


def test_a_class_with_a_history_has_a_reason(sandbox: Sandbox) -> None:
    tests = ("t = Tank(9)\nt.after(1)\nassert t.after(2) == 5",)
    trajectory = code_trajectory(TANK, problem="Write a class Tank.", tests=tests)
    found = read_code(trajectory, sandbox)
    assert not found.spans
    assert [d.reason for d in found.dropped] == ["an object is used for more than one call"]


def test_examples_that_the_problem_states_are_as_good_as_tests(sandbox: Sandbox) -> None:
    trace = (
        "def area(a, b):\n"
        '    """Area less one.\n    >>> area(3, 4)\n    11\n    >>> area(2, 2)\n    3\n'
        '    >>> area(9, 9)\n    81\n    """\n    return a * b - 1\n'
    )
    tests = ("assert area(5, 6) == 29", "assert area(8, 1) == 7")
    trajectory = code_trajectory(
        trace, problem="def area(a, b):\n >>> area(3, 4)\n 11", tests=tests
    )
    found = read_code(trajectory, sandbox)
    check_spans(trajectory, found, sandbox)
    (span,) = found.spans
    told = {decode(i.result): i.checked for i in span.instances if i.origin == "trace"}
    assert told.pop(11) is True and told.pop(3) is False
    assert set(told) <= {29, 7} and len(told) == 1
