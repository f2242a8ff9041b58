"""Grounding and routing of spans, whoever cut them."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from typing import Any

import pytest

from tracemine.schemas import Parameter, Rejected, Signature, Source, Span, Trajectory
from tracemine.teachers import Dropped, Segmentation, TeacherError
from tracemine.teachers.rules.derived.spans import Case, make_span
from tracemine.transforms import segment as stage
from tracemine.transforms.segment import Proposal, found, route, segment, segment_by_asking

TRACE = "The crates weigh 3 * 20 + 5 = 65 kilograms in all."
TRAJECTORY = Trajectory(
    id="t", problem_id="p", problem="How heavy are three crates of 20 kg and a lid of 5 kg?",
    trace=TRACE, answer="65", reference="65", domain="math", sources=(Source("own", 4),),
)  # fmt: skip


def span(**changes: Any) -> Span:
    made = make_span(
        TRAJECTORY,
        start=0,
        end=len(TRACE),
        subquestion="total weight from items, weight and lid",
        code="def total_weight(crates, weight, lid):\n    return crates * weight + lid",
        entry_point="total_weight",
        signature=Signature(
            (Parameter("crates", "int"), Parameter("weight", "int"), Parameter("lid", "int")),
            Parameter("total_weight", "int"),
        ),
        cases=[Case({"crates": 3, "weight": 20, "lid": 5}, 65, checked=True)],
    )
    return dataclasses.replace(made, **changes)


class Scripted:
    """A teacher that says what it is told to."""

    fingerprint = "scripted@1"

    def __init__(self, *spans: Span, dropped: tuple[Dropped, ...] = (), fail: bool = False) -> None:
        self.answer = Segmentation(spans, dropped)
        self.fail = fail

    def segment(self, trajectory: Trajectory) -> Segmentation:
        if self.fail:
            raise TeacherError("bad JSON", "line 1")
        return self.answer


def test_a_grounded_span_goes_on_with_its_source_and_problem() -> None:
    ((output, proposal),) = segment(TRAJECTORY, Scripted(span()))
    assert output == "proposals"
    assert proposal.source == Source("own", 4)
    assert proposal.shingles


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"quote": TRACE.replace("65", "66")}, stage.NOT_GROUNDED),
        ({"start": 1}, stage.NOT_GROUNDED),
        ({"start": -len(TRACE)}, stage.NOT_GROUNDED),
        ({"end": 14, "quote": TRACE[:14]}, None),
        ({"end": 12, "quote": TRACE[:12]}, stage.SHORT_QUOTE),
    ],
)
def test_a_quote_must_stand_at_its_offsets(changes: dict[str, Any], reason: str | None) -> None:
    ((output, record),) = segment(TRAJECTORY, Scripted(span(**changes)))
    assert (record.reason if output == "rejected" else None) == reason


def test_what_a_teacher_drops_is_counted_and_what_it_cannot_read_has_failed() -> None:
    dropped = Dropped(0, 20, "does not compute", "3 + 3 = 7")
    ((_, record),) = segment(TRAJECTORY, Scripted(dropped=(dropped,)))
    assert (record.reason, record.fate) == ("does not compute", "rejected")
    assert "3 + 3 = 7" in record.detail
    ((_, record),) = segment(TRAJECTORY, Scripted(fail=True))
    assert (record.reason, record.fate) == ("bad JSON", "failed")


def routed(**changes: Any) -> tuple[str, Any]:
    ((output, record),) = route(Proposal(span(**changes), Source("own", 4), b""))
    return output, record


def test_a_procedural_span_with_all_it_needs_goes_on_with_shape_and_verifier() -> None:
    output, proposal = routed()
    assert output == "proposals"
    assert proposal.span.verifier == "numeric"
    assert proposal.span.shape == "total weight from items, weight and lid"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"code": None}, stage.NOT_REPLAYABLE),
        ({"code": "def f(:"}, stage.UNREADABLE),
        ({"code": "def f(x):\n    return x" + " + 1" * 300}, stage.TOO_DEEP),
        ({"code": "(" * 5000}, stage.UNREADABLE),
        ({"code": "def f(x):\n    return g(x)"}, stage.UNDEFINED),
        ({"code": "import os\ndef f(x):\n    os.system('true')\n    return x"}, stage.REACHES_OUT),
        ({"instances": ()}, stage.NO_INSTANCE),
        ({"preconditions": ()}, stage.NO_PRECONDITIONS),
        ({"signature": Signature((), Parameter("x", "any"))}, stage.NO_VERIFIER),
    ],
)
def test_a_span_that_lacks_something_is_rejected(changes: dict[str, Any], reason: str) -> None:
    output, record = routed(**changes)
    assert output == "rejected"
    assert isinstance(record, Rejected)
    assert record.reason == reason


def test_an_entry_of_the_ledger_says_where_a_person_finds_it() -> None:
    place = f'own row 4, characters 0 to {len(TRACE)} ("{TRACE}"): '
    _, record = routed(code=None)
    assert record.detail == place + stage.NOT_REPLAYABLE
    long = dataclasses.replace(TRAJECTORY, trace="A crate\n\nis a crate. " * 20)
    dropped = Dropped(9, 300, "does not compute", "why")
    ((_, record),) = segment(long, Scripted(dropped=(dropped,)))
    quoted = record.detail.partition('"')[2].partition('"')[0]
    assert quoted.startswith("is a crate. A crate is a") and quoted.endswith(" ...")
    assert len(quoted) < 70
    assert record.detail.startswith("own row 4, characters 9 to 300 (")
    assert record.detail.endswith(": does not compute (why)")
    ((_, record),) = segment(TRAJECTORY, Scripted(fail=True))
    assert record.detail == "own row 4: bad JSON: line 1"


@pytest.mark.parametrize("kind", ["tool", "declarative", "episodic", "metacognitive"])
def test_other_kinds_are_handed_off(kind: Any) -> None:
    output, record = routed(kind=kind, preconditions=())
    assert output == "handoff"
    assert record.span.kind == kind


IN_WORDS = {"code": None, "entry_point": None, "subroutine": "1. Multiply.\n2. Add the lid."}


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, "numeric"),
        ({"subroutine": " total weight  from items, weight and lid"}, stage.NOT_REPLAYABLE),
        ({"subroutine": " \n"}, stage.NOT_REPLAYABLE),
        ({"instances": ()}, stage.NO_INSTANCE),
        ({"preconditions": ()}, stage.NO_PRECONDITIONS),
        ({"signature": Signature((), Parameter("x", "any"))}, stage.NO_VERIFIER),
    ],
)
def test_words_go_on_where_a_model_carries_them_out(changes: dict[str, Any], outcome: str) -> None:
    proposal = Proposal(span(**{**IN_WORDS, **changes}), Source("own", 4), b"")
    ((output, record),) = route(proposal, in_words=True)
    if output == "proposals":
        assert record.span.verifier == outcome
    else:
        assert record.reason == outcome
    # Without a model that carries them out, none do.
    ((output, record),) = route(proposal)
    assert (output, record.reason) == ("rejected", stage.NOT_REPLAYABLE)


def test_a_judge_is_asked_of_words_alone() -> None:
    judged = {"signature": Signature((), Parameter("x", "any"))}
    words = Proposal(span(**IN_WORDS, **judged), Source("own", 4), b"")
    ((output, record),) = route(words, in_words=True, judged=True)
    assert (output, record.span.verifier) == ("proposals", "judge")
    code = Proposal(span(**judged), Source("own", 4), b"")
    ((output, record),) = route(code, in_words=True, judged=True)
    assert (output, record.reason) == ("rejected", stage.NO_VERIFIER)


class Asked:
    """A worker whose teacher finds one span, whatever it is asked."""

    @property
    def teacher(self) -> Asked:
        return self

    ask = None

    async def read(self, trajectory: Trajectory, ask: Any) -> Segmentation:
        return Segmentation((span(),))


def test_what_becomes_of_an_answer_is_found_out_beside_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Results are compared with answers, which takes seconds at worst: others are asked for
    meanwhile."""
    threads = []

    def noting(*arguments: Any) -> Any:
        threads.append(threading.current_thread())
        return found(*arguments)

    monkeypatch.setattr(stage, "found", noting)
    ((output, _),) = asyncio.run(segment_by_asking(TRAJECTORY, Asked()))
    assert output == "proposals"
    assert threads and threading.current_thread() not in threads


def test_a_span_that_breaks_what_comes_after_it_costs_one_trace(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise ValueError("\x1b[2J\nno such thing")

    monkeypatch.setattr(stage, "asked", broken)
    ((output, record),) = asyncio.run(segment_by_asking(TRAJECTORY, Asked()))
    assert (output, record.fate) == ("rejected", "failed")
    assert record.reason == "teacher error: ValueError"
    assert record.detail.isprintable() and "no such thing" in record.detail
    assert "trajectory t" in caplog.text
