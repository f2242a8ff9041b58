"""The rules teacher: all readers over one trajectory."""

from __future__ import annotations

from tracemine.schemas import Span, Trajectory
from tracemine.teachers.base import Segmentation
from tracemine.teachers.rules.arithmetic.calculations import read_calculations
from tracemine.teachers.rules.code.reader import read_code
from tracemine.teachers.rules.derived.spans import FINGERPRINT
from tracemine.teachers.rules.mathematics.derivations import read_derivations
from tracemine.teachers.rules.written.steps import Steps, read_written
from tracemine.verifiers import Sandbox, fenced_blocks, shared_sandbox


class RulesTeacher:
    """Deterministic; needs no model and no network."""

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox or shared_sandbox()

    @property
    def fingerprint(self) -> str:
        """``rules@N``; N is raised when the rules give something else for the same trace."""
        return FINGERPRINT

    def segment(self, trajectory: Trajectory) -> Segmentation:
        """Code first, then formulas, then calculations, then what only words tell; a code task is
        read as code alone."""
        code = read_code(trajectory, self._sandbox)
        if trajectory.tests:
            return code
        # A program as a whole is no text, whatever its comments say.
        is_program = bool(code.spans) and not fenced_blocks(trajectory.trace)
        written = Steps("" if is_program else trajectory.trace)
        derivations = read_derivations(trajectory, written)
        formulas = derivations.segmentation
        calculations = read_calculations(trajectory, written, derivations.claimed)
        by_id: dict[str, Span] = {}
        for span in (*code.spans, *formulas.spans, *calculations.spans):
            by_id.setdefault(span.id, span)
        dropped = code.dropped + formulas.dropped + calculations.dropped
        taken = [(span.start, span.end) for span in by_id.values()]
        taken += [(piece.start, piece.end) for piece in dropped]
        words = read_written(trajectory, written, taken)
        by_id.update((span.id, span) for span in words.spans)
        spans = sorted(by_id.values(), key=lambda span: (span.start, span.end, span.id))
        return Segmentation(tuple(spans), dropped + words.dropped)
