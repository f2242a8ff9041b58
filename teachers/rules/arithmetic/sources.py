"""Where the numbers of a trace's calculations come from: which number of the problem, which earlier
result, or the method.

That two numbers are equal says little: a problem may state one number twice with two meanings, and
a result may come out as a number that the problem states. So every place that a number may come
from is weighed: by the words that the calculation shares with that place alone, by the noun and
unit beside the number, by the operation, and by whether the place would otherwise be used by
nothing. What is nearly as good as the best is kept as another reading.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from tracemine.teachers.rules.arithmetic.lifting import CACHED_PROBLEMS, Mention, says_part
from tracemine.teachers.rules.arithmetic.routines import Link, Operand
from tracemine.teachers.rules.language import words
from tracemine.teachers.rules.language.numerals import NUMBER_WORDS, word_set

#: Most places that are weighed for one number, and most that are changed to settle all.
MAX_SOURCES = 6
MAX_MOVES = 60
SIDES_OF_SQUARE = 4
#: The product that the result of a calculation is, if it is one.
OUTERMOST = 1
#: More products than one calculation has.
MAX_PRODUCTS = 1_000
#: Most other readings of one trace.
MAX_READINGS = 3
#: A place that fits worse than the best by at most this is another reading. Less than what the
#: first use of a place adds: a number that is stated twice is two, unless the words say otherwise.
MARGIN = 0.25
#: What the first use of a place adds, by its kind. A trace works nothing out to leave it.
_FIRST_USE = {"problem": 2.25, "numerator": 1.0, "denominator": 1.0, "step": 2.75, "method": 1.75}
#: What using a place again in one calculation, in one product, and in a product of other products
#: takes off.
_AGAIN, _AGAIN_IN_PRODUCT, _AGAIN_IN_PRODUCTS = 1.0, 4.5, 2.0
#: Most that shared words count for, or against.
_MOST_WORDS = 1.0
#: What the sentence of a number counts beside its own clause.
_SENTENCE_WEIGHT = 0.5
#: What it counts that a number is spent or earned, more than the margin of another reading.
_FLOW = 0.5

#: Words by which a number may be a factor twice.
_SQUARE = re.compile(
    r"\b(?:squares?|squared|area|cube[sd]?|cubic|volume|sides?|each other|power|as many|"
    r"times itself|geometric|exponential\w*)\b"
)


@dataclass(frozen=True, slots=True)
class Source:
    """A place that a number may come from: ``key`` says which, and ``fit`` how well the text by
    itself speaks for it; ``context`` are the words around it, with their weights."""

    key: tuple[str, str]
    operand: Operand
    fit: float
    context: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Place:
    """A number of a calculation: which step it stands in and where, the product that it is a
    factor of (an identity within the calculation, None for a term), its sources, none of them
    twice, whether it is a divisor, and which products of products of several steps it is a factor
    of."""

    step: int
    position: int
    product: int | None
    sources: tuple[Source, ...]
    divides: bool = False
    wholes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """Which of its sources each place has, by step and position; ``changed`` is the step that
    another reading than the first has a number from elsewhere in, else -1."""

    chosen: Mapping[tuple[int, int], Source]
    changed: int = -1


def ranked(sources: Sequence[Source], said: frozenset[str]) -> tuple[Source, ...]:
    """The best sources by what ``said`` (the words of the calculation's sentence) shares with the
    context of each and not of the others, best first, the words counted in."""
    spoken = [source for source in sources if source.context]
    found: list[Source] = []
    for source in sources:
        shared = 0.0
        if source.context and len(spoken) > 1:
            # Exactly: a set's words come in another order in every process, and what is added up
            # in another order may differ in its last bit, which parts what is equal.
            shared = math.fsum(
                source.context.get(word, 0.0)
                - sum(other.context.get(word, 0.0) for other in spoken) / len(spoken)
                for word in said
            )
        shared = max(-_MOST_WORDS, min(_MOST_WORDS, shared))
        found.append(replace(source, fit=source.fit + shared))
    found.sort(key=lambda source: -source.fit)
    return tuple(found[:MAX_SOURCES])


def readings(places: Sequence[Place], *, squares: bool) -> list[Reading]:
    """The reading in which all places together fit best, and after it those that are nearly as
    good and differ in one place. ``squares``: the text speaks of what is multiplied by itself."""
    chosen = {(p.step, p.position): p.sources[0] for p in places}
    # How often each source is used: in all, in one calculation, and in one product.
    used: Counter[tuple[object, ...]] = Counter()
    for place in places:
        used.update(_uses(place, place.sources[0]))
    twice = _AGAIN if squares else _AGAIN_IN_PRODUCT

    def worth(place: Place, source: Source) -> float:
        """What ``source`` is worth at a place, all other places as they are."""
        own = int(chosen[place.step, place.position].key == source.key)
        counted: dict[object, int] = {}
        for use in _uses(place, source):
            counted[use[0]] = max(used[use] - own, counted.get(use[0], 0))
        everywhere, here = counted[_TRACE], counted[_CALCULATION]
        product = counted.get(_PRODUCT, 0)
        value = source.fit + (_FIRST_USE.get(source.key[0], 0.0) if everywhere == 0 else 0.0)
        if source.key[0] in _FIRST_USE:
            apart = max(counted.get(_PRODUCTS, 0) - product, 0)
            value -= (_AGAIN if squares else _AGAIN_IN_PRODUCTS) * apart
        return value - _AGAIN * (here - product) - twice * product

    open_places = [place for place in places if len(place.sources) > 1]
    for _ in range(MAX_MOVES):
        moves = [
            (worth(place, source) - worth(place, chosen[place.step, place.position]), place, source)
            for place in open_places
            for source in place.sources
        ]
        # The move that gains most goes first, for what is gained by it another place may lose.
        gain, moved, source = max(moves, key=lambda move: move[0], default=(0.0, None, None))
        if moved is None or source is None or gain <= 0:
            break
        used.subtract(_uses(moved, chosen[moved.step, moved.position]))
        used.update(_uses(moved, source))
        chosen[moved.step, moved.position] = source
    others: list[tuple[float, int, int, Source]] = []
    for place in open_places:
        own = (place.step, place.position)
        kept = worth(place, chosen[own])
        for source in place.sources:
            loss = kept - worth(place, source)
            is_other = source.operand != chosen[own].operand and source.key[0] in _FIRST_USE
            if is_other and loss <= MARGIN:
                others.append((loss, place.step, place.position, source))
    others.sort(key=lambda other: other[:3])
    first = Reading(dict(chosen))
    return [
        first,
        *(
            Reading({**chosen, (step, at): source}, step)
            for _, step, at, source in others[:MAX_READINGS]
        ),
    ]


#: Where a source may be used more than once.
_TRACE, _CALCULATION, _PRODUCT, _PRODUCTS = range(4)


def _uses(place: Place, source: Source) -> list[tuple[object, ...]]:
    """What the use of a source at a place counts for."""
    found: list[tuple[object, ...]] = [
        (_TRACE, source.key),
        (_CALCULATION, source.key, place.step),
    ]
    if place.product is not None:
        found.append((_PRODUCT, source.key, place.step, place.product))
    found += [(_PRODUCTS, source.key, whole) for whole in place.wholes]
    return found


def in_products(places: Sequence[Place], are_products: Sequence[bool]) -> list[Place]:
    """The places with the products of products that each is a factor of: in these a factor is most
    likely the result of an earlier step that is a product. ``are_products`` says of each step
    whether its result is one, the first in its calculation. What divides is no factor: "a / b *
    (100 - b)" is what is left of a whole that the problem tells a part of."""
    within: dict[tuple[int, int], set[int]] = {}
    for place in reversed(places):
        if place.product is None or place.divides:
            continue
        own = (place.step, place.product)
        wholes = within.setdefault(own, set())
        wholes.add(place.step * MAX_PRODUCTS + place.product)
        best = place.sources[0].operand
        if isinstance(best, Link) and are_products[best.step]:
            within.setdefault((best.step, OUTERMOST), set()).update(wholes)
    return [
        p
        if p.product is None or p.divides
        else replace(p, wholes=tuple(sorted(within[p.step, p.product])))
        for p in places
    ]


def speaks_of_squares(text: str) -> bool:
    """Whether ``text`` has a word for multiplying a number by itself."""
    return _SQUARE.search(text.lower()) is not None


_SIDES = re.compile(r"\b(?:sides?|perimeter|fenc\w+|around|border\w*|edges?|frame\w*|walls?)\b")
_SQUARE_SHAPE = re.compile(
    r"\bsquares?(?:[- ]shaped)?\b(?!\W+(?:feet|foot|ft|in|inch|inches|\w*met(?:er|re)s?|miles?|"
    r"yards|[ck]?m|yd|root|numbers?)\b)"
)


_AREA = re.compile(r"\b(?:areas?|squared|square (?:feet|foot|ft|in|inch|inches|\w*met(?:er|re)s?|"
                   r"miles?|yards?|units?|[ck]?m)|acres?)\b")  # fmt: skip


def speaks_of_area(text: str) -> bool:
    """Whether ``text`` speaks of an area, of which a side is a factor twice."""
    return _AREA.search(text.lower()) is not None


def square_with_sides(text: str) -> int | None:
    """Where ``text`` has a square whose sides it speaks of, which are four; None if nowhere."""
    text = text.lower()
    shape = _SQUARE_SHAPE.search(text)
    return shape.start() if shape is not None and _SIDES.search(text) else None


# --- the words around a number ----------------------------------------------------------------

_CLAUSE = re.compile(r"[,;:]\s|\s(?:and|but|while|then|so|because|if|when|after|before)\s")
_EMPTY = words.STOP | NUMBER_WORDS | word_set("total number amount dollar dollars euro euros")
_WORD = re.compile(r"[A-Za-z]{3,}")


def stems(text: str) -> frozenset[str]:
    """The words of ``text`` that say something, without their endings."""
    found = (match.group().lower() for match in _WORD.finditer(text))
    return frozenset(_stem(word) for word in found if word not in _EMPTY)


def _stem(word: str) -> str:
    word = words.singular(word)
    for ending in ("ing", "ed", "e"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


@lru_cache(maxsize=CACHED_PROBLEMS)
def clauses(text: str) -> tuple[tuple[int, int, int, int], ...]:
    """The clauses of ``text`` as ``[start, end)``, each with the sentence that it is of."""
    found: list[tuple[int, int, int, int]] = []
    for start, end in words.sentences(text):
        cuts = [start, *(match.start() for match in _CLAUSE.finditer(text, start, end)), end]
        found.extend((left, right, start, end) for left, right in pairwise(cuts))
    return tuple(found)


@lru_cache(maxsize=4 * CACHED_PROBLEMS)
def context(text: str, at: int) -> Mapping[str, float]:
    """The words around what stands at ``at``: those of its clause, and those of the rest of its
    sentence with less weight."""
    for start, end, left, right in clauses(text):
        if start <= at < end:
            outer = dict.fromkeys(stems(text[left:right]), _SENTENCE_WEIGHT)
            return outer | dict.fromkeys(stems(text[start:end]), 1.0)
    return {}


def in_one_clause(text: str, at: int, other: int) -> bool:
    """Whether what stands at ``at`` and at ``other`` stands in one clause of ``text``."""
    return any(start <= min(at, other) and max(at, other) < end for start, end, *_ in clauses(text))


def says_alike(context: Mapping[str, float], said: frozenset[str]) -> bool:
    """Whether the clause that ``context`` is of has one of the words that are ``said``."""
    return any(context.get(word, 0.0) > _SENTENCE_WEIGHT for word in said)


def of_result(output: str) -> Mapping[str, float]:
    """The words for a result, called ``output`` (snake_case). The rest of its sentence says what
    it was made of, and what is made of it is told in the same words."""
    return dict.fromkeys(stems(output.replace("_", " ")), _SENTENCE_WEIGHT)


# --- one number stated twice ------------------------------------------------------------------

_DEFINITE = re.compile(
    r"\b(?:the|those|these|all|same|his|her|their|its|my|our|your)\s+(?:\$\s?)?$"
)


def first_mentions(problem: str, found: Sequence[Mention]) -> list[int]:
    """For each mention of ``problem`` the first one of the same number: an earlier one with its
    value and noun, where the text goes back to it ("those 60 pupils"); else itself."""
    first: list[int] = []
    seen: dict[tuple[Fraction, str, bool], int] = {}
    for index, mention in enumerate(found):
        key = (mention.value, mention.noun, mention.method)
        before = problem[max(0, mention.start - 12) : mention.start].lower()
        goes_back = mention.noun and _DEFINITE.search(before) is not None
        first.append(seen.get(key, index) if goes_back else index)
        seen.setdefault(key, index)
    return first


# --- how well a number fits a place -----------------------------------------------------------

_COMPARED = ("more_", "fewer_", "additional_", "extra_")


def noun_fit(beside: str, noun: str) -> float:
    """What it says that the number is called ``beside`` here and ``noun`` there (snake_case)."""
    if not beside or not noun:
        return 0.0
    here, there = (frozenset(map(_stem, name.split("_"))) for name in (beside, noun))
    if not here & there:
        return -0.5
    head, other = (_stem(name.partition("_per_")[0].split("_")[-1]) for name in (beside, noun))
    return 1.5 if head == other else 0.5


def unit_fit(beside: str | None, unit: str | None) -> float:
    """What it says that the number has the unit ``beside`` here and ``unit`` there."""
    if beside is None or unit is None or beside == unit:
        return 0.0
    return -1.0 if beside.partition("/")[0] == unit.partition("/")[0] else -6.0


def money_fit(unit: str | None, symbol: str, money: bool | None) -> float:
    """What it says that a number has a ``unit`` where it is added to something or taken from it,
    and the result is ``money`` or is not (None: the text does not say what is)."""
    if money is None or symbol not in ("+", "-"):
        return 0.0
    return 0.0 if words.is_currency(unit) == money else -1.5


def operation_fit(noun: str, symbol: str) -> float:
    """What it says that a number that the problem calls ``noun`` is an operand of ``symbol``."""
    if noun.startswith(_COMPARED):
        return -1.5 if symbol in "*/" else 0.5
    if noun == "times":
        return 0.5 if symbol in "*/" else -2.0
    return 0.0


_COMES_IN = word_set(
    "savings saved earnings earned income pay salary wage allowance revenue received bought found "
    "collected won"
)
_GOES_OUT = word_set(
    "spending spent payment paid fee tax donation donated eaten sold given used lost thrown drunk "
    "broken"
)
#: A sentence that adds up what goes out.
_ADDS_OUT = re.compile(
    r"\b(?:spen[dt]|pa(?:y|id)|cost|bu(?:y|ying)|bought|g[ai]ve|giv|eat|ate|us(?:e|ing)|sell|sold|"
    r"los[et]|donat|total|altogether|combined|in all)",
    re.IGNORECASE,
)


def flow_fit(noun: str, detail: str, symbol: str, taken: bool, around: str) -> float:
    """What it says that a number is saved or earned (or spent, sold, eaten), as the problem calls
    it, where it is an operand of ``symbol``; ``taken``: behind a minus. What is spent in all is no
    factor, unless it is for each of something."""
    comes_in = noun in _COMES_IN or detail in _COMES_IN
    goes_out = noun in _GOES_OUT or detail in _GOES_OUT
    if comes_in == goes_out:
        return 0.0
    if symbol == "-":
        return _FLOW if goes_out == taken else -_FLOW
    if goes_out and symbol == "+" and _ADDS_OUT.search(around) is None:
        return -_FLOW
    return -_FLOW if noun in _GOES_OUT and symbol == "*" else 0.0


#: Words of method for a number of things, which may be added and taken away too. A "couple" is
#: mostly two people, and a "pair" of shoes one thing.
_COUNTS = word_set("dozen")


def says_how_many(word: str) -> bool:
    """Whether a word of method says how many things there are: "a dozen"."""
    return word.lower() in _COUNTS


def method_fit(word: str, symbol: str, *, is_share: bool = False) -> float:
    """What it says that a word of method ("half", "twice") is an operand of ``symbol``.
    ``is_share``: as a part of one (1/2), not as what divides by it. What multiplies divides where a
    trace goes back."""
    if is_share:
        return 0.25 if symbol == "*" else -1.5
    if says_part(word):
        return 0.25 if symbol == "/" else -1.5
    if symbol in ("+", "-"):
        return 0.25
    return 0.25 if symbol == "*" else -0.25
