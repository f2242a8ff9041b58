r"""Multiple choice: letters against letters, and against the texts of the options."""

from __future__ import annotations

import re
from collections.abc import Callable

from tracemine.verifiers.texts import plain_text, same_writing
from tracemine.verifiers.verdict import Context, Verdict

NAME = "choice"

#: As many as there are letters.
MAX_OPTIONS = 26

#: A letter as an option is marked: ``(C)``, ``C.``, ``C)``, ``C: 12``, ``(C)Plane``; then what
#: follows it.
_MARKED = re.compile(r"(?:option|choice)?\s*(?:\(([A-Za-z])\)|([A-Z])(?:[.):]|(?=$)))\s*(.*)", re.S)

#: A small letter marks an option only where there are options: it may be a variable.
_SMALL = re.compile(r"([a-z])(?:[.):]\s*(.*))?", re.S)


def read_letter(text: str) -> tuple[str, str]:
    """``(letter, what follows it)`` of a text that begins with the mark of an option; else two
    empty texts. A bare letter is one if it is a capital."""
    match = _MARKED.fullmatch(
        plain_text(re.sub(r"\\(?:text|textbf|mathrm|mbox)\s*\{([^{}]*)\}", r"\1", text))
    )
    if not match:
        return "", ""
    return (match[1] or match[2]).upper(), plain_text(match[3])


def compare_choices(
    reference: str, answer: str, context: Context, compare: Callable[[str, str], Verdict]
) -> Verdict:
    """Whether two answers name one option: by its letter, by its letter and text, or by its text
    alone, which ``compare`` compares. Symmetric. Without `Context.options` letters alone tell.

    ``unknown`` where an answer is neither a letter nor the text of exactly one option.
    """
    first, second = _option(reference, context, compare), _option(answer, context, compare)
    if not first or not second:
        side = "reference" if not first else "answer"
        return Verdict("unknown", f"the {side} names no option", NAME)
    agrees = first == second
    return Verdict("agree" if agrees else "differ", f"{first} and {second}", NAME)


def _option(text: str, context: Context, compare: Callable[[str, str], Verdict]) -> str:
    options = context.options[:MAX_OPTIONS]
    letters = [chr(ord("A") + i) for i in range(len(options))]
    plain = plain_text(text)
    same = [
        letter
        for letter, option in zip(letters, options, strict=True)
        if same_writing(plain_text(option), plain)
    ]
    letter, rest = read_letter(text)
    if not letter and options and not same and (match := _SMALL.fullmatch(plain)):
        letter, rest = match[1].upper(), plain_text(match[2] or "")
    if letter and (not options or letter in letters):
        if rest and options and same_writing(plain_text(options[letters.index(letter)]), rest):
            return letter
        # An option's own text may be a letter, and another's at that: then nothing is certain.
        if not same or same == [letter]:
            return letter
        return ""
    if not same:
        same = [
            letter
            for letter, option in zip(letters, options, strict=True)
            if compare(option, plain).outcome == "agree"
        ]
    return same[0] if len(same) == 1 else ""


__all__ = ["compare_choices", "read_letter"]
