"""Reads the arithmetic that a trace states: ``<<48/2=24>>`` annotations and ``16 - 3 - 4 = 9``.

Each calculation that holds exactly is a step. Its operands are earlier results, data of the
instance or constants of the method (`lifting`); steps that feed one another also give the routine
from the data to each of them. What does not hold is counted and not mined.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

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
from tracemine.teachers.rules.arithmetic.expressions import (
    Binary,
    NotArithmeticError,
    literal,
    numbers,
    plain,
    render,
)
from tracemine.teachers.rules.arithmetic.lifting import mentions
from tracemine.teachers.rules.arithmetic.literal_places import literal_places
from tracemine.teachers.rules.arithmetic.measures import UnitsError
from tracemine.teachers.rules.arithmetic.naming import (
    call,
    currency_of,
    question_words,
    result_words,
)
from tracemine.teachers.rules.arithmetic.roles import quantity
from tracemine.teachers.rules.arithmetic.routines import (
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
    Place,
    Reading,
    in_products,
    readings,
    speaks_of_squares,
)
from tracemine.teachers.rules.arithmetic.weighing import Told, Weigher
from tracemine.teachers.rules.derived.operations import operations
from tracemine.teachers.rules.derived.spans import Case, make_span
from tracemine.teachers.rules.derived.tools import single_tool
from tracemine.teachers.rules.language import words
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
#: How far around a calculation, in characters, its sentence says what its numbers are.
AROUND = 300


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
        self.names = words.proper_names(trajectory.problem)
        self.steps: list[Step] = []
        self.formulas = Formulas(self.steps)
        self.dropped: list[Dropped] = []
        self.has_money = not words.CURRENCY_SIGNS.keys().isdisjoint(self.text)
        #: The words of the problem, in both numbers.
        said = re.findall(r"[a-z]+", trajectory.problem.lower())
        self.known = frozenset(said) | {words.singular(word) for word in said}
        self.known |= {f"{word}s" for word in said}
        self.calculations = find_calculations(self.trace)
        self.weigher = Weigher(trajectory.problem, self.trace, self.calculations, self.steps)
        self.places: list[Place] = []
        #: Other readings: the steps with one operand from elsewhere, and which step that is.
        self.others: list[tuple[int, list[Step]]] = []
        #: Where the spans of the first reading stand in the list of all, by their steps.
        self.first_spans: dict[tuple[int, ...], int] = {}

    def read(self) -> None:
        seen: set[tuple[str, Fraction]] = set()
        for number, calculation in enumerate(self.calculations):
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

    def _drop(self, calculation: Calculation, reason: str) -> None:
        detail = self.trace[calculation.start : calculation.end][:200]
        self.dropped.append(Dropped(calculation.start, calculation.end, reason, detail))

    def _add(self, calculation: Calculation, value: Fraction) -> None:
        start, end = self.quotes.around(calculation.start, calculation.end)
        if not is_quotable(self.trace[start:end]):
            self._drop(calculation, "quote too short")
            return
        expression = self.weigher.with_fractions(calculation.expression)
        calculation = replace(calculation, expression=expression)
        places = self.weigher.places(calculation, self._told(calculation, start, end))
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
        places = literal_places(calculation.expression)
        if asks_for_difference(question) and all(place.symbol == "+" for place in places):
            values = [abs(place.number.value) for place in places]
            made = " ".join(self.weigher.told_of(values))
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
        before = self.text[start : calculation.start].rstrip(_SIGNS)
        match = _PLAIN_TAIL.search(before)
        return start + match.start() if match else start + len(before)

    def _expression_start(self, calculation: Calculation, start: int) -> int:
        """Where the bare numbers of the calculation begin in plain text, with the sign of money of
        the first: those of an annotation stand before it, and may have words between them, which
        name them."""
        if not calculation.annotated:
            signed = self.text[max(start, calculation.start - 1) : calculation.start]
            return calculation.start - (signed in words.CURRENCY_SIGNS)
        before = self.text[start : calculation.start].rstrip(_SIGNS)
        match = _BARE_TAIL.search(before, max(0, len(before) - MAX_TAIL))
        return start + match.start() if match else calculation.start

    def _currency(self, calculation: Calculation) -> str | None:
        """The currency that a sign beside the result says; that of an annotated one may stand
        before the annotation."""
        start, end = calculation.result_start, calculation.result_end
        before = self.text[max(0, calculation.start - 2) : start].rstrip()[-1:]
        return words.CURRENCY_SIGNS.get(before) or currency_of(self.text, start, end)

    def _unit(self, calculation: Calculation, end: int) -> str | None:
        currency = self._currency(calculation)
        if currency is not None:
            return currency
        called = call(self.text[:end], calculation.result_start, calculation.result_end)
        return called.unit

    def _told(self, calculation: Calculation, start: int, end: int) -> Told:
        """What the sentence ``[start, end)`` of a calculation says of it."""
        high = calculation.start if calculation.annotated else calculation.end
        sentence = self.text[start:end]
        # What stands before a calculation ("The speed is 40 / 2") is what it gives, not what its
        # first number is.
        begin = self._expression_start(calculation, start) - start
        low = start if calculation.annotated else begin + start
        own = " " * begin + sentence[begin:]
        beside = tuple(
            mention
            for text in (sentence, own)
            for mention in mentions(text, fractions=False)
            if (mention.start >= begin) == (text is own)
            and low <= mention.start + start
            and mention.end + start <= high
        )
        around = self.text[max(start, calculation.start - AROUND) : min(end, high + AROUND)]
        unit = self._unit(calculation, end)
        money = self._currency(calculation) is not None if self.has_money else None
        is_count = self._is_count(calculation, start, end)
        return Told(sentence, begin, beside, around, unit, money, is_count)

    def _is_count(self, calculation: Calculation, start: int, end: int) -> bool:
        """Whether a hundred in a calculation is one that the problem states, and the text calls
        the result things or people."""
        hundred = Fraction(100)
        if hundred not in self.weigher.stated or all(
            n.value != 100 for n in numbers(calculation.expression)
        ):
            return False
        return quantity(self._output(calculation, start, end, "")).is_counted

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
        places = (literal_places(self.steps[index].calculation.expression) for index in cone)
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


#: What stands between a calculation, or its result, and the annotation of it.
_SIGNS = " =" + "".join(words.CURRENCY_SIGNS)
_PLAIN_TAIL = re.compile(r"[$€£₹¥(]*\d[^=\n]*$")
#: Two numbers or more, with signs between them and no words.
_BARE_TAIL = re.compile(r"[$€£₹¥(]*\d[\d.,$€£₹¥%()\s]*[-+*/×÷·−x][-\d.,$€£₹¥%()+*/×÷·−x\s]*$")


def _is_of_instance(operand: Operand) -> bool:
    return isinstance(operand, Link) or (isinstance(operand, Datum) and operand.key[0] == "problem")


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
