"""Whether a text shows a test: what the problem or the trace tells is no held-out instance."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

#: Numbers with their sign, and words: marks, quotation and spacing do not matter.
_TOKEN = re.compile(r"(?<!\w)-?\d+(?:\.\d+)?|\w+")

#: A result is told with its arguments if at most this many tokens stand between them: "for 6 it
#: gives 8", ``f(6) == 8``, ``{6: 8}``.
GAP = 4


def tokens_of(text: str) -> list[str]:
    """The numbers and words of a text, in order."""
    return _TOKEN.findall(text)


def is_shown(
    tokens: Sequence[str], name: str, arguments: Iterable[tuple[str, Any]], result: Any
) -> bool:
    """Whether a text, given as its tokens, shows the call of ``name`` with ``arguments`` (names
    and values), or the values of the arguments and soon after them the ``result``."""
    pairs = list(arguments)
    values = [token for _, value in pairs for token in tokens_of(repr(value))]
    named = [token for key, value in pairs for token in (key, *tokens_of(repr(value)))]
    if not values:
        # Nothing but empty values: the call is as good as its name, and nearly every text has it.
        return False
    if _find(tokens, [name, *values]) or _find(tokens, [name, *named]):
        return True
    wanted = tokens_of(repr(result))
    if not wanted:
        return False
    return any(
        tokens[start : start + len(wanted)] == wanted
        for end in _find(tokens, values)
        for start in range(end, end + GAP + 1)
    )


def _find(tokens: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where ``wanted`` ends in ``tokens``, each time."""
    first, length = wanted[0], len(wanted)
    return [
        index + length
        for index, token in enumerate(tokens)
        if token == first and tokens[index : index + length] == wanted
    ]
