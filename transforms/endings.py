"""Whether a trace goes round in circles: what repeats itself compresses, or stood there before."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from hashlib import blake2b

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

#: Characters at the end of a trace in which longer rounds are looked for, and of a shingle there:
#: as many as two sentences rarely share by chance.
TAIL_CHARS = 20_000
SHINGLE_CHARS = 50
#: A tail of which so much has been said before is a loop: three rounds make 0.67, and a solution
#: that is given twice, word by word, makes no more than 0.5.
RETOLD = 0.55
#: The same where the trace was cut off.
RETOLD_CUT_OFF = 0.4
#: In a shorter text three like sentences are a list.
MIN_RETOLD_CHARS = 2000

#: Lines of a block that stood in it before, from which it is read as text. The most in SkyThought's
#: traces is 9; a board of zeros may have as many as it has rows.
MAX_EQUAL_LINES = 100
#: Characters of a line that is one of many cases: in a longer one, other numbers make no other
#: case.
MAX_CASE_CHARS = 200

_NUMBERS = re.compile(r"(\d+)")
_ARRAY = re.compile(r"\\(?P<mark>begin|end)\s*\{(?:array|[a-zA-Z]*matrix|tabular)\*?\}")


def repetition(trace: str) -> float:
    """How many times smaller zlib makes the piece of ``trace`` that repeats itself most. Takes
    about a millisecond for each 25,000 characters."""
    last = max(1, len(trace) - STEP_CHARS)
    pieces = (trace[start : start + PIECE_CHARS] for start in range(0, last, STEP_CHARS))
    return max(_ratio(piece.encode("utf-8", "replace")) for piece in pieces)


def retold(trace: str) -> float:
    """The share, in [0, 1), of the shingles at the end of ``trace`` that stood there before; 0 for
    a short text."""
    tail = trace[-TAIL_CHARS:]
    count = len(tail) - SHINGLE_CHARS + 1
    if len(tail) < MIN_RETOLD_CHARS:
        return 0.0
    return 1.0 - len({tail[at : at + SHINGLE_CHARS] for at in range(count)}) / count


def loops(trace: str, *, cut_off: bool) -> bool:
    """Whether ``trace`` repeats itself; what was cut off is suspected sooner. Code in fences,
    tables and matrices may be regular: only saying them again, or more than `MAX_EQUAL_LINES` of
    their lines, is a repetition. In what came to its end, so may be cases, line by line, that
    differ in their numbers and not in a counter alone."""
    told = _without_blocks(trace)
    if cut_off:
        return repetition(told) >= CIRCLING or retold(told) >= RETOLD_CUT_OFF
    if repetition(told) < LOOPING and retold(told) < RETOLD:
        return False
    told = _without_cases(told)
    return repetition(told) >= LOOPING or retold(told) >= RETOLD


def _ratio(piece: bytes) -> float:
    return len(piece) / len(zlib.compress(piece)) if piece else 1.0


def _without_blocks(trace: str) -> str:
    """``trace`` with each block that has an end (code between fences, the rows of a table, a
    matrix) as a line that only the same block has, unless it repeats its own lines."""
    told: list[str] = []
    block: list[str] = []
    inside = ""
    for line in trace.splitlines(keepends=True):
        bare = line.strip()
        array = _ARRAY.search(bare)
        if inside == "table" and not bare.startswith("|"):
            told.extend(_as_told(block))
            block, inside = [], ""
        if not inside:
            if bare.startswith("```"):
                inside = "fence"
            elif bare.startswith("|"):
                inside = "table"
            elif array and array["mark"] == "begin":
                # One that ends in its own line is a block, too.
                ends = any(m["mark"] == "end" for m in _ARRAY.finditer(bare, array.end()))
                inside = "" if ends else "array"
                if ends:
                    told.append(_digest([line]))
                    continue
            if not inside:
                told.append(line)
                continue
            block = [line]
            continue
        block.append(line)
        if (inside == "fence" and bare.startswith("```")) or (
            inside == "array" and array and array["mark"] == "end"
        ):
            told.extend(_as_told(block))
            block, inside = [], ""
    # What was never ended is text.
    told.extend(block)
    return "".join(told)


def _without_cases(told: str) -> str:
    """``told`` with each case, a short line that is as another but for two numbers or more, as a
    line of its own. One number may be a counter, with which loops go on as well."""
    lines = told.splitlines(keepends=True)
    bare = Counter(line.strip() for line in lines if len(line) <= MAX_CASE_CHARS)
    forms = Counter(_NUMBERS.sub("0", line) for line in bare)
    nearly = Counter(near for line in bare for near in _without_one_number(line))
    return "".join(
        _digest([line])
        if bare[line.strip()] == 1
        and forms[_NUMBERS.sub("0", line.strip())] > 1
        and all(nearly[near] == 1 for near in _without_one_number(line.strip()))
        else line
        for line in lines
    )


def _without_one_number(line: str) -> list[str]:
    """``line`` without each of its numbers in turn, wherever that stands in it."""
    parts = _NUMBERS.split(line)
    return [
        "".join("n" if part == number else part for part in parts)
        for number in dict.fromkeys(parts[1::2])
    ]


def _as_told(block: list[str]) -> list[str]:
    distinct = {line.strip() for line in block}
    return block if len(block) - len(distinct) > MAX_EQUAL_LINES else [_digest(block)]


def _digest(block: list[str]) -> str:
    return blake2b("".join(block).encode("utf-8", "replace"), digest_size=32).hexdigest() + "\n"
