"""The second backend, whose word is final: CPython in throw-away children of warm processes.

See `_child` for the far side. Here: which zygotes there are, the protocol, the retries.
"""

from __future__ import annotations

import errno
import json
import math
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracemine.schemas import decode, encode, values
from tracemine.verifiers._frames import Worker, WorkerLostError
from tracemine.verifiers._stateless import is_stateless
from tracemine.verifiers._visible import bubblewrap_arguments
from tracemine.verifiers.runs import (
    REQUIRED_STEPS,
    Backend,
    Isolation,
    IsolationError,
    Limits,
    Mechanism,
    Run,
    Status,
    reason_text,
    run_each,
)

NAME: Backend = "cpython"

#: Wall time that a call may take for each second of CPU time, and on top of it, in seconds. Only
#: code that sleeps ever meets it ...
WALL_FACTOR = 3.0
WALL_EXTRA = 2.0
#: ... because one that has computed for this share of its wall time goes on: a busy machine must
#: not turn into verdicts.
COMPUTING_SHARE = 0.05
#: How the reason of a call begins whose zygote was lost.
_LOST = "the worker was lost"
#: How the reason of a call ends that used up its CPU time.
_CPU_TIME = "of CPU time"

#: A zygote that has not said a word this long after the last moment it had to is lost, in seconds.
GRACE_SECONDS = 20.0

#: Wall time for a zygote to start, importing what it preloads, in seconds.
START_SECONDS = 120.0

#: A call whose text is larger than this times the characters allowed has written to our pipe.
_SLACK_CHARS = 2_000

#: Imported before the fork, for all: what programs import most often, at up to 10 ms each.
COMMON = (
    "bisect", "cmath", "collections", "copy", "datetime", "decimal", "fractions", "functools",
    "heapq", "itertools", "math", "operator", "random", "re", "statistics", "string", "typing",
)  # fmt: skip
#: Imported as well where a source asks for one of them: each takes over half a second.
HEAVY = ("numpy", "sympy")
#: How long calls wait for those at work, all their waits added up, before another is started, in
#: seconds: about as long as starting takes of a processor.
HEAVY_PAUSE = 2.0
_ASKS_HEAVY = re.compile(r"\b(?:numpy|sympy|scipy|pandas)\b")


#: Ways to be isolated, tried in this order. Our own comes first: it needs nothing installed, so it
#: holds in every worker of a cluster, and bounds the number of files too. Bubblewrap is for hosts
#: that grant namespaces to programs they know alone (AppArmor, a setuid helper).
MECHANISMS: tuple[Mechanism, ...] = ("namespaces", "bubblewrap", "none")


#: What a machine does not grant for these reasons now it does not grant later. All others (a limit
#: that is reached, memory) may pass.
LASTING = frozenset((errno.EPERM, errno.ENOSYS))

#: Waited before a zygote is tried again that the machine owes, in seconds: namespaces of one that
#: has ended are cleared away some time after.
START_PAUSES = (0.05, 0.2, 0.75, 2.0)


class _NoIsolationError(Exception):
    """The machine does not give what a mechanism needs, now or (``lasting``) at all; the text says
    what."""

    def __init__(self, reason: str, *, lasting: bool = False) -> None:
        super().__init__(reason)
        self.lasting = lasting


@dataclass
class Granted:
    """What the machine grants of ``mechanisms``, best first. Two pools of one sandbox share it.

    ``missing`` are not to be had at all, and why. ``found`` is the best that a zygote has been
    isolated by: no later one goes below it, whatever the machine is short of then. ``required``:
    none runs code that has not all of `REQUIRED_STEPS`.
    """

    mechanisms: tuple[Mechanism, ...] = MECHANISMS
    required: bool = False
    found: Mechanism | None = None
    missing: dict[Mechanism, str] = field(default_factory=dict)
    #: Held by who starts the first: before it nobody knows what the others must have.
    first: threading.Lock = field(default_factory=threading.Lock)

    def allows(self, isolation: Isolation) -> bool:
        """Whether code may run in a zygote so isolated."""
        return isolation.complete or not self.required

    def note(self, mechanism: Mechanism) -> None:
        """A zygote has been isolated by ``mechanism``."""
        known = self.mechanisms.index
        if self.found is None or known(mechanism) < known(self.found):
            self.found = mechanism


@dataclass
class _Zygote:
    worker: Worker
    isolation: Isolation
    #: It has answered, and not yet said whether it can be used again.
    tidying: bool = False

    def is_reusable(self) -> bool:
        """Whether it can be asked; waits for it to have cleared away after the last call."""
        if not self.tidying:
            return True
        self.tidying = False
        try:
            return not self.worker.hear(seconds=GRACE_SECONDS)["retire"]
        except WorkerLostError:  # after its answer, which stands
            return False


class CPythonPool:
    """Warm zygotes, light and heavy, at most ``processes`` of each. Any number of threads."""

    def __init__(
        self,
        processes: int,
        granted: Granted | None = None,
        *,
        hash_seed: int = 0,
    ) -> None:
        self._processes = processes
        self._granted = granted or Granted()
        self._hash_seed = hash_seed
        self._reset()

    def _reset(self) -> None:
        self._owner = os.getpid()
        self._free = threading.Condition()
        self._idle: dict[bool, list[_Zygote]] = {False: [], True: []}
        self._live: dict[bool, int] = {False: 0, True: 0}
        #: How long calls have waited for heavy ones since the last of these was started.
        self._waited = 0.0
        self._retry = threading.Lock()

    def abandon(self) -> None:
        """In a forked copy: let go of the zygotes, which serve the parent."""
        for zygote in [*self._idle[False], *self._idle[True]]:
            zygote.worker.forget()
        self._granted.first = threading.Lock()  # another thread may have held it
        self._reset()

    def close(self) -> None:
        """End the idle zygotes; those at work end with their call's thread. A later run starts new
        ones."""
        if self._owner != os.getpid():
            self.abandon()
        with self._free:
            for heavy, zygotes in self._idle.items():
                self._live[heavy] -= len(zygotes)
                while zygotes:
                    zygotes.pop().worker.kill()

    def isolation(self) -> Isolation:
        """What is in force; starts a zygote if there is none.

        Raises:
            IsolationError: if it is required, and none starts that has it.
            RuntimeError: if none starts by any of the mechanisms allowed.
        """
        zygote = self._take(heavy=False)
        self._give(zygote, heavy=False)
        return zygote.isolation

    def run_many(
        self,
        source: str,
        entry_point: str,
        bindings: Sequence[Mapping[str, Any]],
        limits: Limits,
    ) -> list[Run]:
        """One `Run` for each of ``bindings``, in order. Raises nothing on account of the code."""
        if self._owner != os.getpid():
            self.abandon()
        texts: list[str] = []
        for keywords in bindings:
            try:
                texts.append(encode(dict(keywords)))
            except ValueError as error:
                return [Run("unsupported", None, reason_text(error), NAME)] * len(bindings)
        if len(texts) > 1 and is_stateless(source):
            share = min(1.0, limits.batch_seconds / limits.seconds) if limits.seconds else 1.0
            together = self._call(source, entry_point, texts, limits, share)
            if len(together) == len(texts):
                return together

        def call(text: str, share: float) -> Run:
            (run,) = self._call(source, entry_point, [text], limits, share)
            waits = limits.wall_seconds == math.inf
            if share == 1.0 and ((waits and _sleeps(run)) or run.reason.startswith(_LOST)):
                with self._retry:  # alone among the calls that were stopped
                    (run,) = self._call(source, entry_point, [text], limits, share)
            return run

        return run_each(texts, limits, NAME, call, _sleeps)

    def _call(
        self,
        source: str,
        entry_point: str,
        texts: Sequence[str],
        limits: Limits,
        share: float,
    ) -> list[Run]:
        """One child for all of ``texts``, with ``share`` of the time: a `Run` for each, or a single
        one that says how the child failed."""
        seconds = limits.seconds * share
        wall = min((limits.seconds * WALL_FACTOR + WALL_EXTRA) * share, limits.wall_seconds)
        request = {
            "entry": entry_point,
            "bindings": list(texts),
            "seconds": seconds,
            "wall": wall,
            "share": COMPUTING_SHARE,
            "memory": limits.memory_mib,
            "chars": limits.result_chars,
            "output": limits.output_bytes,
            "depth": values.MAX_DEPTH,
            "payload": 4 * (limits.result_chars + _SLACK_CHARS * len(texts)),
        }
        heavy = bool(_ASKS_HEAVY.search(source))
        zygote = self._take(heavy=heavy)
        try:
            header, body = zygote.worker.ask(
                request,
                json.dumps(source).encode(),
                seconds=max(wall, seconds / COMPUTING_SHARE) + GRACE_SECONDS,
            )
            zygote.tidying = True
        except WorkerLostError as error:
            status: Status = "timeout" if error.timed_out else "error"
            return [Run(status, None, f"{_LOST}: {error}", NAME)]
        finally:
            if zygote.tidying:
                self._give(zygote, heavy=heavy)
            else:
                self._drop(zygote, heavy=heavy)
        runs = _read(header, body, len(texts), limits.result_chars, seconds, wall)
        return runs if zygote.isolation.complete else list(map(_without_message, runs))

    def _take(self, *, heavy: bool) -> _Zygote:
        while True:
            zygote = self._idle_one(heavy)
            if zygote is not None:
                usable = False
                try:
                    # One may be from before isolation was required.
                    usable = self._granted.allows(zygote.isolation) and zygote.is_reusable()
                finally:  # whoever waits may be interrupted
                    if not usable:
                        self._drop(zygote, heavy=heavy)
                if usable:
                    return zygote
                continue
            try:
                return self._start(heavy)
            except BaseException as error:
                with self._free:
                    self._live[heavy] -= 1
                    self._free.notify_all()
                    # Where the machine has no room for one more, there may be one at work.
                    while isinstance(error, RuntimeError) and self._live[heavy]:
                        if self._idle[heavy]:
                            break
                        self._free.wait()
                    else:
                        raise

    def _idle_one(self, heavy: bool) -> _Zygote | None:
        """One that is at hand; None where another may be started, which is counted already. Waits
        until one of both is so."""
        with self._free:
            while heavy and self._live[heavy] and not self._idle[heavy]:
                left = HEAVY_PAUSE - self._waited
                if left <= 0:
                    break
                begun = time.monotonic()
                self._free.wait(left)
                self._waited += time.monotonic() - begun
            while not self._idle[heavy] and self._live[heavy] >= self._processes:
                self._free.wait()
            if self._idle[heavy]:
                return self._idle[heavy].pop()
            self._live[heavy] += 1
            if heavy:
                self._waited = 0.0
            return None

    def _give(self, zygote: _Zygote, *, heavy: bool) -> None:
        with self._free:
            self._idle[heavy].append(zygote)
            self._free.notify_all()

    def _drop(self, zygote: _Zygote, *, heavy: bool) -> None:
        zygote.worker.kill()
        with self._free:
            self._live[heavy] -= 1
            self._free.notify_all()

    def _start(self, heavy: bool) -> _Zygote:
        granted = self._granted
        if granted.found is not None:
            return self._start_best(heavy)
        with granted.first:
            return self._start_best(heavy)

    def _start_best(self, heavy: bool) -> _Zygote:
        """A zygote isolated by the best mechanism that the machine grants, never less well than one
        before it or than is required; tried again for a while rather than that."""
        granted = self._granted
        owed = granted.required or granted.found is not None
        reasons: dict[Mechanism, str] = {}
        for pause in (0.0, *(START_PAUSES if owed else ())):
            time.sleep(pause)
            reasons = dict(granted.missing)
            for mechanism in granted.mechanisms:
                if mechanism not in granted.missing:
                    try:
                        zygote = self._start_by(mechanism, heavy, reasons)
                    except _NoIsolationError as error:
                        reasons[mechanism] = str(error)
                        if error.lasting and mechanism != granted.found:
                            granted.missing[mechanism] = str(error)
                    else:
                        if granted.allows(zygote.isolation):
                            granted.note(mechanism)
                            return zygote
                        zygote.worker.kill()
                        reasons[mechanism] = _lacking(zygote.isolation.steps)
                if mechanism == granted.found and not granted.required:
                    break
            if len(granted.missing) == len(granted.mechanisms):
                break
        why = "; ".join(f"{name}: {text}" for name, text in reasons.items())
        if granted.required:
            raise IsolationError(f"not isolated: {_lacking(())} ({why or 'not asked for'})")
        raise RuntimeError(f"no CPython worker starts: {why}")

    def _start_by(
        self, mechanism: Mechanism, heavy: bool, missing: Mapping[Mechanism, str]
    ) -> _Zygote:
        child = Path(__file__).with_name("_child.py")
        # No site, no user site, no folder of the script, no bytecode written.
        command = [sys.executable, "-s", "-S", "-P", "-B", str(child)]
        packages = [path for path in sys.path if Path(path).name.endswith("-packages")]
        needed = [sys.prefix, sys.base_prefix, str(child.parent), values.__file__, *packages]
        if mechanism == "bubblewrap":
            program = shutil.which("bwrap")
            if program is None:
                raise _NoIsolationError("bwrap is not installed", lasting=True)
            try:
                command = [program, *bubblewrap_arguments(needed), *command]
            except OSError as error:
                raise _NoIsolationError(str(error), lasting=True) from error
        environment = {
            "PYTHONHASHSEED": str(self._hash_seed),
            "LC_ALL": "C.UTF-8",
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }
        try:
            worker = Worker(command, environment)
        except OSError as error:  # no process or no descriptor to be had, by whatever mechanism
            raise RuntimeError(f"the CPython worker did not start: {error}") from error
        header = {
            "values": values.__file__,
            "paths": packages,
            "needed": needed,
            "preload": (*COMMON, *(HEAVY if heavy else ())),
            "mechanism": mechanism,
            "hash_seed": self._hash_seed,
        }
        try:
            answer, _ = worker.ask(header, seconds=START_SECONDS)
        except WorkerLostError as error:
            if mechanism == "bubblewrap":
                raise _NoIsolationError(f"bwrap did not start: {error}") from error
            raise RuntimeError(f"the CPython worker did not start: {error}") from error
        if not answer["ready"]:
            worker.kill()
            raise _NoIsolationError(answer["reason"], lasting=answer["errno"] in LASTING)
        return _Zygote(worker, Isolation(mechanism, tuple(answer["isolation"]), dict(missing)))


def _lacking(steps: Sequence[str]) -> str:
    return "no " + ", ".join(sorted(REQUIRED_STEPS.difference(steps)))


def _read(
    header: Mapping[str, Any], body: bytes, count: int, chars: int, seconds: float, wall: float
) -> list[Run]:
    match header["end"]:
        case "frame":
            lines = body.decode("utf-8", errors="replace").split("\n")
            if len(lines) != count:
                return [Run("error", None, "not a result: wrong number of lines", NAME)]
            return [_read_line(line, chars) for line in lines]
        case "timeout":
            return [Run("timeout", None, f"more than {seconds:g} s {_CPU_TIME}", NAME)]
        case "wall":
            return [Run("timeout", None, f"more than {wall:g} s of wall time", NAME)]
        case "corrupt":
            return [Run("error", None, "not a result: bytes that are no frame", NAME)]
    if "signal" in header:
        if header["signal"] == signal.SIGXCPU:
            return [Run("timeout", None, f"more than {seconds:g} s {_CPU_TIME}", NAME)]
        return [Run("error", None, f"killed by signal {header['signal']}", NAME)]
    return [Run("error", None, "ended without a result", NAME)]


def _without_message(run: Run) -> Run:
    """Code that can see the host's files must not write them into a reason, which is published."""
    if run.status != "error":
        return run
    return Run("error", None, run.reason.partition(":")[0], NAME)


def _sleeps(run: Run) -> bool:
    """Whether it timed out by the clock on the wall: either it sleeps, or the machine is busy."""
    return run.status == "timeout" and not run.reason.endswith(_CPU_TIME)


def _read_line(line: str, chars: int) -> Run:
    """A line of a child, which the code may have written itself: believed in nothing but form."""
    status, _, text = line.partition(" ")
    if len(text) > max(chars, _SLACK_CHARS):
        return Run("error", None, "not a result: more than the characters allowed", NAME)
    try:
        value = decode(text)
    except ValueError:
        return Run("error", None, "not a result: no plain value", NAME)
    if status == "ok":
        return Run("ok", value, "", NAME)
    if status in ("error", "memory", "unsupported") and isinstance(value, str):
        return Run(status, None, reason_text(value), NAME)  # type: ignore[arg-type]
    return Run("error", None, "not a result: unknown status", NAME)
