from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.arithmetic.unit_symbols import unit_at
from tracemine.verifiers.units import OtherDimensionError, UnknownUnitError, convert


@pytest.mark.parametrize(
    ("text", "unit", "rest"),
    [
        (" km/h.", "kilometer/hour", "."),
        ("m/s and", "meter/second", " and"),
        (" g/cm^3", "gram/centimeter**3", ""),
        (" m²,", "meter**2", ","),
        (" square feet of", "foot**2", " of"),
        (" cubic cm", "centimeter**3", ""),
        (" miles per hour", "mile/hour", ""),
        (r" \text{ kg} \cdot \text{m/s}^2 = 6", "kilogram*meter/second**2", " = 6"),
        (r"\,\mathrm{~W} \times 3", "watt", r" \times 3"),
        (r" \text{ s}^{-1}$", "second**-1", "$"),
        (" N", "newton", ""),
        (" hours and 5 minutes", "hour", " and 5 minutes"),
        (" m / 2 s", "meter", " / 2 s"),
    ],
)
def test_units(text: str, unit: str, rest: str) -> None:
    found = unit_at(text, 0)
    assert found is not None
    assert (found.unit, text[found.end :]) == (unit, rest)


@pytest.mark.parametrize("text", [" apples", "N", "x", "", " J/(kg K)", " mistakes", "/kg", "s"])
def test_what_is_no_unit(text: str) -> None:
    assert unit_at(text, 0) is None


@given(st.text("msgNJ/^23{}\\text kg·.~", max_size=40))
def test_a_unit_is_one_that_pint_reads(text: str) -> None:
    found = unit_at(text, 0)
    if found is not None:
        assert 0 < found.end <= len(text)
        try:
            assert convert(convert(1, found.unit, found.unit), found.unit, found.unit) == 1
        except UnknownUnitError:
            # A tower of quotients is more than pint is asked to read.
            assert found.unit.count("/") > 3 or len(found.unit) > 80


@pytest.mark.parametrize("sign", ["$", "€", "£", "₹", "¥"])
def test_a_sign_of_money_is_no_symbol_of_a_unit(sign: str) -> None:
    assert unit_at(f" {sign}", 0) is None


@pytest.mark.parametrize("unit", ["dollar", "euro", "sterling", "rupee", "yen"])
def test_pint_reads_each_currency_and_converts_none(unit: str) -> None:
    assert convert(Fraction(3), f"{unit}/kilogram", f"{unit}/gram") == Fraction(3, 1000)
    for other in {"dollar", "euro", "sterling", "rupee", "yen", "cent"} - {unit}:
        if {unit, other} != {"dollar", "cent"}:
            with pytest.raises(OtherDimensionError):
                convert(Fraction(1), unit, other)
