from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.arithmetic.lifting import is_data, mentions
from tracemine.teachers.rules.language.numerals import find_numerals

STALL = (
    "Priya sells 48 candles in April and half as many in May. Each candle costs $6 and every box "
    "holds 12 candles. She gives a 20% discount to two dozen friends, and a third of 1,250 flyers."
)


@pytest.mark.parametrize("value", [48, 6, 12, 20, 1250, 3, 1, 0.2, 0.8, 1.2, Fraction(1, 3)])
def test_what_the_problem_states_is_data(value: float) -> None:
    assert is_data(value, STALL)


@pytest.mark.parametrize("value", [100, 7, 60, 365, 24, 5, 0.5, -3])
def test_what_it_does_not_state_is_a_constant(value: float) -> None:
    assert not is_data(value, STALL)


def test_words_of_method_state_no_data() -> None:
    assert not is_data(2, "Ana has twice as many pears as Ben, and half of them are ripe.")
    assert not is_data(12, "A dozen eggs are in the fridge.")
    assert is_data(3, "Ana has three times as many pears as Ben.")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("months_per_year", 12, False),
        ("days_in_week", 7, False),
        ("PERCENT", 100, False),
        ("days_per_week", 5, True),
        ("pears_per_crate", 12, True),
        (None, 12, True),
    ],
)
def test_a_name_can_say_that_it_is_a_constant(name: str | None, value: int, expected: bool) -> None:
    problem = "He works 5 of 7 days a week for 12 months and packs 12 pears in each of 100 crates."
    assert is_data(value, problem, name) is expected


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_number_is_no_data(value: float) -> None:
    assert not is_data(value, STALL)


def test_mentions_are_named_and_have_units() -> None:
    found = {m.text: (m.noun, m.unit) for m in mentions(STALL)}
    assert found["48"] == ("candles", None)
    assert found["$6"] == ("price_per_candle", "dollar")
    assert found["12"] == ("candles_per_box", None)
    assert found["20%"] == ("discount_percent", "percent")


def test_a_number_without_a_noun_has_that_of_the_one_before() -> None:
    found = mentions("The mill grinds 30 sacks on Monday and another 12 on Friday.")
    assert [m.noun for m in found] == ["sacks", "sacks"]
    assert [m.detail for m in found] == ["monday", "friday"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("twenty-five hens and two hundred and five eggs", [25, 205]),
        ("three thousand two hundred", [3200]),
        ("$1,200.50 and .5", [Fraction(2401, 2), Fraction(1, 2)]),
        ("two thirds of 3/4", [Fraction(2, 3), Fraction(3, 4)]),
        ("5 million", [5_000_000]),
        ("x2 and t_3", []),
        ("five, six and seven", [5, 6, 7]),
    ],
)
def test_numerals(text: str, values: list[Fraction]) -> None:
    assert [numeral.value for numeral in find_numerals(text)] == values


@given(st.integers(0, 10**9), st.booleans())
def test_digits_are_found_with_and_without_commas(value: int, commas: bool) -> None:
    stated = f"{value:,}" if commas else str(value)
    (numeral,) = find_numerals(f"There are {stated} beads.")
    assert numeral.value == value


@given(st.text(max_size=200))
def test_mentions_stand_where_they_say(text: str) -> None:
    for mention in mentions(text):
        assert text[mention.start : mention.end].strip() != ""
        assert mention.noun == "" or mention.noun.isidentifier()


@pytest.mark.parametrize(
    "text",
    ["Solve $3y + 6 = 18$ for y.", "He writes $3y for the price of 6 pens.", "Let $t = 3$ be."],
)
def test_a_dollar_sign_before_a_variable_is_no_money(text: str) -> None:
    (three, *_) = [m for m in mentions(text) if m.value == 3]
    assert three.unit is None


@pytest.mark.parametrize("text", ["It fell from $3k to $2k.", "It is $3 a day and $5 a night."])
def test_a_dollar_sign_before_an_amount_is_money(text: str) -> None:
    assert all(m.unit is not None and m.unit.startswith("dollar") for m in mentions(text))


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("a wave of 4.0 \\times 10^{-3} m", Fraction(4, 1000), "meter"),
        ("a charge of 6 × 10^5 J", Fraction(600_000), "joule"),
        ("a speed of 12 m/s", Fraction(12), "meter/second"),
        ("some 5 cm^3 of it", Fraction(5), "centimeter**3"),
        ("rice for $30/kg", Fraction(30), "dollar/kilogram"),
        ("240 square feet of floor", Fraction(240), "foot**2"),
    ],
)
def test_units_of_mentions(text: str, value: Fraction, unit: str) -> None:
    ((found),) = mentions(text)
    assert (found.value, found.unit) == (value, unit)
