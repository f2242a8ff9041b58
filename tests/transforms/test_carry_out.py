"""Routines in words, carried out by a model: what is asked, of what, and what becomes of it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from tracemine.schemas import Instance, Parameter, Signature, Source, Span, content_id, encode
from tracemine.schemas.shingles import shingles
from tracemine.teachers.model.answers import ReplayAnswer
from tracemine.teachers.model.budget import Limits
from tracemine.teachers.model.settings import Settings
from tracemine.teachers.model.worker import ModelOptions, ModelWorker
from tracemine.teachers.scripted import ScriptedServer
from tracemine.transforms.carry_out import (
    NO_ANSWER,
    UNDECIDED,
    carry_out,
    errands_of,
    verifier_name,
)
from tracemine.transforms.duplicates import identity
from tracemine.transforms.replay import ReplayLimits
from tracemine.transforms.segment import Proposal
from tracemine.verifiers.verdict import JUDGE, is_judged

STORIES = [
    "An orchard yields {} crates a day for {} days", "Tickets sell at {} dollars in {} towns",
    "Every one of {} choirs brings {} singers", "A loom weaves {} metres on each of {} shifts",
    "The ferry takes {} cars on {} crossings", "Each shelf of {} carries {} atlases",
    "She walks {} miles on {} mornings", "A grid of {} rows has {} lamps in each",
    "Some {} printers put out {} sheets apiece", "At {} stalls {} melons lie in the sun",
    "They plant {} beds with {} bulbs", "A clerk stamps {} forms in each of {} hours",
]  # fmt: skip


def in_words(
    number: int,
    *,
    steps: str = "1. Multiply the two.",
    names: tuple[str, str] = ("size", "times"),
    kinds: tuple[str, str] = ("int", "int"),
    values: tuple[Any, Any] | None = None,
    output: str = "int",
    result: Any = None,
    verifier: str = "numeric",
    code: str | None = None,
) -> Proposal:
    left, right = values or (10 + number, 3 + 2 * number)
    problem = STORIES[number].format(left, right)
    span_id = content_id("span", number, steps, names, code)
    given = dict(zip(names, (left, right), strict=True))
    gives = encode(left * right if result is None else result)
    instance = Instance(
        content_id(span_id, "own"), span_id, f"t{number}", f"p{number}", encode(given), gives,
        checked=True,
    )  # fmt: skip
    inputs = tuple(Parameter(n, k) for n, k in zip(names, kinds, strict=True))
    span = Span(
        id=span_id, trajectory_id=f"t{number}", problem_id=f"p{number}", start=0, end=20,
        quote="x" * 20, subquestion="how many in all", subroutine=steps, summary="all of them",
        code=code, entry_point="all_of" if code else None,
        signature=Signature(inputs, Parameter("all", output)), preconditions=("they are alike",),
        predicates=(), failure_modes=(), kind="procedural", domain="math", teacher="m@1",
        verifier=verifier, shape="how many in all", instances=(instance,),
    )  # fmt: skip
    return Proposal(span, Source("d", number), shingles(problem), b"\0" * 8, 3, problem=problem)


def carried(
    group: list[Proposal], *rows: dict[str, Any], judged: bool = False, **options: Any
) -> tuple[Any, ScriptedServer]:
    with ScriptedServer(rows, model="m", logged=200) as server:
        made = ModelOptions(base_url=server.url, model="m", settings=Settings(), **options)
        with ModelWorker(made) as worker:
            work = carry_out(group, worker, limits=ReplayLimits(), judged=judged)
            ((output, found),) = worker.loop.submit(work).result(60)
        assert output == "groups"
        return found, server


def gives(proposal: Proposal, result: str, steps: str = "") -> dict[str, Any]:
    answer = ReplayAnswer(steps=steps, result=result).model_dump()
    return {"problem": proposal.problem, "schema": "ReplayAnswer", "answer": answer}


def judges(proposal: Proposal, verdict: str) -> dict[str, Any]:
    answer = {"reason": "it says so", "verdict": verdict}
    return {"problem": proposal.problem, "schema": "JudgeAnswer", "answer": answer}


def test_code_is_asked_about_nowhere() -> None:
    code = "def all_of(size, times):\n    return size * times"
    group = [in_words(n, code=code) for n in range(3)]
    found, server = carried(group)
    assert found.replays == ()
    assert server.counts.total == 0
    assert [p.span for p in found.proposals] == [p.span for p in group]
    assert {p.problem for p in found.proposals} == {""}


def test_each_routine_is_carried_out_on_so_many_instances_at_most() -> None:
    group = [in_words(n) for n in range(12)]
    errands = list(errands_of(group, ReplayLimits(in_words=5)))
    assert len(errands) == 5
    ids = [errand.case.instance.id for errand in errands]
    founder = errands[0].method.founder
    others = sorted(p.span.instances[0].id for p in group if p is not founder)
    assert ids == others[:5]
    # Whatever the order in which they come.
    again = list(errands_of(group[::-1], ReplayLimits(in_words=5)))
    assert [errand.case.instance.id for errand in again] == ids


def test_nothing_is_carried_out_on_its_own_problem_or_its_own_values() -> None:
    own = in_words(0)
    attempt = in_words(0, steps="1. Add one to the other so many times.")
    values = in_words(1, steps="1. Lay them out and count.", values=(10, 3))
    assert list(errands_of([own, attempt, values], ReplayLimits())) == []


def test_values_go_where_names_say() -> None:
    ours = in_words(0, names=("width", "crate_count"))
    theirs = in_words(1, names=("crate_count", "width"), steps="1. Times.", values=(7, 9))
    errand = next(e for e in errands_of([ours, theirs], ReplayLimits()) if e.method.founder is ours)
    assert errand.values == {"width": 9, "crate_count": 7}
    assert json.loads(errand.binding_map) == {"width": "width", "crate_count": "crate_count"}


def test_types_that_leave_no_way_are_no_attempt() -> None:
    numbers = in_words(0)
    texts = in_words(
        1, kinds=("str", "str"), values=("a", "b"), result=2, steps="1. Count the letters."
    )
    assert list(errands_of([numbers, texts], ReplayLimits())) == []


def test_a_value_that_is_not_of_its_type_is_not_asked_about() -> None:
    group = [in_words(0), in_words(1, kinds=("real", "real"), values=(1.5, 2.25), steps="1. X.")]
    found, server = carried(group, gives(group[0], "30"))
    by_problem = {r.instance_id: r for r in found.replays}
    unfit = by_problem[group[1].span.instances[0].id]
    assert (unfit.verdict, unfit.verifier) == ("unsupported", "model:m")
    assert server.counts.total == 1


def test_what_agrees_passes_and_what_differs_fails() -> None:
    group = [in_words(n) for n in range(3)]
    rows = [gives(p, p.span.instances[0].result) for p in group]
    found, _ = carried(group, *rows)
    assert [r.verdict for r in found.replays] == ["pass", "pass"]
    assert {r.verifier for r in found.replays} == {"model:m+numeric"}
    found, _ = carried(group, *(gives(p, "1") for p in group))
    assert [r.verdict for r in found.replays] == ["fail", "fail"]


@pytest.mark.parametrize(
    ("result", "verdict"), [("", "error"), ("a great many", "fail"), ("1.5", "fail")]
)
def test_what_gives_no_value_of_its_type(result: str, verdict: str) -> None:
    group = [in_words(n) for n in range(2)]
    told = "step 2 says\u001b[2J\nnothing"
    found, _ = carried(group, *(gives(p, result, told) for p in group))
    (replay,) = found.replays
    assert (replay.verdict, replay.verifier) == (verdict, "model:m")
    assert replay.reason.isprintable()


def test_a_request_that_fails_decides_nothing() -> None:
    group = [in_words(n) for n in range(4)]
    rows = [gives(p, p.span.instances[0].result) for p in group]
    found, server = carried(group, *rows, limits=Limits(requests=1))
    assert server.counts.total == 1
    assert sorted(r.verdict for r in found.replays) == ["pass", "unsupported", "unsupported"]
    failed = [r for r in found.replays if r.verdict != "pass"]
    assert all(r.reason.startswith(NO_ANSWER) and "budget" in r.reason for r in failed)


def test_an_answer_that_cannot_be_read_decides_nothing() -> None:
    group = [in_words(n) for n in range(2)]
    rows = [{"problem": p.problem, "schema": "ReplayAnswer", "text": "I will not"} for p in group]
    found, server = carried(group, *rows)
    assert [r.verdict for r in found.replays] == ["unsupported"]
    assert server.counts.total == 2  # and its repair


def prose(number: int) -> Proposal:
    return in_words(
        number, output="str", verifier="exact", result=f"line {number} lies above the other"
    )


def test_prose_in_other_words_is_for_a_judge_and_fails_without_one() -> None:
    group = [prose(n) for n in range(2)]
    rows = [row for p in group for row in (gives(p, "it is the upper one"), judges(p, "same"))]
    (replay,) = carried(group, *rows)[0].replays
    assert (replay.verdict, replay.verifier) == ("fail", "model:m+exact")
    (replay,) = carried(group, *rows, judged=True)[0].replays
    assert (replay.verdict, replay.verifier) == ("pass", "model:m+judge")
    assert is_judged(replay.verifier)


def test_a_word_that_is_another_is_no_case_for_a_judge() -> None:
    group = [in_words(n, output="str", verifier="exact", result=f"W{n}") for n in range(2)]
    rows = [row for p in group for row in (gives(p, "Q"), judges(p, "same"))]
    found, server = carried(group, *rows, judged=True)
    assert [r.verdict for r in found.replays] == ["fail"]
    assert server.counts.by_schema == {"ReplayAnswer": 1}


def test_a_judge_that_does_not_answer_decides_nothing() -> None:
    group = [prose(n) for n in range(2)]
    rows = [gives(p, "it is the upper one") for p in group]
    found, _ = carried(group, *rows, judged=True, limits=Limits(requests=1))
    (replay,) = found.replays
    assert (replay.verdict, replay.verifier) == ("unsupported", "model:m+judge")
    assert replay.reason.startswith(NO_ANSWER)


def test_what_no_verifier_can_decide_decides_nothing() -> None:
    group = [in_words(n, output="any", verifier="judge", result="up") for n in range(2)]
    found, _ = carried(group, *(gives(p, "above") for p in group))
    (replay,) = found.replays
    assert (replay.verdict, replay.verifier) == ("unsupported", "model:m+judge")
    assert replay.reason.startswith(UNDECIDED)


def test_a_routine_is_told_from_its_trace_by_nobody() -> None:
    group = [in_words(n) for n in range(3)]
    secret = "the quote of a trace"
    group = [dataclasses.replace(p, span=dataclasses.replace(p.span, quote=secret)) for p in group]
    _, server = carried(group, *(gives(p, "1") for p in group))
    assert len(server.log) == 2
    assert all(secret not in logged.body.decode() for logged in server.log)


def test_a_judge_is_known_by_its_name() -> None:
    assert is_judged(JUDGE) and is_judged(verifier_name("a", JUDGE))
    assert is_judged("judge") and is_judged("model:a+b+judge")
    assert not is_judged("model:judge") and not is_judged("model:judge+numeric")


def test_other_steps_are_no_duplicate() -> None:
    one, other = in_words(0), in_words(0, steps="1. Add one to the other so many times.")
    laid_out = in_words(0, steps=" 1.  Multiply the two. ")
    assert identity(one.span) != identity(other.span)
    assert identity(one.span) == identity(laid_out.span)
    assert identity(one.span) != identity(in_words(0, code="def all_of(size, times): pass").span)
