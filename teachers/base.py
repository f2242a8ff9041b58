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
class Unread:
    """A window of a trajectory that a teacher failed on: counted as failed, with its reason, while
    what was found in the others stands."""

    start: int
    end: int
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Something to be counted that is no span's end: an answer that had to be repaired, a span that
    was kept without its code. ``what`` is one of a few fixed texts."""

    what: str
    start: int
    end: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What a teacher found in one trajectory, in the order of the trace."""

    spans: tuple[Span, ...]
    dropped: tuple[Dropped, ...] = ()
    unread: tuple[Unread, ...] = ()
    notes: tuple[Note, ...] = ()


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
