import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.language.words import mask, story_names
from tracemine.teachers.rules.written.titles import asks_for_difference, general_title

PROBLEM = "Odile buys 6 pears for $2 each and 5 plums for $4. How much does she pay?"
TRACE = (
    "Step 1: Calculate how much Odile spends on Silver Anjou pears\n6*2=12\n"
    "**Use The Given Prices**\nBenno's plums come to 5*4=20.\n12+20=32\n#### 32"
)
NOUNS = ("cost", "pears", "plums", "price_per_item", "items")


@pytest.mark.parametrize(
    ("title", "asked"),
    [
        ("Calculate how much Odile spends on Silver Anjou pears",
         "calculate how much someone spends on pears"),
        ("the cost of Anjou pears", "the cost of pears"),
        ("Calculate the cost of Benno's pears", "calculate the cost of someone's pears"),
        ("Calculate the Cost of the Plums", "calculate the cost of the plums"),
        ("find the price of the plums", "find the price of the plums"),
        ("Add them", ""),
        ("find what she pays for plums", ""),
        ("find out how long it would take someone", ""),
        ("calculate the price of pears from", ""),
        ("final answer", ""),
        ("calculate the total amount", ""),
        ("calculate the age of the ladder", ""),
        ("find the cost of six pears", ""),
        ("find the cost of pears for Odile and Benno", ""),
    ],
)  # fmt: skip
def test_a_title_is_asked_where_it_holds_for_others(title: str, asked: str) -> None:
    assert general_title(title, PROBLEM, TRACE, NOUNS) == asked


_PIECES = ("Odile", "Benno's", "Silver", "Anjou", "pears", "the", "cost", "of", "12", "six", "find",
           "them", "price", "How", "much", "plums")  # fmt: skip


@given(st.lists(st.sampled_from(_PIECES), max_size=12).map(" ".join))
def test_no_name_or_number_of_problem_or_trace_comes_through(title: str) -> None:
    asked = general_title(title, PROBLEM, TRACE, NOUNS)
    assert not re.search(r"\d|\b(?:six|odile|benno|silver|anjou)\b", asked, re.IGNORECASE)


@given(st.text(max_size=120), st.text(max_size=120), st.text(max_size=200))
def test_any_text_may_be_a_title(title: str, problem: str, trace: str) -> None:
    assert not re.search(r"[0-9]", general_title(title, problem, trace, NOUNS))


def test_what_a_trace_only_capitalises_in_titles_is_no_name() -> None:
    assert story_names(PROBLEM, TRACE) >= {"Odile", "Silver", "Anjou"}
    assert not story_names(PROBLEM, TRACE) & {"Use", "Given", "Prices", "Calculate"}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("apply Heron's formula", "apply Heron's formula"),
        ("the Power of a Point theorem", "the Power of a Point theorem"),
        ("the area of triangle XYZ", "the area of triangle"),
        ("an age of n degrees Celsius", "an age of n degrees Celsius"),
        ("when did the town of Leeds form?", "when did the town of someone form?"),
    ],
)
def test_names_of_methods_and_figures_are_no_people(text: str, masked: str) -> None:
    trace = (
        "By Heron's formula and Power of a Point, triangle XYZ in Leeds is at 3 degrees Celsius."
    )
    assert mask(text, "", trace) == masked


def test_what_asks_for_a_difference() -> None:
    assert asks_for_difference("How many pears are left?")
    assert asks_for_difference("the Remaining plums")
    assert not asks_for_difference("how many pears does the leftmost box hold in all?")
