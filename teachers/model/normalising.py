"""The shape of a subquestion, by a model: in place of the rules' (`transforms.shape`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tracemine.teachers.base import TeacherError
from tracemine.teachers.model.answering import answered
from tracemine.teachers.model.answers import ShapeAnswer
from tracemine.teachers.model.cleaning import clean_line
from tracemine.teachers.model.making import blocks, made_request, shortened
from tracemine.teachers.model.prompts import fill, prompt
from tracemine.teachers.model.requests import Ask, Message, Request
from tracemine.teachers.model.settings import Settings

#: Characters of a question that are shown, and of its shape.
QUESTION_CHARS = 2_000
SHAPE_CHARS = 240

NO_SHAPE: Final = "no shape"


@dataclass(frozen=True, slots=True)
class Shaped:
    """One line that says what is asked, without whom and how many it is asked of."""

    shape: str


def normalise_request(subquestion: str, model: str, settings: Settings) -> Request:
    """What a model is asked. Equal questions up to spacing are one request."""
    question = shortened(" ".join(subquestion.split()), QUESTION_CHARS)
    messages = (
        Message("system", prompt("normalise")),
        Message("user", fill(prompt("question"), {"data": blocks({"question": question})})),
    )
    return made_request("normalise", model, messages, ShapeAnswer, settings)


async def normalise(subquestion: str, ask: Ask, model: str, settings: Settings) -> Shaped:
    """The shape of ``subquestion``. One request, two at most.

    Raises:
        TeacherError: `NO_SHAPE` if there is no question or the answer holds no shape, or if no
            answer could be had.
    """
    if not subquestion.strip():
        raise TeacherError(NO_SHAPE, "no question")
    request = normalise_request(subquestion, model, settings)
    answer, _ = await answered(request, ask, ShapeAnswer)
    shape = clean_line(answer.shape, SHAPE_CHARS).rstrip("?.! ")
    if not shape:
        raise TeacherError(NO_SHAPE, "an empty answer")
    return Shaped(shape)


__all__ = ["NO_SHAPE", "Shaped", "normalise", "normalise_request"]
