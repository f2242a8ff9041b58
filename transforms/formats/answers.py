"""The final answer that a trace states, read from the ways in which traces state one."""

from __future__ import annotations

import re

_BOX = re.compile(r"\\f?boxed\s*\{|\\fbox\s*\{|\\boxed\s+([^\s{}$\\.,;]+)")
_BRACE_OR_ESCAPE = re.compile(r"\\.|[{}]", re.DOTALL)
_HASHES = re.compile(r"^####[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_A_LINE = re.compile(r"^A:[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_IN_WORDS = re.compile(r"\banswer\s*(?:is|:|=)\s*(?:\\?\()?(.+)$", re.IGNORECASE)
_OUTPUT = re.compile(r"^```output[ \t]*\n(.*?)(?:^```[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)


def final_answer(trace: str) -> str | None:
    r"""What ``trace`` ends with: its last ``\boxed{}``, else its last ``#### N`` line, else its
    last ``A: N`` line, else "the answer is N" in its last line; None if it comes to none."""
    for find in (boxed, hashes, a_line, _in_last_line):
        found = find(trace)
        if found:
            return found
    return None


def boxed(text: str) -> str | None:
    r"""The content of the last complete ``\boxed{...}`` or ``\fbox{...}``, braces balanced, or of
    ``\boxed N``; None if there is none. Of nested boxes it is the innermost that counts."""
    found, position = None, 0
    while match := _BOX.search(text, position):
        if match[1] is not None:
            found, position = match[1], match.end()
            continue
        end = _closing_brace(text, match.end())
        if end is None:
            # Cut off in this box; one inside it may still be whole.
            position = match.end()
            continue
        found, position = text[match.end() : end].strip(), end
    if found and _BOX.search(found):
        return boxed(found) or found
    return found or None


def _closing_brace(text: str, start: int) -> int | None:
    r"""Where the brace that was opened before ``start`` closes. ``\{`` and ``\}`` are characters of
    the answer; skipping every escape also tells ``\\}`` from ``\}``."""
    depth = 1
    for match in _BRACE_OR_ESCAPE.finditer(text, start):
        if match[0] == "{":
            depth += 1
        elif match[0] == "}":
            depth -= 1
            if depth == 0:
                return match.start()
    return None


def hashes(text: str) -> str | None:
    """The last ``#### N`` line, as GSM8K closes an answer."""
    return _last(_HASHES, text)


def a_line(text: str) -> str | None:
    """The last ``A: N`` line, as GSM8K's model solutions close."""
    return _last(_A_LINE, text)


def last_output(text: str) -> tuple[str | None, str]:
    """The last line of the last block of output (between ````` ```output ````` and its fence), and
    the text after that block; ``(None, text)`` without one."""
    block = None
    for match in _OUTPUT.finditer(text):
        block = match
    if block is None:
        return None, text
    lines = block[1].split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), None), text[
        block.end() :
    ]


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    found = None
    for match in pattern.finditer(text):
        found = match[1]
    return found or None


def _in_last_line(text: str) -> str | None:
    match = _IN_WORDS.search(text.rstrip().rpartition("\n")[2])
    return match[1].strip().rstrip(".").strip("*$() ") or None if match else None
