"""What a caller brings: values by name, with their units."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from tracemine.schemas import Parameter, encode
from tracemine.schemas.types import type_of
from tracemine.schemas.values import MAX_DEPTH
from tracemine.store.errors import RequestError

#: Digits of a whole decimal number beyond which it is none that a routine was made for.
_DIGITS = 300


class Bindings:
    """Values by name that a caller wants to use a routine on.

    ``values`` are these values, of which numbers of numpy and decimal ones are Python's own
    (`Decimal` an int where it is whole, else the nearest float); ``keys`` name and type them, with
    their units, in the order in which they were given.

    Raises:
        RequestError: if a value is not a plain one or no finite number, a name no text, or a unit
            that of no value.
    """

    def __init__(
        self, values: Mapping[str, Any], units: Mapping[str, str | None] | None = None
    ) -> None:
        units = units or {}
        if not all(isinstance(name, str) for name in values):
            raise RequestError("cannot use these bindings: a name that is no text")
        values = {name: _plain(value) for name, value in values.items()}
        for name, value in values.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise RequestError(f"cannot use these bindings: {name!r} is no finite number")
        try:
            encode(values)
        except ValueError as error:
            raise RequestError(f"cannot use these bindings: {error}") from error
        unknown = sorted(units.keys() - values.keys())
        if unknown:
            raise RequestError(f"a unit of {unknown[0]!r}, which is none of the bindings")
        self.values = values
        self.keys = tuple(
            Parameter(name, type_of(value), units.get(name)) for name, value in values.items()
        )


def _plain(value: Any, depth: int = 0) -> Any:
    """``value`` with Python's own numbers in it."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Decimal):
        if value.is_finite() and value.adjusted() < _DIGITS and value == value.to_integral_value():
            return int(value)
        return math.nan if value.is_nan() else float(value)
    if depth < MAX_DEPTH:
        if type(value) in (list, tuple, set, frozenset):
            return type(value)(_plain(member, depth + 1) for member in value)
        if type(value) is dict:
            return {_plain(k, depth + 1): _plain(v, depth + 1) for k, v in value.items()}
    return value


__all__ = ["Bindings"]
