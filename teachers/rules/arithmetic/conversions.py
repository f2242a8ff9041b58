"""Numbers that turn one unit into another, and whether a text says that they do.

The 60 of "2 hours is 2 * 60 minutes" belongs to the method. A 60 in a text without minutes is some
product of the story's own numbers, and a routine with it inside would be wrong for any other story.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache

from tracemine.teachers.rules.language.numerals import word_set
from tracemine.teachers.rules.language.words import UNITS

#: The texts of so many last problems are remembered, since each of their numbers asks.
CACHED_TEXTS = 512

#: Which units a number is between: so many of the first are one of the second.
_BETWEEN: dict[Fraction, tuple[tuple[str, str], ...]] = {
    Fraction(value): tuple((small, big) for small, big in pairs)
    for value, pairs in (
        ("3600", [("second", "hour")]),
        ("1000", [("gram", "kilogram"), ("meter", "kilometer"), ("milliliter", "liter"),
                  ("milligram", "gram"), ("millimeter", "meter"), ("megabyte", "gigabyte")]),
        ("365", [("day", "year")]),
        ("100", [("cent", "dollar"), ("cent", "euro"), ("centimeter", "meter"),
                 ("year", "century")]),
        ("60", [("second", "minute"), ("minute", "hour")]),
        ("52", [("week", "year")]),
        ("30", [("day", "month")]),
        ("24", [("hour", "day")]),
        ("12", [("month", "year"), ("inch", "foot")]),
        ("10", [("year", "decade"), ("millimeter", "centimeter"), ("cent", "dime")]),
        ("7", [("day", "week")]),
        ("4", [("week", "month"), ("quart", "gallon")]),
        ("0.01", [("cent", "dollar"), ("cent", "euro"), ("centimeter", "meter")]),
    )
}  # fmt: skip
#: Words that say a number by themselves.
_SAYING: dict[Fraction, frozenset[str]] = {
    Fraction(value): word_set(words)
    for value, words in (
        ("3.14", "pi circle circular circumference radius diameter sphere cylinder round"),
        ("3.14159", "pi circle circular circumference radius diameter sphere cylinder round"),
        ("100", "percent percentage percentages percents hundredth hundredths %"),
        ("12", "dozen dozens"),
        ("10", "tenth tenths"),
        ("4", "quarter quarters quarterly fourth fourths square squares"),
        ("0.5", "half halves halved halfway"),
        ("0.25", "quarter quarters fourth fourths"),
        ("0.1", "tenth tenths dime dimes"),
        ("0.01", "percent hundredth hundredths penny pennies %"),
    )
}
#: They are parts of nearly every method, and which of them a story states is told elsewhere.
_ALWAYS = frozenset(map(Fraction, (0, 1, 2)))
#: Words beside `UNITS` that a unit is said with.
_UNIT_WORDS = {
    "daily": "day", "everyday": "day", "weekday": "day", "weekdays": "day", "night": "day",
    "nights": "day", "weekly": "week", "monthly": "month", "yearly": "year", "annual": "year",
    "annually": "year", "hourly": "hour", "decade": "decade", "decades": "decade",
    "century": "century", "centuries": "century", "penny": "cent", "pennies": "cent",
    "dime": "dime", "dimes": "dime",
    **dict.fromkeys(word_set("january february march april may june july august september october "
                             "november december"), "month"),
    **dict.fromkeys(word_set("monday tuesday wednesday thursday friday saturday sunday"), "day"),
}  # fmt: skip
_WORD = re.compile(r"[a-z]+|[%$€]")
#: Rates as symbols, and the units in them.
_RATES = (
    (re.compile(r"\bkm\s?/\s?h\b|\bkm/hr?\b|\bkmp?h\b"), ("kilometer", "hour")),
    (re.compile(r"\bm\s?/\s?s\b"), ("meter", "second")),
    (re.compile(r"\bmph\b|\bmi/h\b"), ("mile", "hour")),
)


@lru_cache(maxsize=CACHED_TEXTS)
def _said_in(text: str) -> frozenset[str]:
    """The words of ``text`` in lower case, and the units that it names."""
    lower = text.lower()
    words = frozenset(_WORD.findall(lower))
    units = (UNITS.get(word) or _UNIT_WORDS.get(word) for word in words)
    found = words | {part for unit in units if unit for part in unit.split("/")}
    return found.union(*(parts for rate, parts in _RATES if rate.search(lower)))


def says_constant(value: Fraction, texts: Iterable[str]) -> bool:
    """Whether ``texts`` say, together, what makes ``value`` a number of the method: both units that
    it is between, or a word for it ("dozen", "percent"). Zero, one and two are always one."""
    if value in _ALWAYS:
        return True
    said = frozenset[str]().union(*map(_said_in, texts))
    return bool(_SAYING.get(value, frozenset()) & said) or _is_between(value, said)


def converts(value: Fraction, texts: Iterable[str], keeps: str | None = None) -> bool:
    """Whether ``texts`` name, together, both units that ``value`` is between. A calculation that
    ``keeps`` one of them, from a number of it to another, converts nothing."""
    return _is_between(value, frozenset[str]().union(*map(_said_in, texts)), keeps)


def _is_between(value: Fraction, said: frozenset[str], keeps: str | None = None) -> bool:
    pairs = _BETWEEN.get(value, ())
    return any({small, big} <= said and keeps not in (small, big) for small, big in pairs)
