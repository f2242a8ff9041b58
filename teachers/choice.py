"""From the text of ``--teacher`` to a teacher that needs no model; others are `teachers.model`."""

from __future__ import annotations

from tracemine.teachers.base import Teacher


class UnknownTeacherError(ValueError):
    """A teacher that tracemine does not have."""


def teacher_fingerprint(name: str) -> str:
    """The fingerprint of a teacher, without making it.

    Raises:
        UnknownTeacherError: if there is no such teacher.
    """
    if name == "rules":
        from tracemine.teachers.rules.derived.spans import FINGERPRINT

        return FINGERPRINT
    raise UnknownTeacherError(
        f"unknown teacher {name!r}: write rules, vllm:MODEL or openai:URL#MODEL"
    )


def make_teacher(name: str) -> Teacher:
    """The teacher of a name.

    Raises:
        UnknownTeacherError: if there is no such teacher.
    """
    teacher_fingerprint(name)
    # The rules teacher takes a second to load and starts a sandbox: not for whoever asks a model.
    from tracemine.teachers.rules import RulesTeacher

    return RulesTeacher()
