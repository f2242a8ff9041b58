"""Reads the arithmetic that a trace states: ``<<48/2=24>>`` annotations and ``16 - 3 - 4 = 9``.

Each calculation that holds exactly is a step. Its operands are earlier results, data of the
instance or constants of the method (`lifting`); steps that feed one another also give the routine
from the data to each of them. What does not hold is counted and not mined.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from tracemine.schemas import Parameter, Signature, Span, Trajectory
from tracemine.schemas.records import Kind
from tracemine.teachers.base import Dropped, Segmentation
from tracemine.teachers.rules import words
from tracemine.teachers.rules.derive import operations, single_tool
from tracemine.teachers.rules.expressions import (
    MAX_TOKENS,
    MAX_UNIT_WORDS,
    Binary,
    Expression,
    Negative,
    NotArithmeticError,
    Number,
    Token,
    count_operations,
    divides,
    evaluate,
    literal,
    numbers,
    parse,
    parse_text,
    render,
    tokenize,
)
from tracemine.teachers.rules.lifting import WELL_KNOWN, Mention, mentions, percent_forms
from tracemine.teachers.rules.numerals import word_set
from tracemine.teachers.rules.spans import Case, make_span

#: Most steps that are mined from one trace, and most spans.
MAX_STEPS = 40
MAX_SPANS = 60
#: Most steps of one composed routine.
MAX_COMPOSED = 20
#: Composed routines whose steps lie further apart, in characters, are left out: over such a
#: distance equal numbers are mostly chance. The routine of the final answer is exempt.
MAX_QUOTE = 4_000
#: A quote has at least this many characters that are not space.
MIN_QUOTE = 12
#: How near a stated decimal must be to the exact value.
TOLERANCE = Fraction(1, 10**9)

_ANNOTATION = re.compile(r"<<([^<>\n]{1,300})>>")
_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_NUMBER_AFTER = re.compile(r"\s?\$?(?:\d[\d,]*(?:\.\d+)?|\.\d+)%?")
_WRITTEN_QUESTION = re.compile(r"(?P<question>[^\n?]{3,300}\?)\s*\*\*\s")
_VISIBLE = re.compile(r"\S")


@dataclass(frozen=True, slots=True)
class _Calculation:
    """An expression with the result stated for it; offsets into the trace."""

    expression: Expression
    stated: Fraction
    start: int
    end: int
    result_start: int
    result_end: int
    approximate: bool = False
    decimals: int = 0
    annotated: bool = False


@dataclass(frozen=True, slots=True)
class _Datum:
    """A number of the instance: ``key`` says which, ``names`` what it may be called, best first."""

    key: tuple[str, str]
    value: Fraction
    names: tuple[str, ...]
    unit: str | None


@dataclass(frozen=True, slots=True)
class _Link:
    """An operand that is the result of the step with this index."""

    step: int


@dataclass(frozen=True, slots=True)
class _Constant:
    value: Fraction


_Operand = _Datum | _Link | _Constant


@dataclass(frozen=True, slots=True)
class _Step:
    """A calculation that holds, with what its operands are (from left to right)."""

    index: int
    calculation: _Calculation
    value: Fraction
    operands: tuple[_Operand, ...]
    start: int
    end: int
    output: str
    unit: str | None
    question: str
    links: tuple[int, ...] = field(default=())


def read_calculations(trajectory: Trajectory) -> Segmentation:
    """The calculations of a trace as spans: each step, and for steps that use earlier results the
    routine from the data to them. Time is linear in the length of the trace."""
    reader = _Reader(trajectory)
    reader.read()
    spans, dropped = reader.spans()
    return Segmentation(tuple(spans), tuple(dropped))


# --- finding calculations ---------------------------------------------------------------------


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match.group())


def _cross_out(match: re.Match[str]) -> str:
    return "\0" * len(match.group())


def find_calculations(trace: str) -> list[_Calculation]:
    """Every calculation that ``trace`` states outside code fences, whether it holds or not."""
    text = _FENCE.sub(_blank, trace)
    annotated = list(_find_annotated(text))
    crossed = _ANNOTATION.sub(_cross_out, text)
    lines: dict[int, set[Fraction]] = {}
    for calculation in annotated:
        lines.setdefault(text.rfind("\n", 0, calculation.start), set()).add(calculation.stated)
    plain = [
        calculation
        for calculation in _find_plain(crossed)
        if calculation.stated not in lines.get(text.rfind("\n", 0, calculation.start), ())
    ]
    return sorted([*annotated, *plain], key=lambda c: (c.start, c.end))


def _find_annotated(text: str) -> Iterator[_Calculation]:
    for match in _ANNOTATION.finditer(text):
        left, equals, right = match[1].rpartition("=")
        if not equals:
            continue
        try:
            expression = _shift(parse_text(left.split("=")[0]), match.start() + 2)
            stated = evaluate(parse_text(right))
        except NotArithmeticError:
            continue
        if not count_operations(expression):
            continue
        after = _NUMBER_AFTER.match(text, match.end())
        end = after.end() if after else match.end()
        start = after.start() if after else match.end()
        yield _Calculation(
            expression, stated, match.start(), match.end(), start, end,
            decimals=_decimals(right), annotated=True,
        )  # fmt: skip


def _decimals(text: str) -> int:
    return len(text.rstrip("% )}$").partition(".")[2])


def _shift(expression: Expression, by: int) -> Expression:
    if isinstance(expression, Number):
        start, end = expression.start + by, expression.end + by
        return Number(expression.value, start, end, expression.percent)
    if isinstance(expression, Negative):
        return Negative(_shift(expression.operand, by))
    left, right = _shift(expression.left, by), _shift(expression.right, by)
    return Binary(expression.symbol, left, right)


def _find_plain(text: str) -> Iterator[_Calculation]:
    tokens = _joined_lines(tokenize(text))
    partner = _partners(tokens)
    at = 0
    while at < len(tokens):
        if tokens[at].kind != "equals":
            at += 1
            continue
        segments, at = _chain(tokens, partner, at)
        found = _calculation(text, tokens, segments)
        if found is not None:
            yield found


def _joined_lines(tokens: list[Token]) -> list[Token]:
    """Without the line breaks before an equals sign: a chain may go on in the next line."""
    joined: list[Token] = []
    for token in tokens:
        if token.kind == "equals":
            while joined and joined[-1].kind == "newline":
                joined.pop()
        joined.append(token)
    return joined


def _partners(tokens: Sequence[Token]) -> dict[int, int]:
    """Index of each bracket's partner, both ways; brackets do not reach across lines."""
    partner: dict[int, int] = {}
    stack: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind == "newline":
            stack.clear()
        elif token.kind == "open":
            stack.append(index)
        elif token.kind == "close" and stack:
            other = stack.pop()
            partner[other], partner[index] = index, other
    return partner


_Segment = tuple[int, int]  # token indices [start, end)


def _chain(
    tokens: Sequence[Token], partner: dict[int, int], equals: int
) -> tuple[list[_Segment | None], int]:
    """The expressions between equals signs, from the one before ``equals`` on, and the index at
    which to look further. None stands for something that is no arithmetic."""
    segments: list[_Segment | None] = [_expression_before(tokens, partner, equals)]
    at = equals
    while True:
        segment = _expression_after(tokens, partner, at + 1)
        segments.append(segment)
        if segment is None:
            return segments, at + 1
        following = segment[1]
        while following < len(tokens) and tokens[following].kind == "word":
            following += 1
        if following >= len(tokens) or tokens[following].kind != "equals":
            return segments, segment[1]
        at = following


def _expression_before(
    tokens: Sequence[Token], partner: dict[int, int], equals: int
) -> _Segment | None:
    at, first = equals - 1, None
    while at >= 0 and equals - at <= MAX_TOKENS:
        words_before = 0
        while at >= 0 and tokens[at].kind == "word" and words_before < MAX_UNIT_WORDS:
            at, words_before = at - 1, words_before + 1
        if at < 0:
            return None
        if tokens[at].kind == "close" and at in partner:
            at = partner[at]
        elif tokens[at].kind != "number":
            return None
        first, at = at, at - 1
        if at >= 0 and tokens[at].kind == "operator":
            if _is_sign(tokens, at):
                return at, equals
            at -= 1
        elif not (at >= 0 and _multiplies(tokens, at, first)):
            break
    if first is None or (at >= 0 and _glued(tokens[at], tokens[first])):
        return None
    return first, equals


def _is_sign(tokens: Sequence[Token], at: int) -> bool:
    """Whether the operator at ``at`` is a sign: nothing that it could connect comes before."""
    if tokens[at].symbol not in "+-":
        return False
    if at == 0:
        return True
    before = tokens[at - 1]
    if before.kind in ("equals", "newline", "open"):
        return True
    return before.kind == "break" and before.symbol in _OPENING_PUNCTUATION


def _multiplies(tokens: Sequence[Token], at: int, first: int) -> bool:
    adjacent = tokens[at].end == tokens[first].start
    return adjacent and tokens[first].kind == "open" and tokens[at].kind in ("number", "close")


_OPENING_PUNCTUATION = frozenset((":", ",", ";", "\\(", "\\[", "\0", '"', "“", "|", "*", "#", "."))
_CLOSING_PUNCTUATION = frozenset(
    (".", ",", ";", ":", "?", "!", "\\)", "\\]", "\0", '"', "”", "|", "*", "'", "\\end")
)


def _glued(before: Token, first: Token) -> bool:
    """Whether what stands directly before an expression makes it part of something else."""
    if before.kind in ("word", "break") and before.end == first.start:
        return before.symbol not in _OPENING_PUNCTUATION
    return before.kind == "break" and before.symbol.startswith("\\") and before.symbol[1:].isalpha()


def _expression_after(
    tokens: Sequence[Token], partner: dict[int, int], start: int
) -> _Segment | None:
    at, end = start, None
    while at < len(tokens) and at - start <= MAX_TOKENS:
        while at < len(tokens) and tokens[at].kind == "operator" and tokens[at].symbol in "+-":
            at += 1
        if at >= len(tokens):
            return None
        if tokens[at].kind == "open" and at in partner:
            at = partner[at]
        elif tokens[at].kind != "number":
            return None
        at += 1
        end = at
        following = at
        while (
            following < len(tokens)
            and tokens[following].kind == "word"
            and following - at < MAX_UNIT_WORDS
        ):
            following += 1
        if following >= len(tokens):
            break
        token = tokens[following]
        if token.kind == "operator":
            if _is_dash(tokens, following):
                break
            at = following + 1
        elif token.kind == "open" and following == at and token.start == tokens[at - 1].end:
            at = following
        elif token.kind == "break" and following == at and _continues(token):
            return None
        else:
            break
    return None if end is None else (start, end)


def _is_dash(tokens: Sequence[Token], at: int) -> bool:
    """Whether a minus sign is punctuation: words come after it."""
    after = tokens[at + 1] if at + 1 < len(tokens) else None
    return tokens[at].symbol in "-*" and (after is None or after.kind in ("word", "newline"))


def _continues(token: Token) -> bool:
    """Whether what follows a number makes it part of something symbolic: "9x", "9 \\pi"."""
    symbol = token.symbol
    return symbol not in _CLOSING_PUNCTUATION and (symbol.isalpha() or symbol.startswith("\\"))


def _calculation(
    text: str, tokens: Sequence[Token], segments: Sequence[_Segment | None]
) -> _Calculation | None:
    """What a chain of expressions states: the first with an operation, and the last value."""
    parsed: list[tuple[Expression, _Segment]] = []
    for segment in segments:
        if segment is None:
            if parsed:
                break
            continue
        try:
            parsed.append((parse(list(tokens[segment[0] : segment[1]])), segment))
        except NotArithmeticError:
            if parsed:
                break
    while parsed and not count_operations(parsed[0][0]):
        parsed.pop(0)
    if len(parsed) < 2:
        return None
    (expression, first), (last, final) = parsed[0], parsed[-1]
    if not _is_result(last):
        return None
    try:
        stated = evaluate(last)
        approximate = any(
            token.kind == "equals" and token.symbol == "≈" for token in tokens[first[1] : final[0]]
        )
    except NotArithmeticError:
        return None
    start, end = tokens[first[0]].start, tokens[final[1] - 1].end
    result_start = tokens[final[0]].start
    return _Calculation(
        expression, stated, start, end, result_start, end, approximate,
        _decimals(text[result_start:end]),
    )  # fmt: skip


def _is_result(expression: Expression) -> bool:
    """A number, or a fraction of two."""
    if isinstance(expression, Binary) and expression.symbol == "/":
        return isinstance(expression.left, Number) and isinstance(expression.right, Number)
    if isinstance(expression, Negative):
        return _is_result(expression.operand)
    return isinstance(expression, Number)


def _verdict(calculation: _Calculation) -> tuple[Fraction | None, str]:
    """The exact value of a calculation that holds, else why it does not."""
    try:
        value = evaluate(calculation.expression)
    except NotArithmeticError:
        return None, "does not compute"
    off = abs(value - calculation.stated)
    if off <= TOLERANCE:
        return value, ""
    if off <= Fraction(1, 2 * 10**calculation.decimals) or calculation.approximate:
        return None, "rounded result"
    return None, "does not compute"


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

    def __init__(self, trajectory: Trajectory) -> None:
        self.trajectory = trajectory
        self.trace = trajectory.trace
        self.text = _ANNOTATION.sub(_blank, _FENCE.sub(_blank, self.trace))
        self.sentences = words.sentences(self.trace)
        self.starts = [start for start, _ in self.sentences]
        self.mentions = mentions(trajectory.problem)
        self.steps: list[_Step] = []
        self.dropped: list[Dropped] = []
        self.used: set[int] = set()

    def read(self) -> None:
        seen: set[tuple[str, Fraction]] = set()
        for calculation in find_calculations(self.trace):
            value, reason = _verdict(calculation)
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

    def _drop(self, calculation: _Calculation, reason: str) -> None:
        detail = self.trace[calculation.start : calculation.end][:200]
        self.dropped.append(Dropped(calculation.start, calculation.end, reason, detail))

    def _add(self, calculation: _Calculation, value: Fraction) -> None:
        start, end = self._quote(calculation)
        if len(_VISIBLE.findall(self.trace[start:end])) < MIN_QUOTE:
            self._drop(calculation, "quote too short")
            return
        operands = self._operands(calculation, start, end)
        if not any(isinstance(o, _Link) or _is_stated(o) for o in operands):
            self._drop(calculation, "no data of the instance")
            return
        links = tuple(dict.fromkeys(o.step for o in operands if isinstance(o, _Link)))
        self.used.update(links)
        question = self._written_question(calculation)
        step = _Step(
            len(self.steps), calculation, value, operands, start, end,
            self._output(calculation, start, end, question), self._unit(calculation, end),
            question, links,
        )  # fmt: skip
        self.steps.append(step)

    def _quote(self, calculation: _Calculation) -> tuple[int, int]:
        """The sentences that hold the calculation, more of them while they are too short."""
        first = max(0, bisect_right(self.starts, calculation.start) - 1)
        last = max(first, bisect_right(self.starts, calculation.end - 1) - 1)
        while True:
            start, end = self.sentences[first][0], self.sentences[last][1]
            end = max(end, calculation.end)
            while start < calculation.start and self.trace[start] in "*#->• \t":
                start += 1
            if len(_VISIBLE.findall(self.trace[start:end])) >= MIN_QUOTE:
                return start, end
            if first > 0:
                first -= 1
            elif last + 1 < len(self.sentences):
                last += 1
            else:
                return start, end

    def _written_question(self, calculation: _Calculation) -> str:
        """The subquestion that the trace writes before a step ("How many are left? ** ...")."""
        line = self.trace.rfind("\n", 0, calculation.start) + 1
        match = _WRITTEN_QUESTION.match(self.trace, line, calculation.start)
        return match["question"] if match else ""

    def _output(self, calculation: _Calculation, start: int, end: int, question: str) -> str:
        found = words.question_words(question) if question else ()
        if not found:
            symbol = _outer_symbol(calculation.expression)
            begin = self._phrase_start(calculation, start)
            found = words.result_words(
                self.text[:end],
                begin,
                calculation.result_start,
                calculation.result_end,
                symbol,
            )
        return words.identifier(found)

    def _phrase_start(self, calculation: _Calculation, start: int) -> int:
        """Where the calculation begins in plain text; an annotation stands behind it."""
        if not calculation.annotated:
            return calculation.start
        before = self.text[start : calculation.start].rstrip(" $=")
        match = _PLAIN_TAIL.search(before)
        return start + match.start() if match else start + len(before)

    def _unit(self, calculation: _Calculation, end: int) -> str | None:
        before = self.text[max(0, calculation.result_start - 1) : calculation.result_end]
        if before.lstrip().startswith("$"):
            return "dollar"
        called = words.call(self.text[:end], calculation.result_start, calculation.result_end)
        return called.unit

    def _operands(self, calculation: _Calculation, start: int, end: int) -> tuple[_Operand, ...]:
        low = start if calculation.annotated else calculation.start
        high = calculation.start if calculation.annotated else calculation.end
        sentence = self.text[start:end]
        beside = [
            mention
            for mention in mentions(sentence)
            if low <= mention.start + start and mention.end + start <= high
        ]
        taken: set[int] = set()
        spent: set[int] = set()
        found: list[_Operand] = []
        for number, is_constant in _constant_positions(calculation.expression):
            value = abs(number.value)
            here = next(
                (m for m in beside if m.value == value and m.start not in spent and not m.method),
                None,
            )
            if here is not None:
                spent.add(here.start)
            if is_constant:
                found.append(_Constant(value))
            else:
                found.append(self._operand(value, here, sentence, taken))
        return tuple(found)

    def _operand(
        self, value: Fraction, here: Mention | None, sentence: str, taken: set[int]
    ) -> _Operand:
        stated = self._stated(value, here, sentence, taken)
        link = next((s.index for s in reversed(self.steps) if abs(s.value) == value), None)
        if link is not None and (stated is None or link not in self.used) and value not in (0, 1):
            return _Link(link)
        method = value in (2, 3, 4, 12) and any(
            m.method and m.value == value for m in mentions(sentence)
        )
        if stated is not None and not method:
            return stated
        if (
            method
            or value in WELL_KNOWN
            or any(m.method and m.value == value for m in self.mentions)
        ):
            return _Constant(value)
        names = (here.noun,) if here is not None and here.noun else ()
        return _Datum(("trace", str(value)), value, names, here.unit if here else None)

    def _stated(
        self, value: Fraction, here: Mention | None, sentence: str, taken: set[int]
    ) -> _Datum | None:
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
            options.append((-shared + 10 * (index in taken) + 5 * bool(form), index, mention, form))
        if not options:
            return None
        _, index, mention, form = min(options, key=lambda option: option[:2])
        taken.add(index)
        noun = mention.noun
        if form:
            noun = f"{noun}_{form}" if "percent" not in noun else noun.replace("percent", form, 1)
        names = [noun] if noun else []
        if here is not None and here.noun:
            if not noun or (noun in _GENERIC and here.noun not in _GENERIC):
                names.insert(0, here.noun)
            else:
                names.append(here.noun)
        unit = None if form else mention.unit or (here.unit if here else None)
        return _Datum(("problem", f"{index}:{form}"), value, tuple(dict.fromkeys(names)), unit)

    # --- routines -----------------------------------------------------------------------------

    def spans(self) -> tuple[list[Span], list[Dropped]]:
        """The spans of all steps and cones, in the order of the trace."""
        final = self._final_step()
        checked = set(self._cone(final.index)) if final is not None else set()
        drafts: list[tuple[_Step, tuple[int, ...]]] = []
        for step in self.steps:
            drafts.append((step, (step.index,)))
            cone = self._cone(step.index)
            if len(cone) > 1:
                drafts.append((step, cone))
        spans: list[Span] = []
        seen: set[tuple[str, str]] = set()
        last = self.steps[-1].index if self.steps else -1
        target = final.index if final is not None else last
        for step, cone in drafts:
            is_target = step.index == target and cone == self._cone(step.index)
            start = min(self.steps[index].start for index in cone)
            end = max(self.steps[index].end for index in cone)
            too_far = len(cone) > MAX_COMPOSED or (end - start > MAX_QUOTE and not is_target)
            if too_far and len(cone) > 1:
                self.dropped.append(Dropped(start, end, "steps too far apart"))
                continue
            if len(spans) >= MAX_SPANS and not is_target:
                self.dropped.append(Dropped(start, end, "too many calculations in one trace"))
                continue
            span = self._span(step, cone, start, end, is_target, step.index in checked)
            key = (span.code or "", span.instances[0].bindings)
            if key in seen:
                self.dropped.append(Dropped(start, end, "repeated calculation"))
                continue
            seen.add(key)
            spans.append(span)
        return spans, self.dropped

    def _final_step(self) -> _Step | None:
        """The last step that reaches the reference, if the answer was not found wrong."""
        reference = _reference_value(self.trajectory.reference)
        if reference is None or self.trajectory.outcome == "wrong":
            return None
        matching = [s for s in self.steps if abs(s.value - reference) <= TOLERANCE]
        return matching[-1] if matching else None

    def _cone(self, index: int) -> tuple[int, ...]:
        """The steps that a step rests on, itself included, in order."""
        found: set[int] = set()
        waiting = [index]
        while waiting:
            current = waiting.pop()
            if current not in found:
                found.add(current)
                waiting.extend(self.steps[current].links)
        return tuple(sorted(found))

    def _span(
        self,
        step: _Step,
        cone: tuple[int, ...],
        start: int,
        end: int,
        is_target: bool,
        checked: bool,
    ) -> Span:
        routine = _Routine(self.steps, cone, self._target_name(step, is_target))
        code, entry_point = routine.code, routine.entry_point
        kind: Kind = "procedural" if operations(code, entry_point) >= 2 else "tool"
        inputs = [parameter.name for parameter in routine.signature.inputs]
        question = words.final_question(self.trajectory.problem) if is_target else step.question
        asked = words.mask(question, self.trajectory.problem) if question else ""
        return make_span(
            self.trajectory,
            start=start,
            end=end,
            subquestion=asked or words.subquestion(entry_point, inputs),
            code=code,
            entry_point=entry_point,
            signature=routine.signature,
            cases=[Case(routine.bindings, _plain(step.calculation.stated), checked)],
            kind=kind,
            tool=single_tool(code, entry_point) if kind == "tool" else None,
        )

    def _target_name(self, step: _Step, is_target: bool) -> str:
        if is_target:
            asked = words.question_words(words.final_question(self.trajectory.problem))
            if asked:
                return words.identifier(asked)
        return step.output


_PLAIN_TAIL = re.compile(r"[$(]*\d[^=\n]*$")


def _is_stated(operand: _Operand) -> bool:
    return isinstance(operand, _Datum) and operand.key[0] == "problem"


def _form(mention: Mention, value: Fraction) -> str | None:
    """How ``mention`` gives ``value``: as itself (empty text), as a form of a percentage, or not
    at all (None)."""
    if mention.value == value:
        return ""
    return next((word for form, word in percent_forms(mention) if form == value), None)


def _outer_symbol(expression: Expression) -> str:
    if isinstance(expression, Binary):
        return expression.symbol
    return _outer_symbol(expression.operand) if isinstance(expression, Negative) else "*"


def _plain(value: Fraction) -> int | float:
    return value.numerator if value.denominator == 1 else float(value)


def _reference_value(reference: str | None) -> Fraction | None:
    if reference is None or len(reference) > 200:
        return None
    try:
        return evaluate(parse_text(reference.strip().rstrip(".").removesuffix("%")))
    except NotArithmeticError:
        return None


_OUTPUT_FALLBACK = {"+": "total", "-": "difference", "*": "product", "/": "quotient"}
_OUTPUT_PREFIX = {"+": "total", "-": "remaining", "*": "total"}


class _Routine:
    """The code of a cone: parameters for data (and, in a single step, for earlier results), a
    local name for each step before the last."""

    def __init__(self, steps: Sequence[_Step], cone: tuple[int, ...], name: str) -> None:
        self.steps, self.cone = steps, cone
        self.names: dict[tuple[str, str], str] = {}
        self.taken: set[str] = set()
        self.bindings: dict[str, int | float] = {}
        self.parameters: list[Parameter] = []
        last = steps[cone[-1]]
        for index in cone:
            for operand in steps[index].operands:
                self._parameter(operand)
        inner = set(cone[:-1])
        for index in cone[:-1]:
            own = _output_name(steps[index])
            self.names["step", str(index)] = self._free([own, self._prefixed(steps[index], own)])
        own = name or _output_name(last)
        self.entry_point = self._free([own, self._prefixed(last, own), f"resulting_{own}"])
        lines = [
            f"    {self.names['step', str(i)]} = {self._expression(steps[i], inner)}"
            for i in cone[:-1]
        ]
        lines.append(f"    return {self._expression(last, inner)}")
        inputs = ", ".join(parameter.name for parameter in self.parameters)
        self.code = "\n".join([f"def {self.entry_point}({inputs}):", *lines]) + "\n"
        rational = any(p.type == "rational" for p in self.parameters) or any(
            divides(steps[i].calculation.expression) or _has_decimal(steps[i]) for i in cone
        )
        output = Parameter(self.entry_point, "rational" if rational else "int", last.unit)
        self.signature = Signature(tuple(self.parameters), output)

    def _prefixed(self, step: _Step, name: str) -> str:
        prefix = _OUTPUT_PREFIX.get(_outer_symbol(step.calculation.expression), "resulting")
        return name if name.startswith(prefix) else f"{prefix}_{name}"

    def _free(self, candidates: Sequence[str]) -> str:
        """The first of ``candidates`` that is not taken, else the first with a number."""
        for candidate in candidates:
            if candidate and candidate not in self.taken:
                self.taken.add(candidate)
                return candidate
        base, count = candidates[0] or "amount", 2
        while f"{base}_{count}" in self.taken:
            count += 1
        self.taken.add(f"{base}_{count}")
        return f"{base}_{count}"

    def _parameter(self, operand: _Operand) -> None:
        if isinstance(operand, _Constant):
            return
        if isinstance(operand, _Link):
            key = ("step", str(operand.step))
            if operand.step in self.cone or key in self.names:
                return
            step = self.steps[operand.step]
            name = self._free([_output_name(step)])
            value, unit = abs(step.value), step.unit
        else:
            key = operand.key
            if key in self.names:
                return
            name = self._free(operand.names or ("amount",))
            value, unit = operand.value, operand.unit
        self.names[key] = name
        plain = _plain(value)
        self.bindings[name] = plain
        kind = "int" if isinstance(plain, int) else "rational"
        self.parameters.append(Parameter(name, kind, unit))

    def _expression(self, step: _Step, inner: set[int]) -> str:
        operands = iter(step.operands)
        written: dict[tuple[int, int], str] = {}
        for number in numbers(step.calculation.expression):
            written[number.start, number.end] = self._written(number, next(operands), inner)
        return render(step.calculation.expression, lambda n: written[n.start, n.end])

    def _written(self, number: Number, operand: _Operand, inner: set[int]) -> str:
        if isinstance(operand, _Constant):
            return literal(number.value)
        negative = number.value < 0
        if isinstance(operand, _Link):
            name = self.names["step", str(operand.step)]
            # Only inside a cone does a local hold the result with its own sign.
            if operand.step in inner:
                negative = (number.value < 0) != (self.steps[operand.step].value < 0)
        else:
            name = self.names[operand.key]
        return f"-{name}" if negative else name


def _output_name(step: _Step) -> str:
    fallback = _OUTPUT_FALLBACK.get(_outer_symbol(step.calculation.expression), "result")
    return step.output or fallback


def _has_decimal(step: _Step) -> bool:
    return any(isinstance(o, _Constant) and o.value.denominator != 1 for o in step.operands)
