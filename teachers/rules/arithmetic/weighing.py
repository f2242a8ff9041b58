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
    WELL_KNOWN,
    Mention,
    mentions,
    percent_forms,
    shares_of,
)
from tracemine.teachers.rules.arithmetic.literal_places import (
    LiteralPlace,
    PlaceRole,
    literal_places,
)
from tracemine.teachers.rules.arithmetic.routines import Constant, Datum, Link, Operand, Step
from tracemine.teachers.rules.arithmetic.sources import (
    SIDES_OF_SQUARE,
    Place,
    Source,
    context,
    counts,
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
    speaks_of_area,
    square_with_sides,
    stems,
    unit_fit,
)
from tracemine.teachers.rules.language import words
from tracemine.teachers.rules.language.numerals import word_set

#: Most places of a problem that are weighed where it states one number.
MAX_STATED = 12

#: What speaks for a source of a number beside the words (see `sources`): that it is the result
#: just found, that the sentence says "twice"; and against it: that the
#: number is another form of a percentage, part of a fraction, or not what the problem states, and
#: that a result is one, which many numbers are, or that the sentence does not name it.
_LATEST = 0.75
_NOT_NAMED = 0.5
_ONE = 1.0
_STATED_METHOD = 3.0
_IN_FORM = {"fraction": 0.5, "remaining_fraction": 1.0, "growth_factor": 1.0}
_OF_HUNDRED = 3.0
#: ... and that a percentage stands in a calculation with a hundred.
_PERCENT = 1.5
_PART_OF_FRACTION, _PART_ELSEWHERE = 0.5, 2.0
_UNSTATED = -3.5
#: ... and that a calculation of the same form has the number there too, from that source.
_PARALLEL = 1.0
#: ... and that the problem speaks of both units that the number takes into one another.
_CONVERTS = 4.0
#: ... and that a square with sides stands in the problem.
_SIDES_FIT = -0.5
#: The numbers of words like "twice" that a sentence may write in digits too.
_METHOD_VALUES = frozenset(map(Fraction, (2, 3, 4, 12)))

_FRACTION_BAR = re.compile(r"\s{0,2}(?:/|\}\s?\{)\s{0,2}")

_PERIODS = word_set("day week month year")
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
_GENERIC = word_set(
    "percent dollars dollar cents times hours minutes days weeks months years price amount total "
    "fraction number people pounds miles feet inches"
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


class Weigher:
    """Weighs the numbers of one trace's ``calculations``. ``steps`` is the list that their reader
    adds to as it goes."""

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
        for index, mention in enumerate(self.mentions):
            if mention.method:
                counted = index > 0 and _counts(self.mentions[index - 1], mention)
                for value in (mention.value, *(() if counted else shares_of(mention))):
                    self.method.setdefault(value, []).append(index)
                continue
            self.stated.setdefault(mention.value, []).append((index, ""))
            for form, word in percent_forms(mention):
                if form != mention.value:
                    self.stated.setdefault(form, []).append((index, word))
        #: Where the numbers of the last calculation of each form may come from.
        self.forms: dict[str, dict[tuple[int, Fraction], frozenset[tuple[str, str]]]] = {}
        #: What the trace multiplies and divides by, but for the fractions that it writes as the
        #: problem does.
        self.scales = {
            place.number.value
            for calculation in calculations
            for place in literal_places(self.with_fractions(calculation.expression))
            if place.symbol in ("*", "/")
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
        between = self.trace[top.end : bottom.start]
        if not _FRACTION_BAR.fullmatch(between) or bottom.value == 0 or top.percent:
            return None
        stated = {m.value for m in self.mentions if m.noun == "fraction"}
        value = top.value / bottom.value
        if value in stated:
            return Number(value, top.start, bottom.end)
        if 1 - value in stated:
            one = Number(Fraction(1), top.start, top.end)
            return Binary("-", one, Number(1 - value, bottom.start, bottom.end))
        if value in self.method and bottom.value == value.denominator:
            return Number(value, top.start, bottom.end)
        return None

    def places(self, calculation: Calculation, told: Told) -> list[Place]:
        """The operands of a calculation, each with the sources that its number may come from."""
        said = stems(told.around)
        words_of_method = {
            m.value for m in mentions(told.sentence) if m.method and m.value in _METHOD_VALUES
        }
        spent: set[int] = set()
        found: list[Place] = []
        percents = {m.value for m in self.mentions if m.percent}
        percents |= {step.value for step in self.steps if step.unit == "percent"}
        of_percent = any(n.value in percents for n in numbers(calculation.expression))
        form = _form_of(calculation.expression)
        parallel = self.forms.get(form, {})
        in_percent = told.unit == "percent"
        # What comes out as dollars or pupils was no hundred percent before.
        is_amount = bool(told.money) or (not in_percent and told.is_count)
        operands = literal_places(
            calculation.expression,
            lambda number: not is_amount and self._is_percent(number, in_percent),
        )
        values = [abs(place.number.value) for place in operands]
        # Of a share as a percentage the hundred that multiplies is the method's, not the things'.
        factors = [p.number for p in operands if p.number.value == 100 and p.symbol == "*"]
        scale = factors[-1] if in_percent and factors and any(p.divides for p in operands) else None
        for at, place in enumerate(operands):
            others = (*values[:at], *values[at + 1 :])
            kept = (
                told.unit if any(told.unit in self._units(v, told.beside) for v in others) else None
            )
            place = replace(place, money=told.money, others=others, kept_unit=kept)
            value = values[at]
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
            restated = here is not None and self._is_restated(
                here, calculation.expression, told.begin, told.sentence
            )
            if restated:
                here = None
            if scale is not None and value == 100:
                place = replace(place, role="one" if place.number is scale else "")
            hundred = value == 100 and place.divides and of_percent and scale is None
            is_method = place.role and self._is_method(value, place.role, told.sentence)
            if is_method or hundred:
                sources: tuple[Source, ...] = (_constant(value, "place", 0.0),)
            else:
                options = self._sources(value, place, here, told.around, said)
                if restated:
                    options = [o for o in options if not self._is_period(o.operand)]
                if value in words_of_method and place.symbol in ("*", "/"):
                    options.append(_constant(value, "word", _STATED_METHOD))
                known = parallel.get((len(found), value), frozenset())
                options = [
                    replace(o, fit=o.fit + _PARALLEL) if o.key in known else o for o in options
                ]
                sources = ranked(options, said)
                keys = frozenset(source.key for source in sources)
                self.forms.setdefault(form, {})[len(found), value] = keys
            at_product = (len(self.steps), len(found), place.product)
            found.append(Place(*at_product, sources, place.divides))
        return found

    def _is_restated(
        self, here: Mention, expression: Expression, begin: int, sentence: str
    ) -> bool:
        """Whether a sentence names a number only as the time in which things happen, before its
        calculation ("in 6 days they eat"), and the calculation has the result just found, which
        happens to be equal; unless something is for each day."""
        latest = self.steps[-1] if self.steps else None
        if latest is None or latest.value != here.value or latest.unit in words.TIMES:
            return False
        if here.start >= begin or here.unit not in words.TIMES:
            return False
        during = _DURING.search(sentence[max(0, here.start - len("throughout the ")) : here.start])
        if during is None or _PER_PERIOD.search(sentence) is not None:
            return False
        others = [number.value for number in numbers(expression)]
        if others.count(here.value) > 1:  # both may be there
            return False
        return not any(m.value in others and f"_per_{here.unit}" in m.noun for m in self.mentions)

    def _is_period(self, operand: Operand) -> bool:
        """Whether an operand is a time that the problem states."""
        return isinstance(operand, Datum) and operand.unit in words.TIMES

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

    def _is_method(self, value: Fraction, role: PlaceRole, sentence: str) -> bool:
        """Whether a number in this place is a constant: not a 2 in an exponent that counts the
        years of the story, nor a 100 where nothing is a percentage."""
        if role == "hundred":
            return says_constant(value, (sentence, self.problem))
        if role == "power":
            stated = [m for m in self.mentions if m.value == value and not m.method]
            grows = _GROWS.search(self.problem) is not None
            return not (grows and any(m.unit in _PERIODS or m.noun == "times" for m in stated))
        return True

    def _sources(
        self,
        value: Fraction,
        place: LiteralPlace,
        here: Mention | None,
        around: str,
        said: frozenset[str],
    ) -> list[Source]:
        """Where a number may come from, with what speaks for each but what is ``said``, the words
        ``around`` it."""
        symbol, problem = place.symbol, self.problem
        found = self._problem_sources(value, place, here, around)
        is_stated = bool(found)
        if value != 0:
            results = self._results(value, place, here)
            if is_stated and symbol in ("*", "/"):
                # A result that the sentence does not name may be the number that is stated.
                results = [
                    replace(r, fit=r.fit - _NOT_NAMED)
                    if r.context and r.context.keys().isdisjoint(said)
                    else r
                    for r in results
                ]
            found += results
        if value == 1 and not is_stated:
            found.append(_constant(value, "known", 0.0))
        method = self.method.get(value, [])
        is_told = self._is_told_with(value, place.others)
        if found:
            for index in method[:MAX_STATED]:
                mention = self.mentions[index]
                beside = context(problem, mention.start)
                if counts(mention.text):
                    # A dozen is twelve of something, and the packs of twelve are others.
                    elsewhere = is_told or (is_stated and not says_alike(beside, said))
                    many = index > 0 and _counts(self.mentions[index - 1], mention)
                    if elsewhere if symbol in ("*", "/") else many:
                        continue
                elif symbol not in ("*", "/"):
                    continue
                fit = method_fit(mention.text, symbol, is_share=value < 1)
                found.append(Source(("method", str(index)), Constant(value), fit, beside))
        if found and value == SIDES_OF_SQUARE and symbol in ("*", "/") and not place.money:
            # "A square garden with sides of 5 m ... $4 a meter": 4 * 5 are meters.
            square = square_with_sides(problem)
            paid = here is not None and (here.unit or "").startswith("dollar")
            if square is not None and not paid and not speaks_of_area(f"{around} {self.asked}"):
                beside = context(problem, square)
                found.append(Source(("method", "sides"), Constant(value), _SIDES_FIT, beside))
        known = value in WELL_KNOWN
        if not found and (method or (known and says_constant(value, (around, problem)))):
            return [_constant(value, "known", 0.0)]
        name = (here.noun,) if here is not None and here.noun else ()
        own = Datum(("trace", str(value)), value, name, here.unit if here else None)
        if not found:
            return [Source(own.key, own, 0.0, {})]
        if is_stated and symbol in ("*", "/"):
            # Of a number that a calculation has twice one may be the conversion.
            twice = value in place.others
            telling = (around, problem if twice else self.asked, *self.told_of(place.others))
            is_converted = known and value > 1 and converts(value, telling, keeps=place.kept_unit)
            # "15 minutes / 60 minutes" has a 60 of its own, not the 60 miles of the problem.
            units = {self.mentions[index].unit for index, _ in self.stated.get(value, ())}
            is_other = here is not None and here.unit is not None and here.unit not in units
            if is_converted and (twice or is_other or not is_told):
                found.append(_constant(value, "known", _UNSTATED + _CONVERTS))
            else:
                found.append(Source(own.key, own, _UNSTATED, {}))
        return found

    def _units(self, value: Fraction, beside: Sequence[Mention]) -> set[str]:
        """The unit of a number in a calculation: what stands ``beside`` it says that, else the
        result that it is, else the problem."""
        own = {m.unit for m in beside if m.value == value and m.unit}
        own = own or {step.unit for step in self.steps if abs(step.value) == value and step.unit}
        told = [self.mentions[i].unit for i, form in self.stated.get(value, ()) if not form]
        return own or {unit for unit in told if unit}

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

    def _problem_sources(
        self, value: Fraction, place: LiteralPlace, here: Mention | None, around: str
    ) -> list[Source]:
        """The numbers of the problem that a value may be, each once."""
        found: dict[int, Source] = {}
        for index, form in self.stated.get(value, ())[:MAX_STATED]:
            mention = self.mentions[index]
            if self.first[index] in found:
                continue
            fit = operation_fit(mention.noun, place.symbol)
            fit += flow_fit(mention.noun, mention.detail, place.symbol, place.taken, around)
            if mention.noun or mention.unit:
                fit += money_fit(mention.unit, place.symbol, place.money)
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
            datum = self._datum(self.first[index], form, here)
            beside = context(self.problem, mention.start)
            found[self.first[index]] = Source(datum.key, datum, fit, beside)
        return list(found.values())

    def _stands_alone(self, numerator: int) -> bool:
        """Whether nothing is scaled by the denominator (its next mention) of the fraction that
        this is the ``numerator`` of. Nothing is multiplied by the numerator 1."""
        own, denominator = self.mentions[numerator : numerator + 2]
        return own.value == 1 or denominator.value not in self.scales

    def _results(self, value: Fraction, place: LiteralPlace, here: Mention | None) -> list[Source]:
        """The earlier results that a value may be, the latest first."""
        found: list[Source] = []
        for step in reversed(self.steps):
            if abs(step.value) != value:
                continue
            fit = _LATEST if step.index == len(self.steps) - 1 else 0.0
            fit += money_fit(step.unit, place.symbol, place.money)
            if value == 1:
                fit -= _ONE
            if here is not None:
                fit += noun_fit(here.noun, step.output) + unit_fit(here.unit, step.unit)
            key = ("step", str(step.index))
            found.append(Source(key, Link(step.index), fit, of_result(step.output)))
        return found

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


def _counts(number: Mention, part: Mention) -> bool:
    """Whether ``number`` says how many of a ``part`` are meant: "three quarters"."""
    return not number.method and number.value != 1 and part.start - number.end <= 1
