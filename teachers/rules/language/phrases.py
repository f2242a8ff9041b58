"""Subquestions from the words that code comes with: the task's text, names, comments, docstrings.

A subquestion is a shape: it must not carry the numbers or the names of people of one instance.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tracemine.teachers.rules.language import words
from tracemine.teachers.rules.language.numerals import NUMBER_WORDS, find_numerals, word_set

#: Longest subquestion, in characters.
MAX_PHRASE = 240
#: Most inputs that a subquestion names; the others are "and more".
MAX_NAMED = 6

_TASK = re.compile(
    r"^[\s#*>-]*(?:please\s+)?(?:write|create|implement|define|develop|make)\s+(?:a|an|the)?\s*"
    r"(?:python\s+|simple\s+|recursive\s+)*(?:function|program|method|script|code|regex)\w*\s*"
    r"(?:in\s+python\s+)?(?:named\s+\w+\s+|called\s+\w+\s+)?"
    r"(?:that|which|to|for|of|where|using|-)?\s*(?:should\s+|will\s+|can\s+)?",
    re.IGNORECASE,
)
_THAT = re.compile(r"\b(?:that|which)\s*$", re.IGNORECASE)
#: "takes a list", of a function that does.
_THIRD_PERSON = re.compile(
    r"(?:^|(?<=\band ))(?!does\b|goes\b|has\b|was\b|its\b)"
    r"(\w{2,}?(?:ch|sh|x|ss)(?=es\s)|\w{3,}?(?=s\s(?:a|an|the|it|true|false|all|loss|two)\b))e?s(?=\s)"
)
_NAMED = re.compile(r"\s*\b(?:by|in|with|using)\s+(?:the\s+)?function\s+name\s+\w+", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[a-z\])])[.?!](?:\s|$)")
#: Where a list of examples begins.
_ENUMERATION = re.compile(r"(?<=\w{3})\s+1\.\s|\s+(?:e\.g\.|for example|example:)", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"[A-Za-z]+")
_LEAD_IN = re.compile(
    r"^(?:(?:step\s*\d+|\d+|[a-z])\s*[.):-]\s*|"
    r"(?:first|second|third|fourth|fifth|sixth|last|final|next|then|now|so|therefore|thus|also|and"
    r"|finally|lastly)(?:ly)?\s*,?\s+|"
    r"(?:let'?s|let us|we|you|i)\s+|(?:have|need|want|must|can|should|will|are going)\s+(?:to\s+)?|"
    r"(?:calculate|compute|find|define|determine|get|work out|figure out)\s+(?:out\s+)?|to\s+)",
    re.IGNORECASE,
)
_USELESS = re.compile(
    r"\b(variables?|return|answer|python|program|function|print|following|result|import|input|todo"
    r"|solution|equation|relationship|step|statement|loop|code|given)\b|[=<>\[\]{}()*/\\^|`]",
    re.IGNORECASE,
)
#: Names that do not say what they hold.
GENERIC = frozenset(
    {
        "", "ans", "answer", "final", "func", "function", "main", "num", "number", "out", "output",
        "problem", "question", "res", "result", "ret", "run", "solution", "solve", "solver", "temp",
        "tmp", "val", "value", "var",
    }
)  # fmt: skip


def task_phrase(text: str) -> str:
    """A programming task as what is to be done: "find the nth pell number" out of "Write a
    function to find the nth pell number." """
    first = _SPACE.sub(" ", text.strip())
    opening = _TASK.match(first)
    stripped = _NAMED.sub("", first[opening.end() :] if opening else first).strip()
    if opening and _THAT.search(opening.group()):
        stripped = _THIRD_PERSON.sub(r"\1", stripped)
    stripped = _ENUMERATION.split(stripped)[0]
    end = _SENTENCE_END.search(stripped)
    if end is not None and end.start() >= 12:
        stripped = stripped[: end.start()]
    stripped = stripped.rstrip(" .?!:;").strip() or first
    if len(stripped) > MAX_PHRASE:
        stripped = stripped[:MAX_PHRASE].rsplit(" ", 1)[0]
    if len(stripped) > 1 and stripped[0].isupper() and not stripped[1].isupper():
        stripped = stripped[0].lower() + stripped[1:]
    return stripped


def says_what(phrase: str) -> bool:
    """Whether a task says what is to be computed, and not merely that code is to be run or
    written; so that a person could look for it."""
    words_said = (word.lower() for word in _WORD.findall(phrase))
    return any(len(word) > 1 and word not in _ANY_TASK for word in words_said)


_ANY_TASK = (
    GENERIC
    | words.STOP
    | word_set(
        "run execute call evaluate write complete implement code python program script task test "
        "tests method following given argument arguments input inputs output outputs return "
        "returns this that does do be is what it its"
    )
)


def name_words(text: str) -> frozenset[str]:
    """The names of people and places in ``text`` (see `words.proper_names`), in lower case, each
    word for itself. A letter (of a point, an unknown) is none."""
    names = words.proper_names(text)
    parts = {part.lower() for name in names for part in _WORD.findall(name)}
    return frozenset(part for part in parts if len(part) > 1)


#: What joins words of a name, and is left over where the name of a person or a day was.
_JOINING = word_set("in of for per at on by to from with and or a an the")


def name_phrase(name: str, names: frozenset[str]) -> str:
    """The words of an identifier without the names of people, days and numbers: "age" out of
    ``alice_age``; empty if it consists of nothing else."""
    dropped = names | words.CALENDAR | NUMBER_WORDS
    kept = [w for w in words.spoken(name).split() if w not in dropped and not w.isdigit()]
    while kept and kept[-1] in _JOINING:
        kept.pop()
    while kept and kept[0] in _JOINING:
        kept.pop(0)
    return " ".join(kept)


def derivation_phrase(
    target: str, inputs: Iterable[str], names: frozenset[str], *, comment: str = ""
) -> str:
    """ "remaining balance from total, spent and refunds": what is computed from what.

    ``comment`` stands for the target's own words where it is given.
    """
    wanted = comment or name_phrase(target, names) or "value"
    parts = list(dict.fromkeys(p for p in (name_phrase(i, names) for i in inputs) if p))
    if not parts:
        return wanted
    if len(parts) > MAX_NAMED:
        parts = [*parts[:MAX_NAMED], "more"]
    return f"{wanted} from {words.listed(parts)}"


def comment_phrase(comment: str, names: frozenset[str]) -> str:
    """What a comment says is computed, or "" where it says nothing that is true of other
    instances: it has a number or a name in it, or speaks of the program."""
    text = _SPACE.sub(" ", comment.strip().lstrip("#").strip()).rstrip(".:;! ")
    while True:
        shorter = _LEAD_IN.sub("", text, count=1)
        if shorter == text:
            break
        text = shorter
    said = [w.lower() for w in _WORD.findall(text)]
    if not 2 <= len(said) <= 14 or _USELESS.search(text) or "?" in text:
        return ""
    if find_numerals(text) or any(c.isdigit() for c in text) or names.intersection(said):
        return ""
    if re.search(r"[A-Z]", text[1:]) or re.search(r"\b(he|she|they|we|i|is|are|was)\b", text):
        return ""
    text = text[0].lower() + text[1:]
    return re.sub(r"^(?:the|a|an)\s+", "", text)


def docstring_phrase(text: str | None, names: frozenset[str] = frozenset()) -> str:
    """The first sentence of a docstring as what is to be done, or "" if it carries an instance."""
    if not text:
        return ""
    first = _SPACE.sub(" ", text.strip().split("\n\n")[0])
    end = _SENTENCE_END.search(first)
    first = first[: end.start()] if end else first
    said = [w.lower() for w in _WORD.findall(first)]
    if not 3 <= len(said) <= 30 or find_numerals(first) or names.intersection(said):
        return ""
    return task_phrase(first)


def function_phrase(name: str, parameters: Sequence[str], names: frozenset[str]) -> str:
    """A function's name and parameters as words: "count pairs from numbers and target"."""
    return derivation_phrase(name, parameters, names)
