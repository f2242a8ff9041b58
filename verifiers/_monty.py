"""The first backend: pydantic-monty, an interpreter of its own in pooled worker processes.

It has no files, no network and no clock of the machine, and it counts time and memory itself. It is
not CPython, so what it says counts only where a value is confirmed by what was expected.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pydantic_monty

from tracemine.schemas import NotPlainError, encode
from tracemine.verifiers._stateless import is_stateless

if TYPE_CHECKING:
    from tracemine.verifiers.sandbox import Limits, Run

NAME = "monty"

#: What a run may print before it is an error, in bytes. Nobody reads it.
OUTPUT_BYTES = 1 << 20

#: Same clock and same random numbers in every run.
_POLICY: Any = {"sleep": "zero", "random_start": {"seed": 0}}

#: Fed before the code, so that names which the code binds again change nothing. Values are checked
#: inside, because the way out turns what it does not know (a range, a lambda) into text.
_DRIVER = """
import collections as __tm_collections
def __tm_plain(
    value, depth, typed=type,
    scalars=frozenset([type(None), bool, int, float, complex, str, bytes]),
    rows=frozenset([list, tuple, set, frozenset]),
    tables=frozenset([dict, __tm_collections.Counter, __tm_collections.defaultdict]),
):
    kind = typed(value)
    if kind in scalars:
        return True
    if depth > 40:
        return False
    if kind in rows:
        for member in value:
            if not __tm_plain(member, depth + 1):
                return False
        return True
    if kind in tables:
        for key in value:
            if not __tm_plain(key, depth + 1) or not __tm_plain(value[key], depth + 1):
                return False
        return True
    return False
def __tm_call(
    entry, many, typed=type, plain=__tm_plain, text=str,
    error_type=Exception, base=BaseException, scalars=frozenset([bool, int, float]),
):
    out = []
    for keywords in many:
        try:
            value = entry(**keywords)
            if typed(value) in scalars or plain(value, 0):
                out.append((0, value))
            else:
                out.append((1, 'not a plain value'))
        except base as error:
            out.append((2, typed(error).__name__ + ': ' + text(error)))
    return out
"""

_UNSUPPORTED = ("NotImplementedError", "ModuleNotFoundError", "ImportError", "Internal error")

#: Pools of a parent process. Their threads did not survive the fork, so they are never closed here.
_ABANDONED: list[Any] = []


class MontyPool:
    """Runs code in monty's workers. Any number of threads."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._lock = threading.Lock()
        self._pool: Any = None
        self._owner = -1

    def _started(self) -> Any:
        with self._lock:
            if self._pool is None or self._owner != os.getpid():
                self.abandon()
                pool = pydantic_monty.Monty(max_processes=self._processes)
                self._pool, self._owner = pool.__enter__(), os.getpid()
            return self._pool

    def close(self) -> None:
        """End the workers; the next run starts new ones."""
        with self._lock:
            if self._pool is not None and self._owner == os.getpid():
                self._pool.__exit__(None, None, None)
                self._pool = None

    def abandon(self) -> None:
        """Forget a pool that belongs to the process that this one was forked from."""
        if self._pool is not None:
            _ABANDONED.append(self._pool)
            self._pool = None

    def run_many(
        self,
        source: str,
        entry_point: str,
        bindings: Sequence[Mapping[str, Any]],
        limits: Limits,
    ) -> list[Run]:
        """One `Run` for each of ``bindings``, in order. Raises nothing on account of the code."""
        if len(bindings) > 1 and is_stateless(source):
            together = self._session(source, entry_point, bindings, limits, limits.seconds)
            if together is not None:
                return together
        runs: list[Run] = []
        seconds, slow = limits.seconds, 0
        for keywords in bindings:
            (run,) = self._alone(source, entry_point, keywords, limits, seconds)
            runs.append(run)
            slow += run.status == "timeout"
            if slow >= limits.slow_calls:
                seconds = limits.seconds * limits.slow_factor
        return runs

    def _alone(
        self,
        source: str,
        entry_point: str,
        keywords: Mapping[str, Any],
        limits: Limits,
        seconds: float,
    ) -> list[Run]:
        runs = self._session(source, entry_point, [keywords], limits, seconds, last_word=True)
        assert runs is not None
        return runs

    def _session(
        self,
        source: str,
        entry_point: str,
        bindings: Sequence[Mapping[str, Any]],
        limits: Limits,
        seconds: float,
        *,
        last_word: bool = False,
    ) -> list[Run] | None:
        """All of ``bindings`` in one fresh session, or None where that decides nothing."""
        from tracemine.verifiers.sandbox import Run

        resources: Any = {
            "max_feed_duration_secs": seconds,
            "max_memory": limits.memory_mib << 20,
        }
        sink = pydantic_monty.CollectString(max_bytes=OUTPUT_BYTES)
        loaded = False
        try:
            with self._started().checkout(limits=resources, os_policy=_POLICY) as session:
                session.feed_run(_DRIVER)
                session.feed_run(source, print_callback=sink)
                session.feed_run(f"__tm_entry = {entry_point}")
                loaded = True
                rows = session.feed_run(
                    "__tm_call(__tm_entry, __tm_many)",
                    inputs={"__tm_many": [dict(b) for b in bindings]},
                    print_callback=sink,
                )
        except pydantic_monty.MontyCrashedError as error:
            status = "timeout" if getattr(error, "timed_out", False) else "error"
            failed = Run(status, None, _cut(error), NAME)  # type: ignore[arg-type]
        except pydantic_monty.MontyConversionError as error:
            failed = Run("unsupported", None, _cut(error), NAME)
        except pydantic_monty.MontyError as error:
            failed = _failure(error)
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            # A value that does not go in (nested too deep, an integer of too many digits).
            failed = Run("unsupported", None, _cut(error), NAME)
        else:
            return [_read(row, limits) for row in rows]
        if last_word or (not loaded and failed.status != "timeout"):
            return [failed] * len(bindings)
        return None


def _failure(error: Exception) -> Run:
    from tracemine.verifiers.sandbox import Run

    text = _cut(error)
    if text.startswith("TimeoutError"):
        return Run("timeout", None, text, NAME)
    if text.startswith("MemoryError"):
        return Run("memory", None, text, NAME)
    if any(word in text[:60] for word in _UNSUPPORTED):
        return Run("unsupported", None, text, NAME)
    return Run("error", None, text, NAME)


def _read(row: Any, limits: Limits) -> Run:
    from tracemine.verifiers.sandbox import Run

    tag, value = row
    if tag == 2:
        text = str(value)[:300]
        return Run("unsupported" if text.startswith(_UNSUPPORTED) else "error", None, text, NAME)
    if tag == 1:
        return Run("unsupported", None, str(value), NAME)
    if type(value) not in (int, float, bool) or (type(value) is int and value.bit_length() > 64):
        try:
            if len(encode(value)) > limits.result_chars:
                raise NotPlainError("a result of more than the characters allowed")
        except ValueError as error:  # not plain, or an integer of too many digits
            return Run("unsupported", None, _cut(error), NAME)
    return Run("ok", value, "", NAME)


def _cut(error: BaseException) -> str:
    return str(error)[:300]
