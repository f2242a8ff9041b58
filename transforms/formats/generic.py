"""Any corpus with a problem and a trace in each row, in columns that are named or guessed.

``--columns problem=question,trace=cot`` names the column of a role. A role that is not named is
taken from the first of its usual columns (`USUAL`) that the row has. A column that was named must
be there; of the others only problem and trace must. Without an answer, the answer is the final one
that the trace states.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tracemine.schemas import Source, Trajectory
from tracemine.transforms.formats.answers import final_answer
from tracemine.transforms.formats.base import (
    LICENCE_COLUMNS,
    MISSING_COLUMN,
    Format,
    Row,
    RowError,
    answer_text,
    as_text,
    field,
    label,
    text,
    texts,
    trajectory,
)

#: Role -> the columns that usually hold it, first choice first.
USUAL: dict[str, tuple[str, ...]] = {
    "problem": ("problem", "question", "prompt", "instruction", "query"),
    "trace": (
        "trace", "solution", "cot", "reasoning", "response", "generation", "rationale",
    ),
    "answer": ("answer", "pred", "prediction", "predicted_answer"),
    "reference": (
        "reference", "gold", "ground_truth", "expected_answer", "reference_answer", "gt",
    ),
    "domain": ("domain",),
    "licence": LICENCE_COLUMNS,
    "generator": ("generator", "model"),
    "tests": ("tests", "test_list"),
    "test_setup": ("test_setup", "test_setup_code"),
}  # fmt: skip

#: What a role is called in a reason, where that is not its name.
_ROLE_NAMES = {"test_setup": "test setup"}

#: Rows with tests are code; of the others we know nothing.
DEFAULT_DOMAIN = "other"


def adapt(row: Row, source: Source, *, columns: Mapping[str, str]) -> Iterator[Trajectory]:
    """One trajectory."""
    found = {role: _column(row, role, columns) for role in USUAL}
    for role in ("problem", "trace"):
        if found[role] is None:
            raise RowError(MISSING_COLUMN, f"{role}: none of {', '.join(USUAL[role])}")
    trace = text(row, found["trace"] or "", "trace")
    tests = _tests(row, found["tests"])
    yield trajectory(
        source,
        problem=text(row, found["problem"] or "", "problem"),
        trace=trace,
        answer=_answer(row, found["answer"], "answer") or (None if tests else final_answer(trace)),
        reference=_answer(row, found["reference"], "reference"),
        domain=_label(row, found["domain"], "domain") or ("code" if tests else DEFAULT_DOMAIN),
        generator=_label(row, found["generator"], "generator"),
        tests=tests,
        test_setup=_label(row, found["test_setup"], "test_setup"),
    )


def trace_column(row: Row) -> str | None:
    """The first usual column for a trace that the row has."""
    return _column(row, "trace", {})


def _column(row: Row, role: str, columns: Mapping[str, str]) -> str | None:
    if role in columns:
        field(row, columns[role])
        return columns[role]
    # A column that was given another role is not guessed at.
    taken = set(columns.values())
    return next((name for name in USUAL[role] if name in row and name not in taken), None)


def _answer(row: Row, column: str | None, role: str) -> str | None:
    return answer_text(row[column], column, role) if column else None


def _label(row: Row, column: str | None, role: str) -> str:
    return label(row, column, _ROLE_NAMES.get(role, role)) if column else ""


def _tests(row: Row, column: str | None) -> tuple[str, ...]:
    """A list of tests, or one text with a test."""
    if column is None or row[column] is None:
        return ()
    if isinstance(row[column], str):
        return (as_text(row[column], column, "tests"),)
    return texts(row, column, "tests")


FORMAT = Format(
    name="generic",
    detect=lambda row: all(_column(row, role, {}) for role in ("problem", "trace")),
    adapt=adapt,
    fallback=True,
    takes_columns=True,
)
