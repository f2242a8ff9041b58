"""GSM8K's example model solutions: one row holds the attempts of several models.

    question, ground_truth, and for each model MODEL: {solution, is_correct}

Each attempt and the ground truth end with a line ``A: N``; an attempt that was cut off has none.
``is_correct`` is a label to check admission against, and is not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tracemine.schemas import Source, Trajectory
from tracemine.transforms.formats.answers import a_line
from tracemine.transforms.formats.base import (
    MISSING_COLUMN,
    Format,
    Row,
    RowError,
    text,
    trajectory,
)


def adapt(row: Row, source: Source) -> Iterator[Trajectory]:
    """One trajectory for each model, in order of the models' names."""
    problem = text(row, "question", "problem")
    reference = a_line(text(row, "ground_truth", "reference"))
    models = sorted(name for name, value in row.items() if _is_attempt(value))
    if not models:
        raise RowError(MISSING_COLUMN, "no model's solution")
    for model in models:
        yield trajectory(
            source,
            problem=problem,
            trace=text(row[model], "solution", "trace"),
            answer=a_line,
            reference=reference,
            domain="math",
            generator=model,
        )


def _is_attempt(value: Any) -> bool:
    return isinstance(value, dict) and "solution" in value


FORMAT = Format(
    name="gsm8k-samples",
    detect=lambda row: (
        {"question", "ground_truth"} <= row.keys() and any(map(_is_attempt, row.values()))
    ),
    adapt=adapt,
    licence="MIT",
)
