r"""ToRA: reasoning that writes a program, sees its output, and concludes.

    question, gt, code (list of attempts), pred

An attempt's answer is what the attempt itself ends with: the ``\boxed{}`` of the text after its
last output, else the last line of that output.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracemine.schemas import Source, Trajectory
from tracemine.transforms.formats.answers import boxed, last_output
from tracemine.transforms.formats.base import (
    Format,
    Row,
    RowError,
    answer_text,
    field,
    is_empty,
    text,
    texts,
    trajectory,
)


def adapt(row: Row, source: Source) -> Iterator[Trajectory]:
    """One trajectory for each attempt."""
    problem = text(row, "question", "problem")
    reference = answer_text(field(row, "gt"), "gt", "reference")
    attempts = texts(row, "code", "trace")
    if not attempts:
        raise RowError(is_empty("trace"), "code")
    for trace in attempts:
        yield trajectory(
            source,
            problem=problem,
            trace=trace,
            answer=_concluded,
            reference=reference,
            domain="math",
        )


def _concluded(attempt: str) -> str | None:
    output, conclusion = last_output(attempt)
    return boxed(conclusion) or output


FORMAT = Format(
    name="tora",
    detect=lambda row: {"question", "gt", "code", "pred"} <= row.keys(),
    adapt=adapt,
    licence="MIT",
)
