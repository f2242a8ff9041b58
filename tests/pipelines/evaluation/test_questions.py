"""Questions of spans: which spans are some, and what they ask."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from tracemine.pipelines.evaluation.questions import (
    ONE_OPERATION,
    UNCHECKED,
    Question,
    ask,
    question_of,
)
from tracemine.schemas import (
    Parameter,
    Signature,
    Source,
    Span,
    Trajectory,
    decode,
    problem_id,
)
from tracemine.schemas.records import Domain
from tracemine.teachers import make_teacher
from tracemine.teachers.rules.derived.spans import Case, make_span
from tracemine.transforms.inputs import resolve_inputs
from tracemine.transforms.read import read_file

PROBLEM = "Odile packs 12 pears in each of 4 crates and sells 9 pears. How many pears are left?"
TRACE = "She has 12 * 4 = <<12*4=48>>48 pears.\nThen 48 - 9 = <<48-9=39>>39 pears are left."


def trajectory(problem: str = PROBLEM, trace: str = TRACE, domain: Domain = "math") -> Trajectory:
    return Trajectory(
        id="t", problem_id=problem_id(problem), problem=problem, trace=trace, answer="39",
        reference="39", domain=domain, sources=(Source("own", 0),), outcome="verified",
    )  # fmt: skip


def span_of(
    bindings: dict[str, Any],
    made: Trajectory | None = None,
    *,
    code: str = "",
    order: list[str] | None = None,
    checked: bool = True,
) -> Span:
    """A span whose routine takes ``bindings``, its parameters in ``order``."""
    made = made or trajectory()
    names = order or list(bindings)
    inputs = tuple(Parameter(name, "rational") for name in names)
    code = code or f"def f({', '.join(names)}):\n    return {' + '.join(names)} + {names[0]}"
    span = make_span(
        made,
        start=0,
        end=len(made.trace),
        subquestion="what the teacher asks",
        code=code,
        entry_point="f",
        signature=Signature(inputs, Parameter("result", "rational")),
        cases=[Case(bindings, 39, checked=checked)],
    )
    assert isinstance(span, Span)
    return span


def test_one_operation_and_unchecked_spans_are_no_questions() -> None:
    made = trajectory()
    assert question_of(span_of({"a": 1, "b": 2}, made, checked=False), made) == UNCHECKED
    single = span_of({"a": 1, "b": 2}, made, code="def f(a, b):\n    return a - b")
    assert question_of(single, made) == ONE_OPERATION


def test_questions_of_a_trajectory() -> None:
    found = list(ask(trajectory(), make_teacher("rules")))
    (question,) = [q for way, q in found if way == "questions"]
    assert question.asked == "How many pears are left?"
    assert decode(question.result) == 39
    assert sorted(decode(question.bindings).values()) == [4, 9, 12]
    assert [decode(question.bindings)[key.name] for key in question.keys] == [12, 4, 9]
    # As the problem calls them, though the formula subtracts one and multiplies by another.
    names = [key.name for key in question.keys]
    assert names == ["items_each", "groups", "items"]
    assert question.operations == 2
    assert Question.from_json(question.to_json()) == question
    assert all(way in ("questions", "unasked") for way, _ in found)


@pytest.mark.parametrize(
    ("name", "rows"), [("gsm8k_train.jsonl.gz", 60), ("tora_70b_gsm8k.jsonl.gz", 40)]
)
def test_questions_of_published_traces(shared_data: Path, name: str, rows: int) -> None:
    (file,) = resolve_inputs([str(shared_data / name)])
    teacher = make_teacher("rules")
    count = 0
    for _, made in itertools.islice(read_file(file), rows):
        for way, found in ask(made, teacher):
            if way != "questions":
                continue
            count += 1
            names = [key.name for key in found.keys]
            assert sorted(names) == sorted(decode(found.bindings)) and len(set(names)) == len(names)
            assert found.asked and found.operations >= 2
            assert Question.from_json(found.to_json()) == found
    assert count > 30
