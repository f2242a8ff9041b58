"""What a solver would ask before it knew the routine, in words that nobody made from the routine.

The rules teacher writes a span's subquestion from the calculation ("how many items are left when
some are taken away"), so to ask in these words would give the answer away. What is asked here are
words that the problem or its solver wrote: the subquestion that a trace states beside its step; the
problem's own question where the step's result is the problem's answer; else the sentence that
states the result, without its numbers and calculations.
"""

from __future__ import annotations

import re

from tracemine.schemas import Span, Trajectory
from tracemine.teachers.rules.language.numerals import find_numerals
from tracemine.teachers.rules.language.words import final_question, sentences
from tracemine.verifiers import ANSWERS, verify

#: A line of a socratic trace: ``subquestion ** step``.
_SOCRATIC = re.compile(r"^(.*\S) \*\* ", re.MULTILINE)
#: Calculations as GSM8K annotates them.
_ANNOTATION = re.compile(r"<<[^<>]*>>")
#: What is left of a calculation once its numbers are out: signs alone between spaces, and units of
#: money and percentages.
_SIGNS = re.compile(r"(?<![^\s])[-+*/=×÷$€£%^().,:x·]+(?![^\s])|[$€£=×÷^*\\]")
#: What a program's line computes, ``total_cost = ...``.
_ASSIGNED = re.compile(r"^\s*([A-Za-z_]\w*)\s*(?:[-+*/]?=)(?!=)")
#: Characters of what is asked; a longer sentence loses its beginning.
MAX_CHARS = 400

_WORD = re.compile(r"[A-Za-z]{2,}")


def asked(span: Span, result: str, trajectory: Trajectory) -> str:
    """The question that ``span`` answers, as its problem or its trace words it. ``result`` is the
    span's (canonical JSON)."""
    if span.domain == "code":
        return _cut(trajectory.problem)
    line = trajectory.trace[trajectory.trace.rfind("\n", 0, span.end) + 1 : span.end]
    stated = _SOCRATIC.match(line)
    if stated:
        return _cut(stated.group(1))
    if _answers(result, trajectory.reference):
        return _cut(final_question(trajectory.problem))
    computed = _ASSIGNED.match(line)
    if computed:
        return computed.group(1).replace("_", " ")
    pieces = [span.quote[start:end] for start, end in sentences(span.quote)]
    for piece in reversed(pieces):
        words = without_numbers(piece)
        if len(_WORD.findall(words)) >= 2:
            return _cut(words)
    return _cut(final_question(trajectory.problem))


def without_numbers(text: str) -> str:
    """``text`` without its numbers, in digits, and what computes with them."""
    text = _ANNOTATION.sub(" ", text)
    for numeral in reversed(find_numerals(text, fractions=False)):
        if text[numeral.start].isalpha():
            continue
        text = f"{text[: numeral.start]} {text[numeral.end :]}"
    return " ".join(_SIGNS.sub(" ", text).split())


def _answers(result: str, reference: str | None) -> bool:
    if reference is None:
        return False
    return verify(reference, result.strip('"'), ANSWERS).outcome == "agree"


def _cut(text: str) -> str:
    words = " ".join(text.split())
    return words[-MAX_CHARS:]


__all__ = ["MAX_CHARS", "asked", "without_numbers"]
