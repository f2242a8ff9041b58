import pytest

from tracemine.teachers.rules.language.phrases import name_phrase, says_what, task_phrase


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


@pytest.mark.parametrize(
    ("task", "phrase"),
    [
        ("Write a function that matches a word that ends in x.", "match a word that ends in x"),
        ("Write a function which accepts a list and converts it to a heap.",
         "accept a list and convert it to a heap"),
        ("Write a function that takes two sets and returns true if they meet.",
         "take two sets and return true if they meet"),
        ("## Write a function to find the shortest path.", "find the shortest path"),
        ("Write a function to process orders.", "process orders"),
        ("Write a function that is recursive.", "is recursive"),
    ],
)  # fmt: skip
def test_a_task_is_what_is_to_be_done(task: str, phrase: str) -> None:
    assert task_phrase(task) == phrase


@pytest.mark.parametrize(
    ("name", "phrase"),
    [
        ("weeks_in_april", "weeks"),
        ("cost_of_odile", "cost"),
        ("odile_and_pears", "pears"),
        ("days_in_a_week", "days in a week"),
        ("odile", ""),
    ],
)
def test_a_name_without_what_is_the_storys(name: str, phrase: str) -> None:
    assert name_phrase(name, frozenset({"odile"})) == phrase
