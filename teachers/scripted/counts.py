"""What a scripted server counts of what it was asked."""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Counts:
    """Written by the server's own thread; whoever reads it sees numbers that may just change.

    Attributes:
        total: requests for completions, whatever came of them.
        answered: those that got a whole answer, faulty answers among them, and those whose client
            just left.
        by_key: requests by key.
        answered_by_key: answers by key; more than one is an answer that was paid for twice.
        by_status: requests by the status they got, 0 where they got none.
        by_fault: requests by the fault they met.
        by_schema: requests by the name of the schema asked for.
        from_table: answers that the table gave.
        prompt_tokens: of all answers.
        completion_tokens: of all answers.
        under_way: requests under way now; most_at_once: at most so far.
    """

    total: int = 0
    answered: int = 0
    by_key: Counter[str] = field(default_factory=Counter)
    answered_by_key: Counter[str] = field(default_factory=Counter)
    by_status: Counter[int] = field(default_factory=Counter)
    by_fault: Counter[str] = field(default_factory=Counter)
    by_schema: Counter[str] = field(default_factory=Counter)
    from_table: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    under_way: int = 0
    most_at_once: int = 0
    _busy: float = 0.0
    _idle: float = 0.0
    _since: float = math.nan

    def busy_seconds(self) -> float:
        """Seconds times requests under way, up to the last change: divided by the time it took and
        the concurrency, the share of a server's places that were used."""
        return self._busy

    def idle_seconds(self) -> float:
        """Seconds between the first request and the last in which there was none under way."""
        return self._idle

    def came(self) -> None:
        """A request came."""
        self._tick()
        self.total += 1
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)

    def went(self, status: int) -> None:
        """A request has what it gets."""
        self._tick()
        self.under_way -= 1
        self.by_status[status] += 1

    def to_json(self, by_key: bool = False) -> dict[str, Any]:
        """All numbers; those by key where they are asked for, else how many keys there are and how
        many were answered more than once."""
        found: dict[str, Any] = {
            "total": self.total,
            "answered": self.answered,
            "keys": len(self.by_key),
            "answered_again": sum(count > 1 for count in self.answered_by_key.values()),
            "by_status": {str(status): count for status, count in sorted(self.by_status.items())},
            "by_fault": dict(sorted(self.by_fault.items())),
            "by_schema": dict(sorted(self.by_schema.items())),
            "from_table": self.from_table,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "under_way": self.under_way,
            "most_at_once": self.most_at_once,
            "busy_seconds": self._busy,
            "idle_seconds": self._idle,
        }
        if by_key:
            found["by_key"] = dict(self.by_key)
            found["answered_by_key"] = dict(self.answered_by_key)
        return found

    def _tick(self) -> None:
        now = time.perf_counter()
        if not math.isnan(self._since):
            passed = now - self._since
            self._busy += passed * self.under_way
            self._idle += 0.0 if self.under_way else passed
        self._since = now


__all__ = ["Counts"]
