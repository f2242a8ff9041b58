"""Symbolic comparison (math-verify, sympy) in warm worker processes that are killed when they hang.

Guards come first: what is too long, too deep or explosive never reaches sympy, see `guards`. A
worker is two processes: one that has sympy loaded and only waits, and its fork that compares. A
pair that hangs costs the fork; the next is there within milliseconds, see `_symbolic_child`.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import OrderedDict
from pathlib import Path

from tracemine.verifiers._frames import Worker, WorkerLostError
from tracemine.verifiers.guards import guard
from tracemine.verifiers.verdict import Outcome, Verdict

NAME = "symbolic"

#: Wall time for all pairs of one comparison together, in seconds. Honest pairs take some
#: milliseconds, the slowest of thousands under one second.
WALL_SECONDS = 1.3
#: Over the time that the worker itself keeps, for a busy machine; past it the worker is taken to be
#: lost, in seconds.
GRACE_SECONDS = 0.6
#: Wall time for a worker to start: importing sympy takes seconds on a busy machine.
START_SECONDS = 120.0
#: Workers of one process: one for each core, so that threads rarely wait for one another's hangs.
WORKERS = max(2, min(os.cpu_count() or 2, 16))
#: Verdicts remembered, by the texts of the pair.
MAX_REMEMBERED = 65_536


class Budget:
    """The wall time that is left to one comparison, over all pairs that it needs."""

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = WALL_SECONDS if seconds is None else seconds


def compare_symbolic(reference: str, answer: str, budget: Budget | None = None) -> Verdict:
    """Whether two texts (LaTeX or plain) say the same mathematics. Symmetric; see
    `_symbolic_child.compare`.

    Neither raises nor takes longer than ``budget`` once a worker is warm (and free, where more
    threads call at once than there are `WORKERS`): a pair that hangs is ``unknown``.
    """
    for side, text in (("reference", reference), ("answer", answer)):
        objection = guard(text)
        if objection:
            return Verdict("unknown", f"{side}: {objection}", NAME)
    known = _MEMORY.get(reference, answer)
    if known is not None:
        return known
    budget = budget or Budget()
    if budget.seconds <= 0:
        return Verdict("unknown", "no time left for this pair", NAME)
    full = budget.seconds >= WALL_SECONDS
    try:
        verdict, spent = _POOL.compare(reference, answer, budget.seconds)
    except WorkerLostError as error:
        budget.seconds = 0.0
        return Verdict("unknown", f"worker lost: {error}", NAME)
    budget.seconds -= spent
    # What had only part of the time may do better with all of it.
    if full or "no answer in" not in verdict.reason:
        _MEMORY.put(reference, answer, verdict)
    return verdict


class _Memory:
    """Verdicts by pair; the oldest go first."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._verdicts: OrderedDict[tuple[str, str], Verdict] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, reference: str, answer: str) -> Verdict | None:
        with self._lock:
            return self._verdicts.get((reference, answer))

    def put(self, reference: str, answer: str, verdict: Verdict) -> None:
        with self._lock:
            self._verdicts[reference, answer] = verdict
            if len(self._verdicts) > MAX_REMEMBERED:
                self._verdicts.popitem(last=False)


class _Pool:
    """Warm workers, started when first needed. Any number of threads; a fork starts its own."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._idle: list[Worker] = []
        self._live = 0
        self._free = threading.Condition()

    def abandon(self) -> None:
        for worker in self._idle:
            worker.forget()
        self.reset()

    def close(self) -> None:
        with self._free:
            self._live -= len(self._idle)
            while self._idle:
                self._idle.pop().kill()

    def warm(self) -> None:
        worker = self._take()
        self._give(worker)

    def compare(self, reference: str, answer: str, seconds: float) -> tuple[Verdict, float]:
        """The verdict and the time it took, in seconds of wall time.

        Raises:
            WorkerLostError: if the worker itself hangs or ends; the next call has another.
        """
        worker = self._take()
        began = time.monotonic()
        alive = False
        try:
            request = {"reference": reference, "answer": answer, "seconds": seconds}
            reply, _ = worker.ask(request, seconds=seconds + GRACE_SECONDS)
            outcome: Outcome = reply["outcome"]
            verdict = Verdict(outcome, str(reply["reason"]), NAME)
            alive = True
        finally:
            if alive:
                self._give(worker)
            else:
                worker.kill()
                with self._free:
                    self._live -= 1
                    self._free.notify()
        return verdict, time.monotonic() - began

    def _give(self, worker: Worker) -> None:
        with self._free:
            self._idle.append(worker)
            self._free.notify()

    def _take(self) -> Worker:
        with self._free:
            while not self._idle and self._live >= WORKERS:
                self._free.wait()
            if self._idle:
                return self._idle.pop()
            self._live += 1
        try:
            return _start()
        except BaseException:
            with self._free:
                self._live -= 1
                self._free.notify()
            raise


def _start() -> Worker:
    program = Path(__file__).with_name("_symbolic_child.py")
    command = [sys.executable, "-s", "-P", "-B", str(program)]
    worker = Worker(command, {"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"})
    worker.hello(seconds=START_SECONDS)
    return worker


_POOL = _Pool()
_MEMORY = _Memory()


def warm_symbolic() -> None:
    """Start a worker now, so that no comparison waits for it: a second or two.

    Raises:
        WorkerLostError: if it does not start within `START_SECONDS`.
    """
    _POOL.warm()


def close_symbolic() -> None:
    """End the idle workers and forget all verdicts; the next comparison starts new ones."""
    _POOL.close()
    _MEMORY.reset()


def _after_fork() -> None:
    _POOL.abandon()
    _MEMORY.reset()


os.register_at_fork(after_in_child=_after_fork)
