"""Where untrusted code runs: one contract, two backends.

`Sandbox.run_many` calls ``entry_point(**bindings)`` of a source text for each of many bindings and
gives back plain values (the kinds of `schemas.values`) or typed failures. What was expected never
enters the sandbox, so code cannot forge a pass; results are compared outside.

- ``monty``: a sandboxed interpreter in pooled workers. Thousands of calls a second; not CPython, so
  of what it says only a value that agrees with what was expected counts.
- ``cpython``: children of a warm interpreter under resource limits and, where the machine has them,
  namespaces (our own, or bubblewrap's) and seccomp. Its word is final.

Calls of one ``run_many`` share an interpreter only where the source keeps nothing between calls by
any way that `_stateless` knows; all others get one each.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from tracemine.verifiers._cpython import MECHANISMS, CPythonPool, Granted
from tracemine.verifiers._monty import MontyPool
from tracemine.verifiers.runs import (
    DEFAULT_LIMITS,
    Backend,
    Isolation,
    IsolationError,
    Limits,
    Mechanism,
    Run,
    Status,
)

#: A longer source is refused unread, in characters: no routine is, and parsers are not sandboxed.
MAX_SOURCE_CHARS = 200_000

#: The seed of hashes and random numbers in the interpreters that confirm; in the others it is 0.
SECOND_SEED = 1


class Sandbox:
    """Pools of warm workers, started when first needed, ended by `close` or with this process.

    Safe for any number of threads; a forked copy starts workers of its own (of cpython alone where
    the parent has used monty, which does not survive a fork: `Run.backend` says which it was).
    ``processes`` bounds the workers of each kind (default: the number of CPUs).
    """

    def __init__(
        self, *, processes: int | None = None, mechanisms: Sequence[Mechanism] = MECHANISMS
    ) -> None:
        count = processes or os.cpu_count() or 1
        self._monty = MontyPool(count)
        # What the machine grants one of them it grants the other; what is required is of both.
        self._granted = Granted(tuple(mechanisms))
        self._cpython = CPythonPool(count, self._granted)
        self._second = CPythonPool(count, self._granted, hash_seed=SECOND_SEED)
        _OPEN.add(self)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers. The sandbox may be used again, which starts new ones."""
        self._monty.close()
        self._cpython.close()
        self._second.close()

    def isolation(self) -> Isolation:
        """What is in force for the CPython backend.

        Raises:
            RuntimeError: if its workers do not start by any of the mechanisms allowed.
        """
        return self._cpython.isolation()

    def require_isolation(self) -> None:
        """See that namespaces hold, and from now on run code in CPython nowhere without: where a
        later worker does not get them, `run_many` raises.

        Raises:
            IsolationError: if they do not; the text says why.
        """
        self._granted.required = True
        self.isolation()

    def run_many(
        self,
        source: str,
        entry_point: str,
        bindings: Sequence[Mapping[str, Any]],
        *,
        backend: Backend,
        limits: Limits = DEFAULT_LIMITS,
        second_seed: bool = False,
    ) -> list[Run]:
        """``entry_point(**b)`` of ``source`` for each ``b`` of ``bindings``: a `Run` each, in turn.

        ``second_seed`` (of ``cpython`` alone) runs it in another interpreter, where hashes,
        addresses and random numbers are others: a result that rests on them changes.

        Nothing that the code does raises here; a machine that has no worker to give does. A timeout
        of ``cpython`` by the clock on the wall, which only what sleeps meets, was tried again
        alone, unless one before it was; so was a call whose worker was lost. To sleep costs two
        such clocks at most, see `Limits`. About 10 microseconds a call for stateless code in either
        backend (plus a millisecond a batch), else 0.3 ms a call in monty and 2 ms in cpython.

        Raises:
            IsolationError: if isolation was required, and no worker that has it starts.
            RuntimeError: if no worker starts at all.
        """
        if not bindings:
            return []
        refusal = _refusal(source, entry_point)
        if refusal:
            return [Run("refused", None, refusal, backend)] * len(bindings)
        pool: MontyPool | CPythonPool = self._second if second_seed else self._cpython
        if backend == "monty" and not second_seed and self._monty.usable():
            pool = self._monty
        return pool.run_many(source, entry_point, bindings, limits)

    def run_calls(
        self, source: str, calls: Sequence[str], *, limits: Limits = DEFAULT_LIMITS
    ) -> Run:
        """What ``calls`` (expressions) give after ``source``, one after the other in one fresh
        interpreter of monty: a `Run` whose value is a list, each as it was before the next.

        ``unsupported`` also where `run_many` could say more: a value that would have to be looked
        at from inside. Nothing that the code does raises here. About 0.2 ms for three calls.
        """
        refusal = _refusal(source, "calls")
        if refusal:
            return Run("refused", None, refusal, "monty")
        if not self._monty.usable():
            return Run("unsupported", None, "monty does not survive a fork", "monty")
        return self._monty.run_calls(source, calls, limits)

    def run(
        self,
        source: str,
        entry_point: str,
        bindings: Mapping[str, Any],
        *,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Run:
        """One call: in monty and, unless that gave a value, in cpython, whose word is final."""
        (run,) = self.run_many(source, entry_point, [bindings], backend="monty", limits=limits)
        if run.status in ("ok", "refused"):
            return run
        (run,) = self.run_many(source, entry_point, [bindings], backend="cpython", limits=limits)
        return run

    def _abandon(self) -> None:
        self._monty.abandon()
        self._cpython.abandon()
        self._second.abandon()


def _refusal(source: str, entry_point: str) -> str:
    if len(source) > MAX_SOURCE_CHARS:
        return f"a source of more than {MAX_SOURCE_CHARS} characters"
    if not entry_point.isidentifier():
        return "the entry point is no name"
    try:
        source.encode()
    except UnicodeEncodeError:
        return "a source that is not Unicode text"
    return ""


_OPEN: weakref.WeakSet[Sandbox] = weakref.WeakSet()
_SHARED: list[Sandbox] = []
_SHARED_LOCK = threading.Lock()


def shared_sandbox(*, require_isolation: bool = False) -> Sandbox:
    """The sandbox of this process, made when first asked for and closed at exit.

    Raises:
        IsolationError: if ``require_isolation``, and namespaces do not hold.
    """
    with _SHARED_LOCK:
        if not _SHARED:
            _SHARED.append(Sandbox())
        sandbox = _SHARED[0]
    if require_isolation:
        sandbox.require_isolation()
    return sandbox


def _close_all() -> None:
    for sandbox in list(_OPEN):
        sandbox.close()


def _after_fork() -> None:
    global _SHARED_LOCK
    _SHARED_LOCK = threading.Lock()
    for sandbox in list(_OPEN):
        sandbox._abandon()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_after_fork)


__all__ = [
    "DEFAULT_LIMITS",
    "Backend",
    "Isolation",
    "IsolationError",
    "Limits",
    "Mechanism",
    "Run",
    "Sandbox",
    "Status",
    "shared_sandbox",
]
