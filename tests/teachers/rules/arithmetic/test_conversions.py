from fractions import Fraction

import pytest

from tracemine.teachers.rules.arithmetic.conversions import converts, says_constant


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("60", "How many minutes are there in 3 hours?"),
        ("60", "A pump works for 90 seconds a minute."),
        ("12", "two dozen eggs"),
        ("12", "his yearly pay for a month"),
        ("7", "She walks daily. How far in a week?"),
        ("7", "On Monday he rests; the rest of the week he works."),
        ("24", "hours of a day"),
        ("52", "every week of the year"),
        ("365", "each night for a year"),
        ("100", "20% of them"),
        ("100", "it costs $3 and he has 45 cents"),
        ("1000", "2 kg of rice in bags of 50 grams"),
        ("3.14", "the radius of a pond"),
        ("2", "anything at all"),
    ],
)
def test_a_text_says_a_conversion(value: str, text: str) -> None:
    assert says_constant(Fraction(value), (text,))
    words = text.split()
    assert says_constant(Fraction(value), (" ".join(words[:3]), " ".join(words[3:])))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("60", "12 rows of 5 jars"), ("60", "He waits some minutes."), ("12", "4 rows of 3 jars"),
        ("7", "days without end"), ("24", "6 crates of 4 pears a day"), ("52", "a year"),
        ("365", "73 teams of 5"), ("100", "20 rows of 5 seats"), ("1000", "grams of gold"),
        ("10", "five pairs"), ("30", "5 buses with 6 people each"), ("61", "minutes and hours"),
    ],
)  # fmt: skip
def test_a_text_that_does_not(value: str, text: str) -> None:
    assert not says_constant(Fraction(value), (text,))


def test_a_conversion_needs_both_its_units() -> None:
    assert converts(Fraction(7), ("every day", "of a week"))
    assert not converts(Fraction(7), ("every day",))
    assert not converts(Fraction(4), ("a square has sides",))
    assert converts(Fraction(60), ("a train at 80 km/h", "45 minutes"))
    assert converts(Fraction(1000), ("80 km/h in m/s",))
    assert not converts(Fraction(60), ("a train at 80 km", "45 minutes"))


def test_what_keeps_its_unit_is_not_converted() -> None:
    said = ("20 * 60 = 1200 minutes", "How many hours is it?")
    assert converts(Fraction(60), said)
    assert not converts(Fraction(60), said, keeps="minute")
    assert converts(Fraction(60), said, keeps="item")


@pytest.mark.parametrize("said", ["A pen costs $2", "A pen costs €2", "It is 2 euros"])
def test_a_hundred_cents_are_a_dollar_or_a_euro(said: str) -> None:
    assert converts(Fraction(100), (said, "How many cents?"))
    assert not converts(Fraction(100), (said,))


def test_no_number_is_between_two_currencies() -> None:
    said = ("$2 and €2 and 2 yen",)
    assert not any(converts(value, said) for value in map(Fraction, (1, 2, 100, 1000)))
