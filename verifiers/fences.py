"""Programs in traces: what stands in code fences."""

from __future__ import annotations

import ast
import re

from tracemine.verifiers.sandbox import MAX_SOURCE_CHARS

#: The inside of a code fence that says its code is Python.
FENCE = re.compile(
    r"^[ \t]*```[ \t]*(?:python|py|python3)[ \t]*(?:\r\n|\r|\n)(.*?)^[ \t]*```",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)


def fenced_blocks(trace: str) -> list[tuple[int, int]]:
    """Where the insides of Python code fences stand."""
    return [match.span(1) for match in FENCE.finditer(trace)]


def find_program(trace: str) -> tuple[int, int] | None:
    """Where the program stands that a trace ends with: the last Python fence that defines
    something (what follows it may only show how to call it), else the last that parses; without
    any fence the whole trace. None where nothing of that parses."""
    parsed = []
    for start, end in fenced_blocks(trace) or [(0, len(trace))]:
        if end - start > MAX_SOURCE_CHARS:
            continue
        try:
            tree = ast.parse(trace[start:end])
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        defines = any(isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in tree.body)
        parsed.append((defines, start, end))
    if not parsed:
        return None
    _, start, end = max(parsed)
    return start, end
