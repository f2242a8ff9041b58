"""open-r1/OpenR1-Math-220k: problems of NuminaMath, each with several traces of DeepSeek-R1.

    problem, solution, answer, problem_type, question_type, source, uuid, is_reasoning_complete,
    generations, correctness_math_verify, correctness_llama, finish_reasons, correctness_count,
    messages

Fields as on the data set's card. Each of ``generations`` is a trajectory, and ``answer`` the
reference of all. ``is_reasoning_complete`` and ``finish_reasons`` say which was cut off; what is
said of correctness is to check against, and is not read. A proof has no answer to verify.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tracemine.schemas import Source, Trajectory
from tracemine.transforms.formats.answers import final_answer
from tracemine.transforms.formats.base import (
    WRONG_TYPE,
    Format,
    Row,
    RowError,
    answer_text,
    as_text,
    field,
    is_empty,
    is_null,
    text,
    trajectory,
)

_GENERATOR = "DeepSeek-R1"
#: What the corpus writes in place of an answer.
_NO_ANSWER = frozenset({"proof", "not found", "notfound"})


def adapt(row: Row, source: Source) -> Iterator[Trajectory]:
    """One trajectory for each generation."""
    problem = text(row, "problem", "problem")
    reference = answer_text(field(row, "answer"), "answer", "reference")
    if reference is not None and reference.lower() in _NO_ANSWER:
        reference = None
    traces = _list(row, "generations")
    if not traces:
        raise RowError(is_empty("trace"), "generations")
    complete, reasons = (
        _list(row, name) if row.get(name) is not None else []
        for name in ("is_reasoning_complete", "finish_reasons")
    )
    for index, trace in enumerate(traces):
        reason = reasons[index] if index < len(reasons) else None
        if index < len(complete) and complete[index] is False:
            reason = "length"
        yield trajectory(
            source,
            problem=problem,
            trace=as_text(trace, "generations", "trace"),
            answer=final_answer,
            reference=reference,
            domain="math",
            generator=_GENERATOR,
            finish_reason=reason if isinstance(reason, str) else "",
        )


def _list(row: Row, column: str) -> list[Any]:
    value = field(row, column)
    if value is None:
        raise RowError(is_null("trace"), f"column {column}")
    if not isinstance(value, list | tuple):
        raise RowError(WRONG_TYPE, f"{column} is {type(value).__name__}, not a list")
    return list(value)


FORMAT = Format(
    name="openr1",
    detect=lambda row: {"problem", "answer", "generations", "finish_reasons"} <= row.keys(),
    adapt=adapt,
    licence="Apache-2.0",
)
