import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.language.leaks import instance_leaks, task_leaks

PROBLEM = (
    "Marta has 12 eggs in Leeds. She sells three of them in May for $2 each to Yusuf, a third of "
    "the others for 40% less. How much does Marta earn?"
)


@pytest.mark.parametrize(
    ("subquestion", "found"),
    [
        ("total cost from price per item and number of items", []),
        ("how many of the 12 eggs does Marta sell?", ["12", "Marta"]),
        ("what marta earns in leeds", ["marta", "leeds"]),
        ("Yusuf's share in May", ["Yusuf", "May"]),
        ("eggs after twelve days", ["twelve"]),
        ("eggs after 13 days", []),
        ("a price 40% lower", ["40%"]),
        ("total cost of three kinds of items", []),
        ("three eggs at two prices", ["three"]),
        ("a third of the eggs", ["a third"]),
        ("twice as many and half of it", []),
        ("one of them", []),
    ],
)
def test_what_belongs_to_the_instance_is_found(subquestion: str, found: list[str]) -> None:
    assert instance_leaks(subquestion, PROBLEM) == found


def test_a_word_that_is_common_in_the_problem_is_no_name() -> None:
    problem = "Bill has a bill of $30. Bill pays the bill. What remains?"
    assert instance_leaks("what remains of a bill", problem) == []


def test_a_task_leaks_what_its_tests_give() -> None:
    tests = ["assert count('std', 'letstdlenstdporstd') == 3", "assert f(2, 350) == 41"]
    assert task_leaks("count 'std' in a string", tests) == ["std"]
    assert task_leaks("sum of powers of 2 below 350", tests) == ["350"]
    assert task_leaks("count a pattern in a string", tests) == []
    assert task_leaks("count", ["no python ="]) == []


@given(st.text(max_size=80), st.text(max_size=200))
def test_what_leaks_stands_in_the_subquestion(subquestion: str, problem: str) -> None:
    for piece in instance_leaks(subquestion, problem):
        assert piece in subquestion


@given(st.integers(2, 10**6))
def test_a_stated_number_leaks_in_digits(value: int) -> None:
    problem = f"There are {value} eggs."
    assert instance_leaks(f"what is left of {value} eggs", problem) == [str(value)]
