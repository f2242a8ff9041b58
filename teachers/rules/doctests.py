"""The examples in a docstring (``>>> double(2)`` and, below it, ``4``) as instances."""

from __future__ import annotations

import ast
import doctest
from dataclasses import dataclass
from typing import Any

from tracemine.schemas import NotPlainError, encode
from tracemine.teachers.rules.calls import NotACaseError, arguments_of, parameters_with_defaults

#: Examples of one docstring that are read.
MAX_EXAMPLES = 10


@dataclass(frozen=True, slots=True)
class Example:
    """A call as its docstring writes it, with a plain value for each parameter, and the result."""

    source: str
    bindings: dict[str, Any]
    result: Any

    def is_stated(self, text: str) -> bool:
        """Whether ``text`` has this call, wherever its lines end."""
        return " ".join(self.source.split()) in " ".join(text.split())


def examples_of(function: ast.FunctionDef) -> list[Example]:
    """The calls of ``function`` that its docstring shows with what they give. What is no call with
    plain values is left out: an example with names from elsewhere, one that shows an error or
    printed text."""
    text = ast.get_docstring(function) or ""
    try:
        names, defaults = parameters_with_defaults(function)
        parsed = doctest.DocTestParser().get_examples(text)
    except (NotACaseError, ValueError):  # prompts that do not line up
        return []
    found: list[Example] = []
    for example in parsed[:MAX_EXAMPLES]:
        if example.exc_msg is not None or not example.want.strip():
            continue
        try:
            call = ast.parse(example.source.strip(), mode="eval").body
            if not isinstance(call, ast.Call) or ast.unparse(call.func) != function.name:
                continue
            given = {**defaults, **arguments_of(call, names)}
            bindings = {name: ast.literal_eval(given[name]) for name in names}
            result = ast.literal_eval(example.want.strip())
            encode([bindings, result])
        except (
            NotACaseError, NotPlainError, SyntaxError, ValueError, TypeError, KeyError,
            MemoryError, RecursionError,
        ):  # fmt: skip
            continue
        if all(bindings != known.bindings for known in found):
            found.append(Example(example.source.strip(), bindings, result))
    return found
