"""Who cuts traces into spans.

`base` is the one contract (`Teacher`: a trajectory in, spans out); `rules` is the teacher that
needs no model. `make_teacher` turns the text of ``--teacher`` into one.
"""

from tracemine.teachers.base import Dropped, Segmentation, Teacher, TeacherError
from tracemine.teachers.choice import UnknownTeacherError, make_teacher, teacher_fingerprint

__all__ = [
    "Dropped",
    "Segmentation",
    "Teacher",
    "TeacherError",
    "UnknownTeacherError",
    "make_teacher",
    "teacher_fingerprint",
]
