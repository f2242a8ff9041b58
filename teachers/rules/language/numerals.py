"""Where a text states numbers, in digits or in words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

#: Longer runs of digits are no number that a person reasons with.
MAX_DIGITS = 24

NumeralKind = Literal["plain", "money", "percent", "fraction", "method"]


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number as ``text[start:end]`` states it. A percentage has the value before its sign.

    ``parts`` are numerator and denominator of a kind ``fraction``. Kind ``method`` is a word that
    names a step rather than a quantity: "twice", "half", "a dozen".
    """

    start: int
    end: int
    value: Fraction
    kind: NumeralKind
    parts: tuple[int, int] | None = None


_UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SMALL = {word: value for value, word in enumerate(_UNITS)} | {
    word: 10 * (index + 2) for index, word in enumerate(_TENS)
}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
#: Words that state a number, or a part of one.
NUMBER_WORDS = frozenset({*_SMALL, *_SCALES})
_DENOMINATORS = {
    "third": 3, "fourth": 4, "quarter": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
    "ninth": 9, "tenth": 10, "twelfth": 12,
}  # fmt: skip
_METHOD_WORDS = {
    "half": 2, "halves": 2, "halved": 2, "twice": 2, "double": 2, "doubled": 2, "doubles": 2,
    "doubling": 2, "triple": 3, "tripled": 3, "triples": 3, "thrice": 3, "quadruple": 4,
    "quadrupled": 4, "quarter": 4, "quarters": 4, "dozen": 12, "dozens": 12, "pair": 2, "pairs": 2,
    "couple": 2, "score": 20,
}  # fmt: skip

#: Scripts in which words are set apart by spaces: a number behind a letter of theirs is of a name.
_LETTERS = r"A-Za-zÀ-ɏͰ-ӿ"
_AMOUNT = (
    rf"(?<![{_LETTERS}\d_.])"
    r"(?<![A-Za-z]\^)(?<![A-Za-z]\^\{)(?P<money>[$£€₹¥]\s?)?"
    r"(?P<number>(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
)
#: A number times a power of ten is one number: 6.02 x 10^23.
_POWER_OF_TEN = (
    r"(?:\s?(?:×|x|\*|\\times|\\cdot)\s?10\s?(?:\^|\*\*)\s?"
    r"[{(]?\s?(?P<power>[-−–]?\d{1,2})(?:\s?[)}])?(?!\d))?"
)
_OVER = r"(?:\s?/\s?(?P<denominator>\d++)(?![\d.,]*\d))?"
_SCALE_OR_PERCENT = (
    r"(?:\s?(?P<scale>(?a:hundred|thousand|million|billion))\b)?"
    r"(?P<percent>\s?\\?%|\s?percent\b|\s?per cent\b)?"
)
_DIGIT_NUMBER = re.compile(_AMOUNT + _POWER_OF_TEN + _OVER + _SCALE_OR_PERCENT, re.IGNORECASE)
_DIGIT_NUMBER_ALONE = re.compile(
    _AMOUNT + _POWER_OF_TEN + r"(?P<denominator>(?!))?" + _SCALE_OR_PERCENT, re.IGNORECASE
)
_WORD = re.compile(r"[A-Za-z]+")
_FRACTION_GAP = re.compile(r"[\s-]{1,2}")
_NUMBER_GAP = re.compile(r"[\s-]{1,2}(?:and\s{1,2})?", re.IGNORECASE)
_PERCENT_AFTER = re.compile(r"\s{0,2}(?:%|per\s?cent\b)", re.IGNORECASE)


def word_set(text: str) -> frozenset[str]:
    """The words of a list that is written as running text."""
    return frozenset(text.split())


def parse_decimal(text: str) -> Fraction | None:
    """The exact value of digits with optional thousands commas, or None."""
    plain = text.replace(",", "")
    if len(plain) > MAX_DIGITS or not plain.isascii():
        return None
    try:
        return Fraction(plain)
    except (ValueError, ZeroDivisionError):
        return None


def find_numerals(text: str, *, fractions: bool = True) -> list[Numeral]:
    """Every number that ``text`` states, by position; in time linear in its length. Without
    ``fractions`` the two sides of a slash are two numbers, as they are in a calculation."""
    found = [*_find_digits(text, fractions), *_find_words(text)]
    return sorted(found, key=lambda numeral: (numeral.start, numeral.end))


def _find_digits(text: str, fractions: bool) -> Iterator[Numeral]:
    for match in (_DIGIT_NUMBER if fractions else _DIGIT_NUMBER_ALONE).finditer(text):
        value = parse_decimal(match["number"])
        if value is None:
            continue
        start, end = match.span()
        if match["power"] is not None:
            value *= Fraction(10) ** int(match["power"].replace("−", "-").replace("–", "-"))
        if match["denominator"] is not None:
            bottom = parse_decimal(match["denominator"])
            if not bottom:
                continue
            parts = (int(value), int(bottom)) if value.denominator == 1 else None
            yield Numeral(start, end, value / bottom, "fraction", parts)
            continue
        if match["scale"] is not None:
            value *= _SCALES[match["scale"].lower()]
        if match["percent"] is not None:
            yield Numeral(start, end, value, "percent")
        else:
            yield Numeral(start, end, value, "money" if match["money"] else "plain")


def _find_words(text: str) -> Iterator[Numeral]:
    words = [match for match in _WORD.finditer(text) if match.group().lower() != "and"]
    index = 0
    while index < len(words):
        word = words[index].group().lower()
        if word in _SMALL or (word in ("a", "an") and _denominator(text, words, index)):
            numeral, index = _read_number_words(text, words, index)
            yield numeral
            continue
        if word in _METHOD_WORDS:
            match = words[index]
            value = Fraction(_METHOD_WORDS[word])
            yield Numeral(match.start(), match.end(), value, "method")
        index += 1


def _denominator(text: str, words: list[re.Match[str]], index: int) -> int | None:
    """The denominator that the word after ``index`` names ("one third"), or None. A half or a
    quarter is a word of method."""
    if index + 1 >= len(words):
        return None
    gap = text[words[index].end() : words[index + 1].start()]
    word = words[index + 1].group().lower()
    if not _FRACTION_GAP.fullmatch(gap) or word in _METHOD_WORDS:
        return None
    return _DENOMINATORS.get(word) or _DENOMINATORS.get(word.removesuffix("s"))


def _read_number_words(text: str, words: list[re.Match[str]], index: int) -> tuple[Numeral, int]:
    """The number in words that begins at ``index``, and the index of the word after it."""
    start = words[index].start()
    if words[index].group().lower() in ("a", "an"):
        return _fraction(text, words, start, 1, index)
    thousands, current, last = 0, 0, index
    smallest, scaled = math.inf, index  # The last scale, and its place.
    for position in range(index, len(words)):
        if position > last and not _NUMBER_GAP.fullmatch(
            text[words[last].end() : words[position].start()]
        ):
            break
        word = words[position].group().lower()
        if word in _SMALL:
            if position > index and not _takes(thousands + current, _SMALL[word]):
                break
            current += _SMALL[word]
            if thousands + current < 20 and _denominator(text, words, position):
                return _fraction(text, words, start, thousands + current, position)
        elif word == "hundred" and 0 < current < 100:
            current *= 100
        elif word in _SCALES and word != "hundred" and current:
            if _SCALES[word] >= smallest:
                current, last = 0, scaled  # Another number begins: "two thousand three thousand".
                break
            smallest, scaled = _SCALES[word], position
            thousands, current = thousands + current * _SCALES[word], 0
        else:
            break
        last = position
    end = words[last].end()
    kind: NumeralKind = "percent" if _PERCENT_AFTER.match(text, end) else "plain"
    return Numeral(start, end, Fraction(thousands + current), kind), last + 1


def _takes(number: int, small: int) -> bool:
    """Whether ``number`` goes on with ``small``: "twenty" with "five", as "ten" does not. None
    goes on with "zero", and "zero" with none."""
    rest = number % 100
    return number > 0 and small > 0 and (rest == 0 or (rest >= 20 and not rest % 10 and small < 10))


def _fraction(
    text: str, words: list[re.Match[str]], start: int, top: int, index: int
) -> tuple[Numeral, int]:
    bottom = _denominator(text, words, index) or 1
    end = words[index + 1].end()
    return Numeral(start, end, Fraction(top, bottom), "fraction", (top, bottom)), index + 2
