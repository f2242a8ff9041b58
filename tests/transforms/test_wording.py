"""Which wording of a method reads best."""

import pytest

from tracemine.transforms.wording import kind, oddness


def _routine(expression: str, *names: str, called: str = "total_items") -> int:
    code = f"def {called}({', '.join(names)}):\n    return {expression}\n"
    return oddness(code, called)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (
            ("items * times", "items", "times"),
            ("first_items * second_items", "first_items", "second_items"),
        ),
        (
            ("groups * items_per_group", "groups", "items_per_group"),
            ("groups * amount", "groups", "amount"),
        ),
        (
            ("first_pounds + second_pounds", "first_pounds", "second_pounds"),
            ("total_pounds + calories", "total_pounds", "calories"),
        ),
        (
            ("people * days * meals_per_day", "people", "days", "meals_per_day"),
            ("first_days * people * second_days", "first_days", "people", "second_days"),
        ),
        (
            ("money - price * items", "money", "price", "items"),
            ("money - items_2 * items", "money", "items_2", "items"),
        ),
    ],
)
def test_names_that_fit_what_is_done_with_them_are_less_odd(
    better: tuple[str, ...], worse: tuple[str, ...]
) -> None:
    assert _routine(*better) < _routine(*worse)


def test_lengths_make_areas_and_a_number_may_be_squared() -> None:
    assert _routine("first_feet * second_feet", "first_feet", "second_feet") == 0
    assert _routine("items * items", "items") == 0


def test_a_result_without_a_name_counts() -> None:
    named = _routine("a_price * items", "a_price", "items", called="cost")
    assert named < _routine("a_price * items", "a_price", "items", called="product")


def test_what_tells_numbers_apart_is_no_kind() -> None:
    assert kind("first_remaining_items") == kind("total_items_2") == "items"
    assert kind("total") == "total"


def test_code_of_any_other_form_is_read() -> None:
    code = "def f(words):\n    return [w * 2 for w in words if len(w) + 1 > 3]\n"
    assert oddness(code, "f") >= 0
