"""Tests that say ``assert f(...) == literal`` on one plain line, read without a syntax tree, which
takes a tenth of the time. `conditions.calls_of` reads all others, and says what a test is."""

from __future__ import annotations

import ast
import json
import keyword
import re
from collections.abc import Sequence
from typing import Any, NoReturn

#: Brackets of a call within one another, at most.
_DEPTH = 8

#: With one of these a text may be read otherwise than it looks: what is not printed, a backslash, a
#: comment, a text in three quotes.
_NOT_PLAIN = re.compile(r"""[^ !"$-\[\]-~]""")

_CONSTANTS = {"True": True, "False": False, "None": None}


def _balanced(depth: int) -> str:
    """The pattern of what may stand in brackets, in plain text. It never tries anything twice."""
    within = r"""[^'"()\[\]{}]++|'[^']*+'|"[^"]*+\""""
    if depth:
        # Which of them closes which is for who runs it.
        within += rf"|[(\[{{]{_balanced(depth - 1)}[)\]}}]"
    return f"(?:{within})*+"


#: What may be a literal; the rest is none, or is followed by something.
_VALUE = r"""\[.*\]|\(.*\)|\{.*\}|'[^']*'|"[^"]*"|-?[0-9.][-+.\w]*|True|False|None"""

_TEST = re.compile(rf"assert +(([A-Za-z_][A-Za-z0-9_]*) *\({_balanced(_DEPTH)}\)) *== *({_VALUE})")


def plain_calls(tests: Sequence[str], builtin: frozenset[str]) -> list[tuple[str, str]] | None:
    """The call of each test as it is written, and the text of what it should give, which may still
    be more than a literal (`literal` says so); None where a test is not as plain as that, or calls
    a name of ``builtin``."""
    found = []
    for test in map(str.strip, tests):
        if _NOT_PLAIN.search(test) or "'''" in test or '"""' in test:
            return None
        read = _TEST.fullmatch(test)
        if read is None or read[2] in builtin or keyword.iskeyword(read[2]):
            return None
        found.append((read[1], read[3]))
    return found


#: What a plain value is written with that is no part of a literal: a name, which a program may have
#: given another meaning, or that is equal to nothing.
_NAMES = ("nan", "inf", "set", "Fraction")


def writes(text: str, value: Any) -> bool:
    """Whether ``text``, of `plain_calls`, is a literal of the plain ``value``, as far as can be
    seen without reading it: where it is written as Python writes it, but for its quotes, or the
    spaces after its commas."""
    written = repr(value)
    if written != text:
        if "'" in text:
            return False
        if '"' in text:
            text = text.replace('"', "'")
        else:
            written, text = written.replace(", ", ","), text.replace(", ", ",")
    if written != text:
        return False
    for name in _NAMES:  # noqa: SIM110 - a generator takes longer to make
        if name in text:
            return False
    return True


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"a name: {name}")


_JSON = json.JSONDecoder(parse_constant=_no_constant)


def literal(text: str) -> list[Any] | None:
    """A list of the one value that ``text`` writes, if it is a literal."""
    if text in _CONSTANTS:
        return [_CONSTANTS[text]]
    # Most are JSON but for their quotes, which is read five times as fast, and means the same where
    # none of the words of JSON is in it.
    if "(" not in text and "true" not in text and "false" not in text and "null" not in text:
        try:
            return [_JSON.decode(text if '"' in text else text.replace("'", '"'))]
        except (ValueError, RecursionError):
            pass
    if text.endswith(","):
        return None
    try:
        # In brackets, so that a comma, as before a message, shows.
        values = ast.literal_eval(f"[{text}]")
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None
    return values if type(values) is list and len(values) == 1 else None
