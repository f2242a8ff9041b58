"""Shares with their intervals: a bootstrap over problems, and Wilson's where that says too little.

Questions of one problem share its words and its numbers, so they are drawn together: each round
draws as many problems as there are, with replacement, and takes all questions of each. Bounds are
percentiles of the rounds (Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993).

Rounds drawn from three problems that are all right are all right, and from thirty too: that is no
certainty. Where there are few problems, or hardly one differs from the others, bounds are those of
Wilson (*JASA* 22, 1927) for as many independent questions as there are problems, those of unequal
size counted as fewer (Kish, *Survey Sampling*, 1965); of a difference, what is gained and what is
lost are bounded so and put together (Zou and Donner, *Statistics in Medicine* 27, 2008).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

#: Rounds of the bootstrap. The bounds of 2,000 move in the third digit from seed to seed.
ROUNDS = 2000
#: The share of rounds between the bounds.
CONFIDENCE = 0.95
#: The seed of every bootstrap: the same questions give the same bounds.
SEED = 20260101
#: Digits of a share as it is reported.
DIGITS = 4

#: Fewer problems than these are too few for a bootstrap.
FEW_PROBLEMS = 30

#: So many problems must be other than the rest: with one miss in all a third of the rounds has
#: none, and hardly one has as many as there may well be.
FEW_OTHERS = 3

#: Sums that differ by less are one.
_EPSILON = 1e-9

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Share:
    """A mean over ``n`` questions of ``groups`` problems (or of what else ``of`` says), and its
    interval of 95%; None for bounds that nothing can be said of, and for the mean of nothing."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    groups: int
    of: str = "problems"

    def to_json(self) -> dict[str, float | int | None]:
        """The object that ``--json`` prints."""
        bounds = {"value": self.value, "low": self.low, "high": self.high}
        return {**bounds, "n": self.n, self.of: self.groups}


class Draws:
    """The rounds of the bootstrap over the problems that ``groups`` (one text for each question)
    names; the same for every arm, so that differences between arms are paired. ``of`` says what is
    drawn where it is not problems."""

    def __init__(self, groups: Sequence[str], *, of: str = "problems") -> None:
        self._of = of
        names = sorted(set(groups))
        rows = {name: row for row, name in enumerate(names)}
        self._group = np.array([rows[name] for name in groups], dtype=np.int64)
        self._count = len(names)
        self._sizes = np.bincount(self._group, minlength=self._count).astype(np.float64)
        generator = np.random.Generator(np.random.PCG64(SEED))
        drawn = generator.integers(0, max(1, self._count), size=(ROUNDS, self._count))
        #: How often each round draws each problem: (rounds, problems).
        self._weights = np.zeros((ROUNDS, self._count))
        for number, row in enumerate(drawn):
            self._weights[number] = np.bincount(row, minlength=self._count)

    @property
    def weights(self) -> Numbers:
        """How often each round draws each problem: (rounds, problems), problems in the order of
        their names. For what is measured over them and is no mean."""
        return self._weights.astype(np.float64)

    def share(self, values: Sequence[float] | Numbers) -> Share:
        """The mean of ``values`` in [0, 1], one for each question; of nothing it is None."""
        return self._share(*self._by_question(values), signed=False)

    def share_of_problems(self, values: Sequence[float] | Numbers) -> Share:
        """The mean over problems of the means of each problem's ``values`` in [0, 1]."""
        return self._share(*self._by_problem(values), signed=False)

    def difference(self, values: Sequence[float] | Numbers) -> Share:
        """The mean of ``values`` in [-1, 1], each the difference of two shares of one question."""
        return self._share(*self._by_question(values), signed=True)

    def difference_of_problems(self, values: Sequence[float] | Numbers) -> Share:
        """The mean over problems of the means of each problem's ``values`` in [-1, 1]."""
        return self._share(*self._by_problem(values), signed=True)

    def mean(self, values: Sequence[float] | Numbers) -> Share:
        """The mean of ``values`` of any size, one for each question. Of few problems the interval
        is Student's; where these are all alike, or one, there is none."""
        sums, sizes, n = self._by_question(values)
        if not n:
            return Share(None, None, None, 0, 0, self._of)
        value = float(sums.sum() / sizes.sum())
        # What each problem adds to or takes from a mean over all.
        residues = (sums - value * sizes) / sizes.mean()
        if self._count < 2 or float(np.abs(residues).max()) < _EPSILON:
            return Share(round(value, DIGITS), None, None, n, self._count, self._of)
        if self._count >= FEW_PROBLEMS:
            return self._stated(value, *self._bootstrap(sums, sizes), n)
        degrees = self._count - 1
        error = math.sqrt(float((residues**2).sum()) / degrees / self._count)
        half = float(stats.t.ppf(1 - (1 - CONFIDENCE) / 2, degrees)) * error
        return self._stated(value, value - half, value + half, n)

    def _by_question(self, values: Sequence[float] | Numbers) -> tuple[Numbers, Numbers, int]:
        """Sums of ``values`` and sizes, by problem, and the number of values."""
        column = np.asarray(values, dtype=np.float64)
        sums = np.bincount(self._group, weights=column, minlength=self._count)
        return sums.astype(np.float64), self._sizes, len(column)

    def _by_problem(self, values: Sequence[float] | Numbers) -> tuple[Numbers, Numbers, int]:
        """As `_by_question`, each problem being one question, which gives its mean."""
        sums, sizes, n = self._by_question(values)
        return sums / sizes, np.ones(self._count), n

    def _share(self, sums: Numbers, sizes: Numbers, n: int, *, signed: bool) -> Share:
        if not n:
            return Share(None, None, None, 0, 0, self._of)
        value = float(sums.sum() / sizes.sum())
        if not _says_little(sums, sizes, signed=signed):
            return self._stated(value, *self._bootstrap(sums, sizes), n)
        count = float(sizes.sum() ** 2 / (sizes**2).sum())
        if not signed:
            return self._stated(value, *wilson(value, count), n)
        gained = float(np.maximum(sums, 0).sum() / sizes.sum())
        lost = float(np.maximum(-sums, 0).sum() / sizes.sum())
        return self._stated(value, *wilson_difference(gained, lost, count), n)

    def _bootstrap(self, sums: Numbers, sizes: Numbers) -> tuple[float, float]:
        means = (self._weights @ sums) / (self._weights @ sizes)
        tail = (1 - CONFIDENCE) / 2
        low, high = np.quantile(means, [tail, 1 - tail])
        return float(low), float(high)

    def _stated(self, value: float, low: float, high: float, n: int) -> Share:
        low, high = round(low, DIGITS), round(high, DIGITS)
        return Share(round(value, DIGITS), low, high, n, self._count, self._of)


def wilson(share: float, count: float) -> tuple[float, float]:
    """Wilson's interval of ``share`` (in [0, 1]) of ``count`` (> 0) independent questions."""
    z = float(stats.norm.ppf(1 - (1 - CONFIDENCE) / 2))
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count)
    half *= math.sqrt(max(0.0, share * (1 - share)) / count + z * z / (4 * count * count))
    # Rounding must not put a share of 0 or 1 outside.
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


def wilson_difference(gained: float, lost: float, count: float) -> tuple[float, float]:
    """The interval of ``gained - lost``, shares of ``count`` (> 0) independent questions that
    exclude each other: by the bounds of both (Zou and Donner's method of variance estimates
    recovery), with the correlation of two cells of a multinomial."""
    (gained_low, gained_high), (lost_low, lost_high) = wilson(gained, count), wilson(lost, count)
    rest = (1 - gained) * (1 - lost)
    correlation = -math.sqrt(gained * lost / rest) if rest > 0 else 0.0

    def reach(one: float, other: float) -> float:
        return math.sqrt(max(0.0, one * one + other * other - 2 * correlation * one * other))

    value = gained - lost
    low = value - reach(gained - gained_low, lost_high - lost)
    high = value + reach(gained_high - gained, lost - lost_low)
    return max(-1.0, low), min(1.0, high)


def _says_little(sums: Numbers, sizes: Numbers, *, signed: bool) -> bool:
    """Whether too few problems, or too few that are other than the rest, stand behind a share."""
    if len(sums) < FEW_PROBLEMS:
        return True
    least, most = (-sizes, sizes) if signed else (np.zeros(len(sums)), sizes)
    kinds = [np.zeros(len(sums)), least, most, sums.sum() / sizes.sum() * sizes]
    others = [int((np.abs(sums - alike) > _EPSILON).sum()) for alike in kinds]
    return min(others) < FEW_OTHERS


__all__ = [
    "CONFIDENCE", "FEW_OTHERS", "FEW_PROBLEMS", "ROUNDS", "Draws", "Share", "wilson",
    "wilson_difference",
]  # fmt: skip
