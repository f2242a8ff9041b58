"""Two routines that give one result at one point: do they also agree nearby?

``budget + price * boxes`` gives what ``budget - price * boxes`` gives where there are no boxes,
``a * b`` what ``a + b`` gives for two twos, and a list that falls has its ends where it has its
extremes. A pass on an instance of another method is evidence only if the two methods still agree
when any one value of the instance is changed a little.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tracemine.schemas import Instance, decode
from tracemine.schemas.values import dump_json, encode
from tracemine.verifiers.bindings import BindingError, bind
from tracemine.verifiers.equivalence import VERIFIERS, verify
from tracemine.verifiers.replay import Routine, computer, is_plain_arithmetic, run_routine
from tracemine.verifiers.runs import Backend, Run
from tracemine.verifiers.sandbox import Sandbox
from tracemine.verifiers.verdict import Context

#: Numbers are moved by one, and by this share of the largest number beside them, which no
#: tolerance overlooks.
SHARE = Fraction(1, 1000)

#: What that share is taken of at most: a float can still be moved by it.
LARGEST = Fraction(10**300)

#: What the reason begins with where two routines part.
ELSEWHERE = "agrees with the other method at this point only"

#: Changes of one value; each costs two calls.
MAX_CHANGES = 6


#: What may be in a list that is empty here.
_FEW = ([3, 1, 4], [2], ["b", "a"], ["c"], [[3, 1], [4]], [("b", 2)])


@dataclass(frozen=True, slots=True)
class Meeting:
    """``routine``, bound by ``binding_map`` (its parameter -> key of the instance), gave the result
    of ``instance``, which ``origin`` was lifted from and gives too."""

    routine: Routine
    binding_map: Mapping[str, str]
    origin: Routine
    instance: Instance


def difference_nearby(meetings: Iterable[Meeting], sandbox: Sandbox) -> list[str]:
    """For each meeting where its two routines part when one value is changed, in words; empty where
    they agree at every point at which both have a value."""
    listed = list(meetings)
    points = [_points(meeting.instance) for meeting in listed]
    asked = _Questions()
    for meeting, moved in zip(listed, points, strict=True):
        for _, values in moved:
            asked.add(meeting.routine, _served(meeting, values))
            asked.add(meeting.origin, values)
    asked.run(sandbox)
    return [
        _first_difference(meeting, moved, asked)
        for meeting, moved in zip(listed, points, strict=True)
    ]


def _points(instance: Instance) -> list[tuple[str, dict[str, Any]]]:
    """The instance's values with one of them changed, for each change: its key and all values."""
    values = decode(instance.bindings)
    sizes = [abs(Fraction(n)) for v in values.values() for n in _numbers(v)]
    step = max(1, int(min(max(sizes, default=Fraction(0)), LARGEST) * SHARE))
    return [
        (key, {**values, key: changed})
        for key, value in sorted(values.items())
        for changed in _changes(value, step)[:MAX_CHANGES]
        if _differs(changed, value)
    ]


def _differs(changed: Any, value: Any) -> bool:
    try:
        return encode(changed) != encode(value)
    except ValueError:  # an integer that has one digit too many now
        return False


def _numbers(value: Any) -> Iterator[int | float | Fraction]:
    """The finite real numbers in a value."""
    if isinstance(value, (int, float, Fraction)) and not isinstance(value, bool):
        if not isinstance(value, float) or math.isfinite(value):
            yield value
    elif isinstance(value, dict):
        yield from (n for item in value.values() for n in _numbers(item))
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from (n for item in value for n in _numbers(item))


def _changes(value: Any, step: int) -> list[Any]:
    """``value`` changed a little, in several ways; of its own kind."""
    match value:
        case bool():
            return [not value]
        case int() | float() | Fraction():
            # Twice and odd, too: a truth or a remainder survives one step.
            return [value + 1, value + 2, value + step, 2 * value + 1, value - 1]
        case str():
            after = chr(ord(value[-1]) + 1) if value and value[-1].isalnum() else "a"
            return [value + after, value[1:], value[::-1], after + value, value[:1] + value]
        case list() | tuple() | set() | frozenset() | dict() if not value:
            # Nothing in it says of what kind its members are: those that do not fit are not asked.
            if isinstance(value, dict):
                return [{1: 2, 3: 5}, {"a": 2, "b": 5}, {"b": "a"}, {2: "b"}]
            kind = type(value)
            few = _FEW if isinstance(value, (list, tuple)) else _FEW[:4]  # members with hashes
            return [kind(members) for members in few]
        case list() | tuple():
            kind = type(value)
            inner = (
                [kind([*value[:-1], new]) for new in _changes(value[-1], step)[:2]] if value else []
            )
            longer = [kind([*value, *_changes(value[-1], step)[:1]])] if value else []
            return [*longer, *inner, value[1:], value[::-1]]
        case set() | frozenset():
            bag = type(value)
            members = sorted(value, key=encode)
            new = [change for last in members[-1:] for change in _changes(last, step)[:1]]
            return [bag([*members, *new]), bag([*members[:-1], *new]), bag(members[1:])]
        case dict():
            keys = sorted(value, key=encode)
            other = [{**value, k: new} for k in keys[:1] for new in _changes(value[k], step)[:2]]
            return [*other, {k: value[k] for k in keys[1:]}]
    return []


def _served(meeting: Meeting, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[key] for name, key in meeting.binding_map.items()}


class _Questions:
    """Calls to make, each once, those of one routine together."""

    def __init__(self) -> None:
        self._calls: dict[Routine, dict[str, dict[str, Any]]] = {}
        self._runs: dict[tuple[Routine, str], Run] = {}

    def add(self, routine: Routine, values: Mapping[str, Any]) -> None:
        """Values by parameter; those that do not fit the routine's types are not asked for."""
        with contextlib.suppress(BindingError):
            bound = bind(routine.signature.inputs, values)
            self._calls.setdefault(routine, {})[_key(values)] = bound

    def run(self, sandbox: Sandbox) -> None:
        for routine, calls in self._calls.items():
            # One interpreter decides: two may give one value in two ways.
            backend: Backend = "monty" if is_plain_arithmetic(routine.code) else "cpython"
            # What is plain arithmetic is computed here: no value of these is itself evidence.
            computed = computer(routine)
            ours = {key: run for key, v in calls.items() if computed and (run := computed(v))}
            rest = {key: values for key, values in calls.items() if key not in ours}
            runs = run_routine(routine, list(rest.values()), sandbox, backend=backend)
            found = ours | dict(zip(rest, runs, strict=True))
            self._runs |= {(routine, key): run for key, run in found.items()}

    def value(self, routine: Routine, values: Mapping[str, Any]) -> tuple[Any] | None:
        """What the routine gave, in a tuple of one; None where it gave nothing."""
        run = self._runs.get((routine, _key(values)))
        return (run.value,) if run is not None and run.status == "ok" else None


def _key(values: Mapping[str, Any]) -> str:
    return dump_json({name: encode(value) for name, value in values.items()})


def _first_difference(
    meeting: Meeting, moved: Iterable[tuple[str, dict[str, Any]]], asked: _Questions
) -> str:
    for key, values in moved:
        mine = asked.value(meeting.routine, _served(meeting, values))
        theirs = asked.value(meeting.origin, values)
        if mine is None or theirs is None:
            # Outside what one of them is for (a division by zero, a precondition): says nothing.
            continue
        if meeting.routine.verifier not in VERIFIERS:
            return f"no verifier {meeting.routine.verifier}"
        verdict = verify(theirs[0], mine[0], Context(verifier=meeting.routine.verifier))
        if verdict.outcome != "agree":
            return f"{ELSEWHERE}: not with another {key}"
    return ""
