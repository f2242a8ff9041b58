"""The rules teacher: its readers over one trajectory."""

from __future__ import annotations

from tracemine.schemas import Span, Trajectory
from tracemine.teachers.base import Segmentation
from tracemine.teachers.rules.calculations import read_calculations
from tracemine.teachers.rules.code import read_code
from tracemine.teachers.rules.derivations import read_derivations
from tracemine.teachers.rules.spans import FINGERPRINT
from tracemine.verifiers import Sandbox, shared_sandbox


class RulesTeacher:
    """Deterministic; needs no model and no network."""

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox or shared_sandbox()

    @property
    def fingerprint(self) -> str:
        """``rules@N``; N is raised when the rules give something else for the same trace."""
        return FINGERPRINT

    def segment(self, trajectory: Trajectory) -> Segmentation:
        """Code first, then formulas, then calculations; a code task is read as code alone."""
        code = read_code(trajectory, self._sandbox)
        if trajectory.tests:
            return code
        derivations = read_derivations(trajectory)
        calculations = read_calculations(trajectory, derivations.claimed)
        by_id: dict[str, Span] = {}
        formulas = derivations.segmentation
        for span in (*code.spans, *formulas.spans, *calculations.spans):
            by_id.setdefault(span.id, span)
        spans = sorted(by_id.values(), key=lambda span: (span.start, span.end, span.id))
        return Segmentation(tuple(spans), code.dropped + formulas.dropped + calculations.dropped)
