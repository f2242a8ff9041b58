from typing import Any

import pytest
from solved_problems import solved

from tracemine.schemas import NotPlainError, Parameter, Signature, Span, decode
from tracemine.teachers.rules.derived.spans import FINGERPRINT, Case, make_span, written_span

TRACE = "She has 3 + 4 = 7 figs, and then some more."
TRAJECTORY = solved("She has 3 figs and 4 figs. How many?", TRACE)
CODE = "def total(a, b):\n    return a / b\n"
SIGNATURE = Signature((Parameter("a", "int"), Parameter("b", "int")), Parameter("total", "int"))


def _span(*cases: Case, **changed: Any) -> Span:
    told: dict[str, Any] = {
        "start": 8, "end": 17, "subquestion": "how many", "code": CODE, "entry_point": "total",
        "signature": SIGNATURE,
    }  # fmt: skip
    return make_span(TRAJECTORY, cases=cases or [Case({"a": 3, "b": 4}, 7, True)], **told | changed)


def test_a_span_is_of_its_trajectory() -> None:
    span = _span()
    assert span.quote == TRACE[8:17] == "3 + 4 = 7"
    assert (span.trajectory_id, span.problem_id) == (TRAJECTORY.id, TRAJECTORY.problem_id)
    assert (span.domain, span.teacher, span.kind) == (TRAJECTORY.domain, FINGERPRINT, "procedural")
    assert "b != 0" in span.predicates
    assert span.subroutine
    assert span.summary


def test_instances_are_those_of_the_cases_in_order() -> None:
    cases = [Case({"a": 3, "b": 4}, 7, True), Case({"a": [1], "b": (2, 0.5)}, None, False, "test")]
    span = _span(*cases)
    assert [decode(i.bindings) for i in span.instances] == [case.bindings for case in cases]
    assert [decode(i.result) for i in span.instances] == [7, None]
    assert [(i.checked, i.origin) for i in span.instances] == [(True, "trace"), (False, "test")]
    assert {i.span_id for i in span.instances} == {span.id}
    assert len({i.id for i in span.instances}) == 2


def test_the_same_span_has_the_same_id_and_another_has_another() -> None:
    spans = [
        _span(), _span(start=7), _span(end=18), _span(code=CODE + "\n"),
        _span(Case({"a": 3, "b": 5}, 7, True)),
    ]  # fmt: skip
    assert len({span.id for span in spans}) == len(spans)
    assert _span() == spans[0]
    # What it is asked as, and its further tests, do not make it another.
    assert _span(subquestion="what").id == spans[0].id
    assert _span(Case({"a": 3, "b": 4}, 7, True), Case({"a": 1, "b": 2}, 3, True)).id == spans[0].id


@pytest.mark.parametrize("value", [object(), len, {1: object()}, [..., 1]])
def test_values_that_are_not_plain_make_no_span(value: Any) -> None:
    with pytest.raises(NotPlainError):
        _span(Case({"a": value, "b": 1}, 7, True))
    with pytest.raises(NotPlainError):
        _span(Case({"a": 1, "b": 1}, value, True))


def test_a_written_span_has_no_code() -> None:
    span = written_span(
        TRAJECTORY, start=0, end=23, subquestion="what is there", result="7", kind="procedural"
    )
    assert (span.code, span.entry_point, span.signature.inputs) == (None, None, ())
    assert span.quote == span.subroutine == TRACE[:23]
    assert span.summary == span.subquestion == "what is there"
    (instance,) = span.instances
    assert (decode(instance.bindings), decode(instance.result)) == ({}, "7")
    assert not instance.checked
    bare = written_span(
        TRAJECTORY, start=0, end=23, subquestion="what is there", result="", kind="procedural"
    )
    assert bare.instances == ()
    assert bare.id != span.id
