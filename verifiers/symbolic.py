"""Symbolic comparison (math-verify, sympy) in warm worker processes that are killed when they hang.

Guards come first: what is too long, too deep or explosive never reaches sympy.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from functools import lru_cache
from pathlib import Path

from tracemine.verifiers._frames import Worker, WorkerLostError
from tracemine.verifiers.verdict import Outcome, Verdict

NAME = "symbolic"

#: Wall time for one pair, in seconds. The slowest honest pair of many thousands took under one.
WALL_SECONDS = 5.0
#: Wall time for a worker to start: importing sympy takes seconds on a busy machine.
START_SECONDS = 120.0
WORKERS = 2

#: Longer texts are no final answers, in characters.
MAX_CHARS = 1_000
#: Brackets within brackets: latex2sympy's parser takes exponential time in them.
MAX_DEPTH = 12
#: Digits in a row: sympy factors what it is given.
MAX_DIGITS = 60
#: Digits of an exponent that stands as a number: ``10^{12345}`` is written out by sympy.
MAX_EXPONENT_DIGITS = 4
MAX_FACTORIAL_DIGITS = 3

_DIGITS = re.compile(rf"\d{{{MAX_DIGITS + 1},}}")
_EXPONENT = re.compile(rf"(?:\^|\*\*)\s*[{{(]?\s*-?\d{{{MAX_EXPONENT_DIGITS + 1},}}")
_TOWER = re.compile(r"(?:\^|\*\*)[\s{(]*\w+[\s})]*(?:\^|\*\*)[\s{(]*\w+[\s})]*(?:\^|\*\*)")
_FACTORIAL = re.compile(rf"\d{{{MAX_FACTORIAL_DIGITS + 1},}}\s*[)}}]*\s*!|!\s*!\s*!")
_CODE = re.compile(r"__|\bimport\b|(?<!\\)\blambda\b|\bdef\b|\bexec\b|\beval\b|[\"'`;]\s*\w+\(")


def compare_symbolic(reference: str, answer: str) -> Verdict:
    """Whether two texts (LaTeX or plain) say the same mathematics. Not symmetric where the library
    is not: ``x = 5`` as the answer agrees with the reference ``5``.

    Neither raises nor takes more than about twice `WALL_SECONDS` (once a worker is warm): a pair
    that hangs is ``unknown`` and costs one worker.
    """
    for side, text in (("reference", reference), ("answer", answer)):
        objection = guard(text)
        if objection:
            return Verdict("unknown", f"{side}: {objection}", NAME)
    return _compare_cached(reference, answer)


def guard(text: str) -> str:
    """Why ``text`` must not reach sympy; empty if it may."""
    if len(text) > MAX_CHARS:
        return f"more than {MAX_CHARS} characters"
    if not text.strip():
        return "empty"
    depth = deepest = 0
    for char in text:
        depth += (char in "({[") - (char in ")}]")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        return f"nested deeper than {MAX_DEPTH}"
    if _DIGITS.search(text):
        return f"more than {MAX_DIGITS} digits in a row"
    if _EXPONENT.search(text) or _TOWER.search(text):
        return "an exponent too large"
    if _FACTORIAL.search(text):
        return "a factorial too large"
    if _CODE.search(text):
        return "reads like code"
    return ""


@lru_cache(maxsize=65_536)
def _compare_cached(reference: str, answer: str) -> Verdict:
    # A pair that times out is tried once more: the first worker may have been starved.
    try:
        return _POOL.compare(reference, answer)
    except WorkerLostError:
        try:
            return _POOL.compare(reference, answer)
        except WorkerLostError as error:
            reason = f"no answer in {WALL_SECONDS:g} s" if error.timed_out else str(error)
            return Verdict("unknown", f"math-verify: {reason}", NAME)


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

    def compare(self, reference: str, answer: str) -> Verdict:
        worker = self._take()
        alive = False
        try:
            request = {"reference": reference, "answer": answer}
            reply, _ = worker.ask(request, seconds=WALL_SECONDS)
            alive = True
        finally:
            with self._free:
                if alive:
                    self._idle.append(worker)
                else:
                    self._live -= 1
                self._free.notify()
        outcome: Outcome = reply["outcome"]
        return Verdict(outcome, str(reply["reason"]), NAME)

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


def close_symbolic() -> None:
    """End the idle workers; the next comparison starts new ones."""
    _POOL.close()


os.register_at_fork(after_in_child=_POOL.abandon)
