"""Where untrusted code runs: one contract, two backends.

`Sandbox.run_many` calls ``entry_point(**bindings)`` of a source text for each of many bindings and
gives back plain values (the kinds of `schemas.values`) or typed failures. What was expected never
enters the sandbox, so code cannot forge a pass; results are compared outside.

- ``monty``: a sandboxed interpreter in pooled workers. Thousands of calls a second; not CPython, so
  of what it says only a value that agrees with what was expected counts.
- ``cpython``: children of a warm interpreter under resource limits and, where the machine has them,
  namespaces. Its word is final.

Calls of one ``run_many`` never see one another: they share an interpreter only where the source
cannot keep anything between calls (see `_stateless`).
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from tracemine.verifiers._cpython import CPythonPool
from tracemine.verifiers._monty import MontyPool
from tracemine.verifiers.runs import DEFAULT_LIMITS, Backend, Limits, Run, Status

#: A longer source is refused unread, in characters: no routine is, and parsers are not sandboxed.
MAX_SOURCE_CHARS = 200_000


class Sandbox:
    """Pools of warm workers, started when first needed, ended by `close` or with this process.

    Safe for any number of threads; a forked copy starts workers of its own (of cpython alone where
    the parent has used monty, which does not survive a fork: `Run.backend` says which it was).
    ``processes`` bounds the workers of each kind (default: the number of CPUs).
    """

    def __init__(self, *, processes: int | None = None, namespaces: bool = True) -> None:
        count = processes or os.cpu_count() or 1
        self._monty = MontyPool(count)
        self._cpython = CPythonPool(count, namespaces=namespaces)
        _OPEN.add(self)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers. The sandbox may be used again, which starts new ones."""
        self._monty.close()
        self._cpython.close()

    def isolation(self) -> tuple[str, ...]:
        """The steps of isolation in force for the CPython backend: of ``uid``, ``namespaces``,
        ``read-only``, ``masked``, ``no-capabilities``. Resource limits always are."""
        return self._cpython.isolation()

    def run_many(
        self,
        source: str,
        entry_point: str,
        bindings: Sequence[Mapping[str, Any]],
        *,
        backend: Backend,
        limits: Limits = DEFAULT_LIMITS,
    ) -> list[Run]:
        """``entry_point(**b)`` of ``source`` for each ``b`` of ``bindings``: a `Run` each, in turn.

        Nothing that the code does raises here. A timeout of ``cpython`` was tried again alone.
        About 10 microseconds a call for stateless code in either backend (plus a millisecond a
        batch), else 0.5 ms a call in monty and 3 ms in cpython.
        """
        if not bindings:
            return []
        refusal = _refusal(source, entry_point)
        if refusal:
            return [Run("refused", None, refusal, backend)] * len(bindings)
        fast = backend == "monty" and self._monty.usable()
        pool = self._monty if fast else self._cpython
        return pool.run_many(source, entry_point, bindings, limits)

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


def shared_sandbox() -> Sandbox:
    """The sandbox of this process, made when first asked for and closed at exit."""
    with _SHARED_LOCK:
        if not _SHARED:
            _SHARED.append(Sandbox())
        return _SHARED[0]


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


__all__ = ["DEFAULT_LIMITS", "Backend", "Limits", "Run", "Sandbox", "Status", "shared_sandbox"]
