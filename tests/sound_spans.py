"""What a test may say of any trajectory that the teacher of calculations has read."""

from __future__ import annotations

import re
from typing import Any

import pytest
from solved_problems import solved

from tracemine.schemas import Span, Trajectory
from tracemine.schemas.values import decode
from tracemine.teachers.rules.arithmetic.calculations import read_calculations
from tracemine.teachers.rules.language.quotes import is_quotable


def _run(span: Span) -> Any:
    assert span.code is not None
    assert span.entry_point is not None
    scope: dict[str, Any] = {}
    exec(span.code, scope)
    return scope[span.entry_point](**decode(span.instances[0].bindings))


def sound_spans(trajectory: Trajectory) -> tuple[Span, ...]:
    """The spans of a trajectory: their quotes stand where they say, their routines give the stated
    result, and no number of the instance leaks into a subquestion."""
    segmentation = read_calculations(trajectory)
    for span in segmentation.spans:
        assert span.quote == trajectory.trace[span.start : span.end]
        assert is_quotable(span.quote)
        result = decode(span.instances[0].result)
        assert _run(span) == pytest.approx(result, rel=1e-6)
        names = [parameter.name for parameter in span.signature.inputs]
        assert len(set(names)) == len(names)
        assert names and span.entry_point not in names
        assert list(decode(span.instances[0].bindings)) == sorted(names)
        assert span.subquestion
        assert not re.search(r"\d", span.subquestion)
        assert (span.kind == "tool") == (span.tool is not None)
    for dropped in segmentation.dropped:
        assert 0 <= dropped.start < dropped.end <= len(trajectory.trace)
    return segmentation.spans


def bound(span: Span) -> dict[str, Any]:
    """What the inputs of a routine are bound to, by name."""
    found: dict[str, Any] = decode(span.instances[0].bindings)
    return found


def returned(problem: str, trace: str, reference: str) -> list[str]:
    """What the routines of a trace return, each as the text of its last line."""
    spans = sound_spans(solved(problem, trace, reference))
    return [(span.code or "").rpartition("return ")[2].strip() for span in spans]
