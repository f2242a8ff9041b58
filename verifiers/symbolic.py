"""Symbolic comparison (math-verify, sympy) in warm worker processes that are killed when they hang.

Guards come first: what is too long, too deep or explosive never reaches sympy, see `guards`. One
program loads sympy and only forks; each of its forks serves one thread at a time, and has the pairs
compared by a fork of its own. So a pair that hangs costs that last fork alone, the next is there
within milliseconds, and nobody waits for another's hang. See `_symbolic_child`.

What a pair may take is CPU time of the fork that compares it, so that a busy machine decides as an
idle one does. The clock on the wall is for what computes nothing, and for lost workers.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tracemine.verifiers._frames import WorkerLostError
from tracemine.verifiers.guards import guard
from tracemine.verifiers.verdict import Outcome, Verdict

NAME = "symbolic"

#: What loads sympy.
PROGRAM = Path(__file__).with_name("_symbolic_child.py")

#: CPU time for all pairs of one comparison together, in seconds. Honest pairs take milliseconds,
#: the slowest two of 1,287 published ones 0.3 s and (of equations that differ) 1.6 s.
CPU_SECONDS = 1.3
#: Wall time for one pair, and that someone waits for a free worker, in seconds. Wide, because a
#: busy machine must not turn into verdicts: only a pair that computes nothing ever meets it.
WALL_SECONDS = 20 * CPU_SECONDS
#: Over the wall time, which the worker itself keeps; past it the worker is taken to be lost, in
#: seconds.
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
#: The reason of a pair that did not end. Not of which clock, nor how much was left: a busy machine
#: stops another one first.
OUT_OF_TIME = "no answer in the time that it has"


class Budget:
    """The CPU time that is left to one comparison, over all pairs that it needs, in seconds."""

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = CPU_SECONDS if seconds is None else seconds


def compare_symbolic(reference: str, answer: str, budget: Budget | None = None) -> Verdict:
    """Whether two texts (LaTeX or plain) say the same mathematics. Symmetric; see
    `_symbolic_child.compare`.

    Does not raise. A pair that has no answer within the CPU time of ``budget`` is asked once more,
    alone, and then ``unknown``, and so is one that no worker could be had for. So it takes twice
    ``budget`` at most, and nothing but hangs takes long by the clock on the wall: `WALL_SECONDS` to
    wait for a worker and as much for its answer, each twice. Only while no worker has ever been
    ready in this process does it wait for one up to `START_SECONDS`: see `warm_symbolic`.

    A pair that is remembered takes from ``budget`` what it took before: whether the next one is
    decided does not depend on what this process has compared already.
    """
    for side, text in (("reference", reference), ("answer", answer)):
        objection = guard(text)
        if objection:
            return Verdict("unknown", f"{side}: {objection}", NAME)
    budget = budget or Budget()
    given = budget.seconds
    if given <= 0:
        return Verdict("unknown", "no time left for this pair", NAME)
    reference, answer = sorted((reference, answer))
    found = _MEMORY.get(reference, answer) or _find(reference, answer, given)
    budget.seconds -= found.seconds
    return found.verdict if found.seconds <= given else Verdict("unknown", OUT_OF_TIME, NAME)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a pair came to, in ``seconds`` of CPU time, and what stopped it if it is to be asked
    ``again``: see `_symbolic_child`, or ``lost``. Then it has taken all of its time."""

    verdict: Verdict
    seconds: float
    again: str = ""


def _find(reference: str, answer: str, seconds: float) -> _Found:
    """What the pair comes to in ``seconds`` of CPU time, asked once more if need be."""
    found = _ask(reference, answer, seconds)
    if found.again:
        with _POOL.alone:
            found = _MEMORY.get(reference, answer) or _ask(reference, answer, seconds)
    # That all of the CPU time was not enough is so; less, or another clock, says nothing.
    if not found.again or (found.again == "cpu" and seconds >= CPU_SECONDS):
        _MEMORY.put(reference, answer, found)
    return found


def _ask(reference: str, answer: str, seconds: float) -> _Found:
    """Have a worker compare the pair, in ``seconds`` of CPU time."""
    try:
        reply = _POOL.compare(reference, answer, seconds)
    except WorkerLostError as error:
        return _Found(Verdict("unknown", f"no worker: {error}", NAME), seconds, "lost")
    stopped: str = reply["stopped"]
    if stopped:
        reason = "the comparer ended" if stopped == "died" else OUT_OF_TIME
        return _Found(Verdict("unknown", reason, NAME), seconds, stopped)
    outcome: Outcome = reply["outcome"]
    return _Found(Verdict(outcome, str(reply["reason"]), NAME), reply["spent"])


class _Memory:
    """What pairs came to; the oldest go first."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._found: OrderedDict[tuple[str, str], _Found] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, reference: str, answer: str) -> _Found | None:
        with self._lock:
            return self._found.get((reference, answer))

    def put(self, reference: str, answer: str, found: _Found) -> None:
        with self._lock:
            self._found[reference, answer] = found
            if len(self._found) > MAX_REMEMBERED:
                self._found.popitem(last=False)


class _Program:
    """The process that has sympy loaded and forks the workers."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            # In a session of its own: an interrupt at the terminal is for us to act on.
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-P", "-B", str(PROGRAM)],
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
        #: Held by who asks once more.
        self.alone = threading.Lock()

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

    def compare(self, reference: str, answer: str, seconds: float) -> dict[str, Any]:
        """The worker's reply on a pair that gets ``seconds`` of CPU time.

        Raises:
            WorkerLostError: if no worker is free within `WALL_SECONDS`, or it hangs or ends;
                another is started meanwhile.
        """
        wait = WALL_SECONDS if self._was_ready else START_SECONDS
        connection = self._take(time.monotonic() + wait)
        request = {
            "reference": reference,
            "answer": answer,
            "seconds": seconds,
            "wall": WALL_SECONDS,
        }
        try:
            connection.send_bytes(json.dumps(request).encode())
            if not connection.poll(WALL_SECONDS + GRACE_SECONDS):
                raise WorkerLostError("no answer in time", timed_out=True)
            reply: dict[str, Any] = json.loads(connection.recv_bytes())
        except (OSError, EOFError) as error:
            self._drop(connection)
            raise WorkerLostError(str(error) or "the worker ended") from error
        except BaseException:
            self._drop(connection)
            raise
        self._give(connection)
        return reply

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
