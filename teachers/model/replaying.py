"""Replay by a model: a routine in words is carried out on a held-out instance.

The model is given the question, the steps, and the instance's problem and values. It never sees
the trace that the routine or the instance came from, nor the result that the instance has: whether
what it gives is that result is for a verifier to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tracemine.schemas import Parameter, Signature
from tracemine.teachers.model.answering import answered
from tracemine.teachers.model.answers import ReplayAnswer
from tracemine.teachers.model.cleaning import clean
from tracemine.teachers.model.making import PROBLEM_CHARS, blocks, made_request, shortened
from tracemine.teachers.model.prompts import fill, prompt
from tracemine.teachers.model.requests import Ask, Message, Request
from tracemine.teachers.model.settings import Settings
from tracemine.teachers.model.written import NotWrittenError, read_value

#: Characters of a routine and of all values that are shown, and of the steps that are kept.
ROUTINE_CHARS = 8_000
VALUES_CHARS = 8_000
STEPS_CHARS = 2_000

#: Why a routine that was carried out has no result.
NO_RESULT = "not carried out"
NOT_OF_ITS_TYPE = "the result is not of its type"


@dataclass(frozen=True, slots=True)
class Replayed:
    """A routine, carried out.

    Attributes:
        value: the result as a plain value of the signature's output type; None with a ``fault``.
        steps: what the model did, or why it could not, cleaned.
        fault: empty, or `NO_RESULT` or `NOT_OF_ITS_TYPE`.
    """

    value: Any
    steps: str
    fault: str = ""


def replay_request(
    subquestion: str,
    subroutine: str,
    signature: Signature,
    problem: str,
    bindings: Mapping[str, Any],
    model: str,
    settings: Settings,
) -> Request:
    """What a model is asked. ``bindings`` are plain values by the names of ``signature``."""
    routine = [
        f"Question: {subquestion}",
        f"Inputs: {', '.join(_told(p) for p in signature.inputs) or 'none'}",
        f"Output: {_told(signature.output)}",
        subroutine,
    ]
    values = [f"{p.name} = {value_text(bindings[p.name])}" for p in signature.inputs]
    data = {
        "routine": shortened("\n".join(routine), ROUTINE_CHARS),
        "problem": shortened(problem, PROBLEM_CHARS),
        "values": shortened("\n".join(values), VALUES_CHARS),
    }
    messages = (
        Message("system", prompt("replay")),
        Message("user", fill(prompt("carry"), {"data": blocks(data)})),
    )
    return made_request("replay", model, messages, ReplayAnswer, settings)


async def replay(
    subquestion: str,
    subroutine: str,
    signature: Signature,
    problem: str,
    bindings: Mapping[str, Any],
    ask: Ask,
    model: str,
    settings: Settings,
) -> Replayed:
    """Carry ``subroutine`` out on ``bindings``, which are those of a held-out instance renamed to
    the names of ``signature``; ``problem`` is the instance's. One request, two at most.

    Raises:
        KeyError: if an input is not bound.
        TeacherError: if no answer could be had.
    """
    request = replay_request(subquestion, subroutine, signature, problem, bindings, model, settings)
    answer, _ = await answered(request, ask, ReplayAnswer)
    steps = clean(answer.steps, STEPS_CHARS)
    if not answer.result.strip():
        return Replayed(None, steps, NO_RESULT)
    output = signature.output
    try:
        return Replayed(read_value(answer.result, output.type, output.unit), steps)
    except NotWrittenError:
        return Replayed(None, steps, NOT_OF_ITS_TYPE)


def value_text(value: Any) -> str:
    """A plain value as prompts write values: text as it is if it has one line, a fraction as
    ``3/4``, the members of a set in order of their text."""
    if isinstance(value, str):
        return value if value.isprintable() else repr(value)
    return _nested(value)


def _nested(value: Any) -> str:
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_nested, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(_nested, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, (set, frozenset)):
        return f"{{{', '.join(sorted(map(_nested, value)))}}}" if value else "set()"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_nested(k)}: {_nested(v)}' for k, v in value.items())}}}"
    return repr(value)


def _told(parameter: Parameter) -> str:
    unit = f", in {parameter.unit}" if parameter.unit else ""
    return f"{parameter.name} ({parameter.type}{unit})"


__all__ = ["NOT_OF_ITS_TYPE", "NO_RESULT", "Replayed", "replay", "replay_request", "value_text"]
