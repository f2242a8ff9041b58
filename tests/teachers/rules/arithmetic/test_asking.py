import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.arithmetic.asking import Teller, said, wanted
from tracemine.teachers.rules.arithmetic.roles import Quantity, quantity
from tracemine.teachers.rules.arithmetic.routines import Roles, called
from tracemine.teachers.rules.arithmetic.terms import (
    Leaf,
    Other,
    Term,
    add,
    constant,
    leaves,
    negative,
    over,
    times,
)

ROLES = {
    "money": ("", "dollar"), "price": ("price", "dollar"), "price2": ("price", "dollar"),
    "items": ("pears", None), "items2": ("plums", None), "items3": ("figs", None),
    "people": ("kids", None), "groups": ("crates", None), "percent": ("tax_percent", "percent"),
    "off": ("discount_percent", "percent"), "times": ("times", None),
    "fraction": ("fraction", None),
    "hours": ("hours", "hour"), "hours2": ("hours", "hour"),
    "wage": ("pay_per_hour", "dollar/hour"),
    "groups2": ("racks", None), "days": ("days", "day"), "days2": ("nights_in_days", "day"),
    "unknown": ("", None), "parts": ("denominator", None),
}  # fmt: skip


def _leaf(name: str) -> Leaf:
    return Leaf(("own", name))


def _role(key: tuple[str, str]) -> Quantity:
    return quantity(*ROLES[key[1]])


def _ask(term: Term, output: str = "") -> str:
    roles = Roles(_role, term)
    return Teller(roles.leaf, roles.meaning).ask(
        term, called(roles.meaning(term), output, None, term)
    )


def _n(value: int) -> Term:
    return constant(Fraction(value))


L = _leaf


@pytest.mark.parametrize(
    ("term", "output", "asked"),
    [
        (times(L("price"), L("items")), "", "total cost from price per item and number of items"),
        (
            add(L("money"), negative(times(L("price"), L("items")))),
            "remaining_money",
            "money left of a sum of money after buying a number of items at a price per item",
        ),
        (
            add(times(L("price"), L("items")), times(L("price2"), L("items2"))),
            "",
            "total cost of two kinds of items, each with its own price per item and number of"
            " items",
        ),
        (
            times(L("price"), add(_n(1), negative(over(L("off"), _n(100))))),
            "",
            "price after a percentage discount",
        ),
        (
            add(add(L("items"), negative(L("items2"))), L("items3")),
            "",
            "how many items are left after some are taken away and others added",
        ),
        (
            add(L("items"), negative(add(L("items2"), L("items3")))),
            "remaining_pears",
            "how many items are left after some are taken away twice",
        ),
        (
            over(add(L("items"), negative(L("items2"))), L("people")),
            "",
            "items per person when what is left of a number of items after taking away another"
            " number of items is shared equally among a number of people",
        ),
        (
            add(L("items"), times(L("items"), _n(2))),
            "",
            "total of a number of items and twice as many",
        ),
        (
            times(times(L("wage"), L("hours")), L("days")),
            "",
            "earnings from pay per hour, hours per day and days",
        ),
        (
            over(times(L("items"), _n(100)), L("percent")),
            "",
            "the whole of which a number of items is a percentage",
        ),
        (over(times(L("items"), L("percent")), _n(100)), "", "a percentage of a number of items"),
        (Other("**", L("unknown"), _n(2)), "", "square of an amount"),
    ],
)
def test_formulas_are_asked_for_as_a_person_would(term: Term, output: str, asked: str) -> None:
    found = _ask(term, output)
    assert found == asked


_TERMS = st.recursive(
    st.sampled_from(sorted(ROLES)).map(_leaf)
    | st.sampled_from([2, 3, 12, 60, 100]).map(_n),
    lambda inner: st.tuples(st.sampled_from("+-*/^"), inner, inner).map(
        lambda drawn: {
            "+": lambda a, b: add(a, b),
            "-": lambda a, b: add(a, negative(b)),
            "*": times,
            "/": lambda a, b: a if b == _n(0) or add(b, _n(0)) == _n(0) else over(a, b),
            "^": lambda a, b: Other("**", a, _n(2)),
        }[drawn[0]](drawn[1], drawn[2])
    ),
    max_leaves=9,
)  # fmt: skip


@given(_TERMS)
def test_every_formula_can_be_asked_for_without_a_digit(term: Term) -> None:
    if not list(leaves(term)):
        return
    asked = _ask(term)
    assert asked.strip()
    assert not re.search(r"\d", asked)
    assert "  " not in asked
    assert wanted(called(Roles(_role, term).meaning(term), "", None, term))


@pytest.mark.parametrize(
    ("term", "asked"),
    [
        (times(L("items"), L("items2")), "when each of a number of items has the same number"),
        (times(L("groups"), L("groups2")), "items in a number of groups of the same size"),
        (add(L("days"), times(L("days"), L("days2"))), "days and several times as many"),
        (times(L("price"), add(_n(1), L("price2"))), "a fraction is added"),
    ],
)
def test_factors_of_one_kind_are_for_each_other_or_scale(term: Term, asked: str) -> None:
    assert asked in _ask(term)


def test_times_of_a_sum_of_shares_are_counted() -> None:
    term = times(L("times"), add(_n(1), L("fraction")))
    assert Roles(_role, term).leaf(("own", "times")).noun == "items"
    assert "fraction of" not in _ask(term)


def test_quantities_are_said_as_a_person_would() -> None:
    assert said(quantity("kids")) == "number of people"
    assert said(quantity("laps_in_minutes", "minute")) == "number of minutes"
    assert said(quantity("price_per_pen", "dollar")) == "price per item"
    assert said(quantity("flight", "dollar")) == "sum of money"
    assert wanted(quantity("remaining_pears")) == "number of items left"
    assert wanted(quantity("total_cost", "dollar")) == "total cost"


@pytest.mark.parametrize(
    ("term", "asked"),
    [
        (add(L("items"), times(L("items2"), _n(2))),
         "total of a number of items and twice another number of items"),
        (add(add(L("items"), L("items2")), times(L("items"), _n(2))),
         "total of two numbers of items and twice the first number of items"),
        (add(L("items"), negative(over(L("items"), _n(2)))),
         "how many items are left of a number of items after taking away half of them"),
        (add(L("price"), negative(L("price2"))), "difference between two prices"),
        (add(L("hours"), negative(L("hours2"))), "difference between two numbers of hours"),
        (over(add(L("hours"), L("hours2")), _n(2)), "average of two numbers of hours"),
        (times(L("people"), add(_n(1), negative(L("fraction")))),
         "how many people are left after a fraction of them is taken away"),
    ],
)  # fmt: skip
def test_quantities_of_one_kind_are_kept_apart(term: Term, asked: str) -> None:
    assert _ask(term) == asked


def test_what_takes_too_many_words_is_told_by_its_inputs() -> None:
    term: Term = L("money")
    for name in ("price", "price2", "hours", "wage"):
        term = times(add(term, L(name)), add(term, L("items")))
    asked = _ask(term)
    assert len(asked) < 150
    assert " from " in asked
