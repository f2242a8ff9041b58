"""Whether a trace goes round in circles: what repeats itself compresses."""

from __future__ import annotations

import zlib

#: Characters that are compressed at a time, and how far the next piece begins after this one. Long
#: enough for a loop's round to come several times, short enough that a loop at the end of a long
#: trace shows.
PIECE_CHARS = 4000
STEP_CHARS = 2000
#: A piece that zlib makes this many times smaller says the same again and again. Prose and
#: calculations come to 2 or 3; a list of cases with other numbers in each, which may well end, to
#: at most 8 (see docs/sources.md). The idea is Whisper's (Radford et al. 2022).
LOOPING = 10.0
#: What never came to an end is a loop from here on: each round has other words or numbers.
CIRCLING = 7.0


def repetition(trace: str) -> float:
    """How many times smaller zlib makes the piece of ``trace`` that repeats itself most. Takes
    about a millisecond for each 25,000 characters."""
    last = max(1, len(trace) - STEP_CHARS)
    pieces = (trace[start : start + PIECE_CHARS] for start in range(0, last, STEP_CHARS))
    return max(_ratio(piece.encode("utf-8", "replace")) for piece in pieces)


def loops(trace: str, *, cut_off: bool) -> bool:
    """Whether ``trace`` repeats itself; what was cut off is suspected sooner."""
    return repetition(trace) >= (CIRCLING if cut_off else LOOPING)


def _ratio(piece: bytes) -> float:
    return len(piece) / len(zlib.compress(piece)) if piece else 1.0
