"""What was spent and how it ended, by stage and model: counts that add up in any order."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Literal, Self, get_args

from tracemine.teachers.model.requests import PURPOSES, Purpose

#: ``requests`` are distinct questions that were answered or failed, ``attempts`` HTTP requests that
#: were sent, ``retries`` those of them after a question's first, ``cache_hits`` questions that the
#: cache answered; tokens are as the server counted them, estimated where it counts none;
#: ``seconds`` are how long attempts took, added up as if one had followed the other; ``corrupt``
#: are damaged entries of the cache.
CountName = Literal[
    "requests",
    "attempts",
    "retries",
    "cache_hits",
    "prompt_tokens",
    "completion_tokens",
    "seconds",
    "corrupt",
]
COUNT_NAMES: tuple[CountName, ...] = get_args(CountName)

#: Where failures by their reasons stand in a tally's JSON.
FAILURES = "failures"
#: Seconds are added up as whole microseconds: sums of floats depend on their order.
_MICROSECONDS = 1_000_000

#: (purpose, model, count name or reason, whether it is a reason) -> how many.
_Counts = dict[tuple[str, str, str, bool], int]


class Tally:
    """Counts by (purpose, model). Safe to share between threads; pickles to another process.

    >>> tally = Tally()
    >>> tally.count("segment", "some-model", "attempts", 2)
    >>> tally.fail("segment", "some-model", "timeout")
    >>> tally.to_json()["segment"]["some-model"]["attempts"]
    2
    """

    def __init__(self) -> None:
        self._counts: _Counts = {}
        self._reported: _Counts = {}
        self._lock = threading.Lock()

    def count(self, purpose: Purpose, model: str, name: CountName, amount: float = 1) -> None:
        """Add ``amount`` to a count: whole numbers, but for ``seconds``.

        Raises:
            ValueError: if ``amount`` is negative, or not whole where it must be.
        """
        self._add((purpose, model, name, False), _whole(name, amount))

    def fail(self, purpose: Purpose, model: str, reason: str) -> None:
        """Count a question that failed, by its reason."""
        self._add((purpose, model, reason, True), 1)

    def merge(self, other: Tally) -> None:
        """Add all that ``other`` counted."""
        for key, amount in other._copy().items():
            self._add(key, amount)

    def taken(self) -> Tally:
        """What was counted since the last call of this: a worker's reports add up to its tally,
        which itself stays whole."""
        found = Tally()
        with self._lock:
            for key, amount in self._counts.items():
                fresh = amount - self._reported.get(key, 0)
                if fresh:
                    found._counts[key] = fresh
            self._reported = dict(self._counts)
        return found

    def total(self, name: CountName) -> float:
        """One count over all purposes and models; whole, but for ``seconds``."""
        whole = sum(
            amount
            for (_, _, counted, is_reason), amount in self._copy().items()
            if counted == name and not is_reason
        )
        return _shown(name, whole)

    def to_json(self) -> dict[str, Any]:
        """``{purpose: {model: {count: N, ..., "failures": {reason: N}}}}``, plain, in order; every
        count is there, also those of nothing."""
        found: dict[str, Any] = {}
        for (purpose, model, name, is_reason), amount in sorted(self._copy().items()):
            models = found.setdefault(purpose, {})
            row = models.setdefault(model, dict.fromkeys(COUNT_NAMES, 0) | {FAILURES: {}})
            if is_reason:
                row[FAILURES][name] = amount
            else:
                row[name] = _shown(name, amount)
        return found

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """The tally that `to_json` was taken from.

        Raises:
            ValueError: naming what is wrong, if it is nothing that `to_json` gives.
        """
        tally = cls()
        for purpose, models in _items(found, "a tally"):
            if purpose not in PURPOSES:
                raise ValueError(f"a tally has no purpose {purpose!r}")
            for model, row in _items(models, purpose):
                for name, amount in _items(row, model):
                    if name == FAILURES:
                        for reason, failed in _items(amount, name):
                            tally._add((purpose, model, reason, True), _whole(name, failed))
                    elif name in COUNT_NAMES:
                        tally._add((purpose, model, name, False), _whole(name, amount))
                    else:
                        raise ValueError(f"a tally has no count {name!r}")
        return tally

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tally) and self._copy() == other._copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return Tally.from_json, (self.to_json(),)

    def __repr__(self) -> str:
        return f"Tally({self.to_json()!r})"

    def _add(self, key: tuple[str, str, str, bool], amount: int) -> None:
        if amount:
            with self._lock:
                self._counts[key] = self._counts.get(key, 0) + amount

    def _copy(self) -> _Counts:
        with self._lock:
            return dict(self._counts)


def _items(found: Any, where: str) -> list[tuple[str, Any]]:
    if not isinstance(found, Mapping) or not all(isinstance(key, str) for key in found):
        raise ValueError(f"{where!r} of a tally is no object")
    return list(found.items())


def _whole(name: str, amount: object) -> int:
    """An amount as it is added up."""
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        raise ValueError(f"{name} is counted in numbers, not {amount!r}")
    if not 0 <= amount < float("inf"):
        raise ValueError(f"{name} is counted in numbers from 0, not {amount!r}")
    if name == "seconds":
        return round(amount * _MICROSECONDS)
    if amount != int(amount):
        raise ValueError(f"{name} is counted in whole numbers, not {amount!r}")
    return int(amount)


def _shown(name: str, whole: int) -> float:
    return whole / _MICROSECONDS if name == "seconds" else whole


__all__ = ["COUNT_NAMES", "FAILURES", "CountName", "Tally"]
