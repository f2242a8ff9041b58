"""Which of a caller's values goes to which parameter of a routine, without a look at any result.

Replay tries every alignment that types and units allow and lets one instance choose
(`verifiers.replay`). Who asks a store has no result to choose by: here names, units and types
decide, and where they say nothing the order in which the values were given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
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

#: Pairs whose weight, and pairs of inputs and keys whose alignment, are remembered.
_REMEMBERED = 65536

#: Types whose values are written as text, so that a text may be one.
_WRITTEN = frozenset({"str", "expr", "equation", "interval"})

#: Words of a name that number things of one kind.
_ORDINALS = frozenset(
    ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"]
)
_NUMBER = re.compile(r"\d+")


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


def align(inputs: Sequence[Parameter], keys: Sequence[Parameter]) -> Roles | None:
    """How the values named ``keys`` serve ``inputs``; None where they differ in number or coarse
    types leave no way. Every value is used once.

    The assignment is the one with the greatest sum of what speaks for each pair (the constants
    above), found exactly (Jonker-Volgenant, `scipy.optimize.linear_sum_assignment`).
    """
    if len(inputs) != len(keys):
        return None
    return _align(tuple(inputs), tuple(keys))


@lru_cache(maxsize=_REMEMBERED)
def _align(inputs: tuple[Parameter, ...], keys: tuple[Parameter, ...]) -> Roles | None:
    if not inputs:
        return Roles((), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    size = len(inputs)
    weights = np.array([[_weight(wanted, given) for given in keys] for wanted in inputs])
    places = np.arange(size)
    ordered = weights - ORDER * np.abs(places[:, None] - places) / size
    rows, columns = linear_sum_assignment(ordered, maximize=True)
    chosen = weights[rows, columns]
    if chosen.min() < _IMPOSSIBLE / 2:
        return None
    pairs = [(inputs[row], keys[column]) for row, column in zip(rows, columns, strict=True)]
    units = [(wanted.unit, given.unit) for wanted, given in pairs]
    return Roles(
        positions=tuple(int(column) for column in columns),
        fit=float(chosen.mean()),
        least_fit=float(chosen.min()),
        equal_names=sum(wanted.name == given.name for wanted, given in pairs) / size,
        equal_units=sum(a is not None and a == b for a, b in units) / size,
        one_unit=sum((a is None) != (b is None) for a, b in units) / size,
        other_unit=sum(a is not None and b is not None and a != b for a, b in units) / size,
    )


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
    """The words of a name, without the ordinals that only number things of one kind."""
    words = {word for word in name.lower().split("_") if word and not _NUMBER.fullmatch(word)}
    return frozenset(words) - _ORDINALS


__all__ = ["Roles", "align", "serves"]
