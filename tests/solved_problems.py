"""A trajectory as a test states it: a problem of its own with a right solution."""

from __future__ import annotations

from tracemine.schemas import Source, Trajectory, content_id, problem_id


def solved(problem: str, trace: str, reference: str | None = None) -> Trajectory:
    """A verified trajectory of mathematics; ``reference`` is its answer too."""
    return Trajectory(
        id=content_id(problem, trace),
        problem_id=problem_id(problem),
        problem=problem,
        trace=trace,
        answer=reference,
        reference=reference,
        domain="math",
        sources=(Source("own", 0),),
        outcome="verified",
    )
