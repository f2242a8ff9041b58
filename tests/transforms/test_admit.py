"""Who is admitted, who is not, and why."""

from __future__ import annotations

import dataclasses
import itertools
import json
from typing import Any

import pytest

from tracemine.schemas import Rejected, Source, Trajectory, content_id, fraction_of, problem_id
from tracemine.transforms import admit as admission
from tracemine.transforms.admit import AdmitOptions, admit
from tracemine.verifiers import admission_test, shared_sandbox


def trajectory(
    answer: str | None, reference: str | None, *, source: Source | None = None, **changes: Any
) -> Trajectory:
    problem = changes.pop("problem", "What is 6 times 7?")
    trace = changes.pop("trace", "6 * 7 = 42")
    values: dict[str, Any] = {
        "id": content_id("trajectory", problem, trace), "problem_id": problem_id(problem),
        "problem": problem, "trace": trace, "answer": answer, "reference": reference,
        "domain": "math", "sources": (source or Source("a.jsonl", 0, licence="MIT"),),
    }  # fmt: skip
    return Trajectory(**(values | changes))


def outcome(*copies: Trajectory, options: AdmitOptions | None = None) -> list[Any]:
    return [
        record for _, record in admit(copies, options or AdmitOptions(), shared_sandbox())
    ]  # fmt: skip


def reason(*copies: Trajectory, options: AdmitOptions | None = None) -> str:
    (record,) = outcome(*copies, options=options)
    assert isinstance(record, Rejected)
    return record.reason


@pytest.mark.parametrize(
    ("answer", "reference"), [("42", "42"), ("$42.00", "42"), ("1,200", "1200"), ("1/2", "0.5")]
)
def test_an_answer_that_agrees_is_admitted(answer: str, reference: str) -> None:
    (record,) = outcome(trajectory(answer, reference))
    assert isinstance(record, Trajectory)
    assert record.outcome == "verified"
    assert record.outcome_verifier


def test_what_is_wrong_or_unknown_is_not() -> None:
    assert reason(trajectory("41", "42")) == admission.WRONG
    assert reason(trajectory(None, "42")) == admission.NO_ANSWER
    assert reason(trajectory("42", None)) == admission.NO_REFERENCE


def test_an_essay_for_a_reference_is_not_compared() -> None:
    essay = "It follows from symmetry that both ships carry the same.\nThat was to be shown."
    assert reason(trajectory("42", essay)) == admission.UNKNOWN
    (kept,) = outcome(trajectory(essay, essay))
    assert isinstance(kept, Trajectory)


def test_one_test_admits_and_the_others_are_not_asked() -> None:
    tests = ("assert f(2) == 4", "assert f(3) == 9", "assert f(4) == 16")
    chosen = admission_test(problem_id("square"), tests)
    for index in range(3):
        # Right for one of the tests only.
        code = f"def f(x):\n    return x * x if x == {index + 2} else -1"
        task = trajectory(None, None, trace=code, problem="square", tests=tests, domain="code")
        (record,) = outcome(task)
        assert isinstance(record, Trajectory) == (index == chosen)


def test_a_program_in_a_fence_is_what_the_tests_run() -> None:
    tests = ("assert f(2) == 4",)
    code = "def f(x):\n    return x * x\n"
    fenced = f"Squares it is.\n\n```python\n{code}```\nThat is all."
    admitted = outcome(trajectory(None, None, trace=fenced, tests=tests, domain="code"))
    assert [type(record) for record in admitted] == [Trajectory]
    prose = trajectory(None, None, trace="Squares it is.", tests=tests, domain="code")
    assert reason(prose) == admission.NO_PROGRAM


def test_copies_are_one_whose_sources_are_all_listed() -> None:
    copies = [
        trajectory("42", "42", source=Source(name, row, licence=licence))
        for name, row, licence in [("b", 1, "MIT"), ("a", 7, "CC0-1.0"), ("a", 3, "MIT")]
    ]
    for order in itertools.permutations(copies):
        records = outcome(*order)
        duplicates = [r for r in records if isinstance(r, Rejected)]
        (kept,) = [r for r in records if isinstance(r, Trajectory)]
        assert kept.sources == tuple(sorted(s for c in copies for s in c.sources))
        assert [d.fate for d in duplicates] == ["duplicate", "duplicate"]
        named = {json.loads(d.record)["sources"][0]["row"] for d in duplicates}
        assert named == {7, 1}


def test_two_attempts_of_one_row_are_told_apart_by_what_made_them() -> None:
    copies = [trajectory("42", "42", generator=name) for name in ("small", "large")]
    for order in (copies, copies[::-1]):
        (kept,) = [r for r in outcome(*order) if isinstance(r, Trajectory)]
        assert kept.generator == "large"


def test_copies_that_disagree_on_the_reference_are_rejected() -> None:
    one = trajectory("42", "42", source=Source("a", 0))
    other = trajectory("42", "41", source=Source("b", 0))
    records = outcome(one, other)
    assert sorted(r.reason for r in records) == [admission.DUPLICATE, admission.CONFLICT]
    same = outcome(one, trajectory("42", "42.0", source=Source("b", 0)))
    assert any(isinstance(r, Trajectory) for r in same)


def test_licences_filter_sources_and_then_trajectories() -> None:
    options = AdmitOptions(licences=("MIT",))
    free = trajectory("42", "42", source=Source("a", 0, licence="CC-BY-NC-4.0"))
    assert reason(free, options=options) == admission.LICENCE
    records = outcome(free, trajectory("42", "42", source=Source("b", 0, licence="MIT")),
                      options=options)  # fmt: skip
    (kept,) = [r for r in records if isinstance(r, Trajectory)]
    assert [s.dataset for s in kept.sources] == ["b"]


def test_holdout_takes_a_share_of_problems_by_hash() -> None:
    left_out = 0
    for number in range(200):
        task = trajectory("42", "42", problem=f"problem {number}")
        (record,) = outcome(task, options=AdmitOptions(holdout=0.25))
        gone = isinstance(record, Rejected)
        assert gone == (fraction_of(task.problem_id) < 0.25)
        left_out += gone
    assert 25 < left_out < 75


def test_copies_bring_their_tests_together_in_whatever_order_they_come() -> None:
    code = "def f(x):\n    return x * x\n"

    def task(tests: tuple[str, ...], setup: str = "") -> Trajectory:
        made = trajectory(None, None, trace=code, problem="square", tests=tests, domain="code")
        return dataclasses.replace(made, test_setup=setup)

    copies = [task(("assert f(3) == 9",)), task(()), task(("assert f(2) == 4",))]
    first, second = outcome(*copies), outcome(*copies[::-1])
    assert first == second
    (admitted,) = [r for r in first if isinstance(r, Trajectory)]
    assert sorted(admitted.tests) == ["assert f(2) == 4", "assert f(3) == 9"]
    apart = outcome(task(("assert f(A) == 4",), "A = 2"), task(("assert f(A) == 9",), "A = 3"))
    assert admission.SETUP_CONFLICT in {r.reason for r in apart if isinstance(r, Rejected)}


def test_loops_and_what_was_cut_off_are_rejected_as_such_before_their_answers() -> None:
    loop = "So it is 42, or is it? " * 400
    assert reason(trajectory("42", "42", trace=loop)) == admission.LOOPS
    assert reason(trajectory("41", "42", trace=loop)) == admission.LOOPS
    assert reason(trajectory(None, None, tests=("assert f(1) == 1",), trace=loop)) == (
        admission.LOOPS
    )
    assert reason(trajectory("42", "42", cut_off=True)) == admission.CUT_OFF
    assert reason(trajectory(None, "42", cut_off=True)) == admission.CUT_OFF
    # What can never be admitted is told by what it lacks.
    assert reason(trajectory(None, None, cut_off=True)) == admission.NO_REFERENCE


def test_a_licence_expression_needs_all_of_its_parts() -> None:
    both = trajectory("42", "42", source=Source("a", 0, licence="MIT AND Apache-2.0"))
    assert reason(both, options=AdmitOptions(licences=("MIT",))) == admission.LICENCE
    (kept,) = outcome(both, options=AdmitOptions(licences=("Apache-2.0", "MIT")))
    assert isinstance(kept, Trajectory)
    none = trajectory("42", "42", source=Source("a", 0))
    (left,) = outcome(none, options=AdmitOptions(licences=("MIT",)))
    assert left.reason == admission.LICENCE
    assert "none stated" in left.detail


def test_nothing_of_a_copy_that_may_not_be_read_is_used() -> None:
    options = AdmitOptions(licences=("MIT",))
    free = trajectory("42", None, source=Source("a", 0, licence="MIT"))
    other = trajectory("42", "42", source=Source("b", 0, licence="CC-BY-NC-4.0"))
    reasons = sorted(r.reason for r in outcome(free, other, options=options))
    assert reasons == sorted([admission.LICENCE, admission.NO_REFERENCE])
    wrong = trajectory("42", "43", source=Source("b", 0, licence="CC-BY-NC-4.0"))
    kept = trajectory("42", "42", source=Source("a", 0, licence="MIT"))
    found = [r for r in outcome(kept, wrong, options=options) if isinstance(r, Trajectory)]
    assert [r.reference for r in found] == ["42"]


TABLE = "[\n" + "        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],\n" * 60 + "    ]"
PROGRAM = f"def f(n):\n    table = {TABLE}\n    return n + table[0][0]\n"


def test_a_program_with_a_table_is_no_loop() -> None:
    tests = ("assert f(3) == 3", "assert f(4) == 4")
    for trace in (PROGRAM, f"Here it is.\n```python\n{PROGRAM}```\n"):
        (admitted,) = outcome(trajectory(None, None, trace=trace, tests=tests, domain="code"))
        assert isinstance(admitted, Trajectory)
        (admitted,) = outcome(trajectory("3", "3", trace=trace, problem="Fill the table."))
        assert isinstance(admitted, Trajectory)


def test_the_setup_of_a_copy_that_is_left_out_decides_nothing() -> None:
    def task(setup: str, licence: str) -> Trajectory:
        made = trajectory(
            None, None, trace="def f():\n    return 1", tests=("assert f() == 1",), domain="code",
            source=Source("a" if licence == "MIT" else "b", 0, licence=licence),
        )  # fmt: skip
        return dataclasses.replace(made, test_setup=setup)

    copies = [task("x = 1", "MIT"), task("x = 2", "CC-BY-NC-4.0")]
    # One of them alone is enough of a reason, and is told first.
    for options, first in (
        (AdmitOptions(holdout=0.999999), admission.HELD_OUT),
        (AdmitOptions(licences=("CC0-1.0",)), admission.LICENCE),
        (AdmitOptions(), admission.SETUP_CONFLICT),
    ):
        assert sorted(r.reason for r in outcome(*copies, options=options)) == sorted(
            [first, admission.DUPLICATE]
        )
    kept = outcome(*copies, options=AdmitOptions(licences=("MIT",)))
    assert sum(isinstance(r, Trajectory) for r in kept) == 1
