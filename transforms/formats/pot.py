"""Program of Thoughts: a program that computes the answer.

question, generated, executed (what the program gave, null if nothing), answer
"""

from __future__ import annotations

from collections.abc import Iterator

from tracemine.schemas import Source, Trajectory
from tracemine.transforms.formats.base import Format, Row, answer_text, field, text, trajectory


def adapt(row: Row, source: Source) -> Iterator[Trajectory]:
    """One trajectory."""
    yield trajectory(
        source,
        problem=text(row, "question", "problem"),
        trace=text(row, "generated", "trace"),
        answer=answer_text(field(row, "executed"), "executed", "answer"),
        reference=answer_text(field(row, "answer"), "answer", "reference"),
        domain="math",
    )


FORMAT = Format(
    name="pot",
    detect=lambda row: {"question", "generated", "executed", "answer"} <= row.keys(),
    adapt=adapt,
    licence="MIT",
)
