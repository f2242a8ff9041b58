"""Where the steps of a written trace begin.

The coarsest structure that a writer chose is taken: subquestions written out (``question **``
before a step), headings and "Step 3:", numbered items, paragraphs, lines. A paragraph that holds
several results, or nothing but prose, is cut further at its sentences, also where a full stop was
left out ("... = 48 years The average ..."). A turn ("Wait, ...", "Alternatively, ...") always
begins a step.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from tracemine.teachers.rules.language.numerals import word_set
from tracemine.teachers.rules.language.words import sentences

#: A step longer than this, in characters, is cut at its paragraphs: a quote is to be read.
MAX_STEP_CHARS = 1_500
#: Longest title of a step, in characters; a longer line is text.
MAX_TITLE = 160
#: Headings or items that make a structure; a single one is decoration.
MIN_MARKS = 2
#: A text whose lines average more sentences than this is prose: its lines are cut further.
MAX_SENTENCES_PER_LINE = 1.5

Opening = Literal["start", "heading", "item", "question", "paragraph", "line", "sentence", "turn"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A step ``text[start:end]``; ``body`` is where its own text begins, after a marker or title.
    ``title`` is what it says that it does or asks, as written; empty where it does not."""

    start: int
    end: int
    opening: Opening
    body: int
    title: str = ""


# --- lines ------------------------------------------------------------------------------------

_WHOLE = re.compile(
    r"```.*?(?:```|\Z)|\\\[.*?(?:\\\]|\Z)|\$\$.*?(?:\$\$|\Z)|\\begin\{(\w+\*?)\}.*?(?:\\end\{\1\}|\Z)",
    re.DOTALL,
)
_TAG = re.compile(r"\s*(?:<\|[a-z_]{2,40}\|>|</?(?:think|thought|answer|solution)>)\s*$")
_RULE = re.compile(r"\s*(?:[-*_=]{3,}|#{2,6})\s*$")
_NUMBER = r"(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten)"
_STEP = re.compile(
    rf"\s{{0,3}}(?:#{{1,6}}\s*)?(?:\*\*|__)?\s*Step\s+{_NUMBER}\b\s*(?P<mark>[.:)–-]|\*\*|$)?"
    r"[ \t]*(?P<title>[^\n]*)",
    re.IGNORECASE,
)
_HEADING = re.compile(r"\s{0,3}#{1,6}\s+(?P<title>\S[^\n]*)")
_BOLD = re.compile(r"\s{0,3}(?:\*\*|__)(?P<title>[^*_\n]{3,160})(?:\*\*|__)\s*:?\s*$")
_ITEM = re.compile(r"\s{0,3}(?:\*\*)?\(?(?P<number>\d{1,2})[.)]\s+(?P<title>\S[^\n]*)")
_QUESTION = re.compile(r"\s*(?P<title>[^\n?]{3,300}\?)\s*\*\*\s+(?=\S)")
_ITEM_TITLE = re.compile(r"(?:\*\*|__)(?P<title>[^*_\n]{3,160})(?:\*\*|__)")
#: Words that a step opens with when its writer turns back or aside.
_TURN = re.compile(
    r"(?:(?:but|oh|hmm+|ah|no|so|and)[,.!]?\s+){0,4}(?:wait|hold on|hmm+|alternatively|actually|"
    r"let me (?:try|re|double|check|verify|start|redo|think|see|go)|scratch that)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    opening: Opening | None
    body: int
    title: str = ""
    after_blank: bool = False
    number: int = 0


def _lines(text: str) -> list[_Line]:
    """The lines that hold text, a displayed formula or a fence as one with the line it begins in;
    rules and tags of thought are no text."""
    whole = [match.span() for match in _WHOLE.finditer(text)]
    starts = [start for start, _ in whole]
    found: list[_Line] = []
    at, blank = 0, True
    while at < len(text):
        stop = text.find("\n", at)
        stop = len(text) if stop < 0 else stop
        while True:
            inside = bisect_right(starts, max(at, stop - 1)) - 1
            if inside < 0 or whole[inside][1] <= stop:
                break
            stop = text.find("\n", whole[inside][1])
            stop = len(text) if stop < 0 else stop
        line = text[at:stop]
        if not line.strip() or _TAG.match(line) or _RULE.match(line):
            blank = True
        else:
            found.append(_line(text, at, at + len(line.rstrip()), blank))
            blank = False
        at = stop + 1
    return found


def _line(text: str, at: int, end: int, blank: bool) -> _Line:
    start = at + len(text[at:end]) - len(text[at:end].lstrip())
    question = _QUESTION.match(text, at, end)
    if question:
        return _Line(start, end, "question", question.end(), question["title"].strip(), blank)
    step = _STEP.match(text, at, end)
    if step and (step["mark"] or step.end() - at < MAX_TITLE):
        title = _clean(step["title"])
        body = end if len(title) <= MAX_TITLE else step.start("title")
        return _Line(start, end, "heading", body, title if body == end else "", blank)
    heading = _HEADING.match(text, at, end) or _BOLD.match(text, at, end)
    if heading and len(heading["title"]) <= MAX_TITLE:
        return _Line(start, end, "heading", end, _clean(heading["title"]), blank)
    item = _ITEM.match(text, at, end)
    if item:
        bold = _ITEM_TITLE.search(text, at, min(end, item.start("title") + MAX_TITLE))
        titled = bold is not None and bold.start() <= item.start("title")
        title = _clean(bold["title"]) if bold and titled else ""
        body = bold.end() if bold and titled else item.start("title")
        number = int(item["number"])
        return _Line(start, end, "item", body, title, blank, number)
    return _Line(start, end, None, start, "", blank)


_COUNTED = re.compile(r"(?:\(?\d{1,2}[.):]|[IVX]{1,4}\.|\(?[a-z]\))\s+")


def _clean(title: str) -> str:
    return _COUNTED.sub("", title.strip(" *_#\t–-")).strip(" :.*_")


def _joins(text: str, before: _Line, line: _Line) -> bool:
    """Whether a line goes on with what the line before it says."""
    if _TURN.match(text, line.start, line.end):
        return False
    previous = text[before.start : before.end]
    if previous.endswith((":", ",", "\\\\", "=", "+", " and", " or", "; and", ";")):
        return True
    first = text[line.start : line.start + 2]
    if first[:1].islower() and (line.after_blank or not _TERMINAL.search(previous)):
        return not re.match(r"[a-z]\s*[=(_^]", text[line.start : line.start + 6])
    return first in ("\\[", "$$", "\\b") or first[:1] in "=+≈⇒→&|"


_TERMINAL = re.compile(r"[.!?:)\]\d][\"'”’*)$\\]*$")


# --- structure --------------------------------------------------------------------------------


def find_pieces(text: str) -> list[Piece]:
    """The steps of ``text``, in order, without overlap; together they hold all of its lines that
    say something. Time is linear in the length of ``text``."""
    lines = _lines(text)
    if not lines:
        return []
    begins = _structure(text, lines)
    groups = [lines[a:b] for a, b in zip(begins, [*begins[1:], len(lines)], strict=True)]
    prose = _is_prose(text, lines)
    found: list[Piece] = []
    for group in groups:
        for part in _shortened(text, group):
            found.extend(_pieces_of(text, part, cut=prose))
    return found


def _structure(text: str, lines: Sequence[_Line]) -> list[int]:
    """The indices of the lines that begin a step."""
    kinds = [line.opening for line in lines]
    if "question" in kinds:
        return _marked(lines, {"question"}, tail=True)
    if kinds.count("heading") >= MIN_MARKS:
        return _marked(lines, {"heading"})
    if len(_numbered(lines)) >= MIN_MARKS:
        return _items(text, lines)
    paragraphs = [
        index
        for index, line in enumerate(lines)
        if index == 0 or (line.after_blank and not _joins(text, lines[index - 1], line))
    ]
    if len(paragraphs) > 1:
        return _with_turns(text, lines, paragraphs)
    return [
        index
        for index, line in enumerate(lines)
        if index == 0 or not _joins(text, lines[index - 1], line)
    ]


def _marked(lines: Sequence[_Line], kinds: set[str], *, tail: bool = False) -> list[int]:
    """Lines of the given kinds, and the first; with ``tail`` also what follows the line of the
    last mark (the answer that stands alone)."""
    begins = [i for i, line in enumerate(lines) if line.opening in kinds]
    if tail and begins and begins[-1] + 1 < len(lines):
        begins.append(begins[-1] + 1)
    return begins if begins[0] == 0 else [0, *begins]


def _numbered(lines: Sequence[_Line]) -> list[int]:
    """The items of the outer list: each number is one more than the item before it."""
    found: list[int] = []
    last = 0
    for index, line in enumerate(lines):
        if line.opening == "item" and (line.number == last + 1 or (line.number == 1 and not found)):
            found.append(index)
            last = line.number
    return found


def _items(text: str, lines: Sequence[_Line]) -> list[int]:
    items = _numbered(lines)
    begins = set(items) | {0}
    # Paragraphs before the list and, once it has ended (a line at the margin), after it.
    for index in range(1, items[0]):
        if lines[index].after_blank and not _joins(text, lines[index - 1], lines[index]):
            begins.add(index)
    for index in range(items[-1] + 1, len(lines)):
        line = lines[index]
        margin = line.start == 0 or text[line.start - 1] == "\n"
        if line.after_blank and margin and not _joins(text, lines[index - 1], line):
            begins.add(index)
    return sorted(begins)


def _with_turns(text: str, lines: Sequence[_Line], begins: Sequence[int]) -> list[int]:
    turns = (i for i, line in enumerate(lines) if _TURN.match(text, line.start, line.end))
    return sorted({*begins, *turns})


def _shortened(text: str, group: Sequence[_Line]) -> Iterator[Sequence[_Line]]:
    """A group of lines, in parts where it is too long; a part begins at a paragraph."""
    if group[-1].end - group[0].start <= MAX_STEP_CHARS:
        yield group
        return
    paragraphs = [
        index
        for index in range(1, len(group))
        if group[index].after_blank and not _joins(text, group[index - 1], group[index])
    ]
    begin = 0
    for index, following in itertools.pairwise([*paragraphs, len(group)]):
        if group[following - 1].end - group[begin].start > MAX_STEP_CHARS:
            yield group[begin:index]
            begin = index
    yield group[begin:]


def _is_prose(text: str, lines: Sequence[_Line]) -> bool:
    """Whether lines are paragraphs of several sentences, so that structure lies within them."""
    plain = [line for line in lines if line.opening != "question"]
    if not plain:
        return False
    count = sum(len(_sentence_ends(text, line.body, line.end)) + 1 for line in plain)
    return count > MAX_SENTENCES_PER_LINE * len(plain)


def _pieces_of(text: str, group: Sequence[_Line], *, cut: bool) -> Iterator[Piece]:
    """The steps of a group of lines: one, or more where a plain paragraph is cut at sentences."""
    first, end = group[0], group[-1].end
    opening: Opening = first.opening or ("paragraph" if first.after_blank else "line")
    if first.start == 0 and first.opening is None:
        opening = "start"
    if _TURN.match(text, first.start, end):
        opening = "turn"
    begin, body, title = first.start, first.body, first.title
    titled = bool(title) and first.opening != "item"
    for at, is_turn in _cuts(text, group, cut=cut and not titled):
        yield Piece(begin, _stripped(text, begin, at), opening, min(body, at), title)
        begin, body, title = at, at, ""
        opening = "turn" if is_turn else "sentence"
    yield Piece(begin, end, opening, body, title)


def _stripped(text: str, start: int, end: int) -> int:
    return start + len(text[start:end].rstrip())


# --- sentences --------------------------------------------------------------------------------

#: Words that open a sentence and, capitalised, hardly stand inside one.
_OPENERS = (
    "The|This|That|These|Those|There|So|Then|Thus|Therefore|Hence|He|She|They|It|We|If|In|On|At|"
    "After|Before|Since|Because|As|And|But|Each|Every|Now|Next|Finally|First|Second|Third|Last|"
    "His|Her|Their|Its|For|With|When|While|To|From|By|Altogether|Together|Half|One|Two|Three|All|"
    "Of|Per|You|Your|Let|Subtract|Add|Adding|Multiply|Divide|Dividing|Combining|Subtracting|Both|An|"
    "A|Initially|However|Also|Given|Thereafter|Afterwards|Later|During|Only|Similarly|Since|Twice"
)
#: A new sentence without a full stop before it: an opener after a word in lower case or a number.
_UNSTOPPED = re.compile(rf"(?<=[a-z0-9%)'’])\s+(?=(?:{_OPENERS})(?:['’]\w+)?,?\s)")
#: A result with its unit, and then a capital or another calculation.
_AFTER_RESULT = re.compile(
    r"=\s*[-−]?[$£€]?\s?-?\d[\d,]*(?:\.\d+)?(?:\s?/\s?\d+)?%?"
    r"(?P<unit>(?:/?[a-z][\w/'’-]*)?(?:[ \t]+[a-z][\w/'’-]*){0,12})"
    r"[ \t]+(?!\d/\d+\s[a-z])"
    r"(?=[A-Z][a-z’']|[A-Z]\s|[A-Z]\d*\s?=|[-(]?[$£]?\d[\d,.]*[%]?\s?(?:[-+*/x×÷=(]|[a-z]+\s?[-+*/×÷=])"
    r"|[\d.]*[a-z](?:\s?[-+*/]\s?[\d.]*[a-z\d])*\s?=)"
)
#: Words after which a capital is the name of somebody in the same clause.
_BOUND = word_set(
    "a an the of to and or with than as for from by on in at per his her their its my our your "
    "that which who is are was were has have had if when because each more less so between times"
    " does did do can will would x plus minus"
)
#: A sentence that only makes sense with the one before it.
_LEANING = re.compile(
    r"(?:(?:this|that|which|these|those)\s+(?:means?|is|are|gives?|implies|shows?|leaves?|equals?|"
    r"makes?|was|were|because)|which|because|i\.e|e\.g|namely|it means|in other words)\b",
    re.IGNORECASE,
)
#: A sentence that says what comes next and does nothing itself.
_ANNOUNCES = re.compile(
    r"(?:(?:first|second|third|next|now|then|finally|lastly)\b,?\s*){0,3}"
    r"(?:let(?:'s|’s| us| me)|(?:we|i|you)(?:'ll| will| can| must| should)?(?: first)?"
    r"(?: need| want| have)? to|to)\s+(?:first\s+|now\s+)?(?:find|calculat|comput|determin|figure|"
    r"work|count|convert|evaluat|see|look|know)",
    re.IGNORECASE,
)
_RESULT = re.compile(r"[=≈]\s*\S|\\boxed|\bequals\b|\bis\s+[-$]?\d")


def _sentence_ends(text: str, start: int, end: int) -> list[int]:
    """Where sentences of ``text[start:end]`` begin, the first left out."""
    piece = text[start:end]
    begins = {left for left, _ in sentences(piece) if left}
    begins |= {match.end() for match in _UNSTOPPED.finditer(piece)}
    for match in _AFTER_RESULT.finditer(piece):
        unit = match["unit"].split()
        if not (unit and unit[-1] in _BOUND):
            begins.add(match.end())
    whole = [match.span() for match in _WHOLE.finditer(piece)]
    lefts = [left for left, _ in whole]
    found = []
    for at in sorted(begins):
        index = bisect_left(lefts, at) - 1
        if index < 0 or whole[index][1] <= at:
            found.append(start + at)
    return found


def _cuts(text: str, group: Sequence[_Line], *, cut: bool) -> Iterator[tuple[int, bool]]:
    """Where a group of lines is cut within, each with whether a turn begins there."""
    start, end = group[0].body, group[-1].end
    inner = _sentence_ends(text, start, end)
    if not cut:
        for at in inner:
            if _TURN.match(text, at, end):
                yield at, True
        return
    for at, stop in itertools.pairwise([*inner, end]):
        if _TURN.match(text, at, end):
            yield at, True
        elif not _leans(text, start, at, stop):
            yield at, False
            start = at


def _leans(text: str, start: int, at: int, stop: int) -> bool:
    """Whether the sentence ``text[at:stop]`` belongs to the step before it, ``text[start:at]``:
    it says no more than what the step's result means, or that step only asks or announces."""
    stated = _RESULT.search(text, start, at) is not None
    if not stated and (_ANNOUNCES.match(text, start, at) or text[start:at].rstrip().endswith("?")):
        return True
    if not _LEANING.match(text, at, stop):
        return False
    return not (stated and _RESULT.search(text, at, stop))
