"""The written steps of a trace: what each asks, what it states, and which were abandoned.

A step that nothing else reads (no code, no calculation) becomes a span without code: it keeps its
place and its subquestion in the ledger, and cannot be replayed.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tracemine.schemas import Span, Trajectory
from tracemine.schemas.records import Kind
from tracemine.teachers.base import Dropped, Segmentation
from tracemine.teachers.rules.derived.spans import written_span
from tracemine.teachers.rules.language import words
from tracemine.teachers.rules.language.quotes import is_quotable
from tracemine.teachers.rules.written.boundaries import Opening, Piece, find_pieces

#: Written steps of one trajectory that become spans; the rest is one record in the ledger.
MAX_WRITTEN = 40
#: Steps back that a retraction may reach for the beginning of its branch.
BRANCH_REACH = 6
#: Characters before a retraction in which its own step may say what it takes back.
LOOK_BACK = 400
#: Characters before a step that begins with "No" in which a question may state a result.
ASKED_CHARS = 120

ABANDONED = "in a branch that the trace abandons"
WORDLESS = "a written step that no rule replays nor puts in words"
TOO_MANY = "more written steps than a trajectory may give"


@dataclass(frozen=True, slots=True)
class WrittenStep:
    """A step ``trace[start:end]``, whose answer begins at ``body`` (after a subquestion that is
    written out; else ``body`` is ``start``). ``question`` is what it says that it asks or does, as
    written (empty where it does not say), ``result`` the last value that it states, as written.
    ``[start, abandoned_to)`` is the part that the trace takes back; it is empty for most."""

    start: int
    end: int
    body: int
    opening: Opening
    question: str
    result: str
    abandoned_to: int

    @property
    def abandoned(self) -> bool:
        """Whether the trace takes back all of it."""
        return self.abandoned_to >= self.end


def written_steps(trace: str) -> tuple[WrittenStep, ...]:
    """The steps of a trace, in order and without overlap. Time is linear in its length."""
    pieces = find_pieces(trace)
    until = _abandoned(trace, pieces)
    return tuple(
        WrittenStep(
            piece.start,
            piece.end,
            piece.body if piece.opening == "question" else piece.start,
            piece.opening,
            _question(trace, piece),
            _result(trace, piece),
            end,
        )
        for piece, end in zip(pieces, until, strict=True)
    )


class Steps:
    """The written steps of one trace, by place."""

    def __init__(self, trace: str) -> None:
        self.all = written_steps(trace)
        self._starts = [step.start for step in self.all]

    def at(self, place: int) -> int:
        """The index of the step that holds the character ``place``, or of the last before it; -1
        before the first."""
        return bisect_right(self._starts, place) - 1

    def is_abandoned(self, place: int) -> bool:
        """Whether the trace takes back what it says at ``place``."""
        index = self.at(place)
        return index >= 0 and place < self.all[index].abandoned_to

    def within(self, start: int, end: int) -> Sequence[WrittenStep]:
        """The steps that begin in ``[start, end)``."""
        return self.all[bisect_left(self._starts, start) : bisect_left(self._starts, end)]


# --- what a step asks -------------------------------------------------------------------------

_PURPOSE = re.compile(
    r"(?:(?:first|second|third|next|now|then|finally|so|ok(?:ay)?|lastly|therefore|after that)\b"
    r",?\s*){0,4}"
    r"(?:to\s+|(?:let(?:'s|’s| us| me)|(?:we|i|you)(?:'ll| will| can| must| should| could)?"
    r"(?: (?:need|want|have|try) to)?)\s+"
    r"(?:first\s+|now\s+|then\s+|also\s+|try to\s+|start by\s+)?)"
    r"(?P<what>(?:find|finding|calculat(?:e|ing)|comput(?:e|ing)|determin(?:e|ing)|"
    r"figur(?:e|ing) out|work(?:ing)? out|count(?:ing)?|convert(?:ing)?|evaluat(?:e|ing)|"
    r"simplify(?:ing)?|solv(?:e|ing) for|express(?:ing)?)\b[^.:;,?!=\n]{4,120})",
    re.IGNORECASE,
)
#: What may stand before a question's own first word: "In which town", "On average, how much".
_LEAD = (
    r"(?:in|on|at|for|to|from|of|by|with|under|during|about|considering|given|if|typically|usually)"
    r"\b[^?.:;=\n]{0,80}?"
)
#: What may come after a purpose that is told to its end: a mark, or a comma and what is done. Else
#: it is cut in its middle, as before a formula or in a list.
_PURPOSE_END = re.compile(
    r"\s*(?:[?!:;\n]|\.(?!\d)|\Z|,\s+(?:we|you|i|let|just|simply|first|then|next|now|and then|so|"
    r"use|add|subtract|multiply|divide|take|the|which (?:is|will)|by)\b)",
    re.IGNORECASE,
)
_ASKED = re.compile(
    rf"(?:(?:{_LEAD}\s)?(?:how|what|which|who|whom|whose|when|where|why)"
    rf"|(?:{_LEAD},\s)?(?:is|are|was|were|do|does|did|can|could|would|will|has|have))\b"
    r"[^?\n]{3,200}\?",
    re.IGNORECASE,
)
_SYMBOLS = re.compile(r"[\\$=^_{}<>|≈→]|\bf\(|\d\s*[-+*/]\s*\d")
_ANSWERLESS = re.compile(
    r"(?:(?:the\s+)?(?:final\s+)?(?:answer|solution|conclusion|result|verification|verify|check|"
    r"summary|explanation|reasoning|analysis|step|note|thus|therefore|approach|python code|code|"
    r"given|setup|introduction|problem|question|case|part|method|proof|example|simplification)s?"
    r"(?:\s+\w)?)$",
    re.IGNORECASE,
)
#: Words of a title, at least and at most.
_TITLE_WORDS = (2, 24)


def _question(trace: str, piece: Piece) -> str:
    """What a step says that it asks or does: its subquestion, its title, or the purpose that its
    first sentence states."""
    if piece.opening == "question":
        return piece.title
    if piece.title and _tells(piece.title):
        return piece.title
    match = _PURPOSE.match(trace, piece.body, piece.end) or _ASKED.match(
        trace, piece.body, piece.end
    )
    if match is None:
        return ""
    if match.re is _PURPOSE and not _PURPOSE_END.match(trace, match.end()):
        return ""
    found = (match["what"] if match.re is _PURPOSE else match.group()).strip()
    return found if _tells(found) else ""


def _tells(title: str) -> bool:
    count = len(title.split())
    if not _TITLE_WORDS[0] <= count <= _TITLE_WORDS[1]:
        return False
    return not (_SYMBOLS.search(title) or _ANSWERLESS.match(title))


_VALUE = r"[-−]?[$£€]?\d+(?:,\d{3})*(?:\.\d+)?%?(?![\w^\\(])"
_STATED = re.compile(
    rf"\\boxed\{{(?P<boxed>[^{{}}\n]{{1,80}})\}}|[=≈]\s*(?P<equal>{_VALUE})"
    rf"|\b(?:is|are|equals?|gives?|was|were)\s+(?:\w+\s+)?(?P<said>{_VALUE})"
)


def _result(trace: str, piece: Piece) -> str:
    """The last value that a step states, as written; empty where it states none."""
    last = None
    for match in _STATED.finditer(trace, piece.body, piece.end):
        last = match
    if last is None:
        return ""
    return (last["boxed"] or last["equal"] or last["said"]).strip()


# --- abandoned branches -----------------------------------------------------------------------

_FALSE = (
    r"(?:wrong|incorrect|impossible|absurd|mistaken|invalid|nonsense|a contradiction|inconsistent)"
)
_TRUE = r"(?:right|correct|true|possible|valid)"
_QUITE = r"(?:quite\s+|exactly\s+|really\s+|actually\s+|entirely\s+|at all\s+)?"
_THIS = r"(?:that|this|it|those|these)"
_CLAIM = (
    r"(?:result|answer|value|assumption|approach|calculation|solution|step|equation|case|branch|"
    r"reasoning|formula|guess|attempt|interpretation|setup)"
)
_BLUNDER = r"(?:mistake|error)s?"
_OTHERWISE = (
    r"(?:instead|rather|add|subtract|multipl|divid|us(?:e|ing)\b|count|includ|exclud|"
    r"tak(?:e|ing)\b)"
)
_RETRACTION = re.compile(
    rf"\b(?P<own>which|and that|{_THIS}(?:\s+{_CLAIM})?"
    rf"|(?:my|our)\s+(?:\w+\s+)?{_CLAIM})\s*"
    r"(?:(?:(?:'s|’s|\s+is|\s+are|\s+was|\s+seems?|\s+looks?|\s+must be|\s+would be|"
    r"\s+appears?(?: to be)?)"
    rf"\s+(?:clearly\s+|obviously\s+|also\s+|just\s+)?(?:{_FALSE}|"
    rf"not\s+{_QUITE}(?:{_TRUE}|what (?:we|i) (?:want|need)(?:ed)?)))"
    rf"|\s*(?:isn't|isn’t|aren't|wasn't|wasn’t)\s+{_QUITE}{_TRUE}"
    # "It cannot be zero" and "this cannot be simplified" say something about a thing.
    r"|\s+(?:can't|can’t|cannot|can not|couldn't|couldn’t|could not)\s+be"
    rf"(?:\s+(?:{_TRUE}\b|the\s+(?:case|answer|solution|result)\b|it\b|so\b)|(?=\s*(?:[.,;!](?:\s|\Z)|\n|\Z)))"
    r"|\s+(?:doesn't|doesn’t|does not|don't|don’t|do not)\s+(?:seem\s+(?:right|correct|to\s+\w+)|"
    r"make(?:\s+any)?\s+sense|match|work|fit|add up|hold|satisfy|look right)"
    r"|\s+contradicts?\b|\s+leads? to (?:a|an)\s+(?:contradiction|impossib))"
    r"|\bI(?:'ve|’ve| have| must have| might have| may have)?\s+(?:clearly\s+)?"
    rf"(?:made?\s+(?:a|an|some)\s+(?:\w+\s+)?{_BLUNDER}|mis(?:calculated|read|counted|"
    r"understood|took|applied|wrote|interpreted|remembered)|messed up|forgot\b|"
    r"got (?:that|this|it) wrong)"
    r"|\bthere(?:'s|’s| is| was| must be| must have been| seems to be| appears to be)"
    rf"\s+(?:an?|some)\s+(?:\w+\s+)?{_BLUNDER}\s+(?:somewhere|there|here|in\s+(?:the|my|our)\s+(?!problem))"
    r"|\bscratch that\b|\bstrike that\b|\bnever mind\b|\bmy mistake\b"
    r"|\blet me (?:redo|start over)\b"
    r"|(?P<corrects>\b(?:wait|oh|hmm+)[,.!:]?\s+no\b|\boops\b"
    # "Actually, we have to add": the step before did something else.
    r"|\b(?:wait|actually|sorry)[,.!:]?\s+(?:"
    r"(?:it|that|this|there)\s+should(?:n't| not)?\s+(?:have\s+)?be"
    rf"|(?:we|i|you|he|she|they|it)\s+(?:(?:have|has|had|needs?)\s+to|must|should(?:\s+have)?)\s+"
    rf"(?:be\s+)?{_OTHERWISE}))",
    re.IGNORECASE,
)
#: "It is impossible to ..." says something about what follows.
_IT_IS = re.compile(r"it\b.*\b(?:im)?possible$", re.IGNORECASE | re.DOTALL)
_ABOUT = re.compile(r"\s+(?:to|for|that|unless)\b")
_NO = re.compile(
    r"(?:oh\s+|hmm+,?\s+|but\s+)?no[,.!]\s"
    # "No, it is right": what was doubted holds.
    r"(?!\s*(?:it|that|this|everything)(?:'s|’s|\s+is|\s+was)\s+(?:\w+\s+)?(?:right|correct|fine|true|ok)\b)",
    re.IGNORECASE,
)
#: A question that states a result, and is answered with no: "Is it 3 * 4 = 12? No."
_RESULT_ASKED = re.compile(r"=\s*[-$£€]?\s?\d[^?\n]{0,60}\?\s*\Z")
#: What makes a retraction a doubt about something else, or no claim at all.
_HEDGED = re.compile(
    r"\b(?:if|whether|unless|check(?: that)?|sure|ensure|see|in case|so that|suppose|assume|when|"
    r"not|n't|why|how|would|prove|show)\s+(?:\w+\s+){0,2}$",
    re.IGNORECASE,
)
_OPENS_BRANCH = re.compile(
    r"(?:(?:but|so|ok|okay|hmm+|well|and|wait)[,.]?\s+){0,4}"
    r"(?:let me (?:try|assume|suppose|guess|see if)|"
    r"let(?:'s|’s| us) (?:try|assume|suppose|guess|say)|suppose|assum(?:e|ing)|maybe|perhaps|"
    r"what if|alternatively|try(?:ing)?\b|one (?:way|approach|idea))",
    re.IGNORECASE,
)


def _abandoned(trace: str, pieces: Sequence[Piece]) -> list[int]:
    """For each step the end of the part that is taken back (its start where nothing is).

    A retraction takes back what its step says before it. Where it opens its step, it takes back
    the step before; and from there on back to the step that opened the branch ("Let me try ..."),
    if one did and nothing else was decided since. "..., which is impossible" speaks of its own
    sentence alone and takes back that step.
    """
    until = [piece.start for piece in pieces]
    for index, piece in enumerate(pieces):
        for match, sentence_end in _retractions(trace, piece):
            corrects = match.re is _NO or match["corrects"]
            # "Oops, it should be 3 * 4 = 12": what stands behind it is what holds.
            until[index] = max(until[index], match.end() if corrects else sentence_end)
            before = trace[max(piece.body, match.start() - LOOK_BACK) : match.start()]
            says_something = len(words.sentences(before)) > 1 or re.search(r"\d", before)
            if says_something or (match.re is _RETRACTION and match["own"] == "which"):
                first = index
            else:
                first = max(index - 1, 0)
            for back in range(_branch_start(trace, pieces, first), index):
                until[back] = pieces[back].end
    return until


def _retractions(trace: str, piece: Piece) -> Iterable[tuple[re.Match[str], int]]:
    """What takes something back in a step, each with the end of its sentence."""
    denied = _NO.match(trace, piece.body, piece.end)
    # "Could it be more? No, because ..." answers a question, and takes nothing back but a result
    # that the question gives.
    before = trace[max(0, piece.start - ASKED_CHARS) : piece.start].rstrip()
    if denied and (not before.endswith("?") or _RESULT_ASKED.search(before)):
        yield denied, denied.end()
    end, asks = piece.body, False
    for match in _RETRACTION.finditer(trace, piece.body, piece.end):
        if match.end() > end:
            stop = _STOP.search(trace, match.end() - 1, piece.end)
            end, asks = (stop.end(), stop.group() == "?") if stop else (piece.end, False)
        if _HEDGED.search(trace, max(piece.body, match.start() - 40), match.start()):
            continue
        if _IT_IS.match(match.group()) and _ABOUT.match(trace, match.end(), piece.end):
            continue
        # "That's wrong? Let me check." does not say so.
        if not asks:
            yield match, end


_STOP = re.compile(r"[.!?](?=\s|\Z)|\n")


def _branch_start(trace: str, pieces: Sequence[Piece], index: int) -> int:
    """The step that opened the branch which the step ``index`` ends."""
    for back in range(index, max(-1, index - BRANCH_REACH), -1):
        if _OPENS_BRANCH.match(trace, pieces[back].body, pieces[back].end):
            return back
        if pieces[back].opening in ("heading", "item", "question"):
            return index
    return index


# --- spans ------------------------------------------------------------------------------------

_METACOGNITIVE = re.compile(
    r"(?:(?:but|so|ok|okay|hmm+|well|and|now|first)[,.]?\s+){0,4}(?:wait|hmm+|hold on|actually|"
    r"let me (?:think|see|check|verify|re|double|try|start|consider|go|look|recall)|"
    r"i(?:'m| am) (?:not sure|confused|stuck|thinking)|"
    r"i (?:think|need to (?:think|understand|make sure|check)|should (?:check|verify)|wonder|"
    r"remember|recall)|maybe|perhaps|alternatively|this (?:seems|is getting)|is there)\b",
    re.IGNORECASE,
)
#: A step that only repeats the answer.
_ANSWERS = re.compile(
    r"[#*\s]*(?:(?:so|thus|hence|therefore|then)\b,?\s*)?(?:####|A:|(?:the\s+)?(?:final\s+|correct\s+)?"
    # "**Final answer**", and in the next line its box.
    r"(?:answer|solution)(?:\s+is\b|\s*:|[*:]*[ \t]*\n)\s*)[^\n]{0,80}$",
    re.IGNORECASE,
)
_DOES = re.compile(
    r"[=≈≠≤≥⇒→]|\\(?:frac|sqrt|boxed|implies|sum|int|begin)|\d\s*[-+*/×÷]\s*\d|\b(?:calculate|compute|"
    r"subtract|multiply|divide|substitut\w+|simplif\w+|solve|solving|adding|convert|expand\w*|factor\w*|"
    r"differentiat\w+|integrat\w+|plug(?:ging)?)\b",
    re.IGNORECASE,
)


def read_written(
    trajectory: Trajectory, steps: Steps, taken: Sequence[tuple[int, int]]
) -> Segmentation:
    """The steps that no other reader took anything from, as spans without code; ``taken`` are the
    places where one did. Steps that the trace abandons, and those that say nothing in words, are
    dropped; a step that only repeats the answer is none."""
    spans: list[Span] = []
    dropped: list[Dropped] = []
    trace = trajectory.trace
    busy = _merged(taken)
    begins = [start for start, _ in busy]
    extra: list[WrittenStep] = []
    for step in steps.all:
        nearest = bisect_right(begins, step.end - 1) - 1
        if nearest >= 0 and busy[nearest][1] > step.start:
            continue
        if not is_quotable(trace[step.start : step.end]):
            continue
        # Fences are the code reader's.
        if _ANSWERS.match(trace, step.start, step.end) or "```" in trace[step.start : step.end]:
            continue
        asked = "" if step.abandoned else _asked(trajectory, step)
        if step.abandoned:
            dropped.append(Dropped(step.start, step.end, ABANDONED))
        elif not asked:
            dropped.append(Dropped(step.start, step.end, WORDLESS))
        elif len(spans) >= MAX_WRITTEN:
            extra.append(step)
        else:
            spans.append(
                written_span(
                    trajectory,
                    start=step.start,
                    end=step.end,
                    subquestion=asked,
                    result=step.result,
                    kind=_kind(trajectory, step),
                )
            )
    if extra:
        detail = f"{len(extra)} steps"
        dropped.append(Dropped(extra[0].start, extra[-1].end, TOO_MANY, detail))
    return Segmentation(tuple(spans), tuple(dropped))


def _merged(places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _kind(trajectory: Trajectory, step: WrittenStep) -> Kind:
    """What a step without code is: talk about the thinking, something done, or a statement."""
    text = trajectory.trace[step.start : step.end]
    if _METACOGNITIVE.match(text) and not _DOES.search(text):
        return "metacognitive"
    return "procedural" if step.question or _DOES.search(text) else "declarative"


#: Words of a statement that stands for a subquestion, at least and at most.
_STATEMENT_WORDS = (3, 30)


def _asked(trajectory: Trajectory, step: WrittenStep) -> str:
    """The subquestion of a step: what it asks or does, else the statement that answers it, without
    numbers and names of the instance. Empty where formulas leave no sentence to say."""
    if step.question:
        title = in_sentence_case(step.question, trajectory.problem, trajectory.trace)
        return words.mask(title, trajectory.problem, trajectory.trace)
    text = trajectory.trace[step.start : step.end]
    first = words.sentences(text)
    statement = text[: first[0][1]].rstrip(" .:") if first else ""
    count = len(words.WORD.findall(statement))
    if _SYMBOLS.search(statement) or not _STATEMENT_WORDS[0] <= count <= _STATEMENT_WORDS[1]:
        return ""
    return words.mask(statement, trajectory.problem, trajectory.trace)


_CAPITALISED = re.compile(r"\b[A-Z][a-z]+\b")


def in_sentence_case(title: str, problem: str, trace: str = "") -> str:
    """A title "In Which Words Are Capitalised" as a sentence would write it, so that its words are
    not taken for names; words that ``problem`` only ever writes with a capital stay, and the names
    of ``trace``."""
    if not words.is_title_case(title):
        return title
    common = set(re.findall(r"\b[a-z]+\b", problem))
    names = set(_CAPITALISED.findall(problem)) - {word.capitalize() for word in common}
    names |= words.story_names(problem, trace)
    return _CAPITALISED.sub(
        lambda match: match.group() if match.group() in names else match.group().lower(), title
    )
