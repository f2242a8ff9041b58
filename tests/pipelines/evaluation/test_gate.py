"""The gate: figures that are known exactly, coincidences, preconditions, near-duplicates."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tracemine.pipelines.evaluation.arms import Asking
from tracemine.pipelines.evaluation.entries import Shelf
from tracemine.pipelines.evaluation.gate import KINDS, certain_of, gate
from tracemine.pipelines.evaluation.passes import Runs
from tracemine.verifiers import Sandbox, shared_sandbox

sys.path.insert(0, str(Path(__file__).parents[2]))
import made_shelves as made

TOTAL = made.entry("total", "a * b + a")
SWAPPED = made.entry("swapped", "a + b * a")  # the same value in other code
PRODUCT = made.entry("product", "a * b * 1")
WRONG = made.entry("wrong", "a - b - 1000")
LONELY = made.entry("lonely", "(a + b + c) * 2", ("a", "b", "c"))


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return shared_sandbox()


def measured(served: Shelf, ungated: Shelf, asked: Asking, sandbox: Sandbox) -> dict[str, Any]:
    return gate(served, ungated, asked, Runs(asked.questions, sandbox), sandbox)


def test_a_gate_that_kept_what_passes_and_refused_what_does_not(sandbox: Sandbox) -> None:
    asked = made.asking(
        *[made.question(n, {"a": n, "b": n + 5}, n * (n + 5) + n, TOTAL) for n in range(3, 7)]
    )
    found = measured(made.shelf(TOTAL), made.shelf(TOTAL, WRONG, LONELY), asked, sandbox)
    assert found["questions"] == found["problems"] == 4
    served, refused = found["served"], found["refused"]
    assert (served["routines"], found["ungated"]["routines"], refused["routines"]) == (1, 3, 2)
    assert served["passes"] == dict.fromkeys(KINDS, 0) | {"own_method": 4}
    # Wilson's bounds of four problems, and of one method.
    whole = {"value": 1.0, "low": 0.5101, "high": 1.0, "n": 4, "problems": 4}
    one = {"value": 1.0, "low": 0.2065, "high": 1.0, "n": 1, "methods": 1}
    for which in ("certain", "all"):
        assert served[which]["tries"] == whole
        assert served[which]["routines"] == {"1": one, "2": one}
        # What takes three numbers is tried on no question of two.
        assert refused["tried"] == {"1": 1, "2": 1}
        assert refused[which]["tries"]["value"] == 0.0
        none = {"value": 0.0, "low": 0.0, "high": 0.7935, "n": 1, "methods": 1}
        assert found["refused_wrongly"][which] == none
        assert found["ungated"][which]["tries"]["value"] == 0.5


def test_what_was_refused_wrongly_is_found(sandbox: Sandbox) -> None:
    asked = made.asking(
        *[made.question(n, {"a": n, "b": n + 5}, n * (n + 5) + n, TOTAL) for n in range(3, 7)]
    )
    # One of the two refused passes, in other code; the question's own method is on the shelf.
    found = measured(made.shelf(TOTAL), made.shelf(TOTAL, SWAPPED, WRONG), asked, sandbox)
    assert found["refused"]["passes"]["same_nearby"] == 4
    for which in ("certain", "all"):
        assert found["refused_wrongly"][which]["value"] == 0.5
        assert found["refused_wrongly"][which]["n"] == 2


def test_a_pass_by_coincidence_is_not_certain(sandbox: Sandbox) -> None:
    # a * b + a is a * b only where a is 0.
    asked = made.asking(
        *[made.question(n, {"a": 0, "b": n + 5}, 0, TOTAL) for n in range(3, 7)],
    )
    found = measured(made.shelf(PRODUCT), made.shelf(PRODUCT, TOTAL), asked, sandbox)
    assert found["served"]["passes"] == dict.fromkeys(KINDS, 0) | {"coincidence": 4}
    assert found["served"]["certain"]["tries"]["value"] == 0.0
    assert found["served"]["all"]["tries"]["value"] == 1.0


def test_a_pass_of_which_nothing_is_known_is_not_certain(sandbox: Sandbox) -> None:
    asked = made.asking(
        *[made.question(n, {"a": n, "b": n + 5}, n * (n + 5) + n, TOTAL) for n in range(3, 7)]
    )
    found = measured(made.shelf(SWAPPED), made.shelf(SWAPPED, WRONG), asked, sandbox)
    assert found["served"]["passes"]["method_unknown"] == 4
    assert found["served"]["certain"]["routines"]["2"]["value"] == 0.0
    assert found["served"]["all"]["routines"]["2"]["value"] == 1.0


def test_two_questions_of_one_problem_or_of_near_duplicates_are_one(sandbox: Sandbox) -> None:
    long = "A farmer who keeps many kinds of birds counts them all on a morning in the spring " * 2
    asked = made.asking(
        made.question(1, {"a": 3, "b": 4}, 15, TOTAL, problem=long + "today."),
        made.question(2, {"a": 5, "b": 4}, 25, TOTAL, problem=long + "today."),
        made.question(3, {"a": 7, "b": 4}, 35, TOTAL, problem=long + "today!  "),
    )
    found = measured(made.shelf(TOTAL), made.shelf(TOTAL), asked, sandbox)
    assert found["problems"] == 1
    assert found["served"]["tried"] == {"1": 1, "2": 0}
    assert found["served"]["certain"]["routines"]["1"]["value"] == 1.0
    assert found["served"]["certain"]["routines"]["2"]["n"] == 0


def test_a_precondition_that_does_not_hold_is_no_try(sandbox: Sandbox) -> None:
    guarded = made.entry("guarded", "a * b + a", predicates=["a < b"])
    asked = made.asking(
        made.question(1, {"a": 3, "b": 9}, 30, TOTAL), made.question(2, {"a": 9, "b": 3}, 36, TOTAL)
    )
    found = measured(made.shelf(guarded), made.shelf(guarded), asked, sandbox)
    assert (found["served"]["tries"], found["served"]["declined"]) == (1, 1)
    assert found["served"]["all"]["tries"]["value"] == 1.0


def test_nothing_served_nothing_refused_nothing_asked(sandbox: Sandbox) -> None:
    asked = made.asking(made.question(1, {"a": 3, "b": 9}, 30, TOTAL))
    empty = measured(made.shelf(), made.shelf(), asked, sandbox)
    tried = empty["served"]["certain"]["tries"]
    assert tried == {"value": None, "low": None, "high": None, "n": 0, "problems": 0}
    assert empty["refused_wrongly"]["all"]["n"] == 0
    unasked = measured(made.shelf(TOTAL), made.shelf(TOTAL), made.asking(), sandbox)
    assert unasked["questions"] == unasked["served"]["tries"] == 0


def test_the_same_in_every_run(sandbox: Sandbox) -> None:
    questions = [
        made.question(n, {"a": n, "b": n + 5}, n * (n + 5) + n * (n % 2), TOTAL)
        for n in range(1, 9)
    ]
    shelves = made.shelf(TOTAL, PRODUCT), made.shelf(PRODUCT, WRONG, TOTAL, SWAPPED)
    first = measured(*shelves, made.asking(*questions), sandbox)
    again = measured(*shelves, made.asking(*reversed(questions)), sandbox)
    assert first == again
    assert 0 < first["served"]["all"]["tries"]["value"] < 1


def test_certain_passes_are_told_from_luck(sandbox: Sandbox) -> None:
    # a * b + a is a * b only where a is 0; two and two is four in any way.
    lucky = made.question(1, {"a": 0, "b": 5}, 0, TOTAL)
    known = made.question(2, {"a": 3, "b": 5}, 18, TOTAL)
    strange = made.question(3, {"a": 3, "b": 7}, 21, LONELY)
    asked = made.asking(lucky, known, strange)
    runs = Runs(asked.questions, sandbox)
    hits = {
        lucky.id: [(0, PRODUCT), (2, TOTAL)],
        known.id: [(1, SWAPPED)],
        strange.id: [(0, PRODUCT)],
    }
    right = [hits[question.id] for question in asked.questions]
    told: dict[Any, Any] = {}
    arguments = ([TOTAL, PRODUCT, SWAPPED], runs, sandbox, told)
    found = certain_of(asked.questions, right, *arguments)
    by_id = {q.id: hits for q, hits in zip(asked.questions, found, strict=True)}
    # The method of the third question is nobody's, so nothing can be said of its pass.
    assert by_id == {lucky.id: [(2, TOTAL)], known.id: [(1, SWAPPED)], strange.id: []}
    # What was told is not asked again.
    before = dict(told)
    assert certain_of(asked.questions, right, *arguments) == found
    assert told == before
    assert len(told) == 4
