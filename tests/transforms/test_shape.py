"""Shapes: what one thing is called does not matter, what is done with it does."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tracemine.schemas import Parameter, Signature, Span
from tracemine.transforms import shape as rules
from tracemine.transforms.segment import Proposal, Source, route
from tracemine.transforms.shape import shape, shape_of, wording_of

NOTHING = Signature((), Parameter("result", "int"))


def named(*names: str, output: str = "result") -> Signature:
    return Signature(tuple(Parameter(n, "int") for n in names), Parameter(output, "int"))


def of(text: str, *names: str) -> str:
    return shape_of(text, named(*names))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("total of 3 items and 20 items", "total of 17 items and a number of items"),
        ("price after a discount of 20%", "price after a discount of 7.5 %"),
        ("what is left of $40?", "what remains of $1,250.50"),
        ("How many pears does Lena have left?", "how many stamps does Rashid have left"),
        ("the number of goats per farmer", "the number of lamps per student"),
        ("overall cost of the chairs", "total cost of chairs"),
        ("mean speed", "average velocity"),
        ("calculate the leftover money", "what is the remaining cash"),
    ],
)
def test_what_belongs_to_the_instance_goes(one: str, other: str) -> None:
    names = ("pears", "stamps", "goats", "lamps", "chairs")
    assert of(one, *names) == of(other, *names)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("total of pears and cost", "difference between pears and cost"),
        ("number of pears per box", "number of pears times number of boxes"),
        ("twice a number of pears", "half of a number of pears"),
        ("hours per mile", "miles per hour"),
        ("total price", "average price"),
        ("area of a rectangle", "perimeter of a rectangle"),
        ("number of sides of a polygon", "number of diagonals of a polygon"),
        ("minutes left", "dollars left"),
        ("ratio of weight to height", "ratio of height to weight"),
        ("left side of the equation", "right side of the equation"),
    ],
)
def test_operation_order_and_kind_of_quantity_stay(one: str, other: str) -> None:
    assert of(one, "pears", "boxes") != of(other, "pears", "boxes")


def test_two_things_stay_two() -> None:
    two = of("twice the pears less the plums", "pears", "plums")
    assert two == of("twice the lamps minus the sofas", "lamps", "sofas")
    assert two != of("twice the pears less the pears", "pears")


def test_people_alone_are_counted_like_things_and_beside_things_are_people() -> None:
    alone = of("how many people are left", "people")
    assert alone == of("how many items are left", "items")
    assert "people" in of("number of items per person for all people", "items", "people")


def test_a_shape_of_code_keeps_its_nouns() -> None:
    signature = Signature((Parameter("numbers", "list[int]"),), Parameter("count", "int"))
    vowels = shape_of("Count the number of vowels in a string.", signature, "code")
    digits = shape_of("Count the number of digits in a string.", signature, "code")
    assert "vowels" in vowels and vowels != digits


# Lists of the words that no rule folds away, in texts around two things.
THINGS = ["pears", "lamps", "goats", "stamps", "kites", "shirts", "pencils", "fossils"]
FRAMES = [
    "how many {0} are left after some of the {0} are given to {1}",
    "total cost of {0} at a price per item and twice the {0}",
    "difference between two numbers of {0} divided by a number of hours",
    "{0} per {2} for a number of minutes",
]
OPERATIONS = [
    "twice", "half", "difference", "ratio", "percent", "product", "quotient", "average", "total",
    "square", "remainder", "perimeter", "area", "volume", "price", "cost", "speed", "hours", "per",
    "each", "divided", "minus", "times", "remaining", "discount", "profit", "distance",
]  # fmt: skip


@given(st.sampled_from(THINGS), st.sampled_from(THINGS), st.sampled_from(FRAMES))
def test_another_name_for_one_thing_makes_the_same_shape(one: str, other: str, frame: str) -> None:
    first = of(frame.format(one, "Lena", one[:-1]), one)
    second = of(frame.format(other, "Omar", other[:-1]), other)
    assert first == second


@given(st.permutations(OPERATIONS), st.integers(1, 6), st.sampled_from(THINGS))
def test_words_of_operation_are_kept_in_their_order(
    words: list[str], count: int, thing: str
) -> None:
    chosen = words[:count]
    found = of(" ".join([*chosen, "of", "the", thing]), thing).split()
    assert [word for word in found if word in OPERATIONS] == chosen


HOSTILE = st.text(max_size=120) | st.lists(
    st.sampled_from(
        [*OPERATIONS, *THINGS, "number of", "how many", "#", "n", "7%", "$4", "m", "left", "right",
         "someone's", "Lena", "\\frac{1}{2}", "\x00", "\ud800", "ﬁ", "İ", "K", "'", "(", "of",
         "another", "other", "items", "people", "person", "groups", "in total", "each one", ",",
         "numbers of", "per", "per cent", "taken", "away", "second", "third", "amount of", "n%"]
    ),
    max_size=14,
).map(" ".join)  # fmt: skip
NAMES = st.lists(st.text(max_size=12) | st.sampled_from([*THINGS, "items_per_box", "_", "per"]))


@given(HOSTILE, NAMES, st.sampled_from(["math", "code", "other"]))
@example("number the of the of items", [], "math")
@example("x " * 5000, [], "math")
def test_a_shape_is_its_own_shape(text: str, names: list[str], domain: str) -> None:
    signature = named(*names)
    found = shape_of(text, signature, domain)
    assert shape_of(found, signature, domain) == found
    assert shape_of(text, signature, domain) == found
    assert "#" not in found and "  " not in found


def test_what_words_are_folded_to_is_not_folded_on() -> None:
    folded = rules._SAME
    for word, found in folded.items():
        assert [folded.get(part, part) for part in found.split()] == found.split(), word


def span(subquestion: str) -> Span:
    trace = "Lena has 30 pears and eats 12."
    return Span(
        id="", trajectory_id="t", problem_id="p", start=0, end=len(trace), quote=trace,
        subquestion=subquestion, subroutine="Subtract.", summary="left",
        code="def left(pears, eaten):\n    return pears - eaten", entry_point="left",
        signature=named("pears", "eaten", output="pears"), preconditions=("numbers",),
        predicates=(), failure_modes=(), kind="tool", domain="math", teacher="rules@1",
        verifier="numeric", shape="", instances=(),
    )  # fmt: skip


def test_a_span_that_the_rules_leave_nothing_of_keeps_its_wording() -> None:
    assert shape(span("What is it?")) == "what is it"
    assert wording_of("  How many  are left? ") == "how many are left"
    assert wording_of("") == ""


def test_another_normaliser_takes_the_place_of_the_rules() -> None:
    proposal = Proposal(span("how many pears are left"), Source("own", 1), b"")
    ((_, handed),) = route(proposal)
    assert handed.span == dataclasses.replace(proposal.span, shape="items remaining")
    ((_, handed),) = route(proposal, lambda span: f"asked: {span.subquestion}")
    assert handed.span.shape == "asked: how many pears are left"
