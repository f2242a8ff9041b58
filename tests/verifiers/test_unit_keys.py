"""Which spellings are one unit."""

from __future__ import annotations

import pytest

from tracemine.verifiers.units import UnknownUnitError, unit_key


@pytest.mark.parametrize(
    "spellings",
    [
        ("km/h", "kilometers per hour", "kph", "kilometer/hour"),
        ("dollar", "dollars", "USD", "buck"),
        ("mile/hour", "mph", "miles per hour"),
        ("foot**2", "square feet", "ft^2"),
        ("newton", "kilogram*meter/second**2", "N"),
        ("hour", "hours", "hr", "h"),
    ],
)
def test_spellings_of_one_unit_have_one_key(spellings: tuple[str, ...]) -> None:
    assert len({unit_key(text) for text in spellings}) == 1


def test_units_that_differ_have_different_keys() -> None:
    units = [
        "dollar", "cent", "euro", "hour", "minute", "mile/hour", "mile/minute", "foot", "foot**2",
        "percent", "degree", "degC", "degF", "kelvin", "dollar/hour", "calorie", "kilocalorie",
    ]  # fmt: skip
    assert len({unit_key(unit) for unit in units}) == len(units)


@pytest.mark.parametrize("text", ["sheep", "", " ", "1", "dB", "m**9**9**9", "m" * 500, "rm x"])
def test_what_is_no_unit_is_told(text: str) -> None:
    with pytest.raises(UnknownUnitError):
        unit_key(text)
