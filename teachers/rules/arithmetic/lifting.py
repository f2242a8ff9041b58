"""Which numbers are data of the instance and which are constants of the method.

Data is what the problem states. A number that it does not state (the 100 of a percentage, the 12
months of a year, the bound of a loop) belongs to the method; so do the numbers in words of method
("twice", "half", "a dozen").
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from tracemine.teachers.rules.arithmetic.naming import call, detail_beside
from tracemine.teachers.rules.language.numerals import Numeral, find_numerals, word_set
from tracemine.teachers.rules.language.words import CURRENCIES, identifier, without_math_signs

#: Mentions of this many last problems are kept, because a trace asks about each of its numbers.
CACHED_PROBLEMS = 512

_CONVERSIONS = {
    ("seconds", "minute"): 60, ("seconds", "hour"): 3600, ("minutes", "hour"): 60,
    ("hours", "day"): 24, ("days", "week"): 7, ("days", "month"): 30, ("days", "year"): 365,
    ("weeks", "year"): 52, ("weeks", "month"): 4, ("months", "year"): 12, ("years", "decade"): 10,
    ("years", "century"): 100, ("inches", "foot"): 12, ("feet", "yard"): 3, ("feet", "mile"): 5280,
    ("cents", "dollar"): 100, ("pennies", "dollar"): 100, ("ounces", "pound"): 16,
    ("grams", "kilogram"): 1000, ("meters", "kilometer"): 1000, ("cm", "meter"): 100,
    ("centimeters", "meter"): 100, ("items", "dozen"): 12, ("eggs", "dozen"): 12,
}  # fmt: skip
_CONVERSION_NAME = re.compile(r"([a-z]+)_(?:per|in|in_a|in_an|in_one)_([a-z]+)")
_CONSTANT_NAME = re.compile(r"(?:pi|percent|hundred|dozen|whole|one_hundred|tau|gravity)_?", re.I)
#: Numbers so common in methods that one which the problem does not state is never lifted.
WELL_KNOWN = frozenset(
    Fraction(text)
    for text in word_set(
        "0 1 2 3.14 3.14159 4 7 10 12 24 30 52 60 100 365 1000 3600 0.5 0.25 0.1 0.01"
    )
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A number that a text states at ``[start, end)``, with what the text calls it.

    A percentage's value is the number before its sign. ``noun`` is a snake_case name, empty where
    the text does not say; ``method`` marks a word of method ("twice"), whose number is no data;
    ``detail`` is a word that tells it from other numbers of the same noun ("eaten", "april").
    """

    start: int
    end: int
    value: Fraction
    text: str
    unit: str | None
    noun: str
    percent: bool = False
    method: bool = False
    detail: str = ""


@lru_cache(maxsize=CACHED_PROBLEMS)
def mentions(text: str, *, fractions: bool = True) -> tuple[Mention, ...]:
    """The numbers that ``text`` states, by position. A fraction is followed by mentions of its
    numerator and its denominator, since a routine may use either. In a calculation, read without
    ``fractions``, a slash is a division, and a number without a noun has none; in a story it has
    that of the number before it ("sold 48 clips in April and 24 in May")."""
    text = without_math_signs(text)
    found: list[Mention] = []
    model: Mention | None = None
    ages = bool(_AGE.search(text))
    for numeral in find_numerals(text, fractions=fractions):
        new = _mention(text, numeral)
        if fractions and found and len(new) == 1 and not new[0].noun:
            new = [_elliptic(text, new[0], model, ages)]
        model = next(filter(_gives_its_noun, reversed(new)), model)
        found.extend(new)
    return tuple(found)


_AGE_BEFORE = re.compile(r"\b(?:is|are|was|were|turn(?:s|ed)?)\s+$")
_AGE = re.compile(r"\b(?:ages?|old|older|younger|birthday)\b")


def _elliptic(text: str, mention: Mention, model: Mention | None, ages: bool) -> Mention:
    """A number that stands alone, with the noun that it leaves out: that of ``model``, the last
    before it that gives one, or years where the text is about ``ages``."""
    if mention.method or mention.percent or ":" in text[mention.start - 1 : mention.end + 1]:
        return mention
    if ages and _AGE_BEFORE.search(text, max(0, mention.start - 12), mention.start):
        return replace(mention, unit="year", noun="age")
    if model is None:
        return mention
    unit = model.unit.partition("/")[0] if model.unit else None
    return replace(mention, unit=unit, noun=model.noun.partition("_per_")[0])


def _gives_its_noun(mention: Mention) -> bool:
    """Whether a later number that stands alone may be of the same things."""
    if mention.method or mention.percent or mention.unit in CURRENCIES or not mention.noun:
        return False
    return mention.noun not in ("fraction", "numerator", "denominator", "times")


def _mention(text: str, numeral: Numeral) -> list[Mention]:
    start, end, stated = numeral.start, numeral.end, text[numeral.start : numeral.end]
    if numeral.kind == "method":
        return [Mention(start, end, numeral.value, stated, None, "", method=True)]
    if numeral.value == 1 and stated.lower() == "one" and _is_pronoun(text, start, end):
        return []
    called = call(text, start, end)
    name = identifier(called.words)
    percent = numeral.kind == "percent"
    if numeral.parts is None:
        detail = detail_beside(text, start, end)
        return [
            Mention(start, end, numeral.value, stated, called.unit, name, percent, detail=detail)
        ]
    top, bottom = numeral.parts
    if numeral.parts == (1, 2):
        return [Mention(start, end, Fraction(2), stated, None, "", method=True)]
    return [
        Mention(start, end, numeral.value, stated, None, "fraction"),
        Mention(start, end, Fraction(top), stated, None, "numerator"),
        Mention(start, end, Fraction(bottom), stated, None, "denominator"),
    ]


_PRONOUN_BEFORE = re.compile(r"\b(?:each|every|no|the|this|that|any|which|other|another)\s+$", re.I)


def _is_pronoun(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 12) : start], text[end : end + 6].lower()
    return bool(_PRONOUN_BEFORE.search(before)) or after.startswith((" of ", ".", ",", "?"))


def is_data(value: int | float | Fraction, problem_text: str, name: str | None = None) -> bool:
    """Whether ``value``, which a trace calls ``name``, is data of the instance that
    ``problem_text`` poses: the text states it (in digits or words), or a percentage it states
    gives it (0.2, 0.8 and 1.2 for 20%). A name that says it is a constant (``months_per_year``
    for 12, ``PI``) is believed."""
    try:
        exact = value if isinstance(value, Fraction) else Fraction(str(value))
    except ValueError:  # not a number, or infinite
        return False
    if name is not None and _names_constant(name, exact):
        return False
    return any(exact in _values(m) for m in mentions(problem_text) if not m.method)


def _names_constant(name: str, value: Fraction) -> bool:
    if _CONSTANT_NAME.fullmatch(name) and value in (*WELL_KNOWN, Fraction("3.1416")):
        return True
    match = _CONVERSION_NAME.fullmatch(name.lower())
    return match is not None and _CONVERSIONS.get((match[1], match[2])) == value


def _values(mention: Mention) -> tuple[Fraction, ...]:
    return (mention.value, *(value for value, _ in percent_forms(mention)))


def percent_forms(mention: Mention) -> tuple[tuple[Fraction, str], ...]:
    """What a stated percentage may stand as in an expression, each with the word for it: 20%
    as 0.2, what it leaves (0.8, 80) and what it adds up to (1.2, 120)."""
    if not mention.percent:
        return ()
    value = mention.value
    share = value / 100
    forms = [(share, "fraction"), (1 + share, "growth_factor"), (100 + value, "grown_percent")]
    if share < 1:
        forms += [(1 - share, "remaining_fraction"), (100 - value, "remaining_percent")]
    return tuple((form, word) for form, word in forms if form)


#: Words of method for a part of a whole; the others ("twice", "a dozen") multiply.
_PARTS = word_set("half halves halved quarter quarters 1/2")


def says_part(word: str) -> bool:
    """Whether a word of method says a part of a whole, which divides: "half"."""
    return "".join(word.lower().split()) in _PARTS


def shares_of(mention: Mention) -> tuple[Fraction, ...]:
    """What a word of method ("half", "a quarter") may stand as in an expression beside the number
    that it divides by: the part, and what that leaves of the whole."""
    if not mention.method or not says_part(mention.text):
        return ()
    share = 1 / mention.value
    return tuple(dict.fromkeys((share, 1 - share)))
