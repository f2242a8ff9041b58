import re

import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.arithmetic.roles import (
    Quantity,
    paired,
    product,
    quantity,
    total,
)

REGISTRY = pint.UnitRegistry()
REGISTRY.define("dollar = [currency]")
REGISTRY.define("cent = dollar / 100")


@pytest.mark.parametrize(
    ("called", "unit", "name"),
    [
        ("cello_price", "dollar", "price"),
        ("price_per_candle", "dollar", "price_per_item"),
        ("ripe_pears", None, "items"),
        ("remaining_pears", None, "remaining_items"),
        ("more_chairs", None, "more_items"),
        ("kids", None, "people"),
        ("candles_per_box", None, "items_per_group"),
        ("miles_per_hour", "mile/hour", "miles_per_hour"),
        ("hours", "hour", "hours"),
        ("discount_percent", "percent", "discount_percent"),
        ("percent_of_pupils", "percent", "percent"),
        ("total_cost_of_tiles", "dollar", "total_cost"),
        ("number_of_stamps", None, "items"),
        ("grams_of_flour", "gram", "grams"),
        ("flight", "dollar", "money"),
        ("width", "foot", "width"),
        ("length", "month", "months"),
        ("pears_each", None, "items_each"),
        ("easy", None, "amount"),
        ("", None, "amount"),
        ("", "week", "weeks"),
    ],
)
def test_a_role_is_what_carries_over(called: str, unit: str | None, name: str) -> None:
    assert quantity(called, unit).name == name


@pytest.mark.parametrize(
    ("called", "unit", "expected"),
    [
        ("kids", None, None),
        ("price_per_candle", "dollar", "dollar"),
        ("earnings_per_hour", "dollar/hour", "dollar/hour"),
        ("cups_per_tray", "cup", "cup"),
        ("tips", "cent", "cent"),
        ("hours_per_trip", "hour", "hour"),
        ("pears_per_day", None, None),
    ],
)
def test_only_real_units_are_units(called: str, unit: str | None, expected: str | None) -> None:
    assert quantity(called, unit).unit == expected


def _made(*factors: tuple[str, str | None]) -> list[Quantity]:
    return [quantity(name, unit) for name, unit in factors]


@pytest.mark.parametrize(
    ("tops", "bottoms", "name", "unit"),
    [
        ([("price_per_pen", "dollar"), ("caps", None)], [], "total_cost", "dollar"),
        ([("miles_per_hour", "mile/hour"), ("hours", "hour")], [], "miles", "mile"),
        ([("pears_per_box", None), ("crates", None)], [], "items", None),
        ([("pears", None)], [("children", None)], "items_per_person", None),
        ([("miles", "mile")], [("hours", "hour")], "miles_per_hour", "mile/hour"),
        ([("pears", None)], [("plums", None)], "times", None),
        ([("width", "foot"), ("height", "foot")], [], "area", "foot**2"),
        ([("earnings_per_hour", "dollar/hour"), ("hours", "hour")], [], "earnings", "dollar"),
        ([("hours", "hour")], [("minutes", "minute")], "amount", None),
        ([("easy", None), ("pears", None)], [], "amount", None),
    ],
)
def test_products_have_the_dimension_of_their_factors(
    tops: list[tuple[str, str | None]],
    bottoms: list[tuple[str, str | None]],
    name: str,
    unit: str | None,
) -> None:
    found = product(_made(*tops), _made(*bottoms))
    assert (found.name, found.unit) == (name, unit)


def test_what_one_is_for_each_of() -> None:
    price, caps = paired(quantity("price", "dollar"), quantity("caps"))
    assert (price.name, caps.name) == ("price_per_item", "items")
    rows, chairs = paired(quantity("rows"), quantity("chairs"))
    assert (rows.name, chairs.name) == ("groups", "items_per_group")
    both = paired(quantity("hours", "hour"), quantity("weeks", "week"))
    assert [q.name for q in both] == ["hours_per_week", "weeks"]
    same = paired(quantity("pears"), quantity("plums"))
    assert [q.name for q in same] == ["items", "items"]


def test_sums_are_of_one_kind() -> None:
    assert total(_made(("pears", None), ("plums", None))).noun == "items"
    assert total(_made(("pears", None), ("kids", None))).noun == "items"
    assert total(_made(("price", "dollar"), ("fee", "dollar"))).noun == "cost"
    assert total(_made(("pears", None), ("hours", "hour"))).noun == ""


_NAMES = st.lists(
    st.sampled_from(
        ["price", "pears", "per", "hour", "remaining", "total", "of", "percent", "kids", "box",
         "each", "fraction", "times", "miles", "the", "x", "more", "length", "cost", "boxes"]
    ),
    max_size=5,
).map("_".join)  # fmt: skip
_UNITS = st.sampled_from([None, "dollar", "hour", "mile/hour", "percent", "foot", "cent"])


@given(_NAMES, _UNITS)
def test_names_are_identifiers_and_units_are_pints(name: str, unit: str | None) -> None:
    found = quantity(name, unit)
    assert found.name.isidentifier()
    assert found.name == found.name.lower()
    assert not re.search(r"\d", found.name)
    if found.unit is not None:
        REGISTRY.parse_units(found.unit)
