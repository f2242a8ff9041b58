"""What a solver would call the values of a step before it knew what to do with them.

The rules teacher names what goes into a routine by the calculation, too: ``items_taken`` where the
formula subtracts it, ``items_each`` where it is multiplied by a number of people. To ask under
these names would give the routine away. Here a value is called by the words beside its mention, in
the problem or else in the trace before the step, put into the same words of role (``items`` for
apples, ``price`` for a cost); values come in the order of their mentions. Nothing is read of the
step itself, of its code, or of its parameters' names and units.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from tracemine.schemas import Instance, Parameter, Span, Trajectory, decode, encode
from tracemine.schemas.types import coarse
from tracemine.teachers.rules.arithmetic.lifting import Mention, mentions, says_part
from tracemine.teachers.rules.arithmetic.naming import result_words
from tracemine.teachers.rules.arithmetic.roles import quantity
from tracemine.teachers.rules.arithmetic.routines import NAMELESS
from tracemine.teachers.rules.language.words import identifier
from tracemine.verifiers.roles import numbered

#: What words of method ("half", "twice") call their numbers.
PARTS, TIMES = "parts", "times"

#: Decimals are taken for fractions whose denominator is at most this.
MAX_DENOMINATOR = 1000

#: Sentences whose mentions are kept: each span of a trace asks for all before it.
CACHED_SENTENCES = 4096

_BREAK = re.compile(r"(?<=[.!?;])\s+|\n+")

#: ``<<3*5=15>>`` of GSM8K; a text may end within one.
_ANNOTATION = re.compile(r"<<[^<>]*(>>|$)")
_RESULT = re.compile(r"=\s?[$€£¥₹]?$")
_FIRST_NUMBER = re.compile(r"[$€£¥₹(]?\d")

#: What the share that "20%" or "half" states is called.
SHARE = "fraction"

#: Where a number is mentioned first, second, ...: its place among all mentions, what it is called
#: there, and in which unit.
_Places = Mapping[Fraction, Sequence[tuple[int, str, str | None]]]


def name_values(
    span: Span, instance: Instance, trajectory: Trajectory
) -> list[tuple[str, Parameter]]:
    """For each input of ``span``, in the order in which the values that ``instance`` binds to them
    are mentioned: the input's name, and the name, type and unit that the value goes by without the
    routine. Things of one kind are numbered in that order (``first_items``). What is mentioned
    nowhere comes last, the least first. A task for code names its arguments itself, in order."""
    inputs = span.signature.inputs
    if span.domain == "code":
        return [(parameter.name, parameter) for parameter in inputs]
    values = decode(instance.bindings)
    places = _places(trajectory, span.start)
    taken: Counter[Fraction] = Counter()
    found: list[tuple[float, str, str | None, Parameter]] = []
    # By value, not by name or position: these follow the calculation.
    for parameter in sorted(inputs, key=lambda p: _size(values[p.name], p.type)):
        number = number_in(values[parameter.name])
        stated = _stated(places, number)
        if number is None or not stated:
            kind = NAMELESS if number is not None else coarse(parameter.type)
            found.append((math.inf, kind, None, parameter))
            continue
        # A second five is the five that is mentioned next.
        found.append((*stated[min(taken[number], len(stated) - 1)], parameter))
        taken[number] += 1
    found.sort(key=lambda each: each[0])
    alike = Counter(kind for _, kind, _, _ in found)
    seen: Counter[str] = Counter()
    named = []
    for _, kind, unit, parameter in found:
        name = kind if alike[kind] == 1 else numbered(kind, seen[kind])
        seen[kind] += 1
        named.append((parameter.name, Parameter(name, parameter.type, unit)))
    return named


def number_in(value: Any) -> Fraction | None:
    """A value as what a text may mention: of a decimal what it is written as, not the binary
    fraction next to it; of a list its first number. None for what is none."""
    if isinstance(value, (list, tuple)):
        return next((number for v in value if (number := number_in(v)) is not None), None)
    if isinstance(value, bool) or not isinstance(value, (int, float, Fraction)):
        return None
    if not isinstance(value, float):
        return Fraction(value)
    if not math.isfinite(value):
        return None
    written = Fraction(repr(value))
    # 0.3333333333333333 is what "one third" says.
    simple = written.limit_denominator(MAX_DENOMINATOR)
    return simple if abs(simple - written) < 1e-12 * abs(written) else written


def _places(trajectory: Trajectory, start: int) -> _Places:
    """Where the problem, and then the trace before ``start``, state each number."""
    found: defaultdict[Fraction, list[tuple[int, str, str | None]]] = defaultdict(list)
    # Sentence by sentence, the last as far as it goes: nothing behind says what a number is called.
    before = _BREAK.split(_ANNOTATION.sub("", trajectory.trace[:start]))
    told = (mention for sentence in before for mention in _of_sentence(sentence))
    for place, mention in enumerate((*mentions(trajectory.problem), *told)):
        for value, name, unit in _readings(mention):
            found[value].append((place, name, unit))
    return found


@lru_cache(maxsize=CACHED_SENTENCES)
def _of_sentence(text: str) -> tuple[Mention, ...]:
    """The numbers that a sentence of a trace states; a result is what the words before its
    calculation say ("The cost is 3 * 5 = 15")."""
    named = []
    for mention in mentions(text, fractions=False):
        if _RESULT.search(text, max(0, mention.start - 4), mention.start):
            first = _FIRST_NUMBER.search(text, 0, mention.start)
            start = first.start() if first else mention.start
            words = result_words(text, start, mention.start, mention.end, "")
            mention = replace(mention, noun=identifier(words) or mention.noun)
        named.append(mention)
    return tuple(named)


def _readings(mention: Mention) -> list[tuple[Fraction, str, str | None]]:
    """The numbers that a mention states, each with what it calls them: "20%" is 20 and 0.2, "half"
    is 2 and 0.5."""
    if mention.method:
        if not says_part(mention.text):
            return [(mention.value, TIMES, None)]
        return [(mention.value, PARTS, None), (1 / mention.value, SHARE, None)]
    role = quantity(mention.noun, "percent" if mention.percent else mention.unit)
    named = (mention.value, role.name if role.noun else NAMELESS, role.unit)
    return [named, (mention.value / 100, SHARE, None)] if mention.percent else [named]


def _stated(places: _Places, number: Fraction | None) -> Sequence[tuple[int, str, str | None]]:
    """Where a number is mentioned; a text says "5 below zero" of -5."""
    if number is None:
        return ()
    return places.get(number) or places.get(abs(number), ())


def _size(value: Any, type_text: str) -> tuple[float, str, str]:
    number = number_in(value)
    return math.inf if number is None else float(number), encode(value), type_text


__all__ = ["name_values", "number_in"]
