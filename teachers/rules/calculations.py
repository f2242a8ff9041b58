"""Reads the arithmetic that a trace states: ``<<48/2=24>>`` annotations and ``16 - 3 - 4 = 9``.

Each calculation that holds exactly is a step. Its operands are earlier results, data of the
instance or constants of the method (`lifting`); steps that feed one another also give the routine
from the data to each of them. What does not hold is counted and not mined.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from tracemine.schemas import Span, Trajectory
from tracemine.schemas.records import Kind
from tracemine.teachers.base import Dropped, Segmentation
from tracemine.teachers.rules import composition, words
from tracemine.teachers.rules.boundaries import MAX_STEP_CHARS
from tracemine.teachers.rules.chains import (
    TOLERANCE,
    Calculation,
    find_calculations,
    verdict,
    without_annotations,
)
from tracemine.teachers.rules.derive import operations, single_tool
from tracemine.teachers.rules.expressions import (
    Binary,
    Expression,
    Negative,
    NotArithmeticError,
    Number,
    literal,
    plain,
    render,
)
from tracemine.teachers.rules.lifting import WELL_KNOWN, Mention, mentions, percent_forms
from tracemine.teachers.rules.naming import call, question_words, result_words
from tracemine.teachers.rules.numerals import word_set
from tracemine.teachers.rules.quotes import Quotes, is_quotable
from tracemine.teachers.rules.routines import (
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
from tracemine.teachers.rules.spans import Case, make_span
from tracemine.teachers.rules.steps import ABANDONED, Steps
from tracemine.teachers.rules.titles import general_title
from tracemine.verifiers.numbers import parse_number
from tracemine.verifiers.texts import plain_text

#: Most steps that are mined from one trace, and most spans.
MAX_STEPS = 40
MAX_SPANS = 100
#: Most steps of one composed routine.
MAX_COMPOSED = 20
#: Composed routines whose steps lie further apart, in characters, are left out: over such a
#: distance equal numbers are mostly chance. The routine of the final answer is exempt.
MAX_QUOTE = 4_000

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


def _constant_positions(expression: Expression) -> Iterator[tuple[Number, bool]]:
    """The literal operands from left to right, each with whether its place makes it a constant of
    the method: a small exponent, the 100 of a percentage, the 1 in ``1 - 0.2``."""
    if isinstance(expression, Number):
        yield expression, False
    elif isinstance(expression, Negative):
        yield from _constant_positions(expression.operand)
    else:
        for part, other in (
            (expression.left, expression.right),
            (expression.right, expression.left),
        ):
            if isinstance(part, Number):
                is_right = part is expression.right
                yield part, _is_constant_place(expression.symbol, part, other, is_right)
            else:
                yield from _constant_positions(part)


def _is_constant_place(symbol: str, part: Number, other: Expression, is_right: bool) -> bool:
    if symbol == "**":
        return is_right and part.value in (2, 3)
    if symbol in "+-" and part.value == 1 and not part.percent:
        if isinstance(other, Binary):
            return other.symbol == "/"
        return isinstance(other, Number) and (other.value.denominator != 1 or other.percent)
    if symbol in "+-" and part.value == 100 and not is_right:
        return isinstance(other, Number) and (part.percent or other.percent)
    return symbol == "/" and is_right and part.value == 100 and not isinstance(other, Binary)


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
        self.used: set[int] = set()

    def read(self) -> None:
        seen: set[tuple[str, Fraction]] = set()
        for calculation in find_calculations(self.trace):
            value, reason = verdict(calculation)
            if self.written.is_abandoned(calculation.start):
                value, reason = None, ABANDONED
            if value is not None:
                key = (render(calculation.expression, lambda n: literal(n.value)), value)
                if key in seen:
                    reason = "repeated calculation"
                elif len(self.steps) >= MAX_STEPS:
                    reason = "too many calculations in one trace"
                else:
                    seen.add(key)
            if reason or value is None:
                self._drop(calculation, reason)
            else:
                self._add(calculation, value)

    def _with_fractions(self, expression: Expression) -> Expression:
        """The expression with a fraction that the problem states ("2/3 of") as one number, and
        what it leaves of a whole (1/3) as one less it."""
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
        operands = self._operands(calculation, start, end)
        if not any(isinstance(o, Link) or _is_stated(o) for o in operands):
            self._drop(calculation, "no data of the instance")
            return
        links = tuple(dict.fromkeys(o.step for o in operands if isinstance(o, Link)))
        self.used.update(links)
        question = self._written_question(calculation)
        step = Step(
            len(self.steps), calculation, value, operands, start, end,
            self._output(calculation, start, end, question), self._unit(calculation, end),
            question, links,
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

    def _unit(self, calculation: Calculation, end: int) -> str | None:
        before = self.text[max(0, calculation.result_start - 1) : calculation.result_end]
        if before.lstrip().startswith("$"):
            return "dollar"
        called = call(self.text[:end], calculation.result_start, calculation.result_end)
        return called.unit

    def _operands(self, calculation: Calculation, start: int, end: int) -> tuple[Operand, ...]:
        low = start if calculation.annotated else calculation.start
        high = calculation.start if calculation.annotated else calculation.end
        sentence = self.text[start:end]
        beside = [
            mention
            for mention in mentions(sentence, fractions=False)
            if low <= mention.start + start and mention.end + start <= high
        ]
        taken: set[int] = set()
        spent: set[int] = set()
        linked: set[int] = set()
        found: list[Operand] = []
        for number, is_constant in _constant_positions(calculation.expression):
            value = abs(number.value)
            here = next(
                (m for m in beside if m.value == value and m.start not in spent and not m.method),
                None,
            )
            if here is not None:
                spent.add(here.start)
            if is_constant:
                found.append(Constant(value))
            else:
                operand = self._operand(value, here, sentence, taken, linked)
                if isinstance(operand, Link):
                    linked.add(operand.step)
                found.append(operand)
        return tuple(found)

    def _operand(
        self,
        value: Fraction,
        here: Mention | None,
        sentence: str,
        taken: set[int],
        linked: set[int],
    ) -> Operand:
        stated = self._stated(value, here, sentence, taken)
        equal = [s.index for s in reversed(self.steps) if abs(s.value) == value]
        fresh = [index for index in equal if index not in linked]
        if value not in (0, 1) and equal:
            unused = [index for index in fresh if index not in self.used]
            if unused or stated is None:
                return Link((unused or fresh or equal)[0])
        method = value in (2, 3, 4, 12) and any(
            m.method and m.value == value for m in mentions(sentence)
        )
        if stated is not None and not method:
            # The 60 of "60 minutes" is no data where the problem's only 60 is a speed.
            other = here is not None and here.unit is not None and here.unit != stated.unit
            if not (other and value in WELL_KNOWN and value > 4 and stated.unit is not None):
                return stated
            return Constant(value)
        if (
            method
            or value in WELL_KNOWN
            or any(m.method and m.value == value for m in self.mentions)
        ):
            return Constant(value)
        names = (here.noun,) if here is not None and here.noun else ()
        return Datum(("trace", str(value)), value, names, here.unit if here else None)

    def _stated(
        self, value: Fraction, here: Mention | None, sentence: str, taken: set[int]
    ) -> Datum | None:
        """The number of the problem that an operand is, with the names to call it by."""
        options: list[tuple[int, int, Mention, str]] = []
        near = {words.singular(w) for w in re.findall(r"[a-z]+", sentence.lower())}
        for index, mention in enumerate(self.mentions):
            if mention.method:
                continue
            form = _form(mention, value)
            if form is None:
                continue
            shared = sum(words.singular(w) in near for w in mention.noun.split("_"))
            part = mention.noun in ("numerator", "denominator")
            rank = -shared + 10 * (index in taken) + 5 * bool(form) + 4 * part
            options.append((rank, index, mention, form))
        if not options:
            return None
        _, index, mention, form = min(options, key=lambda option: option[:2])
        taken.add(index)
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
        """The spans of all steps and cones, in the order of the trace."""
        final = self._final_step()
        links = [step.links for step in self.steps]
        checked = set(composition.cone(links, final.index)) if final is not None else set()
        places = [self.written.at(step.calculation.start) for step in self.steps]
        spans: list[Span] = []
        seen: set[tuple[str, str]] = set()
        last = self.steps[-1].index if self.steps else -1
        target = final.index if final is not None else last
        for cone in composition.proposals(links, places):
            step = self.steps[cone[-1]]
            if len(cone) == 1 and self._is_claimed(step.calculation):
                continue
            is_target = step.index == target and cone == composition.cone(links, step.index)
            start, end = self._extent(cone, places)
            too_far = len(cone) > MAX_COMPOSED or (end - start > MAX_QUOTE and not is_target)
            if too_far and len(cone) > 1:
                self.dropped.append(Dropped(start, end, "steps too far apart"))
                continue
            if len(spans) >= MAX_SPANS and not is_target:
                self.dropped.append(Dropped(start, end, "too many calculations in one trace"))
                continue
            if (self.latex or not is_target) and self._is_nameless(cone):
                self.dropped.append(Dropped(start, end, "numbers that the text does not name"))
                continue
            try:
                span = self._span(step, cone, start, end, is_target, step.index in checked)
            except NotArithmeticError:
                reason = "does not reproduce its own result"
                self.dropped.append(Dropped(start, end, reason))
                continue
            key = (span.code or "", span.instances[0].bindings)
            if key in seen:
                self.dropped.append(Dropped(start, end, "repeated calculation"))
                continue
            seen.add(key)
            spans.append(span)
        return spans, self.dropped

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
        nouns = [step.output, routine.entry_point, *routine.bindings]
        nouns += [name for datum in data for name in datum.names]
        return general_title(question, self.trajectory.problem, self.trace, nouns)

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


def _is_stated(operand: Operand) -> bool:
    return isinstance(operand, Datum) and operand.key[0] == "problem"


def _form(mention: Mention, value: Fraction) -> str | None:
    """How ``mention`` gives ``value``: as itself (empty text), as a form of a percentage, or not
    at all (None)."""
    if mention.value == value:
        return ""
    return next((word for form, word in percent_forms(mention) if form == value), None)


def _reference_value(reference: str | None) -> Fraction | None:
    """The number that a reference is, as the verifier of answers reads it."""
    number = parse_number(plain_text(reference)) if reference is not None else None
    return number.value if number is not None else None
