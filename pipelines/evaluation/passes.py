"""Does a routine give a question's result? Each pair is run once, in the sandbox.

Roles are aligned by name, unit and type (`verifiers.roles`), never with a look at the result.

What comes of a pair rests on that pair alone. Within a batch the sandbox gives less and less time
after a few timeouts (`verifiers.runs.Limits`). The fast interpreter is told not to, and what times
out in the other is run there once more by itself, with all of its time. So a routine that never
ends costs a third of a second and more for every question that it fits.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from tracemine.pipelines.evaluation.questions import Question
from tracemine.schemas import decode
from tracemine.verifiers import Context, Sandbox, verify
from tracemine.verifiers.bindings import BindingError, bind
from tracemine.verifiers.replay import Routine, is_plain_arithmetic, is_unmet, run_routine
from tracemine.verifiers.roles import Roster
from tracemine.verifiers.runs import Backend, Limits, Run

#: What a routine may use on one question's values: an answer that takes longer is none. It is
#: spent again and again on what never ends, so it is short; formulas take microseconds.
LIMITS = Limits(seconds=0.25)

#: The same in the fast interpreter, which is asked first: most routines take microseconds. However
#: many calls were slow, the next has all of its time.
FAST_LIMITS = Limits(
    seconds=0.1, slow_calls=sys.maxsize, slow_factor=1.0, most_slow_calls=sys.maxsize
)


class Outcome(IntEnum):
    """What a routine does with a question's values. ``UNFIT``: it takes other values (their number,
    their types). ``UNMET``: a precondition does not hold on them. ``WRONG``: another result, an
    error or none in time. ``PASS``: the checked result."""

    UNFIT = 0
    UNMET = 1
    WRONG = 2
    PASS = 3


@dataclass(frozen=True, slots=True)
class Given:
    """What came of one pair: the outcome, the value that the routine gave (None for none), whether
    it gave one, and whether its time ended."""

    outcome: Outcome
    value: Any = None
    computed: bool = field(default=False, compare=False)
    timed_out: bool = field(default=False, compare=False)


_UNFIT = Given(Outcome.UNFIT)


class Runs:
    """Pairs of routine and question, each run once; routines that are the same share their runs."""

    def __init__(self, questions: Iterable[Question], sandbox: Sandbox) -> None:
        self._questions = {question.id: question for question in questions}
        self._values: dict[str, dict[str, Any]] = {
            i: decode(q.bindings) for i, q in self._questions.items()
        }
        self._expected = {i: decode(q.result) for i, q in self._questions.items()}
        self._sandbox = sandbox
        self._known: dict[Routine, dict[str, Given]] = {}

    def values(self, question_id: str) -> Mapping[str, Any]:
        """The values that a question binds, by name."""
        return self._values[question_id]

    def run(self, pairs: Iterable[tuple[Routine, str]]) -> None:
        """Run the pairs of a routine and the id of a question that were not run yet, all those of
        one routine as one batch."""
        wanted: dict[Routine, dict[str, None]] = {}
        for routine, question_id in pairs:
            same = anonymous(routine)
            if question_id not in self._known.setdefault(same, {}):
                wanted.setdefault(same, {})[question_id] = None
        for routine, bound in zip(wanted, self._bound(wanted), strict=True):
            self._run(routine, bound)

    def count(self) -> dict[str, int]:
        """How many pairs were ``run`` so far (those that fit), and how many of them are
        ``timeouts``."""
        ran = [
            given
            for known in self._known.values()
            for given in known.values()
            if given.outcome is not Outcome.UNFIT
        ]
        return {"run": len(ran), "timeouts": sum(given.timed_out for given in ran)}

    def given(self, routine: Routine, question_id: str) -> Given:
        """What came of a pair that `run` was asked for."""
        return self._known[anonymous(routine)][question_id]

    def _bound(
        self, wanted: Mapping[Routine, Iterable[str]]
    ) -> list[dict[str, dict[str, Any] | None]]:
        """For each routine, by question: the question's values by the routine's own names; None
        where they do not fit."""
        routines = list(wanted)
        asked: dict[str, list[int]] = {}
        for place, question_ids in enumerate(wanted.values()):
            for question_id in question_ids:
                asked.setdefault(question_id, []).append(place)
        roster = Roster([routine.signature.inputs for routine in routines])
        bound: list[dict[str, dict[str, Any] | None]] = [{} for _ in routines]
        for question_id in sorted(asked):
            question, values = self._questions[question_id], self._values[question_id]
            aligned = roster.align(question.keys)
            rows = {place: row for row, place in enumerate(aligned.places.tolist())}
            positions = aligned.positions.tolist()
            for place in asked[question_id]:
                row = rows.get(place)
                bound[place][question_id] = (
                    None
                    if row is None
                    else _arguments(routines[place], question, positions[row], values)
                )
        return bound

    def _run(self, routine: Routine, bound: Mapping[str, dict[str, Any] | None]) -> None:
        known = self._known[routine]
        known |= {i: _UNFIT for i, values in bound.items() if values is None}
        fitting = {
            question_id: values for question_id, values in bound.items() if values is not None
        }
        found = self._judge(routine, fitting, "monty", FAST_LIMITS)
        # What the fast interpreter could not compute is asked of CPython, but for arithmetic that
        # it could not compute either. Another value is taken as that: of a million pairs few are
        # right, and CPython takes 300 times as long.
        plain = is_plain_arithmetic(routine.code)
        again = {i: v for i, v in fitting.items() if not (plain or found[i].computed)}
        slow = {i: v for i, v in fitting.items() if found[i].timed_out}
        quick = {i: v for i, v in again.items() if i not in slow}
        found |= self._judge(routine, quick, "cpython", LIMITS)
        for question_id, values in slow.items():
            # By itself at once: in a batch it would most likely time out and be run again.
            found |= self._judge(routine, {question_id: values}, "cpython", LIMITS)
        known |= found

    def _judge(
        self,
        routine: Routine,
        bound: Mapping[str, dict[str, Any]],
        backend: Backend,
        limits: Limits,
    ) -> dict[str, Given]:
        if not bound:
            return {}
        found = {}
        how: dict[str, Any] = {"backend": backend, "limits": limits}
        runs = run_routine(routine, list(bound.values()), self._sandbox, **how)
        shrinking = limits.slow_factor < 1 and len(bound) > 1
        for (question_id, values), run in zip(bound.items(), runs, strict=True):
            if run.status == "timeout" and shrinking:
                (run,) = run_routine(routine, [values], self._sandbox, **how)
            question = self._questions[question_id]
            found[question_id] = _given(run, self._expected[question_id], question)
        return found


def _arguments(
    routine: Routine, question: Question, positions: Sequence[int], values: Mapping[str, Any]
) -> dict[str, Any] | None:
    inputs = routine.signature.inputs
    keys = [question.keys[position].name for position in positions]
    try:
        return bind(inputs, {p.name: values[key] for p, key in zip(inputs, keys, strict=True)})
    except BindingError:
        return None


def _given(run: Run, expected: Any, question: Question) -> Given:
    if is_unmet(run):
        return Given(Outcome.UNMET)
    if run.status != "ok":
        return Given(Outcome.WRONG, timed_out=run.status == "timeout")
    # Judged as the question is, whatever the routine says of itself.
    agrees = verify(expected, run.value, Context(verifier=question.verifier)).outcome == "agree"
    return Given(Outcome.PASS if agrees else Outcome.WRONG, run.value, computed=True)


def anonymous(routine: Routine) -> Routine:
    """The routine without its id."""
    return Routine(
        "",
        routine.code,
        routine.entry_point,
        routine.signature,
        routine.predicates,
        routine.verifier,
    )


__all__ = ["Given", "Outcome", "Runs", "anonymous"]
