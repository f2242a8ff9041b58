"""A caller's values: which entries can take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracemine.schemas import Parameter, encode
from tracemine.schemas.types import coarse, type_of
from tracemine.store.errors import RequestError
from tracemine.verifiers.roles import serves

#: The inputs of a routine as far as types and units tell them: of each a type that stands for all
#: of its coarse type, and its unit, in an order of their own.
Shape = tuple[tuple[str, str], ...]


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
        self._by_name = {key.name: key for key in self.keys}
        self._known: dict[Shape, bool] = {}

    def fit(self, inputs: Sequence[Parameter], shape: Shape) -> bool:
        """Whether a routine of these ``inputs``, of which ``shape`` is `shape_of`, can take the
        values: as many, of fitting coarse types, and no two units that contradict; under the same
        names where the names are the routine's own, else under some assignment."""
        if len(inputs) != len(self.keys):
            return False
        if all(parameter.name in self._by_name for parameter in inputs):
            return all(_fits(p, self._by_name[p.name]) for p in inputs)
        if shape not in self._known:
            wanted = [Parameter("", kind, unit or None) for kind, unit in shape]
            self._known[shape] = _assignable(wanted, self.keys)
        return self._known[shape]


def shape_of(inputs: Sequence[Parameter]) -> Shape:
    """What of a routine's inputs `Bindings.fit` depends on where their names are not the caller's:
    few shapes are those of many entries."""
    kinds = [(coarse(p.type), p.unit or "") for p in inputs]
    return tuple(sorted(("real" if kind == "number" else kind, unit) for kind, unit in kinds))


def _fits(wanted: Parameter, given: Parameter) -> bool:
    contradict = wanted.unit is not None and given.unit is not None and wanted.unit != given.unit
    return not contradict and serves(wanted.type, given.type)


def _assignable(wanted: Sequence[Parameter], given: Sequence[Parameter]) -> bool:
    """Whether each of ``wanted`` can have one of ``given`` to itself (Kuhn's algorithm)."""
    holder: dict[int, int] = {}

    def place(want: int, seen: set[int]) -> bool:
        for have in range(len(given)):
            if have in seen or not _fits(wanted[want], given[have]):
                continue
            seen.add(have)
            if have not in holder or place(holder[have], seen):
                holder[have] = want
                return True
        return False

    return all(place(want, set()) for want in range(len(wanted)))


__all__ = ["Bindings", "Shape", "shape_of"]
