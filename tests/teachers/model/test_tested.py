"""The tests of a task as instances of a model's function."""

from __future__ import annotations

import dataclasses

from tracemine.schemas import Parameter, Signature, Source, Trajectory
from tracemine.teachers.model.tested import read_tests
from tracemine.teachers.model.written import read_routine
from tracemine.verifiers.unit_tests import admission_test

TESTS = tuple(f"assert add_up({list(range(n))}) == {sum(range(n))}" for n in range(2, 7))
TASK = Trajectory(
    id="t", problem_id="p", problem="Write a function to add up the numbers of a list.",
    trace="def add_up(xs):\n    return sum(xs)\n", answer=None, reference=None, domain="code",
    sources=(Source("s", 0),), tests=TESTS, outcome="verified",
)  # fmt: skip
SIGNATURE = Signature((Parameter("numbers", "any"),), Parameter("total", "str"))
CODE = """\
def add_up(numbers):
    total = 0
    for n in numbers:
        total += n
    return total
"""


def test_the_admitting_test_is_the_own_instance_and_the_others_are_held_out():
    tested = read_tests(TASK, read_routine(CODE, ["numbers"]), SIGNATURE)
    assert tested is not None
    own = admission_test("p", TESTS)
    assert [case.origin for case in tested.cases] == ["trace", *["test"] * 4]
    assert tested.cases[0].bindings == {"numbers": list(range(own + 2))}
    assert all(case.checked for case in tested.cases)
    assert {case.result for case in tested.cases} == {sum(range(n)) for n in range(2, 7)}
    # A type that says nothing, and one that is wrong, become those of the tests.
    assert [p.type for p in tested.signature.inputs] == ["list[int]"]
    assert tested.signature.output.type == "int"


def test_a_test_that_the_problem_shows_is_not_held_out():
    own = admission_test("p", TESTS)
    other = next(i for i in range(5) if i != own)
    shown = dataclasses.replace(TASK, problem=f"{TASK.problem}\n{TESTS[other]}")
    tested = read_tests(shown, read_routine(CODE, ["numbers"]), SIGNATURE)
    assert tested is not None
    assert len(tested.cases) == 4
    assert {"numbers": list(range(other + 2))} not in [case.bindings for case in tested.cases]


def test_what_tests_do_with_a_result_the_code_does():
    texts = tuple(f"assert sorted(add_up({n})) == [{n}]" for n in range(3))
    task = dataclasses.replace(TASK, tests=texts)
    routine = read_routine("def add_up(n):\n    return {n}\n", ["n"])
    signature = Signature((Parameter("n", "int"),), Parameter("r", "set[int]"))
    tested = read_tests(task, routine, signature)
    assert tested is not None
    assert tested.routine.entry_point == "add_up_sorted"
    assert "return sorted(add_up(n=n))" in tested.routine.code
    assert tested.signature.output.type == "list[int]"


def test_functions_that_no_test_calls_have_none():
    other = read_routine(CODE.replace("add_up", "other"), ["numbers"])
    assert read_tests(TASK, other, SIGNATURE) is None
    assert read_tests(dataclasses.replace(TASK, tests=()), other, SIGNATURE) is None
    # One parameter more than the tests give.
    wide = read_routine("def add_up(numbers, start):\n    return start\n", ["numbers", "start"])
    signature = Signature(
        (Parameter("numbers", "any"), Parameter("start", "int")), SIGNATURE.output
    )
    assert read_tests(TASK, wide, signature) is None


def test_tests_that_are_not_literals_are_left_alone():
    texts = ("assert add_up(range(3)) == 3", "assert add_up(open('x')) == 3", "no python (")
    task = dataclasses.replace(TASK, tests=texts)
    assert read_tests(task, read_routine(CODE, ["numbers"]), SIGNATURE) is None
