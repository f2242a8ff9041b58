from fractions import Fraction
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.arithmetic.measures import (
    Measure,
    UnitsError,
    agree,
    container,
    gives,
    is_kind,
    measure,
    ratio,
)
from tracemine.teachers.rules.arithmetic.terms import (
    Leaf,
    Other,
    Term,
    add,
    constant,
    negative,
    over,
    times,
)

UNITS = {
    "trip": "hour", "stop": "minute", "road": "mile", "pace": "mile/hour", "load": "kilogram",
    "pull": "meter/second**2", "price": "dollar", "coin": "cent", "months": "month",
    "weeks": "week",
}  # fmt: skip


def _leaf(name: str) -> Leaf:
    return Leaf(("problem", name))


def _number(value: int | str) -> Term:
    return constant(Fraction(value))


def _measure(term: Term) -> Measure | None:
    return measure(term, lambda key: Measure(container(UNITS[key[1]])) if key[1] in UNITS else None)


@pytest.mark.parametrize(
    ("one", "other", "times_as_much"),
    [
        ("hour", "minute", 60), ("mile/hour", "mile/minute", Fraction(1, 60)),
        ("newton", "kilogram*meter/second**2", 1), ("meter**2", "centimeter**2", 10_000),
        ("dollar", "cent", 100), ("liter", "centimeter**3", 1000), ("session", "hour", None),
    ],
)  # fmt: skip
def test_ratios(one: str, other: str, times_as_much: Fraction | int | None) -> None:
    assert ratio(container(one), container(other)) == times_as_much


@pytest.mark.parametrize(
    ("one", "other"), [("hour", "mile"), ("mile/hour", "mile"), ("meter**2", "meter"), ("gram", "")]
)
def test_what_measures_something_else_has_no_ratio(one: str, other: str) -> None:
    with pytest.raises(UnitsError):
        ratio(container(one), container(other) if other else container(one) / container(one))
    assert not other or not is_kind(one, other)


@given(st.permutations(["second", "minute", "hour", "day", "week"]))
def test_ratios_go_together(units: list[str]) -> None:
    whole = Fraction(1)
    for one, other in pairwise([*units, units[0]]):
        found = ratio(container(one), container(other))
        assert found
        whole *= found
    assert whole == 1


@pytest.mark.parametrize(
    "term",
    [
        add(_leaf("trip"), _leaf("road")),
        add(_leaf("trip"), negative(_leaf("stop"))),
        add(times(_leaf("pace"), _leaf("stop")), _leaf("road")),
        add(_leaf("price"), _leaf("coin")),
        add(_leaf("trip"), times(_number(7), _leaf("stop"))),
        times(_number(3), add(_leaf("unheard"), add(_leaf("load"), _leaf("price")))),
    ],
)
def test_what_is_added_must_be_in_one_unit(term: Term) -> None:
    with pytest.raises(UnitsError):
        _measure(term)


@pytest.mark.parametrize(
    ("term", "unit"),
    [
        (add(_leaf("trip"), over(_leaf("stop"), _number(60))), "hour"),
        (add(times(_number(60), _leaf("trip")), _leaf("stop")), "minute"),
        (times(_number(120), _leaf("trip")), "minute"),
        (times(_leaf("pace"), _leaf("trip")), "mile"),
        (over(times(_leaf("pace"), _leaf("stop")), _number(60)), "mile"),
        (times(_leaf("load"), _leaf("pull")), "newton"),
        (add(_leaf("price"), over(_leaf("coin"), _number(100))), "dollar"),
        (times(_number(4), _leaf("months")), "week"),
        (Other("**", _leaf("road"), _number(2)), "mile**2"),
        (add(_leaf("trip"), _number(1)), "hour"),
    ],
)
def test_what_comes_out(term: Term, unit: str) -> None:
    found = _measure(term)
    assert found is not None
    assert gives(found, unit)
    assert not gives(found, "volt")


@pytest.mark.parametrize(
    ("term", "unit"),
    [
        (times(_leaf("pace"), _leaf("stop")), "mile"),
        (times(_number(60), _leaf("stop")), "hour"),
        (_leaf("trip"), "minute"),
        (over(_leaf("price"), _number(100)), "cent"),
        (times(_leaf("road"), _leaf("road")), "mile"),
    ],
)
def test_what_does_not_come_out(term: Term, unit: str) -> None:
    found = _measure(term)
    assert found is not None
    assert not gives(found, unit)


@pytest.mark.parametrize(
    "term",
    [
        _leaf("unheard"),
        times(_leaf("unheard"), _leaf("road")),
        Other("**", _leaf("road"), _leaf("unheard")),
        Other("//", _leaf("road"), _number(2)),
    ],
)
def test_what_is_not_known_is_not_known(term: Term) -> None:
    assert _measure(term) is None


def test_units_agree_both_ways() -> None:
    hours, minutes = container("hour"), container("minute")
    assert agree(Measure(hours, Fraction(60)), Measure(minutes))
    assert agree(Measure(minutes), Measure(hours, Fraction(60)))
    assert not agree(Measure(hours), Measure(minutes))
    assert not agree(Measure(minutes, Fraction(60)), Measure(hours))


def test_a_period_may_be_left_out() -> None:
    daily, once = Measure(container("dollar/day")), Measure(container("dollar"))
    assert agree(daily, once)
    assert agree(once, daily)
    assert gives(Measure(container("mile/day*day/week*hour/mile")), "hour")
    assert not agree(Measure(container("dollar*week/day")), once)
    assert not agree(Measure(container("mile/hour")), Measure(container("mile")))
    assert not agree(daily, Measure(container("dollar/week")))


_CURRENCIES = ("dollar", "euro", "sterling", "rupee", "yen")


@pytest.mark.parametrize(("one", "other"), list(combinations(_CURRENCIES, 2)))
def test_no_rate_makes_one_currency_of_another(one: str, other: str) -> None:
    for sample in ("{}", "{}/hour"):
        units = container(sample.format(one)), container(sample.format(other))
        with pytest.raises(UnitsError):
            ratio(*units)
        assert not agree(Measure(units[0], Fraction(2)), Measure(units[1]))
        assert not gives(Measure(units[0]), sample.format(other))
        assert ratio(units[0], units[0]) == 1


def test_cents_are_of_dollars_and_may_be_of_euros() -> None:
    assert ratio(container("dollar"), container("cent")) == 100
    assert ratio(container("euro"), container("cent")) is None
    assert ratio(container("cent/hour"), container("euro/hour")) is None
    for other in ("sterling", "rupee", "yen"):
        with pytest.raises(UnitsError):
            ratio(container(other), container("cent"))
