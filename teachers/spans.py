"""What the spans of every teacher have in common: ids, and instances from plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tracemine.schemas import Instance, Trajectory, content_id, encode
from tracemine.schemas.records import Origin


@dataclass(frozen=True, slots=True)
class Case:
    """Values of one instance, before it has ids: plain Python values by parameter name."""

    bindings: dict[str, Any]
    result: Any
    checked: bool
    origin: Origin = "trace"


def span_id(trajectory: Trajectory, start: int, end: int, what: str, own: str, teacher: str) -> str:
    """The id of the span over ``trajectory.trace[start:end]`` that a teacher of the fingerprint
    ``teacher`` gives: ``what`` is its code, or what it says in place of code, ``own`` the values of
    its own instance as `encode` writes them."""
    return content_id("span", trajectory.id, start, end, what, own, teacher)


def instance_of(trajectory: Trajectory, of: str, case: Case) -> Instance:
    """``case`` as an instance of the span whose id is ``of``.

    Raises:
        NotPlainError: if a binding or the result is not a plain value.
    """
    bindings, result = encode(case.bindings), encode(case.result)
    return Instance(
        id=content_id("instance", of, bindings, result, case.origin),
        span_id=of,
        trajectory_id=trajectory.id,
        problem_id=trajectory.problem_id,
        bindings=bindings,
        result=result,
        checked=case.checked,
        origin=case.origin,
    )


__all__ = ["Case", "instance_of", "span_id"]
