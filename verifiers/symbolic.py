"""Symbolic comparison (math-verify, sympy) in warm worker processes that are killed when they hang.

Guards come first: what is too long, too deep or explosive never reaches sympy, see `guards`. One
program loads sympy and only forks; each of its forks serves one thread at a time, and has the pairs
compared by a fork of its own. So a pair that hangs costs that last fork alone, the next is there
within milliseconds, and nobody waits for another's hang. See `_symbolic_child`.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import socket
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tracemine.verifiers._frames import WorkerLostError
from tracemine.verifiers.guards import guard
from tracemine.verifiers.verdict import Outcome, Verdict

NAME = "symbolic"

#: Wall time for all pairs of one comparison together, waiting included, in seconds. Honest pairs
#: take some milliseconds, the slowest of thousands under one second.
WALL_SECONDS = 1.3
#: Over the time that the worker itself keeps, for a busy machine; past it the worker is taken to be
#: lost, in seconds.
GRACE_SECONDS = 0.6
#: Wall time for the program to start: importing sympy takes seconds on a busy machine.
START_SECONDS = 120.0
#: Workers that compare at once: more than a process has threads, or honest pairs would wait for
#: those that hang.
MAX_AT_ONCE = 32
#: Workers that are kept when nobody needs them, and that `warm_symbolic` starts.
KEPT = 4
#: Verdicts remembered, by the texts of the pair.
MAX_REMEMBERED = 65_536
#: Of a time without an answer a worker must have computed this share, or the machine was too busy
#: for it to tell anything about the pair.
COMPUTING_SHARE = 0.8
#: Full times that a pair gets before that it has no answer is remembered ...
TRIES = 2
#: ... and for how long it is, in seconds.
REMEMBER_TIMEOUT_SECONDS = 600.0


class Budget:
    """The wall time that is left to one comparison, over all pairs that it needs."""

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = WALL_SECONDS if seconds is None else seconds


def compare_symbolic(reference: str, answer: str, budget: Budget | None = None) -> Verdict:
    """Whether two texts (LaTeX or plain) say the same mathematics. Symmetric; see
    `_symbolic_child.compare`.

    Neither raises nor takes longer than ``budget`` and `GRACE_SECONDS`: a pair that hangs is
    ``unknown``, and so is one for which no worker is free. Only while no worker has ever been ready
    in this process does it wait for one, up to `START_SECONDS`: see `warm_symbolic`.
    """
    for side, text in (("reference", reference), ("answer", answer)):
        objection = guard(text)
        if objection:
            return Verdict("unknown", f"{side}: {objection}", NAME)
    reference, answer = sorted((reference, answer))
    known = _MEMORY.get(reference, answer)
    if known is not None:
        return known
    budget = budget or Budget()
    if budget.seconds <= 0:
        return Verdict("unknown", "no time left for this pair", NAME)
    full = budget.seconds >= WALL_SECONDS
    try:
        reply, spent = _POOL.compare(reference, answer, budget.seconds)
    except WorkerLostError as error:
        budget.seconds = 0.0
        return Verdict("unknown", f"no worker: {error}", NAME)
    budget.seconds -= spent
    outcome: Outcome = reply["outcome"]
    verdict = Verdict(outcome, str(reply["reason"]), NAME)
    if not reply["timed_out"]:
        _MEMORY.put(reference, answer, verdict)
    # What had only a part of the time, or of a processor, may do better with all of it.
    elif full and reply["computing"] >= COMPUTING_SHARE * reply["seconds"]:
        _MEMORY.put_timeout(reference, answer, verdict)
    return verdict


class _Memory:
    """Verdicts by pair; the oldest go first."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        # With each verdict the times that the pair had no answer, and until when it is held.
        self._verdicts: OrderedDict[tuple[str, str], tuple[Verdict, int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, reference: str, answer: str) -> Verdict | None:
        with self._lock:
            verdict, timeouts, until = self._verdicts.get((reference, answer), (None, 0, -math.inf))
            return verdict if timeouts in (0, TRIES) and time.monotonic() < until else None

    def put(self, reference: str, answer: str, verdict: Verdict) -> None:
        self._put((reference, answer), (verdict, 0, math.inf))

    def put_timeout(self, reference: str, answer: str, verdict: Verdict) -> None:
        now = time.monotonic()
        with self._lock:
            _, timeouts, until = self._verdicts.get((reference, answer), (verdict, 0, now))
        timeouts = timeouts % TRIES + 1 if now < until else 1
        self._put((reference, answer), (verdict, timeouts, now + REMEMBER_TIMEOUT_SECONDS))

    def _put(self, pair: tuple[str, str], found: tuple[Verdict, int, float]) -> None:
        with self._lock:
            self._verdicts[pair] = found
            if len(self._verdicts) > MAX_REMEMBERED:
                self._verdicts.popitem(last=False)


class _Program:
    """The process that has sympy loaded and forks the workers."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        program = Path(__file__).with_name("_symbolic_child.py")
        with theirs:
            # In a session of its own: an interrupt at the terminal is for us to act on.
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-P", "-B", str(program)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"},
                start_new_session=True,
                cwd="/",
            )

    def wait_until_ready(self) -> None:
        """
        Raises:
            OSError: if it ends instead, or takes longer than `START_SECONDS`.
        """
        self._control.settimeout(START_SECONDS)
        if not self._control.recv(1):
            raise ConnectionError("it did not start")

    def fork(self) -> Connection:
        """A new worker, which will say when it is ready.

        Raises:
            OSError: if the program has ended.
        """
        ours, theirs = socket.socketpair()
        with ours, theirs:
            socket.send_fds(self._control, [b"f"], [theirs.fileno()])
            return Connection(ours.detach())

    def end(self) -> None:
        """It ends when its workers have; those whose connections are closed do so at once."""
        self._control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        self.kill()

    def kill(self) -> None:
        """Its workers go on until their connections are closed."""
        self._control.close()
        self._process.kill()
        self._process.wait()

    def forget(self) -> None:
        """What a forked copy of its owner may do."""
        self._control.close()


class _Pool:
    """Warm workers, started when first needed. Any number of threads; a fork starts its own."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._program: _Program | None = None
        self._starting = False
        #: Whether a worker has ever been ready: then nobody waits for one past its time.
        self._was_ready = False
        self._failures, self._failure = 0, ""
        self._idle: list[Connection] = []
        self._live: set[Connection] = set()
        self._coming = 0
        self._free = threading.Condition()

    def abandon(self) -> None:
        """For a forked copy: the workers are the parent's."""
        for connection in self._live:
            connection.close()
        if self._program:
            self._program.forget()
        self.reset()

    def close(self) -> None:
        with self._free:
            for connection in self._idle:
                self._live.discard(connection)
                connection.close()
            self._idle = []
            program, self._program = self._program, None
            self._was_ready = False
        if program:
            program.end()

    def warm(self) -> None:
        end = time.monotonic() + START_SECONDS
        taken = [self._take(end)]
        try:
            while len(self._live) < KEPT:
                taken.append(self._take(end))
        finally:
            for connection in taken:
                self._give(connection)

    def compare(self, reference: str, answer: str, seconds: float) -> tuple[dict[str, Any], float]:
        """The worker's reply, and the part of ``seconds`` that it took to get it.

        Raises:
            WorkerLostError: if no worker is free within ``seconds``, or it hangs or ends; another
                is started meanwhile.
        """
        began = time.monotonic()
        if self._was_ready:
            connection = self._take(began + seconds)
        else:
            connection = self._take(began + START_SECONDS)
            began = time.monotonic()
        left = began + seconds - time.monotonic()
        if left <= 0:
            self._give(connection)
            raise WorkerLostError("none is free in time", timed_out=True)
        request = {"reference": reference, "answer": answer, "seconds": left}
        try:
            connection.send_bytes(json.dumps(request).encode())
            if not connection.poll(left + GRACE_SECONDS):
                raise WorkerLostError("no answer in time", timed_out=True)
            reply = json.loads(connection.recv_bytes())
        except (OSError, EOFError) as error:
            self._drop(connection)
            raise WorkerLostError(str(error) or "the worker ended") from error
        except BaseException:
            self._drop(connection)
            raise
        self._give(connection)
        return {**reply, "seconds": left}, time.monotonic() - began

    def _give(self, connection: Connection) -> None:
        with self._free:
            if self._program is not None and len(self._idle) < KEPT:
                self._idle.append(connection)
                self._free.notify()
                return
        self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        connection.close()
        with self._free:
            self._live.discard(connection)
            self._free.notify()

    def _take(self, end: float) -> Connection:
        """A worker that is free by ``end``, a time of the monotonic clock.

        Raises:
            WorkerLostError: if there is none.
        """
        failures = self._failures
        while True:
            with self._free:
                while True:
                    if self._idle:
                        return self._idle.pop()
                    program = self._program
                    if program is not None and len(self._live) + self._coming < MAX_AT_ONCE:
                        self._coming += 1
                        break
                    if program is None:
                        if self._failures > failures:
                            raise WorkerLostError(self._failure)
                        self._start()
                    if not self._free.wait(max(end - time.monotonic(), 0.0)):
                        raise WorkerLostError("none is free in time", timed_out=True)
            try:
                return self._forked(program, end)
            except OSError:
                self._lose(program)
            finally:
                with self._free:
                    self._coming -= 1
                    self._free.notify()

    def _forked(self, program: _Program, end: float) -> Connection:
        """A new worker of the program.

        Raises:
            OSError: if the program has ended or is silent.
            WorkerLostError: if it cannot fork.
        """
        connection = program.fork()
        with self._free:
            self._live.add(connection)
        try:
            if not connection.poll(max(end - time.monotonic(), 0.0) + GRACE_SECONDS):
                raise TimeoutError
            connection.recv_bytes()
        except EOFError as error:
            self._drop(connection)
            raise WorkerLostError("there can be no more processes") from error
        except BaseException:
            self._drop(connection)
            raise
        return connection

    def _lose(self, program: _Program) -> None:
        """Another program for one that forks no more."""
        with self._free:
            lost = self._program is program
            if lost:
                self._program = None
                self._start()
        if lost:
            program.kill()

    def _start(self) -> None:
        """Start the program in the background, where it is not being started. Under the lock."""
        if self._starting:
            return
        self._starting = True
        starter = threading.Thread(target=self._run_start, name="start symbolic", daemon=True)
        try:
            starter.start()
        except RuntimeError as error:  # no more threads
            self._starting = False
            raise WorkerLostError(str(error)) from error

    def _run_start(self) -> None:
        program, failure = None, ""
        try:
            program = _start()
        except OSError as error:
            failure = f"it did not start: {error}"
        with self._free:
            self._starting = False
            self._program = program
            if program is None:
                self._failures, self._failure = self._failures + 1, failure
            else:
                self._was_ready = True
            self._free.notify_all()


def _start() -> _Program:
    """A program that is ready.

    Raises:
        OSError: if it cannot be started, ends or takes longer than `START_SECONDS`.
    """
    program = _Program()
    try:
        program.wait_until_ready()
    except OSError:
        program.kill()
        raise
    return program


_POOL = _Pool()
_MEMORY = _Memory()


def warm_symbolic() -> None:
    """Start the workers now, so that no comparison waits for them: a second or two.

    Raises:
        WorkerLostError: if they cannot be started, or take longer than `START_SECONDS`.
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
