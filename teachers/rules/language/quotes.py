"""The sentences of a trace, to quote what a routine is taken from."""

from __future__ import annotations

from bisect import bisect_right

from tracemine.teachers.base import MIN_QUOTE
from tracemine.teachers.rules.language.words import sentences


def is_quotable(text: str) -> bool:
    """Whether ``text`` has the characters that a quote needs, space left out."""
    return len("".join(text.split())) >= MIN_QUOTE


class Quotes:
    """The sentences of one trace."""

    def __init__(self, trace: str) -> None:
        self._trace = trace
        self._sentences = sentences(trace)
        self._starts = [start for start, _ in self._sentences]

    def around(self, start: int, end: int) -> tuple[int, int]:
        """The sentences that hold ``[start, end)``, more of them while they are too short to
        quote; less than `MIN_QUOTE` only where the whole trace is."""
        if not self._sentences:
            return 0, len(self._trace)
        first = max(0, bisect_right(self._starts, start) - 1)
        last = max(first, bisect_right(self._starts, end - 1) - 1)
        while True:
            left, right = self._sentences[first][0], max(end, self._sentences[last][1])
            while left < start and self._trace[left] in "*#->• \t":
                left += 1
            if is_quotable(self._trace[left:right]):
                return left, right
            if first > 0:
                first -= 1
            elif last + 1 < len(self._sentences):
                last += 1
            else:
                return self._sentences[0][0], right
