"""GSM8K: a word problem and its steps, with calculations written ``<<48/2=24>>``.

    question, answer        the answer's last line is ``#### N``

The trace is the whole answer with that last line, so that offsets are those of the published text.
The corpus has no attempts that could be wrong: ``N`` is both answer and reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tracemine.schemas import Source, Trajectory
from tracemine.transforms.formats.answers import hashes
from tracemine.transforms.formats.base import (
    LICENCE_COLUMNS,
    Format,
    Row,
    text,
    trajectory,
)
from tracemine.transforms.formats.generic import trace_column

FIELDS = frozenset({"question", "answer"})

#: A line of the socratic version: ``subquestion ** step``.
_SUBQUESTION = re.compile(r"^.*\S \*\* \S", re.MULTILINE)


def looks_like_gsm8k(row: Row) -> bool:
    """Whether the row has GSM8K's two fields, and no other that would be the trace. With nothing
    but these two, a null or list for an answer is one of its rows gone wrong."""
    if not row.keys() >= FIELDS or trace_column(row) is not None:
        return False
    answer = row["answer"]
    if isinstance(answer, str):
        return "####" in answer and "options" not in row
    return row.keys() <= FIELDS | set(LICENCE_COLUMNS) and (
        answer is None or isinstance(answer, list)
    )


def is_socratic(row: Row) -> bool:
    """Whether the steps come with the subquestions that they answer."""
    answer = row["answer"]
    return isinstance(answer, str) and _SUBQUESTION.search(answer) is not None


def adapt(row: Row, source: Source) -> Iterator[Trajectory]:
    """One trajectory."""
    trace = text(row, "answer", "trace")
    answer = hashes(trace)
    yield trajectory(
        source,
        problem=text(row, "question", "problem"),
        trace=trace,
        answer=answer,
        reference=answer,
        domain="math",
    )


FORMAT = Format(
    name="gsm8k",
    detect=lambda row: looks_like_gsm8k(row) and not is_socratic(row),
    adapt=adapt,
    licence="MIT",
)
