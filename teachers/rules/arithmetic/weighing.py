"""What speaks for each place that a number of a trace's calculation may come from: the numbers of
the problem, earlier results, the method. `sources` then chooses among them, for all numbers at
once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from tracemine.teachers.rules.arithmetic.chains import Calculation
from tracemine.teachers.rules.arithmetic.conversions import converts, says_constant
from tracemine.teachers.rules.arithmetic.expressions import (
    Binary,
    Expression,
    Negative,
    Number,
    numbers,
    render,
)
from tracemine.teachers.rules.arithmetic.lifting import (
    Mention,
    mentions,
    percent_forms,
    shares_of,
)
from tracemine.teachers.rules.arithmetic.literal_places import LiteralPlace, literal_places
from tracemine.teachers.rules.arithmetic.measures import PERIODS
from tracemine.teachers.rules.arithmetic.routines import Constant, Datum, Link, Operand, Step
from tracemine.teachers.rules.arithmetic.sources import (
    SIDES_OF_SQUARE,
    Place,
    Source,
    context,
    first_mentions,
    flow_fit,
    in_one_clause,
    method_fit,
    money_fit,
    noun_fit,
    of_result,
    operation_fit,
    ranked,
    says_alike,
    says_how_many,
    speaks_of_area,
    square_with_sides,
    stems,
    unit_fit,
)
from tracemine.teachers.rules.language import words
from tracemine.teachers.rules.language.numerals import word_set

#: Most places of a problem that are weighed where it states one number.
MAX_STATED = 12

# What counts for a source of a number, or against it, beside the words, as `sources` adds it up.
#: It is the result just found.
_LATEST = 0.75
#: It is a result that the sentence does not name, and the problem states the number too.
_NOT_NAMED = 0.5
#: It is a result of one, which many numbers are.
_ONE = 1.0
#: The sentence itself says "twice".
_STATED_METHOD = 3.0
#: The number is another form of a percentage, by the form (see `lifting.percent_forms`).
_IN_FORM = {"fraction": 0.5, "remaining_fraction": 1.0, "growth_factor": 1.0}
#: It is the number before a percent sign, or what that adds to a hundred or leaves of it, and the
#: calculation has nothing to do with a hundred; and where it has.
_OF_HUNDRED = 3.0
_PERCENT = 1.5
#: It is a part of a fraction: where it scales as such, and elsewhere.
_PART_OF_FRACTION, _PART_ELSEWHERE = 0.5, 2.0
#: It is the trace's own number, though the problem states one that is equal.
_UNSTATED = -3.5
#: A calculation of the same form has the number there too, from that source.
_PARALLEL = 1.0
#: The text speaks of both units that the number takes into one another.
_CONVERTS = 4.0
#: It is the number of sides of a square.
_SIDES_FIT = -0.5
#: The operations of a product.
_OF_PRODUCT = ("*", "/")
#: The numbers of words like "twice" that a sentence may write in digits too.
_METHOD_VALUES = frozenset(map(Fraction, (2, 3, 4, 12)))

_FRACTION_BAR = re.compile(r"\s{0,2}(?:/|\}\s?\{)\s{0,2}")

#: Words of what is multiplied by itself as often as a story says.
_GROWS = re.compile(
    r"\b(?:compound\w*|interest|grow\w*|increas\w*|decreas\w*|doubl\w*|tripl\w*|each|every|"
    r"annual\w*|yearly|monthly|weekly|daily|per)\b",
    re.IGNORECASE,
)
#: What stands before a time in which something happens.
_DURING = re.compile(
    r"\b(?:in|for|during|over|after|within|throughout)\s+(?:the\s+)?$", re.IGNORECASE
)
#: Words by which something is for each day.
_PER_PERIOD = re.compile(
    r"\b(?:daily|hourly|weekly|monthly|yearly|(?:per|an?|each|every|/)\s*"
    r"(?:second|minute|hour|day|night|week|month|year)s?)\b",
    re.IGNORECASE,
)
#: Names that say less than those in the trace's own sentence.
_GENERIC = word_set(
    "percent dollars dollar cents euros rupees yen times hours minutes days weeks months years "
    "price amount total fraction number people pounds miles feet inches"
)


@dataclass(frozen=True, slots=True)
class Told:
    """What the text says of one calculation: its ``sentence``, where in that it begins, the numbers
    ``beside`` it, the words ``around`` it, the ``unit`` of the result, whether it is ``money``
    (None: the text does not say what is), and whether it is the count of things or people."""

    sentence: str
    begin: int
    beside: tuple[Mention, ...]
    around: str
    unit: str | None
    money: bool | None
    is_count: bool


@dataclass(frozen=True, slots=True)
class _Sought:
    """A number of a calculation: its ``value``, which has no sign, its ``place``, and the values of
    the ``others``; the unit that it does not change, since another number has that of the result
    (None: it changes the unit, or the text does not say); how the sentence mentions it (``here``,
    None if it does not), or whether that is ``restated`` of something else; what is ``told`` of the
    calculation, and the stems ``said`` around it."""

    value: Fraction
    place: LiteralPlace
    others: tuple[Fraction, ...]
    kept_unit: str | None
    here: Mention | None
    restated: bool
    told: Told
    said: frozenset[str]


class Weigher:
    """Weighs the numbers of one trace's ``calculations``. ``steps`` is the list that their reader
    adds to as it goes, in the order of the trace."""

    def __init__(
        self,
        problem: str,
        trace: str,
        calculations: Sequence[Calculation],
        steps: Sequence[Step],
    ) -> None:
        self.problem = problem
        self.trace = trace
        self.steps = steps
        self.mentions = mentions(problem)
        self.first = first_mentions(problem, self.mentions)
        self.asked = words.final_question(problem)
        #: Which numbers of the problem are a value, each with the form (see `lifting`) that it is
        #: in; and which words of method.
        self.stated: dict[Fraction, list[tuple[int, str]]] = {}
        self.method: dict[Fraction, list[int]] = {}
        self.fractions = {m.value for m in self.mentions if m.noun == "fraction"}
        for index, mention in enumerate(self.mentions):
            if mention.method:
                counted = index > 0 and _is_number_of(self.mentions[index - 1], mention)
                for value in (mention.value, *(() if counted else shares_of(mention))):
                    self.method.setdefault(value, []).append(index)
                continue
            self.stated.setdefault(mention.value, []).append((index, ""))
            for form, word in percent_forms(mention):
                self.stated.setdefault(form, []).append((index, word))
        #: Where the numbers of the last calculation of each form may come from.
        self.forms: dict[str, dict[tuple[int, Fraction], frozenset[tuple[str, str]]]] = {}
        #: What the trace multiplies and divides by, but for the fractions that it writes as the
        #: problem does.
        self.scales = {
            place.number.value
            for calculation in calculations
            for place in literal_places(self.with_fractions(calculation.expression))
            if place.symbol in _OF_PRODUCT
        }

    def with_fractions(self, expression: Expression) -> Expression:
        """The expression with a fraction that the problem states ("2/3 of", "half of") as one
        number, and what it leaves of a whole (1/3) as one less it."""
        if isinstance(expression, Negative):
            return Negative(self.with_fractions(expression.operand))
        if isinstance(expression, Number):
            return expression
        left, right = expression.left, expression.right
        if expression.symbol == "/" and isinstance(right, Number):
            if isinstance(left, Number):
                found = self._fraction(left, right)
                if found is not None:
                    return found
            elif isinstance(left, Binary) and left.symbol == "*" and isinstance(left.right, Number):
                found = self._fraction(left.right, right)
                if found is not None:
                    return Binary("*", self.with_fractions(left.left), found)
        return Binary(expression.symbol, self.with_fractions(left), self.with_fractions(right))

    def _fraction(self, top: Number, bottom: Number) -> Expression | None:
        """A quotient as `with_fractions` has it; None where it is a division."""
        between = self.trace[top.end : bottom.start]
        if not _FRACTION_BAR.fullmatch(between) or bottom.value == 0 or top.percent:
            return None
        value = top.value / bottom.value
        if value in self.fractions:
            return Number(value, top.start, bottom.end)
        if 1 - value in self.fractions:
            one = Number(Fraction(1), top.start, top.end)
            return Binary("-", one, Number(1 - value, bottom.start, bottom.end))
        if value in self.method and bottom.value == value.denominator:
            return Number(value, top.start, bottom.end)
        return None

    def places(self, calculation: Calculation, told: Told) -> list[Place]:
        """The operands of a calculation, each with the sources that its number may come from, best
        first. The calculation is remembered: the next of its form is likely made of the like."""
        expression, said = calculation.expression, stems(told.around)
        words_of_method = {
            m.value for m in mentions(told.sentence) if m.method and m.value in _METHOD_VALUES
        }
        percents = {m.value for m in self.mentions if m.percent}
        percents |= {step.value for step in self.steps if step.unit == "percent"}
        of_percent = any(n.value in percents for n in numbers(expression))
        in_percent = told.unit == "percent"
        # What comes out as dollars or pupils was no hundred percent before.
        is_amount = bool(told.money) or (not in_percent and told.is_count)
        operands = literal_places(
            expression, lambda number: not is_amount and self._is_percent(number, in_percent)
        )
        values = [abs(place.number.value) for place in operands]
        # Of a share as a percentage the hundred that multiplies is the method's, not the things'.
        factors = [p.number for p in operands if p.number.value == 100 and p.symbol == "*"]
        scale = factors[-1] if in_percent and factors and any(p.divides for p in operands) else None
        form = _form_of(expression)
        parallel = self.forms.get(form, {})
        spent: set[int] = set()
        found: list[Place] = []
        for at, place in enumerate(operands):
            value, others = values[at], (*values[:at], *values[at + 1 :])
            here = next(
                (
                    m
                    for m in told.beside
                    if m.value == value and m.start not in spent and not m.method
                ),
                None,
            )
            if here is not None:
                spent.add(here.start)
            restated = here is not None and self._is_restated(here, expression, told)
            kept = told.unit if self._has_unit(others, told) else None
            sought = _Sought(
                value, place, others, kept, None if restated else here, restated, told, said
            )
            if self._is_of_method(sought, scale, of_percent):
                sources: tuple[Source, ...] = (_constant(value, "place", 0.0),)
            else:
                options = self._sources(sought)
                if value in words_of_method and place.symbol in _OF_PRODUCT:
                    options.append(_constant(value, "word", _STATED_METHOD))
                known = parallel.get((at, value), frozenset())
                options = [
                    replace(o, fit=o.fit + _PARALLEL) if o.key in known else o for o in options
                ]
                sources = ranked(options, said)
                keys = frozenset(source.key for source in sources)
                self.forms.setdefault(form, {})[at, value] = keys
            found.append(Place(len(self.steps), at, place.product, sources, place.divides))
        return found

    def _is_restated(self, here: Mention, expression: Expression, told: Told) -> bool:
        """Whether a sentence names a number only as the time in which things happen, before its
        calculation ("in 6 days they eat"), and the calculation has the result just found, which
        happens to be equal; unless something is for each day."""
        latest = self.steps[-1] if self.steps else None
        if latest is None or latest.value != here.value or latest.unit in words.TIMES:
            return False
        if here.start >= told.begin or here.unit not in words.TIMES:
            return False
        before = told.sentence[max(0, here.start - len("throughout the ")) : here.start]
        if _DURING.search(before) is None or _PER_PERIOD.search(told.sentence) is not None:
            return False
        others = [number.value for number in numbers(expression)]
        if others.count(here.value) > 1:  # both may be there
            return False
        return not any(m.value in others and f"_per_{here.unit}" in m.noun for m in self.mentions)

    def _is_percent(self, number: Number, in_percent: bool) -> bool:
        """Whether a number that is added to a hundred, or taken from it, is a percentage:
        everywhere that it may come from, or, where the result is told ``in_percent``, in one of
        these."""
        value = abs(number.value)
        found = [
            self.mentions[index].percent and form in ("", "remaining_percent", "grown_percent")
            for index, form in self.stated.get(value, ())
            if form in ("", "remaining_percent", "grown_percent")
        ]
        found += [step.unit == "percent" for step in self.steps if abs(step.value) == value]
        return any(found) if in_percent else bool(found) and all(found)

    def _is_of_method(self, sought: _Sought, scale: Number | None, of_percent: bool) -> bool:
        """Whether a number is a constant by its place: of hundreds the ``scale`` that makes a
        percentage of the result, if there is one, else one that divides where something is a
        percentage; but not a 2 in an exponent that counts the years of the story, nor a 100 where
        nothing is a percentage."""
        value, place = sought.value, sought.place
        if value == 100 and scale is not None:
            return place.number is scale
        if value == 100 and place.divides and of_percent:
            return True
        if place.role == "hundred":
            return says_constant(value, (sought.told.sentence, self.problem))
        if place.role == "power":
            stated = [m for m in self.mentions if m.value == value]
            grows = _GROWS.search(self.problem) is not None
            return not (grows and any(m.unit in PERIODS or m.noun == "times" for m in stated))
        return place.role == "whole"

    def _sources(self, sought: _Sought) -> list[Source]:
        """Where a number may come from, with what speaks for each but the words that are said."""
        value, here, told = sought.value, sought.here, sought.told
        of_product = sought.place.symbol in _OF_PRODUCT
        found = self._problem_sources(sought)
        is_stated = bool(found)
        if sought.restated:
            found = [source for source in found if not _is_time(source.operand)]
        if value != 0:
            # A result that the sentence does not name may be the number that is stated.
            unnamed = _NOT_NAMED if is_stated and of_product else 0.0
            found += self._results(sought, unnamed)
        if value == 1 and not is_stated:
            found.append(_constant(value, "known", 0.0))
        if not found:
            texts = (told.around, self.problem)
            if value in self.method or says_constant(value, texts):
                return [_constant(value, "known", 0.0)]
            return [_of_trace(value, here, 0.0)]
        is_told = self._is_told_with(value, sought.others)
        found += self._method_sources(sought, is_stated, is_told)
        found += self._sides(sought)
        if is_stated and of_product:
            # Of a number that a calculation has twice one may be the conversion.
            twice = value in sought.others
            asked = self.problem if twice else self.asked
            telling = (told.around, asked, *self.told_of(sought.others))
            is_converted = value > 1 and converts(value, telling, keeps=sought.kept_unit)
            # "15 minutes / 60 minutes" has a 60 of its own, not the 60 miles of the problem.
            units = {self.mentions[index].unit for index, _ in self.stated.get(value, ())}
            is_other = here is not None and here.unit is not None and here.unit not in units
            if is_converted and (twice or is_other or not is_told):
                found.append(_constant(value, "known", _UNSTATED + _CONVERTS))
            else:
                found.append(_of_trace(value, here, _UNSTATED))
        return found

    def _has_unit(self, values: Sequence[Fraction], told: Told) -> bool:
        """Whether one of ``values``, numbers of a calculation, has the unit of its result: what
        stands beside it says its unit, else the result that it is, else the problem."""
        for value in values:
            units = {m.unit for m in told.beside if m.value == value and m.unit}
            units = units or {s.unit for s in self.steps if abs(s.value) == value and s.unit}
            stated = [self.mentions[i].unit for i, form in self.stated.get(value, ()) if not form]
            if told.unit in (units or {unit for unit in stated if unit}):
                return True
        return False

    def told_of(self, values: Sequence[Fraction]) -> list[str]:
        """What the results among the numbers of a calculation are called, with their units."""
        made = [step for step in self.steps if abs(step.value) in values]
        return [f"{step.output.replace('_', ' ')} {step.unit or ''}" for step in made]

    def _is_told_with(self, value: Fraction, others: Sequence[Fraction]) -> bool:
        """Whether the problem has a number of things in one clause with another number of the
        calculation: "3 packs of 12 pens"."""
        problem, found = self.problem, self.mentions
        around = {i for other in others for i, form in self.stated.get(other, ()) if not form}
        return any(
            index != other and in_one_clause(problem, found[index].start, found[other].start)
            for index, form in self.stated.get(value, ())
            if found[index].noun and not form
            for other in around
        )

    def _problem_sources(self, sought: _Sought) -> list[Source]:
        """The numbers of the problem that a number may be, each once."""
        place, here, told = sought.place, sought.here, sought.told
        found: dict[int, Source] = {}
        for index, form in self.stated.get(sought.value, ())[:MAX_STATED]:
            mention, first = self.mentions[index], self.first[index]
            if first in found:
                continue
            fit = operation_fit(mention.noun, place.symbol)
            fit += flow_fit(mention.noun, mention.detail, place.symbol, place.taken, told.around)
            if mention.noun or mention.unit:
                fit += money_fit(mention.unit, place.symbol, told.money)
            if mention.percent and not form:
                fit += _PERCENT if place.in_percent else -_OF_HUNDRED
            if form:
                fit -= _IN_FORM.get(form, _OF_HUNDRED)
            part = {"numerator": "*", "denominator": "/"}.get(mention.noun)
            if mention.noun == "numerator" and self._stands_alone(index):
                continue
            if part is not None:
                fit -= _PART_OF_FRACTION if part == place.symbol else _PART_ELSEWHERE
            if here is not None:
                fit += noun_fit(here.noun, mention.noun) + unit_fit(here.unit, mention.unit)
            datum = self._datum(first, form, here)
            found[first] = Source(datum.key, datum, fit, context(self.problem, mention.start))
        return list(found.values())

    def _stands_alone(self, numerator: int) -> bool:
        """Whether nothing is scaled by the denominator (its next mention) of the fraction that
        this is the ``numerator`` of. Nothing is multiplied by the numerator 1."""
        own, denominator = self.mentions[numerator : numerator + 2]
        return own.value == 1 or denominator.value not in self.scales

    def _results(self, sought: _Sought, unnamed: float) -> list[Source]:
        """The earlier results that a number may be, the latest first; ``unnamed`` is what it counts
        against one that the sentence does not name it."""
        here = sought.here
        found: list[Source] = []
        for step in reversed(self.steps):
            if abs(step.value) != sought.value:
                continue
            fit = _LATEST if step.index == len(self.steps) - 1 else 0.0
            fit += money_fit(step.unit, sought.place.symbol, sought.told.money)
            if sought.value == 1:
                fit -= _ONE
            if here is not None:
                fit += noun_fit(here.noun, step.output) + unit_fit(here.unit, step.unit)
            named = of_result(step.output)
            if named and named.keys().isdisjoint(sought.said):
                fit -= unnamed
            found.append(Source(("step", str(step.index)), Link(step.index), fit, named))
        return found

    def _method_sources(self, sought: _Sought, is_stated: bool, is_told: bool) -> list[Source]:
        """The words of method of the problem ("twice", "a dozen") that a number may be, where it
        may be something else too; ``is_told``: in one clause with another of the calculation."""
        of_product = sought.place.symbol in _OF_PRODUCT
        found: list[Source] = []
        for index in self.method.get(sought.value, [])[:MAX_STATED]:
            mention = self.mentions[index]
            beside = context(self.problem, mention.start)
            if says_how_many(mention.text):
                # A dozen is twelve of something, and the packs of twelve are others.
                elsewhere = is_told or (is_stated and not says_alike(beside, sought.said))
                many = index > 0 and _is_number_of(self.mentions[index - 1], mention)
                if elsewhere if of_product else many:
                    continue
            elif not of_product:
                continue
            fit = method_fit(mention.text, sought.place.symbol, is_share=sought.value < 1)
            key = ("method", str(index))
            found.append(Source(key, Constant(sought.value), fit, beside))
        return found

    def _sides(self, sought: _Sought) -> list[Source]:
        """The four sides of a square that the problem speaks of, where a number may be these: "a
        square garden with sides of 5 m ... $4 a meter": 4 * 5 are meters."""
        here, told = sought.here, sought.told
        if sought.value != SIDES_OF_SQUARE or sought.place.symbol not in _OF_PRODUCT or told.money:
            return []
        square = square_with_sides(self.problem)
        paid = here is not None and words.is_currency(here.unit)
        if square is None or paid or speaks_of_area(f"{told.around} {self.asked}"):
            return []
        key, beside = ("method", "sides"), context(self.problem, square)
        return [Source(key, Constant(sought.value), _SIDES_FIT, beside)]

    def _datum(self, index: int, form: str, here: Mention | None) -> Datum:
        """A number of the problem as an operand, with the names to call it by."""
        mention = self.mentions[index]
        noun = mention.noun
        names = [noun] if noun else []
        if here is not None and here.noun:
            if not noun or (noun in _GENERIC and here.noun not in _GENERIC):
                names.insert(0, here.noun)
            else:
                names.append(here.noun)
        unit = mention.unit or (here.unit if here and not noun else None)
        special = f"{names[0]}_{mention.detail}" if names and mention.detail else ""
        side = {"numerator": index - 1, "denominator": index - 2}.get(noun)
        whole = None
        key = ("problem", str(index))
        if side is not None:
            key = (noun, str(side))
            whole = (("problem", str(side)), self.mentions[side].value)
        return Datum(key, mention.value, tuple(dict.fromkeys(names)), unit, special, form, whole)


def _form_of(expression: Expression) -> str:
    """A calculation without its numbers."""
    return render(expression, lambda number: "n")


def _constant(value: Fraction, kind: str, fit: float) -> Source:
    return Source((kind, str(value)), Constant(value), fit, {})


def _of_trace(value: Fraction, here: Mention | None, fit: float) -> Source:
    """The trace's own number, called what it is called ``here``."""
    names = (here.noun,) if here is not None and here.noun else ()
    key = ("trace", str(value))
    return Source(key, Datum(key, value, names, here.unit if here else None), fit, {})


def _is_time(operand: Operand) -> bool:
    """Whether an operand is a time that the problem states."""
    return isinstance(operand, Datum) and operand.unit in words.TIMES


def _is_number_of(number: Mention, part: Mention) -> bool:
    """Whether ``number`` says how many of a ``part`` are meant: "three quarters"."""
    return not number.method and number.value != 1 and part.start - number.end <= 1
