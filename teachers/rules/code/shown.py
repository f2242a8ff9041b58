"""Whether a text shows a test: what the problem or the trace tells is no held-out instance."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

#: Numbers with their sign, and words: marks, quotation and spacing do not matter.
_TOKEN = re.compile(r"(?<!\w)-?\d+(?:\.\d+)?|\w+")

#: A result is told with its arguments if at most this many tokens stand between them: "for 6 it
#: gives 8", ``f(6) == 8``, ``{6: 8}``.
GAP = 4
#: The same in characters without white space, for arguments that consist of marks alone:
#: ``"(())" gives True``.
GAP_CHARACTERS = 20

_SPACE = re.compile(r"\s+")
_SPACE_BESIDE_MARK = re.compile(r" (?!\w)|(?<!\w) ")
_QUOTES = str.maketrans({'"': "'", "`": "'", "\\": None, **dict.fromkeys("‘’“”", "'")})


@dataclass(frozen=True, slots=True)
class Told:
    """What a text tells: its numbers and words in order, each between spaces, and all of it as
    `squeezed`."""

    tokens: str
    text: str

    @classmethod
    def by(cls, text: str) -> Told:
        return cls(_spaced(text), squeezed(text))


def squeezed(text: str) -> str:
    """``text`` with one style of quotes, and white space only between two words."""
    return _SPACE_BESIDE_MARK.sub("", _SPACE.sub(" ", text)).translate(_QUOTES)


def is_shown(
    told: Told,
    name: str,
    arguments: Iterable[tuple[str, Any]],
    result: Any,
    *,
    written: str = "",
) -> bool:
    """Whether a text shows the call of ``name`` with ``arguments`` (names and values), or the
    values of the arguments and soon after them the ``result``. ``written`` is the call as the
    test itself writes it."""
    pairs = list(arguments)
    values = ", ".join(repr(value) for _, value in pairs)
    named = ", ".join(f"{key}={value!r}" for key, value in pairs)
    calls = (f"{name}({values})", f"{name}({named})", written)
    if any(_calls(told.text, squeezed(call)) for call in calls if call):
        return True
    tokens, wanted = _spaced(values), _spaced(repr(result))
    if not tokens.strip():
        return _is_told_in_marks(told.text, pairs, result)
    # The spaces at the ends of two such texts become one between them.
    if any(f" {name}{given}" in told.tokens for given in (tokens, _spaced(named))):
        return True
    if not wanted.strip():
        return False
    between = rf"(?:\S+ ){{0,{GAP}}}"
    pattern = f"{re.escape(tokens)}{between}{re.escape(wanted[1:])}"
    return re.search(pattern, told.tokens) is not None


def _spaced(text: str) -> str:
    return f" {' '.join(_TOKEN.findall(text))} "


def _calls(text: str, call: str) -> bool:
    """Whether ``call`` stands in ``text``, and not as the end of a longer name."""
    return re.search(rf"(?<!\w){re.escape(call)}", text) is not None


def _is_told_in_marks(text: str, pairs: Sequence[tuple[str, Any]], result: Any) -> bool:
    """Whether arguments without a word or a number (brackets, dashes) stand in ``text`` with the
    result soon after them. Nothing but empty values stands in nearly every text."""
    if not any(isinstance(value, str) and value.strip() for _, value in pairs):
        return False
    values = squeezed(", ".join(repr(value) for _, value in pairs))
    wanted = squeezed(repr(result))
    found = re.finditer(re.escape(values), text)
    return any(wanted in text[m.end() : m.end() + GAP_CHARACTERS + len(wanted)] for m in found)
