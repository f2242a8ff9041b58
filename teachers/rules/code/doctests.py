"""The examples in a docstring as instances: ``>>> double(2)`` and, below it, ``4``, or a line like
``double(2) => 4``."""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tracemine.schemas import NotPlainError, encode
from tracemine.teachers.rules.code.calls import (
    NotACaseError,
    arguments_of,
    parameters_with_defaults,
)
from tracemine.teachers.rules.code.shown import squeezed
from tracemine.teachers.rules.derived.functions import docstring_of

#: Examples of one docstring that are read.
MAX_EXAMPLES = 10
#: Longest line that is read as a call and its result, in characters.
MAX_LINE = 500

#: Between a call and what it gives. A call whose own arguments have such a mark does not parse
#: without its end, and is left out.
_GIVES = re.compile(
    r"(?<=\))\s*(?:[=-]+>|={1,3}|[➞→➡⇒]|#\s*(?:[=-]+>)?"
    r"|(?:(?:should|must|will)\s+)?(?:returns?|gives?|be)\b)\s*"
)


@dataclass(frozen=True, slots=True)
class Example:
    """A call as its docstring writes it, with a plain value for each parameter, and the result."""

    source: str
    bindings: dict[str, Any]
    result: Any

    def is_stated(self, text: str) -> bool:
        """Whether ``text`` has this call, wherever its lines end."""
        return squeezed(self.source) in squeezed(text)


def examples_of(function: ast.FunctionDef) -> list[Example]:
    """The calls of ``function`` that its docstring shows with what they give. What is no call with
    plain values is left out: an example with names from elsewhere, one that shows an error or
    printed text."""
    text = docstring_of(function)
    try:
        names, defaults = parameters_with_defaults(function)
        parsed = doctest.DocTestParser().get_examples(text)
    except (NotACaseError, ValueError):  # prompts that do not line up
        return []
    stated = [(e.source, e.want) for e in parsed if e.exc_msg is None and e.want.strip()]
    stated += _on_one_line(text, function.name)
    found: list[Example] = []
    for source, want in stated[:MAX_EXAMPLES]:
        try:
            call = ast.parse(source.strip(), mode="eval").body
            if not isinstance(call, ast.Call) or ast.unparse(call.func) != function.name:
                continue
            given = {**defaults, **arguments_of(call, names)}
            bindings = {name: ast.literal_eval(given[name]) for name in names}
            result = ast.literal_eval(want.strip())
            encode([bindings, result])
        except (
            NotACaseError, NotPlainError, SyntaxError, ValueError, TypeError, KeyError,
            MemoryError, RecursionError,
        ):  # fmt: skip
            continue
        if all(bindings != known.bindings for known in found):
            found.append(Example(source.strip(), bindings, result))
    return found


def _on_one_line(text: str, name: str) -> Iterator[tuple[str, str]]:
    """The call and the result of each line like ``f(2) => 4``, ``f(2) == 4`` or ``f(2) ➞ 4``."""
    for line in text.splitlines():
        if not line.strip().startswith(f"{name}(") or len(line) > MAX_LINE:
            continue
        call, *rest = _GIVES.split(line.strip(), maxsplit=1)
        if rest:
            yield call, rest[0].partition("#")[0]
