"""What a format is, and how its adapter takes fields from a row.

An adapter is a function ``adapt(row, source)`` that yields the row's trajectories. It takes fields
with the functions here, which raise `RowError` with one of a few fixed reasons, and makes its
records with `trajectory`, which unwraps a thought. A row is read as a whole: one bad field fails
all of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tracemine.schemas import Source, Trajectory, content_id, problem_id
from tracemine.schemas.records import DOMAINS, Domain
from tracemine.transforms.formats.thoughts import is_cut_off, unwrap

Row = Mapping[str, Any]

MISSING_COLUMN = "missing column"
WRONG_TYPE = "wrong type"
NAN = "NaN"
INVALID_TEXT = "invalid text"
UNKNOWN_DOMAIN = "unknown domain"
PLACEHOLDER = "problem is a placeholder"

#: What corpora put where they may not pass a problem on.
_PLACEHOLDERS = frozenset({"-", "--", "n/a", "none", "null"})

#: Integral floats below this are written without a point: 24.0 is "24". Above it a float no
#: longer tells neighbouring integers apart.
EXACT_FLOAT = 2.0**53

#: Columns in which any format's row may state its own licence.
LICENCE_COLUMNS = ("licence", "license")


class RowError(Exception):
    """A row that lacks what its format needs. ``reason`` is one of a few fixed texts that a ledger
    counts by; ``detail`` says more in one line. Not for a row that is merely wrong or unverified:
    that is a trajectory, and admission decides."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Format:
    """How the rows of one kind of corpus are read.

    ``detect(row)`` says from a row's fields whether it is in this format; it must not raise.
    ``adapt(row, source)`` yields the row's trajectories or raises `RowError`; if
    ``takes_columns``, it also takes the keyword ``columns`` (role -> column). ``licence`` is the
    SPDX name under which the corpus is published, for rows that state none. A ``fallback`` fits
    many corpora, so it gives way to a format that fits as well.
    """

    name: str
    detect: Callable[[Row], bool]
    adapt: Callable[..., Iterable[Trajectory]]
    licence: str = ""
    fallback: bool = False
    takes_columns: bool = False


def is_null(role: str) -> str:
    """The reason of a field that is there and holds nothing."""
    return f"{role} is null"


def is_empty(role: str) -> str:
    """The reason of a field that holds only white space, or no items."""
    return f"{role} is empty"


def is_list(role: str) -> str:
    """The reason of a field that holds many values where one is needed."""
    return f"{role} is a list"


def field(row: Row, column: str) -> Any:
    """The value of ``column``.

    Raises:
        RowError: if the row has no such column.
    """
    try:
        return row[column]
    except KeyError:
        raise RowError(MISSING_COLUMN, repr(column)) from None


def text(row: Row, column: str, role: str) -> str:
    """The text of ``column``, exactly as published.

    Raises:
        RowError: if it is missing, null, blank, not text, or not valid text.
    """
    return as_text(field(row, column), column, role)


def as_text(value: Any, column: str, role: str) -> str:
    """``value``, the content of ``column``, as the text that ``role`` needs; raises like `text`."""
    if value is None:
        raise RowError(is_null(role), f"column {column}")
    if isinstance(value, list | tuple):
        raise RowError(is_list(role), f"column {column}")
    if isinstance(value, float) and not math.isfinite(value):
        raise RowError(NAN, f"column {column}")
    if not isinstance(value, str):
        raise RowError(WRONG_TYPE, f"{column} is {type(value).__name__}, not text")
    if not value.strip():
        raise RowError(is_empty(role), f"column {column}")
    return _valid(value, column)


def answer_text(value: Any, column: str, role: str) -> str | None:
    """An answer or a reference as text: numbers in canonical form (``24.0`` is ``24``), truth
    values as in JSON, surrounding white space off; None for null and for blank text.

    Raises:
        RowError: if it is a list, an object, NaN or infinite, or not valid text.
    """
    if value is None:
        return None
    if isinstance(value, list | tuple):
        raise RowError(is_list(role), f"column {column}")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise RowError(NAN, f"column {column}")
        exact = value.is_integer() and abs(value) < EXACT_FLOAT
        return str(int(value)) if exact else repr(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise RowError(NAN, f"column {column}")
        return format(value.normalize(), "f")
    if not isinstance(value, str):
        raise RowError(WRONG_TYPE, f"{column} is {type(value).__name__}")
    return _valid(value, column).strip() or None


def label(row: Row, column: str, role: str) -> str:
    """The text of a column that may be missing, null or blank: then it is the empty text."""
    value = row.get(column)
    if value is None or value == "":
        return ""
    return as_text(value, column, role) if not _blank(value) else ""


def texts(row: Row, column: str, role: str) -> tuple[str, ...]:
    """The texts of a column that holds a list of them, each once, in order.

    Raises:
        RowError: if it is missing, null, no list, or one of its items is not text.
    """
    value = field(row, column)
    if value is None:
        raise RowError(is_null(role), f"column {column}")
    if not isinstance(value, list | tuple):
        raise RowError(WRONG_TYPE, f"{column} is {type(value).__name__}, not a list")
    return tuple(dict.fromkeys(as_text(item, column, role) for item in value))


def trajectory(
    source: Source,
    *,
    problem: str,
    trace: str,
    answer: str | Callable[[str], str | None] | None,
    reference: str | None,
    domain: str,
    generator: str = "",
    tests: tuple[str, ...] = (),
    test_setup: str = "",
    finish_reason: str = "",
) -> Trajectory:
    """The record of one attempt; its id is the hash of its problem and its trace, which loses the
    markers of a thought. ``answer`` is text, or finds it in what follows the thought.
    ``finish_reason`` is what a server said of the end ("stop", "length").

    Raises:
        RowError: if ``domain`` is none of ours, the problem is a placeholder, or a trace holds
            nothing but markers.
    """
    if problem.strip().lower() in _PLACEHOLDERS:
        raise RowError(PLACEHOLDER, repr(problem))
    told = unwrap(trace)
    if not told.trace.strip():
        raise RowError(is_empty("trace"), "nothing but markers")
    if callable(answer):
        answer = answer(told.conclusion)
    problem_hash = problem_id(problem)
    return Trajectory(
        id=content_id("trajectory", problem_hash, told.trace),
        problem_id=problem_hash,
        problem=problem,
        trace=told.trace,
        answer=answer,
        reference=reference,
        domain=_domain(domain),
        sources=(source,),
        tests=tests,
        test_setup=test_setup,
        generator=generator,
        cut_off=is_cut_off(told, answer=answer, finish_reason=finish_reason),
    )


def _domain(name: str) -> Domain:
    for domain in DOMAINS:
        if domain == name:
            return domain
    raise RowError(UNKNOWN_DOMAIN, f"{name!r} is none of {', '.join(DOMAINS)}")


def _blank(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()


def _valid(value: str, column: str) -> str:
    """``value``, if every later stage can take it: Parquet wants text that has a UTF-8 form, and
    Python refuses to parse code with a NUL in it."""
    if "\0" in value:
        raise RowError(INVALID_TEXT, f"{column} has a NUL at {value.index(chr(0))}")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RowError(INVALID_TEXT, f"{column} has a lone surrogate at {error.start}") from None
    return value
