"""From an answer to spans, with a reason for each that is none.

What can become of a window and of what an answer says of it, each counted by its own text:

    the window is not read   as `answering` says
    a span is dropped        HALLUCINATED  OVERLAPS  REPEATED  CONTRADICTS  UNFIT  NO_SIGNATURE
                             WORDLESS  TOO_MANY
    something is noted       REPAIRED  WITHOUT_CODE  OTHER_TYPE  SEEN_TWICE

An answer is untrusted input: nothing of it is run, and all text of it is cleaned and cut.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tracemine.schemas import Signature, Span, Trajectory, canonical_code, encode
from tracemine.schemas.records import Kind
from tracemine.teachers.base import Dropped, Note
from tracemine.teachers.model.answers import SpansAnswer, WrittenSpan
from tracemine.teachers.model.cleaning import clean, clean_line
from tracemine.teachers.model.making import shown
from tracemine.teachers.model.stated import Stated
from tracemine.teachers.model.tested import read_tests
from tracemine.teachers.model.windows import Window
from tracemine.teachers.model.written import (
    NotWrittenError,
    Routine,
    name_of,
    read_routine,
    read_signature,
    read_value,
)
from tracemine.teachers.rules.derived.derive import describe
from tracemine.teachers.rules.derived.tools import single_tool
from tracemine.teachers.spans import Case, instance_of, span_id

#: Of spans.
HALLUCINATED = "hallucinated quote"
OVERLAPS = "overlaps an earlier span"
REPEATED = "says again what an earlier span says"
CONTRADICTS = "instance contradicts the trace"
UNFIT = "instance does not fit its signature"
NO_SIGNATURE = "signature is none"
WORDLESS = "nothing says what it computes"
TOO_MANY = "more routines than a window may give"
#: Of what stands.
REPAIRED = "answer was repaired"
WITHOUT_CODE = "span is kept without its code"
OTHER_TYPE = "type is read as any"
SEEN_TWICE = "span was seen in two windows"

#: Spans of one window; what is beyond is dropped.
MAX_SPANS = 40
#: Characters of what a model says in words: some five times what good answers have.
SUBQUESTION_CHARS = 300
SUBROUTINE_CHARS = 4_000
SUMMARY_CHARS = 600
SUMMARY_LINES = 3
CONDITION_CHARS = 300
TOOL_CHARS = 120
#: Preconditions, and failure modes, of one span.
MAX_CONDITIONS = 12
#: Characters of a detail that shows a model's words; types that a note names, its characters.
SHOWN_CHARS = 60
SHOWN_TYPES = 5
NOTE_CHARS = 160


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says of one window, in its order. Spans may still overlap one another."""

    spans: tuple[Span, ...]
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[Note, ...] = ()


# --- quotes ---------------------------------------------------------------------------------------


class Quoted:
    """A piece of a trace to find quotes in, ``trace[start:end]``."""

    def __init__(self, trace: str, start: int, end: int) -> None:
        self._trace = trace
        self._start, self._end = start, end

    def find(self, quote: str, after: int) -> tuple[int, int] | None:
        """Where ``quote`` stands, as offsets into the trace: literally, else as the model was shown
        it, else whatever the white space. Where it stands in several places, the first that begins
        at ``after`` or behind it, else the first."""
        quote = quote.strip()
        if not quote:
            return None
        for text in dict.fromkeys((self._piece, self._shown)):
            at = text.find(quote, max(0, after - self._start))
            if at < 0:
                at = text.find(quote)
            if at >= 0:
                return self._start + at, self._start + at + len(quote)
        squeezed, places = self._squeezed
        wanted = "".join(shown(quote).split())
        at = squeezed.find(wanted, bisect_left(places, after - self._start))
        if at < 0:
            at = squeezed.find(wanted)
        if at < 0:
            return None
        return self._start + places[at], self._start + places[at + len(wanted) - 1] + 1

    @cached_property
    def _piece(self) -> str:
        return self._trace[self._start : self._end]

    @cached_property
    def _shown(self) -> str:
        return shown(self._piece)

    @cached_property
    def _squeezed(self) -> tuple[str, list[int]]:
        """The piece without white space, and where each of its characters stands in it."""
        places = [place for place, char in enumerate(self._shown) if not char.isspace()]
        return "".join(self._shown.split()), places


# --- spans ----------------------------------------------------------------------------------------


def read_window(
    trajectory: Trajectory, window: Window, answer: SpansAnswer, fingerprint: str
) -> Reading:
    """The spans of an answer about ``window`` of a trajectory. Takes no time to speak of, and runs
    nothing; `feeding` says later which of their instances are checked."""
    return _Window(trajectory, window, fingerprint).read(answer.spans)


class _DroppedError(Exception):
    """Why a written span is none: a fixed reason, and a detail."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class _Window:
    def __init__(self, trajectory: Trajectory, window: Window, fingerprint: str) -> None:
        self.trajectory = trajectory
        self.window = window
        self.fingerprint = fingerprint
        self.quoted = Quoted(trajectory.trace, window.start, window.end)
        # What the model was shown: the problem, the answer, the piece.
        told = f"{trajectory.problem}\n\n{trajectory.answer or ''}"
        self.stated = Stated(told, trajectory.trace[window.start : window.end])
        self.notes: list[Note] = []

    def read(self, written: Sequence[WrittenSpan]) -> Reading:
        spans: list[Span] = []
        dropped: list[Dropped] = []
        after = self.window.start
        for index, each in enumerate(written):
            place = self.quoted.find(each.quote, after)
            if place is None:
                words = clean_line(each.quote, SHOWN_CHARS)
                dropped.append(
                    Dropped(self.window.start, self.window.end, HALLUCINATED, f'"{words}"')
                )
                continue
            start, end = place
            after = end
            if index >= MAX_SPANS:
                dropped.append(Dropped(start, end, TOO_MANY))
                continue
            noted = len(self.notes)
            try:
                spans.append(self._span(each, start, end))
            except _DroppedError as error:
                # What is noted is noted of spans that stand.
                del self.notes[noted:]
                dropped.append(Dropped(start, end, error.reason, error.detail))
        return Reading(tuple(spans), tuple(dropped), tuple(self.notes))

    def _span(self, written: WrittenSpan, start: int, end: int) -> Span:
        subquestion = clean_line(written.subquestion, SUBQUESTION_CHARS)
        if not subquestion:
            raise _DroppedError(WORDLESS)
        try:
            signature, unknown = read_signature(written.inputs, written.output)
        except NotWrittenError as error:
            raise _DroppedError(NO_SIGNATURE, str(error)) from None
        if unknown:
            self._note(OTHER_TYPE, start, end, ", ".join(unknown[:SHOWN_TYPES]))
        routine = self._routine(written.code, signature, start, end)
        cases: tuple[Case, ...] = ()
        if routine is not None:
            by_name = {parameter.name: parameter for parameter in signature.inputs}
            inputs = tuple(by_name[name] for name in routine.parameters)
            signature = dataclasses.replace(signature, inputs=inputs)
            if (tested := read_tests(self.trajectory, routine, signature)) is not None:
                routine, signature, cases = tested.routine, tested.signature, tested.cases
        tool = clean_line(written.tool, TOOL_CHARS) or None
        if routine is not None and (called := self._tool(routine, signature)) is not None:
            tool = called
        kind: Kind = "tool" if tool else written.kind
        if not cases:
            cases = self._own(written, signature, is_needed=kind in ("procedural", "tool"))
        return self._made(written, subquestion, signature, routine, cases, kind, tool, start, end)

    def _routine(self, code: str, signature: Signature, start: int, end: int) -> Routine | None:
        if not code.strip():
            return None
        try:
            return read_routine(code, [parameter.name for parameter in signature.inputs])
        except NotWrittenError as error:
            self._note(WITHOUT_CODE, start, end, str(error))
            return None

    def _tool(self, routine: Routine, signature: Signature) -> str | None:
        """The tool that the whole routine is, whatever the model says of it."""
        try:
            return single_tool(routine.code, routine.entry_point, signature)
        except (SyntaxError, ValueError, RecursionError):
            return None

    def _own(
        self, written: WrittenSpan, signature: Signature, *, is_needed: bool
    ) -> tuple[Case, ...]:
        """The instance that an answer gives, if it does. What is not ``is_needed`` is left out
        where it is no instance."""
        if not written.result.strip() and not any(b.value.strip() for b in written.bindings):
            return ()
        try:
            return (self._case(written, signature),)
        except _DroppedError:
            if is_needed:
                raise
            return ()

    def _case(self, written: WrittenSpan, signature: Signature) -> Case:
        texts = {name_of(binding.name): binding.value for binding in written.bindings}
        bindings: dict[str, Any] = {}
        for parameter in signature.inputs:
            if parameter.name not in texts:
                raise _DroppedError(UNFIT, f"{parameter.name} is not bound")
            text = texts[parameter.name]
            bindings[parameter.name] = self._value(
                parameter.name, text, parameter.type, parameter.unit
            )
        output = signature.output
        result = self._value(output.name, written.result, output.type, output.unit)
        return Case(bindings, result, checked=False)

    def _value(self, name: str, text: str, type_text: str, unit: str | None) -> Any:
        try:
            value = read_value(text, type_text, unit)
        except NotWrittenError as error:
            raise _DroppedError(UNFIT, f"{name}: {error}") from None
        missing = self.stated.missing(value, type_text)
        if missing is not None:
            raise _DroppedError(
                CONTRADICTS, f"{name}: {clean_line(missing, SHOWN_CHARS)} occurs nowhere"
            )
        return value

    def _made(
        self,
        written: WrittenSpan,
        subquestion: str,
        signature: Signature,
        routine: Routine | None,
        cases: Sequence[Case],
        kind: Kind,
        tool: str | None,
        start: int,
        end: int,
    ) -> Span:
        trajectory = self.trajectory
        subroutine = clean(written.subroutine, SUBROUTINE_CHARS)
        summary = clean("\n".join(_lines(written.summary)[:SUMMARY_LINES]), SUMMARY_CHARS)
        preconditions = _said(written.preconditions)
        failure_modes = _said(written.failure_modes)
        predicates: tuple[str, ...] = ()
        if routine is not None:
            bindings = [case.bindings for case in cases]
            derived = describe(routine.code, routine.entry_point, signature, bindings)
            subroutine = subroutine or derived.subroutine
            summary = summary or derived.summary
            preconditions = _each(preconditions, derived.preconditions)
            failure_modes = _each(failure_modes, derived.failure_modes)
            predicates = derived.predicates
        what = routine.code if routine is not None else subroutine or subquestion
        own = encode(cases[0].bindings) if cases else ""
        name = span_id(trajectory, start, end, what, own, self.fingerprint)
        return Span(
            id=name,
            trajectory_id=trajectory.id,
            problem_id=trajectory.problem_id,
            start=start,
            end=end,
            quote=trajectory.trace[start:end],
            subquestion=subquestion,
            subroutine=subroutine or subquestion,
            summary=summary or subquestion,
            code=routine.code if routine is not None else None,
            entry_point=routine.entry_point if routine is not None else None,
            signature=signature,
            preconditions=preconditions,
            predicates=predicates,
            failure_modes=failure_modes,
            kind=kind,
            domain=trajectory.domain,
            teacher=self.fingerprint,
            instances=tuple(instance_of(trajectory, name, case) for case in cases),
            tool=tool,
        )

    def _note(self, what: str, start: int, end: int, detail: str) -> None:
        self.notes.append(Note(what, start, end, clean_line(detail, NOTE_CHARS)))


def _lines(text: str) -> list[str]:
    lines = (clean_line(line, SUMMARY_CHARS) for line in clean(text, 2 * SUMMARY_CHARS).split("\n"))
    return [line for line in lines if line]


def _said(texts: Iterable[str]) -> tuple[str, ...]:
    found = (clean_line(text, CONDITION_CHARS) for text in texts)
    return tuple(dict.fromkeys(text for text in found if text))[:MAX_CONDITIONS]


def _each(said: Sequence[str], derived: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*said, *derived)))


# --- several windows ------------------------------------------------------------------------------


def merged(readings: Sequence[Reading]) -> Reading:
    """The readings of a trajectory's windows as one, in the order of the trace.

    A span of a later window that stands where one of an earlier window does, and has its code or
    asks its subquestion, is that span, and noted. Of any two others that overlap the later one is
    dropped, in the order of the windows and of their answers: unless one lies whole in the other
    and their code differs, as a step does in the way that it is a step of."""
    kept: list[tuple[int, Span]] = []
    dropped = [each for reading in readings for each in reading.dropped]
    notes = [each for reading in readings for each in reading.notes]
    code_of: dict[str, str] = {}
    for index, reading in enumerate(readings):
        for span in reading.spans:
            code_of[span.id] = _code(span)
            near = [
                (other_index, other)
                for other_index, other in kept
                if other.start < span.end and span.start < other.end
            ]
            again = [(i, o) for i, o in near if _is_again(span, o, code_of)]
            if any(i < index for i, _ in again):
                notes.append(Note(SEEN_TWICE, span.start, span.end))
            elif again:
                dropped.append(Dropped(span.start, span.end, REPEATED))
            elif all(_may_overlap(span, other, code_of) for _, other in near):
                kept.append((index, span))
            else:
                dropped.append(Dropped(span.start, span.end, OVERLAPS))
    spans = sorted((span for _, span in kept), key=lambda span: (span.start, span.end, span.id))
    dropped.sort(key=lambda each: (each.start, each.end))
    notes.sort(key=lambda each: (each.start, each.end))
    return Reading(tuple(spans), tuple(dropped), tuple(notes))


def _code(span: Span) -> str:
    """What of its code does not depend on names and layout; empty without code."""
    return canonical_code(span.code, span.entry_point or "") if span.code else ""


def _is_again(span: Span, other: Span, code_of: dict[str, str]) -> bool:
    if (span.start, span.end) != (other.start, other.end):
        return False
    same_code = code_of[span.id] == code_of[other.id]
    return span.id == other.id or (
        (bool(code_of[span.id]) and same_code) or span.subquestion == other.subquestion
    )


def _may_overlap(span: Span, other: Span, code_of: dict[str, str]) -> bool:
    inside = other.start <= span.start and span.end <= other.end
    around = span.start <= other.start and other.end <= span.end
    return (inside or around) and code_of[span.id] != code_of[other.id]


__all__ = [
    "CONTRADICTS",
    "HALLUCINATED",
    "MAX_SPANS",
    "NO_SIGNATURE",
    "OTHER_TYPE",
    "OVERLAPS",
    "REPAIRED",
    "REPEATED",
    "SEEN_TWICE",
    "TOO_MANY",
    "UNFIT",
    "WITHOUT_CODE",
    "WORDLESS",
    "Quoted",
    "Reading",
    "merged",
    "read_window",
]
