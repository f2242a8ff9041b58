"""StrategyQA: a yes-or-no question, the questions that lead to it, and facts that answer them.

    qid, term, description, question, answer (true or false), facts, decomposition, evidence

The trace is what people wrote: the questions, numbered, then the facts, then the answer in words.
It is no model's attempt that could be wrong, so the answer is reference and answer alike, and
admission tells nothing. The corpus is for subquestions: there is no calculation to replay, so that
the rules give a span without code for each question ("not replayable: no code") and hand off the
facts as declarative.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracemine.schemas import Source, Trajectory
from tracemine.transforms.formats.base import (
    WRONG_TYPE,
    Format,
    Row,
    RowError,
    field,
    is_empty,
    is_null,
    text,
    texts,
    trajectory,
)

_WORDS = {True: "yes", False: "no"}


def adapt(row: Row, source: Source) -> Iterator[Trajectory]:
    """One trajectory."""
    steps = texts(row, "decomposition", "trace")
    if not steps:
        raise RowError(is_empty("trace"), "decomposition")
    facts = texts(row, "facts", "trace")
    answer = _answer(row)
    numbered = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))
    yield trajectory(
        source,
        problem=text(row, "question", "problem"),
        # Paragraphs: a fact is no part of the last question.
        trace="\n\n".join((numbered, *facts, f"So the answer is {answer}.")),
        answer=answer,
        reference=answer,
        domain="other",
    )


def _answer(row: Row) -> str:
    answer = field(row, "answer")
    if answer is None:
        raise RowError(is_null("reference"), "column answer")
    if not isinstance(answer, bool):
        raise RowError(WRONG_TYPE, f"answer is {type(answer).__name__}, not true or false")
    return _WORDS[answer]


FORMAT = Format(
    name="strategyqa",
    detect=lambda row: {"question", "answer", "decomposition", "facts"} <= row.keys(),
    adapt=adapt,
    licence="MIT",
)
