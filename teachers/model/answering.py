"""One request, and its answer read as what it was asked for.

An answer that cannot be read is shown to the model once more, with what is wrong with it; then the
request has failed, for one of the reasons below.
"""

from __future__ import annotations

import json
import re
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tracemine.teachers.base import TeacherError
from tracemine.teachers.model.cleaning import clean_line
from tracemine.teachers.model.making import ERROR_CHARS, repair_request
from tracemine.teachers.model.requests import Ask, Request, Response

# Why a request that was answered has failed.
CUT_OFF = "answer was cut off at its most tokens"
FILTERED = "answer was held back by a content filter"
REFUSED = "model refused to answer"
NOT_JSON = "answer is not JSON"
NOT_SCHEMA = "answer does not have its schema"

#: Characters of a model's words that an error shows.
DETAIL_CHARS = 200
#: Faults of an answer that an error names.
MOST_FAULTS = 5

#: Kinds of fault that are of the text as a whole: no JSON, or half characters.
_NO_JSON = frozenset({"json_invalid", "json_type", "string_unicode"})
_FENCED = re.compile(r"\s*```(?:json|JSON)?(.*)```\s*", re.DOTALL)
_Form = TypeVar("_Form", bound=BaseModel)


class UnreadableError(Exception):
    """An answer that is there and is none: ``reason`` is `NOT_JSON` or `NOT_SCHEMA`, ``faults`` say
    what is wrong, one to a line, in none of the answer's own words but names of fields."""

    def __init__(self, reason: str, faults: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.faults = faults


async def answered(request: Request, ask: Ask, form: type[_Form]) -> tuple[_Form, str]:
    """The answer to ``request`` as a ``form``, and what was wrong with it before it was repaired;
    empty if nothing was.

    Raises:
        TeacherError: if there is none (`CUT_OFF`, `FILTERED`, `REFUSED`), if neither it nor its
            repair can be read (`NOT_JSON`, `NOT_SCHEMA`); or as ``ask`` raises it.
    """
    response = _finished(await ask(request))
    try:
        return read_answer(response.text, form), ""
    except UnreadableError as error:
        wrong = f"{error.reason}: {clean_line(error.faults, DETAIL_CHARS)}"
        repair = repair_request(request, response.text, error.faults)
    response = _finished(await ask(repair))
    try:
        return read_answer(response.text, form), wrong
    except UnreadableError as error:
        raise TeacherError(error.reason, clean_line(error.faults, DETAIL_CHARS)) from None


def read_answer(text: str, form: type[_Form]) -> _Form:
    """``text`` as a ``form``; also where a fence of Markdown stands around it, and where texts in
    it hold line breaks and other controls as they are, which servers let models write.

    Raises:
        UnreadableError: if it is no JSON, or not of the form's schema.
    """
    fenced = _FENCED.fullmatch(text)
    inner = fenced[1] if fenced else text
    try:
        return form.model_validate_json(inner)
    except ValidationError as error:
        first = _unreadable(error)
    except ValueError as error:  # half characters, which no JSON has
        raise UnreadableError(NOT_JSON, clean_line(str(error), DETAIL_CHARS)) from None
    if first.reason != NOT_JSON:
        raise first
    try:
        # Written anew, controls are escaped; what else is wrong with it still is.
        return form.model_validate_json(json.dumps(json.loads(inner, strict=False)))
    except ValidationError as error:
        raise _unreadable(error) from None
    except (ValueError, RecursionError):
        raise first from None


def _unreadable(error: ValidationError) -> UnreadableError:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    lines = [
        f"{clean_line('.'.join(map(str, fault['loc'])), 80) or 'the answer'}: {fault['msg']}"
        for fault in found[:MOST_FAULTS]
    ]
    if len(found) > MOST_FAULTS:
        lines.append(f"and {len(found) - MOST_FAULTS} more")
    is_json = not any(fault["type"] in _NO_JSON for fault in found)
    faults = "\n".join(lines)[:ERROR_CHARS]
    return UnreadableError(NOT_SCHEMA if is_json else NOT_JSON, faults)


def _finished(response: Response) -> Response:
    if response.refusal:
        raise TeacherError(REFUSED, clean_line(response.refusal, DETAIL_CHARS))
    if response.finish_reason == "content_filter":
        raise TeacherError(FILTERED)
    if response.finish_reason == "length":
        raise TeacherError(CUT_OFF, f"{len(response.text)} characters")
    return response


__all__ = [
    "CUT_OFF",
    "FILTERED",
    "NOT_JSON",
    "NOT_SCHEMA",
    "REFUSED",
    "UnreadableError",
    "answered",
    "read_answer",
]
