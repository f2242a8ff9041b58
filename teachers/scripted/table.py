"""Answers that somebody wrote: a table by the problem that a prompt is about.

A table is JSON lines, each an object:

    problem    the text of the problem, as a trajectory has it
    answer     what is answered: JSON that the request's schema should allow
    text       in place of ``answer``: what is answered, as it stands, JSON or not
    contains   a text that the piece of the trace must contain, for a long trace of several windows;
               without it, any piece
    schema     the name of the schema that must be asked for; without it, ``SpansAnswer``

The first row that fits answers. A problem is found as `making` shows it: in a block of its own, or,
in a prompt without such a block, anywhere in what the user says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracemine.schemas import problem_id
from tracemine.teachers.model.answers import SpansAnswer
from tracemine.teachers.model.making import PROBLEM_CHARS, block_in, shortened, shown

#: The name of the schema that a row is for, where it names none.
SPANS = SpansAnswer.__name__
_FIELDS = frozenset({"problem", "answer", "text", "contains", "schema"})


class TableError(ValueError):
    """A table that cannot be used. The text is one line that names file and row."""


@dataclass(frozen=True, slots=True)
class Row:
    """One answer. ``content`` is the text that is sent."""

    problem: str
    content: str
    contains: str = ""
    schema: str = SPANS


@dataclass(frozen=True, slots=True)
class Asked:
    """What a conversation is about. ``trace`` is empty, ``problem`` None where no block holds one;
    ``said`` is all that the user says."""

    problem: str | None
    trace: str
    said: str


class Table:
    """Rows, found by the problem."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows: dict[str, list[Row]] = {}
        for row in rows:
            self._rows.setdefault(problem_id(_as_shown(row.problem)), []).append(row)

    @classmethod
    def of(cls, objects: Iterable[Mapping[str, Any]], source: str = "table") -> Table:
        """A table of rows as they are in a file.

        Raises:
            TableError: for a row that is none.
        """
        return cls(_row(row, f"{source}, row {number}") for number, row in enumerate(objects, 1))

    @classmethod
    def read(cls, path: str | Path) -> Table:
        """A table from a file of JSON lines.

        Raises:
            OSError: if there is no such file.
            TableError: for a line that is no row.
        """
        text = Path(path).read_text(encoding="utf-8")
        rows = []
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip():
                continue
            where = f"{path}, row {number}"
            try:
                rows.append(_row(json.loads(line), where))
            except json.JSONDecodeError as error:
                raise TableError(f"{where}: no JSON: {error.msg}") from error
        return cls(rows)

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    def find(self, asked: Asked, schema: str) -> Row | None:
        """The row that answers what is asked under a schema of this name."""
        for row in self._candidates(asked):
            if row.schema == schema and row.contains in (asked.trace or asked.said):
                return row
        return None

    def _candidates(self, asked: Asked) -> Sequence[Row]:
        if not self._rows:
            return ()
        if asked.problem is not None:
            return self._rows.get(problem_id(asked.problem), ())
        said = asked.said
        return [row for rows in self._rows.values() for row in rows if row.problem in said]


def asked_in(messages: Sequence[Mapping[str, str]]) -> Asked:
    """What a conversation is about, each message with its ``role`` and its ``content`` as text: the
    first problem that the user shows, and the first trace."""
    said = [message["content"] for message in messages if message["role"] == "user"]
    problem, trace = None, ""
    for content in said:
        problem = block_in(content, "problem") if problem is None else problem
        trace = trace or block_in(content, "trace") or ""
    return Asked(problem, trace, "\n".join(said))


def _as_shown(problem: str) -> str:
    return shortened(shown(problem), PROBLEM_CHARS)


def _row(row: Any, where: str) -> Row:
    if not isinstance(row, Mapping):
        raise TableError(f"{where}: no object")
    if unknown := sorted(set(row) - _FIELDS):
        raise TableError(f"{where}: no field is called {unknown[0]!r}")
    if ("answer" in row) == ("text" in row):
        raise TableError(f"{where}: one of `answer` and `text` is needed")
    for field in ("problem", "text", "contains", "schema"):
        if not isinstance(row.get(field, ""), str):
            raise TableError(f"{where}: `{field}` must be text")
    if not row.get("problem"):
        raise TableError(f"{where}: `problem` is missing")
    content = row["text"] if "text" in row else json.dumps(row["answer"], ensure_ascii=False)
    return Row(row["problem"], content, row.get("contains", ""), row.get("schema", SPANS))


__all__ = ["SPANS", "Asked", "Row", "Table", "TableError", "asked_in"]
