"""The shape that a model gives a subquestion, and the rules' where it gives none."""

from __future__ import annotations

import dataclasses
from typing import Any

from tracemine.schemas import Parameter, Signature, Source, Span
from tracemine.teachers.model.budget import Limits
from tracemine.teachers.model.settings import Settings
from tracemine.teachers.model.worker import ModelOptions, ModelWorker
from tracemine.teachers.scripted import ScriptedServer
from tracemine.transforms.normalise import RULES_SHAPE, normalised
from tracemine.transforms.segment import Proposal

SPAN = Span(
    id="s", trajectory_id="t", problem_id="p", start=3, end=23, quote="x" * 20,
    subquestion="How many apples has Tom left?", subroutine="1. Subtract.", summary="left",
    code=None, entry_point=None, signature=Signature((), Parameter("left", "int")),
    preconditions=(), predicates=(), failure_modes=(), kind="procedural", domain="math",
    teacher="m", shape="apples left",
)  # fmt: skip


def asked(shape: str, **options: Any) -> tuple[list[tuple[str, Any]], int]:
    """What becomes of the span where the model answers with ``shape``, and the requests made."""
    row = {"problem": SPAN.subquestion, "schema": "ShapeAnswer", "answer": {"shape": shape}}
    with ScriptedServer([row], model="m") as server:
        made = ModelOptions(base_url=server.url, model="m", settings=Settings(), **options)
        with ModelWorker(made) as worker:
            proposal = Proposal(SPAN, Source("d", 0), b"")
            found = worker.loop.submit(normalised(proposal, worker)).result(30)
        return found, server.counts.total


def test_the_models_shape_takes_the_place_of_the_rules() -> None:
    ((output, proposal),), requests = asked("remaining items after some are taken?")
    assert (output, requests) == ("proposals", 1)
    shape = "remaining items after some are taken"
    assert proposal.span == dataclasses.replace(SPAN, shape=shape)


def test_an_answer_without_a_shape_keeps_that_of_the_rules() -> None:
    (kept, noted), _ = asked(" \u001b[2J")
    assert kept == ("proposals", Proposal(SPAN, Source("d", 0), b""))
    assert noted[0] == "notes"
    assert (noted[1].what, noted[1].start, noted[1].end) == (RULES_SHAPE, 3, 23)


def test_a_budget_that_is_spent_keeps_that_of_the_rules() -> None:
    (kept, noted), requests = asked("remaining items", limits=Limits(requests=0))
    assert kept[1].span == SPAN
    assert noted[1].what == RULES_SHAPE
    assert "budget" in noted[1].detail
    assert requests == 0


def test_a_shape_holds_nothing_that_a_terminal_obeys() -> None:
    ((_, proposal),), _ = asked("remaining\u001b]0;x\u0007 items\nof a list")
    assert proposal.span.shape.isprintable()
    assert "\n" not in proposal.span.shape
