r"""SkyThought evaluation traces: many models on competition and science problems.

    source, model, question, trace, pred, gold

The answer is ``pred``, or the box that follows the thought where that is blank. The labels
``correct`` and ``looping`` are to check against, and are not read.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracemine.schemas import Source, Trajectory
from tracemine.transforms.formats.answers import boxed
from tracemine.transforms.formats.base import (
    Format,
    Row,
    answer_text,
    field,
    label,
    text,
    trajectory,
)

#: The benchmark in ``source`` whose problems are physics and chemistry.
_STEM = "minerva"


def adapt(row: Row, source: Source) -> Iterator[Trajectory]:
    """One trajectory."""
    yield trajectory(
        source,
        problem=text(row, "question", "problem"),
        trace=text(row, "trace", "trace"),
        answer=answer_text(field(row, "pred"), "pred", "answer") or boxed,
        reference=answer_text(field(row, "gold"), "gold", "reference"),
        domain="stem" if _STEM in label(row, "source", "source") else "math",
        generator=label(row, "model", "generator"),
    )


FORMAT = Format(
    name="sky",
    detect=lambda row: {"source", "model", "question", "trace", "pred", "gold"} <= row.keys(),
    adapt=adapt,
    licence="Apache-2.0",
)
