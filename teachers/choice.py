"""From the text of ``--teacher`` to a teacher."""

from __future__ import annotations

from tracemine.teachers.base import Teacher
from tracemine.teachers.rules.derived.spans import FINGERPRINT


class UnknownTeacherError(ValueError):
    """A teacher that tracemine does not have."""


def teacher_fingerprint(name: str) -> str:
    """The fingerprint of a teacher, without making it.

    Raises:
        UnknownTeacherError: if there is no such teacher.
    """
    if name == "rules":
        return FINGERPRINT
    raise UnknownTeacherError(f"unknown teacher {name!r}: this version has `rules`")


def make_teacher(name: str) -> Teacher:
    """The teacher of a name.

    Raises:
        UnknownTeacherError: if there is no such teacher.
    """
    teacher_fingerprint(name)
    # The rules teacher starts a sandbox; whoever only asks for a fingerprint need not.
    from tracemine.teachers.rules import RulesTeacher

    return RulesTeacher()
