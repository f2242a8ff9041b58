"""A long trace in pieces that overlap.

A window ends where a paragraph does, else with a line, a sentence or a word, else where it is
full. The next begins so early that what is no longer than the overlap lies whole in one of the two,
again at the best place there is.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from tracemine.teachers.model.settings import Settings

#: Where a piece may begin, best first: after an empty line, a line, a sentence, a word.
_BREAKS = (
    re.compile(r"\n[^\S\n]*\n\s*"),
    re.compile(r"\n"),
    re.compile(r"[.!?。！？][\"')\]]*\s+|[。！？]"),
    re.compile(r"\s+"),
)


@dataclass(frozen=True, slots=True)
class Window:
    """``trace[start:end]``."""

    start: int
    end: int


def windows(trace: str, settings: Settings) -> list[Window]:
    """Windows over ``trace``, in order. Each has at most ``settings.window_chars`` characters, all
    together cover the trace, and every piece of at most ``settings.overlap_chars`` characters is
    whole in one of them. None for a trace that is nothing but space. Takes time linear in the
    length of the trace."""
    if not trace.strip():
        return []
    size, overlap = settings.window_chars, settings.overlap_chars
    if len(trace) <= size:
        return [Window(0, len(trace))]
    places = [[match.end() for match in found.finditer(trace)] for found in _BREAKS]
    made: list[Window] = []
    start = 0
    while len(trace) - start > size:
        # Half full at least, and so full that the next one begins behind this one's start.
        least = start + max(size // 2, overlap + 1)
        end = _last(places, least, start + size) or start + size
        made.append(Window(start, end))
        back = end - overlap
        # An overlap may be up to twice as long for the sake of a good place.
        start = _last(places, max(start + 1, back - overlap), back) or back
    made.append(Window(start, len(trace)))
    return made


def _last(places: list[list[int]], low: int, high: int) -> int | None:
    """The last of the best places from ``low`` to ``high``, both included."""
    for level in places:
        at = bisect_right(level, high)
        if at > bisect_left(level, low):
            return level[at - 1]
    return None


__all__ = ["Window", "windows"]
