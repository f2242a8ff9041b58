"""What arms found, as tables: replay@k of each, and the lift of one over another.

A share is ``{"value", "low", "high", "n", "problems"}`` (`intervals`). Arms are compared question
by question, on the same draws of the bootstrap, so that the interval is that of the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tracemine.pipelines.evaluation.arms import KS
from tracemine.pipelines.evaluation.intervals import Draws, Numbers, Share
from tracemine.pipelines.evaluation.questions import Question

#: Arms whose lift is reported, and what it is over.
LIFTED = ("typed", "typed_signature", "bound", "not_run", "unnamed")
BASELINES = (
    "popularity", "votes", "random", "bm25", "whole_trace", "words",
    "popularity_run", "votes_run", "random_run", "bm25_run", "whole_trace_run", "words_run",
    "no_gate", "no_consolidation", "no_clustering", "no_store",
)  # fmt: skip

#: Questions whose own routine has so many operations or more are one row.
MOST_OPERATIONS = 5

#: Whether one of the first k gives the checked result: (questions, len(KS)).
Passes = npt.NDArray[np.bool_]
#: Arm -> what it found.
Results = Mapping[str, Passes]
Json = dict[str, Any]


def tabulate(
    results: Results, certain: Results, questions: Sequence[Question], draws: Draws
) -> Json:
    """All tables of ``results``: ``replay_at_k`` of every arm and the ``lift`` of `LIFTED` over
    `BASELINES`, of all questions and by domain; replay@k by source, and by number of operations,
    which are those of the question's own routine. A problem with many questions weighs more than
    one with few; ``by_problem`` has the means of problems that each weigh one. ``certain_at_k`` and
    ``certain_lift`` count only what ``certain`` has of the same arms (`gate.certain_of`).

    Args:
        draws: over the problems of ``questions``.
    """
    everything = shares(results, draws)
    by_domain = _rows_by([question.domain for question in questions])
    by_operations = _rows_by([_operations(question) for question in questions])
    by_source = _rows_by([question.source for question in questions])
    return {
        "replay_at_k": everything,
        "lift": lifts(results, draws),
        "by_problem": {
            "replay_at_k": _each(results, draws.share_of_problems),
            "lift": _differences(results, draws.difference_of_problems),
        },
        "certain_at_k": shares(certain, draws),
        "certain_lift": lifts(certain, draws),
        "by_domain": _parts(results, questions, by_domain, shares),
        "lift_by_domain": _parts(results, questions, by_domain, lifts),
        "by_source": _parts(results, questions, by_source, shares),
        # Every question has at least two operations, so this is all of them.
        "multi_operation": everything,
        "by_operations": _parts(results, questions, by_operations, shares),
    }


def shares(results: Results, draws: Draws) -> Json:
    """Arm -> k -> the share of questions for which one of the first k is right."""
    return _each(results, draws.share)


def lifts(results: Results, draws: Draws) -> Json:
    """Arm of `LIFTED` -> baseline -> k -> how much larger the arm's share is, in [-1, 1]."""
    return _differences(results, draws.difference)


def _each(results: Results, share: Callable[[Numbers], Share]) -> Json:
    return {arm: _at_each_k(found.astype(float), share) for arm, found in results.items()}


def _differences(results: Results, difference: Callable[[Numbers], Share]) -> Json:
    return {
        arm: {
            baseline: _at_each_k(results[arm].astype(float) - results[baseline], difference)
            for baseline in BASELINES
        }
        for arm in LIFTED
    }


def _at_each_k(values: Numbers, share: Callable[[Numbers], Share]) -> Json:
    return {str(k): share(values[:, column]).to_json() for column, k in enumerate(KS)}


def _parts(
    results: Results,
    questions: Sequence[Question],
    parts: Mapping[str, Sequence[int]],
    table: Callable[[Results, Draws], Json],
) -> Json:
    return {
        name: table(
            {arm: found[list(rows)] for arm, found in results.items()},
            Draws([questions[row].problem_id for row in rows]),
        )
        for name, rows in parts.items()
    }


def _rows_by(labels: Sequence[str]) -> dict[str, list[int]]:
    """Label -> the rows that have it, labels in order."""
    rows: dict[str, list[int]] = {label: [] for label in sorted(set(labels))}
    for row, label in enumerate(labels):
        rows[label].append(row)
    return rows


def _operations(question: Question) -> str:
    many = question.operations >= MOST_OPERATIONS
    return f"{MOST_OPERATIONS} or more" if many else str(question.operations)


__all__ = [
    "BASELINES", "LIFTED", "MOST_OPERATIONS", "Json", "Passes", "Results", "lifts", "shares",
    "tabulate",
]  # fmt: skip
