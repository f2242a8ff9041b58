import re
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solved_problems import solved
from sound_spans import bound, returned, sound_spans

from tracemine.schemas.values import decode
from tracemine.teachers.rules.arithmetic.chains import find_calculations
from tracemine.teachers.rules.arithmetic.expressions import (
    NotArithmeticError,
    evaluate,
    numbers,
    parse_text,
    render,
)
from tracemine.teachers.rules.arithmetic.lifting import mentions
from tracemine.teachers.rules.arithmetic.routines import Datum, Link, Step
from tracemine.teachers.rules.arithmetic.sources import MAX_SOURCES, Place
from tracemine.teachers.rules.arithmetic.weighing import Told, Weigher


def _made(*results: str) -> list[Step]:
    """Earlier steps, each told as "24 red_pens", with a unit behind it if it has one."""
    steps: list[Step] = []
    (calculation,) = find_calculations("1 * 2 = 2")
    for index, result in enumerate(results):
        value, output, unit = (*result.split(), "")[:3]
        steps.append(Step(index, calculation, Fraction(value), (), 0, 0, output, unit or None, ""))
    return steps


def _weigher(problem: str, trace: str, *results: str) -> Weigher:
    return Weigher(problem, trace, find_calculations(trace), _made(*results))


def _places(weigher: Weigher, trace: str, at: int, **told: Any) -> list[Place]:
    """The numbers of the calculation ``at`` a place in ``trace``, all of which is about it."""
    found = find_calculations(trace)[at]
    found = replace(found, expression=weigher.with_fractions(found.expression))
    beside = [m for m in mentions(trace, fractions=False) if found.start <= m.start < found.end]
    known = {
        "sentence": trace, "begin": found.start, "around": trace, "beside": tuple(beside),
        "unit": None, "money": None, "is_count": False,
    }  # fmt: skip
    return weigher.places(found, Told(**(known | told)))


def _fits(place: Place) -> dict[str, float]:
    """Where a number may come from ("problem 0", "step 1"), best first, with how well it fits."""
    return {" ".join(source.key): source.fit for source in place.sources}


def _weighed(problem: str, trace: str, *results: str, **told: Any) -> list[dict[str, float]]:
    """Of the last calculation of ``trace``, after steps with these ``results``."""
    weigher = _weigher(problem, trace, *results)
    return [_fits(place) for place in _places(weigher, trace, -1, **told)]


def _best(problem: str, trace: str, *results: str, **told: Any) -> list[str]:
    return [next(iter(fits)) for fits in _weighed(problem, trace, *results, **told)]


# --- places in general ------------------------------------------------------------------------


def test_a_number_is_of_the_problem_or_a_result_or_the_traces_own() -> None:
    problem = "Ada has 7 pens and 5 caps."
    assert _weighed(problem, "It is 7 + 9 + 12 = 28.", "12 things") == [
        {"problem 0": 0.0},
        {"trace 9": 0.0},
        {"step 0": 0.75},
    ]
    # One is a number of anything unless the problem states it, and zero no result that is used.
    assert _best(problem, "It is 7 + 1 = 8.") == ["problem 0", "known 1"]
    assert set(_weighed(problem, "It is 7 + 1 = 8.", "1 cap")[1]) == {"known 1", "step 0"}
    assert set(_weighed(f"{problem} She sells 1 cap.", "7 + 1 = 8")[1]) == {"problem 2"}
    assert _weighed(problem, "It is 7 + 0 = 7.", "0 pens")[1] == {"known 0": 0.0}


def test_a_place_knows_its_step_and_what_it_is_a_factor_of() -> None:
    weigher = _weigher("Ada has 7 pens.", "6 - 8 / 4 = 4", "5 pens", "3 pens")
    places = _places(weigher, "6 - 8 / 4 = 4", 0)
    assert [(p.step, p.position, p.product) for p in places] == [(2, 0, None), (2, 1, 1), (2, 2, 1)]
    assert [place.divides for place in places] == [False, False, True]


_PIECES = (
    "7", "5", "12", "100", "0.5", "2/3", "20%", "=", "+", "-", "*", "/", "(", ")", "$", "pens",
    "twice", "half", "days", "In", "a dozen", "per day", ". ", "7 + 5 = 12", "12 * 5 = 60",
    "20 / 100 * 5 = 1", "2/3 * 12 = 8", "0 + 5 = 5", "4 * 7 = 28", "60 / 12 = 5",
)  # fmt: skip
_TEXTS = st.lists(st.sampled_from(_PIECES), max_size=14).map(" ".join)
_RESULTS = st.lists(
    st.sampled_from(("12 pens", "7 days day", "0 days day", "5 price dollar", "1 share")),
    max_size=4,
)


@settings(max_examples=150)
@given(_TEXTS, _TEXTS, _RESULTS, st.sampled_from([None, True, False]), st.booleans())
def test_each_number_has_sources_of_its_value_and_none_twice(
    problem: str, text: str, results: list[str], money: bool | None, percent: bool
) -> None:
    trace = f"In 7 days and 0 days {text} so 7 * 5 + 0 = 35"
    weigher = _weigher(problem, trace, *results)
    unit = "percent" if percent else None
    for at in range(len(find_calculations(trace))):
        beside = mentions(trace, fractions=False)
        places = _places(weigher, trace, at, money=money, unit=unit, beside=beside)
        calculation = find_calculations(trace)[at]
        written = list(numbers(weigher.with_fractions(calculation.expression)))
        assert len(places) == len(written)
        for place, number in zip(places, written, strict=True):
            keys = [source.key for source in place.sources]
            assert 1 <= len(keys) == len(set(keys)) <= MAX_SOURCES
            fits = [source.fit for source in place.sources]
            assert fits == sorted(fits, reverse=True)
            for source in place.sources:
                if isinstance(source.operand, Link):
                    value = weigher.steps[source.operand.step].value
                elif isinstance(source.operand, Datum) and source.operand.form:
                    continue  # another form of a percentage
                else:
                    value = source.operand.value
                assert value == abs(number.value)


# --- fractions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "written", "read"),
    [
        ("2/3 of 18 sing", "2/3 * 18 = 12", "2/3 * 18"),
        ("2/3 of 18 sing", r"\frac{2}{3} * 18 = 12", "2/3 * 18"),
        ("two thirds of 18 sing", "18 * 2 / 3 = 12", "18 * 2/3"),
        ("2/3 of 18 sing", "(2 + 4) * 2 / 3 = 4", "(2 + 4) * 2/3"),
        ("2/3 of 18 sing", "-(2/3 * 18) + 20 = 8", "-(2/3 * 18) + 20"),
        ("2/3 of 9 sing", "2/3 * 9 * 2 / 3 = 4", "2/3 * 9 * 2/3"),
        ("one quarter of 16 sing", "3/4 * 16 = 12", "3/4 * 16"),
        ("2/3 of 18 sing", "1/3 * 18 = 6", "(1 - 2/3) * 18"),
        ("half of 18 sing", "1/2 * 18 = 9", "1/2 * 18"),
        ("a quarter of 16 sing", "3/4 * 16 = 12", "3/4 * 16"),
    ],
)
def test_a_fraction_that_the_problem_states_is_one_number(
    told: str, written: str, read: str
) -> None:
    weigher = _weigher(told, written)
    (calculation,) = find_calculations(written)
    found = weigher.with_fractions(calculation.expression)
    assert render(found, lambda number: str(number.value)) == read


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ("3/5 of 18 sing", "2/3 * 18 = 12"),  # not what is told
        ("2/3 of 18 sing", "2 pens / 3 * 18 = 12"),
        ("2/3 of 18 sing", "(1 + 1) / 3 * 18 = 12"),
        ("three quarters of 16 sing", "3/4 * 16 = 12"),  # 3 of them
        ("half of 18 sing", "5/10 * 18 = 9"),
        ("2/3 of 18 sing", "2%/3 * 18 = 0.12"),
    ],
)
def test_other_quotients_are_divisions(told: str, written: str) -> None:
    weigher = _weigher(told, written)
    (calculation,) = find_calculations(written)
    assert weigher.with_fractions(calculation.expression) == calculation.expression


_ARITHMETIC = st.recursive(
    st.sampled_from(["1/3", "2/3", "1/2", "3/4", "6", "18", "2", "5/10", "2/0", "0"]),
    lambda part: st.builds("({} {} {})".format, part, st.sampled_from("+-*/"), part),
    max_leaves=6,
)


@given(_ARITHMETIC, st.lists(st.sampled_from(["2/3", "1/2", "a half", "a quarter"]), max_size=3))
def test_reading_fractions_changes_no_value(text: str, told: list[str]) -> None:
    expression = parse_text(text)
    weigher = Weigher(f"There are {' and '.join(told)} of them.", text, (), [])
    read = weigher.with_fractions(expression)
    try:
        value = evaluate(expression)
    except NotArithmeticError:  # divides by zero
        with pytest.raises(NotArithmeticError):
            evaluate(read)
    else:
        assert evaluate(read) == value


def test_the_parts_of_a_fraction_may_stand_alone() -> None:
    problem = "2/5 of the pens are red, and there are 5 boxes."
    scaled = _weighed(problem, "30 / 5 = 6 pens. 6 * 2 = 12 pens.", "6 pens")[1]
    assert list(scaled) == ["numerator 0", "trace 2"]
    # What is nowhere divided by the denominator has no use for the numerator.
    assert list(_weighed(problem, "30 * 2 = 60 pens.")[1]) == ["known 2"]
    for trace in ("2/5 * 30 = 12. 6 * 2 = 12", "30 + 5 = 35. 6 * 2 = 12"):
        assert list(_weighed(problem, trace)[1]) == ["known 2"]
    assert "numerator 0" not in _weighed("1/5 are red.", "30 / 5 = 6. 6 * 1 = 6")[1]
    # A denominator divides. Elsewhere the boxes are more likely meant.
    gaps = [
        fits["denominator 0"] - fits["problem 3"]
        for fits in (_weighed(problem, f"30 {sign} 5 = {result}")[1] for sign, result in _SIGNED)
    ]
    divided, multiplied, added = gaps
    assert multiplied == added < divided < 0


_SIGNED = (("/", 6), ("*", 150), ("+", 35))


# --- percentages ------------------------------------------------------------------------------


def test_a_percentage_stands_where_something_is_of_a_hundred() -> None:
    problem = "A lamp costs 80 and is 20% off; its shade costs 20."
    share, bare = (_weighed(problem, trace)[1] for trace in ("80 * 20 / 100 = 16", "80 - 20 = 60"))
    assert next(iter(share)) == "problem 1"
    assert next(iter(bare)) == "problem 2"
    # A share is written as a share, and what it leaves of a hundred is seldom meant.
    fits = _weighed("A lamp is 20% off.", "3 * 0.2 + 4 * 0.8 + 5 * 1.2 + 80 * 6 = 489.8")
    share, left, grown, of_hundred = (fits[at]["problem 0"] for at in (1, 3, 5, 6))
    assert 0 > share > left == grown > of_hundred


@pytest.mark.parametrize(
    ("trace", "told", "hundred"),
    [
        ("100 - 20 = 80", {"unit": "percent"}, "place 100"),
        ("100 - 20 = 80", {}, "problem 0"),  # twenty may be the pears
        ("100 - 30 = 70", {}, "place 100"),
        ("100 - 30 = 70", {"money": True}, "problem 0"),
        ("100 - 30 = 70", {"is_count": True}, "problem 0"),
        ("100 - 30 = 70", {"is_count": True, "unit": "percent"}, "place 100"),
        ("100 - 70 = 30", {}, "place 100"),  # what a percentage leaves is one
        ("100 - 12 = 88", {}, "place 100"),  # so is a result
        ("100 - 31 = 69", {}, "problem 0"),
        ("100 - 50 = 50", {"unit": "percent"}, "problem 0"),
    ],
)
def test_whose_hundred_a_hundred_is(trace: str, told: dict[str, Any], hundred: str) -> None:
    problem = "Of 100 figs 20% are bad, 20 are pears and 30% are small."
    assert _best(problem, trace, "12 share percent", **told)[0] == hundred


def test_of_two_hundreds_one_makes_the_percentage() -> None:
    problem = "Of 100 figs 40 are bad. Which percentage is that?"
    found = _best(problem, "40 / 100 * 100 = 40%", unit="percent")
    assert found == ["problem 1", "problem 0", "place 100"]
    assert _best(problem, "100 * 40 / 100 = 40%", unit="percent")[::2] == ["place 100", "problem 0"]
    # What is multiplied by no share is no percentage.
    assert _best(problem, "40 * 100 = 4000", unit="percent")[1] == "problem 0"
    assert _best(problem, "40 / 100 * 100 = 40")[1] == "place 100"


def test_what_divides_by_a_hundred_is_the_percent() -> None:
    problem = "A fair has 100 stalls, and 25% of its 80 guests eat."
    for trace in ("25 / 100 * 80 = 20", "80 * 25 / 100 = 20", "80 / 100 * 25 = 20"):
        assert "place 100" in _best(problem, trace)
    # An earlier result may be the percentage.
    by_result = _best(problem, "80 * 75 / 100 = 60", "75 share percent")
    assert by_result == ["problem 2", "step 0", "place 100"]
    assert "problem 0" in _best(problem, "80 * 75 / 100 = 60", "75 guests")
    # Where nothing is told of percentages a hundred is as good as any number.
    problem = "A fair has 100 stalls and 80 guests."
    assert _best(problem, "80 / 100 = 0.8") == ["problem 1", "problem 0"]
    assert _best(problem, "In percent: 80 / 100 = 0.8") == ["problem 1", "place 100"]


# --- the method's numbers ---------------------------------------------------------------------


def test_a_number_of_the_method_is_told_in_words() -> None:
    assert _best("Ida saves 5 a month for years.", "5 * 12 = 60") == ["problem 0", "known 12"]
    assert _best("Ida saves 5 of them.", "5 * 12 = 60") == ["problem 0", "trace 12"]
    assert _best("Ida saves 5 of them.", "For a year, by month: 5 * 12 = 60")[1] == "known 12"
    assert _best("Ida bakes half of 5.", "5 / 2 = 2.5") == ["problem 1", "known 2"]
    assert _best("Ida bakes 5, a score.", "5 + 20 = 25") == ["problem 0", "known 20"]


def test_an_exponent_counts_the_years_of_what_grows() -> None:
    def exponent(problem: str) -> str:
        return _best(problem, "30**2 = 900")[1]

    assert exponent("A fund of 30 grows for 2 years.") == "problem 1"
    assert exponent("A fund of 30 grows 2 times.") == "problem 1"
    assert exponent("A park of side 30 is 2 years old.") == "place 2"
    assert exponent("A fund of 30 grows for 2 brothers.") == "place 2"


def test_a_sentence_that_says_twice_means_the_method() -> None:
    problem = "Ove has 2 canoes for 30 guests, and twice as many guests go by bus."
    assert _best(problem, "Twice as many: 30 * 2 = 60")[1] == "word 2"
    assert _best(problem, "So many: 30 * 2 = 60 canoes")[1] != "word 2"
    assert "word 2" not in _weighed(problem, "Twice as many: 30 + 2 = 32")[1]
    # A score is no word that a number stands for in digits beside it.
    assert "word 20" not in _weighed("Ove has 20 hens.", "A score: 30 * 20 = 600")[1]


def test_words_of_method_scale_what_they_stand_by() -> None:
    problem = "Ove has 2 canoes and 9 oars, half of them new."
    over, times, less = (
        _weighed(problem, f"9 {sign} 2 = {result}")[1]
        for sign, result in (("/", 4.5), ("*", 18), ("-", 7))
    )
    assert over["method 2"] > times["method 2"]
    assert "method 2" not in less
    times, over = (
        _weighed(problem, trace, "0.5 hours")[1] for trace in ("9 * 0.5 = 4.5", "9 / 0.5 = 18")
    )
    assert times["method 2"] > over["method 2"]
    written = problem.replace("half", "1/2")
    over, times = (_weighed(written, trace)[1] for trace in ("9 / 2 = 4.5", "9 * 2 = 18"))
    assert over["method 2"] > times["method 2"]
    # Three quarters are three: what says how many there are is not left of the whole.
    counted = "Ove has 0.25 miles and 9 oars, three quarters of them new."
    assert "method 3" not in _weighed(counted, "9 * 0.25 = 2.25")[1]
    assert "method 2" in _weighed(counted.replace("three", "a"), "9 * 0.25 = 2.25")[1]


def test_a_dozen_is_twelve_of_what_it_is_told_of() -> None:
    problem = "Uma bakes 4 trays of 12 buns each, and later sells a dozen muffins."
    assert "method 2" not in _weighed(problem, "Uma bakes 4 * 12 = 48 buns")[1]
    assert "method 2" in _weighed(problem, "So 48 - 12 = 36 are left", "48 buns")[1]
    assert "method 2" in _weighed(problem, "The muffins: 3 * 12 = 36 in all")[1]
    assert "method 2" not in _weighed(problem, "The buns: 3 * 12 = 36 in all")[1]
    assert "method 2" not in _weighed(problem, "The muffins: 4 * 12 = 48 in all")[1]
    sold = "Uma later sells a dozen muffins."
    assert "method 0" in _weighed(sold, "So 3 * 12 = 36 in all", "12 buns")[1]
    # Four dozen are no twelve that anything is taken from.
    problem = "Uma bakes 4 dozen buns and 12 cakes."
    assert _best(problem, "Uma bakes 4 * 12 = 48 buns")[1] == "method 1"
    assert "method 1" not in _weighed(problem, "Uma bakes 48 - 12 = 36 more", "48 buns")[1]


# --- conversions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("problem", "trace", "results", "best"),
    [
        # How many hours are asked, and the minutes are found; but no singers are minutes.
        ("60 boys sing 4 minutes each. How many hours?", "240 / 60 = 4", "240 a minute", "known"),
        ("60 boys sing 4 minutes each. How many hours?", "60 * 4 = 240", "9 a item", "problem"),
        ("60 boys sing 4 minutes each. How many sing?", "240 / 60 = 4", "240 a minute", "problem"),
        # A number that stands in one clause with another of the calculation is told of it.
        ("7 cooks work. They peel 3 roots a day. How many in a week?", "21 * 7 = 147", "21 a day",
         "known"),
        ("7 cooks peel 3 roots a day. How many in a week?", "3 * 7 = 21", "9 a", "problem"),
        # Hours times something are hours.
        ("24 men work, some 8 hours. How many days?", "8 * 24 = 192 hours", "9 a", "problem"),
    ],
)  # fmt: skip
def test_a_stated_number_may_be_the_conversion(
    problem: str, trace: str, results: str, best: str
) -> None:
    unit = "hour" if trace.endswith("hours") else None
    fits = _weighed(problem, trace, results, unit=unit)
    (at,) = [at for at, place in enumerate(fits) if {"problem 0"} & place.keys()]
    assert next(iter(fits[at])).startswith(best)


def test_a_number_that_is_there_twice_may_be_the_conversion() -> None:
    problem = "A van goes 60 miles an hour for 45 minutes."
    speed, _, minutes = _weighed(problem, "60 * 45 / 60 = 45")
    assert "known 60" in speed and "known 60" in minutes
    apart = "A van goes 60 miles an hour. It is under way for 45 minutes. How far does it go?"
    assert "known 60" in _weighed(apart, "60 * 45 / 60 = 45")[2]
    # Once it is the speed; but what is stated in another unit is another number.
    assert "known 60" not in _weighed(problem, "60 * 45 = 2700")[0]
    assert "known 60" in _weighed(f"{problem} How many hours?", "45 / 60 minutes = 0.75")[1]
    asked = f"{problem} How many hours, how many minutes?"
    assert "known 60" not in _weighed(asked, "45 * 60 mph = 2700")[1]
    # What has the unit of the result before it and after it is converted into nothing.
    asked = "How many minutes are 7 days of 60 hours?"
    assert "known 60" in _weighed(asked, "9 * 60 = 540", "9 a")[1]
    assert "known 60" not in _weighed(asked, "9 * 60 = 540", "9 a hour", unit="hour")[1]
    beside = mentions("9 hours * 60 = 540")
    assert "known 60" not in _weighed(asked, "9 * 60 = 540", unit="hour", beside=beside)[1]
    assert "known 60" in _weighed(asked, "9 * 60 = 540", "9 a minute", unit="hour")[1]


# --- squares ----------------------------------------------------------------------------------


def test_a_square_has_four_sides() -> None:
    lawn = "A square lawn has sides of 9 m. Edging costs $4 a meter."
    assert "method sides" in _weighed(lawn, "It takes 4 * 9 = 36")[0]
    assert "method sides" in _weighed(lawn, "Of 36 a side is 36 / 4 = 9")[1]
    assert "method sides" not in _weighed(lawn, "It takes 4 * 9 = 36", money=True)[0]
    assert "method sides" not in _weighed(lawn, "It takes 9 * $4 = 36")[1]
    assert "method sides" not in _weighed(lawn, "It takes 4 + 9 = 13")[0]
    assert "method sides" not in _weighed(lawn, "It takes 9 * 3 = 27")[0]
    assert "method sides" not in _weighed(lawn, "The area is 4 * 9 = 36")[0]
    assert "method sides" not in _weighed(f"{lawn} What is its area?", "4 * 9 = 36")[0]
    assert "method sides" not in _weighed(lawn.replace("square", "long"), "4 * 9 = 36")[0]


# --- what the text says of a number ------------------------------------------------------------


def test_the_nouns_and_units_beside_a_number_tell_it_from_its_equals() -> None:
    problem = "Ada has 7 pens, 7 caps and 7 kg of clay."
    for noun, best in (("pens", 0), ("caps", 1), ("kg", 2)):
        assert _best(problem, f"7 {noun} + 9 = 16")[0] == f"problem {best}"
    assert _best("Ada has 7 pens.", "7 caps + 9 = 16", "7 pens", "7 caps", "7 pens")[0] == "step 1"
    # Another unit tells more against a number than another noun.
    timed = "A trip of 7 hours with 7 boys."
    assert _best(timed, "7 minutes + 9 = 16")[0] == "problem 1"
    assert _best("A trip.", "7 minutes + 9 = 16", "7 boys", "7 hours hour")[0] == "step 0"
    # Each time that it is told once: the second seven is not the pens again.
    assert _best(problem, "7 pens + 7 caps = 14") == ["problem 0", "problem 1"]
    assert _best(problem, "7 caps + 7 pens = 14") == ["problem 1", "problem 0"]


def test_what_the_text_goes_back_to_is_one_source() -> None:
    problem = "A choir has 40 boys. A tenth of those 40 boys are ill, and 40 girls are well."
    (boys, girls), _ = (
        place.sources
        for place in _places(_weigher(problem, "40 + 9 = 49"), "40 + 9 = 49", 0, around="")
    )
    assert [boys.key, girls.key] == [("problem", "0"), ("problem", "5")]
    assert {"choir", "boy"} == set(boys.context)


def test_money_is_added_to_money() -> None:
    problem = "A stall buys 9 jars of jam. It pays $4 for each lid and spoils 4 jars."
    jars, money, unknown = (
        _weighed(problem, "There is 9 - 4 = 5 left", money=money)[1]
        for money in (False, True, None)
    )
    assert jars["problem 2"] > jars["problem 1"]
    assert money["problem 2"] < money["problem 1"]
    assert unknown["problem 2"] > money["problem 2"]
    times = _weighed(problem, "There is 9 * 4 = 36 left", money=True)[1]
    assert times["problem 2"] == times["problem 1"]
    # What a number is that the problem leaves without a name it does not say.
    assert _weighed("Take 4, and 9 jars.", "9 - 4 = 5", money=True)[1] == {"problem 0": 0.0}
    results = ("4 price dollar", "4 jars")
    assert list(_weighed("A stall.", "9 - 4 = 5", *results, money=True)[1]) == ["step 0", "step 1"]
    assert list(_weighed("A stall.", "9 - 4 = 5", *results, money=False)[1]) == ["step 1", "step 0"]


def test_what_is_spent_is_taken_away_and_what_is_compared_is_no_factor() -> None:
    problem = "Kim saves $6 in May. Then she spends $6. Ann has 6 more pens, and 6 times as many."
    taken, added, scaled = (
        _weighed(problem, f"9 {sign} 6 = {result}")[1]
        for sign, result in (("-", 3), ("+", 15), ("*", 54))
    )
    assert taken["problem 1"] > taken["problem 0"]
    assert added["problem 1"] < added["problem 0"]
    assert scaled["problem 2"] < scaled["problem 3"]
    assert added["problem 2"] > added["problem 3"]
    left = _weighed(problem, "6 - 9 = -3")[0]
    assert left["problem 1"] < left["problem 0"]


def test_the_latest_result_is_likely_meant_and_one_is_likely_not() -> None:
    both = _weighed("Ada has pens.", "4 + 1 = 5", "4 pens", "1 cap", "4 nibs", "1 lid", "3 mugs")
    assert both[0]["step 0"] == both[0]["step 2"]
    assert both[1]["step 1"] == both[1]["step 3"] < both[0]["step 0"]
    assert list(_weighed("Ada has pens.", "4 + 9 = 13", "-4 debt")[0]) == ["step 0"]
    latest = _weighed("Ada has pens.", "4 + 9 = 13", "4 pens", "4 nibs")[0]
    assert list(latest) == ["step 1", "step 0"]


def test_of_a_stated_number_that_is_a_result_the_words_tell() -> None:
    problem = "Ada has 12 pots and 4 lids."
    named, unnamed, added = (
        _weighed(problem, trace, "12 cups", "3 a")[0]["step 0"]
        for trace in ("So the cups: 12 * 3 = 36", "So it is 12 * 3 = 36", "So it is 12 + 3 = 15")
    )
    assert named > added > unnamed
    # Nothing else has such a number: it is the result, whatever it is called.
    alone = _weighed("Ada has pots.", "So it is 12 * 3 = 36", "12 cups", "3 a")[0]["step 0"]
    assert alone == added


def test_words_beside_a_calculation_tell_its_numbers() -> None:
    problem = "Each of 3 aunts brings 6 plates. Later 3 uncles bring 8 bowls."
    assert _best(problem, "The uncles bring 3 * 8 = 24")[0] == "problem 2"
    assert _best(problem, "The aunts bring 3 * 6 = 18")[0] == "problem 0"


def test_calculations_of_one_form_are_made_of_the_like() -> None:
    problem = "Ada has 3 pens, 3 caps and 5 mugs."
    trace = "3 caps * 5 = 15. And 3 * 5 = 15. Or 5 * 3 = 15. But 3 + 5 = 8."
    weigher = _weigher(problem, trace)
    _, parallel, other, sum_ = (_fits(_places(weigher, trace, at, around="")[0]) for at in range(4))
    alone = _fits(_places(_weigher(problem, trace), trace, 1, around="")[0])
    assert list(alone) == ["problem 0", "problem 1", "trace 3"]
    assert {key: parallel[key] - alone[key] for key in alone} == dict.fromkeys(alone, 1.0)
    # The five stands elsewhere, and a sum is of another form.
    assert other["problem 2"] == 0 and sum_["problem 0"] == 0


def test_sources_that_the_last_of_a_form_did_not_have_are_as_they_were() -> None:
    problem = "Ada has 3 pens."
    trace = "3 * 5 = 15. And 3 * 6 = 18."
    weigher = _weigher(problem, trace)
    _places(weigher, trace, 0)
    weigher.steps = _made("3 caps")
    again = _fits(_places(weigher, trace, 1)[0])
    fresh = _fits(_places(_weigher(problem, trace, "3 caps"), trace, 1)[0])
    assert again["problem 0"] == fresh["problem 0"] + 1
    assert again["step 0"] == fresh["step 0"]


# --- a time that is told again ----------------------------------------------------------------


def _hens(trace: str, *results: str, problem: str = "8 hens eat for 8 days.") -> dict[str, float]:
    """The first number of a calculation in whose sentence all numbers stand beside it."""
    return _weighed(problem, trace, *results, beside=mentions(trace, fractions=False))[0]


def test_a_time_in_which_things_happen_is_no_operand() -> None:
    restated = "problem 1"  # the days
    assert restated not in _hens("In 8 days they eat 8 * 2 = 16", "8 cups")
    assert restated not in _hens("Throughout the 8 days they eat 8 * 2 = 16", "8 cups")
    # What is said of the time is not said of the number.
    told = ("In 8 days they eat 8 * 2 = 16", "8 cups")
    assert _hens(*told, problem="8 hens.") == _weighed("8 hens.", *told, beside=())[0]
    # It may be one: where no result is equal, or the result itself is a time;
    assert restated in _hens("In 8 days they eat 8 * 2 = 16", "9 cups")
    assert restated in _hens("In 8 days they eat 8 * 2 = 16", "8 cups", "9 cups")
    assert restated in _hens("In 8 days they eat 8 * 2 = 16", "8 cups day")
    # where the time is told otherwise, or is another thing, or is for each;
    assert restated in _hens("As 8 days go they eat 8 * 2 = 16", "8 cups")
    assert restated in _hens("They eat 8 * 2 = 16 in 8 days", "8 cups")
    assert restated in _hens("They eat in 8 days * 2 = 16", "8 cups")
    assert restated in _hens("In 8 pens they eat 8 * 2 = 16", "8 cups")
    assert restated in _hens("At 2 a day in 8 days they eat 8 * 2 = 16", "8 cups")
    # where both may be there, or the problem has a rate for it.
    assert restated in _hens("In 8 days they eat 8 * 8 = 64", "8 cups")
    rate = "8 hens eat for 8 days, and 2 cups per day."
    assert restated in _hens("In 8 days they eat 8 * 2 = 16", "8 cups", problem=rate)
    assert restated not in _hens("In 8 days they eat 8 * 3 = 24", "8 cups", problem=rate)


def test_a_time_of_zero_that_is_told_again_is_zero() -> None:
    told = "In 0 days they eat 0 + 5 = 5"
    assert _hens(told, "0 cups", problem="Hens eat 5 cups in 0 days.") == {"known 0": 0.0}


# --- what an operand is called ----------------------------------------------------------------


def _datum(problem: str, trace: str, at: int = 0, **told: Any) -> Datum:
    place = _places(_weigher(problem, trace), trace, -1, **told)[at]
    return next(s.operand for s in place.sources if isinstance(s.operand, Datum))


def test_an_operand_is_called_as_the_problem_and_the_sentence_call_it() -> None:
    assert _datum("Ada has 7 pens.", "7 + 2 = 9").names == ("pens",)
    assert _datum("Ada has 7 pens.", "7 nibs + 2 = 9").names == ("pens", "nibs")
    assert _datum("Ada has 7 pens.", "7 pens + 2 = 9").names == ("pens",)
    # What the problem leaves open, or says in a word for anything, the sentence tells.
    assert _datum("The price is 7.", "7 eggs + 2 = 9").names == ("eggs", "price")
    assert _datum("The price is 7.", "7 hours + 2 = 9").names == ("price", "hours")
    assert _datum("Ada adds 7.", "7 eggs + 2 = 9").names == ("eggs",)
    beside = mentions("twice 2 eggs")
    assert _datum("Ada adds 2.", "2 + 7 = 9", beside=beside).names == ("eggs",)
    assert _datum("Ada adds 7.", "7 kg + 2 = 9").unit == "kilogram"
    assert _datum("Ada has 7 pens.", "7 kg + 2 = 9").unit is None
    own = _datum("Ada has pens.", "7 kg + 2 = 9")
    assert (own.names, own.unit, own.key) == (("kilograms",), "kilogram", ("trace", "7"))


def test_an_operand_knows_its_percentage_and_its_fraction() -> None:
    left = _datum("A lamp is 20% off.", "0.8 * 60 = 48")
    assert (left.value, left.form, left.unit) == (20, "remaining_fraction", "percent")
    eaten = _datum("Hens laid 20 eggs. She ate 9 eggs.", "20 - 9 = 11", 1)
    assert eaten.special == "eggs_eaten"
    problem = "2/5 of the pens are red."
    for trace, at in (("30 / 5 = 6. 6 * 2 = 12", 1), ("30 / 5 = 6", 1)):
        part = _datum(problem, trace, at)
        assert part.fraction == (("problem", "0"), Fraction(2, 5))
        assert part.key == ("numerator" if trace.endswith("12") else "denominator", "0")


def test_results_are_told_with_their_units() -> None:
    weigher = _weigher("Ada has pens.", "", "24 red_pens", "3 hours hour", "-7 lids")
    told = [text.strip() for text in weigher.told_of([Fraction(3), Fraction(7)])]
    assert told == ["hours hour", "lids"]
    assert weigher.told_of([Fraction(4)]) == []


# --- in whole routines ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trace", ["They are 2/3 * 18 = 12 in all.", "They are 18 * 2 / 3 = 12.", "So 18 * (2/3) = 12."]
)
def test_a_stated_fraction_is_one_number(trace: str) -> None:
    problem = "There are 18 pupils and 2/3 of them sing. How many sing?"
    (span,) = sound_spans(solved(problem, trace, "12"))
    assert bound(span) == {"fraction": pytest.approx(2 / 3), "people": 18}
    assert (span.kind, span.tool) == ("tool", "operator.mul")


def test_what_a_fraction_leaves() -> None:
    problem = "There are 18 pupils and 2/3 of them sing. How many do not?"
    (span,) = sound_spans(solved(problem, "They are 1/3 * 18 = 6 pupils.", "6"))
    assert (span.code or "").endswith("return people * (1 - fraction)\n")


def test_a_stated_number_is_no_result_by_its_value_alone() -> None:
    problem = (
        "Tove has 7 mugs and 5 cups. She breaks 2 of the mugs and gets 4 times as many cups as "
        "she has. How many cups does she get?"
    )
    trace = "Of the mugs 7 - 2 = 5 mugs are whole.\nShe gets 4 * 5 = 20 cups as many as she has."
    spans = sound_spans(solved(problem, trace, "20"))
    assert any(bound(span) == {"cups": 5, "times": 4} for span in spans)


def test_a_result_is_used_though_the_problem_states_its_number() -> None:
    problem = "A train has 12 seats in 3 rows. Then 4 guards get on. How many seats has a row?"
    trace = "A row has 12 / 3 = 4 seats.\nTwo rows have 4 * 2 = 8 seats, so 4 * 5 = 20 have 5."
    values = [sorted(bound(span).values()) for span in sound_spans(solved(problem, trace, "8"))]
    assert [3, 12] in values


def test_twice_and_two_are_not_one() -> None:
    problem = (
        "Ove has 2 canoes for 30 guests. Twice as many guests go by bus, 2 canoes sink. "
        "How many guests go by bus?"
    )
    trace = "By bus go 30 * 2 = 60 guests, twice as many."
    (span,) = sound_spans(solved(problem, trace, "60"))
    assert bound(span) == {"people": 30}


def test_of_two_equal_numbers_the_conversion_is_the_one_that_divides() -> None:
    problem = "A train goes 60 km/h for 45 minutes. How far does it get?"
    (span,) = sound_spans(solved(problem, "It gets 60 * 45 / 60 = 45 km far.", "45"))
    assert (span.code or "").endswith("return kilometers_per_hour * minutes / 60\n")


def test_money_is_not_taken_from_a_count() -> None:
    problem = "A stall buys 9 jars of jam. It pays $4 for each lid and spoils 4 jars. What is left?"
    trace = "The lids cost 9 * 4 = $36.\nThere are 9 - 4 = 5 jars left at the stall."
    spans = sound_spans(solved(problem, trace, "5"))
    left = next(span for span in spans if decode(span.instances[0].result) == 5)
    assert all(p.unit != "dollar" for p in left.signature.inputs)


@pytest.mark.parametrize(
    ("problem", "trace", "answer", "of_two_hundred"),
    [
        (
            "Ina buys a $100 lamp at 25% off and a $60 rug. What does she pay?",
            "The discount is 25/100*100=$<<25/100*100=25>>25.\n"
            "She pays 100+60-25=$<<100+60-25=135>>135.",
            "135",
            210,
        ),
        (
            "Ole had $100 and lost 35% of it. How much money is left?",
            "There is 100-35=<<100-35=65>>65% left.\nIt is 65/100*100=$<<65/100*100=65>>65.",
            "65",
            130,
        ),
        (
            "Of 100 pears 20% are bad and 30% are small. How many are good?",
            "Good are 100-20-30=<<100-20-30=50>>50% of them.\n"
            "That is 100*50/100=<<100*50/100=50>>50 pears.",
            "50",
            100,
        ),
        (
            "Eva earned $100 a week and got a raise of 15%. What does she earn?",
            "She earns 100+15=<<100+15=115>>115% of it.\nSo 100*115/100=$<<100*115/100=115>>115.",
            "115",
            230,
        ),
        (
            "There are 100 pupils in a camp, 45 of them are boys. What percentage are girls?",
            "There are 100-45=<<100-45=55>>55 girls.\nThat is 55/100*100=<<55/100*100=55>>55%.",
            "55",
            77.5,
        ),
    ],
)
def test_the_hundred_of_a_percentage_is_not_the_hundred_of_the_story(
    problem: str, trace: str, answer: str, of_two_hundred: float
) -> None:
    spans = sound_spans(solved(problem, trace, answer))
    wholes = [s for s in spans if s.end == len(trace) and s.start == 0]
    assert wholes
    for span in wholes:
        scope: dict[str, Any] = {}
        exec(span.code or "", scope)
        bindings = bound(span)
        (stated,) = [name for name, value in bindings.items() if value == 100]
        bindings[stated] = 200
        assert scope[span.entry_point](**bindings) == pytest.approx(of_two_hundred)


def test_a_percentage_of_pupils_is_not_taken_from_pupils() -> None:
    problem = "There are 100 pupils and 30% are boys. How many are girls?"
    assert not sound_spans(solved(problem, "There are 100-30=<<100-30=70>>70 girls.", "70"))


def test_a_time_that_a_sentence_restates_is_no_operand() -> None:
    problem = "4 hens eat 4 cups in 4 days. How many cups do 8 hens eat in 8 days?"
    trace = (
        "A hen eats 4/4=<<4/4=1>>1 cup in 4 days. 8 hens eat 8*1=<<8*1=8>>8 cups in 4 days. "
        "In 8 days they eat 8*2=<<8*2=16>>16."
    )
    spans = sound_spans(solved(problem, trace, "16"))
    last = [span for span in spans if decode(span.instances[0].result) == 16]
    assert len(last) > 1  # the step, and what leads to it
    assert not any("days" in f"{span.code}" for span in last)


def test_a_time_by_which_a_rate_is_multiplied_is_an_operand() -> None:
    problem = "Ann bakes 2 pies and 4 buns and eats 3 apples per day. How many apples in 6 days?"
    trace = "She bakes 2+4=<<2+4=6>>6 things. In 6 days she eats 6*3=<<6*3=18>>18 apples."
    last = sound_spans(solved(problem, trace, "18"))[-1]
    assert {"days": 6} | bound(last) == bound(last)


@pytest.mark.parametrize(
    ("value", "factors"), [(60, (12, 5)), (24, (6, 4)), (12, (4, 3)), (7, (7, 1)), (100, (20, 5)),
                           (52, (13, 4)), (365, (73, 5)), (1000, (40, 25)), (30, (6, 5))],
)  # fmt: skip
def test_a_product_of_the_storys_numbers_is_no_constant(
    value: int, factors: tuple[int, int]
) -> None:
    problem = f"There are {factors[0]} rows of {factors[1]} jars with 90 beans each for 3 cooks."
    spans = sound_spans(solved(problem, f"One gets 90 * {value} / 3 = {30 * value} beans.", "1"))
    for span in spans:
        assert span.code is not None and str(value) not in span.code
        assert value in bound(span).values()


def test_a_conversion_that_the_text_says_stays_in_the_code() -> None:
    problem = "A mill grinds 90 bags an hour. How many bags does it grind in a minute with 3 mills?"
    (*_, span) = sound_spans(solved(problem, "That is 90 * 3 / 60 = 4.5 bags.", "4.5"))
    assert span.code is not None and "60" in span.code
    assert sorted(bound(span).values()) == [3, 90]


def test_a_speed_of_sixty_is_no_conversion() -> None:
    problem = "A car goes 60 miles per hour for 3 hours, then 15 minutes more for 20 miles."
    (span, *_) = sound_spans(solved(problem, "It goes 60 * 3 + 20 = 200 miles.", "200"))
    assert sorted(bound(span).values()) == [3, 20, 60]


@pytest.mark.parametrize(("years", "power"), [(2, True), (2, False)])
def test_an_exponent_that_counts_years_is_data(years: int, power: bool) -> None:
    problem = (
        f"A fund of $500 grows by 10% every year for {years} years."
        if power
        else f"A square park of side 30 was laid out {years} years ago."
    )
    trace = "It is 500 * 1.1**2 = 605." if power else "It is 30**2 * 3 = 2700 now."
    (span, *_) = sound_spans(solved(problem, trace, "605" if power else "2700"))
    assert (years in bound(span).values()) == power


@pytest.mark.parametrize("half", ["1/2", "Half"])
@pytest.mark.parametrize("written", ["30 * 1/2", "1/2 * 30", "30/2"])
def test_a_half_beside_another_fraction_is_one_number(half: str, written: str) -> None:
    problem = f"Of 45 kites 1/3 are torn. {half} of the others are blue. How many are blue?"
    trace = f"Torn: 45 * 1/3 = 15 kites.\nOthers: 45 - 15 = 30 kites.\nBlue: {written} = 15 kites."
    spans = sound_spans(solved(problem, trace, "15"))
    assert all(1 not in bound(span).values() for span in spans)
    assert "items * (1 - fraction) / 2" in returned(problem, trace, "15")


def test_what_a_quarter_leaves_is_one_number() -> None:
    problem = "A quarter of the 40 lamps are lit, and 3 are broken. How many are not lit?"
    assert returned(problem, "40 * 3/4 = 30 lamps are not lit.", "30") == ["items * 3 / 4"]
    # But "three quarters" says how many.
    problem = "Three quarters of the 40 lamps are lit. How many are lit?"
    (code,) = returned(problem, "40 * (3/4) = 30 lamps are lit.", "30")
    assert re.fullmatch(r"\w+ \* \w+ / 4", code)


def test_a_rate_that_comes_to_a_half_is_no_word_for_one() -> None:
    problem = "Ed picks 5 pears every 10 minutes, and rests half an hour. How many in 150 minutes?"
    (code,) = returned(problem, "Ed picks 150 * 5/10 = 75 pears.", "75")
    assert not re.search(r"\d", code)


def test_a_numerator_is_a_number_of_parts_only_where_its_denominator_is_used() -> None:
    problem = "2/5 of the pens are red. There are 30 pens, and 4 boxes."
    both = returned(problem, "30 / 5 = 6 pens are a part.\n6 * 2 = 12 pens are red.", "12")
    assert any(re.search(r"parts", code) for code in both)
    alone = returned(problem, "30 * 2 = 60 pens are in both. 60 * 4 = 240 pens.", "240")
    assert alone
    assert not any("parts" in code for code in alone)


def test_packs_of_twelve_are_not_the_dozen_that_is_told_elsewhere() -> None:
    problem = "Uma fills 4 trays of 12 buns each and sells a dozen buns. How many buns are left?"
    trace = "Uma has 4 * 12 = 48 buns.\nThen 48 - 12 = 36 buns are left."
    codes = returned(problem, trace, "36")
    assert codes[-1] == "items_each * groups - 12"
    assert not any("* 12" in code for code in codes)
    # What is told by the dozen is still twelve of each, whatever else is twelve.
    problem = "Uma buys 4 dozen buns and 12 cakes. How many more buns than cakes has she?"
    codes = returned(problem, "4 * 12 = 48 buns.\nIt is 48 - 12 = 36 more buns.", "36")
    assert any("* 12 - " in code for code in codes)


def test_sixty_people_are_no_minutes_of_an_hour() -> None:
    problem = "There are 60 singers. They each sing for 4 minutes. How many hours do they sing?"
    trace = "They sing 60 * 4 = 240 minutes. It is 240 / 60 = 4 hours."
    codes = returned(problem, trace, "4")
    assert codes[-1].endswith(" / 60")
    assert all(code.count("60") <= 1 and "* 60" not in code for code in codes)


def test_seven_people_are_not_the_days_of_a_week() -> None:
    problem = "Each of 7 cooks peels 3 roots every day. How many roots do they peel in a week?"
    trace = "They peel 7 * 3 = 21 roots a day. In a week they peel 21 * 7 = 147 roots."
    codes = returned(problem, trace, "147")
    assert re.fullmatch(r"items_per_day \* \w+ \* 7", codes[-1])
    assert len(codes) == 3


def test_the_sides_of_a_square_are_no_price() -> None:
    problem = "A square field has sides of 9 m. A fence costs $4 a meter. What does it cost?"
    trace = "The fence is 4 * 9 = 36 meters long. It costs 36 * 4 = ${}144."
    for annotation in ("", "<<36*4=144>>"):
        codes = returned(problem, trace.format(annotation), "144")
        assert re.fullmatch(r"\w+ \* 4", codes[0])
        assert re.fullmatch(r"\w+_per_meter \* \w+|\w+ \* \w+_per_meter", codes[1])
        assert codes[2].count("price") == 1 and codes[2].endswith(" * 4")
    # Four is the side itself too, and the sides are still four; but an area is no side times four.
    problem = "A square has sides of 4 m. What is its {}?"
    (code,) = returned(problem.format("perimeter"), "It is 4 * 4 = 16 m around.", "16")
    assert re.fullmatch(r"\w+ \* 4", code)
    (code,) = returned(problem.format("area"), "The area is 4 * 4 = 16 square m.", "16")
    assert re.fullmatch(r"(\w+) \* \1", code)
