"""Entries that are run on a caller's values, for one search."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import pytest

from tracemine.schemas import Parameter
from tracemine.store.bindings import Bindings
from tracemine.store.trials import (
    IN_WORDS,
    NO_TIME,
    Batches,
    Fitting,
    Trial,
    Tried,
    fit_all,
    try_all,
    untried,
)
from tracemine.verifiers import shared_sandbox
from tracemine.verifiers.runs import Limits

INPUTS = (Parameter("total", "int"), Parameter("spent", "int"))
FAST = Limits(seconds=0.1)


def fitted(entries: Sequence[Tried], values: Mapping[str, Any]) -> list[Fitting]:
    """How ``entries`` take ``values``, which all of them do."""
    return [fit for fit in fit_all(entries, Bindings(values)) if fit is not None]


def tried_on(entries: Sequence[Tried], batches: Batches | None = None) -> list[Trial]:
    found = fitted(entries, {"total": 9, "spent": 4})
    return try_all(entries, found, batches or Batches(shared_sandbox()))


def tried(number: int, *, predicate: str = "", body: str = "total - spent") -> Tried:
    code = f"def f(total, spent):\n    return {body} + {number}\n"
    return Tried(code, "f", INPUTS, (predicate,) if predicate else ())


def test_entries_that_loop_cost_a_search_no_more_however_many_they_are() -> None:
    loops = [tried(i, predicate=f"all(j >= 0 for j in range(10**9 + {i}))") for i in range(200)]
    found = tried_on([*loops, tried(0)], Batches(shared_sandbox(), FAST))
    few = FAST.most_slow_calls
    assert [trial.met for trial in found] == [False] * few + [None] * (200 - few) + [True]
    assert "precondition" in found[0].reason
    assert all("not run" in trial.reason for trial in found[few:-1])
    # What comes after is offered, but nothing is known of it.
    assert found[-1].value is None and "not run" in found[-1].reason
    # Another search begins anew.
    assert tried_on([tried(0)])[0].value == 5


def test_what_loops_leaves_time_for_what_does_not_and_ends_with_the_time_of_the_search() -> None:
    loops = [tried(i, body=f"sum(iter(int, 1)) + {i}") for i in range(3)]
    found = tried_on([*loops, tried(0)], Batches(shared_sandbox(), seconds=2.0))
    assert [trial.value for trial in found] == [None, None, None, 5]
    # The first had all that it may have, or all that was left.
    assert [trial.reason for trial in found[1:]] == [NO_TIME, NO_TIME, ""]


def test_where_there_is_no_time_nothing_is_said_of_what_was_not_asked() -> None:
    asks, plain = tried(0, predicate="spent > total"), tried(1)
    found = tried_on([asks, plain], Batches(shared_sandbox(), seconds=0))
    assert [(trial.met, trial.reason) for trial in found] == [(None, NO_TIME), (True, NO_TIME)]


def test_words_are_not_run_and_nothing_is_known_of_what_they_need() -> None:
    words = Tried("", "", INPUTS, ())
    found, ran = tried_on([words, tried(0)])
    assert (found.met, found.value, found.reason) == (None, None, IN_WORDS)
    assert found.roles == {"total": "total", "spent": "spent"}
    assert ran.value == 5
    fits = fitted([words, tried(0)], {"total": 9, "spent": 4})
    assert [trial.met for trial in untried([words, tried(0)], fits)] == [None, True]


@pytest.mark.parametrize(
    ("body", "value", "taken"),
    [
        ("total - spent", 20.5, True),
        ("-total * spent / 2", Fraction(1, 3), True),
        ("total - spent", 20.0, True),
        ("total // spent", 20.0, True),  # A whole number, whatever it is written as.
        ("total // spent", 20.5, False),
        ("total % spent", 20.5, False),
        ("total ** 2 - spent", 20.5, False),
        ("round(total) - spent", 20.5, False),
        ("sum(range(total))", 20.5, False),
        ("[1, 2, 3][total]", 0.5, False),
        ("total - spent", 1 + 2j, False),
    ],
)
def test_whole_numbers_alone_are_asked_for_where_others_may_come_out_wrong(
    body: str, value: Any, taken: bool
) -> None:
    entry = tried(0, body=body)
    (found,) = fit_all([entry], Bindings({"total": value, "spent": 4}))
    assert (found is not None) == taken
    if found is not None:
        whole = value == int(value)
        assert found.values["total"] == value
        assert isinstance(found.values["total"], int) == whole
        # Preconditions have the word on the number itself.
        kinds = ("int", type(value).__name__)
        asks = [
            dataclasses.replace(entry, predicates=(f"type(total).__name__ in {(kind, kind)}",))
            for kind in kinds
        ]
        held = try_all(asks, [found, found], Batches(shared_sandbox()))
        assert [trial.met for trial in held] == [whole, not whole]
