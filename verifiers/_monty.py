"""The first backend: pydantic-monty, an interpreter of its own in pooled worker processes.

It has no files, no network and no clock of the machine, and it counts time and memory itself. It is
not CPython, so what it says counts only where a value is confirmed by what was expected.
"""

from __future__ import annotations

import ast
import ctypes
import importlib.util
import os
import re
import sys
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import pydantic_monty

from tracemine.schemas import decode, encode
from tracemine.verifiers._stateless import is_stateless
from tracemine.verifiers._supplied import OWN, supply, supply_extension
from tracemine.verifiers.runs import Backend, Limits, Run, Status, reason_text, run_each

NAME: Backend = "monty"

#: Same clock and same random numbers in every run.
_POLICY: Any = {"sleep": "zero", "random_start": {"seed": 0}}

#: Of many calls. Read before the code, so that names which the code binds again change nothing.
#: Values are checked inside, because the way out turns what it does not know (a range, a lambda)
#: into text, and a deque into a list.
#: Sets and dicts of many members do not come out: here they are built again, which takes the square
#: of their number if code has chosen members of one hash.
_DRIVER = """
import collections as __tm_collections
def __tm_plain(
    value, depth, typed=type, count=len,
    scalars=frozenset([type(None), bool, int, float, complex, str, bytes]),
    rows=frozenset([list, tuple, set, frozenset]), sets=frozenset([set, frozenset]),
    tables=frozenset([dict, __tm_collections.Counter, __tm_collections.defaultdict]),
):
    kind = typed(value)
    if kind in scalars:
        return True
    if depth > 40:
        return False
    if kind in rows:
        if kind in sets and count(value) > 1000:
            return False
        for member in value:
            if not __tm_plain(member, depth + 1):
                return False
        return True
    if kind in tables:
        if count(value) > 1000:
            return False
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

#: A text of a set or a dict that is longer, in characters, is not handed out, nor read, before the
#: driver has looked at the value.
_TOLD_CHARS = 20_000
#: Before and after code whose values may have sets or dicts in them. No function: to define one
#: takes longer than many a call.
_BEFORE = "__tm_repr, __tm_len = repr, len\n"
_AFTER = "__tm_all if __tm_len(__tm_texts := {texts}) <= {most} or '{{' not in __tm_texts else None"

#: Code without any of these, in small letters, makes no set and no dict.
_TABLES = ("{", "set", "dict", "counter", "getattr", "import")

#: What makes objects, which are written as they like and bring out all that they hold: where code
#: has one of these the driver looks first.
_OBJECTS = ("class", "type")

#: Of those, what asks for the type of a value only to compare it, or for its name; and names.
_TYPE_ASKED = re.compile(
    r"""\btype\([\w.\[\]]*\)(?=[ ]*(?:[=!]=|is\b|in\b|\.__name__\b))
      | (?:[=!]=|\bis(?:[ ]+not)?\b)[ ]*type\([\w.\[\]]*\)(?![ ]*[\[(.])
      | \bisinstance\([\w.\[\]]*,[ ]*type\([\w.\[\]]*\)\)
      | \b\w+_type\b | \btype_\w+""",
    re.VERBOSE,
)

#: The modules that monty has. A program that begins with another need not be begun.
_MODULES = frozenset(
    ["__future__", "asyncio", "base64", "binascii", "bisect", "collections", "copy", "csv",
     "dataclasses", "datetime", "decimal", "functools", "hashlib", "itertools", "json", "math",
     "os", "pathlib", "posixpath", "random", "re", "sys", "time", "tomllib", "typing",
     "unicodedata"]
)  # fmt: skip
_IMPORT = re.compile(r"^(?:import[ \t]+(\w+)|from[ \t]+(\w+)[\w.]*[ \t]+import\b)", re.MULTILINE)

_UNSUPPORTED = (
    "NotImplementedError", "ModuleNotFoundError", "ImportError", "Internal error",
    "ValueError: Exceeds the limit",  # an integer of too many digits to be written
)  # fmt: skip

#: How monty says that ``+=`` is given something else than a list.
_EXTENDING = "TypeError: can only concatenate list"

#: Monty's client asks for this module at every call. Where it is not installed the search through
#: the whole path takes longer than most programs run.
_TRACING = "opentelemetry"

#: The process that monty's threads run in, once it was used. They do not survive a fork, and a copy
#: that touches monty all the same hangs and takes its parent's pool with it.
_RUNTIME: list[int] = []


class MontyPool:
    """Runs code in monty's workers. Any number of threads; in one process of those that forked from
    one another, see `usable`."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._lock = threading.Lock()
        self._pool: Any = None

    def usable(self) -> bool:
        """False in a forked copy of a process that has used monty."""
        return not _RUNTIME or _RUNTIME[0] == os.getpid()

    def _started(self) -> Any:
        with self._lock:
            if self._pool is None:
                _RUNTIME[:] = [os.getpid()]
                _note_absence(_TRACING)
                self._pool = pydantic_monty.Monty(max_processes=self._processes).__enter__()
            return self._pool

    def close(self) -> None:
        """End the workers; the next run starts new ones."""
        with self._lock:
            if self._pool is not None and self.usable():
                self._pool.__exit__(None, None, None)
                self._pool = None

    def abandon(self) -> None:
        """In a forked copy: forget the pool, which is the parent's, without ever finalising it."""
        self._lock = threading.Lock()  # another thread may have held it when the process forked
        if self._pool is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._pool))
            self._pool = None

    def run_many(
        self,
        source: str,
        entry_point: str,
        bindings: Sequence[Mapping[str, Any]],
        limits: Limits,
    ) -> list[Run]:
        """One `Run` for each of ``bindings``, in order. Raises nothing on account of the code."""
        before, code, lacking = _readied(source)
        if lacking:
            return [Run("unsupported", None, lacking, NAME)] * len(bindings)
        if len(bindings) > 1 and is_stateless(source):
            whole = f"{before}\n{code}"
            seconds = min(limits.batch_seconds, limits.seconds)
            together = self._together(whole, entry_point, bindings, limits, seconds)
            if not isinstance(together, Run):
                return together

        def call(keywords: Mapping[str, Any], share: float) -> Run:
            seconds = limits.seconds * share
            return self._alone(before, code, entry_point, keywords, limits, seconds)

        return run_each(bindings, limits, NAME, call)

    def run_calls(self, source: str, calls: Sequence[str], limits: Limits) -> Run:
        """What ``calls`` (expressions) give after ``source``, one after the other in one session:
        a list, each as it was before the next. ``unsupported`` where one would have to be looked at
        from inside. Raises nothing on account of the code."""
        before, code, lacking = _readied(source, calls)
        if lacking:
            return Run("unsupported", None, lacking, NAME)
        values = self._values(before, code, calls, {}, limits, limits.seconds)
        if values is None:
            return Run("unsupported", None, "a value that may come out as another", NAME)
        if isinstance(values, Run):
            return values
        for value in values:
            if not _is_short(value, limits) and (why := _not_plain(value, limits)):
                return Run("unsupported", None, why, NAME)
        return Run("ok", values, "", NAME)

    def _alone(
        self,
        before: str,
        source: str,
        entry_point: str,
        keywords: Mapping[str, Any],
        limits: Limits,
        seconds: float,
    ) -> Run:
        """One call. First without `_DRIVER`, because to read it takes longer than most calls."""
        inputs = {"__tm_keywords": _fresh(keywords)}
        call = f"{entry_point}(**__tm_keywords)"
        values = self._values(before, source, [call], inputs, limits, seconds)
        if values is None:
            whole = f"{before}\n{source}"
            values = self._together(whole, entry_point, [keywords], limits, seconds)
            return values if isinstance(values, Run) else values[0]
        return values if isinstance(values, Run) else _read((0, values[0]), limits)

    def _values(
        self,
        before: str,
        source: str,
        expressions: Sequence[str],
        inputs: dict[str, Any],
        limits: Limits,
        seconds: float,
    ) -> list[Any] | Run | None:
        """What ``expressions`` give after ``before`` (of our own) and ``source``, or how they
        failed. Each is asked for its value and for how the value is written there and then: what
        host and interpreter write in one way came out as it was. None where one is written
        otherwise, such as a set in another order, or may be more than it is written as."""
        asked = ", ".join(
            [f"__tm_{n} := {e}, __tm_repr(__tm_{n})" for n, e in enumerate(expressions)]
        )
        code = f"{source}\n__tm_all = [{asked}]\n"
        seen = _as_read(code).lower()
        if _has(seen, _OBJECTS) and _has(_TYPE_ASKED.sub("", seen), _OBJECTS):
            return None
        if _has(seen, _TABLES):
            texts = " + ".join([f"__tm_all[{2 * n + 1}]" for n in range(len(expressions))])
            code += _AFTER.format(texts=texts, most=_TOLD_CHARS)
        else:
            code += "__tm_all"
        found = self._feed(f"{_BEFORE}{before}\n{code}", inputs, limits, seconds)
        if isinstance(found, Run) and found.reason.startswith(_EXTENDING) and "+=" in source:
            more = supply_extension(code)
            if more is not None:
                whole = f"{_BEFORE}{before}\n{more[0]}\n{more[1]}"
                found = self._feed(whole, inputs, limits, seconds)
        if found is None or isinstance(found, Run):
            return found
        values: list[Any] = found[::2]
        for value, text in zip(values, found[1::2], strict=True):
            if not _is_written(value, text):
                return None
        return values

    def _together(
        self,
        source: str,
        entry_point: str,
        bindings: Sequence[Mapping[str, Any]],
        limits: Limits,
        seconds: float,
    ) -> list[Run] | Run:
        """All of ``bindings`` in one session, or how it failed as a whole."""
        # All at once: every feed is a round trip to the worker, which costs more than the code.
        driven = f"{_DRIVER}\n{source}\n__tm_call({entry_point}, __tm_many)"
        found = self._feed(driven, {"__tm_many": [_fresh(b) for b in bindings]}, limits, seconds)
        return found if isinstance(found, Run) else [_read(row, limits) for row in found]

    def _feed(self, code: str, inputs: dict[str, Any], limits: Limits, seconds: float) -> Any:
        """What the last expression of ``code`` gives in a fresh session, or a failed `Run`."""
        resources: Any = {
            "max_feed_duration_secs": seconds,
            "max_memory": limits.memory_mib << 20,
        }
        sink = pydantic_monty.CollectString(max_bytes=limits.output_bytes)
        try:
            with self._started().checkout(limits=resources, os_policy=_POLICY) as session:
                return session.feed_run(code, inputs=inputs, print_callback=sink)
        except pydantic_monty.MontyCrashedError as error:
            status: Status = "timeout" if getattr(error, "timed_out", False) else "error"
            return Run(status, None, reason_text(error), NAME)
        except pydantic_monty.MontyConversionError as error:
            return Run("unsupported", None, reason_text(error), NAME)
        except pydantic_monty.MontyError as error:
            return _failure(error, limits)
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            # A value that does not go in (nested too deep, an integer of too many digits).
            return Run("unsupported", None, reason_text(error), NAME)


def _note_absence(module: str) -> None:
    """Let an import of ``module`` fail at once, as it would after a search, if it is not there."""
    if module not in sys.modules and importlib.util.find_spec(module) is None:
        sys.modules[module] = None  # type: ignore[assignment]


def _as_read(code: str) -> str:
    """``code`` with its names as an interpreter reads them."""
    return code if code.isascii() else unicodedata.normalize("NFKC", code)


def _readied(source: str, calls: Sequence[str] = ()) -> tuple[str, str, str]:
    """A text of our own that stands before ``source``, ``source`` with what that supplies, and why
    it is not for monty (``calls`` of it neither) where that can be seen without running it."""
    if OWN in _as_read("\n".join([source, *calls])):
        return "", source, f"names that begin with {OWN}"
    before, source = supply(source) or ("", source)
    for plainly, within in _IMPORT.findall(source) if "import" in source else ():
        if (plainly or within) not in _MODULES:
            return before, source, f"monty has no module {plainly or within}"
    return before, source, ""


def _has(text: str, words: Sequence[str]) -> bool:
    # A loop: what `any` goes through takes longer to make than all of them to look for.
    for word in words:  # noqa: SIM110
        if word in text:
            return True
    return False


def _is_written(value: Any, text: Any) -> bool:
    """Whether ``text`` writes ``value``: as we would, or as a literal with its sets and dicts in
    another order."""
    try:
        if repr(value) == text:
            return True
        if type(text) is not str or "{" not in text or len(text) > _TOLD_CHARS:
            return False
        return encode(ast.literal_eval(text)) == encode(value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        # An integer of too many digits, nested too deep, no literal.
        return False


#: Values of these kinds cannot be changed.
_FIXED = frozenset((bool, int, float, complex, str, bytes, type(None)))


def _fresh(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that shares nothing with any other call's: one object is one object inside, too, and
    a call that sorts its argument would sort it for the next."""
    if all(type(value) in _FIXED for value in keywords.values()):
        return dict(keywords)
    copied: dict[str, Any] = decode(encode(dict(keywords)))
    return copied


def _failure(error: Exception, limits: Limits) -> Run:
    text = reason_text(error)
    if text.endswith(f"> {limits.output_bytes} bytes"):  # it calls this memory too
        reason = f"printed more than {limits.output_bytes} bytes"
        return Run("error", None, reason, NAME)
    if text.startswith("TimeoutError") and "limit exceeded" in text:
        return Run("timeout", None, text, NAME)
    if text.startswith("MemoryError") and "limit exceeded" in text:
        return Run("memory", None, text, NAME)
    if any(word in text[:60] for word in _UNSUPPORTED):
        return Run("unsupported", None, text, NAME)
    return Run("error", None, text, NAME)


def _read(row: Any, limits: Limits) -> Run:
    tag, value = row
    if tag == 2:
        text = reason_text(value)
        return Run("unsupported" if text.startswith(_UNSUPPORTED) else "error", None, text, NAME)
    if tag == 1:
        return Run("unsupported", None, str(value), NAME)
    why = _not_plain(value, limits)
    return Run("unsupported", None, why, NAME) if why else Run("ok", value, "", NAME)


#: Values of these kinds take no more than so many characters where monty could write them: it
#: writes no integer of more than 4,300 digits.
_NUMBERS = frozenset((bool, int, float, type(None)))
_NUMBER_CHARS = 4_400


def _is_short(value: Any, limits: Limits) -> bool:
    """Whether a value that monty has written is plain to see, and within the characters allowed; of
    others `_not_plain` tells, which takes ten times as long."""
    kind = type(value)
    if kind is str:
        return 6 * len(value) < limits.result_chars  # as many as JSON has for one character
    if kind is list or kind is tuple:
        room = (len(value) + 1) * _NUMBER_CHARS < limits.result_chars
        return room and _NUMBERS.issuperset(map(type, value))
    return kind in _NUMBERS and limits.result_chars > _NUMBER_CHARS


def _not_plain(value: Any, limits: Limits) -> str:
    """Why a value is none that may come out; empty where it may."""
    if type(value) in (int, float, bool) and (type(value) is not int or value.bit_length() <= 64):
        return ""
    try:
        if len(encode(value)) > limits.result_chars:
            return "a result of more than the characters allowed"
    except ValueError as error:  # not plain, or an integer of too many digits
        return reason_text(error) or "not a plain value"
    return ""
