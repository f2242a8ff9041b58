"""Shares with their intervals: the bootstrap over problems.

Questions of one problem share its words and its numbers, so they are drawn together: each round
draws as many problems as there are, with replacement, and takes all questions of each. Bounds are
percentiles of the rounds (Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: Rounds of the bootstrap. The bounds of 2,000 move in the third digit from seed to seed.
ROUNDS = 2000
#: The share of rounds between the bounds.
CONFIDENCE = 0.95
#: The seed of every bootstrap: the same questions give the same bounds.
SEED = 20260101
#: Digits of a share as it is reported.
DIGITS = 4

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Share:
    """A mean over ``n`` questions, and the interval that 95% of the bootstrap's rounds fall in."""

    value: float
    low: float
    high: float
    n: int

    def to_json(self) -> dict[str, float | int]:
        """The object that ``--json`` prints."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


class Draws:
    """The rounds of the bootstrap over the problems that ``groups`` (one text for each question)
    names; the same for every arm, so that differences between arms are paired."""

    def __init__(self, groups: Sequence[str]) -> None:
        names = sorted(set(groups))
        rows = {name: row for row, name in enumerate(names)}
        self._group = np.array([rows[name] for name in groups], dtype=np.int64)
        self._count = len(names)
        generator = np.random.Generator(np.random.PCG64(SEED))
        drawn = generator.integers(0, max(1, self._count), size=(ROUNDS, self._count))
        #: How often each round draws each problem: (rounds, problems).
        self._weights = np.stack([np.bincount(row, minlength=self._count) for row in drawn])

    @property
    def weights(self) -> Numbers:
        """How often each round draws each problem: (rounds, problems), problems in the order of
        their names. For what is measured over them and is no mean."""
        return self._weights.astype(np.float64)

    def share(self, values: Sequence[float] | Numbers) -> Share:
        """The mean of ``values``, one for each question; of nothing it is 0 with n 0."""
        column = np.asarray(values, dtype=np.float64)
        if not len(column):
            return Share(0.0, 0.0, 0.0, 0)
        sums = np.bincount(self._group, weights=column, minlength=self._count)
        sizes = np.bincount(self._group, minlength=self._count)
        means = (self._weights @ sums) / (self._weights @ sizes)
        tail = (1 - CONFIDENCE) / 2
        low, high = np.quantile(means, [tail, 1 - tail])
        return Share(
            round(float(column.mean()), DIGITS),
            round(float(low), DIGITS),
            round(float(high), DIGITS),
            len(column),
        )


__all__ = ["CONFIDENCE", "ROUNDS", "Draws", "Share"]
