"""What a search is asked, checked when it is said and not when it runs."""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tracemine.schemas.records import DOMAINS, STATUSES
from tracemine.schemas.types import CONTAINERS, NUMERIC, SCALARS, TypeSyntaxError, parse
from tracemine.store.bindings import Bindings
from tracemine.store.errors import RequestError
from tracemine.store.index import KINDS

#: Statuses of what is verified and in date.
SERVED = ("canonical", "verified")
#: Statuses that search gives unless it is asked for others: what is out of date is flagged.
SEARCHED = (*SERVED, "expired")

#: What becomes of an entry whose preconditions do not hold on the caller's values.
Unmet = Literal["drop", "flag"]
UNMET: tuple[Unmet, ...] = ("drop", "flag")

#: What types there are, in order (`schemas.types`).
TYPES_ARE = (
    f"types are {' < '.join(NUMERIC)}, {', '.join(t for t in SCALARS if t not in NUMERIC)}, and "
    "list[T], set[T], matrix[T], tuple[T, ...], dict[K, V] of these"
)
#: What other languages call some of them, and how like one another two names of one are.
_ELSEWHERE = {
    "integer": "int", "long": "int", "float": "real", "double": "real", "number": "real",
    "decimal": "rational", "fraction": "rational", "string": "str", "text": "str",
    "boolean": "bool", "array": "list", "sequence": "list", "object": "dict", "map": "dict",
    "null": "none",
}  # fmt: skip
_ALIKE = 0.75

#: Seconds that the routines of one search may run for, in all.
DEADLINE = 5.0

#: Characters of a wrong unit or type that are shown, and the most that a type has.
_SHOWN_CHARS, _TYPE_CHARS = 40, 1000


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries of a kind may be given. ``inputs``: the types of what the caller has, sorted;
    ``where``: a condition in SQL over an entry's columns. None is no condition."""

    kind: str = "procedure"
    status: tuple[str, ...] = SEARCHED
    domain: str | None = None
    output_type: str | None = None
    output_unit: str | None = None
    inputs: tuple[str, ...] | None = None
    where: str | None = None


def check_query(query: Any) -> None:
    """Nothing, if a search can be asked ``query``.

    Raises:
        RequestError: otherwise.
    """
    if not isinstance(query, str):
        raise RequestError(f"the query must be text, not {repr(query)[:_SHOWN_CHARS]}")
    if not query.strip():
        raise RequestError("the query is empty")


def check_count(k: Any) -> None:
    """Nothing, if a search can be asked for ``k`` hits.

    Raises:
        RequestError: otherwise.
    """
    if type(k) is not int or k < 1:
        raise RequestError(f"k must be a whole number of at least 1, not {k!r}")


def make_filter(
    *,
    kind: Any,
    status: Sequence[str],
    domain: str | None,
    output_type: str | None,
    output_unit: str | None,
    inputs: Sequence[str] | Mapping[str, str] | None,
    where: str | None,
) -> Filter:
    """The filter that a caller's arguments make.

    Raises:
        RequestError: if one of them is not of its kind.
    """
    if not isinstance(kind, str) or kind not in KINDS:
        raise RequestError(f"unknown kind {kind!r}: one of {', '.join(KINDS)}")
    if domain is not None and domain not in DOMAINS:
        raise RequestError(f"unknown domain {domain!r}: one of {', '.join(DOMAINS)}")
    if not _is_list(status):
        raise RequestError("status must be a list of statuses")
    for one in status:
        if one not in STATUSES:
            raise RequestError(f"unknown status {one!r}: one of {', '.join(STATUSES)}")
    types = inputs.values() if isinstance(inputs, Mapping) else inputs
    if inputs is not None and not isinstance(inputs, Mapping) and not _is_list(inputs):
        raise RequestError("inputs must be a list of types")
    for one in (*(types or ()), *((output_type,) if output_type is not None else ())):
        _check_type(one)
    if where is not None and (not isinstance(where, str) or not where.strip()):
        raise RequestError("where must be a condition in SQL, e.g. success_rate > 0.9")
    return Filter(
        kind=kind,
        status=tuple(sorted(set(status))),
        domain=domain,
        output_type=output_type,
        output_unit=output_unit,
        inputs=None if types is None else tuple(sorted(types)),
        where=where,
    )


def _is_list(value: Any) -> bool:
    return isinstance(value, Collection) and not isinstance(value, (str, bytes))


def _check_type(text: Any) -> None:
    if not isinstance(text, str) or len(text) > _TYPE_CHARS:
        shown = repr(text)[:_SHOWN_CHARS]
        raise RequestError(f"a type must be text of at most {_TYPE_CHARS} characters, not {shown}")
    try:
        parse(text)
    except TypeSyntaxError as error:
        meant = _meant(error.name)
        asked = f" ({meant} is meant?)" if meant else ""
        shown = repr(error.name)[:_SHOWN_CHARS]
        raise RequestError(f"unknown type {shown}{asked}: {TYPES_ARE}") from error


def _meant(name: str) -> str | None:
    """The type that who wrote ``name`` may have meant."""
    head = name.partition("[")[0].strip().lower()
    near = difflib.get_close_matches(head, (*SCALARS, *CONTAINERS), 1, _ALIKE)
    return _ELSEWHERE.get(head) or (near[0] if near else None)


def make_bindings(
    bindings: Mapping[str, Any] | None,
    units: Mapping[str, str | None] | None,
    spellings: Callable[[], Mapping[str, str]],
) -> Bindings | None:
    """What the caller brings, units in the store's spelling (`spelled`).

    Raises:
        RequestError: if it is not of its kind.
    """
    if units is not None and not isinstance(units, Mapping):
        raise RequestError(f"units must be given by name, not as {repr(units)[:_SHOWN_CHARS]}")
    if bindings is None:
        if units:
            raise RequestError("units are those of bindings: give bindings, too")
        return None
    if not isinstance(bindings, Mapping):
        shown = repr(bindings)[:_SHOWN_CHARS]
        raise RequestError(f"bindings must be values by name, not {shown}")
    return Bindings(bindings, {n: spelled(u, repr(n), spellings) for n, u in (units or {}).items()})


def spelled(text: str | None, of: str, spellings: Callable[[], Mapping[str, str]]) -> str | None:
    """A unit in the spelling of the store's signatures, which ``spellings`` gives by key.

    Raises:
        RequestError: if it is none.
    """
    if text is None:
        return None
    # Imported here: few searches have units.
    from tracemine.verifiers.units import UnknownUnitError, unit_key

    if not isinstance(text, str):
        raise RequestError(f"the unit of {of} must be text")
    try:
        key = unit_key(text)
    except UnknownUnitError as error:
        shown = repr(text[:_SHOWN_CHARS])
        raise RequestError(
            f"unknown unit {shown} of {of}: a unit is e.g. dollar or mile/hour"
        ) from error
    return spellings().get(key, text)


def spellings_of(units: set[str]) -> dict[str, str]:
    """Key of a unit -> how the store's signatures write it."""
    from tracemine.verifiers.units import UnknownUnitError, unit_key

    found: dict[str, str] = {}
    for unit in sorted(units):
        try:
            found.setdefault(unit_key(unit), unit)
        except UnknownUnitError:
            continue  # no caller's unit is this one
    return found


def parse_unmet(text: str) -> Unmet:
    """What is to become of unmet preconditions.

    Raises:
        RequestError: if ``text`` is none of `UNMET`.
    """
    for one in UNMET:
        if text == one:
            return one
    raise RequestError(f"unmet is one of {', '.join(UNMET)}, not {text!r}")


def check_deadline(seconds: Any) -> None:
    """Nothing, if routines can be run for so many ``seconds``.

    Raises:
        RequestError: otherwise.
    """
    number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not number or not seconds >= 0:
        raise RequestError(f"the deadline must be a number of seconds, 0 or more, not {seconds!r}")


def parse_as_of(text: Any) -> datetime.datetime | None:
    """The time that a caller names (a date, a time, or one in ISO 8601; UTC where it has no zone).

    Raises:
        RequestError: if it is none.
    """
    if text is None:
        return None
    try:
        given = text.isoformat() if isinstance(text, datetime.date) else text
        time = datetime.datetime.fromisoformat(given)
    except (TypeError, ValueError) as error:
        raise RequestError(f"as_of must be an ISO 8601 time, not {text!r}") from error
    return time if time.tzinfo else time.replace(tzinfo=datetime.UTC)


__all__ = [
    "DEADLINE",
    "SEARCHED",
    "SERVED",
    "UNMET",
    "Filter",
    "Unmet",
    "check_count",
    "check_deadline",
    "check_query",
    "make_bindings",
    "make_filter",
    "parse_as_of",
    "parse_unmet",
    "spelled",
    "spellings_of",
]
