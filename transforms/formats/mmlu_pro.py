"""MMLU-Pro: a question with up to ten options, and a model's chain of thought.

    question_id, question, options, answer (a letter), answer_index, category, src,
    cot_content or, in the published outputs of models, model_outputs and pred

Fields as on the card of TIGER-Lab/MMLU-Pro and in the repository's eval_results. The options belong
to the problem. What the trace itself ends with, a letter or an option's text, is compared as an
option: 1.0 and 1.00 may be two. Where it is the right one, reference and answer are its *text*, so
that a step which computes the answer can be told; else they are letters. ``pred`` is not read:
where its makers found no letter they drew one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tracemine.schemas import Source, Trajectory
from tracemine.transforms.formats.answers import CLOSING_CHARS, boxed, final_answer
from tracemine.transforms.formats.base import (
    WRONG_TYPE,
    Format,
    Row,
    RowError,
    as_text,
    field,
    is_empty,
    is_null,
    label,
    text,
    trajectory,
)
from tracemine.transforms.formats.thoughts import unwrap
from tracemine.verifiers.numbers import parse_number
from tracemine.verifiers.texts import plain_text

NO_SUCH_OPTION = "reference is no option"

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TRACES = ("model_outputs", "cot_content")
#: "the answer is (C)", "Answer: C", "the correct option is C", with any bold, brackets or LaTeX
#: around the letter.
_SAID = re.compile(
    r"\b(?:answer|(?:correct|right|best)\s+(?:option|choice|statement))"
    r"(?:[\s\\]+is\b|\s*:)[\s:*$(\\{}]*(?:(?:text|boxed)\{\(?)?([A-Z])(?![\w'’])",
    re.IGNORECASE,
)
#: An option that is written out after a colon, as the last line: "... is:\n\nC. 12 lux".
_LAST_OPTION = re.compile(r":\**[ \t]*\n\s*\**\(?([A-Z])[.):]\**\s[^\n]*\Z")
#: ``C``, ``(C)``, ``C.``, ``C) 12 lux``; not ``A mass``.
_LETTER = re.compile(r"\(?([A-Z])(?:\).*|[.:](?:\s.*)?)?", re.DOTALL)
_TEXT = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\s*\{\s*([^{}]*?)\s*\}")

_DOMAINS = {"math": "math"} | dict.fromkeys(
    ("physics", "chemistry", "biology", "engineering", "computer science"), "stem"
)


def adapt(row: Row, source: Source) -> Iterator[Trajectory]:
    """One trajectory."""
    question = text(row, "question", "problem")
    options = _options(row)
    right = _letter_index(text(row, "answer", "reference"), options)
    if right is None:
        raise RowError(NO_SUCH_OPTION, repr(row["answer"])[:100])
    listed = (f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False))
    column = next((name for name in _TRACES if name in row), _TRACES[0])
    trace = text(row, column, "trace")
    is_right = chosen_option(unwrap(trace).conclusion, options) == right

    def answer(conclusion: str) -> str | None:
        index = chosen_option(conclusion, options)
        return None if index is None else options[index] if is_right else LETTERS[index]

    yield trajectory(
        source,
        problem="\n".join((question, *listed)),
        trace=trace,
        answer=answer,
        reference=options[right] if is_right else LETTERS[right],
        domain=_DOMAINS.get(label(row, "category", "domain").lower(), "other"),
    )


def chosen_option(conclusion: str, options: Sequence[str]) -> int | None:
    """The index of the option that a text ends with: the last letter that it calls the answer, else
    what its final answer names or says. None if it chooses none."""
    said = [match[1] for match in _SAID.finditer(conclusion) if match[1].isupper()]
    if not said and (written_out := _LAST_OPTION.search(conclusion.rstrip()[-CLOSING_CHARS:])):
        said = [written_out[1]]
    final = boxed(conclusion) or final_answer(conclusion)
    for text_of in (*said[-1:], *((final,) if final else ())):
        index = _letter_index(text_of, options)
        if index is not None:
            return index
    return _same_text(final, options) if final else None


def _same_text(said: str, options: Sequence[str]) -> int | None:
    """The one option that says the same, or is the same number exactly."""
    plain = plain_text(said)
    number = parse_number(plain)
    same = []
    for index, option in enumerate(map(plain_text, options)):
        value = parse_number(option)
        is_number = number is not None and value is not None and number.value == value.value
        if option.casefold() == plain.casefold() or is_number:
            same.append(index)
    return same[0] if len(same) == 1 else None


def _options(row: Row) -> list[str]:
    options = field(row, "options")
    if options is None:
        raise RowError(is_null("options"))
    if not isinstance(options, list | tuple):
        raise RowError(WRONG_TYPE, f"options is {type(options).__name__}, not a list")
    if not options:
        raise RowError(is_empty("options"))
    return [as_text(option, "options", "option").strip() for option in options[: len(LETTERS)]]


def _letter_index(said: str, options: Sequence[str]) -> int | None:
    match = _LETTER.fullmatch(_TEXT.sub(r"\1", said).strip().strip("*$"))
    if match is None:
        return None
    index = LETTERS.index(match[1])
    return index if index < len(options) else None


FORMAT = Format(
    name="mmlu-pro",
    detect=lambda row: {"question", "options", "answer", "category"} <= row.keys(),
    adapt=adapt,
    licence="Apache-2.0",
)
