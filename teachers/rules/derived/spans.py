"""How the readers of the rules teacher make a span."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tracemine.schemas import Parameter, Signature, Span, Trajectory, encode
from tracemine.schemas.records import Kind
from tracemine.teachers.rules.derived.derive import describe
from tracemine.teachers.spans import Case, instance_of, span_id

#: Named in every span, and raised when the rules change what they give for the same trace.
FINGERPRINT = "rules@6"


def make_span(
    trajectory: Trajectory,
    *,
    start: int,
    end: int,
    subquestion: str,
    code: str,
    entry_point: str,
    signature: Signature,
    cases: Sequence[Case],
    kind: Kind = "procedural",
    tool: str | None = None,
    purpose: str = "",
) -> Span:
    """A span over ``trajectory.trace[start:end]``; what can be derived from the code is derived.

    ``cases[0]`` is the span's own instance, further ones are held-out tests. ``purpose`` is for the
    summary (see `describe`).

    Raises:
        NotPlainError: if a binding or result is not a plain value.
    """
    bindings = [case.bindings for case in cases]
    derived = describe(code, entry_point, signature, bindings, purpose=purpose)
    own = encode(cases[0].bindings)
    name = span_id(trajectory, start, end, code, own, FINGERPRINT)
    return replace(
        _bare_span(trajectory, name, start, end, subquestion, kind),
        subroutine=derived.subroutine,
        summary=derived.summary,
        code=code,
        entry_point=entry_point,
        signature=signature,
        preconditions=derived.preconditions,
        predicates=derived.predicates,
        failure_modes=derived.failure_modes,
        instances=tuple(instance_of(trajectory, name, case) for case in cases),
        tool=tool,
    )


def written_span(
    trajectory: Trajectory, *, start: int, end: int, subquestion: str, result: str, kind: Kind
) -> Span:
    """A span over ``trajectory.trace[start:end]`` for which there is no code: what it does is told
    by its quote alone. ``result`` is the value that it states, empty where it states none."""
    name = span_id(trajectory, start, end, "", result, FINGERPRINT)
    case = Case({}, result, checked=False)
    instances = (instance_of(trajectory, name, case),) if result else ()
    span = _bare_span(trajectory, name, start, end, subquestion, kind)
    return replace(span, instances=instances)


def _bare_span(
    trajectory: Trajectory, name: str, start: int, end: int, subquestion: str, kind: Kind
) -> Span:
    """A place of a trace and its subquestion, with nothing that can be run."""
    return Span(
        id=name,
        trajectory_id=trajectory.id,
        problem_id=trajectory.problem_id,
        start=start,
        end=end,
        quote=trajectory.trace[start:end],
        subquestion=subquestion,
        subroutine=trajectory.trace[start:end],
        summary=subquestion,
        code=None,
        entry_point=None,
        signature=Signature((), Parameter("answer", "str")),
        preconditions=(),
        predicates=(),
        failure_modes=(),
        kind=kind,
        domain=trajectory.domain,
        teacher=FINGERPRINT,
        instances=(),
    )


__all__ = ["FINGERPRINT", "Case", "make_span", "written_span"]
