"""Any corpus with a problem and a trace in each row, in columns that are named or guessed.

``--columns problem=question,trace=cot`` names the column of a role. A role that is not named is
taken from the first of its usual columns (`USUAL`) that the row has. A column that was named must
be there; of the others only problem and trace must, and a chat (`chat.CHAT_COLUMNS`) stands in for
either. ``domain==math`` says what a role is in all rows. Without an answer, the answer is the final
one that the trace states after its thought.

A ``thought`` beside the trace comes before it: its column may hold a list of one. A reference that
is a whole solution counts by the answer that it ends with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

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
from tracemine.transforms.formats.chat import CHAT_COLUMNS, is_chat, read_chat
from tracemine.transforms.formats.thoughts import with_thought

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
    "thought": ("reasoning_content", "thinking"),
    "finish_reason": ("finish_reason", "stop_reason"),
    "tests": ("tests", "test_list"),
    "test_setup": ("test_setup", "test_setup_code"),
}  # fmt: skip

#: What a role is called in a reason, where that is not its name.
_ROLE_NAMES = {"test_setup": "test setup", "finish_reason": "finish reason"}

#: Stands before what a role is in all rows, where a column would be named.
CONSTANT = "="
#: The roles that can be the same in all rows.
CONSTANTS = ("domain", "generator", "licence")

#: Rows with tests are code; of the others we know nothing.
DEFAULT_DOMAIN = "other"


def adapt(row: Row, source: Source, *, columns: Mapping[str, str]) -> Iterator[Trajectory]:
    """One trajectory."""
    found = {role: _column(row, role, columns) for role in USUAL}
    problem, trace = _told(row, found)
    tests = _tests(row, found["tests"])
    reference = _answer(row, found["reference"], "reference")
    yield trajectory(
        source,
        problem=problem,
        trace=trace,
        answer=_answer(row, found["answer"], "answer") or (None if tests else final_answer),
        reference=None if reference is None else _stated(reference),
        domain=_label(row, found["domain"], "domain") or ("code" if tests else DEFAULT_DOMAIN),
        generator=_label(row, found["generator"], "generator"),
        tests=tests,
        test_setup=_label(row, found["test_setup"], "test_setup"),
        finish_reason=_label(row, found["finish_reason"], "finish_reason"),
    )


def trace_column(row: Row) -> str | None:
    """The first usual column for a trace that the row has."""
    return _column(row, "trace", {})


def constant(column: str | None) -> str | None:
    """What a role is in all rows, if ``column`` says that and names none."""
    return column[1:] if column and column.startswith(CONSTANT) else None


def _told(row: Row, found: Mapping[str, str | None]) -> tuple[str, str]:
    """The problem and the trace, from their columns or from the chat."""
    chat_column = _chat_column(row)
    chat = None
    if chat_column and not (found["problem"] and found["trace"]):
        chat = read_chat(row, chat_column)
    for role in ("problem", "trace"):
        if found[role] is None and chat is None:
            raise RowError(MISSING_COLUMN, f"{role}: none of {', '.join(USUAL[role])}")
    problem, trace, thought = found["problem"], found["trace"], found["thought"]
    told = text(row, trace, "trace") if trace else chat.trace if chat else ""
    if thought and row[thought] not in (None, "", []):
        told = with_thought(_one_text(row[thought], thought), told)
    return text(row, problem, "problem") if problem else chat.problem if chat else "", told


def _chat_column(row: Row) -> str | None:
    return next((name for name in CHAT_COLUMNS if is_chat(row.get(name))), None)


def _column(row: Row, role: str, columns: Mapping[str, str]) -> str | None:
    if role in columns:
        if constant(columns[role]) is None:
            field(row, columns[role])
        return columns[role]
    # A column that was given another role is not guessed at.
    taken = set(columns.values())
    return next((name for name in USUAL[role] if name in row and name not in taken), None)


def _answer(row: Row, column: str | None, role: str) -> str | None:
    return answer_text(row[column], column, role) if column else None


def _stated(reference: str) -> str:
    """The answer of a reference that is a whole solution, of several lines or around a box."""
    if "\n" in reference or "boxed" in reference:
        return final_answer(reference) or reference
    return reference


def _label(row: Row, column: str | None, role: str) -> str:
    if column is None:
        return ""
    told = constant(column)
    return label(row, column, _ROLE_NAMES.get(role, role)) if told is None else told


def _one_text(value: Any, column: str) -> str:
    if isinstance(value, list | tuple) and len(value) == 1:
        (value,) = value
    return as_text(value, column, "thought")


def _tests(row: Row, column: str | None) -> tuple[str, ...]:
    """A list of tests, or one text with a test."""
    if column is None or row[column] is None:
        return ()
    if isinstance(row[column], str):
        return (as_text(row[column], column, "tests"),)
    return texts(row, column, "tests")


def _detect(row: Row) -> bool:
    return _chat_column(row) is not None or all(
        _column(row, role, {}) for role in ("problem", "trace")
    )


FORMAT = Format(
    name="generic",
    detect=_detect,
    adapt=adapt,
    fallback=True,
    takes_columns=True,
)
