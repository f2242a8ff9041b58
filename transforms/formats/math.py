r"""MATH: competition problems with written solutions in LaTeX.

    problem, solution, level, type

The ``\boxed{}`` of the solution is both answer and reference.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracemine.schemas import Source, Trajectory
from tracemine.transforms.formats.answers import boxed
from tracemine.transforms.formats.base import Format, Row, text, trajectory


def adapt(row: Row, source: Source) -> Iterator[Trajectory]:
    """One trajectory."""
    trace = text(row, "solution", "trace")
    answer = boxed(trace)
    yield trajectory(
        source,
        problem=text(row, "problem", "problem"),
        trace=trace,
        answer=answer,
        reference=answer,
        domain="math",
    )


FORMAT = Format(
    name="math",
    detect=lambda row: {"problem", "solution", "level", "type"} <= row.keys(),
    adapt=adapt,
    licence="MIT",
)
