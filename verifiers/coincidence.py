"""Two routines that give one result at one point: do they also agree nearby?

``budget + price * boxes`` gives what ``budget - price * boxes`` gives where there are no boxes, and
``a * b`` what ``a + b`` gives for two twos. A pass on an instance of another method is evidence
only if the two still agree when any one number of the instance is moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tracemine.schemas import Instance, decode
from tracemine.schemas.values import dump_json, encode
from tracemine.verifiers.equivalence import verify
from tracemine.verifiers.replay import ENTRY, Routine, guarded_source, is_plain_arithmetic
from tracemine.verifiers.runs import Backend, Run
from tracemine.verifiers.sandbox import Sandbox
from tracemine.verifiers.verdict import Context

#: How far a number is moved. One: integers stay integers, and no text states a value so finely
#: that its neighbour would be the same value to it.
STEP = 1


@dataclass(frozen=True, slots=True)
class Meeting:
    """``routine``, bound by ``binding_map`` (its parameter -> key of the instance), gave the result
    of ``instance``, which ``origin`` was lifted from and gives too."""

    routine: Routine
    binding_map: Mapping[str, str]
    origin: Routine
    instance: Instance


def difference_nearby(meetings: Iterable[Meeting], sandbox: Sandbox) -> list[str]:
    """For each meeting where its two routines part when one number is moved, in words; empty where
    they agree at every point at which both have a value (or the instance has no number)."""
    listed = list(meetings)
    points = [_points(meeting.instance) for meeting in listed]
    asked = _Questions()
    for meeting, moved in zip(listed, points, strict=True):
        for _, values in moved:
            asked.add(meeting.routine, _bound(meeting, values))
            asked.add(meeting.origin, values)
    answers = asked.answered(sandbox)
    return [
        _first_difference(meeting, moved, answers)
        for meeting, moved in zip(listed, points, strict=True)
    ]


def _points(instance: Instance) -> list[tuple[str, dict[str, Any]]]:
    """The instance's values with one number moved, for each: its key and all values."""
    values = decode(instance.bindings)
    return [
        (key, {**values, key: value + STEP})
        for key, value in sorted(values.items())
        if isinstance(value, (int, float, Fraction)) and not isinstance(value, bool)
    ]


def _bound(meeting: Meeting, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[key] for name, key in meeting.binding_map.items()}


class _Questions:
    """Calls to make, each once, those of one source together."""

    def __init__(self) -> None:
        self._calls: dict[str, dict[str, dict[str, Any]]] = {}
        self._plain: dict[str, bool] = {}

    def add(self, routine: Routine, bindings: dict[str, Any]) -> None:
        source = guarded_source(routine)
        self._calls.setdefault(source, {})[_key(bindings)] = bindings
        self._plain[source] = is_plain_arithmetic(routine.code)

    def answered(self, sandbox: Sandbox) -> dict[tuple[str, str], Run]:
        """The run of each call, by its source and its bindings."""
        answers: dict[tuple[str, str], Run] = {}
        for source, calls in self._calls.items():
            # One interpreter decides: two may give one value in two ways.
            backend: Backend = "monty" if self._plain[source] else "cpython"
            runs = sandbox.run_many(source, ENTRY, list(calls.values()), backend=backend)
            answers.update({(source, key): r for key, r in zip(calls, runs, strict=True)})
        return answers


def _key(bindings: Mapping[str, Any]) -> str:
    return dump_json({name: encode(value) for name, value in bindings.items()})


def _first_difference(
    meeting: Meeting,
    moved: Iterable[tuple[str, dict[str, Any]]],
    answers: Mapping[tuple[str, str], Run],
) -> str:
    for key, values in moved:
        here = answers[guarded_source(meeting.routine), _key(_bound(meeting, values))]
        there = answers[guarded_source(meeting.origin), _key(values)]
        mine, theirs = _value(here), _value(there)
        if mine is None or theirs is None:
            # Outside what one of them is for (a division by zero, a precondition): says nothing.
            continue
        verdict = verify(theirs[0], mine[0], Context(verifier=meeting.routine.verifier))
        if verdict.outcome != "agree":
            return f"agrees with the other method at this point only: not with another {key}"
    return ""


def _value(run: Run) -> tuple[Any] | None:
    """What the routine gave, in a tuple of one; None where it gave nothing."""
    if run.status == "ok" and type(run.value) is tuple and len(run.value) == 2:
        tag, value = run.value
        if tag == "value":
            return (value,)
    return None
