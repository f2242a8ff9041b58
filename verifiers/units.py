r"""Units of measure, as texts write them: reading one, and converting between two (pint)."""

from __future__ import annotations

import os
import re
import threading
from fractions import Fraction
from functools import lru_cache
from typing import Any

#: Longer texts are no units, in characters.
MAX_UNIT_CHARS = 40


class UnknownUnitError(ValueError):
    """A word that stands for no unit of measure: apples, ways."""


class OtherDimensionError(ValueError):
    """Two units of different kinds: no number of the one is a number of the other."""


#: Words that say how many, or join what they stand between.
_NUMBER_WORDS = frozenset(
    (
        "pi", "or", "and", "to", "mod", "hundred", "thousand", "million", "billion", "trillion",
        "dozen", "dozens", "half", "third", "quarter", "times", "plus", "minus", "infinity",
    )
)  # fmt: skip
#: Outside of ``\\text`` these too are part of the mathematics, not a unit.
_NO_UNIT = _NUMBER_WORDS | frozenset(
    (
        "e", "i", "sqrt", "sin", "cos", "tan", "log", "ln", "exp", "x", "y", "z", "n", "k", "over",
        "if", "for", "when", "inf", "nan", "choose", "factorial",
    )
)  # fmt: skip
#: Units of one letter, or written against the number.
_SHORT_UNITS = frozenset(
    (
        "cm", "mm", "km", "nm", "kg", "mg", "ml", "mL", "kJ", "kW", "kV", "Hz", "GB", "MB",
        "pm", "am", "m", "g", "s", "h", "L", "K", "J", "N", "W", "V", "Å", "Ω", "ft", "in",
    )
)  # fmt: skip

#: What pint calls otherwise, or reads as something else.
_NAMES = {
    "dollar": "us_dollar", "usd": "us_dollar", "buck": "us_dollar", "cent": "us_cent",
    "euro": "euro_money", "eur": "euro_money", "pound sterling": "sterling_money",
    "sterling": "sterling_money", "rupee": "rupee_money", "yen": "yen_money",
    "gm": "gram", "hr": "hour", "min": "minute", "sec": "second", "yr": "year", "lb": "pound",
    "kmh": "kilometer/hour", "kph": "kilometer/hour", "kmph": "kilometer/hour",
    "kwh": "kilowatt_hour",
    "Å": "angstrom", "Ω": "ohm", "a.m": "am_of_day", "am": "am_of_day", "pm": "pm_of_day",
    "degree": "degree", "degree celsius": "degC", "degree c": "degC",
    "degree fahrenheit": "degF", "degree f": "degF", "degree kelvin": "kelvin", "in": "inch",
    "feet": "foot",
}  # fmt: skip

_DEGREES = r"(?:\^\s*\{?\s*\\circ\s*\}?|°|\\degrees?(?![a-zA-Z]))"
_WRAPPED = re.compile(
    r"\\(?:text|mathrm|textrm|textnormal|mbox|operatorname|rm|textit|mathit)\s*\{\s*([^{}\\]*)\}"
)
_PLAIN = re.compile(r"[a-zA-ZÅµμΩ][a-zA-ZÅµμΩ .'/()^*0-9-]*")
_POWER = re.compile(r"\^\s*\{\s*(-?\d)\s*\}")
_LETTERS = re.compile(r"[a-zA-Z]+")
_SQUARED = re.compile(r"\b(?:square|sq)\.? +([a-zA-Z]+)|\b([a-zA-Z]+) +squared\b")
_CUBED = re.compile(r"\b(?:cubic|cu)\.? +([a-zA-Z]+)|\b([a-zA-Z]+) +cubed\b")
#: Singulars that end as plurals do.
_SINGULAR = frozenset(("celsius", "siemens", "hertz", "lens", "radius", "gauss", "series"))
#: Symbols are no longer than this, in letters: what is may be an English word.
_MAX_SYMBOL_CHARS = 3
#: What pint may be asked to read: names, each with one exponent of one digit at most, products and
#: quotients. It computes what stands there, and ``m**9**9**9`` would be written out.
_READABLE = re.compile(r"(?:[^\W\d]\w*+(?:\s*\*\*\s*-?\d(?!\d))?+|1(?=\s*/)|\*(?!\*)|[/()\s])++")


def read_unit(rest: str) -> str | None:
    """The unit that ``rest``, what follows a number, is, in a canonical spelling; None where it is
    more than a unit, or might be a variable."""
    return _read_short(rest) if len(rest) <= MAX_UNIT_CHARS * 2 else None


@lru_cache(maxsize=4096)
def _read_short(rest: str) -> str | None:
    degrees = re.match(rf"\s*{_DEGREES}\s*", rest)
    if degrees:
        after = _WRAPPED.sub(r"\1", rest[degrees.end() :]).strip()
        if after in ("C", "F"):
            return f"degree {after.lower()}"
        return "degree" if not after else None
    wrapped = bool(_WRAPPED.search(rest))
    text = _POWER.sub(r"^\1", _WRAPPED.sub(r" \1 ", rest).replace("\\cdot", "*"))
    word = re.sub(r"\s+", " ", text).strip().rstrip(".")
    word = re.sub(r" ?\^ ?", "^", word)
    if not word or len(word) > MAX_UNIT_CHARS or not _PLAIN.fullmatch(word):
        return "" if not word and wrapped else None
    head = re.split(r"[\^/* ]", word)[0]
    glued = not rest[:1].isspace() and not wrapped
    if not wrapped and (glued or len(head) == 1) and head not in _SHORT_UNITS:
        return None
    no_unit = _NUMBER_WORDS if wrapped else _NO_UNIT
    if any(part in no_unit or part.lower() in _NUMBER_WORDS for part in _LETTERS.findall(word)):
        return None
    if re.search(r"\d", re.sub(r"\^-?\d\b", "", word)):
        return None
    return canonical_unit(word)


@lru_cache(maxsize=4096)
def canonical_unit(word: str) -> str:
    """One spelling for a unit in the plural and in the singular, ``square x`` and ``x^2``, a word
    and the same with a capital; but MW is no mW."""
    word = _LETTERS.sub(lambda m: _folded(m[0]), re.sub(r"\s+", " ", word.strip()))
    word = _SQUARED.sub(lambda m: f"{m[1] or m[2]}^2", word)
    word = _CUBED.sub(lambda m: f"{m[1] or m[2]}^3", word)
    word = re.sub(r" per ", "/", word)
    return _LETTERS.sub(lambda m: _singular(m[0]), word)


def _folded(word: str) -> str:
    """A word in lower case unless its capitals tell one unit from another: a whole English word is
    folded (Meters), a symbol or a prefix and a unit are not (MPa, kWh, Mbit)."""
    lower = word.lower()
    if word == lower:
        return word
    with _LOCK:
        if len(word) > _MAX_SYMBOL_CHARS and _reads(_singular(lower), prefixed=False):
            return lower
        return word if _reads(word, prefixed=True) else lower


def _reads(name: str, *, prefixed: bool) -> bool:
    """Whether pint knows ``name``, with a prefix or without one alone."""
    return any(prefixed or not found[0] for found in _registry().parse_unit_name(name))


def _singular(word: str) -> str:
    if word in ("feet", "inches"):
        return {"feet": "foot", "inches": "inch"}[word]
    if word in _SINGULAR:
        return word
    plural = len(word) > 3 and word.endswith("s") and not word.endswith("ss")
    return word[:-1] if plural or word in ("hrs", "yrs", "lbs") else word


# pint's registry fills its caches as it goes. A fork waits for whoever is at it, so that the copy
# has a whole registry and a free lock; it may be the one at it itself, where pint forks.
_LOCK = threading.RLock()
os.register_at_fork(
    before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release
)


def convert(value: Fraction, unit: str, into: str) -> Fraction:
    """The number of ``into`` that ``value`` of ``unit`` is, exactly where the units' ratio is.

    Raises:
        UnknownUnitError: if one of them is no unit of measure, or a logarithmic one.
        OtherDimensionError: if they measure different things.
    """
    zero, one = _line(unit, into)
    return zero + (one - zero) * value


def unit_key(text: str) -> str:
    """The same text for units of which a number is the same number of the other: ``km/h``,
    ``kilometers per hour`` and ``kph``.

    Raises:
        UnknownUnitError: if it is no unit of measure, or a logarithmic one.
    """
    with _LOCK:
        unit, registry = _parsed(canonical_unit(text)), _registry()
        try:
            zero, one = [
                registry.Quantity(Fraction(n), unit).to_root_units().magnitude for n in (0, 1)
            ]
        except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
            raise UnknownUnitError(f"{text}: {error}") from error
        kind = sorted((str(name), str(power)) for name, power in unit.dimensionality.items())
        return f"{zero} {one} {kind}"


@lru_cache(maxsize=4096)
def _line(unit: str, into: str) -> tuple[Fraction, Fraction]:
    """What 0 and 1 of ``unit`` are: all units but the logarithmic ones convert along a line."""
    with _LOCK:
        source, target = _parsed(unit), _parsed(into)
        registry = _registry()
        if source.dimensionality != target.dimensionality:
            raise OtherDimensionError(f"{unit} and {into}")
        try:
            ends = [registry.Quantity(Fraction(n), source).to(target).magnitude for n in (0, 1)]
            return Fraction(ends[0]), Fraction(ends[1])
        except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
            # Logarithms have no fractions, and offsets (degC) no powers.
            raise UnknownUnitError(f"{unit} into {into}: {error}") from error


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint

    registry = pint.UnitRegistry(non_int_type=Fraction, cache_folder=None)
    for definition in (
        "us_dollar = [us_money]", "us_cent = us_dollar / 100", "euro_money = [euro_money]",
        "sterling_money = [sterling_money]", "rupee_money = [rupee_money]",
        "yen_money = [yen_money]",
    ):  # fmt: skip
        registry.define(definition)
    return registry


@lru_cache(maxsize=1024)
def _parsed(unit: str) -> Any:
    if len(unit) > MAX_UNIT_CHARS * 2:
        raise UnknownUnitError("a text too long")
    name = _NAMES.get(unit, unit)
    if unit not in _NAMES:
        name = re.sub(r"[a-zA-ZÅΩ]+", lambda m: _NAMES.get(m[0], m[0]), unit)
        name = re.sub(r"(?<=[a-zA-Z0-9)]) (?=[a-zA-Z(])", "*", name.replace("^", "**"))
    if not _READABLE.fullmatch(name) or name.count("(") > 1 or name.count("/") > 3:
        raise UnknownUnitError(unit)
    try:
        parsed = _registry().Unit(name)
        parsed.dimensionality  # noqa: B018 - looks every name up
    except Exception as error:  # pint raises what its parser meets
        raise UnknownUnitError(unit) from error
    return parsed


__all__ = [
    "OtherDimensionError",
    "UnknownUnitError",
    "canonical_unit",
    "convert",
    "read_unit",
    "unit_key",
]
