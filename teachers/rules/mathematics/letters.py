"""What a text says its letters stand for: "the radius $r$", "let $d$ be the common difference"."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tracemine.teachers.rules.language.numerals import word_set
from tracemine.teachers.rules.language.words import STOP, identifier

#: Most words of a name.
MAX_WORDS = 4
#: Letters of one text that are looked for; a text with more of them is no short formula.
MAX_LETTERS = 60

_FENCE = r"(?:\$|\\\(|\\\)|\*)"
_BEFORE = re.compile(
    rf"(?<![A-Za-z\\])(?P<words>(?:[a-z]+[ -]){{1,6}}?)(?:(?:is|be|as|by|of|are)\s+)?{_FENCE}\s?"
    rf"(?P<letter>\\?[A-Za-z]+(?:_\{{?\w+\}}?)?)\s?(?:{_FENCE}|(?=\s?=))"
)
_AFTER = re.compile(
    rf"{_FENCE}\s?(?P<letter>\\?[A-Za-z]+(?:_\{{?\w+\}}?)?)\s?{_FENCE}\s*+(?:,\s*+)?"
    r"(?:\([^()]{0,20}\)\s*+)?(?:(?:is|be|denotes?|represents?|stands\s+for|being|=|:)\s+)"
    r"(?:equal\s+to\s+)?(?:the|a|an|its|their|his|her|our)\s+(?P<words>[a-z]+(?:[ -][a-z]+){0,5})"
)
_OPENING = word_set("the a an its their his her our each with of has have")
_NO_NAMES = word_set(
    """
    point points line lines circle triangle triangles square rectangle angle angles variable
    variables integer integers number numbers value values term terms function functions equation
    equations let letting say call set sets such real positive negative prime digit result
    expression
    polynomial plug plugging substituting substitute replace replacing solving get gives yields
    obtain have formula side sides root roots vector matrix constant constants unknown both case
    therefore divides divisible multiple equal equals true possible then respectively segment
    following nonnegative nonzero greater fixed arbitrary element vertex vertices zero first second
    known unit same determined defined answer solution largest smallest other expressions formulas
    choices ways find finding substitute plugging compute
    """
)
#: What letters mean by convention, believed where the text has the words of just one meaning.
_CONVENTIONS = {
    "r": ("radius", "common ratio"), "d": ("diameter", "common difference", "distance"),
    "h": ("height",), "b": ("base",), "w": ("width",), "l": ("length",), "A": ("area",),
    "V": ("volume",), "P": ("perimeter", "principal", "pressure"), "C": ("circumference",),
    "t": ("time",), "v": ("velocity", "speed"), "m": ("slope", "mass"), "lambda": ("wavelength",),
    "T": ("temperature", "period"), "F": ("force",), "E": ("energy",), "s": ("side length",),
    "n": ("number of sides", "number of terms"), "nu": ("frequency",), "f": ("frequency",),
}  # fmt: skip
#: The name of a letter pair that stands for the segment between two points.
LENGTH = "length"
_SEGMENT = re.compile(r"[A-Z]{2}")


def letter_names(text: str, letters: Iterable[str]) -> dict[str, str]:
    """A snake_case name for each of ``letters`` that ``text`` says the meaning of. Two capitals
    are the ends of a segment, whose name is its length; a longer name is its own."""
    wanted = list(dict.fromkeys(letters))[:MAX_LETTERS]
    if not wanted:
        return {}
    stated: dict[str, str] = {}
    for pattern in (_AFTER, _BEFORE):
        for match in pattern.finditer(text):
            letter = re.sub(r"[\\{}]", "", match["letter"])
            if letter in wanted and letter not in stated:
                name = _phrase(match["words"], before=pattern is _BEFORE)
                if name:
                    stated[letter] = name
    lower = text.lower()
    found: dict[str, str] = {}
    for letter in wanted:
        if letter in stated:
            found[letter] = stated[letter]
        elif _SEGMENT.fullmatch(letter):
            found[letter] = LENGTH
        elif len(letter.partition("_")[0]) > 2 and letter not in _CONVENTIONS:
            found[letter] = identifier(letter.split("_"))
        else:
            # Whole words: "based on" speaks of no base, "5 times" of no time.
            meanings = [m for m in _CONVENTIONS.get(letter, ()) if re.search(rf"\b{m}\b", lower)]
            if len(meanings) == 1:
                found[letter] = identifier(meanings[0].split())
    return {letter: name for letter, name in found.items() if name}


def _phrase(text: str, *, before: bool) -> str:
    """The noun phrase that stands before a letter, or begins after it; empty if there is none. One
    that stands before has an article or the like before itself, or it may be a verb's end."""
    words = text.replace("-", " ").split()
    kept: list[str] = []
    if before:
        opened = False
        for index in range(len(words) - 1, -1, -1):
            word = words[index]
            if word == "of" and kept:
                kept.insert(0, word)
            elif word in STOP:
                of_the = word == "the" and index > 0 and words[index - 1] == "of"
                opened = word in _OPENING
                if not of_the:
                    break
            else:
                kept.insert(0, word)
        if not opened:
            return ""
    else:
        for word in words:
            if word in STOP and not (word in ("of", "the") and kept):
                break
            kept.append(word)
    kept = [word for word in kept if word != "the"]
    while kept and kept[-1] == "of":
        kept.pop()
    while kept and kept[0] == "of":
        kept.pop(0)
    if not kept or len(kept) > MAX_WORDS or kept[-1] in _NO_NAMES or kept[0] in _NO_NAMES:
        return ""
    return identifier(kept)
