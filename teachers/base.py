"""The one contract of a teacher: a trajectory in, spans out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tracemine.schemas import Span, Trajectory

#: A quote shorter than this (characters that are not space) could occur anywhere.
MIN_QUOTE = 12


class TeacherError(Exception):
    """A trajectory (or a window of it) that a teacher could not read. Raise it with one of a few
    fixed reasons; the trajectory's other spans are lost with it. Not for a trace in which there is
    nothing to mine: that is an empty list of spans."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Dropped:
    """A piece of a trace that looked like a routine and is not one: counted as a segmented span
    that was rejected, with its reason."""

    start: int
    end: int
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What a teacher found in one trajectory, in the order of the trace."""

    spans: tuple[Span, ...]
    dropped: tuple[Dropped, ...] = ()


class Teacher(Protocol):
    """Cuts a trajectory into spans. Deterministic: equal trajectories give equal spans."""

    @property
    def fingerprint(self) -> str:
        """Names the teacher and everything that its answers depend on, e.g. ``rules@1``."""

    def segment(self, trajectory: Trajectory) -> Segmentation:
        """The spans of ``trajectory``.

        Raises:
            TeacherError: if the trajectory cannot be read.
        """
