import pytest

from tracemine.teachers.rules.phrases import says_what, task_phrase


@pytest.mark.parametrize(
    ("task", "says"),
    [
        ("Run the function on the arguments given.", False),
        ("Write a python program.", False),
        ("Complete the following code.", False),
        ("Write a function to reverse words in a given string.", True),
        ("Write a function to find the nth pell number.", True),
        ("Write a python function to count pairs.", True),
    ],
)
def test_a_task_says_what_to_compute_or_does_not(task: str, says: bool) -> None:
    assert says_what(task_phrase(task)) is says
