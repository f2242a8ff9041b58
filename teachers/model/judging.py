"""A model as judge of two results that no verifier can compare.

Its verdict is recorded under the name `JUDGE`, and never makes an entry canonical alone. The two
results are shown in the order of their texts, so that neither side has the better place, and so
that the same pair is asked about once.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tracemine.schemas import Parameter
from tracemine.teachers.model.answering import answered
from tracemine.teachers.model.answers import JudgeAnswer
from tracemine.teachers.model.cleaning import clean_line
from tracemine.teachers.model.making import PROBLEM_CHARS, blocks, made_request, shortened
from tracemine.teachers.model.prompts import fill, prompt
from tracemine.teachers.model.replaying import value_text
from tracemine.teachers.model.requests import Ask, Message, Request
from tracemine.teachers.model.settings import Settings
from tracemine.verifiers.verdict import JUDGE, Outcome, Verdict

#: Characters of a question, of a result that is judged at all (a longer one, cut, might differ
#: where it was cut), and of a reason.
QUESTION_CHARS = 2_000
RESULT_CHARS = 8_000
REASON_CHARS = 300

_OUTCOMES: Mapping[str, Outcome] = MappingProxyType(
    {"same": "agree", "different": "differ", "undecided": "unknown"}
)


def judge_request(
    question: str,
    output: Parameter,
    left: str,
    right: str,
    model: str,
    settings: Settings,
    problem: str = "",
) -> Request:
    """What a model is asked; the same for ``left`` and ``right`` in either order."""
    unit = f", in {output.unit}" if output.unit else ""
    first, second = sorted((left, right))
    data = {
        "question": shortened(f"{question}\n({output.name}: {output.type}{unit})", QUESTION_CHARS),
        "problem": shortened(problem, PROBLEM_CHARS),
        "first": first,
        "second": second,
    }
    messages = (
        Message("system", prompt("judge")),
        Message("user", fill(prompt("pair"), {"data": blocks(data)})),
    )
    return made_request("judge", model, messages, JudgeAnswer, settings)


async def judge(
    question: str,
    output: Parameter,
    expected: Any,
    found: Any,
    ask: Ask,
    model: str,
    settings: Settings,
    problem: str = "",
) -> Verdict:
    """Whether ``expected`` and ``found``, plain values or texts, say the same answer to
    ``question``. Symmetric. No request is made for equal texts, nor where one is empty or too long
    to be shown whole; else one, two at most.

    Raises:
        TeacherError: if no answer could be had.
    """
    try:
        left, right = value_text(expected).strip(), value_text(found).strip()
    except ValueError:  # an integer of more digits than Python writes
        return Verdict("unknown", "too long to be judged", JUDGE)
    if not left or not right:
        return Verdict("unknown", "nothing to compare", JUDGE)
    if left == right:
        return Verdict("agree", "same text", JUDGE)
    if max(len(left), len(right)) > RESULT_CHARS:
        return Verdict("unknown", "too long to be judged", JUDGE)
    request = judge_request(question, output, left, right, model, settings, problem)
    answer, _ = await answered(request, ask, JudgeAnswer)
    return Verdict(_OUTCOMES[answer.verdict], clean_line(answer.reason, REASON_CHARS), JUDGE)


__all__ = ["judge", "judge_request"]
