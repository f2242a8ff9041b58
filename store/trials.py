"""Entries tried on a caller's values: how the values go, whether preconditions hold, what is given.

Stored code is code that models wrote. It runs in the sandbox under its usual limits, what is shared
by several entries as one batch.
"""

from __future__ import annotations

import ast
import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tracemine.schemas import Parameter, canonical_code
from tracemine.store.bindings import Bindings
from tracemine.verifiers import Limits, Run, Sandbox
from tracemine.verifiers.bindings import BindingError, convert
from tracemine.verifiers.replay import is_of_any_numbers, is_plain_arithmetic
from tracemine.verifiers.roles import Roster
from tracemine.verifiers.runs import DEFAULT_LIMITS
from tracemine.verifiers.sandbox import Backend

#: Routines of which it is remembered how they are run.
_REMEMBERED = 16384

#: A program that does nothing.
_NOTHING = "def nothing():\n    return None\n"

#: The name that preconditions are called by in the sandbox.
_HOLD = "tracemine_hold"


#: Why an entry is not run.
IN_WORDS = "not run: its routine is in words"
_UNRUN = "not run: no sandbox"
_TOO_SLOW = "not run: too many entries before it ran out of time"
NO_TIME = "not run to its end in the time that this search has"
_UNASKED = (_TOO_SLOW, NO_TIME)

#: Each gets so long in the fast interpreter before any is run for longer, in CPython: what takes
#: microseconds must not wait for what loops.
FIRST_LOOK = 0.2
#: Calls of one program that time is kept for: after some timeouts the others get a tenth.
_CALLS = 4


@dataclass(frozen=True, slots=True)
class Tried:
    """What of an entry is tried: its first variant (``code`` is empty where that is in words), its
    inputs and its preconditions as boolean expressions over these."""

    code: str
    entry_point: str
    inputs: tuple[Parameter, ...]
    predicates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it. ``roles``: parameter -> the caller's name. ``met``: whether the
    preconditions hold, None where it could not be said. ``value`` is what the variant gave, which
    may be None; ``reason`` says why it gave nothing and is empty where it did."""

    roles: Mapping[str, str]
    met: bool | None
    value: Any = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Fitting:
    """How a caller's values serve an entry. ``roles``: parameter -> the caller's name;
    ``values``: parameter -> the value as its type says."""

    roles: Mapping[str, str]
    values: Mapping[str, Any]


def fit_all(entries: Sequence[Tried], bindings: Bindings) -> list[Fitting | None]:
    """For each of ``entries`` how it takes the values, None where one of them is not of its
    parameter's type (`convert`). Coarse types must fit already.

    A number that is not whole is none of an ``int``, but where the routine does the same with
    numbers of every kind (`is_of_any_numbers`): that its traces had whole ones says nothing of it
    then, and its preconditions are asked of the number itself.
    """
    return [
        _fitted(entry, way, bindings)
        for entry, way in zip(entries, _aligned(entries, bindings), strict=True)
    ]


def _fitted(entry: Tried, roles: Mapping[str, str], bindings: Bindings) -> Fitting | None:
    values: dict[str, Any] = {}
    for parameter in entry.inputs:
        given = bindings.values[roles[parameter.name]]
        try:
            values[parameter.name] = convert(given, parameter.type)
        except BindingError:
            if parameter.type != "int" or not is_of_any_numbers(entry.code):
                return None
            try:
                values[parameter.name] = convert(given, "rational")
            except BindingError:
                return None
    return Fitting(roles, values)


def untried(entries: Sequence[Tried], fitted: Sequence[Fitting]) -> list[Trial]:
    """The trials of ``entries`` where nothing can be run; otherwise as `try_all`."""
    return [
        Trial(fit.roles, None if entry.predicates or not entry.code else True, reason=_UNRUN)
        for entry, fit in zip(entries, fitted, strict=True)
    ]


def try_all(entries: Sequence[Tried], fitted: Sequence[Fitting], batches: Batches) -> list[Trial]:
    """A `Trial` for each of ``entries``, in order, on the values that are ``fitted`` to it.

    Neither raises nor hangs on account of the code: what goes wrong is a reason.

    Raises:
        RuntimeError: if the sandbox has no worker to give; see `Sandbox.run_many`.
    """
    trials: dict[int, Trial] = {}
    bound: dict[int, Mapping[str, Any]] = {}
    for index, (entry, fit) in enumerate(zip(entries, fitted, strict=True)):
        if entry.code:
            bound[index] = fit.values
        else:
            # Nobody has looked at what its words need, either.
            trials[index] = Trial(fit.roles, None, reason=IN_WORDS)

    def conditions(index: int) -> _Program | None:
        return _conditions(entries[index])

    def routine(index: int) -> _Program | None:
        return _program(entries[index])

    # What gives a value at once has the first word: neither conditions nor routines that take their
    # time leave it without.
    judged = batches.look([i for i in bound if entries[i].predicates], conditions, bound)
    held = [i for i in bound if i not in judged or _holds(judged[i])]
    ran = batches.look(held, routine, bound)
    judged |= batches.look_again(judged, conditions, bound)
    ran |= batches.look([i for i in judged if i not in ran and _holds(judged[i])], routine, bound)
    ran |= batches.look_again(ran, routine, bound)
    for index, run in judged.items():
        if not _holds(run):
            unasked = run.reason in _UNASKED
            why = run.reason if unasked else "a precondition does not hold"
            trials[index] = Trial(fitted[index].roles, None if unasked else False, reason=why)
    for index, run in ran.items():
        told = run.reason if run.reason in _UNASKED else f"{run.status}: {run.reason}"
        told = "" if run.status == "ok" else told
        trials[index] = Trial(fitted[index].roles, True, run.value, told)
    return [trials[index] for index in range(len(entries))]


def _holds(run: Run) -> bool:
    return run.status == "ok" and run.value is True


def _aligned(entries: Sequence[Tried], bindings: Bindings) -> list[dict[str, str]]:
    """For each entry, parameter -> the caller's name."""
    found = Roster([entry.inputs for entry in entries]).align(bindings.keys)
    names = [key.name for key in bindings.keys]
    return [
        {
            parameter.name: names[position]
            for parameter, position in zip(entry.inputs, row, strict=True)
        }
        for entry, row in zip(entries, found.positions.tolist(), strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Program:
    """``source`` defines ``entry_point``, whose parameters are ``names``. ``final``: an error of
    the fast interpreter is CPython's."""

    source: str
    entry_point: str
    names: tuple[str, ...]
    final: bool = False


#: The program of an entry, by index, and the values it is run on.
_Of = Callable[[int], _Program | None]
_Bound = Mapping[int, Mapping[str, Any]]


class Batches:
    """Runs programs for one search, one batch for all calls of one, in the order in which they are
    given: for a moment in the fast interpreter (`look`), for longer in CPython (`look_again`).
    After as many timeouts as `Limits` grants one batch, the other programs get as little time as
    its remaining calls would, or are not run, so that entries which loop cost a search some
    seconds, however many they are.

    ``seconds`` of time, by the clock on the wall, are all that programs get; what they have not
    given by then is a timeout with the reason `NO_TIME`. Workers start on time of their own.
    """

    def __init__(
        self, sandbox: Sandbox, limits: Limits = DEFAULT_LIMITS, *, seconds: float = math.inf
    ) -> None:
        self._sandbox = sandbox
        self._limits = limits
        self._left = seconds
        self._started: set[Backend] = set()
        #: Timeouts in each interpreter.
        self._timeouts: dict[Backend, int] = {"monty": 0, "cpython": 0}

    def look(self, wanted: Sequence[int], program: _Of, bound: _Bound) -> dict[int, Run]:
        """A `Run` of ``program(index)`` on the values ``bound[index]`` in the fast interpreter, for
        each index ``wanted``."""
        runs = {i: Run("refused", None, "not Python", "") for i in wanted if program(i) is None}
        for found, members in _grouped(wanted, program).items():
            runs |= self._batch(found, members, bound, "monty")
        return runs

    def look_again(self, runs: Mapping[int, Run], program: _Of, bound: _Bound) -> dict[int, Run]:
        """A `Run` in CPython of those of ``runs`` on which the fast interpreter has not the last
        word."""
        again: dict[int, Run] = {}
        for found, members in _grouped(runs, program).items():
            sure = ("ok", "refused", "error") if found.final else ("ok", "refused")
            unsure = [index for index in members if runs[index].status not in sure]
            again |= self._batch(found, unsure, bound, "cpython")
        return again

    def _batch(
        self,
        program: _Program,
        members: Sequence[int],
        bound: _Bound,
        backend: Backend,
    ) -> dict[int, Run]:
        # By place: entries that share a program may call its parameters by other names.
        calls = [dict(zip(program.names, bound[i].values(), strict=True)) for i in members]
        found = self._run(program, calls, backend) if calls else []
        self._timeouts[backend] += sum(run.status == "timeout" for run in found)
        return dict(zip(members, found, strict=True))

    def _run(
        self, program: _Program, calls: Sequence[Mapping[str, Any]], backend: Backend
    ) -> list[Run]:
        limits, timeouts = self._limits, self._timeouts[backend]
        if timeouts >= limits.most_slow_calls:
            return [Run("timeout", None, _TOO_SLOW, backend)] * len(calls)
        if self._left <= 0:
            return [Run("timeout", None, NO_TIME, backend)] * len(calls)
        seconds = min(limits.seconds, FIRST_LOOK) if backend == "monty" else limits.seconds
        if timeouts >= limits.slow_calls:
            seconds *= limits.slow_factor
        granted = min(seconds, self._left / min(len(calls), _CALLS))
        limits = dataclasses.replace(limits, seconds=granted)
        if self._left < math.inf:
            self._start(backend)
            limits = dataclasses.replace(limits, wall_seconds=self._left)
        begun = time.monotonic()
        runs = self._sandbox.run_many(
            program.source, program.entry_point, calls, backend=backend, limits=limits
        )
        self._left -= time.monotonic() - begun
        if granted == seconds and self._left > 0:
            return runs
        return [
            Run("timeout", None, NO_TIME, backend) if run.status == "timeout" else run
            for run in runs
        ]

    def _start(self, backend: Backend) -> None:
        """See that there is a worker: to start one takes as long as thousands of runs."""
        if backend not in self._started:
            self._sandbox.run_many(_NOTHING, "nothing", [{}], backend=backend)
            self._started.add(backend)


def _grouped(wanted: Iterable[int], program: _Of) -> dict[_Program, list[int]]:
    """Those of ``wanted`` that have a program, by their program, in order of the first of each."""
    batches: dict[_Program, list[int]] = {}
    for index in wanted:
        found = program(index)
        if found is not None:
            batches.setdefault(found, []).append(index)
    return batches


def _program(entry: Tried) -> _Program:
    return _shared(entry.code, entry.entry_point, tuple(p.name for p in entry.inputs))


@lru_cache(maxsize=_REMEMBERED)
def _shared(code: str, entry_point: str, names: tuple[str, ...]) -> _Program:
    """The program of a routine: the same for all whose code differs in names alone, where it is
    arithmetic, whose names nothing else can tell."""
    if is_plain_arithmetic(code):
        tree = ast.parse(code)
        head = tree.body[0]
        if (
            len(tree.body) == 1
            and isinstance(head, ast.FunctionDef)
            and ast.unparse(head.args) == ", ".join(names)
        ):
            places = tuple(f"p{place}" for place in range(len(names)))
            return _Program(canonical_code(code, entry_point), "f", places, final=True)
    return _Program(code, entry_point, names)


def _conditions(entry: Tried) -> _Program | None:
    return _all_hold(tuple(p.name for p in entry.inputs), entry.predicates)


@lru_cache(maxsize=_REMEMBERED)
def _all_hold(names: tuple[str, ...], predicates: tuple[str, ...]) -> _Program | None:
    """A function that gives True if all predicates hold; None if one is not an expression."""
    for predicate in predicates:
        try:
            ast.parse(predicate, mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
    tests = [f"    if not (\n{predicate}\n    ):\n        return False" for predicate in predicates]
    source = "\n".join([f"def {_HOLD}({', '.join(names)}):", *tests, "    return True"]) + "\n"
    return _Program(source, _HOLD, names)


__all__ = [
    "IN_WORDS",
    "NO_TIME",
    "Batches",
    "Fitting",
    "Trial",
    "Tried",
    "fit_all",
    "try_all",
    "untried",
]
