"""The final answer that a trace states, read from the ways in which traces state one."""

from __future__ import annotations

import re

#: A box that opens, a box around one word, an escaped character, a brace. Skipping every escape
#: tells ``\\}``, a line break that ends a box, from ``\}``, a brace within it.
_BOX_OR_BRACE = re.compile(
    r"(?P<box>\\f?boxed\s*\{|\\fbox\s*\{)|\\boxed\s+(?P<word>[^\s{}$\\.,;]+)|\\.|[{}]", re.DOTALL
)
_HASHES = re.compile(r"^####(.*)$", re.MULTILINE)
_A_LINE = re.compile(r"^A:(.*)$", re.MULTILINE)
_IN_WORDS = re.compile(r"\banswer(?:\s+is\s*:?|\s*[:=])(.+)$", re.IGNORECASE)
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
    found: str | None = None
    found_at = -1
    # Where each open brace's content begins, and whether it is that of a box.
    opened: list[tuple[int, bool]] = []
    for match in _BOX_OR_BRACE.finditer(text):
        if match["word"]:
            found, found_at = match["word"], match.start()
        elif match["box"] or match[0] == "{":
            opened.append((match.end(), bool(match["box"])))
        elif match[0] == "}" and opened:
            start, is_box = opened.pop()
            if is_box and start > found_at:
                found, found_at = text[start : match.start()].strip(), start
    return found or None


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
        found = match[1].strip()
    return found or None


def _in_last_line(text: str) -> str | None:
    match = _IN_WORDS.search(text.rstrip().rpartition("\n")[2])
    return match[1].strip().rstrip(".").strip("*$() ") or None if match else None
