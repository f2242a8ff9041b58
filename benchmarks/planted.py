"""Subquestions planted beside real ones: the same in other words, at five strengths.

Scripted and seeded. Each strength gives two texts that ask the same of a routine: other words for
single words (synonym), other sentences (paraphrase, which has other words, too), other figures
where the text speaks of "a number of" (number), other people and things (entity), other order of
what it lists (order). Each comes with the words that the names of its values change, too. They know
nothing of what is measured with them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

#: A text, and other words in the names of its values.
Wording = tuple[str, Mapping[str, str]]
Pair = tuple[Wording, Wording]
Strength = Callable[[str, random.Random], Pair | None]

SYNONYMS: Mapping[str, str] = MappingProxyType(
    {
        "total": "overall", "cost": "expense", "price": "charge", "items": "things",
        "item": "thing", "amount": "quantity", "money": "cash", "left": "remaining", "sum": "total",
        "difference": "gap", "earnings": "income", "savings": "money saved", "people": "persons",
        "divided": "split", "each": "every one", "equal": "even", "another": "a further",
        "payment": "sum paid", "distance": "way", "speed": "pace", "average": "mean",
        "spending": "outlay", "groups": "batches", "group": "batch", "parts": "portions",
        "part": "portion", "fraction": "share", "percentage": "per cent rate", "twice": "double",
        "profit": "gain", "pay": "wage", "footage": "area", "product": "result of multiplying",
        "less": "minus", "find": "determine", "check": "test", "list": "sequence",
        "given": "stated", "fixed": "constant", "multiple": "factor", "half": "one half",
        "years": "annual periods", "feet": "foot lengths", "minutes": "min", "points": "marks",
    }
)  # fmt: skip

#: Openings, and how else a sentence may begin.
FRAMES: tuple[tuple[str, str], ...] = (
    (r"how many (\w+) are left (?:of )?(.*)", r"what is the remaining count of \1 for \2"),
    (r"how many (\w+) (.*)", r"what is the count of \1 when one asks \2"),
    (r"total (?:number of )?(\w+) (?:of|from|for|as) (.*)", r"given \2, work out all \1 together"),
    (r"total of (.*)", r"what do \1 come to altogether"),
    (r"sum of (.*)", r"add up \1"),
    (r"difference between (.*)", r"by how much do these differ: \1"),
    (r"number of (\w+) (.*)", r"count \1: \2"),
    (r"(\w+) (?:of|from|for|as|per) (.*)", r"starting with \2, what is the \1"),
    (r"find (.*)", r"we want to get \1"),
    (r"(.*)", r"work out the following: \1"),
)

NAMES = (
    "Maria", "Ahmed", "Chen", "Olga", "Kwame", "Priya", "Lars", "Yuki", "Tomas", "Fatima",
)  # fmt: skip
THINGS = ("apples", "marbles", "books", "stamps", "candles", "bricks", "shells", "tickets")
_SAME: Mapping[str, str] = MappingProxyType({})
_THING = re.compile(r"\bitems\b")
_SLOT = re.compile(r"\b(?:an|a|another|the same) (?:given )?(?:number of|amount of) (?=\w)")


def synonym(text: str, draw: random.Random) -> Pair | None:
    """Three words in four that have a synonym here are changed, at least one."""
    words = text.split(" ")
    places = [place for place, word in enumerate(words) if word in SYNONYMS]
    if not places:
        return None
    for place in draw.sample(places, -(-3 * len(places) // 4)):
        words[place] = SYNONYMS[words[place]]
    return (text, _SAME), (" ".join(words), SYNONYMS)


def paraphrase(text: str, draw: random.Random) -> Pair | None:
    """Another frame, and one word in two changed within it."""
    for pattern, other in FRAMES:
        match = re.fullmatch(pattern, text)
        if match:
            words = match.expand(other).split(" ")
            places = [place for place, word in enumerate(words) if word in SYNONYMS]
            for place in draw.sample(places, len(places) // 2):
                words[place] = SYNONYMS[words[place]]
            return (text, _SAME), (" ".join(words), SYNONYMS)
    return None


def number(text: str, draw: random.Random) -> Pair | None:
    """Figures in place of each "a number of", others in the second text."""
    if not _SLOT.search(text):
        return None

    def filled() -> Wording:
        return _SLOT.sub(lambda _: f"{draw.randint(2, 900)} ", text), _SAME

    return filled(), filled()


def entity(text: str, draw: random.Random) -> Pair | None:
    """Somebody's own things, of somebody else and other things in the second text."""
    if not _THING.search(text):
        return None
    people, things = draw.sample(NAMES, 2), draw.sample(THINGS, 2)
    first, second = (
        (f"{_THING.sub(thing, text)} of {person}", {"items": thing, "item": thing[:-1]})
        for person, thing in zip(people, things, strict=True)
    )
    return first, second


def order(text: str, draw: random.Random) -> Pair | None:
    """What stands on two sides of one "and" changes places."""
    parts = text.split(" and ")
    if len(parts) < 2:
        return None
    at = draw.randrange(1, len(parts))
    left, right = " and ".join(parts[:at]), " and ".join(parts[at:])
    head = re.match(r"(.*\b(?:of|from|between|for|as) )(.+)", left)
    if not head:
        return (text, _SAME), (f"{right} and {left}", _SAME)
    return (text, _SAME), (f"{head[1]}{right} and {head[2]}", _SAME)


STRENGTHS: Mapping[str, Strength] = MappingProxyType(
    {
        "paraphrase": paraphrase,
        "synonym": synonym,
        "number": number,
        "entity": entity,
        "order": order,
    }
)

__all__ = ["STRENGTHS"]
