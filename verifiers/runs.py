"""What a run of untrusted code may use, and how it ended."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

Status = Literal["ok", "error", "timeout", "memory", "unsupported", "refused"]
Backend = Literal["monty", "cpython"]
Mechanism = Literal["namespaces", "bubblewrap", "none"]

_Item = TypeVar("_Item")

#: What `Isolation.complete` asks for. Not ``seccomp``, which few kinds of machine have a table for.
REQUIRED_STEPS = frozenset(
    f"{kind}-namespace" for kind in ("user", "mount", "pid", "network", "ipc")
) | {"empty-root", "read-only", "no-capabilities"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may use.

    ``seconds`` is CPU time (in monty, its own running time); ``memory_mib`` is on top of what the
    interpreter has when it starts; ``result_chars`` counts the result's JSON text, ``output_bytes``
    what the call prints (and, each for itself, what it writes into a file).

    Calls of stateless code are made together first, and get ``batch_seconds`` between them: most
    take microseconds, and where one of them hangs no more than that is lost before each is made
    alone.

    A routine that loops or sleeps on every instance must not cost minutes: after ``slow_calls``
    confirmed timeouts within one `Sandbox.run_many`, or one of code that sleeps, its remaining
    calls get ``slow_factor`` of the time and no retry; after ``most_slow_calls`` they are timeouts
    without being run.

    ``wall_seconds`` is for who waits: code that sleeps is stopped by then, and not tried again.
    """

    seconds: float = 2.0
    batch_seconds: float = 0.2
    memory_mib: int = 512
    result_chars: int = 1_000_000
    output_bytes: int = 1 << 20
    slow_calls: int = 3
    slow_factor: float = 0.1
    most_slow_calls: int = 20
    wall_seconds: float = math.inf


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Isolation:
    """What keeps the code of the CPython backend apart from the machine.

    ``mechanism`` made the namespaces; ``steps`` are in force (see `_child`); ``missing`` says of
    each mechanism that was tried before why the machine does not have it.
    """

    mechanism: Mechanism
    steps: tuple[str, ...]
    missing: Mapping[Mechanism, str]

    @property
    def complete(self) -> bool:
        """Whether namespaces hold, with an empty root that can only be read."""
        return REQUIRED_STEPS.issubset(self.steps)


#: A reason is cut here, in characters: it is for people, and the code may have chosen it.
REASON_CHARS = 300


def reason_text(text: object) -> str:
    """``text`` as the reason of a `Run`: not long, and of characters that can be written."""
    return str(text)[:REASON_CHARS].encode(errors="replace").decode()


class IsolationError(RuntimeError):
    """Isolation was required, and the machine does not have it. Never for what code does."""


@dataclass(frozen=True, slots=True)
class Run:
    """The end of one call: ``value`` where ``status`` is ``ok``, else None and a ``reason``.

    ``error``: the code raised, exited or crashed. ``unsupported``: the backend does not have
    something, or the result is no plain value. ``refused``: it was not run.
    """

    status: Status
    value: Any
    reason: str
    backend: str


def run_each(
    items: Iterable[_Item],
    limits: Limits,
    backend: Backend,
    call: Callable[[_Item, float], Run],
    sleeps: Callable[[Run], bool] = lambda _: False,
) -> list[Run]:
    """A `Run` for each of ``items``, one after the other, in order.

    ``call`` is given an item and the share of its time that it gets, which timeouts before it make
    less, as `Limits` says; ``sleeps`` tells of a timeout whether it was of code that sleeps.
    """
    runs: list[Run] = []
    share, slow = 1.0, 0
    for item in items:
        if slow >= limits.most_slow_calls:
            runs.append(Run("timeout", None, f"not run: {slow} calls before it timed out", backend))
            continue
        run = call(item, share)
        runs.append(run)
        if run.status == "timeout":
            slow += 1
            if slow >= limits.slow_calls or sleeps(run):
                share = limits.slow_factor
    return runs
