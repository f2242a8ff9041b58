"""One request, and its answer read as what it was asked for.

For the requests whose answer is one small object (`replaying`, `judging`, `normalising`): what
cannot be read is repaired once, then the request has failed.
"""

from __future__ import annotations

import re
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tracemine.teachers.base import TeacherError
from tracemine.teachers.model.cleaning import clean_line
from tracemine.teachers.model.making import ERROR_CHARS, repair_request
from tracemine.teachers.model.reading import CUT_OFF, FILTERED, NOT_JSON, NOT_SCHEMA, REFUSED
from tracemine.teachers.model.requests import Ask, Request, Response

#: Characters of a model's words that an error shows.
DETAIL_CHARS = 200
#: Faults of an answer that an error names.
MOST_FAULTS = 5

_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", re.DOTALL)
_Form = TypeVar("_Form", bound=BaseModel)


async def answered(request: Request, ask: Ask, form: type[_Form]) -> _Form:
    """The answer to ``request`` as a ``form``.

    Raises:
        TeacherError: with the reasons of `reading`: if there is none (`CUT_OFF`, `FILTERED`,
            `REFUSED`), if neither it nor its repair can be read (`NOT_JSON`, `NOT_SCHEMA`); or as
            ``ask`` raises it.
    """
    response = _finished(await ask(request))
    try:
        return read_answer(response.text, form)
    except ValidationError as error:
        repair = repair_request(request, response.text, faults_of(error))
    response = _finished(await ask(repair))
    try:
        return read_answer(response.text, form)
    except ValidationError as error:
        is_json = all(fault["type"] != "json_invalid" for fault in error.errors())
        told = clean_line(faults_of(error), DETAIL_CHARS)
        raise TeacherError(NOT_SCHEMA if is_json else NOT_JSON, told) from None


def read_answer(text: str, form: type[_Form]) -> _Form:
    """``text`` as a ``form``, also where a fence of Markdown stands around it.

    Raises:
        ValidationError: if it is no JSON, or not of the form's schema.
    """
    fenced = _FENCED.fullmatch(text)
    return form.model_validate_json(fenced[1] if fenced else text)


def faults_of(error: ValidationError) -> str:
    """What is wrong with an answer, one fault to a line: where, and what. Holds none of its text
    but names of fields."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    lines = [
        f"{clean_line('.'.join(map(str, fault['loc'])), 80) or 'the answer'}: {fault['msg']}"
        for fault in found[:MOST_FAULTS]
    ]
    if len(found) > MOST_FAULTS:
        lines.append(f"and {len(found) - MOST_FAULTS} more")
    return "\n".join(lines)[:ERROR_CHARS]


def _finished(response: Response) -> Response:
    if response.refusal:
        raise TeacherError(REFUSED, clean_line(response.refusal, DETAIL_CHARS))
    if response.finish_reason == "content_filter":
        raise TeacherError(FILTERED)
    if response.finish_reason == "length":
        raise TeacherError(CUT_OFF, f"after {response.completion_tokens} tokens")
    return response


__all__ = ["answered", "faults_of", "read_answer"]
