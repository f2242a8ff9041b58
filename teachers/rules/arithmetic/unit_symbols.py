r"""Units as physics and chemistry write them behind a number: ``km/h``, ``g/cm^3``,
``\text{kg} \cdot \text{m/s}^2``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tracemine.teachers.rules.language.words import CURRENCY_SIGNS, UNITS

#: Symbols beside `words.UNITS`, as they are written, and pint's names for them.
_SYMBOLS = {
    "s": "second", "ms": "millisecond", "h": "hour", "L": "liter", "mL": "milliliter",
    "N": "newton", "kN": "kilonewton", "newtons": "newton", "J": "joule", "kJ": "kilojoule",
    "MJ": "megajoule", "joules": "joule", "W": "watt", "kW": "kilowatt", "MW": "megawatt",
    "watts": "watt", "V": "volt", "kV": "kilovolt", "mV": "millivolt", "volts": "volt",
    "A": "ampere", "mA": "milliampere", "amperes": "ampere", "amps": "ampere", "K": "kelvin",
    "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "Pa": "pascal",
    "kPa": "kilopascal", "MPa": "megapascal", "atm": "atmosphere", "torr": "torr",
    "mol": "mole", "moles": "mole", "nm": "nanometer", "eV": "electron_volt",
    "keV": "kiloelectron_volt", "MeV": "megaelectron_volt", "cal": "calorie",
    "kcal": "kilocalorie", "Ω": "ohm", "ohm": "ohm", "ohms": "ohm", "Btu": "Btu", "psi": "psi",
    "rad": "radian",
}  # fmt: skip
_NO_WORDS = {*CURRENCY_SIGNS, "percent"}
_NAMES = {name: unit for name, unit in UNITS.items() if name not in _NO_WORDS} | _SYMBOLS
_ONE = "|".join(re.escape(name) for name in sorted(_NAMES, key=lambda name: (-len(name), name)))
_EXPONENT = r"(?:\s?\^\s?(?:-?[1-6](?!\d)|\{\s?-?[1-6]\s?\})|[²³])"
_RAISING = r"(?:(?:square|sq\.?|cubic|cu\.?)[ \t])"
_PLAIN = rf"{_RAISING}?(?:{_ONE})(?![A-Za-z]){_EXPONENT}?"
_JOIN = r"\s?(?:/|\\cdot(?![a-zA-Z])|·|\*(?!\*)|\bper\b)\s?"
_CHAIN = rf"{_PLAIN}(?:{_JOIN}{_PLAIN})*"
_GROUP = rf"\\(?:text|mathrm|mbox|textrm|rm)\s?\{{[\s~]*{_CHAIN}[\s~]*\}}{_EXPONENT}?"
_SPACE = r"(?:[ \t~]|\\[,;:! ]|\\quad(?![a-zA-Z]))*"
_UNIT = re.compile(
    rf"(?P<space>{_SPACE})(?P<unit>(?:{_GROUP}|{_PLAIN})"
    rf"(?:{_JOIN}{_SPACE}(?:{_GROUP}|{_PLAIN}))*)"
)
_FACTOR = re.compile(
    rf"(?P<join>/|per\b)?[^A-Za-z/Ω]*(?P<raising>{_RAISING})?(?P<name>{_ONE})(?![A-Za-z])"
    rf"(?P<exponent>{_EXPONENT})?"
)
_WRAPPING = re.compile(r"\\(?:text|mathrm|mbox|textrm|rm)\s?\{[\s~]*|\\cdot|\\[,;:! ]|~")
_CLOSING = re.compile(r"[\s~]*\}(?!\d)")


@dataclass(frozen=True, slots=True)
class UnitFound:
    """A unit that ends at ``end``, as text that pint parses; ``plain`` where it is one word of
    everyday text."""

    end: int
    unit: str
    plain: bool


def unit_at(text: str, start: int) -> UnitFound | None:
    """The unit that stands at ``start``, white space aside; None where there is none. A letter
    that stands against a number is a variable, unless more of a unit comes behind it."""
    match = _UNIT.match(text, start)
    if match is None or text.startswith(("/(", "/\\", "^"), match.end()):
        return None
    stated = match["unit"]
    if len(stated) == 1 and not match["space"] and stated not in "mg":
        return None
    plain = stated in UNITS
    return UnitFound(match.end(), _written(stated), plain)


def _written(stated: str) -> str:
    """As pint reads it: what comes behind a slash divides."""
    inner = re.sub(r"\{\s?(-?\d)\s?\}", r"\1", stated)
    inner = _CLOSING.sub("", _WRAPPING.sub(" ", inner))
    pieces: list[str] = []
    for match in _FACTOR.finditer(inner):
        exponent = (match["exponent"] or "").translate(_RAISED).strip(" ^")
        if match["raising"]:
            exponent = "2" if match["raising"].startswith("s") else "3"
        unit = _NAMES[match["name"]]
        if exponent and "/" not in unit:
            unit = f"{unit}**{exponent}"
        pieces += ["/" if match["join"] else "*", unit]
    return "".join(pieces[1:])


_RAISED = str.maketrans({"²": "2", "³": "3"})
