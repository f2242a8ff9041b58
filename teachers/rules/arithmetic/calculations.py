"""Reads the arithmetic that a trace states: ``<<48/2=24>>`` annotations and ``16 - 3 - 4 = 9``.

Each calculation that holds exactly is a step. Its operands are earlier results, data of the
instance or constants of the method (`lifting`); steps that feed one another also give the routine
from the data to each of them. What does not hold is counted and not mined.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from tracemine.schemas import Span, Trajectory, decode
from tracemine.schemas.records import Kind
from tracemine.teachers.base import Dropped, Segmentation
from tracemine.teachers.rules.arithmetic import composition
from tracemine.teachers.rules.arithmetic.chains import (
    MAX_CALCULATIONS,
    TOLERANCE,
    Calculation,
    find_calculations,
    verdict,
    without_annotations,
)
from tracemine.teachers.rules.arithmetic.conversions import converts, says_constant
from tracemine.teachers.rules.arithmetic.expressions import (
    Binary,
    Expression,
    Negative,
    NotArithmeticError,
    Number,
    literal,
    numbers,
    plain,
    render,
)
from tracemine.teachers.rules.arithmetic.lifting import (
    WELL_KNOWN,
    Mention,
    mentions,
    percent_forms,
    shares_of,
)
from tracemine.teachers.rules.arithmetic.measures import UnitsError
from tracemine.teachers.rules.arithmetic.naming import call, question_words, result_words
from tracemine.teachers.rules.arithmetic.roles import quantity
from tracemine.teachers.rules.arithmetic.routines import (
    Constant,
    Datum,
    Formulas,
    Link,
    Operand,
    Routine,
    Step,
    outer_symbol,
    routine_of,
)
from tracemine.teachers.rules.arithmetic.sources import (
    SIDES_OF_SQUARE,
    Place,
    Reading,
    Source,
    context,
    counts,
    first_mentions,
    flow_fit,
    in_one_clause,
    in_products,
    method_fit,
    money_fit,
    noun_fit,
    of_result,
    operation_fit,
    ranked,
    readings,
    says_alike,
    speaks_of_area,
    speaks_of_squares,
    square_with_sides,
    stems,
    unit_fit,
)
from tracemine.teachers.rules.derived.operations import operations
from tracemine.teachers.rules.derived.spans import Case, make_span
from tracemine.teachers.rules.derived.tools import single_tool
from tracemine.teachers.rules.language import words
from tracemine.teachers.rules.language.numerals import word_set
from tracemine.teachers.rules.language.quotes import Quotes, is_quotable
from tracemine.teachers.rules.written.boundaries import MAX_STEP_CHARS
from tracemine.teachers.rules.written.steps import ABANDONED, Steps
from tracemine.teachers.rules.written.titles import asks_for_difference, general_title
from tracemine.verifiers.numbers import parse_number
from tracemine.verifiers.texts import plain_text

#: Most steps that are mined from one trace, and most spans.
MAX_STEPS = 40
MAX_SPANS = 100
#: Most steps of one composed routine.
MAX_COMPOSED = 20
TOO_MANY = "too many calculations in one trace"
#: Composed routines whose steps lie further apart, in characters, are left out: over such a
#: distance equal numbers are mostly chance. The routine of the final answer is exempt.
MAX_QUOTE = 4_000
#: How far before an annotation, in characters, its bare numbers may begin.
MAX_TAIL = 200
#: Most places of a problem that are weighed where it states one number.
MAX_STATED = 12
#: How far around a calculation, in characters, its sentence says what its numbers are.
AROUND = 300

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


def read_calculations(
    trajectory: Trajectory,
    written: Steps | None = None,
    claimed: Sequence[tuple[int, int]] = (),
) -> Segmentation:
    """The calculations of a trace as spans: each step, and for steps that use earlier results the
    routines that `composition` proposes. ``written`` are the steps of the trace, where the caller
    has them. A calculation in a ``claimed`` piece of the trace is part of such routines, and none
    of its own: `derivations` has read it as the formula that it is. Time is linear in the length
    of the trace."""
    reader = _Reader(trajectory, written or Steps(trajectory.trace), claimed)
    reader.read()
    spans, dropped = reader.spans()
    return Segmentation(tuple(spans), tuple(dropped))


# --- operands ---------------------------------------------------------------------------------


_PlaceRole = Literal["", "power", "hundred", "one"]


@dataclass(frozen=True, slots=True)
class _Place:
    """A literal operand: what its place may make it (a small exponent, the 100 of a percentage, the
    1 in ``1 - 0.2``; empty for any other), the operation that it is an operand of, the product
    that it is a factor of (None for a term), whether the number before a percent sign may stand
    there, whether it is a divisor, or behind a minus, whether the result is money (None: the text
    does not say what is), the other numbers of the calculation, and the unit that it does not
    change (None: it changes the unit, or the text does not say)."""

    number: Number
    role: _PlaceRole
    symbol: str
    product: int | None
    in_percent: bool
    divides: bool = False
    taken: bool = False
    money: bool | None = None
    others: tuple[Fraction, ...] = ()
    kept_unit: str | None = None


def _operand_places(
    expression: Expression, is_percent: Callable[[Number], bool] = lambda number: False
) -> list[_Place]:
    """The literal operands from left to right. ``is_percent`` says which numbers, where they are
    added or taken away, are percentages."""
    found: list[_Place] = []
    products = 0
    percent = _is_of_hundred(expression, is_percent)

    def walk(part: Expression, place: _Place | None, product: int | None) -> None:
        nonlocal products
        if isinstance(part, Number):
            found.append(place or _Place(part, "", "", None, percent))
        elif isinstance(part, Negative):
            walk(part.operand, None, product)
        else:
            within = None
            if part.symbol in ("*", "/", "**"):
                products += product is None
                within = products if product is None else product
            for side, other in ((part.left, part.right), (part.right, part.left)):
                below = None
                if isinstance(side, Number):
                    is_right = side is part.right
                    role = _place_role(part.symbol, side, other, is_right, is_percent)
                    divides = is_right and part.symbol == "/"
                    taken = is_right and part.symbol == "-"
                    below = _Place(side, role, part.symbol, within, percent, divides, taken)
                walk(side, below, within)

    walk(expression, None, None)
    return found


def _form_of(expression: Expression) -> str:
    """A calculation without its numbers."""
    return render(expression, lambda number: "n")


_HUNDREDTHS = (Fraction(100), Fraction(1, 100))


def _is_of_hundred(expression: Expression, is_percent: Callable[[Number], bool]) -> bool:
    """Whether the number before a percent sign may stand in a calculation: where something is a
    percentage, or multiplied or divided by a hundred, or where a hundred is the whole of which a
    percentage is taken. A hundred dollars beside forty are none of these."""
    if isinstance(expression, Number):
        return expression.percent
    if isinstance(expression, Negative):
        return _is_of_hundred(expression.operand, is_percent)
    symbol, left, right = expression.symbol, expression.left, expression.right
    if symbol in "*/" and any(
        isinstance(side, Number) and side.value in _HUNDREDTHS for side in (left, right)
    ):
        return True
    if _is_whole(symbol, left, right, is_percent):
        return True
    return _is_of_hundred(left, is_percent) or _is_of_hundred(right, is_percent)


def _is_whole(
    symbol: str, part: Expression, other: Expression, is_percent: Callable[[Number], bool]
) -> bool:
    """Whether ``part`` is the hundred of a hundred percent, to which ``other`` is added, or from
    which it is taken."""
    if symbol not in "+-" or not isinstance(part, Number) or part.value != 100:
        return False
    return part.percent or _is_percentage(other, is_percent)


def _is_percentage(expression: Expression, is_percent: Callable[[Number], bool]) -> bool:
    """Whether a number, or each term of a sum, is a percentage."""
    if isinstance(expression, Number):
        return expression.percent or is_percent(expression)
    if isinstance(expression, Negative) or expression.symbol not in "+-":
        return False
    sides = (expression.left, expression.right)
    return all(_is_percentage(side, is_percent) for side in sides)


def _place_role(
    symbol: str,
    part: Number,
    other: Expression,
    is_right: bool,
    is_percent: Callable[[Number], bool],
) -> _PlaceRole:
    if symbol == "**":
        return "power" if is_right and part.value in (2, 3) else ""
    if symbol in "+-" and part.value == 1 and not part.percent:
        if isinstance(other, Binary):
            return "one" if other.symbol == "/" else ""
        broken = isinstance(other, Number) and (other.value.denominator != 1 or other.percent)
        return "one" if broken else ""
    if not is_right and _is_whole(symbol, part, other, is_percent):
        return "one"
    if symbol == "/" and is_right and part.value == 100 and not isinstance(other, Binary):
        return "hundred"
    return ""


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


class _Reader:
    """One pass over one trajectory."""

    def __init__(
        self, trajectory: Trajectory, written: Steps, claimed: Sequence[tuple[int, int]]
    ) -> None:
        self.trajectory = trajectory
        self.claimed = claimed
        self.trace = trajectory.trace
        self.written = written
        self.text = words.without_math_signs(without_annotations(self.trace))
        self.latex = words.is_latex(self.trace) or words.is_latex(trajectory.problem)
        self.quotes = Quotes(self.trace)
        self.mentions = mentions(trajectory.problem)
        self.names = words.proper_names(trajectory.problem)
        self.steps: list[Step] = []
        self.formulas = Formulas(self.steps)
        self.dropped: list[Dropped] = []
        self.first = first_mentions(trajectory.problem, self.mentions)
        self.has_money = "$" in self.text
        self.asked = words.final_question(trajectory.problem)
        #: The words of the problem, in both numbers.
        said = re.findall(r"[a-z]+", trajectory.problem.lower())
        self.known = frozenset(said) | {words.singular(word) for word in said}
        self.known |= {f"{word}s" for word in said}
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
        #: What the trace multiplies and divides by, but for the fractions that it writes as the
        #: problem does.
        self.scales: set[Fraction] = set()
        self.places: list[Place] = []
        #: Where the numbers of the last calculation of each form may come from.
        self.forms: dict[str, dict[tuple[int, Fraction], frozenset[tuple[str, str]]]] = {}
        #: Other readings: the steps with one operand from elsewhere, and which step that is.
        self.others: list[tuple[int, list[Step]]] = []
        #: Where the spans of the first reading stand in the list of all, by their steps.
        self.first_spans: dict[tuple[int, ...], int] = {}

    def read(self) -> None:
        seen: set[tuple[str, Fraction]] = set()
        calculations = find_calculations(self.trace)
        self.scales = {
            place.number.value
            for calculation in calculations
            for place in _operand_places(self._with_fractions(calculation.expression))
            if place.symbol in ("*", "/")
        }
        for number, calculation in enumerate(calculations):
            if number == MAX_CALCULATIONS:  # it says no more about what comes after them
                start, end = calculation.start, len(self.trace)
                detail = f"not read from here on: {self.trace[start : start + 100]}"
                self.dropped.append(Dropped(start, end, TOO_MANY, detail))
                break
            value, reason = verdict(calculation)
            if self.written.is_abandoned(calculation.start):
                value, reason = None, ABANDONED
            if value is not None:
                key = (render(calculation.expression, lambda n: literal(n.value)), value)
                if key in seen:
                    reason = "repeated calculation"
                elif len(self.steps) >= MAX_STEPS:
                    reason = TOO_MANY
                else:
                    seen.add(key)
            if reason or value is None:
                self._drop(calculation, reason)
            else:
                self._add(calculation, value)
        self._settle()

    def _settle(self) -> None:
        """Give each operand the source that fits best among all."""
        squares = self.latex or speaks_of_squares(f"{self.trajectory.problem} {self.text}")
        are_products = [
            isinstance(expression, Binary) and expression.symbol in ("*", "/")
            for expression in (step.calculation.expression for step in self.steps)
        ]
        places = in_products(self.places, are_products)
        first, *others = readings(places, squares=squares)
        before = list(self.steps)
        self.steps[:] = _as_read(before, first)
        self.others = [(other.changed, _as_read(before, other)) for other in others]

    def _with_fractions(self, expression: Expression) -> Expression:
        """The expression with a fraction that the problem states ("2/3 of", "half of") as one
        number, and what it leaves of a whole (1/3) as one less it."""
        if isinstance(expression, Negative):
            return Negative(self._with_fractions(expression.operand))
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
                    return Binary("*", self._with_fractions(left.left), found)
        return Binary(expression.symbol, self._with_fractions(left), self._with_fractions(right))

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

    def _drop(self, calculation: Calculation, reason: str) -> None:
        detail = self.trace[calculation.start : calculation.end][:200]
        self.dropped.append(Dropped(calculation.start, calculation.end, reason, detail))

    def _add(self, calculation: Calculation, value: Fraction) -> None:
        start, end = self.quotes.around(calculation.start, calculation.end)
        if not is_quotable(self.trace[start:end]):
            self._drop(calculation, "quote too short")
            return
        expression = self._with_fractions(calculation.expression)
        calculation = replace(calculation, expression=expression)
        places = self._places(calculation, start, end)
        if not any(_is_of_instance(source.operand) for p in places for source in p.sources):
            self._drop(calculation, "no data of the instance")
            return
        self.places += places
        question = self._written_question(calculation)
        step = Step(
            len(self.steps), calculation, value, tuple(p.sources[0].operand for p in places),
            start, end, self._output(calculation, start, end, question),
            self._unit(calculation, end), question,
        )  # fmt: skip
        self.steps.append(step)

    def _written_question(self, calculation: Calculation) -> str:
        """The subquestion that the trace writes before a step ("How many are left? ** ...")."""
        place = self.written.at(calculation.start)
        if place < 0 or self.written.all[place].opening != "question":
            return ""
        return self.written.all[place].question

    def _output(self, calculation: Calculation, start: int, end: int, question: str) -> str:
        found = question_words(question) if question else ()
        places = _operand_places(calculation.expression)
        if asks_for_difference(question) and all(place.symbol == "+" for place in places):
            values = [abs(place.number.value) for place in places]
            made = " ".join(self._told_of(values))
            found = found if asks_for_difference(made) else ()
        if not found:
            symbol = outer_symbol(calculation.expression)
            begin = self._phrase_start(calculation, start)
            found = result_words(
                self.text[start:end],
                begin - start,
                calculation.result_start - start,
                calculation.result_end - start,
                symbol,
                self.names,
            )
        return words.identifier(found)

    def _phrase_start(self, calculation: Calculation, start: int) -> int:
        """Where the calculation begins in plain text; an annotation stands behind it."""
        if not calculation.annotated:
            return calculation.start
        before = self.text[start : calculation.start].rstrip(" $=")
        match = _PLAIN_TAIL.search(before)
        return start + match.start() if match else start + len(before)

    def _expression_start(self, calculation: Calculation, start: int) -> int:
        """Where the bare numbers of the calculation begin in plain text: those of an annotation
        stand before it, and may have words between them, which name them."""
        if not calculation.annotated:
            return calculation.start
        before = self.text[start : calculation.start].rstrip(" $=")
        match = _BARE_TAIL.search(before, max(0, len(before) - MAX_TAIL))
        return start + match.start() if match else calculation.start

    def _is_signed(self, calculation: Calculation) -> bool:
        """Whether a dollar sign stands before the result; that of an annotated one may stand
        before the annotation."""
        start, end = calculation.result_start, calculation.result_end
        before = self.text[max(0, calculation.start - 2) : start].rstrip()
        return before.endswith("$") or self.text[start:end].startswith("$")

    def _unit(self, calculation: Calculation, end: int) -> str | None:
        if self._is_signed(calculation):
            return "dollar"
        called = call(self.text[:end], calculation.result_start, calculation.result_end)
        return called.unit

    def _places(self, calculation: Calculation, start: int, end: int) -> list[Place]:
        """The operands of a calculation, each with the sources that its number may come from."""
        low = start if calculation.annotated else calculation.start
        high = calculation.start if calculation.annotated else calculation.end
        sentence = self.text[start:end]
        # What stands before a calculation ("The speed is 40 / 2") is what it gives, not what its
        # first number is.
        begin = self._expression_start(calculation, start) - start
        own = " " * begin + sentence[begin:]
        beside = [
            mention
            for text in (sentence, own)
            for mention in mentions(text, fractions=False)
            if (mention.start >= begin) == (text is own)
            and low <= mention.start + start
            and mention.end + start <= high
        ]
        around = self.text[max(start, calculation.start - AROUND) : min(end, high + AROUND)]
        said = stems(around)
        words_of_method = {
            m.value for m in mentions(sentence) if m.method and m.value in _METHOD_VALUES
        }
        spent: set[int] = set()
        found: list[Place] = []
        percents = {m.value for m in self.mentions if m.percent}
        percents |= {step.value for step in self.steps if step.unit == "percent"}
        of_percent = any(n.value in percents for n in numbers(calculation.expression))
        money = self._is_signed(calculation) if self.has_money else None
        form = _form_of(calculation.expression)
        parallel = self.forms.get(form, {})
        unit = self._unit(calculation, end)
        in_percent = unit == "percent"
        # What comes out as dollars or pupils was no hundred percent before.
        is_amount = bool(money) or (not in_percent and self._is_count(calculation, start, end))
        operands = _operand_places(
            calculation.expression,
            lambda number: not is_amount and self._is_percent(number, in_percent),
        )
        values = [abs(place.number.value) for place in operands]
        # Of a share as a percentage the hundred that multiplies is the method's, not the things'.
        factors = [p.number for p in operands if p.number.value == 100 and p.symbol == "*"]
        scale = factors[-1] if in_percent and factors and any(p.divides for p in operands) else None
        for at, place in enumerate(operands):
            others = (*values[:at], *values[at + 1 :])
            kept = unit if any(unit in self._units(v, beside) for v in others) else None
            place = replace(place, money=money, others=others, kept_unit=kept)
            value = values[at]
            here = next(
                (m for m in beside if m.value == value and m.start not in spent and not m.method),
                None,
            )
            if here is not None:
                spent.add(here.start)
            restated = here is not None and self._is_restated(
                here, calculation.expression, begin, sentence
            )
            if restated:
                here = None
            if scale is not None and value == 100:
                place = replace(place, role="one" if place.number is scale else "")
            hundred = value == 100 and place.divides and of_percent and scale is None
            is_method = place.role and self._is_method(value, place.role, sentence)
            if is_method or hundred:
                sources: tuple[Source, ...] = (_constant(value, "place", 0.0),)
            else:
                options = self._sources(value, place, here, around)
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

    def _is_count(self, calculation: Calculation, start: int, end: int) -> bool:
        """Whether a hundred in a calculation is one that the problem states, and the text calls
        the result things or people."""
        hundred = Fraction(100)
        if hundred not in self.stated or all(
            n.value != 100 for n in numbers(calculation.expression)
        ):
            return False
        return quantity(self._output(calculation, start, end, "")).is_counted

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

    def _is_method(self, value: Fraction, role: _PlaceRole, sentence: str) -> bool:
        """Whether a number in this place is a constant: not a 2 in an exponent that counts the
        years of the story, nor a 100 where nothing is a percentage."""
        if role == "hundred":
            return says_constant(value, (sentence, self.trajectory.problem))
        if role == "power":
            stated = [m for m in self.mentions if m.value == value and not m.method]
            grows = _GROWS.search(self.trajectory.problem) is not None
            return not (grows and any(m.unit in _PERIODS or m.noun == "times" for m in stated))
        return True

    def _sources(
        self, value: Fraction, place: _Place, here: Mention | None, around: str
    ) -> list[Source]:
        """Where a number may come from, with what speaks for each but the words ``around`` it."""
        symbol, problem = place.symbol, self.trajectory.problem
        found = self._problem_sources(value, place, here, around)
        is_stated = bool(found)
        if value != 0:
            results = self._results(value, place, here)
            if is_stated and symbol in ("*", "/"):
                # A result that the sentence does not name may be the number that is stated.
                results = [
                    replace(r, fit=r.fit - _NOT_NAMED)
                    if r.context and r.context.keys().isdisjoint(stems(around))
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
                    elsewhere = is_told or (is_stated and not says_alike(beside, stems(around)))
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
            said = (around, problem if twice else self.asked, *self._told_of(place.others))
            is_converted = known and value > 1 and converts(value, said, keeps=place.kept_unit)
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

    def _told_of(self, values: Sequence[Fraction]) -> list[str]:
        """What the results among the numbers of a calculation are called, with their units."""
        made = [step for step in self.steps if abs(step.value) in values]
        return [f"{step.output.replace('_', ' ')} {step.unit or ''}" for step in made]

    def _is_told_with(self, value: Fraction, others: Sequence[Fraction]) -> bool:
        """Whether the problem has a number of things in one clause with another number of the
        calculation: "3 packs of 12 pens"."""
        problem, found = self.trajectory.problem, self.mentions
        around = {i for other in others for i, form in self.stated.get(other, ()) if not form}
        return any(
            index != other and in_one_clause(problem, found[index].start, found[other].start)
            for index, form in self.stated.get(value, ())
            if found[index].noun and not form
            for other in around
        )

    def _problem_sources(
        self, value: Fraction, place: _Place, here: Mention | None, around: str
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
            beside = context(self.trajectory.problem, mention.start)
            found[self.first[index]] = Source(datum.key, datum, fit, beside)
        return list(found.values())

    def _stands_alone(self, numerator: int) -> bool:
        """Whether nothing is scaled by the denominator (its next mention) of the fraction that
        this is the ``numerator`` of. Nothing is multiplied by the numerator 1."""
        own, denominator = self.mentions[numerator : numerator + 2]
        return own.value == 1 or denominator.value not in self.scales

    def _results(self, value: Fraction, place: _Place, here: Mention | None) -> list[Source]:
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

    # --- routines -----------------------------------------------------------------------------

    def spans(self) -> tuple[list[Span], list[Dropped]]:
        """The spans of all steps and cones, in the order of the trace; after them those of other
        readings, where these are other routines."""
        spans: list[Span] = []
        seen: set[tuple[str, str]] = set()
        self._propose(spans, seen)
        for changed, steps in self.others:
            self.steps = steps
            self.formulas = Formulas(steps)
            self._propose(spans, seen, changed)
        return spans, self.dropped

    def _propose(
        self, spans: list[Span], seen: set[tuple[str, str]], changed: int | None = None
    ) -> None:
        """Add the spans of one reading; of another than the first only those which the step
        ``changed`` is part of, and what comes out as in the first is no other routine.

        The numbers of such a span tell it not from the same steps as first read: on them both come
        out right, and at most one is. So the instances of neither are ``checked``: each stands
        where a problem whose numbers differ is read so."""
        final = self._final_step()
        links = [step.links for step in self.steps]
        checked = set(composition.cone(links, final.index)) if final is not None else set()
        places = [self.written.at(step.calculation.start) for step in self.steps]
        last = self.steps[-1].index if self.steps else -1
        target = final.index if final is not None else last
        for cone in composition.proposals(links, places):
            step = self.steps[cone[-1]]
            if changed is not None and changed not in cone:
                continue
            if len(cone) == 1 and self._is_claimed(step.calculation):
                continue
            is_target = step.index == target and cone == composition.cone(links, step.index)
            start, end = self._extent(cone, places)
            too_far = len(cone) > MAX_COMPOSED or (end - start > MAX_QUOTE and not is_target)
            reason = ""
            if too_far and len(cone) > 1:
                reason = "steps too far apart"
            elif len(spans) >= MAX_SPANS and (changed is not None or not is_target):
                reason = TOO_MANY
            elif (self.latex or not is_target) and self._is_nameless(cone):
                reason = "numbers that the text does not name"
            else:
                try:
                    span = self._span(step, cone, start, end, is_target, step.index in checked)
                except UnitsError:
                    reason = "units that contradict one another"
                except NotArithmeticError:
                    reason = "does not reproduce its own result"
                else:
                    own, outline = (span.code or "", span.instances[0].bindings), _outline(span)
                    known = own in seen or (changed is not None and outline in seen)
                    if known or (changed is not None and span.kind == "tool"):
                        reason = "repeated calculation"
                    else:
                        seen.update((own, outline))
                        if changed is None:
                            self.first_spans[cone] = len(spans)
                        else:
                            span = _unchecked(span)
                            for index in self._rivals(cone, changed):
                                spans[index] = _unchecked(spans[index])
                        spans.append(span)
            if reason and changed is None:
                self.dropped.append(Dropped(start, end, reason))

    def _rivals(self, cone: tuple[int, ...], changed: int) -> list[int]:
        """The spans of the first reading that say otherwise what the steps ``cone`` are: of these
        steps, or where it rests on others, of all to the same result."""
        if cone in self.first_spans:
            return [self.first_spans[cone]]
        return [
            index
            for other, index in self.first_spans.items()
            if other[-1] == cone[-1] and changed in other
        ]

    def _final_step(self) -> Step | None:
        """The last step that reaches the reference, if the answer was not found wrong."""
        reference = _reference_value(self.trajectory.reference)
        if reference is None or self.trajectory.outcome == "wrong":
            return None
        matching = [s for s in self.steps if abs(s.value - reference) <= TOLERANCE]
        return matching[-1] if matching else None

    def _extent(self, cone: Sequence[int], places: Sequence[int]) -> tuple[int, int]:
        """The written steps that a routine is taken from, as far as the trace stands by them; of
        a long one, and where there is none, the sentences alone."""
        start = min(self.steps[index].start for index in cone)
        end = max(self.steps[index].end for index in cone)
        for index in cone:
            written = self.written.all[places[index]] if places[index] >= 0 else None
            if written is not None and written.end - written.start <= MAX_STEP_CHARS:
                start = min(start, max(written.body, written.abandoned_to))
                end = max(end, written.end)
        return start + len(self.trace[start:end]) - len(self.trace[start:end].lstrip()), end

    def _title(self, step: Step) -> str:
        """What the written step says that it does, for the last of its calculations."""
        place = self.written.at(step.calculation.start)
        following = self.steps[step.index + 1 : step.index + 2]
        if place < 0 or any(self.written.at(s.calculation.start) == place for s in following):
            return ""
        return self.written.all[place].question

    def _span(
        self,
        step: Step,
        cone: tuple[int, ...],
        start: int,
        end: int,
        is_target: bool,
        checked: bool,
    ) -> Span:
        name = self._target_name(step, is_target)
        routine = routine_of(self.steps, cone, self.formulas, name)
        entry_point = routine.entry_point
        code = composition.share(routine.code, entry_point)
        tool = "builtins.sum" if routine.is_sum else None
        if operations(code, entry_point) < 2:
            tool = single_tool(code, entry_point)
        kind: Kind = "tool" if routine.is_sum or operations(code, entry_point) < 2 else "procedural"
        asked = self._asked(step, cone, is_target, routine)
        return make_span(
            self.trajectory,
            start=start,
            end=end,
            subquestion=asked or routine.subquestion,
            code=code,
            entry_point=entry_point,
            signature=routine.signature,
            cases=[Case(routine.bindings, plain(step.calculation.stated), checked)],
            kind=kind,
            tool=tool,
        )

    def _asked(self, step: Step, cone: Sequence[int], is_target: bool, routine: Routine) -> str:
        """What the trace says that a routine finds, in general words, if it can be had in them:
        the written subquestion of its one step, or the title of the written step that holds all of
        it."""
        place = self.written.at(step.calculation.start)
        is_within = all(self.written.at(self.steps[i].calculation.start) == place for i in cone)
        question = step.question if len(cone) == 1 or is_target else ""
        if not question and (is_within or is_target):
            question = self._title(step)
        if not question:
            return ""
        data = [o for i in cone for o in self.steps[i].operands if isinstance(o, Datum)]
        links = {o.step for i in cone for o in self.steps[i].operands if isinstance(o, Link)}
        taken = [self.steps[link].output for link in links if link not in cone]
        nouns = [name for datum in data for name in datum.names] + taken
        if asks_for_difference(question) and self._only_adds(cone) and not any(
            asks_for_difference(noun.replace("_", " ")) for noun in nouns
        ):  # fmt: skip
            return ""
        # What it gives is called as the question calls it: that the problem knows, or it is none.
        given = [part for noun in (step.output, routine.entry_point) for part in noun.split("_")]
        nouns += [part for part in given if part in self.known]
        nouns += routine.bindings
        return general_title(question, self.trajectory.problem, self.trace, nouns)

    def _only_adds(self, cone: Sequence[int]) -> bool:
        """Whether the calculations of a routine have sums and nothing else."""
        places = (_operand_places(self.steps[index].calculation.expression) for index in cone)
        return all(place.symbol == "+" for calculation in places for place in calculation)

    def _is_claimed(self, calculation: Calculation) -> bool:
        return any(s <= calculation.start and calculation.end <= e for s, e in self.claimed)

    def _is_nameless(self, cone: Sequence[int]) -> bool:
        """Whether the data of a routine has no names that a question could find it by: most of it
        in a story, any of it in a derivation, where equal numbers are often chance."""
        data = {o.key: o for i in cone for o in self.steps[i].operands if isinstance(o, Datum)}
        unnamed = sum(not datum.names for datum in data.values())
        return unnamed > 0 and (self.latex or 2 * unnamed > len(data))

    def _target_name(self, step: Step, is_target: bool) -> str:
        if is_target:
            asked = question_words(words.final_question(self.trajectory.problem))
            if asked:
                return words.identifier(asked)
        return step.output


_PLAIN_TAIL = re.compile(r"[$(]*\d[^=\n]*$")
#: Two numbers or more, with signs between them and no words.
_BARE_TAIL = re.compile(r"[$(]*\d[\d.,$%()\s]*[-+*/×÷·−x][-\d.,$%()+*/×÷·−x\s]*$")


def _is_of_instance(operand: Operand) -> bool:
    return isinstance(operand, Link) or (isinstance(operand, Datum) and operand.key[0] == "problem")


def _constant(value: Fraction, kind: str, fit: float) -> Source:
    return Source((kind, str(value)), Constant(value), fit, {})


def _as_read(steps: Sequence[Step], reading: Reading) -> list[Step]:
    """The steps with the operands of one reading."""
    found: list[Step] = []
    for step in steps:
        operands = tuple(reading.chosen[step.index, at].operand for at in range(len(step.operands)))
        links = tuple(dict.fromkeys(o.step for o in operands if isinstance(o, Link)))
        found.append(replace(step, operands=operands, links=links))
    return found


def _unchecked(span: Span) -> Span:
    """The span with instances that decide nothing."""
    return replace(span, instances=tuple(replace(i, checked=False) for i in span.instances))


def _counts(number: Mention, part: Mention) -> bool:
    """Whether ``number`` says how many of a ``part`` are meant: "three quarters"."""
    return not number.method and number.value != 1 and part.start - number.end <= 1


_NAME = re.compile(r"[A-Za-z_]\w*")


def _outline(span: Span) -> tuple[str, str]:
    """A routine and its instance without the names: two readings of one outline are the same
    routine on the same numbers."""
    code = span.code or ""
    order: dict[str, str] = {}
    shape = _NAME.sub(lambda match: order.setdefault(match.group(), f"v{len(order)}"), code)
    values = decode(span.instances[0].bindings)
    listed = ",".join(str(values[parameter.name]) for parameter in span.signature.inputs)
    return shape, listed


def _reference_value(reference: str | None) -> Fraction | None:
    """The number that a reference is, as the verifier of answers reads it."""
    number = parse_number(plain_text(reference)) if reference is not None else None
    return number.value if number is not None else None
