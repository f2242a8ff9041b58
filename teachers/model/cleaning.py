"""Text that a model wrote, made fit to be stored and shown.

What a terminal obeys, what turns the direction of writing, and what is half of a character goes;
what is left is cut to a length that its reader names.
"""

from __future__ import annotations

import re
import unicodedata

#: Escape sequences whole, so that their parameters do not stay as text: CSI, OSC and other strings
#: up to their end (or the end of the line, where they have none), and single ones.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
#: Categories of Unicode that are no text: controls, formats, halves, private ones.
_NO_TEXT = ("Cc", "Cf", "Cs", "Co")
#: ... but for these: line feed, tab, and what joins the letters of some scripts.
_KEPT = "\n\t\u200c\u200d"
_BREAKS = re.compile("\r\n|[\r\x85\u2028\u2029]")
#: What stands where a text was cut.
CUT = " ..."


def clean(text: str, most: int) -> str:
    """``text`` without controls but line feeds and tabs, without spaces at its ends, and no longer
    than ``most`` characters. In time linear in ``4 * most``."""
    text = _ESCAPES.sub("", text[: 4 * most])
    text = _BREAKS.sub("\n", text)
    text = "".join(
        char
        for char in text
        if char in _KEPT or (char.isascii() and char.isprintable()) or _is_text(char)
    ).strip()
    if len(text) <= most:
        return text
    return text[: max(0, most - len(CUT))].rstrip() + CUT


def clean_line(text: str, most: int) -> str:
    """The same on one line, with single spaces."""
    return clean(" ".join(clean(text, 2 * most).split()), most)


def _is_text(char: str) -> bool:
    return unicodedata.category(char) not in _NO_TEXT


__all__ = ["CUT", "clean", "clean_line"]
