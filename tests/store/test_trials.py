"""Entries that are run on a caller's values, for one search."""

from __future__ import annotations

from tracemine.schemas import Parameter
from tracemine.store.bindings import Bindings
from tracemine.store.trials import IN_WORDS, Batches, Tried, try_all, untried
from tracemine.verifiers import shared_sandbox
from tracemine.verifiers.runs import Limits

INPUTS = (Parameter("total", "int"), Parameter("spent", "int"))
FAST = Limits(seconds=0.1)


def tried(number: int, *, predicate: str = "", body: str = "total - spent") -> Tried:
    code = f"def f(total, spent):\n    return {body} + {number}\n"
    return Tried(code, "f", INPUTS, (predicate,) if predicate else ())


def test_entries_that_loop_cost_a_search_no_more_however_many_they_are() -> None:
    loops = [tried(i, predicate=f"all(j >= 0 for j in range(10**9 + {i}))") for i in range(200)]
    bindings = Bindings({"total": 9, "spent": 4})
    batches = Batches(shared_sandbox(), FAST)
    found = try_all([*loops, tried(0)], bindings, batches)
    assert [trial.met for trial in found] == [False] * 200 + [True]
    few = FAST.most_slow_calls
    assert "precondition" in found[0].reason
    assert all("not run" in trial.reason for trial in found[few:-1])
    # What comes after is offered, but nothing is known of it.
    assert found[-1].value is None and "not run" in found[-1].reason
    # Another search begins anew.
    assert try_all([tried(0)], bindings, Batches(shared_sandbox()))[0].value == 5


def test_words_are_not_run_and_nothing_is_known_of_what_they_need() -> None:
    words = Tried("", "", INPUTS, ())
    bindings = Bindings({"total": 9, "spent": 4})
    found, ran = try_all([words, tried(0)], bindings, Batches(shared_sandbox()))
    assert (found.met, found.value, found.reason) == (None, None, IN_WORDS)
    assert found.roles == {"total": "total", "spent": "spent"}
    assert ran.value == 5
    assert [trial.met for trial in untried([words, tried(0)], bindings)] == [None, True]
