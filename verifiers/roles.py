"""Which of a caller's values goes to which parameter of a routine, without a look at any result.

Replay tries every alignment that types and units allow and lets one instance choose
(`verifiers.replay`). Who asks a store has no result to choose by: here names, units and types
decide, and where they say nothing the order in which the values were given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import permutations

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from tracemine.schemas import Parameter
from tracemine.schemas.types import coarse

#: What speaks for a value in a role. Equal names outweigh all else, and a unit that contradicts
#: outweighs whatever two names share: dollars are no minutes, however alike "cost" and "cost".
EQUAL_NAME = 4.0
SHARED_WORDS = 2.0
EQUAL_UNIT = 1.0
OTHER_UNIT = -3.0
EQUAL_TYPE = 0.5
#: All that order can say together is less than the least of the others.
ORDER = 0.01

#: A pair of coarse types that do not fit.
_IMPOSSIBLE = -1e6

#: Up to so many roles every way to fill them is tried (720 of six); beyond, the best is found as
#: Jonker and Volgenant do (`scipy.optimize.linear_sum_assignment`).
MAX_TRIED = 6

#: Digits that two sums are compared by.
_DIGITS = 9

#: Pairs of parameters whose weight is remembered.
_REMEMBERED = 65536
#: What a roster remembers of callers' keys, in numbers of 8 bytes: callers choose the names.
_REMEMBERED_NUMBERS = 8_000_000

#: Types whose values are written as text, so that a text may be one.
_WRITTEN = frozenset({"str", "expr", "equation", "interval"})

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: What a name calls the things of its kind apart from one another by.
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
_NUMBERED = re.compile(rf"^({'|'.join(ORDINALS)}|other)_|_\d+$")


@dataclass(frozen=True, slots=True)
class Roles:
    """An alignment. ``positions``: for each input, in order, the position of its key. ``fit`` and
    ``least_fit``: the mean, and the least, of what speaks for a value in its role. The others are
    shares of roles: with equal names, equal units, a unit on one side alone, and two units."""

    positions: tuple[int, ...]
    fit: float
    least_fit: float
    equal_names: float
    equal_units: float
    one_unit: float
    other_unit: float


#: The columns of `Aligned.measures`: the fields of `Roles` after ``positions``.
MEASURES = ("fit", "least_fit", "equal_names", "equal_units", "one_unit", "other_unit")


@dataclass(frozen=True, slots=True)
class Aligned:
    """The alignments of those routines that take a caller's values: their places among all (n,),
    ``positions`` (n, arity) and ``measures`` (n, 6), see `Roles`."""

    places: Integers
    positions: Integers
    measures: Floats


def align(inputs: Sequence[Parameter], keys: Sequence[Parameter]) -> Roles | None:
    """How the values named ``keys`` serve ``inputs``; None where they differ in number or coarse
    types leave no way. Every value is used once, so that what speaks for the pairs (the constants
    above) is the most in all; where several ways are as good, the first in order of positions."""
    found = Roster([inputs]).align(keys)
    if not len(found.places):
        return None
    return Roles(tuple(found.positions[0].tolist()), *found.measures[0].tolist())


class Roster:
    """The inputs of many routines, all aligned at once with one caller's values: a thousand
    routines of three inputs take a millisecond."""

    def __init__(self, routines: Sequence[Sequence[Parameter]]) -> None:
        ids: dict[Parameter, int] = {}
        by_arity: dict[int, list[tuple[int, list[int]]]] = {}
        for place, inputs in enumerate(routines):
            row = [ids.setdefault(parameter, len(ids)) for parameter in inputs]
            by_arity.setdefault(len(row), []).append((place, row))
        self._parameters = list(ids)
        self._by_arity = {
            arity: (
                np.array([place for place, _ in rows], dtype=np.int64),
                np.array([row for _, row in rows], dtype=np.int64).reshape(len(rows), arity),
            )
            for arity, rows in by_arity.items()
        }
        self._columns: dict[Parameter, Floats] = {}

    def align(self, keys: Sequence[Parameter]) -> Aligned:
        """As the function `align`, for every routine that the values fit, in order of place."""
        arity = len(keys)
        none = (np.zeros(0, np.int64), np.zeros((0, arity), np.int64), np.zeros((0, len(MEASURES))))
        if arity not in self._by_arity:
            return Aligned(*none)
        places, rows = self._by_arity[arity]
        if not arity:
            return Aligned(places, rows, np.zeros((len(places), len(MEASURES))))
        # (what, parameter, key) -> (what, routine, role, key)
        facts = np.stack([self._column(key) for key in keys], axis=2)[:, rows]
        weights = facts[0]
        positions = _assign(weights)
        chosen = np.take_along_axis(facts, positions[None, :, :, None], axis=3)[..., 0]
        fitting = chosen[0].min(axis=1) > _IMPOSSIBLE / 2
        measures = np.stack(
            [chosen[0].mean(axis=1), chosen[0].min(axis=1), *chosen[1:].mean(axis=2)], axis=1
        )
        return Aligned(places[fitting], positions[fitting], measures[fitting])

    def _column(self, key: Parameter) -> Floats:
        """What speaks for ``key`` in the role of each parameter, and what `MEASURES` count of the
        two: (5, parameters)."""
        known = self._columns.get(key)
        if known is None:
            pairs = [(wanted.unit, key.unit) for wanted in self._parameters]
            known = np.array(
                [
                    [_weight(wanted, key) for wanted in self._parameters],
                    [wanted.name == key.name for wanted in self._parameters],
                    [a is not None and a == b for a, b in pairs],
                    [(a is None) != (b is None) for a, b in pairs],
                    [a is not None and b is not None and a != b for a, b in pairs],
                ],
                dtype=np.float64,
            )
            if (len(self._columns) + 1) * known.size > _REMEMBERED_NUMBERS:
                self._columns.clear()
            self._columns[key] = known
        return known


def _assign(weights: Floats) -> Integers:
    """For each routine (n, arity, arity) the positions (n, arity) with the greatest sum."""
    arity = weights.shape[1]
    places = np.arange(arity)
    ordered = np.round(weights - ORDER * np.abs(places[:, None] - places) / arity, _DIGITS)
    if arity > MAX_TRIED:
        return np.stack([linear_sum_assignment(each, maximize=True)[1] for each in ordered])
    ways = _ways(arity)
    sums = ordered[:, places, ways].sum(axis=2)
    best: Integers = ways[np.argmax(np.round(sums, _DIGITS), axis=1)]
    return best


@cache
def _ways(arity: int) -> Integers:
    """Every order of ``arity`` positions, in lexical order."""
    return np.array(list(permutations(range(arity))), dtype=np.int64)


@lru_cache(maxsize=_REMEMBERED)
def serves(wanted: str, given: str) -> bool:
    """Whether a value of the type ``given`` may stand where ``wanted`` is: their coarse types are
    equal, one is `any`, or a text is wanted in a notation of its own."""
    want, have = coarse(wanted), coarse(given)
    return want == have or "any" in (want, have) or (have == "str" and want in _WRITTEN)


@lru_cache(maxsize=_REMEMBERED)
def _weight(wanted: Parameter, given: Parameter) -> float:
    if not serves(wanted.type, given.type):
        return _IMPOSSIBLE
    weight = EQUAL_TYPE * (wanted.type == given.type)
    if wanted.unit is not None and given.unit is not None:
        weight += EQUAL_UNIT if wanted.unit == given.unit else OTHER_UNIT
    if wanted.name == given.name:
        return weight + EQUAL_NAME
    ours, theirs = _words(wanted.name), _words(given.name)
    return weight + SHARED_WORDS * len(ours & theirs) / max(1, len(ours | theirs))


@lru_cache(maxsize=_REMEMBERED)
def _words(name: str) -> frozenset[str]:
    """The words of a name, without what only numbers things of its kind."""
    return frozenset(word for word in kind_of(name.lower()).split("_") if word)


def kind_of(name: str) -> str:
    """A name without what numbers things of its kind: ``items`` of ``first_items``."""
    while (shorter := _NUMBERED.sub("", name)) and shorter != name:
        name = shorter
    return name


def numbered(kind: str, index: int) -> str:
    """The name of one of several things of a kind, the first at ``index`` 0."""
    return f"{ORDINALS[index]}_{kind}" if index < len(ORDINALS) else f"{kind}_{index + 1}"


__all__ = [
    "MEASURES",
    "ORDINALS",
    "Aligned",
    "Roles",
    "Roster",
    "align",
    "kind_of",
    "numbered",
    "serves",
]
