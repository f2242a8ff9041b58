"""Shelves and questions written by hand, for tests of what an evaluation measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tracemine.pipelines.evaluation.arms import Asking, Ranked, right, within
from tracemine.pipelines.evaluation.entries import Entry, Shelf, method_of
from tracemine.pipelines.evaluation.passes import Runs
from tracemine.pipelines.evaluation.questions import Question
from tracemine.schemas import Parameter, Signature, content_id, encode, problem_id
from tracemine.store.ranking import Rankable
from tracemine.verifiers.replay import Routine

#: Components of a made vector.
DIMENSION = 8


def entry(
    name: str,
    expression: str,
    inputs: Sequence[str] = ("a", "b"),
    *,
    subquestion: str = "",
    summary: str = "",
    predicates: Sequence[str] = (),
    unit: str | None = None,
    output: str = "int",
) -> Entry:
    """An entry of whole numbers that gives ``expression`` of ``inputs``."""
    code = f"def {name}({', '.join(inputs)}):\n    return {expression}\n"
    parameters = tuple(Parameter(i, "int", unit) for i in inputs)
    signature = Signature(parameters, Parameter("result", output))
    routine = Routine(name, code, name, signature, tuple(predicates), "numeric")
    return Entry(
        id=content_id("entry", name),
        home=content_id("entry", name),
        domain="math",
        text=f"{subquestion} {summary}".strip(),
        summary=f"{subquestion}\n{summary}",
        full=f"{subquestion}\n{summary}\nRun {name}.\n{code}",
        problems=0,
        routine=routine,
        rankable=Rankable(signature, 1, 0.0, method_of(code, name)),
        trajectories=frozenset(),
    )


def shelf(*entries: Entry) -> Shelf:
    """The entries in order of id; the vector of the n-th given is the n-th axis."""
    axes = np.eye(DIMENSION, dtype=np.float32)
    vectors = {e.id: axes[place % DIMENSION] for place, e in enumerate(entries)}
    ordered = sorted(entries, key=lambda e: e.id)
    matrix = [vectors[e.id] for e in ordered]
    stacked = np.stack(matrix) if matrix else np.zeros((0, DIMENSION), dtype=np.float32)
    return Shelf(tuple(ordered), stacked)


def question(
    number: int,
    values: Mapping[str, int],
    result: Any,
    own: Entry,
    *,
    reference: str | None = None,
    problem: str | None = None,
    source: str = "made.jsonl",
    output: str = "int",
) -> Question:
    """A question whose own routine is that of ``own``; of a problem of its own if none is given."""
    text = problem if problem is not None else f"Made problem {'x' * number} of number {number}."
    return Question(
        id=content_id("question", number, text),
        problem_id=problem_id(text),
        problem=text,
        domain="math",
        source=source,
        asked="how many are there",
        subquestion="how many are there",
        keys=tuple(Parameter(name, "int") for name in values),
        output=Parameter("result", output),
        bindings=encode(dict(values)),
        result=encode(result),
        verifier="numeric",
        operations=2,
        method=own.rankable.method,
        reference=reference,
    )


def asking(*questions: Question) -> Asking:
    """The questions, each asked in its own words, with a vector that is as near to every axis."""
    ordered = tuple(sorted(questions, key=lambda q: q.id))
    vectors = np.full((len(ordered), DIMENSION), 0.25, dtype=np.float32)
    return Asking(ordered, tuple(q.asked for q in ordered), vectors)


def passes(shelf: Shelf, asking: Asking, ranked: Ranked, runs: Runs) -> npt.NDArray[np.bool_]:
    """Whether one of the first k gives the checked result: (questions, len(KS))."""
    return within([[p for p, _ in hits] for hits in right(shelf, asking, ranked, runs)])
