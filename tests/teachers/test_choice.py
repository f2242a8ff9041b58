import pytest

from tracemine.teachers.choice import UnknownTeacherError, make_teacher, teacher_fingerprint


def test_the_fingerprint_is_that_of_the_teacher() -> None:
    assert teacher_fingerprint("rules") == make_teacher("rules").fingerprint
    assert teacher_fingerprint("rules").startswith("rules@")


@pytest.mark.parametrize("name", ["", "Rules", "rules ", "rules@3", "other", "__import__"])
def test_a_teacher_that_does_not_exist(name: str) -> None:
    for function in (teacher_fingerprint, make_teacher):
        with pytest.raises(UnknownTeacherError, match="write rules, vllm:MODEL or"):
            function(name)
