"""What a trace says that its step finds, as the subquestion of a routine: where that holds for
other stories too and says what comes out.

Most titles do not: they tell of the story's people, point at what stood before ("add them"), or
name things that the routine knows nothing of. The formula's own words (`asking`) are better then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tracemine.teachers.rules.language.leaks import instance_leaks
from tracemine.teachers.rules.language.numerals import find_numerals, word_set
from tracemine.teachers.rules.language.words import OTHER_ROLES, STOP, mask, singular
from tracemine.teachers.rules.written.steps import in_sentence_case

#: A written question of more characters tells a story.
MAX_QUESTION = 100

#: Words that point at something which the title does not name.
_POINTING = word_set(
    "he she they him her hers them his their theirs this these those we us our i my me you your"
    " others another same above below previous following"
)
_POINTING_IT = re.compile(r"\bit\b(?!\s+(?:takes?|took|will take|would take)\b)")
#: Nouns that any calculation has.
_SAYS_NOTHING = word_set(
    "total number amount answer result value sum quantity step calculation equation final overall"
    " result results values amounts numbers"
)
#: What no complete sentence ends with.
_OPEN_END = word_set(
    "a an the of to for in on at by with and or from that which who is are was were be been has"
    " have had would will can could should may might must do does did as than per if when"
)
_WORD = re.compile(r"[A-Za-z]+")


def general_title(title: str, problem: str, trace: str, nouns: Iterable[str]) -> str:
    """``title``, what a step of ``trace`` says that it asks or does, in words that hold for other
    instances; empty if it cannot be had in them. It must have a noun in common with ``nouns``,
    snake_case names of what the routine takes and gives."""
    if len(title) > MAX_QUESTION or any(n.kind != "method" for n in find_numerals(title)):
        return ""
    asked = mask(in_sentence_case(title, problem, trace), problem, trace)
    if any(role in asked for role in OTHER_ROLES) or instance_leaks(asked, problem, trace):
        return ""
    said = [word.lower() for word in _WORD.findall(asked)]
    if not said or said[-1] in _OPEN_END or _POINTING.intersection(said):
        return ""
    if _POINTING_IT.search(asked) or asked.endswith(("takes someone", "take someone")):
        return ""
    known = {singular(part) for noun in nouns for part in noun.split("_")} - _SAYS_NOTHING - STOP
    return asked if known.intersection(map(singular, said)) else ""


#: What a difference is asked with.
_OF_DIFFERENCE = re.compile(
    r"\b(?:left|left-?over|remain\w*|difference|differ|fewer|less|younger|change)\b", re.IGNORECASE
)


def asks_for_difference(title: str) -> bool:
    """Whether a ``title`` asks what is left, or how far two numbers are apart."""
    return _OF_DIFFERENCE.search(title) is not None
