"""The lessons: traces with the answers of a good teacher, which the line must be able to keep."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from tracemine.schemas import Source, Trajectory
from tracemine.schemas.shingles import near_duplicate_classes, shingles
from tracemine.schemas.types import is_subtype
from tracemine.teachers.base import MIN_QUOTE
from tracemine.teachers.model.answers import SpansAnswer, WrittenSpan, schema_of
from tracemine.teachers.model.stated import Stated
from tracemine.teachers.model.tested import read_tests
from tracemine.teachers.model.written import read_routine, read_signature, read_value
from tracemine.teachers.rules.derived.operations import operations
from tracemine.teachers.rules.derived.tools import single_tool
from tracemine.transforms.admit import AdmitOptions, admit
from tracemine.transforms.formats.generic import FORMAT
from tracemine.verifiers import check_tests, shared_sandbox, verifier_for, verify

#: A routine stands on passes on two problems that it was not taken from.
LEAST_PROBLEMS = 3


@dataclass(frozen=True)
class Lesson:
    """A trajectory and what is answered about it."""

    trajectory: Trajectory
    spans: tuple[WrittenSpan, ...]


@dataclass(frozen=True)
class Step:
    """A span with code: where it is from, and its values."""

    problem: str
    span: WrittenSpan
    entry_point: str
    bindings: dict[str, Any]
    result: Any

    def run(self, bindings: dict[str, Any]) -> Any:
        names: dict[str, Any] = {}
        exec(compile(self.span.code, "<lesson>", "exec"), names)
        return names[self.entry_point](**bindings)


def _lines(name: str) -> list[dict[str, Any]]:
    text = (files("tracemine.teachers.scripted") / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


ROWS = _lines("lessons_rows.jsonl")
TABLE = _lines("lessons_table.jsonl")


@cache
def lessons() -> tuple[Lesson, ...]:
    answers = {row["problem"]: row["answer"] for row in TABLE}
    found = []
    for number, row in enumerate(ROWS):
        (trajectory,) = FORMAT.adapt(row, Source("lessons", number), columns={})
        answer = SpansAnswer.model_validate_json(json.dumps(answers[row["problem"]]))
        found.append(Lesson(trajectory, tuple(answer.spans)))
    return tuple(found)


def steps(lesson: Lesson) -> list[Step]:
    found = []
    for span in lesson.spans:
        if not span.code:
            continue
        signature, unknown = read_signature(span.inputs, span.output)
        assert not unknown
        routine = read_routine(span.code, [p.name for p in signature.inputs])
        values = {
            p.name: read_value(b.value, p.type, p.unit)
            for p, b in zip(signature.inputs, span.bindings, strict=True)
        }
        result = read_value(span.result, signature.output.type, signature.output.unit)
        found.append(Step(lesson.trajectory.problem_id, span, routine.entry_point, values, result))
    return found


def _agrees(expected: Any, got: Any) -> bool:
    return verify(expected, got).outcome == "agree"


each_lesson = pytest.mark.parametrize("number", range(len(ROWS)))


def test_every_row_has_one_answer_and_every_answer_a_row() -> None:
    problems = [row["problem"] for row in ROWS]
    assert len(ROWS) >= 30
    assert len(set(problems)) == len(problems)
    assert sorted(row["problem"] for row in TABLE) == sorted(problems)


def test_ids_are_distinct_and_no_problem_is_another_in_other_words() -> None:
    trajectories = [lesson.trajectory for lesson in lessons()]
    assert len({t.id for t in trajectories}) == len(ROWS)
    by_id = {t.problem_id: shingles(t.problem) for t in trajectories}
    assert len(by_id) == len(ROWS)
    assert len(set(near_duplicate_classes(by_id).values())) == len(ROWS)


def test_rows_are_told_to_be_of_the_generic_format() -> None:
    assert all(FORMAT.detect(row) for row in ROWS)
    assert {row["domain"] for row in ROWS} == {"math", "code", "stem"}


def test_all_kinds_are_among_the_answers() -> None:
    spans = [span for lesson in lessons() for span in lesson.spans]
    assert {span.kind for span in spans} == {
        "procedural", "declarative", "episodic", "metacognitive"
    }  # fmt: skip
    assert any(span.tool for span in spans)


@each_lesson
def test_the_outcome_is_admitted(number: int) -> None:
    ((where, admitted),) = admit([lessons()[number].trajectory], AdmitOptions(), shared_sandbox())
    assert where == "trajectories", admitted
    assert admitted.outcome == "verified"


@each_lesson
def test_an_answer_has_the_schema_that_is_sent(number: int) -> None:
    jsonschema.validate(TABLE[number]["answer"], schema_of(SpansAnswer))
    assert 1 <= len(TABLE[number]["answer"]["spans"]) <= 4


@each_lesson
def test_quotes_stand_in_the_trace_in_order_and_apart(number: int) -> None:
    lesson = lessons()[number]
    end = 0
    for span in lesson.spans:
        assert len("".join(span.quote.split())) >= MIN_QUOTE
        assert lesson.trajectory.trace.count(span.quote) == 1
        start = lesson.trajectory.trace.index(span.quote)
        assert start >= end
        end = start + len(span.quote)


@each_lesson
def test_what_is_said_in_words_is_said_and_holds_no_numbers_of_the_problem(number: int) -> None:
    for span in lessons()[number].spans:
        assert span.subquestion.endswith("?")
        assert not re.search(r"\d", span.subquestion + span.subroutine)
        assert span.subroutine.strip()
        assert 1 <= len(span.summary.splitlines()) <= 3
        if span.code:
            assert span.preconditions
            assert span.failure_modes


@each_lesson
def test_code_gives_the_result_that_the_trace_has(number: int) -> None:
    lesson = lessons()[number]
    stated = Stated(lesson.trajectory.problem, lesson.trajectory.trace)
    for step in steps(lesson):
        span = step.span
        function = ast.parse(span.code).body[-1]
        assert isinstance(function, ast.FunctionDef)
        assert [a.arg for a in function.args.args] == [p.name for p in span.inputs]
        assert [b.name for b in span.bindings] == [p.name for p in span.inputs]
        for parameter in span.inputs:
            assert stated.missing(step.bindings[parameter.name], parameter.type) is None
        assert stated.missing(step.result, span.output.type) is None
        assert verifier_for(span.output.type) is not None
        assert _agrees(step.result, step.run(step.bindings))


@each_lesson
def test_a_span_without_code_binds_nothing(number: int) -> None:
    for span in lessons()[number].spans:
        assert bool(span.code) == (span.kind == "procedural")
        if not span.code:
            assert not span.inputs and not span.bindings and not span.result and not span.tool


@each_lesson
def test_one_operation_is_a_tool_and_a_procedure_is_more(number: int) -> None:
    for step in steps(lessons()[number]):
        signature, _ = read_signature(step.span.inputs, step.span.output)
        tool = single_tool(step.span.code, step.entry_point, signature)
        assert (tool or "") == step.span.tool
        if not step.span.tool:
            assert operations(step.span.code, step.entry_point) >= 2


@each_lesson
def test_results_end_in_the_verified_answer(number: int) -> None:
    """The last result of a chain is the answer; each before it goes into a later step, or it is a
    tool's, which needs no evidence."""
    lesson = lessons()[number]
    if lesson.trajectory.tests:
        return
    *before, last = steps(lesson)
    assert _agrees(lesson.trajectory.reference, last.span.result)
    for place, step in enumerate(before):
        later = [value for s in [*before[place + 1 :], last] for value in s.bindings.values()]
        assert step.span.tool or any(_agrees(step.result, value) for value in later)


@each_lesson
def test_code_for_a_task_passes_its_tests_and_enough_of_them_are_held_out(number: int) -> None:
    trajectory = lessons()[number].trajectory
    if not trajectory.tests:
        return
    (step,) = steps(lessons()[number])
    signature, _ = read_signature(step.span.inputs, step.span.output)
    routine = read_routine(step.span.code, [p.name for p in signature.inputs])
    tested = read_tests(trajectory, routine, signature)
    assert tested is not None
    # None that the problem or the trace shows is among them.
    assert sum(case.origin == "test" for case in tested.cases) == len(trajectory.tests) - 1 >= 2
    verdict = check_tests(step.span.code, trajectory.tests, "", shared_sandbox())
    assert verdict.outcome == "agree", verdict.reason


def test_every_routine_replays_on_two_problems_that_it_was_not_taken_from() -> None:
    families: dict[tuple[Any, ...], list[Step]] = defaultdict(list)
    for lesson in lessons():
        if not lesson.trajectory.tests:
            for step in steps(lesson):
                if not step.span.tool:
                    key = (lesson.trajectory.domain, step.entry_point, *step.bindings)
                    families[key].append(step)
    assert len(families) >= 10
    for family in families.values():
        assert len({step.problem for step in family}) >= LEAST_PROBLEMS
        assert len({step.span.subquestion for step in family}) == len(family)
        assert len({step.span.subroutine for step in family}) == len(family)
        for step in family:
            others = [other for other in family if other.problem != step.problem]
            for other in others:
                assert other.bindings != step.bindings
                assert [p.unit for p in other.span.inputs] == [p.unit for p in step.span.inputs]
                assert is_subtype(other.span.output.type, step.span.output.type)
                assert _agrees(other.result, step.run(other.bindings))
