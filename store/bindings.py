"""What a caller brings: values by name, with their units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracemine.schemas import Parameter, encode
from tracemine.schemas.types import type_of
from tracemine.store.errors import RequestError


class Bindings:
    """Values by name that a caller wants to use a routine on.

    ``values`` are these values; ``keys`` name and type them, with their units, in the order in
    which they were given.

    Raises:
        RequestError: if a value is not a plain one, a name no text, or a unit that of no value.
    """

    def __init__(
        self, values: Mapping[str, Any], units: Mapping[str, str | None] | None = None
    ) -> None:
        units = units or {}
        if not all(isinstance(name, str) for name in values):
            raise RequestError("cannot use these bindings: a name that is no text")
        try:
            encode(dict(values))
        except ValueError as error:
            raise RequestError(f"cannot use these bindings: {error}") from error
        unknown = sorted(units.keys() - values.keys())
        if unknown:
            raise RequestError(f"a unit of {unknown[0]!r}, which is none of the bindings")
        self.values = dict(values)
        self.keys = tuple(
            Parameter(name, type_of(value), units.get(name)) for name, value in values.items()
        )


__all__ = ["Bindings"]
