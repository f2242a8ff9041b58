"""Which instances of a trajectory feed its verified final answer.

A result does that is the answer, and one that a later span takes whose own result does. Values are
compared, not places: so a value that tells nothing, because the problem states it too, is taken for
the answer only where it is reached last, and never for what a later span takes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from tracemine.schemas import Instance, Span, Trajectory, decode, encode
from tracemine.teachers.model.stated import Stated
from tracemine.teachers.rules.code.program_answers import agrees
from tracemine.verifiers.equivalence import verify
from tracemine.verifiers.numbers import is_number, parse_number
from tracemine.verifiers.texts import plain_text
from tracemine.verifiers.verdict import ANSWERS

#: Longer answers and results are compared by no verifier, in characters.
MAX_ANSWER = 400
#: Numbers that come up everywhere: that one of them comes up again says nothing.
_COMMON = frozenset((0, 1))
_TRUE, _FALSE = frozenset({"true", "yes"}), frozenset({"false", "no"})


def with_checked(spans: Sequence[Span], trajectory: Trajectory) -> tuple[Span, ...]:
    """``spans`` in their order, of which each one's own instance is ``checked`` if its result feeds
    the answer of ``trajectory``; none is where the answer is not verified. Instances that are
    checked already (those from tests) stay so."""
    answer = trajectory.answer if trajectory.answer is not None else trajectory.reference
    if trajectory.outcome != "verified" or not answer or len(answer) > MAX_ANSWER:
        return tuple(spans)
    in_problem = Stated(trajectory.problem, "")
    own = {index: span.instances[0] for index, span in enumerate(spans) if span.instances}
    values = {index: decode(instance.result) for index, instance in own.items()}
    telling = {
        index
        for index, value in values.items()
        if in_problem.missing(value, spans[index].signature.output.type) is not None
    }
    known: dict[str, bool] = {}
    reaching = []
    for index, value in values.items():
        text = own[index].result
        if text not in known:
            known[text] = is_answer(value, answer)
        if known[text]:
            reaching.append(index)
    last = max((spans[index].end for index in reaching), default=0)
    checked = {i for i in reaching if i in telling or spans[i].end == last}
    # From the end to the front, since what is taken was made before.
    taken: set[str] = set()
    for index in sorted(values, key=lambda i: (-spans[i].end, -spans[i].start, i)):
        if index in telling and _key(values[index]) in taken - {""}:
            checked.add(index)
        if index in checked:
            taken.update(_taken(own[index]))
    return tuple(_checked(span) if index in checked else span for index, span in enumerate(spans))


def is_answer(value: Any, answer: str) -> bool:
    """Whether a plain value is what the text of a final answer says, which may be rounded to the
    decimals that it shows."""
    if isinstance(value, bool):
        return answer.strip().strip(".").casefold() in (_TRUE if value else _FALSE)
    text = _text(value)
    if not text or len(text) > MAX_ANSWER:
        return False
    if verify(answer, text, ANSWERS).outcome == "agree":
        return True
    return (
        is_number(value) and parse_number(plain_text(answer)) is not None and agrees(value, answer)
    )


def _text(value: Any) -> str:
    """A plain value as an answer would write it; empty for what no answer is."""
    if isinstance(value, str):
        return value
    if type(value) in (int, float, Fraction):
        try:
            return str(value)
        except ValueError:  # an integer of more digits than Python writes
            return ""
    if type(value) is complex:
        return f"{value.real:g}{value.imag:+g}i"
    if isinstance(value, (list, tuple, set, frozenset)):
        members = [_text(member) for member in value]
        if not all(members):
            return ""
        if isinstance(value, (set, frozenset)):
            return f"\\{{{', '.join(sorted(members))}\\}}"
        joined = ", ".join(members)
        return f"({joined})" if isinstance(value, tuple) else joined
    return ""


def _taken(instance: Instance) -> Iterator[str]:
    """What an instance binds, and what stands in it, as keys."""
    for value in decode(instance.bindings).values():
        yield _key(value)
        if isinstance(value, (list, tuple)):
            yield from map(_key, value)


def _key(value: Any) -> str:
    """The same text for values that are the same; a text that no other value has for those that
    tell nothing."""
    if isinstance(value, bool) or value is None or value in ("", [], ()):
        return ""
    if type(value) in (int, float, Fraction):
        exact = Fraction(repr(value)) if isinstance(value, float) else Fraction(value)
        return "" if abs(exact) in _COMMON else encode(exact)
    if isinstance(value, str):
        return "".join(value.split())
    return encode(value)


def _checked(span: Span) -> Span:
    own, *others = span.instances
    return dataclasses.replace(span, instances=(dataclasses.replace(own, checked=True), *others))


__all__ = ["is_answer", "with_checked"]
