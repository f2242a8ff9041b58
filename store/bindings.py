"""Whether an entry can take a caller's values: their number, their types, its preconditions."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from tracemine.schemas import Parameter, Signature, encode
from tracemine.schemas.types import coarse, type_of
from tracemine.store.errors import RequestError

#: Types whose values are written as text, so that a string may be one.
_WRITTEN = frozenset({"str", "expr", "equation", "interval"})

_ENTRY = "tracemine_holds"


class BindingFilter:
    """Values by name that a caller wants to use a routine on.

    Raises:
        RequestError: if a value is not a plain one.
    """

    def __init__(self, bindings: Mapping[str, Any]) -> None:
        try:
            encode(dict(bindings))
        except ValueError as error:
            raise RequestError(f"cannot use these bindings: {error}") from error
        self.bindings = dict(bindings)
        self._types = {name: type_of(value) for name, value in bindings.items()}

    def takes(self, signature: str) -> bool:
        """Whether a routine of ``signature`` (JSON text) can take the values: as many parameters,
        of fitting coarse types; under the same names where the names are the routine's own, else
        under some assignment."""
        inputs = _inputs(signature)
        if len(inputs) != len(self._types):
            return False
        if {p.name for p in inputs} == self._types.keys():
            return all(_fits(self._types[p.name], p.type) for p in inputs)
        return _assignable([p.type for p in inputs], list(self._types.values()))

    def holds(self, signature: Signature, predicates: Sequence[str]) -> bool | None:
        """Whether all ``predicates`` hold on the values, evaluated in the sandbox; one that raises,
        hangs or is no expression does not hold. None if the names are not those of the routine,
        so that it cannot be said."""
        if {p.name for p in signature.inputs} != self.bindings.keys():
            return None
        if not predicates:
            return True
        source = _source(signature, predicates)
        if source is None:
            return False
        # Imported here: most searches have no bindings, and need no sandbox.
        from tracemine.verifiers import shared_sandbox

        run = shared_sandbox().run(source, _ENTRY, self.bindings)
        return bool(run.status == "ok" and run.value is True)


@lru_cache(maxsize=65536)
def _inputs(signature: str) -> tuple[Parameter, ...]:
    return Signature.from_json(signature).inputs


def _fits(given: str, wanted: str) -> bool:
    have, want = coarse(given), coarse(wanted)
    return have == want or "any" in (have, want) or (have == "str" and want in _WRITTEN)


def _assignable(wanted: Sequence[str], given: Sequence[str]) -> bool:
    """Whether each of ``wanted`` can have one of ``given`` to itself (Kuhn's algorithm)."""
    holder: dict[int, int] = {}

    def place(want: int, seen: set[int]) -> bool:
        for have in range(len(given)):
            if have in seen or not _fits(given[have], wanted[want]):
                continue
            seen.add(have)
            if have not in holder or place(holder[have], seen):
                holder[have] = want
                return True
        return False

    return all(place(want, set()) for want in range(len(wanted)))


def _source(signature: Signature, predicates: Sequence[str]) -> str | None:
    """A function that gives True if all predicates hold; None if one is not an expression."""
    for predicate in predicates:
        try:
            ast.parse(predicate, mode="eval")
        except (SyntaxError, ValueError):
            return None
    names = ", ".join(parameter.name for parameter in signature.inputs)
    tests = [f"    if not (\n{predicate}\n    ):\n        return False" for predicate in predicates]
    return "\n".join([f"def {_ENTRY}({names}):", *tests, "    return True"]) + "\n"
