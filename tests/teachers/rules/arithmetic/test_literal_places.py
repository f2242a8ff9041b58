from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.arithmetic.expressions import (
    Binary,
    Expression,
    Negative,
    Number,
    numbers,
    parse_text,
)
from tracemine.teachers.rules.arithmetic.literal_places import LiteralPlace, literal_places
from tracemine.teachers.rules.arithmetic.sources import OUTERMOST


def _places(text: str, percentages: str = "") -> list[LiteralPlace]:
    """The places of a calculation in which the numbers of ``percentages`` are percentages."""
    stated = {Fraction(word) for word in percentages.split()}
    return literal_places(parse_text(text), lambda number: number.value in stated)


def _numbers() -> st.SearchStrategy[Expression]:
    values = st.sampled_from([Fraction(n) for n in ("1", "2", "3", "7", "100", "0.01", "0.2")])
    return st.builds(Number, values, st.just(0), st.just(1), st.booleans())


def _compounds(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    pairs = st.builds(Binary, st.sampled_from(["+", "-", "*", "/", "**"]), parts, parts)
    return pairs | st.builds(Negative, pairs)


_EXPRESSIONS = st.recursive(_numbers(), _compounds, max_leaves=12)


@given(_EXPRESSIONS)
def test_each_literal_has_one_place_from_left_to_right(expression: Expression) -> None:
    found = [place.number for place in literal_places(expression)]
    written = list(numbers(expression))
    assert len(found) == len(written)
    assert all(one is other for one, other in zip(found, written, strict=True))


def _outermost_products(part: Expression, product: object) -> list[object]:
    """For each literal the largest product that it is a factor of, None for a term."""
    if isinstance(part, Number):
        return [product]
    if isinstance(part, Negative):
        return _outermost_products(part.operand, product)
    inner = (product or object()) if part.symbol in ("*", "/", "**") else None
    return [*_outermost_products(part.left, inner), *_outermost_products(part.right, inner)]


@given(_EXPRESSIONS)
def test_factors_of_one_product_are_known_by_it(expression: Expression) -> None:
    top = object()
    is_product = isinstance(expression, Binary) and expression.symbol in ("*", "/", "**")
    expected = _outermost_products(expression, top if is_product else None)
    found = [place.product for place in literal_places(expression)]
    assert [product is None for product in found] == [product is None for product in expected]
    assert all(found[at] == OUTERMOST for at, product in enumerate(expected) if product is top)
    for one, other in combinations(range(len(found)), 2):
        if expected[one] is not None and expected[other] is not None:
            assert (found[one] == found[other]) == (expected[one] is expected[other])


def test_the_product_that_a_result_is_comes_first() -> None:
    # The sum within it has a product of its own, which is told before the last factor.
    assert [place.product for place in _places("(4 + 5 * 6) * 7")] == [None, 2, 2, OUTERMOST]
    assert [place.product for place in _places("4 + 5 * 6 * 7 - 8 / 9")] == [None, 1, 1, 1, 2, 2]
    nested = [place.product for place in _places("4 * (5 + 6 * 7) * (8 * 9)")]
    assert nested == [OUTERMOST, None, 2, 2, OUTERMOST, OUTERMOST]


def test_a_place_has_the_operation_that_it_is_an_operand_of() -> None:
    places = _places("9 - (8 / 4 - 3) * 2")
    assert [place.symbol for place in places] == ["-", "/", "/", "-", "*"]
    assert [place.divides for place in places] == [False, False, True, False, False]
    assert [place.taken for place in places] == [False, False, False, True, False]
    (alone,) = _places("9")
    assert (alone.symbol, alone.product, alone.divides, alone.taken) == ("", None, False, False)


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("4**2", ["", "power"]),
        ("2**3", ["", "power"]),
        ("3**5", ["", ""]),
        # A percentage taken as a share, though not of a product.
        ("25 / 100", ["", "hundred"]),
        ("25 / 100 * 80", ["", "hundred", ""]),
        ("25 * 80 / 100", ["", "", ""]),
        ("100 / 25", ["", ""]),
        ("25 / 10", ["", ""]),
        # What a share is taken from, or added to.
        ("1 - 0.2", ["whole", ""]),
        ("1 + 0.2", ["whole", ""]),
        ("0.2 + 1", ["", "whole"]),
        ("1 - 20%", ["whole", ""]),
        ("1 - 1 / 4", ["whole", "", ""]),
        ("1 - 4", ["", ""]),
        ("1 + 4 * 2", ["", "", ""]),
        ("2 - 0.2", ["", ""]),
        ("1 * 0.2", ["", ""]),
        ("1% + 0.2", ["", ""]),
    ],
)
def test_what_a_place_may_make_a_number(text: str, roles: list[str]) -> None:
    assert [place.role for place in _places(text)] == roles


@pytest.mark.parametrize(
    ("text", "percentages", "is_whole"),
    [
        ("100 - 20", "20", True),
        ("100 + 20", "20", True),
        ("100 - 20", "", False),
        ("100 - 20 - 30", "20 30", True),
        ("100 - (20 + 30)", "20 30", True),
        ("100 - (20 + 30)", "20", False),  # forty dollars and twenty percent
        ("100 - 20 * 3", "20 3", False),
        ("100% - 20", "", True),
        ("100 - 20%", "", True),
        ("100 * 20", "20", False),
        ("90 - 20", "20", False),
    ],
)
def test_a_hundred_is_a_whole_beside_percentages(
    text: str, percentages: str, is_whole: bool
) -> None:
    hundred, *others = _places(text, percentages)
    assert (hundred.role == "whole") == is_whole
    assert all(place.role == "" for place in others)


def test_a_hundred_that_is_added_to_a_percentage_is_no_whole() -> None:
    assert [place.role for place in _places("20 + 100", "20")] == ["", ""]


@pytest.mark.parametrize(
    ("text", "percentages", "in_percent"),
    [
        ("80 * 25 / 100", "", True),
        ("80 * 25 * 0.01", "", True),
        ("100 * 3", "", True),
        ("80 * 25", "25", False),
        ("80 * (100 - 25)", "25", True),
        ("80 * (100 - 25)", "", False),
        ("100 - 25 - 40", "25", True),
        ("100 + 40", "", False),
        ("7%", "", True),
        ("-(3 * 100)", "", True),
        ("9 - 100**2", "", False),
    ],
)
def test_a_percentage_may_stand_where_something_is_of_a_hundred(
    text: str, percentages: str, in_percent: bool
) -> None:
    assert {place.in_percent for place in _places(text, percentages)} == {in_percent}
